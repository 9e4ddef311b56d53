# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The modality axis of outputs, if the conversation term reads only some modalities (`config.conversation_modalities`)."""

import torch
from torch import nn

from .configuration_amuse import AmuseConfig


def on_modality_axis(values: torch.Tensor, config: AmuseConfig) -> torch.Tensor:
    """
    Arrange values of the modalities that the conversation term reads on the axis of all modalities.

    Args:
        values: `(rows, F, ...)`, for the F modalities of `config.fused_modalities`.
        config: the model's configuration.

    Returns:
        `(rows, M, ...)`, with zeros for the other modalities.
    """
    if len(config.fused_modalities) == len(config.modalities):
        return values
    own = dict(zip(config.fused_modalities, values.unbind(dim=1), strict=True))
    silent = torch.zeros_like(values[:, 0])
    return torch.stack([own.get(modality, silent) for modality in config.modalities], dim=1)


def may_lack_conversation(config: AmuseConfig) -> bool:
    """
    Whether a conversation may have modalities, but none that the conversation term reads; then its experts alone answer. A
    causal model does not look ahead, so it always uses its conversation term.
    """
    return config.fused_modalities != config.modalities and not config.causal


def apply_heads(heads: nn.ModuleList, descriptors: torch.Tensor, config: AmuseConfig) -> torch.Tensor:
    """
    Apply the mode-specific heads Q_m (III-E.1).

    Args:
        heads: the head of each modality of `config.fused_modalities`.
        descriptors: f_CA, `(..., M, d)`.
        config: the model's configuration.

    Returns:
        Emotion scores before softmax, `(..., M, labels)`; zeros for a modality without a head.
    """
    logits = {
        modality: head(descriptors[..., place, :])
        for modality, place, head in zip(config.fused_modalities, config.fused_places, heads, strict=True)
    }
    silent = torch.zeros_like(next(iter(logits.values())))
    return torch.stack([logits.get(modality, silent) for modality in config.modalities], dim=-2)
