# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Exporting a model to ONNX, and checking the file against PyTorch."""

import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.onnx_model import FILE_NAME, OnnxModel, output_names, stream_of
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.scripts.export.export_arguments import ExportArguments
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub

LARGEST_DIFFERENCE = 1e-4
BATCH_SIZES = (2, 1, 5, 4)
"""Conversations in the batches that the file is checked with; the corpus's test split has as many."""


class ChosenOutputs(torch.nn.Module):
    """The model with its outputs as a tuple, in the order of `output_names`."""

    def __init__(self, model: AmuseForEmotionRecognition):
        super().__init__()
        self.model = model

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        outputs = self.model(**inputs)
        return tuple(outputs[name] for name in output_names(self.model.config))


def export_model(args: ExportArguments) -> float:
    """
    Export a saved model; see [`export`].

    Returns:
        The largest difference between an output of the file and of PyTorch.
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        import_extra(module, "onnx")
    model = load_from_folder_or_hub(AmuseForEmotionRecognition, args.model).float().eval()
    processor = load_from_folder_or_hub(AmuseProcessor, args.model)
    conversations = [dict(row) for row in load_conversations("sample", cache_dir=args.cache_dir).splits["test"]]
    difference = export(model, processor, conversations, Path(args.output_dir), args.without_encoders)
    print(f"Written to {Path(args.output_dir) / FILE_NAME}. Largest difference from PyTorch: {difference:.1e}")
    return difference


def export(
    model: AmuseForEmotionRecognition, processor, conversations: list[dict], folder: Path, without_encoders=()
) -> float:
    """
    Write `model.onnx`, the configuration and the processor, and check the file.

    Args:
        model: in evaluation mode, of float32.
        processor: the model's.
        conversations: what the file is checked with; their other modalities are made up.
        folder: what stands in it stays, when anything goes wrong.
        without_encoders: modalities of which the file takes features.

    Returns:
        The largest difference between an output of the file and of the model.

    Raises:
        ValueError: for a model whose numbers are random, or that reads text in its conversation; for modalities without an encoder, and when the file's numbers
            differ by more than 1e-4.
    """
    if model.config.fusion == "random":
        raise ValueError("A model with fusion='random' gives other numbers every time: it cannot be exported.")
    if model.config.text_scope != "utterance" and model.amuse.encoder("text") and "text" not in without_encoders:
        raise ValueError(
            f"The model reads text in its conversation (text_scope={model.config.text_scope!r}), for which a file would "
            "have to know how many sequences there will be: leave its encoder out with --without_encoders text."
        )
    for modality in without_encoders:
        if model.amuse.encoder(modality) is None:
            raise ValueError(f"The model has no {modality} encoder that could stay out: it takes features anyway.")
    batches = check_batches(model, processor, conversations, without_encoders)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        to_onnx(model, batches[0]).save(Path(temporary) / FILE_NAME)
        exported = OnnxModel(temporary)
        difference = max(largest_difference(model, exported, batch) for batch in batches)
        if not difference <= LARGEST_DIFFERENCE:
            raise ValueError(
                f"The exported file gives other numbers than PyTorch (by up to {difference:.1e}; {LARGEST_DIFFERENCE} is "
                "allowed): it is not kept."
            )
        for file in Path(temporary).iterdir():
            os.replace(file, folder / file.name)
    model.config.save_pretrained(folder)
    processor.save_pretrained(folder)
    return difference


def to_onnx(model: AmuseForEmotionRecognition, batch: dict[str, torch.Tensor]) -> "torch.onnx.ONNXProgram":
    """
    The model as an ONNX program.

    Args:
        model: in evaluation mode.
        batch: with every input that the program is to take, of at least two conversations, utterances and tokens.
    """
    shapes = {}
    for name, tensor in batch.items():
        shapes[name] = {0: "conversations", 1: "utterances"}
        if _has_steps(name, tensor, batch):
            shapes[name][2] = f"{stream_of(name)}_tokens"
    # masks are int64, all of them
    batch = {name: tensor if tensor.is_floating_point() else tensor.long() for name, tensor in batch.items()}
    with torch.no_grad(), warnings.catch_warnings():
        # inputs share their axes, which it warns of
        warnings.filterwarnings("ignore", message=".*The axis name: .* will not be used", category=UserWarning)
        return torch.onnx.export(
            ChosenOutputs(model).eval(),
            kwargs={"inputs": batch},
            dynamic_shapes={"inputs": shapes},
            input_names=list(batch),
            output_names=list(output_names(model.config)),
            dynamo=True,
            optimize=False,  # onnxruntime optimizes what it loads; the exporter would take as long again
            verbose=False,
        )


def _has_steps(name: str, tensor: torch.Tensor, batch: dict[str, torch.Tensor]) -> bool:
    """Whether the third axis may have any length: not that of spectrograms, whose encoders have a fixed window."""
    spectrogram = batch.get("audio_values", tensor).dim() == 4 and name in ("audio_values", "audio_mask")
    return tensor.dim() > 2 and not spectrogram and name != "evidence"


def check_batches(model, processor, conversations: list[dict], without_encoders=()) -> list[dict[str, torch.Tensor]]:
    """
    Batches of differing shapes. In the first, every utterance has every modality; in the others, utterances lack some of
    them; in the last one, all but the first modality is left out. Of a model that encodes sound or images, conversations
    are cut to one or two utterances.
    """
    generator = np.random.default_rng(0)
    # the file encodes padding, too, and Whisper's window has 30 seconds: whole conversations would take gigabytes
    costly = any(m not in ("text", *without_encoders) and model.amuse.encoder(m) for m in model.config.modalities)
    batches, start = [], 0
    for number, size in enumerate(BATCH_SIZES):
        texts = [conversation["utterances"] for conversation in conversations[start : start + size]]
        start += size
        if costly:
            texts = [utterances[: 1 + place % 2] for place, utterances in enumerate(texts)]
        chosen = [
            {
                "utterances": [
                    _signals(model, processor, u, generator, without_encoders, number == 0) for u in utterances
                ]
            }
            for utterances in texts
        ]
        modalities = model.config.modalities[:1] if number == len(BATCH_SIZES) - 1 else model.config.modalities
        batches.append(dict(processor(chosen, modalities=modalities, return_labels=False)))
    return batches


def _signals(model, processor, utterance: dict, generator, without_encoders, complete: bool) -> dict:
    """The utterance's speaker and text, and noise for its other modalities."""
    signals = {"speaker": utterance["speaker"]}
    for stream in STREAMS:
        modality, size = MODALITY_OF[stream], getattr(model.config, f"{stream}_feature_size")
        if size is None or not (complete or generator.random() < 0.7):
            continue
        length = int(generator.integers(2, 7))
        if model.amuse.encoder(modality) is None or modality in without_encoders:
            features = generator.standard_normal((length, size))
            statistics = processor.feature_statistics.get(stream)
            if statistics is not None:
                features = features * np.asarray(statistics["std"]) + np.asarray(statistics["mean"])
            signals[f"{stream}_features"] = features.astype(np.float32)
        elif stream == "text":
            signals["text"] = utterance["text"]
        elif stream == "audio":
            samples = processor.feature_extractor.sampling_rate * length // 4
            signals["waveform"] = generator.standard_normal(samples).astype(np.float32) / 10
        else:
            pictures = generator.integers(0, 256, (length, 32, 32, 3), dtype=np.uint8)
            signals["face_images" if stream == "vision" else "background_images"] = list(pictures)
    return signals


@torch.no_grad()
def largest_difference(model: AmuseForEmotionRecognition, exported: OnnxModel, batch: dict) -> float:
    """Between what PyTorch and the exported file give for a batch, over all outputs."""
    expected, given = model(**batch), exported(**batch)
    return max(float(np.abs(expected[name].numpy() - given[name]).max()) for name in output_names(model.config))
