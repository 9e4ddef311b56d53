# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Finding conversations of one data set that also occur in another one, by their texts.

Data sets that were made from the same films or series share scenes under different ids: 66 training scenes of EmoryNLP
contain dialogues of MELD's test split. A model that was trained on them has seen the test data.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

LONG_LINE = 8
"""The number of words of a line from which one shared line is enough evidence of an overlap."""

LINE = 4
"""The number of words of a line from which two shared lines are enough. Shorter ones occur in many conversations."""

ENDINGS = {"re": "are", "ve": "have", "ll": "will", "m": "am", "d": "would", "s": "is"}
WHOLE_WORDS = {"can't": "can not", "cannot": "can not", "won't": "will not", "let's": "let us"}
APOSTROPHES = str.maketrans("\u2019\u2018\u0092`\u00b4", "'''''")


class Overlap(NamedTuple):
    """
    A conversation that also occurs in another data set.

    Attributes:
        conversation: its id.
        found_in: the id of the conversation in the other data set.
        lines: the number of shared lines of at least [`LINE`] words.
        example: the longest of these lines.
    """

    conversation: str
    found_in: str
    lines: int
    example: str


def overlapping_dialogues(conversations: Iterable[dict], reserved: Iterable[dict]) -> list[Overlap]:
    """
    The conversations that share text with a reserved conversation: two lines of at least four words, or one line of at
    least eight. Case, punctuation, apostrophes and contractions ("don't", "do n't", "do not") are ignored.

    Args:
        conversations: conversations whose utterances have a `text`.
        reserved: the conversations that must not occur among `conversations`, such as those of a test split. Only their ids
            and texts are read.

    Returns:
        For each overlapping conversation, in their order, the overlap with the reserved conversation that shares the most
        lines.
    """
    places = defaultdict(set)
    for conversation in reserved:
        for words in _lines(conversation):
            places[words].add(conversation["id"])
    overlaps = []
    for conversation in conversations:
        shared = defaultdict(dict)
        for words, text in _lines(conversation).items():
            for identifier in places.get(words, ()):
                shared[identifier][words] = text
        shared = {identifier: lines for identifier, lines in shared.items() if _is_overlap(lines)}
        if shared:
            identifier = max(shared, key=lambda name: len(shared[name]))
            example = max(shared[identifier].items(), key=lambda line: len(line[0]))[1]
            overlaps.append(Overlap(conversation["id"], identifier, len(shared[identifier]), example))
    return overlaps


def comparable_words(text: str) -> tuple[str, ...]:
    """
    The words of a text in the form in which texts are compared: lower case, contractions written out, no punctuation.

    Example:

    ```python
    >>> from modeling_amuse.processing.corpora.overlapping_dialogues import comparable_words

    >>> comparable_words("I don\u2019t know -- you\u2019re late!") == comparable_words("I do n't know , you are late .")
    True
    ```
    """
    text = unicodedata.normalize("NFKC", text).translate(APOSTROPHES).casefold()
    text = re.sub(r"\s+(?=n't\b|'\w)", "", text)
    for contracted, whole in WHOLE_WORDS.items():
        text = re.sub(rf"\b{contracted}\b", whole, text)
    text = re.sub(r"n't\b", " not", text)
    text = re.sub(r"'(re|ve|ll|m|d|s)\b", lambda ending: f" {ENDINGS[ending[1]]}", text)
    return tuple(re.findall(r"\w+", text))


def _lines(conversation: dict) -> dict[tuple[str, ...], str]:
    """The lines of a conversation with at least [`LINE`] words, by their comparable words."""
    texts = (utterance.get("text") or "" for utterance in conversation["utterances"])
    lines = {comparable_words(text): text for text in texts}
    return {words: text for words, text in lines.items() if len(words) >= LINE}


def _is_overlap(lines: dict[tuple[str, ...], str]) -> bool:
    return len(lines) >= 2 or any(len(words) >= LONG_LINE for words in lines)
