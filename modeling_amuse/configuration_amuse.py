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
"""Configuration of AMuSE."""

import math
from dataclasses import fields
from typing import Literal

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig
from transformers.configuration_utils import PreTrainedConfig, SubConfigSpec

from .loading_boundary import (
    LARGEST_SIZE,
    check_stated_sizes,
    load_boundary,
    name_without_folders,
    refuses_wrong_settings,
)
from .variants import (
    CONTEXTS,
    CONTRASTIVE_LOSSES,
    EXPERTS,
    FUSIONS,
    HEAD_AGGREGATIONS,
    MODALITIES,
    PRESETS,
    TEXT_SCOPES,
)

SMALLEST_FACTOR, LARGEST_FACTOR = 1e-6, 1e6
"""What scores are multiplied or divided by lies in this range, in which the results stay finite."""

MOST_LABELS = 100_000


def _check_num_labels(number: int | None, name: str):
    """Raise a ValueError for a number of labels that no model has, before transformers makes a name for each of them."""
    if isinstance(number, int) and not 0 <= number <= MOST_LABELS:
        raise ValueError(f"{name} must be from 0 to {MOST_LABELS:,}, but is {'larger' if number > 0 else 'below 0'}.")


@refuses_wrong_settings
@strict
class AmuseConfig(PreTrainedConfig):
    r"""
    Configuration of [`AmuseModel`] and [`AmuseForEmotionRecognition`].

    The model has a modality if an encoder (`*_config`) or a feature size (`*_feature_size`) is given for it. With an
    encoder, the model takes the encoder's raw input or precomputed states of that encoder. `variants.py` describes the
    choices of `text_scope`, `head_aggregation`, `fusion`, `contexts`, `contrastive_loss` and `experts`.

    Args:
        text_config (`dict` or `PreTrainedConfig`, *optional*):
            The text encoder's configuration. None: text is given as features, or the model has no text.
        audio_config (`dict` or `PreTrainedConfig`, *optional*):
            The audio encoder's configuration.
        vision_config (`dict` or `PreTrainedConfig`, *optional*):
            The image encoder's configuration. The encoder is applied to each frame.
        text_feature_size (`int`, *optional*):
            Size D of the features of one text token. With an encoder it is the encoder's hidden size.
        audio_feature_size (`int`, *optional*):
            Size D of the features of one audio token.
        vision_feature_size (`int`, *optional*):
            Size D of the features of one vision token: a face, the first of the paper's two vision streams (III-A).
        background_feature_size (`int`, *optional*):
            Size D of the features of one background token, the second vision stream. None: vision has one stream. With a
            `vision_config`, both streams go through that encoder, and this must be its hidden size.
        freeze_text_encoder (`bool`, *optional*, defaults to `False`):
            Keep the text encoder's weights fixed and its dropout off. Likewise `freeze_audio_encoder` and
            `freeze_vision_encoder`.
        text_scope (`str`, *optional*, defaults to `"utterance"`):
            What the text encoder reads at once: `"utterance"`, each utterance by itself; `"neighbours"`, each utterance with
            some utterances before and after it; `"conversation"`, the conversation as one sequence (or few, see
            `max_text_sequence`), so that no token is encoded twice. In each case an utterance has the states of its own
            tokens. `text_features` are not encoded again.
        num_text_neighbours (`int`, *optional*, defaults to 2):
            Number of utterances before, and of utterances after; only for `text_scope="neighbours"`.
        max_text_sequence (`int`, *optional*, defaults to 510):
            The largest number of tokens that the text encoder reads at once when it reads more than one utterance; less
            where it has fewer positions. No utterance is cut.
        audio_token_pooling (`int`, *optional*, defaults to 1):
            Replace this number of successive states of the audio encoder by their mean. Whisper has 50 states per second; 5
            leaves 10. `audio_features` are not pooled.
        crop_audio_window (`bool`, *optional*, defaults to `False`):
            Let an audio encoder with a fixed window (Whisper: 30 seconds) read a window that ends 6 to 8 seconds after the
            utterance. This takes a fraction of the time, and the states differ slightly from those of the whole window. It
            has no effect on encoders without a fixed window, or that need the whole window (AST).
        hidden_size (`int`, *optional*, defaults to 256):
            Size d of every descriptor.
        num_attention_heads (`int`, *optional*, defaults to 4):
            Number of heads of each attention.
        num_self_attention_layers (`int`, *optional*, defaults to 1):
            Number N of layers of the unimodal self-attention (III-A).
        num_man_layers (`int`, *optional*, defaults to 4):
            Number L of layers of the Multimodal Attention Network (III-B). 0 turns it off.
        head_aggregation (`str`, *optional*, defaults to `"concat"`):
            `"concat"`: heads are concatenated and projected; `"mean"`: heads are averaged, as in the paper.
        fusion (`str`, *optional*, defaults to `"gate"`):
            How Adaptive Fusion (III-C, eq. 2) computes its weights: `"gate"` (a network of both descriptors), `"alfa"` (the
            closed form of eq. 6), `"static"` (one learned weight for each pair of modalities), `"equal"` (all 1/2),
            `"random"` (drawn anew in every pass, also in evaluation) or `"concat"` (no interpolation).
        alfa_epsilon (`float`, *optional*, defaults to 0.2):
            The step size of eq. 6; only for `fusion="alfa"`.
        contexts (`str`, *optional*, defaults to `"both"`):
            Which conversation contexts the model reads (III-D): `"both"`, `"dialogue"`, `"speaker"` or `"none"`.
        conversation_modalities (`list[str]`, *optional*):
            The modalities that the conversation term reads: the Multimodal Attention Network, Adaptive Fusion and the
            contexts. The others are only read by their experts, so that a modality with little evidence adds what its
            expert found, and cannot disturb the rest. None: all modalities of the model.
        experts (`str`, *optional*, defaults to `"none"`):
            Experts of the modalities (see `experts.py`): for each modality a separate head that reads only this modality,
            and whose log-probabilities are added to the logits. `"constant"`: with the same weight in all utterances;
            `"adaptive"`: with a weight that depends on the amount of evidence; `"none"`: no experts.
        expert_weights (`dict[str, float]`, *optional*):
            The weight w_m >= 0 of each expert, by modality; other modalities have no expert. None: every modality of the
            model has an expert of weight 1.
        conversation_weight (`float`, *optional*, defaults to 1.0):
            The weight of the conversation's scores W e_j, to which the experts' terms are added; only with `experts`.
        expert_half_evidence (`dict[str, float]`, *optional*):
            Only for `experts="adaptive"`: by modality, the amount of evidence at which an expert has half of its weight.
            Other modalities have 0: their weight is constant.
        causal (`bool`, *optional*, defaults to `False`):
            Recognize the emotion of an utterance without later utterances: the contexts are forward LSTMs instead of
            bidirectional ones.
        hidden_dropout (`float`, *optional*, defaults to 0.3):
            Dropout of the token features and of all hidden states up to the classifier.
        attention_dropout (`float`, *optional*, defaults to 0.0):
            Dropout of the attention weights.
        modality_dropout (`float`, *optional*, defaults to 0.0):
            Probability of dropping each modality of a conversation in training. An utterance keeps at least one.
        focal_gamma (`float`, *optional*, defaults to 1.0):
            Exponent gamma of the focal losses (III-E).
        class_weights (`list[float]`, *optional*):
            The weight of each emotion in the focal losses. None: all weights are 1.
        modality_loss_weight (`float`, *optional*, defaults to 1.0):
            Weight of the focal loss of the mode-specific heads (`L_focal`).
        probe_modality_heads (`bool`, *optional*, defaults to `False`):
            Let `L_focal` train only the mode-specific heads: its gradient stops at the descriptors. Otherwise the loss
            makes each descriptor collect information of the other modalities through the Multimodal Attention Network;
            then the prediction of a head says little about its own modality, and the gate of the fusion cannot choose
            between modalities.
        contrastive_loss (`str`, *optional*, defaults to `"none"`):
            `L_ACE` (III-E.2): `"bank"` (noise-contrastive estimation with a memory bank, as in the paper),
            `"in_batch"` (InfoNCE among the utterances of a batch) or `"none"`.
        contrastive_weight (`float`, *optional*, defaults to 0.5):
            Weight lambda of `L_ACE`.
        contrastive_temperature (`float`, *optional*, defaults to 0.07):
            Temperature of `L_ACE`.
        num_contrastive_negatives (`int`, *optional*, defaults to 1024):
            Negatives drawn from the memory bank.
        memory_bank_size (`int`, *optional*, defaults to 0):
            Number of slots of the memory bank, one for each training utterance. `scripts/train.py` sets it.
        memory_bank_momentum (`float`, *optional*, defaults to 0.9):
            Weight of the old entry when a slot of the memory bank is updated.
        temperature (`float`, *optional*, defaults to 1.0):
            The pipeline divides the logits by it before the softmax. It changes confidences, but not the predicted emotion;
            the model's output `logits` is not divided. `scripts/calibrate.py` fits it on validation data.
        unclear_below (`float`, *optional*):
            The pipeline marks an utterance as unclear if its confidence is below this threshold. Training and
            `scripts/calibrate.py` choose it on validation data: below it, the predicted emotion was wrong at least as often
            as right. It is only valid for the `temperature` with which it was chosen. None: there is no threshold; 0: no
            utterance is unclear.
        training_data (`str`, *optional*):
            The name of the data set that the weights were trained on, as in `--dataset_name`; `"sample"` is a made-up
            corpus.
        training_language (`str`, *optional*):
            The language of the training texts (ISO 639-1, such as `"en"`). The pipeline adds a note to the results of
            conversations in another language. None: unknown, or the model reads no text.
        initializer_range (`float`, *optional*, defaults to 0.02):
            Standard deviation of the initial weights of linear layers.
        extra_emotions (`dict[str, list[str]]`, *optional*):
            The emotions of each additional training corpus, by the name of the corpus, in the order of its labels. Each
            corpus has its own classifier, which `forward(..., corpus=name)` and `model.for_corpus(name)` use.

    Raises:
        ValueError: when settings contradict each other.

    Example:

    ```python
    >>> from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition

    >>> config = AmuseConfig(text_feature_size=384, audio_feature_size=8, hidden_size=64, num_labels=7)
    >>> model = AmuseForEmotionRecognition(config)
    >>> config.modalities
    ('text', 'audio')
    ```
    """

    model_type = "amuse"
    sub_configs_defaults = {
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="mpnet", optional=True),
        "audio_config": SubConfigSpec(config_class=AutoConfig, model_type="whisper", optional=True),
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type="vit", optional=True),
    }
    attribute_map = {"num_hidden_layers": "num_man_layers"}
    # the outputs that the Trainer does not gather in evaluation: all but the logits
    keys_to_ignore_at_inference = [
        *("last_hidden_state", "speaker_descriptors", "utterance_descriptors", "fused_features", "fusion_shares"),
        *("modality_descriptors", "modality_logits", "modality_mask", "hidden_states", "attentions"),
        *("token_modalities", "context_states", "classification_loss", "modality_loss", "contrastive_loss"),
        *("conversation_logits", "expert_logits", "expert_weights", "expert_terms", "expert_loss"),
    ]

    text_config: dict | PreTrainedConfig | None = None
    audio_config: dict | PreTrainedConfig | None = None
    vision_config: dict | PreTrainedConfig | None = None
    text_feature_size: int | None = None
    audio_feature_size: int | None = None
    vision_feature_size: int | None = None
    background_feature_size: int | None = None
    freeze_text_encoder: bool = False
    freeze_audio_encoder: bool = False
    freeze_vision_encoder: bool = False
    text_scope: Literal[*TEXT_SCOPES] = TEXT_SCOPES.default
    num_text_neighbours: int = 2
    max_text_sequence: int = 510
    audio_token_pooling: int = 1
    crop_audio_window: bool = False
    hidden_size: int = 256
    num_attention_heads: int = 4
    num_self_attention_layers: int = 1
    num_man_layers: int = 4
    head_aggregation: Literal[*HEAD_AGGREGATIONS] = HEAD_AGGREGATIONS.default
    fusion: Literal[*FUSIONS] = FUSIONS.default
    alfa_epsilon: float | int = 0.2
    contexts: Literal[*CONTEXTS] = CONTEXTS.default
    conversation_modalities: list[str] | None = None
    experts: Literal[*EXPERTS] = EXPERTS.default
    expert_weights: dict[str, float | int] | None = None
    conversation_weight: float | int = 1.0
    expert_half_evidence: dict[str, float | int] | None = None
    causal: bool = False
    hidden_dropout: float | int = 0.3
    attention_dropout: float | int = 0.0
    modality_dropout: float | int = 0.0
    focal_gamma: float | int = 1.0
    class_weights: list[float | int] | None = None
    modality_loss_weight: float | int = 1.0
    probe_modality_heads: bool = False
    contrastive_loss: Literal[*CONTRASTIVE_LOSSES] = CONTRASTIVE_LOSSES.default
    contrastive_weight: float | int = 0.5
    contrastive_temperature: float | int = 0.07
    num_contrastive_negatives: int = 1024
    memory_bank_size: int = 0
    memory_bank_momentum: float | int = 0.9
    temperature: float | int = 1.0
    unclear_below: float | int | None = None
    training_data: str | None = None
    training_language: str | None = None
    initializer_range: float | int = 0.02
    extra_emotions: dict[str, list[str]] | None = None

    def __post_init__(self, **kwargs):
        for name in self.sub_configs_defaults:
            settings = getattr(self, name)
            if isinstance(settings, dict):
                _check_num_labels(settings.get("num_labels"), f"{name}.num_labels")
        super().__post_init__(**kwargs)
        if self.architectures is None:
            self.architectures = []  # AutoModel reads it to choose the class, and cannot read None
        for modality in MODALITIES:
            self._settle_feature_size(modality)
        self.check_settings()

    def check_settings(self):
        """
        Check that the settings are consistent. Models call it again, because `from_pretrained` sets its additional
        arguments after the configuration was read.

        Raises:
            ValueError: when settings contradict each other.
        """
        self._check_finite()
        self._check_dtype()
        if self.background_feature_size is not None and self.vision_feature_size is None:
            raise ValueError(
                "background_feature_size is the second vision stream: also give vision_feature_size or vision_config."
            )
        if self.num_attention_heads < 1 or self.hidden_size % 2 or self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size ({self.hidden_size}) must be even (the LSTMs read in two directions) and a multiple of "
                f"num_attention_heads ({self.num_attention_heads})."
            )
        for name in ("num_self_attention_layers", "num_man_layers"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, but is {getattr(self, name)}.")
        if self.audio_token_pooling < 1:
            raise ValueError(f"audio_token_pooling must be 1 (no pooling) or more, but is {self.audio_token_pooling}.")
        if self.num_text_neighbours < 0:
            raise ValueError(f"num_text_neighbours must be 0 or more, but is {self.num_text_neighbours}.")
        if self.max_text_sequence < 1:
            raise ValueError(f"max_text_sequence must be 1 or more, but is {self.max_text_sequence}.")
        if self.causal and not TEXT_SCOPES[self.text_scope].is_utterance:
            raise ValueError(
                f"A causal model does not read later utterances, but text_scope={self.text_scope!r} does: give "
                "text_scope='utterance', or causal=False."
            )
        for name in ("hidden_dropout", "attention_dropout", "modality_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and less than 1, but is {getattr(self, name)}.")
        for name in ("temperature", "contrastive_temperature", "conversation_weight"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0, but is {getattr(self, name)}.")
            if not SMALLEST_FACTOR <= getattr(self, name) <= LARGEST_FACTOR:
                raise ValueError(
                    f"{name} must be from {SMALLEST_FACTOR} to {LARGEST_FACTOR:.0f}, but is {getattr(self, name)}."
                )
        if self.unclear_below is not None and not 0 <= self.unclear_below <= 1:
            raise ValueError(f"unclear_below is a confidence, from 0 to 1, but is {self.unclear_below}.")
        self._check_conversation_modalities()
        for name in ("expert_weights", "expert_half_evidence"):
            self._check_expert_numbers(name)
        if self.class_weights is not None and len(self.class_weights) != self.num_labels:
            raise ValueError(
                f"class_weights has {len(self.class_weights)} entries for {self.num_labels} emotions: give one weight for "
                "each emotion."
            )

        if self.extra_emotions and self.fusion == "alfa":
            raise ValueError(
                "extra_emotions cannot be combined with fusion='alfa', which computes its weights from the emotions of one "
                "corpus: give another fusion."
            )
        for corpus, emotions in (self.extra_emotions or {}).items():
            if not corpus or "." in corpus:
                raise ValueError(f"extra_emotions: {corpus!r} is not a valid name of a corpus: give one without dots.")
            if len(emotions) < 2 or len(set(emotions)) < len(emotions):
                raise ValueError(
                    f"extra_emotions: the corpus {corpus} has the emotions {', '.join(emotions) or 'none'}: give at least two "
                    "different ones."
                )

    def _check_conversation_modalities(self):
        """Raise a ValueError for modalities that the conversation term cannot read, or cannot leave out."""
        if self.conversation_modalities is None:
            return
        unknown = [modality for modality in self.conversation_modalities if modality not in self.modalities]
        if unknown or not self.conversation_modalities:
            raise ValueError(
                f"conversation_modalities is {self.conversation_modalities}, but must name one or more of the model's "
                f"modalities, which are: {', '.join(self.modalities) or 'none'}."
            )
        for modality in self.modalities:
            if modality in self.fused_modalities or getattr(self, f"{modality}_config") is None:
                continue
            if not getattr(self, f"freeze_{modality}_encoder"):
                raise ValueError(
                    f"conversation_modalities leaves out {modality}, so its encoder would not be trained: set "
                    f"freeze_{modality}_encoder=True, or add {modality}."
                )

    def _check_dtype(self):
        dtypes = list(self.dtype.values()) if isinstance(self.dtype, dict) else [self.dtype]
        wrong = [d for d in dtypes if not isinstance(d, (str, type(None))) and not str(d).startswith("torch.")]
        if wrong:
            raise ValueError(f"dtype is {wrong[0]!s:.60}: give one of torch, such as float32, or leave it out.")

    def _check_finite(self):
        """Raise a ValueError for a number that is infinite or NaN, and for a size that is not positive."""
        for field in fields(AmuseConfig):
            value = getattr(self, field.name)
            numbers = value if isinstance(value, list) else [value]
            if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
                raise ValueError(f"{field.name} must be finite, but is {value}.")
            if any(isinstance(number, int) and abs(number) > LARGEST_SIZE for number in numbers):
                raise ValueError(f"{field.name} must be at most {LARGEST_SIZE:,}, but is much larger.")
            if field.name.endswith("_feature_size") and value is not None and value < 1:
                raise ValueError(f"{field.name} must be 1 or more, but is {value}.")

    def _check_expert_numbers(self, name: str):
        """Raise a ValueError for an expert of a modality that the model lacks, and for a number below 0."""
        for modality, number in (getattr(self, name) or {}).items():
            if modality not in self.modalities:
                raise ValueError(
                    f"{name} names the modality {modality!r}, which the model does not have; it has: "
                    f"{', '.join(self.modalities) or 'none'}."
                )
            if not 0 <= number < float("inf"):
                raise ValueError(f"{name} must be finite and 0 or more, but is {number} for {modality}.")

    def _settle_feature_size(self, modality: str):
        """Features of a modality with an encoder are that encoder's states, so both have the same size."""
        encoder_config = getattr(self, f"{modality}_config")
        if encoder_config is None:
            return
        if not hasattr(encoder_config, "hidden_size"):
            raise ValueError(
                f"{modality}_config is of the type {encoder_config.model_type!r}, which has no hidden_size: the model needs "
                "token states of one size. Give an encoder such as ViT, CLIP's vision model, Whisper or BERT."
            )
        streams = ("vision", "background") if modality == "vision" else (modality,)
        for stream in streams:
            name = f"{stream}_feature_size"
            given = getattr(self, name)
            if given not in (None, encoder_config.hidden_size):
                raise ValueError(
                    f"{name} is {given}, but the states of the encoder in {modality}_config have size "
                    f"{encoder_config.hidden_size}: leave out {name} or {modality}_config."
                )
            if stream == modality:
                setattr(self, name, encoder_config.hidden_size)

    def to_dict(self) -> dict:
        """Like `PreTrainedConfig.to_dict`. Of an encoder from a local folder it has the folder's name without the path."""
        values = super().to_dict()
        for part in (values, *(values[name] for name in self.sub_configs_defaults)):
            if isinstance(part, dict) and part.get("_name_or_path"):
                part["_name_or_path"] = name_without_folders(part["_name_or_path"])
        return values

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, **kwargs):
        """
        Like `PreTrainedConfig.from_pretrained`.

        Raises:
            OSError: when there is no such file, or it is not JSON.
            ValueError: for wrong settings, and for sizes that no model has or this machine cannot hold; the message names the
                folder.
        """
        with load_boundary(pretrained_model_name_or_path):
            loaded = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
            check_stated_sizes(loaded[0] if isinstance(loaded, tuple) else loaded)  # a tuple with unused arguments
            return loaded

    @property
    def num_labels(self) -> int:
        """The number of emotions."""
        return super().num_labels

    @num_labels.setter
    def num_labels(self, number: int):
        _check_num_labels(number, "num_labels")
        PreTrainedConfig.num_labels.fset(self, number)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The model's modalities, in the order of every modality axis."""
        return tuple(m for m in MODALITIES if getattr(self, f"{m}_feature_size") is not None)

    @property
    def fused_modalities(self) -> tuple[str, ...]:
        """The modalities that the conversation term reads (`conversation_modalities`), in the order of `modalities`."""
        chosen = self.conversation_modalities
        return tuple(m for m in self.modalities if chosen is None or m in chosen)

    @property
    def fused_places(self) -> list[int]:
        """The places of `fused_modalities` on every modality axis."""
        return [self.modalities.index(modality) for modality in self.fused_modalities]

    @property
    def expert_modalities(self) -> tuple[str, ...]:
        """The modalities that have an expert, in the order of every modality axis."""
        if self.experts == "none":
            return ()
        return tuple(m for m in self.modalities if self.expert_weights is None or m in self.expert_weights)

    def expert_weight(self, modality: str) -> float:
        """The weight w_m of the expert of a modality."""
        return 1.0 if self.expert_weights is None else float(self.expert_weights[modality])

    def expert_half_evidence_of(self, modality: str) -> float:
        """The amount of evidence with which the expert of a modality has half of its weight (`experts="adaptive"`)."""
        return float((self.expert_half_evidence or {}).get(modality, 0.0))

    def streams(self, modality: str) -> list[str]:
        """The streams of a modality: vision has a second one, the background, where `background_feature_size` is given."""
        has_background = modality == "vision" and self.background_feature_size is not None
        return [modality, "background"] if has_background else [modality]

    def use_default_modality(self):
        """Give a configuration without any modality the paper's text encoder, MPNet, with random weights. Models call it."""
        if not self.modalities:
            self.text_config = AutoConfig.for_model("mpnet")
            self._settle_feature_size("text")

    def name_code_in_this_folder(self):
        """Refer to the custom code of Auto classes and pipeline in the saved folder, not in the repository it came from."""
        self.auto_map = {auto: name.split("--")[-1] for auto, name in self.auto_map.items()}
        for of_task in (getattr(self, "custom_pipelines", None) or {}).values():
            of_task["impl"] = of_task["impl"].split("--")[-1]

    @classmethod
    def from_preset(cls, preset: str, **kwargs) -> "AmuseConfig":
        """
        A configuration with the settings of a named preset.

        Args:
            preset (`str`): `"paper"`, the settings that the paper states, or `"small"`, for small corpora.
            kwargs: other fields, which override the preset.

        Raises:
            ValueError: for a preset that does not exist.
        """
        if preset not in PRESETS:
            raise ValueError(f"There is no preset {preset!r}; presets are {', '.join(sorted(PRESETS))}.")
        return cls(**{**PRESETS[preset], **kwargs})


__all__ = ["MODALITIES", "PRESETS", "AmuseConfig"]
