# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Whether explanations name the words, the modality and the actions of the face that show an emotion of the controlled corpus."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from modeling_amuse.processing.controlled.controlled_corpus import EMOTIONAL_WORDS
from modeling_amuse.processing.controlled.drawn_face import EXPRESSIONS, Expression
from modeling_amuse.processing.faces import ACTION_UNITS

FACIAL_UNITS = set(ACTION_UNITS) - {"AU29", "AU30", "AU34", "AU61", "AU62", "AU63", "AU64"}
"""The action units of facial muscles. FACS calls 29, 30 and 34 action descriptors, and 61 to 64 are positions of the eyes."""
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
    truth: list[dict],
    explanations: list[dict],
    measured: dict[str, set[str]],
    units: set[str],
    against_others: list[dict] | None = None,
) -> dict:
    """
    How often the part with the highest score is one that shows the emotion, over the utterances whose emotion was recognized.

    Args:
        truth: the utterances, see `read_evidence`.
        explanations: of the same utterances.
        measured: see `drawn_units`.
        units: all actions of the face that an explanation can name.
        against_others: explanations whose modalities compare the emotion with all others together, not with the runner-up.

    Returns:
        `num_emotional` utterances, `num_recognized` of them, and `parts`: for each the share in which the first one is `right`, the
        95 % confidence `interval` of this share (Wilson 1927), the share in which a random one would be (`by_chance`), and the
        `num_utterances`.
    """
    emotional = [number for number, utterance in enumerate(truth) if utterance["evidence"]]
    recognized = [number for number in emotional if explanations[number]["target"] == truth[number]["emotion"]]
    results: dict[str, list[tuple[bool, float]]] = {}
    for number in recognized:
        utterance, explanation = truth[number], explanations[number]
        found = [*_first_modality(utterance, explanation["modalities"], "against the runner-up")]
        if against_others is not None:
            found += _first_modality(utterance, against_others[number]["modalities"], "against all others")
        if "text" in utterance["evidence"] and explanation["words"]:
            found.append(("word", *_first_word(utterance, explanation["words"])))
        if "vision" in utterance["evidence"] and explanation["face"]:
            moved = measured.get(utterance["emotion"], set())
            found += _first_action(utterance, explanation["face"], moved, units, "action")
            found += _first_action(utterance, explanation["face"], moved, units & FACIAL_UNITS, "action unit")
        for name, is_right, by_chance in found:
            results.setdefault(name, []).append((is_right, by_chance))
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


def _first_modality(utterance: dict, modalities: dict[str, float], against: str) -> Iterator[tuple[str, bool, float]]:
    """Name of the row, whether the modality with the highest score holds evidence, and the share of those that do."""
    scores = {m: score for m, score in modalities.items() if m != "conversation"}
    right = [modality in utterance["evidence"] for modality in scores]
    first = right[int(np.argmax(list(scores.values())))]
    yield f"modality, {against}", first, float(np.mean(right))
    if len(utterance["evidence"]) == 1:
        yield f"modality, where one alone shows it, {against}", first, float(np.mean(right))


def _first_action(
    utterance: dict, face: list[dict], measured: set[str], allowed: set[str], name: str
) -> Iterator[tuple[str, bool, float]]:
    """The same for the first of the `allowed` actions that the face shows more than usual. It is wrong where there is none."""
    shown = [action for action in face if action["direction"] == "more" and action["action_unit"] in allowed]
    first = max(shown, key=lambda action: action["score"])["action_unit"] if shown else None
    drawn = units_of_drawing(EXPRESSIONS[utterance["emotion"]])
    rules = {"drawn (FACS)": drawn, "measured (MediaPipe)": measured, "drawn or measured": drawn | measured}
    for rule, right in rules.items():
        yield f"{name}, {rule}", first in right, len(allowed & right) / max(len(allowed), 1)


def _interval(right: list[bool]) -> tuple[float, float]:
    interval = binomtest(sum(map(bool, right)), len(right)).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _first_word(utterance: dict, words: list[dict]) -> tuple[bool, float]:
    """Whether the word with the highest score belongs to the sentence that shows the emotion, and the share of words that do."""
    sentence = _emotional_sentence(utterance)
    start = utterance["text"].index(sentence)
    right = [start <= word["start"] < start + len(sentence) for word in words]
    return right[int(np.argmax([word["score"] for word in words]))], float(np.mean(right))


def _emotional_sentence(utterance: dict) -> str | None:
    """The sentence in the text that shows the emotion."""
    return next((s for s in EMOTIONAL_WORDS.get(utterance["emotion"], ()) if s in utterance["text"]), None)
