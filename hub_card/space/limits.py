# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What the page takes at most, so that one visitor cannot stop it for the others. The same holds for its API."""

from pathlib import Path

from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.timelines.timeline_files import clock
from modeling_amuse.processing.transcripts import READERS as TRANSCRIPT_READERS
from modeling_amuse.processing.transcripts import read_transcript

MOST_TRANSCRIBED = 500
"""Utterances of a transcript."""
MOST_SECONDS = 20 * 60
MOST_BYTES = 200 * 2**20
MOST_TRANSCRIPT_BYTES = 2 * 2**20
MOST_EXPLAINED = 60
"""Utterances of a conversation whose emotions are explained: it takes longer than recognizing them."""

SHORT_UTTERANCES, SHORT_SECONDS = 30, 60
"""A request that is not larger does not wait for longer ones."""


def check_recording_file(path: str) -> float:
    """
    Check an uploaded recording.

    Returns:
        Its duration in seconds.

    Raises:
        ValueError: when it is none, or too large or too long.
    """
    _check_file(path, RECORDING_SUFFIXES, "recording", MOST_BYTES)
    seconds = probe_media(path).duration
    if seconds > MOST_SECONDS:
        raise ValueError(
            f"{Path(path).name} lasts {clock(seconds)}; this page takes up to {clock(MOST_SECONDS)}. Cut it, or run "
            "`amuse recognize` on a machine of your own."
        )
    return seconds


def check_transcript_file(path: str):
    """
    Check an uploaded transcript.

    Raises:
        ValueError: when it is none, is too long, or names files of this machine.
    """
    _check_file(path, tuple(TRANSCRIPT_READERS), "transcript", MOST_TRANSCRIPT_BYTES)
    utterances = read_transcript(path)["utterances"]
    if any({"audio", "video"} & set(utterance) for utterance in utterances):
        raise ValueError("The transcript names recordings itself: take audio and video out, the uploaded one is read.")
    check_count(len(utterances), MOST_TRANSCRIBED)


def check_count(number: int, most: int):
    """Raise a ValueError for more utterances than the page takes."""
    if number > most:
        raise ValueError(f"These are {number} utterances; this page takes up to {most} at a time.")


def _check_file(path: str, suffixes: tuple[str, ...], what: str, most: int):
    name = Path(path).name
    if Path(path).suffix.lower() not in suffixes:
        raise ValueError(f"{name} is no {what} that this page reads: {', '.join(suffixes)}.")
    size = Path(path).stat().st_size
    if size > most:
        raise ValueError(f"{name} has {size / 2**20:.0f} MB; this page takes up to {most / 2**20:.0f} MB.")
