# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Checks of what an utterance holds for the processor: its label, features and waveform, and keys that nothing reads."""

import numpy as np
from transformers.utils import logging

from .conversation import MODALITY_OF, RECORDING_KEYS, STREAMS, UTTERANCE_KEYS, Utterance
from .plain_values import numbers_of, shown
from .recorded_sound import check_largest, in_unit_range

LARGEST_STATISTIC = 1e20
"""The largest mean, deviation or limit of a feature, so that normalized features stay finite."""

IGNORED_LABEL = -100
"""The label of utterances without an emotion, which losses and scores leave out."""

RAW_INPUTS = {"audio": "waveform", "vision": "face_images", "background": "background_images"}
"""For each stream the key of an utterance whose value the stream's encoder reads."""

logger = logging.get_logger(__name__)


def warn_of_unread_keys(utterances: list[Utterance]):
    """Log a warning, once, that names the keys of utterances that AMuSE does not read."""
    unread = {key for utterance in utterances for key in utterance} - {
        *UTTERANCE_KEYS,
        *RECORDING_KEYS,
        *RAW_INPUTS.values(),
        "index",
    }
    if unread:
        logger.warning_once(
            f"Utterances hold {', '.join(sorted(map(repr, unread)))}, which AMuSE does not read; it reads "
            f"{', '.join(UTTERANCE_KEYS)}."
        )


def check_modalities(modalities: tuple[str, ...] | None):
    """
    Raises:
        ValueError: when a name is none of `"text"`, `"audio"` and `"vision"`.
    """
    unknown = set(modalities or ()) - set(MODALITY_OF.values())
    if unknown:
        raise ValueError(
            f"There is no modality {', '.join(sorted(unknown))}; the modalities are text, audio and vision."
        )


def checked_waveform(waveform) -> np.ndarray:
    """
    A waveform `(samples,)` as float32; None becomes an empty one.

    Raises:
        ValueError: when it is not of one dimension, or holds NaN or infinite values.
    """
    if isinstance(waveform, np.ndarray) and waveform.dtype.kind in "iu" and waveform.dtype.itemsize <= 4:
        waveform = in_unit_range(waveform)  # as soundfile and scipy read 16 bits
    waveform = np.zeros(0, np.float32) if waveform is None else numbers_of(waveform, "The samples of a waveform")
    if waveform.ndim != 1 or not np.isfinite(waveform).all():
        raise ValueError(
            f"A waveform must be of shape (samples,) and finite, but is of shape {waveform.shape} "
            f"with {int((~np.isfinite(waveform)).sum())} values that are not finite: decode it again, or leave it out."
        )
    check_largest(waveform, "A waveform")
    return waveform


def label_of(place: str, utterance: Utterance, emotions: list[str]) -> int:
    """
    The index of the utterance's emotion among `emotions`; -100, which losses ignore, where it has none.

    Raises:
        ValueError: when the emotion is not among them; `place` says which utterance it is.
    """
    emotion = utterance.get("emotion")
    if emotion is None:
        return IGNORED_LABEL
    if not isinstance(emotion, str) or emotion not in emotions:
        raise ValueError(
            f"{place} has the emotion {shown(emotion)}, but the emotions are {', '.join(emotions)}: correct the "
            "label, or leave it out (None) where it is unknown."
        )
    return emotions.index(emotion)


SMALLEST_DEVIATION = 1e-12
"""Dividing by it keeps usual features finite. A constant feature has the deviation 1."""


def checked_statistics(statistics: dict[str, dict[str, list[float]]] | None) -> dict[str, dict[str, list[float]]]:
    """
    The statistics with which features are normalized; an empty dict for None.

    Raises:
        ValueError: when a stream is unknown, mean and deviation are not lists of numbers of one length, a number is not finite,
            or a deviation is 0 or negative.
    """
    statistics = {} if statistics is None else statistics
    if not isinstance(statistics, dict) or not all(isinstance(values, dict) for values in statistics.values()):
        raise ValueError("feature_statistics is not a dict of a dict for each stream: save the processor again.")
    for stream, values in statistics.items():
        what = f"feature_statistics of {stream}"
        if stream not in STREAMS:
            raise ValueError(f"{what}: there is no such stream; the streams are {', '.join(STREAMS)}.")
        mean, deviation = (_numbers(values.get(name), f"{what}: {name}") for name in ("mean", "std"))
        if len(mean) != len(deviation):
            raise ValueError(f"{what}: mean has {len(mean)} numbers, but std has {len(deviation)}.")
        wrong = np.flatnonzero(deviation < SMALLEST_DEVIATION)
        if len(wrong):
            raise ValueError(
                f"{what}: the standard deviation of feature {wrong[0]} is {deviation[wrong[0]]:g}, but features are divided by "
                f"it: a number of at least {SMALLEST_DEVIATION:g} is needed, 1 for a constant feature."
            )
        limit = values.get("limit")
        if limit is not None and not _numbers([limit], f"{what}: limit")[0] > 0:
            raise ValueError(f"{what}: limit must be more than 0, but is {limit}.")
    return statistics


def _numbers(given, what: str) -> np.ndarray:
    """Finite numbers `(D,)`."""
    try:
        numbers_of(given, what)
        numbers = np.asarray(given, dtype=np.float64)
        is_finite = (np.abs(numbers) <= LARGEST_STATISTIC).all()  # features are computed in single precision
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{what} is not a list of numbers: {error}") from error
    if given is None or numbers.ndim != 1:
        raise ValueError(f"{what} is not a list of numbers.")
    if not is_finite:
        raise ValueError(f"{what} has a number that is NaN, infinite or too large.")
    return numbers


def features_of(
    stream: str, place: str, utterance: Utterance, statistics: dict[str, list[float]] | None
) -> np.ndarray | None:
    """
    The normalized features of one stream of an utterance.

    Args:
        stream: `"text"`, `"audio"`, `"vision"` or `"background"`.
        place: says in error messages which utterance it is.
        statistics: the `"mean"` and `"std"` of the D features on the training split. None: features are not normalized.

    Returns:
        `(S, D)` float32, where a NaN has become the training mean, 0. None where the utterance has no features, or nothing
        but NaN.

    Raises:
        ValueError: when the features are not an array of numbers `(S, D)` or `(D,)`, hold an infinite value, have another size
            than the statistics, or hold NaN where there are no statistics.
    """
    given = utterance.get(f"{stream}_features")
    if given is None:
        return None
    array = numbers_of(given, f"{place}: {stream}_features")
    if array.size == 0:
        return None
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2:
        raise ValueError(f"{place}: {stream}_features must be of shape (tokens, size) or (size,), not {array.shape}.")
    unknown = np.isnan(array)
    if unknown.all():
        return None
    if np.isinf(array).any():
        raise ValueError(f"{place}: {stream}_features hold an infinite value. Compute them again, or leave them out.")
    return _normalized(array, unknown, f"{place}: {stream}_features", statistics)


def _normalized(
    array: np.ndarray, unknown: np.ndarray, what: str, statistics: dict[str, list[float]] | None
) -> np.ndarray:
    if statistics is None:
        if unknown.any():
            raise ValueError(
                f"{what} hold NaN, and there are no feature_statistics whose mean could replace it. "
                "Give the processor statistics of the training split, or leave the features out."
            )
        return array
    if array.shape[1] != len(statistics["mean"]):
        raise ValueError(
            f"{what} have size {array.shape[1]}, but those of the training split had size {len(statistics['mean'])}."
        )
    normalized = (array - np.asarray(statistics["mean"], np.float32)) / np.asarray(statistics["std"], np.float32)
    if statistics.get("limit") is not None:
        normalized = np.clip(normalized, -statistics["limit"], statistics["limit"])
    return np.where(unknown, 0, normalized).astype(np.float32)


def seconds_of(utterance: Utterance, sampling_rate: int | None) -> float:
    """How long an utterance lasts, by its `start` and `end` or its waveform; 0 where it is unknown."""
    start, end = utterance.get("start"), utterance.get("end")
    if start is not None and end is not None:
        return max(end - start, 0.0)
    waveform = utterance.get("waveform")
    return len(waveform) / sampling_rate if waveform is not None and sampling_rate else 0.0
