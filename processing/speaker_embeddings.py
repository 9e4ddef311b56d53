# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What a voice sounds like, as vectors: the speaker encoder of Resemblyzer, less what emotions change in it."""

import importlib.util
from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers.audio_utils import mel_filter_bank

from .emotional_directions import EMOTIONAL_DIRECTIONS
from .recorded_sound import Recording
from .sound_tracks import SAMPLING_RATE, utterance_waveforms
from .stage_progress import Progress, report

WINDOW_SECONDS = 1.6
"""The length on which the speaker encoder was trained."""
HOP_SECONDS = 0.4
BATCH_SIZE = 64
LOUDNESS = 10 ** (-30 / 20)
"""Root mean square to which a window is scaled: -30 dBFS, as in the training of the speaker encoder."""


def windows_of(start: float, end: float) -> np.ndarray:
    """`(windows, 2)` starts and ends in seconds, spread evenly over a stretch of speech; one shorter window if it is short."""
    if end - start <= WINDOW_SECONDS:
        return np.array([[start, end]])
    number = int(np.ceil((end - start - WINDOW_SECONDS) / HOP_SECONDS)) + 1
    starts = np.linspace(start, end - WINDOW_SECONDS, number)
    return np.stack([starts, starts + WINDOW_SECONDS], axis=1)


class SpeechWindow(NamedTuple):
    """A window of speech, in seconds, and the channel on which it is heard; None for the mean of all channels."""

    start: float
    end: float
    channel: int | None = None


@torch.no_grad()
def embed_windows(
    recording: Recording,
    windows: Sequence[SpeechWindow],
    audio_track: int | None = None,
    progress: Progress | None = None,
    is_raw: bool = False,
) -> np.ndarray:
    """
    The voice of each window as a vector of length 1, without the directions in which emotions move a voice.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        windows: in any order.
        audio_track: as in `audio_chunks`.
        progress: receives the progress of the stage `speakers`, in windows.
        is_raw: keep the directions in which emotions move a voice.

    Returns:
        `(windows, 256)` float32. Embeddings identify people: they are kept in memory alone, never written to a file.
    """
    embeddings = np.zeros((len(windows), 256), np.float32)
    report(progress, "speakers", 0, len(windows))
    completed = 0
    for channel in sorted({window.channel for window in windows}, key=lambda c: -1 if c is None else c):
        positions = [number for number, window in enumerate(windows) if window.channel == channel]
        spans = [(windows[number].start, windows[number].end) for number in positions]
        waveforms = utterance_waveforms(recording, spans, SAMPLING_RATE, audio_track, channel)
        while batch := list(islice(waveforms, BATCH_SIZE)):
            inputs = torch.from_numpy(np.stack([_encoder_input(waveform) for _, waveform in batch]))
            embeddings[[positions[number] for number, _ in batch]] = _speaker_encoder()(inputs).numpy()
            completed += len(batch)
            report(progress, "speakers", completed, len(windows))
    return embeddings if is_raw else without_emotion(embeddings)


def without_emotion(embeddings: np.ndarray) -> np.ndarray:
    """Embeddings `(windows, 256)` without their part along `EMOTIONAL_DIRECTIONS`, of length 1 again."""
    rest = embeddings - embeddings @ EMOTIONAL_DIRECTIONS.T @ EMOTIONAL_DIRECTIONS
    return rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-6)


def _encoder_input(waveform: np.ndarray) -> np.ndarray:
    """The window at the loudness and length of the encoder's training; a short one is repeated."""
    loudness = np.sqrt(np.mean(np.square(waveform)))
    scaled = waveform * np.float32(LOUDNESS / max(loudness, 1e-4))
    return np.resize(scaled, int(WINDOW_SECONDS * SAMPLING_RATE))


class _SpeakerEncoder(torch.nn.Module):
    """
    The network of Resemblyzer (a GE2E speaker encoder), with its weights.

    Its package is not imported: that would need webrtcvad, which needs a pkg_resources that setuptools no longer has, and
    it would leave to torch's default how the checkpoint, a pickle, is loaded.
    """

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = torch.nn.Linear(256, 256)
        filters = mel_filter_bank(201, 40, 0.0, 8000.0, SAMPLING_RATE, norm="slaney", mel_scale="slaney")
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("taper", torch.hann_window(400), persistent=False)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Waveforms `(batch, samples)` to embeddings `(batch, 256)` of length 1."""
        spectrum = torch.stft(waveforms, 400, 160, window=self.taper, pad_mode="constant", return_complex=True)
        mels = spectrum.abs().square().transpose(1, 2)[:, :-1] @ self.filters
        _, (hidden, _) = self.lstm(mels)
        return torch.nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)


@cache
def _speaker_encoder() -> _SpeakerEncoder:
    package = importlib.util.find_spec("resemblyzer")
    if package is None:
        raise ImportError("This needs Resemblyzer, which is not installed: pip install Resemblyzer.")
    path = Path(package.submodule_search_locations[0]) / "pretrained.pt"
    weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]  # tensors alone, no pickled code
    encoder = _SpeakerEncoder()
    encoder.load_state_dict({name: value for name, value in weights.items() if not name.startswith("similarity_")})
    return encoder.eval()
