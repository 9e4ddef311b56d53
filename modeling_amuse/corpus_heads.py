# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Heads for additional corpora, which may have other emotions, on one shared model."""

import torch
from torch import nn

from .configuration_amuse import AmuseConfig
from .modality_axis import apply_heads
from .variants import CONTEXTS


def classifier_size(config: AmuseConfig) -> int:
    """The size of e_j, which the emotion classifier reads (III-D): the contexts' descriptors, or A(u) without contexts."""
    return (len(CONTEXTS[config.contexts].reads) or len(config.fused_modalities)) * config.hidden_size


class AmuseCorpusHead(nn.Module):
    """
    The layers of one corpus: its emotion classifier and its mode-specific heads Q_m (III-E.1). All layers below are shared
    with the other corpora (hard parameter sharing, Caruana 1997, "Multitask Learning").

    Args:
        config: the configuration of the shared model.
        num_labels: the number of the corpus's emotions.
    """

    def __init__(self, config: AmuseConfig, num_labels: int):
        super().__init__()
        self.config = config
        self.classifier = nn.Linear(classifier_size(config), num_labels)
        self.modality_heads = nn.ModuleList(
            [nn.Linear(config.hidden_size, num_labels) for _ in config.fused_modalities]
        )

    def apply_modality_heads(self, descriptors: torch.Tensor) -> torch.Tensor:
        """Q_m: from f_CA, `(..., M, d)`, the scores of each modality before softmax, `(..., M, labels)`."""
        return apply_heads(self.modality_heads, descriptors, self.config)
