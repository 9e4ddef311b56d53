# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A transcript's times against the recording that it belongs to."""

from .warning_messages import warn

TOLERANCE = 0.5
"""Seconds by which a transcript may run over the end of its recording without a word."""
_DAY = 24 * 3600  # seconds


def fit_to_recording(utterances: list[dict], duration: float, recording: str) -> list[dict]:
    """
    The utterances with an end for each: where the transcript has none, the start of the next utterance that begins later, or
    the recording's end. A warning reports times beyond the recording's end.

    Args:
        utterances: with starts, in the order of their starts.
        duration: seconds that the recording lasts.
        recording: its name, for messages.

    Raises:
        ValueError: when every utterance begins after the recording's end.
    """
    beyond = [u for u in utterances if u["start"] > duration + TOLERANCE]
    if beyond and len(beyond) == len(utterances):
        span = utterances[-1]["start"] - utterances[0]["start"]
        are_of_day = span <= duration and utterances[-1]["start"] < _DAY
        raise ValueError(
            f"{recording} lasts {duration:g} s, but all {len(utterances)} utterances of its transcript begin later, the first "
            f"at {beyond[0]['start']:g} s: give the transcript of this recording, with times from its beginning."
            + (" Subtract the time at which the recording began if they are times of day, as Zoom's." * are_of_day)
        )
    over = [u for u in utterances if u["start"] > duration + TOLERANCE or (u.get("end") or 0) > duration + TOLERANCE]
    if over:
        warn(
            f"{recording} lasts {duration:g} s, but {len(over)} of {len(utterances)} utterances end later, the first at "
            f"{over[0].get('end') or over[0]['start']:g} s: the rest is missing. Check that the transcript belongs to this recording."
        )
    number = sum(u.get("end") is None for u in utterances)
    if not number:
        return utterances
    lacking, each = (
        ("its transcript gives no ends", "each utterance")
        if number == len(utterances)
        else (f"its transcript gives no end for {number} of {len(utterances)} utterances", "each of these")
    )
    warn(f"{recording}: {lacking}; {each} was taken to last until the next one begins.")
    fitted, following, later = [], duration, duration
    for utterance in reversed(utterances):
        if fitted and utterance["start"] < fitted[-1]["start"]:
            later = fitted[-1]["start"]
        following = max(later, utterance["start"])
        fitted.append(utterance if utterance.get("end") is not None else {**utterance, "end": following})
    return fitted[::-1]
