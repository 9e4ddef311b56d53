# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The features of a conversation's recordings, computed as they were for training."""

from collections.abc import Callable, Collection

from transformers.utils import logging

from .conversation import MODALITY_OF, Conversation
from .feature_extractors import FEATURE_EXTRACTORS, check_record, extract_features
from .stage_progress import Progress

logger = logging.get_logger(__name__)

MEDIUM_OF = {"audio": "audio", "vision": "video", "background": "video"}


def add_recorded_features(
    conversation: Conversation,
    feature_records: dict[str, dict],
    encoders: dict[str, Callable],
    modalities: tuple[str, ...] | None = None,
    learned: Collection[str] = (),
    progress: Progress | None = None,
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
        progress: is told of the stages `voice` and `faces`, see `stage_progress`.

    Raises:
        FileNotFoundError: when a recording is missing.
        ValueError: when it cannot be read, or was trained with features that this package computes differently.
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
                f"The model learned from {stream} features that were not made with this package, and of recordings it cannot "
                f"make them: their {MODALITY_OF[stream]} counts as missing. Give {stream}_features."
            )
    found = [{} for _ in utterances]
    if extractors:
        with_images = any(stream in encoders for stream in extractors if stream != "audio")
        for position, stream, features in extract_features(utterances, extractors, with_images, progress=progress):
            if features is not None:
                found[position][f"{stream}_features"] = features
    return {**conversation, "utterances": [{**u, **features} for u, features in zip(utterances, found, strict=True)]}
