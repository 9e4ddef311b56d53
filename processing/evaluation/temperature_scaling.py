# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Temperature scaling: confidences that are as high as the accuracy (Guo et al. 2017). Predictions stay what they are."""

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
        ValueError: when there are no utterances, or when no temperature is the best: all of them are predicted right,
            no better than by chance, or with much the same probability for all emotions.
    """
    if not len(references):
        raise ValueError("There is no labelled utterance to fit a temperature on.")

    def loss(exponent: float) -> float:
        return negative_log_likelihood(prediction_scores, references, np.exp(exponent))

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    if found.fun >= min(map(loss, bounds)):
        raise ValueError(
            f"No temperature from {LOWEST} to {HIGHEST:.0f} is the best on these {len(references)} utterances: the model is "
            "always right, no better than chance, or hardly trained. Take more utterances, or train longer."
        )
    return float(np.exp(found.x))


def negative_log_likelihood(prediction_scores: np.ndarray, references: np.ndarray, temperature: float = 1.0) -> float:
    """Mean over the utterances, in nats, of probabilities that are brought to another temperature."""
    return -float(
        np.mean(log_softmax(_logits(prediction_scores) / temperature, axis=1)[range(len(references)), references])
    )


def at_temperature(prediction_scores: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities `(utterances, emotions)` at temperature 1, brought to another one."""
    return softmax(_logits(prediction_scores) / temperature, axis=1)


def _logits(prediction_scores: np.ndarray) -> np.ndarray:
    # log-probabilities are logits, as these are known up to a constant of each utterance
    return np.log(np.maximum(prediction_scores, np.finfo(np.float64).tiny))
