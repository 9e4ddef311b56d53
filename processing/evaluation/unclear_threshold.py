# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The confidence below which an emotion is called unclear, chosen on validation data."""

import numpy as np
from sklearn.isotonic import IsotonicRegression

LEAST_UTTERANCES = 50
"""With fewer labelled utterances no threshold is chosen: a few of them would decide it."""

LEAST_ACCURACY = 0.5
"""An utterance is clear when utterances of its confidence are right more often than this."""


def choose_threshold(prediction_scores: np.ndarray, references: np.ndarray) -> float | None:
    """
    The lowest confidence from which on the predicted emotion is right more often than wrong. The accuracy at each confidence
    is estimated by isotonic regression, which only assumes that it does not fall with the confidence.

    Args:
        prediction_scores: `(utterances, emotions)` probabilities, at the temperature that the model will be used with.
        references: `(utterances,)` labels.

    Returns:
        The threshold: 0 where all confidences are clear, 1 where none is. None for too few utterances.
    """
    if len(references) < LEAST_UTTERANCES:
        return None
    confidences = prediction_scores.max(axis=1)
    right = prediction_scores.argmax(axis=1) == references
    accuracies = IsotonicRegression(y_min=0, y_max=1).fit_transform(confidences, right.astype(float))
    is_clear = accuracies > LEAST_ACCURACY
    if is_clear.all():
        return 0.0
    return float(confidences[is_clear].min()) if is_clear.any() else 1.0


def describe_threshold(threshold: float | None, prediction_scores: np.ndarray, references: np.ndarray) -> str:
    """The threshold and what it parts, in a sentence."""
    if threshold is None:
        return f"Fewer than {LEAST_UTTERANCES} labelled utterances: no threshold for unclear utterances was chosen."
    right = prediction_scores.argmax(axis=1) == references
    unclear = prediction_scores.max(axis=1) < threshold
    parts = [
        f"{100 * right[rows].mean():.1f} % of the {name}"
        for name, rows in (("others", ~unclear), ("unclear ones", unclear))
        if rows.any()
    ]
    return (
        f"Utterances with a confidence below {threshold:.4f} are called unclear: {100 * unclear.mean():.1f} % of these; the "
        f"emotion is right for {' and '.join(parts)}."
    )
