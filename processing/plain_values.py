# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Which values of an utterance are accepted, and in which form: texts, names, times, numbers and arrays. Conversations that are given
as dicts, transcripts and data sets are all checked here, so that a value means the same in each of them.
"""

import math
import re
from numbers import Integral, Real

import numpy as np

from .warning_messages import warn

LONGEST_SECONDS = 1000 * 3600
"""No conversation lasts this long: a larger number is not a time in seconds."""

MOST_DIGITS = 18
"""A number with more digits is not a name or an index."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def clean_text(text: str, key: str, place: str) -> str:
    """
    The text without control characters, and with U+FFFD for halves of surrogate pairs, which no file can hold. Each change
    gives a warning.
    """
    if _SURROGATE.search(text):
        warn(f"{place}: its {key} holds half of a surrogate pair, which is not a character: it was replaced by U+FFFD.")
        text = _SURROGATE.sub("\ufffd", text)
    if _CONTROL.search(text):
        warn(f"{place}: its {key} holds control characters: they were left out.")
        text = _CONTROL.sub("", text)
    return text


def text_of_value(value, key: str, place: str) -> str:
    """
    The text of an utterance; None is an empty one.

    Raises:
        ValueError: for a value that is not a string.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{place}: its {key} is a {type(value).__name__}: give a string.")
    return clean_text(value, key, place)


def name_of_value(value, key: str, place: str) -> str:
    """
    A speaker or an id as a string without surrounding spaces; None is an empty one. Whole numbers are their digits: 1, 1.0
    and "1" are one name. True and False are not names.

    Raises:
        ValueError: for other values, which the message names.
    """
    if isinstance(value, Real) and not isinstance(value, (bool, np.bool_)):
        if not (isinstance(value, Integral) or float(value).is_integer()):
            raise ValueError(f"{place}: its {key} is the number {float(value):g}: give a string.")
        if abs(value) >= 10**MOST_DIGITS:
            raise ValueError(f"{place}: its {key} is a number of more than {MOST_DIGITS} digits: give a string.")
        return str(int(value))
    return text_of_value(value, key, place).strip()


def time_of_value(value, key: str, place: str, least: float = 0.0) -> float | None:
    """
    A time in seconds; None stays None.

    Args:
        least: the smallest time that is allowed.

    Raises:
        ValueError: for a value that is not a number, not finite, or out of range.
    """
    if value is None:
        return None
    is_number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if not (is_number and least <= value <= LONGEST_SECONDS):  # NaN fails the comparison
        raise ValueError(
            f"{place}: its {key} is {shown(value)}: give seconds, a number from {least:g} to {LONGEST_SECONDS}."
        )
    return value if type(value) in (int, float) else float(value)


def check_order(start: float | None, end: float | None, place: str):
    """
    Raises:
        ValueError: for an end before its start.
    """
    if start is not None and end is not None and end < start:
        raise ValueError(f"{place} ends at {end:g} s, before its start at {start:g} s: correct the times.")


def index_of_value(value, place: str) -> int:
    """
    The number of an utterance in the training split.

    Raises:
        ValueError: for a value that is not a whole number of 0 or more.
    """
    is_index = isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
    if not is_index or not 0 <= value < 10**MOST_DIGITS:
        raise ValueError(f"{place}: its index is {shown(value)}: give the utterance's number, a whole one from 0.")
    return int(value)


def count_of_value(value, key: str, place: str, least: int) -> int | None:
    """
    A whole number, such as that of a channel; None stays None.

    Args:
        least: the smallest number that is allowed.

    Raises:
        ValueError: for other values.
    """
    if value is None:
        return None
    is_whole = isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
    if not is_whole or not least <= value < 10**MOST_DIGITS:
        raise ValueError(f"{place}: its {key} is {shown(value)}: give a whole number from {least}.")
    return int(value)


def numbers_of(given, what: str) -> np.ndarray:
    """
    An array of numbers as float32. None within lists becomes NaN.

    Args:
        given: numbers: nested lists, a NumPy array, or a tensor on the CPU.
        what: the name of the array in the message.

    Raises:
        ValueError: for texts, booleans, complex numbers, dates, and lists of unequal lengths.
    """
    try:
        array = np.asarray(given.detach() if hasattr(given, "detach") else given)
        if array.dtype.kind == "O":
            array = np.asarray(_plain_numbers(given if isinstance(given, (list, tuple)) else array.tolist()))
        if array.dtype.kind not in "fiu":
            raise TypeError(f"they are of the type {array.dtype}")
        with np.errstate(over="ignore"):  # numbers that are too large become infinite, which callers handle
            return array.astype(np.float32, copy=False)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{what} are not an array of numbers ({reason}): give (tokens, size) or (size,).") from error


def _plain_numbers(given):
    """Nested lists of floats, where None and numbers of any size are allowed."""
    if isinstance(given, (list, tuple, np.ndarray)):
        return [_plain_numbers(one) for one in given]
    if given is None:
        return math.nan
    if not isinstance(given, Real) or isinstance(given, (bool, np.bool_)):
        raise TypeError(f"one is a {type(given).__name__}")
    try:
        return float(given)
    except OverflowError:
        return math.inf if given > 0 else -math.inf


def shown(value) -> str:
    """A value in a message, shortened."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python writes
        return "a number of more than 4,000 digits"
    return text if len(text) <= 60 else f"{text[:60]}..."


__all__ = [
    "LONGEST_SECONDS",
    "check_order",
    "clean_text",
    "count_of_value",
    "index_of_value",
    "name_of_value",
    "numbers_of",
    "shown",
    "text_of_value",
    "time_of_value",
]
