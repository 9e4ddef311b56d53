# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Late fusion, a baseline for fusing text with weaker modalities: the probabilities of a text model are multiplied by those
of logistic regressions on the features of the other modalities.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

STRENGTHS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Inverse regularization strengths (scikit-learn's C), of which the best on the validation split is chosen."""

LARGEST_VALUE = 5.0
"""The limit to which standardized features are clipped; some prosodic values are 60 standard deviations from the mean."""


@dataclass
class FusionSplit:
    """
    The inputs of a late fusion for a split, with a row for each labelled utterance.

    Attributes:
        probabilities: the probabilities of the text model, `(utterances, emotions)`.
        labels: the labels, `(utterances,)`.
        features: the features of each other modality, `(utterances, D)`, NaN where a value is missing. All values of an
            utterance without the modality are NaN.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    features: dict[str, np.ndarray]


class FeatureRegression:
    """
    A logistic regression on standardized features. Missing values are replaced by the mean.

    Args:
        features: `(utterances, D)`; utterances without any value are left out.
        labels: `(utterances,)`.
        num_labels: the number of emotions.
        strength: scikit-learn's C.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, num_labels: int, strength: float):
        rows = has_values(features)
        self.mean = np.nanmean(features[rows], axis=0)
        deviation = np.nanstd(features[rows], axis=0)
        self.deviation = np.where(deviation > 1e-8, deviation, 1.0)
        self.regression = LogisticRegression(C=strength, max_iter=1000).fit(
            self._standardized(features[rows]), labels[rows]
        )
        shares = np.bincount(labels[rows], minlength=num_labels) + 1.0
        self.log_prior = np.log(shares / shares.sum())

    def evidence(self, features: np.ndarray) -> np.ndarray:
        """
        The logarithm of each probability minus that of the emotion's share of the training utterances,
        `(utterances, emotions)`. It is 0 for utterances without any value, and for emotions without training utterances.
        """
        found = np.zeros((len(features), len(self.log_prior)))
        rows = has_values(features)
        if rows.any():
            classes = self.regression.classes_
            logits = self.regression.predict_log_proba(self._standardized(features[rows])) - self.log_prior[classes]
            found[np.ix_(np.flatnonzero(rows), classes)] = logits
        return found

    def _standardized(self, features: np.ndarray) -> np.ndarray:
        scaled = np.nan_to_num((features - self.mean) / self.deviation, nan=0.0)
        return np.clip(scaled, -LARGEST_VALUE, LARGEST_VALUE)


def has_values(features: np.ndarray) -> np.ndarray:
    """Which utterances have the modality, `(utterances,)`."""
    return ~np.isnan(features).all(axis=1)


def late_fusion(
    train: FusionSplit, validation: FusionSplit, others: list[FusionSplit]
) -> tuple[list[np.ndarray], dict]:
    """
    Fit the regressions on the training split. Their C, whether all modalities share one regression, and the weights of the
    factors are those with the smallest negative log-likelihood on the validation split.

    Args:
        train: the split on which the regressions are fitted. Its `probabilities` are not used.
        validation: the split on which settings are chosen.
        others: the splits to predict.

    Returns:
        The probabilities `(utterances, emotions)` of each of the `others`, and the chosen settings.

    Raises:
        ValueError: when the training utterances with features show fewer than two emotions.
    """
    num_labels = validation.probabilities.shape[1]
    groups = [[name] for name in train.features], [list(train.features)]
    best = None
    for group, strength in product(groups if len(train.features) > 1 else groups[:1], STRENGTHS):
        fitted = [(names, _regression(train, names, num_labels, strength)) for names in group]
        weights, loss = fit_weights(validation, fitted)
        if best is None or loss < best[0]:
            best = (loss, fitted, weights, strength)
    loss, fitted, weights, strength = best
    chosen = {"strength": strength, "weights": weights.tolist(), "regressions": ["+".join(n) for n, _ in fitted]}
    return [softmax(_logits(split, fitted, weights), axis=1) for split in others], chosen


def fit_weights(split: FusionSplit, fitted: list) -> tuple[np.ndarray, float]:
    """The weights of the text model and of the regressions, which are not negative, and their negative log-likelihood."""
    rows = np.arange(len(split.labels))

    def loss(weights: np.ndarray) -> float:
        return -log_softmax(_logits(split, fitted, weights), axis=1)[rows, split.labels].mean()

    start = np.array([1.0] + [0.3] * len(fitted))
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(0.05, 5.0)] + [(0.0, 5.0)] * len(fitted))
    return found.x, float(found.fun)


def _regression(train: FusionSplit, names: list[str], num_labels: int, strength: float) -> FeatureRegression:
    features = _joined(train, names)
    labels = train.labels[has_values(features)]
    if len(set(labels.tolist())) < 2:
        raise ValueError(
            f"Late fusion: the training utterances with {' and '.join(names)} show fewer than two emotions, so that no "
            "regression can be fitted."
        )
    return FeatureRegression(features, train.labels, num_labels, strength)


def _joined(split: FusionSplit, names: list[str]) -> np.ndarray:
    """The features of some modalities side by side. An utterance that lacks one of them counts as having none."""
    features = np.concatenate([split.features[name] for name in names], axis=1)
    complete = np.all([has_values(split.features[name]) for name in names], axis=0)
    return np.where(complete[:, None], features, np.nan)


def _logits(split: FusionSplit, fitted: list, weights: np.ndarray) -> np.ndarray:
    logits = weights[0] * np.log(np.maximum(split.probabilities, np.finfo(np.float64).tiny))
    for weight, (names, regression) in zip(weights[1:], fitted, strict=True):
        logits = logits + weight * regression.evidence(_joined(split, names))
    return logits
