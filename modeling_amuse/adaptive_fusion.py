# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Adaptive Fusion (paper III-C and III-E.2, eq. 2 and 6)."""

import torch
from torch import nn

from .configuration_amuse import AmuseConfig
from .losses import at_least_float32


class AmuseAdaptiveFusion(nn.Module):
    """
    A(u): for each modality m a block, in which f_m is interpolated with the descriptors f_i of the other modalities,

        block_m = mean over present i != m of [ alpha_i^m * f_i + (1 - alpha_i^m) * f_m ],   0 <= alpha <= 1,

    alpha being elementwise and, by `config.fusion`, specific to the utterance. The block of a missing modality is the
    mean of the present f_i; where a modality is alone, every block is its descriptor; where nothing is present, A(u)
    is a learned placeholder.
    """

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.mode = config.fusion
        self.epsilon = config.alfa_epsilon
        number, size = len(config.modalities), config.hidden_size
        self.peers = [[i for i in range(number) if i != m] for m in range(number)]
        self.placeholder = nn.Parameter(torch.empty(number * size))
        if self.mode == "gate" and number > 1:
            self.gates = nn.ModuleList(
                [nn.Sequential(nn.Linear(2 * size, size), nn.GELU(), nn.Linear(size, size)) for _ in range(number)]
            )
        if self.mode == "static" and number > 1:
            self.alpha_logits = nn.Parameter(torch.empty(number, number - 1, size))

    def forward(
        self, descriptors: torch.Tensor, present: torch.BoolTensor, gradients: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            descriptors: f_CA, `(rows, modalities, d)`; finite also where a modality is missing.
            present: `(rows, modalities)`.
            gradients: those of the mode-specific heads, see `head_gradients`; for `fusion="alfa"` alone.

        Returns:
            A(u), `(rows, modalities * d)`, and each modality's share in it, `(rows, modalities)`: the mean, over blocks
            and over d, of its descriptor's coefficient. Shares sum to 1; a missing modality's is 0.
        """
        others = descriptors[:, self.peers]  # (rows, modalities, modalities - 1, d)
        others_present = present[:, self.peers].to(descriptors.dtype)  # (rows, modalities, modalities - 1)
        weight = others_present / others_present.sum(dim=-1, keepdim=True).clamp(min=1)
        alpha = self._alpha(descriptors, others, gradients)
        alpha = torch.where(present[:, :, None, None], alpha, 1)  # a missing f_m gives way to the others
        from_others = alpha * weight[..., None]
        from_own = 1 - from_others.sum(dim=2)

        blocks = (from_others * others).sum(dim=2) + from_own * descriptors
        shares = from_own.mean(dim=-1)
        for block, peers in enumerate(self.peers):
            shares = shares.index_add(1, shares.new_tensor(peers, dtype=torch.long), from_others[:, block].mean(dim=-1))
        anything = present.any(dim=1, keepdim=True)
        fused = torch.where(anything, blocks.flatten(1), self.placeholder)
        return fused, shares / len(self.peers) * present

    def _alpha(self, descriptors: torch.Tensor, others: torch.Tensor, gradients: torch.Tensor | None) -> torch.Tensor:
        """alpha_i^m, `(rows, modalities m, modalities i != m, d)`."""
        if others.shape[2] == 0 or self.mode == "concat":
            return torch.zeros_like(others)
        if self.mode == "equal":
            return torch.full_like(others, 0.5)
        if self.mode == "random":
            return torch.rand_like(others)
        if self.mode == "static":
            return torch.sigmoid(self.alpha_logits).expand_as(others)
        own = descriptors[:, :, None].expand_as(others)
        if self.mode == "gate":
            pairs = torch.cat([own, others], dim=-1)
            return torch.sigmoid(torch.stack([gate(pairs[:, m]) for m, gate in enumerate(self.gates)], dim=1))
        return alfa(descriptors, others, gradients, self.epsilon)


@torch.no_grad()
def head_gradients(descriptors: torch.Tensor, heads: nn.ModuleList) -> torch.Tensor:
    """
    The gradient of each mode-specific head's cross-entropy at f_m: W_m^T (softmax(Q_m(f_m)) - target), as Q_m is linear.
    The target is Q_m's own prediction, in training as in inference.

    Args:
        descriptors: f_m, `(rows, modalities, d)`.
        heads: Q_m of each modality (III-E.1).

    Returns:
        `(rows, modalities, d)`.
    """
    gradients = []
    for m, head in enumerate(heads):
        probabilities = at_least_float32(head(descriptors[:, m])).softmax(dim=-1)
        target = nn.functional.one_hot(probabilities.argmax(dim=-1), probabilities.shape[-1])
        gradients.append((probabilities - target) @ at_least_float32(_weight(head, descriptors)))
    return torch.stack(gradients, dim=1)


def _weight(head: nn.Linear, like: torch.Tensor) -> torch.Tensor:
    """The head's weight; where accelerate keeps it elsewhere until the head is called, from the head's unit vectors."""
    if not head.weight.is_meta:
        return head.weight
    unit = torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)
    return (head(unit) - head(torch.zeros_like(unit))).T


@torch.no_grad()
def alfa(descriptors: torch.Tensor, others: torch.Tensor, gradients: torch.Tensor, epsilon: float) -> torch.Tensor:
    """
    The closed form of eq. 6 (ALFA-Mix).

    alpha = clip(epsilon * ||f_i - f_m|| * g / ||g|| / (f_i - f_m), 0, 1), g being the gradient of Q_m's cross-entropy
    at f_m. Where f_i and f_m are equal alpha does not matter: 0.

    Args:
        descriptors: f_m, `(rows, modalities, d)`.
        others: f_i, `(rows, modalities, modalities - 1, d)`.
        gradients: g of each modality, `(rows, modalities, d)`, see `head_gradients`.
        epsilon: the step size.
    """
    gradient = nn.functional.normalize(at_least_float32(gradients), dim=-1)[:, :, None]
    difference = at_least_float32(others - descriptors[:, :, None])
    step = epsilon * difference.norm(dim=-1, keepdim=True) * gradient
    alpha = torch.where(difference == 0, 0, step / torch.where(difference == 0, 1, difference))
    return alpha.clamp(0, 1).to(descriptors.dtype)
