# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Annotations that come as CSV files, one row an utterance, as MELD and its relatives publish them."""

import csv
import io
from collections import Counter, defaultdict
from pathlib import Path

from .conversation_builder import ConversationBuilder

# The C1 control characters stand where cp1252 has punctuation: what is left of a copy that was decoded as Latin-1.
_CP1252 = {code: bytes([code]).decode("cp1252", errors="ignore") or None for code in range(0x80, 0xA0)}


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

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        missing = [name for name in cls.files.values() if not (data_dir / name).is_file()]
        if missing:
            raise FileNotFoundError(f"{data_dir} lacks {', '.join(missing)}. {cls.source}")
        return {split: [data_dir / name] for split, name in cls.files.items()}

    @classmethod
    def rows_of_conversations(cls, path: Path) -> tuple[dict[tuple[int, ...], list[dict]], Counter]:
        """
        The rows of each conversation, and counts of what was mended.

        Raises:
            ValueError: when the file lacks a column, or has no row.
        """
        text, report = decode_utf8_or_cp1252(path)
        rows_of = defaultdict(list)
        try:
            for row in csv.DictReader(io.StringIO(text, newline="")):
                rows_of[tuple(int(row[column]) for column in cls.conversation_columns)].append(row)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no annotation file of {cls.__name__}: {error!r}. {cls.source}") from error
        if not rows_of:
            raise ValueError(f"{path} holds no utterance. {cls.source}")
        return dict(sorted(rows_of.items())), report


def decode_utf8_or_cp1252(path: Path) -> tuple[str, Counter]:
    """
    The text of a file that is UTF-8, or has cp1252 characters in it, as bytes or as control characters.

    Returns:
        The text, and counts of what was mended.
    """
    report = Counter()
    lines = []
    for line in path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(line.decode("cp1252", errors="replace"))
            report["lines in cp1252, not UTF-8"] += 1
    text = "".join(lines)
    controls = sum(0x80 <= ord(character) < 0xA0 for character in text)
    if controls:
        report["cp1252 characters mended"] = controls
        text = text.translate(_CP1252)
    return text, report


def seconds(time: str) -> float:
    """`00:16:05,099` or `0:16:05.099` as seconds."""
    hours, minutes, rest = time.strip().replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)
