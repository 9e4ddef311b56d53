# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A folder of the user's own conversations, and the sample corpus, which is such a folder."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet

from modeling_amuse.processing.conversation import (
    STREAMS,
    UTTERANCE_KEYS,
    VIDEO_SIDES,
    check_conversations,
    check_times,
    media_span,
)
from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder, report_counts
from modeling_amuse.processing.corpora.meld import EMOTIONS as MELD_EMOTIONS

SAMPLE_DIR = Path(__file__).parents[1] / "sample"
SPLIT_NAMES = {"train": "train", "validation": "validation", "valid": "validation", "dev": "validation", "test": "test"}


class ConversationFolder(ConversationBuilder):
    """
    Builder of a plain folder: `train.jsonl`, `validation.jsonl`, `test.jsonl` or the same as `.parquet`. Longer names
    such as `train-00001.jsonl` add to a split; `dev` and `valid` name the validation split too.

    Each line or row is a conversation: `{"id": ..., "utterances": [{"speaker": ..., "text": ..., ...}, ...]}`, utterances
    with any of the keys of the schema. Paths of `audio` and `video` are relative to the folder.
    """

    VERSION = "1.1.0"

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        if not data_dir.is_dir():
            raise FileNotFoundError(f"{data_dir} is no folder: give the folder with train.jsonl and validation.jsonl.")
        paths = {}
        for path in sorted(data_dir.iterdir()):
            split = SPLIT_NAMES.get(path.stem.split("-")[0])
            if split is not None and path.suffix in (".jsonl", ".parquet"):
                paths.setdefault(split, []).append(path)
        if not paths:
            raise FileNotFoundError(
                f"{data_dir} has no conversations: put them into train.jsonl, validation.jsonl and test.jsonl (or .parquet)."
            )
        return paths

    @classmethod
    def read(cls, path: Path, split: str) -> tuple[list[dict], Counter]:
        rows = _parquet_rows(path) if path.suffix == ".parquet" else _json_lines(path)
        if not rows:
            raise ValueError(f"{path} holds no conversation.")
        conversations, report = [], Counter()
        for number, row in enumerate(rows):
            try:
                if not isinstance(row, dict):
                    raise ValueError(f"it is a {type(row).__name__}; give a dict with 'utterances'")
                default = {"id": f"{path.stem}_{number}"} if row.get("id") is None else {}
                [conversation] = check_conversations({**row, **default}, with_times=False)
            except ValueError as error:
                raise ValueError(f"{path}, conversation {number + 1}: {error}") from error
            utterances = [
                cls._utterance(utterance, f"{conversation['id']}_{position}", path.parent, report)
                for position, utterance in enumerate(conversation["utterances"])
            ]
            conversations.append({"id": conversation["id"], "utterances": utterances})
        return conversations, report_counts(conversations) + report

    @staticmethod
    def _utterance(utterance: dict, default_id: str, folder: Path, report: Counter) -> dict:
        kept = {key: value for key, value in utterance.items() if key in UTTERANCE_KEYS and value not in (None, "")}
        report.update(
            f"utterances with the unknown key {key!r}, ignored" for key in utterance if key not in UTTERANCE_KEYS
        )
        report["utterances without an emotion"] += "emotion" not in kept
        for key in ("id", "speaker", "emotion"):
            kept[key] = (str(kept[key]).strip() or None) if key in kept else None
        kept["id"] = kept["id"] or default_id
        check_times(kept)
        if "start" in kept and "end" in kept and kept["end"] < kept["start"]:
            raise ValueError(
                f"Utterance {kept['id']} ends at {kept['end']:g} s, before its start at {kept['start']:g} s: correct the times."
            )
        if kept.get("video_side") not in (None, *VIDEO_SIDES):
            raise ValueError(
                f"Utterance {kept['id']}: its video_side is {kept['video_side']!r}: give {' or '.join(VIDEO_SIDES)}."
            )
        for stream in STREAMS:
            features = kept.get(f"{stream}_features")
            if features is not None:
                kept[f"{stream}_features"] = _rows_of_numbers(
                    features, f"Utterance {kept['id']}: its {stream}_features"
                )
        for medium in ("audio", "video"):
            if kept.get(medium) is not None:
                kept[medium] = str(folder / kept[medium])
                if not Path(kept[medium]).is_file():
                    raise FileNotFoundError(f"Utterance {kept['id']}: its {medium} file {kept[medium]} does not exist.")
                if (media_span(kept, medium)[0] or 0) < 0:
                    raise ValueError(
                        f"Utterance {kept['id']}: its start, {kept['start']} s, is before its {medium} file begins "
                        f"({medium}_start, {kept.get(f'{medium}_start', 0)} s): both are seconds on one clock."
                    )
        return kept

    def emotions_of_files(self) -> tuple[str, ...]:
        """The emotions of the training split: in MELD's order where they are among MELD's, else by alphabet."""
        found = {
            utterance["emotion"]
            for conversations, _ in self.contents.get("train", [])
            for conversation in conversations
            for utterance in conversation["utterances"]
            if utterance["emotion"] is not None
        }
        return MELD_EMOTIONS if found <= set(MELD_EMOTIONS) else tuple(sorted(found))


class Sample(ConversationFolder):
    """Builder of the sample corpus: conversations written for this project, to see it work."""

    emotions = MELD_EMOTIONS

    def __init__(self, *args, data_dir: str | None = None, **kwargs):
        super().__init__(*args, data_dir=data_dir or str(SAMPLE_DIR), **kwargs)


def _json_lines(path: Path) -> list:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}): save it as UTF-8.") from error
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"{path}, line {number}, is no JSON ({error}): give one conversation a line."
                ) from error
    return rows


def _parquet_rows(path: Path) -> list[dict]:
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from error
    if "utterances" not in table.column_names:
        raise ValueError(f"{path} has no column 'utterances'; it has {', '.join(table.column_names)}.")
    return table.to_pylist()


def _rows_of_numbers(features, what: str) -> list[list[float]] | None:
    """`(S, D)` or `(D,)` numbers as `(S, D)`; a null becomes NaN, an empty cell."""
    try:
        array = np.atleast_2d(np.array(features, dtype=np.float32))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} are no array of numbers ({error}): give (tokens, size) or (size,).") from error
    if array.ndim != 2:
        raise ValueError(f"{what} have the shape {array.shape}: give (tokens, size) or (size,).")
    return array.tolist() if array.size else None
