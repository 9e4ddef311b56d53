# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The section of the model card that lists what differs from the paper (arXiv 2401.15164)."""

from modeling_amuse import AmuseConfig
from modeling_amuse.hub_card.card_training import encoders_of
from modeling_amuse.variants import (
    CONTEXTS,
    CONTRASTIVE_LOSSES,
    EXPERTS,
    FUSIONS,
    HEAD_AGGREGATIONS,
    TEXT_SCOPES,
    Variant,
)


def differences_from_paper(config: AmuseConfig, history: dict, records: dict) -> list[str]:
    """One sentence for each difference between this model and the paper's."""
    return [
        *input_differences(config, history, records),
        *network_differences(config),
        *training_differences(config),
    ]


def input_differences(config: AmuseConfig, history: dict, records: dict) -> list[str]:
    """The modalities and their encoders or features."""
    encoders = encoders_of(history)
    found = []
    missing = [modality for modality in ("text", "audio", "vision") if modality not in config.modalities]
    if missing:
        found.append(f"No {' and no '.join(missing)}: the paper's model reads text, audio and vision.")
    if "text" in config.modalities and "mpnet" not in str(config.text_config and config.text_config.model_type):
        kind = config.text_config.model_type if config.text_config is not None else "features"
        found.append(f"Text comes from {encoders.get('text') or kind}, in the paper from MPNet.")
    for modality, theirs in (("audio", "PaSST"), ("vision", "action units of the face (JAA-Net) and the background")):
        if modality in config.modalities:
            sub_config = getattr(config, f"{modality}_config")
            ours = encoders.get(modality) or (sub_config.model_type if sub_config is not None else None)
            ours = ours or records.get(modality, {}).get("name") or "a feature table of an unknown extractor"
            found.append(f"{modality.capitalize()} comes from {ours}, in the paper from {theirs}.")
    if config.text_config is not None:
        found += difference(TEXT_SCOPES[config.text_scope])
    return found


def difference(variant: Variant) -> list[str]:
    """The sentence about a variant, or nothing if it is the paper's."""
    return [variant.differs_from_paper] if variant.differs_from_paper else []


def network_differences(config: AmuseConfig) -> list[str]:
    """Attention, fusion and contexts."""
    found = difference(FUSIONS[config.fusion])
    found.append("Eq. 2 is read as `alpha * f_i + (1 - alpha) * f_m`: printed with `f_i` twice, alpha would cancel.")
    found += difference(HEAD_AGGREGATIONS[config.head_aggregation])
    if config.num_man_layers != 4:
        found.append(f"Layers of the Multimodal Attention Network: {config.num_man_layers}, the paper has 4.")
    found += difference(CONTEXTS[config.contexts])
    found += difference(EXPERTS[config.experts])
    if config.fused_modalities != config.modalities:
        found.append(
            f"Attention, fusion and contexts read {' and '.join(config.fused_modalities)} only; the paper's read all modalities."
        )
    if config.causal:
        found.append("The model reads only the past of an utterance, the paper's contexts are bidirectional.")
    found.append(
        "Eq. 1's mean runs over the modalities that an utterance has, and each descriptor is layer-normalized."
    )
    return found


def training_differences(config: AmuseConfig) -> list[str]:
    """Losses, and what the paper does not state."""
    found = difference(CONTRASTIVE_LOSSES[config.contrastive_loss])
    if config.focal_gamma != 1:
        found.append(f"The focal losses have gamma {config.focal_gamma:g}, the paper's best is 1.")
    if config.probe_modality_heads:
        found.append("The modalities' own heads are probes: the paper's L_focal also trains the network below them.")
    found.append("The paper does not state how its epoch was chosen, nor its seeds, learning rate and batch size.")
    return found
