# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The default text encoder of a training."""

import os
from contextlib import contextmanager
from pathlib import Path

from accelerate import Accelerator, PartialState
from huggingface_hub.utils import logging as hub_logging
from transformers import AutoModel, AutoTokenizer

from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.scripts.training.training_arguments import SCRATCH, DataArguments, ModelArguments

DEFAULT_TEXT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def choose_text_model(data_args: DataArguments, model_args: ModelArguments, accelerator: Accelerator | PartialState):
    """
    Set `--text_model` if it is not given.

    For the user's own tables, data sets of the Hub and downloaded MELD, it is [`DEFAULT_TEXT_MODEL`], frozen, or with
    `--lora` with adapters. If that cannot be loaded, a warning is printed, and a small encoder is trained from scratch. For
    all other data sets, the small encoder is the default.
    """
    if model_args.text_model == SCRATCH:
        model_args.text_model = None
        return
    reads_text = data_args.text_features is None and (data_args.modalities is None or "text" in data_args.modalities)
    is_own = bool(data_args.files()) or data_args.dataset_name not in DATA_SETS
    if model_args.text_model is not None or not reads_text:
        return
    if not (data_args.is_downloaded_meld() or is_own):
        accelerator.print(
            "Text encoder: a small one, trained from scratch, which knows only the words of the training data (choose a "
            f"pretrained one with --text_model, such as {DEFAULT_TEXT_MODEL})."
        )
        return
    name, error = local_encoder(DEFAULT_TEXT_MODEL), None
    with accelerator.main_process_first(), without_hub_warnings():
        try:  # inside, as the other processes wait until the main one leaves the block
            AutoTokenizer.from_pretrained(name)
            AutoModel.from_pretrained(name)
        except (OSError, ValueError) as raised:
            error = raised
    if error is not None:
        accelerator.print(
            f"Warning: the text encoder {name} cannot be loaded ({first_sentence(error)}): a small one is trained "
            "from scratch, which knows only the words of the training data. Connect to the Hub, give the encoder's folder as "
            "--text_model, or set AMUSE_ENCODERS_DIR to the folder that contains it."
        )
        return
    model_args.text_model, model_args.freeze_text_model = name, not model_args.lora
    frozen = "frozen" if model_args.freeze_text_model else "with adapters"
    accelerator.print(f"Text encoder: {name}, {frozen} (choose another with --text_model; scratch trains a small one).")


@contextmanager
def without_hub_warnings():
    """Do not print the warnings of huggingface_hub, which tell of each attempt to reach the Hub."""
    before = hub_logging.get_verbosity()
    hub_logging.set_verbosity_error()
    try:
        yield
    finally:
        hub_logging.set_verbosity(before)


def first_sentence(error: Exception) -> str:
    """The first sentence of an error's message; transformers' messages go on with general advice."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line.split(". ")[0].rstrip(".")


def local_encoder(name: str) -> str:
    """The folder of an encoder in `AMUSE_ENCODERS_DIR` if it exists, else the encoder's name."""
    folder = os.environ.get("AMUSE_ENCODERS_DIR")
    path = Path(folder) / name.split("/")[-1] if folder else None
    return str(path) if path is not None and path.is_dir() else name
