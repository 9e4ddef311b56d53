# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Whether one kind of training is better than another: weighted F1 over several seeds, on the same conversations."""

import numpy as np

from modeling_amuse.processing.evaluation.emotion_metric import (
    bootstrap_interval,
    conversation_matrices,
    weighted_f1_of_counts,
)

NUM_RESAMPLES = 10_000
"""With a thousand, the ends of an interval still move by up to 0.001: as much as some verdicts hang on."""


class SeedScores:
    """
    The predictions of several trainings that differ in their seed alone, on one split.

    Args:
        runs: for each training `(references, predictions, conversations)`, `(utterances,)` each: labels, labels and ids. All
            trainings predicted the same utterances.
        num_labels: the number of emotions.
        trainings: names of the trainings. Where others have the same names, they are the same, evaluated in another way.

    Raises:
        ValueError: when the trainings predicted different utterances.
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
        The weighted F1, mean over the seeds, of resamples, where each conversation was drawn so often `(resamples,
        conversations)`, and these trainings `(resamples, seeds)`.
        """
        counts = np.einsum("rc,scij->rsij", often, self.matrices, optimize=True)
        return np.take_along_axis(weighted_f1_of_counts(counts), drawn_seeds, axis=1).mean(axis=1)

    def mean(self) -> float:
        """The weighted F1, mean over the seeds."""
        return float(weighted_f1_of_counts(self.matrices.sum(axis=1)).mean())

    def interval(self, num_resamples: int = NUM_RESAMPLES) -> list[float] | None:
        """Percentile bootstrap 95 % interval of the mean over the seeds; conversations and trainings are drawn."""
        draw = _draws_of_seeds(self)
        return bootstrap_interval(lambda often: self.means(often, draw(often)), len(self.conversations), num_resamples)

    def difference(self, other: "SeedScores", num_resamples: int = NUM_RESAMPLES) -> dict:
        """
        How much better these trainings are than others: a bootstrap that draws the same conversations for both, and of each
        its trainings; the same trainings, where the others are these, evaluated in another way.

        Returns:
            `difference` of the means, its 95 % `interval` (None for a single conversation), and the `verdict`: "better",
            "worse", or "not significant" where the interval holds zero.

        Raises:
            ValueError: when the others predicted other utterances.
        """
        same_utterances = np.array_equal(self.supports, other.supports)
        if not np.array_equal(self.conversations, other.conversations) or not same_utterances:
            raise ValueError(
                "Trainings can be compared on the same utterances alone, and these predicted different ones."
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
    The negative log-likelihood of several trainings that differ in their seed alone, on one split. It tells small
    differences apart that the weighted F1 does not.

    Args:
        runs: for each training `(references, probabilities, conversations)`: labels `(utterances,)`, `(utterances,
            emotions)`, ids `(utterances,)`. All trainings predicted the same utterances.
        trainings: as in [`SeedScores`].

    Raises:
        ValueError: when the trainings predicted different utterances.
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
        """The negative log-likelihood, mean over the seeds, of resamples, see [`SeedScores.means`]."""
        losses = often @ self.matrices.T / (often @ self.supports.sum(axis=0))[:, None]
        return np.take_along_axis(losses, drawn_seeds, axis=1).mean(axis=1)

    def mean(self) -> float:
        """The negative log-likelihood, mean over the seeds, in nats."""
        return float(self.of_seeds().mean())

    def of_seeds(self) -> np.ndarray:
        """The negative log-likelihood of each training, `(seeds,)`."""
        return self.matrices.sum(axis=1) / self.supports.sum()


def smallest_difference(interval: list[float] | None) -> float | None:
    """The smallest difference that an interval of this width would have told from zero: half its width."""
    return None if interval is None else (interval[1] - interval[0]) / 2


def _draws_of_seeds(scores: SeedScores, stream: int = 0):
    """What draws trainings `(resamples, seeds)` to go with resamples of conversations; the same ones each time it is made."""
    generator, seeds = np.random.default_rng([0, stream]), len(scores.matrices)
    return lambda often: generator.integers(seeds, size=(len(often), seeds))


def _check_alike(runs: list):
    first = runs[0]
    if not all(np.array_equal(first[0], run[0]) and np.array_equal(first[2], run[2]) for run in runs):
        raise ValueError("The seeds of a variant predicted different utterances: the data changed between them.")
