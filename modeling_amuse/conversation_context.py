# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversation contexts (paper III-D): the dialogue's and the speaker's, both read by an LSTM over A(u)."""

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from .configuration_amuse import AmuseConfig
from .recurrent import AmuseLSTM
from .tracing import is_exporting
from .utterance_layout import Groups, UtteranceLayout


class AmuseConversationContext(nn.Module):
    """
    A (Bi-)LSTM over the utterances of each group. A subclass defines the groups (`groups`). With `config.causal` the LSTM
    only reads forward.
    """

    needs_speakers = False
    """Whether `groups` needs to know who speaks."""
    output_name = ""
    """The field of [`AmuseModelOutput`] that holds the descriptors."""

    def __init__(self, config: AmuseConfig):
        super().__init__()
        size = len(config.fused_modalities) * config.hidden_size
        self.recurrent = AmuseLSTM(size, config.hidden_size, bidirectional=not config.causal)

    @staticmethod
    def groups(layout: UtteranceLayout, speaker_ids: torch.LongTensor | None) -> Groups:
        """
        The groups of utterances that are read one after the other.

        Args:
            layout: where the utterances stand in the batch.
            speaker_ids: `(B, T)`, or None for a context without `needs_speakers`.
        """
        raise NotImplementedError

    def forward(self, utterances: torch.Tensor, groups: Groups) -> torch.Tensor:
        """
        Args:
            utterances: A(u), `(rows, modalities * d)`.
            groups: the utterances of each group in the order of time.

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
        Like `forward`, but without padding. Groups may have very different lengths, for example the chair of a meeting and
        its guests.
        """
        group, position = groups.places // groups.steps, groups.places % groups.steps
        rank = groups.lengths.argsort(descending=True, stable=True).argsort()
        order = (position * len(rank) + rank[group]).argsort()  # by step, then from the longest group to the shortest
        read = self.recurrent.read_packed(PackedSequence(utterances[order], position.bincount().cpu()))
        return read.data[order.argsort()]

    def step(
        self, utterances: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """
        Read the next utterance of each of several groups (causal contexts only).

        Args:
            utterances: A(u), `(groups, modalities * d)`.
            state: the state of each group after the previous utterances, two tensors `(groups, d)`. None: there were none.

        Returns:
            A descriptor of each utterance in its group, `(groups, d)`, and the state after it.
        """
        return self.recurrent.step(utterances, state)


class SpeakerContext(AmuseConversationContext):
    """The utterances of each speaker of a conversation: the speaker-level descriptor."""

    needs_speakers = True
    output_name = "speaker_descriptors"

    @staticmethod
    def groups(layout, speaker_ids):
        return layout.by_speaker(speaker_ids)


class DialogueContext(AmuseConversationContext):
    """All utterances of a conversation: the utterance-level descriptor."""

    output_name = "utterance_descriptors"

    @staticmethod
    def groups(layout, speaker_ids):
        return layout.by_conversation()


CONTEXT_CLASSES = {"speaker": SpeakerContext, "dialogue": DialogueContext}
"""The class of each context that an entry of `CONTEXTS` may read. In a model its module is named `{name}_context`."""
