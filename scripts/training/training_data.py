# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The data of a training: conversations, features, and the modalities of the model."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from accelerate import Accelerator
from datasets import Dataset

from modeling_amuse import MODALITIES
from modeling_amuse.encoders import texts_at_once
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_builder import report_counts
from modeling_amuse.processing.corpora.conversation_dataset import (
    ConversationDataset,
    load_stream_tables,
    utterance_ids,
)
from modeling_amuse.processing.corpora.encoder_states import frozen_text_states
from modeling_amuse.processing.corpora.extra_corpora import (
    ExtraCorpus,
    load_extra_corpora,
    reserved_texts,
    without_overlap,
)
from modeling_amuse.processing.corpora.feature_tables import FeatureTable, by_given_id
from modeling_amuse.processing.corpora.load_conversations import (
    ConversationData,
    load_conversations,
)
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels, soft_targets
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training.corpus_batches import SeveralCorpora
from modeling_amuse.scripts.training.training_arguments import DataArguments

SPLITS = ("train", "validation")
"""The splits that a training reads. Of the test split, only the texts are read, and only to find overlaps of extra corpora."""

USUAL_LIMIT = 5.0
"""The absolute value above which standardized features are reported as extreme."""


@dataclass
class TrainingData:
    """
    The data of a training.

    Attributes:
        splits: the conversations of `train` and `validation`.
        tables: for each split and feature stream (`"audio"`, `"vision"`, ...) the feature table.
        modalities: the modalities of the model, in the order of [`MODALITIES`].
        emotions: the emotions in the order of the labels.
        report: for each split, counts of what was found and corrected in the files.
        extra: extra corpora, on which the model is trained in addition to the training split.
        targets: the training target `(emotions,)` of each training utterance with a soft label, by id.
        name: the name of the data set.
        feature_limit: the absolute value to which standardized features are clipped. None: they are not clipped.
    """

    splits: dict[str, Dataset]
    tables: dict[str, dict[str, FeatureTable]]
    modalities: tuple[str, ...]
    emotions: tuple[str, ...]
    report: dict[str, Counter]
    extra: list[ExtraCorpus] = field(default_factory=list)
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    name: str = "folder"
    feature_limit: float | None = None

    @property
    def encodes_text(self) -> bool:
        """Whether the model encodes text: text is one of its modalities, and is not given as features."""
        return "text" in self.modalities and "text" not in self.tables["train"]

    @property
    def feature_tables(self) -> dict[str, FeatureTable]:
        """The table of each stream that the model reads as features, from the training split or else from an extra corpus."""
        tables = [self.tables["train"], *(corpus.tables for corpus in self.extra)]
        return {stream: table for own in reversed(tables) for stream, table in own.items()}

    def feature_ids(self, stream: str) -> list[str]:
        """The ids of the utterances of the stream's table in [`feature_tables`]."""
        if stream in self.tables["train"]:
            return utterance_ids(self.splits["train"])
        return next(corpus.ids() for corpus in self.extra if stream in corpus.tables)

    def feature_statistics(self, stream: str) -> dict[str, list | float]:
        """The mean and standard deviation for standardizing the features of a stream, and their limit, if any."""
        statistics = self.feature_tables[stream].statistics(self.feature_ids(stream))
        return statistics if self.feature_limit is None else {**statistics, "limit": self.feature_limit}

    def describe_extreme_values(self, stream: str) -> str | None:
        """A text with the number of extreme standardized features of a stream; None if there are none."""
        limit = USUAL_LIMIT if self.feature_limit is None else self.feature_limit
        table, ids = self.feature_tables[stream], self.feature_ids(stream)
        number, total, largest = table.extreme_values(ids, self.feature_statistics(stream), limit)
        if not number:
            return None
        clipped = "they are clipped" if self.feature_limit else f"--feature_limit {limit:g} would clip them"
        return (
            f"train: {stream}: {number} of {total} values are more than {limit:g} standard deviations from the mean (up to "
            f"{largest:.0f}); {clipped}"
        )

    @property
    def texts(self) -> list[str]:
        """The training texts of all corpora."""
        utterances = [utterance for row in self.splits["train"]["utterances"] for utterance in row]
        own = [utterance["text"] for utterance in utterances if utterance["text"]]
        return own + [text for corpus in self.extra for text in corpus.texts()]


def load_training_data(data_args: DataArguments, seed: int, accelerator: Accelerator) -> TrainingData:
    """
    Load the conversations and the feature tables of a training, and print what was found.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when the data set lacks a split, or does not match the feature tables or `--modalities`, or when an extra
            corpus has nothing that the model reads.
    """
    # the main process runs first and fills the caches, which the others read
    with accelerator.main_process_first():
        data = load_conversations(
            data_args.dataset_name, data_args.data_dir, data_args.cache_dir, SPLITS, data_args.options()
        )
    accelerator.print(data.describe())
    targets = training_targets(data, data_args, accelerator)
    left_out = draw_training_conversations(data, data_args.train_fraction, seed, accelerator)
    splits = dict(data.splits)
    for split in SPLITS:
        if split not in splits:
            raise ValueError(
                f"The data set {data_args.place()} has no {split} split (in a folder: {split}.jsonl). Training needs a train and "
                "a validation split, on which the epoch is chosen."
            )
    paths = {stream: getattr(data_args, f"{stream}_features", None) for stream in STREAMS}
    tables = load_stream_tables(paths, splits, left_out=left_out)
    extra = extra_corpora(data_args, accelerator)
    modalities = chosen_modalities(data_args.modalities, [tables["train"], *(corpus.tables for corpus in extra)])
    if data_args.modalities is None and (unread := unread_recordings(splits["train"], modalities)):
        accelerator.print(
            f"The conversations have recordings, but the model does not use {' and '.join(unread)}: compute features with "
            "amuse extract, and give them as --audio_features and --vision_features."
        )
    if unread := [stream for stream in tables["train"] if MODALITY_OF[stream] not in modalities]:
        accelerator.print(f"Not read, as --modalities leaves their modality out: features of {', '.join(unread)}")
    for split in splits:
        tables[split] = {stream: t for stream, t in tables[split].items() if MODALITY_OF[stream] in modalities}
        for stream, table in tables[split].items():
            accelerator.print(f"{split}: {stream}: {table.coverage(utterance_ids(splits[split]))}")
    extra = [corpus.with_modalities(modalities) for corpus in extra]
    check_same_features(tables["train"], extra)
    loaded = TrainingData(
        splits,
        tables,
        modalities,
        data.emotions,
        data.report,
        extra,
        targets,
        data.name,
        data_args.feature_limit,
    )
    check_corpora_are_read(loaded)
    for stream in loaded.feature_tables:
        if (described := loaded.describe_extreme_values(stream)) is not None:
            accelerator.print(described)
    return loaded


def training_targets(
    data: ConversationData, data_args: DataArguments, accelerator: Accelerator
) -> dict[str, np.ndarray]:
    """
    The training targets of `--soft_labels` by utterance id; empty without that option. Prints their number, and that of
    the rows whose utterances have no label.

    Raises:
        FileNotFoundError: when there is no such table.
        ValueError: when the table cannot be read or does not belong to the training split.
    """
    if data_args.soft_labels is None or "train" not in data.splits:
        return {}
    emotions = {emotion: label for label, emotion in enumerate(data.emotions)}
    utterances = [utterance for row in data.splits["train"]["utterances"] for utterance in row]
    labels = {utterance["id"]: emotions.get(utterance["emotion"]) for utterance in utterances}
    soft_labels = by_given_id(read_soft_labels(data_args.soft_labels, data.emotions), labels)
    targets = soft_targets(
        soft_labels,
        labels,
        data_args.soft_label_weight,
        data_args.soft_labels_for == "majority",
        data_args.soft_labels,
    )
    unlabelled = sum(labels[identifier] is None for identifier in soft_labels)
    accelerator.print(
        f"train: {len(targets)} of {len(labels)} utterances have soft labels"
        + (f"; rows that are not used, as their utterances have no label: {unlabelled}" if unlabelled else "")
    )
    return targets


def extra_corpora(data_args: DataArguments, accelerator: Accelerator) -> list[ExtraCorpus]:
    """
    Load the extra corpora of `--extra_data`, and check that none of their conversations occurs in the validation or the
    test split. For this check, the texts of the test split are read, and nothing else of it.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a corpus has no labels, or overlaps with those splits.
    """
    if not data_args.extra_data:
        return []
    with accelerator.main_process_first():
        corpora = load_extra_corpora(data_args.extra_data, data_args.cache_dir)
        reserved = reserved_texts(data_args.dataset_name, data_args.data_dir, data_args.cache_dir, data_args.options())
    if "test" not in reserved:
        accelerator.print(
            "Warning: --extra_data cannot be compared with the test split, as there is none in this data: it may overlap."
        )
    kept = []
    for corpus in corpora:
        corpus, said = without_overlap(corpus, reserved, data_args.leave_out_overlap)
        if said:
            accelerator.print(said)
        counts = f"{len(corpus.conversations)} conversations, {len(corpus.ids())} utterances"
        accelerator.print(f"{corpus.name}: {counts}, {len(corpus.emotions)} emotions")
        kept.append(corpus)
    return kept


def check_same_features(tables: dict[str, FeatureTable], extra: list[ExtraCorpus]):
    """
    Raises:
        ValueError: when corpora have features of the same stream from different extractors.
    """
    owners = {stream: ("the training split", table) for stream, table in tables.items()}
    for corpus in extra:
        for stream, table in corpus.tables.items():
            name, first = owners.setdefault(stream, (corpus.name, table))
            if (table.size, table.record) != (first.size, first.record):
                raise ValueError(
                    f"--extra_data: the {stream} features of {corpus.name} (size {table.size}) and of {name} (size {first.size}) "
                    "were computed by different extractors: compute both with the same one, or leave "
                    f"{MODALITY_OF[stream]} out with --modalities."
                )


def check_corpora_are_read(data: TrainingData):
    """
    Raises:
        ValueError: when an extra corpus has nothing that the model reads.
    """
    read = ["text" if name == "text" and data.encodes_text else f"{name} features" for name in data.modalities]
    for corpus in data.extra:
        has_text, ids = any(text.strip() for text in corpus.texts()), set(corpus.ids())
        if (has_text and data.encodes_text) or any(ids & table.rows.keys() for table in corpus.tables.values()):
            continue
        advice = (
            "name a modality of which it has features among --modalities, give its utterances features (such as audio_features; "
            "amuse extract computes those of recordings)"
        )
        if has_text:
            advice = "let the model read its texts (text among --modalities, and no --text_features)"
        raise ValueError(
            f"--extra_data: {corpus.name} has no {' and no '.join(read)}, but the model reads nothing else: {advice}, or leave "
            "the corpus out."
        )


def draw_training_conversations(
    data: ConversationData, fraction: float, seed: int, accelerator: Accelerator
) -> list[str]:
    """
    Replace the training split by the share `--train_fraction` of its conversations, and correct its counts.

    Returns:
        The utterance ids of the whole training split if a part of it is left out.
    """
    if "train" not in data.splits or fraction == 1:
        return []
    whole = data.splits["train"]
    positions = drawn_conversations(len(whole), fraction, seed)
    accelerator.print(f"train: {len(positions)} of {len(whole)} conversations are used for training")
    data.splits["train"] = whole.select(positions)
    data.report["train"] = Counter({**data.report["train"], **report_counts(data.splits["train"].to_list())})
    return utterance_ids(whole)


def drawn_conversations(number: int, fraction: float, seed: int) -> list[int]:
    """
    Ascending positions of a random share of `number` conversations, at least one. With the same seed, a smaller share is
    a subset of a larger one.

    Raises:
        ValueError: for a share that is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise WrongArguments(f"--train_fraction must be more than 0 and at most 1, but is {fraction}.")
    order = np.random.default_rng(seed).permutation(number)
    return sorted(order[: max(1, round(fraction * number))].tolist())


def chosen_modalities(wanted: list[str] | None, tables: list[dict]) -> tuple[str, ...]:
    """
    The modalities of the model: the requested ones, else text and all modalities with features.

    Args:
        wanted: the value of `--modalities`.
        tables: for each training corpus its feature tables, by stream.

    Raises:
        ValueError: when a requested modality has no features.
    """
    available = {"text"} | {MODALITY_OF[stream] for own in tables for stream in own}
    for modality in wanted or ():
        if modality not in available:
            raise WrongArguments(f"--modalities {modality} needs its feature table: give it as --{modality}_features.")
    return tuple(modality for modality in MODALITIES if modality in (wanted or available))


def unread_recordings(conversations: Dataset, modalities: tuple[str, ...]) -> list[str]:
    """The modalities of the utterances' recordings that the model does not use."""
    utterances = [utterance for row in conversations["utterances"] for utterance in row]
    media = {"audio": "audio", "vision": "video"}
    return [m for m, medium in media.items() if m not in modalities and any(u.get(medium) for u in utterances)]


def training_datasets(
    data: TrainingData, model, processor, accelerator: Accelerator, cache_dir: str | None
) -> tuple[SeveralCorpora, ConversationDataset]:
    """
    The training conversations of all corpora and those of the validation split, with their features. The states of a
    frozen text encoder are computed once and used as a feature table.

    Raises:
        ValueError: when no utterance of a split has an emotion.
    """
    tables = {split: dict(data.tables[split]) for split in SPLITS}
    extra = [corpus._replace(tables=dict(corpus.tables)) for corpus in data.extra]
    encoder = model.amuse.encoder("text")
    # with other scopes, the states of an utterance depend on how its conversation is divided into sequences
    if encoder is not None and model.config.freeze_text_encoder and model.config.text_scope == "utterance":
        encoder.to(accelerator.device)
        options = {"cache_dir": cache_dir, "batch_size": texts_at_once(encoder)}
        with accelerator.main_process_first():
            for split in SPLITS:
                tables[split]["text"] = frozen_text_states(data.splits[split], processor, encoder, **options)
            for corpus in extra:
                if corpus.texts():
                    states = frozen_text_states(corpus.conversations, processor, encoder, **options)
                    corpus.tables["text"] = states
    known = set(utterance_ids(data.splits["train"]))  # with --train_fraction, some targets belong to other utterances
    targets = {identifier: target for identifier, target in data.targets.items() if identifier in known}
    train = ConversationDataset(data.splits["train"], tables["train"], targets)
    validation = ConversationDataset(data.splits["validation"], tables["validation"])
    train.check_labelled("train")
    validation.check_labelled("validation")
    return SeveralCorpora([train, *(corpus.dataset() for corpus in extra)]), validation
