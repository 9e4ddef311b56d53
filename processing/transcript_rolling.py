# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Rolling captions, which show each spoken line several times, such as the automatic ones of YouTube."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from .transcript_utterances import Cue

_TOUCHING = 0.1  # seconds between cues that are one display going on
_FLASH = 0.05  # seconds that a cue between two others lasts at most


def spoken_once(cues: Sequence[Cue]) -> list[Cue]:
    """
    The cues without what was already on display in the cue before, if the file's captions roll; else the cues as they are.

    Captions roll when at least half of the cues that follow without a pause begin with the last lines of the cue before, and
    several of them go on with more words, or one does and cues of a few milliseconds stand between, as YouTube writes them.
    What two people say in the same words is therefore kept.
    """
    repeated = [_repeated_words(before, cue) for before, cue in pairwise(cues)]
    following = sum(_touch(before, cue) for before, cue in pairwise(cues))
    again = sum(count > 0 for count in repeated)
    growing = sum(0 < count < len(_words(cue.lines)) for count, cue in zip(repeated, cues[1:], strict=True))
    flashes = any(cue.end - cue.start <= _FLASH for cue in cues)
    if again < 2 or 2 * again < following or growing < (1 if flashes else 2):
        return list(cues)
    rolled = list(cues[:1])
    for cue, count in zip(cues[1:], repeated, strict=True):
        lines = _without_words(cue.lines, count)
        if any(line.strip() for line in lines):
            rolled.append(replace(cue, lines=tuple(lines)))
    return rolled


def _touch(before: Cue, cue: Cue) -> bool:
    return before.voice == cue.voice and cue.start - before.end <= _TOUCHING


def _words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in line.split()]


def _repeated_words(before: Cue, cue: Cue) -> int:
    """How many of the cue's first words are the last whole lines of the cue before."""
    if not _touch(before, cue):
        return 0
    words, shown = _words(cue.lines), [line for line in before.lines if line.strip()]
    for first in range(len(shown)):
        tail = _words(shown[first:])
        if words[: len(tail)] == tail:
            return len(tail)
    return 0


def _without_words(lines: Sequence[str], count: int) -> list[str]:
    left = []
    for line in lines:
        words = line.split()
        left.append(" ".join(words[count:]))
        count = max(0, count - len(words))
    return left
