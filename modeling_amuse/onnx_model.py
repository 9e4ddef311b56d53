# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Run an exported model with onnxruntime."""

from pathlib import Path

import numpy as np

from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.input_boundary import boundary

FILE_NAME = "model.onnx"
OUTPUTS = ("logits", "modality_logits", "fusion_shares", "modality_mask")
"""The outputs of an exported model, see `AmuseEmotionRecognitionOutput`."""
EXPERT_OUTPUTS = ("conversation_logits", "expert_logits", "expert_weights", "expert_terms")
"""Further outputs of an exported model with experts."""
UNREAD = ("labels", "utterance_ids")
"""Inputs that only training needs."""
WITHOUT_MASK = ("speaker_ids", "evidence")
"""Inputs that have a value for each utterance."""


class OnnxModel:
    """
    A model that `scripts/export_onnx.py` wrote. It takes the batches of [`AmuseProcessor`], like the PyTorch model.

    Args:
        folder: the folder that contains `model.onnx`.
        providers: the execution providers of onnxruntime. None: the CPU.

    Raises:
        FileNotFoundError: when the folder has no `model.onnx`.
        ValueError: when onnxruntime cannot load it.

    Example:

    ```python
    >>> from tempfile import mkdtemp
    >>> from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
    >>> from modeling_amuse.onnx_model import OnnxModel
    >>> from modeling_amuse.scripts import export_onnx

    >>> folder, exported = mkdtemp(), mkdtemp()
    >>> names = {0: "neutral", 1: "joy", 2: "anger"}
    >>> AmuseForEmotionRecognition(AmuseConfig(text_feature_size=2, hidden_size=16, id2label=names)).save_pretrained(folder)
    >>> _ = AmuseProcessor(emotions=list(names.values())).save_pretrained(folder)
    >>> _ = export_onnx.main(["--model", folder, "--output_dir", exported])  # doctest: +ELLIPSIS
    Written to ...
    >>> model, processor = OnnxModel(exported), AmuseProcessor.from_pretrained(exported)
    >>> model(**processor([{"speaker": "Ada", "text_features": [0.3, -1.2]}]))["logits"].shape
    (1, 1, 3)
    ```
    """

    def __init__(self, folder, providers: list[str] | None = None):
        path = Path(folder) / FILE_NAME
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist: write it with scripts/export_onnx.py.")
        onnxruntime = import_extra("onnxruntime", "onnx")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # only errors: onnxruntime warns about every constant that it cannot fold
        providers = providers or ["CPUExecutionProvider"]
        self._path = path
        with boundary(path, "it is damaged: export the model again."):
            self.session = onnxruntime.InferenceSession(str(path), options, providers=providers)

    def __call__(self, **batch) -> dict[str, np.ndarray]:
        """
        Args:
            batch: arrays or tensors from the processor. A modality that is not given is missing (a mask of zeros).

        Returns:
            `logits` `(B, T, C)`, `modality_logits` `(B, T, M, C)`, `fusion_shares` and `modality_mask` `(B, T, M)`; with
            experts also `EXPERT_OUTPUTS`.

        Raises:
            ValueError: for an input that the exported model does not have or that has a wrong shape, and when no input is
                given.
        """
        remedy = "give a batch of the processor that was exported with the model, or export the model again."
        with boundary(self._path, remedy):
            return self._outputs(batch)

    def _outputs(self, batch: dict) -> dict[str, np.ndarray]:
        inputs = {given.name: given for given in self.session.get_inputs()}
        unknown = [name for name, values in batch.items() if values is not None and name not in (*inputs, *UNREAD)]
        if unknown:
            raise ValueError(f"The exported model does not read {', '.join(unknown)}; it reads {', '.join(inputs)}.")
        batch = {name: np.asarray(batch[name]) for name in inputs if batch.get(name) is not None}
        if not batch:
            raise ValueError(f"No input is given; the exported model reads {', '.join(inputs)}.")
        if "speaker_ids" in inputs and "speaker_ids" not in batch:
            raise ValueError("speaker_ids are missing: without them, all utterances would belong to one speaker.")
        shape = next(iter(batch.values())).shape[:2]
        for name in [name for name in inputs if name not in WITHOUT_MASK and not name.endswith("_mask")]:
            mask = f"{stream_of(name)}_mask"
            if name in batch:
                # the mask of a spectrogram has its frames, which is the last or the last but one dimension
                if mask not in batch and name == "audio_values" and batch[name].ndim > 3:
                    raise ValueError(f"{mask} is missing: give the mask that the processor makes with {name}.")
                batch.setdefault(mask, np.ones((*shape, *batch[name].shape[2 : len(inputs[mask].shape)])))
            elif batch.pop(mask, np.zeros(1)).any():  # a mask of zeros with the right shape is made below
                raise ValueError(f"{mask} is not zero, but {name} is missing.")
        batch.setdefault("utterance_mask", np.ones(shape))
        for name, given in inputs.items():
            if name not in batch:
                rest = [size if isinstance(size, int) else 1 for size in given.shape[2:]]
                # a mask of zeros means that the modality is missing; it has as many tokens as the input
                batch[name] = np.zeros((*shape, *rest))
            dtype = np.float32 if given.type == "tensor(float)" else np.int64
            batch[name] = batch[name].astype(dtype)
        names = [given.name for given in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, batch), strict=True))


def output_names(config) -> tuple[str, ...]:
    """The outputs of an exported model with the configuration `config`."""
    return OUTPUTS if config.experts == "none" else (*OUTPUTS, *EXPERT_OUTPUTS)


def stream_of(name: str) -> str:
    """The stream that an input of the model belongs to."""
    if name.startswith("background"):
        return "background"
    return {"input": "text", "pixel": "vision"}.get(name.split("_")[0], name.split("_")[0])


__all__ = ["EXPERT_OUTPUTS", "FILE_NAME", "OUTPUTS", "OnnxModel", "output_names", "stream_of"]
