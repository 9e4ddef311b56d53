# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Annotations of linguists: Praat's TextGrid and ELAN's `.eaf`. A tier is a speaker.

Text is read here, after Praat's manual, because praatio and pympi-ling refuse or misread valid files (a label with a doubled
quotation mark, `1e-05` as 5), and pympi-ling opens no `.eaf` without an address of its schema. It reads binary TextGrids, and
writes both formats.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from .extras import import_extra
from .transcript_encodings import contents_of, text_of
from .transcript_times import seconds
from .transcript_utterances import UNKNOWN_SPEAKER, Found, Source, checked_utterance
from .transcript_words import utterances_of_words
from .warning_messages import warn

EMOTION_TIER = " [emotion]"
"""The suffix of the names of tiers in which this package writes emotions; they contain no words."""

WITHOUT_WORDS = "[no words]"
"""The label with which this package writes an utterance without words."""

_SILENCE = {"", "<p>", "<p:>", "<sil>", "<eps>", "sil", "sp", "#", "..."}
_TIER_OF_WORDS = re.compile(r"(?:(?P<speaker>.*?\S)[\s_:.-]+)?(?:words?|ort(?:-mau)?)", re.IGNORECASE)
_PARTS_OF_SPEECH = re.compile(r"(?:.*[\s_-])?(?:words?|phon(?:e|eme)s?|syllables?|pos|mau|kan|ort|ipa)", re.IGNORECASE)
# Praat reads only what stands free: numbers, texts in quotation marks and flags; all else is comment
_TOKEN = re.compile(
    r'"(?P<text>[^"]*(?:""[^"]*)*)"|(?<!\S)(?P<number>[+-]?[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?)%?(?!\S)|(?<!\S)<(?P<flag>exists|absent)>(?!\S)'
    r"|(?<!\S)![^\n]*"
)


def read_textgrid(source: Source) -> Found:
    """
    The labelled intervals of a TextGrid, long, short or binary. Points have no duration and are not utterances. Tiers that are
    named for words or sounds are not speakers, unless there are no other tiers. Those of an aligner, such as the Montreal
    Forced Aligner's `Ada - words` and `Ada - phones`, are gathered into Ada's utterances.
    """
    if contents_of(source.path).startswith(b"ooBinaryFile"):
        tiers = _binary_tiers(source)
    else:
        tiers = list(_tiers(source, text_of(source.path)))
    points = [name for kind, name, _ in tiers if kind != "IntervalTier"]
    if points:
        warn(f"{source.path}: the tiers {', '.join(points)[:200]} hold points in time and were left out.")
    utterances, names = [], {name for _, name, _ in tiers}
    for name, intervals in _of_speakers(
        source, [(name, found) for kind, name, found in tiers if kind == "IntervalTier"]
    ):
        for number, (start, end, label) in enumerate(intervals, start=1):
            # this package writes words such as "..." as they are
            if label.strip().casefold() not in ({""} if f"{name}{EMOTION_TIER}" in names else _SILENCE):
                given = {"speaker": name, "text": _words(label), "start": start, "end": end}
                place = f"{source.path}, tier {name}, interval {number}"
                utterances.append(checked_utterance(given, place, source.path.parent))
    return [(None, utterances)]


def _words(label: str) -> str:
    text = " ".join(label.split())
    return "" if text == WITHOUT_WORDS else text


def _tiers(source: Source, text: str) -> Iterator[tuple[str, str, list]]:
    """Class, name and entries `(start, end, label)` of each tier."""
    tokens = iter([match for match in _TOKEN.finditer(text) if match.lastgroup])

    def next_token(kind: str, what: str):
        token = next(tokens, None)
        if token is None or token.lastgroup != kind:
            where = "its end" if token is None else source.line(text.count("\n", 0, token.start()) + 1)
            raise ValueError(
                f"{source.path} is not a complete TextGrid: at {where} {what} is missing. Save it in Praat again."
            )
        return token[kind].replace('""', '"') if kind == "text" else token[kind]

    if (
        not next_token("text", "its file type").startswith("ooTextFile")
        or next_token("text", "its class") != "TextGrid"
    ):
        raise ValueError(f"{source.path} is not a TextGrid: save one in Praat as a text file.")
    next_token("number", "its start"), next_token("number", "its end")
    if next_token("flag", "<exists>") == "absent":
        return
    for _ in range(_count(next_token("number", "the number of tiers"), source)):
        kind, name = next_token("text", "a tier's class"), next_token("text", "a tier's name")
        next_token("number", "a tier's start"), next_token("number", "a tier's end")
        entries = []
        for _ in range(_count(next_token("number", "the number of intervals"), source)):
            start = next_token("number", "a time")
            end = next_token("number", "a time") if kind == "IntervalTier" else start
            entries.append((start, end, next_token("text", "a label")))
        yield kind, name, entries


def _count(number: str, source: Source) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise ValueError(f"{source.path}: {number[:40]} is not a number of tiers or intervals. Save it in Praat again.")
    return int(number)


def _binary_tiers(source: Source) -> list[tuple[str, str, list]]:
    praat = import_extra("pympi.Praat", "transcripts")
    try:
        tiers = praat.TextGrid(str(source.path)).tiers
    except Exception as error:  # struct.error, TypeError, ... as it reads on in what is damaged
        raise ValueError(
            f"{source.path} is not a readable binary TextGrid ({type(error).__name__}): save it in Praat as a text file."
        ) from error
    return [(tier.tier_type, tier.name, [(*times, label) for *times, label in tier.intervals]) for tier in tiers]


def _of_speakers(source: Source, tiers: list[tuple[str, list]]) -> list[tuple[str, list]]:
    """The tiers without those of emotions, and of words and sounds, if others are there."""
    names = {name for name, _ in tiers}
    tiers = [tier for tier in tiers if not _is_of_emotions(tier[0], names)]
    # a tier with one of emotions beside it was written by this package: it is a speaker, whatever the name
    own = {name for name in names if f"{name}{EMOTION_TIER}" in names}
    kept = [tier for tier in tiers if tier[0] in own or not _PARTS_OF_SPEECH.fullmatch(tier[0].strip())]
    if not kept:
        return _gathered(source, tiers)
    if len(kept) == len(tiers):
        return tiers
    left_out = [tier[0] for tier in tiers if tier not in kept]
    warn(f"{source.path}: the tiers {', '.join(left_out)[:200]} are those of words or sounds and were left out.")
    return kept


def _gathered(source: Source, tiers: list[tuple[str, list]]) -> list[tuple[str, list]]:
    """The utterances of an aligner's tiers of words, and tiers of words that hold sentences; all tiers where there are none."""
    found, has_single_words = [], False
    for name, intervals in tiers:
        labels = [label.strip() for *_, label in intervals if label.strip().casefold() not in _SILENCE]
        match = _TIER_OF_WORDS.fullmatch(name.strip())
        if match and sum(" " in label for label in labels) > len(labels) / 10:
            found.append((name, intervals))
        elif match:
            words, has_single_words = [], has_single_words or bool(labels)
            for number, (start, end, label) in enumerate(intervals, start=1):
                place = f"{source.path}, tier {name}, interval {number}"
                times = {"start": seconds(start, "start", place), "end": seconds(end, "end", place)}
                if label.strip().casefold() not in _SILENCE:
                    words.append({"text": label, "speaker": match["speaker"] or UNKNOWN_SPEAKER, **times})
            turns = utterances_of_words(words)
            found += [(turn["speaker"], [(turn["start"], turn["end"], turn["text"])]) for turn in turns]
    if not has_single_words:
        return tiers
    warn(f"{source.path}: single words were gathered into utterances, which end where a pause begins.")
    return found


def _is_of_emotions(name: str, names: set[str]) -> bool:
    return name.endswith(EMOTION_TIER) and name.removesuffix(EMOTION_TIER) in names


def read_eaf(source: Source) -> Found:
    """
    The annotations of ELAN's tiers that depend on no other tier; dependent ones (translations, comments) are left out. The
    speaker is the tier's participant, else its name.
    """
    document = _document(source)
    times = _times_of_slots(source, document)
    utterances, left_out = [], []
    names = {tier.get("TIER_ID", "") for tier in document.iter("TIER")}
    for tier in document.iter("TIER"):
        name = tier.get("TIER_ID", "")
        if _is_of_emotions(re.sub(r" \(\d+\)$", "", name), names):
            continue
        if tier.get("PARENT_REF"):
            left_out += [name] if tier.find("ANNOTATION") is not None else []
            continue
        speaker = (tier.get("PARTICIPANT") or "").strip() or name
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            place = f"{source.path}, tier {name}, annotation {annotation.get('ANNOTATION_ID')}"
            slots = [annotation.get(key) for key in ("TIME_SLOT_REF1", "TIME_SLOT_REF2")]
            if not all(slot in times for slot in slots):
                raise ValueError(f"{place} has no time slots: open and save the file in ELAN.")
            label = annotation.findtext("ANNOTATION_VALUE") or ""
            given = {"speaker": speaker, "text": _words(label), "start": times[slots[0]], "end": times[slots[1]]}
            if label.strip():
                utterances.append(checked_utterance(given, place, source.path.parent))
    if left_out:
        warn(f"{source.path}: the tiers {', '.join(left_out)[:200]} depend on others and were left out.")
    return [(None, utterances)]


def _document(source: Source) -> ElementTree.Element:
    if "<!ENTITY" in source.text or "<!DOCTYPE" in source.text:
        raise ValueError(f"{source.path} declares a document type, which ELAN never writes: export it from ELAN again.")
    try:
        document = ElementTree.fromstring(source.text.lstrip("\ufeff"))
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{source.path} is not complete XML ({error}): open and save it in ELAN.") from error
    if document.tag != "ANNOTATION_DOCUMENT":
        raise ValueError(
            f"{source.path} begins with <{document.tag[:40]}>, not <ANNOTATION_DOCUMENT>: export it from ELAN."
        )
    header = document.find("HEADER")
    unit = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if unit != "milliseconds":
        raise ValueError(f"{source.path} counts its times in {unit[:40]}: save it in ELAN with milliseconds.")
    return document


def _times_of_slots(source: Source, document: ElementTree.Element) -> dict[str | None, float]:
    """The seconds of each time slot. One that is not aligned lies between its neighbours."""
    slots = list(document.iter("TIME_SLOT"))
    values = [slot.get("TIME_VALUE") for slot in slots]
    wrong = next((value for value in values if value is not None and not re.fullmatch(r"-?[0-9]{1,12}", value)), None)
    if wrong is not None:
        raise ValueError(
            f"{source.path}: its time {wrong[:40]!r} is not a number of milliseconds: open and save it in ELAN."
        )
    known = [(at, int(value) / 1000) for at, value in enumerate(values) if value is not None]
    times, (before, last) = {}, (-1, known[0][1] if known else 0.0)
    for after, following in [*known, (len(slots), known[-1][1] if known else 0.0)]:
        for at in range(before + 1, after):
            times[slots[at].get("TIME_SLOT_ID")] = last + (following - last) * (at - before) / (after - before)
        if after < len(slots):
            times[slots[after].get("TIME_SLOT_ID")] = following
        before, last = after, following
    return times
