# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Pretrained encoders that were trained on a data set of emotions, so that scores on it or related ones are too high."""

import re

from transformers import PreTrainedConfig

CONTAMINATED = {
    r"emoberta": "MELD and IEMOCAP, with their emotions",
    r"emotion2vec": "speech of MELD and IEMOCAP among others; emotion2vec+ with emotions",
    r"emotion-english-(distil)?roberta": "MELD among others, with its emotions",
    r"emotion_text_classifier": "transcripts of the TV series of MELD and EmoryNLP, with emotions",
    r"(superb-er$|iemocap)": "IEMOCAP, with its emotions",
    r"(wav2vec2-lg-xlsr-en-speech-emotion|ravdess)": "RAVDESS, with its emotions",
}
"""
Patterns of the names of encoders (case is ignored), and the data that these were trained on. The sources are the model
cards of tae898/emoberta-base, j-hartmann/emotion-english-distilroberta-base and its RoBERTa variant,
michellejieli/emotion_text_classifier, the superb-er models of SUPERB and
ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition, and the paper of emotion2vec (arXiv 2312.15185).
"""

EMOTION_LABELS = {
    "anger",
    "angry",
    "disgust",
    "fear",
    "joy",
    "happy",
    "happiness",
    "sadness",
    "sad",
    "surprise",
    "neutral",
}


def contamination(name: str) -> str | None:
    """
    A sentence that says why an encoder may have been trained on a data set of emotions, or None.

    The function checks the encoder's name, the name of the model that its configuration says it was made from, and the
    labels of its configuration: the encoder of an emotion classifier was trained on some corpus of emotions.

    Args:
        name: Hub id or folder of the encoder.
    """
    config, _ = PreTrainedConfig.get_config_dict(name)
    for known in (_own_name(str(name)), _own_name(str(config.get("_name_or_path") or ""))):
        for pattern, data in CONTAMINATED.items():
            if re.search(pattern, known, re.IGNORECASE):
                return (
                    f"The encoder {known} was trained on {data}: scores on this data, and on other scenes of the same series, "
                    "are too high."
                )
    labels = {str(label).lower() for label in (config.get("id2label") or {}).values()} & EMOTION_LABELS
    if len(labels) > 2:
        return (
            f"The encoder {_own_name(str(name))} is part of an emotion classifier "
            f"({', '.join(sorted(labels))}): check whether it was trained on the data that you evaluate on."
        )
    return None


def _own_name(name: str) -> str:
    """The last part of a Hub id or a path; for a path in the Hub's cache, the last part of the model's id."""
    parts = [part for part in re.split(r"[/\\]", name) if part]
    cached = [part for part in parts if part.startswith("models--")]
    return cached[-1].split("--")[-1] if cached else (parts or [""])[-1]
