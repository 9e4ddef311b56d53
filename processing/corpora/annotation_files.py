# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Annotations that come as CSV files, one row an utterance, as MELD and its relatives publish them."""

import csv
import io
from collections import Counter, defaultdict
from pathlib import Path

from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder
from modeling_amuse.processing.text_encoding import decode_utf8_or_cp1252


class AnnotationFileBuilder(ConversationBuilder):
    """
    Base of the builders of data sets with one CSV file for each split.

    Raises:
        FileNotFoundError: with what is missing and where it can be had.
    """

    files: dict[str, str]
    """The file of each split."""
    source: str
    """Where a user gets the files, in a sentence."""
    conversation_columns: tuple[str, ...]
    """The columns, of whole numbers, that identify a conversation."""
    columns: tuple[str, ...]
    """The other columns that are read."""

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        return {split: [data_dir / name] for split, name in cls.files.items()}

    @classmethod
    def check_files(cls, paths: dict[str, list[Path]]):
        missing = [path for [path] in paths.values() if not path.is_file()]
        if missing:
            names = ", ".join(path.name for path in missing)
            raise FileNotFoundError(f"{missing[0].parent} lacks {names}. {cls.source}")

    @classmethod
    def utterance(cls, row: dict, split: str, report: Counter) -> dict:
        """The utterance of a row, with `number`, its place among those of its conversation."""
        raise NotImplementedError

    @classmethod
    def utterances_of_conversations(cls, path: Path, split: str) -> tuple[dict[tuple[int, ...], list[dict]], Counter]:
        """
        The utterances of each conversation in the order of the file, and counts of what was mended.

        Raises:
            ValueError: when the file lacks a column, has no row, or has a row that cannot be read.
        """
        text, report = decode_utf8_or_cp1252(path)
        reader = csv.DictReader(io.StringIO(text, newline=""))
        missing = [name for name in (*cls.conversation_columns, *cls.columns) if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path} lacks the columns {', '.join(missing)}. {cls.source}")
        utterances_of = defaultdict(list)
        for row in reader:
            try:
                conversation = tuple(int(row[column]) for column in cls.conversation_columns)
                utterances_of[conversation].append(cls.utterance(row, split, report))
            except (AttributeError, SyntaxError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}, line {reader.line_num}, cannot be read ({error}): compare it with the published file. "
                    f"{cls.source}"
                ) from error
        if not utterances_of:
            raise ValueError(f"{path} holds no utterance. {cls.source}")
        return dict(sorted(utterances_of.items())), report


def seconds(time: str) -> float | None:
    """`00:16:05,099` or `0:16:05.099` as seconds; None for an empty cell."""
    if not time.strip():
        return None
    hours, minutes, rest = time.strip().replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)
