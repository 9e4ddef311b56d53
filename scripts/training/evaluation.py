# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Score a trained AMuSE on a split of a data set.

    python scripts/evaluate.py --model amuse-meld --dataset_name meld --data_dir MELD --split test --output results.json

Writes the scores as JSON and, beside it, pictures of the confusion matrix and of the calibration. Besides are scored the
utterances whose speaker, and those whose words, do not occur in the training split. `--missing_rate`, `--word_drop_rate`
and `--feature_noise` measure how much the model suffers when something is missing or disturbed.
"""

import json
from dataclasses import asdict, dataclass, field
from itertools import combinations
from pathlib import Path

import pandas as pd
import torch
from accelerate import Accelerator
from transformers import HfArgumentParser

from modeling_amuse import MODALITIES, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import (
    ConversationDataset,
    load_stream_tables,
    utterance_ids,
)
from modeling_amuse.processing.corpora.encoder_states import encoder_record, frozen_text_states
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.processing.corpora.load_conversations import (
    BUILDERS,
    ConversationData,
    describe_report,
    load_conversations,
)
from modeling_amuse.processing.corpora.meld import FIVE_CLASS_LEFT_OUT
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance, DisturbedConversations
from modeling_amuse.processing.evaluation.score_pictures import save_confusion_matrix, save_reliability
from modeling_amuse.processing.evaluation.temperature_scaling import at_temperature
from modeling_amuse.processing.evaluation.unseen_subsets import unseen_subsets
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.prediction import (
    forget_mixed_precision,
    load_from_folder_or_hub,
    predict,
    score,
    use_all_cores,
)
from modeling_amuse.scripts.training.run_record import describe_run, read_training


@dataclass
class EvaluationArguments:
    """What is evaluated, and on what."""

    model: str = field(metadata={"help": "Folder or Hub id of the model."})
    dataset_name: str = field(default="sample", metadata={"help": "The data set.", "choices": list(BUILDERS)})
    data_dir: str | None = field(default=None, metadata={"help": "Folder with the data set's files."})
    split: str = field(default="test", metadata={"help": "The split: train, validation or test."})
    output: str = field(default="results.json", metadata={"help": "File for the scores; pictures go beside it."})
    audio_features: str | None = field(default=None, metadata={"help": "Feature table of the audio."})
    vision_features: str | None = field(default=None, metadata={"help": "Feature table of the faces."})
    background_features: str | None = field(default=None, metadata={"help": "Feature table of the background."})
    modalities: list[str] | None = field(
        default=None, metadata={"help": "Use only these of the model's modalities.", "choices": list(MODALITIES)}
    )
    modality_subsets: bool = field(default=False, metadata={"help": "Also score every subset of the modalities."})
    per_device_eval_batch_size: int = field(default=16, metadata={"help": "Conversations in a batch of one process."})
    num_resamples: int = field(default=1000, metadata={"help": "Resamples of the bootstrap interval."})
    predictions: str | None = field(
        default=None, metadata={"help": "Parquet file for what is predicted for each labelled utterance."}
    )
    missing_rate: float = field(
        default=0.0, metadata={"help": "Probability with which an utterance loses a modality, each by itself."}
    )
    word_drop_rate: float = field(default=0.0, metadata={"help": "Probability with which a word of a text is dropped."})
    feature_noise: float = field(
        default=0.0,
        metadata={
            "help": "Noise on the features, in standard deviations of the training split's (of states of an encoder, for "
            "which these are not known: of this split's)."
        },
    )
    disturbed_modalities: list[str] | None = field(
        default=None,
        metadata={
            "help": "What --missing_rate and --feature_noise disturb. Default: all modalities.",
            "choices": list(MODALITIES),
        },
    )
    disturbance_seed: int = field(default=0, metadata={"help": "Seed of what is missing, dropped and added."})
    pictures: bool = field(default=True, metadata={"help": "Draw the pictures (needs the extra plots)."})
    cache_dir: str | None = field(default=None, metadata={"help": "Where prepared data is kept."})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})


def main(arguments: list[str] | None = None) -> dict:
    [args] = HfArgumentParser(EvaluationArguments, description=__doc__).parse_args_into_dataclasses(arguments)
    if args.pictures:
        import_extra("matplotlib", "plots")  # said now, not after the evaluation
    forget_mixed_precision()
    accelerator = Accelerator(cpu=args.use_cpu or not torch.cuda.is_available())
    use_all_cores(accelerator)

    model = load_from_folder_or_hub(AmuseForEmotionRecognition, args.model).to(accelerator.device)
    processor = load_from_folder_or_hub(AmuseProcessor, args.model)
    warnings = training_warnings(args.model)
    for warning in warnings:
        accelerator.print(f"Warning: {warning}")
    data, tables = load_split(args, args.split, model, processor, accelerator)
    modalities = used_modalities(model, tables, args.modalities)
    disturbance = Disturbance(
        *(args.missing_rate, args.word_drop_rate, args.feature_noise),
        tuple(args.disturbed_modalities or modalities),
        args.disturbance_seed,
    )
    dataset = split_dataset(
        data.splits[args.split], tables, disturbance, modalities, model, processor, accelerator, args
    )
    dataset.check_labelled(args.split)

    emotions = [model.config.id2label[label] for label in range(model.config.num_labels)]
    settings = {
        "emotions": emotions,
        "left_out": FIVE_CLASS_LEFT_OUT if args.dataset_name == "meld" else (),
        "num_resamples": args.num_resamples,
    }
    subsets = [modalities]
    if args.modality_subsets:
        subsets += [subset for size in range(len(modalities) - 1, 0, -1) for subset in combinations(modalities, size)]
    scores, predicted = {}, {}
    for subset in subsets:
        predicted[subset] = predict(model, dataset, processor, accelerator, args.per_device_eval_batch_size, subset)
        scores["+".join(subset)] = score(predicted[subset], **settings)
        accelerator.print(f"\n{', '.join(subset)}\n{describe(scores['+'.join(subset)])}")

    results = {
        "model": args.model,
        "dataset_name": args.dataset_name,
        "split": args.split,
        "modalities": list(modalities),
        **next(iter(scores.values())),
        "num_resamples": args.num_resamples,
        "data_report": dict(data.report[args.split]),
        "training": read_training(args.model),
        "run": describe_run(accelerator),
    }
    if args.modality_subsets:
        results["modality_subsets"] = scores
    if warnings:
        results["warnings"] = warnings
    if disturbance:
        results["disturbance"] = {**asdict(disturbance), "modalities": list(disturbance.modalities)}
    if model.config.temperature != 1:
        results["temperature"] = model.config.temperature
        as_trained = at_temperature(predicted[modalities]["prediction_scores"], 1 / model.config.temperature)
        unscaled = score({**predicted[modalities], "prediction_scores": as_trained}, emotions, num_resamples=0)
        results["calibration_error_without_temperature"] = unscaled["expected_calibration_error"]
        accelerator.print(
            f"\nexpected calibration error {unscaled['expected_calibration_error']:.4f} without, "
            f"{results['expected_calibration_error']:.4f} with the temperature {model.config.temperature:.3f}"
        )
    if args.split != "train" and "train" in data.splits:
        # of the whole split, also where a model learned from a share of it: scores of such models are compared
        subsets = unseen_subsets(dataset.conversations, data.splits["train"])
        results["unseen"] = score_unseen(subsets, predicted[modalities], settings)
        accelerator.print("\n" + describe_unseen(results["unseen"], results["num_utterances"]))
    if accelerator.is_main_process:
        if args.predictions is not None:
            write_predictions(predicted[modalities], dataset.conversations, emotions, Path(args.predictions))
        write(results, emotions, Path(args.output), args.pictures)
        accelerator.print(f"\nWritten to {args.output}")
    accelerator.end_training()
    return results


def training_warnings(model: str) -> list[str]:
    """What was said against the scores of a model when it was trained, see `modeling_amuse.processing.evaluation.contaminated_encoders`."""
    path = Path(model) / "training_history.json"
    return json.loads(path.read_text(encoding="utf-8")).get("warnings", []) if path.is_file() else []


def load_split(args, split: str, model, processor, accelerator) -> tuple[ConversationData, dict[str, FeatureTable]]:
    """
    The data set without its test split, unless that is asked for, and the feature tables of a split.

    Args:
        args: with `dataset_name`, `data_dir`, `cache_dir` and the paths `*_features`.
        split: train, validation or test.

    Raises:
        ValueError: when there is no such split, or its features are not those that the model learned from.
    """
    with accelerator.main_process_first():
        data = load_conversations(args.dataset_name, args.data_dir, args.cache_dir, {"train", "validation", split})
    if split not in data.splits:
        raise ValueError(f"The data set has no split {split!r}; it has {', '.join(data.splits)}.")
    accelerator.print(describe_report({split: data.report[split]}))
    paths = {stream: getattr(args, f"{stream}_features", None) for stream in STREAMS}
    tables = load_stream_tables(paths, data.splits, [split])[split]
    for stream, table in tables.items():
        accelerator.print(f"{split}: {stream}: {table.coverage(utterance_ids(data.splits[split]))}")
        check_features(stream, table, model, processor)
    return data, tables


def split_dataset(
    conversations, tables, disturbance: Disturbance, modalities, model, processor, accelerator, args
) -> ConversationDataset:
    """
    The conversations with their features, disturbed if that is wanted. A frozen text encoder runs once for all subsets
    and all evaluations: its states are kept where a training keeps them.

    Raises:
        ValueError: when there is nothing of what is to be disturbed.
    """
    for modality in disturbance.modalities if disturbance else ():
        if modality not in modalities:
            raise ValueError(f"--disturbed_modalities names {modality}, which is not among {', '.join(modalities)}.")
    if disturbance.word_drop_rate and ("text" not in modalities or "text" in tables):
        raise ValueError("--word_drop_rate drops words of texts, but no text is read here.")
    deviations = {}
    if disturbance.feature_noise:
        for stream, table in tables.items():
            if MODALITY_OF[stream] in disturbance.modalities:
                statistics = processor.feature_statistics.get(stream) or table.statistics(utterance_ids(conversations))
                deviations[stream] = statistics["std"]
        if not deviations:
            raise ValueError(f"There are no features of {', '.join(disturbance.modalities)} to put --feature_noise on.")
    encoder = model.amuse.encoder("text")
    reads_text = "text" in modalities and "text" not in tables and encoder is not None
    has_states = model.amuse.is_frozen("text") and model.config.text_scope == "utterance"
    if reads_text and has_states and not disturbance.word_drop_rate:
        with accelerator.main_process_first():
            tables = {**tables, "text": frozen_text_states(conversations, processor, encoder, args.cache_dir)}
    if not disturbance:
        return ConversationDataset(conversations, tables)
    return DisturbedConversations(conversations, tables, disturbance, deviations)


def score_unseen(subsets: dict, predictions: dict, settings: dict) -> dict[str, dict]:
    """The headline scores of the labelled utterances in each subset of [`unseen_subsets`], and how many there are."""
    results = {}
    for name, subset in subsets.items():
        rows = subset[predictions["utterances"]]
        results[name] = {"num_utterances": int(rows.sum())}
        if rows.any():
            columns = ("prediction_scores", "references", "conversations")
            found = score({column: predictions[column][rows] for column in columns}, **settings)
            kept = ("weighted_f1", "accuracy", "macro_f1", "weighted_f1_interval", "num_conversations")
            results[name] |= {key: found[key] for key in kept if key in found}
    return results


def describe_unseen(unseen: dict[str, dict], number: int) -> str:
    """The scores of the unseen subsets, a line for each."""
    names = {"unseen_speakers": "speakers not in train", "unseen_texts": "texts not in train"}
    lines = []
    for name, scores in unseen.items():
        interval = scores.get("weighted_f1_interval")
        lines.append(
            f"{names[name]}: {scores['num_utterances']} of {number} utterances"
            + (f", weighted F1 {scores['weighted_f1']:.4f}" if "weighted_f1" in scores else "")
            + (f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})" if interval else "")
        )
    return "\n".join(lines)


def write_predictions(predictions: dict, conversations: list[dict], emotions: list[str], path: Path):
    """A row for each labelled utterance: its ids, speaker, true and predicted emotion, and the probability of each emotion."""
    utterances = [(c["id"], u) for c in conversations for u in c["utterances"]]
    chosen = [utterances[number] for number in predictions["utterances"]]
    scores = predictions["prediction_scores"]
    frame = pd.DataFrame(
        {
            "conversation": [identifier for identifier, _ in chosen],
            "utterance": [utterance["id"] for _, utterance in chosen],
            "speaker": [utterance["speaker"] for _, utterance in chosen],
            "emotion": [emotions[label] for label in predictions["references"]],
            "prediction": [emotions[label] for label in scores.argmax(axis=1)],
            **{f"probability_{emotion}": scores[:, label] for label, emotion in enumerate(emotions)},
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        frame.to_parquet(file, index=False)


def used_modalities(model, tables: dict, wanted: list[str] | None) -> tuple[str, ...]:
    """
    The modalities that are evaluated: the model's, or those of them that were asked for.

    Raises:
        ValueError: when the model does not know one, or the data does not hold it.
    """
    modalities = tuple(model.config.modalities if wanted is None else wanted)
    for modality in modalities:
        if modality not in model.config.modalities:
            raise ValueError(f"The model has no {modality}; it has {', '.join(model.config.modalities)}.")
        if modality not in tables and (modality != "text" or model.amuse.encoder("text") is None):
            raise ValueError(
                f"The model was trained with {modality}, and the data has none: give --{modality}_features, or name the "
                "modalities that are to be used with --modalities."
            )
    return modalities


def check_features(stream: str, table, model, processor):
    """
    Raises:
        ValueError: when the table's features were computed by something else than those that the model learned from.
    """
    trained = processor.feature_records.get(stream)
    if table.record is not None and table.record["name"] == "encoder" and stream != "text":
        encoder = model.amuse.encoder(MODALITY_OF[stream])
        trained = encoder and encoder_record(encoder, model.config.audio_token_pooling if stream == "audio" else 1)
    if table.record != trained:
        raise ValueError(
            f"The model learned from {stream} features of {trained or 'an unknown extractor'}, but the table has "
            f"{table.record or 'those of an unknown one'}: extract features of the same, or train anew."
        )
    try:
        table.order_columns(processor.feature_statistics.get(stream, {}).get("columns"))
    except ValueError as error:
        raise ValueError(f"The table of {stream} features: {error}") from error


def write(results: dict, emotions: list[str], output: Path, pictures: bool):
    """The JSON file, whole or not at all, and the pictures beside it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(output) as file:
        file.write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
    if pictures:
        save_confusion_matrix(results, emotions, output.with_name(f"{output.stem}_confusion_matrix.png"))
        save_reliability(results, output.with_name(f"{output.stem}_reliability.png"))


def describe(scores: dict) -> str:
    """The scores as a text."""
    interval = scores.get("weighted_f1_interval")
    lines = [
        f"weighted F1 {scores['weighted_f1']:.4f}"
        + (f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})" if interval else ""),
        f"accuracy {scores['accuracy']:.4f}  macro F1 {scores['macro_f1']:.4f}  expected calibration error "
        f"{scores['expected_calibration_error']:.4f}",
    ]
    if "reduced" in scores:
        reduced = scores["reduced"]
        lines.append(f"weighted F1 without {' and '.join(reduced['left_out'])} {reduced['weighted_f1']:.4f}")
    width = max(map(len, scores["per_class"]))
    lines.append(f"{'':{width}}  precision  recall      F1  support")
    for emotion, row in scores["per_class"].items():
        lines.append(
            f"{emotion:{width}}  {row['precision']:9.4f}  {row['recall']:6.4f}  {row['f1']:6.4f}  {row['support']:7.0f}"
        )
    return "\n".join(lines)
