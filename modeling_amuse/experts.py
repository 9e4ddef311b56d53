# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Experts: for each modality a separate head that reads this modality alone, before the Multimodal Attention Network mixes the
modalities. Their log-probabilities are added to the logits of the conversation (a product of experts):

    z = v * W e_j + sum over the present m of w_m(u) * (log softmax(Q_m(x_m)) - log prior),   w_m(u) >= 0,  v > 0.

So the logits are an exact sum of a conversation term and one term for each expert. The experts are not in the paper. They
are linear and are fitted separately with strong regularization (`scripts/train.py` does it after the last epoch), because a
weak modality overfits long before the text has been learned.
"""

from typing import NamedTuple

import torch
from torch import nn
from transformers import initialization as init

from .configuration_amuse import AmuseConfig
from .losses import at_least_float32
from .tokens import Tokens
from .variants import EXPERTS

LARGEST_VALUE = 5.0
"""Standardized inputs of an expert are clipped to this distance from 0, because outliers have a large effect on a linear head."""


class ExpertScores(NamedTuple):
    """
    The outputs of the experts, one row for each utterance; a modality without an expert has zeros.

    Attributes:
        logits: `(rows, M, C)`, emotion scores of each expert before softmax; 0 where the modality is missing.
        weights: `(rows, M)`, w_m(u); 0 where the modality is missing.
        terms: `(rows, M, C)`, w_m(u) * (log softmax(logits) - log prior), what is added to the logits.
    """

    logits: torch.FloatTensor
    weights: torch.FloatTensor
    terms: torch.FloatTensor


class AmuseExpert(nn.Module):
    """
    The expert of one modality: a linear head on the standardized mean of the tokens, and for streams that are given as
    features also on the standard deviation over the tokens, which measures how a voice or a face moves.

    Args:
        sizes: size D of the tokens of each stream of the modality.
        with_deviation: for each stream, whether the head reads the standard deviation.
        num_labels: number C of emotions.
    """

    def __init__(self, sizes: list[int], with_deviation: list[bool], num_labels: int):
        super().__init__()
        self.with_deviation = with_deviation
        width = sum(size * (1 + deviation) for size, deviation in zip(sizes, with_deviation, strict=True))
        self.head = nn.Linear(width, num_labels)
        self.register_buffer("center", torch.empty(width))
        self.register_buffer("scale", torch.empty(width))

    def init_own_weights(self, std: float):
        """Start with a uniform prediction: all emotions are equally likely, and the expert's term is 0."""
        init.zeros_(self.head.weight)
        init.zeros_(self.head.bias)
        init.zeros_(self.center)
        init.ones_(self.scale)

    def summary(self, streams: list[Tokens], absent: float | None = None) -> torch.Tensor:
        """
        The utterance as one vector, not yet standardized.

        Args:
            streams: tokens `(rows, tokens, D)` of each stream of the modality.
            absent: the values of a stream without tokens, in place of its training mean.

        Returns:
            `(rows, width)`, float32. A stream without tokens has the training mean (`center`), which is 0 once standardized.
        """
        parts, position = [], 0
        for tokens, deviates in zip(streams, self.with_deviation, strict=True):
            count = tokens.readable_lengths[:, None].float()
            valid = tokens.valid[..., None]
            states = tokens.states.float().masked_fill(~valid, 0)  # a sum of many states can exceed float16
            mean = states.sum(dim=1) / count
            values = [mean]
            if deviates:
                spread = ((states - mean[:, None]).masked_fill(~valid, 0) ** 2).sum(dim=1) / count
                values.append((spread + 1e-8).sqrt() * (tokens.lengths > 1)[:, None])
            part = torch.cat(values, dim=1)
            center = self.center[position : position + part.shape[1]].to(part.dtype)
            parts.append(torch.where(tokens.present[:, None], part, center if absent is None else absent))
            position += part.shape[1]
        return torch.cat(parts, dim=1)

    def forward(self, streams: list[Tokens]) -> torch.Tensor:
        """
        Args:
            streams: tokens `(rows, tokens, D)` of each stream of the modality.

        Returns:
            Emotion scores before softmax, `(rows, C)`.
        """
        standardized = (self.summary(streams) - self.center) / self.scale
        clamped = standardized.clamp(-LARGEST_VALUE, LARGEST_VALUE)
        weight = self.head.weight  # of whole numbers if it is quantized
        return self.head(clamped.to(weight.dtype) if weight.is_floating_point() else clamped)


class AmuseExperts(nn.Module):
    """
    The experts of the modalities in `config.expert_weights`, or of all modalities if it is None. A subclass defines how an
    expert's weight depends on the utterance (`weight`).
    """

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.config = config
        self.heads = nn.ModuleDict(
            {m: self._build(config, m) for m in config.modalities if m in config.expert_modalities}
        )
        self.register_buffer("log_prior", torch.empty(config.num_labels))

    @staticmethod
    def _build(config: AmuseConfig, modality: str) -> AmuseExpert:
        streams = config.streams(modality)
        # states of an encoder have hundreds of values: the mean is enough
        with_deviation = [getattr(config, f"{modality}_config") is None] * len(streams)
        sizes = [getattr(config, f"{stream}_feature_size") for stream in streams]
        return AmuseExpert(sizes, with_deviation, config.num_labels)

    def init_own_weights(self, std: float):
        """Start with a uniform prior, until the frequencies of the emotions are known."""
        init.constant_(self.log_prior, -torch.tensor(float(self.config.num_labels)).log().item())

    def weight(self, modality: str, evidence: torch.Tensor) -> torch.Tensor:
        """
        w_m(u), the expert's weight, of the utterances that have the modality.

        Args:
            modality: the expert's modality.
            evidence: `(rows,)`, the amount of evidence: seconds of voice, frames with a face, number of words.

        Returns:
            `(rows,)`, 0 or more.
        """
        raise NotImplementedError

    def forward(
        self, streams: dict[str, list[Tokens]], present: torch.BoolTensor, evidence: torch.Tensor
    ) -> ExpertScores:
        """
        Args:
            streams: for each modality the tokens `(rows, tokens, D)` of its streams.
            present: `(rows, M)`, which utterances have which modality.
            evidence: `(rows, M)`, see `weight`.
        """
        rows = present.shape[0]
        logits, weights, terms = [], [], []
        for m, modality in enumerate(self.config.modalities):
            if modality not in self.heads:
                silent = evidence.new_zeros(rows, self.config.num_labels)
                logits.append(silent)
                weights.append(silent[:, 0])
                terms.append(silent)
                continue
            own = at_least_float32(self.heads[modality](streams[modality])).masked_fill(~present[:, m, None], 0)
            weight = self.weight(modality, evidence[:, m]).to(own.dtype) * present[:, m]
            logits.append(own)
            weights.append(weight)
            term = weight[:, None] * (own.log_softmax(dim=-1) - self.log_prior.to(own.dtype))
            terms.append(term.masked_fill(~present[:, m, None], 0))
        return ExpertScores(*(torch.stack(part, dim=1) for part in (logits, weights, terms)))


def build_experts(config: AmuseConfig) -> AmuseExperts | None:
    """The experts that `config.experts` names, or None."""
    implementation = EXPERTS.implementation(config.experts)
    return None if implementation is None else implementation(config)


EXPERTS.implements("none")(None)


@EXPERTS.implements("constant")
class ConstantExperts(AmuseExperts):
    """An expert has the same weight in all utterances."""

    def weight(self, modality, evidence):
        return torch.full_like(evidence, self.config.expert_weight(modality))


@EXPERTS.implements("adaptive")
class AdaptiveExperts(AmuseExperts):
    """
    An expert's weight grows with the amount of evidence n and saturates: w_m * n / (n + h_m). With n = h_m it is half of
    w_m.
    """

    def weight(self, modality, evidence):
        half = self.config.expert_half_evidence_of(modality)
        evidence = evidence.clamp(min=1e-6)
        return self.config.expert_weight(modality) * evidence / (evidence + half)


__all__ = ["AmuseExpert", "AmuseExperts", "ExpertScores", "build_experts"]
