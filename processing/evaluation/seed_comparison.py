# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Comparing two kinds of training by their scores over several seeds on the same conversations."""

import numpy as np

from modeling_amuse.processing.evaluation.emotion_metric import (
    bootstrap_interval,
    conversation_matrices,
    weighted_f1_of_counts,
)

NUM_RESAMPLES = 10_000
"""With 1,000 resamples, the ends of an interval still vary by up to 0.001, which can change a verdict."""


class SeedScores:
    """
    The predictions of several training runs that differ only in their seed, on one split.

    Args:
        runs: for each training run `(references, predictions, conversations)`, each `(utterances,)`: true labels, predicted
            labels and conversation ids. All runs must predict the same utterances.
        num_labels: the number of emotions.
        trainings: names of the training runs. Another `SeedScores` with the same names is from the same runs, evaluated in
            another way.

    Raises:
        ValueError: when the runs predicted different utterances.
    """

    higher_is_better = True

    def __init__(
        self,
        runs: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
        num_labels: int,
        trainings: list[str] | None = None,
    ):
        _check_alike(runs)
        # (seeds, conversations, labels, labels)
        self.matrices = np.stack([conversation_matrices(*run, num_labels) for run in runs])
        self.supports = self.matrices[0].sum(axis=-1)
        self.conversations = np.unique(runs[0][2])
        self.trainings = trainings

    def means(self, often: np.ndarray, drawn_seeds: np.ndarray) -> np.ndarray:
        """
        The weighted F1 of each resample, averaged over the drawn seeds, `(resamples,)`.

        Args:
            often: how often each conversation was drawn, `(resamples, conversations)`.
            drawn_seeds: the training runs that were drawn, `(resamples, seeds)`.
        """
        counts = np.einsum("rc,scij->rsij", often, self.matrices, optimize=True)
        return np.take_along_axis(weighted_f1_of_counts(counts), drawn_seeds, axis=1).mean(axis=1)

    def mean(self) -> float:
        """The weighted F1, mean over the seeds."""
        return float(weighted_f1_of_counts(self.matrices.sum(axis=1)).mean())

    def interval(self, num_resamples: int = NUM_RESAMPLES) -> list[float] | None:
        """Percentile bootstrap 95 % interval of the mean over the seeds; conversations and training runs are drawn."""
        draw = _draws_of_seeds(self)
        return bootstrap_interval(lambda often: self.means(often, draw(often)), len(self.conversations), num_resamples)

    def difference(self, other: "SeedScores", num_resamples: int = NUM_RESAMPLES) -> dict:
        """
        The difference of the mean scores to those of other training runs. The bootstrap draws the same conversations for
        both, and the training runs of each separately; if both have the same `trainings`, it draws the same runs for both.

        Returns:
            `difference` of the means, its 95 % `interval` (None for a single conversation), and the `verdict`: "better",
            "worse", or "not significant" where the interval holds zero.

        Raises:
            ValueError: when the two predicted different utterances.
        """
        same_utterances = np.array_equal(self.supports, other.supports)
        if not np.array_equal(self.conversations, other.conversations) or not same_utterances:
            raise ValueError(
                "Training runs can only be compared on the same utterances, but these predicted different ones."
            )
        own_draw, other_draw = _draws_of_seeds(self), _draws_of_seeds(other, stream=1)
        are_same = self.trainings is not None and self.trainings == other.trainings

        def differences(often: np.ndarray) -> np.ndarray:
            seeds = own_draw(often)
            return self.means(often, seeds) - other.means(often, seeds if are_same else other_draw(often))

        interval = bootstrap_interval(differences, len(self.conversations), num_resamples)
        verdict = "not significant"
        if interval is not None and not interval[0] <= 0 <= interval[1]:
            verdict = "better" if (interval[0] > 0) == self.higher_is_better else "worse"
        return {"difference": self.mean() - other.mean(), "interval": interval, "verdict": verdict}


class SeedLosses(SeedScores):
    """
    The negative log-likelihood of several training runs that differ only in their seed, on one split. It is more sensitive
    to small differences than the weighted F1.

    Args:
        runs: for each training run `(references, probabilities, conversations)`: true labels `(utterances,)`, probabilities
            `(utterances, emotions)` and conversation ids `(utterances,)`. All runs must predict the same utterances.
        trainings: as in [`SeedScores`].

    Raises:
        ValueError: when the runs predicted different utterances.
    """

    higher_is_better = False

    def __init__(self, runs: list[tuple[np.ndarray, np.ndarray, np.ndarray]], trainings: list[str] | None = None):
        _check_alike(runs)
        self.conversations, numbers = np.unique(runs[0][2], return_inverse=True)
        labels = np.unique(np.concatenate([run[0] for run in runs]))
        self.supports = np.stack(
            [np.bincount(numbers, runs[0][0] == label, len(self.conversations)) for label in labels]
        )
        # (seeds, conversations)
        self.matrices = np.stack([self._losses(*run[:2], numbers) for run in runs])
        self.trainings = trainings

    def _losses(self, references: np.ndarray, probabilities: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        own = probabilities[np.arange(len(references)), references]
        return np.bincount(numbers, -np.log(np.maximum(own, np.finfo(float).tiny)), len(self.conversations))

    def means(self, often: np.ndarray, drawn_seeds: np.ndarray) -> np.ndarray:
        """The negative log-likelihood of each resample, averaged over the drawn seeds, see [`SeedScores.means`]."""
        losses = often @ self.matrices.T / (often @ self.supports.sum(axis=0))[:, None]
        return np.take_along_axis(losses, drawn_seeds, axis=1).mean(axis=1)

    def mean(self) -> float:
        """The negative log-likelihood in nats, averaged over the seeds."""
        return float(self.of_seeds().mean())

    def of_seeds(self) -> np.ndarray:
        """The negative log-likelihood of each training run in nats, `(seeds,)`."""
        return self.matrices.sum(axis=1) / self.supports.sum()


def smallest_difference(interval: list[float] | None) -> float | None:
    """The smallest difference that is significant with an interval of this width: half the width."""
    return None if interval is None else (interval[1] - interval[0]) / 2


def _draws_of_seeds(scores: SeedScores, stream: int = 0):
    """A function that draws training runs `(resamples, seeds)` for resamples of conversations, always the same ones."""
    generator, seeds = np.random.default_rng([0, stream]), len(scores.matrices)
    return lambda often: generator.integers(seeds, size=(len(often), seeds))


def _check_alike(runs: list):
    first = runs[0]
    if not all(np.array_equal(first[0], run[0]) and np.array_equal(first[2], run[2]) for run in runs):
        raise ValueError(
            "The seeds of a variant predicted different utterances, as the data changed between the runs: train them again."
        )
