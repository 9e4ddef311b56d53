"""Feature tables: formats, joining, statistics."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from datasets import Dataset

from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset, load_stream_tables
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.feature_tables import FeatureTable

IDS = ["u0", "u1", "u2"]
VALUES = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]], dtype=np.float32)


def write_frame(path, **columns):
    frame = pd.DataFrame({**columns, "f0": VALUES[:, 0], "f1": VALUES[:, 1]})
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)


def test_all_formats_hold_the_same(tmp_path):
    write_frame(tmp_path / "a.csv", filename=["u0.wav", "u1.wav", "u2.mp4"])
    write_frame(tmp_path / "b.parquet", utterance_id=IDS)
    flat = pa.table({"utterance_id": IDS, "features": VALUES.tolist()})
    nested = pa.table({"id": IDS, "features": [[row] for row in VALUES.tolist()]})
    pyarrow.parquet.write_table(flat, tmp_path / "c.parquet")
    pyarrow.parquet.write_table(nested, tmp_path / "d.parquet")
    np.savez(tmp_path / "e.npz", utterance_ids=np.array(IDS), features=VALUES)
    np.savez(tmp_path / "f.npz", **dict(zip(IDS, VALUES, strict=True)))
    for name in ("a.csv", "b.parquet", "c.parquet", "d.parquet", "e.npz", "f.npz"):
        table = load_feature_tables(str(tmp_path / name), ["train"])["train"]
        for identifier, row in zip(IDS, VALUES, strict=True):
            np.testing.assert_array_equal(table.get(identifier), row[None], err_msg=name)
        assert table.get("other") is None and table.size == 2


def test_sequences_of_different_lengths(tmp_path):
    sequences = [[[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], []]
    pyarrow.parquet.write_table(pa.table({"utterance_id": IDS, "features": sequences}), tmp_path / "t.parquet")
    np.savez(tmp_path / "t.npz", u0=np.array(sequences[0]), u1=np.array(sequences[1]))
    for name in ("t.parquet", "t.npz"):
        table = load_feature_tables(str(tmp_path / name), ["train"])["train"]
        assert table.get("u0").tolist() == sequences[0] and table.get("u1").tolist() == sequences[1]


def test_a_folder_has_a_table_for_each_split(tmp_path):
    for name in ("my_train_audio.csv", "my_dev_audio.csv", "notes.csv"):
        write_frame(tmp_path / name, utterance_id=IDS)
    tables = load_feature_tables(str(tmp_path), ["train", "validation"])
    assert tables["train"] is not tables["validation"]
    with pytest.raises(FileNotFoundError, match="whose name contains test"):
        load_feature_tables(str(tmp_path), ["test"])
    write_frame(tmp_path / "other-train.csv", utterance_id=IDS)
    with pytest.raises(ValueError, match="both files of the train split"):
        load_feature_tables(str(tmp_path), ["train"])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_column_tells_the_split(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    write_frame(path, utterance_id=["u0", "u1", "u0"], split=["train", "train", "dev"])
    tables = load_feature_tables(str(path), ["train", "validation"])
    assert tables["train"].get("u0").tolist() == [[1.0, 2.0]] and tables["validation"].get("u0").tolist() == [
        [5.0, 6.0]
    ]


def test_what_other_programs_write(tmp_path):
    (tmp_path / "numbers.csv").write_text("utterance_id,f\n007,1\n")
    assert load_feature_tables(str(tmp_path / "numbers.csv"), ["train"])["train"].get("007") is not None
    pd.DataFrame({"f": [1.0]}, index=pd.Index(["u0"], name="utterance_id")).to_parquet(tmp_path / "index.parquet")
    assert load_feature_tables(str(tmp_path / "index.parquet"), ["train"])["train"].get("u0").tolist() == [[1.0]]
    fixed = pa.array([[[1.0, 2.0]], None], pa.list_(pa.list_(pa.float64(), 2)))
    pyarrow.parquet.write_table(pa.table({"utterance_id": ["u0", "u1"], "features": fixed}), tmp_path / "fixed.parquet")
    table = load_feature_tables(str(tmp_path / "fixed.parquet"), ["train"])["train"]
    assert table.get("u0").tolist() == [[1.0, 2.0]] and table.get("u1") is None  # a null is a missing modality


def test_statistics_leave_empty_cells_out():
    table = FeatureTable(IDS, np.array([[1, 2, 7], [3, np.nan, 7], [100, 100, 7]], np.float32), np.ones(3, int))
    statistics = table.statistics(["u0", "u1", "absent"])
    assert statistics == {"mean": [2.0, 2.0, 7.0], "std": [1.0, 1.0, 1.0]}
    text = table.coverage(["u0", "u1", "absent"])
    assert "2 of 3 utterances have features" in text and "1 empty cells" in text
    with pytest.raises(ValueError, match=r"Features \[1\] have no value"):
        table.statistics(["u1"])


def test_bad_tables_are_refused(tmp_path):
    def refused(name, message, error=ValueError):
        with pytest.raises(error, match=message):
            load_feature_tables(str(tmp_path / name), ["train"])

    refused("absent.csv", "There is no feature table", FileNotFoundError)
    np.savez(tmp_path / "objects.npz", u0=np.array([None, {}], dtype=object))
    refused("objects.npz", "holds Python objects")
    np.savez(tmp_path / "sizes.npz", u0=np.zeros(2), u1=np.zeros(3))
    refused("sizes.npz", "with the same D")
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, np.zeros((2, 3)))
    refused("single.npz", "single.npz: it is not an npz archive of arrays by utterance id")
    (tmp_path / "text.csv").write_text("utterance_id,f\nu0,hello\n")
    refused("text.csv", "these do not: f")
    (tmp_path / "noid.csv").write_text("name,f\nu0,1\n")
    refused("noid.csv", "No column holds the utterance id")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    refused("broken.parquet", "broken.parquet")
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    refused("broken.npz", "broken.npz")
    (tmp_path / "labels.csv").write_text(",utterance_id,label\n0,u0,2\n")
    refused("labels.csv", "there is no feature column")
    (tmp_path / "t.pkl").touch()
    refused("t.pkl", "is not a feature table")
    (tmp_path / "nobody.csv").write_text("utterance_id,f\nu0,1\n,2\n")
    refused("nobody.csv", "row 2 has no utterance id")
    (tmp_path / "split.csv").write_text("utterance_id,split,f\nu0,Train,1\nu1,extra,2\n")
    refused("split.csv", "row 2 has the split 'extra': name the splits train, validation, test")
    pyarrow.parquet.write_table(
        pa.table({"id": ["u0", None], "features": VALUES[:2].tolist()}), tmp_path / "id.parquet"
    )
    refused("id.parquet", "row 2 has no utterance id")
    (tmp_path / "twice.csv").write_text("utterance_id,f\nu0,1\nu0,2\n")
    refused("twice.csv", "'u0' occurs more than once in the feature table")


def conversations(*ids):
    return Dataset.from_list(
        [{"id": "c", "utterances": [{"id": i, "speaker": "a", "text": "", "emotion": None} for i in ids]}]
    )


def test_features_join_by_utterance_id():
    table = FeatureTable(IDS, VALUES, np.ones(3, int))
    dataset = ConversationDataset(conversations("u2", "absent"), {"audio": table})
    first, second = dataset[0]["utterances"]
    assert first["audio_features"].tolist() == [[5.0, 6.0]] and "audio_features" not in second
    assert (first["index"], second["index"]) == (0, 1)


def test_features_with_names_are_joined_by_their_names(tmp_path):
    (tmp_path / "train.csv").write_text("utterance_id,pitch,loud\nu0,100,1\n")
    (tmp_path / "test.csv").write_text("utterance_id,loud,pitch\nu1,2,200\n")
    splits = {"train": conversations("u0"), "test": conversations("u1")}
    tables = load_stream_tables({"audio": str(tmp_path)}, splits)
    assert tables["test"]["audio"].get("u1").tolist() == [[200, 2]]
    assert tables["train"]["audio"].statistics(["u0"])["columns"] == ["pitch", "loud"]
    (tmp_path / "test.csv").write_text("utterance_id,loud,tempo\nu1,2,200\n")
    with pytest.raises(ValueError, match="test: the names of the features differ .*: pitch missing, tempo unknown"):
        load_stream_tables({"audio": str(tmp_path)}, splits)


def test_features_in_an_utterance_are_no_substitute_for_those_of_a_table():
    rows = conversations("u0", "other").to_list()
    for utterance in rows[0]["utterances"]:
        utterance["audio_features"] = [[9.0, 9.0]]
    dataset = ConversationDataset(Dataset.from_list(rows), {"audio": FeatureTable(IDS, VALUES, np.ones(3, int))})
    first, second = dataset[0]["utterances"]
    assert first["audio_features"].tolist() == [[1.0, 2.0]] and "audio_features" not in second


def test_a_table_must_fit_its_split(tmp_path):
    write_frame(tmp_path / "t.csv", utterance_id=IDS)
    path = {"audio": str(tmp_path / "t.csv")}
    tables = load_stream_tables(path, {"train": conversations("u0"), "test": conversations("u1")})
    assert tables["test"]["audio"].get("u1") is not None
    with pytest.raises(ValueError, match="'u0' occurs in more than one"):
        load_stream_tables(path, {"train": conversations("u0"), "test": conversations("u0", "u1")})
    with pytest.raises(
        ValueError, match="'u0' occurs in more than one"
    ):  # only one modality is requested, but it is unknown which modality the features have
        load_stream_tables(path, {"train": conversations("u0"), "test": conversations("u0", "u1")}, ["test"])
    with pytest.raises(ValueError, match="look like 'x'"):
        load_stream_tables(path, {"train": conversations("x")})


def test_features_of_another_division_are_refused(tmp_path):
    write_frame(tmp_path / "train.csv", utterance_id=["a", "b", "c"])
    write_frame(tmp_path / "validation.csv", utterance_id=["d", "e", "f"])
    path = {"audio": str(tmp_path)}
    for train, validation in ((("a", "b"), ("d", "e", "f")), (("a", "b", "lost"), ("d", "e", "lost too"))):
        load_stream_tables(path, {"train": conversations(*train), "validation": conversations(*validation)})
    # an id of the validation split that occurs in the training split, too, was not moved
    load_stream_tables(path, {"train": conversations("a", "d"), "validation": conversations("d", "e")})
    with pytest.raises(
        ValueError, match=r"1 utterances of the train split in the table of the validation split, such as 'd'"
    ):
        load_stream_tables(path, {"train": conversations("a", "d"), "validation": conversations("b", "e")})
    # of the whole training split a, b and c, the conversation of b is not used for training; validation has another b
    load_stream_tables(path, {"train": conversations("a"), "validation": conversations("b", "e")}, left_out=["a", "b"])


def test_the_praat_table_of_meld(meld_dir):
    table = load_feature_tables(str(meld_dir / "praat"), ["train"])["train"]
    assert table.size == 8 and len(table.rows) == 9988 and table.get("dia125_utt3") is None
    assert int(np.isnan(table.values).sum()) == 447
