# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Which utterances of a split say something new: their speaker, or their words, do not occur in the training split."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np


def unseen_subsets(conversations: Iterable[dict], training: Iterable[dict]) -> dict[str, np.ndarray]:
    """
    Subsets of the utterances of a split.

    Args:
        conversations: those of the split.
        training: those of the training split.

    Returns:
        Which of the split's utterances are in each subset, `(utterances,)`:

        - `unseen_speakers`: the speaker, by name, says nothing in the training split;
        - `unseen_texts`: no utterance of the training split has the same text but for case, punctuation and white space.
          Utterances without a text are left out; where no utterance has one, so is the subset.
    """
    utterances, known = ([u for c in rows for u in c["utterances"]] for rows in (conversations, training))
    speakers = {u["speaker"] for u in known}
    texts = {normalized_text(u["text"]) for u in known if u.get("text")}
    subsets = {"unseen_speakers": np.array([u["speaker"] not in speakers for u in utterances], dtype=bool)}
    if any(u.get("text") for u in utterances):
        there = [bool(u.get("text")) and normalized_text(u["text"]) not in texts for u in utterances]
        subsets["unseen_texts"] = np.array(there, dtype=bool)
    return subsets


def normalized_text(text: str) -> str:
    """The words of a text in lower case, with single spaces and without punctuation: `Don’t!` and `don't` are the same."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", " ", re.sub(r"['’‘`]", "", plain)).strip()
