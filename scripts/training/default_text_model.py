# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The text encoder of a training that names none."""

import os
from pathlib import Path

from accelerate import Accelerator, PartialState
from transformers import AutoModel, AutoTokenizer

from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.scripts.training.training_arguments import DataArguments, ModelArguments

DEFAULT_TEXT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SCRATCH = "scratch"
"""The `--text_model` that asks for the small encoder."""


def choose_text_model(data_args: DataArguments, model_args: ModelArguments, accelerator: Accelerator | PartialState):
    """
    Set `--text_model`, where it is not given, for data of real words: the user's own tables, data sets of the Hub, and
    MELD as it is downloaded. It is [`DEFAULT_TEXT_MODEL`], frozen; where that cannot be had, the small encoder that is
    trained from scratch, with a warning. In all other trainings without it, it is that small encoder.
    """
    if model_args.text_model == SCRATCH:
        model_args.text_model = None
        return
    reads_text = data_args.text_features is None and (data_args.modalities is None or "text" in data_args.modalities)
    is_own = bool(data_args.files()) or data_args.dataset_name not in DATA_SETS
    if model_args.text_model is not None or not reads_text or not (data_args.is_downloaded_meld() or is_own):
        return
    name = local_encoder(DEFAULT_TEXT_MODEL)
    try:
        with accelerator.main_process_first():
            AutoTokenizer.from_pretrained(name)
            AutoModel.from_pretrained(name)
    except (OSError, ValueError) as error:
        accelerator.print(
            f"Warning: the text encoder {name} cannot be had ({' '.join(str(error).split())[:200]}): a small one is trained "
            "from scratch, which knows no word beyond the training data. Connect to the Hub, or name a folder with "
            "--text_model, or with AMUSE_ENCODERS_DIR the folder above it."
        )
        return
    model_args.text_model, model_args.freeze_text_model = name, not model_args.lora
    frozen = "frozen" if model_args.freeze_text_model else "with adapters"
    accelerator.print(
        f"Text encoder: {name}, {frozen} (--text_model chooses another; scratch: a small one of its own)."
    )


def local_encoder(name: str) -> str:
    """The folder of an encoder's name in `AMUSE_ENCODERS_DIR`, where there is one, else the name."""
    folder = os.environ.get("AMUSE_ENCODERS_DIR")
    path = Path(folder) / name.split("/")[-1] if folder else None
    return str(path) if path is not None and path.is_dir() else name
