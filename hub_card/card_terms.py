# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The section of the model card with the terms of the data, encoders, extractors and code of the training."""

from modeling_amuse import AmuseConfig
from modeling_amuse.hub_card.card_text import UNKNOWN, table
from modeling_amuse.hub_card.card_training import encoders_of
from modeling_amuse.hub_card.sources import EXTRACTOR_TERMS, DataSet
from modeling_amuse.processing.conversation import MODALITY_OF


def terms_table(data_sets: list[DataSet], config: AmuseConfig, history: dict, records: dict) -> str:
    """The terms of the data, of each encoder, of each feature extractor and of the code."""
    rows = [["data", d.title, d.terms] for d in data_sets]
    encoders = encoders_of(history)
    for modality in config.modalities:
        if getattr(config, f"{modality}_config") is not None:
            is_scratch = history and not encoders.get(modality)
            name = "trained from scratch" if is_scratch else encoders.get(modality) or UNKNOWN
            rows.append(
                [f"{modality} encoder", name, "none of its own" if is_scratch else f"{UNKNOWN}: see its own card"]
            )
    for stream, record in records.items():
        rows.append([f"{stream} features", record["name"], EXTRACTOR_TERMS.get(record["name"], UNKNOWN)])
    for stream, modality in MODALITY_OF.items():
        has_size = getattr(config, f"{stream}_feature_size") is not None
        if has_size and stream not in records and getattr(config, f"{modality}_config") is None:
            rows.append([f"{stream} features", UNKNOWN, UNKNOWN])
    rows.append(["code", "amuse-emotion", "Apache-2.0"])
    return table(["", "what", "terms"], rows)


def license_in_words(license: str | None) -> str:
    given = (
        f"The publisher releases these weights under `{license}`."
        if license
        else "The publisher has stated no licence for these weights."
    )
    return f"{given} They were trained on, and with, the following. Its terms may also bind the use of the weights."
