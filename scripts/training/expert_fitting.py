# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Fitting the experts of a trained model: each head by itself on the training split, its weight on the validation split.

A head is a logistic regression. Its regularization is the strongest that validation likelihood does not regret: weak
modalities over-fit long before the text has been learned, so each has its own strength and its own end.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from modeling_amuse.experts import LARGEST_VALUE

STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Inverse strengths of the regularization (scikit-learn's C) that are tried, the strongest regularization first."""

NUM_FOLDS = 5
"""Parts of the validation conversations: weights are fitted on all but one, and compared on that one."""


@dataclass
class ExpertData:
    """
    What the experts of a model read in a split, one row for each labelled utterance.

    Attributes:
        labels: `(rows,)`, the emotions.
        conversations: `(rows,)`, the number of the conversation of each.
        logits: `(rows, C)`, W e_j: the scores of the model without experts, before softmax.
        inputs: for each modality `(rows, width)`, what its expert reads, not standardized.
        present: for each modality `(rows,)`, which utterances have it.
        evidence: for each modality `(rows,)`, its amount.
    """

    labels: np.ndarray
    conversations: np.ndarray
    logits: np.ndarray
    inputs: dict[str, np.ndarray]
    present: dict[str, np.ndarray]
    evidence: dict[str, np.ndarray]


@dataclass
class FittedHead:
    """
    An expert's head: log softmax(weight @ clip((x - center) / scale) + bias).

    Attributes:
        center, scale: `(width,)`, mean and standard deviation on the training split.
        weight: `(C, width)`.
        bias: `(C,)`.
        strength: the chosen C of scikit-learn.
        negative_log_likelihood: on the validation split, of the expert alone.
        num_clipped: how many standardized training values were clipped.
    """

    center: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    strength: float
    negative_log_likelihood: float = float("nan")
    num_clipped: int = 0

    def standardized(self, inputs: np.ndarray) -> np.ndarray:
        return np.clip((inputs - self.center) / self.scale, -LARGEST_VALUE, LARGEST_VALUE)

    def log_probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """`(rows, C)` from `(rows, width)`."""
        return log_softmax(self.standardized(inputs) @ self.weight.T + self.bias, axis=1)


@dataclass
class Calibration:
    """
    How the experts enter the logits: conversation_weight * W e_j + sum of w_m(u) * (log Q_m - log prior).

    Attributes:
        kind: `"none"`, `"constant"` or `"adaptive"`.
        conversation_weight: the weight of W e_j, more than 0.
        weights: w_m of each expert, 0 or more.
        half_evidence: for `"adaptive"`, the evidence with which an expert has half of its weight.
    """

    kind: str
    conversation_weight: float = 1.0
    weights: dict[str, float] = field(default_factory=dict)
    half_evidence: dict[str, float] = field(default_factory=dict)

    def logits(self, data: ExpertData, terms: dict[str, np.ndarray]) -> np.ndarray:
        """`(rows, C)`; `terms` are log Q_m - log prior of each modality, 0 where it is missing."""
        scores = self.conversation_weight * data.logits
        for modality, weight in self.weights.items():
            scores = scores + (weight * self.share(data, modality))[:, None] * terms[modality]
        return scores

    def share(self, data: ExpertData, modality: str) -> np.ndarray:
        """The part of an expert's weight that each utterance gets, `(rows,)`."""
        evidence = np.maximum(data.evidence[modality], 1e-6)
        return evidence / (evidence + self.half_evidence.get(modality, 0.0))


def log_prior(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """The logarithm of each emotion's share, `(C,)`, with one more utterance of each so that none is impossible."""
    counts = np.bincount(labels, minlength=num_labels) + 1.0
    return np.log(counts / counts.sum())


def fit_head(train: ExpertData, validation: ExpertData, modality: str, num_labels: int) -> FittedHead | None:
    """
    The expert of a modality, with the regularization that has the best likelihood on the validation split.

    Returns:
        None where the training utterances that have the modality do not show at least two emotions, or no validation
        utterance has it.
    """
    rows, held_out = train.present[modality], validation.present[modality]
    inputs, labels = train.inputs[modality][rows].astype(np.float64), train.labels[rows]
    if len(np.unique(labels)) < 2 or not held_out.any():
        return None
    deviation = inputs.std(axis=0)
    scale = np.where(deviation < 1e-6, 1.0, deviation)
    center = inputs.mean(axis=0)
    standardized = (inputs - center) / scale
    num_clipped = int((np.abs(standardized) > LARGEST_VALUE).sum())
    standardized = np.clip(standardized, -LARGEST_VALUE, LARGEST_VALUE)
    regression = LogisticRegression(max_iter=500, warm_start=True)
    best, worse = None, 0
    for strength in STRENGTHS:
        regression.set_params(C=strength).fit(standardized, labels)
        weight, bias = all_classes(regression, num_labels)
        head = FittedHead(center, scale, weight, bias, strength, num_clipped=num_clipped)
        scores = head.log_probabilities(validation.inputs[modality][held_out])
        head.negative_log_likelihood = mean_loss(scores, validation.labels[held_out])
        if best is None or head.negative_log_likelihood < best.negative_log_likelihood:
            best, worse = head, 0
        else:
            worse += 1
        if worse == 2:  # less regularization only gets slower, and worse
            break
    return best


def all_classes(regression: LogisticRegression, num_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight `(C, width)` and bias `(C,)` of a regression that may not have seen every emotion, or only two of them."""
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # scikit-learn then keeps the difference of both
        coefficients, intercepts = (
            np.vstack([-coefficients / 2, coefficients / 2]),
            np.r_[-intercepts / 2, intercepts / 2],
        )
    weight, bias = np.zeros((num_labels, coefficients.shape[1])), np.full(num_labels, intercepts.min() - 5.0)
    weight[regression.classes_], bias[regression.classes_] = coefficients, intercepts
    return weight, bias


def mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean negative log-likelihood, in nats."""
    return float(losses(logits, labels).mean())


def losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The negative log-likelihood of each row."""
    return -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]


def expert_terms(data: ExpertData, heads: dict[str, FittedHead], prior: np.ndarray) -> dict[str, np.ndarray]:
    """log Q_m - log prior of each expert, `(rows, C)`, 0 where the modality is missing."""
    return {
        modality: np.where(data.present[modality][:, None], head.log_probabilities(data.inputs[modality]) - prior, 0.0)
        for modality, head in heads.items()
    }


def fit_weights(
    data: ExpertData, terms: dict[str, np.ndarray], kind: str, rows: np.ndarray | None = None
) -> Calibration:
    """
    The calibration of a kind with the smallest negative log-likelihood on some rows of the validation split. `"none"` only
    fits the weight of the conversation, as a temperature does: what the other kinds have to beat.
    """
    rows = np.ones(len(data.labels), dtype=bool) if rows is None else rows
    names = [] if kind == "none" else list(terms)
    # a half below a typical amount: the first guess is nearly constant
    typical = {m: float(np.median(data.evidence[m][data.present[m]])) for m in names if data.present[m].any()}

    def calibration(numbers: np.ndarray) -> Calibration:
        weights = dict(zip(names, map(float, numbers[1:]), strict=False))
        halves = {}
        if kind == "adaptive":
            halves = {m: float(h) * typical.get(m, 1.0) for m, h in zip(names, numbers[1 + len(names) :], strict=True)}
        return Calibration(kind, float(numbers[0]), weights, halves)

    def loss(numbers: np.ndarray) -> float:
        return mean_loss(calibration(numbers).logits(data, terms)[rows], data.labels[rows])

    start = [0.7, *[0.3] * len(names), *([0.2] * len(names) if kind == "adaptive" else [])]
    bounds = [(0.05, 5.0), *[(0.0, 5.0)] * (len(start) - 1)]
    found = minimize(loss, np.array(start), method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
    return calibration(found.x)


def held_out_losses(data: ExpertData, terms: dict[str, np.ndarray], kind: str) -> np.ndarray:
    """The negative log-likelihood of each row, with weights that were fitted on other conversations of the split."""
    held_out = np.empty(len(data.labels))
    folds = GroupKFold(NUM_FOLDS).split(data.labels, groups=data.conversations)
    for fitted, scored in folds:
        rows = np.zeros(len(data.labels), dtype=bool)
        rows[fitted] = True
        logits = fit_weights(data, terms, kind, rows).logits(data, terms)
        held_out[scored] = losses(logits[scored], data.labels[scored])
    return held_out


def is_better(ours: np.ndarray, theirs: np.ndarray, conversations: np.ndarray) -> bool:
    """Whether the mean loss is lower by more than its standard error, where conversations are drawn and not utterances."""
    gains = np.bincount(conversations, weights=theirs - ours)[np.unique(conversations)]
    return gains.sum() > np.sqrt(len(gains)) * gains.std(ddof=1)
