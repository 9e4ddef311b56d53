# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The explanation of one utterance's emotion, as the dict that a user gets.

All scores are differences of log-odds in nats; a positive one speaks for the emotion `target`. Those of the modalities are
exact shares of `log(p(target) / p(against))`. All others say how much something changes the log-odds of the target against all
other emotions together, `log(p(target) / (1 - p(target)))`. How faithful explanations are was measured, see
`docs/explanations.md`.
"""

from typing import NotRequired, TypedDict

PARTS = ("modalities", "words", "voice", "voice_features", "face", "frames", "regions", "context")
"""The parts of an [`Explanation`]. Each of them that is empty has its reason in `notes`."""


ALL_OTHERS = "all others"
"""`against` of an explanation that compares an emotion with all others together."""


class WordScore(TypedDict):
    """How much a word of the utterance counted."""

    text: str
    """The word with the punctuation that touches it: `utterance["text"][start:end]`."""
    start: int
    """The offset of its first character in the utterance's text."""
    end: int
    """The offset behind its last character."""
    score: float
    """Its attribution: positive for the target, negative against it."""


class StretchScore(TypedDict):
    """How much a stretch of the voice counted."""

    start: float
    """Seconds at which it begins: on the conversation's clock where the utterance has a `start`, else from its beginning."""
    end: float
    """Seconds at which it ends, at most half a second later."""
    score: float
    """Its attribution: positive for the target, negative against it."""


class FeatureScore(TypedDict):
    """How much a named feature of the voice counted."""

    name: str
    """The feature's name in its table, such as `"pitch_mean"`."""
    sentence: str
    """What it says about this utterance, such as `"pitch higher than this speaker's mean with other emotions"`."""
    score: float
    """Its attribution: positive for the target, negative against it."""


class ActionScore(TypedDict):
    """How much an action of the face counted."""

    action_unit: str
    """The action unit of FACS, such as `"AU12"`; a movement without a unit has the feature's name, such as `"yaw"`."""
    name: str
    """What moves, in words, such as `"lip corner puller"`."""
    direction: str
    """`"more"` or `"less"`, compared with the speaker's utterances with other emotions, see `usual_features.py`."""
    score: float
    """Its attribution: positive for the target, negative against it."""


class FrameScore(TypedDict):
    """How much a frame of the video counted."""

    time: float
    """Seconds, on the same clock as the stretches of the voice."""
    score: float
    """Its attribution: positive for the target, negative against it."""


class RegionScores(TypedDict):
    """How much the regions of one picture counted: what the log-odds lose when a region is covered."""

    time: float
    """Seconds of the frame, on the same clock as the stretches of the voice."""
    scores: list[list[float]]
    """A row of numbers for each row of a grid over the picture, from top to bottom and left to right."""
    picture: str
    """The picture with its regions coloured, a small PNG as a `data:` URL; empty where Pillow is not installed."""


class ContextScore(TypedDict):
    """How much another utterance of the conversation counted: what the log-odds lose when it is left out."""

    index: int
    """Its number in the conversation, from 0."""
    id: NotRequired[str]
    """Its `id`, if it has one."""
    speaker: str | int
    """Who says it."""
    score: float
    """Its effect: positive for the target, negative against it."""


class Explanation(TypedDict):
    """
    Why the model gives an utterance the emotion `target` and not `against`. Every key is always there. A part that is empty
    (`{}`, `[]` or None) has a sentence in `notes` that says why.
    """

    target: str
    """The emotion that is explained: the recognized one, or the one that was asked for."""
    against: str
    """The emotion that it is compared with, the most probable of the others; or [`ALL_OTHERS`], all of them together."""
    log_odds: float
    """`log(p(target) / p(against))`. Negative where an emotion is explained that was not recognized."""
    modalities: dict[str, float]
    """
    `conversation` and each modality that the utterance has; they sum to `log_odds`. See `modalities_method`. The
    `conversation` holds what is known without anything of this utterance in a model without experts, and all that the experts
    do not say in a model with experts.
    """
    modalities_method: str
    """
    `"experts"`: the model's own terms, of which the logits are the sum. `"shapley"`: for a model without experts, the Shapley
    value of each modality, from the log-odds with every subset of this utterance's modalities.
    """
    words: list[WordScore]
    """The words of the utterance, in their order."""
    words_method: str
    """`"integrated_gradients"` or `"lime"`."""
    voice: list[StretchScore]
    """The stretches of the voice, half a second each, in their order; empty where the model reads one vector an utterance."""
    voice_features: list[FeatureScore]
    """Named features of the voice, the largest effect first; empty where the model reads the sound itself."""
    face: list[ActionScore]
    """Actions of the face, the largest effect first; empty where the model reads pictures."""
    frames: list[FrameScore]
    """The frames in which the face was read, in their order."""
    regions: RegionScores | None
    """Regions of the frame with the largest effect, for a model that reads pictures itself."""
    context: list[ContextScore]
    """Other utterances within a window of the conversation, the largest effect first."""
    notes: dict[str, str]
    """For each part that is empty or limited, the reason in a sentence."""


__all__ = [
    "ALL_OTHERS",
    "PARTS",
    "ActionScore",
    "ContextScore",
    "Explanation",
    "FeatureScore",
    "FrameScore",
    "RegionScores",
    "StretchScore",
    "WordScore",
]
