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

from modeling_amuse.processing.text_words import UNSPACED

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
        lines: the number of shared lines of at least [`LINE`] words; of all lines, if the conversations are equal.
        example: the longest of these lines.
    """

    conversation: str
    found_in: str
    lines: int
    example: str


def overlapping_dialogues(conversations: Iterable[dict], reserved: Iterable[dict]) -> list[Overlap]:
    """
    The conversations that share text with a reserved conversation: two lines of at least four words, one line of at least
    eight, or all lines, if these have at least four words together. Case, punctuation, apostrophes and contractions
    ("don't", "do n't", "do not") are ignored.

    Args:
        conversations: conversations whose utterances have a `text`.
        reserved: the conversations that must not occur among `conversations`, such as those of a test split. Only their ids
            and texts are read.

    Returns:
        For each overlapping conversation, in their order, the overlap with the reserved conversation that shares the most
        lines.
    """
    places, wholes = defaultdict(set), {}
    for conversation in reserved:
        lines = _lines(conversation)
        wholes.setdefault(tuple(words for words, _ in lines), conversation["id"])
        for words in _long(lines):
            places[words].add(conversation["id"])
    overlaps = []
    for conversation in conversations:
        lines, shared = _lines(conversation), defaultdict(dict)
        for words, text in _long(lines).items():
            for identifier in places.get(words, ()):
                shared[identifier][words] = text
        shared = {identifier: found for identifier, found in shared.items() if _is_overlap(found)}
        whole = wholes.get(tuple(words for words, _ in lines))
        if not shared and whole is not None and sum(_size(words) for words, _ in lines) >= LINE:
            shared = {whole: dict(lines)}
        if shared:
            identifier = max(shared, key=lambda name: len(shared[name]))
            example = max(shared[identifier].items(), key=lambda line: _size(line[0]))[1]
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
    return tuple(re.findall(rf"{UNSPACED}|(?:(?!{UNSPACED})\w)+", text))


def _lines(conversation: dict) -> list[tuple[tuple[str, ...], str]]:
    """The comparable words and the text of each line of a conversation that has words."""
    texts = (utterance.get("text") or "" for utterance in conversation["utterances"])
    return [(words, text) for text in texts if (words := comparable_words(text))]


def _long(lines: list[tuple[tuple[str, ...], str]]) -> dict[tuple[str, ...], str]:
    """The lines with at least [`LINE`] words, by their comparable words."""
    return {words: text for words, text in lines if _size(words) >= LINE}


def _size(words: tuple[str, ...]) -> float:
    """The number of words, of which characters of a script without spaces are halves."""
    return sum(0.5 if re.match(UNSPACED, word) else 1 for word in words)


def _is_overlap(lines: dict[tuple[str, ...], str]) -> bool:
    return len(lines) >= 2 or any(_size(words) >= LONG_LINE for words in lines)
