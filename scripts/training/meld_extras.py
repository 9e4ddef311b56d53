# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Preparing additional data for MELD: annotators' votes on its training split, conversations of its series, and parts of its
utterances for reports.
"""

import csv
import json
from pathlib import Path

from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.processing.corpora.ecf import read_ecf
from modeling_amuse.processing.corpora.emotionlines import VOTED_EMOTIONS, read_emotionlines, votes_of_utterances
from modeling_amuse.processing.corpora.extra_corpora import RESERVED, reserved_texts
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.overlapping_dialogues import overlapping_dialogues
from modeling_amuse.processing.corpora.soft_labels import MAJORITY
from modeling_amuse.processing.whole_files import whole_file

VOTES_FILE = "train_votes.csv"
PARTS_FILE = "parts.csv"
CONVERSATIONS_FOLDER = "ecf"


def write_votes(paths: list[Path], data_dir: str, output_dir: Path, cache_dir: str | None = None) -> Path:
    """
    Write the votes on MELD's training utterances as a table for `--soft_labels`. The test split is not opened.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a file has another format, or no utterance of MELD is found in EmotionLines.
    """
    dialogues = read_emotionlines(paths)
    train = load_conversations("meld", data_dir, cache_dir, ("train",)).splits["train"].to_list()
    rows = votes_of_utterances(train, dialogues)
    number = sum(len(conversation["utterances"]) for conversation in train)
    if not rows:
        raise ValueError(
            f"The text of no training utterance of MELD in {data_dir} occurs in {', '.join(map(str, paths))}: check the files."
        )
    print(f"{len(rows)} of {number} training utterances have votes, in {len({row['scene'] for row in rows})} scenes")
    return _write_table(output_dir / VOTES_FILE, ("utterance_id", *VOTED_EMOTIONS, "scene"), rows)


def write_parts(paths: list[Path], data_dir: str, output_dir: Path, cache_dir: str | None = None) -> Path:
    """
    Write the part of each utterance of MELD as a table for `--parts`: `voted` if more than half of EmotionLines' votes are for
    its label, `relabelled` otherwise. The parts are made from labels, also from those of the test split: they are for reports
    alone.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a file has another format.
    """
    dialogues, rows = read_emotionlines(paths), []
    for split, conversations in load_conversations("meld", data_dir, cache_dir).splits.items():
        talks = conversations.to_list()
        labels = {utterance["id"]: utterance["emotion"] for talk in talks for utterance in talk["utterances"]}
        for row in votes_of_utterances(talks, dialogues):
            label = labels[row["utterance_id"]]
            if label is None:
                continue
            is_voted = row[label] > MAJORITY * sum(row[emotion] for emotion in VOTED_EMOTIONS)
            rows.append({**row, "split": split, "part": "voted" if is_voted else "relabelled"})
    return _write_table(output_dir / PARTS_FILE, ("split", "utterance_id", "part"), rows)


def _write_table(path: Path, columns: tuple[str, ...], rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file, file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_conversations(paths: list[Path], data_dir: str, output_dir: Path, cache_dir: str | None = None) -> Path:
    """
    Write the conversations of ECF that do not occur in MELD as a folder for `--extra_data`. Of MELD's validation and test
    splits, only the texts are read.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a file has another format, or no conversation is left.
    """
    conversations = read_ecf(paths)
    train = load_conversations("meld", data_dir, cache_dir, ("train",)).splits["train"].to_list()
    splits = {**reserved_texts("meld", data_dir, cache_dir), "train": train}
    lacking = [split for split in RESERVED if split not in splits]
    if lacking:
        raise FileNotFoundError(
            f"{data_dir} has no {' and no '.join(lacking)} split of MELD, which conversations to train on must be compared with: "
            f"add {' and '.join(DATA_SETS['meld'].files[split] for split in lacking)}."
        )
    found = set()
    for split, rows in splits.items():
        overlaps = {overlap.conversation for overlap in overlapping_dialogues(conversations, rows)}
        print(f"{len(overlaps)} of {len(conversations)} conversations occur in MELD's {split} split: left out")
        found |= overlaps
    kept = [conversation for conversation in conversations if conversation["id"] not in found]
    if not kept:
        raise ValueError(f"All conversations of {', '.join(map(str, paths))} occur in MELD: none is left to train on.")
    utterances = sum(len(conversation["utterances"]) for conversation in kept)
    print(f"{len(kept)} conversations with {utterances} utterances are new")
    path = output_dir / CONVERSATIONS_FOLDER / "train.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write_text(
            "\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in kept) + "\n", encoding="utf-8"
        )
    return path.parent
