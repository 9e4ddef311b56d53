# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The features that are computed from recordings, by name. The same code computes them for training and at inference: a
record of name, version and settings goes with every table and into the processor, and other records are refused.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .conversation import Utterance
from .opensmile_functionals import functionals
from .prosody import VERSION as PROSODY_VERSION
from .prosody import prosody
from .stage_progress import Progress, counted
from .utterance_media import FRAMES_PER_SECOND, UtteranceLoudness, UtteranceSight, utterance_sights, utterance_sounds


class FeatureExtractor(NamedTuple):
    """
    Attributes:
        stream: the feature stream that it makes, `"audio"` or `"vision"`.
        version: a number that is increased when the same recording gives other numbers.
        compute: from a waveform `(samples,)`, or from an [`UtteranceSight`], to features `(S, D)`, or None.
        settings: everything else that affects the numbers.
    """

    stream: str
    version: int
    compute: Callable
    settings: dict


def _face_features(sight: UtteranceSight) -> np.ndarray | None:
    """A row of `FACE_FEATURES` for each frame in which the speaker's face is seen."""
    rows = [np.concatenate([face.blendshapes, face.rotation]) for face in sight.faces if face is not None]
    return np.stack(rows).astype(np.float32) if rows else None


FEATURE_EXTRACTORS = {
    "prosody": FeatureExtractor("audio", PROSODY_VERSION, prosody, {}),
    "egemaps": FeatureExtractor("audio", 1, lambda waveform: functionals(waveform, "egemaps"), {}),
    "compare": FeatureExtractor("audio", 1, lambda waveform: functionals(waveform, "compare"), {}),
    "faces": FeatureExtractor("vision", 1, _face_features, {"frames_per_second": FRAMES_PER_SECOND}),
}


def extractor_record(name: str) -> dict:
    """
    The record that is kept with features: name, version and settings of their extractor.

    Raises:
        ValueError: when there is no such extractor.
    """
    if name not in FEATURE_EXTRACTORS:
        raise ValueError(f"There is no feature extractor {name!r}; there are {', '.join(FEATURE_EXTRACTORS)}.")
    extractor = FEATURE_EXTRACTORS[name]
    return {"name": name, "version": extractor.version, **extractor.settings}


def check_record(record: dict, what: str):
    """
    Raises:
        ValueError: when this package would compute other numbers than the extractor of the record. `what` names the owner of
            the features in the message.
    """
    here = extractor_record(record["name"])
    if record != here:
        raise ValueError(
            f"{what} has features of {record}, but this package computes {here}: use the version of the package that made "
            "them, or extract the features again and train with them."
        )


def extract_features(
    utterances: list[Utterance],
    extractors: dict[str, Callable],
    with_images: bool = False,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
    on_sight: Callable[[int, UtteranceSight], None] | None = None,
) -> Iterator[tuple[int, str, np.ndarray | None]]:
    """
    The features of utterances from their recordings.

    Args:
        utterances: with `audio` and `video` files as far as they have them.
        extractors: for each of the streams `"audio"`, `"vision"` and `"background"` that is wanted, what computes it: from a
            waveform, or from an [`UtteranceSight`], to `(S, D)` or None.
        with_images: whether extractors of the video look at pictures.
        skip_unreadable: warn of recordings that cannot be read and go on.
        progress: receives the progress of the stages `voice` and `faces`, in utterances.
        on_sight: is called with the position of each utterance that is seen, and what is seen of it.

    Returns:
        An iterator over the position of an utterance, a stream and its features `(S, D)`, None where there are none.

    Raises:
        FileNotFoundError, ValueError: what cannot be read, unless it is skipped.
    """
    video = {stream: compute for stream, compute in extractors.items() if stream != "audio"}
    loudness = {}
    # the voice is also needed to find the speaker's face
    if "audio" in extractors or video:
        heard = sum(bool(utterance.get("audio")) for utterance in utterances)
        sounds = utterance_sounds(utterances, skip_unreadable)
        for position, waveform in counted(sounds, progress, "voice", heard):
            if "audio" in extractors:
                yield position, "audio", extractors["audio"](waveform)
            if video:
                loudness[position] = UtteranceLoudness(waveform)
    if video:
        seen = sum(bool(utterance.get("video")) for utterance in utterances)
        sights = utterance_sights(utterances, loudness, with_images, skip_unreadable=skip_unreadable)
        for position, sight in counted(sights, progress, "faces", seen):
            if on_sight is not None:
                on_sight(position, sight)
            for stream, compute in video.items():
                yield position, stream, compute(sight)
