# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Progress bars in the terminal for the stages of the pipeline."""

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
    Draws a progress bar for each stage that the pipeline reports. A bar appears when its stage begins and is removed when
    the stage ends. By default, nothing is drawn if the output is not a terminal.

    Example:

    ```python
    with StageBars() as bars:
        recognizer("talk.mp4", transcript="talk.srt", progress=bars)
    ```

    Args:
        file: the stream that the bars are drawn to. None: stderr.
        disable: True draws nothing, False also draws to files, None draws only to terminals.
    """

    def __init__(self, file=None, disable: bool | None = None):
        self.file, self.disable = file, disable
        self.bars: dict[str, tqdm] = {}

    def __call__(self, stage: str, completed: float, total: float):
        """Update the bar of a stage; `completed` and `total` are in the stage's unit."""
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
        """Remove the bars of unfinished stages."""
        for bar in self.bars.values():
            bar.close()
        self.bars.clear()

    def __enter__(self) -> "StageBars":
        return self

    def __exit__(self, *error):
        self.close()
