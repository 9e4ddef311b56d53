# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Low-rank adaptation (LoRA) of the encoders with PEFT; the fusion layers are fully trained."""

import re

from peft import LoraConfig
from torch import nn

from .configuration_amuse import MODALITIES
from .pretrained import AmusePreTrainedModel

READ_BY_WEIGHT = {"wavlm": {"q_proj", "k_proj", "v_proj", "out_proj"}}
"""By the encoder's model type: linear layers whose weights are read without calling the layer, so adapters have no effect."""


def lora_config(
    model: AmusePreTrainedModel, modalities: tuple[str, ...] | None = None, r: int = 8, lora_alpha: int = 16, **settings
) -> LoraConfig:
    """
    The configuration for `peft.get_peft_model` that trains adapters in the encoders and all other layers fully. The linear
    layers of attention and feed-forward networks in each layer of an encoder get adapters. The fusion layers, which start
    from random weights, are PEFT's `modules_to_save`.

    Args:
        model ([`AmuseForEmotionRecognition`] or [`AmuseModel`]):
            The model that will be given to `get_peft_model`.
        modalities (`tuple[str, ...]`, *optional*):
            Modalities whose encoders get adapters; other encoders do not change. None: all encoders that are not frozen.
        r (`int`, *optional*, defaults to 8):
            Rank of the adapters.
        lora_alpha (`int`, *optional*, defaults to 16):
            The output of an adapter is multiplied by `lora_alpha / r`.
        settings: other fields of `peft.LoraConfig`, such as `lora_dropout`.

    Raises:
        ValueError: when a modality has no encoder or a frozen encoder, or when there is no encoder to adapt.

    Example:

    ```python
    >>> from peft import get_peft_model
    >>> from transformers import BertConfig
    >>> from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition
    >>> from modeling_amuse.low_rank_adaptation import lora_config

    >>> bert = BertConfig(hidden_size=12, num_hidden_layers=1, num_attention_heads=2)
    >>> model = AmuseForEmotionRecognition(AmuseConfig(text_config=bert, hidden_size=16, num_labels=7))
    >>> model = get_peft_model(model, lora_config(model, r=2))
    >>> any("lora_A" in name for name, _ in model.named_parameters())
    True
    ```
    """
    amuse = model.base_model
    encoders = {m: amuse.encoder(m) for m in MODALITIES if amuse.encoder(m) is not None}
    if modalities is None:
        modalities = [modality for modality in encoders if not amuse.is_frozen(modality)]
    if not modalities:
        raise ValueError(
            "There is no encoder to adapt: all modalities are given as features, or config.freeze_*_encoder is set for all "
            "encoders."
        )
    for modality in modalities:
        if modality not in encoders:
            raise ValueError(f"The model has no {modality} encoder to adapt; it has: {', '.join(encoders) or 'none'}.")
        if amuse.is_frozen(modality):
            raise ValueError(
                f"config.freeze_{modality}_encoder fixes the {modality} encoder and would fix its adapters: set it to False."
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
    """A regular expression for the linear layers inside the numbered layers of the encoder, as in `layer.3.`."""
    skipped = READ_BY_WEIGHT.get(encoder.config.model_type, set())
    # exclude the layers of adapters that the model may already have
    linear = (name for name, module in encoder.named_modules() if type(module) is nn.Linear and ".lora_" not in name)
    names = {name.removesuffix(".base_layer") for name in linear}
    names = {re.split(r"\.\d+\.", name)[-1] for name in names if re.search(r"(^|\.)\d+\.", name)}
    ends = sorted(re.escape(name) for name in names if name.rpartition(".")[2] not in skipped)
    if not ends:
        raise ValueError(f"{type(encoder).__name__} cannot be adapted: its layers contain no linear layer.")
    return rf"{re.escape(path)}\.(.*\.)?\d+\.({'|'.join(ends)})"


def _fusion_layers(model: nn.Module, encoders: set[str]) -> list[str]:
    """All modules with parameters outside the encoders. PEFT does not accept lists of modules: their items are named instead."""
    layers, waiting = [], list(model.named_children())
    while waiting:
        name, module = waiting.pop(0)
        if name in encoders or not any(True for _ in module.parameters()):
            continue
        if isinstance(module, (nn.ModuleDict, nn.ModuleList)) or (module is model.base_model):
            waiting += [(f"{name}.{child}", part) for child, part in module.named_children()]
        else:
            layers.append(name)
    # PEFT takes each module whose name ends with a given one. A layer within another one would be wrapped twice, and what is
    # trained would be lost: of such a layer, the parts are named that are not named already.
    found = []
    for name in layers:
        same = [
            other for other in layers if other != name and name.startswith("corpus_heads.") and name.endswith(other)
        ]
        if same:
            raise ValueError(
                f"PEFT would take the head of the corpus {name.partition('.')[2]!r} for {same[0]!r}: rename the corpus, or "
                "train without LoRA."
            )
        inner = [
            f"{name}.{child}"
            for child, part in model.get_submodule(name).named_modules()
            if child and not [*part.children()]
        ]
        twice = [child for child in inner if any(child.endswith(other) for other in layers if other != name)]
        found += [child for child in inner if child not in twice] if twice else [name]
    return found


__all__ = ["lora_config"]
