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
"""
AMuSE: Adaptive Multimodal Analysis for Speaker Emotion Recognition in Group Conversations (arXiv 2401.15164).

This file puts the model together. Read the files of this folder in this order:

1. `variants.py` (the named choices), `configuration_amuse.py`, `outputs.py` (what the models return, with all shapes);
2. the path of an utterance: `tokens.py` and `utterance_layout.py` (padding), `encoders.py` and `text_in_conversation.py`
   (pretrained encoders), `recurrent.py`, `attention.py`, `unimodal.py` (III-A), `multimodal_attention.py` (III-B),
   `adaptive_fusion.py` (III-C), `conversation_context.py` (III-D), `losses.py` (III-E), `experts.py`;
3. this file, and `pretrained.py`, its base class; `tracing.py` (exports) and `pickled_adapters.py` (safe loading);
4. explanations: `explanation.py`, `explanation_types.py`, `attributions.py`, `usual_features.py`, `read_conversation.py`,
   `region_picture.py`;
5. how the model is used: `described_utterance.py` and `recording_states.py`, then `pipeline_amuse.py` and
   `live_session.py`; `low_rank_adaptation.py` and `onnx_model.py`.
"""

import inspect
from collections.abc import Container
from copy import deepcopy
from functools import wraps

import torch
from torch import nn
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs
from transformers.utils.generic import can_return_tuple

from .adaptive_fusion import build_fusion, head_gradients
from .configuration_amuse import MODALITIES, AmuseConfig
from .conversation_context import CONTEXT_CLASSES, AmuseConversationContext
from .corpus_heads import AmuseCorpusHead, classifier_size
from .encoders import (
    ENCODE,
    encode_audio,
    encoder_config_from_pretrained,
    encoder_from_config,
    encoder_from_pretrained,
    is_distributed,
    is_sharded,
    tied_to_zero,
)
from .experts import build_experts
from .like_lengths import groups_of_like_length, in_first_order
from .loading_boundary import load_boundary
from .losses import (
    AmuseMemoryBank,
    at_least_float32,
    focal_loss,
    in_batch_contrastive_loss,
    soft_focal_loss,
    soft_or_one_hot,
)
from .modality_axis import apply_heads, may_lack_conversation, on_modality_axis
from .multimodal_attention import AmuseMultimodalAttentionNetwork
from .outputs import AmuseEmotionRecognitionOutput, AmuseFeaturesOutput, AmuseModelOutput, UtteranceDescriptors
from .pickled_adapters import HUB_OPTIONS
from .pretrained import AmusePreTrainedModel
from .recurrent import AmuseLSTM
from .text_in_conversation import encode_in_conversation  # noqa: F401, implements the entries of TEXT_SCOPES
from .tokens import Tokens, left_align, mean_of_successive
from .tracing import is_exporting
from .unimodal import AmuseUnimodalEncoder
from .utterance_layout import UtteranceLayout
from .variants import CONTEXTS, TEXT_SCOPES

IGNORED_LABEL = -100


class AmuseModel(AmusePreTrainedModel):
    """
    AMuSE without the emotion classifier. It returns descriptors of every utterance, of its speaker and of its modalities.

    Args:
        config ([`AmuseConfig`]): without any modality, the model reads text with a randomly initialized MPNet.
    """

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        config.check_settings()
        for modality in config.modalities:
            encoder_config = getattr(config, f"{modality}_config")
            if encoder_config is not None:
                with load_boundary(f"{modality}_config"):
                    setattr(self, f"{modality}_model", encoder_from_config(encoder_config))
        self.freeze_encoders()

        modalities = config.fused_modalities
        self.unimodal = nn.ModuleDict({m: AmuseUnimodalEncoder(config, self._stream_sizes(m)) for m in modalities})
        self.man = AmuseMultimodalAttentionNetwork(config)
        self.pooling = nn.ModuleDict({m: AmuseLSTM(config.hidden_size, config.hidden_size) for m in modalities})
        # the norms give all descriptors one scale, so that they can be mixed; without them, the LSTMs start to learn slowly
        self.descriptor_norms = nn.ModuleDict({m: nn.LayerNorm(config.hidden_size) for m in modalities})
        self.modality_heads = nn.ModuleList([nn.Linear(config.hidden_size, config.num_labels) for _ in modalities])
        self.fusion = build_fusion(config)
        if config.experts != "none":
            self.experts = build_experts(config)
        for name in CONTEXTS[config.contexts].reads:
            setattr(self, f"{name}_context", CONTEXT_CLASSES[name](config))
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.post_init()

    def add_experts(self, experts: str = "constant"):
        """
        Add new experts to the model, one for each modality. They predict all emotions with equal probability until they are
        trained.

        Args:
            experts: a name of [`EXPERTS`] other than `"none"`.
        """
        self.config.experts = experts
        self.config.expert_weights, self.config.expert_half_evidence = None, None
        self.config.conversation_weight = 1.0
        self.experts = build_experts(self.config).to(self.fusion.placeholder.device)
        self.experts.apply(self._init_weights)  # the children first: an expert's own start is the last one

    def get_input_embeddings(self) -> nn.Module | None:
        encoder = self.encoder("text")
        return None if encoder is None else encoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module):
        self.encoder("text").set_input_embeddings(value)

    def encoder(self, modality: str):
        """The transformers encoder of a modality, or None if the modality is given as features."""
        return getattr(self, f"{modality}_model", None)

    def is_frozen(self, modality: str) -> bool:
        """Whether the weights of the modality's encoder are fixed."""
        return getattr(self.config, f"freeze_{modality}_encoder")

    def freeze_encoders(self):
        """Turn off the gradients of frozen encoders (`config.freeze_*_encoder`)."""
        for modality in self.config.modalities:
            if self.encoder(modality) is not None and self.is_frozen(modality):
                self.encoder(modality).requires_grad_(False)

    def train(self, mode: bool = True):
        super().train(mode)
        self.freeze_encoders()  # from_pretrained makes every weight trainable, and then calls eval()
        for modality in self.config.modalities:
            if self.encoder(modality) is not None and self.is_frozen(modality):
                self.encoder(modality).eval()
        return self

    def _stream_names(self, modality: str) -> list[str]:
        return self.config.streams(modality)

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
        The states of a stream's encoder. Arranged as `(B, T, ...)`, they replace the raw input of `forward` as
        `{stream}_features` and `{stream}_mask`, so that they can be computed once and used many times.

        Args:
            stream: `"text"`, `"audio"`, `"vision"` or `"background"`.
            values: the raw input as `forward` takes it, with one row for each utterance in place of `(B, T)`.
            mask: the mask of the raw input, `(rows, ...)`. None: all is valid.
            conversations: `(rows,)`, ascending: the conversation of each row, for a text encoder that reads several
                utterances at once (`config.text_scope`). None: each row is read by itself.

        Returns:
            States `(rows, S, D)` and their mask `(rows, S)`. Audio states are pooled (`config.audio_token_pooling`).

        Raises:
            ValueError: when the model has no such stream, or no encoder for it.
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
            if modality == "text" and conversations is not None:
                encode = TEXT_SCOPES.implementation(self.config.text_scope)
                states, mask = encode(encoder, values, mask, conversations, self.config)
            elif modality == "audio":
                states, mask = encode_audio(encoder, values, mask, self.config.crop_audio_window)
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
        f_m of text: features of the words of each utterance, before the model combines modalities.

        Args:
            input_ids: `(B, T, S)` as [`AmuseModel.forward`] takes it, or `(N, S)`: N utterances without conversations.
            text_features: `(B, T, S, D)` or `(N, S, D)`, in place of `input_ids`.
            text_mask: `(B, T, S)` or `(N, S)`, 1 for valid tokens. None: all are.
            utterance_mask: `(B, T)`, 1 for utterances, 0 for padding. None: all are utterances.
            kwargs: `output_hidden_states`, `output_attentions` and `return_dict`; other inputs of the model are ignored.

        Raises:
            ValueError: when the model has no such modality, or its input is missing or has a wrong shape.

        Example:

        ```python
        >>> import torch
        >>> from modeling_amuse import AmuseConfig, AmuseModel

        >>> model = AmuseModel(AmuseConfig(text_feature_size=6, audio_feature_size=3, hidden_size=16))
        >>> two_utterances = torch.randn(2, 5, 6)  # 5 tokens each
        >>> model.get_text_features(text_features=two_utterances).pooler_output.shape
        torch.Size([2, 16])
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
        f_m of audio: features of the sound of each utterance, before the model combines modalities.

        Args:
            audio_values: `(B, T, ...)` as [`AmuseModel.forward`] takes it, or `(N, ...)` with an `audio_mask` `(N, S)`:
                N utterances without conversations.
            audio_features: `(B, T, S, D)` or `(N, S, D)`, in place of `audio_values`.
            audio_mask: `(B, T, S)` or `(N, S)`, 1 for valid samples, frames or tokens. None: all are.
            utterance_mask: `(B, T)`, 1 for utterances, 0 for padding. None: all are utterances.
            kwargs: `output_hidden_states`, `output_attentions` and `return_dict`; other inputs of the model are ignored.

        Raises:
            ValueError: when the model has no such modality, or its input is missing or has a wrong shape.
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
        f_m of vision: features of the faces (and backgrounds) of each utterance, before the model combines modalities. The
        tokens of the background come after those of the faces.

        Args:
            pixel_values: `(B, T, F, channels, height, width)` as [`AmuseModel.forward`] takes it, or without
                conversations `(N, F, channels, height, width)`, or `(N, channels, height, width)`: one image each.
            vision_features: `(B, T, S, D)` or `(N, S, D)`, in place of `pixel_values`.
            vision_mask: `(B, T, F)` or `(N, F)`, 1 for valid frames or tokens. None: all are.
            background_pixel_values, background_features, background_mask: the same for the background stream.
            utterance_mask: `(B, T)`, 1 for utterances, 0 for padding. None: all are utterances.
            kwargs: `output_hidden_states`, `output_attentions` and `return_dict`; other inputs of the model are ignored.

        Raises:
            ValueError: when the model has no such modality, or its input is missing or has a wrong shape.
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
        self.check_keywords(name for name in kwargs if name not in _IGNORED_BY_ONE_MODALITY)
        if modality not in self.config.modalities:
            raise ValueError(f"This model has no modality {modality!r}; its modalities are {self.config.modalities}.")
        if modality not in self.config.fused_modalities:
            raise ValueError(
                f"This model has no features of the modality {modality!r}; it has those of "
                f"{', '.join(self.config.fused_modalities)}."
            )
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
        """Q_m (III-E.1): emotion scores of each modality before softmax, `(rows, M, C)`, from f_CA, `(rows, M, d)`."""
        return apply_heads(self.modality_heads, descriptors, self.config)

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
        evidence: torch.FloatTensor | None = None,
        context_states: dict[str, tuple[torch.FloatTensor, torch.FloatTensor]] | None = None,
        utterances_per_chunk: int | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> AmuseModelOutput:
        r"""
        Any modality may be left out, and any utterance may lack any modality (a mask of zeros).

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
            evidence: `(B, T, M)`, the amount of evidence for `config.experts="adaptive"`, for example the number of words
                and the seconds of voice, in the same units as in training. Where it is 0, or None, the number of valid
                tokens is used.
            context_states: for a causal model and one utterance of each conversation (T = 1): the states of the contexts
                `"dialogue"` and `"speaker"` (of the current speaker) after the previous utterances, from an earlier
                output. A context without a state starts from zeros.
            utterances_per_chunk: compute everything but the contexts for at most this number of utterances at a time.
                Under `torch.no_grad()`, a long conversation then needs no more memory than a short one. None: all at once.
            output_attentions: return the attentions of all layers of the Multimodal Attention Network.
            output_hidden_states: return its hidden states.

        Raises:
            TypeError: for a keyword that neither the model nor transformers knows, such as `attention_mask`.
            ValueError: when no modality is given, shapes do not fit, or `speaker_ids` are missing; when
                `utterances_per_chunk` is less than 1, or given in training mode or with attentions or hidden states; or
                when `context_states` are given to a model that is not causal, or with more than one utterance.

        Example:

        ```python
        >>> import torch
        >>> from modeling_amuse import AmuseConfig, AmuseModel

        >>> model = AmuseModel(AmuseConfig(text_feature_size=6, audio_feature_size=3, hidden_size=16)).eval()
        >>> outputs = model(
        ...     text_features=torch.randn(1, 4, 5, 6),  # a conversation of 4 utterances, each with 5 word pieces
        ...     audio_features=torch.randn(1, 4, 1, 3),  # and with one vector for the voice
        ...     speaker_ids=torch.tensor([[0, 1, 0, 1]]),
        ... )
        >>> outputs.last_hidden_state.shape
        torch.Size([1, 4, 32])
        >>> outputs.fusion_shares.sum(dim=-1).round()
        tensor([[1., 1., 1., 1.]], grad_fn=<RoundBackward0>)
        ```
        """
        self.check_keywords(name for name in kwargs if name not in _OF_THE_CLASSIFIER)
        streams = {
            "text": (input_ids, text_features, text_mask),
            "audio": (audio_values, audio_features, audio_mask),
            "vision": (pixel_values, vision_features, vision_mask),
            "background": (background_pixel_values, background_features, background_mask),
        }
        recording = {"output_attentions": output_attentions, "output_hidden_states": output_hidden_states}
        layout = self._layout(streams, utterance_mask, speaker_ids)
        if utterances_per_chunk is not None:
            self._check_chunks(utterances_per_chunk, recording)
            streams = self._encode_text_of_whole_conversations(streams, layout)
        if context_states is not None:
            self._check_one_utterance_each(layout)
        utterances, recorded = self._describe_in_chunks(streams, layout, recording, utterances_per_chunk, evidence)
        descriptors, states = self._read_contexts(utterances.fused_features, layout, speaker_ids, context_states)
        last_hidden_state = torch.cat(list(descriptors.values()), dim=-1) if descriptors else utterances.fused_features
        return AmuseModelOutput(
            last_hidden_state=layout.pad(last_hidden_state),
            context_states=states,
            **{
                name: layout.pad(rows)
                for name, rows in (descriptors | utterances._asdict()).items()
                if rows is not None
            },
            **recorded,
        )

    def _layout(self, streams: dict, utterance_mask, speaker_ids) -> UtteranceLayout:
        """Where the utterances stand in the batch, from the inputs of the model's own streams."""
        own = {stream: given for stream, given in streams.items() if getattr(self.config, f"{stream}_feature_size")}
        layout = UtteranceLayout.of(own, utterance_mask, speaker_ids)
        if speaker_ids is None and any(context.needs_speakers for context in self._contexts.values()):
            raise ValueError("The speaker context needs speaker_ids of shape (conversations, utterances).")
        return layout

    def _encode_text_of_whole_conversations(self, streams: dict, layout: UtteranceLayout) -> dict:
        """Encode text that is read in its conversation before the utterances are divided into chunks."""
        input_ids, text_features, _ = streams["text"]
        if TEXT_SCOPES[self.config.text_scope].is_utterance or input_ids is None or text_features is not None:
            return streams
        tokens = self._tokens("text", "text", *streams["text"], layout)
        return {**streams, "text": (None, layout.pad(tokens.states), layout.pad(tokens.valid))}

    def _describe_in_chunks(
        self, streams: dict, layout: UtteranceLayout, recording: dict, size: int | None, evidence: torch.Tensor | None
    ) -> tuple[UtteranceDescriptors, dict]:
        """Describe at most `size` utterances at a time. None: all at once."""
        chunks, recorded = [], {}
        for chunk in layout.parts(size):
            utterances, recorded = self._describe_utterances(streams, chunk, recording, evidence)
            chunks.append(utterances)
        fields = zip(*chunks, strict=True)
        return UtteranceDescriptors(*(None if rows[0] is None else torch.cat(rows) for rows in fields)), recorded

    @property
    def _contexts(self) -> dict[str, AmuseConversationContext]:
        """The model's conversation contexts by name, in their order in e_j."""
        return {name: getattr(self, f"{name}_context") for name in CONTEXTS[self.config.contexts].reads}

    def _read_contexts(
        self, fused: torch.Tensor, layout: UtteranceLayout, speaker_ids, states: dict | None
    ) -> tuple[dict[str, torch.Tensor], dict | None]:
        """
        The descriptors `(rows, d)` of each context (III-D). With `states`, those of the next utterance of each conversation,
        and the contexts' states after it.
        """
        descriptors, after = {}, None if states is None else {}
        for name, context in self._contexts.items():
            if states is None:
                descriptors[context.output_name] = context(fused, context.groups(layout, speaker_ids))
            else:
                descriptors[context.output_name], after[name] = context.step(fused, states.get(name))
        return descriptors, after

    def _check_chunks(self, utterances_per_chunk: int, recording: dict):
        if utterances_per_chunk < 1:
            raise ValueError(f"utterances_per_chunk must be 1 or more, but is {utterances_per_chunk}.")
        if self.training:
            raise ValueError("utterances_per_chunk only saves memory without gradients: call model.eval(), or omit it.")
        wanted = [name for name, given in recording.items() if (getattr(self.config, name) if given is None else given)]
        if wanted:
            raise ValueError(f"utterances_per_chunk cannot be combined with {' and '.join(wanted)}: omit one of them.")

    def _check_one_utterance_each(self, layout: UtteranceLayout):
        if not self.config.causal:
            raise ValueError(
                "context_states need a causal model (causal=True); this model also reads conversations backward."
            )
        if layout.length != 1 or layout.number != layout.batch_size:
            raise ValueError(
                "context_states need inputs with one utterance of each conversation, of shape (conversations, 1) without "
                f"padding, but the inputs have shape {(layout.batch_size, layout.length)}."
            )

    def _describe_utterances(
        self, streams: dict, layout: UtteranceLayout, recording: dict, evidence: torch.Tensor | None
    ) -> tuple[UtteranceDescriptors, dict]:
        """All outputs that depend on one utterance alone, and the requested hidden states and attentions."""
        tokens, present = self._present_tokens(streams, layout)
        # None: the configuration decides
        recording = {
            name: getattr(self.config, name) if wanted is None else wanted for name, wanted in recording.items()
        }
        if any(recording.values()):
            descriptors, recorded = self._record_descriptors(tokens, layout, recording)
        else:
            descriptors, recorded = self._modality_descriptors(tokens), {}
        return self._describe_tokens(
            tokens, present, self._amount_of_evidence(tokens, layout, evidence), descriptors
        ), recorded

    def _describe_tokens(
        self,
        tokens: dict[str, list[Tokens]],
        present: torch.BoolTensor,
        evidence: torch.Tensor | None,
        descriptors: torch.Tensor | None = None,
    ) -> UtteranceDescriptors:
        """
        The outputs that depend on one utterance alone.

        Args:
            tokens: for each modality the tokens of its streams.
            present: `(rows, M)`, which utterances have which modality.
            evidence: `(rows, M)`, see `_amount_of_evidence`.
            descriptors: f_CA of the modalities in `config.fused_modalities`, `(rows, F, d)`. None: they are computed.
        """
        if descriptors is None:
            descriptors = self._modality_descriptors(tokens)
        # the fusion gets tensors, not the heads: accelerate moves tensors to the device of a module, but not modules
        gradients = head_gradients(descriptors, self.modality_heads) if self.fusion.needs_head_gradients else None
        fused, shares = self.fusion(descriptors, present[:, self.config.fused_places], gradients)
        descriptors = on_modality_axis(descriptors, self.config)
        experts = None if self.config.experts == "none" else self.experts(tokens, present, evidence)
        return UtteranceDescriptors(
            fused_features=self.dropout(fused),
            fusion_shares=on_modality_axis(shares, self.config),
            modality_descriptors=descriptors,
            modality_logits=self.apply_modality_heads(descriptors),
            modality_mask=present.long(),
            **{} if experts is None else {f"expert_{name}": rows for name, rows in experts._asdict().items()},
        )

    def _amount_of_evidence(
        self, tokens: dict[str, list[Tokens]], layout: UtteranceLayout, evidence: torch.Tensor | None
    ) -> torch.Tensor | None:
        """The amount of evidence for the experts, `(rows, M)`, or None without experts."""
        if self.config.experts == "none":
            return None
        amount = torch.stack([sum(part.lengths for part in parts) for parts in tokens.values()], dim=1).float()
        if evidence is None:
            return amount
        wanted = (layout.batch_size, layout.length, len(self.config.modalities))
        if tuple(evidence.shape) != wanted:
            raise ValueError(
                f"evidence is of shape {tuple(evidence.shape)}, but must be of shape (conversations, utterances, "
                f"modalities), {wanted}."
            )
        given = layout.rows(evidence).to(amount.dtype)
        return torch.where(given > 0, given, amount)

    def _present_tokens(
        self, streams: dict, layout: UtteranceLayout
    ) -> tuple[dict[str, list[Tokens]], torch.BoolTensor]:
        """The tokens of each stream of every modality, and which utterances have which modality, `(rows, M)`."""
        tokens = {}
        for modality in self.config.modalities:
            names = self._stream_names(modality)
            tokens[modality] = [self._tokens(name, modality, *streams[name], layout) for name in names]
        present = torch.stack([torch.stack([t.present for t in parts]).any(dim=0) for parts in tokens.values()], dim=1)
        if self.training and self.config.modality_dropout > 0:
            present = self._drop_modalities(present, layout)
            for modality, m in zip(self.config.fused_modalities, self.config.fused_places, strict=True):
                tokens[modality] = [part.without(~present[:, m]) for part in tokens[modality]]
        return tokens, present

    def _modality_descriptors(self, tokens: dict[str, list[Tokens]]) -> torch.Tensor:
        """f_CA of every modality in `config.fused_modalities`, `(rows, F, d)`, in groups of utterances of like length."""
        streams = [part for modality in self.config.fused_modalities for part in tokens[modality]]
        lengths = torch.stack([part.readable_lengths for part in streams]).sum(dim=0)
        if is_sharded(self):  # every process must call each layer equally often
            groups = [torch.arange(len(lengths), device=lengths.device)]
        else:
            groups = groups_of_like_length(lengths, sum(part.states.shape[1] for part in streams))
        descriptors = []
        for rows in groups:
            features = self._unimodal_features(tokens, rows if len(groups) > 1 else None)
            network = self.man(features, output_attentions=False, output_hidden_states=False, return_dict=True)
            descriptors.append(self._pool(network.last_hidden_state, features))
        return in_first_order(descriptors, groups)

    def _record_descriptors(
        self, tokens: dict[str, list[Tokens]], layout: UtteranceLayout, recording: dict
    ) -> tuple[torch.Tensor, dict]:
        """Like `_modality_descriptors`, but also record hidden states and attentions, which need all rows at once."""
        features = self._unimodal_features(tokens)
        network = self.man(features, layout, **recording, return_dict=True)
        recorded = {name: network[name] for name in ("hidden_states", "attentions") if network.get(name) is not None}
        if recorded.get("hidden_states") == ():  # no layers: g^0 is g^L
            recorded["hidden_states"] = (layout.pad(network.last_hidden_state),)
        if recorded:
            device = network.last_hidden_state.device
            counts = torch.tensor([part.states.shape[1] for part in features], device=device)
            places = torch.tensor(self.config.fused_places, device=device)
            recorded["token_modalities"] = torch.repeat_interleave(places, counts)
        return self._pool(network.last_hidden_state, features), recorded

    def _unimodal_features(self, tokens: dict[str, list[Tokens]], rows: torch.LongTensor | None = None) -> list[Tokens]:
        """f_m of every modality in `config.fused_modalities`, of all utterances or of some `rows`."""
        parts = {modality: tokens[modality] for modality in self.config.fused_modalities}
        if rows is not None:
            parts = {modality: [part.of_rows(rows) for part in streams] for modality, streams in parts.items()}
        return [self.unimodal[modality](streams).tokens for modality, streams in parts.items()]

    def _tokens(self, stream: str, modality: str, raw, features, mask, layout: UtteranceLayout) -> Tokens:
        """The tokens of one stream of a modality: encoded raw input, given features, or none if the stream is missing."""
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
                raise ValueError(
                    f"{stream}_mask is not zero, but neither {stream} input nor {stream}_features is given."
                )
            mask = torch.zeros(layout.number, 1, device=layout.device)
            if stream == "text" and (trains_encoder or is_sharded(encoder)):
                states, mask = self.encode_stream(stream, mask.long(), mask)  # read as one padding token
                return left_align(states.to(self.fusion.placeholder.dtype), mask)
            states = torch.zeros(layout.number, 1, size, device=layout.device)
        # distributed training needs a gradient for every weight, also for those that the states do not depend on
        is_unread = raw is None or features is not None
        if trains_encoder and (is_unread or (is_distributed() and not is_sharded(encoder))):
            states = states + tied_to_zero(encoder)
        return left_align(states.to(self.fusion.placeholder.dtype), layout.valid_tokens(mask))

    def _check_mask(self, stream: str, raw, features, mask):
        """
        Raises:
            ValueError: for a mask whose shape does not fit the tokens, samples or frames of its input.
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
                "(conversations, utterances, tokens) with 1 for each valid token, sample or frame."
            )

    def _drop_modalities(self, present: torch.BoolTensor, layout: UtteranceLayout) -> torch.BoolTensor:
        """
        Modality dropout: drop each modality of a conversation at random, but never the last one of an utterance. It drops
        modalities that the conversation term reads.
        """
        places = self.config.fused_places
        shape = (layout.batch_size, len(places))
        dropped = torch.rand(shape, device=present.device) < self.config.modality_dropout
        fused = present[:, places]
        kept = fused & ~dropped[layout.conversations]
        kept = torch.where(kept.any(dim=1, keepdim=True), kept, fused)
        return present.index_copy(1, torch.tensor(places, device=present.device), kept)

    def _pool(self, states: torch.Tensor, features: list[Tokens]) -> torch.Tensor:
        """f_CA of `config.fused_modalities`, `(rows, F, d)`: Bi-LSTM over the tokens of g^L, then their mean (figure 1), normalized."""
        descriptors = []
        parts = states.split([tokens.states.shape[1] for tokens in features], dim=1)
        for modality, tokens, part in zip(self.config.fused_modalities, features, parts, strict=True):
            lengths = tokens.readable_lengths
            mean = self.pooling[modality](part, lengths).sum(dim=1) / lengths[:, None]
            descriptors.append(self.descriptor_norms[modality](mean))
        return self.dropout(torch.stack(descriptors, dim=1))


def _are_without_conversations(streams: dict) -> bool:
    """Whether inputs are `(N, ...)` and not `(B, T, ...)`, by the mask's dimensions, or without a mask the inputs'."""
    for name, (raw, features, mask) in streams.items():
        if mask is not None:
            return mask.dim() == 2
        if features is not None:
            return features.dim() == 3
        if raw is not None:
            # sound without a mask is ambiguous: (N, bins, frames) looks like (B, T, samples)
            return name != "audio" and raw.dim() == (2 if name == "text" else 5)
    return False


_OF_THE_CLASSIFIER = frozenset({"labels", "soft_labels", "utterance_ids", "corpus"})
"""Inputs of [`AmuseForEmotionRecognition`] that [`AmuseModel`] accepts and ignores."""

_IGNORED_BY_ONE_MODALITY = frozenset({*inspect.signature(AmuseModel.forward).parameters, *_OF_THE_CLASSIFIER})
"""Inputs of the whole model that `get_text_features`, `get_audio_features` and `get_vision_features` accept and ignore."""


class AmuseForEmotionRecognition(AmusePreTrainedModel):
    """
    AMuSE with the emotion classifier. It recognizes the emotion of each utterance's speaker.

    Args:
        config ([`AmuseConfig`]): with `num_labels` or `id2label`. Without any modality, the model reads text with a randomly
            initialized MPNet.

    Raises:
        ValueError: when the configuration has a memory bank without a size.

    Example:

    ```python
    >>> import torch
    >>> from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition

    >>> config = AmuseConfig(text_feature_size=6, audio_feature_size=3, hidden_size=16, num_labels=4)
    >>> model = AmuseForEmotionRecognition(config)
    >>> outputs = model(
    ...     text_features=torch.randn(2, 3, 5, 6),  # 2 conversations of 3 utterances, each with 5 word pieces
    ...     audio_features=torch.randn(2, 3, 1, 3),  # and with one vector for the voice
    ...     speaker_ids=torch.tensor([[0, 1, 0], [0, 0, 1]]),
    ...     labels=torch.tensor([[3, 0, 0], [1, 2, -100]]),  # the emotion of the last utterance is unknown
    ... )
    >>> outputs.logits.shape
    torch.Size([2, 3, 4])
    >>> outputs.loss.backward()
    ```
    """

    def __init__(self, config: AmuseConfig):
        super().__init__(config)
        self.amuse = AmuseModel(config)
        self.classifier = nn.Linear(classifier_size(config), config.num_labels)
        extra = config.extra_emotions or {}
        if extra:
            self.corpus_heads = nn.ModuleDict({name: AmuseCorpusHead(config, len(extra[name])) for name in extra})
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
        return self.config.contrastive_loss == "bank" and len(self.config.fused_modalities) > 1

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
        evidence: torch.FloatTensor | None = None,
        labels: torch.LongTensor | None = None,
        soft_labels: torch.FloatTensor | None = None,
        utterance_ids: torch.LongTensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        corpus: str | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> AmuseEmotionRecognitionOutput:
        r"""
        The inputs are those of [`AmuseModel.forward`] and the following.

        Args:
            labels: `(B, T)`, the emotion of each utterance; -100 if it is unknown or the utterance is padding.
            soft_labels: `(B, T, C)`, given together with `labels`: the target probability of each emotion, which replaces
                the label; a row of zeros for an utterance whose target is its label.
            utterance_ids: `(B, T)`, the number of each training utterance, below `config.memory_bank_size`; required to
                train a model with a memory bank.
            num_items_in_batch: the divisor of the summed losses. None: the number of labelled utterances of this batch.
                With several processes or gradient accumulation: the number in all batches of the step.
            corpus: a corpus of `config.extra_emotions`: logits and `labels` are those of its emotions. None: the model's own
                emotions, `config.id2label`.

        Raises:
            ValueError: for a corpus that the model does not know, and for the reasons of [`AmuseModel.forward`].
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
            evidence=evidence,
            **{**kwargs, "return_dict": True},
        )
        head = self._corpus_head(corpus)
        logits = (self if head is None else head).classifier(self.dropout(outputs.last_hidden_state))
        if hasattr(self, "corpus_heads") and self.training and is_distributed():
            logits = logits + self._unused_heads_tied_to_zero(corpus)
        is_utterance = torch.ones(logits.shape[:2], device=logits.device) if utterance_mask is None else utterance_mask
        is_utterance = is_utterance.bool()
        logits = logits * is_utterance[..., None]
        account, losses = {}, {}
        if head is not None:
            by_modality = head.apply_modality_heads(outputs.modality_descriptors)
            outputs.modality_logits = by_modality * is_utterance[..., None, None]
            # the experts only know the model's own emotions
            outputs = {name: value for name, value in outputs.items() if not name.startswith("expert_")}
            outputs = AmuseModelOutput(**outputs)
        elif outputs.expert_terms is not None:
            account["conversation_logits"] = self._conversation_term(logits, outputs, is_utterance)
            logits = account["conversation_logits"] + outputs.expert_terms.sum(dim=2)
        if labels is not None:
            if not isinstance(labels, torch.Tensor) or labels.is_floating_point():
                kind = labels.dtype if isinstance(labels, torch.Tensor) else type(labels).__name__
                raise ValueError(f"labels are of the type {kind}: give a tensor of whole numbers.")
            if labels.shape != logits.shape[:2]:
                raise ValueError(
                    f"labels are of shape {tuple(labels.shape)}, but must be of shape (conversations, utterances), "
                    f"{tuple(logits.shape[:2])}."
                )
            is_label = ((labels >= 0) & (labels < logits.shape[2])) | (labels == IGNORED_LABEL)
            # on a GPU, the check would wait for it in every step
            if labels.device.type == "cpu" and not torch.compiler.is_compiling() and not is_label.all():
                raise ValueError(
                    f"labels have the value {int(labels[~is_label][0])}: give 0 to {logits.shape[2] - 1}, or {IGNORED_LABEL} for "
                    "an utterance without a label."
                )
            if soft_labels is not None and soft_labels.shape != logits.shape:
                raise ValueError(
                    f"soft_labels are of shape {tuple(soft_labels.shape)}, but must be of shape (conversations, utterances, "
                    f"emotions), {tuple(logits.shape)}."
                )
            given = {"utterance_ids": utterance_ids, "num_items_in_batch": num_items_in_batch, "head": head}
            losses = self._losses(logits, outputs, labels, is_utterance, soft_labels=soft_labels, **given)
        return AmuseEmotionRecognitionOutput(logits=logits, **account, **losses, **outputs)

    def _conversation_term(
        self, logits: torch.Tensor, outputs: AmuseModelOutput, is_utterance: torch.BoolTensor
    ) -> torch.Tensor:
        """
        The term of the conversation, `(B, T, C)`. If it reads only some modalities and a conversation has none of them, for
        example a recording without words, it knows nothing: its term is the frequency of the emotions.
        """
        term = self.config.conversation_weight * logits
        if not may_lack_conversation(self.config):
            return term
        has_input = outputs.modality_mask[:, :, self.config.fused_places].flatten(1).any(dim=1)
        prior = self.amuse.experts.log_prior.to(term.dtype) * is_utterance[..., None]
        return torch.where(has_input[:, None, None], term, prior)

    def _losses(
        self, logits, outputs, labels, is_utterance, *, utterance_ids, num_items_in_batch, soft_labels=None, head=None
    ) -> dict:
        """L = L_cls + L_focal + lambda * L_ACE (III-E) over the labelled utterances, the experts' loss, and each term."""
        config = self.config
        labelled = is_utterance & (labels != IGNORED_LABEL)
        labels = labels[labelled]
        targets = None if soft_labels is None else soft_or_one_hot(soft_labels[labelled], labels)
        present = outputs.modality_mask[labelled].bool()
        number, modalities = present.shape
        places = config.fused_places
        is_fused = torch.tensor([modality in config.fused_modalities for modality in config.modalities])
        fused = present & is_fused.to(present.device)
        divisor = labelled.sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        divisor = divisor.clamp(min=1)

        class_weights = config.class_weights if head is None else None  # they belong to the model's own emotions

        def focal(logits: torch.Tensor, labels: torch.Tensor, targets: torch.Tensor | None) -> torch.Tensor:
            if targets is None:
                return focal_loss(logits, labels, config.focal_gamma, class_weights)
            return soft_focal_loss(logits, targets, config.focal_gamma, class_weights)

        if outputs.expert_terms is not None:  # the same values, but the experts only learn from their own loss
            terms = outputs.expert_terms.sum(dim=2)
            logits = logits - terms + terms.detach()
        classification = focal(logits[labelled], labels, targets)
        modality_logits = outputs.modality_logits[labelled]
        if config.probe_modality_heads:  # the same values, but the gradient stops at the descriptors
            heads = self.amuse if head is None else head
            modality_logits = heads.apply_modality_heads(outputs.modality_descriptors[labelled].detach())
        by_modality = focal(
            modality_logits.flatten(0, 1),
            labels.repeat_interleave(modalities),
            None if targets is None else targets.repeat_interleave(modalities, dim=0),
        ).unflatten(0, (number, modalities))
        by_modality = (by_modality * fused).sum(dim=1) / fused.sum(dim=1).clamp(min=1)

        losses = {
            "classification_loss": classification.sum() / divisor,
            "modality_loss": config.modality_loss_weight * by_modality.sum() / divisor,
        }
        # only in training: the memory bank has a slot for each training utterance, and none for those of additional corpora
        has_negatives = head is None or not self._uses_memory_bank
        if self.training and config.contrastive_loss != "none" and len(places) > 1 and has_negatives:
            descriptors, fused = outputs.modality_descriptors[labelled][:, places], fused[:, places]
            if self._uses_memory_bank:
                if utterance_ids is None:
                    raise ValueError(
                        "Training with contrastive_loss='bank' needs utterance_ids, the number of each utterance."
                    )
                contrastive = self.memory_bank(descriptors, fused, utterance_ids[labelled])
            else:
                contrastive = in_batch_contrastive_loss(descriptors, fused, config.contrastive_temperature)
            losses["contrastive_loss"] = config.contrastive_weight * contrastive.sum() / divisor
        if outputs.expert_logits is not None:
            losses["expert_loss"] = (
                self._expert_losses(outputs.expert_logits[labelled], labels, present).sum() / divisor
            )
        return {"loss": sum(losses.values()), **losses}

    def _corpus_head(self, corpus: str | None) -> AmuseCorpusHead | None:
        """The head of an additional corpus; None for the model's own emotions."""
        if corpus is None:
            return None
        known = self.config.extra_emotions or {}
        if corpus not in known:
            raise ValueError(
                f"This model has no corpus {corpus!r}; "
                + (f"it has {', '.join(known)}." if known else "it was trained on a single corpus.")
            )
        return self.corpus_heads[corpus]

    def heads_without(self, corpora: Container[str | None]) -> list[nn.Module]:
        """
        The modules that no batch of these corpora uses.

        Args:
            corpora: names of additional corpora, and None for the model's own.
        """
        others = getattr(self, "corpus_heads", {})
        unused: list[nn.Module] = [head for name, head in others.items() if name not in corpora]
        if None not in corpora:
            unused += [self.classifier, self.amuse.modality_heads]
            if self.config.experts != "none":
                unused.append(self.amuse.experts)
        return unused

    def _unused_heads_tied_to_zero(self, corpus: str | None) -> torch.Tensor:
        """A zero that gives the heads of the other corpora a gradient, which distributed training needs for every weight."""
        heads = self.heads_without([corpus])
        return sum(tied_to_zero(head).to(self.classifier.weight.device) for head in heads)

    def for_corpus(self, corpus: str) -> "AmuseForEmotionRecognition":
        """
        A copy of the model that predicts the emotions of one additional corpus, for everything that reads `config.id2label`:
        the pipeline, evaluation, export. It can be saved by itself. Its processor needs the corpus's emotions:
        `processor.emotions = model.config.extra_emotions[corpus]`.

        Args:
            corpus (`str`): a corpus of `config.extra_emotions`.

        Raises:
            ValueError: for a corpus that the model does not know.
        """
        head = self._corpus_head(corpus)
        emotions = self.config.extra_emotions[corpus]
        config = deepcopy(self.config)
        config.extra_emotions, config.class_weights, config.temperature = None, None, 1.0
        config.unclear_below = None  # it was chosen for other emotions
        config.experts, config.expert_weights, config.expert_half_evidence = "none", None, None  # of other emotions
        config.id2label = dict(enumerate(emotions))
        config.label2id = {emotion: label for label, emotion in enumerate(emotions)}
        model = type(self)(config)
        own = ("classifier.", "amuse.modality_heads.", "amuse.experts.", "corpus_heads.")
        shared = {name: tensor for name, tensor in self.state_dict().items() if not name.startswith(own)}
        heads = {f"classifier.{name}": tensor for name, tensor in head.classifier.state_dict().items()}
        heads |= {f"amuse.modality_heads.{name}": t for name, t in head.modality_heads.state_dict().items()}
        model.load_state_dict({**shared, **heads})
        return model.to(device=self.device, dtype=self.dtype).train(self.training)

    def _expert_losses(self, logits: torch.Tensor, labels: torch.LongTensor, present: torch.BoolTensor) -> torch.Tensor:
        """The mean cross-entropy of an utterance's experts, `(rows,)`; `logits` are `(rows, M, C)`."""
        has_expert = [modality in self.config.expert_modalities for modality in self.config.modalities]
        asked = present & torch.tensor(has_expert, device=present.device)
        log_probability = at_least_float32(logits).log_softmax(dim=-1)
        by_modality = -log_probability.gather(2, labels[:, None, None].expand(-1, logits.shape[1], 1)).squeeze(2)
        return (by_modality * asked).sum(dim=1) / asked.sum(dim=1).clamp(min=1)

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
        A model with pretrained encoders and randomly initialized fusion layers.

        Args:
            text (`str`, *optional*): Hub id or folder of the text encoder.
            audio (`str`, *optional*): Hub id or folder of the audio encoder.
            vision (`str`, *optional*): Hub id or folder of the image encoder.
            config ([`AmuseConfig`], *optional*): the configuration of another such model, from which fusion layers and
                encoders are built. PEFT needs it to build the base model of an adapter.
            config_kwargs: without `config`, fields of [`AmuseConfig`], `attn_implementation`, and `text_config`,
                `audio_config` or `vision_config` to change an encoder's configuration. With or without it, `dtype` of the
                weights, and options for downloading the encoders (`revision`, `token`, `cache_dir`, ...).

        Raises:
            OSError: when an encoder cannot be found.
            ValueError: when there is no modality, when fields of the configuration contradict each other, or when `config`
                is given together with other fields or does not match the encoders.

        Example:

        ```python
        >>> from tempfile import mkdtemp
        >>> from transformers import BertConfig, BertModel
        >>> from modeling_amuse import AmuseForEmotionRecognition

        >>> text = mkdtemp()  # or a Hub id, such as "sentence-transformers/all-MiniLM-L6-v2"
        >>> BertModel(BertConfig(hidden_size=12, num_hidden_layers=1, num_attention_heads=2)).save_pretrained(text)
        >>> model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        ...     text=text, audio_feature_size=8, freeze_text_encoder=True, num_labels=7
        ... )
        >>> model.config.modalities
        ('text', 'audio')
        ```
        """
        hub_options = {name: config_kwargs.pop(name) for name in HUB_OPTIONS if name in config_kwargs}
        dtype = config_kwargs.pop("dtype", None)
        if isinstance(dtype, str):
            known = {str(kind).removeprefix("torch."): kind for kind in (torch.float32, torch.float16, torch.bfloat16)}
            if dtype not in known:
                raise ValueError(f"dtype is {dtype!r}: give one of {', '.join(known)}, or a torch.dtype.")
            dtype = known[dtype]
        names = {m: name for m, name in zip(MODALITIES, (text, audio, vision), strict=True) if name is not None}
        if config is not None:
            expected = {m for m in MODALITIES if getattr(config, f"{m}_config") is not None}
            if config_kwargs or expected != set(names):
                raise ValueError(
                    f"config has an encoder for: {', '.join(sorted(expected)) or 'no modality'}. Give exactly these encoders "
                    f"and no other fields of the configuration (given: {', '.join([*names, *config_kwargs])})."
                )
            for modality, name in names.items():
                given = encoder_config_from_pretrained(name, **hub_options).model_type
                wanted = getattr(config, f"{modality}_config").model_type
                if given != wanted:
                    raise ValueError(f"config has a {modality} encoder of the type {wanted}, but {name} is a {given}.")
        else:
            encoder_configs = {
                f"{modality}_config": encoder_config_from_pretrained(name, **hub_options)
                for modality, name in names.items()
            }
            config = AmuseConfig(**{**encoder_configs, **config_kwargs})
        model = cls(config)
        for modality, name in names.items():
            encoder = encoder_from_pretrained(name, getattr(config, f"{modality}_config"), **hub_options)
            # only the weights are taken: the model's own encoder shares the model's configuration
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
