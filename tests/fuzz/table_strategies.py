"""Files of data sets with errors that no tool makes: tables with one utterance per row, and conversations as JSON."""

import json

from hypothesis import strategies as st

from tests.fuzz.transcript_strategies import damaged_file

ROWS = [
    {"dialog_id": 3, "turn": 0, "speaker": "Ada", "text": "I passed!", "emotion": "joy"},
    {"dialog_id": 3, "turn": 1, "speaker": "Ben", "text": 'He said "no", too.', "emotion": "anger"},
    {"dialog_id": 4, "turn": 9, "speaker": "Ada", "text": "Hm.", "emotion": ""},
    {"dialog_id": 4, "turn": 10, "speaker": "Cy", "text": "Go.", "emotion": "xxx"},
]
TALK = {
    "id": "monday",
    "utterances": [
        {"id": "m0", "speaker": "Ada", "text": "I passed!", "start": 0.0, "end": 1.4, "emotion": "joy"},
        {"id": "m1", "speaker": "Ben", "text": "Oh.", "audio_features": [[0.1, 2.3]], "emotion": None},
    ],
}
MELD = 'Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,StartTime,EndTime\n1,"Hi, you.",Joey,joy,positive,0,3,"00:00:01,000","00:00:02,500"\n'


def _delimited(sign: str) -> str:
    lines = [list(ROWS[0]), *(map(str, row.values()) for row in ROWS)]
    return "\n".join(sign.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in line) for line in lines) + "\n"


SAMPLES = {
    ".csv": [_delimited(","), _delimited(";"), MELD, "id,text,label\ndia0_utt3,Hi.,joy\ndia0_utt10,Ho.,fear\n"],
    ".tsv": [_delimited("\t")],
    ".jsonl": [
        "\n".join(json.dumps(row) for row in ROWS) + "\n",
        json.dumps(TALK) + "\n",
        json.dumps({"dialog": ["Hi.", "Ho."], "emotion": [1, 0]}) + "\n",
    ],
    ".json": [
        json.dumps([TALK]),
        json.dumps({"monday": TALK["utterances"]}),
        json.dumps({"data": ROWS}),
        json.dumps({name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in ROWS[0]}),
        json.dumps([{"sentence": ["Hi.", "Ho."], "mood": ["joy", "fear"]}]),
    ],
}
"""For each suffix, small files, most of which can be read."""


def damaged_tables() -> st.SearchStrategy[tuple[str, bytes]]:
    """The suffix and the content of a file: a sample whose characters, lines and bytes are damaged."""
    return damaged_file(SAMPLES)
