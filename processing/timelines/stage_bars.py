# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Bars in the terminal for the stages of a recognition."""

from tqdm.auto import tqdm

UNITS = {
    "speech": "s",
    "speakers": "window",
    "words": "turn",
    "voice": "utterance",
    "faces": "utterance",
    "emotions": "conversation",
}


class StageBars:
    """
    Draws a bar for each stage that the pipeline reports. A bar appears when its stage begins and is removed when the stage
    ends. Nothing is drawn where the output is no terminal.

    Example:

    ```python
    with StageBars() as bars:
        recognizer("talk.mp4", transcript="talk.srt", progress=bars)
    ```

    Args:
        file: where the bars are drawn; None is stderr.
        disable: True draws nothing, False draws to files, too; None draws to terminals alone.
    """

    def __init__(self, file=None, disable: bool | None = None):
        self.file, self.disable = file, disable
        self.bars: dict[str, tqdm] = {}

    def __call__(self, stage: str, completed: float, total: float):
        """Take a report of the pipeline: so much of a stage is completed."""
        bar = self.bars.get(stage)
        if bar is None:
            bar = self.bars[stage] = tqdm(
                total=round(total),
                desc=stage.capitalize(),
                unit=UNITS.get(stage, ""),
                leave=False,
                file=self.file,
                disable=self.disable,
            )
        bar.update(round(completed) - bar.n)
        if completed >= total:
            self.bars.pop(stage).close()

    def close(self):
        """Remove the bars of stages that were not finished."""
        for bar in self.bars.values():
            bar.close()
        self.bars.clear()

    def __enter__(self) -> "StageBars":
        return self

    def __exit__(self, *error):
        self.close()
