# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The output of an evaluation: scores, plots and predictions."""

from pathlib import Path

import pandas as pd

from modeling_amuse.processing.evaluation.score_pictures import save_confusion_matrix, save_reliability
from modeling_amuse.processing.whole_files import whole_file


def save_pictures(results: dict, emotions: list[str], output: Path):
    """Save plots of the confusion matrix and of the calibration in the folder of the scores."""
    save_confusion_matrix(results, emotions, output.with_name(f"{output.stem}_confusion_matrix.png"))
    save_reliability(results, output.with_name(f"{output.stem}_reliability.png"))


def write_predictions(predictions: dict, conversations: list[dict], emotions: list[str], path: Path):
    """Write a row for each labelled utterance: ids, speaker, true and predicted emotion, probability of each emotion."""
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
    if "counted" in scores:
        counted = scores["counted"]
        lines.append(
            f"F1 of all emotions but {' and '.join(counted['uncounted'])}: micro {counted['micro_f1']:.4f}  weighted "
            f"{counted['weighted_f1']:.4f}  macro {counted['macro_f1']:.4f}"
        )
    width = max(map(len, scores["per_class"]))
    lines.append(f"{'':{width}}  precision  recall      F1  support")
    for emotion, row in scores["per_class"].items():
        lines.append(
            f"{emotion:{width}}  {row['precision']:9.4f}  {row['recall']:6.4f}  {row['f1']:6.4f}  {row['support']:7.0f}"
        )
    return "\n".join(lines)


def describe_unseen(unseen: dict[str, dict], number: int) -> str:
    """A text with a line of scores for each unseen subset."""
    names = {"unseen_speakers": "speakers not in train", "unseen_texts": "texts not in train"}
    return _lines({names[name]: scores for name, scores in unseen.items()}, number)


def describe_parts(parts: dict[str, dict], number: int) -> str:
    """A text with a line of scores for each part of a split, and the number of utterances without a part."""
    without = number - sum(scores["num_utterances"] for scores in parts.values())
    named = _lines({f"part {name}": scores for name, scores in parts.items()}, number)
    return named + (f"\nwithout a part: {without} of {number} utterances" if without else "")


def _lines(subsets: dict[str, dict], number: int) -> str:
    lines = []
    for name, scores in subsets.items():
        interval = scores.get("weighted_f1_interval")
        lines.append(
            f"{name}: {scores['num_utterances']} of {number} utterances"
            + (f", weighted F1 {scores['weighted_f1']:.4f}" if "weighted_f1" in scores else "")
            + (f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})" if interval else "")
        )
    return "\n".join(lines)
