"""The builders for MELD, EmoryNLP, folders and the sample corpus."""

import itertools
import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet
import pytest

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.processing.corpora.load_conversations import describe_report, load_conversations
from modeling_amuse.processing.corpora.meld import EMOTIONS

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\r\n"


def meld_row(text, speaker, emotion, dialogue, utterance, start="00:00:01,000", end="00:00:02,500"):
    return f'1,"{text}",{speaker},{emotion},positive,{dialogue},{utterance},1,1,"{start}","{end}"\r\n'


@pytest.fixture
def meld_copy(tmp_path):
    """A folder in the layout of MELD with all known defects of its copies."""
    train = HEADER + meld_row("It\u2019s me", "Joey", "joy", 0, 5) + meld_row("Who?", " Ross ", "surprise", 0, 2)
    train += meld_row("later", "Joey", "neutral", 125, 3, "00:01:00,000", "0:01:02.000")
    # another copy: cp1252 bytes in one line, and in another line control characters (cp1252 decoded as Latin-1)
    broken = meld_row(
        "It\u2019s you\x92re \x93mad\x94", "Joey", "anger", 125, 4, "00:00:30,000", "00:00:31,000"
    ).encode()
    for control in ("\x92", "\x93", "\x94"):
        broken = broken.replace(control.encode(), control.encode("latin-1"))
    train = train.encode() + broken + meld_row("caf\u00e9 isn\x92t", "Ross", "fear", 125, 6).encode()
    (tmp_path / "train_sent_emo.csv").write_bytes(train)
    dev = HEADER + meld_row("One, two", "Joey", "sadness", 1, 0)
    (tmp_path / "dev_sent_emo.csv").write_bytes(b"\xef\xbb\xbf" + dev.encode())
    test = HEADER + meld_row("long", "Joey", "disgust", 0, 0, "00:00:00,000", "00:05:00,000")
    test += meld_row("empty", "Joey", "disgust", 0, 1, "00:00:07,000", "00:00:07,000")
    (tmp_path / "test_sent_emo.csv").write_bytes(test.encode())
    return tmp_path


def test_meld_quirks_are_mended_and_counted(meld_copy, tmp_path):
    data = load_conversations("meld", str(meld_copy), str(tmp_path / "cache"))
    assert data.emotions == EMOTIONS
    first, second = data.splits["train"]
    assert [(u["id"], u["speaker"], u["text"]) for u in first["utterances"]] == [
        ("dia0_utt2", "Ross", "Who?"),
        ("dia0_utt5", "Joey", "It\u2019s me"),
    ]
    assert [u["text"] for u in second["utterances"]] == [
        "later",
        "It\u2019s you\u2019re \u201cmad\u201d",
        "caf\u00e9 isn\u2019t",
    ]
    assert (second["utterances"][0]["start"], second["utterances"][0]["end"]) == (60.0, 62.0)
    assert [u["start"] for u in data.splits["test"][0]["utterances"]] == [None, None]
    train = data.report["train"]
    assert train == {
        "conversations": 2,
        "utterances": 5,
        "dialogues with utterances out of order, sorted": 1,
        "dialogues with gaps in Utterance_ID": 2,
        "dialogues whose times go backwards": 1,
        "dialogue numbers that are absent": 124,
        "utterances without a usable clip": 1,
        "bytes in cp1252, not UTF-8": 3,
        "cp1252 characters mended": 1,
    }
    assert data.report["test"]["utterances of 0 s or over 60 s, times dropped"] == 2
    assert "124 dialogue numbers that are absent" in describe_report(data.report)


def test_an_edited_file_is_read_anew(meld_copy, tmp_path):
    load_conversations("meld", str(meld_copy), str(tmp_path / "cache"))
    path = meld_copy / "dev_sent_emo.csv"
    path.write_bytes(path.read_bytes().replace(b"One, two", b"Three"))
    data = load_conversations("meld", str(meld_copy), str(tmp_path / "cache"))
    assert data.splits["validation"][0]["utterances"][0]["text"] == "Three"


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lacks train_sent_emo.csv.*github.com/declare-lab/MELD"):
        load_conversations("meld", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="put them into train.jsonl"):
        load_conversations("folder", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        load_conversations("folder", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="needs data_dir"):
        load_conversations("emorynlp")
    with pytest.raises(ValueError, match="There is no data set 'meldd'; choose from meld"):
        load_conversations("meldd")


def test_the_real_meld(meld_dir, tmp_path):
    data = load_conversations("meld", str(meld_dir), str(tmp_path))
    sizes = {split: (c["conversations"], c["utterances"]) for split, c in data.report.items()}
    assert sizes == {"train": (1038, 9989), "validation": (114, 1109), "test": (280, 2610)}
    gaps = [data.report[split]["dialogues with gaps in Utterance_ID"] for split in ("train", "validation", "test")]
    assert gaps == [72, 2, 2]
    assert data.report["train"]["dialogue numbers that are absent"] == 1
    emotions = Counter(u["emotion"] for row in data.splits["test"]["utterances"] for u in row)
    assert emotions["neutral"] == 1256 and set(emotions) == set(EMOTIONS)


def test_the_real_emorynlp(emorynlp_dir, tmp_path):
    data = load_conversations("emorynlp", str(emorynlp_dir), str(tmp_path))
    assert [data.report[s]["utterances"] for s in ("train", "validation", "test")] == [7551, 954, 984]
    assert [data.report[s]["conversations"] for s in ("train", "validation", "test")] == [659, 89, 79]
    found = {u["emotion"] for row in data.splits["train"]["utterances"] for u in row}
    assert found == set(data.emotions) and len(found) == 7
    speakers = {u["speaker"] for row in data.splits["train"]["utterances"] for u in row}
    assert "Monica Geller & Rachel Green" in speakers


TALK = {
    "id": "a",
    "utterances": [{"speaker": "Ada", "text": "Hi \u2028 there", "emotion": "calm", "mood": 1}, {"speaker": "Ben"}],
}


def write_lines(path, *conversations):
    path.write_text("\n".join(map(json.dumps, conversations)) + "\n\n", encoding="utf-8")


def test_a_folder_of_json_lines_and_parquet(tmp_path):
    features = {
        "id": "b",
        "utterances": [{"id": "u", "speaker": "Cy", "start": 1, "audio_features": [[1.0, 2.0]], "emotion": "glad"}],
    }
    write_lines(tmp_path / "train-1.jsonl", TALK)
    write_lines(tmp_path / "train-2.jsonl", features)
    pyarrow.parquet.write_table(
        pa.Table.from_pylist([{"utterances": features["utterances"]}]), tmp_path / "dev.parquet"
    )
    data = load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))
    assert data.emotions == ("calm", "glad")
    assert data.splits["train"]["id"] == ["a", "b"]
    assert [u["id"] for u in data.splits["train"][0]["utterances"]] == ["a_0", "a_1"]
    assert data.splits["train"][0]["utterances"][0]["text"] == "Hi \u2028 there"
    assert data.splits["validation"][0]["id"] == "dev_0"
    assert data.splits["validation"][0]["utterances"][0]["audio_features"] == [[1.0, 2.0]]
    assert data.report["train"]["utterances with the unknown key 'mood', ignored"] == 1
    assert data.report["train"]["utterances without an emotion"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"utterances": [\n', "train.jsonl, line 1, is not JSON"),
        (b'{"id": "x", "utterances": []}\n', "train.jsonl, conversation 1: Conversation x is empty"),
        (b"[1]\n", "conversation 1: it is a list"),
        (b'{"id": "x", "utterances": [{"text": "no speaker"}]}\n', "has no 'speaker'"),
        (b'{"id": "x", "utterances": [{"speaker": "\xff"}]}\n', "is not UTF-8"),
        (b"\n", "holds no conversation"),
    ],
)
def test_bad_lines_are_refused_with_their_place(tmp_path, content, message):
    (tmp_path / "train.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))


def test_a_broken_parquet_file_is_named(tmp_path):
    (tmp_path / "train.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(ValueError, match=r"train.parquet is not a Parquet file"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))


def test_media_paths_are_relative_to_the_folder(tmp_path):
    write_lines(tmp_path / "train.jsonl", {"utterances": [{"speaker": "Ada", "audio": "clips/a.wav"}]})
    with pytest.raises(FileNotFoundError, match="its audio file .*clips/a.wav does not exist"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.wav").touch()
    data = load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))
    assert data.splits["train"][0]["utterances"][0]["audio"] == str(tmp_path / "clips" / "a.wav")


def test_the_sample_corpus(tmp_path):
    data = load_conversations("sample", cache_dir=str(tmp_path))
    conversations = [conversation for split in data.splits.values() for conversation in split]
    assert len(conversations) >= 60
    assert len({conversation["id"] for conversation in conversations}) == len(conversations)
    texts = Counter()
    for conversation in conversations:
        utterances = conversation["utterances"]
        assert len(utterances) >= 8
        assert 2 <= len({u["speaker"] for u in utterances}) <= 5
        assert all(u["start"] < u["end"] and u["text"] and u["emotion"] in EMOTIONS for u in utterances)
        assert all(a["end"] < b["start"] for a, b in itertools.pairwise(utterances))
        texts.update(u["text"] for u in utterances if len(u["text"].split()) > 3)
    assert max(texts.values()) == 1  # no sentence is in two splits
    for split in data.splits.values():
        assert {u["emotion"] for row in split["utterances"] for u in row} == set(EMOTIONS)
    assert sum(path.stat().st_size for path in SAMPLE_DIR.iterdir()) < 500_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty: its first line must name the columns"),
        ("Dialogue,Words\n1,hello\n", "lacks the columns Dialogue_ID, .*its header has Dialogue, Words"),
        (HEADER, "holds no utterance"),
        ("Dialogue_ID,Utterance\n1,hello\n", "lacks the columns Utterance_ID, Speaker, Emotion"),
        (HEADER + meld_row("x", "y", "joy", "a", 1), "line 2, cannot be read"),
        (HEADER + meld_row("x", "y", "joy", 1, 1) + meld_row("x", "y", "joy", 1, 2, "noon"), "line 3, cannot be read"),
        (HEADER + "1,x,y\r\n", "line 2, cannot be read"),
    ],
)
def test_files_that_are_no_annotations_are_refused(meld_copy, tmp_path, content, message):
    (meld_copy / "dev_sent_emo.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"dev_sent_emo.csv.*{message}.*github.com/declare-lab/MELD"):
        load_conversations("meld", str(meld_copy), str(tmp_path / "cache"))


def test_values_of_a_folder_are_put_into_their_form(tmp_path):
    utterance = {"speaker": 7, "text": "x", "emotion": 3, "audio_features": [1, None], "end": 2}
    write_lines(
        tmp_path / "train.jsonl", {"utterances": [utterance, {**utterance, "emotion": "", "audio_features": []}]}
    )
    data = load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))
    first, second = data.splits["train"][0]["utterances"]
    assert (first["speaker"], first["emotion"], first["end"]) == ("7", "3", 2.0)
    assert first["audio_features"][0][0] == 1 and first["audio_features"][0][1] != first["audio_features"][0][1]  # NaN
    assert second["emotion"] is None and second["audio_features"] is None
    assert data.emotions == ("3",)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": "0:01"}, "its start is '0:01': give seconds"),
        ({"audio_features": [[1.0], [1.0, 2.0]]}, "its audio_features are not an array of numbers"),
        ({"vision_features": [[[1.0]]]}, "its vision_features have the shape"),
    ],
)
def test_bad_values_of_a_folder_are_refused(tmp_path, fields, message):
    write_lines(tmp_path / "train.jsonl", {"id": "c", "utterances": [{"speaker": "Ada", **fields}]})
    with pytest.raises(ValueError, match=f"Utterance c_0: {message}"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))


def test_ids_must_be_unique_in_a_split(tmp_path):
    talk = {"id": "a", "utterances": [{"id": "0", "speaker": "Ada"}]}
    write_lines(tmp_path / "train.jsonl", talk, {**talk, "id": "b"})
    with pytest.raises(ValueError, match="utterance id '0' occurs 2 times in the train split"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))
    write_lines(tmp_path / "train.jsonl", talk, talk)
    with pytest.raises(ValueError, match="conversation id 'a' occurs 2 times in the train split"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))
