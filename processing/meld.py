# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""MELD: multi-party conversations from a TV series, with seven emotions (Poria et al. 2019)."""

import csv
import io
from collections import Counter, defaultdict
from pathlib import Path

from .conversation_builder import ConversationBuilder, report_counts, require_files

EMOTIONS = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")
FIVE_CLASS_LEFT_OUT = ("fear", "disgust")
"""MELD's 5-class variant leaves these out."""

FILES = {"train": "train_sent_emo.csv", "validation": "dev_sent_emo.csv", "test": "test_sent_emo.csv"}
SOURCE = "Get the CSV files of MELD from https://github.com/declare-lab/MELD (data/MELD), GPL-3.0."

# utterances whose clip in the official archive cannot be read
UNUSABLE_CLIPS = {("train", "dia125_utt3"), ("validation", "dia110_utt7")}
LONGEST_PLAUSIBLE_SECONDS = 60

# The C1 control characters stand where cp1252 has punctuation: what is left of a copy that was decoded as Latin-1.
_CP1252 = {code: bytes([code]).decode("cp1252", errors="ignore") or None for code in range(0x80, 0xA0)}


class Meld(ConversationBuilder):
    """
    Builder of MELD from its annotation files, official splits.

    Utterances are ordered by Utterance_ID, which has gaps and so is no position. Identifiers are those of the clips,
    `dia0_utt0`: they are unique within a split, not across splits.
    """

    VERSION = "1.0.0"
    emotions = EMOTIONS

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        return require_files(data_dir, FILES, SOURCE)

    @classmethod
    def read(cls, path: Path, split: str) -> tuple[list[dict], Counter]:
        text, report = decode_utf8_or_cp1252(path)
        rows_of = defaultdict(list)
        for row in csv.DictReader(io.StringIO(text, newline="")):
            rows_of[int(row["Dialogue_ID"])].append(row)
        conversations = []
        for dialogue, rows in sorted(rows_of.items()):
            order = [int(row["Utterance_ID"]) for row in rows]
            report["dialogues with utterances out of order, sorted"] += order != sorted(order)
            report["dialogues with gaps in Utterance_ID"] += sorted(order) != list(range(len(order)))
            rows = sorted(rows, key=lambda row: int(row["Utterance_ID"]))
            utterances = [cls._utterance(row, split, report) for row in rows]
            starts = [u["start"] for u in utterances if u["start"] is not None]
            report["dialogues whose times go backwards"] += starts != sorted(starts)
            conversations.append({"id": f"dia{dialogue}", "utterances": utterances})
        report["dialogue numbers that are absent"] = max(rows_of) + 1 - len(rows_of)
        return conversations, report_counts(conversations) + report

    @staticmethod
    def _utterance(row: dict, split: str, report: Counter) -> dict:
        identifier = f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}"
        start, end = seconds(row["StartTime"]), seconds(row["EndTime"])
        if not 0 < end - start <= LONGEST_PLAUSIBLE_SECONDS:
            report["utterances of 0 s or over 60 s, times dropped"] += 1
            start = end = None
        report["utterances without a usable clip"] += (split, identifier) in UNUSABLE_CLIPS
        return {
            "id": identifier,
            "speaker": row["Speaker"].strip(),
            "text": row["Utterance"].strip(),
            "start": start,
            "end": end,
            "emotion": row["Emotion"].strip(),
        }


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
