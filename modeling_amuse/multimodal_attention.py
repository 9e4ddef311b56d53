# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The Multimodal Attention Network, MAN (paper III-B, eq. 1)."""

from dataclasses import dataclass

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.utils import ModelOutput
from transformers.utils.output_capturing import capture_outputs

from .attention import AmuseAttention, key_mask
from .configuration_amuse import AmuseConfig
from .pretrained import AmusePreTrainedModel
from .tokens import Tokens


@dataclass
class AmuseMultimodalAttentionOutput(ModelOutput):
    """
    Output of [`AmuseMultimodalAttentionNetwork`]. The tokens of the modalities stand behind each other.

    Args:
        last_hidden_state (`torch.FloatTensor` of shape `(rows, tokens, d)`):
            g^L of every modality.
        hidden_states (`tuple(torch.FloatTensor)`, *optional*):
            g^0 to g^L, each `(rows, tokens, d)`.
        attentions (`tuple(torch.FloatTensor)`, *optional*):
            For each layer `(rows, heads, tokens, tokens)`: how the tokens of each central network (rows of the matrix)
            attend to those of each peripheral one. The softmax runs over each peripheral's tokens by itself, so a row
            sums to the number of peripherals present. Blocks of a modality with itself are zero.
    """

    last_hidden_state: torch.FloatTensor | None = None
    hidden_states: tuple[torch.FloatTensor, ...] | None = None
    attentions: tuple[torch.FloatTensor, ...] | None = None


class AmuseCentralNetworks(nn.Module):
    """The attention of one layer: each modality's central network attends to the peripheral ones of the others."""

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.key_value_sizes = AmuseAttention.key_value_sizes(config)
        self.centrals = nn.ModuleDict({modality: AmuseAttention(config) for modality in config.modalities})

    def forward(
        self,
        hidden_states: torch.Tensor,
        masks: list[list[torch.Tensor | None]],
        shares: list[list[torch.Tensor]],
        sizes: list[int],
        output_attentions: bool,
        maps: tuple[torch.Tensor, ...],
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        `masks` and `shares` hold, for each central modality, those of each of its peripherals; `maps` their keys and
        values, central after central.
        """
        updates, attentions = [], []
        for central, attention in enumerate(self.centrals.values()):
            queries = hidden_states.split(sizes, dim=1)[central]
            number = len(masks[central])
            pairs = [
                pair.split(self.key_value_sizes, dim=-1) for pair in maps[central * number : (central + 1) * number]
            ]
            keys, values = zip(*pairs, strict=True)
            update, weights = attention(queries, keys, values, masks[central], shares[central], output_attentions)
            updates.append(update)
            if output_attentions:
                present = [(share > 0)[:, None, None, None] for share in shares[central]]
                weights = [weight * there for weight, there in zip(weights, present, strict=True)]
                own = weights[0].new_zeros(*weights[0].shape[:-1], sizes[central])
                attentions.append(torch.cat([*weights[:central], own, *weights[central:]], dim=-1))
        return torch.cat(updates, dim=1), torch.cat(attentions, dim=2) if output_attentions else None


class AmuseMultimodalAttentionLayer(GradientCheckpointingLayer):
    """g_m^l = g_m^(l-1) + mean over the present i != m of softmax(q(g_m^(l-1)) K_i^T / sqrt(d_head)) V_i."""

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.attention = AmuseCentralNetworks(config)

    def forward(self, hidden_states, masks, shares, sizes, output_attentions, *maps) -> torch.Tensor:
        # tensors that have gradients come flat: nested ones would be lost on reentrant gradient checkpointing
        update, _ = self.attention(hidden_states, masks, shares, sizes, output_attentions, maps)
        return hidden_states + update


class AmuseMultimodalAttentionNetwork(AmusePreTrainedModel):
    """
    L layers in which the central network of each modality receives, from the peripheral network of every other
    modality i, keys f_i W_K and values f_i W_V. These depend on f_i alone, so the maps of all layers and centrals are
    one matrix product for each modality.

    Eq. 1's 1/|M| is taken over the peripherals that an utterance has: a missing modality gives no keys and values, and
    the scale of the update does not depend on how many are there.
    """

    _can_record_outputs = {"hidden_states": AmuseMultimodalAttentionLayer, "attentions": AmuseCentralNetworks}

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        number = len(config.modalities)
        map_size = sum(AmuseAttention.key_value_sizes(config))
        # a modality that is alone has nobody to attend to
        self.num_layers = config.num_man_layers if number > 1 else 0
        maps = self.num_layers * (number - 1)
        self.peripherals = nn.ModuleDict(
            {
                modality: nn.Linear(config.hidden_size, maps * map_size, bias=False)
                for modality in config.modalities
                if maps
            }
        )
        self.layers = nn.ModuleList([AmuseMultimodalAttentionLayer(config) for _ in range(self.num_layers)])
        self.gradient_checkpointing = False
        self.post_init()

    @capture_outputs
    def forward(self, features: list[Tokens], output_attentions: bool | None = None, **kwargs):
        """
        Args:
            features: f_m of each modality, tokens `(rows, tokens_m, d)`.
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

        for layer in range(self.num_layers):
            # the peripherals of a central m number it among their own others: m - 1 for those that stand before it
            pairs = [maps[i][layer, m - (m > i)] for m, others in enumerate(peers) for i in others]
            hidden_states = self.layers[layer](hidden_states, masks, shares, sizes, output_attentions, *pairs)
        return AmuseMultimodalAttentionOutput(last_hidden_state=hidden_states)

    def _peripheral_maps(self, features: list[Tokens]) -> list[torch.Tensor]:
        """For each modality, its keys and values `(layers, other modalities, rows, tokens, key size + value size)`."""
        shape = (self.num_layers, len(features) - 1, -1)
        return [
            peripheral(tokens.states).unflatten(-1, shape).permute(2, 3, 0, 1, 4)
            for peripheral, tokens in zip(self.peripherals.values(), features, strict=False)
        ]
