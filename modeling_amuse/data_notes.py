# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Notes for users whose conversation differs from the model's training data."""

from collections.abc import Sequence

from .language import name_of, other_language

MODALITY_WORDS = {"text": "words", "audio": "voice", "vision": "face"}
"""The word for each modality in these notes."""


def training_data_warning(config) -> str | None:
    """What users must know about the model's training data; None if there is nothing to note."""
    if config.training_data != "sample":
        return None
    return (
        "This model was trained on the sample corpus, made-up conversations of few words: its results say nothing about real "
        "people. Train one on real conversations, such as MELD (make meld)."
    )


def notes_on(present: Sequence[Sequence[bool]], config) -> list[str]:
    """
    A sentence for each way in which a conversation differs from the model's training data: a made-up training corpus, and
    modalities that most of its utterances lack. [`language_note`] compares the language of the words.

    Args:
        present: `(T, M)`, whether an utterance has each of the model's modalities.
        config ([`AmuseConfig`]): the model's configuration.
    """
    notes = [training_data_warning(config), _modality_note(present, config)]
    return [note for note in notes if note is not None]


def language_note(utterances: Sequence[dict], config) -> str | None:
    """A sentence if the words are clearly in another language than those that the model was trained on, else None."""
    if config.training_language is None or "text" not in config.modalities:
        return None
    texts = [utterance["text"] for utterance in utterances if isinstance(utterance.get("text"), str)]
    found = other_language(texts, config.training_language)
    if found is None:
        return None
    return (
        f"The words seem to be {name_of(found)}, but this model was trained on {name_of(config.training_language)}: its "
        "results for them are unreliable."
    )


def _modality_note(present: Sequence[Sequence[bool]], config) -> str | None:
    total = len(present)
    counts = {
        m: sum(map(bool, column)) for m, column in zip(config.modalities, zip(*present, strict=True), strict=True)
    }
    lacking = {modality: total - count for modality, count in counts.items() if 2 * (total - count) > total}
    if not lacking or total == 0:
        return None
    parts = [
        f"no utterance has {MODALITY_WORDS[modality]}"
        if number == total
        else f"{number} of {total} utterances have no {MODALITY_WORDS[modality]}"
        for modality, number in lacking.items()
    ]
    learned = listed(config.modalities)
    return f"This model was trained with {learned}, but {' and '.join(parts)}: expect more errors than its reported scores suggest."


def listed(modalities: Sequence[str]) -> str:
    """The words for modalities: `words, voice and face`."""
    *first, last = [MODALITY_WORDS[modality] for modality in modalities]
    return f"{', '.join(first)} and {last}" if first else last


__all__ = ["MODALITY_WORDS", "language_note", "listed", "notes_on", "training_data_warning"]
