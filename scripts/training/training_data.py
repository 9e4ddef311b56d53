# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The data of a training: its conversations, their features, and the modalities that the model gets."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from accelerate import Accelerator
from datasets import Dataset

from modeling_amuse import MODALITIES
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_builder import report_counts
from modeling_amuse.processing.corpora.conversation_dataset import (
    ConversationDataset,
    load_stream_tables,
    utterance_ids,
)
from modeling_amuse.processing.corpora.encoder_states import frozen_text_states
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.processing.corpora.load_conversations import (
    ConversationData,
    describe_report,
    load_conversations,
)
from modeling_amuse.scripts.training.training_arguments import DataArguments

SPLITS = ("train", "validation")
"""The splits that a training reads. Only evaluate.py opens the file of the test split."""


@dataclass
class TrainingData:
    """
    What a model learns from.

    Attributes:
        splits: the conversations of `train` and `validation`.
        tables: for each split and feature stream (`"audio"`, `"vision"`, ...) the feature table.
        modalities: the modalities of the model, in the order of [`MODALITIES`].
        emotions: the emotions, in the order of the labels.
        report: for each split, counts of what was found and corrected in the files.
    """

    splits: dict[str, Dataset]
    tables: dict[str, dict[str, FeatureTable]]
    modalities: tuple[str, ...]
    emotions: tuple[str, ...]
    report: dict[str, Counter]


def load_training_data(data_args: DataArguments, seed: int, accelerator: Accelerator) -> TrainingData:
    """
    Load the conversations and the feature tables of a training, and print what was found.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when the data set lacks a split, or does not fit the feature tables or `--modalities`.
    """
    # the main process goes first: it fills the caches that the others read
    with accelerator.main_process_first():
        data = load_conversations(data_args.dataset_name, data_args.data_dir, data_args.cache_dir, SPLITS)
    accelerator.print(describe_report(data.report))
    draw_training_conversations(data, data_args.train_fraction, seed, accelerator)
    splits = dict(data.splits)
    for split in SPLITS:
        if split not in splits:
            raise ValueError(
                f"The data set {data_args.data_dir or data_args.dataset_name} has no {split} split (for a folder: "
                f"{split}.jsonl). Training needs both: the validation split chooses the epoch."
            )
    tables = load_stream_tables({stream: getattr(data_args, f"{stream}_features", None) for stream in STREAMS}, splits)
    modalities = chosen_modalities(data_args.modalities, tables["train"])
    if data_args.modalities is None and (unread := unread_recordings(splits["train"], modalities)):
        accelerator.print(
            f"The conversations have recordings, but the model reads no {' and no '.join(unread)}: make features with "
            "extract_features.py, and give them as --audio_features and --vision_features."
        )
    for split in splits:
        tables[split] = {stream: t for stream, t in tables[split].items() if MODALITY_OF[stream] in modalities}
        for stream, table in tables[split].items():
            accelerator.print(f"{split}: {stream}: {table.coverage(utterance_ids(splits[split]))}")
    return TrainingData(splits, tables, modalities, data.emotions, data.report)


def draw_training_conversations(data: ConversationData, fraction: float, seed: int, accelerator: Accelerator):
    """Replace the training split by the share of it that `--train_fraction` asks for, and correct its counts."""
    if "train" not in data.splits or fraction == 1:
        return
    whole = data.splits["train"]
    positions = drawn_conversations(len(whole), fraction, seed)
    accelerator.print(f"train: {len(positions)} of {len(whole)} conversations are used for training")
    data.splits["train"] = whole.select(positions)
    data.report["train"] = Counter({**data.report["train"], **report_counts(data.splits["train"].to_list())})


def drawn_conversations(number: int, fraction: float, seed: int) -> list[int]:
    """
    Ascending positions of a random share of `number` conversations, at least one. With the same seed, a smaller share is
    a subset of a larger one.

    Raises:
        ValueError: for a share that is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"--train_fraction must be more than 0 and at most 1, but is {fraction}.")
    order = np.random.default_rng(seed).permutation(number)
    return sorted(order[: max(1, round(fraction * number))].tolist())


def chosen_modalities(wanted: list[str] | None, tables: dict) -> tuple[str, ...]:
    """
    The model's modalities: those that were asked for, else text and all that have features.

    Raises:
        ValueError: when a modality was asked for that has no features.
    """
    available = {"text"} | {MODALITY_OF[stream] for stream in tables}
    for modality in wanted or ():
        if modality not in available:
            raise ValueError(f"--modalities names {modality}: give its feature table as --{modality}_features.")
    return tuple(modality for modality in MODALITIES if modality in (wanted or available))


def unread_recordings(conversations: Dataset, modalities: tuple[str, ...]) -> list[str]:
    """The modalities that could be read from the utterances' recordings, but that the model does not have."""
    utterances = [utterance for row in conversations["utterances"] for utterance in row]
    media = {"audio": "audio", "vision": "video"}
    return [m for m, medium in media.items() if m not in modalities and any(u.get(medium) for u in utterances)]


def training_datasets(
    data: TrainingData, model, processor, accelerator: Accelerator, cache_dir: str | None
) -> tuple[ConversationDataset, ConversationDataset]:
    """
    The conversations of the training and of the validation split with their features. The states of a frozen text encoder
    are computed once, and are a feature table from then on.

    Raises:
        ValueError: when no utterance of a split has an emotion.
    """
    tables = {split: dict(data.tables[split]) for split in SPLITS}
    encoder = model.amuse.encoder("text")
    # where the encoder reads a text in its conversation, the states of an utterance are not always the same
    if encoder is not None and model.config.freeze_text_encoder and model.config.text_scope == "utterance":
        encoder.to(accelerator.device)
        with accelerator.main_process_first():
            for split in SPLITS:
                tables[split]["text"] = frozen_text_states(data.splits[split], processor, encoder, cache_dir)
    train, validation = (ConversationDataset(data.splits[split], tables[split]) for split in SPLITS)
    train.check_labelled("train")
    validation.check_labelled("validation")
    return train, validation
