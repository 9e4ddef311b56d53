# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""An exported AMuSE in onnxruntime."""

from pathlib import Path

import numpy as np

from modeling_amuse.processing.extras import import_extra

FILE_NAME = "model.onnx"
OUTPUTS = ("logits", "modality_logits", "fusion_shares", "modality_mask")
"""What an exported model gives, see `AmuseEmotionRecognitionOutput`."""
UNREAD = ("labels", "utterance_ids")
"""What the processor gives for the training alone."""


class OnnxModel:
    """
    A model that `scripts/export_onnx.py` wrote: takes the batches of [`AmuseProcessor`], as the PyTorch model does.

    Args:
        folder: with `model.onnx`.
        providers: onnxruntime's execution providers. None: the CPU.

    Raises:
        FileNotFoundError: when there is no such file.

    Example:

    ```python
    >>> model, processor = OnnxModel("amuse-sample-onnx"), AmuseProcessor.from_pretrained("amuse-sample-onnx")
    >>> model(**processor([{"speaker": "Ada", "text": "What was that noise?"}]))["logits"]  # (1, 1, C)
    ```
    """

    def __init__(self, folder, providers: list[str] | None = None):
        path = Path(folder) / FILE_NAME
        if not path.is_file():
            raise FileNotFoundError(f"There is no {path}: write it with scripts/export_onnx.py.")
        onnxruntime = import_extra("onnxruntime", "onnx")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors; it warns of every constant that it cannot fold
        providers = providers or ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(str(path), options, providers=providers)

    def __call__(self, **batch) -> dict[str, np.ndarray]:
        """
        Args:
            batch: arrays or tensors, what the processor gives. Of a modality that is left out, the file gets zeros.

        Returns:
            `logits` `(B, T, C)`, `modality_logits` `(B, T, M, C)`, `fusion_shares` and `modality_mask` `(B, T, M)`.

        Raises:
            ValueError: for an input that this file does not read, and where nothing is given.
        """
        inputs = {given.name: given for given in self.session.get_inputs()}
        unknown = [name for name, values in batch.items() if values is not None and name not in (*inputs, *UNREAD)]
        if unknown:
            raise ValueError(f"This file does not read {', '.join(unknown)}; it reads {', '.join(inputs)}.")
        batch = {name: np.asarray(batch[name]) for name in inputs if batch.get(name) is not None}
        if not batch:
            raise ValueError(f"No input is given; this file reads {', '.join(inputs)}.")
        if "speaker_ids" in inputs and "speaker_ids" not in batch:
            raise ValueError("There are no speaker_ids: without them, all utterances would be of one speaker.")
        shape = next(iter(batch.values())).shape[:2]
        for name in [name for name in inputs if name != "speaker_ids" and not name.endswith("_mask")]:
            mask = f"{stream_of(name)}_mask"
            if name in batch:
                batch.setdefault(mask, np.ones((*shape, *batch[name].shape[2 : len(inputs[mask].shape)])))
            elif batch.pop(mask, np.zeros(1)).any():  # one of zeros is made below, of the length that the file wants
                raise ValueError(f"{mask} is not zero, but there is no {name}.")
        batch.setdefault("utterance_mask", np.ones(shape))
        for name, given in inputs.items():
            if name not in batch:
                rest = [size if isinstance(size, int) else 1 for size in given.shape[2:]]
                # a mask says that the modality is missing, of as many tokens as its input has
                batch[name] = np.zeros((*shape, *rest))
            dtype = np.float32 if given.type == "tensor(float)" else np.int64
            batch[name] = batch[name].astype(dtype)
        return dict(zip(OUTPUTS, self.session.run(OUTPUTS, batch), strict=True))


def stream_of(name: str) -> str:
    """The stream that an input of the model is of."""
    if name.startswith("background"):
        return "background"
    return {"input": "text", "pixel": "vision"}.get(name.split("_")[0], name.split("_")[0])


__all__ = ["FILE_NAME", "OUTPUTS", "OnnxModel", "stream_of"]
