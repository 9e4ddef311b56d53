# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Pictures of an evaluation, the confusion matrix and the reliability of confidences, and of a study, scores with their
intervals. They need the extra `plots`.
"""

import textwrap
from pathlib import Path

import numpy as np

from modeling_amuse.processing.extras import import_extra


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


def save_intervals(points: list[tuple], path: Path, title: str, quantity: str, footnote: str):
    """
    Draw scores of several variants, one below the other, into a PNG file.

    Args:
        points: for each variant its name, its score, the interval (or None) and the scores of the single seeds.
        path: the file.
        title, quantity: what stands above and below the picture.
        footnote: how the numbers came about; it is kept in the file's metadata, too.
    """
    figure, axes = _figure(height=1.8 + 0.32 * len(points))
    for place, (_, mean, interval, seeds) in enumerate(points):
        low, high = interval or (mean, mean)
        axes.errorbar(
            mean, place, xerr=[[max(mean - low, 0)], [max(high - mean, 0)]], fmt="o", color="tab:blue", capsize=3
        )
        axes.scatter(seeds, [place] * len(seeds), s=14, color="tab:orange", zorder=3)
    axes.set_yticks(range(len(points)), [name for name, *_ in points])
    axes.set_ylim(len(points) - 0.5, -0.5)
    axes.set(title=title, xlabel=f"{quantity}: mean with 95 % interval, and each seed")
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path, footnote)


def save_curves(curves: dict[str, list[tuple]], path: Path, axis: str, title: str, quantity: str, footnote: str):
    """
    Draw scores over a setting, a line for each of `curves`, into a PNG file.

    Args:
        curves: for each line its points, `(x, score, interval or None)`, in the order of x.
        path: the file.
        axis: what x is.
        title, quantity, footnote: see [`save_intervals`].
    """
    figure, axes = _figure()
    for name, points in curves.items():
        places, means = [x for x, *_ in points], [mean for _, mean, _ in points]
        [line] = axes.plot(places, means, marker="o", label=name)
        intervals = [interval or (mean, mean) for _, mean, interval in points]
        axes.fill_between(places, *zip(*intervals, strict=True), color=line.get_color(), alpha=0.15)
    axes.set(title=title, xlabel=axis, ylabel=f"{quantity}: mean over seeds, 95 % interval")
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path, footnote)


def _save(figure, path: Path, footnote: str):
    figure.supxlabel("\n".join(textwrap.wrap(footnote, 95)), fontsize=7, color="dimgrey")
    figure.savefig(path, metadata={"Description": footnote})


def _figure(height: float = 5.6):
    # a Figure by itself needs no display, and leaves pyplot's state to the user
    figure = import_extra("matplotlib.figure", "plots").Figure(figsize=(6.4, height), layout="constrained", dpi=120)
    return figure, figure.subplots()
