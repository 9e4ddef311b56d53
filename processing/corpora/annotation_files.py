# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Annotations in CSV files with one row per utterance, the format of MELD and related data sets."""

import re
from collections import Counter, defaultdict
from pathlib import Path

from modeling_amuse.processing.corpora.columns import plain
from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import SPLIT_NAMES
from modeling_amuse.processing.corpora.table_files import read_delimited
from modeling_amuse.processing.printable_text import printable_logger

logger = printable_logger(__name__)


class AnnotationFileBuilder(ConversationBuilder):
    """
    Base of the builders of data sets with one CSV file for each split.

    Raises:
        FileNotFoundError: when files are missing; the message names them and says where to get them.
    """

    files: dict[str, str]
    """The file of each split."""
    source: str
    """A sentence that says where to get the files."""
    conversation_columns: tuple[str, ...]
    """The integer columns that together identify a conversation."""
    columns: tuple[str, ...]
    """The other required columns."""

    optional_columns: tuple[str, ...] = ()
    """Columns that are read if the file has them."""
    label_columns: tuple[str, ...] = ("Emotion",)
    """The columns that `--label_column` may choose."""
    takes_label_column = True

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        paths = {split: [data_dir / name] for split, name in cls.files.items()}
        missing = {split for split, [path] in paths.items() if not path.is_file()}
        if len(missing) == len(paths) and data_dir.is_dir():
            renamed = _renamed_files(data_dir)
            if renamed:
                logger.warning(
                    "%s: the files %s are read instead of %s.",
                    *(data_dir, ", ".join(path.name for path in renamed.values()), ", ".join(cls.files.values())),
                )
                paths |= {split: [path] for split, path in renamed.items()}
        return paths

    @classmethod
    def check_files(cls, paths: dict[str, list[Path]]):
        missing = [path for [path] in paths.values() if not path.is_file()]
        if missing:
            names = ", ".join(path.name for path in missing)
            folder = missing[0].parent
            found = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) if folder.is_dir() else None
            holds = f"It holds {found or 'nothing'}. " if found is not None else "There is no such folder. "
            raise FileNotFoundError(f"{folder} lacks {names}. {cls.source} {holds}".strip())

    @classmethod
    def utterance(cls, row: dict, split: str, report: Counter, options: DataOptions) -> dict:
        """The utterance of a row, with the key `number`, by which the utterances of a conversation are ordered."""
        raise NotImplementedError

    @classmethod
    def utterances_of_conversations(
        cls, path: Path, split: str, options: DataOptions
    ) -> tuple[dict[tuple[int, ...], list[dict]], Counter]:
        """
        The utterances of each conversation in the order of the file, and counts of the corrections that were made.

        Raises:
            ValueError: when the file lacks a column, has no row, or has a row that cannot be read.
        """
        try:
            table = read_delimited(path)
        except ValueError as error:
            raise ValueError(f"{error} {cls.source}") from error
        rows = _with_columns(
            table.rows, (*cls.conversation_columns, *cls.columns), cls.optional_columns, path, cls.source
        )
        utterances_of = defaultdict(list)
        for line, row in zip(table.lines, rows, strict=True):
            try:
                conversation = tuple(whole_number(row[column]) for column in cls.conversation_columns)
                utterances_of[conversation].append(cls.utterance(row, split, table.report, options))
            except (AttributeError, SyntaxError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}, line {line}, cannot be read ({error}): compare the line with the published file. {cls.source}"
                ) from error
        if not utterances_of:
            raise ValueError(f"{path} holds no utterance. {cls.source}")
        return dict(sorted(utterances_of.items())), table.report

    @classmethod
    def label(cls, row: dict, options: DataOptions) -> str:
        """The label of a row: its emotion, or the value of the column given by `--label_column`."""
        column = options.label_column or cls.label_columns[0]
        found = next((name for name in row if plain(name) == plain(column)), None)
        if found is None:
            raise ValueError(f"there is no column {column!r} for --label_column; the columns are: {', '.join(row)}")
        return row[found]


def _renamed_files(folder: Path) -> dict[str, Path]:
    """For each split the file whose name contains the split's name; splits with several such files are left out."""
    found = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".csv", ".tsv", ".txt") and path.is_file():
            words = set(re.split(r"[^a-z0-9]+", path.stem.lower()))
            splits = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
            if len(splits) == 1:
                found[splits.pop()].append(path)
    return {split: paths[0] for split, paths in found.items() if len(paths) == 1}


def _with_columns(
    rows: list[dict], needed: tuple[str, ...], optional: tuple[str, ...], path: Path, source: str
) -> list[dict]:
    """
    The rows with their columns renamed to the published names; case, spaces and punctuation may differ in the file.

    Raises:
        ValueError: when columns are missing; the message names them and the columns of the file.
    """
    if not rows:
        return rows
    by_plain = {plain(name): name for name in rows[0]}
    missing = [name for name in needed if plain(name) not in by_plain]
    if missing:
        raise ValueError(
            f"{path} lacks the columns {', '.join(missing)}; its header has {', '.join(rows[0])}. {source}"
        )
    names = {by_plain[plain(name)]: name for name in (*needed, *optional) if plain(name) in by_plain}
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def whole_number(text: str) -> int:
    """Convert text to an integer; also accepts `3.0`, as spreadsheets write it."""
    return int(re.sub(r"\.0+$", "", text.strip()))


def seconds(time: str) -> float | None:
    """`00:16:05,099` or `0:16:05.099` as seconds; None for an empty cell."""
    if not time.strip():
        return None
    hours, minutes, rest = time.strip().replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)
