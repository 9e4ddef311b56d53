# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations in JSON and JSON lines: those of this package, and what speech recognizers write (`transcript_services`)."""

from .conversation import check_conversations, is_list_of_conversations
from .plain_json import parsed_json
from .transcript_services import has_times_by_other_names, times_of_turns, turns_of_service, words_under_any_name
from .transcript_times import are_milliseconds, scaled
from .transcript_utterances import Found, Source, checked_utterance, lines_of
from .warning_messages import warn


def read_json(source: Source) -> Found:
    """The conversations of a JSON file."""
    try:
        given = _parsed(source.text, str(source.path))
    except ValueError:
        lines = [line for line in lines_of(source.text) if line.strip()]
        if len(lines) > 1 and all(line.strip().startswith("{") and line.strip().endswith("}") for line in lines[:2]):
            return read_json_lines(source)
        raise
    turns = turns_of_service(given, str(source.path))
    if turns is not None:
        return [(None, _checked_turns(source, turns))]
    if isinstance(given, dict) and "utterances" not in given and isinstance(given.get("text"), str):
        raise ValueError(
            f"{source.path} holds a text without times: write it with segments (whisper --output_format json; verbose_json or "
            "diarized_json from services)."
        )
    several = is_list_of_conversations(given)
    try:
        conversations = check_conversations(given, with_values=False)
    except ValueError as error:
        raise ValueError(f"{source.path}: {error}") from error
    sources = given if several else [given]
    found = []
    for number, (one, conversation) in enumerate(zip(sources, conversations, strict=True), start=1):
        place = f"{source.path}, conversation {number}" if several else str(source.path)
        has_id = isinstance(one, dict) and one.get("id") is not None
        duration = one.get("audio_duration") if isinstance(one, dict) else None
        found.append((conversation["id"] if has_id else None, _utterances(conversation, place, source, duration)))
    return found


def _checked_turns(source: Source, turns: list[dict]) -> list[dict]:
    return [
        checked_utterance(turn, f"{source.path}, utterance {number}", source.path.parent)
        for number, turn in enumerate(turns, start=1)
    ]


def read_json_lines(source: Source) -> Found:
    """The conversations of JSON lines: an utterance a line, or a conversation a line."""
    rows = [
        (source.line(number), _parsed(line, source.line(number)))
        for number, line in enumerate(lines_of(source.text), start=1)
        if line.strip()
    ]
    for place, row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"{place} is a {type(row).__name__}: give an utterance or a conversation, a dict, a line.")
        if ("utterances" in row) != ("utterances" in rows[0][1]):
            raise ValueError(f"{place}: all lines must be utterances, or all must be conversations with 'utterances'.")
    if rows and "utterances" not in rows[0][1]:
        utterances = _with_seconds([row for _, row in rows], str(source.path))
        return [
            (
                None,
                [
                    checked_utterance(row, place, source.path.parent)
                    for row, (place, _) in zip(utterances, rows, strict=True)
                ],
            )
        ]
    found = []
    for place, row in rows:
        try:
            [conversation] = check_conversations(row, with_values=False)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        identifier = None if row.get("id") is None else conversation["id"]
        found.append((identifier, _utterances(conversation, place, source)))
    return found


def _utterances(conversation: dict, place: str, source: Source, duration=None) -> list[dict]:
    return [
        checked_utterance(utterance, f"{place}, utterance {number}", source.path.parent)
        for number, utterance in enumerate(_with_seconds(conversation["utterances"], place, duration), start=1)
    ]


def _with_seconds(utterances: list[dict], place: str, duration=None) -> list[dict]:
    """The utterances with `text`, and `start` and `end` in seconds, where the file has milliseconds or other names."""
    if not any(utterance.get("text") for utterance in utterances):
        utterances = [{**u, "text": words} if (words := words_under_any_name(u)) else u for u in utterances]
    if any(map(has_times_by_other_names, utterances)):
        times = times_of_turns(utterances, place, duration, what="utterance")
        return [{**utterance, **found} for utterance, found in zip(utterances, times, strict=True)]
    timed = [u for u in utterances if u.get("start") is not None or u.get("end") is not None]
    spans = [(u.get("start"), u.get("end"), u.get("text"), None) for u in timed]
    if not are_milliseconds(spans, duration):
        return utterances
    warn(f"{place}: the times are whole numbers, too large for seconds: they were read as milliseconds.")
    return [{**u, **{key: scaled(u[key], 1e-3) for key in ("start", "end") if key in u}} for u in utterances]


def _parsed(text: str, place: str):
    try:
        return parsed_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{place}: this is not valid JSON ({error}): compare it with the format of transcripts."
        ) from error
