# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Whether explanations name the words, the modality and the actions of the face that show an emotion of the controlled corpus."""

from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from modeling_amuse.processing.controlled.controlled_corpus import EMOTIONAL_WORDS
from modeling_amuse.processing.controlled.drawn_face import EXPRESSIONS, Expression

LEAST_CHANGE = 1.0
"""By so many standard deviations a drawn expression raises an action unit, on the mean, for the unit to count as measured."""


def units_of_drawing(expression: Expression) -> set[str]:
    """The action units of FACS that a drawn expression depicts."""
    units = {
        "AU1": expression.inner_brow > 0,
        "AU2": expression.outer_brow > 0,
        "AU4": expression.inner_brow < 0 or expression.frown > 0,
        "AU5": expression.eyes > 1,
        "AU6": expression.smile > 0.5,
        "AU7": expression.eyes < 1,
        "AU9": expression.upper_lip > 0,
        "AU10": expression.upper_lip > 0,
        "AU12": expression.smile > 0,
        "AU15": expression.smile < 0,
        "AU18": expression.mouth_width < 1,
        "AU20": expression.mouth_width > 1,
        "AU22": expression.mouth_width < 1 and expression.mouth_open > 0,
        "AU26": expression.mouth_open > 0,
    }
    return {unit for unit, is_drawn in units.items() if is_drawn}


def check_is_controlled(truth: list[dict], directory: Path):
    """
    Check that the utterances show their emotions as the controlled corpus does: by its sentences and expressions.

    Raises:
        ValueError: for the first utterance that does not.
    """
    for utterance in truth:
        emotion = utterance["emotion"]
        advice = f"{directory} is not the controlled corpus: render it with python scripts/render_sample.py."
        if emotion not in EXPRESSIONS:
            raise ValueError(
                f"Utterance {utterance.get('id')!r} has the emotion {emotion!r}, which is none of "
                f"{', '.join(EXPRESSIONS)}; {advice}"
            )
        if "text" in utterance["evidence"] and _emotional_sentence(utterance) is None:
            raise ValueError(
                f"Utterance {utterance.get('id')!r}, {utterance['text']!r}, has none of the sentences that show {emotion}; {advice}"
            )


def drawn_units(processor, truth: list[dict], conversations: list[dict]) -> dict[str, set[str]]:
    """
    For each emotion the action units that its drawn expression raises as MediaPipe sees it: those whose mean over the utterances
    that show it is above that of the others by at least `LEAST_CHANGE` standard deviations.

    Args:
        truth: the utterances of the training split, see `read_evidence`.
        conversations: the same with their features.
    """
    names = processor.feature_names("vision")
    if names is None:
        return {}
    actions = processor.face_actions(names)
    rows = [u.get("vision_features") for conversation in conversations for u in conversation["utterances"]]
    means = [None if row is None else np.nanmean(np.reshape(row, (-1, len(names))), axis=0) for row in rows]
    shown = [u["emotion"] if "vision" in u["evidence"] else "neutral" for u in truth]
    std = np.asarray(processor.feature_statistics["vision"]["std"])

    of_emotion: dict[str, list] = {}
    for row, emotion in zip(means, shown, strict=True):
        if row is not None:
            of_emotion.setdefault(emotion, []).append(row)
    neutral = of_emotion.pop("neutral", None)
    if neutral is None:
        return {}
    moved = {}
    for emotion, own in of_emotion.items():
        change = (np.mean(own, axis=0) - np.mean(neutral, axis=0)) / std
        moved[emotion] = {a.unit for a in actions if change[list(a.columns)].mean() >= LEAST_CHANGE}
    return moved


def score_explanations(
    truth: list[dict], explanations: list[dict], measured: dict[str, set[str]], units: set[str]
) -> dict:
    """
    How often the part with the highest score is one that shows the emotion, over the utterances whose emotion was recognized.

    Args:
        truth: the utterances, see `read_evidence`.
        explanations: of the same utterances.
        measured: see `drawn_units`.
        units: all actions of the face that an explanation can name.

    Returns:
        `num_emotional` utterances, `num_recognized` of them, and `parts`: for each the share in which the first one is `right`, the
        95 % confidence `interval` of this share (Wilson 1927), the share in which a random one would be (`by_chance`), and the
        `num_utterances`.
    """
    emotional = [(u, e) for u, e in zip(truth, explanations, strict=True) if u["evidence"]]
    recognized = [(u, e) for u, e in emotional if e["target"] == u["emotion"]]
    results: dict[str, list[tuple[bool, float]]] = {}

    def add(name: str, right: list[bool], first: int):
        results.setdefault(name, []).append((right[first], float(np.mean(right))))

    def add_unit(name: str, first: str, right: set[str]):
        results.setdefault(f"action unit, {name}", []).append((first in right, len(units & right) / len(units)))

    for utterance, explanation in recognized:
        scores = {m: score for m, score in explanation["modalities"].items() if m != "conversation"}
        right = [modality in utterance["evidence"] for modality in scores]
        first = int(np.argmax(list(scores.values())))
        add("modality", right, first)
        if len(utterance["evidence"]) == 1:
            add("modality, where one alone shows it", right, first)
        if "text" in utterance["evidence"] and explanation["words"]:
            add("word", *_first_word(utterance, explanation["words"]))
        if "vision" in utterance["evidence"] and explanation["face"]:
            drawn = units_of_drawing(EXPRESSIONS[utterance["emotion"]])
            moved = measured.get(utterance["emotion"], set())
            shown = [action for action in explanation["face"] if action["direction"] == "more"]
            if not shown:
                continue
            first = max(shown, key=lambda action: action["score"])["action_unit"]
            add_unit("as drawn (FACS)", first, drawn)
            add_unit("as measured (MediaPipe)", first, moved)
            add_unit("drawn or measured", first, drawn | moved)
    return {
        "num_emotional": len(emotional),
        "num_recognized": len(recognized),
        "parts": {
            name: {
                "right": float(np.mean([right for right, _ in rows])),
                "interval": _interval([right for right, _ in rows]),
                "by_chance": float(np.mean([chance for _, chance in rows])),
                "num_utterances": len(rows),
            }
            for name, rows in sorted(results.items())
        },
    }


def _interval(right: list[bool]) -> tuple[float, float]:
    interval = binomtest(sum(map(bool, right)), len(right)).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _first_word(utterance: dict, words: list[dict]) -> tuple[list[bool], int]:
    """Which words belong to the sentence that shows the emotion, and the number of the word with the highest score."""
    sentence = _emotional_sentence(utterance)
    start = utterance["text"].index(sentence)
    right = [start <= word["start"] < start + len(sentence) for word in words]
    return right, int(np.argmax([word["score"] for word in words]))


def _emotional_sentence(utterance: dict) -> str | None:
    """The sentence in the text that shows the emotion."""
    return next((s for s in EMOTIONAL_WORDS.get(utterance["emotion"], ()) if s in utterance["text"]), None)
