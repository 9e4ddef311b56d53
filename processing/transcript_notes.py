# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Transcripts in plain text and Word documents: `Name  0:03` (Otter, Teams) or `[Name] 10:15:03` (Zoom) above the words,
`Name: words`, and lines that begin with times (Zoom, Whisper's output). No library reads these; python-docx opens the Word documents.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .extras import import_extra
from .transcript_lines import in_usual_form
from .transcript_speakers import (
    SOUNDS,
    SpeakerNames,
    line_of,
    looks_like_name,
    participants_of,
    prefix_of,
    with_labels_joined,
)
from .transcript_tables import check_zip, has_columns, rows_of_cells, utterances_of_rows
from .transcript_times import CLOCK, seconds
from .transcript_utterances import UNKNOWN_SPEAKER, Found, Source, checked_utterance, lines_of
from .warning_messages import warn

_OPEN, _CLOSE = r"[(\[<]?\s*", r"\s*[)\]>]?"
_RANGE = rf"{_OPEN}(?P<start>{CLOCK})(?:\s*(?:-->|->|-|–|—|to)\s*(?P<end>{CLOCK}))?{_CLOSE}"
_NAME = r"(?P<name>[^\s\d:：(\[<][^:：\t]{0,79}?|(?:speaker|sprecher|spk)[ _]?\d+)"
_NAME_THEN_TIME = re.compile(
    rf"{_NAME}(?P<gap>\s*[|–-]\s*|\s*[:：]\s*(?=[(\[])|\s+|(?=[(\[]))(?:at\s+)?{_RANGE}\s*:?", re.IGNORECASE
)
_TIME_THEN_NAME = re.compile(rf"{_RANGE}\s*(?P<gap>[|–-]\s*|\s+){_NAME}\s*:?", re.IGNORECASE)
_LABEL_THEN_TIME = re.compile(rf"[\[<(]\s*(?P<name>[^\[\]<>:：\t]{{1,80}}?)\s*[\]>)]\s*{_RANGE}\s*:?")
_TIME_ALONE = re.compile(rf"{_RANGE}")
_TIME_THEN_WORDS = re.compile(
    rf"(?:[\[(]\s*(?P<start>{CLOCK})(?:\s*(?:-->|->|-|–)\s*(?P<end>{CLOCK}))?\s*[\])]|(?P<bare>{CLOCK})(?:\s*(?:-->|-)\s*(?P<stop>{CLOCK}))?)"
    r"[\s:|–-]*\s(?P<words>\S.*)"
)
_NAME_TIME_WORDS = re.compile(
    rf"(?P<name>[^:：\[(]{{1,80}}?)\s*[(\[]\s*(?P<start>{CLOCK})(?:\s*(?:-->|->|-|–)\s*(?P<end>{CLOCK}))?\s*[)\]]\s*[:：]\s*(?P<words>\S.*)"
)
_NAME_COLON_TIME_WORDS = re.compile(
    rf"(?P<name>[^:：\[(]{{1,80}}?)\s*[:：]\s*[(\[]\s*(?P<start>{CLOCK})(?:\s*(?:-->|->|-|–)\s*(?P<end>{CLOCK}))?\s*[)\]]\s*(?P<words>\S.*)"
)
_TIME_BEHIND_WORDS = re.compile(rf"(?P<words>.*\S)\s*(?:#(?P<hash>{CLOCK})(?:-\d+)?#|[\[(](?P<time>{CLOCK})[\])])")
_CHAT = re.compile(r"from\s+(?P<name>.{1,80}?)\s+to\s+\S[^:]{0,60}:\s*(?P<words>.*)", re.IGNORECASE)
_CREDIT = re.compile(
    r"(?:this transcript (?:was|is)|transcribed|transcription|transcript|captioned|captions|subtitled|subtitles|recorded|generated|exported|"
    r"created|powered|sous-titr\w+|transkribiert|untertitel\w*|transcrito|trascritto)\b.{0,40}?\b(?:by|with|using|from|at|par|von|mit|por|da)\b.{1,100}",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"[#*_\s]*(?:(?P<name>[^:：\[\]]{1,80}) (?:started|stopped) transcription|(?:meeting|transcription) (?:started|ended)|"
    r"(?P<sure>(?:meeting|transcription) ended after [\d:]+|this editable transcript was computer generated.*))\W*",
    re.IGNORECASE,
)
_PRONOUNS = frozenset({"i", "we", "you", "he", "she", "they", "it"})
_LARGEST_DOCUMENT = 256 * 2**20  # bytes, unpacked


@dataclass
class _Turn:
    place: str
    speaker: str | None
    start: str | None = None
    end: str | None = None
    words: list[str] = field(default_factory=list)


def read_txt(source: Source) -> Found:
    """The conversation of a plain text file."""
    lines = [(source.line(number), line) for number, line in enumerate(lines_of(source.text), start=1)]
    return [(None, _utterances(source, lines))]


def read_docx(source: Source) -> Found:
    """The conversation of a Word document: its paragraphs, as lines of text, or a table with the columns of a CSV."""
    docx = import_extra("docx", "transcripts")
    check_zip(source, _LARGEST_DOCUMENT)
    try:
        document = docx.Document(str(source.path))
        tables = [[[cell.text.strip() for cell in row.cells] for row in table.rows] for table in document.tables]
        paragraphs = [paragraph.text for paragraph in document.paragraphs]
    except Exception as error:  # what the XML inside makes the library raise
        raise ValueError(
            f"{source.path} is not a readable Word document ({type(error).__name__}: {str(error)[:80]}): save it as "
            ".docx or .txt again."
        ) from error
    for number, cells in enumerate(tables, start=1):
        rows = list(rows_of_cells(cells, f"{source.path}, table {number}"))
        if rows and has_columns(rows[0][1]):
            return [(None, utterances_of_rows(source, rows))]
        paragraphs += ["\t".join(row) for row in cells]
    lines = []
    for number, paragraph in enumerate(paragraphs, start=1):
        lines += [(f"{source.path}, paragraph {number}", line) for line in paragraph.split("\n")]
        lines.append((f"{source.path}, paragraph {number}", ""))
    if not any(line.strip() for _, line in lines):
        raise ValueError(f"{source.path} holds no utterance: it has no text.")
    return [(None, _utterances(source, lines))]


def _utterances(source: Source, lines: Sequence[tuple[str, str]]) -> list[dict]:
    # bold names of Markdown
    lines = [
        (place, line.replace("**", "").replace("__", "")) for place, line in _without_credit(_without_notices(lines))
    ]
    lines = in_usual_form(lines)
    texts = [line for _, line in lines]
    participants = participants_of(texts)
    turns, preamble = _turns(lines, participants, source)
    if not turns:
        raise ValueError(
            f"{source.path} names no speakers: write 'Name: words' or 'Name  0:03' above the words, or give subtitles."
        )
    if preamble and not participants_of([preamble]):
        warn(f"{source.path}: what stands before the first speaker was left out: {preamble[:80]!r}.")
    _take_times_behind_words(turns)
    utterances = []
    for turn in turns:
        given = {"speaker": turn.speaker or UNKNOWN_SPEAKER, "text": " ".join(" ".join(turn.words).split())}
        given |= {key: value for key, value in (("start", turn.start), ("end", turn.end)) if value is not None}
        if given["text"] or turn.end is not None:
            utterances.append(checked_utterance(given, turn.place, source.path.parent))
    return utterances


def _take_times_behind_words(turns: list[_Turn]):
    """Take the times at the ends of turns, as f4 and MAXQDA write them, if all turns have one and none has a start."""
    matches = [_TIME_BEHIND_WORDS.fullmatch(" ".join(turn.words).strip()) for turn in turns]
    if not all(matches) or any(turn.start is not None for turn in turns):
        return
    before = "0:00"
    for turn, match in zip(turns, matches, strict=True):
        turn.words, turn.start, turn.end = [match["words"]], before, match["hash"] or match["time"]
        before = turn.end


def _without_notices(lines: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The lines without those that Teams and Google Meet add about the transcription."""
    kept, around = [], ["", *(line.strip() for _, line in lines), ""]
    last = max((number for number, (_, line) in enumerate(lines) if line.strip()), default=-1)
    for number, (place, line) in enumerate(lines):
        match, before = _CLOSING.fullmatch(line), around[number]
        name = (match["name"] or "").strip(" #*_") if match else ""
        # below a line with a name and a time are words
        ends = number == last and not (_NAME_THEN_TIME.fullmatch(before) or _LABEL_THEN_TIME.fullmatch(before))
        is_alone = (not before or ends) and not around[number + 2]
        if match and (
            match["sure"] or (is_alone and (not name or (looks_like_name(name) and name.casefold() not in _PRONOUNS)))
        ):
            warn(f"{place}: {line.strip()[:80]!r} was left out, because nobody says it.")
        else:
            kept.append((place, line))
    return kept


def _without_credit(lines: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The lines without a last paragraph of one line that says who wrote them, as Otter adds it."""
    lines = list(lines)
    while lines and not lines[-1][1].strip():
        lines.pop()
    if len(lines) > 1 and not lines[-2][1].strip() and _CREDIT.fullmatch(lines[-1][1].strip()):
        place, credit = lines.pop()
        warn(f"{place}: {credit.strip()[:80]!r} was left out, because nobody says it.")
    return lines


def _turns(lines: Sequence[tuple[str, str]], participants: str, source: Source) -> tuple[list[_Turn], str]:
    """The turns, and the first line before them that belongs to none."""
    headers = _headers(lines, participants)
    rest = [(number, _without_time(line)) for number, (_, line) in enumerate(lines) if number not in headers]
    if not headers:  # `[0:01] [Ada] words`
        joined = iter(with_labels_joined([[line_of(words)] for _, (_, _, words) in rest if words]))
        rest = [(n, (start, end, next(joined)[0].text if words else "")) for n, (start, end, words) in rest]
    words_of_lines = [[line_of(words)] for _, (_, _, words) in rest if words]
    names = SpeakerNames(words_of_lines, participants, named=bool(headers), announced=len(headers) > 1)
    names.warn_of_refused(str(source.path))
    in_chat = False
    # below lines of names and times, a few lines that begin with a time are words: "16:9 is better"
    wrapped = {
        number for number, _ in rest if (m := _TIME_THEN_WORDS.fullmatch(lines[number][1].strip())) and m["bare"]
    }
    wrapped = wrapped if len(wrapped) < len(headers) else set()
    headed = {name.casefold() for name, _, _ in headers.values()}
    beside = {
        n for n, (_, _, words) in rest if words and n - 1 not in headers and names.split(line_of(words).announced)
    }
    # below headings of chapters, people are named at the beginnings of lines
    are_people = len(headed) > 1 and not beside
    by_number, turns, preamble, pending = dict(rest), [], "", None
    for number, (place, _) in enumerate(lines):
        if number in headers:
            name, start, end = headers[number]
            turns.append(_Turn(place, name, start, end))
            pending, in_chat = None, False
            continue
        start, end, words = by_number[number]
        if start is not None and not words:
            pending = (start, end)
            continue
        if not words:
            continue
        named = _of_chat(words, start)
        if named is None and not (in_chat and start is None):  # below a line of a chat are its words
            named = names.split(line_of(words).announced)
            # the first words below the name of one of several people are theirs: "Question: who has the key?"
            if named and are_people and number - 1 in headers and named[0].casefold() not in headed:
                named = named if prefix_of(line_of(words).announced).certain or names.is_listed(named[0]) else None
            in_chat = in_chat and not named
        elif named:
            in_chat = True
        if named:
            start, end = (start, end) if start is not None else pending or (None, None)
            turns.append(_Turn(place, named[0], start, end, [named[1]]))
            pending = None
        elif turns and number in wrapped and not pending:
            turns[-1].words.append(lines[number][1].strip())
        elif start is not None or pending:
            start, end = (start, end) if start is not None else pending
            turns.append(_Turn(place, turns[-1].speaker if turns else None, start, end, [words]))
            pending = None
        elif turns:
            turns[-1].words.append(words)
        else:
            preamble = preamble or words
    return turns, preamble


def _without_time(line: str) -> tuple[str | None, str | None, str]:
    """Start, end and words of a line; None for times that it does not begin with."""
    line = line.strip()
    if match := _TIME_ALONE.fullmatch(line):
        return match["start"], match["end"], ""
    if match := _NAME_TIME_WORDS.fullmatch(line) or _NAME_COLON_TIME_WORDS.fullmatch(line):
        return match["start"], match["end"], f"{match['name'].strip()}: {match['words'].strip()}"
    if match := _TIME_THEN_WORDS.fullmatch(line):
        return match["start"] or match["bare"], match["end"] or match["stop"], match["words"].strip()
    return None, None, line


def _of_chat(words: str, start: str | None) -> tuple[str, str] | None:
    match = _CHAT.fullmatch(words) if start is not None else None
    return (match["name"], match["words"]) if match else None


def _headers(lines: Sequence[tuple[str, str]], participants: str) -> dict[int, tuple[str, str, str | None]]:
    """
    The lines that are a name and a time alone, by their number: name, start and end. A line is one when its name recurs in
    such lines, is listed, is set off by two spaces or in brackets, or looks like a name; and the times of all do not run back.
    """
    found, of_times = {}, set()
    for number, (_, line) in enumerate(lines):
        line = line.strip().replace("\u00a0", " ")
        if (timed := _TIME_THEN_WORDS.fullmatch(line)) and _CHAT.fullmatch(timed["words"]):
            continue
        if (label := _LABEL_THEN_TIME.fullmatch(line)) and _is_label(label["name"]):
            name = " ".join(label["name"].split())
            found[number] = (name, label["start"], label["end"], not name[0].islower() or name[1:2].isupper())
            continue
        match = _NAME_THEN_TIME.fullmatch(line)
        if match is None and (match := _TIME_THEN_NAME.fullmatch(line)):
            of_times.add(number)
        if match:
            is_set_off = len(match["gap"].expandtabs(4)) > 1 or not match["gap"].isspace()
            found[number] = (" ".join(match["name"].split()).strip(" -–|"), match["start"], match["end"], is_set_off)
    for number in _short_words(lines, {number: found[number][0] for number in of_times}, found.keys()):
        del found[number]
    found |= _names_below_times(lines)
    count = Counter(name.casefold() for name, *_ in found.values())
    kept, latest = {}, 0.0
    begins = {number: seconds(header[1], "start", lines[number][0]) for number, header in found.items()}
    order = sorted(found)
    for number, after in zip(order, [*order[1:], None], strict=False):
        name, start, end, is_set_off = found[number]
        recurs = count[name.casefold()] > 1
        is_name = recurs or name.casefold() in participants.casefold().split("\n")
        if not (is_name or is_set_off or looks_like_name(name)):
            continue
        # a time before the previous one is not a time of the recording, nor is the date of the meeting
        is_date = not kept and after is not None and begins[after] < begins[number]
        if recurs or (begins[number] >= latest and not is_date):
            kept[number], latest = (name, start, end), max(latest, begins[number])
    return kept


def _short_words(lines: Sequence[tuple[str, str]], names: dict[int, str], headers: Iterable[int]) -> set[int]:
    """
    The lines `0:04 okay`, which look like a time and a name, but are a time and words: all with the same words have none on
    the line below, which begins with the next time or does not exist.
    """
    filled = [number for number, (_, line) in enumerate(lines) if line.strip()]
    timed = [number for number in filled if _TIME_THEN_WORDS.fullmatch(lines[number][1].strip())]
    timed = {*headers, *timed, *(number for number in filled if _TIME_ALONE.fullmatch(lines[number][1].strip()))}
    after = dict(zip(filled, [*filled[1:], None], strict=True))
    without = {number for number in names if after[number] is None or after[number] in timed}
    all_of = Counter(name.casefold() for name in names.values())
    bare = Counter(names[number].casefold() for number in without)
    short = {number for number, name in names.items() if bare[name.casefold()] == all_of[name.casefold()]}
    # a file may end with the name of somebody whose words are missing
    return short if len(short) == len(names) else {number for number in short if after[number] is not None}


def _is_label(name: str) -> bool:
    """Whether what stands in brackets before a time is a name or a telephone number, not what is heard."""
    words = set(name.casefold().split())
    if SOUNDS & words:  # `Mette Bang` is a name, `background music` is not
        return looks_like_name(name) and all(word[0].isupper() for word in name.split()) and not words <= SOUNDS
    return bool(re.search(r"[^\W\d_]|\d{3}", name))


def _names_below_times(lines: Sequence[tuple[str, str]]) -> dict[int, tuple[str, str, str | None, bool]]:
    """
    Names on a line of their own below a line with their times, as Teams wrote them: one of the names must recur there, and
    each have words below it.
    """
    found = {}
    for number in range(len(lines) - 2):
        times = _TIME_ALONE.fullmatch(lines[number][1].strip())
        name, words = lines[number + 1][1].strip(), lines[number + 2][1].strip()
        if times and times["end"] and name and words and not _TIME_ALONE.fullmatch(words):
            found[number + 1] = (name, times["start"], times["end"], False)
    count = Counter(name.casefold() for name, *_ in found.values())
    if not any(number > 1 for number in count.values()):
        return {}
    return {n: found[n] for n in found if count[found[n][0].casefold()] > 1 or looks_like_name(found[n][0])}
