"""Errors of libraries about an input become errors of this package, and a value means the same in every input format."""

import json
import logging
import zipfile
import zlib
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from modeling_amuse import AmuseProcessor
from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.corpora.conversation_folder import read_conversation_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.input_boundary import boundary
from modeling_amuse.processing.plain_json import parsed_json
from modeling_amuse.processing.printable_text import printable, printable_logger
from modeling_amuse.processing.transcripts import read_transcripts
from tests.fuzz.heard_warnings import heard_warnings

OWN_KIND = type("OwnKind", (ValueError,), {"__module__": "modeling_amuse.processing.x"})


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (
            OverflowError("int too large"),
            ValueError,
            r"a\.csv cannot be read \(OverflowError: int too large\): save it again",
        ),
        (RecursionError("deep"), ValueError, "RecursionError: deep"),
        (zlib.error("Error -3"), ValueError, "error: Error -3"),
        (KeyError("added_tokens"), ValueError, "KeyError: 'added_tokens'"),
        (MemoryError(), ValueError, r"a\.csv takes more memory than this machine has"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), ValueError, "UnicodeDecodeError"),
        (ValueError("no header"), ValueError, r"^a\.csv: no header$"),
        (ValueError("a.csv has no header"), ValueError, r"^a\.csv has no header$"),
        (ValueError("a.csv: \x1b[31m\ud83d"), ValueError, r"^a\.csv: \\x1b\[31m\\ud83d$"),
        (OWN_KIND("too long"), OWN_KIND, "^too long$"),
        (OSError(28, "No space left on device"), OSError, "No space left"),
        (FileNotFoundError("there is no \x1b]0;x\x07"), FileNotFoundError, r"there is no \\x1b\]0;x\\x07$"),
        (ImportError("pip install av"), ImportError, "pip install av"),
    ],
)
def test_an_error_within_the_boundary_names_the_input(raised, expected, message):
    with pytest.raises(expected, match=message) as caught, boundary("a.csv", "save it again."):
        raise raised
    assert type(caught.value) is expected


@pytest.mark.parametrize("name", ["a.csv", "a/" * 900 + "a.csv"])
def test_a_message_that_quotes_a_long_value_is_shortened_in_its_middle(name):
    with pytest.raises(ValueError) as caught, boundary(name):
        raise ValueError(f"{name}, row 2: its time is '{'1' * 5000}': correct it.")
    message = str(caught.value)
    assert message.startswith(f"{name}, row 2: its time is '111") and message.endswith("111': correct it.")
    assert len(message) < len(name) + 1600


def test_a_logged_message_cannot_control_the_terminal(caplog):
    logger = printable_logger("modeling_amuse.test_of_messages")
    logger.warning("%s: a text\nof two lines", "\x1b[2J\u202eevil\x9b1m")
    assert caplog.messages == ["\\x1b[2J\\u202eevil\\x9b1m: a text\nof two lines"]
    assert len(logger.filters) == len(printable_logger(logger.name).filters) == 1
    logging.getLogger(logger.name).removeFilter(logger.filters[0])
    assert printable("tab\there, é, 字, 😀") == "tab\there, é, 字, 😀"


@pytest.mark.parametrize(
    ("utterance", "message"),
    [
        ({"speaker": True}, "its speaker is a bool"),
        ({"speaker": np.bool_(True)}, "its speaker is a bool"),
        ({"speaker": 0.5}, "its speaker is the number 0.5"),
        ({"speaker": 10**400}, "its speaker is a number of more than 18 digits"),
        ({"speaker": ["Ada"]}, "its speaker is a list"),
        ({"speaker": "\x00"}, "has no 'speaker'"),
        ({"speaker": "Ada", "id": {}}, "its id is a dict"),
        ({"speaker": "Ada", "index": True}, "its index is True"),
        ({"speaker": "Ada", "index": -1}, "its index is -1"),
        ({"speaker": "Ada", "start": -0.5, "end": 1}, "its start is -0.5"),
        ({"speaker": "Ada", "start": 2, "end": 1.5}, "ends at 1.5 s, before its start at 2 s"),
        ({"speaker": "Ada", "start": float("inf")}, "its start is inf"),
        ({"speaker": "Ada", "start": True}, "its start is True"),
        ({"speaker": "Ada", "start": "1.0"}, "its start is '1.0'"),
        ({"speaker": "Ada", "audio": np.zeros(9)}, "audio of utterance 0 of conversation 0 is a ndarray"),
        (
            {"speaker": "Ada", "audio": {"path": "a.wav", "bytes": b""}},
            "audio of utterance 0 of conversation 0 is a dict",
        ),
        ({"speaker": "Ada", "video": ["a.mp4"]}, "video of utterance 0 of conversation 0 is a list"),
        ({"speaker": "Ada", "text": np.array(["a", "b"])}, "text of utterance 0 of conversation 0 is a ndarray"),
        ({"speaker": "Ada", "video_side": ["left"]}, "its video_side is"),
    ],
)
def test_a_value_that_is_none_is_refused_in_a_dict(utterance, message):
    with pytest.raises(ValueError, match=message):
        check_conversations([utterance])


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, Fraction, float])
def test_times_of_numpy_become_numbers_that_can_be_written(kind):
    times = {"start": kind(0), "end": kind(2), "audio_start": kind(0), "video_start": None}
    [conversation] = check_conversations([{"speaker": "Ada", **times}])
    assert json.loads(json.dumps(conversation["utterances"][0])) == {"speaker": "Ada", **times}


def test_ids_are_unique_in_a_conversation_of_dicts():
    with pytest.raises(ValueError, match="2 utterances with the id '7': give each its own"):
        check_conversations([{"speaker": "a", "id": 7}, {"speaker": "b", "id": "7"}, {"speaker": "c"}])


def test_one_speaker_is_one_in_dicts_and_in_files(tmp_path):
    said = [{"speaker": name, "text": "Hm."} for name in (1, "1", 1.0, Fraction(1), " 1 ", np.int64(1), "2")]
    assert AmuseProcessor()(said, return_tensors="np")["speaker_ids"].tolist() == [[0, 0, 0, 0, 0, 0, 1]]
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(said[:3] + said[-1:], default=str))
    [conversation] = read_transcripts(path)
    assert [utterance["speaker"] for utterance in conversation["utterances"]] == ["1", "1", "1", "2"]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps({"dialog": "d", **u}) for u in said[:3] + said[-1:]))
    [conversation], *_ = read_conversation_file(rows, DataOptions(), RecordingStore(str(tmp_path)))
    assert [utterance["speaker"] for utterance in conversation["utterances"]] == ["1", "1", "1", "2"]


@pytest.mark.parametrize("name", ["\x07", "\x00 \x1b", "\x1b\x7f "])
def test_a_speaker_of_control_characters_alone_is_not_named_and_a_warning_says_so(tmp_path, name):
    path = tmp_path / "rows.jsonl"
    rows = [{"dialog": "d", "speaker": speaker, "text": "Hm."} for speaker in ("Ada", name)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with heard_warnings() as said:
        [conversation], counts, *_ = read_conversation_file(path, DataOptions(), RecordingStore(str(tmp_path)))
    assert [utterance["speaker"] for utterance in conversation["utterances"]] == ["Ada", "unknown"]
    assert counts["utterances whose speaker is not named"] == 1
    assert any("row 2: its speaker holds control characters" in warning for warning in said)


@pytest.mark.parametrize(
    "wrong", [{"end": "late"}, {"speaker": ""}, {"text": 3}, {"audio": 5}, {"video_side": "up"}, {"index": "first"}]
)
def test_names_that_a_terminal_would_obey_are_escaped_in_errors_of_conversations(wrong):
    talk = {"id": "\u202eevil\x1b[2J", "utterances": [{"id": "\x9b1m", "speaker": "Ada", "text": "Hi.", **wrong}]}
    for check in (check_conversations, AmuseProcessor()):
        with pytest.raises(ValueError) as refused:
            check(talk)
        assert str(refused.value).isprintable()


def test_half_characters_in_a_dict_are_replaced_with_a_warning_in_the_result():
    [conversation] = check_conversations([{"speaker": "A\ud800da", "text": "Ho \udfff\x1b[31m"}])
    [utterance] = conversation["utterances"]
    assert utterance["speaker"] == "A\ufffdda" and utterance["text"] == "Ho \ufffd[31m"
    assert len(conversation["warnings"]) == 3 and all("Utterance 0" in said for said in conversation["warnings"])
    assert check_conversations(conversation) == [conversation]  # what was mended is not said again


@pytest.mark.parametrize(
    "values", [["1", "2"], [True, False], [1 + 2j, 0], "12", [{"a": 1}], [1, "2"], np.array(["1"])]
)
def test_features_that_are_no_numbers_are_refused(values):
    with pytest.raises(ValueError, match="Utterance 0 of conversation 0: audio_features are not an array of numbers"):
        AmuseProcessor()([{"speaker": "a", "audio_features": values}])


@pytest.mark.parametrize("value", [1e300, -(10**400), 10**400, float("inf")])
def test_features_that_are_too_large_are_refused(value):
    with pytest.raises(ValueError, match="audio_features hold an infinite value"):
        AmuseProcessor()([{"speaker": "a", "audio_features": [value, None]}])


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"utterances": ' + "[" * 100_000, '{"a":' * 100_000])
def test_json_that_is_nested_deeply_is_refused_by_each_reader(tmp_path, suffix, text):
    path = tmp_path / f"talk{suffix}"
    path.write_text(text)
    for read in (read_transcripts, lambda p: read_conversation_file(p, DataOptions(), RecordingStore(str(tmp_path)))):
        with pytest.raises(ValueError, match=f"talk{suffix}") as caught:
            read(path)
        assert type(caught.value) is ValueError


def test_a_key_that_occurs_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has the key 'id' twice"):
        parsed_json('[{"id": 1, "text": "a", "id": 2}]')
    path = tmp_path / "talk.json"
    path.write_text('{"utterances": [{"speaker": "Ada", "text": "Hm.", "speaker": "Ben"}]}')
    with pytest.raises(ValueError, match=r"talk\.json.* the key 'speaker' twice"):
        read_transcripts(path)


@pytest.mark.parametrize("time", ["-1", "inf", "1e300", "٣", "1_0", "nan", "-00:01"])
def test_a_time_in_a_table_that_is_none_is_dropped_with_a_warning(tmp_path, time):
    path = tmp_path / "talks.csv"
    path.write_text(f"dialog,speaker,text,start,end\nd,Ada,Hm.,{time},2\nd,Ben,Ho.,2,3\n", encoding="utf-8")
    with heard_warnings() as said:
        [conversation], *_ = read_conversation_file(path, DataOptions(), RecordingStore(str(tmp_path)))
    assert [utterance["start"] for utterance in conversation["utterances"]] == [None, 2.0]
    assert any("times are not understood" in message for message in said)


def test_a_row_with_too_few_cells_gives_a_warning(tmp_path):
    path = tmp_path / "talks.csv"
    path.write_text("dialog,speaker,text,emotion\nd,Ada,Hm.,joy\nd,Ben\nd,Cy,Ho.,joy\n")
    with heard_warnings() as said:
        read_conversation_file(path, DataOptions(), RecordingStore(str(tmp_path)))
    assert any("1 rows have fewer cells than the header, the first is row 3" in message for message in said)
    features = tmp_path / "f.csv"
    features.write_text("id,a,b\nu0,1,2\nu1,3\n")
    with heard_warnings() as said:
        assert np.isnan(load_feature_tables(str(features), ["train"])["train"].get("u1")[0, 1])
    assert any("fewer cells than the header, the first is line 3" in message for message in said)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,a\nu0,1,2\nu1,3,4\n", "long.csv"),  # pandas would take the ids for an index, and shift all cells
        ("id,a,a\nu0,1,2\n", "two columns 'a'"),
        ("id,a,b\nu0,True,1\n", "these do not: a"),
        ("id,a\nu0,1_000\n", "these do not: a"),
        ("id,a\nu0,٣\n", "these do not: a"),
        ("id,a\n ,1\n", "utterance id of the feature table is empty"),
    ],
)
def test_a_feature_table_with_shifted_or_odd_cells_is_refused(tmp_path, text, message):
    path = tmp_path / "long.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        load_feature_tables(str(path), ["train"])
    assert type(caught.value) is ValueError and str(path) in str(caught.value)


def test_a_damaged_archive_of_features_is_refused(tmp_path):
    path = tmp_path / "f.npz"
    np.savez_compressed(path, u0=np.arange(1000.0), u1=np.arange(1000.0))
    content = path.read_bytes()
    for at in range(60, 400, 20):
        path.write_bytes(content[:at] + b"\xff\xff\xff" + content[at + 3 :])
        with pytest.raises(ValueError, match="f.npz") as caught:
            load_feature_tables(str(path), ["train"])
        assert type(caught.value) is ValueError
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for _ in range(2):
            archive.writestr("u0.npy", content)
    with pytest.raises(ValueError, match="two columns 'u0.npy'|npy"):
        load_feature_tables(str(path), ["train"])


def test_a_size_that_a_header_states_is_checked_before_memory_is_taken(tmp_path, monkeypatch):
    from modeling_amuse.processing import stated_sizes

    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2), }" % 10**30
    path = tmp_path / "f.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(16))
    with pytest.raises(ValueError, match=r"f\.npy: it is damaged: its header states"):
        load_feature_tables(str(path), ["train"])
    monkeypatch.setattr(stated_sizes, "machine_memory", lambda: 10_000)
    tables = tmp_path / "t.parquet"
    pyarrow.parquet.write_table(pa.table({"id": ["u"] * 5000, "a": [1.0] * 5000}), tables)  # stored in a few bytes
    with pytest.raises(ValueError, match=r"t\.parquet would take .* more than the memory of this machine"):
        load_feature_tables(str(tables), ["train"])
    with pytest.raises(ValueError, match="more than the memory of this machine"):
        read_conversation_file(tables, DataOptions(), RecordingStore(str(tmp_path)))


def test_ids_of_bytes_are_texts(tmp_path):
    np.savez(tmp_path / "f.npz", utterance_ids=np.array([b"u0", b"u1"]), features=np.eye(2))
    assert list(load_feature_tables(str(tmp_path / "f.npz"), ["train"])["train"].rows) == ["u0", "u1"]


def test_texts_that_look_like_numbers_are_no_features(tmp_path):
    pyarrow.parquet.write_table(pa.table({"utterance_id": ["u0"], "features": [["1", "2"]]}), tmp_path / "f.parquet")
    with pytest.raises(ValueError, match=r"f\.parquet: The features are of the type string"):
        load_feature_tables(str(tmp_path / "f.parquet"), ["train"])


def test_a_full_disk_is_an_error_of_the_system(tmp_path, monkeypatch):
    import datasets.arrow_writer

    (tmp_path / "data").mkdir()
    row = {"utterances": [{"speaker": "Ada", "text": "Hm.", "emotion": "joy"}]}
    (tmp_path / "data" / "train.jsonl").write_text(json.dumps(row))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets.arrow_writer.ArrowWriter, "write", full)
    with pytest.raises(OSError, match="free some space, or name another --cache_dir") as caught:
        load_conversations("folder", str(tmp_path / "data"), str(tmp_path / "cache"))
    assert caught.value.errno == 28


def test_soft_labels_with_one_cell_too_many_in_each_row_are_refused(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("utterance_id,joy,anger\nu0,1,2,3\nu1,3,1,1\n")
    with pytest.raises(ValueError, match=r"votes\.csv is not a table"):
        read_soft_labels(path, ["joy", "anger"])
