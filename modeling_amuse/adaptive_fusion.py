# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Adaptive Fusion (paper III-C and III-E.2, eq. 2 and 6)."""

import torch
from torch import nn
from transformers import initialization as init

from .configuration_amuse import AmuseConfig
from .losses import at_least_float32
from .variants import FUSIONS


class AmuseAdaptiveFusion(nn.Module):
    """
    A(u): each modality m has a block, in which f_m is interpolated with the descriptors f_i of the other modalities,

        block_m = mean over present i != m of [ alpha_i^m * f_i + (1 - alpha_i^m) * f_m ],   0 <= alpha <= 1.

    Alpha is elementwise. A subclass computes it (`alpha`); it may depend on the utterance. The block of a missing modality
    is the mean of the present f_i. If only one modality is present, every block is its descriptor. If none is present, A(u)
    is a learned placeholder.
    """

    needs_head_gradients = False
    """Whether `alpha` reads the gradients of the mode-specific heads, see `head_gradients`."""

    def __init__(self, config: AmuseConfig):
        super().__init__()
        number, size = len(config.fused_modalities), config.hidden_size
        self.peers = [[i for i in range(number) if i != m] for m in range(number)]
        self.placeholder = nn.Parameter(torch.empty(number * size))

    def alpha(self, descriptors: torch.Tensor, others: torch.Tensor, gradients: torch.Tensor | None) -> torch.Tensor:
        """
        alpha_i^m, between 0 and 1. Not called if the model has only one modality.

        Args:
            descriptors: f_m, `(rows, modalities, d)`.
            others: f_i of the other modalities of each m, `(rows, modalities m, modalities i != m, d)`.
            gradients: `(rows, modalities, d)` for a class with `needs_head_gradients`, else None.

        Returns:
            A tensor of the shape of `others`.
        """
        raise NotImplementedError

    def forward(
        self, descriptors: torch.Tensor, present: torch.BoolTensor, gradients: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Args:
            descriptors: f_CA, `(rows, modalities, d)`; finite also where a modality is missing.
            present: `(rows, modalities)`.
            gradients: those of the mode-specific heads, see `head_gradients`; only read with `needs_head_gradients`.

        Returns:
            A(u), `(rows, modalities * d)`, and each modality's share in it, `(rows, modalities)`: the mean coefficient of
            its descriptor over all blocks and over d. Shares sum to 1; the share of a missing modality is 0.
        """
        others = descriptors[:, self.peers]  # (rows, modalities, modalities - 1, d)
        others_present = present[:, self.peers].to(descriptors.dtype)  # (rows, modalities, modalities - 1)
        weight = others_present / others_present.sum(dim=-1, keepdim=True).clamp(min=1)
        alpha = self.alpha(descriptors, others, gradients) if others.shape[2] else torch.zeros_like(others)
        alpha = torch.where(present[:, :, None, None], alpha, 1)  # in the block of a missing f_m, only the others count
        from_others = alpha * weight[..., None]
        from_own = 1 - from_others.sum(dim=2)

        blocks = (from_others * others).sum(dim=2) + from_own * descriptors
        shares = from_own.mean(dim=-1)
        for block, peers in enumerate(self.peers):
            shares = shares.index_add(1, shares.new_tensor(peers, dtype=torch.long), from_others[:, block].mean(dim=-1))
        anything = present.any(dim=1, keepdim=True)
        fused = torch.where(anything, blocks.flatten(1), self.placeholder)
        return fused, shares / len(self.peers) * present

    def init_own_weights(self, std: float):
        """Initialize the parameters outside linear layers. A subclass with such parameters extends this method."""
        init.normal_(self.placeholder, std=std)


def build_fusion(config: AmuseConfig) -> AmuseAdaptiveFusion:
    """The fusion that `config.fusion` names."""
    return FUSIONS.implementation(config.fusion)(config)


@FUSIONS.implements("gate")
class GateFusion(AmuseAdaptiveFusion):
    """Alpha is predicted by a small network of both descriptors, one network for each block."""

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        number, size = len(config.fused_modalities), config.hidden_size
        if number > 1:
            self.gates = nn.ModuleList(
                [nn.Sequential(nn.Linear(2 * size, size), nn.GELU(), nn.Linear(size, size)) for _ in range(number)]
            )

    def alpha(self, descriptors, others, gradients):
        pairs = torch.cat([descriptors[:, :, None].expand_as(others), others], dim=-1)
        return torch.sigmoid(torch.stack([gate(pairs[:, m]) for m, gate in enumerate(self.gates)], dim=1))


@FUSIONS.implements("alfa")
class AlfaFusion(AmuseAdaptiveFusion):
    """Alpha is the closed form of eq. 6 (ALFA-Mix), see `alfa`."""

    needs_head_gradients = True

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        self.epsilon = config.alfa_epsilon

    def alpha(self, descriptors, others, gradients):
        return alfa(descriptors, others, gradients, self.epsilon)


@FUSIONS.implements("static")
class StaticFusion(AmuseAdaptiveFusion):
    """Alpha is learned, one vector for each pair of modalities, the same for all utterances."""

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        number = len(config.fused_modalities)
        if number > 1:
            self.alpha_logits = nn.Parameter(torch.empty(number, number - 1, config.hidden_size))

    def alpha(self, descriptors, others, gradients):
        return torch.sigmoid(self.alpha_logits).expand_as(others)

    def init_own_weights(self, std: float):
        super().init_own_weights(std)
        if hasattr(self, "alpha_logits"):
            init.zeros_(self.alpha_logits)


@FUSIONS.implements("equal")
class EqualFusion(AmuseAdaptiveFusion):
    """Alpha is 1/2."""

    def alpha(self, descriptors, others, gradients):
        return torch.full_like(others, 0.5)


@FUSIONS.implements("random")
class RandomFusion(AmuseAdaptiveFusion):
    """Alpha is drawn anew in each pass, also in evaluation."""

    def alpha(self, descriptors, others, gradients):
        return torch.rand_like(others)


@FUSIONS.implements("concat")
class ConcatFusion(AmuseAdaptiveFusion):
    """Alpha is 0: each block is the modality's own descriptor."""

    def alpha(self, descriptors, others, gradients):
        return torch.zeros_like(others)


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
    """
    The head's weight. If accelerate offloads it until the head is called, it is computed by applying the head to unit
    vectors.
    """
    if not head.weight.is_meta:
        return head.weight
    unit = torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)
    return (head(unit) - head(torch.zeros_like(unit))).T


@torch.no_grad()
def alfa(descriptors: torch.Tensor, others: torch.Tensor, gradients: torch.Tensor, epsilon: float) -> torch.Tensor:
    """
    The closed form of eq. 6 (ALFA-Mix).

    alpha = clip(epsilon * ||f_i - f_m|| * g / ||g|| / (f_i - f_m), 0, 1), g being the gradient of Q_m's cross-entropy
    at f_m. Where f_i and f_m are equal, alpha has no effect and is set to 0.

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
