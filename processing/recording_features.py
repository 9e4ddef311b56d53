# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The features of a conversation's recordings, computed as they were for training."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from transformers.utils import logging

from .conversation import MODALITY_OF, Conversation
from .feature_extractors import FEATURE_EXTRACTORS, check_record, extract_features
from .media_warnings import collected_warnings, with_warnings
from .stage_progress import Progress
from .utterance_media import UtteranceSight

logger = logging.get_logger(__name__)

SURE = 0.4
"""From this certainty on a face is the speaker's; below, its features count in proportion."""

MOST_NAMED = 5

MEDIUM_OF = {"audio": "audio", "vision": "video", "background": "video"}


def add_recorded_features(
    conversation: Conversation,
    feature_records: dict[str, dict],
    encoders: dict[str, Callable],
    modalities: tuple[str, ...] | None = None,
    learned: Collection[str] = (),
    progress: Progress | None = None,
    statistics: Mapping[str, dict] | None = None,
) -> Conversation:
    """
    The conversation with the features of its recordings (`audio_features`, `vision_features`, `background_features`). A
    stream of which any utterance has features already is left as it is.

    Args:
        conversation: its utterances with `audio` and `video` as far as they have them.
        feature_records: for a stream what computes it, see `extractor_record`.
        encoders: for a stream without a record what computes it, see `extract_features`.
        modalities: use only these.
        learned: the streams whose features the model was trained on. Where nothing can compute one of them, this logs a
            warning.
        progress: receives the progress of the stages `voice` and `faces`, see `stage_progress`.
        statistics: for each stream the `"mean"` of its features in training. Where it is not sure whose face is the speaker's,
            the features of the face are moved towards it.

    Raises:
        FileNotFoundError: when a recording is missing.
        ValueError: when it cannot be read, or when this package computes features differently from those of training.
    """
    utterances = conversation["utterances"]
    extractors = {}
    for stream, medium in MEDIUM_OF.items():
        wanted = modalities is None or MODALITY_OF[stream] in modalities
        given = any(utterance.get(f"{stream}_features") is not None for utterance in utterances)
        if not wanted or given or not any(utterance.get(medium) for utterance in utterances):
            continue
        if stream in feature_records:
            check_record(feature_records[stream], "The model")
            extractors[stream] = FEATURE_EXTRACTORS[feature_records[stream]["name"]].compute
        elif stream in encoders:
            extractors[stream] = encoders[stream]
        elif stream in learned:
            logger.warning_once(
                f"The model was trained on {stream} features that this package cannot compute from recordings, so the "
                f"{MODALITY_OF[stream]} of recordings counts as missing: give {stream}_features."
            )
    if not extractors:
        return conversation
    with collected_warnings() as warnings:
        found = _found_features(utterances, extractors, encoders, progress, statistics or {})
    utterances = [{**u, **features} for u, features in zip(utterances, found, strict=True)]
    files = [utterance.get(medium) for utterance in utterances for medium in ("audio", "video")]
    return with_warnings({**conversation, "utterances": utterances}, warnings, files)


def _found_features(utterances, extractors: dict, encoders: dict, progress, statistics: Mapping) -> list[dict]:
    """For each utterance the features of its recording, and `face_certainty` where several faces are in view."""
    found: list[dict] = [{} for _ in utterances]

    def on_sight(position: int, sight: UtteranceSight):
        if sight.most_faces > 1 and any(face is not None for face in sight.faces):
            found[position]["face_certainty"] = round(sight.certainty, 3)

    with_images = any(stream in encoders for stream in extractors if stream != "audio")
    for position, stream, features in extract_features(
        utterances, extractors, with_images, progress=progress, on_sight=on_sight
    ):
        if features is None:
            continue
        weight = min(found[position].get("face_certainty", 1.0) / SURE, 1.0)
        if stream == "vision" and weight < 1:
            features = _weakened(features, weight, statistics.get(stream))
        if features is not None:
            found[position][f"{stream}_features"] = features
    unsure = [u.get("id", number) for number, (u, f) in enumerate(zip(utterances, found, strict=True)) if _is_unsure(f)]
    if unsure:
        named = ", ".join(map(str, unsure[:MOST_NAMED])) + (", ..." if len(unsure) > MOST_NAMED else "")
        logger.warning(
            f"It is uncertain which of several faces speaks in {len(unsure)} of {len(utterances)} utterances ({named}): there "
            "the face has less weight (face_certainty)."
        )
    return found


def _is_unsure(found: dict) -> bool:
    return found.get("face_certainty", 1.0) < SURE


def _weakened(features: np.ndarray, weight: float, statistics: dict | None) -> np.ndarray | None:
    """The features `weight` of the way from the training mean to themselves; without a mean, none where it is low."""
    if statistics is None:
        return features if weight >= 0.5 else None
    mean = np.asarray(statistics["mean"], np.float32)
    return (mean + np.float32(weight) * (features - mean)).astype(np.float32)
