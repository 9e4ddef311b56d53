"""Honest scores: which commands open the test split, which encoders were trained on it, and additional scores."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.described_utterance import describe_utterance
from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.meld import EMOTIONS as MELD_EMOTIONS
from modeling_amuse.processing.corpora.ravdess import FILE, Ravdess
from modeling_amuse.processing.evaluation.contaminated_encoders import contamination
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance, DisturbedConversations
from modeling_amuse.processing.evaluation.emotion_metric import weighted_f1_interval
from modeling_amuse.processing.evaluation.temperature_scaling import (
    at_temperature,
    fit_temperature,
    negative_log_likelihood,
)
from modeling_amuse.processing.evaluation.unclear_threshold import choose_threshold, describe_threshold
from modeling_amuse.processing.evaluation.unseen_subsets import unseen_subsets
from modeling_amuse.scripts import calibrate, evaluate, train
from modeling_amuse.scripts.training.fold_data import divide
from modeling_amuse.scripts.training.training_data import drawn_conversations
from tests.small_models import random_batch, small_model

HEADER = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"


def small_meld(folder, splits=("train", "dev", "test")):
    """MELD's files with a few invented utterances. All splits have the same ones, and the test split has one more."""
    said = [("Ada", "Oh no!", "fear"), ("Ben", "What is it?", "neutral"), ("Ada", "I am so happy.", "joy")]
    for split in splits:
        lines = [HEADER]
        for dialogue in range(3):
            rows = [*said, ("Cleo", "Leave me alone, Ben", "anger")] if split == "test" else said
            for number, (speaker, text, emotion) in enumerate(rows):
                lines.append(f'1,"{text}",{speaker},{emotion},x,{dialogue},{number},1,1,"00:00:01,000","00:00:02,000"')
        (folder / f"{split}_sent_emo.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def small_training(data_dir, output_dir, name="meld") -> list[str]:
    cache = ["--cache_dir", str(output_dir.parent / "cache"), "--hidden_size", "8", "--use_cpu"]
    model = ["--num_train_epochs", "1", "--num_man_layers", "1", "--output_dir", str(output_dir)]
    return ["--dataset_name", name, "--data_dir", str(data_dir), *model, *cache]


def test_training_needs_no_test_split_and_evaluation_opens_it_on_demand_alone(tmp_path):
    data, model = small_meld(tmp_path, ("train", "dev")), tmp_path / "model"
    (data / "test_sent_emo.csv").mkdir()  # opening it fails
    train.main(small_training(data, model))
    (data / "test_sent_emo.csv").rmdir()
    where = ["--model", str(model), "--dataset_name", "meld", "--data_dir", str(data), "--num_resamples", "20"]
    where += ["--cache_dir", str(tmp_path / "cache"), "--use_cpu", "--pictures", "False"]
    where += ["--output", str(tmp_path / "results.json")]
    evaluate.main([*where, "--split", "validation"])
    with pytest.raises(FileNotFoundError, match="lacks test_sent_emo.csv. Get the CSV files of MELD"):
        evaluate.main(where)

    small_meld(tmp_path)
    predictions = tmp_path / "predictions.parquet"
    results = evaluate.main([*where, "--predictions", str(predictions)])
    assert results["num_utterances"] == 12
    assert {name: subset["num_utterances"] for name, subset in results["unseen"].items()} == {
        "unseen_speakers": 3,
        "unseen_texts": 3,
    }
    frame = pd.read_parquet(predictions)
    assert len(frame) == 12 and frame["speaker"].tolist()[3] == "Cleo" and frame["utterance"][3] == "dia0_utt3"
    assert (frame["emotion"] == frame["prediction"]).mean() == pytest.approx(results["accuracy"])
    # the interval resamples whole conversations
    columns = [f"probability_{emotion}" for emotion in load_conversations("meld", str(data), str(tmp_path)).emotions]
    numbers = {emotion: number for number, emotion in enumerate(MELD_EMOTIONS)}
    drawn = weighted_f1_interval(
        *(frame[name].map(numbers).to_numpy() for name in ("emotion", "prediction")),
        np.unique(frame["conversation"], return_inverse=True)[1],
        num_labels=len(numbers),
        num_resamples=20,
    )
    assert results["num_conversations"] == 3 and results["weighted_f1_interval"] == pytest.approx(drawn)
    rows = frame[frame["speaker"] == "Cleo"]
    accuracy = (rows["emotion"] == rows["prediction"]).mean()
    assert results["unseen"]["unseen_speakers"]["accuracy"] == pytest.approx(accuracy)
    assert frame[columns].sum(axis=1).to_numpy() == pytest.approx(np.ones(12))
    disturbed = tmp_path / "disturbed.parquet"
    missing = evaluate.main([*where, "--missing_rate", "1", "--predictions", str(disturbed)])
    assert missing["disturbance"]["missing_rate"] == 1
    without, wordless = (scores[columns].to_numpy() for scores in (frame, pd.read_parquet(disturbed)))
    assert np.abs(without - wordless).max() > 1e-4
    with pytest.raises(ValueError, match="--feature_noise needs features of text"):
        evaluate.main([*where, "--feature_noise", "1"])
    with pytest.raises(
        ValueError, match="--disturbed_modalities chooses what --missing_rate or --feature_noise disturbs"
    ):
        evaluate.main([*where, "--disturbed_modalities", "text"])
    with pytest.raises(ValueError, match="--disturbed_modalities has audio, which is not used here: choose from text"):
        evaluate.main([*where, "--missing_rate", "0.5", "--disturbed_modalities", "audio"])


def test_only_the_wanted_splits_are_read(tmp_path):
    lines = (SAMPLE_DIR / "train.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "train.jsonl").write_text(lines[0], encoding="utf-8")
    (tmp_path / "test.jsonl").write_text("no JSON", encoding="utf-8")
    data = load_conversations("folder", str(tmp_path), str(tmp_path / "cache"), ("train", "validation"))
    assert list(data.splits) == list(data.report) == ["train"]
    with pytest.raises(ValueError, match="is not JSON"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"))
    with pytest.raises(ValueError, match="has no validation split"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"), ["validation"])


@pytest.mark.parametrize(
    ("folder", "config", "warning"),
    [
        ("emoberta-base", {}, "emoberta-base was trained on MELD and IEMOCAP"),
        (
            "models--emotion2vec--emotion2vec_plus_large/snapshots/0a1b",
            {},
            "emotion2vec_plus_large was trained on speech",
        ),
        (
            "mine",
            {"_name_or_path": "j-hartmann/emotion-english-distilroberta-base"},
            "was trained on MELD among others",
        ),
        (
            "mine",
            {"id2label": {"0": "anger", "1": "joy", "2": "Sadness"}},
            r"mine is part of an emotion classifier \(",
        ),
        ("iemocap/all-MiniLM-L6-v2", {"id2label": {"0": "LABEL_0"}}, None),
        ("all-mpnet-base-v2", {"_name_or_path": "microsoft/mpnet-base"}, None),
    ],
)
def test_encoders_that_know_the_data_are_named(tmp_path, folder, config, warning):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "config.json").write_text(json.dumps({"model_type": "bert", **config}))
    said = contamination(str(tmp_path / folder))
    if warning is None:
        assert said is None
    else:
        assert re.search(warning, said)


def test_training_and_evaluation_warn_and_share_the_states_of_a_frozen_encoder(tmp_path, tiny_text_encoder, capsys):
    (tmp_path / "emoberta-tiny").symlink_to(tiny_text_encoder[0])
    encoder = ["--text_model", str(tmp_path / "emoberta-tiny"), "--freeze_text_model"]
    train.main([*small_training(small_meld(tmp_path), tmp_path / "model"), *encoder])
    history = json.loads((tmp_path / "model" / "training_history.json").read_text())
    [kept] = history["warnings"]
    assert "emoberta-tiny was trained on MELD" in kept and f"Warning: {kept}" in capsys.readouterr().out

    cached = sorted((tmp_path / "cache").rglob("*generator*.arrow"))
    where = ["--model", str(tmp_path / "model"), "--dataset_name", "meld", "--data_dir", str(tmp_path), "--use_cpu"]
    where += ["--cache_dir", str(tmp_path / "cache"), "--output", str(tmp_path / "results.json"), "--pictures", "False"]
    results = evaluate.main([*where, "--split", "validation", "--num_resamples", "0"])
    assert results["warnings"] == [kept] and f"Warning: {kept}" in capsys.readouterr().out
    # the evaluation uses the states that the training cached
    assert cached and sorted((tmp_path / "cache").rglob("*generator*.arrow")) == cached
    assert results["weighted_f1"] == pytest.approx(history["best_weighted_f1"], abs=1e-9)
    dropped = evaluate.main([*where, "--word_drop_rate", "1", "--num_resamples", "0"])
    assert np.count_nonzero(np.sum(dropped["confusion_matrix"], axis=0)) < 3


def utterances(*said) -> list[dict]:
    return [{"id": "c", "utterances": [{"speaker": speaker, "text": text} for speaker, text in said]}]


def test_unseen_speakers_and_texts():
    training = utterances(("Ada", "Don’t you dare!"), ("Ben", "Yeah."), ("Ben", None), ("Ben", "..."))
    split = utterances(
        ("Ada", "don't  YOU dare"), ("Cleo", "Yeah!!"), ("Ben", "Yeah yeah"), ("Cleo", None), ("Ada", "…")
    )
    subsets = unseen_subsets(split, training)
    assert subsets["unseen_speakers"].tolist() == [False, True, False, True, False]
    assert subsets["unseen_texts"].tolist() == [False, False, True, False, False]
    assert list(unseen_subsets(utterances(("Ada", None)), training)) == ["unseen_speakers"]


def test_fewer_training_conversations_are_part_of_more():
    few, more, all_of_them = (drawn_conversations(40, fraction, 7) for fraction in (0.1, 0.5, 1.0))
    assert len(few) == 4 and len(more) == 20 and set(few) < set(more) and all_of_them == list(range(40))
    assert drawn_conversations(40, 0.001, 7) == few[:0] + drawn_conversations(40, 0.02, 7)
    assert drawn_conversations(40, 0.5, 8) != more == sorted(more)
    with pytest.raises(ValueError, match="--train_fraction must be more than 0 and at most 1, but is 0"):
        drawn_conversations(40, 0, 7)


def test_a_share_of_the_conversations_is_all_that_a_training_sees(tmp_path, capsys):
    rows = [
        {
            "id": f"c{n}",
            "utterances": [{"id": f"u{n}", "speaker": "A", "audio_features": [[float(n), 1.0]], "emotion": e}],
        }
        for n, e in enumerate(["joy", "fear"] * 5)
    ]
    for split in ("train", "validation"):
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = [*small_training(tmp_path, tmp_path / "model", "folder"), "--modalities", "audio", "--seed", "3"]
    train.main([*arguments, "--train_fraction", "0.3"])
    assert "train: 3 of 10 conversations are used for training" in capsys.readouterr().out
    mean = AmuseProcessor.from_pretrained(tmp_path / "model").feature_statistics["audio"]["mean"][0]
    assert mean == pytest.approx(np.mean(drawn_conversations(10, 0.3, 3)))


def disturbed(seed=0, **rates) -> list[dict]:
    said = [f"one two three four five {n}" for n in range(200)]
    rows = [{"id": "c", "utterances": [{"id": str(n), "speaker": "A", "text": t} for n, t in enumerate(said)]}]

    class Rows(list):
        def to_list(self):
            return list(self)

    table = FeatureTable([str(n) for n in range(200)], np.zeros((200, 2), np.float32), np.ones(200, int))
    deviations = {"audio": [1.0, 10.0]} if rates.get("feature_noise") else {}
    dataset = DisturbedConversations(Rows(rows), {"audio": table}, Disturbance(seed=seed, **rates), deviations)
    return dataset[0]["utterances"]


def lacking(utterances: list[dict], key: str) -> set[int]:
    return {u["index"] for u in utterances if key not in u}


def test_what_is_missing_at_a_rate_is_missing_at_a_higher_one():
    few, many = disturbed(missing_rate=0.3), disturbed(missing_rate=0.6)
    for key in ("text", "audio_features"):
        assert 40 < len(lacking(few, key)) < 80 < len(lacking(many, key)) and lacking(few, key) < lacking(many, key)
    assert lacking(few, "text") != lacking(few, "audio_features")
    assert lacking(disturbed(missing_rate=0.3, seed=1), "text") != lacking(few, "text")
    alone = disturbed(missing_rate=0.3, modalities=("audio",))
    assert not lacking(alone, "text") and lacking(alone, "audio_features") == lacking(few, "audio_features")
    assert lacking(disturbed(missing_rate=1.0), "text") == set(range(200))


def test_words_are_dropped_and_features_disturbed():
    texts = [u["text"].split() for u in disturbed(word_drop_rate=0.25)]
    assert 850 < sum(map(len, texts)) < 950  # of 1200
    assert all(
        words == [w for w in ("one two three four five " + str(n)).split() if w in words]
        for n, words in enumerate(texts)
    )
    assert all(u["text"] == "" for u in disturbed(word_drop_rate=1.0))
    noise = np.concatenate([u["audio_features"] for u in disturbed(feature_noise=0.5)])
    assert noise.std(axis=0) == pytest.approx([0.5, 5.0], rel=0.15) and noise.mean(axis=0) == pytest.approx(
        [0, 0], abs=1
    )
    assert np.array_equal(noise, np.concatenate([u["audio_features"] for u in disturbed(feature_noise=0.5)]))
    with pytest.raises(ValueError, match="missing_rate must be from 0 to 1, but is 1.5"):
        Disturbance(missing_rate=1.5)
    with pytest.raises(ValueError, match="feature_noise must be 0 or more"):
        Disturbance(feature_noise=-1)


def test_the_temperature_that_was_put_in_is_found():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (4000, 5))
    labels = np.array([generator.choice(5, p=p) for p in softmax(logits, axis=1)])
    overconfident = softmax(logits * 3, axis=1)
    temperature = fit_temperature(overconfident, labels)
    assert temperature == pytest.approx(3, rel=0.06)
    scaled = at_temperature(overconfident, temperature)
    assert np.array_equal(scaled.argmax(axis=1), overconfident.argmax(axis=1))
    assert at_temperature(scaled, 1 / temperature) == pytest.approx(overconfident)
    likelihoods = [
        negative_log_likelihood(overconfident, labels, t) for t in (temperature, 0.95 * temperature, 1.05 * temperature)
    ]
    assert min(likelihoods) == likelihoods[0]
    with pytest.raises(
        ValueError, match="The loss on these 5 utterances has no minimum at a temperature from 0.05 to 20"
    ):
        fit_temperature(np.eye(5) * 0.9 + 0.02, np.arange(5))
    with pytest.raises(ValueError, match="no labelled utterance"):
        fit_temperature(np.zeros((0, 5)), np.zeros(0, int))


def test_calibration_changes_two_numbers_and_what_reads_it(tmp_path, capsys):
    data, model = small_meld(tmp_path), tmp_path / "model"
    train.main(small_training(data, model))
    where = [
        "--model",
        str(model),
        "--dataset_name",
        "meld",
        "--data_dir",
        str(data),
        "--cache_dir",
        str(tmp_path / "cache"),
    ]
    before = {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
    found = calibrate.main([*where, "--use_cpu"])
    again = calibrate.main([*where, "--use_cpu"])  # it starts from the uncalibrated model
    assert again["temperature"] == pytest.approx(found["temperature"]) and found["temperature"] != 1
    assert found["after"]["negative_log_likelihood"] < found["before"]["negative_log_likelihood"]
    changed = {name for name, contents in before.items() if (model / name).read_bytes() != contents}
    assert changed == {"config.json"}
    old, new = json.loads(before["config.json"]), json.loads((model / "config.json").read_text())
    chosen = ("temperature", "unclear_below")
    assert {name: value for name, value in new.items() if name not in chosen} == {
        name: value for name, value in old.items() if name not in chosen
    }
    assert new["unclear_below"] == found["unclear_below"]
    assert AmuseForEmotionRecognition.from_pretrained(model).config.temperature == found["temperature"]

    output = ["--output", str(tmp_path / "results.json"), "--split", "validation", "--use_cpu", "--pictures", "False"]
    results = evaluate.main([*where, *output, "--num_resamples", "0"])
    assert results["temperature"] == found["temperature"]
    for name, key in (("before", "calibration_error_without_temperature"), ("after", "expected_calibration_error")):
        assert results[key] == pytest.approx(found[name]["expected_calibration_error"], abs=1e-6)
    with pytest.raises(FileNotFoundError, match="is not the folder of a model"):
        calibrate.main(["--model", str(tmp_path / "nowhere"), *where[2:]])


@pytest.mark.parametrize("turning_point", [0.35, 0.5, 0.8])
def test_the_threshold_parts_what_is_mostly_wrong_from_what_is_mostly_right(turning_point):
    generator = np.random.default_rng(0)
    confidences = generator.uniform(0.3, 1, 4000)
    right = generator.random(4000) < np.where(confidences < turning_point, 0.3, 0.8)
    scores = np.stack([confidences, *[(1 - confidences) / 4] * 4], axis=1)
    threshold = choose_threshold(scores, np.where(right, 0, 1))
    assert threshold == pytest.approx(turning_point, abs=0.02)
    sentence = describe_threshold(threshold, scores, np.where(right, 0, 1))
    assert f"below {threshold:.4f} are called unclear" in sentence
    assert choose_threshold(scores, np.zeros(4000, int)) == 0.0 and choose_threshold(scores, np.ones(4000, int)) == 1.0
    assert choose_threshold(scores[:10], np.zeros(10, int)) is None


def test_the_temperature_shapes_the_confidence_of_an_utterance_and_is_saved(tmp_path):
    logits, present = torch.tensor([2.0, 0.0, -1.0]), torch.tensor([True])
    names = {0: "joy", 1: "fear", 2: "anger"}
    given = ({"speaker": "A"}, names, ("text",), logits, logits[None], present, torch.ones(1))
    plain, warm = describe_utterance(*given), describe_utterance(*given, temperature=2.0)
    assert warm["confidence"] == pytest.approx(float((logits / 2).softmax(-1)[0]))
    assert plain["confidence"] == pytest.approx(float(logits.softmax(-1)[0]))
    assert warm["modalities"] == plain["modalities"]
    AmuseConfig(text_feature_size=4, temperature=1.7).save_pretrained(tmp_path)
    assert AmuseConfig.from_pretrained(tmp_path).temperature == 1.7
    with pytest.raises(ValueError, match="temperature must be more than 0, but is 0"):
        AmuseConfig(text_feature_size=4, temperature=0)


def ravdess_file(folder, **changes):
    """A file as published, in which four actors speak two emotions twice."""
    names = [f"03-01-{e:02}-01-01-{r:02}-{a:02}" for a in range(1, 5) for e in (3, 5) for r in (1, 2)]
    columns = {
        "name": np.array(names),
        "emotion": np.array([int(name.split("-")[2]) for name in names]),
        "actor": np.array([int(name.split("-")[6]) for name in names]),
        "visual": np.arange(len(names) * 3, dtype=np.float32).reshape(-1, 3),
        "audio": np.ones((len(names), 2), dtype=np.float32),
    }
    np.savez(folder / FILE, **{**columns, **changes})
    return columns


def test_ravdess(tmp_path):
    ravdess_file(tmp_path)
    data = load_conversations("ravdess", str(tmp_path), str(tmp_path / "cache"))
    rows = data.splits["train"].to_list()
    [utterance] = rows[2]["utterances"]
    assert (utterance["id"], utterance["speaker"], utterance["emotion"]) == ("03-01-05-01-01-01-01", "01", "anger")
    assert utterance["vision_features"] == [[6.0, 7.0, 8.0]] and utterance["audio_features"] == [[1.0, 1.0]]
    assert utterance["text"] is None and data.emotions[2] == "happiness"
    folds = divide(rows, 4)
    tested = [{u["speaker"] for c in fold["test"] for u in c["utterances"]} for fold in folds]
    assert sorted(map(sorted, tested)) == [["01"], ["02"], ["03"], ["04"]]
    ravdess_file(tmp_path, actor=np.arange(16))
    with pytest.raises(ValueError, match="the clip 03-01-03-01-01-01-01 has the emotion 3 and the actor 0"):
        Ravdess.read(tmp_path / FILE, "train")
    ravdess_file(tmp_path, actor=np.array([{}] * 16))
    with pytest.raises(ValueError, match="cannot be read .*allow_pickle"):
        Ravdess.read(tmp_path / FILE, "train")
    with pytest.raises(FileNotFoundError, match=f"lacks {FILE}. Give the folder"):
        load_conversations("ravdess", str(tmp_path / "nowhere"), str(tmp_path / "cache"))


@pytest.mark.parametrize("layers", [0, 1])
def test_without_man_layers_no_modality_reads_another(layers):
    model, batch = small_model(num_man_layers=layers), random_batch()
    louder = {**batch, "audio_features": batch["audio_features"] * 3}
    with torch.no_grad():
        plain, changed = (model(**given).modality_descriptors[:, :, 0] for given in (batch, louder))
    assert torch.equal(plain, changed) == (layers == 0)
