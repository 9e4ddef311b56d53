# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Late fusion in studies: the predictions of a text model, multiplied by those of regressions on the other modalities."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import load_stream_tables
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.evaluation.late_fusion import FusionSplit, late_fusion
from modeling_amuse.scripts.training.fold_data import FoldData, all_folds, data_options, load_fold_data
from modeling_amuse.scripts.training.training_arguments import FoldArguments

Features = dict[str, dict[str, np.ndarray]]
"""For each stream the features `(D,)` of each utterance, by id."""


@dataclass
class FusionPart:
    """
    The data for the regressions of one model: a fold, or a data set with official splits.

    Attributes:
        labels: the emotion of each labelled training utterance, by id.
        features: for each split the features of its utterances.
    """

    labels: dict[str, str]
    features: dict[str, Features]


def fold_parts(fold_args: FoldArguments, options: dict) -> list[FusionPart]:
    """
    Load the parts of a cross-validation, one for each fold.

    Args:
        fold_args: the options of the folds.
        options: the options of train.py, with the features of all modalities.
    """
    data = load_fold_data(fold_args, options)
    features = pooled(data, options)
    return [FusionPart(labels_of(fold["train"]), dict.fromkeys(fold, features)) for fold in all_folds(data, fold_args)]


def split_part(options: dict, splits: tuple[str, ...]) -> FusionPart:
    """Load the part of a data set with official splits, with the features of `train` and the given splits."""
    wanted = ["train", *splits]
    data = load_conversations(*place_of(options), set(wanted), data_options(options))
    tables = load_stream_tables(stream_paths(options), data.splits, wanted)
    features = {split: {stream: means(table) for stream, table in tables[split].items()} for split in wanted}
    return FusionPart(labels_of(data.splits["train"].to_list()), features)


def pooled(data: FoldData, options: dict) -> Features:
    """For each stream the features of each utterance, averaged over its tokens, `(D,)`."""
    if data.features:
        return {
            stream: {name: np.asarray(array).mean(axis=0) for name, array in features.items()}
            for stream, (features, _) in data.features.items()
        }
    loaded = load_conversations(*place_of(options), options=data_options(options))
    tables = load_stream_tables(stream_paths(options), loaded.splits, ["train"])["train"]
    return {stream: means(table) for stream, table in tables.items()}


def place_of(options: dict) -> tuple[str, str | None, str | None]:
    """The data set, its folder and the folder for prepared data, as `load_conversations` takes them."""
    return options.get("dataset_name", "sample"), options.get("data_dir"), options.get("cache_dir")


def means(table) -> dict[str, np.ndarray]:
    """The features of each utterance of a table, averaged over its tokens, `(D,)`."""
    return {identifier: np.asarray(table.get(identifier)).mean(axis=0) for identifier in table.rows}


def stream_paths(options: dict) -> dict[str, str | None]:
    """The feature tables of the modalities other than text."""
    return {s: options.get(f"{s}_features") for s in STREAMS if MODALITY_OF[s] in set(options["modalities"]) - {"text"}}


def labels_of(conversations: list[dict]) -> dict[str, str]:
    """The emotion of each labelled utterance, by id."""
    utterances = [utterance for conversation in conversations for utterance in conversation["utterances"]]
    return {u["id"]: u["emotion"] for u in utterances if u["emotion"] is not None}


def fuse(part: FusionPart, validation: pd.DataFrame, other: pd.DataFrame, split: str) -> tuple[pd.DataFrame, dict]:
    """
    The predictions of a late fusion.

    Args:
        part: the data of the regressions.
        validation: the predictions of the text model on the validation split, see `write_predictions`.
        other: its predictions on `split`.
        split: `validation` or `test`.

    Returns:
        `other` with the probabilities of the fusion, and the chosen settings.
    """
    columns = [name for name in other if name.startswith("probability_")]
    number = {name.removeprefix("probability_"): label for label, name in enumerate(columns)}
    labels = np.array([number[emotion] for emotion in part.labels.values()])
    train = FusionSplit(np.zeros((0, len(columns))), labels, rows_of(part.features["train"], list(part.labels)))
    chosen_on = _fusion_split(validation, columns, number, part.features["validation"])
    [probabilities], chosen = late_fusion(
        train, chosen_on, [_fusion_split(other, columns, number, part.features[split])]
    )
    fused = other.copy()
    fused[columns] = probabilities
    emotions = list(number)
    fused["prediction"] = [emotions[label] for label in probabilities.argmax(axis=1)]
    return fused, chosen


def rows_of(features: Features, ids: list[str]) -> dict[str, np.ndarray]:
    """For each stream the features `(utterances, D)`, NaN for utterances without features."""
    found = {}
    for stream, own in features.items():
        nothing = np.full(len(next(iter(own.values()))), np.nan)
        found[stream] = np.array([own.get(identifier, nothing) for identifier in ids])
    return found


def _fusion_split(frame: pd.DataFrame, columns: list[str], number: dict[str, int], features: Features) -> FusionSplit:
    labels = frame["emotion"].map(number).to_numpy()
    return FusionSplit(frame[columns].to_numpy(float), labels, rows_of(features, frame["utterance"].tolist()))
