# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The token sequences of one modality, valid tokens first, and their lengths."""

from typing import NamedTuple

import torch
from torch.nn.functional import pad

from .tracing import is_exporting


class Tokens(NamedTuple):
    """
    Token sequences of one modality, one row for each utterance.

    Attributes:
        states: `(rows, tokens, size)`; valid tokens come first, the states after them are ignored.
        lengths: `(rows,)`, the number of valid tokens. 0: the utterance lacks this modality.
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
        `lengths`, but at least 1: a missing modality is read as one token of zeros, whose result gets weight 0 later. So the
        softmax is defined, and every parameter is in the graph.
        """
        return self.lengths.clamp(min=1)

    @property
    def readable(self) -> torch.BoolTensor:
        """`(rows, tokens)`: the mask that belongs to `readable_lengths`."""
        return torch.arange(self.states.shape[1], device=self.lengths.device) < self.readable_lengths[:, None]

    @property
    def valid(self) -> torch.BoolTensor:
        """`(rows, tokens)`: the mask that belongs to `lengths`."""
        return torch.arange(self.states.shape[1], device=self.lengths.device) < self.lengths[:, None]

    def of_rows(self, rows: torch.LongTensor) -> "Tokens":
        """The tokens of some `rows` `(number,)`, as wide as the longest of these rows needs."""
        lengths = self.lengths[rows]
        return Tokens(self.states[rows, : int(lengths.max().clamp(min=1))], lengths)

    def without(self, rows: torch.BoolTensor) -> "Tokens":
        """These tokens, with the modality missing from some `rows` `(rows,)`."""
        return Tokens(self.states.masked_fill(rows[:, None, None], 0), self.lengths.masked_fill(rows, 0))


def left_align(states: torch.Tensor, mask: torch.Tensor) -> Tokens:
    """
    Move the valid tokens to the front, in their order, and cut the columns that no row needs (an export keeps them).

    Args:
        states: `(rows, tokens, size)`; masked tokens may hold anything, also NaN.
        mask: `(rows, tokens)`, true where valid.
    """
    mask = mask.bool()
    lengths = mask.sum(dim=1)
    steps = torch.arange(mask.shape[1], device=mask.device)
    order = torch.argsort(torch.where(mask, steps, steps + mask.shape[1]), dim=1)
    if not is_exporting():
        order = order[:, : int(lengths.max().clamp(min=1))]
    states = states.masked_fill(~mask[..., None], 0)
    return Tokens(states.gather(1, order[..., None].expand(-1, -1, states.shape[-1])), lengths)


def mean_of_successive(
    states: torch.Tensor, mask: torch.BoolTensor, number: int
) -> tuple[torch.Tensor, torch.BoolTensor]:
    """
    Replace every `number` successive tokens by one, the mean of the valid ones among them.

    Args:
        states: `(rows, tokens, size)`; masked tokens may hold anything, also NaN.
        mask: `(rows, tokens)`, true where valid.
        number: 1 changes nothing.

    Returns:
        `(rows, ceil(tokens / number), size)` and its mask. A new token is valid when at least one of its tokens is.
    """
    if number == 1:
        return states, mask
    lacking = -states.shape[1] % number
    mask = pad(mask, (0, lacking)).unflatten(1, (-1, number))
    states = pad(states, (0, 0, 0, lacking)).unflatten(1, (-1, number))
    counts = mask.sum(dim=2)
    return states.masked_fill(~mask[..., None], 0).sum(dim=2) / counts.clamp(min=1)[..., None], counts > 0
