# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Transcripts of recordings, as conversations: the table of the formats, and the choice of one by suffix and content.

A new format is a function `read_x(source: Source) -> Found` in a file of its own, and a line in [`READERS`].
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .input_boundary import reads_file
from .transcript_annotations import read_eaf, read_textgrid
from .transcript_cues import read_sbv, read_srt, read_vtt
from .transcript_encodings import contents_of, text_of
from .transcript_json import read_json, read_json_lines
from .transcript_notes import read_docx, read_txt
from .transcript_styled import read_ass, read_ttml
from .transcript_tables import read_csv, read_xlsx
from .transcript_turns import read_ctm, read_rttm, read_stm
from .transcript_utterances import UNKNOWN_SPEAKER as UNKNOWN_SPEAKER
from .transcript_utterances import Found, Source, clean_text, lines_of
from .warning_messages import warn


@dataclass(frozen=True)
class TranscriptFormat:
    """
    A format of transcripts.

    Args:
        name: what it is called.
        read: the function that reads a file of it.
        begins: a regular expression for the beginning of its files, where that tells it from others.
        has_words: False for formats of turns alone.
        is_text: False for formats whose reader opens the file itself.
    """

    name: str
    read: Callable[[Source], Found]
    begins: str | None = None
    has_words: bool = True
    is_text: bool = True


READERS = {
    ".json": TranscriptFormat("JSON", read_json),
    ".jsonl": TranscriptFormat("JSON lines", read_json_lines),
    ".csv": TranscriptFormat("CSV", read_csv),
    ".tsv": TranscriptFormat("TSV", read_csv),
    ".xlsx": TranscriptFormat("Excel", read_xlsx, is_text=False),
    ".srt": TranscriptFormat("SubRip", read_srt, r"(?:\d+\s*\n)?\s*\d+:\d\d:\d\d[,.]\d+\s*-->"),
    ".vtt": TranscriptFormat("WebVTT", read_vtt, r"WEBVTT(?:\s|$)"),
    ".sbv": TranscriptFormat("SubViewer", read_sbv, r"\d+:\d\d:\d\d\.\d+,\d+:\d\d:\d\d\.\d+\s*\n"),
    ".ass": TranscriptFormat("ASS", read_ass, r"\[Script Info\]"),
    ".ssa": TranscriptFormat("SSA", read_ass),
    ".ttml": TranscriptFormat("TTML", read_ttml, r"(?:<\?xml[^>]*>\s*)?<(?:\w+:)?tt[\s>]"),
    ".rttm": TranscriptFormat(
        "RTTM", read_rttm, r"(?:;;[^\n]*\n)*(?:SPKR-INFO|SPEAKER) \S+ \S+ [\d.<]", has_words=False
    ),
    ".ctm": TranscriptFormat("CTM", read_ctm),
    ".stm": TranscriptFormat("STM", read_stm),
    ".textgrid": TranscriptFormat("TextGrid", read_textgrid, r'File type = "ooTextFile', is_text=False),
    ".eaf": TranscriptFormat("ELAN", read_eaf, r"(?:<\?xml[^>]*>\s*)?<ANNOTATION_DOCUMENT"),
    ".txt": TranscriptFormat("plain text", read_txt),
    ".docx": TranscriptFormat("Word", read_docx, is_text=False),
}
"""The formats that are read, by suffix in small letters."""

_UNLIKE_THEIR_SUFFIX = {".srt", ".vtt", ".sbv", ".ass", ".ssa", ".txt", ".json", ".ttml"}
"""The suffixes of files in which one also finds other formats."""


def read_transcript(path: str | Path, text_path: str | Path | None = None) -> dict:
    """
    The conversation of a transcript.

    The format goes by the suffix, and by the content where that is clearly of another format. Files in UTF-8, or with a byte
    order mark, are read as such; other encodings are guessed, with a warning that names the one, or refused. Utterances are
    sorted by their start when all have one. `docs/recordings.md` says of each format what is read of it; in short:

    - `.json`, `.jsonl`: a conversation `{"utterances": [...]}`, a list of utterances, or an utterance or conversation a line,
      with the keys of `UTTERANCE_KEYS`; other keys are left out. Paths of `audio` and `video` are relative to the
      transcript's folder. The JSON of speech recognizers (whisper, WhisperX, Deepgram, AssemblyAI, ...) is read, too.
    - `.csv`, `.tsv`, `.xlsx`: a header and one utterance a row. `text` or `start` is required, and a `speaker` unless both are
      there; `id`, `end` or `duration`, `emotion`, `audio` and `video` are read too, under the names that tools give them.
    - `.srt`, `.vtt`, `.sbv`, `.ass`, `.ssa`, `.ttml`: speakers are WebVTT's voices, ASS's names, cue identifiers that are
      names, or what the lines begin with, `Ada:`, as far as it recurs or looks like a name. A line with a name begins a new
      utterance with the cue's times. Without one the speaker before goes on, except where voices name the speakers and in
      cues whose lines begin with dashes: there it is nobody's, named `speaker`.
    - `.txt`, `.docx`: `Name  0:03` above the words, `Name: words`, and times before them.
    - `.rttm`: the `SPEAKER` lines, without text unless `text_path` gives it. `.ctm`, `.stm`: words and segments.
    - `.TextGrid`, `.eaf`: a tier is a speaker.

    Times are seconds, `HH:MM:SS.mmm`, `HH:MM:SS,mmm`, `MM:SS.mmm`, or milliseconds where the file says or shows it.

    Args:
        path: the transcript.
        text_path: for `.rttm`, a plain text file with one line for each turn, in the order of time. An empty line is a turn
            without text.

    Returns:
        `{"id": ..., "utterances": [{"id": str, "speaker": str, "text": str, "start": seconds, "end": seconds}, ...]}`, without
        the keys for which the file has nothing. The id of the conversation is that of a `.json` or `.jsonl` file, else the
        file's stem; those of utterances are given ones, else the conversation's with the position.

    Raises:
        FileNotFoundError: when a file does not exist.
        ValueError: when it cannot be read, with the place and what to do, or holds several conversations.
        ImportError: when the format needs a package that is not installed, with the command that installs it.
    """
    conversations = read_transcripts(path)
    if len(conversations) > 1:
        raise ValueError(
            f"{path} holds {len(conversations)} conversations: read them with read_transcripts, or give a file of one."
        )
    [conversation] = conversations
    if text_path is not None:
        _add_text(conversation["utterances"], Path(path), Path(text_path))
    return conversation


@reads_file("it is damaged: write the transcript again.")
def read_transcripts(path: str | Path) -> list[dict]:
    """
    All conversations of a transcript; `.json`, `.jsonl`, `.rttm`, `.ctm` and `.stm` may contain several. Warnings, which
    [`collected_warnings`] collects, report what was left out, guessed or repaired. See [`read_transcript`].

    Raises:
        FileNotFoundError: when the file does not exist.
        ValueError: when it cannot be read, with the place and what to do.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise ValueError(f"{path} has the suffix {path.suffix!r}: give a transcript as one of {', '.join(READERS)}.")
    if READERS[suffix].is_text:
        source = Source(path, text_of(path))
        found = _format_of(source, suffix).read(source)
    else:
        contents_of(path)
        found = READERS[suffix].read(Source(path))
    default = [path.stem] if len(found) == 1 else [f"{path.stem}_{number}" for number in range(len(found))]
    return [
        _conversation(path, identifier or name, utterances)
        for (identifier, utterances), name in zip(found, default, strict=True)
    ]


def _format_of(source: Source, suffix: str) -> TranscriptFormat:
    """The format of a text file: that of its suffix, or another one that its content clearly is of."""
    if suffix not in _UNLIKE_THEIR_SUFFIX:
        return READERS[suffix]
    begins = source.text[:4096].lstrip().replace("\r\n", "\n").replace("\r", "\n")
    expected = READERS[suffix]
    if expected.begins and re.match(expected.begins, begins):
        return expected
    other = next((one for one in READERS.values() if one.begins and re.match(one.begins, begins)), None)
    if other is None and suffix != ".json" and re.match(r"[{\[]\s*[{\"\[]", begins):
        other = READERS[".json"]
    if other is None or (suffix == ".vtt" and other.name == "SubRip") or (suffix == ".json" and other.name != "WebVTT"):
        return expected
    warn(f"{source.path} is {other.name} in a file whose suffix is {source.path.suffix}: it was read as {other.name}.")
    return other


def _conversation(path: Path, identifier: str, utterances: list[dict]) -> dict:
    if not utterances:
        raise ValueError(f"{path} holds no utterance: give a transcript with at least one.")
    identifier = clean_text(identifier, "id", str(path)) or path.stem
    if all("start" in utterance for utterance in utterances):
        utterances = sorted(utterances, key=lambda utterance: utterance["start"])
    utterances = [{"id": f"{identifier}_{position}", **utterance} for position, utterance in enumerate(utterances)]
    [(commonest, count)] = Counter(utterance["id"] for utterance in utterances).most_common(1)
    if count > 1:
        raise ValueError(f"{path} has {count} utterances with the id {commonest!r}: give each its own, or none an id.")
    return {"id": identifier, "utterances": utterances}


def _add_text(utterances: list[dict], path: Path, text_path: Path):
    if path.suffix.lower() != ".rttm":
        raise ValueError(f"{path} has its own text: text_path is only for .rttm files.")
    lines = [line.strip() for line in lines_of(text_of(text_path))]
    while len(lines) > len(utterances) and not lines[-1]:
        lines.pop()
    if len(lines) != len(utterances):
        raise ValueError(
            f"{text_path} has {len(lines)} lines, but {path} has {len(utterances)} turns: give one line for each turn, in "
            "the order of time; an empty line is a turn without text."
        )
    for utterance, line in zip(utterances, lines, strict=True):
        if line:
            utterance["text"] = line
