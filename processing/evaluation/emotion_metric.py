# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The scores of emotion recognition in conversation, as an `evaluate.Metric`."""

from collections.abc import Callable

import datasets
import evaluate
import numpy as np
from scipy.special import softmax
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from transformers import EvalPrediction

from modeling_amuse.processing.evaluation.temperature_scaling import negative_log_likelihood

CALIBRATION_BINS = 15
IGNORED_LABEL = -100


class EmotionMetric(evaluate.Metric):
    """
    Weighted F1, accuracy and macro F1 of emotions, scores per class, a confidence interval and the calibration.

    `compute` takes

    - `prediction_scores`: `(utterances, emotions)` probabilities;
    - `references`: `(utterances,)` labels;
    - `conversations`: `(utterances,)`, equal for the utterances of one conversation;
    - `emotions` (`list[str]`): the names of the labels;
    - `left_out` (`list[str]`, *optional*): emotions that a variant of the data set leaves out, MELD's 5 classes;
    - `uncounted` (`list[str]`, *optional*): emotions that are predicted but not scored, such as DailyDialog's neutral;
    - `num_resamples` (`int`, *optional*, defaults to 1000): resamples of the bootstrap interval; 0 leaves it out.

    and returns

    - `weighted_f1`, `accuracy`, `macro_f1`: over all emotions; emotions without utterances count as 0 in `macro_f1`;
    - `weighted_f1_interval`: percentile bootstrap 95 % interval, for which conversations are drawn with replacement; None
      for a single conversation;
    - `negative_log_likelihood`: mean over the utterances, in nats; it is more sensitive to small differences than the F1;
    - `expected_calibration_error`: over 15 bins of the confidence; `reliability` holds these bins;
    - `per_class`: `precision`, `recall`, `f1` and `support` of each emotion;
    - `confusion_matrix`: rows are true emotions, columns predicted ones;
    - `reduced`: with `left_out`, `weighted_f1`, `accuracy` and `macro_f1` over the utterances of the remaining emotions,
      where predictions are chosen among these emotions;
    - `counted`: with `uncounted`, `micro_f1`, `weighted_f1` and `macro_f1` of the other emotions over all utterances;
    - `num_utterances`, `num_conversations`.
    """

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            inputs_description="prediction_scores, references and conversations, one of each per utterance.",
            features=datasets.Features(
                {
                    "prediction_scores": datasets.List(datasets.Value("float64")),
                    "references": datasets.Value("int64"),
                    "conversations": datasets.Value("int64"),
                }
            ),
        )

    def _compute(
        self, prediction_scores, references, conversations, emotions, left_out=(), uncounted=(), num_resamples=1000
    ) -> dict:
        scores, references, conversations = map(np.asarray, (prediction_scores, references, conversations))
        check_classes(scores.shape[-1] if scores.ndim > 1 else 0, references, emotions)
        predictions = scores.argmax(axis=1)
        labels = list(range(len(emotions)))
        matrix = confusion_matrix(references, predictions, labels=labels)
        columns = precision_recall_fscore_support(references, predictions, labels=labels, zero_division=0)
        bins = reliability(scores.max(axis=1), predictions == references)
        result = {
            **headline(references, predictions, labels),
            "negative_log_likelihood": negative_log_likelihood(scores, references),
            "expected_calibration_error": sum(b["share"] * abs(b["accuracy"] - b["confidence"]) for b in bins),
            "per_class": {
                emotion: dict(zip(("precision", "recall", "f1", "support"), map(float, row), strict=True))
                for emotion, row in zip(emotions, zip(*columns, strict=True), strict=True)
            },
            "confusion_matrix": matrix.tolist(),
            "reliability": bins,
            "num_utterances": len(references),
            "num_conversations": len(set(conversations.tolist())),
        }
        if num_resamples:
            result["weighted_f1_interval"] = weighted_f1_interval(
                references, predictions, conversations, len(emotions), num_resamples
            )
        if uncounted:
            result["counted"] = f1_of_others(references, predictions, list(emotions), list(uncounted))
        if left_out:
            kept = [label for label in labels if emotions[label] not in left_out]
            rows = np.isin(references, kept)
        if left_out and rows.any():
            chosen = np.asarray(kept)[scores[rows][:, kept].argmax(axis=1)]
            result["reduced"] = {"left_out": list(left_out), **headline(references[rows], chosen, kept)}
        return result


def trainer_metrics(emotions: list[str], **settings) -> Callable[[EvalPrediction], dict]:
    """
    [`EmotionMetric`] as a function for `compute_metrics` of transformers' `Trainer`.

    Args:
        emotions: the names of the labels.
        settings: `left_out`, `uncounted` and `num_resamples` of the metric.

    Returns:
        A function that takes an `EvalPrediction` with logits `(conversations, utterances, emotions)`, or a tuple of model
        outputs that begins with the logits, and labels `(conversations, utterances)`, where -100 means that an utterance
        is not scored.
    """

    def compute_metrics(prediction: EvalPrediction) -> dict:
        given, labels = prediction.predictions, prediction.label_ids
        labelled = labels != IGNORED_LABEL
        logits = given[0] if isinstance(given, tuple) else given
        check_classes(logits.shape[-1], labels[labelled], emotions)
        return EmotionMetric(keep_in_memory=True).compute(
            prediction_scores=softmax(logits[labelled].astype(np.float64), axis=-1),
            references=labels[labelled],
            conversations=np.nonzero(labelled)[0],
            emotions=emotions,
            **settings,
        )

    return compute_metrics


def f1_of_others(
    references: np.ndarray, predictions: np.ndarray, emotions: list[str], uncounted: list[str]
) -> dict[str, object]:
    """
    The F1 of all emotions except the `uncounted` ones, over all utterances, so that both misses and false alarms count.

    Raises:
        ValueError: when a name is not one of the emotions, or no emotion is left.
    """
    strange = [name for name in uncounted if name not in emotions]
    labels = [label for label, name in enumerate(emotions) if name not in uncounted]
    if strange or not labels:
        raise ValueError(
            f"--score_without has {', '.join(strange or uncounted)}; give some, but not all, of the emotions "
            f"{', '.join(emotions)}."
        )
    averages = ("micro", "weighted", "macro")
    scores = {
        f"{name}_f1": float(f1_score(references, predictions, labels=labels, average=name, zero_division=0))
        for name in averages
    }
    return {"uncounted": uncounted, **scores}


def check_classes(num_scores: int, references: np.ndarray, emotions: list[str]):
    """
    Raises:
        ValueError: when the numbers of scores and emotions differ, or a label is not the number of an emotion.
    """
    if len(references) and num_scores != len(emotions):
        raise ValueError(
            f"The model scores {num_scores} classes, but {len(emotions)} emotions are given ({', '.join(emotions)}): give the "
            "emotions of the model, list(model.config.id2label.values())."
        )
    unknown = sorted({int(label) for label in references if not 0 <= label < len(emotions)})
    if unknown:
        raise ValueError(
            f"There are labels {', '.join(map(str, unknown))}, but only {len(emotions)} emotions are given "
            f"({', '.join(emotions)}), with the labels 0 to {len(emotions) - 1}: give all emotions in the order of the labels."
        )


def headline(references: np.ndarray, predictions: np.ndarray, labels: list[int]) -> dict[str, float]:
    """Weighted F1, accuracy and macro F1."""
    settings = {"labels": labels, "zero_division": 0}
    return {
        "weighted_f1": float(f1_score(references, predictions, average="weighted", **settings)),
        "accuracy": float(accuracy_score(references, predictions)),
        "macro_f1": float(f1_score(references, predictions, average="macro", **settings)),
    }


def reliability(confidence: np.ndarray, correct: np.ndarray) -> list[dict[str, float]]:
    """The share of the utterances, the mean confidence and the accuracy of each bin of the confidence that is not empty."""
    place = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        {
            "share": float(rows.mean()),
            "confidence": float(confidence[rows].mean()),
            "accuracy": float(correct[rows].mean()),
        }
        for rows in (place == number for number in range(CALIBRATION_BINS))
        if rows.any()
    ]


def weighted_f1_interval(
    references: np.ndarray, predictions: np.ndarray, conversations: np.ndarray, num_labels: int, num_resamples: int
) -> list[float] | None:
    """Percentile bootstrap 95 % interval of the weighted F1. Conversations are drawn, as their utterances are dependent."""
    matrices = conversation_matrices(references, predictions, conversations, num_labels)
    return bootstrap_interval(
        lambda often: weighted_f1_of_counts(np.tensordot(often, matrices, axes=1)), len(matrices), num_resamples
    )


def conversation_matrices(
    references: np.ndarray, predictions: np.ndarray, conversations: np.ndarray, num_labels: int
) -> np.ndarray:
    """The confusion matrix of each conversation, `(conversations, labels, labels)`; conversations are in sorted order."""
    _, numbers = np.unique(conversations, return_inverse=True)
    matrices = np.zeros((numbers.max() + 1, num_labels, num_labels))
    np.add.at(matrices, (numbers, references, predictions), 1)
    return matrices


def weighted_f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """The weighted F1 of confusion matrices `(..., labels, labels)`."""
    support = counts.sum(axis=-1)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    f1 = 2 * hits / np.maximum(support + counts.sum(axis=-2), 1)
    return (f1 * support).sum(axis=-1) / support.sum(axis=-1)


def bootstrap_interval(statistic, number: int, num_resamples: int) -> list[float] | None:
    """
    Percentile bootstrap 95 % interval over conversations; None for a single conversation.

    Args:
        statistic: a function that takes how often each conversation was drawn, `(resamples, number)`, and returns the value
            of each resample, `(resamples,)`.
        number: the number of conversations.
        num_resamples: the number of resamples. Each call draws the same ones.
    """
    if number < 2:
        return None
    interval = bootstrap(
        (np.arange(number),),
        lambda drawn, axis: statistic(np.apply_along_axis(np.bincount, 1, drawn, minlength=number).astype(float)),
        n_resamples=num_resamples,
        method="percentile",
        batch=100,
        rng=0,
    ).confidence_interval
    return [float(interval.low), float(interval.high)]
