# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The language of a conversation's words, by py3langid, which was trained on 97 languages and needs no network."""

import importlib
from collections.abc import Iterable
from functools import cache

LONGEST_TEXT = 20_000
"""Characters that are read; the language of a conversation shows in far fewer."""

LEAST_DIFFERENCE = 15.0
"""
The log-likelihood (nats) by which another language must fit the words better before they are taken for it. Short texts, names and
exclamations stay below it.
"""


@cache
def _rank():
    """py3langid's function of a text; None where it is not installed. Its import at the top would make it a requirement."""
    try:
        return importlib.import_module("py3langid").rank
    except ImportError:
        return None


def fits(texts: Iterable[str]) -> dict[str, float]:
    """How well each language (ISO 639 code) fits the texts: log-likelihoods, empty where nothing is known."""
    rank, joined = _rank(), " ".join(text.strip() for text in texts if text)[:LONGEST_TEXT]
    return dict(rank(joined)) if rank is not None and joined.strip() else {}


def language_of(texts: Iterable[str]) -> str | None:
    """The language of the texts, or None where it is not certain: the next language fits as well, or there are few words."""
    [*best] = sorted(fits(texts).items(), key=lambda item: -item[1])[:2]
    if len(best) < 2 or best[0][1] - best[1][1] < LEAST_DIFFERENCE:
        return None
    return best[0][0]


def other_language(texts: Iterable[str], expected: str) -> str | None:
    """The language of the texts where it is clearly not the `expected` one, else None."""
    found = fits(texts)
    if expected not in found:
        return None
    best = max(found, key=found.get)
    return best if found[best] - found[expected] >= LEAST_DIFFERENCE else None


def name_of(language: str) -> str:
    """The English name of a language by its code; the code itself where it is unknown."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return LANGUAGES.get(language, language).capitalize()


__all__ = ["fits", "language_of", "name_of", "other_language"]
