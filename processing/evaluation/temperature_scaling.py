# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Temperature scaling, which calibrates confidences without changing predictions (Guo et al. 2017)."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(prediction_scores: np.ndarray, references: np.ndarray) -> float:
    """
    The temperature with the smallest negative log-likelihood of the true emotions.

    Args:
        prediction_scores: `(utterances, emotions)` probabilities at temperature 1.
        references: `(utterances,)` labels.

    Raises:
        ValueError: when there are no utterances, or when the smallest loss is not inside the range of temperatures. This
            happens if all predictions are right, are no better than chance, or give all emotions similar probabilities.
    """
    if not len(references):
        raise ValueError("There is no labelled utterance to fit a temperature on: give data with emotions.")

    def loss(exponent: float) -> float:
        return negative_log_likelihood(prediction_scores, references, np.exp(exponent))

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    if found.fun >= min(map(loss, bounds)):
        raise ValueError(
            f"The loss on these {len(references)} utterances has no minimum at a temperature from {LOWEST} to {HIGHEST:.0f}: "
            "the model is always right, no better than chance, or hardly trained. Use more utterances, or train longer."
        )
    return float(np.exp(found.x))


def negative_log_likelihood(prediction_scores: np.ndarray, references: np.ndarray, temperature: float = 1.0) -> float:
    """The mean negative log-likelihood in nats of probabilities `(utterances, emotions)`, rescaled to a temperature."""
    return -float(
        np.mean(log_softmax(_logits(prediction_scores) / temperature, axis=1)[range(len(references)), references])
    )


def at_temperature(prediction_scores: np.ndarray, temperature: float) -> np.ndarray:
    """Rescale probabilities `(utterances, emotions)` from temperature 1 to another temperature."""
    return softmax(_logits(prediction_scores) / temperature, axis=1)


def _logits(prediction_scores: np.ndarray) -> np.ndarray:
    # log-probabilities serve as logits, which may differ by a constant for each utterance
    return np.log(np.maximum(prediction_scores, np.finfo(np.float64).tiny))
