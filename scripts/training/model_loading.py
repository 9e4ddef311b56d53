# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Loading models, encoders and processors from a folder or the Hub. Recognition uses this file, so it imports little."""

from pathlib import Path

from modeling_amuse.loaded_weights import check_complete
from modeling_amuse.processing.processing_amuse import PART_LOADERS


def load_from_folder_or_hub(loader: type, name: str):
    """
    `loader.from_pretrained(name)`.

    Raises:
        ValueError: when weights of the model are missing, NaN or infinite.
        FileNotFoundError: when there is neither such a folder nor such a model on the Hub, and for a folder in which files
            are missing.
    """
    try:
        loaded = loader.from_pretrained(name)
        check_complete(loaded)
        return loaded
    except OSError as error:
        if Path(name).is_dir():
            raise FileNotFoundError(
                f"{name} cannot be loaded: {error} Give the folder of a saved model, or a model's id on the Hub."
            ) from error
        raise FileNotFoundError(
            f"There is no folder {name}, and no model of this name can be loaded from the Hub: {error}"
        ) from error


def encoder_part(modality: str, name: str) -> dict:
    """
    The part of the processor that makes the inputs of a pretrained encoder, as a keyword argument of [`AmuseProcessor`].

    Args:
        modality: "text", "audio" or "vision".
        name: Hub id or folder of the encoder.
    """
    parts = {"text": "tokenizer", "audio": "feature_extractor", "vision": "image_processor"}
    return {parts[modality]: load_from_folder_or_hub(PART_LOADERS[parts[modality]], name)}
