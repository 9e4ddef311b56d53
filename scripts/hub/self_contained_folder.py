# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Writing a self-contained model folder: weights, processor and the code of this package that they need, so that the model
loads with `trust_remote_code=True` even if the package is not installed.
"""

import json
import shutil
from pathlib import Path

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from transformers.dynamic_module_utils import custom_object_save
from transformers.utils import CONFIG_NAME, PROCESSOR_NAME, SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

from modeling_amuse import (
    MODALITIES,
    AmuseConfig,
    AmuseForEmotionRecognition,
    AmuseProcessor,
    EmotionRecognitionPipeline,
    LiveSession,
)

TASK = "emotion-recognition"
HANDLER = Path(__file__).with_name("handler.py")
"""The handler for Hugging Face's Inference Endpoints, with which the repository can be served without changes."""

HANDLER_REQUIREMENTS = HANDLER.with_name("handler_requirements.txt")
"""What an Inference Endpoint installs for it."""

AUTO_CLASSES = {
    "AutoConfig": AmuseConfig,
    # The recognizer. With the package installed, AutoModel gives AmuseModel, its part `base_model`.
    "AutoModel": AmuseForEmotionRecognition,
    "AutoProcessor": AmuseProcessor,
}
"""The classes that the Auto classes load from the folder."""


def write_self_contained_folder(model_dir: Path, folder: Path):
    """
    Copy a trained model with its processor, its code, and the handler for Inference Endpoints.

    Args:
        model_dir: a folder that `amuse train`, or `save_pretrained` of model and processor, wrote.
        folder: an existing, empty folder.

    Raises:
        FileNotFoundError: when the model's folder, or a part of the model, is missing.
        ValueError: when the folder contains something else than a recognizer, or its weights are incomplete.
    """
    check_model_folder(model_dir)
    model, loading = AmuseForEmotionRecognition.from_pretrained(
        model_dir, dtype="auto", output_loading_info=True, ignore_mismatched_sizes=True
    )
    wrong = {name: sorted(map(str, keys)) for name, keys in loading.items() if keys}
    if wrong:
        problems = "; ".join(f"{name.replace('_', ' ')}: {', '.join(keys[:5])}" for name, keys in wrong.items())
        raise ValueError(
            f"The weights in {model_dir} do not match its {CONFIG_NAME} ({problems}): save the model again."
        )
    processor = AmuseProcessor.from_pretrained(model_dir)

    for modality in MODALITIES:
        encoder_config = getattr(model.config, f"{modality}_config")
        # the name of an encoder is kept if it is on the Hub, but not the path of a local folder
        if encoder_config is not None and not is_hub_id(encoder_config.name_or_path):
            encoder_config.name_or_path = ""
    if processor.tokenizer is not None:
        for name in ("is_local", "local_files_only"):  # settings of loading it on this machine
            processor.tokenizer.init_kwargs.pop(name, None)

    # `register_for_auto_class` is not used, as it changes the classes of this process and names only the saved class.
    references = {auto: _reference(of) for auto, of in AUTO_CLASSES.items()}
    model.config.auto_map = {auto: references[auto] for auto in ("AutoConfig", "AutoModel")}
    processor.auto_map = {"AutoProcessor": references["AutoProcessor"]}
    # read by `pipeline`; the class of the model must be one of transformers
    model.config.custom_pipelines = {
        TASK: {"impl": _reference(EmotionRecognitionPipeline), "pt": ["AutoModel"], "type": "multimodal"}
    }
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    for of in (*AUTO_CLASSES.values(), EmotionRecognitionPipeline, LiveSession):
        custom_object_save(of, folder)  # copies its file and those that it imports, also within functions
    shutil.copyfile(HANDLER, folder / "handler.py")
    shutil.copyfile(HANDLER_REQUIREMENTS, folder / "requirements.txt")


def is_hub_id(name: str) -> bool:
    """Whether an encoder's name is a Hub id, and not the path of a folder on this or another machine."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return "/" in name and not Path(name).exists()


def check_model_folder(model_dir: Path):
    """
    Raises:
        FileNotFoundError, ValueError: when a folder is not a trained recognizer; the message says why and what to do.
    """
    advice = "give the --output_dir of amuse train."
    if not model_dir.is_dir():
        raise FileNotFoundError(f"There is no folder {model_dir}: {advice}")
    if not (model_dir / CONFIG_NAME).is_file():
        if (model_dir / "adapter_config.json").is_file():
            raise FileNotFoundError(
                f"{model_dir} has no {CONFIG_NAME}, as it contains only an adapter: merge it into its model "
                "(merge_and_unload of PEFT), save the model, and give its folder."
            )
        raise FileNotFoundError(f"{model_dir} has no {CONFIG_NAME}: {advice}")
    try:
        fields = json.loads((model_dir / CONFIG_NAME).read_text(encoding="utf-8"))
        kind, architectures = fields.get("model_type"), fields.get("architectures") or []
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{model_dir / CONFIG_NAME} is not a configuration ({error}): {advice}") from error
    if kind != AmuseConfig.model_type:
        raise ValueError(f"{model_dir} contains a model of the type {kind!r}, not an AMuSE: {advice}")
    if AmuseForEmotionRecognition.__name__ not in architectures:
        raise ValueError(
            f"{model_dir} contains {', '.join(architectures) or 'no known class'}, not an "
            f"{AmuseForEmotionRecognition.__name__}, and cannot recognize emotions: {advice}"
        )
    if not any((model_dir / name).is_file() for name in (SAFE_WEIGHTS_NAME, SAFE_WEIGHTS_INDEX_NAME)):
        raise FileNotFoundError(f"{model_dir} has no {SAFE_WEIGHTS_NAME}, the weights: {advice}")
    if not (model_dir / PROCESSOR_NAME).is_file():
        raise FileNotFoundError(
            f"{model_dir} has no {PROCESSOR_NAME}: also save the processor there, processor.save_pretrained(folder)."
        )


def _reference(of: type) -> str:
    """The name of a class in `auto_map`, `module.Class`."""
    return f"{of.__module__.split('.')[-1]}.{of.__name__}"
