# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Exporting a model to ONNX, and comparing the file's outputs with PyTorch's."""

import warnings
from pathlib import Path

import numpy as np
import torch

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.encoders import changes_with_padding
from modeling_amuse.onnx_model import FILE_NAME, OnnxModel, output_names, stream_of
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.whole_files import whole_files
from modeling_amuse.scripts.export.export_arguments import ExportArguments
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub

LARGEST_DIFFERENCE = 1e-4
BATCH_SIZES = (2, 1, 5, 4)
"""The numbers of conversations in the batches for checking the file; their sum is that of the corpus's test split."""


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
    Export a saved model, see [`export`].

    Returns:
        The largest difference between the outputs of the file and of PyTorch.
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
        model: the model, in evaluation mode and float32.
        processor: the model's processor.
        conversations: conversations for checking the file; modalities other than text are random.
        folder: the folder to write to. Its files are not changed if the export fails.
        without_encoders: modalities whose encoder is not exported, so that the file takes features.

    Returns:
        The largest difference between the outputs of the file and of the model.

    Raises:
        ValueError: for a model with random outputs, or whose text encoder reads more than an utterance; for
            `without_encoders` that the model does not have; and when outputs differ by more than 1e-4.
    """
    if model.config.fusion == "random":
        raise ValueError("A model with fusion='random' has random outputs and cannot be exported.")
    if model.config.text_scope != "utterance" and model.amuse.encoder("text") and "text" not in without_encoders:
        raise ValueError(
            f"A text encoder that reads more than an utterance (text_scope={model.config.text_scope!r}) cannot be exported, as "
            "the number of its sequences varies: leave it out with --without_encoders text."
        )
    for modality in ("text", "audio"):
        encoder = model.amuse.encoder(modality)
        if encoder is not None and modality not in without_encoders and changes_with_padding(encoder):
            raise ValueError(
                f"The {modality} encoder ({encoder.config.model_type}) reads padding, so its answers in an exported file would "
                f"depend on the other utterances of a batch: leave it out with --without_encoders {modality}."
            )
    for modality in without_encoders:
        if model.amuse.encoder(modality) is None:
            raise ValueError(
                f"--without_encoders {modality}: the model has no {modality} encoder, and takes features anyway. Leave it out."
            )
    batches = check_batches(model, processor, conversations, without_encoders)
    with whole_files(folder) as temporary:
        to_onnx(model, batches[0]).save(temporary / FILE_NAME)
        exported = OnnxModel(temporary)
        # NumPy's maximum, which keeps a NaN
        difference = float(np.max([largest_difference(model, exported, batch) for batch in batches]))
        if not difference <= LARGEST_DIFFERENCE:
            raise ValueError(
                f"The outputs of the exported file differ from PyTorch's by up to {difference:.1e}, but {LARGEST_DIFFERENCE} is "
                "the largest difference allowed: the file is not kept."
            )
        model.config.save_pretrained(temporary)
        processor.save_pretrained(temporary)
    return difference


def to_onnx(model: AmuseForEmotionRecognition, batch: dict[str, torch.Tensor]) -> "torch.onnx.ONNXProgram":
    """
    Convert the model to an ONNX program.

    Args:
        model: the model, in evaluation mode.
        batch: a batch with all inputs of the program, of at least two conversations, utterances and tokens.
    """
    shapes = {}
    for name, tensor in batch.items():
        shapes[name] = {0: "conversations", 1: "utterances"}
        if _has_steps(name, tensor, batch):
            shapes[name][2] = f"{stream_of(name)}_tokens"
    # all masks must be int64
    batch = {name: tensor if tensor.is_floating_point() else tensor.long() for name, tensor in batch.items()}
    with torch.no_grad(), warnings.catch_warnings():
        # the exporter warns that inputs share axes, which is intended
        warnings.filterwarnings("ignore", message=".*The axis name: .* will not be used", category=UserWarning)
        return torch.onnx.export(
            ChosenOutputs(model).eval(),
            kwargs={"inputs": batch},
            dynamic_shapes={"inputs": shapes},
            input_names=list(batch),
            output_names=list(output_names(model.config)),
            dynamo=True,
            optimize=False,  # onnxruntime optimizes the model when it loads it, and the exporter is slow at it
            verbose=False,
        )


def _has_steps(name: str, tensor: torch.Tensor, batch: dict[str, torch.Tensor]) -> bool:
    """Whether the third axis of an input may have any length. That of spectrograms is fixed by the encoder's window."""
    spectrogram = batch.get("audio_values", tensor).dim() == 4 and name in ("audio_values", "audio_mask")
    return tensor.dim() > 2 and not spectrogram and name != "evidence"


def check_batches(model, processor, conversations: list[dict], without_encoders=()) -> list[dict[str, torch.Tensor]]:
    """
    Batches of different shapes for checking the file. In the first one, every utterance has all modalities; in the others,
    utterances lack some of them; in the last one, all utterances have only the first modality. For a model that encodes
    sound or images, conversations are cut to one or two utterances.
    """
    generator = np.random.default_rng(0)
    # the file also encodes padding, and Whisper's window lasts 30 s: complete conversations would take gigabytes
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
    """An utterance with its speaker and text, and random inputs of the other modalities."""
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
    """The largest difference between the outputs of PyTorch and of the exported file for a batch."""
    expected, given = model(**batch), exported(**batch)
    differences = [np.abs(expected[name].numpy() - given[name]).max() for name in output_names(model.config)]
    return float(np.max(differences))
