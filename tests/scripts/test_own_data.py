# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A user's own tables, from the file to a trained and evaluated model; the model that `recognize` chooses."""

import json
import shutil
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.scripts import evaluate, train
from modeling_amuse.scripts.recognition.recognition import default_model
from modeling_amuse.scripts.training import default_text_model
from modeling_amuse.scripts.training.training_arguments import DataArguments, ModelArguments
from tests.small_models import small_model

WORDS = {"joy": "wonderful", "anger": "dreadful", "neutral": "table"}


@pytest.fixture
def talks(tmp_path):
    """A spreadsheet with 24 conversations and without splits."""
    emotions = np.random.default_rng(0).choice(list(WORDS), (24, 3))
    rows = [
        {"Conversation": n, "Turn": t, "Who": "AB"[t % 2], "Sentence": f"A {WORDS[e]} {t}.", "Feeling": e}
        for n, line in enumerate(emotions)
        for t, e in enumerate(line)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "talks.csv", index=False)
    return tmp_path / "talks.csv"


def run_training(talks, output, *more):
    given = ["--data_file", talks, "--output_dir", output, "--cache_dir", output.parent / "cache", *more]
    return train.main([*map(str, given), "--num_train_epochs", "1", "--hidden_size", "16", "--use_cpu"])


def test_a_stranger_s_table_trains_and_is_evaluated_without_another_option(
    talks, tmp_path, tiny_text_encoder, monkeypatch, capsys
):
    encoders = tmp_path / "encoders"
    encoders.mkdir()
    shutil.copytree(tiny_text_encoder[0], encoders / "all-MiniLM-L6-v2")
    monkeypatch.setenv("AMUSE_ENCODERS_DIR", str(encoders))
    record = run_training(talks, tmp_path / "mine", "--emotion_map", "anger=rage")
    printed = capsys.readouterr().out
    assert (
        "conversation from Conversation, order from Turn, speaker from Who, text from Sentence, label from Feeling"
        in printed
    )
    assert "divided 80/10/10 at random (--split_seed 42)" in printed
    assert "all-MiniLM-L6-v2, frozen" in printed
    assert record.encoders["text"] == "all-MiniLM-L6-v2" and record.settings["dataset_name"] == "folder"
    config = AmuseForEmotionRecognition.from_pretrained(tmp_path / "mine").config
    assert config.freeze_text_encoder and config.training_data == "folder"

    where = ["--model", tmp_path / "mine", "--data_file", talks, "--cache_dir", tmp_path / "cache", "--use_cpu"]
    where += ["--output", tmp_path / "r.json", "--no_pictures", "--num_resamples", "0", "--score_without", "neutral"]
    results = evaluate.main(list(map(str, where)))
    assert "Data options of the training: --emotion_map ['anger=rage']" in capsys.readouterr().out
    assert results["num_conversations"] == 2 and set(results["per_class"]) == {"neutral", "joy", "rage"}
    assert results["counted"]["uncounted"] == ["neutral"]


def test_without_the_encoder_a_small_one_is_trained_with_a_warning(talks, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AMUSE_ENCODERS_DIR", str(tmp_path))
    monkeypatch.setattr(default_text_model, "DEFAULT_TEXT_MODEL", "nobody/nothing")
    record = run_training(talks, tmp_path / "mine")
    printed, said = capsys.readouterr()
    [warning] = [line for line in printed.splitlines() if line.startswith("Warning")]
    assert warning.startswith("Warning: the text encoder nobody/nothing cannot be loaded (")
    assert "): a small one is trained from scratch" in warning and "http" not in said
    assert record.encoders["text"] is None
    run_training(talks, tmp_path / "asked", "--text_model", "scratch")
    assert "Warning" not in capsys.readouterr().out


def test_no_process_waits_for_the_one_that_cannot_load_the_encoder(tmp_path, monkeypatch):
    """accelerate's `main_process_first` lets the other processes go on only if its block ends without an exception."""
    monkeypatch.setenv("AMUSE_ENCODERS_DIR", str(tmp_path))
    monkeypatch.setattr(default_text_model, "DEFAULT_TEXT_MODEL", "nobody/nothing")
    left = []

    class State:
        print = staticmethod(print)

        @contextmanager
        def main_process_first(self):
            yield
            left.append("without an exception")

    data_args = DataArguments(data_file="talks.csv")
    default_text_model.choose_text_model(data_args, ModelArguments(), State())
    assert left == ["without an exception"]


def test_text_features_are_read_in_place_of_an_encoder(talks, tmp_path, capsys):
    frame = pd.read_csv(talks)
    ids = [f"{c}_{t}" for c, t in zip(frame["Conversation"], frame["Turn"], strict=True)]
    values = np.random.default_rng(0).normal(size=(len(ids), 2))
    pd.DataFrame({"id": [*ids, "more"], "r0": [*values[:, 0], 0], "label": 1, "r1": [*values[:, 1], 0]}).to_csv(
        tmp_path / "roberta.csv", index=False
    )
    run_training(talks, tmp_path / "mine", "--text_features", tmp_path / "roberta.csv")
    printed = capsys.readouterr().out
    assert "train: text: 60 of 60 utterances have features (2 features: r0, r1)" in printed
    config = AmuseForEmotionRecognition.from_pretrained(tmp_path / "mine").config
    assert config.text_config is None and config.text_feature_size == 2


def test_a_bad_label_of_validation_stops_before_the_training(talks, tmp_path):
    frame = pd.read_csv(talks)
    frame.assign(Feeling="smug").to_csv(tmp_path / "validation.csv", index=False)
    frame.to_csv(tmp_path / "train.csv", index=False)
    given = ["--train_file", tmp_path / "train.csv", "--validation_file", tmp_path / "validation.csv"]
    with pytest.raises(
        ValueError, match="of the validation split has the emotion 'smug', which no training utterance has"
    ):
        train.main([*map(str, given), "--output_dir", str(tmp_path / "mine"), "--use_cpu"])
    assert not (tmp_path / "mine").exists()


def test_the_model_of_a_recognition_that_names_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no model here: train one on MELD with `make meld`"):
        default_model()
    for name in ("amuse-sample", "amuse-meld"):
        (tmp_path / name).mkdir()
    (tmp_path / "amuse-sample/config.json").write_text("{}")
    assert default_model() == "amuse-sample" and "only on synthetic data" in capsys.readouterr().err
    (tmp_path / "amuse-meld/config.json").write_text("{}")
    assert default_model() == "amuse-meld" and capsys.readouterr().err == ""


@pytest.mark.parametrize(("learned_from", "warns"), [("sample", True), ("meld", False), (None, False)])
def test_the_pipeline_says_when_a_model_knows_made_up_conversations_alone(learned_from, warns, caplog, monkeypatch):
    from modeling_amuse import AmuseProcessor
    from modeling_amuse.pipeline_amuse import EmotionRecognitionPipeline, logger

    monkeypatch.setattr(logger, "propagate", True)
    model = small_model(training_data=learned_from)
    EmotionRecognitionPipeline(model=model, processor=AmuseProcessor(emotions=["a", "b", "c", "d"]))
    assert ("made-up conversations of few words" in caplog.text) == warns


def test_the_rendered_sample_corpus_is_known_by_its_folder(tmp_path, talks):
    from modeling_amuse.processing.corpora.load_conversations import load_conversations

    folder = tmp_path / "rendered"
    folder.mkdir()
    talk = {"utterances": [{"speaker": "A", "text": "x", "emotion": "joy"}]}
    (folder / "train.jsonl").write_text(json.dumps(talk))
    assert load_conversations("folder", str(folder), str(tmp_path / "cache")).name == "folder"
    (folder / "controlled_corpus.json").write_text("{}")
    assert load_conversations("folder", str(folder), str(tmp_path / "cache")).name == "sample"
