# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Pretrained encoders that have seen a data set of emotions already: scores on it, or on its relatives, are not honest."""

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
Patterns of the names of encoders, and what these were trained on; case does not count. The pages that tell are those of
tae898/emoberta-base, emotion2vec (its paper, arXiv 2312.15185), j-hartmann/emotion-english-distilroberta-base (a
distillation, and a RoBERTa), michellejieli/emotion_text_classifier, the superb-er models of SUPERB and
ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition.
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
    Why an encoder may know the data set that it is to be trained or scored on, in a sentence, or None.

    Looked at are its name, the name that its configuration says it was made from, and the labels of its configuration: an
    encoder out of a classifier of emotions was trained on some corpus of them.

    Args:
        name: Hub id or folder of the encoder.
    """
    config, _ = PreTrainedConfig.get_config_dict(name)
    for known in (_own_name(str(name)), _own_name(str(config.get("_name_or_path") or ""))):
        for pattern, data in CONTAMINATED.items():
            if re.search(pattern, known, re.IGNORECASE):
                return (
                    f"The encoder {known} was trained on {data}: scores on these, and on other scenes of the same series, "
                    "are too high."
                )
    labels = {str(label).lower() for label in (config.get("id2label") or {}).values()} & EMOTION_LABELS
    if len(labels) > 2:
        return (
            f"The encoder {_own_name(str(name))} comes out of a classifier of emotions "
            f"({', '.join(sorted(labels))}): find out whether it was trained on the data that it is scored on."
        )
    return None


def _own_name(name: str) -> str:
    """The last part of a Hub id or a path, of a path into the cache of the Hub that of the model's id."""
    parts = [part for part in re.split(r"[/\\]", name) if part]
    cached = [part for part in parts if part.startswith("models--")]
    return cached[-1].split("--")[-1] if cached else (parts or [""])[-1]
