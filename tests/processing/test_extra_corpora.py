"""Additional corpora of a training: the splits that are loaded, and what is refused."""

import json

import numpy as np
import pytest
from datasets import Dataset, DatasetDict

from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.extra_corpora import (
    corpus_and_folder,
    load_extra_corpora,
    reserved_texts,
    without_overlap,
)
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
    other, said = without_overlap(corpus, {"test": [{"id": "x", "utterances": [{"text": None}]}]}, leave_out=False)
    assert (
        other == corpus and "extra cannot be compared with the test split, as the reserved splits have no text" in said
    )
    voices = corpus._replace(conversations=corpus.conversations.map(without_texts))
    other, said = without_overlap(voices, reserved_of(own, tmp_path, "Well."), leave_out=False)
    assert other == voices and "as its utterances have no text: it may overlap" in said
    assert without_overlap(corpus, reserved_of(own, tmp_path, "Well."), leave_out=False) == (corpus, "")


def without_texts(row: dict) -> dict:
    return {"utterances": [{**utterance, "text": None} for utterance in row["utterances"]]}


def reserved_of(folder, tmp_path, text: str) -> dict:
    (folder / "test.jsonl").write_text(json.dumps({"id": "t", "utterances": talk(text)}), encoding="utf-8")
    return reserved_texts("folder", str(folder), str(tmp_path / "cache"))


@pytest.mark.parametrize("save", [False, True])
def test_a_reserved_split_may_lack_an_emotion_or_every_label(tmp_path, save):
    splits = {split: [talk("Hi.", "Oh.")] for split in ("train", "validation")}
    own = write_folder(tmp_path / "own", {**splits, "test": [talk(*LINES, emotions=("love",))]})
    if save:
        splits = {path.stem: [json.loads(path.read_text(encoding="utf-8"))] for path in own.iterdir()}
        own = tmp_path / "saved"
        DatasetDict({split: Dataset.from_list(rows) for split, rows in splits.items()}).save_to_disk(own)
    options = DataOptions(emotions=["love", "fury"], emotion_map=["fury=rage"])
    reserved = reserved_texts("folder", str(own), str(tmp_path / "cache"), options)
    assert [[u["text"] for u in row["utterances"]] for row in reserved["test"]] == [list(LINES)]


def test_a_corpus_is_named_after_its_folder_if_pytorch_has_a_place_for_the_name(tmp_path):
    good = write_folder(tmp_path / "rate=1" / "talks", {"train": [talk("Hi.", "Oh.")]})
    assert corpus_and_folder(str(good)) == ("folder", str(good))
    assert corpus_and_folder("emorynlp=a=b") == ("emorynlp", "a=b")
    [corpus] = load_extra_corpora([str(good)], str(tmp_path / "cache"))
    assert corpus.name == "talks"
    for name in ("train", "keys", "training", "forward"):
        bad = write_folder(tmp_path / name, {"train": [talk("Hi.", "Oh.")]})
        with pytest.raises(ValueError, match=f"no place for a head named {name!r}: rename the folder"):
            load_extra_corpora([str(bad)], str(tmp_path / "cache"))
