# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The words of a text, and which word each word piece of a tokenizer belongs to."""

import re
from typing import NamedTuple

import numpy as np

UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
"""A character of a script without spaces between words, such as Chinese, Japanese or Thai."""

UNSPACED_END = rf"(?:{UNSPACED}|[。，、！？：；」』）])"
"""The last character of a word that no space follows."""

# Chinese characters and kana stand for themselves: such texts have no spaces between words.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")


class TextWords(NamedTuple):
    """
    The words of some utterances and their word pieces.

    Attributes:
        spans: for each utterance the first offset of each word in its text, and the offset behind it.
        word_of_piece: `(utterances, S)`, the number of the word that each piece belongs to; -1 for special tokens, padding
            and the speaker's name before the text. None: the tokenizer does not say where its pieces are.
    """

    spans: list[list[tuple[int, int]]]
    word_of_piece: np.ndarray | None


def word_spans(text: str) -> list[tuple[int, int]]:
    """
    The words of a text: what stands between spaces, with the punctuation that touches it.

    Returns:
        For each word the offset of its first character, and that behind its last.
    """
    return [match.span() for match in _WORD.finditer(text)]


def without_cut_pieces(offsets: np.ndarray, start: int, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """
    The words of an utterance, in which neighbours that share a piece are one, as in a Chinese text without spaces.

    Args:
        offsets: `(S, 2)`, where each piece begins and ends in what the tokenizer read.
        start: the offset at which the text begins in what the tokenizer read.
        spans: the words by their offsets in the text.
    """
    joined = list(spans)
    for begin, end in sorted((offsets[offsets[:, 1] > offsets[:, 0]] - start).tolist(), reverse=True):
        shared = [number for number, word in enumerate(joined) if word[0] < end and word[1] > begin]
        if len(shared) > 1:
            joined[shared[0] : shared[-1] + 1] = [(joined[shared[0]][0], joined[shared[-1]][1])]
    return joined


def words_of_pieces(offsets: np.ndarray, starts: list[int], spans: list[list[tuple[int, int]]]) -> np.ndarray:
    """
    Args:
        offsets: `(utterances, S, 2)`, where each piece begins and ends in what the tokenizer read; equal for pieces that
            stand for no text.
        starts: for each utterance the offset at which its text begins in what the tokenizer read.
        spans: for each utterance its words, by their offsets in the text.

    Returns:
        `(utterances, S)`: the word with which each piece shares a character, -1 for none.
    """
    found = np.full(offsets.shape[:2], -1)
    for row, (start, words) in enumerate(zip(starts, spans, strict=True)):
        if not words:
            continue
        begins, ends = np.array(words).T
        pieces = offsets[row] - start
        # the first word that ends behind the beginning of the piece; a piece may begin with the space before its word
        word = np.searchsorted(ends, pieces[:, 0], side="right")
        inside = (word < len(words)) & (pieces[:, 1] > pieces[:, 0])
        inside &= pieces[:, 1] > begins[np.minimum(word, len(words) - 1)]
        found[row] = np.where(inside, word, -1)
    return found
