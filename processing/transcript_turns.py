# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Time-marked lines of the speech field: RTTM speaker turns, CTM words and STM segments.

They are parsed here: pyannote.core and sctk's readers merge turns that overlap or begin together, and lose those of no length.
"""

import re

from .transcript_times import seconds
from .transcript_utterances import UNKNOWN_SPEAKER, Found, Source, checked_utterance, lines_of
from .transcript_words import utterances_of_words

RTTM_TYPES = {
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT"),
    *("IP", "SU", "CB", "A/P", "SPEAKER", "SPKR-INFO"),
}
_NO_SPEAKERS = {"inter_segment_gap", "<na>", "excluded_region"}


def read_rttm(source: Source) -> Found:
    """The `SPEAKER` lines, one conversation for each recording, without words. The turns of several channels are kept."""
    recordings = {}
    for number, line in enumerate(lines_of(source.text), start=1):
        place, fields = source.line(number), line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0] not in RTTM_TYPES:
            raise ValueError(f"{place} begins with {fields[0][:40]!r}: RTTM lines of speech begin with SPEAKER.")
        if fields[0] != "SPEAKER":
            continue
        if not 8 <= len(fields) <= 10 or not all(re.fullmatch(r"<NA>|[\d.eE+-]+", field) for field in fields[8:]):
            raise ValueError(
                f"{place} has {len(fields)} fields: write SPEAKER recording channel start duration <NA> <NA> speaker <NA> "
                "<NA>; names hold no spaces."
            )
        start, duration = seconds(fields[3], "start", place), seconds(fields[4], "duration", place)
        given = {"speaker": fields[7], "start": start, "end": round(start + duration, 6)}
        recordings.setdefault(fields[1], []).append(checked_utterance(given, place, source.path.parent))
    return _by_recording(recordings)


def read_ctm(source: Source) -> Found:
    """
    Words with their times, `recording channel start duration word [confidence [type [speaker]]]`, gathered into utterances
    where a pause or another speaker begins. Channels are speakers where there are several.
    """
    recordings = {}
    for number, line in enumerate(lines_of(source.text), start=1):
        place, fields = source.line(number), line.split()
        if not fields or fields[0].startswith((";;", "#")) or fields[0].startswith("<ALT"):
            continue
        if not 5 <= len(fields) <= 8:
            raise ValueError(
                f"{place} has {len(fields)} fields: CTM lines are 'recording channel start duration word', and a confidence."
            )
        kind = fields[6].lower() if len(fields) > 6 else "lex"
        start, duration = seconds(fields[2], "start", place), seconds(fields[3], "duration", place)
        if kind in ("lex", "frag", "fp", "un-lex", "for-lex", "misc"):
            speaker = fields[7] if len(fields) > 7 and fields[7].lower() not in ("unknown", "<na>", "null") else None
            word = {"text": fields[4], "start": start, "end": round(start + duration, 6), "speaker": speaker}
            recordings.setdefault(fields[0], []).append((place, fields[1], word))
    found = {}
    for recording, words in recordings.items():
        channels = {channel for _, channel, _ in words}
        for _, channel, word in words:
            word["speaker"] = word["speaker"] or (channel if len(channels) > 1 else UNKNOWN_SPEAKER)
        turns = utterances_of_words([word for _, _, word in words])
        found[recording] = [checked_utterance(turn, words[0][0], source.path.parent) for turn in turns]
    return _by_recording(found)


def read_stm(source: Source) -> Found:
    """Segments `recording channel speaker start end [<labels>] words`, one conversation for each recording."""
    recordings = {}
    for number, line in enumerate(lines_of(source.text), start=1):
        place, fields = source.line(number), line.split(maxsplit=5)
        if not fields or fields[0].startswith(";;"):
            continue
        if len(fields) < 5:
            raise ValueError(
                f"{place} has {len(fields)} fields: STM lines are 'recording channel speaker start end words'."
            )
        words = re.sub(r"^<[^<>\s]*(?:,[^<>\s]*)*>\s*", "", fields[5]) if len(fields) > 5 else ""
        if fields[2].lower() in _NO_SPEAKERS or words.strip().upper() == "IGNORE_TIME_SEGMENT_IN_SCORING":
            continue
        given = {"speaker": fields[2], "text": words, "start": fields[3], "end": fields[4]}
        recordings.setdefault(fields[0], []).append(checked_utterance(given, place, source.path.parent))
    return _by_recording(recordings)


def _by_recording(recordings: dict[str, list[dict]]) -> Found:
    if len(recordings) > 1:
        return list(recordings.items())
    return [(None, utterances) for utterances in recordings.values()] or [(None, [])]
