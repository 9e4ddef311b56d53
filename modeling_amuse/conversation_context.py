# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversation contexts (paper III-D)."""

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from .configuration_amuse import AmuseConfig
from .recurrent import AmuseLSTM
from .tracing import is_exporting
from .utterance_layout import Groups


class AmuseConversationContext(nn.Module):
    """
    A (Bi-)LSTM over the utterances of each group: a group is a conversation for the dialogue context, and what one
    speaker says in a conversation for the speaker context. With `config.causal` it reads forward alone.
    """

    def __init__(self, config: AmuseConfig):
        super().__init__()
        size = len(config.modalities) * config.hidden_size
        self.recurrent = AmuseLSTM(size, config.hidden_size, bidirectional=not config.causal)

    def forward(self, utterances: torch.Tensor, groups: Groups) -> torch.Tensor:
        """
        Args:
            utterances: A(u), `(rows, modalities * d)`.
            groups: the utterances of each group, in the order of time.

        Returns:
            A descriptor of each utterance in its group, `(rows, d)`.
        """
        if not is_exporting():
            return self._read_packed(utterances, groups)
        shape = (groups.lengths.shape[0], groups.steps)
        sequences = utterances.new_zeros(shape[0] * shape[1], utterances.shape[-1])
        sequences = sequences.index_copy(0, groups.places, utterances).unflatten(0, shape)
        return self.recurrent(sequences, groups.lengths).flatten(0, 1)[groups.places]

    def _read_packed(self, utterances: torch.Tensor, groups: Groups) -> torch.Tensor:
        """
        As `forward`, without padding: groups may be of very different lengths, such as those of a meeting's chair and of its
        guests.
        """
        group, position = groups.places // groups.steps, groups.places % groups.steps
        rank = groups.lengths.argsort(descending=True, stable=True).argsort()
        order = (position * len(rank) + rank[group]).argsort()  # step by step, the longest groups first
        read, _ = self.recurrent.lstm(PackedSequence(utterances[order], position.bincount().cpu()))
        return read.data[order.argsort()]

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
