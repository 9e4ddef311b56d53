# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Lines of plain transcripts in rarer forms, written in the usual ones before [`transcript_notes`] reads them."""

import re
from collections import Counter
from collections.abc import Sequence

from .transcript_speakers import looks_like_name
from .transcript_times import CLOCK

Lines = Sequence[tuple[str, str]]
"""For each line its place in the file and its text."""

_HALF_DAY = re.compile(r"(?<![\d:])(1[0-2]|0?[1-9]):([0-5]\d)(?::([0-5]\d))?\s?([ap])\.?m\b\.?", re.IGNORECASE)
_TO = r"\s*(?:-->|->|-|–|—|to)\s*"
_HALF_DAYS = rf"{_HALF_DAY.pattern}(?:{_TO}{_HALF_DAY.pattern})?"
_BEGINS_HALF_DAY = re.compile(rf"[(\[<]?\s*{_HALF_DAYS}", re.IGNORECASE)
_ENDS_HALF_DAY = re.compile(rf"(?P<name>[^:]{{1,80}}?)(?P<gap>\s+)[(\[]?{_HALF_DAYS}[)\]]?", re.IGNORECASE)
_PLAIN_TIME = re.compile(rf"[(\[<]?\s*{CLOCK}(?!\s?[ap]\.?m\b).*|.*\s[(\[]?{CLOCK}[)\]]?", re.IGNORECASE)
_TIME_LINE = re.compile(rf"[(\[<]?\s*(?P<start>{CLOCK})(?:\s*(?:-->|->|-|–|—|to)\s*(?P<end>{CLOCK}))?\s*[)\]>]?")
_CELLS = re.compile(rf"\[?(?P<start>{CLOCK})\]?\s*\t\s*(?P<name>[^\t:]{{1,60}}?)\s*\t\s*(?P<words>\S.*)")


def in_usual_form(lines: Lines) -> Lines:
    """The lines, with times of 24 hours, names on the line of their time, and without tabs between time, name and words."""
    return _with_names_beside_times(_without_tabs(_with_whole_days(lines)))


def _with_whole_days(lines: Lines) -> Lines:
    """The lines, with `1:00:09 PM` at their beginnings, or behind a name, as `13:00:09`, if all times of the file are such."""
    found = {number: span for number, (_, line) in enumerate(lines) if (span := _half_days_of(line))}
    plain = (n for n, (_, line) in enumerate(lines) if n not in found and _PLAIN_TIME.fullmatch(line.strip()))
    if len(found) < 2 or next(plain, None) is not None:
        return lines
    return [
        (place, line[: found[n][0]] + _HALF_DAY.sub(_whole_day, line[slice(*found[n])]) + line[found[n][1] :])
        if n in found
        else (place, line)
        for n, (place, line) in enumerate(lines)
    ]


def _half_days_of(line: str) -> tuple[int, int] | None:
    """Where the time, or the two times, of a line stand: at its beginning or behind a name. None for other lines."""
    start = len(line) - len(line.lstrip())
    if match := _BEGINS_HALF_DAY.match(line, start):
        return match.span()
    match = _ENDS_HALF_DAY.fullmatch(line.strip())
    if match and (len(match["gap"].expandtabs(4)) > 1 or looks_like_name(match["name"].strip())):
        return start + match.end("gap"), start + match.end()
    return None


def _whole_day(match: re.Match) -> str:
    hour = int(match[1]) % 12 + (12 if match[4].casefold() == "p" else 0)
    return f"{hour:02d}:{match[2]}:{match[3] or '00'}"


def _without_tabs(lines: Lines) -> Lines:
    """The lines, with `0:03<tab>Ada<tab>words` as `[0:03] [Ada]: words`, if all lines are such and a name recurs."""
    found = [(place, _CELLS.fullmatch(line.strip())) for place, line in lines if line.strip()]
    if not found or not all(match for _, match in found):
        return lines
    count = Counter(match["name"] for _, match in found)
    if max(count.values()) == 1 or not all(number > 1 or looks_like_name(name) for name, number in count.items()):
        return lines
    return [(place, f"[{match['start']}] [{match['name']}]: {match['words']}") for place, match in found]


def _with_names_beside_times(lines: Lines) -> Lines:
    """
    The lines, with a name on a line of its own above the line of its time as one line, `Ada  0:03`. They are names if each
    looks like one, one recurs, and at least half of the times have one above and words below.
    """
    lines = list(lines)
    filled = [number for number, (_, line) in enumerate(lines) if line.strip()]
    times = {number for number in filled if _TIME_LINE.fullmatch(lines[number][1].strip())}
    found = {}
    for place, number in enumerate(filled):
        before, below = filled[place - 1] if place else None, filled[place + 1 : place + 2]
        above = filled[place - 2] if place > 1 else None
        # right below the time of another turn are its words
        if number in times and before is not None and not times & {before, above, *below} and below:
            found[number] = before
    names = Counter(" ".join(lines[name][1].split()) for name in found.values())
    if not names or max(names.values()) == 1 or 2 * len(found) < len(times) or not all(map(looks_like_name, names)):
        return lines
    for number, name in found.items():
        place, line = lines[name]
        lines[name] = (place, f"{' '.join(line.split())}  {lines[number][1].strip()}")
        lines[number] = (lines[number][0], "")
    return lines
