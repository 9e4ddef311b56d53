# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Conversations of one data set that stand in another one, too, found by their texts.

Data sets that were made from the same films or series share scenes under other names: 66 training scenes of EmoryNLP hold
dialogues of MELD's test split. A model that was trained on them has seen the test.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

LONG_LINE = 8
"""Words of a line that says by itself where it is from."""

LINE = 4
"""Words of a line of which two are needed: shorter ones, such as "What are you", stand in many conversations."""

ENDINGS = {"re": "are", "ve": "have", "ll": "will", "m": "am", "d": "would", "s": "is"}
WHOLE_WORDS = {"can't": "can not", "cannot": "can not", "won't": "will not", "let's": "let us"}
APOSTROPHES = str.maketrans("\u2019\u2018\u0092`\u00b4", "'''''")


class Overlap(NamedTuple):
    """
    A conversation that is found in another data set.

    Attributes:
        conversation: its id.
        found_in: the id of the conversation there.
        lines: how many lines of at least [`LINE`] words both have.
        example: the longest of these lines.
    """

    conversation: str
    found_in: str
    lines: int
    example: str


def overlapping_dialogues(conversations: Iterable[dict], reserved: Iterable[dict]) -> list[Overlap]:
    """
    The conversations that share their text with a reserved one: two lines of at least four words, or one of at least eight.
    Case, punctuation, apostrophes and contracted forms ("don't", "do n't", "do not") make no difference.

    Args:
        conversations: conversations, their utterances with a `text`.
        reserved: the conversations that may not be among them, those of a test split for instance. Only their ids and texts
            are read.

    Returns:
        One for each conversation that overlaps, in their order, with the reserved conversation that shares the most lines.
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
    The words of a text as they are compared: lower case, contracted forms written out, without punctuation.

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
    """The lines of a conversation that are long enough, by their comparable words."""
    texts = (utterance.get("text") or "" for utterance in conversation["utterances"])
    lines = {comparable_words(text): text for text in texts}
    return {words: text for words, text in lines.items() if len(words) >= LINE}


def _is_overlap(lines: dict[tuple[str, ...], str]) -> bool:
    return len(lines) >= 2 or any(len(words) >= LONG_LINE for words in lines)
