# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
AMuSE for transformers. Importing this package registers the model, its processor and the `emotion-recognition`
pipeline, so that `AutoModel`, `AutoProcessor` and `pipeline` know them.
"""

import os
import sys
from pathlib import Path

if sys.argv[:1] == ["-m"]:  # `python -m modeling_amuse`: as in the command `amuse`, threads of torch wait passively
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from transformers import AutoConfig, AutoModel, AutoProcessor
from transformers.pipelines import PIPELINE_REGISTRY

_FOLDER = Path(__file__).resolve().parent
if not (_FOLDER / "processing").is_dir() and str(_FOLDER.parent) not in __path__:
    # In a clone the rooms (processing, scripts, hub_card) lie beside this folder. They are imported from the same tree.
    __path__.append(str(_FOLDER.parent))

from modeling_amuse.processing.processing_amuse import AmuseProcessor

from .configuration_amuse import MODALITIES, AmuseConfig
from .described_utterance import RecognizedUtterance
from .explanation_types import Explanation
from .live_session import LiveSession
from .modeling_amuse import (
    AmuseEmotionRecognitionOutput,
    AmuseFeaturesOutput,
    AmuseForEmotionRecognition,
    AmuseModel,
    AmuseModelOutput,
    AmusePreTrainedModel,
)
from .pipeline_amuse import EmotionRecognitionPipeline

AutoConfig.register("amuse", AmuseConfig, exist_ok=True)
# With both classes, AutoModel gives the one that a folder was saved from: the recognizer for a trained model.
AutoModel.register(AmuseConfig, (AmuseModel, AmuseForEmotionRecognition), exist_ok=True)
AutoProcessor.register(AmuseConfig, AmuseProcessor, exist_ok=True)
if "emotion-recognition" not in PIPELINE_REGISTRY.get_supported_tasks():
    PIPELINE_REGISTRY.register_pipeline(
        "emotion-recognition",
        pipeline_class=EmotionRecognitionPipeline,
        pt_model=AmuseForEmotionRecognition,
        type="multimodal",
    )

__version__ = "0.1.0"
__all__ = [
    "MODALITIES",
    "AmuseConfig",
    "AmuseEmotionRecognitionOutput",
    "AmuseFeaturesOutput",
    "AmuseForEmotionRecognition",
    "AmuseModel",
    "AmuseModelOutput",
    "AmusePreTrainedModel",
    "AmuseProcessor",
    "EmotionRecognitionPipeline",
    "Explanation",
    "LiveSession",
    "RecognizedUtterance",
]
