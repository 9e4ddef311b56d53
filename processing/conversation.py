# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What a conversation is, and the check of what a user gives as one."""

from collections.abc import Sequence
from numbers import Real
from os import PathLike

STREAMS = ("text", "audio", "vision", "background")
"""The feature streams of an utterance: one for each modality, and the second one of vision."""

MODALITY_OF = {stream: "vision" if stream == "background" else stream for stream in STREAMS}


UTTERANCE_KEYS = (
    *("id", "speaker", "text", "start", "end", "audio", "audio_start", "video", "video_start", "video_side"),
    *(f"{stream}_features" for stream in STREAMS),
    "emotion",
)
"""
What an utterance may hold. `start` and `end` are seconds on the conversation's clock; `audio` and `video` are paths of
files, and `audio_start` and `video_start` the seconds on that clock at which these files begin: None is 0, and a clip of
the utterance alone begins at `start`. `video_side`, one of [`VIDEO_SIDES`], is the half of the picture in which the
speaker is, None the whole of it.
"""

VIDEO_SIDES = ("left", "right")
LONGEST_SECONDS = 1000 * 3600  # no conversation lasts so long: a larger number is no time in seconds


def media_span(utterance: dict, medium: str) -> tuple[float, float] | tuple[None, None]:
    """
    From when to when the utterance lasts in its file, in seconds of the file's own time; `(None, None)`: the whole file.

    Args:
        utterance: an utterance, which need not have such a file.
        medium: `"audio"` or `"video"`.

    Raises:
        ValueError: for times that are none, and for one without the other.
    """
    check_times(utterance)
    start, end = utterance.get("start"), utterance.get("end")
    if (start is None) != (end is None) and utterance.get(f"{medium}_start") is None:
        given, lacking = ("start", "end") if end is None else ("end", "start")
        raise ValueError(
            f"Utterance {utterance.get('id', '')} has a {given} and no {lacking}, so where it is in its {medium} file is "
            "unknown: give both, or neither for the whole file."
        )
    if start is None or end is None:
        return None, None
    file_start = utterance.get(f"{medium}_start") or 0.0
    return start - file_start, end - file_start


def check_times(utterance: dict):
    """
    Raises:
        ValueError: when a time of the utterance is no number of seconds.
    """
    for name in ("start", "end", "audio_start", "video_start"):
        value = utterance.get(name)
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if value is not None and not (is_number and abs(value) <= LONGEST_SECONDS):
            raise ValueError(f"Utterance {utterance.get('id', '')}: its {name} is {value!r}: give seconds, a number.")


def is_list_of_conversations(given) -> bool:
    """Whether `given` is several conversations, not one: a list of dicts with `utterances`, or of lists of utterances."""
    if not isinstance(given, (list, tuple)) or not given:
        return False
    return all(isinstance(item, (list, tuple)) or (isinstance(item, dict) and "utterances" in item) for item in given)


def check_conversations(given, with_times: bool = True) -> list[dict]:
    """
    Conversations in one form: a list of `{"id": str, "utterances": [dict, ...]}`.

    Args:
        given: a conversation or a list of them. A conversation is a dict with `"utterances"` or a list of utterances;
            an utterance is a dict with `"speaker"`, and `"text"` or `"*_features"` or both.
        with_times: False leaves times alone, which a file may hold in other ways than as seconds.

    Raises:
        ValueError: what is wrong, in which conversation and utterance, and what to do.
    """
    conversations = list(given) if is_list_of_conversations(given) else [given]
    return [_check_conversation(conversation, number, with_times) for number, conversation in enumerate(conversations)]


def _check_conversation(conversation, number: int, with_times: bool) -> dict:
    if isinstance(conversation, (list, tuple)):
        conversation = {"utterances": list(conversation)}
    if not isinstance(conversation, dict) or "utterances" not in conversation:
        raise ValueError(
            f"Conversation {number} is a {type(conversation).__name__}: give a dict with 'utterances', or a list of "
            'utterances such as {"speaker": "Ada", "text": "Hello."}.'
        )
    identifier = conversation.get("id")
    name = str(number if identifier is None else identifier)
    utterances = conversation["utterances"]
    if isinstance(utterances, str) or not isinstance(utterances, Sequence):
        raise ValueError(f"The utterances of conversation {name} are a {type(utterances).__name__}: give a list.")
    if not utterances:
        raise ValueError(f"Conversation {name} is empty: give at least one utterance, or leave the conversation out.")
    for position, utterance in enumerate(utterances):
        if not isinstance(utterance, dict):
            raise ValueError(
                f"Utterance {position} of conversation {name} is a {type(utterance).__name__}: give a dict such as "
                '{"speaker": "Ada", "text": "Hello."}.'
            )
        speaker = utterance.get("speaker")
        if speaker is None or not str(speaker).strip():
            raise ValueError(
                f"Utterance {position} of conversation {name} has no 'speaker': name its speaker, by any name that tells "
                "the speakers of the conversation apart."
            )
        if not isinstance(speaker, (str, int)):
            raise ValueError(
                f"The speaker of utterance {position} of conversation {name} is a {type(speaker).__name__}: "
                "give a string."
            )
        if not isinstance(utterance.get("text") or "", str):
            raise ValueError(
                f"The text of utterance {position} of conversation {name} is a {type(utterance['text']).__name__}: give "
                "a string."
            )
        for medium in ("audio", "video"):
            if not isinstance(utterance.get(medium) or "", (str, PathLike)):
                raise ValueError(
                    f"The {medium} of utterance {position} of conversation {name} is a "
                    f"{type(utterance[medium]).__name__}: give the path of a file."
                )
        if with_times:
            check_times({"id": f"{position} of conversation {name}", **utterance})
    return {**conversation, "id": name, "utterances": list(utterances)}
