# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Subtitles with styles, read by pysubs2: Advanced SubStation Alpha (`.ass`, `.ssa`) and TTML."""

import re
import warnings

from .extras import import_extra
from .transcript_cues import utterances_of_cues
from .transcript_times import seconds
from .transcript_utterances import Cue, Found, Source

_DRAWING = re.compile(r"\\p[1-9]")


def read_ass(source: Source) -> Found:
    """The dialogue of an ASS or SSA file: the speaker is in the field `Name`. Comments and drawings are left out."""
    return _read(source, "ssa" if "v4.00+" not in source.text and source.path.suffix.lower() == ".ssa" else "ass")


def read_ttml(source: Source) -> Found:
    """The paragraphs of a TTML file."""
    if "<!ENTITY" in source.text or "<!DOCTYPE" in source.text:
        raise ValueError(f"{source.path} declares a document type, which TTML does not need: export it again.")
    return _read(source, "ttml")


def _read(source: Source, kind: str) -> Found:
    pysubs2 = import_extra("pysubs2", "transcripts")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles, which are not needed
            events = pysubs2.SSAFile.from_string(source.text.lstrip("\ufeff"), format_=kind).events
    except Exception as error:  # ValueError of its own kinds, and what a field that is missing makes it raise
        raise ValueError(
            f"{source.path} is not a readable {source.path.suffix} file ({type(error).__name__}: "
            f"{str(error)[:80]}): export it again."
        ) from error
    spoken = [event for event in events if not event.is_comment and not _DRAWING.search(event.text)]
    # a line that lies on another as its border or shadow is said once
    spoken = list({(event.start, event.end, event.name, event.plaintext): event for event in spoken}.values())
    has_names = any(event.name.strip() for event in spoken)
    cues = []
    for number, event in enumerate(spoken, start=1):
        place = f"{source.path}, line of dialogue {number}"
        start, end = (seconds(time / 1000, name, place) for time, name in ((event.start, "start"), (event.end, "end")))
        voice = " ".join(event.name.split()) if has_names else None
        cues.append(Cue(place, start, end, tuple(event.plaintext.split("\n")), voice))
    return [(None, utterances_of_cues(source, cues))]
