# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The language of a conversation's words, by py3langid, which was trained on 97 languages and needs no network."""

import importlib
from collections.abc import Iterable
from functools import cache

LONGEST_TEXT = 20_000
"""The number of characters that are read; far fewer are enough to detect the language of a conversation."""

LEAST_DIFFERENCE = 15.0
"""
Another language is only accepted if its log-likelihood (nats) is higher by this difference. Short texts, names and
exclamations stay below it.
"""


@cache
def _identifier():
    """py3langid's model, or None if py3langid is not installed. Importing it at the top would make it required."""
    try:
        langid = importlib.import_module("py3langid.langid")
    except ImportError:
        return None
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)


def is_loaded() -> bool:
    """Whether py3langid's model is in memory."""
    return _identifier.cache_info().currsize > 0


def forget_model():
    """Free the 74 MB of py3langid's model. It is loaded again when it is needed."""
    _identifier.cache_clear()


def fits(texts: Iterable[str]) -> dict[str, float]:
    """The log-likelihood of the texts in each language (ISO 639 code); empty if it cannot be computed."""
    identifier, joined = _identifier(), " ".join(text.strip() for text in texts if text)[:LONGEST_TEXT]
    return dict(identifier.rank(joined)) if identifier is not None and joined.strip() else {}


def language_of(texts: Iterable[str]) -> str | None:
    """The language of the texts, or None if it is uncertain: another language fits almost as well, or there are few words."""
    [*best] = sorted(fits(texts).items(), key=lambda item: -item[1])[:2]
    if len(best) < 2 or best[0][1] - best[1][1] < LEAST_DIFFERENCE:
        return None
    return best[0][0]


def other_language(texts: Iterable[str], expected: str) -> str | None:
    """The language of the texts if it is clearly not the `expected` one, else None."""
    found = fits(texts)
    if expected not in found:
        return None
    best = max(found, key=found.get)
    return best if found[best] - found[expected] >= LEAST_DIFFERENCE else None


def name_of(language: str) -> str:
    """The English name of the language with this code, or the code itself if it is unknown."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return LANGUAGES.get(language, language).capitalize()


__all__ = ["fits", "forget_model", "is_loaded", "language_of", "name_of", "other_language"]
