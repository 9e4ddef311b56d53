# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Pictures of an evaluation: the confusion matrix and the reliability of confidences. They need the extra `plots`."""

from pathlib import Path

import numpy as np

from .extras import import_extra


def save_confusion_matrix(scores: dict, emotions: list[str], path: Path):
    """Draw `confusion_matrix` of [`EmotionMetric`], in shares of each true emotion, into a PNG file."""
    figure, axes = _figure()
    from sklearn.metrics import ConfusionMatrixDisplay

    counts = np.asarray(scores["confusion_matrix"], dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    display = ConfusionMatrixDisplay(shares, display_labels=emotions)
    display.plot(ax=axes, cmap="Blues", values_format=".2f", xticks_rotation=45, im_kw={"vmin": 0, "vmax": 1})
    axes.set_title(f"Weighted F1 {scores['weighted_f1']:.3f}, {scores['num_utterances']} utterances")
    figure.savefig(path)


def save_reliability(scores: dict, path: Path):
    """Draw `reliability` of [`EmotionMetric`], accuracy over confidence, into a PNG file."""
    figure, axes = _figure()
    bins = scores["reliability"]
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfectly calibrated")
    confidence, accuracy = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
    axes.plot(confidence, accuracy, color="tab:blue")
    axes.scatter(confidence, accuracy, s=[600 * b["share"] for b in bins], label="area: share of the utterances")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Confidence", ylabel="Accuracy", aspect="equal")
    axes.set_title(f"Expected calibration error {scores['expected_calibration_error']:.3f}")
    axes.legend(loc="upper left")
    figure.savefig(path)


def _figure():
    # a Figure by itself needs no display, and leaves pyplot's state to the user
    figure = import_extra("matplotlib.figure", "plots").Figure(figsize=(6.4, 5.6), layout="constrained", dpi=120)
    return figure, figure.subplots()
