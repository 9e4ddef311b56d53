# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Multi-head attention through transformers' attention interface."""

import torch
from torch import nn
from transformers.masking_utils import create_bidirectional_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .configuration_amuse import AmuseConfig
from .tracing import is_exporting
from .variants import HEAD_AGGREGATIONS


def eager_attention_forward(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[torch.Tensor, torch.Tensor]:
    """softmax(scaling * q k^T + mask) v of tensors `(rows, heads, tokens, size)`, and the attention weights."""
    weights = attention_weights(query, key, attention_mask, scaling)
    weights = nn.functional.dropout(weights, p=dropout, training=module.training)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


def attention_weights(
    query: torch.Tensor, key: torch.Tensor, attention_mask: torch.Tensor | None, scaling: float
) -> torch.Tensor:
    """softmax(scaling * q k^T + mask) of `(rows, heads, tokens, size)` tensors."""
    weights = torch.matmul(query, key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        weights = weights + attention_mask
    return nn.functional.softmax(weights, dim=-1, dtype=torch.float32).to(query.dtype)


class AmuseAttention(nn.Module):
    """
    Attention of the queries of one sequence to given keys and values of the same sequence or of others. The scale is
    1/sqrt(d_head), d_head = d/heads. A subclass defines how heads are joined (`join_heads`) and the size of a value
    (`value_size`).
    """

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.config = config
        self.num_heads = config.num_attention_heads
        self.scaling = (config.hidden_size // self.num_heads) ** -0.5
        self.num_key_value_groups = 1
        self.is_causal = False
        self.query = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    @staticmethod
    def value_size(config: AmuseConfig) -> int:
        """Size of the value of one token, all heads together."""
        raise NotImplementedError

    def join_heads(self, heads: torch.Tensor) -> torch.Tensor:
        """From `(rows, queries, heads, value_size / heads)` to `(rows, queries, d)`."""
        raise NotImplementedError

    def forward(
        self,
        hidden_states: torch.Tensor,
        keys: list[torch.Tensor],
        values: list[torch.Tensor],
        masks: list[torch.Tensor | None],
        shares: list[torch.Tensor] | None = None,
    ) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
        """
        Args:
            hidden_states: `(rows, queries, d)`.
            keys: of each sequence that is attended to, `(rows, keys, d)`.
            values: of each of these sequences, `(rows, keys, value_size)`.
            masks: of each of these sequences, its `key_mask`.
            shares: for each of these sequences, the weight `(rows,)` of its result in the sum. None: 1.

        Returns:
            The weighted sum of the sequences' results, `(rows, queries, d)`, and for each sequence the attention weights
            `(rows, heads, queries, keys)`, or None if the attention implementation returns no weights.
        """
        interface = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        needs_query = [not self._is_one_token(key) for key in keys]
        query = self._split_heads(self.query(hidden_states)) if any(needs_query) else None
        attended, attentions = [], []
        for key, value, mask, has_choice in zip(keys, values, masks, needs_query, strict=True):
            if not has_choice:
                # softmax over one key is 1 for every query: `(rows, 1, heads, size)` stands for all of them
                attended.append(value.unflatten(-1, (self.num_heads, -1)))
                attentions.append(None)
                continue
            part, weights = interface(
                self,
                query,
                self._split_heads(key),
                self._split_heads(value),
                mask,
                dropout=self.config.attention_dropout if self.training else 0.0,
                scaling=self.scaling,
            )
            attended.append(part)
            attentions.append(weights)
        update = self._aggregate(attended, shares)
        if query is None:
            if self.training:  # DistributedDataParallel waits for a gradient of every weight
                update = update + self.query.weight.sum() * 0
            update = update.expand(-1, hidden_states.shape[1], -1)
        return update, attentions

    def _is_one_token(self, key: torch.Tensor) -> bool:
        """Whether a sequence of keys `(rows, keys, d)` has a single key, to which all attention goes."""
        drops_weights = self.training and self.config.attention_dropout > 0
        return key.shape[1] == 1 and not drops_weights and not is_exporting()

    def weights(
        self, hidden_states: torch.Tensor, keys: list[torch.Tensor], masks: list[torch.Tensor | None]
    ) -> list[torch.Tensor]:
        """The attention weights that `forward` uses, for any attention implementation. `attend` takes them."""
        query = self._split_heads(self.query(hidden_states))
        return [
            nn.functional.dropout(
                attention_weights(query, self._split_heads(key), mask, self.scaling),
                p=self.config.attention_dropout,
                training=self.training,
            )
            for key, mask in zip(keys, masks, strict=True)
        ]

    def attend(
        self, weights: list[torch.Tensor], values: list[torch.Tensor], shares: list[torch.Tensor] | None = None
    ) -> torch.Tensor:
        """The result of `forward`, computed from the attention weights."""
        attended = [
            torch.matmul(weight, self._split_heads(value)).transpose(1, 2)
            for weight, value in zip(weights, values, strict=True)
        ]
        return self._aggregate(attended, shares)

    def _aggregate(self, attended: list[torch.Tensor], shares: list[torch.Tensor] | None) -> torch.Tensor:
        """From the results of each sequence, `(rows, queries, heads, size)`, to `(rows, queries, d)`."""
        if shares is not None:
            attended = [part * share[:, None, None, None] for part, share in zip(attended, shares, strict=True)]
        return self.join_heads(sum(attended[1:], start=attended[0]))

    def _split_heads(self, states: torch.Tensor) -> torch.Tensor:
        return states.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


@HEAD_AGGREGATIONS.implements("concat")
class ConcatenatedHeadsAttention(AmuseAttention):
    """The heads share a value of size d; they are concatenated and projected."""

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        self.output = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    @staticmethod
    def value_size(config):
        return config.hidden_size

    def join_heads(self, heads):
        return self.output(heads.flatten(2))


@HEAD_AGGREGATIONS.implements("mean")
class AveragedHeadsAttention(AmuseAttention):
    """Each head has a value of size d, and the heads are averaged, as in the paper."""

    @staticmethod
    def value_size(config):
        return config.hidden_size * config.num_attention_heads

    def join_heads(self, heads):
        return heads.mean(dim=2)


def build_attention(config: AmuseConfig) -> AmuseAttention:
    """The attention that `config.head_aggregation` names."""
    return HEAD_AGGREGATIONS.implementation(config.head_aggregation)(config)


def key_value_sizes(config: AmuseConfig) -> list[int]:
    """Sizes of the key and of the value of one token, all heads together."""
    return [config.hidden_size, HEAD_AGGREGATIONS.implementation(config.head_aggregation).value_size(config)]


def key_mask(
    config: AmuseConfig, queries: torch.Tensor, mask: torch.Tensor, keys: torch.Tensor, output_attentions: bool = False
) -> torch.Tensor | None:
    """
    The mask of the keys, in the form that the attention implementation takes, or with `output_attentions` in the form that
    is added to the scores. `mask` `(rows, keys)` is true for valid keys.
    """
    if output_attentions:
        return torch.zeros_like(mask, dtype=keys.dtype).masked_fill(~mask, torch.finfo(keys.dtype).min)[:, None, None]
    return create_bidirectional_mask(config, queries, mask, encoder_hidden_states=keys)
