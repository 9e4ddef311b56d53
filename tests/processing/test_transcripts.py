"""Transcripts in each format, valid and damaged."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.transcripts import read_transcript, read_transcripts
from tests.damaged_files import damaged_text


def test_large_files_that_are_not_utf8_take_no_longer(write):
    path = write("talk.jsonl", b'{"speaker": "Zo\xeb", "text": "\x93No\x94 \xe2\x82"}\n' * 20_000)
    [first, *_] = read_transcript(path)["utterances"]  # in quadratic time, this would take minutes
    assert first["speaker"] == "Zoë" and first["text"] == "“No” â‚"


@pytest.fixture
def write(tmp_path):
    def write(name, content, encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def turns(conversation):
    return [(u["speaker"], u.get("text"), u.get("start"), u.get("end")) for u in conversation["utterances"]]


JSON = json.dumps(
    {
        "utterances": [
            {"speaker": "Ben", "text": " No way. ", "start": "00:00:02,500", "end": 4, "mood": "odd"},
            {"speaker": "Ada", "text": "I passed!", "start": 0, "end": 1.5, "emotion": "joy", "audio": "a.wav"},
        ]
    }
)
JSONL = '{"speaker": "Ada", "text": "I \u2028 passed!"}\n\n{"speaker": 7, "text": "No way."}\n'
CSV = 'Start,text,Speaker,confidence,End\n0:01:02.5,"I passed, ""really""",Ada,0.8,01:03.25\n61,No way.,Ben,,"62,5"\n'
SRT = """1
00:00:01,000 --> 00:00:02,500 X1:10 Y1:20
ADA: I <i>passed</i>!
{\\an8}Really.

2
00:00:03.000 --> 00:00:04,000
At 12:30: see http://x.org

3
0:00:05,000 --> 0:00:06,000
- Ben: No way.
- Dr. Cy [laughs]: Yes way.
4
00:00:07,000 --> 00:00:08,000
- Who?
- Me.
"""
VTT = """WEBVTT - a title
Kind: captions

NOTE one note
over two lines

STYLE
::cue { color: red }

REGION
id:fred

intro
00:01.000 --> 00:02.500 align:start position:0%
<v.loud Ada Lovelace>I <b>passed</b> &amp;
more!</v> <v Ben>No<00:00:02.000> way.</v>

00:00:03.000 --> 100:00:04.000
and on
Cy: I heard.
"""
RTTM = """;; turns
SPKR-INFO talk 1 <NA> <NA> <NA> unknown ben <NA>
SPEAKER talk 1 2.500 1.500 <NA> <NA> ben <NA> <NA>
SPEAKER talk 1 0.100 1.200 <NA> <NA> ada <NA>
"""


def test_json(write):
    talk = read_transcript(write("talk.json", JSON))
    assert talk["id"] == "talk" and turns(talk) == [("Ada", "I passed!", 0, 1.5), ("Ben", "No way.", 2.5, 4)]
    first, second = talk["utterances"]
    assert first["emotion"] == "joy" and first["audio"].endswith("/a.wav") and first["audio"] != "a.wav"
    assert [first["id"], second["id"]] == ["talk_0", "talk_1"] and "mood" not in second
    assert check_conversations(talk) == [talk]
    media = [{"speaker": "Ada", "video": "/a.mp4", "video_start": -2, "video_side": "left"}]
    assert read_transcript(write("media.json", json.dumps(media)))["utterances"] == [{"id": "media_0", **media[0]}]

    several = [{"id": 5, "utterances": [{"speaker": "Ada", "id": "x"}]}, [{"speaker": "Ben"}]]
    path = write("days.json", json.dumps(several))
    assert [(c["id"], c["utterances"][0]["id"]) for c in read_transcripts(path)] == [("5", "x"), ("days_1", "days_1_0")]
    with pytest.raises(ValueError, match=r"2 conversations: read them with read_transcripts"):
        read_transcript(path)


def test_json_lines(write):
    talk = read_transcript(write("talk.jsonl", JSONL))
    assert turns(talk) == [("Ada", "I \u2028 passed!", None, None), ("7", "No way.", None, None)]
    conversation = json.loads(JSON)
    lines = json.dumps(conversation) + "\n" + json.dumps({**conversation, "id": "b"})
    assert [c["id"] for c in read_transcripts(write("days.jsonl", lines))] == ["days_0", "b"]
    assert read_transcript(write("Day.JSONL", json.dumps(conversation)))["id"] == "Day"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(write, delimiter):
    rows = CSV.replace("passed, ", "passed; ").replace('"62,5"', "62.5")
    talk = read_transcript(write("talk.csv", rows.replace(",", delimiter)))
    assert turns(talk) == [("Ben", "No way.", 61, 62.5), ("Ada", 'I passed; "really"', 62.5, 63.25)]


def test_csv_times_may_be_left_out(write):
    talk = read_transcript(write("talk.csv", "speaker,text,start,end\nBen,Later,5,\nAda,Sooner,,\n\nCy,,2,3\n"))
    assert turns(talk) == [("Ben", "Later", 5, None), ("Ada", "Sooner", None, None), ("Cy", None, 2, 3)]
    assert turns(read_transcript(write("talk.csv", CSV)))[0] == ("Ben", "No way.", 61, 62.5)  # a decimal comma


def test_srt(write):
    assert turns(read_transcript(write("talk.srt", SRT))) == [
        ("ADA", "I passed! Really.", 1, 2.5),
        ("ADA", "At 12:30: see http://x.org", 3, 4),
        ("Ben", "No way.", 5, 6),
        ("Dr. Cy", "Yes way.", 5, 6),
        ("speaker", "Who?", 7, 8),
        ("speaker", "Me.", 7, 8),
    ]


@pytest.mark.parametrize(
    ("line", "speaker", "text"),
    [
        ("Hello there.", "speaker", "Hello there."),
        ("12:30: we leave", "speaker", "12:30: we leave"),
        ("http://x.org is down", "speaker", "http://x.org is down"),
        ("Well, listen: no", "speaker", "Well, listen: no"),
        (f"{'a' * 40}: hi", "a" * 40, "hi"),
        (f"{'a' * 41}: hi", "speaker", f"{'a' * 41}: hi"),
        ("SPEAKER_00: hi", "SPEAKER_00", "hi"),
        ("Zoë:hi", "Zoë", "hi"),
        ("Ada: Ben: hi", "Ada", "Ben: hi"),
        ("Ada :)", "speaker", "Ada :)"),
        ("-- as I said", "speaker", "-- as I said"),
        ("- Ada: hi", "Ada", "hi"),
        ("7 [joy 83 %]: hi: you", "7", "hi: you"),
        ("[SPEAKER_00]: Hello there", "SPEAKER_00", "Hello there"),
        ("[laughs] Ada", "speaker", "[laughs] Ada"),
        (">> ADA: Hello", "ADA", "Hello"),
        (">> Hello", "speaker", "Hello"),
        ("\u200eBEN: Yes", "BEN", "Yes"),
        ("<font color='red'>Ada:</font> 2 < 3", "Ada", "2 < 3"),
        ("Ada:", "Ada", None),
    ],
)
def test_speaker_prefixes(write, line, speaker, text):
    path = write("talk.srt", f"1\n00:00:01,000 --> 00:00:02,000\n{line}\n")
    assert turns(read_transcript(path)) == [(speaker, text, 1, 2)]


def test_a_dash_within_a_cue_is_no_turn_unless_the_cue_begins_with_one(write):
    path = write(
        "talk.srt", "1\n00:00:01,000 --> 00:00:02,000\nAda: Wait\n- for me.\n\n2\n00:00:03,000 --> 00:00:04,000\n"
    )
    assert turns(read_transcript(path)) == [("Ada", "Wait - for me.", 1, 2)]  # a cue without text is not an utterance


def test_vtt(write):
    assert turns(read_transcript(write("talk.vtt", VTT))) == [
        ("Ada Lovelace", "I passed & more!", 1, 2.5),
        ("Ben", "No way.", 1, 2.5),
        ("speaker", "and on", 3, 360004),  # if voice tags name the speakers, a cue without a tag has no speaker
        ("Cy", "I heard.", 3, 360004),
    ]


def test_vtt_entities_hide_no_speaker(write):
    cues = [">> ADA: Hello.", ">> Hi, who is it?", "Ada & Ben: x", "CY:\u00a0Me.", "2 <b> 3"]
    lines = ["&gt;&gt; ADA: Hello.", "&gt;&gt; Hi, who is it?", "Ada &amp; Ben: x", "CY:&nbsp;Me.", "2 &lt;b&gt; 3"]
    said = [("ADA", "Hello."), ("speaker", "Hi, who is it?"), ("Ada & Ben", "x"), ("CY", "Me."), ("CY", "2 <b> 3")]
    times = [f"00:0{n}.000 --> 00:0{n + 1}.000\n" for n in range(5)]
    path = write("talk.vtt", "WEBVTT\n\n" + "\n\n".join(t + line for t, line in zip(times, lines, strict=True)))
    assert [turn[:2] for turn in turns(read_transcript(path))] == said
    path = write("talk.srt", "\n\n".join(f"{n}\n00:{t}{c}" for n, (t, c) in enumerate(zip(times, cues, strict=True))))
    assert [turn[:2] for turn in turns(read_transcript(path))][:4] == said[:4]


def test_vtt_cue_with_a_name_of_its_own(write):
    path = write("talk.vtt", "WEBVTT\n\nNOTE a word\n\nNOTE 1\n00:01.000 --> 00:02.000\n<v Ada>Hello\n")
    assert turns(read_transcript(path)) == [("Ada", "Hello", 1, 2)]


def test_vtt_cue_right_below_the_header(write):
    cues = "00:01.000 --> 00:02.000\n<v Ada>Hello\n\n00:03.000 --> 00:04.000\n<v Ben>Hi\n"
    for header in ("WEBVTT\n", "WEBVTT talk\nKind: captions\n"):
        read = read_transcript(write("talk.vtt", header + cues))
        assert turns(read) == [("Ada", "Hello", 1, 2), ("Ben", "Hi", 3, 4)]


def test_vtt_line_of_spaces_belongs_to_the_cue(write):
    path = write("talk.vtt", "WEBVTT\n\n00:00:00.030 --> 00:00:05.720\n \nwhat's<00:00:00.719><c> up</c>\n")
    assert turns(read_transcript(path)) == [("speaker", "what's up", 0.03, 5.72)]


def test_rttm(write):
    path = write("talk.rttm", RTTM)
    assert turns(read_transcript(path)) == [("ada", None, 0.1, 1.3), ("ben", None, 2.5, 4)]
    text = write("talk.txt", "I passed!\nNo way.\n\n")
    assert [u["text"] for u in read_transcript(path, text)["utterances"]] == ["I passed!", "No way."]
    assert "text" not in read_transcript(path, write("talk.txt", "\nNo way."))["utterances"][0]
    with pytest.raises(ValueError, match=r"talk.txt has 3 lines, but .*talk.rttm has 2 turns"):
        read_transcript(path, write("talk.txt", "a\nb\nc"))
    with pytest.raises(ValueError, match=r"text_path is only for .rttm"):
        read_transcript(write("talk.srt", SRT), text)
    with pytest.raises(ValueError, match=r"two.rttm, line 1 has 10 fields: .* names hold no spaces"):
        read_transcripts(write("two.rttm", "SPEAKER f 1 1.0 2.0 <NA> <NA> Ada Hill <NA>"))
    two = write("two.rttm", RTTM + RTTM.replace("talk", "other"))
    assert [c["id"] for c in read_transcripts(two)] == ["talk", "other"]
    with pytest.raises(ValueError, match=r"2 conversations"):
        read_transcript(two, text)


@pytest.mark.parametrize("name", ["talk.srt", "talk.vtt", "talk.csv", "talk.json", "talk.jsonl", "talk.rttm"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "crlf", "cr"])
def test_encodings_and_line_ends(write, name, encoding):
    source = CONTENTS[name].replace("\u2028", " ").replace("passed", "“réussi”").replace("ada", "zoë")
    expected = turns(read_transcript(write(name, source)))
    if encoding in ("crlf", "cr"):
        source, encoding = source.replace("\n", "\r\n" if encoding == "crlf" else "\r"), "utf-8"
    assert turns(read_transcript(write(name, source, encoding))) == expected
    assert any("“réussi”" in (turn[1] or "") or turn[0] == "zoë" for turn in expected)


CONTENTS = {
    "talk.json": JSON,
    "talk.jsonl": JSONL,
    "talk.csv": CSV,
    "talk.srt": SRT,
    "talk.vtt": VTT,
    "talk.rttm": RTTM,
}
CUE = "1\n00:00:01,000 --> 00:00:02,000\nAda: hi\n\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.doc", "x", r"suffix '.doc': give a transcript as one of .json, .jsonl, .csv, .tsv, .xlsx, .srt, .vtt"),
        ("a.srt", " \n\n", "is empty"),
        ("a.srt", b"RIFF\0\0WAVE", "is not UTF-8 text"),
        ("a.srt", b"\xff\xfea", "begins as UTF-16 but is not"),
        ("a.srt", CUE + "2\n00:00:03,000 -> 00:00:04,000\nhi", "line 5: a cue begins with its times"),
        ("a.srt", CUE + "2\n00:00:03,000 -->\nhi", "line 6: '00:00:03,000 -->' are not the times"),
        ("a.srt", CUE + "2\n00:00:03,000 --> 00:00:02,000\nhi", "line 6 ends at 2 s, before its start at 3 s"),
        ("a.srt", CUE + "2\n00:70:03,000 --> 01:00:02,000\nhi", "line 6: its start is '00:70:03,000'"),
        ("a.srt", "1\n00:00:01,000 --> 1001:00:02,000\nhi", "from 0 s to 1000 hours"),
        ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n<i></i>\n", "holds no utterance"),
        ("a.vtt", "hello", "line 1: a WebVTT file begins with the line WEBVTT"),
        ("a.vtt", "WEBVTT\n\nNOTE nothing", "holds no utterance"),
        ("a.vtt", "WEBVTT\n\nhello\nyou", "holds no utterance"),
        ("a.csv", "mood,notes\nAda,hi", "has the columns mood, notes: its first line must name the columns speaker"),
        ("a.csv", "speaker,text,Text\nAda,a,b", "the columns text more than once"),
        ("a.csv", "speaker,text\n", "holds no utterance"),
        ("a.csv", "speaker,text\nAda,hi, you", "line 2 has 3 cells, but the header 2"),
        ("a.csv", 'speaker,text\nAda,"hi', "is not valid CSV"),
        ("a.csv", "speaker,text,start\nAda,hi,soon", "line 2: its start is 'soon': give seconds"),
        ("a.csv", "speaker,start\nAda,-1", "line 2: its start is '-1'"),
        ("a.csv", "speaker,start\nAda,nan", "line 2: its start is 'nan'"),
        ("a.csv", "speaker,text\nAda,hi\n,ho", "line 3 has no speaker"),
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[" * 100_000, "is not valid JSON"),
        ("a.json", "[]", "is empty"),
        ("a.json", '[{"speaker": "Ada", "start": NaN}]', "utterance 1: its start is 'nan'"),
        ("a.json", '[{"speaker": "Ada", "start": true}]', "its start is 'True'"),
        ("a.json", '[{"speaker": "Ada", "video_start": "x"}]', "its video_start is 'x'"),
        ("a.json", '[{"speaker": "Ada", "video_side": "up"}]', "its video_side is 'up': give left or right"),
        ("a.json", '[{"speaker": ["Ada"]}]', "is a list: give a string"),
        ("a.json", '[{"speaker": "Ada", "start": 1' + "0" * 400 + "}]", "from 0 s to 1000 hours"),
        ("a.json", '[{"speaker": "A", "id": "x"}, {"speaker": "B", "id": "x"}]', "2 utterances with the id 'x'"),
        ("a.jsonl", '{"speaker": "Ada"}\n{"speaker": "Ben"', "line 2: this is not valid JSON"),
        ("a.jsonl", '{"speaker": "Ada"}\n7', "line 2 is a int"),
        (
            "a.jsonl",
            '{"speaker": "Ada"}\n{"utterances": []}',
            "line 2: all lines must be utterances, or all must be conversations",
        ),
        ("a.rttm", "SPEAKER a 1 0.5 1 <NA>", "line 1 has 6 fields"),
        ("a.rttm", "SPEEKER a 1 0.5 1 <NA> <NA> b <NA> <NA>", "line 1 begins with 'SPEEKER'"),
        ("a.rttm", "SPEAKER a 1 0.5 -1 <NA> <NA> b <NA> <NA>", "line 1: its duration is '-1'"),
        ("a.rttm", "SPKR-INFO a 1 <NA> <NA> <NA> unknown b <NA>", "holds no utterance"),
    ],
)
def test_broken_files_are_named_with_place_and_remedy(write, name, content, message):
    path = write(name, content)
    with pytest.raises(ValueError, match=message) as raised:
        read_transcript(path)
    assert str(path) in str(raised.value)


def test_ids_of_recordings_hold_no_control_characters(write):
    path = write("t.rttm", "SPEAKER a\x08b 1 0.5 1 <NA> <NA> A <NA> <NA>\nSPEAKER c 1 0.5 1 <NA> <NA> A <NA> <NA>\n")
    assert [c["id"] for c in read_transcripts(path)] == ["ab", "c"]
    path = write(
        "t.json", json.dumps([{"id": "\ud83d", "utterances": [{"speaker": "A"}]}, {"utterances": [{"speaker": "B"}]}])
    )
    assert read_transcripts(path)[0]["id"] == "\ufffd"


def test_missing_files_are_named(tmp_path, write):
    with pytest.raises(FileNotFoundError, match=r"There is no transcript .*nowhere.srt"):
        read_transcript(tmp_path / "nowhere.srt")
    with pytest.raises(FileNotFoundError, match=r"nowhere.txt"):
        read_transcript(write("talk.rttm", RTTM), tmp_path / "nowhere.txt")


@pytest.mark.parametrize("name", CONTENTS)
def test_damaged_files_give_a_conversation_or_a_clear_error(write, name):
    generator = random.Random(name)
    outcomes = {"read": 0, "refused": 0}
    for number in range(120):
        # every third file has the suffix of another format
        target = generator.choice(list(CONTENTS)) if number % 3 == 0 else name
        path = write(target, damaged_text(CONTENTS[name].encode(), generator))
        try:
            conversations = read_transcripts(path)
        except ValueError as error:
            assert type(error) is ValueError and str(path) in str(error)
            outcomes["refused"] += 1
            continue
        outcomes["read"] += 1
        for conversation in conversations:
            assert check_conversations(conversation) == [conversation]
            for _, text, start, end in turns(conversation):
                assert text is None or (text and text == text.strip())
                assert start is None or (0 <= start <= 3_600_000 and (end is None or end >= start))
    assert min(outcomes.values()) >= 5  # some damage is fatal, some is harmless


@given(st.text(max_size=200), st.sampled_from([".srt", ".vtt"]))
def test_any_text_in_a_cue_is_read_or_refused(tmp_path_factory, text, suffix):
    path = tmp_path_factory.mktemp("cues") / f"talk{suffix}"
    path.write_bytes(
        f"WEBVTT\n\n00:01.000 --> 00:02.000\nAda: x{text}".encode(errors="replace")[8 * (suffix == ".srt") :]
    )
    try:
        assert read_transcript(path)["utterances"][0]["start"] == 1
    except ValueError as error:
        assert str(path) in str(error)
