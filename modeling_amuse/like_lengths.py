# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Rows of similar length, computed together.

Most of a batch of conversations is padding, for example two thirds of the token positions of 8 conversations of MELD. Rows
that are sorted by length and computed in a few groups, each only as wide as its longest row, give the same results in less
time.
"""

import torch

from .tracing import is_exporting

GROUPS = 4
"""The largest number of groups. More groups need less padding, but more calls of small operators."""
FULL_ENOUGH = 0.6
"""A batch with this share of valid positions is not divided: grouping would cost more than it saves."""


def groups_of_like_length(lengths: torch.LongTensor, width: int) -> list[torch.LongTensor]:
    """
    The rows of a padded batch in groups of similar length.

    Args:
        lengths: `(rows,)`, the number of valid places of each row.
        width: the number of places that each row has.

    Returns:
        The row indices of each group; each row is in one group. There is a single group while a graph is traced (its shapes
        must not depend on lengths), on a GPU (where small operators cost more than padding), and if there is little padding.
    """
    rows = torch.arange(lengths.shape[0], device=lengths.device)  # len() would fix the number in an export
    if is_exporting() or torch.compiler.is_compiling() or lengths.device.type != "cpu" or len(lengths) < 2 * GROUPS:
        return [rows]
    if int(lengths.sum()) >= FULL_ENOUGH * len(lengths) * width:
        return [rows]
    return list(lengths.argsort(stable=True).tensor_split(GROUPS))


def in_first_order(parts: list[torch.Tensor], groups: list[torch.LongTensor]) -> torch.Tensor:
    """The results of the groups, each `(rows of the group, ...)`, as one tensor in the order of the batch's rows."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts)[torch.cat(groups).argsort()]


__all__ = ["groups_of_like_length", "in_first_order"]
