# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The CPU time of an audio encoder that reads its whole window for every sound, and of one that reads as much as it needs."""

import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.sound_tracks import read_audio
from modeling_amuse.recording_states import SAMPLING_RATE, recording_encoders
from modeling_amuse.scripts.training.model_loading import encoder_part

REPEATS = 3


def benchmark_window(audio_model: str, folder: str, sounds: int) -> dict:
    """
    Encode sounds one at a time, as `amuse extract` does, with and without `config.crop_audio_window`, alternating.

    Args:
        audio_model: Hub id or folder of an encoder with a fixed window, such as Whisper.
        folder: a folder with .wav files, also in folders below it; evenly spaced ones of them are read.
        sounds: their number.

    Returns:
        `seconds` of CPU time of the `whole` and the `cropped` window (medians of the repeats, all sounds), their `ratio`,
        `similarity` (the mean cosine of both states of a moment), `sounds`, their mean `duration` in seconds, and `threads`.

    Raises:
        FileNotFoundError: when there are no .wav files.
    """
    paths = sorted(Path(folder).rglob("*.wav"))
    if not paths:
        raise FileNotFoundError(f"There are no .wav files in {folder}: name a folder of short recordings.")
    chosen = [paths[n] for n in np.unique(np.linspace(0, len(paths) - 1, sounds).astype(int))]
    waveforms = [read_audio(path, sampling_rate=SAMPLING_RATE) for path in chosen]
    processor = AmuseProcessor(**encoder_part("audio", audio_model))  # first: it reports a missing encoder
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(audio=audio_model).eval()
    times, states = {False: [], True: []}, {}
    for _ in range(REPEATS):
        for crops in times:
            model.amuse.config.crop_audio_window = crops
            encode = recording_encoders(model.amuse, processor)["audio"]
            start = time.process_time()
            states[crops] = [encode(waveform) for waveform in waveforms]
            times[crops].append(time.process_time() - start)
    whole, cropped = (median(times[crops]) for crops in (False, True))
    pairs = [cosine_similarity(*pair) for pair in zip(states[False], states[True], strict=True)]
    return {
        "seconds": {"whole": whole, "cropped": cropped},
        "ratio": cropped / whole,
        "similarity": float(np.mean(np.concatenate(pairs))),
        "sounds": len(waveforms),
        "duration": float(np.mean([len(waveform) for waveform in waveforms]) / SAMPLING_RATE),
        "threads": torch.get_num_threads(),
    }


def cosine_similarity(states: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The cosine `(tokens,)` of two arrays of states `(tokens, D)`."""
    norms = np.linalg.norm(states, axis=1) * np.linalg.norm(others, axis=1)
    return (states * others).sum(axis=1) / norms


def as_text(report: dict) -> str:
    """The report in words."""
    seconds = report["seconds"]
    return (
        f"{report['sounds']} sounds of {report['duration']:.1f} s on average, {report['threads']} thread(s), CPU time: "
        f"{seconds['whole']:.1f} s with the whole window, {seconds['cropped']:.1f} s with a window cut to each sound, "
        f"ratio {report['ratio']:.3f}; the mean cosine of their states is {report['similarity']:.3f}."
    )
