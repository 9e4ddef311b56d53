# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
How an utterance is said, in a few dozen numbers: pitch, loudness, pace and timbre.

The default features of a voice. They need no pretrained model and no licence but librosa's (ISC); the paper's PaSST, or
any other audio encoder of transformers, takes their place by `audio_config`.
"""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from .extras import import_extra
from .sound_tracks import SAMPLING_RATE

VERSION = 1  # raised when the same sound gives other numbers
_HOP = 256  # samples between frames, 16 ms
_FRAME = 1024
_COEFFICIENTS = 13

PROSODY_FEATURES = (
    *("pitch_mean", "pitch_deviation", "pitch_low", "pitch_median", "pitch_high", "pitch_change"),
    *("loudness_mean", "loudness_deviation", "loudness_low", "loudness_high", "loudness_change"),
    *("voiced_share", "peaks_per_second", "seconds"),
    *("centroid_mean", "centroid_deviation", "flatness_mean", "zero_crossings_mean"),
    *(f"mfcc{number}_{statistic}" for statistic in ("mean", "deviation") for number in range(1, _COEFFICIENTS)),
)
"""Pitch in semitones above 55 Hz, loudness in decibels of full scale, both with their 20th and 80th percentile as `low` and
`high` and the mean change from frame to frame; peaks of loudness stand for syllables."""


def prosody(waveform: np.ndarray) -> np.ndarray | None:
    """
    Args:
        waveform: `(samples,)` at `SAMPLING_RATE`, between -1 and 1.

    Returns:
        `(1, len(PROSODY_FEATURES))` float32; the pitch of an utterance without a voiced frame is NaN, an empty cell. None
        for a sound of less than a frame, and for digital silence: there is no voice in it.

    Raises:
        ImportError: without the extra `media`.
        ValueError: when the waveform holds NaN or infinite values.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if not np.isfinite(waveform).all():
        raise ValueError("The waveform holds NaN or infinite values: decode it anew, or leave its audio out.")
    if len(waveform) < _FRAME or not waveform.any():
        return None
    _compile()
    return _prosody(waveform)


@cache
def _compile():
    """
    The first call, under a lock. librosa's loops are compiled by numba, which keeps the machine code in files: processes that
    compile at the same time can mix these up, and whoever loads them later crashes.
    """
    with import_extra("filelock", "media").FileLock(Path(tempfile.gettempdir()) / "amuse-emotion-numba.lock"):
        _prosody(np.sin(np.arange(SAMPLING_RATE) / 20, dtype=np.float32))


def _prosody(waveform: np.ndarray) -> np.ndarray:
    librosa, feature = import_extra("librosa", "media"), import_extra("librosa.feature", "media")
    frames = {"hop_length": _HOP, "frame_length": _FRAME}
    energy = feature.rms(y=waveform, **frames)[0]
    loudness = 20 * np.log10(energy + 1e-5)
    # voice is what is not much softer than the utterance's loud moments
    heard = loudness > np.percentile(loudness, 95) - 25
    pitch = librosa.yin(waveform, fmin=60, fmax=500, sr=SAMPLING_RATE, **frames)[: len(loudness)]
    voiced = heard & (pitch > 62) & (pitch < 490)  # at the bounds yin found no period
    semitones = 12 * np.log2(pitch[voiced] / 55)
    spectrum = np.abs(librosa.stft(waveform, n_fft=_FRAME, hop_length=_HOP))[:, : len(loudness)][:, heard]
    cepstrum = feature.mfcc(
        S=librosa.power_to_db(feature.melspectrogram(S=spectrum**2, sr=SAMPLING_RATE)), n_mfcc=_COEFFICIENTS
    )[1:]  # the first is the loudness
    centroid = feature.spectral_centroid(S=spectrum, sr=SAMPLING_RATE)[0]
    seconds = len(waveform) / SAMPLING_RATE
    peaks = librosa.util.peak_pick(loudness, pre_max=4, post_max=4, pre_avg=12, post_avg=12, delta=1, wait=6)
    values = [
        *_moments(semitones, change=True, median=True),
        *_moments(loudness[heard], change=True),
        *(voiced.mean(), heard[peaks].sum() / seconds, seconds),
        *(centroid.mean(), centroid.std(), feature.spectral_flatness(S=spectrum).mean()),
        feature.zero_crossing_rate(waveform, **frames)[0][: len(loudness)][heard].mean(),
        *cepstrum.mean(axis=1),
        *cepstrum.std(axis=1),
    ]
    return np.array([values], dtype=np.float32)


def _moments(values: np.ndarray, change: bool = False, median: bool = False) -> list[float]:
    if len(values) == 0:
        return [np.nan] * (4 + change + median)
    low, middle, high = np.percentile(values, [20, 50, 80])
    steps = [np.abs(np.diff(values)).mean() if len(values) > 1 else 0.0] if change else []
    return [values.mean(), values.std(), low, *([middle] if median else []), high, *steps]
