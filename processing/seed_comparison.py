# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Whether one kind of training is better than another: weighted F1 over several seeds, compared on the same conversations."""

import numpy as np

from .emotion_metric import bootstrap_interval, conversation_matrices, weighted_f1_of_counts


class SeedScores:
    """
    The predictions of several trainings that differ in their seed alone, on one split.

    Args:
        runs: for each training `(references, predictions, conversations)`, `(utterances,)` each: labels, labels and ids. All
            trainings predicted the same utterances.
        num_labels: the number of emotions.

    Raises:
        ValueError: when the trainings predicted different utterances.
    """

    def __init__(self, runs: list[tuple[np.ndarray, np.ndarray, np.ndarray]], num_labels: int):
        # (seeds, conversations, labels, labels)
        self.matrices = np.stack([conversation_matrices(*run, num_labels) for run in runs]) if _alike(runs) else None
        if self.matrices is None:
            raise ValueError("The seeds of a variant predicted different utterances: the data changed between them.")
        self.conversations = np.unique(runs[0][2])

    def means(self, drawn: np.ndarray) -> np.ndarray:
        """The weighted F1, mean over the seeds, of resamples of conversations `(resamples, conversations)`."""
        return np.mean([weighted_f1_of_counts(own[drawn].sum(axis=-3)) for own in self.matrices], axis=0)

    def mean(self) -> float:
        """The weighted F1, mean over the seeds."""
        return float(weighted_f1_of_counts(self.matrices.sum(axis=1)).mean())

    def interval(self, num_resamples: int = 1000) -> list[float] | None:
        """Percentile bootstrap 95 % interval of the mean over the seeds; conversations are drawn, seeds stay."""
        return bootstrap_interval(self.means, len(self.conversations), num_resamples)

    def difference(self, other: "SeedScores", num_resamples: int = 1000) -> dict:
        """
        How much better these trainings are than others, on the same conversations (a paired bootstrap).

        Returns:
            `difference` of the means, its 95 % `interval` (None for a single conversation), and the `verdict`: "better",
            "worse", or "not told apart" where the interval holds zero.

        Raises:
            ValueError: when the others predicted other utterances.
        """
        supports = [scores.matrices[0].sum(axis=-1) for scores in (self, other)]
        if not np.array_equal(self.conversations, other.conversations) or not np.array_equal(*supports):
            raise ValueError(
                "Trainings can be compared on the same utterances alone, and these predicted different ones."
            )
        interval = bootstrap_interval(
            lambda drawn: self.means(drawn) - other.means(drawn), len(self.conversations), num_resamples
        )
        verdict = "not told apart"
        if interval is not None and not interval[0] <= 0 <= interval[1]:
            verdict = "better" if interval[0] > 0 else "worse"
        return {"difference": self.mean() - other.mean(), "interval": interval, "verdict": verdict}


def _alike(runs: list) -> bool:
    first = runs[0]
    return all(np.array_equal(first[0], run[0]) and np.array_equal(first[2], run[2]) for run in runs)
