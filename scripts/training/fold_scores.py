# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The scores of a cross-validation: those of each fold, their mean and deviation, and those of all utterances together."""

import numpy as np
from sklearn.metrics import recall_score

from modeling_amuse.processing.evaluation.emotion_metric import headline

SCORES = ("accuracy", "weighted_f1", "unweighted_average_recall")


def scores_of(matrix: np.ndarray) -> dict[str, float]:
    """
    Accuracy, weighted and macro F1, and the mean recall of the emotions that occur.

    Args:
        matrix: the confusion matrix `(emotions, emotions)`, a row for each true emotion.
    """
    references, predictions = np.repeat(np.argwhere(matrix >= 0), matrix.ravel(), axis=0).T
    recall = recall_score(references, predictions, labels=np.unique(references), average="macro", zero_division=0)
    return {
        "num_utterances": len(references),
        **headline(references, predictions, list(range(len(matrix)))),
        "unweighted_average_recall": float(recall),
    }


def summarize(folds: list[dict]) -> dict:
    """The mean and standard deviation of the folds' scores, and the scores of all their utterances together."""
    columns = {name: [fold[name] for fold in folds] for name in SCORES}
    matrix = np.sum([fold["confusion_matrix"] for fold in folds], axis=0)
    return {
        "mean": {name: float(np.mean(column)) for name, column in columns.items()},
        "deviation": {
            name: float(np.std(column, ddof=1)) if len(column) > 1 else 0.0 for name, column in columns.items()
        },
        "pooled": {**scores_of(matrix), "confusion_matrix": matrix.tolist()},
    }


def describe(summary: dict) -> str:
    """The summary as a table."""
    rows = [(f"fold {fold.get('fold', number)}", fold) for number, fold in enumerate(summary["folds"], start=1)]
    rows += [("mean", summary["mean"]), ("deviation", summary["deviation"]), ("all utterances", summary["pooled"])]
    lines = [
        f"{len(summary['folds'])} folds, {summary['pooled']['num_utterances']} utterances of the {summary['split']} "
        f"{summary.get('folds_by', 'speaker')}s, each predicted once, 1 seed ({summary['seeds'][0]}), {summary['seconds']:.0f} s",
        f"{'':16}accuracy  weighted F1  unweighted average recall  speakers",
    ]
    for name, scores in rows:
        speakers = ", ".join(scores["speakers"][summary["split"]]) if "speakers" in scores else ""
        accuracy, weighted_f1, recall = (scores[score] for score in SCORES)
        lines.append(f"{name:16}{accuracy:8.4f}  {weighted_f1:11.4f}  {recall:25.4f}  {speakers}".rstrip())
    return "\n".join(lines)
