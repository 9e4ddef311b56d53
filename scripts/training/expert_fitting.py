# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Fitting the experts of a trained model: each head separately on the training split, the weights on the validation split.

A head is a logistic regression, whose regularization has the best likelihood on the validation split. Each modality has its
own regularization, as weak modalities overfit much earlier than the text. Such heads are calibrated, so all experts have
the same weight by default. Separate weights were mostly worse on validation conversations that were not used to fit them, and
where the conversation alone recognizes nearly everything, some become 0, so that contributions say nothing.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from modeling_amuse.experts import LARGEST_VALUE

STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""The inverse regularization strengths (scikit-learn's C) to try, the strongest regularization first."""

NUM_FOLDS = 5
"""The number of parts of the validation conversations; weights are fitted on all but one part and compared on that one."""


@dataclass
class ExpertData:
    """
    The inputs of a model's experts in a split, with one row for each labelled utterance.

    Attributes:
        labels: the labels, `(rows,)`.
        conversations: the number of each utterance's conversation, `(rows,)`.
        logits: W e_j, the scores of the model without experts before softmax, `(rows, C)`.
        inputs: for each modality the input of its expert, not standardized, `(rows, width)`; NaN for an absent stream.
        present: for each modality a mask of the utterances that have it, `(rows,)`.
        evidence: for each modality its amount, `(rows,)`.
        is_prior: a mask of the utterances whose `logits` are the prior, which has no weight, `(rows,)`: their conversations have
            nothing that the model without experts reads. None: there are none.
    """

    labels: np.ndarray
    conversations: np.ndarray
    logits: np.ndarray
    inputs: dict[str, np.ndarray]
    present: dict[str, np.ndarray]
    evidence: dict[str, np.ndarray]
    is_prior: np.ndarray | None = None

    def __post_init__(self):
        # in float32 the steps of the numerical gradient are lost, and the optimizer never moves the weights
        self.logits = self.logits.astype(np.float64)
        self.evidence = {modality: values.astype(np.float64) for modality, values in self.evidence.items()}


@dataclass
class FittedHead:
    """
    An expert's head: log softmax(weight @ clip((x - center) / scale) + bias).

    Attributes:
        center, scale: mean and standard deviation on the training split, `(width,)`.
        weight: the weights, `(C, width)`.
        bias: the biases, `(C,)`.
        strength: the chosen C of scikit-learn.
        negative_log_likelihood: that of the expert alone on the validation split, in nats.
        num_clipped: the number of standardized training values that were clipped.
    """

    center: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    strength: float
    negative_log_likelihood: float = float("nan")
    num_clipped: int = 0

    def standardized(self, inputs: np.ndarray) -> np.ndarray:
        return np.clip(standardized(inputs, self.center, self.scale), -LARGEST_VALUE, LARGEST_VALUE)

    def log_probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """The log-probabilities `(rows, C)` from inputs `(rows, width)`."""
        return log_softmax(self.standardized(inputs) @ self.weight.T + self.bias, axis=1)


@dataclass
class Calibration:
    """
    The weights of the experts in the logits: conversation_weight * W e_j + sum of w_m(u) * (log Q_m - log prior).

    Attributes:
        kind: `"none"`, `"constant"` or `"adaptive"`.
        conversation_weight: the weight of W e_j, more than 0.
        weights: the weight w_m of each expert, 0 or more.
        half_evidence: for `"adaptive"`, the amount of evidence at which an expert has half of its weight.
    """

    kind: str
    conversation_weight: float = 1.0
    weights: dict[str, float] = field(default_factory=dict)
    half_evidence: dict[str, float] = field(default_factory=dict)

    def logits(self, data: ExpertData, terms: dict[str, np.ndarray]) -> np.ndarray:
        """The logits `(rows, C)`. `terms` are log Q_m - log prior of each modality, 0 where it is missing."""
        has_none = np.zeros(len(data.labels), dtype=bool) if data.is_prior is None else data.is_prior
        scores = np.where(has_none, 1.0, self.conversation_weight)[:, None] * data.logits
        for modality, weight in self.weights.items():
            scores = scores + (weight * self.share(data, modality))[:, None] * terms[modality]
        return scores

    def share(self, data: ExpertData, modality: str) -> np.ndarray:
        """The fraction of an expert's weight for each utterance, `(rows,)`."""
        evidence = np.maximum(data.evidence[modality], 1e-6)
        return evidence / (evidence + self.half_evidence.get(modality, 0.0))


def standardized(inputs: np.ndarray, center: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The inputs with mean 0 and deviation 1, in which an absent stream (NaN) is 0, the mean."""
    return np.where(np.isnan(inputs), 0.0, (inputs - center) / scale)


def log_prior(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """The logarithm of each emotion's share, `(C,)`, with one utterance of each emotion added so that no share is 0."""
    counts = np.bincount(labels, minlength=num_labels) + 1.0
    return np.log(counts / counts.sum())


def fit_head(train: ExpertData, validation: ExpertData, modality: str, num_labels: int) -> FittedHead | None:
    """
    Fit the expert of a modality with the regularization that has the best likelihood on the validation split.

    Returns:
        The head; None if the training utterances with the modality show fewer than two emotions, or no validation
        utterance has the modality.
    """
    rows, held_out = train.present[modality], validation.present[modality]
    inputs, labels = train.inputs[modality][rows].astype(np.float64), train.labels[rows]
    if len(np.unique(labels)) < 2 or not held_out.any():
        return None
    known = np.ma.masked_invalid(inputs)  # a modality of two streams may have one of them
    deviation, center = known.std(axis=0).filled(0.0), known.mean(axis=0).filled(0.0)
    scale = np.where(deviation < 1e-6, 1.0, deviation)
    values = standardized(inputs, center, scale)
    num_clipped = int((np.abs(values) > LARGEST_VALUE).sum())
    values = np.clip(values, -LARGEST_VALUE, LARGEST_VALUE)
    regression = LogisticRegression(max_iter=500, warm_start=True)
    best, worse = None, 0
    for strength in STRENGTHS:
        regression.set_params(C=strength).fit(values, labels)
        weight, bias = all_classes(regression, num_labels)
        head = FittedHead(center, scale, weight, bias, strength, num_clipped=num_clipped)
        scores = head.log_probabilities(validation.inputs[modality][held_out])
        head.negative_log_likelihood = mean_loss(scores, validation.labels[held_out])
        if best is None or head.negative_log_likelihood < best.negative_log_likelihood:
            best, worse = head, 0
        else:
            worse += 1
        if worse == 2:  # fits with less regularization are slower and worse
            break
    return best


def all_classes(regression: LogisticRegression, num_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """The weight `(C, width)` and bias `(C,)` of a regression, whose training data may not have all emotions."""
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # then scikit-learn stores only the difference of the two classes
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
    """The negative log-likelihood of each row in nats, `(rows,)`."""
    return -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]


def expert_terms(data: ExpertData, heads: dict[str, FittedHead], prior: np.ndarray) -> dict[str, np.ndarray]:
    """log Q_m - log prior of each expert, `(rows, C)`, 0 where the modality is missing."""
    return {
        modality: np.where(data.present[modality][:, None], head.log_probabilities(data.inputs[modality]) - prior, 0.0)
        for modality, head in heads.items()
    }


def fit_weights(
    data: ExpertData,
    terms: dict[str, np.ndarray],
    kind: str,
    rows: np.ndarray | None = None,
    separate_weights: bool = False,
) -> Calibration:
    """
    Fit the weights with the smallest negative log-likelihood on the given rows of the validation split. The kind `"none"`
    only fits the weight of the conversation, like a temperature; it is the baseline of the other kinds. With
    `separate_weights` each expert has a weight of its own, otherwise all have the same.
    """
    rows = np.ones(len(data.labels), dtype=bool) if rows is None else rows
    names = [] if kind == "none" else list(terms)
    num_weights = len(names) if separate_weights else min(1, len(names))
    # half evidence is in units of the median amount; it starts low, so that the first weights are nearly constant
    typical = {m: float(np.median(data.evidence[m][data.present[m]])) for m in names if data.present[m].any()}

    def calibration(numbers: np.ndarray) -> Calibration:
        own, shares = numbers[1 : 1 + num_weights], numbers[1 + num_weights :]
        weights = dict(zip(names, map(float, np.broadcast_to(own, len(names))), strict=True))
        halves = {m: float(h) * typical.get(m, 1.0) for m, h in zip(names, shares, strict=False)}
        return Calibration(kind, float(numbers[0]), weights, halves)

    def loss(numbers: np.ndarray) -> float:
        return mean_loss(calibration(numbers).logits(data, terms)[rows], data.labels[rows])

    start = [0.7, *[0.3] * num_weights, *([0.2] * len(names) if kind == "adaptive" else [])]
    bounds = [(0.05, 5.0), *[(0.0, 5.0)] * (len(start) - 1)]
    found = minimize(loss, np.array(start), method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
    return calibration(found.x)


def held_out_losses(
    data: ExpertData, terms: dict[str, np.ndarray], kind: str, separate_weights: bool = False
) -> np.ndarray:
    """The negative log-likelihood of each row `(rows,)`, with weights fitted on other conversations of the split."""
    held_out = np.empty(len(data.labels))
    folds = GroupKFold(NUM_FOLDS).split(data.labels, groups=data.conversations)
    for fitted, scored in folds:
        rows = np.zeros(len(data.labels), dtype=bool)
        rows[fitted] = True
        logits = fit_weights(data, terms, kind, rows, separate_weights).logits(data, terms)
        held_out[scored] = losses(logits[scored], data.labels[scored])
    return held_out


def is_better(ours: np.ndarray, theirs: np.ndarray, conversations: np.ndarray) -> bool:
    """Whether the mean loss is lower by more than its standard error, which is computed over conversations."""
    gains = np.bincount(conversations, weights=theirs - ours)[np.unique(conversations)]
    return gains.sum() > np.sqrt(len(gains)) * gains.std(ddof=1)
