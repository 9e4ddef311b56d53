# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Checks of what an utterance holds for the processor: its label, features and waveform, and keys that nothing reads."""

import numpy as np
from transformers.utils import logging

from .conversation import MODALITY_OF, RECORDING_KEYS, UTTERANCE_KEYS, Utterance

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
    waveform = np.zeros(0, np.float32) if waveform is None else np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 1 or not np.isfinite(waveform).all():
        raise ValueError(
            f"A waveform must be of shape (samples,) and finite, but is of shape {waveform.shape} "
            f"with {int((~np.isfinite(waveform)).sum())} values that are not finite: decode it again, or leave it out."
        )
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
    if emotion not in emotions:
        raise ValueError(
            f"{place} has the emotion {emotion!r}, but the emotions are {', '.join(emotions)}: correct the "
            "label, or leave it out (None) where it is unknown."
        )
    return emotions.index(emotion)


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
    try:
        array = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {stream}_features are not an array of numbers: {error}") from error
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
