# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Tables with an utterance a row: CSV, TSV and Excel workbooks, with the headers that tools write."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence

from .extras import import_extra
from .transcript_speakers import SpeakerNames, line_of
from .transcript_times import are_milliseconds, seconds
from .transcript_utterances import UNKNOWN_SPEAKER, Found, Source, checked_utterance, lines_of
from .warning_messages import warn

COLUMNS = {
    "id": ("id", "utterance id", "utt id", "segment id"),
    "speaker": (
        *(
            "speaker",
            "speaker label",
            "speaker name",
            "name",
            "speaker id",
            "participant",
            "character",
            "person",
            "who",
        ),
        *("spk", "user name", "username", "user", "author", "tier", "sprecher", "locuteur", "hablante"),
    ),
    "text": (
        *("text", "transcript", "transcription", "utterance", "sentence", "content", "caption", "subtitle", "dialogue"),
        *(
            "dialog",
            "spoken text",
            "transcript text",
            "speech",
            "words",
            "message",
            "body",
            "line",
            "annotation",
            "texte",
        ),
    ),
    "start": (
        *(
            "start",
            "start time",
            "starttime",
            "begin",
            "begin time",
            "begintime",
            "from",
            "onset",
            "time start",
            "time in",
        ),
        *("timecode in", "in", "in point", "tc in", "tmin", "xmin", "start timecode", "start timestamp", "offset"),
        *(
            "t start",
            "time begin",
            "beginn",
            "anfang",
            "début",
            "debut",
            "inicio",
            "inizio",
            "начало",
            "timestamp",
            "timecode",
            "time",
        ),
    ),
    "end": (
        *(
            "end",
            "end time",
            "endtime",
            "stop",
            "stop time",
            "to",
            "offset end",
            "time end",
            "time out",
            "timecode out",
        ),
        *("out", "out point", "tc out", "tmax", "xmax", "end timecode", "end timestamp", "finish", "until"),
        *("t end", "time stop", "ende", "fin", "fine", "fim", "конец"),
    ),
    "duration": ("duration", "dur", "length"),
    "emotion": ("emotion",),
    "audio": ("audio",),
    "video": ("video",),
}
"""The columns that are read, each with the names that tools give it, the preferred ones first."""

_UNITS = {
    1.0: ("s", "sec", "secs", "second", "seconds"),
    1e-3: ("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"),
}
_NO_UNITS = ("frame", "frames", "sample", "samples", "tick", "ticks", "ns", "us", "min", "minutes")
_CLOCK_WORDS = frozenset(("hh", "mm", "ss", "fff", "hms", "hhmmss", "mmss", "sss"))
_PARTS_OF_CLOCKS = ("ms", "msec", "msecs", "h", "m", "s")
_LARGEST_SHEET = 256 * 2**20  # bytes, unpacked


def read_csv(source: Source) -> Found:
    """The conversation of a table in text, separated by commas, semicolons, tabs or bars."""
    text = source.text.lstrip("\r\n")
    skipped = len(source.text) - len(text)
    first_line = source.text[:skipped].count("\n")
    first, _, rest = text.partition("\n")
    delimiter = max(",;\t|", key=first.count)
    if match := re.fullmatch(r"sep=(.)\r?", first.strip("\ufeff"), re.IGNORECASE):  # as Excel is told
        delimiter, text, first_line = match[1], rest, first_line + 1
    if delimiter == "\t" and (cells := plain_tabs(text)):
        rows = [(source.line(first_line + number), row) for number, row in enumerate(cells, start=1)]
        return [(None, utterances_of_rows(source, [(place, row) for place, row in rows if any(map(str.strip, row))]))]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(source.line(first_line + reader.line_num), row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ValueError(
            f"{source.line(first_line + reader.line_num)}: this is not valid CSV ({error}): check its quotes."
        ) from error
    return [(None, utterances_of_rows(source, rows))]


def plain_tabs(text: str) -> list[list[str]] | None:
    """
    The cells of a file in which every line has as many tabs as the header. Its quotes then belong to the text, and may be
    left open, as in Whisper's files; cells that are quoted completely are unquoted. None for other files.
    """
    lines = lines_of(text.rstrip("\r\n"))  # an empty last cell ends with a tab
    if len({line.count("\t") for line in lines if line.strip()}) > 1:
        return None
    width = lines[0].count("\t") + 1
    return [[_unquoted(cell) for cell in line.split("\t")] if line.strip() else [""] * width for line in lines]


def _unquoted(cell: str) -> str:
    inside = re.fullmatch(r'\s*"((?:[^"]|"")*)"\s*', cell)
    return inside[1].replace('""', '"') if inside else cell


def read_xlsx(source: Source) -> Found:
    """The conversation of an Excel workbook: its first sheet that has the columns."""
    openpyxl = import_extra("openpyxl", "transcripts")
    check_zip(source, _LARGEST_SHEET)
    try:
        book = openpyxl.load_workbook(source.path, read_only=True, data_only=True)
        sheets = {
            sheet.title: [[(cell.value, cell.number_format) for cell in row] for row in sheet.iter_rows()]
            for sheet in book.worksheets
        }
        book.close()
    except Exception as error:  # openpyxl raises what the XML inside makes it raise
        raise ValueError(f"{source.path} is not a readable Excel workbook ({error}): save it as CSV.") from error
    tables = []
    for title, rows in sheets.items():
        table = [
            (f"{source.path}, sheet {title}, row {number}", [_cell_text(value) for value, _ in row])
            for number, row in enumerate(_with_short_times(rows), start=1)
        ]
        tables.append([(place, row) for place, row in table if any(cell.strip() for cell in row)])
    tables = [table for table in tables if table]
    if not tables:
        raise ValueError(f"{source.path} holds no utterance: its sheets are empty.")
    table = next((table for table in tables if has_columns(table[0][1])), tables[0])
    return [(None, utterances_of_rows(source, table))]


def check_zip(source: Source, largest: int):
    """Raises ValueError when a file is not a zip archive, or would take more memory than it should."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise ValueError(
            f"{source.path} is damaged, or no {source.path.suffix} file ({error}): save it again."
        ) from error
    if size > largest:
        raise ValueError(
            f"{source.path} would unpack to {size // 2**20} MiB: this is not the transcript of one conversation."
        )


def _with_short_times(rows: list[list[tuple]]) -> list[list[tuple]]:
    """
    The rows, with `0:03` of hours and minutes as 3 seconds in each column that shows such times: who types 0:03 for three
    seconds into a spreadsheet sees 0:03.
    """
    width = max(map(len, rows), default=0)
    columns = [
        [row[place] for row in rows if place < len(row) and _clock(row[place][0]) is not None] for place in range(width)
    ]
    short = {place for place, cells in enumerate(columns) if _are_short(cells)}
    return [
        [_as_short(cell) if place in short and _clock(cell[0]) is not None else cell for place, cell in enumerate(row)]
        for row in rows
    ]


def _clock(value) -> float | None:
    """The seconds of a time or a duration; None for other cells."""
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    if hasattr(value, "hour") and not hasattr(value, "year"):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond * 1e-6
    return None


def _are_short(cells: list[tuple]) -> bool:
    formats = [(number_format or "").casefold() for _, number_format in cells]
    if any("am/pm" in form for form in formats) or any(_clock(value) % 60 for value, _ in cells):
        return False
    return any("h" in form and "s" not in form for form in formats)


def _as_short(cell: tuple) -> tuple:
    minutes = round(_clock(cell[0]) / 60)
    return f"{minutes // 60}:{minutes % 60:02d}", cell[1]


def _cell_text(cell) -> str:
    if cell is None:
        return ""
    if hasattr(cell, "total_seconds"):
        return str(cell.total_seconds())
    if hasattr(cell, "hour") and not hasattr(cell, "year"):
        return f"{cell.hour}:{cell.minute:02d}:{cell.second:02d}.{cell.microsecond:06d}"
    return str(cell)


def has_columns(header: Sequence[str]) -> bool:
    """Whether a header names what an utterance needs: text or start, and a speaker unless both are there."""
    names = {name for name, _ in map(_normal, header)}
    known = {column for column, aliases in COLUMNS.items() if names & set(aliases)}
    return bool({"text", "start"} & known) and ("speaker" in known or {"text", "start"} <= known)


def utterances_of_rows(source: Source, rows: Sequence[tuple[str, Sequence[str]]]) -> list[dict]:
    """
    The utterances of a table.

    Args:
        source: the file.
        rows: for each row that is not empty its place and its cells; the first is the header.

    Raises:
        ValueError: when columns are missing or repeated, or a row does not fit the header.
    """
    if not rows:
        return []
    columns = _columns(rows[0][1], source)
    given = []
    for place, row in rows[1:]:
        row = list(row)
        while len(row) > len(rows[0][1]) and not row[-1].strip():
            row.pop()
        if len(row) != len(rows[0][1]):
            raise ValueError(
                f"{place} has {len(row)} cells, but the header {len(rows[0][1])}: quote cells with commas."
            )
        cells = {name: row[index].strip() for name, (index, _) in columns.items()}
        given.append((place, {name: unguarded(cell) for name, cell in cells.items() if cell}))
    units = {name: unit for name, (_, unit) in columns.items() if unit is not None}
    _time_cells_in_seconds(source, given, units)
    if "speaker" not in columns:
        given = _with_speakers_of_text(source, given)
    return [checked_utterance(cells, place, source.path.parent) for place, cells in given]


def unguarded(cell: str) -> str:
    """The cell without the apostrophe that keeps spreadsheets from running it as a formula, see [`guarded`]."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r]", cell) else cell


def guarded(cell):
    """
    A cell of a table that others open. Text that a spreadsheet would run as a formula gets an apostrophe, which [`unguarded`]
    removes; so does text that would lose an apostrophe of its own.
    """
    return f"'{cell}" if isinstance(cell, str) and re.match(r"'*[=+\-@\t\r]", cell) else cell


def _columns(header: Sequence[str], source: Source) -> dict[str, tuple[int, float | None]]:
    """For each known column its position and, of times, the unit in its name in seconds."""
    names = [_normal(name) for name in header]
    found = {}
    for column, aliases in COLUMNS.items():
        for alias in aliases:
            matching = [index for index, (name, _) in enumerate(names) if name == alias]
            if len(matching) > 1 and column != "duration":
                raise ValueError(f"{source.path} has the columns {alias} more than once: keep one of each.")
            if matching:
                index = matching[0]
                unit = names[index][1]
                if unit == 0 and column in ("start", "end", "duration"):
                    raise ValueError(
                        f"{source.path}: its column {header[index].strip()!r} has an unknown unit of time: give "
                        "seconds, milliseconds or HH:MM:SS.mmm."
                    )
                found[column] = (index, unit or None)
                break
    offsets = [index for index, (name, _) in enumerate(names) if name == "offset"]
    if "start" in found and "end" not in found and names[found["start"][0]][0] == "onset" and offsets:
        found["end"] = (offsets[0], names[offsets[0]][1] or None)  # beside an onset, an offset is the end
    if not has_columns(header):
        raise ValueError(
            f"{source.path} has the columns {', '.join(name.strip() for name in header)[:200]}: its first line must name the "
            "columns speaker, and text or start and end."
        )
    taken = {index for index, _ in found.values()}
    like_times = [
        name.strip()
        for index, name in enumerate(header)
        if index not in taken and re.search(r"\b(start|end|begin|stop|onset|offset)\b", names[index][0])
    ]
    if like_times and "start" not in found:
        warn(
            f"{source.path}: its columns {', '.join(like_times)[:200]} were not understood and left out: name them start and end."
        )
    return found


def _normal(name: str) -> tuple[str, float | None]:
    """A column's name in small letters and single spaces, and the unit that it states: None for none, 0 for one not known."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.strip().strip("\ufeff#").strip())
    words = re.sub(r"[\s_\-./()\[\]:#*]+", " ", name).strip().casefold().split()
    if _CLOCK_WORDS & set(words):  # "Start (hh:mm:ss.ms)"
        words = [word for word in words if word not in _CLOCK_WORDS and word not in _PARTS_OF_CLOCKS]
    if len(words) > 1:
        if words[-1] in _NO_UNITS:
            return " ".join(words[:-1]), 0.0
        for unit, unit_names in _UNITS.items():
            if words[-1] in unit_names:
                return " ".join(words[:-1]).removesuffix(" in"), unit
    return " ".join(words), None


def _time_cells_in_seconds(source: Source, given: Iterable[tuple[str, dict]], units: dict[str, float]):
    """Bring the cells of times to seconds, as their columns' names or the size of the numbers tell."""
    given = list(given)
    if not units:
        spans = [tuple(map(cells.get, ("start", "end", "text", "duration"))) for _, cells in given]
        if are_milliseconds(spans):
            warn(f"{source.path}: the times are whole numbers, too large for seconds: they were read as milliseconds.")
            units = dict.fromkeys(("start", "end", "duration"), 1e-3)
    for place, cells in given:
        for name in ("start", "end", "duration"):
            unit = units.get(name, 1.0)
            if unit != 1.0 and name in cells and ":" not in cells[name]:
                value = seconds(cells[name], name, place, least=-1e12) if len(cells[name]) < 20 else 1e13
                cells[name] = str(round(value * unit, 6))
        duration = cells.pop("duration", None)
        if duration is not None and "end" not in cells and "start" in cells:
            start = seconds(cells["start"], "start", place)
            cells["end"] = str(round(start + seconds(duration, "duration", place), 6))


def _with_speakers_of_text(source: Source, given: list[tuple[str, dict]]) -> list[tuple[str, dict]]:
    """The rows of a table without a column of speakers, whose texts may begin with names."""
    lines = [[line_of(cells.get("text", ""))] for _, cells in given]
    names = SpeakerNames(lines)
    found, split = [], [names.split(line.announced) for [line] in lines]
    if not any(split):
        warn(f"{source.path} has no column 'speaker': all rows were taken as those of one speaker.")
    for (place, cells), named in zip(given, split, strict=True):
        speaker, text = named or (UNKNOWN_SPEAKER, cells.get("text", ""))
        found.append((place, {**cells, "speaker": speaker, "text": text}))
    return found


def rows_of_cells(cells: Iterable[Sequence[str]], place: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Rows with their places, for a table inside another file."""
    for number, row in enumerate(cells, start=1):
        if any(cell.strip() for cell in row):
            yield f"{place}, row {number}", row
