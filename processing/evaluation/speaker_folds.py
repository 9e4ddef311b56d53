# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Cross-validation folds in which no speaker is in both training and test."""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupKFold


def speaker_folds(conversations: Iterable[dict], number: int = 5) -> list[tuple[list[int], list[int]]]:
    """
    Divide conversations into folds by their speakers. Conversations that share a speaker, directly or through other
    conversations, stay together.

    Args:
        conversations: conversations, such as a split of a loaded data set, in which a name always means the same speaker.
        number: the number of folds.

    Returns:
        For each fold the positions of its training and of its test conversations, both ascending. Every conversation is
        in one test set.

    Raises:
        ValueError: when there are fewer groups of conversations without common speakers than folds.
    """
    speakers = [{utterance["speaker"] for utterance in conversation["utterances"]} for conversation in conversations]
    groups = _groups_that_share_speakers(speakers)
    found = len(set(groups.tolist()))
    if not 2 <= number <= found:
        raise ValueError(
            f"{len(speakers)} conversations form {found} groups without common speakers: {number} folds cannot be made. "
            "Give at least 2 folds, and at most as many as there are groups."
        )
    folds = GroupKFold(number).split(np.zeros(len(speakers)), groups=groups)
    return [(train.tolist(), test.tolist()) for train, test in folds]


def _groups_that_share_speakers(speakers: list[set[str]]) -> np.ndarray:
    """The group `(N,)` of each conversation: connected components of the graph of conversations and speakers."""
    node_of = {name: len(speakers) + node for node, name in enumerate(sorted(set().union(*speakers)))}
    edges = [(conversation, node_of[name]) for conversation, names in enumerate(speakers) for name in sorted(names)]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    nodes = len(speakers) + len(node_of)
    graph = coo_array((np.ones(len(edges)), (rows, columns)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1][: len(speakers)] if nodes else np.zeros(0, int)
