"""Parts of a split: valid files, and the scores of each part by evaluate.py."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.processing.evaluation.utterance_parts import part_subsets, read_parts
from modeling_amuse.scripts import evaluate, train
from tests.data_options import folder_options


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_parts_are_read_for_one_split(tmp_path):
    path = written(
        tmp_path / "parts.csv", "part,split,utterance_id\nseen,test,a\nread,test,b\nread,train,a\nseen,test,a\n"
    )
    assert read_parts(path, "test") == {"a": "seen", "b": "read"}
    assert read_parts(path, "train") == {"a": "read"}
    subsets = part_subsets(read_parts(path, "test"), ["b", "c", "a"], "test")
    assert {name: rows.tolist() for name, rows in subsets.items()} == {
        "read": [True, False, False],
        "seen": [False, False, True],
    }
    assert read_parts(written(tmp_path / "one.csv", "utterance_id,part\nx,1\n"), "any") == {"x": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "There is no file .*parts.csv for --parts"),
        ("utterance,part\na,x", "lacks the column utterance_id: give a line for each utterance"),
        ("split,utterance_id,part\ntrain,a,x", "has no row of the test split; it has train"),
        ("utterance_id,part\na,x\nb,\n", "line 3 has no utterance_id or no part"),
        ("utterance_id,part\na,x\nb,x\na,y", "gives the utterance a more than one part"),
        ("", "parts.csv is empty"),
    ],
)
def test_a_file_that_gives_no_parts_is_refused(tmp_path, text, message):
    path = tmp_path / "parts.csv"
    if text is not None:
        written(path, text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_parts(path, "test")


def test_parts_of_unknown_utterances_are_refused():
    with pytest.raises(ValueError, match="has the utterance y and 1 others, which the validation split does not have"):
        part_subsets({"a": "x", "z": "x", "y": "x"}, ["a", "b"], "validation")


def test_each_part_is_scored_by_itself(tmp_path, capsys):
    for split, count in (("train", 2), ("validation", 2), ("test", 3)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        written(tmp_path / f"{split}.jsonl", "\n".join(lines))
    shared = folder_options(tmp_path)
    small = ["--hidden_size", "8", "--num_man_layers", "1", "--num_train_epochs", "1"]
    train.main([*shared, *small, "--output_dir", str(tmp_path / "model")])
    given = ["--model", str(tmp_path / "model"), "--output", str(tmp_path / "results.json"), "--pictures", "false"]
    given += ["--predictions", str(tmp_path / "predictions.parquet"), "--num_resamples", "20"]
    evaluate.main([*shared, *given])
    frame = pd.read_parquet(tmp_path / "predictions.parquet")
    frame["part"] = np.where(np.arange(len(frame)) % 3 == 0, "seen", "read")
    frame.loc[0, "part"] = None
    parts = frame.dropna(subset="part")[["utterance", "part"]].rename(columns={"utterance": "utterance_id"})
    parts.to_csv(tmp_path / "parts.csv", index=False)

    results = evaluate.main([*shared, *given, "--parts", str(tmp_path / "parts.csv")])
    assert set(results["parts"]) == {"seen", "read"}
    for name, scores in results["parts"].items():
        rows = frame[frame["part"] == name]
        expected = f1_score(rows["emotion"], rows["prediction"], average="weighted", zero_division=0)
        assert scores["weighted_f1"] == pytest.approx(expected) and scores["num_utterances"] == len(rows)
        own = [row[f"probability_{row['emotion']}"] for _, row in rows.iterrows()]
        assert scores["negative_log_likelihood"] == pytest.approx(-np.mean(np.log(own)))
    printed = capsys.readouterr().out
    assert "part seen: " in printed and f"without a part: 1 of {len(frame)} utterances" in printed
    assert json.loads((tmp_path / "results.json").read_text())["parts"] == results["parts"]
    written(tmp_path / "parts.csv", "utterance_id,part\nnobody,seen\n")
    with pytest.raises(ValueError, match="has the utterance nobody, which the test split does not have"):
        evaluate.main([*shared, *given, "--parts", str(tmp_path / "parts.csv")])
