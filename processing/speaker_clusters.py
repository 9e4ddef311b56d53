# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Which windows of speech have the same voice: the number of speakers, their centroids, and the likeliest sequence."""

import numpy as np

from .extras import import_extra

SHORTEST_CLUSTERED_SECONDS = 1.2
"""Shorter windows say too little of a voice to found a cluster; they go to the nearest one."""
MOST_CLUSTERED_WINDOWS = 1500
"""Of more windows, every n-th founds the clusters."""
RESTARTS = 20
MOST_ESTIMATED = 8

LEAST_SIMILARITY, SIMILARITY_BY_SHARE = 0.6, 0.7
"""
Two clusters are one speaker when the cosine of their centroids is above `0.6 + 0.7 * share`, where share is that of the
smaller one in all windows: a small cluster is far from the others by chance, or as it holds the words of two speakers.
Chosen on talks made of Emo-DB's speakers 03, 08, 09, 10 and 11, see `scripts/benchmark.py speakers`.
"""
SWITCH_COST = 0.1
"""How much more similar (cosine, summed over windows) another speaker must be before the turn passes on."""


def founding_windows(windows: np.ndarray) -> np.ndarray:
    """Positions of the windows, `(windows, 2)` starts and ends in seconds, that found the clusters."""
    positions = np.flatnonzero(windows[:, 1] - windows[:, 0] >= SHORTEST_CLUSTERED_SECONDS)
    if not len(positions):
        positions = np.arange(len(windows))
    return positions[:: -(-len(positions) // MOST_CLUSTERED_WINDOWS)]


def speaker_centroids(embeddings: np.ndarray, num_speakers: int | None, max_speakers: int) -> np.ndarray:
    """
    The voice of each speaker, by k-means with several restarts on embeddings of length 1.

    Args:
        embeddings: `(windows, size)`.
        num_speakers: how many people speak. None: the largest number, up to `max_speakers`, of which no two clusters are one
            speaker (see `LEAST_SIMILARITY`).

    Returns:
        `(speakers, size)` unit vectors; fewer than `num_speakers` where there are fewer different windows.
    """
    if num_speakers is not None:
        return _k_means(embeddings, num_speakers)[0]
    for number in range(min(max_speakers, len(embeddings)), 1, -1):
        centroids, sizes = _k_means(embeddings, number)
        share = np.minimum.outer(sizes, sizes) / len(embeddings)
        excess = centroids @ centroids.T - (LEAST_SIMILARITY + SIMILARITY_BY_SHARE * share)
        np.fill_diagonal(excess, -np.inf)
        if excess.max() < 0:
            return centroids
    return _k_means(embeddings, 1)[0]


def similarity_of_halves(embeddings: np.ndarray) -> float:
    """The cosine of the two centroids when the windows are divided between two speakers; 1 for a single window."""
    centroids, _ = _k_means(embeddings, 2)
    return float(centroids[0] @ centroids[1]) if len(centroids) == 2 else 1.0


def _k_means(embeddings: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Centroids `(clusters, size)` of length 1, and how many windows each has."""
    different = len(np.unique(embeddings, axis=0))
    number = min(number, different)
    if number == 1:
        labels = np.zeros(len(embeddings), dtype=np.int64)
    else:
        k_means = import_extra("sklearn.cluster", "speech").KMeans(number, n_init=RESTARTS, random_state=0)
        labels = np.unique(k_means.fit_predict(embeddings), return_inverse=True)[1]
    sums = np.stack([embeddings[labels == cluster].sum(axis=0) for cluster in range(labels.max() + 1)])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True), np.bincount(labels)


def most_likely_speakers(similarities: np.ndarray) -> np.ndarray:
    """
    The speaker of each window, from similarities `(windows, speakers)`: the sequence with the greatest sum, of which each
    change of speaker takes `SWITCH_COST` (Viterbi).
    """
    windows, speakers = similarities.shape
    best_before = np.empty((windows, speakers), dtype=np.int64)
    score = similarities[0].copy()
    for window in range(1, windows):
        switched = score.max() - SWITCH_COST
        best_before[window] = np.where(score >= switched, np.arange(speakers), score.argmax())
        score = np.maximum(score, switched) + similarities[window]
    path = [int(score.argmax())]
    for window in range(windows - 1, 0, -1):
        path.append(int(best_before[window, path[-1]]))
    return np.array(path[::-1])
