"""Plain transcripts in rarer forms: where names and times stand, what is a name, and what is only words."""

import datetime
import json

import openpyxl
import pytest

from modeling_amuse.processing.timelines.report_comparison import _NUMBERED
from modeling_amuse.processing.transcripts import read_transcripts


def read(folder, text: str, name: str = "talk.txt") -> list[tuple]:
    """Speaker, start and words of each utterance."""
    (folder / name).write_text(text, encoding="utf-8")
    [conversation] = read_transcripts(folder / name)
    return [(u["speaker"], u.get("start"), u.get("text")) for u in conversation["utterances"]]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ["[00:00.000 --> 00:02.400]  We can.", "[00:02.400 --> 00:03.000]  Yeah.", "[00:03.000 --> 00:06.000]  Yeah."],
            ["We can.", "Yeah.", "Yeah."],
        ),
        (["0:00 hello there", "0:04 okay", "0:09 what now", "0:12 okay"], ["hello there", "okay", "what now", "okay"]),
        (["0:00 it is", "0:04 Nowhere", "0:09 we go"], ["it is", "Nowhere", "we go"]),
        (["0:03", "Yeah", "0:05", "He has slides.", "0:07", "Yeah", "0:09", "Good."], ["Yeah", "He has slides.", "Yeah", "Good."]),
    ],
)  # fmt: skip
def test_short_words_behind_a_time_are_no_names(tmp_path, lines, words):
    found = read(tmp_path, "\n".join(lines))
    assert [text for *_, text in found] == words and {speaker for speaker, *_ in found} == {"speaker"}


ADA_AND_BEN = [("Ada", 3.0, "Hi all."), ("Ben", 5.0, "Good day."), ("Ada", 7.5, "So.")]


@pytest.mark.parametrize(
    "lines",
    [
        ["0:03 Ada", "Hi all.", "0:05 Ben", "Good day.", "0:07.5 Ada", "So."],
        ["Ada", "0:03", "Hi all.", "Ben", "0:05", "Good day.", "Ada", "0:07.5", "So."],
        ["Ada", "0:03 - 0:05", "Hi all.", "", "Ben", "0:05 - 0:07", "Good day.", "", "Ada", "0:07.5 - 0:09", "So."],
        ["(0:03) Ada: Hi all.", "(0:05) Ben: Good day.", "(0:07.5) Ada: So."],
        ["(0:03 - 0:04) Ada: Hi all.", "(0:05 - 0:06) Ben: Good day.", "(0:07.5 - 0:09) Ada: So."],
        ["[0:03] [Ada] Hi all.", "[0:05] [Ben] Good day.", "[0:07.5] [Ada] So."],
        ["0:03\tAda\tHi all.", "0:05\tBen\tGood day.", "0:07.5\tAda\tSo."],
    ],
)
def test_names_and_times_in_rarer_places(tmp_path, lines):
    if lines[0].startswith("["):  # both names must recur
        lines = [*lines, "[0:09] [Ben] Yes."]
    assert read(tmp_path, "\n".join(lines))[:3] == ADA_AND_BEN


@pytest.mark.parametrize("pm", ["PM", "pm", "p.m."])
def test_times_of_half_days(tmp_path, pm):
    found = read(tmp_path, f"12:59:50 {pm} Ada: Hi there.\n1:00:09 {pm} Ben: Ho.\n1:00:12 {pm} Ada: Good.\n")
    assert found == [("Ada", 46790.0, "Hi there."), ("Ben", 46809.0, "Ho."), ("Ada", 46812.0, "Good.")]
    found = read(tmp_path, f"Ada Hill  12:05 {pm}\nHi there.\n\nBen Dell  1:02 {pm}\nIt is 3:30 {pm} here.\n")
    assert found == [("Ada Hill", 43500.0, "Hi there."), ("Ben Dell", 46920.0, f"It is 3:30 {pm} here.")]
    assert read(tmp_path, f"[1:00:09 {pm} --> 1:00:12 {pm}] Ada: Hi.\n[1:00:13 {pm} - 1:00:14 {pm}] Ben: Ho.\n") == [
        ("Ada", 46809.0, "Hi."),
        ("Ben", 46813.0, "Ho."),
    ]
    for words in (f"3:30 {pm} is fine with me.", f"12:00 {pm} it was, when he came"):
        text = f"Ada  0:03\nHello.\n\nBen  0:05\n{words}\n\nAda  0:09\n{words}\n"
        assert [text for *_, text in read(tmp_path, text)] == ["Hello.", words, words]
    assert read(tmp_path, "Ada: Come at 3:30 pm.\nBen: Yes.\nAda: Good.")[0] == ("Ada", None, "Come at 3:30 pm.")


@pytest.mark.parametrize(
    "notice",
    ["David Mulholland stopped transcription", "Meeting ended after 00:38:36 👋", "Transcription ended"],
)
@pytest.mark.parametrize("blank", ["", "\n"])
def test_a_notice_at_the_end_is_no_word(tmp_path, notice, blank, caplog):
    found = read(tmp_path, f"Ada Hill   0:03\nHi.\n\nNick Miller   0:09\nOkay.\n{blank}{notice}")
    assert found[-1] == ("Nick Miller", 9.0, "Okay.") and "nobody says it" in caplog.text
    if not blank and "after" not in notice:
        assert read(tmp_path, f"Ada Hill   0:03\nHi.\n\nNick Miller   0:09\n{notice}")[-1][2] == notice


def test_a_name_may_contain_a_word_for_a_sound(tmp_path):
    text = "[Ada Hill] 10:15:03\nGood morning.\n\n[Mette Bang] 10:15:09\nMorning.\n\n[Ada Hill] 10:15:12\nYes.\n"
    assert [speaker for speaker, *_ in read(tmp_path, text)] == ["Ada Hill", "Mette Bang", "Ada Hill"]
    text += "\n[background music] 10:15:14\n\n[Music] 10:15:15\n\n[Mette Bang] 10:15:16\nGo.\n"
    assert {speaker for speaker, *_ in read(tmp_path, text)} == {"Ada Hill", "Mette Bang"}


def test_people_below_the_heading_of_a_chapter_are_the_speakers(tmp_path):
    text = "Introduction  0:00\nAda: Hello there.\nBen: Hi.\nThe Argument  10:00\nAda: So what.\nBen: Yes.\n"
    assert [speaker for speaker, *_ in read(tmp_path, text)] == ["Ada", "Ben", "Ada", "Ben"]


def test_a_name_without_words_is_no_word(tmp_path):
    text = "0:03 Ada\nHi.\n0:05 Ben\nHi you.\n0:08 Ada\nSo then.\n0:11 Cy"
    assert [words for *_, words in read(tmp_path, text)] == ["Hi.", "Hi you.", "So then."]
    text = "0:03 Ada\n0:05 Ben\nHi you there.\n0:07 Ada\n0:08 Ben\nHi again.\n0:10 Ada\nBye bye."
    assert [(s, w) for s, _, w in read(tmp_path, text)] == [
        ("Ben", "Hi you there."),
        ("Ben", "Hi again."),
        ("Ada", "Bye bye."),
    ]


def test_a_sentence_below_a_name_does_not_replace_it(tmp_path):
    text = "Ada  0:03\nQuestion: who has the key?\n\nBen  0:09\nNobody.\n\nAda  0:12\nQuestion: who left it?\n"
    assert [speaker for speaker, *_ in read(tmp_path, text)] == ["Ada", "Ben", "Ada"]
    text = "Guest  0:03\nAda: Hi.\n\nGuest  0:09\nBen: Ho.\n\nGuest  0:12\nAda: So.\n\nGuest  0:15\nBen: No.\n"
    assert [speaker for speaker, *_ in read(tmp_path, text)] == ["Ada", "Ben", "Ada", "Ben"]


@pytest.mark.parametrize("role", ["Participant", "Speaker", "Sprecher"])
def test_a_person_may_be_called_participant(tmp_path, role, caplog):
    text = f"Moderator: Welcome.\n{role}: I am sad.\nInterviewer: Why?\n{role}: I lost it.\nInterviewer: Oh."
    assert [s for s, *_ in read(tmp_path, text)] == ["Moderator", role, "Interviewer", role, "Interviewer"]
    text = f"Interviewer: How are you?\n{role}: I am sad, I lost my job.\nInterviewer: I am sorry."
    assert [s for s, *_ in read(tmp_path, text)] == ["Interviewer", role, "Interviewer"]
    assert not caplog.messages


@pytest.mark.parametrize(
    "lines",
    [
        ["Present: Ada, Ben", "", "ada: good morning to you", "ben: good morning", "", "Present: Ada, Ben, Cy", "", "cy: hello"],
        ["Sprecher:", "ada", "ben", "", "ada: hallo du", "ben: wie geht es"],
        ["Speaker:", "Ada", "Ben", "", "Ada: hi there", "Ben: ho"],
    ],
)  # fmt: skip
def test_lists_of_people(tmp_path, lines):
    named = [speaker.casefold() for speaker, *_ in read(tmp_path, "\n".join(lines))]
    assert [name for name in named if name != "present"] == ["ada", "ben"]  # a title that recurs may be a person


@pytest.mark.parametrize(
    "given",
    [
        {"results": [{"alternatives": [{"transcript": text}], "channelTag": n} for n, text in ((1, "Hello?"), (2, "Hi."))]},
        {"utterances": [{"text": text, "channel": n, "start": n, "end": n + 1} for n, text in ((1, "Hello?"), (2, "Hi."))]},
        {
            "results": [
                {"type": "word", "channel": f"channel_{n}", "start_time": n, "end_time": n + 2, "alternatives": [{"content": text}]}
                for n, text in ((1, "Hello?"), (2, "Hi."))
            ]
        },
    ],
)  # fmt: skip
def test_people_on_separate_channels_are_several(tmp_path, given, caplog):
    found = read(tmp_path, json.dumps(given), "talk.json")
    assert [(speaker, text) for speaker, _, text in found] == [("channel 1", "Hello?"), ("channel 2", "Hi.")]
    assert not caplog.messages


def test_words_of_channels_that_alternate_are_not_mixed(tmp_path):
    words = [(0.1, 1, "Hello"), (0.2, 2, "Hi"), (0.5, 1, "you"), (0.6, 2, "there")]
    results = [
        {"type": "word", "channel": f"channel_{n}", "start_time": start, "end_time": start + 0.2, "alternatives": [{"content": word}]}
        for start, n, word in words
    ]  # fmt: skip
    found = read(tmp_path, json.dumps({"results": results}), "talk.json")
    assert [(speaker, text) for speaker, _, text in found] == [("channel 1", "Hello you"), ("channel 2", "Hi there")]


def test_an_own_timeline_keeps_who_says_nothing_and_the_channels(tmp_path):
    words = [{"text": "Hi.", "start": 0.5, "end": 1.25}]
    ada = {"id": "c_0", "speaker": "Ada", "text": "Hi.", "start": 0.5, "end": 1.25, "words": words, "audio_channel": 1}
    ben = {"id": "c_1", "speaker": "Ben", "start": 2.0, "end": 3.5, "audio_channel": 0}
    scores = {"emotion": "joy", "confidence": 0.9}
    given = {"recording": "talk", "utterances": [{**ada, **scores}, {**ben, **scores}]}
    (tmp_path / "talk.json").write_text(json.dumps(given), encoding="utf-8")
    [conversation] = read_transcripts(tmp_path / "talk.json")
    found = [(u["id"], u["speaker"], u["audio_channel"]) for u in conversation["utterances"]]
    assert found == [("c_0", "Ada", 1), ("c_1", "Ben", 0)]


def test_times_typed_into_a_spreadsheet_are_those_it_shows(tmp_path):
    book = openpyxl.Workbook()
    rows = [("speaker", "start", "text"), ("Ada", datetime.time(0, 3), "Hi."), ("Ben", datetime.time(1, 15), "Ho.")]
    for row in rows:
        book.active.append(row)
    for cell in (book.active["B2"], book.active["B3"]):
        cell.number_format = "h:mm"
    book.active.append(("Ada", datetime.time(0, 2, 30), "So."))
    book.active["B4"].number_format = "h:mm:ss"
    book.save(tmp_path / "talk.xlsx")
    [conversation] = read_transcripts(tmp_path / "talk.xlsx")
    assert [u["start"] for u in conversation["utterances"]] == [150.0, 180.0, 4500.0]  # hours, as one has seconds
    for cell, form in ((datetime.time(0, 3, 5), "hh:mm"), (datetime.time(13, 0), "h:mm AM/PM")):
        book.active["B2"], book.active["B2"].number_format = cell, form
        book.save(tmp_path / "talk.xlsx")
        [conversation] = read_transcripts(tmp_path / "talk.xlsx")
        assert conversation["utterances"][-1]["start"] in (4500.0, 46800.0)
    book.active.delete_rows(4)
    book.active["B2"], book.active["B2"].number_format = datetime.time(0, 3), "h:mm"
    book.active["B3"], book.active["B3"].number_format = datetime.timedelta(hours=25, minutes=10), "[h]:mm:ss"
    book.save(tmp_path / "talk.xlsx")
    [conversation] = read_transcripts(tmp_path / "talk.xlsx")
    assert [u["start"] for u in conversation["utterances"]] == [3.0, 1510.0]


@pytest.mark.parametrize(
    ("header", "times"),
    [
        ("onset,offset", ["500,1200", "2600,3900"]),
        ("Begin Time - ss.msec,End Time - ss.msec", ["0.5,1.2", "2.6,3.9"]),
        ("Begin Time - msec,End Time - msec", ["500,1200", "2600,3900"]),
        ("onset,duration,offset", ["500,700,0", "2600,1300,0"]),
    ],
)
def test_headers_of_annotation_tools(tmp_path, header, times):
    rows = [f"Tier,{header},Annotation", f"Ada,{times[0]},Hello there my friend", f"Ben,{times[1]},What is it"]
    (tmp_path / "talk.csv").write_text("\n".join(rows), encoding="utf-8")
    if "duration" in header:  # an end before its start is an error, not an end
        with pytest.raises(ValueError, match="end"):
            read_transcripts(tmp_path / "talk.csv")
        return
    [conversation] = read_transcripts(tmp_path / "talk.csv")
    assert [(u["start"], u["end"]) for u in conversation["utterances"]] == [(0.5, 1.2), (2.6, 3.9)]


def test_names_that_each_recording_counts_anew():
    counted = ["A", "S1", "ch_0", "Guest-1", "Unknown Speaker", "1", "speaker 1", "SPEAKER_00", "channel 0, speaker 1"]
    assert all(map(_NUMBERED.fullmatch, counted))
    assert not any(map(_NUMBERED.fullmatch, ["Ada", "Al", "101", "07", "Chi 1a", "Sam", "Person of Interest"]))
