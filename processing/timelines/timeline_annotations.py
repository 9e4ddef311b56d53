# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Writing the emotions of a recording's utterances as annotations for Praat (TextGrid) and ELAN (`.eaf`), with pympi-ling.

Each speaker has a tier of words, and a tier of emotions with confidences whose name ends in ` [emotion]`. Neither format
allows intervals that overlap within a tier or that have no duration. Therefore overlapping utterances of a speaker are
written to an additional tier of the same name, and utterances of 0 s last a millisecond.
"""

import re
from pathlib import Path

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.timelines.certainty import shown_emotion
from modeling_amuse.processing.transcript_annotations import EMOTION_TIER, WITHOUT_WORDS

AUTHOR = "amuse timeline"
"""The author of an `.eaf`, by which `is_timeline` recognizes it."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_textgrid(results: list[RecognizedUtterance], file: Path):
    """
    Write utterances, which all have times and are in the order of their starts, as a TextGrid.

    Args:
        results: what the pipeline gives for one recording.
        file: the file to write.
    """
    praat = import_extra("pympi.Praat", "transcripts")
    tiers = _tiers(results)
    grid = praat.TextGrid(xmax=max(end for _, spans in tiers for _, end, _ in spans) / 1000)
    for name, spans in _named_tiers(tiers):
        tier = grid.add_tier(name.replace('"', '""'))
        for start, end, label in spans:
            tier.add_interval(start / 1000, end / 1000, label, check=False)
    grid.to_file(str(file))


def write_eaf(results: list[RecognizedUtterance], file: Path):
    """Write utterances, which all have times and are in the order of their starts, for ELAN. See [`write_textgrid`]."""
    elan = import_extra("pympi.Elan", "transcripts")
    document = elan.Eaf(author=AUTHOR)
    document.remove_tier("default")
    document.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    taken = set()
    for name, spans in _named_tiers(_tiers(results)):
        identifier, number = name, 2
        while identifier in taken:  # ELAN's tier names must be unique, those of participants need not be
            identifier, number = f"{name} ({number})", number + 1
        taken.add(identifier)
        document.add_tier(identifier, part=name.removesuffix(EMOTION_TIER))
        for start, end, label in spans:
            document.add_annotation(identifier, start, end, label)
    document.to_file(str(file), pretty=False)


def _tiers(results: list[RecognizedUtterance]) -> list[tuple[str, list[tuple[int, int, dict]]]]:
    """The tiers of each speaker, more than one if utterances overlap, with start and end of utterances in milliseconds."""
    tiers, ends = {}, {}
    for result in results:
        speaker = _one_line(result["speaker"])
        start = round(result["start"] * 1000)
        end = max(round(result["end"] * 1000), start + 1)
        number = next(n for n in range(len(results)) if ends.get((speaker, n), 0) <= start)
        tiers.setdefault((speaker, number), []).append((start, end, result))
        ends[speaker, number] = end
    return [(speaker, spans) for (speaker, _), spans in tiers.items()]


def _named_tiers(tiers: list) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """The tier of words and the tier of emotions for each of [`_tiers`]."""
    named = []
    for speaker, spans in tiers:
        words = [(start, end, _one_line(result.get("text") or "") or WITHOUT_WORDS) for start, end, result in spans]
        emotions = [
            (start, end, f"{_one_line(shown_emotion(result))} {round(100 * result['confidence'])} %")
            for start, end, result in spans
        ]
        named += [(speaker, words), (f"{speaker}{EMOTION_TIER}", emotions)]
    return named


def _one_line(text: str) -> str:
    return " ".join(_NOT_IN_XML.sub("\ufffd", str(text)).split())
