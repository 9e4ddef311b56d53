# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What the models return. Each class documents the shapes of its fields."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.utils import ModelOutput


@dataclass
class AmuseModelOutput(ModelOutput):
    """
    Output of [`AmuseModel`]. There are B conversations of at most T utterances, and M modalities in the order of
    `config.modalities`; d is `config.hidden_size`, C the number of emotions. Padding utterances hold zeros.

    Args:
        last_hidden_state (`torch.FloatTensor` of shape `(B, T, 2 * d)`):
            e_j, the speaker-level descriptor beside the utterance-level one (III-D); `(B, T, d)` with one context,
            A(u) `(B, T, M * d)` without contexts.
        speaker_descriptors (`torch.FloatTensor` of shape `(B, T, d)`, *optional*):
            The speaker-level descriptor: the utterance among the other utterances of its speaker.
        utterance_descriptors (`torch.FloatTensor` of shape `(B, T, d)`, *optional*):
            The utterance-level descriptor: the utterance in its dialogue.
        fused_features (`torch.FloatTensor` of shape `(B, T, M * d)`):
            A(u), the output of Adaptive Fusion (eq. 2).
        fusion_shares (`torch.FloatTensor` of shape `(B, T, M)`):
            The mixing coefficient of each modality in A(u). They sum to 1; a missing modality has 0.
        modality_descriptors (`torch.FloatTensor` of shape `(B, T, M, d)`):
            f_CA, each modality after the Multimodal Attention Network.
        modality_logits (`torch.FloatTensor` of shape `(B, T, M, C)`):
            The mode-specific heads Q_m (III-E.1): emotion scores from f_CA of each modality before softmax.
        modality_mask (`torch.LongTensor` of shape `(B, T, M)`):
            1 for a modality that the utterance has, 0 for a missing one.
        expert_logits (`torch.FloatTensor` of shape `(B, T, M, C)`, *optional*):
            With `config.experts`: the emotion scores of each expert before softmax; 0 for a missing modality.
        expert_weights (`torch.FloatTensor` of shape `(B, T, M)`, *optional*):
            The weight w_m(u) of each expert; 0 for a missing modality.
        expert_terms (`torch.FloatTensor` of shape `(B, T, M, C)`, *optional*):
            What each expert adds to the logits: w_m(u) * (log softmax(expert_logits) - log prior).
        hidden_states (`tuple(torch.FloatTensor)`, *optional*):
            The states g^0 to g^L of the Multimodal Attention Network, each `(B, T, tokens, d)`, with the tokens of
            all modalities one modality after the other.
        attentions (`tuple(torch.FloatTensor)`, *optional*):
            Of each of its layers `(B, T, heads, tokens, tokens)`, see [`AmuseMultimodalAttentionOutput`].
        token_modalities (`torch.LongTensor` of shape `(tokens,)`, *optional*):
            With `hidden_states` or `attentions`: the modality of each of their tokens, as an index of
            `config.modalities`.
        context_states (`dict[str, tuple[torch.FloatTensor, torch.FloatTensor]]`, *optional*):
            If `context_states` were given: the states of the contexts `"dialogue"` and `"speaker"` after this
            utterance, each a pair of `(B, d)`.
    """

    last_hidden_state: torch.FloatTensor | None = None
    speaker_descriptors: torch.FloatTensor | None = None
    utterance_descriptors: torch.FloatTensor | None = None
    fused_features: torch.FloatTensor | None = None
    fusion_shares: torch.FloatTensor | None = None
    modality_descriptors: torch.FloatTensor | None = None
    modality_logits: torch.FloatTensor | None = None
    modality_mask: torch.LongTensor | None = None
    expert_logits: torch.FloatTensor | None = None
    expert_weights: torch.FloatTensor | None = None
    expert_terms: torch.FloatTensor | None = None
    hidden_states: tuple[torch.FloatTensor, ...] | None = None
    attentions: tuple[torch.FloatTensor, ...] | None = None
    token_modalities: torch.LongTensor | None = None
    context_states: dict[str, tuple[torch.FloatTensor, torch.FloatTensor]] | None = None


@dataclass
class AmuseEmotionRecognitionOutput(ModelOutput):
    """
    Output of [`AmuseForEmotionRecognition`]. There are B conversations of at most T utterances, and M modalities in the order
    of `config.modalities`; d is `config.hidden_size`, C the number of emotions. Padding utterances hold zeros.

    Args:
        loss (`torch.FloatTensor` of shape `()`, *optional*):
            Returned with `labels`: L = L_cls + L_focal + lambda * L_ACE, plus the loss of the experts. L_ACE is only added
            in training mode.
        logits (`torch.FloatTensor` of shape `(B, T, C)`):
            Emotion scores before softmax. With experts, they are exactly
            `conversation_logits + expert_terms.sum(dim=2)`.
        conversation_logits (`torch.FloatTensor` of shape `(B, T, C)`, *optional*):
            With `config.experts`: W e_j times `config.conversation_weight`, the scores without the experts. They depend on
            the modalities of `config.conversation_modalities`, by default on all.
        classification_loss (`torch.FloatTensor` of shape `()`, *optional*):
            L_cls, the focal loss of `logits`.
        modality_loss (`torch.FloatTensor` of shape `()`, *optional*):
            L_focal, the mean focal loss of `modality_logits`, times `config.modality_loss_weight`.
        contrastive_loss (`torch.FloatTensor` of shape `()`, *optional*):
            lambda * L_ACE.
        expert_loss (`torch.FloatTensor` of shape `()`, *optional*):
            With `config.experts`: the mean cross-entropy of the experts. It only trains the experts.
        last_hidden_state (`torch.FloatTensor` of shape `(B, T, 2 * d)`):
            e_j, the speaker-level descriptor beside the utterance-level one (III-D); `(B, T, d)` with one context,
            A(u) `(B, T, M * d)` without contexts.
        speaker_descriptors (`torch.FloatTensor` of shape `(B, T, d)`, *optional*):
            The speaker-level descriptor: the utterance among the other utterances of its speaker.
        utterance_descriptors (`torch.FloatTensor` of shape `(B, T, d)`, *optional*):
            The utterance-level descriptor: the utterance in its dialogue.
        fused_features (`torch.FloatTensor` of shape `(B, T, M * d)`):
            A(u), the output of Adaptive Fusion (eq. 2).
        fusion_shares (`torch.FloatTensor` of shape `(B, T, M)`):
            The mixing coefficient of each modality in A(u). They sum to 1; a missing modality has 0.
        modality_descriptors (`torch.FloatTensor` of shape `(B, T, M, d)`):
            f_CA, each modality after the Multimodal Attention Network.
        modality_logits (`torch.FloatTensor` of shape `(B, T, M, C)`):
            The mode-specific heads Q_m (III-E.1): emotion scores from f_CA of each modality before softmax.
        modality_mask (`torch.LongTensor` of shape `(B, T, M)`):
            1 for a modality that the utterance has, 0 for a missing one.
        expert_logits (`torch.FloatTensor` of shape `(B, T, M, C)`, *optional*):
            With `config.experts`: the emotion scores of each expert before softmax; 0 for a missing modality.
        expert_weights (`torch.FloatTensor` of shape `(B, T, M)`, *optional*):
            The weight w_m(u) of each expert; 0 for a missing modality.
        expert_terms (`torch.FloatTensor` of shape `(B, T, M, C)`, *optional*):
            What each expert adds to the logits: w_m(u) * (log softmax(expert_logits) - log prior).
        hidden_states (`tuple(torch.FloatTensor)`, *optional*):
            The states g^0 to g^L of the Multimodal Attention Network, each `(B, T, tokens, d)`, with the tokens of
            all modalities one modality after the other.
        attentions (`tuple(torch.FloatTensor)`, *optional*):
            Of each of its layers `(B, T, heads, tokens, tokens)`, see [`AmuseMultimodalAttentionOutput`].
        token_modalities (`torch.LongTensor` of shape `(tokens,)`, *optional*):
            With `hidden_states` or `attentions`: the modality of each of their tokens, as an index of
            `config.modalities`.
        context_states (`dict[str, tuple[torch.FloatTensor, torch.FloatTensor]]`, *optional*):
            If `context_states` were given: the states of the contexts `"dialogue"` and `"speaker"` after this
            utterance, each a pair of `(B, d)`.
    """

    loss: torch.FloatTensor | None = None
    logits: torch.FloatTensor | None = None
    conversation_logits: torch.FloatTensor | None = None
    classification_loss: torch.FloatTensor | None = None
    modality_loss: torch.FloatTensor | None = None
    contrastive_loss: torch.FloatTensor | None = None
    expert_loss: torch.FloatTensor | None = None
    last_hidden_state: torch.FloatTensor | None = None
    speaker_descriptors: torch.FloatTensor | None = None
    utterance_descriptors: torch.FloatTensor | None = None
    fused_features: torch.FloatTensor | None = None
    fusion_shares: torch.FloatTensor | None = None
    modality_descriptors: torch.FloatTensor | None = None
    modality_logits: torch.FloatTensor | None = None
    modality_mask: torch.LongTensor | None = None
    expert_logits: torch.FloatTensor | None = None
    expert_weights: torch.FloatTensor | None = None
    expert_terms: torch.FloatTensor | None = None
    hidden_states: tuple[torch.FloatTensor, ...] | None = None
    attentions: tuple[torch.FloatTensor, ...] | None = None
    token_modalities: torch.LongTensor | None = None
    context_states: dict[str, tuple[torch.FloatTensor, torch.FloatTensor]] | None = None


@dataclass
class AmuseFeaturesOutput(BaseModelOutputWithPooling):
    """
    The unimodal self-attended features f_m of one modality (III-A): the output of `get_text_features`, `get_audio_features`
    and `get_vision_features`. For inputs without conversations, `(N, ...)` takes the place of `(B, T, ...)`.

    Args:
        last_hidden_state (`torch.FloatTensor` of shape `(B, T, S, d)`):
            f_m. The valid tokens of each utterance come first, zeros follow; S is the largest number of tokens.
        pooler_output (`torch.FloatTensor` of shape `(B, T, d)`):
            The mean of the valid tokens; zeros for an utterance that lacks the modality.
        hidden_states (`tuple(torch.FloatTensor)`, *optional*):
            The input of the first layer of self-attention and the output of each layer, each `(B, T, S, d)`.
        attentions (`tuple(torch.FloatTensor)`, *optional*):
            The attention weights of each layer, `(B, T, heads, S, S)`.
        attention_mask (`torch.LongTensor` of shape `(B, T, S)`):
            1 for valid tokens.
    """

    attention_mask: torch.LongTensor | None = None


class UtteranceDescriptors(NamedTuple):
    """
    The part of [`AmuseModelOutput`] that needs no other utterance, one row for each utterance.

    Attributes:
        fused_features: `(rows, M * d)`.
        fusion_shares: `(rows, M)`.
        modality_descriptors: `(rows, M, d)`.
        modality_logits: `(rows, M, C)`.
        modality_mask: `(rows, M)`.
        expert_logits: `(rows, M, C)`, or None without experts.
        expert_weights: `(rows, M)`, or None without experts.
        expert_terms: `(rows, M, C)`, or None without experts.
    """

    fused_features: torch.FloatTensor
    fusion_shares: torch.FloatTensor
    modality_descriptors: torch.FloatTensor
    modality_logits: torch.FloatTensor
    modality_mask: torch.LongTensor
    expert_logits: torch.FloatTensor | None = None
    expert_weights: torch.FloatTensor | None = None
    expert_terms: torch.FloatTensor | None = None


__all__ = ["AmuseEmotionRecognitionOutput", "AmuseFeaturesOutput", "AmuseModelOutput", "UtteranceDescriptors"]
