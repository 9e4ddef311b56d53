# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Reading tables and lists from files: CSV and TSV as spreadsheets save them, JSON, and Parquet with types of `datasets`."""

import codecs
import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import pandas as pd
import pyarrow
import pyarrow.parquet

from modeling_amuse.processing.input_boundary import boundary
from modeling_amuse.processing.plain_json import parsed_json
from modeling_amuse.processing.stated_sizes import check_parquet_size
from modeling_amuse.processing.text_encoding import NOT_UTF8, decode_utf8_or_cp1252
from modeling_amuse.processing.transcript_encodings import encoding_of
from modeling_amuse.processing.transcript_tables import plain_tabs, unguarded
from modeling_amuse.processing.warning_messages import warn

DELIMITERS = (",", ";", "\t", "|")
LINE_END = r"\r\n|\n|\r"
BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass
class Rows:
    """
    Rows of a table.

    Attributes:
        rows: a dict for each row.
        lines: the line number, or else the number, of each row in its file, for messages.
        class_names: the class names of each `ClassLabel` column, whose values in `rows` are already names.
        media: `audio` or `video` for each column of recordings.
        report: counts of what was corrected.
    """

    rows: list[dict]
    lines: list[int] = field(default_factory=list)
    class_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    media: dict[str, str] = field(default_factory=dict)
    report: Counter = field(default_factory=Counter)


def read_text(path: Path) -> tuple[str, Counter]:
    """
    The text of a file in UTF-8, in UTF-16 with or without a byte order mark, in UTF-32 with one, or in another encoding that
    its letters show, which a warning names. Single bytes of cp1252 in a file in UTF-8 are mended and counted.

    Raises:
        ValueError: when the contents do not match the encoding that the first bytes indicate, or the letters show none.
    """
    start = path.open("rb").read(4096)
    encoding = next((name for bom, name in BOMS.items() if start.startswith(bom)), None)
    if encoding is None and start.count(0) > len(start) // 4:
        encoding = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    if encoding is None:
        return _without_mark(path, path.read_bytes())
    try:
        return path.read_bytes().decode(encoding).removeprefix("\ufeff"), Counter()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not valid {encoding.upper()}, which its first bytes indicate ({error}): save it as UTF-8."
        ) from error


def _without_mark(path: Path, contents: bytes) -> tuple[str, Counter]:
    text, report = decode_utf8_or_cp1252(path)
    in_utf8 = sum(character > "\x7f" for character in contents.decode("utf-8", errors="ignore"))
    if report[NOT_UTF8] <= in_utf8 or contents.startswith(codecs.BOM_UTF8):
        return text, report
    # lines of English among those of another language would hide it
    encoding = encoding_of(path, b"\n".join(line for line in contents.split(b"\n") if not line.isascii()))
    if encoding == "cp1252":
        return text, report
    warn(f"{path} is not in UTF-8: it was read in the encoding {encoding}. If letters are wrong, save it as UTF-8.")
    return contents.decode(encoding, errors="replace"), Counter()


def read_delimited(path: Path) -> Rows:
    """
    The rows of a CSV or TSV file. Every cell is unchanged text, and the names of columns are stripped. Rows in which all
    cells are empty are left out.

    Raises:
        ValueError: for an empty file, two columns of the same name, rows with more cells than the header, and open quotes.
    """
    text, report = read_text(path)
    if report:
        warn(f"{path} is not only UTF-8: {', '.join(f'{count} {what}' for what, count in report.items())}.")
    text = text.lstrip("\r\n")
    named = re.match(r"sep=(.)[\r\n]+", text)  # the first line of files from some spreadsheets
    text = text[named.end() :] if named else text
    if not text.strip():
        raise ValueError(f"{path} is empty: its first line must name the columns.")
    delimiter = named[1] if named else delimiter_of(text, path)
    cells = plain_tabs(text) if delimiter == "\t" else None
    header, *rows = cells or _parsed(text, delimiter, path, first_row=2 if named else 1)
    names = _column_names(header, rows, path)
    found = Rows([], report=report)
    for number, row in enumerate(rows, start=3 if named else 2):
        if any(cell.strip() for cell in row):
            found.rows.append({name: unguarded(row[place]) for place, name in names.items()})
            found.lines.append(number)
    found.report["rows without any filled cell, left out"] += len(rows) - len(found.rows)
    return found


def read_frame(path: Path) -> pd.DataFrame:
    """
    The rows of a CSV or TSV file as texts, indexed by their numbers in the file, see [`read_delimited`].

    Raises:
        ValueError: as [`read_delimited`], and for a file without rows.
    """
    found = read_delimited(path)
    if not found.rows:
        raise ValueError(f"{path} has no rows below its header.")
    return pd.DataFrame(found.rows, index=found.lines)


def _column_names(header: list[str], rows: list[list[str]], path: Path) -> dict[int, str]:
    """The name of each column by its position, without columns that have neither a name nor a filled cell."""
    names = {}
    for place, name in enumerate(header):
        if name.strip():
            names[place] = name.strip()
        elif any(row[place].strip() for row in rows):
            names[place] = f"column {place + 1}"
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        raise ValueError(f"{path} has two columns {twice[0]!r}: rename one.")
    return names


def delimiter_of(text: str, path: Path) -> str:
    """The delimiter that occurs most often in the header outside quotes."""
    header = re.sub(r'"[^"]*"', "", re.split(LINE_END, text.lstrip("\r\n"))[0])
    counts = {delimiter: header.count(delimiter) for delimiter in DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ("\t" if path.suffix.lower() == ".tsv" else ",")


def _parsed(text: str, delimiter: str, path: Path, first_row: int) -> list[list[str]]:
    try:
        frame = pd.read_csv(
            io.StringIO(text, newline=""),
            sep=delimiter,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_values=[],
            index_col=False,
            skip_blank_lines=False,
            skipinitialspace=delimiter != "\t",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(
            f"{path} is not a table with {delimiter!r} between its cells ({str(error).strip()}): put cells that contain "
            f"{delimiter!r} or line breaks into quotes, and close every quote."
        ) from error
    _warn_of_short_rows(text, delimiter, path, first_row)
    return frame.fillna("").to_numpy().tolist()


def _warn_of_short_rows(text: str, delimiter: str, path: Path, first_row: int):
    """Say where rows have fewer cells than the header, as in a file that was cut off: pandas fills them up silently."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=delimiter != "\t")
    try:
        widths = [len(row) for row in reader]
    except csv.Error:  # a cell of more than 131,072 characters
        return
    short = [number for number, width in enumerate(widths) if 0 < width < widths[0]]
    if short:
        warn(
            f"{path}: {len(short)} rows have fewer cells than the header, the first is row {short[0] + first_row}: their "
            "missing cells are empty."
        )


_HALVES = re.compile(r"\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(?P<half>\\ud[89a-f][0-9a-f]{2})", re.IGNORECASE)
"""In JSON: halves of surrogate pairs, which are no characters; before them what is none: a backslash, a whole pair."""


def read_json(path: Path) -> tuple[list | dict, list[int] | None]:
    """
    The value of a JSON file, or the values of the lines of a JSON Lines file with their line numbers.

    Raises:
        ValueError: when the file is neither, or is nested too deeply.
    """
    try:
        text, _ = read_text(path) if _is_utf_16(path) else (path.read_text(encoding="utf-8-sig"), None)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}): save it as UTF-8.") from error
    if any(found["half"] for found in _HALVES.finditer(text)):
        warn(f"{path} holds halves of surrogate pairs, which are not characters: they were replaced by U+FFFD.")
        text = _HALVES.sub(lambda found: "\\ufffd" if found["half"] else found[0], text)
    try:
        if path.suffix.lower() == ".json":
            try:
                return parsed_json(text), None
            except json.JSONDecodeError as error:
                if "Extra data" not in error.msg:
                    raise ValueError(f"{path} is not JSON ({error}).") from error
        return _json_lines(text, path)
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply to be a data set: give rows or conversations.") from error


def _is_utf_16(path: Path) -> bool:
    with path.open("rb") as file:
        return 0 in file.read(64)


def _json_lines(text: str, path: Path) -> tuple[list, list[int] | None]:
    rows, lines = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(parsed_json(line))
        except json.JSONDecodeError as error:
            if not rows:
                try:
                    return parsed_json(text), None  # a JSON file with another suffix
                except json.JSONDecodeError:
                    pass
            raise ValueError(
                f"{path}, line {number}, is not JSON ({error}): write one conversation per line."
            ) from error
        lines.append(number)
    return rows, lines


def read_parquet(paths: list[Path]) -> Rows:
    """
    The rows of Parquet files that are shards of one table, with the types of `datasets` that are stored in them.

    Raises:
        ValueError: when a file is not a Parquet file.
    """
    tables = []
    for path in paths:
        with boundary(path, "it is not a Parquet file: write it again."):
            try:
                check_parquet_size(path)
                tables.append(datasets.Dataset(pyarrow.parquet.read_table(path)))
            except (OSError, ValueError, pyarrow.ArrowException) as error:
                raise ValueError(f"{path} is not a Parquet file: {error}") from error
    return rows_of_dataset(datasets.concatenate_datasets(tables) if len(tables) > 1 else tables[0])


def rows_of_dataset(data: datasets.Dataset | datasets.IterableDataset) -> Rows:
    """The rows of a split, with the names of class labels and without decoding recordings."""
    features = data.features
    if features is None:
        features = data._resolve_features().features or {}
    kinds = {name: _medium(feature) for name, feature in features.items()}
    media = {name: medium for name, medium in kinds.items() if medium}
    for name, feature in features.items():
        if _undecoded(feature) != feature:
            data = data.cast_column(name, _undecoded(feature))
    rows = [{name: _named_and_turned(row[name], feature) for name, feature in features.items()} for row in data]
    return Rows(rows, list(range(1, len(rows) + 1)), _classes(features), media)


def _named_and_turned(value, feature):
    """A value with classes by their names, and lists of fields (a `Sequence` of a dict) as a list of dicts."""
    if value is None:
        return None
    if isinstance(feature, datasets.ClassLabel):
        return feature.names[value] if isinstance(value, int) and 0 <= value < len(feature.names) else None
    if isinstance(feature, (datasets.List, datasets.LargeList)):
        return [_named_and_turned(one, feature.feature) for one in value]
    if not isinstance(feature, dict):
        return value
    fields = {key: _named_and_turned(value.get(key), inner) for key, inner in feature.items()}
    lists = [field for field in fields.values() if isinstance(field, list)]
    if lists and len(lists) == len(fields) and len({len(field) for field in lists}) == 1:
        return [dict(zip(fields, row, strict=True)) for row in zip(*lists, strict=True)]
    return fields


def _classes(features: dict) -> dict[str, tuple[str, ...]]:
    """The names of the classes of each column and of each field of its lists."""
    found = {}
    for name, feature in features.items():
        while isinstance(feature, (datasets.List, datasets.LargeList)):
            feature = feature.feature
        if isinstance(feature, datasets.ClassLabel):
            found[name] = tuple(feature.names)
        elif isinstance(feature, dict):
            found |= _classes(feature)
    return found


def _medium(feature) -> str | None:
    if isinstance(feature, datasets.Audio):
        return "audio"
    return "video" if isinstance(feature, datasets.Video) else None


def _undecoded(feature):
    """The type of a column without decoding, with which `datasets` gives the path and the bytes of a recording."""
    if isinstance(feature, (datasets.Audio, datasets.Video)):
        return type(feature)(decode=False)
    if isinstance(feature, (datasets.List, datasets.LargeList)):
        return type(feature)(_undecoded(feature.feature))
    return {key: _undecoded(value) for key, value in feature.items()} if isinstance(feature, dict) else feature


def check_shards(paths: Iterable[Path]):
    """
    Raises:
        FileNotFoundError: when one of the numbered files of a table, such as `train-00001-of-00003.parquet`, is missing.
    """
    held = defaultdict(set)
    for path in paths:
        if match := re.search(r"^(.*)-(\d{5})-of-(\d{5})(\.\w+)$", path.name):
            held[path.parent, match[1], int(match[3]), match[4]].add(int(match[2]))
    for (folder, stem, number, suffix), found in held.items():
        missing = sorted(set(range(number)) - found)
        if missing and found != set(range(1, number + 1)):
            raise FileNotFoundError(
                f"{folder} lacks {stem}-{missing[0]:05d}-of-{number:05d}{suffix}, one of the {number} files of a table: get all of "
                "them again."
            )
