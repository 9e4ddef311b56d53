# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversation contexts (paper III-D)."""

import torch
from torch import nn

from .configuration_amuse import AmuseConfig
from .recurrent import AmuseLSTM


class AmuseConversationContext(nn.Module):
    """
    A (Bi-)LSTM over the utterances of each group: a group is a conversation for the dialogue context, and what one
    speaker says in a conversation for the speaker context. With `config.causal` it reads forward alone.
    """

    def __init__(self, config: AmuseConfig):
        super().__init__()
        size = len(config.modalities) * config.hidden_size
        self.recurrent = AmuseLSTM(size, config.hidden_size, bidirectional=not config.causal)

    def forward(self, utterances: torch.Tensor, groups: torch.LongTensor) -> torch.Tensor:
        """
        Args:
            utterances: A(u), `(rows, modalities * d)`, in the order of time.
            groups: `(rows,)`, equal for the utterances of one group.

        Returns:
            A descriptor of each utterance in its group, `(rows, d)`.
        """
        _, group, lengths = torch.unique(groups, return_inverse=True, return_counts=True)
        order = torch.argsort(group, stable=True)
        starts = lengths.cumsum(0) - lengths
        position = torch.empty_like(order)
        position[order] = torch.arange(len(order), device=order.device) - starts[group[order]]

        sequences = utterances.new_zeros(len(lengths), int(lengths.max()), utterances.shape[-1])
        sequences[group, position] = utterances
        return self.recurrent(sequences, lengths)[group, position]

    def step(
        self, utterances: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """
        The next utterance of each of several groups, for a causal context.

        Args:
            utterances: A(u), `(groups, modalities * d)`.
            state: of each group after the utterances before, two tensors `(groups, d)`. None: there were none.

        Returns:
            A descriptor of each utterance in its group, `(groups, d)`, and the state after it.
        """
        return self.recurrent.step(utterances, state)
