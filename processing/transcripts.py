# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Transcripts of recordings, as conversations: JSON, CSV, SubRip and WebVTT subtitles, and RTTM speaker turns."""

import csv
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from .conversation import (
    LONGEST_SECONDS,
    UTTERANCE_KEYS,
    VIDEO_SIDES,
    check_conversations,
    is_list_of_conversations,
)
from .text_encoding import decode_utf8_or_cp1252

UNKNOWN_SPEAKER = "speaker"
"""The speaker of a subtitle that names none, where none was named before."""

CSV_COLUMNS = ("id", "speaker", "text", "start", "end", "emotion", "audio", "video")
CSV_ALIASES = {"start_time": "start", "end_time": "end"}
RTTM_TYPES = {
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT"),
    *("IP", "SU", "CB", "A/P", "SPEAKER", "SPKR-INFO"),
}

_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d{1,9})?)")
_CUE_TIMES = re.compile(r"\s*(\S+)\s+-->\s+(\S+)(?:\s.*)?")
_TAG = re.compile(r"</?(?:i|b|u|s|c|v|font|ruby|rt|lang)\b[^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}", re.IGNORECASE)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^\s<>][^<>]*)>")
_DASH = re.compile(r"[-–](?:\s+(?=\S)|(?=[^\W\d_]))")
# `Ada [joy 83 %]: ...` as this package writes it, whatever the name
_WRITTEN_PREFIX = re.compile(r"(?P<speaker>.{1,200}?) \[[^\[\]]{1,80} \d{1,3} %\]:(?P<text>.*)")
# `Ada: ...` or `Ada [laughs]: ...`; the colon of 12:30 or of a URL is followed by neither a space nor a letter
_NAME_PREFIX = re.compile(
    r"(?P<speaker>[^\W\d_][^:,;!?<>\[\]]{0,39}?)(?:\s*\[[^\[\]]{1,40}\])?\s?:(?=\s|$|[^\W\d_])(?P<text>.*)"
)
_LABEL_PREFIX = re.compile(r"\[(?P<speaker>[^\[\]:]{1,40})\]:(?=\s|$)(?P<text>.*)")  # as WhisperX writes it
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CHEVRONS = re.compile(r">{2,3}\s*")


def read_transcript(path: str | Path, text_path: str | Path | None = None) -> dict:
    """
    The conversation of a transcript.

    The format goes by the suffix, the encoding is UTF-8, UTF-16 with a byte order mark, or cp1252. Utterances are sorted
    by their start when all have one.

    - `.json`: a conversation `{"utterances": [...]}` or a list of utterances, with the keys of `UTTERANCE_KEYS`; other
      keys are left out. Paths of `audio` and `video` are relative to the transcript's folder.
    - `.jsonl`: an utterance a line, or a conversation a line.
    - `.csv`: a header and one utterance a row, separated by commas, semicolons or tabs. `speaker` and one of `text` and
      `start` are required; `id`, `end`, `emotion`, `audio` and `video` are read too, other columns are not.
    - `.srt`: the speaker is a prefix `Ada:`, `>> Ada:` or `[Ada]:` of up to 40 characters at the beginning of a line. A line
      with such a prefix begins a new utterance with the cue's times. Without a prefix the speaker before goes on, except in cues whose
      lines begin with dashes: there each dash begins an utterance of another person, named `speaker` where no prefix tells.
    - `.vtt`: as `.srt`, and `<v Ada>` begins an utterance of Ada.
    - `.rttm`: the `SPEAKER` lines, without text unless `text_path` gives it.

    Times are seconds or `HH:MM:SS.mmm`, `HH:MM:SS,mmm`, `MM:SS.mmm`.

    Args:
        path: the transcript.
        text_path: for `.rttm`, a plain text file with one line for each turn, in the order of time. An empty line is a turn
            without text.

    Returns:
        `{"id": ..., "utterances": [{"id": str, "speaker": str, "text": str, "start": seconds, "end": seconds}, ...]}`, without
        the keys for which the file has nothing. The id of the conversation is that of a `.json` or `.jsonl` file, else the
        file's stem; those of utterances are given ones, else the conversation's with the position.

    Raises:
        FileNotFoundError: when a file does not exist.
        ValueError: when it cannot be read, with the place and what to do, or holds several conversations.
    """
    conversations = read_transcripts(path)
    if len(conversations) > 1:
        raise ValueError(
            f"{path} holds {len(conversations)} conversations: read them with read_transcripts, or give a file of one."
        )
    [conversation] = conversations
    if text_path is not None:
        _add_text(conversation["utterances"], Path(path), Path(text_path))
    return conversation


def read_transcripts(path: str | Path) -> list[dict]:
    """
    All conversations of a transcript, which may be several in `.json`, `.jsonl` and `.rttm`. See [`read_transcript`].

    Raises:
        FileNotFoundError: when the file does not exist.
        ValueError: when it cannot be read, with the place and what to do.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path} has the suffix {path.suffix!r}: give a transcript as one of {', '.join(READERS)}.")
    found = reader(path, _text_of(path))
    default = [path.stem] if len(found) == 1 else [f"{path.stem}_{number}" for number in range(len(found))]
    return [
        _conversation(path, identifier or name, utterances)
        for (identifier, utterances), name in zip(found, default, strict=True)
    ]


def _conversation(path: Path, identifier: str, utterances: list[dict]) -> dict:
    if not utterances:
        raise ValueError(f"{path} holds no utterance: give a transcript with at least one.")
    if all("start" in utterance for utterance in utterances):
        utterances = sorted(utterances, key=lambda utterance: utterance["start"])
    utterances = [{"id": f"{identifier}_{position}", **utterance} for position, utterance in enumerate(utterances)]
    [(commonest, count)] = Counter(utterance["id"] for utterance in utterances).most_common(1)
    if count > 1:
        raise ValueError(f"{path} has {count} utterances with the id {commonest!r}: give each its own, or none an id.")
    return {"id": identifier, "utterances": utterances}


def _add_text(utterances: list[dict], path: Path, text_path: Path):
    if path.suffix.lower() != ".rttm":
        raise ValueError(f"{path} has text of its own: text_path goes with .rttm alone.")
    lines = [line.strip() for line in _lines(_text_of(text_path))]
    while len(lines) > len(utterances) and not lines[-1]:
        lines.pop()
    if len(lines) != len(utterances):
        raise ValueError(
            f"{text_path} has {len(lines)} lines, but {path} has {len(utterances)} turns: give one line for each turn, in "
            "the order of time; an empty line is a turn without text."
        )
    for utterance, line in zip(utterances, lines, strict=True):
        if line:
            utterance["text"] = line


def _text_of(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"There is no transcript {path}.")
    contents = path.read_bytes()
    if contents.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = contents.decode("utf-16")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} begins as UTF-16 but is not ({error}): save it as UTF-8.") from error
    elif b"\0" in contents:  # asked first: mending a large binary file byte by byte would take long
        raise ValueError(f"{path} is no text in UTF-8: save the transcript as UTF-8.")
    else:
        text, _ = decode_utf8_or_cp1252(path)
    if "\0" in text:
        raise ValueError(f"{path} is no text: save the transcript as UTF-8.")
    if not text.strip():
        raise ValueError(f"{path} is empty: give a transcript with at least one utterance.")
    return text


def _lines(text: str) -> list[str]:
    # not splitlines(): U+2028 and the like stand within a line
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _utterance(given: dict, place: str, folder: Path) -> dict:
    """The known keys of an utterance, checked; `place` says where it stands."""
    kept = {key: given[key] for key in UTTERANCE_KEYS if given.get(key) not in (None, "")}
    for key in ("id", "speaker", "text", "emotion", "audio", "video"):
        value = kept.pop(key, "")
        if isinstance(value, int) and key in ("id", "speaker"):
            value = str(value)
        if not isinstance(value, str):
            raise ValueError(f"{place}: its {key} is a {type(value).__name__}: give a string.")
        if value.strip():
            kept[key] = value.strip()
    if "speaker" not in kept:
        raise ValueError(f"{place} has no speaker: name one, by any name that tells the speakers apart.")
    for key in ("start", "end", "audio_start", "video_start"):
        if key in kept:
            # a file may begin before the conversation's clock
            kept[key] = _seconds(kept[key], key, place, least=-LONGEST_SECONDS if key.endswith("_start") else 0)
    if kept.get("video_side") not in (None, *VIDEO_SIDES):
        raise ValueError(f"{place}: its video_side is {kept['video_side']!r}: give {' or '.join(VIDEO_SIDES)}.")
    if "start" in kept and "end" in kept and kept["end"] < kept["start"]:
        raise ValueError(
            f"{place} ends at {kept['end']:g} s, before its start at {kept['start']:g} s: correct the times."
        )
    for medium in ("audio", "video"):
        if medium in kept:
            kept[medium] = str(folder / kept[medium])
    return {key: kept[key] for key in UTTERANCE_KEYS if key in kept}


def _seconds(value, name: str, place: str, least: float = 0) -> float:
    """A time, a number or a string, as seconds."""
    seconds = _clock_seconds(value.strip()) if isinstance(value, str) else value
    # NaN fails the comparison too
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not least <= seconds <= LONGEST_SECONDS:
        raise ValueError(
            f"{place}: its {name} is {str(value)[:40]!r}: give seconds or HH:MM:SS.mmm, from {least} s to "
            f"{LONGEST_SECONDS // 3600} hours."
        )
    return float(seconds)


def _clock_seconds(text: str) -> float | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        try:
            return float(text.replace(",", "."))
        except ValueError:
            return None
    hours, minutes, seconds = int(match[1] or 0), int(match[2]), float(match[3].replace(",", "."))
    return hours * 3600 + minutes * 60 + seconds if minutes < 60 and seconds < 60 else None


def _from_json(path: Path, text: str) -> list[tuple[str | None, list[dict]]]:
    given = _parsed(text, str(path))
    several = is_list_of_conversations(given)
    try:
        conversations = check_conversations(given, with_times=False)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    sources = given if several else [given]
    found = []
    for number, (source, conversation) in enumerate(zip(sources, conversations, strict=True), start=1):
        place = f"{path}, conversation {number}" if several else str(path)
        has_id = isinstance(source, dict) and source.get("id") is not None
        found.append((conversation["id"] if has_id else None, _utterances(conversation, place, path.parent)))
    return found


def _from_json_lines(path: Path, text: str) -> list[tuple[str | None, list[dict]]]:
    rows = [
        (f"{path}, line {number}", _parsed(line, f"{path}, line {number}"))
        for number, line in enumerate(_lines(text), start=1)
        if line.strip()
    ]
    for place, row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"{place} is a {type(row).__name__}: give an utterance or a conversation, a dict, a line.")
        if ("utterances" in row) != ("utterances" in rows[0][1]):
            raise ValueError(f"{place}: lines are all utterances, or all conversations with 'utterances', not both.")
    if "utterances" not in rows[0][1]:
        return [(None, [_utterance(row, place, path.parent) for place, row in rows])]
    found = []
    for place, row in rows:
        try:
            [conversation] = check_conversations(row, with_times=False)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        identifier = None if row.get("id") is None else conversation["id"]
        found.append((identifier, _utterances(conversation, place, path.parent)))
    return found


def _utterances(conversation: dict, place: str, folder: Path) -> list[dict]:
    return [
        _utterance(utterance, f"{place}, utterance {number}", folder)
        for number, utterance in enumerate(conversation["utterances"], start=1)
    ]


def _parsed(text: str, place: str):
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place}, is no JSON ({error}): compare it with the format of transcripts.") from error


def _from_csv(path: Path, text: str) -> list[tuple[str | None, list[dict]]]:
    header, _, _ = text.lstrip("\r\n").partition("\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True)
    columns, utterances = None, []
    try:
        for row in reader:
            place = f"{path}, line {reader.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns = _columns(row, path)
                continue
            if len(row) != len(columns):
                raise ValueError(
                    f"{place} has {len(row)} cells, but the header {len(columns)}: quote cells with commas."
                )
            given = {column: cell for column, cell in zip(columns, row, strict=True) if column in CSV_COLUMNS}
            utterances.append(
                _utterance({key: cell for key, cell in given.items() if cell.strip()}, place, path.parent)
            )
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}, is no CSV ({error}): check its quotes.") from error
    return [(None, utterances)]


def _columns(header: list[str], path: Path) -> list[str]:
    columns = [name.strip().lower() for name in header]
    columns = [CSV_ALIASES.get(name, name) for name in columns]
    twice = [name for name in CSV_COLUMNS if columns.count(name) > 1]
    if twice:
        raise ValueError(f"{path} has the columns {', '.join(twice)} more than once: leave one of each.")
    if "speaker" not in columns or not {"text", "start"} & set(columns):
        raise ValueError(
            f"{path} has the columns {', '.join(columns)[:200]}: its first line must name the columns speaker, and text or "
            "start and end."
        )
    return columns


def _from_srt(path: Path, text: str) -> list[tuple[str | None, list[dict]]]:
    return [(None, _utterances_of_cues(path, _blocks(_lines(text), lambda line: not line.strip()), _srt_turns))]


def _from_vtt(path: Path, text: str) -> list[tuple[str | None, list[dict]]]:
    blocks = list(_blocks(_lines(text), lambda line: not line))  # a line of spaces is part of a cue
    number, header = blocks[0]
    if not re.fullmatch(r"WEBVTT(\s.*)?", header[0]):
        raise ValueError(f"{path}, line {number}: a WebVTT file begins with the line WEBVTT; name SubRip files .srt.")
    # a cue may stand right below, without an empty line
    first = next((at for at, line in enumerate(header) if "-->" in line), len(header))
    below = [(number + first, header[first:])] if first < len(header) else []
    cues = [
        (number, lines)
        for number, lines in [*below, *blocks[1:]]
        if not re.match(r"(NOTE|STYLE|REGION)(\s|$)", lines[0]) or (len(lines) > 1 and "-->" in lines[1])
    ]
    return [(None, _utterances_of_cues(path, cues, _vtt_turns))]


def _blocks(lines: list[str], is_blank: Callable[[str], bool]) -> Iterator[tuple[int, list[str]]]:
    """The blocks that blank lines separate, each with the number of its first line."""
    block = []
    for number, line in enumerate([*lines, ""], start=1):
        if not is_blank(line):
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _utterances_of_cues(path: Path, blocks, turns_of: Callable[[list[str], str], list[tuple[str, str]]]) -> list[dict]:
    speaker, utterances = UNKNOWN_SPEAKER, []
    for first, lines in blocks:
        for number, times, cue in _cues(path, first, lines):
            place = f"{path}, line {number}"
            for name, text in turns_of(cue, speaker):
                given = {"speaker": name, "text": text, "start": times[0], "end": times[1]}
                utterances.append(_utterance(given, place, path.parent))
                speaker = name
    return utterances


def _cues(path: Path, first: int, lines: list[str]) -> Iterator[tuple[int, tuple[str, str], list[str]]]:
    """The cues of a block, one unless the blank lines between cues are missing: line number, times and text lines."""
    at = [index for index, line in enumerate(lines) if "-->" in line]
    if not at or at[0] > 1:
        raise ValueError(
            f"{path}, line {first}: a cue begins with its times, such as 00:00:01.000 --> 00:00:02.500; write them, or take "
            "out the empty line if this is text of the cue before."
        )
    for begin, end in zip(at, [*at[1:], len(lines)], strict=True):
        times = _CUE_TIMES.fullmatch(lines[begin])
        if times is None:
            raise ValueError(
                f"{path}, line {first + begin}: {lines[begin][:60]!r} are no times of a cue: write them as "
                "00:00:01.000 --> 00:00:02.500."
            )
        text = lines[begin + 1 : end]
        if end < len(lines) and text and text[-1].strip().isdigit():
            text.pop()  # the number of the next cue
        yield first + begin, times.groups(), text


def _srt_turns(lines: list[str], speaker: str) -> list[tuple[str, str]]:
    """Speaker and text of each turn in a cue; `speaker` is the one before."""
    return _turns([_TAG.sub("", line) for line in lines], speaker)


def _turns(lines: list[str], speaker: str) -> list[tuple[str, str]]:
    # marks of the direction of writing are not seen
    lines = [line for line in (" ".join(_DIRECTION.sub("", line).split()) for line in lines) if line]
    is_dialogue = bool(lines) and _DASH.match(lines[0]) is not None
    turns = []
    for line in lines:
        undashed = _DASH.sub("", line, count=1) if _DASH.match(line) else line
        announced = _CHEVRONS.sub("", undashed, count=1) if _CHEVRONS.match(undashed) else undashed
        patterns = (_WRITTEN_PREFIX, _LABEL_PREFIX, _NAME_PREFIX)
        named = next((match for pattern in patterns if (match := pattern.match(announced))), None)
        if named:
            turns.append((named["speaker"].strip(), [named["text"].strip()]))
        elif (is_dialogue and undashed != line) or announced != undashed:
            turns.append((UNKNOWN_SPEAKER, [announced]))
        elif turns:
            turns[-1][1].append(line)
        else:
            turns.append((speaker, [line]))
    return [(name, " ".join(parts).strip()) for name, parts in turns]


def _vtt_turns(lines: list[str], speaker: str) -> list[tuple[str, str]]:
    before, *voices = _VOICE.split("\n".join(lines))
    # tags first: what is written &lt;i> is none
    turns = _turns([html.unescape(_TAG.sub("", line)) for line in before.split("\n")], speaker)
    for name, text in zip(voices[::2], voices[1::2], strict=True):
        name, text = (" ".join(html.unescape(part).split()) for part in (name, _TAG.sub("", text)))
        turns.append((name or speaker, text))
    return turns


def _from_rttm(path: Path, text: str) -> list[tuple[str | None, list[dict]]]:
    recordings = {}
    for number, line in enumerate(_lines(text), start=1):
        place, fields = f"{path}, line {number}", line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0] not in RTTM_TYPES:
            raise ValueError(f"{place} begins with {fields[0][:40]!r}: RTTM lines of speech begin with SPEAKER.")
        if fields[0] != "SPEAKER":
            continue
        if not 8 <= len(fields) <= 10 or not all(re.fullmatch(r"<NA>|[\d.eE+-]+", field) for field in fields[8:]):
            raise ValueError(
                f"{place} has {len(fields)} fields: write SPEAKER recording channel start duration <NA> <NA> speaker <NA> "
                "<NA>; names hold no spaces."
            )
        start, duration = _seconds(fields[3], "start", place), _seconds(fields[4], "duration", place)
        given = {"speaker": fields[7], "start": start, "end": round(start + duration, 6)}
        recordings.setdefault(fields[1], []).append(_utterance(given, place, path.parent))
    if len(recordings) > 1:
        return list(recordings.items())
    return [(None, utterances) for utterances in recordings.values()] or [(None, [])]


READERS = {
    ".json": _from_json,
    ".jsonl": _from_json_lines,
    ".csv": _from_csv,
    ".srt": _from_srt,
    ".vtt": _from_vtt,
    ".rttm": _from_rttm,
}
