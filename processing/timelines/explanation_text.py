# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What counted for an emotion, in a line for the terminal."""

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.explanation_types import Explanation

MOST_WORDS = 3
LEAST_SHARE = 0.25
"""What counts less than this share of the largest effect of its kind is not named."""
LEAST_NAMED = 0.05
"""Smaller effects, which would be written as 0.0, are not named."""


def reasons(result: RecognizedUtterance, results: list[RecognizedUtterance]) -> str:
    """
    What spoke for the explained emotion, the largest effect of each kind first.

    Args:
        result: an utterance with its `explanation`.
        results: all utterances of the conversation.

    Returns:
        Such as `joy, not neutral: text +1.5, voice +0.4 | words: wonderful! +2.6 | voice: pitch higher than this speaker's
        mean | face: lip corner puller more | Ben: That is great.`; empty for an utterance without an explanation.
    """
    explanation = result.get("explanation")
    if not explanation:
        return ""
    modalities = ", ".join(f"{name} {score:+.1f}" for name, score in explanation["modalities"].items())
    parts = [f"{explanation['target']}, not {explanation['against']}: {modalities}"]
    words = [f"{word['text']} {word['score']:+.1f}" for word in _strongest(explanation["words"], MOST_WORDS)]
    if words:
        parts.append("words: " + ", ".join(words))
    parts += _voice_and_face(explanation)
    for other in _strongest(explanation["context"], 1):
        said = results[other["index"]].get("text") or f"utterance {other['index']}"
        parts.append(f"{other['speaker']}: {said} {other['score']:+.1f}")
    return " | ".join(parts)


def _voice_and_face(explanation: Explanation) -> list[str]:
    parts = [f"voice: {feature['sentence']}" for feature in _strongest(explanation["voice_features"], 1)]
    if not parts:
        parts = [f"voice: {s['start']:.1f} to {s['end']:.1f} s" for s in _strongest(explanation["voice"], 1)]
    return parts + [f"face: {action['name']} {action['direction']}" for action in _strongest(explanation["face"], 1)]


def _strongest(items: list[dict], number: int) -> list[dict]:
    """The items that speak most for the emotion."""
    items = sorted(items, key=lambda item: -item["score"])[:number]
    return [item for item in items if item["score"] >= max(LEAST_NAMED, LEAST_SHARE * items[0]["score"])]
