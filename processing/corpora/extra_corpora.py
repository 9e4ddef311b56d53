# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Extra corpora that a model is trained on in addition to its main data set.

Each extra corpus has its own emotions and modalities, and the model has a classification head for each. The conversations
of an extra corpus must not overlap with those that the model is evaluated on.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import datasets
import torch

from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import (
    ConversationDataset,
    load_stream_tables,
    utterance_ids,
)
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.processing.corpora.hub_conversations import MissingSplits
from modeling_amuse.processing.corpora.load_conversations import load_conversations, open_builder
from modeling_amuse.processing.corpora.overlapping_dialogues import overlapping_dialogues

RESERVED = ("validation", "test")
"""The splits of the main data set whose conversations must not be trained on."""


class ExtraCorpus(NamedTuple):
    """
    An extra corpus: its training conversations and their features.

    Attributes:
        name: its name, which is also the name of its head in the model.
        emotions: its emotions in the order of the labels.
        conversations: its training split.
        tables: the table of each feature stream that its utterances have.
    """

    name: str
    emotions: tuple[str, ...]
    conversations: datasets.Dataset
    tables: dict[str, FeatureTable]

    def dataset(self) -> ConversationDataset:
        """The conversations with their features."""
        return ConversationDataset(self.conversations, self.tables, corpus=self.name, emotions=list(self.emotions))

    def with_modalities(self, modalities: Iterable[str]) -> "ExtraCorpus":
        """The corpus without the features of other modalities."""
        chosen = {stream: table for stream, table in self.tables.items() if MODALITY_OF[stream] in modalities}
        return self._replace(tables=chosen)

    def digest(self) -> str:
        """A hash of its name, its conversations and their features."""
        return f"{self.name} {self.dataset().digest()}"

    def ids(self) -> list[str]:
        """The ids of all utterances."""
        return utterance_ids(self.conversations)

    def texts(self) -> list[str]:
        """The texts of all utterances that have one."""
        return [u["text"] for utterances in self.conversations["utterances"] for u in utterances if u["text"]]


def corpus_and_folder(entry: str) -> tuple[str, str]:
    """The data set and the folder of an entry of `--extra_data`: `FOLDER` (of the data set `folder`) or `NAME=FOLDER`."""
    data_set, equals, folder = entry.partition("=")
    return ("folder", entry) if not equals or Path(entry).is_dir() else (data_set, folder)


def load_extra_corpora(given: Iterable[str], cache_dir: str | None = None) -> list[ExtraCorpus]:
    """
    Load the training splits of extra corpora. Their other splits are not opened.

    Args:
        given: for each corpus a folder of conversations as `--dataset_name folder` reads it, after which the corpus is
            named; or `NAME=FOLDER` for a data set that has a builder, such as `emorynlp=EMORYNLP`.
        cache_dir: the folder of the Arrow files.

    Raises:
        FileNotFoundError: when a folder or its files are missing.
        ValueError: when two corpora have the same name, a name cannot be that of a head, a corpus has no training split, or
            its utterances show fewer than two emotions.
    """
    corpora = []
    for entry in given:
        data_set, folder = corpus_and_folder(entry)
        if data_set not in DATA_SETS:
            known = ", ".join(DATA_SETS)
            raise ValueError(
                f"--extra_data {entry}: there is no data set {data_set!r}; give a folder, or one of {known}."
            )
        name = (data_set if data_set != "folder" else Path(folder).resolve().name).replace(".", "_")
        if name in [corpus.name for corpus in corpora]:
            raise ValueError(f"--extra_data has two corpora named {name!r}: rename the folder of one.")
        if hasattr(torch.nn.ModuleDict(), name):
            raise ValueError(
                f"--extra_data {entry}: PyTorch has no place for a head named {name!r}: rename the folder."
            )
        data = load_conversations(data_set, folder, cache_dir, ("train",))
        conversations = data.splits["train"]
        found = {u["emotion"] for utterances in conversations["utterances"] for u in utterances} - {None}
        if len(found) < 2:
            raise ValueError(
                f"--extra_data {entry}: its training utterances show "
                + (f"only one emotion, {found.pop()!r}" if found else "no emotion")
                + ", from which a model cannot learn. Give a corpus with labels."
            )
        tables = load_stream_tables(dict.fromkeys(STREAMS), {"train": conversations})["train"]
        corpora.append(ExtraCorpus(name, tuple(data.emotions), conversations, tables))
    return corpora


def reserved_texts(
    name: str, data_dir: str | None, cache_dir: str | None = None, options: DataOptions | None = None
) -> dict[str, list[dict]]:
    """
    The ids and texts of the conversations of the validation and test splits, as far as these splits exist. Nothing else
    of them is kept, in particular not the emotions.

    Args:
        name: the data set that the model is evaluated on.
        data_dir: its folder.
        cache_dir: the folder of the Arrow files.
        options: how its files are read. Options for labels are not used, as a reserved split may lack an emotion.

    Raises:
        ValueError: when the files of a split cannot be read.
    """
    found, options = {}, replace(options or DataOptions(), emotions=None, emotion_map=None)
    for split in RESERVED:
        if not _has_split(name, data_dir, cache_dir, split, options):
            continue  # a user's own data may have no test split
        data = load_conversations(name, data_dir, cache_dir, (split,), options)
        found[split] = [
            {"id": row["id"], "utterances": [{"text": utterance["text"]} for utterance in row["utterances"]]}
            for row in data.splits[split]
        ]
    return found


def _has_split(name: str, data_dir: str | None, cache_dir: str | None, split: str, options: DataOptions) -> bool:
    try:
        builder = open_builder(name, data_dir, cache_dir, (split,), options)
    except FileNotFoundError:
        return False
    if builder is not None:
        return bool(builder.paths) and bool(builder.contents.splits)
    try:  # the splits of a data set of the library datasets are known only when it is loaded
        load_conversations(name, data_dir, cache_dir, (split,), options)
    except MissingSplits:
        return False
    return True


def without_overlap(corpus: ExtraCorpus, reserved: dict[str, list[dict]], leave_out: bool) -> tuple[ExtraCorpus, str]:
    """
    Remove the conversations of a corpus that also occur in the reserved splits.

    Args:
        corpus: an extra corpus.
        reserved: the conversations of each reserved split, see [`reserved_texts`].
        leave_out: True removes overlapping conversations, False raises an error if there are any.

    Returns:
        The corpus, and a sentence that says what was removed, or that there are no texts to compare; empty if neither.

    Raises:
        ValueError: when conversations overlap and `leave_out` is False, or when no conversation is left.
    """
    conversations = corpus.conversations.to_list()
    overlaps = {split: overlapping_dialogues(conversations, rows) for split, rows in reserved.items()}
    found = {overlap.conversation for rows in overlaps.values() for overlap in rows}
    if not found:
        texts = {"its utterances have": corpus.texts(), "the reserved splits have": _texts(reserved)}
        without = next((who for who, those in texts.items() if not those), None)
        if without is None or not reserved:
            return corpus, ""
        return corpus, (
            f"Warning: {corpus.name} cannot be compared with the {' and '.join(reserved)} split, as {without} no text: it may "
            "overlap."
        )
    counts = " and ".join(f"{len(rows)} with the {split} split" for split, rows in overlaps.items() if rows)
    said = f"{len(found)} of the {len(conversations)} conversations of {corpus.name} overlap: {counts}"
    if not leave_out:
        split, rows = next((split, rows) for split, rows in reversed(overlaps.items()) if rows)
        raise ValueError(
            f"--extra_data: {said}. For example, {rows[0].conversation} has lines of {rows[0].found_in}, such as "
            f"{rows[0].example!r}: a model that learned from them has seen the {split} split. Leave them out with "
            "--leave_out_overlap."
        )
    kept = [number for number, row in enumerate(conversations) if row["id"] not in found]
    if not kept:
        raise ValueError(f"--extra_data: {said}, and no conversation is left to train on.")
    return corpus._replace(conversations=corpus.conversations.select(kept)), f"{said}; they are left out."


def _texts(reserved: dict[str, list[dict]]) -> list[str]:
    return [u["text"] for rows in reserved.values() for row in rows for u in row["utterances"] if u["text"]]
