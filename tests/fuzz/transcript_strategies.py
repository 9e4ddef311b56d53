"""Damaged transcripts: each format with wrong lines, values and bytes."""

import json

from hypothesis import strategies as st

from tests.fuzz.given_input import Given

SRT = "1\n00:00:01,000 --> 00:00:02,500\nAda: I <i>passed</i>!\n\n2\n00:00:03,000 --> 00:00:04,000\n- Ben: No way.\n- Ada [laughs]: Yes.\n"
SEGMENTS = [
    {"start": 0.4, "end": 1.2, "text": " Hi.", "speaker": "S0"},
    {"start": 2, "end": 3.5, "text": "Ho.", "speaker": "S1"},
]
WORDS = [{"word": "Hi", "start": 0.4, "end": 0.6, "speaker": 0}, {"word": "Ho", "start": 2.5, "end": 3, "speaker": 1}]
SAMPLES = {
    ".json": [
        json.dumps(
            {
                "id": "x",
                "utterances": [{"id": "a", "speaker": "Ada", "text": "Hi.", "start": 0, "end": 1, "audio": "a.wav"}],
            }
        ),
        json.dumps({"text": "Hi.", "segments": SEGMENTS}),
        json.dumps({"transcription": [{"offsets": {"from": 0, "to": 900}, "text": " Hi.", "speaker_turn_next": True}]}),
        json.dumps({"results": {"channels": [{"alternatives": [{"words": WORDS, "transcript": "Hi Ho"}]}]}}),
        json.dumps(
            {
                "results": [{"alternatives": [{"timestamps": [["hi", 0.1, 0.4]], "transcript": "hi"}]}],
                "speaker_labels": [{"from": 0.1, "speaker": 0}],
            }
        ),
        json.dumps(
            {
                "recognizedPhrases": [
                    {"speaker": 1, "offsetInTicks": 5000000, "durationInTicks": 9000000, "nBest": [{"display": "Hi."}]}
                ]
            }
        ),
        json.dumps(
            {"monologues": [{"speaker": 0, "elements": [{"type": "text", "value": "Hi", "ts": 0.2, "end_ts": 0.6}]}]}
        ),
        json.dumps({"chunks": [{"timestamp": [0.0, 1.5], "text": "Hi."}]}),
        json.dumps(
            {
                "audio_duration": 9,
                "utterances": [
                    {"speaker": "A", "text": "Hi there.", "start": 240, "end": 1980, "confidence": 1, "words": []}
                ],
            }
        ),
    ],
    ".jsonl": ['{"speaker": "Ada", "text": "Hi.", "start": 0, "end": 1}\n{"speaker": "Ben", "text": "Ho."}\n'],
    ".csv": [
        'Speaker,Start Time,End Time,Text\nAda,00:00:01.5,2.5,Hi.\nBen,3,4,"Ho, ho"\n',
        "start_ms;end_ms;text\n100;900;Hi.\n",
    ],
    ".tsv": ["start\tend\ttext\n0\t2400\tWe can start.\n2400\t5100\tHe has it.\n"],
    ".srt": [SRT],
    ".vtt": [
        'WEBVTT\n\nNOTE Participants: Ada; Ben\n\n1 "Ada" (22)\n00:01.000 --> 00:02.500 line:0\n<v Ada>I passed &amp; more!</v> <v Ben>No.\n\n00:03.000 --> 00:04.000\nand on\n',
        "WEBVTT\nKind: captions\n\n00:00.200 --> 00:02.600\n \nso<00:00:00.500><c> today</c>\n\n00:02.600 --> 00:02.610\nso today\n \n\n00:02.610 --> 00:05.010\nso today\nwe mend\n",
    ],
    ".sbv": ["0:00:01.000,0:00:02.500\nAda: Hi.\n\n0:00:03.000,0:00:04.000\nBen: Ho.\n"],
    ".ass": [
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:01.00,0:00:02.50,Default,Ada,0,0,0,,{\\b1}Hi,\\Nyou.\n"
    ],
    ".ttml": [
        '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p begin="00:00:01.000" end="00:00:02.500">Ada: Hi.</p></div></body></tt>'
    ],
    ".rttm": ["SPEAKER f 1 0.50 2.00 <NA> <NA> A <NA> <NA>\nSPEAKER f 1 1.90 0.40 <NA> <NA> B <NA> <NA>\n"],
    ".ctm": ["f A 0.50 0.30 salt 0.98\nf A 0.85 0.25 and 0.99\nf B 3.2 0.1 no\n"],
    ".stm": ["f A ada 0.5 1.5 <o,f0,female> salt and pepper\nf A ben 2.0 2.5 what\n"],
    ".textgrid": [
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 5\ntiers? <exists>\nsize = 1\nitem []:\n  item [1]:\n    class = "IntervalTier"\n    name = "Ada"\n    xmin = 0\n    xmax = 5\n    intervals: size = 1\n    intervals [1]:\n      xmin = 0.5\n      xmax = 1.8\n      text = "Hi ""you""."\n'
    ],
    ".eaf": [
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds"/><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="400"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1900"/></TIME_ORDER>\n<TIER TIER_ID="Ada"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2"><ANNOTATION_VALUE>Hi.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>'
    ],
    ".txt": [
        "Participants: Ada, Ben\n\nAda  0:03\nHi: you.\n\nBen (0:07):\nHo.\n",
        "[00:00.000 --> 00:02.400]  Hi.\n[00:02.4 --> 00:05]  Ho.\n",
        "Ada: Hi.\nBen: Ho.\nAda: Hm.\n",
    ],
}
"""Small files for each suffix. All of them can be read."""

NASTY = [
    *(
        "\\ud83d",
        "\ud83d".encode("utf-8", "replace").decode(),
        "\\u0000",
        "\x1b[31m",
        "\x00",
        "\u202e",
        "\ufeff",
        "\u2028",
        "\x85",
    ),
    *(
        "1" + "0" * 400,
        "1" + "0" * 5000,
        "-1.5",
        "1e999",
        "NaN",
        "Infinity",
        "٣",
        "²",
        "1_000",
        "0x10",
        "true",
        "null",
        "{}",
        "[]",
        '""',
    ),
    *(
        "99:99:99,999",
        "00:00:04:12",
        "-00:00:01,000",
        "1001:00:00",
        "-->",
        "00:00:05,000 --> 00:00:03,000",
        "<v ",
        "<v>",
        "</v>",
        "&#x110000;",
    ),
    *(
        "&lt;",
        ": ",
        "：",
        "(10:05)",
        "[",
        "]]]]",
        "[" * 3000,
        '{"a":' * 2000,
        "{" * 500,
        "'=1+1",
        '"',
        '""',
        ",",
        ";",
        "\t",
        "\r",
        "\n",
        "\n\n",
    ),
    *(
        "Ada:",
        ">> ",
        "- ",
        "NOTE",
        "WEBVTT",
        "[Script Info]",
        "<!DOCTYPE x [<!ENTITY a 'b'>]>",
        "&a;",
        "]]>",
        "<TIER",
        "Participants:",
        "a" * 3000,
    ),
]
"""Text that replaces words, numbers and signs, or is inserted between them."""

ENCODINGS = [
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "cp1252",
    "cp1251",
    "shift_jis",
    "gbk",
    "utf-7",
]


def damaged_transcripts() -> st.SearchStrategy[Given]:
    """A damaged transcript in any format."""
    return damaged_file(SAMPLES)


@st.composite
def damaged_file(draw, samples: dict[str, list[str]]) -> Given:
    """A sample with damaged characters, lines and bytes."""
    suffix = draw(st.sampled_from(sorted(samples)))
    text = draw(st.sampled_from(samples[suffix]))
    for _ in range(draw(st.integers(0, 4))):
        text = draw(st.sampled_from(DAMAGE))(draw, text)
    content = text.encode(draw(st.sampled_from(ENCODINGS)), errors="replace")
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=8)) + content[at + draw(st.integers(0, 8)) :]
    other = draw(st.integers(0, 9)) == 0
    return Given(content, draw(st.sampled_from(sorted(samples))) if other else suffix)


def _insert(draw, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(NASTY)) + text[at:]


def _replace_a_token(draw, text: str) -> str:
    starts = [at for at in range(len(text)) if text[at].isalnum() and (at == 0 or not text[at - 1].isalnum())]
    if not starts:
        return _insert(draw, text)
    start = draw(st.sampled_from(starts))
    end = next((at for at in range(start, len(text)) if not (text[at].isalnum() or text[at] in ".:_")), len(text))
    return text[:start] + draw(st.sampled_from(NASTY)) + text[end:]


def _cut(draw, text: str) -> str:
    start = draw(st.integers(0, len(text)))
    return text[:start] + text[draw(st.integers(start, len(text))) :]


def _mix_lines(draw, text: str) -> str:
    lines = text.split("\n")
    return "\n".join(draw(st.permutations(lines)) if len(lines) < 30 else lines[::-1])


def _double_a_line(draw, text: str) -> str:
    lines = text.split("\n")
    at = draw(st.integers(0, len(lines) - 1))
    return "\n".join([*lines[:at], *[lines[at]] * draw(st.integers(2, 5)), *lines[at:]])


def _any_text(draw, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.text(max_size=20)) + text[at:]


DAMAGE = [_insert, _replace_a_token, _replace_a_token, _cut, _mix_lines, _double_a_line, _any_text]
