# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The progress of a recognition, stage by stage, as it is reported to a function that the user gives."""

from collections.abc import Callable, Iterable, Iterator

STAGES = ("speech", "speakers", "words", "voice", "faces", "emotions")
"""
The stages in the order in which they begin; of a recording with a transcript the first three are left out.

- `speech`: where somebody speaks, in seconds of the recording.
- `speakers`: whose voice it is, in windows of speech.
- `words`: what is said, in turns.
- `voice` and `faces`: features of the sound and of the video, in utterances. They may run at the same time.
- `emotions`: the model, in conversations.
"""

Progress = Callable[[str, float, float], None]
"""Called as `progress(stage, completed, total)`: first with 0 of `total`, at the end of the stage with `total` of `total`."""


def report(progress: Progress | None, stage: str, completed: float, total: float):
    """Call `progress`, if there is one. What is completed is never said to be more than the total."""
    if progress is not None:
        progress(stage, min(completed, total), total)


def counted(items: Iterable, progress: Progress | None, stage: str, total: int) -> Iterator:
    """The items, each reported when the next one is asked for; at the end, all of `total`."""
    report(progress, stage, 0, total)
    completed = 0
    for item in items:
        yield item
        completed += 1
        report(progress, stage, completed, total)
    if completed < total:  # some were left out
        report(progress, stage, total, total)


__all__ = ["STAGES", "Progress", "counted", "report"]
