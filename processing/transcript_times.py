# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Times as transcripts write them, in seconds."""

import re
from collections.abc import Iterable

from .plain_values import LONGEST_SECONDS

CLOCK = r"(?:[0-9]{1,6}:)?[0-9]{1,3}:[0-9]{1,2}(?:[.,][0-9]{1,9})?"
"""A time such as `0:03`, `01:02:03.500` or `01:02:03,500`, as a regular expression."""

_CLOCK = re.compile(r"(?:([0-9]{1,6}):)?([0-9]{1,3}):([0-9]{1,2}(?:[.,][0-9]{1,9})?)")
_FRAMES = re.compile(r"[0-9]{1,6}:[0-9]{2}:[0-9]{2}[:;][0-9]{2,3}")
_NUMBER = re.compile(
    r"([+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*(s|sec|seconds|ms|msec|milliseconds)?"
)
_LETTERED = re.compile(r"(?:PT)?(?:([0-9]+)h\s*)?(?:([0-9]+)m\s*)?(?:([0-9]+(?:[.,][0-9]+)?)s)?", re.IGNORECASE)


def seconds(value, name: str, place: str, least: float = 0) -> float:
    """
    A time as seconds.

    Args:
        value: a number of seconds, or a string such as `62.5`, `62,5`, `1:02.5`, `00:01:02,500`, `62.5s`, `62500 ms` or `PT1M2.5S`.
        name: what the time is, and `place`: where it stands, for the error.
        least: the smallest time that is allowed.

    Raises:
        ValueError: when it is not a time, or out of range.
    """
    found = seconds_of_text(value.strip()) if isinstance(value, str) else value
    # NaN fails the comparison too
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not least <= found <= LONGEST_SECONDS:
        if isinstance(value, str) and _FRAMES.fullmatch(value.strip()):
            raise ValueError(
                f"{place}: its {name} {value.strip()!r} counts frames, whose rate is unknown: export the times as "
                "HH:MM:SS.mmm or in seconds."
            )
        raise ValueError(
            f"{place}: its {name} is {_shown(value)}: give seconds or HH:MM:SS.mmm, from {least} s to "
            f"{LONGEST_SECONDS // 3600} hours."
        )
    return float(found)


def _shown(value) -> str:
    try:
        return repr(str(value)[:40])
    except ValueError:  # an int of more digits than Python writes
        return "a number of more than 4,000 digits"


def seconds_of_text(text: str) -> float | None:
    """The seconds of a text, see [`seconds`]; None for other texts. Digits are those of ASCII."""
    if match := _CLOCK.fullmatch(text):
        hours, minutes, rest = match[1], int(match[2]), float(match[3].replace(",", "."))
        if rest >= 60 or (hours is not None and minutes >= 60):
            return None
        return int(hours or 0) * 3600 + minutes * 60 + rest
    if match := _NUMBER.fullmatch(text):
        number = float(match[1].replace(",", "."))
        return number / 1000 if (match[2] or "").startswith("m") else number
    match = _LETTERED.fullmatch(text)
    if match and any(match.groups()):
        hours, minutes, rest = int(match[1] or 0), int(match[2] or 0), float((match[3] or "0").replace(",", "."))
        return hours * 3600 + minutes * 60 + rest
    return None


def scaled(value, unit: float):
    """A number, or a text that is one, in seconds, for a unit of so many; other values, such as `500 ms`, as they are."""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())) and not match[2]:
        value = float(match[1].replace(",", "."))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e15:
        return value
    return round(value * unit, 6)


def are_milliseconds(turns: Iterable[tuple], duration: float | None = None) -> bool:
    """
    Whether times without a unit are milliseconds: whole numbers that, as seconds, would make speech impossibly slow, and as
    milliseconds a usual one.

    Args:
        turns: `(start, end, text, length)` of each turn, as they are in the file; those with neither end nor length tell nothing.
        duration: the recording's length, where the file tells it: in seconds, or in the unit of the turns.
    """
    spans, letters = [], 0
    for start, end, text, length in turns:
        given = [value not in (None, "") for value in (start, end, length)]
        whole = [_whole_number(value) for value in (start, end, length)]
        if any(is_given and value is None for is_given, value in zip(given, whole, strict=True)):
            return False
        start, end, length = whole
        if start is None or (end is None and length is None):
            continue
        end = start + length if end is None else end
        if end < start:
            return False
        spans.append((start, end))
        letters += len(text) if isinstance(text, str) else 0
    total = sum(end - start for start, end in spans)
    if not total:
        return False
    latest = max(end for _, end in spans)
    if isinstance(duration, (int, float)) and not isinstance(duration, bool) and duration > 0:
        if 2 * duration < latest:
            return latest <= 1000 * (duration + 1)
        if not 1000 <= latest <= 1.1 * duration or not letters:
            return False
    if not letters:
        return total / len(spans) >= 300 and latest >= 1000
    return letters / total < 0.3 and 0.5 <= 1000 * letters / total <= 100


def _whole_number(value) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}(?:\.0+)?", value.strip()):
        return int(float(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e12:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12 else None
