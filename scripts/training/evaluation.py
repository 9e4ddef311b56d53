# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The body of `amuse evaluate`: scores a model on a split, and prints and writes the scores."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.load_conversations import ConversationData
from modeling_amuse.processing.corpora.meld import FIVE_CLASS_LEFT_OUT
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance
from modeling_amuse.processing.evaluation.temperature_scaling import at_temperature
from modeling_amuse.processing.evaluation.unseen_subsets import unseen_subsets
from modeling_amuse.processing.evaluation.utterance_parts import part_subsets, read_parts
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.whole_files import check_output
from modeling_amuse.scripts.training.descriptors import write_descriptors
from modeling_amuse.scripts.training.distribution import LONG_WAITS
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments
from modeling_amuse.scripts.training.evaluation_data import (
    load_split,
    split_dataset,
    training_warnings,
    used_modalities,
)
from modeling_amuse.scripts.training.evaluation_output import (
    describe,
    describe_parts,
    describe_unseen,
    save_pictures,
    write_predictions,
)
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub
from modeling_amuse.scripts.training.prediction import (
    forget_mixed_precision,
    predict,
    score,
)
from modeling_amuse.scripts.training.run_record import describe_run, read_training

SUBSET_SCORES = (
    "weighted_f1",
    "negative_log_likelihood",
    "accuracy",
    "macro_f1",
    "weighted_f1_interval",
    "num_conversations",
)


def evaluate(args: EvaluationArguments) -> dict:
    """
    Score a model on a split, print the scores and write them.

    Returns:
        The scores and how they were computed, as in the file of `--output`.

    Raises:
        FileNotFoundError: when model, data or features are missing.
        ValueError: when options, model and data do not match.
    """
    if args.pictures:
        import_extra("matplotlib", "plots")  # if it is missing, fail before the evaluation, not after it
    for path in (args.output, args.predictions, args.descriptors):
        check_output(path)
    forget_mixed_precision()
    accelerator = Accelerator(cpu=args.use_cpu or not torch.cuda.is_available(), kwargs_handlers=[LONG_WAITS])

    # Model and data
    model = load_from_folder_or_hub(AmuseForEmotionRecognition, args.model).to(accelerator.device)
    processor = load_from_folder_or_hub(AmuseProcessor, args.model)
    if args.corpus is not None:
        model = model.for_corpus(args.corpus).eval()
        processor.emotions = list(model.config.id2label.values())
    warnings = training_warnings(args.model)
    for warning in warnings:
        accelerator.print(f"Warning: {warning}")
    data, tables = load_split(args, args.split, model, processor, accelerator)
    conversations = data.splits[args.split]
    modalities = used_modalities(model, conversations, tables, args.modalities, of_several=args.corpus is not None)
    disturbance = disturbance_of(args, modalities)
    dataset = split_dataset(conversations, tables, disturbance, modalities, model, processor, accelerator, args)
    dataset.check_labelled(args.split)
    parts = parts_of(args, dataset)

    # Predictions and scores
    settings = score_settings(args, model)
    scores, predictions = {}, None
    for subset in modality_subsets(modalities, args.modality_subsets):
        found = predict(model, dataset, processor, accelerator, args.per_device_eval_batch_size, subset)
        predictions = found if predictions is None else predictions
        scores["+".join(subset)] = score(found, **settings)
        accelerator.print(f"\n{', '.join(subset)}\n{describe(scores['+'.join(subset)])}")
    results = {
        "model": args.model,
        "dataset_name": args.dataset_name,
        "split": args.split,
        **({"corpus": args.corpus} if args.corpus is not None else {}),
        "modalities": list(modalities),
        **scores["+".join(modalities)],
        "num_resamples": args.num_resamples,
        "data_report": dict(data.report[args.split]),
        "training": read_training(args.model),
        "run": describe_run(accelerator),
        **({"modality_subsets": scores} if args.modality_subsets else {}),
        **({"warnings": warnings} if warnings else {}),
        **({"disturbance": {**asdict(disturbance), "modalities": list(disturbance.modalities)}} if disturbance else {}),
    }
    results |= scores_without_temperature(results, predictions, model.config.temperature, settings, accelerator)
    results |= scores_of_unseen(data, dataset, predictions, settings, args, accelerator)
    results |= scores_of_parts(parts, predictions, settings, accelerator)

    # The end
    if accelerator.is_main_process:
        write_results(results, predictions, dataset, settings["emotions"], args)
        if args.descriptors is not None:
            path = Path(args.descriptors)
            written = write_descriptors(model, dataset, processor, accelerator, modalities, path, args.pictures)
            accelerator.print("\n".join(f"Written to {file}" for file in written))
        accelerator.print(f"\nWritten to {args.output}")
    accelerator.end_training()
    return results


def disturbance_of(args: EvaluationArguments, modalities: tuple[str, ...]) -> Disturbance:
    """The disturbance of `--missing_rate`, `--word_drop_rate` and `--feature_noise`."""
    return Disturbance(
        *(args.missing_rate, args.word_drop_rate, args.feature_noise),
        tuple(args.disturbed_modalities or modalities),
        args.disturbance_seed,
    )


def modality_subsets(modalities: tuple[str, ...], with_subsets: bool) -> Iterator[tuple[str, ...]]:
    """All modalities, then with `with_subsets` their subsets from the largest ones to the single modalities."""
    yield modalities
    for size in range(len(modalities) - 1, 0, -1) if with_subsets else ():
        yield from combinations(modalities, size)


def score_settings(args: EvaluationArguments, model) -> dict:
    """The settings of [`EmotionMetric`]."""
    return {
        "emotions": [model.config.id2label[label] for label in range(model.config.num_labels)],
        "left_out": FIVE_CLASS_LEFT_OUT if args.dataset_name == "meld" else (),
        "uncounted": args.score_without or (),
        "num_resamples": args.num_resamples,
    }


def scores_without_temperature(
    results: dict, predictions: dict, temperature: float, settings: dict, accelerator: Accelerator
) -> dict:
    """For a calibrated model, its temperature and the calibration error without it."""
    if temperature == 1:
        return {}
    as_trained = at_temperature(predictions["prediction_scores"], 1 / temperature)
    unscaled = score({**predictions, "prediction_scores": as_trained}, settings["emotions"], num_resamples=0)
    error = unscaled["expected_calibration_error"]
    accelerator.print(
        f"\nexpected calibration error {error:.4f} without, {results['expected_calibration_error']:.4f} with the "
        f"temperature {temperature:.3f}"
    )
    return {"temperature": temperature, "calibration_error_without_temperature": error}


def scores_of_unseen(
    data: ConversationData,
    dataset: ConversationDataset,
    predictions: dict,
    settings: dict,
    args: EvaluationArguments,
    accelerator: Accelerator,
) -> dict:
    """The scores of the utterances whose speakers, and of those whose texts, do not occur in the training split."""
    if args.split == "train" or "train" not in data.splits:
        return {}
    # compared with the whole training split even if a model was trained on a share of it, so that scores are comparable
    subsets = unseen_subsets(dataset.conversations, data.splits["train"])
    unseen = score_subsets(subsets, predictions, settings)
    accelerator.print("\n" + describe_unseen(unseen, len(predictions["references"])))
    return {"unseen": unseen}


def parts_of(args: EvaluationArguments, dataset: ConversationDataset) -> dict[str, np.ndarray]:
    """For each part of `--parts` a boolean mask of its utterances, `(utterances,)`; empty without that option."""
    if args.parts is None:
        return {}
    ids = [utterance["id"] for conversation in dataset.conversations for utterance in conversation["utterances"]]
    return part_subsets(read_parts(args.parts, args.split), ids, args.split)


def scores_of_parts(
    parts: dict[str, np.ndarray], predictions: dict, settings: dict, accelerator: Accelerator
) -> dict[str, dict]:
    """The scores of the utterances of each part."""
    if not parts:
        return {}
    found = score_subsets(parts, predictions, settings)
    accelerator.print("\n" + describe_parts(found, len(predictions["references"])))
    return {"parts": found}


def score_subsets(subsets: dict[str, np.ndarray], predictions: dict, settings: dict) -> dict[str, dict]:
    """
    The main scores of the labelled utterances in each subset, and their number.

    Args:
        subsets: a boolean mask `(utterances,)` for each subset, see [`unseen_subsets`].
        predictions: the predictions of [`predict`].
        settings: the settings of the metric.
    """
    results = {}
    for name, subset in subsets.items():
        rows = subset[predictions["utterances"]]
        results[name] = {"num_utterances": int(rows.sum())}
        if rows.any():
            columns = ("prediction_scores", "references", "conversations")
            found = score({column: predictions[column][rows] for column in columns}, **settings)
            results[name] |= {key: found[key] for key in SUBSET_SCORES if key in found}
    return results


def write_results(
    results: dict, predictions: dict, dataset: ConversationDataset, emotions: list[str], args: EvaluationArguments
):
    """Write the scores, and if requested the predictions and plots. Who finds the scores will find the predictions too."""
    if args.predictions is not None:
        write_predictions(predictions, dataset.conversations, emotions, Path(args.predictions))
    write_json(results, Path(args.output))
    if args.pictures:
        save_pictures(results, emotions, Path(args.output))
