# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The speakers of a transcript whose lines begin with names, learned from the whole file.

A single line does not show whether `The thing is: nobody has the key` names a speaker, but the file does: a beginning that
recurs, or that is in the file's list of participants, is a name, whatever it looks like.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from .transcript_times import CLOCK
from .transcript_utterances import UNKNOWN_SPEAKER
from .warning_messages import warn

LONGEST_NAME = 120  # characters

_TIME = rf"[(\[（［【]\s*{CLOCK}(?:\s*(?:-|–|-->|to)\s*{CLOCK})?\s*[)\]）］】]"
# The colon of 12:30 or of a URL is followed by neither a space nor a letter; a full-width colon needs no space.
_PREFIX = re.compile(
    rf"(?:{_TIME}\s*)?(?P<name>[^\s:：][^:：]{{0,{LONGEST_NAME - 1}}}?)\s*(?:{_TIME}\s*)?(?::(?=\s|$|[^\W\d_])|：)(?P<text>.*)"
)
# `Ada [joy 83 %]: ...` as this package writes it, whatever the name
_WRITTEN_PREFIX = re.compile(r"(?P<name>.{1,200}?) \[[^\[\]]{1,80} \d{1,3} %\]:(?P<text>.*)")
_LABEL_PREFIX = re.compile(r"\[(?P<name>[^\[\]:]{1,40})\]:(?=\s|$)(?P<text>.*)")  # as WhisperX writes it
_BARE_LABEL = re.compile(r"[\[(<](?P<name>(?:speaker|spk)[ _-]?\w{1,6})[\])>]\s+(?P<text>\S.*)", re.IGNORECASE)
_LABEL_LINE = re.compile(r"[\[(](?P<name>[^\[\]():]{1,40})[\])]")
_LABEL_BEFORE_WORDS = re.compile(r"[\[(](?P<name>[^\[\]():]{1,40})[\])]\s+(?P<words>\S.*)")
SOUNDS = frozenset(
    re.findall(
        r"\w+",
        "applause bang beep cheering coughing crying gasps groans laughs laughing laughter music silence sighs sobbing thunder "
        "background chatter crosstalk foreign inaudible indistinct noise pause static unclear unintelligible",
    )
)
"""Words in brackets that tell what is heard."""
_REMARK = re.compile(r"\s*[(\[（［][^()\[\]（）［］]{1,60}[)\]）］]$")
_DIRECTION = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_DASH = re.compile(r"[-–—‐](?:\s+(?=\S)|(?=[^\W\d_]))")
_CHEVRONS = re.compile(r"(?:>{2,3}|»)\s*")
_PARTICIPANTS = re.compile(
    r"\W*(?P<title>participants?|speakers?|attendees?|panell?ists?|present|cast|people|teilnehmer\w*|sprecher\w*|personen|participantes|"
    r"intervenants?|locuteurs?|oradores|участники|参加者|参与者|出席者|与会者)\s*(?:\(\d+\))?\s*[:：]\s*(?P<names>.*)",
    re.IGNORECASE,
)
_SMALL_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a af al and at av aus bin da das de del della den der di do dos du e el et ibn in la le les of on van vom von y zu zum и",
    )
)
# words that begin a sentence, and are not names although they may be written like one
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        """again also and answer anyway attendees attention because breaking but careful case cast caution chapter conclusion correction damn date day dear example exhibit
    fact finally first fine goal here hint hello hey idea important imagine instead is it item just lesson let listen location look meaning
    maybe me mine mind my news next no note nothing now number ok okay one option or page part participants place plan please present previously point problem promise
    ps question quote reason remember remark reminder result room rule scene second section see simple simply so sorry speakers spoiler still stop step story
    sure thanks that then there therefore third this thought time tip title translation today tomorrow topic true two update verdict wait
    warning well what when where why yeah yes yesterday
    achtung also aber antwort beispiel bitte denn einfach ergebnis erstens frage grund hinweis ja kurz moment nein nun regel
    schau stopp tipp und warnung warte wichtig zweitens
    alors attends attention bon donc exemple mais non oui question rappel réponse
    ahora atención bueno entonces mira no nota pero pregunta respuesta sí
    注意 例如 问题 問題 结论 結論 例えば つまり 答案 答え 重要""",
    )
)


class Prefix(NamedTuple):
    """A beginning of a line that may be a name: the name as written, without remarks in brackets, and the words after it."""

    full: str
    base: str
    text: str
    certain: bool = False


class Line(NamedTuple):
    """A line of a cue: its words without the marks before them, and whether a dash or chevrons announced a new speaker."""

    text: str
    announced: str
    dashed: bool
    chevrons: bool


def line_of(text: str) -> Line:
    """The parts of a line. Marks of the direction of writing are not seen."""
    text = " ".join(_DIRECTION.sub("", text).split())
    undashed = _DASH.sub("", text, count=1) if _DASH.match(text) else text
    announced = _CHEVRONS.sub("", undashed, count=1) if _CHEVRONS.match(undashed) else undashed
    return Line(text, announced, undashed != text, announced != undashed)


def prefix_of(text: str) -> Prefix | None:
    """The beginning of a line up to its colon, or to the bracket of a label, if it has such a beginning."""
    for pattern in (_WRITTEN_PREFIX, _LABEL_PREFIX, _BARE_LABEL):
        if match := pattern.match(text):
            name = match["name"].strip()
            return Prefix(name, name, match["text"].strip(), certain=True)
    match = _PREFIX.match(text)
    if match is None:
        return None
    full = match["name"].strip()
    base = _REMARK.sub("", full).strip() or full
    if not any(character.isalnum() or character > "\u2000" for character in base) and base.strip("?"):
        return None
    if re.fullmatch(rf"[\W\d]*{CLOCK}", base) or base.casefold() in ("http", "https", "www"):
        return None
    return Prefix(full, base, match["text"].strip())


def participants_of(lines: Sequence[str]) -> str:
    """
    The names in a list such as `Participants: Ada, Ben`, on one line or on those below it; empty where there is none. In an
    interview, `Participant: I am sad.` is somebody who speaks, and no list: it recurs, or what follows is no name.
    """
    found = [_PARTICIPANTS.fullmatch(line.strip()) for line in lines]
    titles = Counter(match["title"].casefold() for match in found if match)
    for number, match in enumerate(found):
        if match and _is_list(match["title"], match["names"] or "".join(lines[number + 1 : number + 2]), titles):
            below = []
            for name in lines[number + 1 :] if not match["names"] else ():
                if not name.strip():
                    break
                below.append(name)
            return "\n".join([match["names"], *below])
    return ""


def _is_list(title: str, names: str, titles: Counter) -> bool:
    """
    Whether what follows a title is a list of names. That of a single person occurs once, with names alone behind it; the German
    one may be of several.
    """
    title = title.casefold()
    if title in ("sprecher", "sprecherin", "teilnehmer", "teilnehmerin"):
        return titles[title] == 1 and not re.search(r"[.?!…]\s*$", names)
    if title not in ("participant", "speaker", "attendee", "panelist", "panellist"):
        return True
    return titles[title] == 1 and all(map(looks_like_name, re.split(r"[,;|]|\s(?:and|und)\s", names.strip())))


def is_label_line(line: Line) -> bool:
    """Whether a line is a name in brackets alone, above the words, as `(Ada Hill)`; or what is heard, as `(applause)`."""
    match = _LABEL_LINE.fullmatch(line.announced)
    return match is not None and looks_like_name(match["name"]) and match["name"].casefold() not in SOUNDS


def with_labels_joined(cues: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """
    The cues, with names in brackets on lines of their own joined to the words below them as a prefix, if at least half of the
    cues begin with such a name and one of these recurs.
    """
    cues = _with_bare_labels_joined(cues)
    first = [cue[0].announced for cue in cues if len(cue) > 1 and is_label_line(cue[0])]
    if 2 * len(first) < len(cues) or len(set(first)) == len(first):
        return [list(cue) for cue in cues]
    joined = []
    for cue in cues:
        lines = list(cue)
        at = 0
        while at + 1 < len(lines):
            if is_label_line(lines[at]):
                text = f"[{_LABEL_LINE.fullmatch(lines[at].announced)['name']}]: {lines[at + 1].text}"
                lines[at : at + 2] = [Line(text, text, False, False)]
            at += 1
        joined.append([line for line in lines if line.text not in ("-", "–")])
    return joined


def _with_bare_labels_joined(cues: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The cues, with names in brackets before the words as prefixes, if nearly all cues begin so and two of them recur or more."""
    matches = [_LABEL_BEFORE_WORDS.match(cue[0].announced) if cue else None for cue in cues]
    labels = [m["name"] for m in matches if m and looks_like_name(m["name"]) and m["name"].casefold() not in SOUNDS]
    if 5 * len(labels) < 4 * len(cues) or not 1 < len(set(labels)) < len(labels):
        return [list(cue) for cue in cues]
    joined = []
    for cue in cues:
        lines = []
        for line in cue:
            match = _LABEL_BEFORE_WORDS.match(line.announced)
            text = f"[{match['name']}]: {match['words']}" if match and match["name"] in labels else None
            lines.append(Line(text, text, False, False) if text else line)
        joined.append(lines)
    return joined


def names_in_list(participants: str) -> set[str]:
    """
    The names of a list as [`participants_of`] gives it, in small letters. Where only commas separate, a name may itself have
    one, so that neighbours are also taken together.
    """
    names = set()
    for part in re.split(r"[;|\n]", participants):
        part = _REMARK.sub("", re.sub(r"^\s*(?:[-–•*·]|\d+[.)])\s*", "", part).strip()).casefold()
        pieces = [_REMARK.sub("", piece.strip()) for piece in re.split(r",|\s(?:and|und|et|y|e|и)\s", part)]
        names |= {part, *pieces, *(f"{one}, {other}" for one, other in pairwise(pieces))}
    return names - {""}


class SpeakerNames:
    """
    The names that begin the lines of one file.

    Args:
        cues: for each cue its lines, in the order of the file.
        participants: the list of names that the file gives, see [`participants_of`].
        named: whether the file names speakers in another way, too, such as WebVTT's voices.
        announced: whether it announces each turn in another way, such as a line with a name and a time: then a beginning that
            occurs once is part of the words.
    """

    def __init__(
        self,
        cues: Iterable[Sequence[Line]],
        participants: str = "",
        named: bool = False,
        announced: bool = False,
    ):
        self._listed, self._announced = names_in_list(participants), announced
        cues = list(cues)
        found = [(number, line, prefix) for number, cue in enumerate(cues) for line, prefix in _prefixes(cue)]
        self._forms = _forms(prefix for _, _, prefix in found)
        places = defaultdict(set)
        for number, _, prefix in found:
            places[self._name(prefix).casefold()].add(number)
        self._names = {
            self._name(prefix).casefold()
            for _, _, prefix in found
            if prefix.certain or len(places[self._name(prefix).casefold()]) > 1 or self._is_listed(prefix)
        }
        self._rest_may_be_small = _share_of_small_beginnings(
            prefix.text for _, _, prefix in found if self._name(prefix).casefold() in self._names
        )
        # a file whose likely names are mostly followed by small letters, as some recognizers write, has no capitals to go by
        likely = [prefix.text for _, _, prefix in found if prefix.text and looks_like_name(prefix.base)]
        self._rest_may_be_small |= 2 * sum(map(_begins_small, likely)) > len(likely)
        is_named = named or bool(self._names)
        is_dense = 2 * len({number for number, _, _ in found}) >= len(cues)
        single = [(line, p) for _, line, p in found if self._name(p).casefold() not in self._names]
        name_like = {self._name(p).casefold() for line, p in single if self._is_name_like(line, p, is_named)}
        if not is_named and is_dense and not name_like:
            name_like = {
                self._name(p).casefold() for _, p in single if re.fullmatch(r"[^\W\d_][^,;!?<>\[\]]{0,39}", p.base)
            }
        self._names |= name_like
        self._refused = [p for _, p in single if self._name(p).casefold() not in self._names]

    def split(self, text: str) -> tuple[str, str] | None:
        """The speaker and the words of a line that begins with a name, None for another line."""
        prefix = prefix_of(text)
        if prefix is None or not (prefix.certain or self._name(prefix).casefold() in self._names):
            return None
        return self._name(prefix), prefix.text

    def is_listed(self, name: str) -> bool:
        """Whether a name is in the file's list of participants."""
        return name.casefold() in self._listed

    def warn_of_refused(self, where: str):
        """Name the beginnings that may be names, and were left in the words."""
        unclear = list(
            dict.fromkeys(
                p.base
                for p in self._refused
                if len(p.base) <= 40 and _may_be_meant_as_name(p.base) and not _PARTICIPANTS.fullmatch(f"{p.base}:")
            )
        )
        if unclear:
            shown = ", ".join(repr(name) for name in unclear[:5]) + (" and others" if len(unclear) > 5 else "")
            warn(
                f"{where}: {shown} with a colon occur once and were taken for words, not for speakers. Where one is a "
                "name, add the line 'Participants: NAME; NAME' before the first cue, or use <v NAME> in WebVTT."
            )

    def _name(self, prefix: Prefix) -> str:
        return self._forms.get(prefix.full.casefold(), prefix.base)

    def _is_listed(self, prefix: Prefix) -> bool:
        return self.is_listed(prefix.base)

    def _is_name_like(self, line: Line, prefix: Prefix, is_named: bool) -> bool:
        if self._listed or self._announced or not looks_like_name(prefix.base):
            return False
        words = [word for word in prefix.base.split() if word.casefold() not in _SMALL_WORDS]
        is_plain = (len(words) > 1 and not is_named) or prefix.base.isupper() or line.dashed or line.chevrons
        # `Remember: nobody knows` goes on as a sentence does, `Bolt: Nobody knows` does not
        return is_plain or self._rest_may_be_small or not _begins_small(prefix.text)


def _prefixes(cue: Sequence[Line]) -> list[tuple[Line, Prefix]]:
    return [(line, prefix) for line in cue if (prefix := prefix_of(line.announced)) is not None]


def _forms(prefixes: Iterable[Prefix]) -> dict[str, str]:
    """
    The names that keep what stands in brackets behind them: those that never occur without it, as `Ada (Guest)`; in
    `Ada (laughs)` it is a remark.
    """
    by_base = defaultdict(Counter)
    for prefix in prefixes:
        by_base[prefix.base.casefold()][prefix.full] += 1
    kept = {}
    for forms in by_base.values():
        [(form, count), *others] = forms.most_common()
        if not others and count > 1:
            kept[form.casefold()] = form
    return kept


_LONGEST_ABBREVIATION = len("Prof.")


def looks_like_name(text: str) -> bool:
    """
    Whether a beginning that occurs once is written like a name: one to six words, each with a capital, in a script without
    capitals or with a number, and none that usually begins a sentence.
    """
    text = text.strip("\"“”„'‘’«»")
    words = text.split()
    if not 1 <= len(words) <= 6 or re.search(
        r"[?!;…\"“”,]|[.]$", re.sub(r"\b(?:jr|sr|dr|mr|mrs|ms)\.", "", text, flags=re.I)
    ):
        return False
    if any(len(word) > _LONGEST_ABBREVIATION and word.endswith(".") for word in words[:-1]):
        return False  # a sentence ends in it
    if words[0].casefold().strip(".") in _NO_NAMES or text.casefold() in _NO_NAMES:
        return False
    if words[0][0].islower() or all(word.casefold() in _SMALL_WORDS for word in words):
        return False
    letters = [character for character in text if character.isalpha()]
    if letters and not any(letter.isupper() or letter.islower() for letter in letters):
        return len(text) <= 6  # a longer one, in a script without capitals, may be any phrase
    return all(not word[0].islower() or word.casefold() in _SMALL_WORDS for word in words)


def _may_be_meant_as_name(text: str) -> bool:
    return len(text.split()) <= 6


def _begins_small(text: str) -> bool:
    first = next((character for character in text if character.isalpha()), "")
    return first.islower()


def _share_of_small_beginnings(texts: Iterable[str]) -> bool:
    small = [_begins_small(text) for text in texts if text]
    return bool(small) and sum(small) >= 0.3 * len(small)


def turns_of_lines(lines: Sequence[Line], names: SpeakerNames, before: str) -> list[tuple[str, str]]:
    """
    Speaker and words of each turn in a cue.

    Args:
        lines: the cue's lines.
        names: the names of the file.
        before: the speaker who goes on where the first line names none.
    """
    is_dialogue = bool(lines) and lines[0].dashed
    turns = []
    for line in lines:
        named = names.split(line.announced)
        if named:
            turns.append((named[0], [named[1]]))
        elif (is_dialogue and line.dashed) or line.chevrons:
            turns.append((UNKNOWN_SPEAKER, [line.announced]))
        elif turns:
            turns[-1][1].append(line.text)
        else:
            turns.append((before, [line.text]))
    return [(name, " ".join(parts).strip()) for name, parts in turns]
