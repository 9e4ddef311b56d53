# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""One utterance of a transcript, checked and brought into the form of `UTTERANCE_KEYS`."""

from dataclasses import dataclass
from pathlib import Path

from .conversation import UTTERANCE_KEYS, VIDEO_SIDES
from .plain_values import LONGEST_SECONDS, check_order, clean_text, count_of_value, name_of_value, shown, text_of_value
from .transcript_times import seconds

UNKNOWN_SPEAKER = "speaker"
"""The speaker of utterances without a name."""


@dataclass(frozen=True)
class Source:
    """A file that is read: its path, and its text, which is empty for binary files."""

    path: Path
    text: str = ""

    def line(self, number: int) -> str:
        """How messages name a line, counted from 1."""
        return f"{self.path}, line {number}"


@dataclass(frozen=True)
class Cue:
    """
    A stretch of time with the lines that are on display in it.

    Args:
        place: where it stands in the file, for messages.
        start, end: seconds.
        lines: its lines, without tags and entities.
        voice: who speaks, where the format has a field for it; "" where it has and names nobody.
        identifier: what the cue is called in the file.
    """

    place: str
    start: float
    end: float
    lines: tuple[str, ...]
    voice: str | None = None
    identifier: str | None = None


Found = list[tuple[str | None, list[dict]]]
"""What a reader gives: for each conversation its id, if the file has one, and its utterances."""


def lines_of(text: str) -> list[str]:
    """
    The lines of a text. Not `splitlines()`: U+2028 and the like stand within a line. CR CR LF, what Windows makes of CR LF in
    text that it converts again, ends one line.
    """
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def checked_utterance(given: dict, place: str, folder: Path) -> dict:
    """
    The known keys of an utterance: strings stripped, times in seconds, paths relative to `folder`.

    Args:
        given: what the file has. Without a speaker it is refused.
        place: where it stands, for messages.
        folder: the transcript's folder.

    Raises:
        ValueError: what is wrong with it, with its place and what to do.
    """
    kept = {key: given[key] for key in UTTERANCE_KEYS if given.get(key) is not None and given[key] != ""}
    for key in ("id", "speaker", "text", "emotion", "audio", "video"):
        value = kept.pop(key, "")
        read = name_of_value if key in ("id", "speaker") else text_of_value
        if value := read(value, key, place).strip():
            kept[key] = value
    if "speaker" not in kept:
        raise ValueError(f"{place} has no speaker: name one, by any name that distinguishes the speakers.")
    for key in ("start", "end", "audio_start", "video_start"):
        if key in kept:
            # a file may begin before the conversation's clock
            kept[key] = seconds(kept[key], key, place, least=-LONGEST_SECONDS if key.endswith("_start") else 0)
    side = kept.get("video_side")
    if side is not None and (not isinstance(side, str) or side not in VIDEO_SIDES):
        raise ValueError(f"{place}: its video_side is {shown(side)}: give {' or '.join(VIDEO_SIDES)}.")
    check_order(kept.get("start"), kept.get("end"), place)
    for medium in ("audio", "video"):
        if medium in kept:
            kept[medium] = str(folder / kept[medium])
    kept = {key: kept[key] for key in UTTERANCE_KEYS if key in kept}
    for key, least in (("audio_track", 1), ("audio_channel", 0)):
        number = count_of_value(given.get(key), key, place, least=least)
        if number is not None:
            kept[key] = number
    return kept


__all__ = ["UNKNOWN_SPEAKER", "Cue", "Found", "Source", "checked_utterance", "clean_text", "lines_of"]
