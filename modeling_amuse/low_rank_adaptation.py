# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Low-rank adaptation (LoRA) of the encoders with PEFT, the fusion layers being trained whole."""

import re

from peft import LoraConfig
from torch import nn

from .configuration_amuse import MODALITIES
from .pretrained import AmusePreTrainedModel

READ_BY_WEIGHT = {"wavlm": {"q_proj", "k_proj", "v_proj", "out_proj"}}
"""Linear maps, by the encoder's model type, whose weights are read past their forward: an adapter would not be heard."""


def lora_config(
    model: AmusePreTrainedModel, modalities: tuple[str, ...] | None = None, r: int = 8, lora_alpha: int = 16, **settings
) -> LoraConfig:
    """
    What `peft.get_peft_model` needs to train adapters in encoders, and everything of AMuSE that is no encoder whole:
    the linear maps of the attention and of the feed-forward networks in every layer of an encoder get adapters, and the
    fusion layers, which start from random weights, are in PEFT's `modules_to_save`.

    Args:
        model ([`AmuseForEmotionRecognition`] or [`AmuseModel`]):
            The model that is given to `get_peft_model`.
        modalities (`tuple[str, ...]`, *optional*):
            Those whose encoders get adapters; other encoders stay as they are. None: all encoders that are not frozen.
        r (`int`, *optional*, defaults to 8):
            Rank of the adapters.
        lora_alpha (`int`, *optional*, defaults to 16):
            What an adapter gives is multiplied by `lora_alpha / r`.
        settings: other fields of `peft.LoraConfig`, such as `lora_dropout`.

    Raises:
        ValueError: when a modality has no encoder or a frozen one, or no modality has an encoder to adapt.

    Example:

    ```python
    >>> from peft import get_peft_model
    >>> from modeling_amuse import AmuseForEmotionRecognition
    >>> from modeling_amuse.low_rank_adaptation import lora_config

    >>> model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
    ...     text="sentence-transformers/all-mpnet-base-v2", audio="openai/whisper-base", num_labels=7
    ... )
    >>> model = get_peft_model(model, lora_config(model, r=16))
    ```
    """
    amuse = model.base_model
    encoders = {m: amuse.encoder(m) for m in MODALITIES if amuse.encoder(m) is not None}
    if modalities is None:
        modalities = [modality for modality in encoders if not amuse.is_frozen(modality)]
    if not modalities:
        raise ValueError(
            "No encoder is there to adapt: the modalities come as features, or config.freeze_*_encoder is set for all "
            "encoders."
        )
    for modality in modalities:
        if modality not in encoders:
            raise ValueError(f"The model has no {modality} encoder to adapt; it has: {', '.join(encoders) or 'none'}.")
        if amuse.is_frozen(modality):
            raise ValueError(
                f"config.freeze_{modality}_encoder keeps the {modality} encoder as it is, adapters too: set it to False."
            )
    prefix = "" if amuse is model else f"{model.base_model_prefix}."
    patterns = [_linear_maps(f"{prefix}{modality}_model", encoders[modality]) for modality in modalities]
    return LoraConfig(
        r=r,
        lora_alpha=lora_alpha,
        target_modules="|".join(patterns),
        modules_to_save=_fusion_layers(model, {f"{prefix}{modality}_model" for modality in encoders}),
        **settings,
    )


def _linear_maps(path: str, encoder: nn.Module) -> str:
    """A regular expression of the linear maps in the encoder's layers: they stand below a number, as in `layer.3.`."""
    skipped = READ_BY_WEIGHT.get(encoder.config.model_type, set())
    # a model that has adapters already gets more of them: theirs are no maps of the encoder
    linear = (name for name, module in encoder.named_modules() if type(module) is nn.Linear and ".lora_" not in name)
    names = {name.removesuffix(".base_layer") for name in linear}
    names = {re.split(r"\.\d+\.", name)[-1] for name in names if re.search(r"(^|\.)\d+\.", name)}
    ends = sorted(re.escape(name) for name in names if name.rpartition(".")[2] not in skipped)
    if not ends:
        raise ValueError(f"No linear map was found in the layers of {type(encoder).__name__}: it cannot be adapted.")
    return rf"{re.escape(path)}\.(.*\.)?\d+\.({'|'.join(ends)})"


def _fusion_layers(model: nn.Module, encoders: set[str]) -> list[str]:
    """Every module of AMuSE with parameters that is no encoder; for lists of modules, which PEFT does not take, theirs."""
    layers, waiting = [], list(model.named_children())
    while waiting:
        name, module = waiting.pop(0)
        if name in encoders or not any(True for _ in module.parameters()):
            continue
        if isinstance(module, (nn.ModuleDict, nn.ModuleList)) or (module is model.base_model):
            waiting += [(f"{name}.{child}", part) for child, part in module.named_children()]
        else:
            layers.append(name)
    return layers


__all__ = ["lora_config"]
