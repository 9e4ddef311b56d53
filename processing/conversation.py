# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What a conversation and its utterances are, and the check of what a user gives as a conversation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Required, TypedDict

from .input_boundary import boundary
from .media_warnings import collect, with_warnings
from .plain_values import (
    LONGEST_SECONDS,
    check_order,
    count_of_value,
    index_of_value,
    name_of_value,
    shown,
    text_of_value,
    time_of_value,
)
from .recorded_sound import Recording, check_recording, is_waveform
from .warning_messages import collected_warnings

STREAMS = ("text", "audio", "vision", "background")
"""The feature streams of an utterance: one for each modality, and the second one of vision."""

MODALITY_OF = {stream: "vision" if stream == "background" else stream for stream in STREAMS}

VIDEO_SIDES = ("left", "right")
"""The values of an utterance's `video_side`."""


class Word(TypedDict):
    """A word of an utterance."""

    text: str
    """The word, with the punctuation after it."""
    start: float
    """Seconds on the conversation's clock at which it begins."""
    end: float
    """Seconds on the conversation's clock at which it ends."""


class Utterance(TypedDict, total=False):
    """
    What one person says before another person speaks. Everything but the speaker is optional: a modality for which an
    utterance has no values is missing.
    """

    id: str
    """The utterance's name, which joins it to tables of features."""
    speaker: Required[str | int]
    """Any name that distinguishes the speakers of the conversation."""
    text: str
    """What is said."""
    start: float
    """Seconds on the conversation's clock at which the utterance begins."""
    end: float
    """Seconds on the conversation's clock at which the utterance ends."""
    audio: Recording
    """A sound or video file, or a waveform with its sampling rate, that holds the utterance from `start` to `end`."""
    audio_start: float | None
    """
    Seconds on the conversation's clock at which `audio` begins; None is 0. A clip of the utterance alone begins at `start`.
    """
    audio_track: int | None
    """The number of the audio track of `audio`, from 1; None is the loudest."""
    audio_channel: int | None
    """The number of the channel of `audio` on which the speaker is heard, from 0; None is the mix of all."""
    words: list[Word]
    """The words of `text`, where their times are known."""
    video: str | PathLike
    """A video file that holds the utterance from `start` to `end`."""
    video_start: float | None
    """Seconds on the conversation's clock at which `video` begins; None is 0."""
    face_certainty: float
    """
    From 0 to 1: how certain it is that the face whose features are taken is the speaker's; given where several faces are in
    view.
    """
    video_side: Literal["left", "right"] | None
    """The half of the picture in which the speaker is; None is the whole picture."""
    text_features: Any
    """`(tokens, size)` or `(size,)` numbers, which replace the text encoder's states."""
    audio_features: Any
    """`(frames, size)` or `(size,)` numbers; with them `audio` is not read."""
    vision_features: Any
    """`(frames, size)` or `(size,)` numbers; with them the faces of `video` are not searched."""
    background_features: Any
    """`(frames, size)` or `(size,)` numbers: what is seen apart from faces."""
    emotion: str | None
    """The label; None where it is unknown."""
    waveform: Any
    """`(samples,)` at the sampling rate of the processor's feature extractor, for the model's own audio encoder."""
    face_images: list
    """Pictures of the speaker's face, `(height, width, 3)` uint8 RGB or PIL's, for the model's own image encoder."""
    background_images: list
    """Pictures without faces, likewise."""
    index: int
    """The utterance's number in the training split."""


class Conversation(TypedDict, total=False):
    """A conversation in the form that [`check_conversations`] returns."""

    id: Required[str]
    """The conversation's name."""
    utterances: Required[list[Utterance]]
    """The utterances in the order in which they are said."""
    warnings: list[str]
    """A sentence for each thing that was lost or is uncertain in the conversation's recording or transcript."""


UTTERANCE_KEYS = (
    *("id", "speaker", "text", "start", "end", "audio", "audio_start", "video", "video_start", "video_side"),
    *(f"{stream}_features" for stream in STREAMS),
    "emotion",
)
"""The keys of an [`Utterance`] that files and data sets may hold."""

RECORDING_KEYS = ("audio_track", "audio_channel", "words", "face_certainty")
"""Further keys of an [`Utterance`], of recordings in which speech was recognized."""


def media_span(utterance: Utterance, medium: str) -> tuple[float, float] | tuple[None, None]:
    """
    From when to when the utterance lasts in its file, in seconds of the file's own time; `(None, None)`: the whole file.

    Args:
        utterance: an utterance, which need not have such a file.
        medium: `"audio"` or `"video"`.

    Raises:
        ValueError: for values that are not times, and for a start without an end or the reverse.
    """
    check_times(utterance)
    start, end = utterance.get("start"), utterance.get("end")
    if (start is None) != (end is None) and utterance.get(f"{medium}_start") is None:
        given, lacking = ("start", "end") if end is None else ("end", "start")
        raise ValueError(
            f"Utterance {utterance.get('id', '')} has a {given} and no {lacking}, so its place in its {medium} file is "
            "unknown: give both, or neither for the whole file."
        )
    if start is None or end is None:
        return None, None
    file_start = utterance.get(f"{medium}_start") or 0.0
    return start - file_start, end - file_start


def check_times(utterance: Utterance, place: str | None = None) -> dict[str, float | None]:
    """
    Args:
        place: the name of the utterance in the message. Default: its id.

    Returns:
        The times that the utterance has, as numbers of Python.

    Raises:
        ValueError: when a time of the utterance is not a number of seconds. A file may begin before the conversation's clock.
    """
    place = place or f"Utterance {utterance.get('id', '')}"
    least = {"start": 0.0, "end": 0.0, "audio_start": -LONGEST_SECONDS, "video_start": -LONGEST_SECONDS}
    return {
        name: time_of_value(utterance[name], name, place, lowest) for name, lowest in least.items() if name in utterance
    }


def is_list_of_conversations(given) -> bool:
    """
    Whether `given` is several conversations, not one: a sequence of mappings with `utterances`, or of sequences of utterances.
    """
    if not _is_sequence(given) or not given:
        return False
    return all(_is_sequence(item) or (isinstance(item, Mapping) and "utterances" in item) for item in given)


def _is_sequence(given) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, (str, bytes, bytearray))


def check_conversations(given, with_values: bool = True) -> list[Conversation]:
    """
    Check conversations, and return them in one form: a list of [`Conversation`] whose speakers and ids are strings.

    Args:
        given: a conversation or a list of them. A conversation is a dict with `"utterances"`, or a list of
            utterances, each an [`Utterance`]. Lists may be any sequences and dicts any mappings. `"utterances"` may also be a
            dict of lists of equal length, as some data sets of `datasets` have it.
        with_values: False checks only the structure, for readers of files, where values may have other forms, such as times
            that are not in seconds.

    Raises:
        ValueError: what is wrong, in which conversation and utterance, and what to do.
    """
    with boundary(None, "give conversations as this function's documentation describes."):
        conversations = list(given) if is_list_of_conversations(given) else [given]
        return [_check_conversation(item, number, with_values) for number, item in enumerate(conversations)]


def _check_conversation(conversation, number: int, with_values: bool) -> Conversation:
    if _is_sequence(conversation):
        conversation = {"utterances": list(conversation)}
    if not isinstance(conversation, Mapping) or "utterances" not in conversation:
        raise ValueError(
            f"Conversation {number} is a {type(conversation).__name__}: give a dict with 'utterances', or a list of "
            'utterances such as {"speaker": "Ada", "text": "Hello."}.'
        )
    with collected_warnings() as warnings:
        name = name_of_value(conversation.get("id"), "id", f"Conversation {number}") or str(number)
        utterances = _utterances_of(conversation, name)
        if with_values:
            checked_waveforms = set()
            utterances = [
                _checked_values(utterance, f"Utterance {position} of conversation {name}", checked_waveforms)
                for position, utterance in enumerate(utterances)
            ]
            _check_ids(utterances, name)
            _check_warnings(conversation, name)
    for warning in warnings:
        collect(warning)  # also for a reader that collects them
    checked = {**conversation, "id": name, "utterances": utterances}
    return with_warnings(checked, warnings) if with_values else checked


def _utterances_of(conversation: Mapping, name: str) -> list[dict]:
    """The utterances of a conversation as dicts, each with a speaker."""
    utterances = conversation["utterances"]
    if isinstance(utterances, Mapping):
        utterances = _rows_of_columns(utterances, name)
    if not _is_sequence(utterances):
        raise ValueError(f"The utterances of conversation {name} are a {type(utterances).__name__}: give a list.")
    if not utterances:
        raise ValueError(f"Conversation {name} is empty: give at least one utterance, or leave the conversation out.")
    for position, utterance in enumerate(utterances):
        if not isinstance(utterance, Mapping):
            raise ValueError(
                f"Utterance {position} of conversation {name} is a {type(utterance).__name__}: give a dict such as "
                '{"speaker": "Ada", "text": "Hello."}.'
            )
        place = f"Utterance {position} of conversation {name}"
        if not _speaker(utterance, place):
            raise ValueError(
                f"{place} has no 'speaker': name its speaker, by any name that distinguishes the speakers of the conversation."
            )
        if not isinstance(utterance.get("text", ""), (str, type(None))):
            raise ValueError(
                f"The text of utterance {position} of conversation {name} is a "
                f"{type(utterance['text']).__name__}: give a string."
            )
    return [dict(utterance) for utterance in utterances]


def _speaker(utterance: Mapping, place: str) -> str:
    return name_of_value(utterance.get("speaker"), "speaker", place)


def _checked_values(utterance: dict, place: str, checked_waveforms: set[int]) -> dict:
    """The utterance with its values in the form that the processor reads."""
    checked = {**utterance, "speaker": _speaker(utterance, place)}
    if utterance.get("text") is not None:
        checked["text"] = text_of_value(utterance["text"], "text", place)
    if utterance.get("id") is not None:
        checked["id"] = name_of_value(utterance["id"], "id", place)
    if utterance.get("index") is not None:
        checked["index"] = index_of_value(utterance["index"], place)
    for key, least in (("audio_track", 1), ("audio_channel", 0)):
        if key in utterance:
            checked[key] = count_of_value(utterance[key], key, place, least)
    checked |= check_times(utterance, place)
    check_order(utterance.get("start"), utterance.get("end"), place)
    if utterance.get("video_side") not in (None, *VIDEO_SIDES):
        raise ValueError(
            f"{place}: its video_side is {shown(utterance['video_side'])}: give {' or '.join(VIDEO_SIDES)}."
        )
    _check_media(utterance, place, checked_waveforms)
    return checked


def _check_ids(utterances: list[dict], name: str):
    counts = Counter(utterance["id"] for utterance in utterances if utterance.get("id"))
    identifier, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    if count > 1:
        raise ValueError(
            f"Conversation {name} has {count} utterances with the id {identifier!r}: give each its own, or none an id."
        )


def _check_warnings(conversation: Mapping, name: str):
    warnings = conversation.get("warnings", [])
    if not isinstance(warnings, list) or not all(isinstance(warning, str) for warning in warnings):
        raise ValueError(
            f"The warnings of conversation {name} are {shown(warnings)}: give a list of strings, or leave them out."
        )


def _rows_of_columns(columns: Mapping, name: str) -> list[dict]:
    """Utterances that are given as a dict of lists, one entry of each list an utterance."""
    lengths = {key: len(values) for key, values in columns.items() if _is_sequence(values)}
    if len(lengths) < len(columns) or len(set(lengths.values())) > 1:
        raise ValueError(
            f"The utterances of conversation {name} are a {type(columns).__name__}: give a list of utterances, or lists of "
            f"equal length for the keys {', '.join(map(str, columns))}."
        )
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _check_media(utterance: Utterance, place: str, checked_waveforms: set[int]):
    audio, video = utterance.get("audio"), utterance.get("video")
    if id(audio) in checked_waveforms:  # utterances share the waveform of their conversation
        pass
    elif is_waveform(audio):
        try:
            check_recording(audio)
        except ValueError as error:
            raise ValueError(f"The audio of {_inside(place)}: {error}") from error
        checked_waveforms.add(id(audio))
    elif not isinstance(audio, (str, PathLike, type(None))):
        raise ValueError(
            f"The audio of {_inside(place)} is a {type(audio).__name__}: give the path of a file, or a waveform with its sampling "
            'rate, {"array": (samples,), "sampling_rate": 16000}.'
        )
    if not isinstance(video, (str, PathLike, type(None))):
        raise ValueError(f"The video of {_inside(place)} is a {type(video).__name__}: give the path of a file.")


def _inside(place: str) -> str:
    """The name of a place within a sentence."""
    return f"{place[:1].lower()}{place[1:]}"
