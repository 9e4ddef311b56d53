# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The Multimodal Attention Network, MAN (paper III-B, eq. 1)."""

from dataclasses import dataclass

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import ModelOutput
from transformers.utils.output_capturing import capture_outputs

from .attention import build_attention, key_mask, key_value_sizes
from .configuration_amuse import AmuseConfig
from .pretrained import AmusePreTrainedModel
from .tokens import Tokens
from .utterance_layout import UtteranceLayout


@dataclass
class AmuseMultimodalAttentionOutput(ModelOutput):
    """
    Output of [`AmuseMultimodalAttentionNetwork`]. The tokens of the modalities are concatenated.

    Args:
        last_hidden_state (`torch.FloatTensor` of shape `(rows, tokens, d)`):
            g^L of every modality.
        hidden_states (`tuple(torch.FloatTensor)`, *optional*):
            g^0 to g^L, each `(B, T, tokens, d)`, or `(rows, tokens, d)` without a layout.
        attentions (`tuple(torch.FloatTensor)`, *optional*):
            For each layer `(B, T, heads, tokens, tokens)`, or `(rows, heads, tokens, tokens)` without a layout: the attention
            of the tokens of each central network (rows of the matrix) to those of each peripheral network. The softmax runs
            over the tokens of each peripheral separately, so a row sums to the number of present peripherals. Blocks of a
            modality with itself are zero.
    """

    last_hidden_state: torch.FloatTensor | None = None
    hidden_states: tuple[torch.FloatTensor, ...] | None = None
    attentions: tuple[torch.FloatTensor, ...] | None = None


class AmuseCentralNetworks(nn.Module):
    """The attention of one layer: each modality's central network attends to the peripheral ones of the others."""

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.key_value_sizes = key_value_sizes(config)
        self.centrals = nn.ModuleDict({modality: build_attention(config) for modality in config.fused_modalities})

    def forward(
        self,
        hidden_states: torch.Tensor,
        masks: list[list[torch.Tensor | None]],
        shares: list[list[torch.Tensor]],
        sizes: list[int],
        layout: UtteranceLayout | None,
        output_attentions: bool,
        maps: tuple[torch.Tensor, ...],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        `masks` and `shares` hold, for each central modality, those of each of its peripherals; `maps` their keys and
        values, central after central.
        """
        queries = hidden_states.split(sizes, dim=1)
        number = len(self.centrals) - 1
        pairs = [pair.split(self.key_value_sizes, dim=-1) for pair in maps]
        keys, values = ([pair[part] for pair in pairs] for part in (0, 1))
        peers = [slice(central * number, (central + 1) * number) for central in range(len(self.centrals))]
        attentions = None
        if output_attentions:
            weights = [
                attention.weights(queries[m], keys[peers[m]], masks[m])
                for m, attention in enumerate(self.centrals.values())
            ]
            attentions = torch.cat([_matrix_rows(m, weights[m], shares[m]) for m in range(len(weights))], dim=2)
            # the update is computed from the returned weights, so that they have a gradient
            if layout is not None:
                attentions = layout.pad(attentions)
            matrix = attentions if layout is None else layout.rows(attentions)
            updates = [
                attention.attend(
                    [block for i, block in enumerate(rows.split(sizes, dim=3)) if i != m], values[peers[m]], shares[m]
                )
                for m, (attention, rows) in enumerate(
                    zip(self.centrals.values(), matrix.split(sizes, dim=2), strict=True)
                )
            ]
        else:
            updates = [
                attention(queries[m], keys[peers[m]], values[peers[m]], masks[m], shares[m])[0]
                for m, attention in enumerate(self.centrals.values())
            ]
        return torch.cat(updates, dim=1), attentions


def _matrix_rows(central: int, weights: list[torch.Tensor], shares: list[torch.Tensor]) -> torch.Tensor:
    """A central network's attention weights to all tokens: zero for its own modality and for missing ones."""
    weights = [weight * (share > 0)[:, None, None, None] for weight, share in zip(weights, shares, strict=True)]
    own = weights[0].new_zeros(*weights[0].shape[:-1], weights[0].shape[2])
    return torch.cat([*weights[:central], own, *weights[central:]], dim=-1)


class AmuseMultimodalAttentionLayer(GradientCheckpointingLayer):
    """g_m^l = g_m^(l-1) + mean over the present i != m of softmax(q(g_m^(l-1)) K_i^T / sqrt(d_head)) V_i."""

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.attention = AmuseCentralNetworks(config)

    def forward(self, hidden_states, masks, shares, sizes, layout, output_attentions, *maps) -> torch.Tensor:
        # tensors with gradients are separate arguments: reentrant gradient checkpointing does not see nested ones
        rows = hidden_states if layout is None else layout.rows(hidden_states)
        update, _ = self.attention(rows, masks, shares, sizes, layout, output_attentions, maps)
        return hidden_states + (update if layout is None else layout.pad(update))


class AmuseMultimodalAttentionNetwork(AmusePreTrainedModel):
    """
    L layers in which the central network of each modality receives, from the peripheral network of every other
    modality i, keys f_i W_K and values f_i W_V. These depend on f_i alone, so the maps of all layers and centrals are
    one matrix product for each modality.

    Eq. 1's 1/|M| is taken over the peripherals that an utterance has: a missing modality has no keys and values, and
    the scale of the update does not depend on the number of present modalities.
    """

    _can_record_outputs = {"hidden_states": AmuseMultimodalAttentionLayer, "attentions": AmuseCentralNetworks}

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        number = len(config.fused_modalities)
        map_size = sum(key_value_sizes(config))
        # a single modality has no other one to attend to
        self.num_layers = config.num_man_layers if number > 1 else 0
        maps = self.num_layers * (number - 1)
        self.peripherals = nn.ModuleDict(
            {
                modality: nn.Linear(config.hidden_size, maps * map_size, bias=False)
                for modality in config.fused_modalities
                if maps
            }
        )
        self.layers = nn.ModuleList([AmuseMultimodalAttentionLayer(config) for _ in range(self.num_layers)])
        self.gradient_checkpointing = False
        self.post_init()

    @capture_outputs(tie_last_hidden_states=False)
    def forward(
        self,
        features: list[Tokens],
        layout: UtteranceLayout | None = None,
        output_attentions: bool | None = None,
        **kwargs,
    ):
        """
        Args:
            features: f_m of each modality, tokens `(rows, tokens_m, d)`.
            layout: where the rows stand in `(B, T)`, for hidden states and attentions of that form.
            output_attentions: return the attention weights of every layer.
        """
        output_attentions = bool(self.config.output_attentions if output_attentions is None else output_attentions)
        sizes = [tokens.states.shape[1] for tokens in features]
        hidden_states = torch.cat([tokens.states for tokens in features], dim=1)
        peers = [[i for i in range(len(features)) if i != central] for central in range(len(features))]
        maps = self._peripheral_maps(features)
        masks = [
            [
                key_mask(self.config, features[m].states, features[i].readable, features[i].states, output_attentions)
                for i in others
            ]
            for m, others in enumerate(peers)
        ]
        present = torch.stack([tokens.present for tokens in features], dim=1).to(hidden_states.dtype)
        shares = [[present[:, i] / present[:, others].sum(dim=1).clamp(min=1) for i in others] for others in peers]

        if layout is not None:
            hidden_states = layout.pad(hidden_states)
        for layer in range(self.num_layers):
            # the index of central m among the other modalities of a peripheral: m - 1 for peripherals before m, else m
            number = len(features) - 1
            pairs = [maps[i][layer * number + m - (m > i)] for m, others in enumerate(peers) for i in others]
            hidden_states = self.layers[layer](hidden_states, masks, shares, sizes, layout, output_attentions, *pairs)
        if layout is not None:
            hidden_states = layout.rows(hidden_states)
        return AmuseMultimodalAttentionOutput(last_hidden_state=hidden_states)

    def _peripheral_maps(self, features: list[Tokens]) -> list[tuple[torch.Tensor, ...]]:
        """
        For each modality, its keys and values `(rows, tokens, key size + value size)`: those of the first layer for each
        other modality, then those of the second layer, and so on.
        """
        number = self.num_layers * (len(features) - 1)
        # split: the gradients of the parts are joined once, while indexing would fill a tensor of zeros for each part
        return [
            peripheral(tokens.states).chunk(number, dim=-1)
            for peripheral, tokens in zip(self.peripherals.values(), features, strict=False)
        ]
