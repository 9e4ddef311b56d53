# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Unimodal self-attended features (paper III-A)."""

from typing import NamedTuple

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from .attention import build_attention, key_mask, key_value_sizes
from .configuration_amuse import AmuseConfig
from .recurrent import AmuseLSTM
from .tokens import Tokens, left_align


class AmuseSelfAttentionLayer(GradientCheckpointingLayer):
    """One layer of masked self-attention, added to its input."""

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.key_value_sizes = key_value_sizes(config)
        self.key_value = nn.Linear(config.hidden_size, sum(self.key_value_sizes), bias=False)
        self.attention = build_attention(config)

    def forward(
        self, hidden_states: torch.Tensor, attention_mask: torch.Tensor | None, output_attentions: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        key, value = self.key_value(hidden_states).split(self.key_value_sizes, dim=-1)
        if output_attentions:
            weights = self.attention.weights(hidden_states, [key], [attention_mask])
            return hidden_states + self.attention.attend(weights, [value]), weights[0]
        return hidden_states + self.attention(hidden_states, [key], [value], [attention_mask])[0], None


class UnimodalFeatures(NamedTuple):
    """
    The result of [`AmuseUnimodalEncoder`] for one modality.

    Attributes:
        tokens: f_m, `(rows, tokens, d)`.
        hidden_states: the input of the first layer and the output of each layer, each `(rows, tokens, d)`.
        attentions: of each layer `(rows, heads, tokens, tokens)`; empty when they were not requested.
    """

    tokens: Tokens
    hidden_states: tuple[torch.Tensor, ...]
    attentions: tuple[torch.Tensor, ...]


class AmuseUnimodalEncoder(nn.Module):
    """
    f_m = SelfAttention^(N)(BiLSTM(x_m)) of one modality.

    Args:
        config: the model's configuration.
        feature_sizes: size D of the tokens of each stream of the modality. Vision may have two streams, faces and
            background; each has its own Bi-LSTM, and they share the self-attention.
    """

    def __init__(self, config: AmuseConfig, feature_sizes: list[int]):
        super().__init__()
        self.config = config
        self.recurrent = nn.ModuleList([AmuseLSTM(size, config.hidden_size) for size in feature_sizes])
        self.layers = nn.ModuleList([AmuseSelfAttentionLayer(config) for _ in range(config.num_self_attention_layers)])
        self.dropout = nn.Dropout(config.hidden_dropout)

    def forward(self, streams: list[Tokens], output_attentions: bool = False) -> UnimodalFeatures:
        """
        Args:
            streams: tokens `(rows, tokens, D)` of each stream.
            output_attentions: return the attention weights, with any attention implementation.

        Returns:
            f_m, the tokens of the second stream after those of the first, with hidden states and attentions.
        """
        read = [
            lstm(self.dropout(stream.states), stream.readable_lengths)
            for lstm, stream in zip(self.recurrent, streams, strict=True)
        ]
        if len(read) == 1:
            tokens = Tokens(read[0], streams[0].lengths)
        else:
            valid = [stream.valid for stream in streams]
            tokens = left_align(torch.cat(read, dim=1), torch.cat(valid, dim=1))
            # left_align cuts off a stream that no utterance has: keep its LSTM in the graph
            tokens = tokens._replace(states=tokens.states + sum(states[:, :1] * 0 for states in read))
        hidden_states = self.dropout(tokens.states)
        attention_mask = key_mask(self.config, hidden_states, tokens.readable, hidden_states, output_attentions)
        states, attentions = [hidden_states], []
        for layer in self.layers:
            hidden_states, weights = layer(hidden_states, attention_mask, output_attentions)
            states.append(hidden_states)
            attentions += [weights] if output_attentions else []
        return UnimodalFeatures(tokens._replace(states=hidden_states), tuple(states), tuple(attentions))
