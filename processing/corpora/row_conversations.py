# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations from tables with one row per utterance."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import nlargest
from pathlib import Path

import numpy as np

from modeling_amuse.processing.conversation import STREAMS, VIDEO_SIDES
from modeling_amuse.processing.corpora.columns import LARGER_PARTS, Columns, choose_columns, id_text, listed, plain
from modeling_amuse.processing.corpora.conversation_builder import unread_key
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import SPLIT_NAMES
from modeling_amuse.processing.corpora.feature_tables import utterance_id
from modeling_amuse.processing.corpora.labels import label_of
from modeling_amuse.processing.corpora.table_files import Rows
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.plain_values import LONGEST_SECONDS, clean_text, name_of_value, numbers_of, shown
from modeling_amuse.processing.printable_text import printable_logger
from modeling_amuse.processing.transcript_times import scaled, seconds, seconds_of_text

logger = printable_logger(__name__)

UNKNOWN_SPEAKER = "unknown"
TURN_TAKERS = ("A", "B")
NOT_UNDERSTOOD = "times of {} that are not understood"
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)")
_WHOLE_NUMBER = re.compile(r"(\d+)")
OUT_OF_ORDER = "utterances without two times in order, times dropped"
TOLERANCE = 0.1
"""Seconds by which times in a table and the length of a recording may differ."""

MOST_PROBED = 20
"""Recordings of a table whose length is looked up, which takes some milliseconds each."""


def conversations_of_rows(
    table: Rows, options: DataOptions, place: str, recording: Callable, folder: Path | None = None
) -> tuple[list[dict], Counter, list[str], str | None]:
    """
    The conversations of a table in the order of their first rows, each with a `split` if there is a column of splits.

    Args:
        table: the rows.
        options: the columns to read, where their names are not known ones.
        place: the name of the table in messages, such as its path.
        recording: a function that returns the path of a file for the value of a cell in a column of recordings.
        folder: the folder that paths in cells are relative to.

    Returns:
        The conversations, counts of what was found and corrected, notes for the user, and the column of the labels.

    Raises:
        ValueError: for an invalid row, which the message names.
    """
    if not table.rows:
        raise ValueError(f"{place} holds no utterance.")
    names = list(dict.fromkeys(name for row in table.rows for name in row))
    columns = choose_columns(names, options, table.rows, table.media, place)
    notes = []
    unused = [str(name) for name in names if name not in columns.used()]
    if unused:
        notes.append(f"{place}: columns that are not read: {', '.join(unused)}.")
    report = Counter(table.report)
    for key in ("audio_track", "audio_channel"):
        of_key = [name for name in unused if plain(name) == plain(key)]
        report[unread_key(key)] += sum(bool(id_text(row.get(name))) for name in of_key for row in table.rows)
    columns = _with_split(columns, table, notes, place)
    for medium in ("audio", "video"):
        columns = with_files(columns, medium, table, folder, notes, place)
    grouped = _grouped(table, columns, notes, place)
    if options.order_column is None and not _is_numbered(grouped, columns):
        columns = replace(columns, order=None)
    notes.insert(0, f"{place}: {columns.describe()}.")
    if options.conversation_column is None:
        _warn_of_joined(grouped, columns, place)
    conversations = []
    for identifier, rows in grouped.items():
        rows = _in_order(rows, columns, report, is_named=options.order_column is not None)
        _name_speakers(rows, columns)
        utterances = [
            _utterance(row, number, identifier, columns, recording, folder, report, place)
            for number, row in enumerate(rows)
        ]
        conversations.append(
            {"id": identifier, "utterances": utterances, **_split_of(rows, columns, identifier, place)}
        )
    are_rows = not columns.conversation and columns.pattern is None
    place_recordings(conversations, are_rows, notes, place)
    make_ids_unique(conversations, columns, notes, place)
    _say_what_is_assumed(columns, conversations, notes, place)
    warn_of_times(columns, report, place)
    report["conversations"] += len(conversations)
    report["utterances"] += len(table.rows)
    return conversations, report, notes, columns.label


class _Row:
    """A row, with the information that the pattern finds in its id."""

    def __init__(self, values: dict, line: int, columns: Columns, place: str):
        self.values, self.line = values, line
        match = columns.pattern.search(id_text(values.get(columns.id))) if columns.pattern is not None else None
        self.told = {key: value for key, value in match.groupdict().items() if value} if match else {}
        self.speaker = None
        if columns.speaker is not None:
            self.speaker = _speaker(self.cell(columns.speaker), f"{place}, row {line}")
        elif "speaker" in self.told:
            self.speaker = "_".join(filter(None, (self.told.get("session"), self.told["speaker"])))

    def cell(self, column: str | None):
        """The value of a column; None for an empty cell."""
        value = self.values.get(column) if column is not None else None
        if isinstance(value, float) and math.isnan(value):
            return None
        return None if isinstance(value, str) and not value.strip() else value


def _speaker(value, place: str) -> str | None:
    values = value if isinstance(value, (list, tuple)) else [value]
    return " & ".join(filter(None, (name_of_value(one, "speaker", place) for one in values))) or None


def _name(value, what: str, place: str) -> str:
    """The value of a column of ids; of a recording (a dict) its path."""
    value = value.get("path") if isinstance(value, dict) else value
    return name_of_value(value, what, place)


def _with_split(columns: Columns, table: Rows, notes: list[str], place: str) -> Columns:
    """The columns without one such as `subset` that names no split: it tells something else, such as clean and noisy parts."""
    if columns.split is None or plain(columns.split) == "split":
        return columns
    values = sorted({id_text(row.get(columns.split)) for row in table.rows} - {""})
    if any(value.casefold() in SPLIT_NAMES for value in values):
        return columns
    notes.append(f"{place}: {listed(values)} is no name of a split: the column {columns.split} is not read.")
    return replace(columns, split=None)


def with_files(
    columns: Columns, medium: str, table: Rows, folder: Path | None, notes: list[str], place: str
) -> Columns:
    """The columns without the column of a medium if none of the files that it names exists."""
    column = getattr(columns, medium)
    if column is None or column in table.media or any(isinstance(row.get(column), dict) for row in table.rows):
        return columns
    paths = [str(row[column]).strip() for row in table.rows if isinstance(row.get(column), str) and row[column].strip()]
    if not paths or not any((folder or Path()).joinpath(path).is_file() for path in paths):
        if paths:
            logger.warning(
                "%s: no file of the column %s exists (such as %s): utterances have no %s.",
                place,
                column,
                paths[0],
                medium,
            )
        return replace(columns, **{medium: None})
    return columns


def _grouped(table: Rows, columns: Columns, notes: list[str], place: str) -> dict[str, list[_Row]]:
    """The rows of each conversation, in the order of the table."""
    lines = table.lines or list(range(1, len(table.rows) + 1))
    rows = [_Row(values, line, columns, place) for values, line in zip(table.rows, lines, strict=True)]
    grouped, before, filled, repeated, above = {}, None, 0, 0, {}
    alone = not columns.conversation and not any("conversation" in row.told for row in rows)
    for row in rows:
        if columns.conversation:
            where = f"{place}, row {row.line}"
            cells = {column: _name(row.cell(column), column, where) for column in columns.conversation}
            if cells[columns.conversation[-1]]:  # who fills a spreadsheet may write a season in its first row alone
                parts = [name for name in above if plain(name) in LARGER_PARTS and not cells.get(name, "-")]
                repeated += bool(parts)
                cells |= {name: above[name] for name in parts}
            above |= {column: cell for column, cell in cells.items() if cell}
            identifier = "_".join(cells.values()) if all(cells.values()) else ""
        elif alone:
            identifier = f"row_{row.line}"
        else:
            identifier = row.told.get("conversation", "")
        if not identifier:
            if before is None:
                raise ValueError(f"{place}, row {row.line}: there is no id of its conversation ({columns.describe()}).")
            identifier, filled = before, filled + 1
        before = identifier
        grouped.setdefault(identifier, []).append(row)
    if filled:
        logger.warning(
            "%s: %d rows have no conversation id: they are added to the conversation of the row above.", place, filled
        )
    if repeated:
        logger.warning(
            "%s: %d rows have no %s: they have that of the row above.",
            *(place, repeated, " or ".join(columns.conversation[:-1])),
        )
    if alone and len(rows) > 1:
        logger.warning(
            "%s: no column gives the conversation of a row, so that every row is a conversation of its own, without "
            "context: name the column with --conversation_column, or give --id_pattern.",
            place,
        )
    return grouped


def _is_numbered(grouped: dict[str, list[_Row]], columns: Columns) -> bool:
    """Whether the column of the order numbers the utterances of most conversations: other ids, such as UUIDs, are no order."""
    keys = [[id_text(row.cell(columns.order)) for row in rows] for rows in grouped.values() if len(rows) > 1]
    return 2 * sum(map(_differ_in_a_number, keys)) >= len(keys)


def _differ_in_a_number(keys: list[str]) -> bool:
    parts = [_NUMBER.split(key) for key in keys if key]
    if len({len(split) for split in parts}) > 1:
        return False
    differing = [place for place, held in enumerate(zip(*parts, strict=True)) if len(set(held)) > 1]
    return len(differing) <= 1 and all(place % 2 for place in differing)  # between the numbers stands text


def _warn_of_joined(grouped: dict[str, list[_Row]], columns: Columns, place: str):
    """Say where several utterances of a conversation have one number: it may be several conversations."""
    if columns.order is None or not columns.conversation:
        return
    places = {name: [id_text(row.cell(columns.order)) for row in rows] for name, rows in grouped.items()}
    twice = [name for name, held in places.items() if any(n > 1 for place, n in Counter(held).items() if place)]
    if twice:
        logger.warning(
            "%s: %d of the %d conversations that %s tells, such as %s, have several utterances of one %s: they may be several "
            "conversations each. Name all columns that tell them with --conversation_column.",
            *(place, len(twice), len(grouped), " + ".join(columns.conversation), twice[0], columns.order),
        )


def _in_order(rows: list[_Row], columns: Columns, report: Counter, is_named: bool) -> list[_Row]:
    """
    The rows of a conversation sorted by the number in the column of the order or in the id. If the numbers count the
    utterances of each speaker separately, as in IEMOCAP, or ids differ in more than a number and the user did not name their
    column as the order, rows are sorted by time, or else stay in the order of the table.
    """
    if columns.order is not None:
        keys = [id_text(row.cell(columns.order)) for row in rows]
    else:
        keys = [row.told.get("order", "") for row in rows]
    if len(rows) < 2 or not any(keys):
        return rows
    is_place = len(set(keys)) == len(keys) and all(keys) and not (columns.order is None and "session" in rows[0].told)
    is_place = is_place and (columns.order is None or is_named or _differ_in_a_number(keys))
    starts = [_seconds(row.cell(columns.start), columns.start) for row in rows]
    if is_place:
        by = [_natural(key) for key in keys]
        if len({str(key) for key in by}) < len(by):  # 3.1 and 3.10 are places 1 and 10, not one number
            by = [_natural(key, _WHOLE_NUMBER) for key in keys]
    elif None not in starts:
        by = starts
        report["conversations whose utterances are not numbered through, sorted by time"] += 1
    else:
        report["conversations whose utterances are not numbered through, in the order of their rows"] += 1
        return rows
    order = sorted(range(len(rows)), key=by.__getitem__)
    report["conversations with rows out of order, sorted"] += order != list(range(len(rows)))
    return [rows[position] for position in order]


def _natural(text: str, number: re.Pattern = _NUMBER) -> list:
    """A key that sorts numbers within a text as numbers: `turn 10` after `turn 9`."""
    parts = number.split(text)
    return [(0, float(part), "") if place % 2 else (1, 0.0, part) for place, part in enumerate(parts) if part]


def _name_speakers(rows: list[_Row], columns: Columns):
    """Set the speaker of rows that name none."""
    if any(row.speaker for row in rows):
        for row in rows:
            row.speaker = row.speaker or UNKNOWN_SPEAKER
        return
    takes_turns = columns.speaker is None and columns.pattern is None and len(rows) > 1
    for number, row in enumerate(rows):
        row.speaker = TURN_TAKERS[number % 2] if takes_turns else UNKNOWN_SPEAKER


def _utterance(
    row: _Row, number: int, conversation: str, columns: Columns, recording, folder, report, place: str
) -> dict:
    where = f"{place}, row {row.line} (conversation {conversation!r})"
    text = row.cell(columns.text)
    if text is not None and (not isinstance(text, (str, int, float)) or isinstance(text, bool)):
        raise ValueError(f"{where}: its text is a {type(text).__name__}: give the text of one utterance.")
    utterance = {
        "id": _identifier(row, number, conversation, columns, where),
        "speaker": row.speaker,
        "text": clean_text(str(text), "text", where).strip() if text is not None else None,
        **times_of(row.cell(columns.start), row.cell(columns.end), columns, report),
        "emotion": label_of(row.cell(columns.label), where),
    }
    report["utterances without an emotion"] += utterance["emotion"] is None
    report["utterances without words"] += utterance["text"] is None
    report["utterances whose speaker is not named"] += utterance["speaker"] == UNKNOWN_SPEAKER
    for medium in ("audio", "video"):
        cell = row.cell(getattr(columns, medium))
        if cell is not None:
            utterance[medium] = file_of(cell, recording, folder, f"{where}: its {medium}", medium, report)
    for name in columns.exact:
        if row.cell(name) is not None and getattr(columns, name.partition("_")[0]) is not None:
            utterance[name] = _exact(row.cell(name), name, where)
    for stream in STREAMS:
        features = row.cell(f"{stream}_features")
        if features is not None:
            utterance[f"{stream}_features"] = rows_of_numbers(features, f"{where}: its {stream}_features")
    return utterance


def times_of(start, end, columns: Columns, report: Counter) -> dict[str, float | None]:
    """The times of an utterance in seconds, both or neither. `report` counts those that are dropped."""
    times = {"start": _seconds(start, columns.start), "end": _seconds(end, columns.end)}
    for column, value, time in zip((columns.start, columns.end), (start, end), times.values(), strict=True):
        report[NOT_UNDERSTOOD.format(column)] += time is None and value is not None
    if (times["start"] is None) != (times["end"] is None) or (
        None not in times.values() and times["end"] < times["start"]
    ):
        report[OUT_OF_ORDER] += 1
        return dict.fromkeys(times)
    return times


def _exact(cell, name: str, where: str):
    """The value of a column of [`EXACT`]."""
    if name == "video_side":
        if cell not in VIDEO_SIDES:
            raise ValueError(f"{where}: its video_side is {shown(cell)}: give {' or '.join(VIDEO_SIDES)}.")
        return cell
    return seconds(cell, name, where, least=-LONGEST_SECONDS)


def _identifier(row: _Row, number: int, conversation: str, columns: Columns, where: str) -> str:
    """The utterance's id: the value of the id column (of a path the file name), else the conversation's id and a number."""
    given = _name(row.cell(columns.id), "id", where) if columns.id else ""
    if columns.pattern is not None and given and (match := columns.pattern.search(given)):
        return match[0]
    if given and columns.id not in columns.conversation:
        return utterance_id(given)
    place = _name(row.cell(columns.order), columns.order, where) if columns.order else str(number)
    return f"{conversation}_{place or number}"


def make_ids_unique(conversations: list[dict], columns: Columns, notes: list[str], place: str):
    """Replace the utterance ids by numbered ones if the table's are not unique and were not found by a pattern."""
    ids = [utterance["id"] for conversation in conversations for utterance in conversation["utterances"]]
    if len(set(ids)) == len(ids) or columns.pattern is not None:
        return
    for conversation in conversations:
        for number, utterance in enumerate(conversation["utterances"]):
            utterance["id"] = f"{conversation['id']}_{number}"
    notes.append(f"{place}: its utterance ids repeat, so that utterances are numbered from 0 in each conversation.")


def file_of(cell, recording: Callable, folder: Path | None, what: str, medium: str, report: Counter) -> str | None:
    """The path of the recording that a cell names or holds; None if there is no such file, which `report` counts."""
    if isinstance(cell, str):
        path = (folder or Path()).joinpath(cell.strip())
        if not path.is_file():
            report[f"{medium} files that are missing"] += 1
            return None
        return str(path)
    return recording(cell, what, medium)


def place_recordings(
    conversations: list[dict], are_rows: bool, notes: list[str], place: str, media: Iterable[str] = ("audio", "video")
):
    """
    Set the start of each recording: 0 for a file of several utterances, and for files of one utterance if all of them last
    until its end, of which some are probed; else the start of this utterance, of which it is a clip. The rows of several
    annotators, with the same times, are one utterance. Several conversations may have the same clip if their utterances are equally long.

    Args:
        conversations: the conversations of a table.
        are_rows: whether each row is taken for a conversation, as nothing tells which belong together.
        notes: what is assumed is added here.
        place: the name of the table in messages.
        media: the kinds of recordings.
    """
    utterances = [u for c in conversations for u in c["utterances"]]
    groups = [utterances] if are_rows else [c["utterances"] for c in conversations]
    durations = {}
    for medium in media:
        shared, spans = set(), defaultdict(set)
        for group in groups:
            own = defaultdict(set)
            for utterance in group:
                own[utterance.get(medium)].add((utterance.get("start"), utterance.get("end")))
            shared |= {file for file, held in own.items() if len(held) > 1}
            for file, held in own.items():
                spans[file] |= held
        placed = [u for u in utterances if u.get(medium) is not None and f"{medium}_start" not in u]
        whole = shared | {file for file, held in spans.items() if _differ_in_length(held)}
        alone = dict.fromkeys(u[medium] for u in placed if u.get("start") and u.get("end") and u[medium] not in whole)
        ends = {file: max(end for _, end in spans[file] if end is not None) for file in alone}
        # the latest ends tell most about whether the files are clips
        probed = {_lasts_until(ends[file], file, durations) for file in nlargest(MOST_PROBED, ends, key=ends.get)}
        if True in probed and False not in probed:
            whole |= ends.keys()
            notes.append(
                f"{place}: {len(ends)} {medium} files have one utterance of their conversation, such as {min(ends)}, and last "
                f"until its end: its times are taken for times in the file. If they are clips, give their start as {medium}_start."
            )
        for utterance in placed:
            utterance[f"{medium}_start"] = 0.0 if utterance[medium] in whole else utterance.get("start")


def _differ_in_length(spans: set[tuple]) -> bool:
    lengths = [end - start for start, end in spans if None not in (start, end)]
    return bool(lengths) and max(lengths) - min(lengths) > TOLERANCE


def _lasts_until(end: float, file: str, durations: dict[str, float | None]) -> bool | None:
    """Whether a recording reaches a time in seconds; None if it cannot be read. `durations` keeps what was probed."""
    if file not in durations:
        try:
            durations[file] = probe_media(file).duration
        except (ImportError, OSError, ValueError):  # the command that reads recordings says why
            durations[file] = None
    return None if durations[file] is None else end <= durations[file] + TOLERANCE


def _split_of(rows: list[_Row], columns: Columns, conversation: str, place: str) -> dict[str, str]:
    if columns.split is None:
        return {}
    found = {id_text(row.cell(columns.split)) for row in rows}
    names = {SPLIT_NAMES.get(name.casefold(), name) for name in found}
    if len(names) > 1:
        raise ValueError(
            f"{place}: the rows of conversation {conversation!r} are in several splits ({', '.join(sorted(names))}), but a "
            f"conversation must be in one. Correct the column {columns.split}, or name the columns that tell conversations apart "
            f"(--conversation_column {columns.split} {' '.join(columns.conversation)}, if their ids begin anew in each split)."
        )
    [name] = names
    if not name:
        raise ValueError(f"{place}: conversation {conversation!r} has no split in the column {columns.split}.")
    return {"split": name}


def warn_of_times(columns: Columns, report: Counter, place: str):
    lost = sum(report[NOT_UNDERSTOOD.format(column)] for column in (columns.start, columns.end) if column)
    if lost:
        logger.warning("%s: %d times are not understood: their utterances have no times.", place, lost)
    if report[OUT_OF_ORDER]:
        logger.warning(
            "%s: %d utterances end before they start, or lack a time: they have no times.", place, report[OUT_OF_ORDER]
        )


def _say_what_is_assumed(columns: Columns, conversations: list[dict], notes: list[str], place: str):
    if len(conversations) == sum(len(c["utterances"]) for c in conversations):
        return  # every conversation has a single utterance
    if columns.order is None and (columns.pattern is None or "order" not in columns.pattern.groupindex):
        notes.append(f"{place}: no column gives the order of utterances: they are in the order of the rows.")
    told = columns.pattern is not None and "speaker" in columns.pattern.groupindex
    if columns.speaker is None and not told:
        assumed = "all have one unknown speaker" if columns.pattern is not None else "two speakers take turns"
        logger.warning("%s: no column names the speakers (--speaker_column): it is assumed that %s.", place, assumed)


def _seconds(value, column: str | None) -> float | None:
    """
    A time in seconds, given as a number or as a text, see `transcript_times`; None for other values. Numbers in a column such
    as `start_ms` are milliseconds.
    """
    if isinstance(value, bool):
        return None
    if plain(column).endswith("ms"):
        value = scaled(value, 1e-3)
    found = seconds_of_text(value.strip()) if isinstance(value, str) else value
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return float(found) if is_number and 0 <= found <= LONGEST_SECONDS else None  # not NaN either


def rows_of_numbers(features, what: str) -> list[list[float]] | None:
    """Convert numbers `(S, D)` or `(D,)` to `(S, D)`. A null becomes NaN, an empty cell. None for empty arrays."""
    array = np.atleast_2d(numbers_of(features, what))
    if array.ndim != 2:
        raise ValueError(f"{what} have the shape {array.shape}: give (tokens, size) or (size,).")
    return array.tolist() if array.size else None
