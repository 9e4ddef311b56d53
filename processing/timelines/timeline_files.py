# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Writing the emotions of a recording's utterances to a file (JSON, tables, subtitles, RTTM, annotations) or the terminal."""

import itertools
import math
import re
import textwrap
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.conversation import check_times
from modeling_amuse.processing.input_boundary import boundary
from modeling_amuse.processing.json_files import as_json
from modeling_amuse.processing.plain_values import check_order, name_of_value, shown, text_of_value
from modeling_amuse.processing.timelines.certainty import counted_emotion, notes_of, shown_emotion
from modeling_amuse.processing.timelines.explanation_text import reasons
from modeling_amuse.processing.timelines.timeline_annotations import AUTHOR, write_eaf, write_textgrid
from modeling_amuse.processing.timelines.timeline_tables import CREATOR, csv_text, keys_under, xlsx_bytes
from modeling_amuse.processing.transcript_annotations import EMOTION_TIER
from modeling_amuse.processing.whole_files import whole_file

CONTRIBUTIONS = (
    "A contribution is the amount that the expert of a modality, which reads only this modality, adds to the score of the "
    "recognized emotion (in nats, before softmax). The rest of the score comes from the conversation model."
)
"""An explanation of the contributions of a model with experts."""

CHANGED_RESULTS = "give the unchanged results of the pipeline."
"""What to do about results that are wrong."""

_LONGEST_SPEAKER_CELL = 20
_SHORTEST_TEXT_CELL = 12


def write_timeline(
    results: list[RecognizedUtterance],
    path: str | Path,
    recording: str | None = None,
    csv_bom: bool = False,
    csv_raw: bool = False,
):
    """
    Write the utterances of one recording with their emotions, in the format of the suffix.

    The file appears only when it is complete. `read_transcript` can read speakers, texts and times from all formats but
    RTTM, which has no texts.

    - `.json`: `{"recording": its name, "utterances": results}`, with `"warnings"` if the results have any.
    - `.csv`: a row for each utterance, with times in seconds to the millisecond and scores to four decimals: `id` if there
      are ids, `start`, `end`, `speaker`, `text`, `emotion`, `confidence`, `runner_up`, `margin` and `unclear` if the results
      have them, `score_<emotion>`, `share_<modality>`, and the prediction for each modality, `emotion_<modality>` and
      `confidence_<modality>`; for a model with experts also `contribution_<modality>`.
    - `.xlsx`: the same table as an Excel workbook, with the warnings of the results on a second sheet.
    - `.srt`: cues such as `Ada [joy 83 %]: I passed!`, or `Ada [unclear: joy 23 %]: I see.`, to the millisecond. Each text is
      on one line, with `->` for `-->`.
    - `.rttm`: `SPEAKER` lines, to the millisecond. The speaker is in the name field, the emotion (or `unclear`) in the subtype
      field, which is usually empty in speaker lines, and the confidence in the confidence field. White space in names becomes
      `_`. Warnings are comments, which begin with `;;`.
    - `.textgrid`, `.eaf`: for Praat and ELAN, a tier of words and a tier of emotions for each speaker, to the millisecond.

    Args:
        results: the pipeline's output for one recording.
        path: the file to write; an existing one is replaced.
        recording: the recording's name in JSON and RTTM. None: the stem of `path`.
        csv_bom: begin a CSV with a byte order mark, which Excel needs to recognize UTF-8.
        csv_raw: do not put an apostrophe before cells of a CSV that begin with `=`, `+`, `-` or `@`, which a spreadsheet
            would run as formulas.

    Raises:
        ValueError: for an unknown suffix, no results, or a format that needs times without them.
        FileNotFoundError: when the folder does not exist.
        ImportError: when the format needs a package that is not installed.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise ValueError(f"{path} has the suffix {path.suffix!r}: give one of {', '.join(WRITERS)}.")
    check_results(results)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into: create it first.")
    settings = _Settings(path.suffix, path.stem if recording is None else recording, csv_bom, csv_raw)
    with boundary(None, CHANGED_RESULTS), whole_file(path) as file:
        writer(results, file, settings)


@dataclass(frozen=True)
class _Settings:
    """The settings of a file: its suffix for messages, the recording's name, and the options of CSV."""

    suffix: str
    recording: str
    csv_bom: bool = False
    csv_raw: bool = False


def is_timeline(path: str | Path) -> bool:
    """Whether a file was written by `write_timeline`, and is not a transcript."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        return _creator_of_workbook(path) == CREATOR
    if suffix == ".textgrid":
        text = path.read_bytes().decode("utf-8", errors="replace")
        return re.search(rf'name = "[^\n]*{re.escape(EMOTION_TIER)}"', text) is not None
    begins = _BEGINNINGS.get(suffix)
    if begins is None:
        return False
    with open(path, "rb") as file:
        return begins.match(file.read(4096).decode("utf-8-sig", errors="replace")) is not None


def _creator_of_workbook(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("docProps/core.xml") as properties:
            match = re.search(rb"<dc:creator[^>]*>([^<]*)</dc:creator>", properties.read(65536))
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError, zlib.error):
        return None
    return match[1].decode("utf-8", errors="replace") if match else None


_BEGINNINGS = {
    ".json": re.compile(r'\{\s*"recording":'),
    ".rttm": re.compile(f";; {CREATOR}"),
    ".csv": re.compile(r"[^\n]*\bemotion,confidence,(?:runner_up,margin,(?:unclear,)?)?score_"),
    ".srt": re.compile(r"1\s+\S+ --> \S+\s+[^\n]+ \[[^\[\]\n]+ \d{1,3} %\]:"),
    ".eaf": re.compile(rf'(?:<\?xml[^>]*>\s*)?<ANNOTATION_DOCUMENT[^>]*\bAUTHOR="{AUTHOR}"'),
}


def check_results(results: list[RecognizedUtterance]):
    """
    Check that `results` are the utterances of one recording with their emotions.

    Raises:
        ValueError: when they are not; the message names the utterance.
    """
    if not isinstance(results, (list, tuple)) or not results:
        raise ValueError("There are no results: give the pipeline's output for one recording, a list of utterances.")
    for position, result in enumerate(results):
        if not isinstance(result, dict):
            raise ValueError(f"Result {position} is a {type(result).__name__}: give the results of only one recording.")
        missing = [key for key in ("speaker", "emotion", "confidence") if result.get(key) is None]
        if missing:
            raise ValueError(
                f"Result {position} lacks {', '.join(missing)}: give the unchanged results of the pipeline."
            )
        _check_values(result, f"Result {position}")


def _check_values(result: RecognizedUtterance, place: str):
    """Check that texts are texts, times are times, and scores are numbers."""
    check_times(result, place)
    check_order(result.get("start"), result.get("end"), place)
    name_of_value(result["speaker"], "speaker", place)
    for key in ("text", "emotion", "runner_up"):
        text_of_value(result.get(key), key, place)
    numbers = {key: result.get(key) for key in ("confidence", "margin")}
    for key in ("scores", "shares", "contributions", "modalities"):
        values = result.get(key, {})
        if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
            raise ValueError(f"{place}: its {key} are {shown(values)}: {CHANGED_RESULTS}")
        if key != "modalities":
            numbers |= {f"{key} of {name}": value for name, value in values.items()}
    for key, value in numbers.items():
        is_number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
        if value is not None and not (is_number and math.isfinite(value)):
            raise ValueError(f"{place}: its {key} is {shown(value)}, which is not a finite number: {CHANGED_RESULTS}")


def has_times(results: list[RecognizedUtterance]) -> bool:
    """Whether each utterance has a start and an end."""
    return all(result.get(key) is not None for result in results for key in ("start", "end"))


def clock(seconds: float, decimals: int = 0, mark: str = ".", hours: bool = False) -> str:
    """A time in seconds as text: `1:02:03.5`, or `02:03.5` below an hour; with `hours` always as `01:02:03.5`."""
    units = round(seconds * 10**decimals)
    whole, fraction = divmod(units, 10**decimals)
    minutes, rest = divmod(whole, 60)
    text = f"{minutes % 60:02d}:{rest:02d}" + (f"{mark}{fraction:0{decimals}d}" if decimals else "")
    if hours:
        return f"{minutes // 60:02d}:{text}"
    return f"{minutes // 60}:{text}" if minutes >= 60 else text


def as_table(results: list[RecognizedUtterance], width: int = 100) -> str:
    """
    A table for the terminal with a line for each utterance: start, speaker, text, emotion (`unclear: joy` below the model's
    threshold), confidence, runner-up, margin and, for several modalities, the share of each in percent (`T/A/V %`: text,
    audio, vision; `-` for a missing modality). For a model with experts, `T/A/V +` is the amount that the expert of each
    modality adds to the score of the emotion, see [`CONTRIBUTIONS`]. Notes below the table give the number of unclear
    utterances and the warnings of the results.

    Args:
        results: the pipeline's output for one recording.
        width: the number of characters of a line; texts are shortened to fit.

    Raises:
        ValueError: for no results.
    """
    check_results(results)
    modalities = keys_under(results, "shares")
    columns = {"speaker": [_shortened(_printable(r["speaker"]), _LONGEST_SPEAKER_CELL) for r in results]}
    if any(result.get("start") is not None for result in results):
        starts = [result.get("start") for result in results]
        columns = {"start": ["" if start is None else clock(start, 1) for start in starts], **columns}
    after = {
        "emotion": [_printable(shown_emotion(result)) for result in results],
        "conf.": [f"{result['confidence']:.0%}" for result in results],
    }
    if any(result.get("runner_up") for result in results):
        after["runner-up"] = [_printable(result.get("runner_up") or "") for result in results]
        after["margin"] = ["" if result.get("margin") is None else f"{result['margin']:.0%}" for result in results]
    if len(modalities) > 1:
        initials = "/".join(modality[:1].upper() for modality in modalities)
        after[f"{initials} %"] = [_shares_in_percent(result, modalities) for result in results]
    experts = keys_under(results, "contributions")
    if experts:
        initials = "/".join(modality[:1].upper() for modality in experts)
        after[f"{initials} +"] = [_contributions_in_words(result, experts) for result in results]
    if any(result.get("text") for result in results):
        room = width - sum(2 + max(map(_cells, [name, *cells])) for name, cells in {**columns, **after}.items())
        columns["text"] = [
            _shortened(_printable(result.get("text") or ""), max(room, _SHORTEST_TEXT_CELL)) for result in results
        ]
    columns.update(after)
    notes = [line for note in notes_of(results) for line in ("", *textwrap.wrap(_printable(note), width))]
    head, rule, *rows = (line.rstrip() for line in _aligned(columns))
    explained = [[row, *_explained(result, results, width)] for row, result in zip(rows, results, strict=True)]
    return "\n".join([head, rule, *(line for lines in explained for line in lines), *notes])


def _explained(result: RecognizedUtterance, results: list[RecognizedUtterance], width: int) -> list[str]:
    """The lines below an utterance that has an explanation."""
    return textwrap.wrap(_printable(reasons(result, results)), width, initial_indent="    ", subsequent_indent="    ")


def _aligned(columns: dict[str, list[str]]) -> list[str]:
    padded = []
    for name, cells in columns.items():
        size = max(map(_cells, [name, *cells]))
        padding = [" " * (size - _cells(cell)) for cell in (name, *cells)]
        is_number = name in ("start", "conf.", "margin")
        cells = [
            space + cell if is_number else cell + space for cell, space in zip([name, *cells], padding, strict=True)
        ]
        padded.append([cells[0], "-" * size, *cells[1:]])
    return ["  ".join(row) for row in zip(*padded, strict=True)]


def _shares_in_percent(result: RecognizedUtterance, modalities: list[str]) -> str:
    present = result.get("modalities", modalities)
    shares = result.get("shares") or {}
    return "/".join(f"{100 * shares.get(name, 0):.0f}" if name in present else "-" for name in modalities)


def _contributions_in_words(result: RecognizedUtterance, experts: list[str]) -> str:
    present = result.get("modalities", experts)
    contributions = result.get("contributions") or {}
    return "/".join(f"{contributions.get(name, 0):+.1f}" if name in present else "-" for name in experts)


def _one_line(text: str) -> str:
    return " ".join(str(text).split())


def _printable(text: str) -> str:
    # unprintable characters could control the terminal
    return "".join(character for character in _one_line(text) if character.isprintable())


def _cells(text: str) -> int:
    """The number of terminal columns that a text takes: two for each wide character, none for combining ones."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


def _shortened(text: str, size: int) -> str:
    if _cells(text) <= size:
        return text
    taken = itertools.accumulate(map(_cells, text))
    kept = "".join(
        character for character, _ in itertools.takewhile(lambda one: one[1] < size, zip(text, taken, strict=True))
    )
    return kept.rstrip() + "…"


def _write_text(file: Path, text: str):
    file.write_bytes(text.encode("utf-8", errors="replace"))


def _write_json(results: list[RecognizedUtterance], file: Path, settings: _Settings):
    contents = {"recording": settings.recording, "utterances": results}
    if warnings := getattr(results, "warnings", None):
        contents["warnings"] = warnings
    _write_text(file, as_json(contents, "The timeline", ensure_ascii=False, indent=1) + "\n")


def _write_csv(results: list[RecognizedUtterance], file: Path, settings: _Settings):
    _write_text(file, ("\ufeff" if settings.csv_bom else "") + csv_text(results, settings.csv_raw))


def _write_xlsx(results: list[RecognizedUtterance], file: Path, settings: _Settings):
    file.write_bytes(xlsx_bytes(results))


def _write_srt(results: list[RecognizedUtterance], file: Path, settings: _Settings):
    cues = (
        f"{number}\n{_srt_time(result['start'])} --> {_srt_time(result['end'])}\n{_srt_text(result)}\n"
        for number, result in enumerate(_in_order_of_time(results, settings), start=1)
    )
    _write_text(file, "\n".join(cues))


def _srt_time(seconds: float) -> str:
    return clock(seconds, 3, ",", hours=True)


def _srt_text(result: dict) -> str:
    prefix = (
        f"{_one_line(result['speaker'])} [{_one_line(shown_emotion(result))} {round(100 * result['confidence'])} %]:"
    )
    return f"{prefix} {_one_line(result.get('text') or '')}".rstrip().replace("-->", "->")


def _write_rttm(results: list[RecognizedUtterance], file: Path, settings: _Settings):
    lines = (
        f"SPEAKER {_field(settings.recording)} 1 {result['start']:.3f} {result['end'] - result['start']:.3f} <NA> "
        f"{_field(counted_emotion(result))} {_field(result['speaker'])} {result['confidence']:.3f} <NA>\n"
        for result in _in_order_of_time(results, settings)
    )
    notes = (f";; {_one_line(note)}\n" for note in getattr(results, "warnings", ()))
    _write_text(file, "".join([f";; {CREATOR}\n", *notes, *lines]))


def _field(text: str) -> str:
    return "_".join(str(text).split()) or "_"


def _write_textgrid(results: list[RecognizedUtterance], file: Path, settings: _Settings):
    write_textgrid(_in_order_of_time(results, settings), file)


def _write_eaf(results: list[RecognizedUtterance], file: Path, settings: _Settings):
    write_eaf(_in_order_of_time(results, settings), file)


def _in_order_of_time(results: list[RecognizedUtterance], settings: _Settings) -> list[RecognizedUtterance]:
    if not has_times(results):
        raise ValueError(
            f"{settings.suffix} needs the times of every utterance: give start and end in the transcript, or write .json or "
            ".csv."
        )
    return sorted(results, key=lambda result: result["start"])


WRITERS = {
    ".json": _write_json,
    ".csv": _write_csv,
    ".srt": _write_srt,
    ".rttm": _write_rttm,
    ".xlsx": _write_xlsx,
    ".textgrid": _write_textgrid,
    ".eaf": _write_eaf,
}
