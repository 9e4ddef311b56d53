# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The data of an evaluation: the split, its features, and the modalities."""

from dataclasses import replace
from pathlib import Path

from datasets import Dataset

from modeling_amuse.encoders import texts_at_once
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import (
    ConversationDataset,
    load_stream_tables,
    utterance_ids,
)
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.encoder_states import encoder_record, frozen_text_states
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.processing.corpora.load_conversations import (
    ConversationData,
    load_conversations,
)
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance, DisturbedConversations
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.processing.warning_messages import warn
from modeling_amuse.scripts.command.errors import WrongArguments


def training_warnings(model: str) -> list[str]:
    """
    The warnings that were printed when the model was trained, see
    `modeling_amuse.processing.evaluation.contaminated_encoders`.
    """
    path = Path(model) / "training_history.json"
    return read_json_object(path).get("warnings", []) if path.is_file() else []


def load_split(args, split: str, model, processor, accelerator) -> tuple[ConversationData, dict[str, FeatureTable]]:
    """
    Load the data set (train, validation and the given split) and the feature tables of the given split.

    Args:
        args: arguments with `dataset_name`, `data_dir`, `cache_dir` and the paths `*_features`.
        split: train, validation or test.
        model: the model, whose features are compared.
        processor: its processor.
        accelerator: the accelerator, which prints.

    Raises:
        ValueError: when there is no such split, or its features differ from those that the model was trained on.
    """
    with accelerator.main_process_first():
        options = options_of_training(args, accelerator)
        wanted = {"train", "validation", split}
        data = load_conversations(args.dataset_name, args.data_dir, args.cache_dir, wanted, options)
    if split not in data.splits:
        raise ValueError(f"The data set has no split {split!r}; it has {', '.join(data.splits)}.")
    accelerator.print(data.describe([split]))
    paths = {stream: getattr(args, f"{stream}_features", None) for stream in STREAMS}
    tables = load_stream_tables(paths, data.splits, [split])[split]
    for stream, table in tables.items():
        accelerator.print(f"{split}: {stream}: {table.coverage(utterance_ids(data.splits[split]))}")
        check_features(stream, table, model, processor)
    return data, tables


def options_of_training(args, accelerator) -> DataOptions:
    """
    The options for reading the data set. Options that are not given are those of the model's training, if it was trained
    on the same data set. Those of the training do not apply to its additional corpora (`--corpus`).
    """
    options, path = args.options(), Path(args.model) / "training_history.json"
    settings = read_json_object(path).get("settings", {}) if path.is_file() else {}
    if settings.get("dataset_name") != args.dataset_name or getattr(args, "corpus", None):
        return options
    taken = {
        name: settings[name]
        for name, value in options.reading().items()
        if settings.get(name) not in (None, value) and value == getattr(DataOptions(), name)
    }
    if taken:
        accelerator.print("Data options of the training: " + ", ".join(f"--{n} {v}" for n, v in taken.items()))
    return replace(options, **taken)


def split_dataset(
    conversations, tables, disturbance: Disturbance, modalities, model, processor, accelerator, args
) -> ConversationDataset:
    """
    The conversations with their features, disturbed if requested. A frozen text encoder runs only once for all subsets and
    evaluations, as its states are cached, in the same cache as those of a training.

    Raises:
        ValueError: when the data does not have what should be disturbed.
    """
    check_disturbance(disturbance, modalities, tables, getattr(args, "disturbed_modalities", None))
    deviations = noise_deviations(disturbance, conversations, tables, processor)
    encoder = model.amuse.encoder("text")
    reads_text = "text" in modalities and "text" not in tables and encoder is not None
    has_states = model.amuse.is_frozen("text") and model.config.text_scope == "utterance"
    if reads_text and has_states and not disturbance.word_drop_rate:
        with accelerator.main_process_first():
            states = frozen_text_states(conversations, processor, encoder, args.cache_dir, texts_at_once(encoder))
            tables = {**tables, "text": states}
    if not disturbance:
        return ConversationDataset(conversations, tables)
    return DisturbedConversations(conversations, tables, disturbance, deviations)


def check_disturbance(
    disturbance: Disturbance, modalities: tuple[str, ...], tables: dict[str, FeatureTable], asked: list[str] | None
):
    """
    Raises:
        ValueError: when the data does not have what should be disturbed.
    """
    if not disturbance and asked:
        raise WrongArguments(
            "--disturbed_modalities chooses what --missing_rate or --feature_noise disturbs: give one of them, or leave it out."
        )
    for modality in disturbance.modalities if disturbance else ():
        if modality not in modalities:
            raise WrongArguments(
                f"--disturbed_modalities has {modality}, which is not used here: choose from {', '.join(modalities)}."
            )
    if disturbance.word_drop_rate and ("text" not in modalities or "text" in tables):
        raise WrongArguments("--word_drop_rate needs texts, but this model and data use none: leave it out.")


def noise_deviations(disturbance: Disturbance, conversations, tables: dict[str, FeatureTable], processor) -> dict:
    """
    For each disturbed feature stream the standard deviations `(D,)` of its features, which `--feature_noise` multiplies.

    Raises:
        ValueError: when no stream has features that can be disturbed.
    """
    if not disturbance.feature_noise:
        return {}
    deviations = {}
    for stream, table in tables.items():
        if MODALITY_OF[stream] in disturbance.modalities:
            statistics = processor.feature_statistics.get(stream) or table.statistics(utterance_ids(conversations))
            deviations[stream] = statistics["std"]
    without = set(disturbance.modalities) - {MODALITY_OF[stream] for stream in deviations}
    if without:
        raise ValueError(
            f"--feature_noise needs features of {', '.join(disturbance.modalities)}, but there are none of "
            f"{', '.join(sorted(without))}: choose others with --disturbed_modalities."
        )
    return deviations


def used_modalities(
    model, conversations: Dataset, tables: dict, wanted: list[str] | None, of_several: bool = False
) -> tuple[str, ...]:
    """
    The modalities to evaluate: those of the model, or the requested ones. A model of several corpora may have modalities that
    only one of them has: without a request, those that the data lack are left out, with a warning. Text for an encoder
    is lacking if no utterance of the split has words.

    Args:
        conversations: the conversations of the split.
        tables: its feature tables.
        of_several: whether the model was made from one of several corpora (`for_corpus`).

    Raises:
        ValueError: when the model or the data does not have a modality.
    """
    modalities = tuple(model.config.modalities if wanted is None else wanted)
    encodes_text = model.amuse.encoder("text") is not None
    has_text = encodes_text and any((u["text"] or "").strip() for row in conversations["utterances"] for u in row)
    lacking = [m for m in modalities if m not in tables and not (m == "text" and has_text)]
    if wanted is None and (of_several or model.config.extra_emotions) and 0 < len(lacking) < len(modalities):
        modalities = tuple(modality for modality in modalities if modality not in lacking)
        warn(
            f"The data has no {' and '.join(lacking)}: {' and '.join(modalities)} alone {'is' if len(modalities) == 1 else 'are'} read."
        )
        lacking = []
    for modality in modalities:
        if modality not in model.config.modalities:
            raise ValueError(f"The model has no {modality}; choose from {', '.join(model.config.modalities)}.")
        if modality in lacking:
            given = "texts in the conversations" if modality == "text" and encodes_text else f"--{modality}_features"
            raise ValueError(
                f"The model was trained with {modality}, but the data has none: give {given}, or score the other modalities "
                "with amuse evaluate --modalities."
            )
    return modalities


def check_features(stream: str, table, model, processor):
    """
    Raises:
        ValueError: when the table's features were computed by another extractor than those that the model was trained on.
    """
    trained = processor.feature_records.get(stream)
    if table.record is not None and table.record["name"] == "encoder" and stream != "text":
        encoder = model.amuse.encoder(MODALITY_OF[stream])
        is_audio = stream == "audio"
        pooling = model.config.audio_token_pooling if is_audio else 1
        trained = encoder and encoder_record(encoder, pooling, is_audio and model.config.crop_audio_window)
    if table.record != trained:
        raise ValueError(
            f"The model was trained on {stream} features of {trained or 'an unknown extractor'}, but the table has those of "
            f"{table.record or 'an unknown extractor'}: extract features with the same extractor, or train again."
        )
    try:
        table.order_columns(processor.feature_statistics.get(stream, {}).get("columns"))
    except ValueError as error:
        raise ValueError(f"The table of {stream} features: {error}") from error
