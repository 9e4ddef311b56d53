# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The colours of emotions and modalities in pictures, reports and the page."""

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.corpora.meld import EMOTIONS as MELD_EMOTIONS

# Okabe and Ito's palette, which people with colour blindness can distinguish
EMOTION_COLOURS = {
    "neutral": "#B4B4B4",
    "surprise": "#56B4E9",
    "fear": "#CC79A7",
    "sadness": "#0072B2",
    "joy": "#F0C800",
    "disgust": "#009E73",
    "anger": "#D55E00",
}
FURTHER_COLOURS = ("#332288", "#882255", "#8B6B3D", "#44AA99", "#000000", "#999933", "#AA4499", "#6699CC")
# shades of one hue, so that no modality looks like an emotion
MODALITY_COLOURS = ("#33475B", "#8297AB", "#D3DCE4", "#5C7086", "#AEBCC9")


def ordered_emotions(results: list[RecognizedUtterance], emotions: list[str] | None) -> list[str]:
    """The emotions of a legend: those given (else MELD's), then others that the results have."""
    found = {name for result in results for name in (*(result.get("scores") or {}), result["emotion"])}
    first = emotions or MELD_EMOTIONS
    return [*first, *sorted(found - set(first))]


def emotion_colours(emotions: list[str]) -> dict[str, str]:
    """The colour of each emotion (`#RRGGBB`); those that are not MELD's have theirs by their order."""
    others = [name for name in emotions if name not in EMOTION_COLOURS]
    further = {name: FURTHER_COLOURS[index % len(FURTHER_COLOURS)] for index, name in enumerate(others)}
    return {name: EMOTION_COLOURS.get(name) or further[name] for name in emotions}


def modality_colours(modalities: list[str]) -> dict[str, str]:
    """The colour of each modality (`#RRGGBB`), by their order."""
    return {name: MODALITY_COLOURS[index % len(MODALITY_COLOURS)] for index, name in enumerate(modalities)}
