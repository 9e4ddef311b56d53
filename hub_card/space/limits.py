# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Limits on the input, so that one visitor cannot block the page for others. They also hold for the API."""

from pathlib import Path

from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.timelines.timeline_files import clock
from modeling_amuse.processing.transcripts import READERS as TRANSCRIPT_READERS
from modeling_amuse.processing.transcripts import read_transcript

MOST_TRANSCRIBED = 500
"""The most utterances of a transcript."""
MOST_SECONDS = 20 * 60
MOST_BYTES = 200 * 2**20
MOST_TRANSCRIPT_BYTES = 2 * 2**20
MOST_EXPLAINED = 60
"""Conversations with more utterances are recognized but not explained, as explanations take much longer."""

SHORT_UTTERANCES, SHORT_SECONDS = 30, 60
"""A request of at most so many utterances, or seconds of recording, is short: it does not wait for long ones."""


def check_recording_file(path: str) -> float:
    """
    Check an uploaded recording.

    Returns:
        Its duration in seconds.

    Raises:
        ValueError: if it is not a recording, or is too large or too long.
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
        ValueError: if it is not a transcript, is too long, or names recordings, which would be files of the server.
    """
    _check_file(path, tuple(TRANSCRIPT_READERS), "transcript", MOST_TRANSCRIPT_BYTES)
    utterances = read_transcript(path)["utterances"]
    if any({"audio", "video"} & set(utterance) for utterance in utterances):
        raise ValueError(
            "The transcript names recordings itself: remove `audio` and `video` from it. The uploaded recording is used."
        )
    check_count(len(utterances), MOST_TRANSCRIBED)


def check_count(number: int, most: int):
    """Raise a ValueError if there are more than `most` utterances."""
    if number > most:
        raise ValueError(f"These are {number} utterances; this page takes up to {most} at a time.")


def _check_file(path: str, suffixes: tuple[str, ...], what: str, most: int):
    name = Path(path).name
    if Path(path).suffix.lower() not in suffixes:
        raise ValueError(f"{name} is no {what} that this page reads: {', '.join(suffixes)}.")
    size = Path(path).stat().st_size
    if size > most:
        raise ValueError(f"{name} has {size / 2**20:.0f} MB; this page takes up to {most / 2**20:.0f} MB.")
