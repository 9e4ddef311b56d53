# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What is accepted as a recording: the path of a file, or a waveform with its sampling rate."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Required, TypedDict

import numpy as np

SAMPLING_RATES = (4000, 768000)
"""The lowest and the highest sampling rate that a recording may have, in Hz."""

MOST_CHANNELS = 64
LARGEST_SAMPLE = 8.0  # decoders overshoot 1 a little; larger values are integers that somebody converted to floats


class Waveform(TypedDict, total=False):
    """
    A sound in memory, as `datasets` decodes its `Audio` column and as transformers' speech recognition takes it. One of
    `array` and `raw` is needed.
    """

    array: Any
    """`(samples,)` or `(channels, samples)`: floats in [-1, 1], or integers of the range of their type."""
    raw: Any
    """The same as `array`, by the name that transformers' speech recognition pipeline uses."""
    sampling_rate: Required[int]
    """Samples per second."""
    path: str | None
    """Where the sound is from. It names the conversation, and is not read."""


Recording = str | os.PathLike | Waveform
"""A recording: the path of a sound or video file, or a [`Waveform`]. A `torchcodec` decoder from `datasets` counts as one."""


def is_waveform(given) -> bool:
    """Whether `given` has the form of a [`Waveform`]: a mapping with `array` or `raw`, or a decoder of `datasets`."""
    if isinstance(given, Mapping):
        return "array" in given or "raw" in given
    return hasattr(given, "get_all_samples") and hasattr(given, "__getitem__")


def check_recording(given) -> "Path | Waveform":
    """
    A recording in one of two forms: a `Path`, or a [`Waveform`] whose `array` is `(channels, samples)` float32.

    Args:
        given: a [`Recording`].

    Raises:
        ValueError: when it is neither a path nor a waveform, or the waveform's shape, values or sampling rate are wrong.
    """
    if isinstance(given, (str, os.PathLike)):
        return Path(given)
    if not is_waveform(given):
        raise ValueError(
            f"A recording is given as a {type(given).__name__}: give the path of a file, or a waveform with its sampling "
            'rate, {"array": (samples,), "sampling_rate": 16000}.'
        )
    rate = _check_rate(_value(given, "sampling_rate"))
    array = _value(given, "array")
    array = _check_samples(_value(given, "raw") if array is None else array)
    path = _value(given, "path")
    return {"array": array, "sampling_rate": rate, "path": None if path is None else str(path)}


def recording_name(recording: Recording) -> str:
    """
    How error messages name a recording.

    Raises:
        ValueError: when it is a waveform without a sampling rate or samples.
    """
    if not is_waveform(recording):
        return str(recording)
    rate, array = _check_rate(_value(recording, "sampling_rate")), _value(recording, "array")
    try:
        samples = np.shape(_value(recording, "raw") if array is None else array)[-1]
    except (IndexError, ValueError):  # no array, or lists of unequal lengths
        samples = check_recording(recording)["array"].shape[-1]  # which says what is wrong
    return f"the waveform of {samples / rate:.2f} s"


def recording_key(recording: Recording) -> str | int:
    """What is equal for two recordings when they are the same file, or the same object in memory."""
    return id(recording) if is_waveform(recording) else str(recording)


def recording_stem(recording: Recording) -> str:
    """The name of the file without folder and suffix; "recording" for a waveform that says no path."""
    path = _value(recording, "path") if is_waveform(recording) else recording
    return Path(path).stem if path else "recording"


def _value(waveform, key: str):
    try:
        return waveform[key]
    except (KeyError, IndexError, TypeError):
        return None


def _check_rate(rate) -> int:
    low, high = SAMPLING_RATES
    try:
        is_rate = low <= rate <= high and int(rate) == rate
    except (TypeError, ValueError):
        is_rate = False
    if not is_rate:
        raise ValueError(
            f"The sampling_rate of a waveform is {rate!r}: give a whole number of Hz from {low} to {high}."
        )
    return int(rate)


def _check_samples(given) -> np.ndarray:
    """`(channels, samples)` float32."""
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"The array of a waveform is not an array of numbers: {error}") from error
    if array.dtype.kind not in "fiu" or array.ndim not in (1, 2) or not array.size:
        raise ValueError(
            f"The array of a waveform is {array.dtype} {array.shape}: give numbers, (samples,) or (channels, samples)."
        )
    array = np.atleast_2d(array)
    if array.shape[0] > MOST_CHANNELS:
        raise ValueError(
            f"The array of a waveform is {array.shape}, which would be {array.shape[0]} channels: give (channels, samples), "
            "the transpose."
        )
    if array.dtype.kind in "iu":
        check_filled(array)
        return in_unit_range(array)
    if not np.isfinite(array).all():
        raise ValueError("The array of a waveform holds NaN or infinite values: decode it again.")
    check_largest(array, "The array of a waveform")
    return array.astype(np.float32)


def in_unit_range(array: np.ndarray) -> np.ndarray:
    """Samples of integers as float32 in [-1, 1]."""
    limits = np.iinfo(array.dtype)
    middle = 0 if array.dtype.kind == "i" else (limits.max + 1) // 2
    return ((array.astype(np.float64) - middle) / (limits.max + 1 - middle)).astype(np.float32)


def check_filled(array: np.ndarray):
    """
    Raises:
        ValueError: when integers of 64 bits, as lists of Python are read, must be samples of a smaller type.
    """
    if array.dtype != np.int64:
        return
    largest = int(np.abs(array.astype(np.float64)).max(initial=0))
    smaller = next((bits for bits in (16, 32) if 0 < largest <= 2 ** (bits - 1)), None)
    if smaller is not None:
        raise ValueError(
            f"The array of a waveform is {array.dtype} with values up to {largest}: these are samples of {smaller} bits, which would "
            f"be silent as {array.dtype}. Give numpy.asarray(samples, dtype=numpy.int{smaller})."
        )


def check_largest(array: np.ndarray, what: str):
    """
    Raises:
        ValueError: when samples are far beyond [-1, 1], as those of integers that were converted to floats.
    """
    largest = float(np.abs(array).max(initial=0))
    if largest > LARGEST_SAMPLE:
        raise ValueError(
            f"{what} has values up to {largest:g}, but floats must be in [-1, 1]: divide them by the largest value of their "
            "integer type, 32768 for 16 bits."
        )


__all__ = ["Recording", "Waveform", "check_recording", "is_waveform"]
