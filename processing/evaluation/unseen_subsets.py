# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Finding the utterances of a split whose speaker, or whose text, does not occur in the training split."""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np


def unseen_subsets(conversations: Iterable[dict], training: Iterable[dict]) -> dict[str, np.ndarray]:
    """
    The subsets of a split's utterances with unseen speakers and with unseen texts.

    Args:
        conversations: the conversations of the split.
        training: the conversations of the training split.

    Returns:
        For each subset a boolean mask of the split's utterances, `(utterances,)`:

        - `unseen_speakers`: no utterance of the training split has a speaker of this name;
        - `unseen_texts`: no utterance of the training split has the same text, ignoring case, punctuation and white space.
          Utterances without a text are not in this subset, which is left out if no utterance has a text.
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
