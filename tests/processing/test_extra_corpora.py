"""Additional corpora of a training: the splits that are loaded, and what is refused."""

import json

import numpy as np
import pytest

from modeling_amuse.processing.corpora.extra_corpora import load_extra_corpora, reserved_texts, without_overlap
from modeling_amuse.processing.corpora.ravdess import EMOTIONS as RAVDESS_EMOTIONS


def write_folder(folder, splits: dict[str, list[list[dict]]]):
    folder.mkdir(parents=True)
    for split, conversations in splits.items():
        lines = [json.dumps({"id": f"{split}{n}", "utterances": talk}) for n, talk in enumerate(conversations)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def talk(*texts, emotions=("love", "fury")):
    return [
        {"speaker": "A", "text": text, "emotion": emotions[number % len(emotions)]} for number, text in enumerate(texts)
    ]


LINES = ("We never talked about the garden.", "Then let us talk about the garden now.")


def test_a_folder_and_a_data_set_by_its_name(tmp_path):
    folder = write_folder(tmp_path / "my.talks", {"train": [talk("Hi.", "Oh no!")], "test": [talk(*LINES)]})
    clips = tmp_path / "clips"
    clips.mkdir()
    names = [f"03-01-{emotion:02}-01-01-01-{actor:02}" for emotion in (1, 5) for actor in (1, 2)]
    arrays = {"visual": np.random.rand(4, 35), "audio": np.random.rand(4, 7), "emotion": np.array([1, 1, 5, 5])}
    np.savez(clips / "ravdess_au_mfcc.npz", name=np.array(names), actor=np.array([1, 2, 1, 2]), **arrays)
    mine, ravdess = load_extra_corpora([str(folder), f"ravdess={clips}"], str(tmp_path / "cache"))
    assert (mine.name, mine.emotions, mine.tables) == ("my_talks", ("fury", "love"), {})
    assert mine.texts() == ["Hi.", "Oh no!"]  # the other splits are not opened
    assert (ravdess.name, ravdess.emotions) == ("ravdess", RAVDESS_EMOTIONS)
    assert {stream: table.size for stream, table in ravdess.tables.items()} == {"audio": 7, "vision": 35}
    dataset = ravdess.dataset()
    assert (dataset.corpus, dataset.emotions) == ("ravdess", list(RAVDESS_EMOTIONS))
    assert "audio_features" in dataset[0]["utterances"][0]
    assert list(ravdess.with_modalities(("text", "audio")).tables) == ["audio"]


def test_corpora_without_labels_and_of_unknown_kinds_are_refused(tmp_path):
    silent = write_folder(tmp_path / "silent", {"train": [talk("Hi.", emotions=(None,))]})
    with pytest.raises(ValueError, match="silent: its training utterances show no emotion"):
        load_extra_corpora([str(silent)], str(tmp_path / "cache"))
    alike = write_folder(tmp_path / "alike", {"train": [talk("Hi.", "Oh.", emotions=("love",))]})
    with pytest.raises(ValueError, match="only one emotion, 'love'"):
        load_extra_corpora([str(alike)], str(tmp_path / "cache"))
    untrained = write_folder(tmp_path / "untrained", {"test": [talk("Hi.")]})
    with pytest.raises(ValueError, match="has no train split"):
        load_extra_corpora([str(untrained)], str(tmp_path / "cache"))
    with pytest.raises(ValueError, match="there is no data set 'films'"):
        load_extra_corpora(["films=somewhere"])
    with pytest.raises(FileNotFoundError):
        load_extra_corpora([str(tmp_path / "nowhere")])
    good = write_folder(tmp_path / "good", {"train": [talk("Hi.", "Oh.")]})
    with pytest.raises(ValueError, match="two corpora named 'good'"):
        load_extra_corpora([str(good), str(good)], str(tmp_path / "cache"))


def test_overlap_with_the_test_split_is_refused_or_left_out(tmp_path):
    own = write_folder(tmp_path / "own", {"train": [talk("Hi.")], "test": [talk("Well.", *LINES)]})
    reserved = reserved_texts("folder", str(own), str(tmp_path / "cache"))
    assert list(reserved) == ["test"]  # there is no validation split
    assert [set(utterance) for utterance in reserved["test"][0]["utterances"]] == [{"text"}] * 3  # no emotions
    extra = write_folder(tmp_path / "extra", {"train": [talk("Hello.", "Bye."), talk(*LINES)]})
    [corpus] = load_extra_corpora([str(extra)], str(tmp_path / "cache"))
    with pytest.raises(
        ValueError, match="1 of the 2 conversations of extra overlap: 1 with the test split.*train1.*test0"
    ):
        without_overlap(corpus, reserved, leave_out=False)
    kept, said = without_overlap(corpus, reserved, leave_out=True)
    assert [row["id"] for row in kept.conversations] == ["train0"]
    assert said.startswith("1 of the 2 conversations")
    alone = write_folder(tmp_path / "alone", {"train": [talk(*LINES)]})
    with pytest.raises(ValueError, match="no conversation is left to train on"):
        without_overlap(load_extra_corpora([str(alone)], str(tmp_path / "cache"))[0], reserved, leave_out=True)
    (own / "test.jsonl").write_text("not JSON", encoding="utf-8")
    with pytest.raises(ValueError, match="test.jsonl, line 1"):  # it is not treated as a data set without a test split
        reserved_texts("folder", str(own), str(tmp_path / "cache"))
    other = without_overlap(corpus, {"test": [{"id": "x", "utterances": [{"text": None}]}]}, leave_out=False)
    assert other == (corpus, "")
