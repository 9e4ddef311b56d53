# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Prosody of an utterance, in a few dozen numbers: pitch, loudness, pace and timbre.

These are the features of `--extractors prosody`. They need no pretrained model, and librosa's licence (ISC) is the only one
that applies. The paper's PaSST, or any other audio encoder of transformers, can replace them with `audio_config`.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .extras import import_extra
from .file_locks import InUse, locked
from .sound_tracks import SAMPLING_RATE

VERSION = 1  # increase it when the same sound gives other numbers
_HOP = 256  # samples between frames, 16 ms
_FRAME = 1024
_COEFFICIENTS = 13
_BLOCK_FRAMES = 7500  # two minutes
_OVERLAP_FRAMES = 8  # more than the frames that see the padding at the ends of a block

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
    compile at the same time can mix these up, and whoever loads them later crashes. A process that is suspended keeps the lock:
    after a minute it is not waited for.
    """
    librosa = import_extra("librosa", "media")
    with ExitStack() as stack:
        with suppress(InUse):
            stack.enter_context(locked(Path(librosa.__file__).parent, wait=60))
        _prosody(np.sin(np.arange(SAMPLING_RATE) / 20, dtype=np.float32))


def _prosody(waveform: np.ndarray) -> np.ndarray:
    librosa = import_extra("librosa", "media")
    frames = _frames_of(waveform)
    seconds = len(waveform) / SAMPLING_RATE
    loudness, heard = frames.loudness, frames.heard
    peaks = librosa.util.peak_pick(loudness, pre_max=4, post_max=4, pre_avg=12, post_avg=12, delta=1, wait=6)
    voiced = heard & (frames.pitch > 62) & (frames.pitch < 490)  # at the bounds yin found no period
    semitones = 12 * np.log2(frames.pitch[voiced] / 55)
    values = [
        *_moments(semitones, change=True, median=True),
        *_moments(loudness[heard], change=True),
        *(voiced.mean(), heard[peaks].sum() / seconds, seconds),
        *(frames.centroid.mean(), frames.centroid.std(), frames.flatness.mean()),
        frames.zero_crossings[heard].mean(),
        *frames.cepstrum.mean(axis=1),
        *frames.cepstrum.std(axis=1),
    ]
    return np.array([values], dtype=np.float32)


class _Frames(NamedTuple):
    """
    What is measured of each frame of 16 ms, and of those that are heard.

    Attributes:
        loudness, pitch, zero_crossings: `(frames,)`, of each frame.
        heard: `(frames,)` bool, the frames that are not much softer than the loud moments.
        centroid, flatness: `(heard frames,)`.
        cepstrum: `(12, heard frames)`.
    """

    loudness: np.ndarray
    heard: np.ndarray
    pitch: np.ndarray
    zero_crossings: np.ndarray
    centroid: np.ndarray
    flatness: np.ndarray
    cepstrum: np.ndarray


def _frames_of(waveform: np.ndarray) -> _Frames:
    """The frames of a waveform, measured in blocks, so that the spectra of a long one do not fill the memory."""
    librosa, feature = import_extra("librosa", "media"), import_extra("librosa.feature", "media")
    frames = {"hop_length": _HOP, "frame_length": _FRAME}
    energy = feature.rms(y=waveform, **frames)[0]
    loudness = 20 * np.log10(energy + 1e-5)
    # voice is what is not much softer than the utterance's loud moments
    heard = loudness > np.percentile(loudness, 95) - 25
    crossings = feature.zero_crossing_rate(waveform, **frames)[0][: len(loudness)]
    pitch, centroid, flatness, mels = [], [], [], []
    for samples, own, first in _blocks(waveform, len(loudness)):
        pitch.append(librosa.yin(samples, fmin=60, fmax=500, sr=SAMPLING_RATE, **frames)[own])
        of_block = heard[first : first + len(pitch[-1])]
        spectrum = np.abs(librosa.stft(samples, n_fft=_FRAME, hop_length=_HOP))[:, own][:, : len(of_block)][:, of_block]
        if spectrum.shape[1]:
            centroid.append(feature.spectral_centroid(S=spectrum, sr=SAMPLING_RATE)[0])
            flatness.append(feature.spectral_flatness(S=spectrum)[0])
            mels.append(feature.melspectrogram(S=spectrum**2, sr=SAMPLING_RATE))
    mel = np.concatenate(mels, axis=1)
    # the first coefficient is the loudness
    cepstrum = feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=_COEFFICIENTS)[1:]
    pitch = np.concatenate(pitch)[: len(loudness)]
    return _Frames(loudness, heard, pitch, crossings, np.concatenate(centroid), np.concatenate(flatness), cepstrum)


def _blocks(waveform: np.ndarray, frames: int) -> Iterator[tuple[np.ndarray, slice, int]]:
    """
    The waveform in blocks that overlap, each with the slice of its frames that no other block has, and the number of the first
    of these. A short waveform is one block.
    """
    if frames <= _BLOCK_FRAMES:
        yield waveform, slice(None), 0
        return
    for first in range(0, frames, _BLOCK_FRAMES):
        before = min(first, _OVERLAP_FRAMES)
        last = min(first + _BLOCK_FRAMES, frames)
        is_last = last == frames
        end = len(waveform) if is_last else (last + _OVERLAP_FRAMES) * _HOP
        yield waveform[(first - before) * _HOP : end], slice(before, before + last - first), first


def _moments(values: np.ndarray, change: bool = False, median: bool = False) -> list[float]:
    if len(values) == 0:
        return [np.nan] * (4 + change + median)
    low, middle, high = np.percentile(values, [20, 50, 80])
    steps = [np.abs(np.diff(values)).mean() if len(values) > 1 else 0.0] if change else []
    return [values.mean(), values.std(), low, *([middle] if median else []), high, *steps]
