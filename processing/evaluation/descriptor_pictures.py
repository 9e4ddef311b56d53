# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Pictures of descriptors, and of the attention between modalities. They need the extra `plots`."""

from pathlib import Path

import numpy as np

from modeling_amuse.processing.evaluation.picture_files import save_png
from modeling_amuse.processing.extras import import_extra

BINS = 10
"""Token positions are shown in so many steps from the utterance's beginning to its end."""


class AttentionMeans:
    """
    The mean attention of the Multimodal Attention Network, for each layer and pair of modalities, by the positions of both
    tokens in the utterance.

    Args:
        modalities: of the model, in their order.

    Attributes:
        number: the utterances that were added.
    """

    def __init__(self, modalities: tuple[str, ...]):
        self.modalities, self.number = modalities, 0
        self._sums: dict[tuple[int, int, int], np.ndarray] = {}
        self._counts: dict[tuple[int, int, int], int] = {}

    @property
    def layers(self) -> int:
        return 1 + max((layer for layer, _, _ in self._sums), default=-1)

    def add(self, attentions: list[np.ndarray], token_modalities: list[int]):
        """
        Args:
            attentions: of each layer `(T, heads, tokens, tokens)`, of one conversation.
            token_modalities: `(tokens,)`, the modality of each token, as a number.
        """
        places = {m: np.flatnonzero(np.asarray(token_modalities) == m) for m in range(len(self.modalities))}
        self.number += len(attentions[0])
        for layer, weights in enumerate(attentions):
            for of_utterance in weights.mean(axis=1):
                # a token that nobody attends to is padding
                there = {m: own[of_utterance[:, own].sum(axis=0) > 0] for m, own in places.items()}
                for central, own in there.items():
                    for peripheral, others in there.items():
                        if central != peripheral and len(own) and len(others):
                            self._add((layer, central, peripheral), of_utterance[np.ix_(own, others)])

    def _add(self, key: tuple[int, int, int], block: np.ndarray):
        # each token's attention is a density: the size of a step does not depend on the number of tokens
        block = block / np.maximum(block.sum(axis=1, keepdims=True), 1e-12) * block.shape[1]
        rows, columns = (np.minimum(np.arange(BINS) * size // BINS, size - 1) for size in block.shape)
        self._sums[key] = self._sums.get(key, 0) + block[np.ix_(rows, columns)]
        self._counts[key] = self._counts.get(key, 0) + 1

    def mean(self, layer: int, central: int, peripheral: int) -> np.ndarray | None:
        """`(BINS, BINS)`, 1 where attention is even; None where no utterance has both modalities."""
        key = (layer, central, peripheral)
        return self._sums[key] / self._counts[key] if key in self._sums else None


def save_attention(means: AttentionMeans, path: Path):
    """
    Draw the mean attention as a PNG file: a row for each layer, a column for each pair of modalities. In each picture the
    attending tokens stand from top to bottom, the attended ones from left to right, both in the order of time.
    """
    pairs = [(c, p) for c in range(len(means.modalities)) for p in range(len(means.modalities)) if c != p]
    size = (1.9 * len(pairs) + 0.8, 1.9 * means.layers + 0.6)
    figure = import_extra("matplotlib.figure", "plots").Figure(figsize=size, layout="constrained", dpi=120)
    axes = figure.subplots(means.layers, len(pairs), squeeze=False)
    blocks = {(layer, pair): means.mean(layer, *pair) for layer in range(means.layers) for pair in pairs}
    farthest = max((float(np.abs(block - 1).max()) for block in blocks.values() if block is not None), default=0)
    scale = {"cmap": "RdBu_r", "vmin": 1 - max(farthest, 0.01), "vmax": 1 + max(farthest, 0.01)}
    shown = None
    for layer in range(means.layers):
        for column, (central, peripheral) in enumerate(pairs):
            axis, block = axes[layer][column], blocks[layer, (central, peripheral)]
            axis.set(xticks=[], yticks=[])
            if block is not None:
                shown = axis.imshow(block, **scale)
            if layer == 0:
                axis.set_title(f"{means.modalities[central]} to {means.modalities[peripheral]}", fontsize=8)
            if column == 0:
                axis.set_ylabel(f"layer {layer + 1}", fontsize=8)
    if shown is not None:
        figure.colorbar(shown, ax=axes, shrink=0.8, label="attention, 1 is even")
    save_png(figure, path)


def save_descriptors(descriptors: np.ndarray, labels: list[str | None], emotions: list[str], path: Path):
    """
    Draw descriptors `(utterances, size)` in two dimensions (t-SNE) as a PNG file, with a colour for each emotion. Distances
    between groups, and their sizes, mean nothing in such a picture.
    """
    from sklearn.manifold import TSNE

    places = np.zeros((len(descriptors), 2))
    if len(descriptors) > 2:
        perplexity = min(30.0, (len(descriptors) - 1) / 3)
        places = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(descriptors)
    figure = import_extra("matplotlib.figure", "plots").Figure(figsize=(6.4, 5.6), layout="constrained", dpi=120)
    axes = figure.subplots()
    for emotion in [*emotions, None]:
        rows = [row for row, label in enumerate(labels) if label == emotion]
        if rows:
            axes.scatter(
                *places[rows].T, s=8, label=emotion or "unknown", color="lightgrey" if emotion is None else None
            )
    axes.set(xticks=[], yticks=[], title=f"Descriptors of {len(descriptors)} utterances (t-SNE)")
    axes.legend(markerscale=2)
    save_png(figure, path)
