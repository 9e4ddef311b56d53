# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Finding the columns of a table (conversation, speaker, text, label, ...) by the user's options and by their names."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace

from modeling_amuse.processing.conversation import STREAMS
from modeling_amuse.processing.corpora.data_options import DataOptions

NAMES = {
    "conversation": (
        *(
            "conversation",
            "conversationid",
            "conversationno",
            "conversationnumber",
            "conversationidx",
            "convid",
            "conv",
        ),
        *(
            "dialogueid",
            "dialogid",
            "dialogueno",
            "dialogno",
            "dialoguenumber",
            "dialogueidx",
            "dialogidx",
            "diaid",
            "dialid",
        ),
        *("dialogue", "dialog", "sceneid", "threadid", "chatid", "callid", "meetingid", "sessionid", "transcriptid"),
        *("scene", "thread", "chat", "call", "meeting", "session"),
    ),
    "order": (
        *(
            "utteranceid",
            "utteranceno",
            "utterancenumber",
            "utteranceidx",
            "utteranceindex",
            "uttid",
            "uttno",
            "uttidx",
        ),
        *(
            "turnid",
            "turnno",
            "turnnumber",
            "turnidx",
            "turnindex",
            "turn",
            "order",
            "position",
            "lineno",
            "linenumber",
        ),
        *("sentenceid", "messageid", "sequence", "seq", "utterance", "line"),
    ),
    "speaker": (
        *("speaker", "speakername", "speakerid", "speakers", "speakerlabel", "character", "author", "user", "username"),
        *(
            "userid",
            "participant",
            "participantid",
            "actor",
            "person",
            "role",
            "agent",
            "sender",
            "from",
            "who",
            "name",
        ),
        *("speakerids", "speakernames", "characters", "names", "roles"),
    ),
    "text": (
        *(
            "utterance",
            "text",
            "utterancetext",
            "sentence",
            "transcript",
            "transcription",
            "words",
            "message",
            "content",
        ),
        *("line", "turntext", "rawtext", "speech", "body", "titre", "caption"),
    ),
    "label": (
        *(
            "emotion",
            "emotionlabel",
            "emotionname",
            "emotions",
            "emo",
            "emotionid",
            "emotionclass",
            "feeling",
            "affect",
        ),
        *("mood", "label", "labels", "labelname", "class", "category", "target", "annotation", "sentiment"),
    ),
    "id": (
        *(
            "id",
            "uid",
            "utteranceid",
            "uttid",
            "utterance",
            "segmentid",
            "segment",
            "clipid",
            "videoid",
            "clip",
            "filename",
        ),
        *("file", "filepath", "path", "wavpath", "videopath", "audiopath", "name", "key"),
    ),
    "start": (
        *("start", "starttime", "begin", "begintime", "startsec", "startseconds", "onset", "timestart"),
        *("startms", "starttimems"),
    ),
    "end": (
        *("end", "endtime", "stop", "stoptime", "endsec", "endseconds", "offset", "timeend"),
        *("endms", "endtimems"),
    ),
    "audio": ("audio", "audiopath", "audiofile", "wav", "wavpath", "wavfile", "sound", "recording"),
    "video": ("video", "videopath", "videofile", "clippath", "movie"),
    "split": ("split", "set", "partition", "subset"),
}
"""Known names for each kind of column, in lower case and without punctuation, the likeliest first."""

ID_PATTERNS = {
    "meld": r"(?P<conversation>dia\d+)_utt(?P<order>\d+)",
    "iemocap": r"(?P<conversation>(?P<session>Ses\d\d)[FM]_[A-Za-z]+\d\w*?)_(?P<speaker>[FM])(?P<order>[X\d]+)(?=\W|_|$)",
}
"""Regular expressions that read conversation, order, speaker and session from the ids of MELD and IEMOCAP."""

EXACT = ("audio_start", "video_start", "video_side")
"""Columns that are read by these names alone, see the keys of an utterance."""
GROUPS = ("conversation", "order", "speaker", "session")
LARGER_PARTS = ("season", "seasonid", "episode", "episodeid", "session", "sessionid")
"""Columns of the parts of a corpus in each of which the ids of conversations may begin anew, the largest first."""
SESSIONS = (["session"], ["sessionid"])
"""Conversation columns that may hold parts of a corpus with several conversations each."""


@dataclass(frozen=True)
class Columns:
    """
    The name of each kind of column, None if the table does not have it. `exact` are the columns of [`EXACT`] that it has,
    `pattern` is the compiled id pattern.
    """

    conversation: tuple[str, ...] = ()
    order: str | None = None
    speaker: str | None = None
    text: str | None = None
    label: str | None = None
    id: str | None = None
    start: str | None = None
    end: str | None = None
    audio: str | None = None
    video: str | None = None
    split: str | None = None
    exact: tuple[str, ...] = ()
    pattern: re.Pattern | None = None
    pattern_name: str | None = None

    def used(self) -> set[str]:
        """The names of all columns that are read."""
        singles = (self.order, self.speaker, self.text, self.label, self.id, self.start, self.end)
        media = (self.audio, self.video, self.split)
        named = {name for name in (*self.conversation, *self.exact, *singles, *media) if name}
        return named | {f"{stream}_features" for stream in STREAMS}

    def describe(self) -> str:
        """A text that says which column each kind of information is read from."""
        found = {"conversation": " + ".join(self.conversation) or None}
        found |= {name: getattr(self, name) for name in ("order", "speaker", "text", "label")}
        if self.pattern is not None:
            told = [group for group in GROUPS if group in self.pattern.groupindex]
            for group in told:
                if not found.get(group):
                    found[group] = f"{self.id} (by the id pattern {self.pattern_name})"
        found |= {name: getattr(self, name) for name in ("start", "end", "audio", "video", "split")}
        if self.id and self.pattern is None:
            found["id"] = self.id
        return ", ".join(f"{what} from {column}" for what, column in found.items() if column)


def listed(names: list) -> str:
    """Names for a message: the first twenty, long ones cut."""
    shown = [name if len(name) <= 60 else f"{name[:57]}..." for name in map(str, names[:20])]
    return ", ".join(shown) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def plain(name: str) -> str:
    """A column's name without case, spaces and punctuation."""
    return re.sub(r"[\W_]", "", str(name).casefold())


def choose_columns(
    names: list[str], options: DataOptions, rows: list[dict], media: dict[str, str], place: str
) -> Columns:
    """
    Find the columns of a table: those named by the options, and the others by their names.

    Args:
        names: the names of all columns.
        rows: the rows, whose ids are compared with the id patterns.
        media: the columns that hold recordings, see [`Rows`].
        place: the name of the table in error messages.

    Raises:
        ValueError: for an option that names a missing column, for an invalid pattern, and for a table without text,
            recordings or features.
    """
    given = {
        name: _named(getattr(options, f"{name}_column"), names, f"--{name}_column", place)
        for name in ("order", "speaker", "text", "label", "id")
    }
    conversation = tuple(
        _named(name, names, "--conversation_column", place) for name in options.conversation_column or ()
    )
    taken = {name for name in (*given.values(), *conversation) if name}
    guess = {}
    for what in ("text", "speaker", "label", "conversation", "split", "start", "end", "order"):
        if given.get(what) or (what == "conversation" and conversation):
            continue
        # the split may be among the columns of the conversation, as ids may begin anew in each split
        free = [name for name in names if name not in taken or (what == "split" and name in conversation)]
        guess[what] = _guess(what, free, media)
        if what == "order" and given["id"]:  # ids may be the order, if no other column is
            guess[what] = guess[what] or _guess(what, [given["id"]], media)
        if what == "text":
            wordless = {name for name in free if plain(name) in NAMES["text"] and _tells_no_words(name, rows)}
            guess[what] = _guess(what, [name for name in free if name not in wordless], media) or guess[what]
        taken |= {guess[what]} - {None}
    for what in ("audio", "video"):
        typed = [name for name, medium in media.items() if medium == what]
        guess[what] = typed[0] if typed else _guess(what, names, media)
    found = {what: given.get(what) or guess.get(what) for what in (*given, *guess)}
    found["conversation"] = conversation or _with_larger_parts(guess.get("conversation"), names, rows)
    columns = Columns(**found, exact=tuple(name for name in EXACT if name in names))
    columns = _with_pattern(columns, options, names, rows, place)
    if columns.text is None and not (columns.audio or columns.video or any(f"{s}_features" in names for s in STREAMS)):
        raise ValueError(
            f"{place} has no column that looks like the text of an utterance: name it with --text_column. The columns are: "
            f"{listed(names)}."
        )
    return columns


def _with_larger_parts(column: str | None, names: list[str], rows: list[dict]) -> tuple[str, ...]:
    """
    The columns that identify a conversation: scenes are counted anew in each episode, and episodes in each season. So may
    other ids be, if they occur in several of them.
    """
    if column is None:
        return ()
    told = [row for row in rows if id_text(row.get(column))]
    parts = [name for part in LARGER_PARTS for name in names if plain(name) == part and name != column]
    parts = _without_gaps(parts, told)
    if not plain(column).startswith("scene"):
        held = defaultdict(set)
        for row in told:
            for part in parts:
                held[part, id_text(row.get(column))].add(id_text(row.get(part)))
        if all(len(places - {""}) < 2 for places in held.values()):
            parts = []
    return (*parts, column)


def _without_gaps(parts: list[str], rows: list[dict]) -> list[str]:
    """
    The columns that are filled in every row, or in the first row of each block, as people fill spreadsheets: then no block
    comes twice.
    """
    filled = [name for name in parts if all(id_text(row.get(name)) for row in rows)]
    for name in (name for name in parts if name not in filled):
        chosen = [part for part in parts if part in (*filled, name)]
        above, blocks = {}, []
        for row in rows:
            above |= {part: text for part in chosen if (text := id_text(row.get(part)))}
            block = tuple(above.get(part) for part in chosen)
            if not blocks or blocks[-1] != block:
                blocks.append(block)
        if blocks and None not in blocks[0] and len(set(blocks)) == len(blocks):
            filled = chosen
    return filled


def _tells_no_words(column: str, rows: list[dict]) -> bool:
    """Whether a column holds only numbers or ids: words without spaces, each with a digit."""
    texts = [text for row in rows if (text := id_text(row.get(column)))]
    return bool(texts) and all(re.fullmatch(r"\S*\d\S*", text) for text in texts)


def _named(wanted: str | None, names: list[str], option: str, place: str) -> str | None:
    if wanted is None:
        return None
    for name in (*(n for n in names if n == wanted), *(n for n in names if plain(n) == plain(wanted))):
        return name
    raise ValueError(f"{place} has no column {wanted!r} for {option}; the columns are: {listed(names)}.")


def _guess(what: str, names: list[str], media: dict[str, str]) -> str | None:
    by_plain = {}
    for name in names:
        by_plain.setdefault(plain(name), name)
    for name in NAMES[what]:
        column = by_plain.get(name)
        if column is not None and (column not in media or media[column] == what):
            return column
    return None


def _with_pattern(columns: Columns, options: DataOptions, names: list[str], rows: list[dict], place: str) -> Columns:
    """Add the id column, and the pattern that the user gave or that all ids match."""
    by_plain = {plain(name): name for name in reversed(names)}
    ids = [columns.id] if columns.id else [by_plain[name] for name in NAMES["id"] if name in by_plain]
    others = (columns.audio, columns.video, columns.order, *columns.conversation)
    ids += [name for name in others if name and name not in ids]
    if options.id_pattern is not None:
        pattern = compile_pattern(options.id_pattern)
        for column in ids:
            if _matches(pattern, column, rows):
                order = columns.order
                if not options.order_column and (column == order or "order" in pattern.groupindex):
                    order = None
                found = replace(columns, id=column, order=order, pattern=pattern, pattern_name=options.id_pattern)
                # what the user's pattern finds in every row is not guessed
                is_in_all = all(pattern.search(id_text(row.get(column))) for row in rows)
                if "conversation" in pattern.groupindex and not options.conversation_column and is_in_all:
                    found = replace(found, conversation=())
                if "speaker" in pattern.groupindex and column == columns.speaker and not options.speaker_column:
                    found = replace(found, speaker=None)
                return found
        raise ValueError(
            f"{place}: --id_pattern {options.id_pattern} matches the values of no column ({listed(ids) or 'no id column'}): "
            f"name the column with --id_column. The columns are: {listed(names)}."
        )
    # a guess: IEMOCAP's sessions have many conversations each, and a column `name` may hold the ids
    is_session = not options.conversation_column and [plain(c) for c in columns.conversation] in SESSIONS
    is_id = not options.speaker_column and columns.speaker in ids
    if not columns.conversation or columns.speaker is None or is_session or is_id:
        for name in ID_PATTERNS:
            pattern = compile_pattern(name)
            for column in ids:
                if _matches(pattern, column, rows):
                    # ids do not sort by number: the pattern finds the number in the id
                    order = None if column == columns.order and not options.order_column else columns.order
                    found = replace(columns, id=column, order=order, pattern=pattern, pattern_name=name)
                    speaker = None if is_id and column == columns.speaker else columns.speaker
                    return replace(found, speaker=speaker, conversation=() if is_session else columns.conversation)
    no_ids = (columns.text, columns.audio, columns.video)
    unique = [name for name in ids if name not in no_ids and is_unique(name, rows)]
    return replace(columns, id=columns.id or next(iter(unique), None))


def compile_pattern(pattern: str) -> re.Pattern:
    """
    Compile a preset of [`ID_PATTERNS`] or a regular expression.

    Raises:
        ValueError: when the regular expression is invalid or has none of the groups [`GROUPS`].
    """
    try:
        compiled = re.compile(ID_PATTERNS.get(pattern, pattern))
    except re.error as error:
        raise ValueError(f"--id_pattern {pattern!r} is not a regular expression: {error}.") from error
    if not set(compiled.groupindex) & set(GROUPS):
        raise ValueError(
            f"--id_pattern {pattern!r} has none of the named groups {', '.join(GROUPS)}: write (?P<conversation>...) and "
            f"(?P<order>...), or give one of {', '.join(ID_PATTERNS)}."
        )
    return compiled


def id_text(value) -> str:
    """An id as text; for a recording (a dict) its path."""
    if isinstance(value, dict):
        value = value.get("path")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None or value != value else str(value).strip()


def _matches(pattern: re.Pattern, column: str, rows: list[dict]) -> bool:
    values = [text for row in rows if (text := id_text(row.get(column)))]
    return bool(values) and all(pattern.search(value) for value in values)


def is_unique(column: str, rows: list[dict]) -> bool:
    """Whether a column can hold the utterance ids: each row has a different value, and not all values are numbers."""
    values = [id_text(row.get(column)) for row in rows]
    return all(values) and len(set(values)) == len(values) and not all(re.fullmatch(r"[\d.]+", v) for v in values)
