# Copyright 2026 The AMuSE package authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""AMuSE: Adaptive Multimodal Analysis for Speaker Emotion Recognition in Group Conversations (arXiv 2401.15164)."""

from dataclasses import dataclass
from functools import wraps
from typing import NamedTuple

import torch
from torch import nn
from transformers import AutoConfig
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.processing_utils import Unpack
from transformers.utils import ModelOutput, TransformersKwargs
from transformers.utils.generic import can_return_tuple

from .adaptive_fusion import AmuseAdaptiveFusion, head_gradients
from .configuration_amuse import MODALITIES, AmuseConfig
from .conversation_context import AmuseConversationContext
from .encoders import ENCODE, encoder_from_config, encoder_from_pretrained, is_distributed, is_sharded, tied_to_zero
from .losses import AmuseMemoryBank, focal_loss, in_batch_contrastive_loss
from .multimodal_attention import AmuseMultimodalAttentionNetwork
from .pickled_adapters import HUB_OPTIONS
from .pretrained import AmusePreTrainedModel
from .recurrent import AmuseLSTM
from .text_in_conversation import encode_in_conversation
from .tokens import Tokens, left_align, mean_of_successive
from .tracing import is_exporting
from .unimodal import AmuseUnimodalEncoder
from .utterance_layout import UtteranceLayout

IGNORED_LABEL = -100


@dataclass
class AmuseModelOutput(ModelOutput):
    """
    Output of [`AmuseModel`]. B conversations of at most T utterances; M modalities in the order of
    `config.modalities`; d is `config.hidden_size`, C the number of emotions. Padding utterances hold zeros.

    Args:
        last_hidden_state (`torch.FloatTensor` of shape `(B, T, 2 * d)`):
            e_j, the speaker-level descriptor beside the utterance-level one (III-D); `(B, T, d)` with one context,
            A(u) `(B, T, M * d)` with none.
        speaker_descriptors (`torch.FloatTensor` of shape `(B, T, d)`, *optional*):
            Speaker-level descriptors: each utterance among those of its speaker.
        utterance_descriptors (`torch.FloatTensor` of shape `(B, T, d)`, *optional*):
            Utterance-level descriptors: each utterance in its dialogue.
        fused_features (`torch.FloatTensor` of shape `(B, T, M * d)`):
            A(u), the output of Adaptive Fusion (eq. 2).
        fusion_shares (`torch.FloatTensor` of shape `(B, T, M)`):
            The effective share of each modality in A(u); sums to 1, and is 0 for a missing modality.
        modality_descriptors (`torch.FloatTensor` of shape `(B, T, M, d)`):
            f_CA, each modality after the Multimodal Attention Network.
        modality_logits (`torch.FloatTensor` of shape `(B, T, M, C)`):
            What each modality says by itself: the mode-specific heads Q_m (III-E.1).
        modality_mask (`torch.LongTensor` of shape `(B, T, M)`):
            1 for the modalities that an utterance has, 0 for those that it lacks.
        hidden_states (`tuple(torch.FloatTensor)`, *optional*):
            The Multimodal Attention Network's states g^0 to g^L, each `(B, T, tokens, d)`, the modalities' tokens
            behind each other.
        attentions (`tuple(torch.FloatTensor)`, *optional*):
            For each of its layers `(B, T, heads, tokens, tokens)`, see [`AmuseMultimodalAttentionOutput`].
        token_modalities (`torch.LongTensor` of shape `(tokens,)`, *optional*):
            With `hidden_states` or `attentions`: the modality (index into `config.modalities`) of each of their tokens.
        context_states (`dict[str, tuple[torch.FloatTensor, torch.FloatTensor]]`, *optional*):
            With `context_states` given: the states of the contexts `"dialogue"` and `"speaker"` after this utterance,
            each `(B, d)` and `(B, d)`.
    """

    last_hidden_state: torch.FloatTensor | None = None
    speaker_descriptors: torch.FloatTensor | None = None
    utterance_descriptors: torch.FloatTensor | None = None
    fused_features: torch.FloatTensor | None = None
    fusion_shares: torch.FloatTensor | None = None
    modality_descriptors: torch.FloatTensor | None = None
    modality_logits: torch.FloatTensor | None = None
    modality_mask: torch.LongTensor | None = None
    hidden_states: tuple[torch.FloatTensor, ...] | None = None
    attentions: tuple[torch.FloatTensor, ...] | None = None
    token_modalities: torch.LongTensor | None = None
    context_states: dict[str, tuple[torch.FloatTensor, torch.FloatTensor]] | None = None


@dataclass
class AmuseFeaturesOutput(BaseModelOutputWithPooling):
    """
    The unimodal self-attended features f_m of one modality (III-A), what `get_text_features`, `get_audio_features` and
    `get_vision_features` return. Where inputs came without conversations, `(N, ...)` stands in place of `(B, T, ...)`.

    Args:
        last_hidden_state (`torch.FloatTensor` of shape `(B, T, S, d)`):
            f_m. The valid tokens of each utterance stand first, S is the largest number of them, and zeros follow.
        pooler_output (`torch.FloatTensor` of shape `(B, T, d)`):
            The mean of the valid tokens; zeros for an utterance that lacks the modality.
        hidden_states (`tuple(torch.FloatTensor)`, *optional*):
            What the first layer of self-attention read and what each layer gave, each `(B, T, S, d)`.
        attentions (`tuple(torch.FloatTensor)`, *optional*):
            The attention weights of each of these layers, `(B, T, heads, S, S)`.
        attention_mask (`torch.LongTensor` of shape `(B, T, S)`):
            1 for valid tokens.
    """

    attention_mask: torch.LongTensor | None = None


class UtteranceDescriptors(NamedTuple):
    """
    What the model makes of each utterance by itself, one row for an utterance; see [`AmuseModelOutput`].

    Attributes:
        fused_features: `(rows, M * d)`.
        fusion_shares: `(rows, M)`.
        modality_descriptors: `(rows, M, d)`.
        modality_logits: `(rows, M, C)`.
        modality_mask: `(rows, M)`.
    """

    fused_features: torch.FloatTensor
    fusion_shares: torch.FloatTensor
    modality_descriptors: torch.FloatTensor
    modality_logits: torch.FloatTensor
    modality_mask: torch.LongTensor


@dataclass
class AmuseEmotionScores(ModelOutput):
    """What the classifier adds; see [`AmuseEmotionRecognitionOutput`], in which it comes first."""

    loss: torch.FloatTensor | None = None
    logits: torch.FloatTensor | None = None
    classification_loss: torch.FloatTensor | None = None
    modality_loss: torch.FloatTensor | None = None
    contrastive_loss: torch.FloatTensor | None = None


@dataclass
class AmuseEmotionRecognitionOutput(AmuseModelOutput, AmuseEmotionScores):
    """
    Output of [`AmuseForEmotionRecognition`]: that of [`AmuseModel`], and before it

    Args:
        loss (`torch.FloatTensor` of shape `()`, *optional*):
            Returned with `labels`: L = L_cls + L_focal + lambda * L_ACE, the last in training mode alone.
        logits (`torch.FloatTensor` of shape `(B, T, C)`):
            Emotion scores before softmax; zeros for padding utterances.
        classification_loss, modality_loss, contrastive_loss (`torch.FloatTensor` of shape `()`, *optional*):
            The loss's three terms, weighted as they are added.
    """


class AmuseModel(AmusePreTrainedModel):
    """
    AMuSE without the emotion classifier: descriptors of every utterance, of its speaker and of its modalities.

    Args:
        config ([`AmuseConfig`]): with at least one modality.

    Raises:
        ValueError: when the configuration has no modality.
    """

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        config.check_settings()
        modalities = config.modalities
        if not modalities:
            raise ValueError(
                "The configuration has no modality: give text_config, audio_config or vision_config, or a feature size "
                "such as text_feature_size."
            )
        for modality in modalities:
            encoder_config = getattr(config, f"{modality}_config")
            if encoder_config is not None:
                setattr(self, f"{modality}_model", encoder_from_config(encoder_config))
        self.freeze_encoders()

        self.unimodal = nn.ModuleDict({m: AmuseUnimodalEncoder(config, self._stream_sizes(m)) for m in modalities})
        self.man = AmuseMultimodalAttentionNetwork(config)
        self.pooling = nn.ModuleDict({m: AmuseLSTM(config.hidden_size, config.hidden_size) for m in modalities})
        # of one scale, descriptors can be mixed and compared; without it, the chain of LSTMs is slow to start learning
        self.descriptor_norms = nn.ModuleDict({m: nn.LayerNorm(config.hidden_size) for m in modalities})
        self.modality_heads = nn.ModuleList([nn.Linear(config.hidden_size, config.num_labels) for _ in modalities])
        self.fusion = AmuseAdaptiveFusion(config)
        if config.contexts in ("both", "speaker"):
            self.speaker_context = AmuseConversationContext(config)
        if config.contexts in ("both", "dialogue"):
            self.dialogue_context = AmuseConversationContext(config)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module | None:
        encoder = self.encoder("text")
        return None if encoder is None else encoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module):
        self.encoder("text").set_input_embeddings(value)

    def encoder(self, modality: str):
        """The transformers encoder of a modality, or None where it comes as features."""
        return getattr(self, f"{modality}_model", None)

    def is_frozen(self, modality: str) -> bool:
        """Whether the modality's encoder is kept as it is."""
        return getattr(self.config, f"freeze_{modality}_encoder")

    def freeze_encoders(self):
        """Take the frozen encoders' weights out of the training (`config.freeze_*_encoder`)."""
        for modality in self.config.modalities:
            if self.encoder(modality) is not None and self.is_frozen(modality):
                self.encoder(modality).requires_grad_(False)

    def train(self, mode: bool = True):
        super().train(mode)
        self.freeze_encoders()  # here too: loading makes every weight trainable, and then switches to evaluation
        for modality in self.config.modalities:
            if self.encoder(modality) is not None and self.is_frozen(modality):
                self.encoder(modality).eval()
        return self

    def _stream_names(self, modality: str) -> list[str]:
        has_background = modality == "vision" and self.config.background_feature_size is not None
        return [modality, "background"] if has_background else [modality]

    def _stream_sizes(self, modality: str) -> list[int]:
        return [getattr(self.config, f"{name}_feature_size") for name in self._stream_names(modality)]

    def encode_stream(
        self,
        stream: str,
        values: torch.Tensor,
        mask: torch.Tensor | None = None,
        conversations: torch.LongTensor | None = None,
    ) -> tuple[torch.Tensor, torch.BoolTensor]:
        """
        States of a stream's own encoder: what `forward` takes as `{stream}_features` and `{stream}_mask` in place of the
        raw input, once they are arranged as `(B, T, ...)`. For who computes them once and reads them often.

        Args:
            stream: `"text"`, `"audio"`, `"vision"` or `"background"`.
            values: the raw input as `forward` takes it, with one row for each utterance in place of `(B, T)`.
            mask: its mask, `(rows, ...)`. None: everything is valid.
            conversations: `(rows,)`, ascending: the conversation of each row, for text that is read in it
                (`config.text_scope`). None: each row is one by itself.

        Returns:
            `(rows, S, D)` and the mask `(rows, S)`; audio states are pooled (`config.audio_token_pooling`).

        Raises:
            ValueError: the model has no such stream, or no encoder for it.
        """
        modality = "vision" if stream == "background" else stream
        size = getattr(self.config, f"{stream}_feature_size", None)
        if size is None:
            raise ValueError(f"This model has no stream {stream!r}; its modalities are {self.config.modalities}.")
        encoder = self.encoder(modality)
        if encoder is None:
            raise ValueError(
                f"This model has no {modality} encoder: give {stream}_features of size {size} in place of raw input."
            )
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_frozen(modality)):
            if modality == "text" and self.config.text_scope != "utterance" and conversations is not None:
                neighbours = self.config.num_text_neighbours if self.config.text_scope == "neighbours" else None
                longest = self.config.max_text_sequence
                states, mask = encode_in_conversation(encoder, values, mask, conversations, longest, neighbours)
            else:
                states, mask = ENCODE[modality](encoder, values, mask)
        if stream == "audio":
            states, mask = mean_of_successive(states, mask, self.config.audio_token_pooling)
        return states, mask

    @can_return_tuple
    def get_text_features(
        self,
        input_ids: torch.LongTensor | None = None,
        text_features: torch.FloatTensor | None = None,
        text_mask: torch.Tensor | None = None,
        utterance_mask: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> AmuseFeaturesOutput:
        r"""
        f_m of text: what the words of an utterance give by themselves, before they meet other modalities.

        Args:
            input_ids: `(B, T, S)` as [`AmuseModel.forward`] takes it, or `(N, S)`: N utterances without conversations.
            text_features: `(B, T, S, D)` or `(N, S, D)`, in place of `input_ids`.
            text_mask: `(B, T, S)` or `(N, S)`, 1 for valid tokens. None: all are.
            utterance_mask: `(B, T)`, 1 for utterances, 0 for padding. None: all are utterances.
            kwargs: `output_hidden_states`, `output_attentions` and `return_dict`; other inputs of the model are not
                looked at.

        Raises:
            ValueError: the model has no such modality, or its input is missing or does not fit.

        Example:

        ```python
        >>> inputs = processor(text=["What was that noise?", "Only the cat."])
        >>> model.get_text_features(**inputs).pooler_output  # (2, d)
        ```
        """
        streams = {"text": (input_ids, text_features, text_mask)}
        return self._features_of("text", streams, utterance_mask, **kwargs)

    @can_return_tuple
    def get_audio_features(
        self,
        audio_values: torch.FloatTensor | None = None,
        audio_features: torch.FloatTensor | None = None,
        audio_mask: torch.Tensor | None = None,
        utterance_mask: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> AmuseFeaturesOutput:
        r"""
        f_m of audio: what the sound of an utterance gives by itself, before it meets other modalities.

        Args:
            audio_values: `(B, T, ...)` as [`AmuseModel.forward`] takes it, or `(N, ...)` with an `audio_mask` `(N, S)`:
                N utterances without conversations.
            audio_features: `(B, T, S, D)` or `(N, S, D)`, in place of `audio_values`.
            audio_mask: `(B, T, S)` or `(N, S)`, 1 for valid samples, frames or tokens. None: all are.
            utterance_mask: `(B, T)`, 1 for utterances, 0 for padding. None: all are utterances.
            kwargs: `output_hidden_states`, `output_attentions` and `return_dict`; other inputs of the model are not
                looked at.

        Raises:
            ValueError: the model has no such modality, or its input is missing or does not fit.
        """
        streams = {"audio": (audio_values, audio_features, audio_mask)}
        return self._features_of("audio", streams, utterance_mask, **kwargs)

    @can_return_tuple
    def get_vision_features(
        self,
        pixel_values: torch.FloatTensor | None = None,
        vision_features: torch.FloatTensor | None = None,
        vision_mask: torch.Tensor | None = None,
        background_pixel_values: torch.FloatTensor | None = None,
        background_features: torch.FloatTensor | None = None,
        background_mask: torch.Tensor | None = None,
        utterance_mask: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> AmuseFeaturesOutput:
        r"""
        f_m of vision: what the faces (and backgrounds) of an utterance give by themselves, before they meet other
        modalities. The tokens of the background stand behind those of the faces.

        Args:
            pixel_values: `(B, T, F, channels, height, width)` as [`AmuseModel.forward`] takes it, or without
                conversations `(N, F, channels, height, width)`, or `(N, channels, height, width)`: one image each.
            vision_features: `(B, T, S, D)` or `(N, S, D)`, in place of `pixel_values`.
            vision_mask: `(B, T, F)` or `(N, F)`, 1 for valid frames or tokens. None: all are.
            background_pixel_values, background_features, background_mask: the same for the background stream.
            utterance_mask: `(B, T)`, 1 for utterances, 0 for padding. None: all are utterances.
            kwargs: `output_hidden_states`, `output_attentions` and `return_dict`; other inputs of the model are not
                looked at.

        Raises:
            ValueError: the model has no such modality, or its input is missing or does not fit.
        """
        images = {"vision": pixel_values, "background": background_pixel_values}
        images = {name: raw[:, None] if raw is not None and raw.dim() == 4 else raw for name, raw in images.items()}
        streams = {
            "vision": (images["vision"], vision_features, vision_mask),
            "background": (images["background"], background_features, background_mask),
        }
        return self._features_of("vision", streams, utterance_mask, **kwargs)

    def _features_of(
        self,
        modality: str,
        streams: dict,
        utterance_mask: torch.Tensor | None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **kwargs,
    ) -> AmuseFeaturesOutput:
        if modality not in self.config.modalities:
            raise ValueError(f"This model has no modality {modality!r}; its modalities are {self.config.modalities}.")
        output_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        output_hidden_states = (
            self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        )
        names = self._stream_names(modality)
        streams = {name: streams[name] for name in names}
        alone = _are_without_conversations(streams)
        if alone:  # N conversations of one utterance
            streams = {name: [t if t is None else t[:, None] for t in given] for name, given in streams.items()}
            utterance_mask = None if utterance_mask is None else utterance_mask[:, None]
        layout = UtteranceLayout.of(streams, utterance_mask, None)

        parts = [self._tokens(name, modality, *streams[name], layout) for name in names]
        tokens, states, attentions = self.unimodal[modality](parts, bool(output_attentions))
        valid = tokens.valid

        def arranged(rows: torch.Tensor) -> torch.Tensor:
            return layout.pad(rows).squeeze(1) if alone else layout.pad(rows)

        last_hidden_state = tokens.states * valid[..., None]
        return AmuseFeaturesOutput(
            last_hidden_state=arranged(last_hidden_state),
            pooler_output=arranged(last_hidden_state.sum(dim=1) / tokens.readable_lengths[:, None]),
            hidden_states=tuple(arranged(s * valid[..., None]) for s in states) if output_hidden_states else None,
            attentions=tuple(map(arranged, attentions)) if output_attentions else None,
            attention_mask=arranged(valid.long()),
        )

    def apply_modality_heads(self, descriptors: torch.Tensor) -> torch.Tensor:
        """Q_m (III-E.1): from f_CA, `(rows, M, d)`, the emotion scores of each modality before softmax, `(rows, M, C)`."""
        return torch.stack([head(descriptors[:, m]) for m, head in enumerate(self.modality_heads)], dim=1)

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        text_features: torch.FloatTensor | None = None,
        text_mask: torch.Tensor | None = None,
        audio_values: torch.FloatTensor | None = None,
        audio_features: torch.FloatTensor | None = None,
        audio_mask: torch.Tensor | None = None,
        pixel_values: torch.FloatTensor | None = None,
        vision_features: torch.FloatTensor | None = None,
        vision_mask: torch.Tensor | None = None,
        background_pixel_values: torch.FloatTensor | None = None,
        background_features: torch.FloatTensor | None = None,
        background_mask: torch.Tensor | None = None,
        utterance_mask: torch.Tensor | None = None,
        speaker_ids: torch.LongTensor | None = None,
        context_states: dict[str, tuple[torch.FloatTensor, torch.FloatTensor]] | None = None,
        utterances_per_chunk: int | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> AmuseModelOutput:
        r"""
        Any of the modalities may be left out, and any utterance may lack any of them (a mask of zeros).

        Args:
            input_ids: `(B, T, S)`, word pieces of each utterance, for a model with a text encoder.
            text_features: `(B, T, S, D)`, token features in place of `input_ids`: for a model with a text encoder,
                that encoder's last hidden states.
            text_mask: `(B, T, S)`, 1 for valid tokens. None: all are.
            audio_values: `(B, T, ...)`, the audio encoder's input for each utterance (waveform or spectrogram).
            audio_features: `(B, T, S, D)`, token features in place of `audio_values`.
            audio_mask: `(B, T, S)`, 1 for valid samples, frames or tokens.
            pixel_values: `(B, T, F, channels, height, width)`, F face images of each utterance.
            vision_features: `(B, T, S, D)`, token features of the faces in place of `pixel_values`.
            vision_mask: `(B, T, F)` or `(B, T, S)`.
            background_pixel_values, background_features, background_mask: the same for the background stream.
            utterance_mask: `(B, T)`, 1 for utterances, 0 for padding. None: all are utterances.
            speaker_ids: `(B, T)`, a number for each speaker of a conversation. Only equality counts.
            context_states: for a causal model that is given one utterance of each conversation (T = 1): the states of
                its contexts `"dialogue"` and `"speaker"` (of who speaks now) after the utterances before, as the output
                had them. A context that is left out is at its beginning.
            utterances_per_chunk: everything but the contexts is computed for so many utterances at a time, so that under
                `torch.no_grad()` a long conversation needs no more memory than a short one. None: for all at once.
            output_attentions: return the attentions of every layer of the Multimodal Attention Network.
            output_hidden_states: return its hidden states.

        Raises:
            ValueError: no modality is given, shapes do not fit, or speakers are needed and not given; chunks are less
                than one utterance, or asked for in training, or together with attentions or hidden states; context
                states are given to a model that is not causal, or with more than one utterance.
        """
        streams = {
            "text": (input_ids, text_features, text_mask),
            "audio": (audio_values, audio_features, audio_mask),
            "vision": (pixel_values, vision_features, vision_mask),
            "background": (background_pixel_values, background_features, background_mask),
        }
        own = {stream: given for stream, given in streams.items() if getattr(self.config, f"{stream}_feature_size")}
        layout = UtteranceLayout.of(own, utterance_mask, speaker_ids)
        if speaker_ids is None and hasattr(self, "speaker_context"):
            raise ValueError("The speaker context needs speaker_ids of shape (conversations, utterances).")

        recording = {"output_attentions": output_attentions, "output_hidden_states": output_hidden_states}
        if utterances_per_chunk is not None:
            self._check_chunks(utterances_per_chunk, recording)
            if self.config.text_scope != "utterance" and input_ids is not None and text_features is None:
                # a chunk is not the conversation that its utterances are read in
                tokens = self._tokens("text", "text", *streams["text"], layout)
                streams["text"] = (None, layout.pad(tokens.states), layout.pad(tokens.valid))
        if context_states is not None:
            self._check_one_utterance_each(layout)
        chunks, recorded = [], {}
        for chunk in layout.parts(utterances_per_chunk):
            utterances, recorded = self._describe_utterances(streams, chunk, recording)
            chunks.append(utterances)
        utterances = UtteranceDescriptors(*map(torch.cat, zip(*chunks, strict=True)))

        fused = utterances.fused_features
        if context_states is None:
            contexts = self._read_conversations(fused, layout, speaker_ids)
        else:
            contexts, context_states = self._step_conversations(fused, context_states)
        last_hidden_state = torch.cat(list(contexts.values()), dim=-1) if contexts else fused
        return AmuseModelOutput(
            last_hidden_state=layout.pad(last_hidden_state),
            context_states=context_states,
            **{name: layout.pad(rows) for name, rows in (contexts | utterances._asdict()).items()},
            **recorded,
        )

    def _check_chunks(self, utterances_per_chunk: int, recording: dict):
        if utterances_per_chunk < 1:
            raise ValueError(f"utterances_per_chunk must be 1 or more, but is {utterances_per_chunk}.")
        if self.training:
            raise ValueError(
                "utterances_per_chunk saves memory without gradients alone: call model.eval(), or leave it out."
            )
        wanted = [name for name, given in recording.items() if (getattr(self.config, name) if given is None else given)]
        if wanted:
            raise ValueError(
                f"utterances_per_chunk and {' and '.join(wanted)} do not go together: leave one of them out."
            )

    def _check_one_utterance_each(self, layout: UtteranceLayout):
        if not self.config.causal:
            raise ValueError(
                "context_states need a causal model (causal=True): this one reads conversations backward too."
            )
        if layout.length != 1 or layout.number != layout.batch_size:
            raise ValueError(
                f"context_states go with one utterance of each conversation: give inputs of shape (conversations, 1), not "
                f"{(layout.batch_size, layout.length)}, without padding."
            )

    def _describe_utterances(
        self, streams: dict, layout: UtteranceLayout, recording: dict
    ) -> tuple[UtteranceDescriptors, dict]:
        """Everything that needs no other utterance, and what of the network was asked for."""
        features, present = self._unimodal_features(streams, layout)
        # what is left open, the configuration decides
        recording = {
            name: getattr(self.config, name) if wanted is None else wanted for name, wanted in recording.items()
        }
        network = self.man(features, layout if any(recording.values()) else None, **recording, return_dict=True)
        descriptors = self._pool(network.last_hidden_state, features)
        # tensors, not the heads: accelerate moves what a module is given to where the module lies
        gradients = head_gradients(descriptors, self.modality_heads) if self.config.fusion == "alfa" else None
        fused, shares = self.fusion(descriptors, present, gradients)
        utterances = UtteranceDescriptors(
            fused_features=self.dropout(fused),
            fusion_shares=shares,
            modality_descriptors=descriptors,
            modality_logits=self.apply_modality_heads(descriptors),
            modality_mask=present.long(),
        )
        recorded = {name: network[name] for name in ("hidden_states", "attentions") if network.get(name) is not None}
        if recorded.get("hidden_states") == ():  # no layers: g^0 is g^L
            recorded["hidden_states"] = (layout.pad(network.last_hidden_state),)
        if recorded:
            counts = torch.tensor([tokens.states.shape[1] for tokens in features], device=fused.device)
            modalities = torch.arange(len(counts), device=fused.device)
            recorded["token_modalities"] = torch.repeat_interleave(modalities, counts)
        return utterances, recorded

    def _read_conversations(self, fused: torch.Tensor, layout: UtteranceLayout, speaker_ids) -> dict[str, torch.Tensor]:
        """The descriptors `(rows, d)` that each context gives (III-D), in their order in e_j."""
        descriptors = {}
        if hasattr(self, "speaker_context"):
            descriptors["speaker_descriptors"] = self.speaker_context(fused, layout.by_speaker(speaker_ids))
        if hasattr(self, "dialogue_context"):
            descriptors["utterance_descriptors"] = self.dialogue_context(fused, layout.by_conversation())
        return descriptors

    def _step_conversations(self, fused: torch.Tensor, states: dict) -> tuple[dict[str, torch.Tensor], dict]:
        """The same for the next utterance of each conversation, and the contexts' states after it."""
        descriptors, after = {}, {}
        if hasattr(self, "speaker_context"):
            descriptors["speaker_descriptors"], after["speaker"] = self.speaker_context.step(
                fused, states.get("speaker")
            )
        if hasattr(self, "dialogue_context"):
            descriptors["utterance_descriptors"], after["dialogue"] = self.dialogue_context.step(
                fused, states.get("dialogue")
            )
        return descriptors, after

    def _unimodal_features(self, streams: dict, layout: UtteranceLayout) -> tuple[list[Tokens], torch.BoolTensor]:
        """f_m of every modality, and which utterances have which modality, `(rows, M)`."""
        tokens = {}
        for modality in self.config.modalities:
            names = self._stream_names(modality)
            tokens[modality] = [self._tokens(name, modality, *streams[name], layout) for name in names]
        present = torch.stack([torch.stack([t.present for t in parts]).any(dim=0) for parts in tokens.values()], dim=1)
        if self.training and self.config.modality_dropout > 0:
            present = self._drop_modalities(present, layout)
            for m, (modality, parts) in enumerate(tokens.items()):
                tokens[modality] = [part.without(~present[:, m]) for part in parts]
        return [self.unimodal[modality](parts).tokens for modality, parts in tokens.items()], present

    def _tokens(self, stream: str, modality: str, raw, features, mask, layout: UtteranceLayout) -> Tokens:
        """The tokens of one stream of one modality: encoded, or given as features, or missing."""
        size = getattr(self.config, f"{stream}_feature_size")
        encoder = self.encoder(modality)
        trains_encoder = encoder is not None and not self.is_frozen(modality) and self.training
        self._check_mask(stream, raw, features, mask)
        if raw is not None and features is None:
            mask = None if mask is None else layout.rows(mask)
            states, mask = self.encode_stream(stream, layout.rows(raw), mask, layout.conversations)
        elif features is not None:
            if features.dim() != 4 or features.shape[-1] != size:
                raise ValueError(
                    f"{stream}_features must be of shape (conversations, utterances, tokens, {size}), but are of shape "
                    f"{tuple(features.shape)}."
                )
            states = layout.rows(features)
            mask = torch.ones(states.shape[:2], device=states.device) if mask is None else layout.rows(mask)
        else:
            if mask is not None and not is_exporting() and layout.rows(mask).any():
                raise ValueError(f"{stream}_mask is not zero, but there is neither input nor features of it.")
            mask = torch.zeros(layout.number, 1, device=layout.device)
            if stream == "text" and (trains_encoder or is_sharded(encoder)):
                states, mask = self.encode_stream(stream, mask.long(), mask)  # no word, read as one
                return left_align(states.to(self.fusion.placeholder.dtype), mask)
            states = torch.zeros(layout.number, 1, size, device=layout.device)
        # distributed, every weight needs a gradient: those that the encoder's states do not rest on, too
        is_unread = raw is None or features is not None
        if trains_encoder and (is_unread or (is_distributed() and not is_sharded(encoder))):
            states = states + tied_to_zero(encoder)
        return left_align(states.to(self.fusion.placeholder.dtype), layout.valid_tokens(mask))

    def _check_mask(self, stream: str, raw, features, mask):
        """
        Raises:
            ValueError: for a mask that is not of its inputs' tokens, samples or frames.
        """
        given = features if features is not None else raw
        if mask is None or given is None or is_exporting():
            return
        if features is not None or stream != "audio":
            fits = mask.shape == given.shape[:3]
        else:  # (..., samples), (..., bins, frames) or (..., frames, bins)
            fits = mask.dim() == 3 and mask.shape[2] in given.shape[2:]
        if not fits:
            raise ValueError(
                f"{stream}_mask is of shape {tuple(mask.shape)} for inputs of shape {tuple(given.shape)}: give "
                "(conversations, utterances, tokens), with a 1 for each token, sample or frame that counts."
            )

    def _drop_modalities(self, present: torch.BoolTensor, layout: UtteranceLayout) -> torch.BoolTensor:
        """Modality dropout: a conversation loses each modality by chance; an utterance never loses its last one."""
        shape = (layout.batch_size, present.shape[1])
        dropped = torch.rand(shape, device=present.device) < self.config.modality_dropout
        kept = present & ~dropped[layout.conversations]
        return torch.where(kept.any(dim=1, keepdim=True), kept, present)

    def _pool(self, states: torch.Tensor, features: list[Tokens]) -> torch.Tensor:
        """f_CA of every modality, `(rows, M, d)`: Bi-LSTM over the tokens of g^L, then their mean (figure 1), normalized."""
        descriptors = []
        parts = states.split([tokens.states.shape[1] for tokens in features], dim=1)
        for modality, tokens, part in zip(self.config.modalities, features, parts, strict=True):
            lengths = tokens.readable_lengths
            mean = self.pooling[modality](part, lengths).sum(dim=1) / lengths[:, None]
            descriptors.append(self.descriptor_norms[modality](mean))
        return self.dropout(torch.stack(descriptors, dim=1))


def _are_without_conversations(streams: dict) -> bool:
    """Whether the streams' inputs are `(N, ...)`, and not `(B, T, ...)`: by the mask, and where there is none, by themselves."""
    for name, (raw, features, mask) in streams.items():
        if mask is not None:
            return mask.dim() == 2
        if features is not None:
            return features.dim() == 3
        if raw is not None:
            # of sound without a mask one cannot tell: (N, bins, frames) is (B, T, samples), too
            return name != "audio" and raw.dim() == (2 if name == "text" else 5)
    return False


class AmuseForEmotionRecognition(AmusePreTrainedModel):
    """
    AMuSE with the emotion classifier: the emotion of every utterance's speaker.

    Args:
        config ([`AmuseConfig`]): with at least one modality, and `num_labels` or `id2label`.

    Raises:
        ValueError: when the configuration has no modality, or a memory bank without a size.
    """

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        self.amuse = AmuseModel(config)
        sizes = {"both": 2 * config.hidden_size, "none": len(config.modalities) * config.hidden_size}
        self.classifier = nn.Linear(sizes.get(config.contexts, config.hidden_size), config.num_labels)
        self.dropout = nn.Dropout(config.hidden_dropout)
        if self._uses_memory_bank:
            if config.memory_bank_size < 1:
                raise ValueError("contrastive_loss='bank' needs memory_bank_size, the number of training utterances.")
            self.memory_bank = AmuseMemoryBank(config)
        self.post_init()

    @wraps(AmuseModel.get_text_features)
    def get_text_features(self, *args, **kwargs) -> AmuseFeaturesOutput:
        return self.amuse.get_text_features(*args, **kwargs)

    @wraps(AmuseModel.get_audio_features)
    def get_audio_features(self, *args, **kwargs) -> AmuseFeaturesOutput:
        return self.amuse.get_audio_features(*args, **kwargs)

    @wraps(AmuseModel.get_vision_features)
    def get_vision_features(self, *args, **kwargs) -> AmuseFeaturesOutput:
        return self.amuse.get_vision_features(*args, **kwargs)

    @property
    def _uses_memory_bank(self) -> bool:
        return self.config.contrastive_loss == "bank" and len(self.config.modalities) > 1

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        text_features: torch.FloatTensor | None = None,
        text_mask: torch.Tensor | None = None,
        audio_values: torch.FloatTensor | None = None,
        audio_features: torch.FloatTensor | None = None,
        audio_mask: torch.Tensor | None = None,
        pixel_values: torch.FloatTensor | None = None,
        vision_features: torch.FloatTensor | None = None,
        vision_mask: torch.Tensor | None = None,
        background_pixel_values: torch.FloatTensor | None = None,
        background_features: torch.FloatTensor | None = None,
        background_mask: torch.Tensor | None = None,
        utterance_mask: torch.Tensor | None = None,
        speaker_ids: torch.LongTensor | None = None,
        labels: torch.LongTensor | None = None,
        utterance_ids: torch.LongTensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> AmuseEmotionRecognitionOutput:
        r"""
        The inputs are those of [`AmuseModel.forward`], and

        Args:
            labels: `(B, T)`, the emotion of each utterance; -100 where it is unknown or the utterance is padding.
            utterance_ids: `(B, T)`, a number of each training utterance below `config.memory_bank_size`; needed to
                train a model with a memory bank.
            num_items_in_batch: what the summed losses are divided by. None: the number of labelled utterances here.
                Training in several processes or accumulated steps gives the number of all of them.
        """
        outputs = self.amuse(
            input_ids=input_ids,
            text_features=text_features,
            text_mask=text_mask,
            audio_values=audio_values,
            audio_features=audio_features,
            audio_mask=audio_mask,
            pixel_values=pixel_values,
            vision_features=vision_features,
            vision_mask=vision_mask,
            background_pixel_values=background_pixel_values,
            background_features=background_features,
            background_mask=background_mask,
            utterance_mask=utterance_mask,
            speaker_ids=speaker_ids,
            **{**kwargs, "return_dict": True},
        )
        logits = self.classifier(self.dropout(outputs.last_hidden_state))
        is_utterance = torch.ones(logits.shape[:2], device=logits.device) if utterance_mask is None else utterance_mask
        is_utterance = is_utterance.bool()
        logits = logits * is_utterance[..., None]
        losses = {}
        if labels is not None:
            if labels.shape != logits.shape[:2]:
                raise ValueError(f"labels are of shape {tuple(labels.shape)}, utterances of {tuple(logits.shape[:2])}.")
            losses = self._losses(logits, outputs, labels, is_utterance, utterance_ids, num_items_in_batch)
        return AmuseEmotionRecognitionOutput(logits=logits, **losses, **outputs)

    def _losses(self, logits, outputs, labels, is_utterance, utterance_ids, num_items_in_batch) -> dict:
        """L = L_cls + L_focal + lambda * L_ACE (III-E) over the labelled utterances, and its terms."""
        config = self.config
        labelled = is_utterance & (labels != IGNORED_LABEL)
        labels = labels[labelled]
        present = outputs.modality_mask[labelled].bool()
        number, modalities = present.shape
        divisor = labelled.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        divisor = divisor.clamp(min=1)

        classification = focal_loss(logits[labelled], labels, config.focal_gamma, config.class_weights)
        modality_logits = outputs.modality_logits[labelled]
        if config.probe_modality_heads:  # the same numbers, whose gradient ends at the descriptors
            modality_logits = self.amuse.apply_modality_heads(outputs.modality_descriptors[labelled].detach())
        by_modality = focal_loss(
            modality_logits.flatten(0, 1),
            labels.repeat_interleave(modalities),
            config.focal_gamma,
            config.class_weights,
        ).unflatten(0, (number, modalities))
        by_modality = (by_modality * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)

        losses = {
            "classification_loss": classification.sum() / divisor,
            "modality_loss": config.modality_loss_weight * by_modality.sum() / divisor,
        }
        # shapes the descriptors in training; its bank knows training utterances alone
        if self.training and config.contrastive_loss != "none" and modalities > 1:
            descriptors = outputs.modality_descriptors[labelled]
            if self._uses_memory_bank:
                if utterance_ids is None:
                    raise ValueError("contrastive_loss='bank' needs utterance_ids, the number of each utterance.")
                contrastive = self.memory_bank(descriptors, present, utterance_ids[labelled])
            else:
                contrastive = in_batch_contrastive_loss(descriptors, present, config.contrastive_temperature)
            losses["contrastive_loss"] = config.contrastive_weight * contrastive.sum() / divisor
        return {"loss": sum(losses.values()), **losses}

    @classmethod
    def from_text_audio_vision_pretrained(
        cls,
        text: str | None = None,
        audio: str | None = None,
        vision: str | None = None,
        config: AmuseConfig | None = None,
        **config_kwargs,
    ) -> "AmuseForEmotionRecognition":
        """
        A model with fresh fusion layers around pretrained encoders.

        Args:
            text (`str`, *optional*): Hub id or folder of the text encoder.
            audio (`str`, *optional*): Hub id or folder of the audio encoder.
            vision (`str`, *optional*): Hub id or folder of the image encoder.
            config ([`AmuseConfig`], *optional*): of another such model, its fusion layers and encoders: the base that an
                adapter was trained on is made anew from the configuration saved with it.
            config_kwargs: in place of `config`, fields of [`AmuseConfig`], `attn_implementation` among them, and
                `text_config` and the like where an encoder's own configuration is to be changed; and in any case `dtype`
                of the weights, and how all encoders are had from the Hub (`revision`, `token`, `cache_dir`, ...).

        Raises:
            OSError: when an encoder cannot be found.
            ValueError: when there is no modality, the configuration's fields contradict each other, or `config` comes
                with other fields, or names other encoders than are given.

        Example:

        ```python
        >>> model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        ...     "sentence-transformers/all-mpnet-base-v2", "openai/whisper-base", freeze_text_encoder=True, num_labels=7
        ... )
        ```
        """
        hub_options = {name: config_kwargs.pop(name) for name in HUB_OPTIONS if name in config_kwargs}
        dtype = config_kwargs.pop("dtype", None)
        names = {m: name for m, name in zip(MODALITIES, (text, audio, vision), strict=True) if name is not None}
        if config is not None:
            expected = {m for m in MODALITIES if getattr(config, f"{m}_config") is not None}
            if config_kwargs or expected != set(names):
                raise ValueError(
                    f"The configuration has encoders of {', '.join(sorted(expected)) or 'no modality'}: give these, and no "
                    f"other fields ({', '.join([*names, *config_kwargs])} were given)."
                )
            for modality, name in names.items():
                given = AutoConfig.from_pretrained(name, **hub_options).model_type
                wanted = getattr(config, f"{modality}_config").model_type
                if given != wanted:
                    raise ValueError(f"The configuration's {modality} encoder is a {wanted}, and {name} a {given}.")
        else:
            encoder_configs = {
                f"{modality}_config": AutoConfig.from_pretrained(name, **hub_options)
                for modality, name in names.items()
            }
            config = AmuseConfig(**{**encoder_configs, **config_kwargs})
        model = cls(config)
        for modality, name in names.items():
            encoder = encoder_from_pretrained(name, getattr(config, f"{modality}_config"), **hub_options)
            # only its weights: the model's own encoder shares the model's configuration, this one has a copy
            model.amuse.encoder(modality).load_state_dict(encoder.state_dict())
        model.amuse.freeze_encoders()
        if dtype is not None:
            model.config.dtype = dtype
            model = model.to(dtype)
        return model


__all__ = [
    "AmuseEmotionRecognitionOutput",
    "AmuseFeaturesOutput",
    "AmuseForEmotionRecognition",
    "AmuseModel",
    "AmuseModelOutput",
    "AmusePreTrainedModel",
]
