# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The token sequences of one modality: valid tokens first, and how many of them there are."""

from typing import NamedTuple

import torch


class Tokens(NamedTuple):
    """
    Token sequences of one modality, one row for an utterance.

    Attributes:
        states: `(rows, tokens, size)`; valid tokens stand first, what follows them is zero.
        lengths: `(rows,)`, how many are valid. 0: the utterance lacks this modality.
    """

    states: torch.Tensor
    lengths: torch.LongTensor

    @property
    def present(self) -> torch.BoolTensor:
        """`(rows,)`: which utterances have this modality."""
        return self.lengths > 0

    @property
    def readable_lengths(self) -> torch.LongTensor:
        """
        `lengths`, at least 1: a missing modality is read as one token of zeros. What is made of it gets weight 0
        later; reading it keeps softmax defined and every parameter in the graph.
        """
        return self.lengths.clamp(min=1)

    @property
    def readable(self) -> torch.BoolTensor:
        """`(rows, tokens)`: the mask that belongs to `readable_lengths`."""
        return torch.arange(self.states.shape[1], device=self.lengths.device) < self.readable_lengths[:, None]

    def without(self, rows: torch.BoolTensor) -> "Tokens":
        """These tokens, with the modality missing from some `rows` `(rows,)`."""
        return Tokens(self.states.masked_fill(rows[:, None, None], 0), self.lengths.masked_fill(rows, 0))


def left_align(states: torch.Tensor, mask: torch.Tensor) -> Tokens:
    """
    Move the valid tokens to the front, in their order, and cut what no row needs.

    Args:
        states: `(rows, tokens, size)`; what is masked may hold anything, NaN too.
        mask: `(rows, tokens)`, true where valid.
    """
    mask = mask.bool()
    lengths = mask.sum(dim=1)
    width = int(lengths.max().clamp(min=1))
    order = torch.argsort(~mask, dim=1, stable=True)[:, :width]
    states = states.masked_fill(~mask[..., None], 0)
    return Tokens(states.gather(1, order[..., None].expand(-1, -1, states.shape[-1])), lengths)
