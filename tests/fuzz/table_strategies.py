"""Damaged files of data sets: tables with one utterance per row, and conversations as JSON."""

import csv
import io
import json
import math
import re

import pyarrow as pa
import pyarrow.parquet
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.conversation_folder import read_conversation_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from tests.fuzz.given_input import Given
from tests.fuzz.heard_warnings import heard_warnings
from tests.fuzz.nasty_values import mended_text, nasty_texts, nasty_values, plain_text, same_words
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
"""Small files for each suffix. Most of them can be read."""


def damaged_tables() -> st.SearchStrategy[Given]:
    """A file of a data set: a sample with damaged characters, lines and bytes."""
    return damaged_file(SAMPLES)


CELLS = ("dialog_id", "speaker", "text", "emotion", "start", "end")


@st.composite
def odd_rows(draw) -> Given:
    """A table in any format, with one utterance per row and some wrong cells."""
    suffix = draw(st.sampled_from((".csv", ".tsv", ".jsonl", ".json", ".parquet")))
    rows = [
        {
            "dialog_id": "d1",
            "speaker": "AB"[number % 2],
            "text": f"Word {number}.",
            "emotion": "joy",
            "start": number,
            "end": number + 0.5,
        }
        for number in range(draw(st.integers(2, 5)))
    ]
    what = []
    for _ in range(draw(st.integers(0, 3))):
        place, name = draw(st.integers(0, len(rows) - 1)), draw(st.sampled_from(CELLS))
        rows[place][name] = draw(nasty_values() if suffix in (".json", ".jsonl") else nasty_texts())
        what.append(f"row {place}, {name}: {rows[place][name]!r:.80}")
    content = _written(suffix, rows)
    return Given(content, suffix, known=rows, what="; ".join(what))


def _written(suffix: str, rows: list[dict]) -> bytes:
    if suffix == ".json":
        return json.dumps(rows).encode()
    if suffix == ".jsonl":
        return "\n".join(map(json.dumps, rows)).encode()
    cells = [[_cell_text(value) for value in row.values()] for row in rows]
    if suffix == ".parquet":
        file = io.BytesIO()
        columns = {name: [row[place] for row in cells] for place, name in enumerate(rows[0])}
        pyarrow.parquet.write_table(pa.table(columns), file)
        return file.getvalue()
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter="," if suffix == ".csv" else "\t")
    writer.writerow(list(rows[0]))
    writer.writerows(cells)
    return file.getvalue().encode()


def _cell_text(value) -> str:
    return str(value).encode("utf-8", "replace").decode()


def read_rows(path, given: Given):
    """
    Read a table with one utterance per row.

    Raises:
        AssertionError: if an utterance differs from its row and there was no warning.
    """
    with heard_warnings() as said:
        conversations, *_ = read_conversation_file(path, DataOptions(), RecordingStore(str(path.parent / "cache")))
    utterances = [utterance for conversation in conversations for utterance in conversation["utterances"]]
    is_text = path.suffix not in (".json", ".jsonl")
    # the escapes of both halves of a character are that character in JSON
    rows = given.known if is_text else json.loads(json.dumps(given.known))
    rows = [{name: _cell_text(value) if is_text else value for name, value in row.items()} for row in rows]
    rows = [row for row in rows if not is_text or any(cell.strip() for cell in row.values())]
    assert len(utterances) == len(rows), f"{len(utterances)} utterances of {len(rows)} rows"
    found = {row_number: None for row_number in range(len(rows))}
    unused = list(utterances)
    for number, row in enumerate(rows):
        found[number] = next((u for u in unused if _is_of(u, row, said)), None)
        assert found[number] is not None, f"no utterance is that of the row {row!r:.300}: {unused!r:.300}"
        unused.remove(found[number])


def _is_of(utterance: dict, row: dict, said: list[str]) -> bool:
    """Whether an utterance has the values of its row. After a warning, its text may differ in characters that are not allowed."""
    text, speaker, emotion = row["text"], row["speaker"], row["emotion"]
    if not all(
        isinstance(value, (str, int, float, type(None))) and not isinstance(value, bool) for value in (text, emotion)
    ):
        return False
    if isinstance(speaker, (bool, dict)):
        return False
    is_same = _is_text(utterance.get("text"), text, said) and _is_text(utterance.get("emotion"), emotion, said)
    has_name = isinstance(speaker, str) and speaker.strip() and (plain_text(speaker) or not said)
    if has_name:  # a name of control characters alone is none, with a warning
        is_same = is_same and _is_text(utterance["speaker"], speaker, said)
    for name in ("start", "end"):
        time = _time(row[name])
        other = _time(row["end" if name == "start" else "start"])
        if not said and time is not None and other is not None and utterance.get(name) != time:
            return False
        if not said and (time is None or other is None) and row[name] not in (None, "") and utterance.get(name) is None:
            return False  # a time was lost without a warning
    return is_same


def _is_text(found, given, said: list[str]) -> bool:
    if given is None or given != given:
        return not found
    if isinstance(given, (int, float)):
        is_whole = isinstance(given, int) or (math.isfinite(given) and given.is_integer())
        whole = {str(int(given))} if is_whole else set()
        return found in {str(given), *whole}
    plain = plain_text(given)
    if said and same_words(found or "", mended_text(given)):
        return True
    stripped = plain.lstrip("'")
    candidates = {
        plain,
        plain[1:] if plain.startswith("'") and stripped[:1] in tuple("=+-@\t\r") and stripped else plain,
    }
    return any(same_words(found or "", one) for one in candidates) or (
        re.fullmatch(r"-?\d+\.0+", plain) and found == plain.split(".")[0]
    )


def _time(value) -> float | None:
    """A time as documented: a number of seconds, or a text with such a number."""
    if isinstance(value, str):
        value = float(value) if re.fullmatch(r"\s*[0-9]{1,12}(\.[0-9]{1,12})?\s*", value, re.ASCII) else None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 3_600_000 else None
