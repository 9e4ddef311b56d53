# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The emotions of a recording's utterances as a file (JSON, CSV, subtitles, RTTM) or a table for the terminal."""

import csv
import io
import json
import re
import unicodedata
from pathlib import Path

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.whole_files import whole_file

_LONGEST_SPEAKER_CELL = 20
_SHORTEST_TEXT_CELL = 12


def write_timeline(results: list[RecognizedUtterance], path: str | Path, recording: str | None = None):
    """
    Write the utterances of one recording with their emotions, in the format that the suffix names.

    The file appears complete or not at all. `read_transcript` reads speakers, texts and times back from all but the RTTM,
    which has no texts.

    - `.json`: `{"recording": its name, "utterances": results}`.
    - `.csv`: a row an utterance with `start`, `end`, `speaker`, `text`, `emotion`, `confidence`, `score_<emotion>` and
      `share_<modality>`; `id` before them, if there are ids.
    - `.srt`: cues such as `Ada [joy 83 %]: I passed!`, to the millisecond, each text on one line, `-->` in it as `->`.
    - `.rttm`: `SPEAKER` lines, to the millisecond. The speaker is in the name field, the emotion in the subtype field, which
      speaker lines leave empty otherwise, the confidence in the confidence field. White space in names becomes `_`.

    Args:
        results: what the pipeline gives for one recording.
        path: the file to write; one that exists is replaced.
        recording: the recording's name in JSON and RTTM. None: the stem of `path`.

    Raises:
        ValueError: for an unknown suffix, no results, or `.srt` and `.rttm` without times.
        FileNotFoundError: when the folder does not exist.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise ValueError(f"{path} has the suffix {path.suffix!r}: give one of {', '.join(WRITERS)}.")
    check_results(results)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into: make it first.")
    text = writer(results, path, path.stem if recording is None else recording)
    with whole_file(path) as file:
        file.write_bytes(text.encode("utf-8", errors="replace"))


def is_timeline(path: str | Path) -> bool:
    """Whether a file begins as `write_timeline` writes JSON, CSV and subtitles: it is no transcript that somebody made."""
    begins = _BEGINNINGS.get(Path(path).suffix.lower())
    if begins is None:
        return False
    with open(path, "rb") as file:
        return begins.match(file.read(4096).decode("utf-8", errors="replace")) is not None


_BEGINNINGS = {
    ".json": re.compile(r'\{\s*"recording":'),
    ".csv": re.compile(r"[^\n]*\bemotion,confidence,score_"),
    ".srt": re.compile(r"1\s+\S+ --> \S+\s+[^\n]+ \[[^\[\]\n]+ \d{1,3} %\]:"),
}


def check_results(results: list[RecognizedUtterance]):
    """
    Check that `results` are the utterances of one recording with their emotions.

    Raises:
        ValueError: otherwise, naming the utterance.
    """
    if not isinstance(results, (list, tuple)) or not results:
        raise ValueError("There are no results: give what the pipeline gives for one recording, a list of utterances.")
    for position, result in enumerate(results):
        if not isinstance(result, dict):
            raise ValueError(
                f"Result {position} is a {type(result).__name__}: give the results of one recording alone."
            )
        missing = [key for key in ("speaker", "emotion", "confidence") if result.get(key) is None]
        if missing:
            raise ValueError(
                f"Result {position} lacks {', '.join(missing)}: give the results of the pipeline as they are."
            )


def has_times(results: list[RecognizedUtterance]) -> bool:
    """Whether each utterance has a start and an end."""
    return all(result.get(key) is not None for result in results for key in ("start", "end"))


def clock(seconds: float, decimals: int = 0, mark: str = ".", hours: bool = False) -> str:
    """`1:02:03.5`, or `02:03.5` below an hour; with `hours` always `01:02:03.5`."""
    units = round(seconds * 10**decimals)
    whole, fraction = divmod(units, 10**decimals)
    minutes, rest = divmod(whole, 60)
    text = f"{minutes % 60:02d}:{rest:02d}" + (f"{mark}{fraction:0{decimals}d}" if decimals else "")
    if hours:
        return f"{minutes // 60:02d}:{text}"
    return f"{minutes // 60}:{text}" if minutes >= 60 else text


def as_table(results: list[RecognizedUtterance], width: int = 100) -> str:
    """
    A table for the terminal, a line an utterance: start, speaker, text, emotion, confidence and, of several modalities, the
    share of each in percent (`T/A/V`: text, audio, vision; `-` for one that the utterance lacks).

    Args:
        results: what the pipeline gives for one recording.
        width: the characters of a line; texts are shortened to fit.

    Raises:
        ValueError: for no results.
    """
    check_results(results)
    modalities = _keys(results, "shares")
    columns = {"speaker": [_shortened(_printable(r["speaker"]), _LONGEST_SPEAKER_CELL) for r in results]}
    if any(result.get("start") is not None for result in results):
        starts = [result.get("start") for result in results]
        columns = {"start": ["" if start is None else clock(start, 1) for start in starts], **columns}
    after = {
        "emotion": [_printable(result["emotion"]) for result in results],
        "conf.": [f"{result['confidence']:.0%}" for result in results],
    }
    if len(modalities) > 1:
        initials = "/".join(modality[:1].upper() for modality in modalities)
        after[f"{initials} %"] = [_shares_in_percent(result, modalities) for result in results]
    if any(result.get("text") for result in results):
        room = width - sum(2 + max(map(_cells, [name, *cells])) for name, cells in {**columns, **after}.items())
        columns["text"] = [
            _shortened(_printable(result.get("text") or ""), max(room, _SHORTEST_TEXT_CELL)) for result in results
        ]
    columns.update(after)
    return "\n".join(line.rstrip() for line in _aligned(columns))


def _aligned(columns: dict[str, list[str]]) -> list[str]:
    padded = []
    for name, cells in columns.items():
        size = max(map(_cells, [name, *cells]))
        padding = [" " * (size - _cells(cell)) for cell in (name, *cells)]
        is_number = name in ("start", "conf.")
        cells = [
            space + cell if is_number else cell + space for cell, space in zip([name, *cells], padding, strict=True)
        ]
        padded.append([cells[0], "-" * size, *cells[1:]])
    return ["  ".join(row) for row in zip(*padded, strict=True)]


def _shares_in_percent(result: RecognizedUtterance, modalities: list[str]) -> str:
    present = result.get("modalities", modalities)
    shares = result.get("shares") or {}
    return "/".join(f"{100 * shares.get(name, 0):.0f}" if name in present else "-" for name in modalities)


def _keys(results: list[RecognizedUtterance], name: str) -> list[str]:
    """The keys of all dicts under `name`, in the order in which they appear."""
    return list(dict.fromkeys(key for result in results for key in result.get(name) or {}))


def _one_line(text: str) -> str:
    return " ".join(str(text).split())


def _printable(text: str) -> str:
    # what is not printable could steer the terminal
    return "".join(character for character in _one_line(text) if character.isprintable())


def _cells(text: str) -> int:
    """The columns of the terminal that a text takes: two for each wide character, none for combining ones."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


def _shortened(text: str, size: int) -> str:
    if _cells(text) <= size:
        return text
    while text and _cells(text) > size - 1:
        text = text[:-1]
    return text.rstrip() + "…"


def _as_json(results: list[RecognizedUtterance], path: Path, recording: str) -> str:
    return json.dumps({"recording": recording, "utterances": results}, ensure_ascii=False, indent=1) + "\n"


def _as_csv(results: list[RecognizedUtterance], path: Path, recording: str) -> str:
    plain = ("start", "end", "speaker", "text", "emotion", "confidence")
    if any("id" in result for result in results):
        plain = ("id", *plain)
    emotions, modalities = _keys(results, "scores"), _keys(results, "shares")
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow([*plain, *(f"score_{emotion}" for emotion in emotions), *(f"share_{name}" for name in modalities)])
    for result in results:
        scores, shares = result.get("scores") or {}, result.get("shares") or {}
        writer.writerow([*map(result.get, plain), *map(scores.get, emotions), *map(shares.get, modalities)])
    return table.getvalue()


def _as_srt(results: list[RecognizedUtterance], path: Path, recording: str) -> str:
    return "\n".join(
        f"{number}\n{_srt_time(result['start'])} --> {_srt_time(result['end'])}\n{_srt_text(result)}\n"
        for number, result in enumerate(_in_order_of_time(results, path), start=1)
    )


def _srt_time(seconds: float) -> str:
    return clock(seconds, 3, ",", hours=True)


def _srt_text(result: RecognizedUtterance) -> str:
    prefix = f"{_one_line(result['speaker'])} [{_one_line(result['emotion'])} {round(100 * result['confidence'])} %]:"
    return f"{prefix} {_one_line(result.get('text') or '')}".rstrip().replace("-->", "->")


def _as_rttm(results: list[RecognizedUtterance], path: Path, recording: str) -> str:
    return "".join(
        f"SPEAKER {_field(recording)} 1 {result['start']:.3f} {result['end'] - result['start']:.3f} <NA> {_field(result['emotion'])} "
        f"{_field(result['speaker'])} {result['confidence']:.3f} <NA>\n"
        for result in _in_order_of_time(results, path)
    )


def _field(text: str) -> str:
    return "_".join(str(text).split()) or "_"


def _in_order_of_time(results: list[RecognizedUtterance], path: Path) -> list[dict]:
    if not has_times(results):
        raise ValueError(
            f"{path.suffix} needs the times of every utterance: give start and end in the transcript, or write .json or .csv."
        )
    return sorted(results, key=lambda result: result["start"])


WRITERS = {".json": _as_json, ".csv": _as_csv, ".srt": _as_srt, ".rttm": _as_rttm}
