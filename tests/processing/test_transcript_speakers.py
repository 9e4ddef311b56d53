"""The speakers of a transcript: from names at the beginning of lines, from identifiers of cues, or from voice tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.processing.transcript_files import said, saved, srt, vtt, warnings_of


@pytest.mark.parametrize(
    "names",
    [
        ("Prof. Ilsa, Brandt", "Quell, Otto"),
        ("2nd Clerk", "+3 Guest", "Dad + Mia"),
        ("🦊 Rusk", "🐌 Tilly"),
        ("📞 Ops (night)", "Ops (day)"),
        ("The woman who sells the paper lanterns at the gate", "A man behind the second curtain from the left"),
        ("Interviewer #1", "Interviewee #1"),
        ("MARA O'NEILL-KANE", "José Ángel"),
        ("user_17@example.org", "SPEAKER_04"),
        ("señora de la casa", "el niño"),
        ("Ж. Петров", "Анна"),
        ("Mr. & Mrs. Pike", "ii. Herald"),
        ("1", "2"),
        ("???", "Bo"),
        ('"Ziggy"', '"Mo"'),
    ],
)
def test_a_beginning_that_recurs_is_a_name(tmp_path, names):
    texts = ["I saw the boat.", "Which one?", "the green one: yes", "Two, then.", "So be it.", "Good night."]
    turns = [(names[n % len(names)], text) for n, text in enumerate(texts)]
    assert said(saved(tmp_path, "t.srt", srt(*(f"{name}: {text}" for name, text in turns)))) == turns
    assert said(saved(tmp_path, "t.vtt", vtt(*(f"{name}:  {text}" for name, text in turns)))) == turns
    assert warnings_of(tmp_path / "t.srt") == ""


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=":：<>[](){}&-–—‐»|;\u200b"),
    min_size=1,
    max_size=30,
)


@given(st.lists(NAMES, min_size=2, max_size=4, unique_by=lambda name: name.casefold()))
def test_whatever_recurs_before_a_colon_is_a_name(tmp_path_factory, names):
    names = [f"x{name}" for name in names]
    turns = [(name, f"Word {n}.") for n, name in enumerate([*names, *names])]
    path = saved(tmp_path_factory.mktemp("names"), "t.srt", srt(*(f"{name}: {text}" for name, text in turns)))
    assert said(path) == turns


def test_a_full_width_colon_ends_a_name(tmp_path):
    chinese = srt("主持人（10:05）：你好。", "嘉宾（10:08）：你好！", "主持人（10:11）：请坐。")
    assert [name for name, _ in said(saved(tmp_path, "c.srt", chinese))] == ["主持人", "嘉宾", "主持人"]
    turns = [
        ("店長", "鍵はどこですか。"),
        ("客", "机の上です。"),
        ("店長", "ありがとう。"),
        ("客", "どういたしまして。"),
    ]
    assert said(saved(tmp_path, "t.srt", srt(*(f"{name}：{text}" for name, text in turns)))) == turns


@pytest.mark.parametrize("time", ["(10:05)", "[00:10:05]", "(1:10:05.250)", "(10:05 - 10:07)"])
def test_a_time_in_brackets_is_neither_name_nor_words(tmp_path, time):
    turns = [("Guest 7", "It rains."), ("Host", "Again?"), ("Guest 7", "Since noon."), ("Host", "At 10:05: thunder.")]
    for form in (f"{{}} {time}: {{}}", f"{time} {{}}: {{}}", f"{{}}{time}:{{}}"):
        path = saved(tmp_path, "t.srt", srt(*(form.format(name, text) for name, text in turns)))
        assert said(path) == turns


@pytest.mark.parametrize(
    "phrase",
    [
        "The point is: it works.",
        "One more thing: lock the door.",
        "Remember: nobody knows.",
        "I told him this: no.",
        "Question: who paid?",
        "Rule number one: never run.",
        "And then, out of nowhere: a goose.",
        "My answer: perhaps.",
        "Exhibit A: The knife.",
        "Plan B: run.",
        "Guess what: It snows.",
        "Last Thing: we need salt.",
    ],
)
def test_a_phrase_that_occurs_once_in_a_named_file_is_words(tmp_path, phrase):
    lines = ["Ilka: We are late.", "Bo: How late?", "Ilka: Very.", phrase, "Bo: I see."]
    path = saved(tmp_path, "t.srt", srt(*lines))
    assert said(path)[3] == ("Ilka", phrase) and said(path)[4] == ("Bo", "I see.")
    assert repr(phrase.split(":")[0]) in warnings_of(path)


def test_a_name_that_occurs_once_is_a_name(tmp_path):
    lines = [
        "Ilka: We are late.",
        "Bo: How late?",
        "Ilka: Very.",
        "Old Tom: I can wait.",
        "DR. YU: Come in.",
        "Bo: Ah.",
    ]
    names = ["Ilka", "Bo", "Ilka", "Old Tom", "DR. YU", "Bo"]
    assert [name for name, _ in said(saved(tmp_path, "t.srt", srt(*lines)))] == names


def test_names_in_a_file_without_capitals(tmp_path):
    lines = ["Ilka: we are late", "Bo: how late", "Uma: very late"]
    assert [name for name, _ in said(saved(tmp_path, "t.srt", srt(*lines)))] == ["Ilka", "Bo", "Uma"]


def test_a_list_of_participants_decides(tmp_path):
    lines = ["Ilka: We are late.", "the cook: Soup?", "Ilka: No.", "Nobody Else: runs.", "Tern, Max: Yes.", "Ilka: Go."]
    listed = "Participants: Ilka; the cook; Tern, Max\n\n"
    expected = [
        *(("Ilka", "We are late."), ("the cook", "Soup?"), ("Ilka", "No.")),
        *(("Ilka", "Nobody Else: runs."), ("Tern, Max", "Yes."), ("Ilka", "Go.")),
    ]
    assert said(saved(tmp_path, "t.srt", listed + srt(*lines))) == expected
    in_note = vtt(*lines).replace("WEBVTT\n", "WEBVTT\n\nNOTE\nSpeakers:\n- Ilka\n- the cook\n- Tern, Max\n")
    assert said(saved(tmp_path, "t.vtt", in_note)) == expected
    assert "'Nobody Else'" in warnings_of(tmp_path / "t.vtt")


def test_remarks_behind_a_name_are_left_out_and_titles_kept(tmp_path):
    lines = ["Ada (laughs): Hi.", "Ben (Guest): Ho.", "Ada: Hm.", "Ben (Guest): Ha.", "Ada [coughs]: So."]
    path = saved(tmp_path, "t.srt", srt(*lines))
    assert [name for name, _ in said(path)] == ["Ada", "Ben (Guest)", "Ada", "Ben (Guest)", "Ada"]


def test_subtitles_without_names_keep_their_colons(tmp_path):
    lines = ["it was a dark night", "and the winner is: nobody", "we all went home", "the end"]
    path = saved(tmp_path, "t.srt", srt(*lines))
    assert said(path) == [("speaker", line) for line in lines]


@pytest.mark.parametrize("form", ["[{}] {}", "({}) {}"])
def test_names_in_brackets_before_all_words(tmp_path, form):
    turns = [("Ada Hill", "Hi: you."), ("Ben", "Ho."), ("Ada Hill", "Hm.")]
    assert said(saved(tmp_path, "t.srt", srt(*(form.format(*turn) for turn in turns)))) == turns
    sounds = ["[Music] la", "[Music] lo", "[Laughs] Well."]
    assert [name for name, _ in said(saved(tmp_path, "s.srt", srt(*sounds)))] == ["speaker"] * 3


def test_labels_of_diarization(tmp_path):
    lines = ["[SPEAKER_00]: Hello: you.", "[SPEAKER_01] Hi.", "(speaker_2) Ho.", "[laughs] Well."]
    expected = [
        ("SPEAKER_00", "Hello: you."),
        ("SPEAKER_01", "Hi."),
        ("speaker_2", "Ho."),
        ("speaker_2", "[laughs] Well."),
    ]
    assert said(saved(tmp_path, "t.srt", srt(*lines))) == expected


@pytest.mark.parametrize(
    "form",
    [
        '{n} "{name}" (22{n}1)',
        "{name}",
        "{n} - {name}",
        "{n}. {name}",
        '"{name}"',
        "{n} {name} ({n})",
        "{name}-{n}",
        "{n}_{name}_{n}",
        "{name} #{n}",
    ],
)
def test_names_in_cue_identifiers(tmp_path, form):
    turns = [("Una Vale", "Who is it?"), ("Kit", "Me."), ("Una Vale", "Who: me?"), ("Kit", "Yes."), ("Una Vale", "Oh.")]
    cues = (form.format(n=n, name=name) + "|" + text for n, (name, text) in enumerate(turns, start=1))
    assert said(saved(tmp_path, "t.vtt", vtt(*cues))) == turns


@pytest.mark.parametrize(
    "identifiers",
    [
        ("1", "2", "3", "4"),
        ("cue", "cue", "cue", "cue"),
        ("7c0e2f5a-11aa-4b0e-9b1f-2d3c4b5a6978/12-0",) * 4,
        ("intro", "", "middle", "end"),
        ("chapter-1/0-1", "chapter-1/0-2", "chapter-1/0-1", "chapter-1/0-2"),
        ("utterance-1", "utterance-2", "utterance-3", "utterance-4"),
        ("turn_1", "turn_2", "turn_3", "turn_4"),
        ("left", "right", "left", "right"),
        ("intro-1", "intro-2", "talk-1", "talk-2"),
    ],
)
def test_identifiers_that_are_no_names(tmp_path, identifiers):
    lines = ["Ada: Hi.", "Ben: Ho.", "Ada: Hm.", "Ben: Ha."]
    cues = (f"{identifier}|{line}" if identifier else line for identifier, line in zip(identifiers, lines, strict=True))
    assert [name for name, _ in said(saved(tmp_path, "t.vtt", vtt(*cues)))] == ["Ada", "Ben", "Ada", "Ben"]


@pytest.mark.parametrize("form", ["utterance-{n}", "turn-{n}", "seg_{n}", "{n} talk", "reel", "beat #{n}"])
def test_identifiers_of_one_kind_are_nobody_s_name(tmp_path, form):
    cues = [f"{form.format(n=n)}|{text}" for n, text in enumerate(["Hi.", "Ho.", "Hm.", "Ha."], start=1)]
    assert {name for name, _ in said(saved(tmp_path, "t.vtt", vtt(*cues)))} == {"speaker"}


def test_numbers_in_identifiers_tell_speakers_apart(tmp_path):
    cues = ["Speaker 1|Hi.", "Speaker 2|Ho.", "Speaker 1|Hm.", "Speaker 2|Ha."]
    assert [name for name, _ in said(saved(tmp_path, "t.vtt", vtt(*cues)))] == ["Speaker 1", "Speaker 2"] * 2


def test_participants_in_the_first_cue(tmp_path):
    lines = ["Participants: Ilka, the cook", "the cook: Soup?", "Ilka: No."]
    assert said(saved(tmp_path, "t.srt", srt(*lines)))[1:] == [("the cook", "Soup?"), ("Ilka", "No.")]


def test_a_cue_without_a_voice_or_identifier_is_nobodys(tmp_path):
    path = saved(
        tmp_path, "t.vtt", vtt("<v Una>Hello: there.</v>", "(thunder)", "<v Kit>Ah.</v> <v Una>Oh.</v> (rain)")
    )
    assert said(path) == [
        *(("Una", "Hello: there."), ("speaker", "(thunder)"), ("Kit", "Ah."), ("Una", "Oh."), ("speaker", "(rain)")),
    ]
    path = saved(tmp_path, "t.vtt", vtt("Una|Hello.", "(thunder)", "Kit|Ah.", "Una|Oh."))
    assert said(path)[1] == ("speaker", "(thunder)")


def test_escaped_chevrons_and_entities(tmp_path):
    lines = [
        "&gt;&gt; GIL: Salt &amp; pepper?",
        "&gt;&gt; MAY: It&#8217;s &quot;fine&quot;.",
        "&gt;&gt;&gt; Next.",
        "AT&T &copy",
    ]
    expected = [("GIL", "Salt & pepper?"), ("MAY", 'It’s "fine".'), ("speaker", "Next."), ("speaker", "AT&T &copy")]
    for suffix, make in (("srt", srt), ("vtt", vtt)):
        assert said(saved(tmp_path, f"t.{suffix}", make(*lines))) == expected


@pytest.mark.parametrize(
    "words", ["Morning. How: are you", "Listen: This matters.", "Plan: Buy bread.", "One more thing. Ben: He said so."]
)
def test_where_lines_of_names_and_times_announce_turns_a_colon_in_the_words_is_none(tmp_path, words):
    text = f"Mia Roth  0:03\nGood day.\n\nTom  0:09\n{words}\n\nMia Roth  1:02:09\nBye.\n"
    assert said(saved(tmp_path, "otter.txt", text)) == [
        ("Mia Roth", "Good day."),
        ("Tom", words),
        ("Mia Roth", "Bye."),
    ]


def test_the_end_of_a_sentence_is_in_no_name(tmp_path):
    found = said(
        saved(tmp_path, "a.srt", srt("Mia: Hi.", "Evening. How: You?", "Mia: Ha.", "Prof. Roth: Who?", "Tom: I."))
    )
    assert [speaker for speaker, _ in found] == ["Mia", "Mia", "Mia", "Prof. Roth", "Tom"]
