# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Plots of an evaluation (confusion matrix, reliability diagram) and of a study (scores with their intervals). They need the
extra `plots`.
"""

import textwrap
from pathlib import Path

import numpy as np

from modeling_amuse.processing.evaluation.picture_files import save_png
from modeling_amuse.processing.extras import import_extra


def save_confusion_matrix(scores: dict, emotions: list[str], path: Path):
    """Plot `confusion_matrix` of [`EmotionMetric`], normalized over each true emotion, as a PNG file."""
    figure, axes = _figure()
    from sklearn.metrics import ConfusionMatrixDisplay

    counts = np.asarray(scores["confusion_matrix"], dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    display = ConfusionMatrixDisplay(shares, display_labels=emotions)
    display.plot(ax=axes, cmap="Blues", values_format=".2f", xticks_rotation=45, im_kw={"vmin": 0, "vmax": 1})
    axes.set_title(f"Weighted F1 {scores['weighted_f1']:.3f}, {scores['num_utterances']} utterances")
    save_png(figure, path)


def save_reliability(scores: dict, path: Path):
    """Plot `reliability` of [`EmotionMetric`], accuracy over confidence, as a PNG file."""
    figure, axes = _figure()
    bins = scores["reliability"]
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="perfectly calibrated")
    confidence, accuracy = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
    axes.plot(confidence, accuracy, color="tab:blue")
    axes.scatter(confidence, accuracy, s=[600 * b["share"] for b in bins], label="area: share of the utterances")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Confidence", ylabel="Accuracy", aspect="equal")
    axes.set_title(f"Expected calibration error {scores['expected_calibration_error']:.3f}")
    axes.legend(loc="upper left")
    save_png(figure, path)


def save_intervals(points: list[tuple], path: Path, title: str, quantity: str, footnote: str):
    """
    Plot the scores of several variants, one below the other, as a PNG file.

    Args:
        points: for each variant its name, its score, the interval (or None) and the scores of the single seeds.
        path: the file.
        title: the title of the plot.
        quantity: the label of the x axis.
        footnote: how the numbers were computed; it is also stored in the file's metadata.
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
    Plot scores over a setting, with a line for each of `curves`, as a PNG file.

    Args:
        curves: for each line its points, `(x, score, interval or None)`, in the order of x.
        path: the file.
        axis: the label of the x axis.
        title: the title of the plot.
        quantity: the label of the y axis.
        footnote: see [`save_intervals`].
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
    save_png(figure, path, metadata={"Description": footnote})


def _figure(height: float = 5.6):
    # a Figure created without pyplot needs no display and does not change pyplot's state
    figure = import_extra("matplotlib.figure", "plots").Figure(figsize=(6.4, height), layout="constrained", dpi=120)
    return figure, figure.subplots()
