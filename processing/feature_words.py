# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The names of features in words: what a feature of a voice measures, and which action of the face a blendshape is."""

from typing import NamedTuple

from .faces import ACTION_UNITS, FACE_FEATURES
from .prosody import PROSODY_FEATURES

FEATURES_OF = {"prosody": PROSODY_FEATURES, "faces": FACE_FEATURES}
"""The names of the features of each extractor whose tables have no other names."""

_MEASURES = {
    "pitch": ("pitch", "higher", "lower"),
    "loudness": ("loudness", "higher", "lower"),
    "centroid": ("brightness of the voice (spectral centroid)", "higher", "lower"),
    "flatness": ("breathiness (spectral flatness)", "higher", "lower"),
    "zero": ("zero crossings", "more", "fewer"),
}
_STATISTICS = {
    "mean": "",
    "deviation": "variation of the ",
    "low": "lowest ",
    "median": "median ",
    "high": "highest ",
    "change": "movement of the ",
}
_WHOLE_NAMES = {
    "voiced_share": ("share of voiced sound", "larger", "smaller"),
    "peaks_per_second": ("pace (syllables a second)", "faster", "slower"),
    "seconds": ("duration", "longer", "shorter"),
}

ACTION_NAMES = {
    "AU1": "inner brow raiser",
    "AU2": "outer brow raiser",
    "AU4": "brow lowerer",
    "AU5": "upper lid raiser",
    "AU6": "cheek raiser",
    "AU7": "lid tightener",
    "AU9": "nose wrinkler",
    "AU10": "upper lip raiser",
    "AU12": "lip corner puller",
    "AU14": "dimpler",
    "AU15": "lip corner depressor",
    "AU16": "lower lip depressor",
    "AU17": "chin raiser",
    "AU18": "lip pucker",
    "AU20": "lip stretcher",
    "AU22": "lip funneler",
    "AU24": "lip pressor",
    "AU26": "jaw drop",
    "AU28": "lip suck",
    "AU29": "jaw thrust",
    "AU30": "jaw sideways",
    "AU34": "cheek puff",
    "AU45": "blink",
    "AU61": "eyes turn left",
    "AU62": "eyes turn right",
    "AU63": "eyes up",
    "AU64": "eyes down",
}
"""The action units of `ACTION_UNITS` in words (Ekman and Friesen 1978)."""

_WITHOUT_UNIT = {
    "mouthClose": "lips closed over an open jaw",
    "mouthLeft": "mouth to the left",
    "mouthRight": "mouth to the right",
    "mouthShrugUpper": "upper lip pushed up",
    "pitch": "head turned down",
    "yaw": "head turned to the side",
    "roll": "head tilted",
}


class FaceAction(NamedTuple):
    """
    An action of the face, and the features that show it.

    Attributes:
        unit: the action unit of FACS, or the feature's name where it has none.
        name: what moves, in words.
        columns: the numbers of its features.
    """

    unit: str
    name: str
    columns: tuple[int, ...]


def face_actions(names: list[str]) -> list[FaceAction]:
    """The actions that named features of a face show. Features that belong to no unit are actions of their own."""
    places = {name: number for number, name in enumerate(names)}
    actions = []
    for unit, shapes in ACTION_UNITS.items():
        columns = tuple(places.pop(shape) for shape in shapes if shape in places)
        if columns:
            actions.append(FaceAction(unit, ACTION_NAMES[unit], columns))
    places.pop("_neutral", None)  # MediaPipe's remainder, always near 0
    return actions + [FaceAction(name, _WITHOUT_UNIT.get(name, name), (number,)) for name, number in places.items()]


def voice_sentence(name: str, difference: float, against: str) -> str:
    """
    What a feature of the voice says about an utterance, such as "pitch higher than this speaker's mean".

    Args:
        name: of the feature.
        difference: by how much it is above `against`.
        against: what it is compared with, such as "this speaker's mean".
    """
    words, more, less = _words_of(name)
    if difference == 0:
        return f"{words} like {against}"
    return f"{words} {more if difference > 0 else less} than {against}"


def _words_of(name: str) -> tuple[str, str, str]:
    if name in _WHOLE_NAMES:
        return _WHOLE_NAMES[name]
    first, _, statistic = name.partition("_")
    statistic = statistic.removeprefix("crossings_")
    if statistic in _STATISTICS:
        if first in _MEASURES:
            words, more, less = _MEASURES[first]
            return f"{_STATISTICS[statistic]}{words}", *(("higher", "lower") if statistic != "mean" else (more, less))
        if first.startswith("mfcc"):
            return f"{_STATISTICS[statistic]}timbre ({first})", "higher", "lower"
    return name, "higher", "lower"
