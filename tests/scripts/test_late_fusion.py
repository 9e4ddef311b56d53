"""Late fusion as a baseline, folds of conversations, and the report of a study with both."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file
from scipy.special import log_softmax, softmax
from sklearn.metrics import f1_score

from modeling_amuse.processing.evaluation.late_fusion import FusionSplit, late_fusion
from modeling_amuse.processing.evaluation.seed_comparison import SeedLosses, smallest_difference
from modeling_amuse.scripts import run_study
from modeling_amuse.scripts.study import study_description
from modeling_amuse.scripts.training import training_loop
from modeling_amuse.scripts.training.fold_data import divide, load_fold_data
from modeling_amuse.scripts.training.training_arguments import FoldArguments

EMOTIONS = ("anger", "fear", "joy")


def split(seed: int, number: int, strength: float, missing: float = 0.0) -> FusionSplit:
    """Predictions from weakly informative text, and features of two modalities with the given information about the label."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(3, size=number)
    text = softmax(generator.normal(0, 1, (number, 3)) + 0.8 * np.eye(3)[labels], axis=1)
    features = {}
    for name, size in (("audio", 4), ("vision", 5)):
        values = generator.normal(0, 1, (number, size)) * 7 + 3
        values[:, :3] += 7 * strength * np.eye(3)[labels]
        values[generator.random(number) < missing] = np.nan
        features[name] = values
    return FusionSplit(text, labels, features)


def loss(probabilities, labels) -> float:
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


def test_late_fusion_uses_what_the_modalities_tell():
    train, validation, test = (split(seed, 600, 1.0) for seed in range(3))
    [fused], chosen = late_fusion(train, validation, [test])
    assert fused.sum(axis=1) == pytest.approx(np.ones(600))
    assert loss(fused, test.labels) < loss(test.probabilities, test.labels) - 0.1
    assert (fused.argmax(axis=1) == test.labels).mean() > (
        test.probabilities.argmax(axis=1) == test.labels
    ).mean() + 0.05
    assert all(weight > 0 for weight in chosen["weights"])


def test_late_fusion_leaves_alone_what_tells_nothing():
    train, validation, test = (split(seed, 600, 0.0) for seed in range(3))
    [fused], _ = late_fusion(train, validation, [test])
    assert loss(fused, test.labels) < loss(test.probabilities, test.labels) + 0.02


def test_utterances_without_features_keep_the_prediction_of_the_text():
    train, validation, test = (split(seed, 400, 1.0, missing) for seed, missing in ((0, 0.3), (1, 0.3), (2, 1.0)))
    train.features["audio"][0, 1] = np.nan  # one empty cell does not make the modality missing
    [fused], chosen = late_fusion(train, validation, [test])
    expected = softmax(chosen["weights"][0] * log_softmax(np.log(test.probabilities), axis=1), axis=1)
    assert fused == pytest.approx(expected)


def test_losses_of_seeds_are_compared_on_the_same_conversations():
    generator = np.random.default_rng(0)
    labels, groups = generator.integers(3, size=300), np.repeat([f"c{n}" for n in range(60)], 5)

    def losses(strength: float) -> SeedLosses:
        logits = [generator.normal(0, 1, (300, 3)) + strength * np.eye(3)[labels] for _ in range(3)]
        return SeedLosses([(labels, softmax(each, axis=1), groups) for each in logits])

    good, bad, alike = losses(2.0), losses(1.0), losses(2.0)
    [(_, probabilities, _)] = [(labels, softmax(np.eye(3)[labels], axis=1), groups)]
    assert SeedLosses([(labels, probabilities, groups)]).mean() == pytest.approx(loss(probabilities, labels))
    found = good.difference(bad)
    assert found["verdict"] == "better" and found["interval"][1] < 0 and bad.difference(good)["verdict"] == "worse"
    assert found["difference"] == pytest.approx(good.mean() - bad.mean())
    undecided = good.difference(alike)
    assert undecided["verdict"] == "not significant"
    low, high = undecided["interval"]
    assert smallest_difference([low, high]) == pytest.approx((high - low) / 2) and smallest_difference(None) is None


def test_folds_of_conversations_hold_each_once():
    conversations = [
        {"id": str(n), "utterances": [{"id": f"{n}_0", "speaker": "A", "emotion": EMOTIONS[n % 3]}]} for n in range(23)
    ]
    extra = [{"id": "more", "utterances": [{"id": "more_0", "speaker": "B", "emotion": "joy"}]}]
    folds = divide(conversations, 5, "conversation", extra)
    for fold in folds:
        ids = {name: {c["id"] for c in rows} for name, rows in fold.items()}
        assert "more" in ids["train"] and not ids["validation"] & ids["test"]
        assert not ids["train"] & (ids["validation"] | ids["test"]) and sum(map(len, ids.values())) == 24
        assert len(ids["validation"]) in (4, 5)
    for name in ("validation", "test"):
        assert sorted(int(c["id"]) for fold in folds for c in fold[name]) == list(range(23))
    with pytest.raises(ValueError, match="--num_folds is 30, but there are only 23 conversations"):
        divide(conversations, 30, "conversation")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Conversations whose audio features determine the emotion, and a study of a late fusion. Both splits have the same ids."""
    generator = np.random.default_rng(0)
    for name, count in (("train", 4), ("validation", 12)):
        lines, rows = [], []
        for number in range(count):
            labels = np.arange(4) % 3
            lines.append(
                json.dumps(
                    {
                        "id": f"d{number}",
                        "utterances": [
                            {
                                "id": f"d{number}_{n}",
                                "speaker": "AB"[n % 2],
                                "text": "well so",
                                "emotion": EMOTIONS[label],
                            }
                            for n, label in enumerate(labels)
                        ],
                    }
                )
            )
            values = generator.normal(0, 0.5, (4, 3)) + 2 * np.eye(3)[labels]
            rows += [
                {"utterance_id": f"d{number}_{n}", **dict(zip(("f0", "f1", "f2"), row, strict=True))}
                for n, row in enumerate(values)
            ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        (tmp_path / "tables").mkdir(exist_ok=True)
        pd.DataFrame(rows).to_csv(tmp_path / "tables" / f"{name}.csv", index=False)
    (tmp_path / "studies" / "data").mkdir(parents=True)
    settings = {"dataset_name": "folder", "data_dir": "MINE", "audio_features": "TABLES", "num_train_epochs": 1}
    settings |= {
        "hidden_size": 8,
        "num_man_layers": 1,
        "per_device_train_batch_size": 4,
        "modalities": ["text", "audio"],
    }
    folds = {"num_folds": 3, "folds_by": "conversation", "folds_of": "validation", "folds_extra": "train"}
    data = {"about": "a few", **folds, "settings": settings}
    (tmp_path / "studies" / "data" / "mine.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    study = {"question": "?", "data": ["mine"], "seeds": [1, 2, 3], "baseline": "text"}
    study["variants"] = {"text": {"modalities": ["text"]}, "late fusion": {"late_fusion": True}}
    (tmp_path / "studies" / "fused.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    monkeypatch.setattr(study_description, "FOLDER", tmp_path / "studies")
    return tmp_path


def test_a_split_is_divided_and_another_one_is_added(home):
    options = {"dataset_name": "folder", "data_dir": str(home), "cache_dir": str(home / "cache")}
    args = FoldArguments(num_folds=3, folds_by="conversation", folds_of="validation", folds_extra="train")
    data = load_fold_data(args, {**options, "audio_features": str(home / "tables")})
    assert len(data.conversations) == 12 and len(data.extra) == 4
    features, record = data.features["audio"]
    assert record is None and len(features) == 64 and "train_d0_0" in features and "validation_d0_0" in features
    assert not np.array_equal(features["train_d0_0"], features["validation_d0_0"])
    assert data.extra[0]["utterances"][0]["id"] == "train_d0_0"
    table = pd.read_csv(home / "tables" / "train.csv")
    table[["utterance_id", "f2", "f0", "f1"]].to_csv(home / "tables" / "train.csv", index=False)
    again = load_fold_data(args, {**options, "audio_features": str(home / "tables")}).features["audio"][0]
    assert all(np.array_equal(again[name], features[name]) for name in features)
    table.rename(columns={"f0": "pitch"}).to_csv(home / "tables" / "train.csv", index=False)
    with pytest.raises(ValueError, match="The audio features of the train split: the names of the features differ"):
        load_fold_data(args, {**options, "audio_features": str(home / "tables")})
    table.to_csv(home / "tables" / "train.csv", index=False)
    # the file belongs to the split that is divided, and the added conversations lack the modality
    data = load_fold_data(args, {**options, "vision_features": str(home / "tables" / "validation.csv")})
    assert all(name.startswith("validation_") for name in data.features["vision"][0])
    with pytest.raises(ValueError, match="--folds_extra validation is the split that --folds_of divides"):
        load_fold_data(FoldArguments(folds_of="validation", folds_extra="validation"), options)
    with pytest.raises(ValueError, match="give that one as --folds_of"):
        load_fold_data(FoldArguments(folds_extra="train"), options)


def test_a_study_compares_with_late_fusion(home):
    where = ["--set", f"data_dir={home}", f"audio_features={home / 'tables'}", "use_cpu=true"]
    folders = ["--output_dir", str(home / "out"), "--cache_dir", str(home / "cache")]
    parts = home / "parts.csv"
    ids = [f"d{number}_{n}" for number in range(12) for n in range(4)]
    lines = [f"validation,{name},{'voted' if name.endswith(('0', '1')) else 'relabelled'}" for name in ids]
    parts.write_text("\n".join(["split,utterance_id,part", *lines]), encoding="utf-8")
    trial = ["--trial", "--seeds", "1", "--parts", str(parts)]
    report = run_study.main(["fused", *folders, *where, *trial])["mine"]
    frame = report.frame.set_index("variant")
    assert frame.loc["late fusion", "test_num_utterances"] == 48 and frame["training"].nunique() == 1
    assert frame.loc["late fusion", "test_accuracy"] > 0.8 > frame.loc["text", "test_accuracy"]
    [text, fused] = [report.losses[group].mean() for group in report.groups]
    assert fused == pytest.approx(frame.loc["late fusion", "test_negative_log_likelihood"]) and fused < text - 0.2
    said = report.markdown()
    assert f"| late fusion | {fused:.4f} | {fused - text:+.4f} |" in said and "of 12 conversations" in said
    rows = report.predictions[1]
    rows = rows[rows["utterance"].str.endswith(("0", "1"))]
    score = f1_score(rows["emotion"], rows["prediction"], average="weighted")
    assert "| voted | 24 | " in said and f" | {score:.4f} (" in said
    assert "More than half of the people who only read the text chose the label of the utterances in `voted`" in said


def test_variants_that_differ_in_their_experts_share_the_epochs(home, monkeypatch):
    study = yaml.safe_load((home / "studies" / "fused.yaml").read_text(encoding="utf-8"))
    of_text = {"experts": "constant", "conversation_modalities": ["text"]}
    study["baseline"] = "plain"
    study["variants"] = {
        "plain": {"experts": "none"},
        "experts": {"experts": "constant"},
        "separate": {"experts": "constant", "separate_expert_weights": True},
        "of text": of_text,
        "of text, separate": {**of_text, "separate_expert_weights": True},
    }
    (home / "studies" / "shared.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    epochs, original = [], training_loop.train_epoch
    monkeypatch.setattr(training_loop, "train_epoch", lambda *args: epochs.append(args[-1]) or original(*args))
    where = ["--set", f"data_dir={home}", f"audio_features={home / 'tables'}", "use_cpu=true", "--validation_only"]
    where += ["--cache_dir", str(home / "cache"), "--trial", "--seeds", "1"]
    shared = run_study.main(["shared", "--output_dir", str(home / "out"), *where])["mine"]
    assert len(epochs) == 6  # twice for the three folds: what the conversation reads makes other epochs
    alone = run_study.main(["shared", "--output_dir", str(home / "other"), *where, "--variants", "experts"])["mine"]
    assert len(epochs) == 9
    [first] = [
        p for p, variant in zip(shared.predictions, shared.frame["variant"], strict=True) if variant == "experts"
    ]
    assert first.equals(alone.predictions[0])
    assert len({frame.to_json() for frame in shared.predictions}) == 5


def test_seeds_are_drawn_together_where_the_epochs_are_the_same(home):
    study = yaml.safe_load((home / "studies" / "fused.yaml").read_text(encoding="utf-8"))
    study["variants"] = {
        "text": {"modalities": ["text"], "experts": "none"},
        "text with its expert": {"modalities": ["text"], "experts": "constant"},
        "text in the conversation term": {"experts": "constant", "conversation_modalities": ["text"]},
        "late fusion": {"late_fusion": True, "experts": "constant"},
        "all": {"experts": "none"},
        "all with experts": {"experts": "constant"},
    }
    (home / "studies" / "epochs.yaml").write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")
    where = ["--set", f"data_dir={home}", f"audio_features={home / 'tables'}", "use_cpu=true", "--validation_only"]
    where += ["--cache_dir", str(home / "cache"), "--trial", "--seeds", "1", "2", "--output_dir", str(home / "out")]
    report = run_study.main(["epochs", *where])["mine"]
    epochs = report.frame.groupby("variant", sort=False)["epochs"].agg(tuple)
    assert (epochs.loc["text":"late fusion"] == epochs["text"]).all() and epochs["text"][0] != epochs["text"][1]
    assert epochs["all"] == epochs["all with experts"] != epochs["text"]
    # the weights show that the epochs are the same
    folders = dict(zip(report.frame["variant"], report.frame["training"], strict=True))
    weights = {
        variant: load_file(home / "out" / "trainings" / folder / "folds" / "fold-1" / "model" / "model.safetensors")
        for variant, folder in folders.items()
    }
    alone, read_by_an_expert = weights["text"], weights["text in the conversation term"]
    assert len(alone) > 10 and all(torch.equal(alone[name], read_by_an_expert[name]) for name in alone)
    # as both sides have the same seeds, their difference has the interval of the pairs
    losses = {group[0]: scores for group, scores in report.losses.items()}
    assert losses["text"].difference(losses["text"])["interval"] == [0.0, 0.0]
