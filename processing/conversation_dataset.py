# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations with their features, for training and evaluation."""

import datasets
import numpy as np
import torch

from .feature_tables import FeatureTable, load_feature_tables


class ConversationDataset(torch.utils.data.Dataset):
    """
    The conversations of a split. Each item is a conversation as [`AmuseProcessor`] takes it, its utterances joined with
    the rows of the feature tables and numbered (`"index"`) through the split.

    Args:
        conversations: rows with `id` and `utterances`.
        tables: for each feature stream (`"text"`, `"audio"`, ...) its table.
    """

    def __init__(self, conversations: datasets.Dataset, tables: dict[str, FeatureTable]):
        self.conversations = conversations.to_list()
        self.tables = tables
        self.starts = [0]
        for conversation in self.conversations:
            self.starts.append(self.starts[-1] + len(conversation["utterances"]))

    def __len__(self) -> int:
        return len(self.conversations)

    def __getitem__(self, number: int) -> dict:
        conversation = self.conversations[number]
        utterances = [
            {**utterance, "index": self.starts[number] + position, **self._features(utterance["id"])}
            for position, utterance in enumerate(conversation["utterances"])
        ]
        return {"id": conversation["id"], "utterances": utterances}

    def _features(self, identifier: str) -> dict:
        return {f"{stream}_features": table.get(identifier) for stream, table in self.tables.items()}

    @property
    def num_utterances(self) -> int:
        return self.starts[-1]


def inline_table(conversations: datasets.Dataset, stream: str) -> FeatureTable | None:
    """The features of a stream that stand in the utterances themselves, as a table, or None where none does."""
    found = {
        utterance["id"]: np.asarray(utterance[f"{stream}_features"], dtype=np.float32)
        for utterances in conversations["utterances"]
        for utterance in utterances
        if utterance[f"{stream}_features"]
    }
    if not found:
        return None
    sizes = {array.shape[1:] for array in found.values()}
    if len(sizes) > 1:
        raise ValueError(
            f"{stream}_features of the utterances have different sizes {sorted(sizes)}: they must have one."
        )
    return FeatureTable(list(found), np.concatenate(list(found.values())), np.array([len(a) for a in found.values()]))


def utterance_ids(conversations: datasets.Dataset) -> list[str]:
    """The ids of all utterances, in order."""
    return [utterance["id"] for utterances in conversations["utterances"] for utterance in utterances]


def load_stream_tables(
    paths: dict[str, str], splits: dict[str, datasets.Dataset]
) -> dict[str, dict[str, FeatureTable]]:
    """
    For each split, the feature table of each stream.

    Args:
        paths: for each stream the path of its tables, see [`load_feature_tables`].
        splits: the conversations of each split.

    Raises:
        FileNotFoundError: when a table is missing.
        ValueError: when no utterance of a split has features, or when one table serves splits that share utterance ids,
            so that nobody could tell whose features they are.
    """
    tables = {split: {} for split in splits}
    ids = {split: utterance_ids(conversations) for split, conversations in splits.items()}
    for stream, path in paths.items():
        if path is None:
            inline = {split: inline_table(conversations, stream) for split, conversations in splits.items()}
            for split, table in inline.items():
                if table is not None:
                    tables[split][stream] = table
            continue
        owner = {}
        for split, table in load_feature_tables(path, list(splits)).items():
            known = table.rows.keys() & set(ids[split])
            if not known:
                raise ValueError(
                    f"No utterance of the {split} split has {stream} features in {path}. Utterance ids of the split look "
                    f"like {ids[split][0]!r}, those of the table like {next(iter(table.rows), None)!r}."
                )
            shared = owner.get(id(table), set()) & known
            if shared:
                raise ValueError(
                    f"{path} is one table for several splits, and the utterance id {min(shared)!r} is in more than one: "
                    "give a folder with a table for each split, or add a column 'split'."
                )
            owner[id(table)] = owner.get(id(table), set()) | known
            tables[split][stream] = table
    return tables
