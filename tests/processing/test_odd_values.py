"""A value of an utterance is accepted in a dict, in a transcript and in a data set alike, or refused in each of them."""

import json
import math
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.corpora.conversation_folder import read_conversation_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.transcript_times import seconds_of_text
from modeling_amuse.processing.transcripts import READERS, read_transcripts
from tests.fuzz.heard_warnings import heard_warnings

DIGITS = st.text(st.characters(categories=["Nd", "No", "Nl"], exclude_characters=string.digits), min_size=1, max_size=3)
"""Digits that are not those of ASCII, such as Arabic, full-width, Roman and superscript ones."""

NAMES = st.one_of(
    st.sampled_from(
        [True, False, None, 1, 0, -1, 1.0, 0.5, 10**17, 10**18, 10**400, 1e300, "1", " 1 ", "", " ", "\x00"]
    ),
    st.sampled_from(["\ud83d", "A\udc80da", "A\x1b[31mda", "\u0661", [], ["Ada"], {}, {"a": 1}]),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=[]), max_size=5),
)
TIMES = st.one_of(
    st.sampled_from(
        [True, False, 0, -0.0, -1, 1e-310, 1e300, 10**400, -(10**400), 3_600_000, 3_600_001, [], [1.0], {}]
    ),
    st.integers(-10, 4_000_000),
    st.floats(-10, 4e6),
)


def of_dict(utterance: dict) -> dict | None:
    """The utterance in the form of a conversation; None if it is refused."""
    try:
        [conversation] = check_conversations([utterance])
    except ValueError:
        return None
    return conversation["utterances"][0]


def of_transcript(folder, utterance: dict) -> dict | None:
    """Like [`of_dict`], of a transcript in a file."""
    path = folder / "talk.json"
    path.write_text(json.dumps([utterance]))
    try:
        [conversation] = read_transcripts(path)
    except ValueError as error:
        assert str(path) in str(error)
        return None
    return conversation["utterances"][0]


@given(key=st.sampled_from(["speaker", "id"]), name=NAMES)
@example("speaker", True)
@example("speaker", 10**400)
@example("id", "\ud83d")
def test_a_name_is_one_name_everywhere(tmp_path_factory, key, name):
    utterance = {"speaker": "Ada", "text": "Hm.", key: name}
    given_one, read = of_dict(utterance), of_transcript(tmp_path_factory.mktemp("names"), utterance)
    assert (given_one is None) is (read is None)
    if given_one is not None and given_one.get(key):
        assert read[key] == given_one[key] == str(given_one[key]).strip()
        read[key].encode()


@given(start=TIMES, end=TIMES)
@example(0, math.inf)
@example(2, 1)
@example(True, 2)
def test_a_time_is_one_time_everywhere(tmp_path_factory, start, end):
    utterance = {"speaker": "Ada", "text": "Hm.", "start": start, "end": end}
    given_one, read = of_dict(utterance), of_transcript(tmp_path_factory.mktemp("times"), utterance)
    assert (given_one is None) is (read is None)
    if given_one is not None:
        assert 0 <= read["start"] == given_one["start"] <= read["end"] == given_one["end"]


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
@pytest.mark.parametrize("key", ["dialog", "speaker", "text", "emotion", "id", "utterances"])
@pytest.mark.parametrize("half", ["\ud83d", "\udc80", "a\ude00b"])
def test_half_characters_in_any_field_of_a_file_are_replaced_with_a_warning(tmp_path, suffix, key, half):
    row = {"dialog": "d", "id": "u0", "speaker": "Ada", "text": "Hm.", "emotion": "joy"}
    rows = [row, {**row, "id": "u1", "speaker": "Ben"}]
    if key == "utterances":
        rows = [{"id": half, "utterances": [{**row, "speaker": half}]}]
    else:
        rows[0][key] = half
    path = tmp_path / f"talk{suffix}"
    path.write_text(json.dumps(rows) if suffix == ".json" else "\n".join(map(json.dumps, rows)))
    with heard_warnings() as said:
        conversations, *_ = read_conversation_file(path, DataOptions(), RecordingStore(str(tmp_path)))
    text = json.dumps(conversations, ensure_ascii=False)
    text.encode()  # as Arrow does
    assert "\ufffd" in text and any("surrogate pair" in message for message in said)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("suffix", [suffix for suffix, reader in READERS.items() if reader.is_text])
def test_a_transcript_with_nul_characters_is_refused(tmp_path, suffix, encoding):
    path = tmp_path / f"talk{suffix}"
    text = "1\n00:00:00,000 --> 00:00:01,000\nAda: So it \x00\x00 is.\n"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(ValueError, match=r"is not a text file|is not UTF-8 text"):
        read_transcripts(path)


@given(
    digits=DIGITS, form=st.sampled_from(["{}", "{}.5", "1{}", "0:0{}", "00:{}:01,000", "{} ms", "PT{}S", "1e{}", "-{}"])
)
@example("\u0663", "0:0{}")
@example("\uff11", "{}")
@example("\u00b2", "1{}")
def test_digits_of_other_scripts_are_no_times(digits, form):
    assert seconds_of_text(form.format(digits)) is None


@given(digits=DIGITS)
def test_digits_of_other_scripts_are_no_features(tmp_path_factory, digits):
    path = tmp_path_factory.mktemp("features") / "f.csv"
    path.write_text(f"id,pitch\nu0,1\nu1,{digits}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="all columns must hold numbers; these do not: pitch"):
        load_feature_tables(str(path), ["train"])


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".srt", "1\n0{0}:00:00,000 --> 0{0}:00:01,000\nAda: Hm.\n"),
        (".vtt", "WEBVTT\n\n00:0{0}.000 --> 00:0{0}.500\n<v Ada>Hm.\n"),
        (".csv", "speaker,text,start,end\nAda,Hm.,{0},{0}\n"),
        (".rttm", "SPEAKER f 1 {0} 0.9 <NA> <NA> Ada <NA> <NA>\n"),
        (".json", '[{{"speaker": "Ada", "text": "Hm.", "start": "{0}", "end": "{0}"}}]'),
    ],
)
@given(digits=DIGITS)
@example("\u0663")
@example("\uff11")
def test_transcripts_with_times_in_digits_of_other_scripts_are_refused(tmp_path_factory, suffix, text, digits):
    path = tmp_path_factory.mktemp("times") / f"talk{suffix}"
    path.write_text(text.format(digits), encoding="utf-8")
    with pytest.raises(ValueError) as caught:
        read_transcripts(path)
    assert str(path) in str(caught.value)
