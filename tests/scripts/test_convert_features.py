# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""amuse convert: the feature pickles of other projects, and pickles that contain more than data."""

import ast
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.scripts import convert_features
from modeling_amuse.scripts.extraction.feature_pickles import read_plain_pickle
from modeling_amuse.scripts.extraction.pickle_layouts import match_conversations
from tests.processing.test_meld_copies import table

ROOT = Path(convert_features.__file__).parents[1]
NAMES = {
    "Ses02F_impro03": ["Ses02F_impro03_F000", "Ses02F_impro03_M000"],
    "Ses03M_script01_1": ["Ses03M_script01_1_M000"],
}


def write(path: Path, value, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def features(lengths: dict, size: int, seed: int, as_lists: bool = False) -> dict:
    numbers = np.random.default_rng(seed)
    made = {key: numbers.normal(size=(length, size)).astype(np.float32) for key, length in lengths.items()}
    return {key: list(array) for key, array in made.items()} if as_lists else made


def convert(path: Path, tmp_path, *arguments) -> dict:
    return convert_features.main([str(path), "--output_dir", str(tmp_path / "out"), *map(str, arguments)])


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_iemocap_s_pickle_of_dialogue_rnn(tmp_path, capsys, protocol):
    """(ids, speakers, labels, text, audio, visual, sentences, train, test), by conversation."""
    lengths = {name: len(ids) for name, ids in NAMES.items()}
    text, audio = features(lengths, 100, 0, as_lists=True), features(lengths, 1582, 1)
    speakers = {name: ["F", "M"][: len(ids)] for name, ids in NAMES.items()}
    labels = {name: [4] * len(ids) for name, ids in NAMES.items()}
    words = {name: [f"Words of {i}." for i in ids] for name, ids in NAMES.items()}
    path = write(tmp_path / "f.pkl", (NAMES, speakers, labels, text, audio, words, {"Ses02F_impro03"}, []), protocol)
    assert convert(path, tmp_path) == {}
    printed = capsys.readouterr().out
    assert (
        "part 3: 2 conversations, features of size 100" in printed and "part 4" in printed and "part 2" not in printed
    )
    written = convert(path, tmp_path, "--parts", "3=text", "4=audio")
    table_of = {name: load_feature_tables(str(place), ["train"])["train"] for name, place in written.items()}
    for conversation, ids in NAMES.items():
        for number, identifier in enumerate(ids):
            np.testing.assert_array_equal(table_of["text"].get(identifier)[0], text[conversation][number])
            np.testing.assert_array_equal(table_of["audio"].get(identifier)[0], audio[conversation][number])


@pytest.fixture
def meld(tmp_path):
    folder = tmp_path / "MELD"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        (folder / f"{split}_sent_emo.csv").write_text(table().replace("Lunch!", f"Lunch in {split}!"))
    return folder


def test_ids_that_occur_in_several_splits_are_not_assigned_to_one(tmp_path, meld):
    path = write(tmp_path / "f.pkl", {"3_0": np.zeros(6, np.float32), "3_2": np.ones(6, np.float32)})
    place = ["--dataset_name", "meld", "--data_dir", meld]
    with pytest.raises(ValueError, match="The utterance dia3_utt0 occurs in the splits train and validation"):
        convert(path, tmp_path, "--parts", "0=text", *place)
    assert list(convert(path, tmp_path, "--parts", "0=text")) == ["text"]


@pytest.mark.parametrize("with_words", [True, False])
def test_numbered_conversations_of_meld_are_matched(tmp_path, meld, with_words):
    """Keys as in MM-DFN and SDT: numbered from 0 through all splits, with or without the texts."""
    lengths = dict(enumerate([2, 1, 2, 1, 2, 1]))
    text = features(lengths, 600, 0)
    said = [["My hat, Liv; it flew.", "Far?"], ["Lunch in {}!"]]
    words = {n: [w.format(("train", "dev", "test")[n // 2]) for w in said[n % 2]] for n in lengths}
    loaded = ({n: [[0, 1]] * k for n, k in lengths.items()}, {n: [0] * k for n, k in lengths.items()}, text)
    path = write(tmp_path / "f.pkl", (*loaded, words) if with_words else loaded)
    with pytest.raises(ValueError, match="has no utterance ids: give --dataset_name"):
        convert(path, tmp_path, "--parts", "2=text")
    written = convert(path, tmp_path, "--parts", "2=text", "--dataset_name", "meld", "--data_dir", meld)
    tables = load_feature_tables(str(written["text"]), ["train", "validation", "test"])
    np.testing.assert_array_equal(tables["train"].get("dia3_utt2")[0], text[0][1])
    np.testing.assert_array_equal(tables["validation"].get("dia6_utt1")[0], text[3][0])
    np.testing.assert_array_equal(tables["test"].get("dia6_utt1")[0], text[5][0])


def test_texts_in_other_letters_are_told_apart():
    talks = {"0": ["Где он?", "Там же."], "1": ["Как ты?", "Я тут."]}
    conversations = [
        {"utterances": [{"id": f"{key}-{n}", "text": text} for n, text in enumerate(talks[key])]} for key in ("1", "0")
    ]
    matched = match_conversations(dict.fromkeys(talks, 2), talks, conversations)
    assert matched == {key: [f"{key}-0", f"{key}-1"] for key in talks}


def test_conversations_of_another_data_set_are_refused(tmp_path, meld):
    path = write(tmp_path / "f.pkl", {"audio": features({0: 2, 1: 3}, 300, 0)})
    with pytest.raises(ValueError, match="cannot be matched to the .* of the data set"):
        convert(path, tmp_path, "--parts", "audio=audio", "--dataset_name", "meld", "--data_dir", meld)


def test_meld_s_own_features_by_utterance(tmp_path):
    parts = [{f"{d}_{u}": np.full(4, d + u / 10, np.float32) for d in (0, 3) for u in (0, 2)} for _ in range(3)]
    written = convert(write(tmp_path / "f.pkl", parts), tmp_path, "--parts", "0=audio")
    tables = load_feature_tables(str(written["audio"]), ["train", "validation", "test"])
    assert tables["test"].get("dia3_utt2").tolist() == [pytest.approx([3.2] * 4)]


@pytest.mark.parametrize("folder", ["clips", "{place}/victim", "../victim"])
def test_a_folder_in_the_ids_is_no_split(tmp_path, folder):
    (tmp_path / "victim.parquet").write_bytes(b"kept")
    part = {f"{folder.format(place=tmp_path)}/3_{n}": np.zeros(4, np.float32) for n in (0, 2)}
    with pytest.raises(ValueError, match="has a folder: name the utterances of the file without folders"):
        convert(write(tmp_path / "f.pkl", {"x": part}), tmp_path, "--parts", "x=audio")
    assert (tmp_path / "victim.parquet").read_bytes() == b"kept" and not list(tmp_path.glob("out/**/*.parquet"))


class Program:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Program(os.system, "touch {mark}"), "contains (posix|nt).system"),
        (Program(eval, "open('{mark}', 'w')"), "contains (builtins|__builtin__).eval"),
        (Program(exec, "open('{mark}', 'w')"), "contains (builtins|__builtin__).exec"),
        (Program(getattr, os, "system"), "contains"),
        (Program(np.load, "{mark}"), "contains numpy"),
        (torch.zeros(2), "torch.*save them as numpy arrays"),
        (Path("x"), "contains pathlib"),
        (Program(bytes, 2), "contains (builtins|__builtin__).bytes"),
    ],
)
def test_a_pickle_with_anything_but_data_is_refused_and_not_run(tmp_path, value, message):
    mark = tmp_path / "mark"
    if isinstance(value, Program):
        function, arguments = value.call
        value = Program(function, *[a.format(mark=mark) if isinstance(a, str) else a for a in arguments])
    if isinstance(value, Program) and os in value.call[1]:
        value.call = getattr, ("text", "upper")
    path = write(tmp_path / "f.pkl", {"a": [1, value]})
    with pytest.raises(
        ValueError, match=f"f.pkl is refused: it {message}" if message.startswith("contains") else message
    ):
        read_plain_pickle(path)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", [2, 5])
def test_plain_data_is_read_as_it_is(tmp_path, protocol):
    value = {
        "a": [np.arange(6, dtype="<i2").reshape(2, 3), np.float32(1.5), 7, None, True],
        "b": (np.asfortranarray(np.eye(3)), {"x": "y"}, {1, 2}),
    }
    found = read_plain_pickle(write(tmp_path / "f.pkl", value, protocol))
    np.testing.assert_array_equal(found["a"][0], value["a"][0])
    np.testing.assert_array_equal(found["b"][0], np.eye(3))
    assert found["a"][1:] == value["a"][1:] and found["b"][1:] == value["b"][1:]


@pytest.mark.parametrize("contents", [b"", b"no pickle", pickle.dumps([1, 2, 3])[:-4], b"\x80\x04\x8e" + b"\xff" * 8])
def test_what_is_no_whole_pickle_is_refused(tmp_path, contents):
    (tmp_path / "f.pkl").write_bytes(contents)
    with pytest.raises(ValueError, match="f.pkl is (refused|damaged)"):
        read_plain_pickle(tmp_path / "f.pkl")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_plain_pickle(tmp_path / "g.pkl")


def test_one_file_reads_pickles_and_one_command_imports_it():
    importers = {"pickle": set(), "feature_pickles": set()}
    for folder in ("modeling_amuse", "processing", "scripts", "hub_card"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in getattr(node, "names", ())] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                for name in names:
                    last = name.split(".")[-1]
                    if last in importers:
                        importers[last].add(path.name)
    assert importers == {"pickle": {"feature_pickles.py"}, "feature_pickles": {"convert_features.py"}}


def itself() -> list:
    value = [{"a_0": [0.5, 1.0], "a_1": [1.5, 2.0]}]
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value",
    [
        3,
        [],
        {},
        None,
        "text",
        [[1, 2]],
        {"a": {"b": {"c": 1}}},
        {"a": {"b": ["", None]}},
        {(1,): {None: [[], [[]]]}},
        {"a": {"c0": np.zeros((2, 0)), "c1": np.zeros((1, 0))}},
        {"a": {"c0": [[10**400]]}},
        {"a": np.array([None])},
    ],
)
def test_a_pickle_of_another_layout_is_refused_by_name(tmp_path, value):
    path = write(tmp_path / "other.pkl", value)
    with pytest.raises(ValueError, match=r"other\.pkl") as caught:
        convert(path, tmp_path, "--parts", "0=text")
    assert type(caught.value) is ValueError and not (tmp_path / "out").exists()


def test_a_pickle_that_contains_itself_is_read_or_refused(tmp_path):
    path = write(tmp_path / "itself.pkl", itself())
    assert convert(path, tmp_path) == {}  # its other parts are found


def test_what_is_quoted_of_a_damaged_pickle_is_printable(tmp_path):
    content = pickle.dumps({"a": torch.zeros(2)}).replace(b"_rebuild_tensor_v2", b"_re\x1b[31mld_tenso\x00\x07")
    (tmp_path / "f.pkl").write_bytes(content)
    with pytest.raises(ValueError, match=r"f\.pkl is refused: it contains torch\._utils\._re\\x1b\[31mld_tenso"):
        read_plain_pickle(tmp_path / "f.pkl")
