# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations with their features, for training and evaluation."""

import hashlib
import itertools
import json
from collections.abc import Collection, KeysView
from pathlib import Path

import datasets
import numpy as np
import torch

from modeling_amuse.processing.corpora.feature_files import is_one_table, load_feature_tables
from modeling_amuse.processing.corpora.feature_tables import FeatureTable


class ConversationDataset(torch.utils.data.Dataset):
    """
    The conversations of a split. Each item is a conversation as [`AmuseProcessor`] takes it. Its utterances have the
    features of the feature tables, and under `"index"` their position in the split.

    Args:
        conversations: rows with `id` and `utterances`.
        tables: the table of each feature stream (`"text"`, `"audio"`, ...).
        targets: probabilities of the emotions `(emotions,)` that are learned instead of the label, by utterance id, see
            `modeling_amuse.processing.corpora.soft_labels`.
        corpus: the name of an extra corpus (`AmuseConfig.extra_emotions`). None: the model's main corpus.
        emotions: the emotions of the extra corpus in the order of the labels.
    """

    def __init__(
        self,
        conversations: datasets.Dataset,
        tables: dict[str, FeatureTable],
        targets: dict[str, np.ndarray] | None = None,
        corpus: str | None = None,
        emotions: list[str] | None = None,
    ):
        self.conversations = conversations.to_list()
        self.tables = tables
        self.targets = targets or {}
        self.corpus, self.emotions = corpus, emotions
        self.starts = [0]
        for conversation in self.conversations:
            self.starts.append(self.starts[-1] + len(conversation["utterances"]))

    def __len__(self) -> int:
        return len(self.conversations)

    def __getitem__(self, number: int) -> dict:
        conversation = self.conversations[number]
        # where a table lacks an utterance, features from the utterance itself must not replace it
        replaced = {f"{stream}_features" for stream in self.tables}
        utterances = [
            {
                **{key: value for key, value in utterance.items() if key not in replaced},
                "index": self.starts[number] + position,
                **self._features(utterance["id"]),
            }
            for position, utterance in enumerate(conversation["utterances"])
        ]
        return {"id": conversation["id"], "utterances": utterances}

    def _features(self, identifier: str) -> dict:
        found = {f"{stream}_features": table.get(identifier) for stream, table in self.tables.items()}
        return {name: features for name, features in found.items() if features is not None}

    def lengths(self) -> list[int]:
        """The number of characters of each conversation (texts and speakers' names), for batches of similar lengths."""
        return [
            sum(len(u["speaker"]) + len(u["text"] or "") for u in conversation["utterances"])
            for conversation in self.conversations
        ]

    def check_labelled(self, split: str):
        """
        Raises:
            ValueError: when no utterance has an emotion; `split` is the name of the split in the message.
        """
        if all(u["emotion"] is None for conversation in self.conversations for u in conversation["utterances"]):
            raise ValueError(f"No utterance of the {split} split has an emotion: training and evaluation need labels.")

    def digest(self) -> str:
        """A hash of the conversations, features and targets; equal contents give equal hashes."""
        digest = hashlib.sha256(json.dumps(self.conversations, sort_keys=True).encode())
        for stream, table in sorted(self.tables.items()):
            digest.update(json.dumps([stream, list(table.rows), table.ends.tolist()]).encode())
            digest.update(np.ascontiguousarray(table.values))
        for identifier, target in sorted(self.targets.items()):
            digest.update(identifier.encode() + np.ascontiguousarray(target).tobytes())
        return digest.hexdigest()


def inline_table(conversations: datasets.Dataset, stream: str) -> FeatureTable | None:
    """The features of a stream that the utterances themselves hold, as a table; None if no utterance has any."""
    found = {
        utterance["id"]: np.asarray(utterance[f"{stream}_features"], dtype=np.float32)
        for utterances in conversations["utterances"]
        for utterance in utterances
        if utterance[f"{stream}_features"]
    }
    if not found:
        return None
    if stream == "text":
        lacking = [
            utterance["id"]
            for utterances in conversations["utterances"]
            for utterance in utterances
            if utterance["text"] and utterance["id"] not in found
        ]
        if lacking:
            raise ValueError(
                f"Some utterances have text_features, but {lacking[0]!r} has only text: give text_features for all "
                "utterances, or for none, so that an encoder reads the text."
            )
    sizes = {array.shape[1:] for array in found.values()}
    if len(sizes) > 1:
        raise ValueError(
            f"{stream}_features of the utterances have different sizes {sorted(sizes)}: give features of one size."
        )
    return FeatureTable(list(found), np.concatenate(list(found.values())), np.array([len(a) for a in found.values()]))


def _check_division(path: str, rows: dict[str, KeysView[str]], ids: dict[str, list[str]], left_out: Collection[str]):
    """
    Check that no split lacks features that stand in the table of another one, whose utterances they are not.

    Args:
        path: the tables.
        rows: the utterance ids in the table of each split.
        ids: the utterance ids of each split.
        left_out: the utterance ids that may be in the tables, too.
    """
    for split, other in itertools.permutations(rows, 2):
        moved = (set(ids[split]) - rows[split]) & (rows[other] - set(ids[other]) - set(left_out))
        if moved:
            raise ValueError(
                f"{path} has features of {len(moved)} utterances of the {split} split in the table of the {other} split, such as "
                f"{min(moved)!r}: the data were divided otherwise when they were computed. Give the options and files that were "
                "given then, such as --split_seed and --label_column, or extract the features again."
            )


def _align_columns(path: str, tables: dict[str, FeatureTable]):
    """Order the named features of all tables as in the first table."""
    first, *others = tables
    for split in others:
        try:
            tables[split].order_columns(tables[first].columns)
        except ValueError as error:
            raise ValueError(f"{path}, {split}: {error}") from error


def utterance_ids(conversations: datasets.Dataset) -> list[str]:
    """The ids of all utterances, in order."""
    return [utterance["id"] for utterances in conversations["utterances"] for utterance in utterances]


def load_stream_tables(
    paths: dict[str, str | None],
    splits: dict[str, datasets.Dataset],
    wanted: list[str] | None = None,
    left_out: Collection[str] = (),
) -> dict[str, dict[str, FeatureTable]]:
    """
    For each split, the feature table of each stream that has features.

    Args:
        paths: for each stream the path of its tables, see [`load_feature_tables`]; None uses the features that the
            utterances themselves hold.
        splits: the conversations of each split.
        wanted: the splits whose tables are loaded. None: all. The other splits are used to check whether one table is
            ambiguous because several splits have the same utterance ids.
        left_out: the utterance ids of conversations that are not in `splits`, though they may be in the tables.

    Raises:
        FileNotFoundError: when a table is missing.
        ValueError: when no utterance of a split has features, or when one table is given for splits that share
            utterance ids, so that its rows are ambiguous.
    """
    wanted = list(splits if wanted is None else wanted)
    tables = {split: {} for split in wanted}
    ids = {split: utterance_ids(conversations) for split, conversations in splits.items()}
    for stream, path in paths.items():
        if path is None:
            inline = {split: inline_table(splits[split], stream) for split in wanted}
            lacking = [split for split, table in inline.items() if table is None]
            if len(lacking) == len(inline):
                continue
            if lacking:
                raise ValueError(
                    f"No utterance of the {lacking[0]} split has {stream}_features, but other splits have them."
                )
            for split, table in inline.items():
                tables[split][stream] = table
            continue
        owner, rows = {}, {}
        # one table may belong to one split only: then another split has the same ids
        for split, given in load_feature_tables(path, list(splits) if is_one_table(Path(path)) else wanted).items():
            table = given.with_ids(ids[split])
            known = table.rows.keys() & set(ids[split])
            if not table.rows and split in wanted:
                raise ValueError(
                    f"{path} has no {stream} features for any utterance of the {split} split: check that the recordings "
                    "can be read and contain a voice or a face."
                )
            if not known and split in wanted:
                raise ValueError(
                    f"No utterance of the {split} split has {stream} features in {path}: the utterance ids of the split look "
                    f"like {ids[split][0]!r}, those of the table like {next(iter(table.rows), None)!r}."
                )
            of_rows = {table.rows[identifier]: identifier for identifier in known}
            shared = owner.get(id(given), set()) & of_rows.keys()
            if shared:
                raise ValueError(
                    f"{path} is one table for several splits, but the utterance id {of_rows[min(shared)]!r} occurs in more than one "
                    "split: give a folder with a table for each split, or add a column 'split'."
                )
            owner[id(given)] = owner.get(id(given), set()) | of_rows.keys()
            if split in wanted:
                tables[split][stream], rows[split] = table, given.rows.keys()
        _check_division(path, rows, ids, left_out)
        _align_columns(path, {split: tables[split][stream] for split in wanted})
        records = {json.dumps(tables[split][stream].record, sort_keys=True) for split in wanted}
        if len(records) > 1:
            raise ValueError(
                f"The tables in {path} were computed with different settings for the splits ({' and '.join(sorted(records))}): "
                "extract them again."
            )
    return tables
