"""scripts/distil.py: the teachers of the folds, their predictions, and the student."""

import json

import numpy as np
import pandas as pd
import pytest

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels
from modeling_amuse.scripts import distil
from modeling_amuse.scripts.training import cross_validation
from modeling_amuse.scripts.training.distillation import teacher_table

EMOTIONS = ("anger", "joy")


@pytest.fixture
def data(tmp_path):
    """Conversations whose audio features determine the emotion. Two conversations are a scene."""
    generator = np.random.default_rng(0)
    rows, scenes = {"train": [], "validation": []}, ["utterance_id,scene"]
    for split, count in (("train", 8), ("validation", 3)):
        for number in range(count):
            labels = generator.integers(2, size=4)
            features = generator.normal(0, 0.3, (4, 3)) + 2 * np.eye(3)[labels]
            talk = [
                {"speaker": "A", "audio_features": feature.tolist(), "emotion": EMOTIONS[label]}
                for feature, label in zip(features, labels, strict=True)
            ]
            rows[split].append(json.dumps({"id": f"{split}{number}", "utterances": talk}))
            if split == "train":
                scenes.append(f"train{number}_0,{number // 2}")
        (tmp_path / f"{split}.jsonl").write_text("\n".join(rows[split]), encoding="utf-8")
    (tmp_path / "scenes.csv").write_text("\n".join(scenes), encoding="utf-8")
    return tmp_path


def test_a_student_learns_what_teachers_say_of_utterances_they_have_not_seen(data, monkeypatch):
    seen, original = [], cross_validation.train

    def counted(data_args, model_args, args):
        seen.append((args.seed, data_args.data_dir))
        return original(data_args, model_args, args)

    monkeypatch.setattr(cross_validation, "train", counted)
    output = data / "out"
    asked = ["--dataset_name", "folder", "--data_dir", data, "--cache_dir", data / "cache", "--modalities", "audio"]
    asked += [
        "--hidden_size",
        8,
        "--num_man_layers",
        0,
        "--num_train_epochs",
        2,
        "--learning_rate",
        0.02,
        "--use_cpu",
        True,
    ]
    asked += ["--groups", data / "scenes.csv", "--num_folds", 2, "--teacher_seeds", 1, 2, "--output_dir", output]
    record = distil.main(list(map(str, asked)))
    assert [seed for seed, _ in seen] == [1, 1, 2, 2] and record.epoch == 2
    (output / "student" / "training_history.json").unlink()  # as if the student's training had been stopped at its end
    again = distil.main(list(map(str, asked)))
    assert len(seen) == 4 and again.history == record.history
    table = read_soft_labels(output / "teacher.parquet", EMOTIONS)
    assert sorted(table) == sorted(f"train{number}_{position}" for number in range(8) for position in range(4))
    for seed in (1, 2):
        for fold in (1, 2):
            folder = output / "teachers" / f"seed-{seed}" / f"fold-{fold}"
            trained = {json.loads(line)["id"] for line in (folder / "conversations" / "train.jsonl").open()}
            predicted = set(pd.read_parquet(folder / "test_predictions.parquet")["conversation"])
            assert predicted and not trained & predicted
    assert AmuseForEmotionRecognition.from_pretrained(output / "student").config.num_labels == 2
    share = data / "share"
    votes = ["utterance_id,anger,joy", *(f"train{number}_0,4,1" for number in range(8))]
    (data / "votes.csv").write_text("\n".join(votes), encoding="utf-8")
    given = ["--train_fraction", "0.5", "--soft_labels", str(data / "votes.csv"), "--output_dir", str(share)]
    assert distil.main([*map(str, asked), *given]).epoch == 2
    drawn = {json.loads(line)["id"] for line in (share / "drawn" / "train.jsonl").open()}
    seen_by_teachers = {
        json.loads(line)["id"]
        for path in share.glob("teachers/*/fold-*/conversations/train.jsonl")
        for line in path.open()
    }
    assert len(drawn) == 4 and seen_by_teachers == drawn
    assert {row.split("_")[0] for row in read_soft_labels(share / "teacher.parquet", EMOTIONS)} == drawn
    with pytest.raises(ValueError, match="--train_fraction 0.1 draws no training conversation that shows"):
        distil.main([*map(str, asked), "--train_fraction", "0.1", "--seed", "3", "--output_dir", str(data / "tiny")])
    encoders = []
    monkeypatch.setattr(cross_validation, "choose_text_model", lambda _, args, __: encoders.append(args.text_model))
    distil.main([*map(str, asked), "--text_model", "scratch", "--output_dir", str(data / "again")])
    assert encoders == ["scratch", "scratch"]  # no seed's choice is left for the next one
    with pytest.raises(ValueError, match="has a seed twice"):
        distil.main([*map(str, asked), "--teacher_seeds", "1", "1"])


def test_the_table_of_teachers_needs_each_utterance_once_from_each():
    frame = pd.DataFrame({"conversation": ["a", "b"], "utterance": ["u", "v"], "probability_joy": [0.2, 0.6]})
    frame["probability_anger"] = 1 - frame["probability_joy"]
    other = frame.assign(probability_joy=[0.4, 0.8], probability_anger=[0.6, 0.2])
    table = teacher_table([frame, other.iloc[::-1]], EMOTIONS)
    assert table["utterance_id"].tolist() == ["u", "v"]
    np.testing.assert_allclose(table["joy"], [0.3, 0.7])
    with pytest.raises(ValueError, match="'u' occurs more than once in the training split"):
        teacher_table([frame.assign(utterance="u")], EMOTIONS)
    with pytest.raises(ValueError, match="different utterances or emotions"):
        teacher_table([frame, frame.iloc[:1]], EMOTIONS)
    more = teacher_table([frame, other], ("fear", *EMOTIONS))  # an emotion that no teacher knows
    assert list(more) == ["utterance_id", "fear", "anger", "joy"] and more["fear"].tolist() == [0.0, 0.0]
    assert more[table.columns].equals(table)


@pytest.mark.parametrize("share", ["1.0", "0.75"])
def test_an_emotion_that_no_training_utterance_shows_does_not_stop_a_distillation(data, share):
    # the emotions of the sample corpus are fixed, of which these conversations show two
    asked = ["--dataset_name", "sample", "--data_dir", data, "--cache_dir", data / "cache", "--modalities", "audio"]
    asked += ["--hidden_size", 8, "--num_man_layers", 0, "--experts", "none", "--soft_label_weight", 0.7]
    asked += ["--num_train_epochs", 1, "--use_cpu", True, "--train_fraction", share, "--output_dir", data / "out"]
    asked += ["--groups", data / "scenes.csv", "--num_folds", 2, "--teacher_seeds", 1]
    assert distil.main(list(map(str, asked))).epoch == 1
    student = AmuseForEmotionRecognition.from_pretrained(data / "out" / "student").config
    unseen = [label for label, emotion in student.id2label.items() if emotion not in EMOTIONS]
    rows = read_soft_labels(data / "out" / "teacher.parquet", student.id2label.values()).values()
    assert unseen and all(not row[unseen].any() for row in rows)
