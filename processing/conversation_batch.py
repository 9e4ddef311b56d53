# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Collation: rows of single utterances become padded tensors of a batch of conversations."""

import numpy as np
import torch


class ConversationBatch:
    """
    Turns rows for the utterances of B conversations, one conversation after the other, into tensors `(B, T, ...)`, where T is
    the length of the longest conversation.

    Args:
        conversations: as `check_conversations` returns them.

    Attributes:
        mask: `(B, T)` bool, which positions hold an utterance.
        places: for each utterance where it is, for error messages, and the utterance.
        utterances: the utterances.
    """

    def __init__(self, conversations: list[dict]):
        lengths = [len(conversation["utterances"]) for conversation in conversations]
        self.mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        self.places = [
            (f"Utterance {position} of conversation {conversation['id']}", utterance)
            for conversation in conversations
            for position, utterance in enumerate(conversation["utterances"])
        ]
        self.utterances = [utterance for _, utterance in self.places]

    def full(self, rows, filler=0) -> torch.Tensor:
        """`(utterances, ...)` to `(B, T, ...)`, padded with `filler`."""
        rows = torch.as_tensor(np.asarray(rows))
        if self.mask.all():  # one conversation, perhaps a long recording, needs no second copy
            return rows.unflatten(0, tuple(self.mask.shape))
        padded = torch.full((*self.mask.shape, *rows.shape[1:]), filler, dtype=rows.dtype)
        padded[self.mask] = rows
        return padded


def pad_features(features: list[np.ndarray | None], stream: str) -> tuple[np.ndarray, np.ndarray]:
    """
    Pad the feature arrays of utterances to one length.

    Args:
        features: for each utterance an array `(S, D)`, or None.
        stream: the stream's name, for error messages.

    Returns:
        `(utterances, longest S, D)` float32, padded with zeros, and the mask `(utterances, longest S)`.

    Raises:
        ValueError: when the arrays differ in D.
    """
    sizes = {array.shape[1] for array in features if array is not None}
    if len(sizes) > 1:
        raise ValueError(
            f"{stream}_features have different sizes {sorted(sizes)}: they must all come from one extractor."
        )
    longest = max(len(array) for array in features if array is not None)
    states = np.zeros((len(features), longest, sizes.pop()), dtype=np.float32)
    mask = np.zeros((len(features), longest), dtype=np.int64)
    for row, array in enumerate(features):
        if array is not None:
            states[row, : len(array)] = array
            mask[row, : len(array)] = 1
    return states, mask
