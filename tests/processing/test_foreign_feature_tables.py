"""Feature tables of other tools: columns that are not features, ids that are paths, damaged values and files."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from datasets import Dataset

from modeling_amuse.processing.corpora.conversation_dataset import load_stream_tables
from modeling_amuse.processing.corpora.feature_files import load_feature_tables

IDS = ["dia7_utt0", "dia7_utt1", "dia7_utt4"]
VALUES = np.array([[80.0, 0.5], [90.0, 0.25], [70.0, 0.125]], dtype=np.float32)


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({"utterance_id": IDS, "f0": VALUES[:, 0], "loudness": VALUES[:, 1], **columns})


def load(path):
    return load_feature_tables(str(path), ["train"])["train"]


def write(folder, table: pd.DataFrame, suffix: str):
    path = folder / f"table{suffix}"
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "name",
    [
        *(
            "label",
            "Label_ID",
            "emotion_id",
            "EmotionLabel",
            "emo",
            "y",
            "Sentiment",
            "sentiment_idx",
            "target",
            "gold label",
        ),
        *(
            "dialog_id",
            "Dialogue_ID",
            "turn_id",
            "turn",
            "Utterance_ID ",
            "season",
            "Episode",
            "start",
            "EndTime",
            "Sr No.",
        ),
        *("idx", "index", "Unnamed: 0", "speaker_id", "fold", "scene number", "conversation_id"),
    ],
)
def test_columns_that_tell_the_answer_or_the_place_are_left_out(tmp_path, caplog, suffix, name):
    table = load(write(tmp_path, frame(**{name: [2, 0, 1]}), suffix))
    assert table.columns == ["f0", "loudness"]
    assert name.strip() in caplog.text and "left out" in caplog.text


def test_words_that_tell_the_answer_are_left_out_too(tmp_path, caplog):
    assert load(write(tmp_path, frame(Emotion=["joy", "fear", "joy"], Speaker=["A", "B", "A"]), ".csv")).size == 2
    assert "Emotion is the label" in caplog.text and "Speaker is the position" in caplog.text


def test_names_that_only_hold_such_words_are_features(tmp_path, caplog):
    names = [
        "emotion_entropy",
        "pitch_end_slope",
        "y_3",
        "class_of_noise_ratio",
        "turn_taking_rate",
        "start_energy",
        "AU01_c",
    ]
    assert load(write(tmp_path, frame(**dict.fromkeys(names, 1.5)), ".csv")).size == 2 + len(names)
    assert "left out" not in caplog.text


@pytest.mark.parametrize(
    "ids",
    [
        [f"/mnt/clips/{i}.mp4" for i in IDS],
        [f"C:\\clips\\{i}.WAV" for i in IDS],
        [IDS[0], f"clips/{IDS[1]}", f"./{IDS[2]}.flac"],
    ],
)
def test_ids_that_are_paths_are_joined_by_the_clip(tmp_path, ids):
    table = load(write(tmp_path, frame(utterance_id=ids).rename(columns={"utterance_id": "file"}), ".csv"))
    for identifier, row in zip(IDS, VALUES, strict=True):
        np.testing.assert_array_equal(table.get(identifier)[0], row)


@pytest.mark.parametrize(
    "ids",
    [[IDS[0], IDS[1], IDS[1]], ["dia7_utt1.wav", IDS[0], "dia7_utt1.mp4"], ["a/dia7_utt1", "b/dia7_utt1", IDS[0]]],
)
def test_two_rows_of_one_utterance_are_refused(tmp_path, ids):
    with pytest.raises(ValueError, match="'dia7_utt1' occurs more than once in the feature table"):
        load(write(tmp_path, frame(utterance_id=ids), ".csv"))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300, -1e39])
@pytest.mark.parametrize("form", ["csv", "columns", "lists", "npz"])
def test_values_that_do_not_fit_are_empty_cells_with_a_warning(tmp_path, caplog, value, form):
    values = VALUES.astype(np.float64)
    values[1, 1] = value
    if form in ("csv", "columns"):
        path = write(tmp_path, frame(loudness=values[:, 1]), ".csv" if form == "csv" else ".parquet")
    elif form == "lists":
        path = tmp_path / "table.parquet"
        pyarrow.parquet.write_table(pa.table({"utterance_id": IDS, "features": values.tolist()}), path)
    else:
        path = tmp_path / "table.npz"
        np.savez(path, utterance_ids=np.array(IDS), features=values)
    table = load(path)
    assert np.isnan(table.get("dia7_utt1")[0, 1]) and np.isfinite(table.get("dia7_utt0")).all()
    assert np.isfinite(table.statistics(IDS)["std"]).all()
    assert "dia7_utt1" in caplog.text and ("loudness" in caplog.text or form in ("lists", "npz"))


def npy_header(shape, dtype="<f4") -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue()


@pytest.mark.parametrize("shape", [(10**13,), (10**6, 10**7), (3,)])
def test_sizes_that_a_file_only_states_are_refused(tmp_path, shape):
    with zipfile.ZipFile(tmp_path / "table.npz", "w") as archive:
        archive.writestr("dia7_utt0.npy", npy_header(shape) + bytes(8))
    with pytest.raises(ValueError, match="table.npz: dia7_utt0 is damaged: its header states"):
        load(tmp_path / "table.npz")
    (tmp_path / "array.npy").write_bytes(npy_header(shape) + bytes(8))
    with pytest.raises(ValueError, match=r"array.npy: it is damaged: its header states"):
        load(tmp_path / "array.npy")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"u0": np.zeros(3, "f4"), "u1": np.float32(2)}, r"array of 'u1' has the shape \(\)"),
        ({"u0": np.zeros(3, "f4"), "u1": np.zeros(4, "f4")}, "array of 'u1' has 4 features, but that of 'u0' has 3"),
        ({"u0": np.zeros((1, 2, 3), "f4")}, r"array of 'u0' has the shape \(1, 2, 3\)"),
        ({"u0": np.array(["a", "b"])}, "the array of 'u0' has the type"),
        ({"utterance_ids": np.array(["u0"]), "features": np.float32(1)}, r"features have the shapes \(1,\) and \(\)"),
        ({"utterance_ids": np.array(["u0"]), "features": np.zeros((2, 3))}, "1 utterance_ids and 2 rows of features"),
    ],
)
def test_arrays_of_other_forms_are_refused_by_name(tmp_path, arrays, message):
    np.savez(tmp_path / "table.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "table.npz")


@pytest.mark.parametrize("metadata", ["[" * 50_000, "{name: faces", "[1, 2]", '{"version": 1}', "7"])
def test_metadata_that_name_no_extractor_are_refused(tmp_path, metadata):
    schema = pa.schema(
        [("utterance_id", pa.string()), ("features", pa.list_(pa.float32()))], metadata={"amuse_features": metadata}
    )
    pyarrow.parquet.write_table(pa.table([IDS, VALUES.tolist()], schema=schema), tmp_path / "table.parquet")
    with pytest.raises(ValueError, match="table.parquet: its metadata 'amuse_features'"):
        load(tmp_path / "table.parquet")


@pytest.mark.parametrize("folder", [".", "data"])
def test_a_folder_of_arrays_whose_ids_are_those_of_another_split_is_refused(tmp_path, folder):
    """MELD has dia0_utt0 in each split: the folder of the training split must not serve the test."""
    (tmp_path / folder).mkdir(exist_ok=True)
    for identifier, row in zip(IDS, VALUES, strict=True):
        np.save(tmp_path / folder / f"{identifier}.npy", row)
    rows = [{"utterances": [{"id": identifier} for identifier in IDS]}]
    splits = {"train": Dataset.from_list(rows), "test": Dataset.from_list(rows)}
    for wanted in (["test"], None):
        with pytest.raises(ValueError, match="one table for several splits, but the utterance id"):
            load_stream_tables({"audio": str(tmp_path)}, splits, wanted)


@pytest.mark.parametrize("place", [".", "data"])
def test_arrays_beside_the_folder_of_another_split_are_refused(tmp_path, place):
    for folder in (tmp_path / place, tmp_path / place / "train"):
        folder.mkdir(exist_ok=True)
        for identifier, row in zip(IDS, VALUES, strict=True):
            np.save(folder / f"{identifier}.npy", row)
    for splits in (["test"], ["train", "test"]):
        with pytest.raises(ValueError, match="the folder train, but none for the test split: move the arrays into"):
            load_feature_tables(str(tmp_path), splits)
    np.testing.assert_array_equal(load(tmp_path).get(IDS[1])[0], VALUES[1])


@pytest.mark.parametrize("form", ["txt", "json", "npy", "folder", "folders"])
def test_arrays_with_their_ids_beside_them(tmp_path, form):
    if form in ("folder", "folders"):
        place = tmp_path / "train" if form == "folders" else tmp_path
        place.mkdir(exist_ok=True)
        for identifier, row in zip(IDS, VALUES, strict=True):
            np.save(place / f"{identifier}.npy", np.stack([row, row]))
        path = tmp_path
    else:
        np.save(tmp_path / "roberta.npy", VALUES)
        path = tmp_path / "roberta.npy"
        with pytest.raises(ValueError, match="the array has no ids: write the ids of its rows.*roberta_ids.txt"):
            load(path)
        if form == "npy":
            np.save(tmp_path / "roberta_ids.npy", np.array(IDS))
        else:
            ids = "\n".join(IDS) if form == "txt" else json.dumps(IDS)
            (tmp_path / f"roberta_ids.{form}").write_text(ids)
    table = load(path)
    for identifier, row in zip(IDS, VALUES, strict=True):
        np.testing.assert_array_equal(table.get(identifier)[0], row)
        assert len(table.get(identifier)) == (2 if form.startswith("folder") else 1)


def test_a_join_tells_the_features_and_what_matches_nothing(tmp_path):
    path = write(tmp_path, frame(), ".csv")
    utterances = [{"id": i, "speaker": "A", "text": "Words.", "emotion": "joy"} for i in (*IDS[:2], "dia7_utt9")]
    data = Dataset.from_list([{"id": "dia7", "utterances": utterances}])
    table = load_stream_tables({"audio": str(path)}, {"train": data})["train"]["audio"]
    text = table.coverage([u["id"] for u in utterances])
    assert text.startswith("2 of 3 utterances have features (2 features: f0, loudness)")
    assert text.endswith("1 ids of the table do not belong to the split")
