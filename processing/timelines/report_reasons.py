# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The explanation of an utterance in sentences and coloured words, for a report. Each part may be missing."""

import re
from math import exp

from modeling_amuse.data_notes import MODALITY_WORDS
from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.timelines.timeline_files import clock

STEPS = 4
"""The strength of a word's colour, in steps."""

LEAST_SCALE = 0.5
"""The least attribution in nats that gets the strongest colour, so that small attributions stay pale."""

LEAST_NAMED = 0.005
"""Smaller scores, which would be written as 0.00, are not listed."""

MOST_WORDS, MOST_FEATURES, MOST_UTTERANCES, MOST_STRETCHES = 5, 4, 3, 3

_PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]+")


def spoken_parts(text: str, explanation: dict | None) -> list[dict]:
    """
    The text in its order: parts with `text` and, for words that counted, a `sign` (`"for"` or `"against"`) and a `step` from 1
    to [`STEPS`].
    """
    words = [word for word in (explanation or {}).get("words") or () if 0 <= word["start"] < word["end"] <= len(text)]
    scale = max([LEAST_SCALE, *(abs(word["score"]) for word in words)])
    parts, done = [], 0
    for word in sorted(words, key=lambda word: word["start"]):
        step = round(STEPS * abs(word["score"]) / scale)
        if step < 1 or word["start"] < done:
            continue
        if word["start"] > done:
            parts.append({"text": text[done : word["start"]], "step": 0})
        sign = "for" if word["score"] > 0 else "against"
        parts.append(
            {"text": text[word["start"] : word["end"]], "step": step, "sign": sign, "score": f"{word['score']:+.2f}"}
        )
        done = word["end"]
    if done < len(text):
        parts.append({"text": text[done:], "step": 0})
    return parts


def reasons_of(results: list[RecognizedUtterance], position: int, recording_anchor: str) -> dict | None:
    """Why an utterance has its emotion, as the template shows it; None without an explanation."""
    explanation = results[position].get("explanation")
    if not explanation:
        return None
    notes = explanation.get("notes") or {}
    return {
        "question": f"Why {explanation['target']} rather than {explanation['against']}",
        "target": explanation["target"],
        "odds": _odds(explanation),
        "log_odds": f"{explanation['log_odds']:+.2f}",
        "modalities": _modalities(explanation.get("modalities") or {}),
        "words": _words(explanation.get("words") or ()),
        "voice": _voice(explanation),
        "face": _face(explanation),
        "context": _context(results, explanation.get("context") or (), recording_anchor),
        "regions": _regions(explanation.get("regions")),
        "notes": list(dict.fromkeys(str(note) for note in notes.values())),
    }


def _odds(explanation: dict) -> str:
    """The log-odds in words."""
    target, against, log_odds = explanation["target"], explanation["against"], explanation["log_odds"]
    if log_odds < 0:
        target, against = against, target
    ratio = exp(min(abs(log_odds), 20.0))
    if ratio < 1.05:
        return f"The model gives {target} and {against} about the same probability (log-odds {log_odds:+.2f})."
    times = f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}" if ratio < 1000 else "more than 1000"
    return f"For the model, {target} is {times} times as probable as {against} (log-odds {log_odds:+.2f})."


def _signed(score: float) -> str:
    return f"{'for' if score > 0 else 'against'} it, {score:+.2f}"


def _modalities(terms: dict[str, float]) -> list[dict]:
    largest = max((abs(score) for score in terms.values()), default=0.0) or 1.0
    names = {"conversation": "conversation", **MODALITY_WORDS}
    return [
        {
            "name": names.get(name, name),
            "score": f"{score:+.2f}",
            "width": 50 * abs(score) / largest,
            "is_for": score >= 0,
        }
        for name, score in terms.items()
    ]


def _strongest(scored, number: int) -> list:
    named = [one for one in scored if abs(one["score"]) >= LEAST_NAMED]
    return sorted(named, key=lambda one: -abs(one["score"]))[:number]


def _words(words) -> list[str]:
    return [f"“{word['text']}” {_signed(word['score'])}" for word in _strongest(words, MOST_WORDS)]


def _voice(explanation: dict) -> list[str]:
    features = explanation.get("voice_features") or ()
    said = [f"{one['sentence']}: {_signed(one['score'])}" for one in _strongest(features, MOST_FEATURES)]
    stretches = _strongest(explanation.get("voice") or (), MOST_STRETCHES)
    said += [
        f"voice from {clock(one['start'], 1)} to {clock(one['end'], 1)}: {_signed(one['score'])}" for one in stretches
    ]
    return said


def _face(explanation: dict) -> list[str]:
    said = []
    for one in _strongest(explanation.get("face") or (), MOST_FEATURES):
        unit = f" ({one['action_unit']})" if re.fullmatch(r"AU\d+", one["action_unit"]) else ""
        said.append(f"{one['name']}{unit}, {one['direction']} than usual: {_signed(one['score'])}")
    return said


def _context(results: list[RecognizedUtterance], context, recording_anchor: str) -> list[dict]:
    said = []
    for one in _strongest(context, MOST_UTTERANCES):
        if not 0 <= one["index"] < len(results):
            continue
        other = results[one["index"]]
        text = " ".join(str(other.get("text") or "").split())
        said.append(
            {
                "speaker": str(other["speaker"]),
                "text": text if len(text) <= 80 else text[:79] + "…",
                "anchor": f"{recording_anchor}-u{one['index'] + 1}",
                "effect": _signed(one["score"]),
            }
        )
    return said


def _regions(regions: dict | None) -> str | None:
    """The picture of the regions, if it is one: nothing else may be an address in a report."""
    picture = (regions or {}).get("picture") or ""
    return picture if _PICTURE.fullmatch(picture) else None
