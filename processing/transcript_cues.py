# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Subtitles as cues: SubRip, WebVTT and SubViewer (`.sbv`).

These three are parsed here and not by pysubs2 or webvtt-py: both skip what they do not understand without a word (a cue whose
arrow is misspelt becomes words of the cue before), name no lines in their errors, and keep one voice of a cue that has two.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from .transcript_rolling import spoken_once
from .transcript_speakers import (
    SpeakerNames,
    line_of,
    looks_like_name,
    participants_of,
    turns_of_lines,
    with_labels_joined,
)
from .transcript_times import CLOCK, seconds
from .transcript_utterances import UNKNOWN_SPEAKER, Cue, Found, Source, checked_utterance, lines_of
from .warning_messages import warn

_ARROW_TIMES = re.compile(r"\s*(\S+)\s*-->\s*(\S+)(?:\s.*)?")
_SBV_TIMES = re.compile(rf"\s*({CLOCK})\s*,\s*({CLOCK})\s*")
_LIKE_TIMES = re.compile(r"\d+:\d+.*(?:->|→|=>|--|,\s*\d+:\d).*\d+:\d+|-->")
_TAG = re.compile(
    r"</?(?:i|b|u|s|c|v|em|strong|span|p|div|center|font|ruby|rt|lang)\b[^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}|\{[ycfsp]:[^{}]*\}",
    re.IGNORECASE,
)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^\s<>][^<>]*)>|(</v>)")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_QUOTED_IDENTIFIER = re.compile(r"\d+\s+\"(?P<name>[^\"]{1,120})\"(?:\s*\(\d+\))?")
_PLAIN_IDENTIFIER = re.compile(r"(?:\d+\s*[-.:)]?\s+)?(?P<name>.{1,120}?)(?:\s*\(\d+\))?")
_NUMBERED_IDENTIFIER = re.compile(r"(?:\d+\s*[-.:)_]?\s*)?(?P<name>[^\W\d].{0,119}?)(?:\s*\(\d+\)|[-_ #]+\d+)")
_COUNTING_NAMES = frozenset(
    re.findall(r"\w+", "caption chunk clip cue id identifier line paragraph row scene segment sentence slide subtitle")
)


def read_srt(source: Source) -> Found:
    """The conversation of a SubRip file."""
    blocks = list(_blocks(lines_of(source.text), lambda line: not line.strip()))
    return _conversation(source, blocks, _arrow_times)


def read_vtt(source: Source) -> Found:
    """The conversation of a WebVTT file. One without its first line is read as SubRip, with a warning."""
    blocks = list(_blocks(lines_of(source.text), lambda line: not line))  # a line of spaces is part of a cue
    number, header = blocks[0]
    if not re.fullmatch(r"WEBVTT(\s.*)?", header[0]):
        if not any("-->" in line for _, lines in blocks for line in lines):
            raise ValueError(
                f"{source.line(number)}: a WebVTT file begins with the line WEBVTT and has cues with times."
            )
        warn(f"{source.path} does not begin with the line WEBVTT: it was read as SubRip.")
        return read_srt(source)
    # a cue may stand right below, without an empty line
    first = next((at for at, line in enumerate(header) if "-->" in line), len(header))
    if first > 1 and first < len(header) and header[first - 1].strip() and ":" not in header[first - 1]:
        first -= 1  # its identifier
    below = [(number + first, header[first:])] if first < len(header) else []
    return _conversation(source, [*below, *blocks[1:]], _arrow_times, is_vtt=True)


def read_sbv(source: Source) -> Found:
    """The conversation of SubViewer captions as YouTube exports them: `0:00:01.000,0:00:02.500` above the words."""
    blocks = list(_blocks(lines_of(source.text), lambda line: not line.strip()))
    return _conversation(source, blocks, lambda line: (match := _SBV_TIMES.fullmatch(line)) and match.groups())


def _arrow_times(line: str) -> tuple[str, str] | None:
    if "-->" not in line:
        return None
    match = _ARROW_TIMES.fullmatch(line)
    return match.groups() if match else ("", "")


def _blocks(lines: list[str], is_blank: Callable[[str], bool]) -> Iterator[tuple[int, list[str]]]:
    """The blocks that blank lines separate, each with the number of its first line."""
    block = []
    for number, line in enumerate([*lines, ""], start=1):
        if not is_blank(line):
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _conversation(source: Source, blocks: list, times_of: Callable, is_vtt: bool = False) -> Found:
    cues, participants = [], ""
    begins = [next((at for at, line in enumerate(lines) if times_of(line)), None) for _, lines in blocks]
    numbers = {
        index
        for index, ((_, lines), begin) in enumerate(zip(blocks, begins[1:], strict=False))
        if begin == 0 and len(lines) == 1 and lines[0].strip().isdigit()
    }
    last = max((index for index, begin in enumerate(begins) if begin is not None), default=-1)
    for index, ((number, lines), begin) in enumerate(zip(blocks, begins, strict=True)):
        if is_vtt and re.match(r"(NOTE|STYLE|REGION)(\s|$)", lines[0]) and begin != 1:
            participants = participants or participants_of([lines[0][4:], *lines[1:]])
        elif begin is not None and begin <= 1:
            cues += _cues_of_block(source, number, lines, times_of)
        elif listed := participants_of(lines):
            participants = participants or listed
        else:
            if index in numbers and 2 * len(numbers) >= begins.count(0):
                continue  # the number of the next cue, above an empty line
            _refuse_misspelt_times(source, number, lines)
            is_inside = not is_vtt and bool(cues) and index < last
            if is_inside:
                cues[-1] = replace(cues[-1], lines=(*cues[-1].lines, *_plain("\n".join(lines))))
            if not all(line.strip().isdigit() for line in lines):
                what = "taken as words of the cue before" if is_inside else "left out, because nobody says it"
                warn(f"{source.line(number)}: {' '.join(lines).strip()[:80]!r} stands without times: it was {what}.")
    return [(None, utterances_of_cues(source, cues, participants))]


def _refuse_misspelt_times(source: Source, number: int, lines: list[str]):
    for line in lines:
        if _LIKE_TIMES.search(line):
            raise ValueError(
                f"{source.line(number)}: a cue begins with its times, such as 00:00:01.000 --> 00:00:02.500, but this one "
                f"has {line.strip()[:60]!r}: correct them."
            )


def _cues_of_block(source: Source, first: int, lines: list[str], times_of: Callable) -> Iterator[Cue]:
    """The cues of a block, one unless the blank lines between cues are missing."""
    at = [index for index, line in enumerate(lines) if times_of(line)]
    identifier = lines[0].strip() if at[0] == 1 else None
    for begin, end in zip(at, [*at[1:], len(lines)], strict=True):
        place = source.line(first + begin)
        start, stop = times_of(lines[begin])
        if not start:
            raise ValueError(
                f"{place}: {lines[begin][:60]!r} are not the times of a cue: write them as 00:00:01.000 --> 00:00:02.500."
            )
        text, next_identifier = lines[begin + 1 : end], None
        if end < len(lines) and text and text[-1].strip().isdigit():
            next_identifier = text.pop()  # the number of the next cue
        yield from _spans(
            Cue(place, seconds(start, "start", place), seconds(stop, "end", place), tuple(text), identifier=identifier)
        )
        identifier = next_identifier


def _spans(cue: Cue) -> Iterator[Cue]:
    """The cue, or one for each of its voices, with plain words."""
    before, *voices = _VOICE.split("\n".join(cue.lines))
    if not voices:
        yield replace(cue, lines=_plain(before))
        return
    if before.strip():
        yield replace(cue, lines=_plain(before), voice="")
    for name, _, text in zip(voices[::3], voices[1::3], voices[2::3], strict=True):
        lines = _plain(text)
        if name or any(line.strip() for line in lines):
            name = " ".join(unescaped(name or "").split())
            # the words of a voice are one text, whatever colons they have
            yield replace(cue, lines=lines if not name else (" ".join(" ".join(lines).split()),), voice=name)


def _plain(text: str) -> tuple[str, ...]:
    # remove tags before entities are replaced: &lt;i> is not a tag
    return tuple(unescaped(_TAG.sub("", line)) for line in _LINE_BREAK.sub("\n", text).split("\n"))


def unescaped(text: str) -> str:
    """The text with HTML entities replaced by their characters. `&copy` without a semicolon is not an entity."""
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)


def utterances_of_cues(source: Source, cues: list[Cue], participants: str = "") -> list[dict]:
    """
    The utterances of cues: rolling captions once, and the speakers that voices, identifiers or the lines' beginnings name.

    Args:
        source: the file, for messages.
        cues: its cues, in its order.
        participants: the file's list of names, see [`participants_of`].
    """
    cues = spoken_once(_named_by_identifiers(cues))
    has_voices = any(cue.voice for cue in cues)
    lines = with_labels_joined([[line for line in map(line_of, cue.lines) if line.text] for cue in cues])
    untold = [cue_lines for cue, cue_lines in zip(cues, lines, strict=True) if not cue.voice]
    participants = participants or next(filter(None, (participants_of(cue.lines) for cue in cues[:3])), "")
    names = SpeakerNames(untold, participants, named=has_voices)
    names.warn_of_refused(str(source.path))
    speaker, utterances = UNKNOWN_SPEAKER, []
    for cue, cue_lines in zip(cues, lines, strict=True):
        if cue.voice:
            turns = [(cue.voice, " ".join(line.text for line in cue_lines))]
        else:
            # where voices name the speakers, a cue without one is nobody's
            turns = turns_of_lines(cue_lines, names, UNKNOWN_SPEAKER if has_voices else speaker)
        for name, text in turns:
            given = {"speaker": name, "text": text, "start": cue.start, "end": cue.end}
            utterances.append(checked_utterance(given, cue.place, source.path.parent))
            speaker = name
    return utterances


def _named_by_identifiers(cues: list[Cue]) -> list[Cue]:
    """
    The cues with their identifiers as voices, where these are names: `1 "Ada Hill" (22517)`; or at least two
    different names of which one recurs, in a file whose lines do not name the speakers. `turn-1` and `turn-2` are one name.
    """
    if any(cue.voice for cue in cues):
        return cues
    for pattern in (_PLAIN_IDENTIFIER, _NUMBERED_IDENTIFIER):
        names = [_name_in_identifier(cue.identifier, pattern) for cue in cues]
        count = Counter(name for name, _ in names if name)
        recurs = any(number > 1 for number in count.values()) and 2 * sum(count.values()) >= len(cues)
        if any(quoted for _, quoted in names) or (recurs and len(count) > 1 and not _lines_name_speakers(cues)):
            return [
                replace(cue, voice=name if name and (quoted or count[name] > 1 or looks_like_name(name)) else "")
                for cue, (name, quoted) in zip(cues, names, strict=True)
            ]
    return cues


def _lines_name_speakers(cues: list[Cue]) -> bool:
    lines = with_labels_joined([[line for line in map(line_of, cue.lines) if line.text] for cue in cues])
    names = SpeakerNames(lines)
    return 2 * sum(any(names.split(line.announced) for line in of_cue) for of_cue in lines) >= len(cues)


def _name_in_identifier(identifier: str | None, pattern: re.Pattern) -> tuple[str | None, bool]:
    """The name in a cue's identifier, and whether it is in quotation marks as meeting software writes it."""
    if not identifier:
        return None, False
    if match := _QUOTED_IDENTIFIER.fullmatch(identifier):
        return match["name"].strip() or None, True
    match = pattern.fullmatch(identifier)
    name = match["name"].strip(" \"'") if match else ""
    is_code = re.fullmatch(r"[\W\d_]*|[0-9a-fA-F]{6,}|[0-9a-fA-F-]{20,}\S*|\S*\d\S*[/-]\S*", name)
    if is_code or name.casefold() in _COUNTING_NAMES:
        return None, False
    return name, False
