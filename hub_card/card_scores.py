# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The section of the model card with the scores, and the `model-index` of its metadata."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import numpy as np
from huggingface_hub import EvalResult

from modeling_amuse.hub_card.card_text import UNKNOWN, capitalized, escape, known, score, table
from modeling_amuse.hub_card.sources import DATA_SETS, UNKNOWN_DATA_SET
from modeling_amuse.hub_card.training_facts import differences_of_training, training_facts
from modeling_amuse.processing.evaluation.score_pictures import save_confusion_matrix, save_reliability

TASK = "emotion-recognition"
METRICS = {
    "weighted_f1": ("f1", "Weighted F1", {"average": "weighted"}),
    "accuracy": ("accuracy", "Accuracy", {}),
    "macro_f1": ("f1", "Macro F1", {"average": "macro"}),
    "expected_calibration_error": ("ece", "Expected calibration error", {"num_bins": 15}),
}
"""The scores of [`EmotionMetric`] that go into the `model-index`: type, name and arguments of each."""

REQUIRED = ("dataset_name", "split", "modalities", "per_class", "confusion_matrix", "reliability", *METRICS)
"""The keys that an evaluation must have."""


def check_results(results: list[dict], emotions: list[str], modalities: Iterable[str]):
    """
    Raises:
        ValueError: when an entry is not an evaluation, has other emotions or modalities than the model, or is given twice.
    """
    seen = []
    for number, result in enumerate(results):
        lacking = [key for key in REQUIRED if key not in result]
        if lacking:
            raise ValueError(f"Result {number} lacks {', '.join(lacking)}: give what scripts/evaluate.py wrote.")
        if list(result["per_class"]) != emotions:
            raise ValueError(
                f"Result {number} is an evaluation of another model: it has the emotions "
                f"{', '.join(result['per_class'])}, the model {', '.join(emotions)}."
            )
        others = set(result["modalities"]) - set(modalities)
        if others:
            raise ValueError(
                f"Result {number} is an evaluation of another model: it has the modalities {', '.join(result['modalities'])}, "
                f"the model {', '.join(modalities)}."
            )
        if result.get("disturbance"):
            raise ValueError(
                f"Result {number} was computed with disturbed inputs ({result['disturbance']}): a card shows only scores on "
                "undisturbed data."
            )
        if result.get("corpus"):
            raise ValueError(
                f"Result {number} is that of the classifier of the additional corpus {result['corpus']}: a card shows only scores "
                "of the model's own emotions."
            )
        if result in seen:
            raise ValueError(f"Result {number} is given twice.")
        if seed_of(result) is not None and (_order(result), seed_of(result)) in [(_order(r), seed_of(r)) for r in seen]:
            raise ValueError(
                f"Result {number} is a second one of seed {seed_of(result)} on {result['dataset_name']}, "
                f"{result['split']}: give one for each training."
            )
        seen.append(result)


def check_temperatures(results: list[dict], temperature: float):
    """
    Raises:
        ValueError: when these weights were evaluated with another temperature than that of their configuration.
    """
    for result in results:
        if result.get("temperature", 1.0) != temperature:
            raise ValueError(
                f"The evaluation on {result['dataset_name']}, {result['split']}, was computed with the temperature "
                f"{result.get('temperature', 1.0)}, but the model's is {temperature}: evaluate the model again."
            )


def grouped(results: list[dict]) -> list[list[dict]]:
    """The evaluations by data set, split and modalities, the test split first. A group has one for each training."""
    return [list(group) for _, group in groupby(sorted(results, key=_order), key=_order)]


def own_result(group: list[dict], history: dict) -> dict | None:
    """
    The evaluation of these weights among those of several trainings, or None where the records do not tell.

    Raises:
        ValueError: when all are of other trainings.
    """
    seed = history.get("settings", {}).get("seed")
    seeds = [seed_of(result) for result in group]
    if seed is not None and seed in seeds:
        result = group[seeds.index(seed)]
        differing = differences_of_training(result["training"], training_facts(history))
        if differing:
            raise ValueError(
                f"The evaluation on {result['dataset_name']}, {result['split']}, is one of another model, which was trained with "
                f"the same seed: {'; '.join(differing)}. Evaluate this model."
            )
        return result
    if seed is not None and None not in seeds:
        raise ValueError(
            f"These weights were trained with the seed {seed}, the evaluations on {group[0]['dataset_name']}, "
            f"{group[0]['split']}, are of {', '.join(map(str, seeds))}: evaluate this model too."
        )
    return group[0] if len(group) == 1 else None


def model_index(group: list[dict], own: dict | None) -> list[EvalResult]:
    """The scores on one data set and split: those of these weights if `own` is known, else the means of the group."""
    return [_index_entry(key, group, own) for key in METRICS]


def _index_entry(key: str, group: list[dict], own: dict | None) -> EvalResult:
    kind, name, arguments = METRICS[key]
    first = group[0]
    values = [round(result[key], 4) for result in group]
    arguments = {**arguments, "modalities": first["modalities"]}
    interval = own and own.get(f"{key}_interval")
    if interval:
        arguments |= {
            "interval": [round(bound, 4) for bound in interval],
            "confidence_level": 0.95,
            "interval_method": "percentile bootstrap over conversations",
            "num_resamples": own.get("num_resamples", UNKNOWN),
        }
    if len(group) > 1:
        arguments |= {"seeds": [seed_of(result) for result in group], "value_of_each_seed": values}
    return EvalResult(
        task_type=TASK,
        task_name="Emotion recognition in conversation",
        dataset_type=first["dataset_name"],
        dataset_name=DATA_SETS.get(first["dataset_name"], UNKNOWN_DATA_SET).title,
        dataset_split=first["split"],
        metric_type=kind,
        metric_name=name if own else f"{name} (mean of {len(group)} trainings)",
        metric_value=round(own[key], 4) if own else round(float(np.mean(values)), 4),
        metric_args=arguments,
    )


def describe_evaluation(group: list[dict], own: dict | None, emotions: list[str]) -> dict:
    """The texts and tables that the template shows of one data set and split."""
    shown = own or group[0]
    title = DATA_SETS.get(shown["dataset_name"], UNKNOWN_DATA_SET).title
    reduced = shown.get("reduced")
    return {
        "title": f"{capitalized(title)}, {shown['split']} split, {' + '.join(shown['modalities'])}",
        "size": f"{known(shown.get('num_utterances'))} utterances in {known(shown.get('num_conversations'))} conversations.",
        "runs_in_words": _split_in_words(shown["split"])
        + ("" if own or len(group) == 1 else " Which of these trainings produced the weights is unknown."),
        "runs_table": runs_table(group, own),
        "interval_in_words": (
            "The interval is that of one training, by the percentile bootstrap. It draws whole conversations, because the "
            f"utterances of one conversation depend on each other ({known(shown.get('num_resamples'))} resamples)."
        ),
        "reduced": reduced
        and f"Without {' and '.join(map(escape, reduced['left_out']))}, weighted F1 is {score(reduced['weighted_f1'])}.",
        "shown_in_words": f"Each emotion (seed {known(seed_of(shown))}):",
        "per_class_table": per_class_table(shown),
        "confusion_table": confusion_table(shown, emotions),
        "calibration_error": score(shown["expected_calibration_error"]),
        "subsets_table": subsets_table(shown),
    }


def runs_table(group: list[dict], own: dict | None) -> str:
    """The scores of each training, and their mean and sample standard deviation where there are several."""
    rows = []
    for result in group:
        interval = result.get("weighted_f1_interval")
        rows.append(
            [
                known(seed_of(result)) + (" (these weights)" if result is own and len(group) > 1 else ""),
                score(result["weighted_f1"]),
                f"{score(interval[0])} to {score(interval[1])}" if interval else UNKNOWN,
                *(score(result[key]) for key in list(METRICS)[1:]),
            ]
        )
    if len(group) > 1:
        cells = []
        for key in METRICS:
            values = [result[key] for result in group]
            cells.append(f"{score(float(np.mean(values)))} ± {score(float(np.std(values, ddof=1)))}")
        rows.append([f"mean ± deviation of {len(group)}", cells[0], "", *cells[1:]])
    return table(["seed", "weighted F1", "95 % interval", "accuracy", "macro F1", "calibration error"], rows)


def per_class_table(result: dict) -> str:
    rows = [
        [escape(emotion), *(score(row[key]) for key in ("precision", "recall", "f1")), f"{row['support']:.0f}"]
        for emotion, row in result["per_class"].items()
    ]
    return table(["emotion", "precision", "recall", "F1", "utterances"], rows)


def confusion_table(result: dict, emotions: list[str]) -> str:
    names = [escape(emotion) for emotion in emotions]
    rows = [[name, *map(str, row)] for name, row in zip(names, result["confusion_matrix"], strict=True)]
    return table(["", *names], rows)


def subsets_table(result: dict) -> str | None:
    """The scores with subsets of the modalities; None if they were not computed."""
    rows = [
        [
            subset.replace("+", " + "),
            score(row["weighted_f1"]),
            " to ".join(map(score, row.get("weighted_f1_interval") or ())) or UNKNOWN,
            score(row["accuracy"]),
            score(row["macro_f1"]),
        ]
        for subset, row in (result.get("modality_subsets") or {}).items()
    ]
    return table(["modalities", "weighted F1", "95 % interval", "accuracy", "macro F1"], rows) if rows else None


def draw(result: dict, emotions: list[str], output_dir: Path, number: int) -> list[str]:
    """Draw the plots of an evaluation and return their names; none without matplotlib, as tables show the numbers."""
    suffix = f"_{number}" if number else ""
    names = [f"confusion_matrix{suffix}.png", f"reliability{suffix}.png"]
    try:
        save_confusion_matrix(result, emotions, output_dir / names[0])
        save_reliability(result, output_dir / names[1])
    except ImportError:
        return []
    return names


def seed_of(result: dict) -> int | None:
    return (result.get("training") or {}).get("seed")


def _order(result: dict) -> tuple:
    # the test split and the largest set of modalities first
    modalities = result["modalities"]
    return result["split"] != "test", result["dataset_name"], result["split"], -len(modalities), modalities


def _split_in_words(split: str) -> str:
    if split == "test":
        return "The training does not read this split. Whether settings were chosen on it is unknown to this card."
    if split == "validation":
        return "**The epoch was chosen on this split: its scores are too high.**"
    if split == "train":
        return "**The model was trained on this split: its scores say nothing about new data.**"
    return ""
