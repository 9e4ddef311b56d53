"""Tables of votes and probabilities: reading them, training on them, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.soft_labels import read_soft_labels, soft_targets, target_rows

EMOTIONS = ("calm", "joy", "anger")


def table(tmp_path, rows: dict[str, list], name="votes.csv", columns=EMOTIONS):
    frame = pd.DataFrame(list(rows.values()), columns=list(columns))
    frame.insert(0, "utterance_id", list(rows))
    path = tmp_path / name
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.mark.parametrize("name", ["votes.csv", "votes.parquet"])
def test_votes_become_probabilities_in_the_order_of_the_labels(tmp_path, name):
    path = table(tmp_path, {"a": [1, 0, 3], "b": [4, 0, 0]}, name, ("anger", "joy", "calm"))
    found = read_soft_labels(path, EMOTIONS)
    assert found["a"].tolist() == [0.75, 0, 0.25]
    assert found["b"].tolist() == [0, 0, 1]


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda row: sum(row) > 0.1), min_size=1))
def test_probabilities_that_sum_to_one_are_taken_as_they_are(tmp_path_factory, rows):
    rows = {f"u{number}": np.array(row) / sum(row) for number, row in enumerate(rows)}
    found = read_soft_labels(table(tmp_path_factory.mktemp("soft"), rows), EMOTIONS)
    for identifier, row in rows.items():
        np.testing.assert_allclose(found[identifier], row, atol=1e-9)


@pytest.mark.parametrize(
    "rows, message",
    [
        ({"u1": [2, 2, 1], "u2": [2, 1, 1], "u3": [5, 0, 0]}, r"'u2': its numbers sum to 4, .* votes, 5 in other rows"),
        ({"u1": [0.5, 0.3, 0.2], "u2": [0.5, 0.3, 0.1]}, r"'u2': its numbers sum to 0.9, .* must sum to 1"),
        ({"u1": [3, 0, 0], "u2": [0, 0, 0]}, "'u2': its numbers sum to 0"),
        ({"u1": [0, 0, 0]}, "'u1': its numbers sum to 0"),
        ({"u1": [3, -1, 1]}, "'u1': its 'joy' is '-1'"),
        ({"u1": [3, None, 0]}, "'u1': its 'joy' is ''"),
        ({"u1": ["many", 0, 0]}, "'u1': its 'calm' is 'many'"),
        ({"u1": [1, 0, 0], " ": [0, 1, 0]}, "row 2 has no utterance_id"),
        ({"": [1, 0, 0]}, "row 1 has no utterance_id"),
        ({}, "has no rows"),
    ],
)
def test_a_table_that_does_not_sum_is_refused_with_its_row(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read_soft_labels(table(tmp_path, rows), EMOTIONS)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no table of soft labels"):
        read_soft_labels(tmp_path / "nothing.csv", EMOTIONS)
    lacking = table(tmp_path, {"u1": [1, 0]}, columns=EMOTIONS[:2])
    with pytest.raises(ValueError, match="has no column 'anger'"):
        read_soft_labels(lacking, EMOTIONS)
    text = tmp_path / "votes.txt"
    text.write_text("u1 4 1 0", encoding="utf-8")
    with pytest.raises(ValueError, match=r"give a \.csv or a \.parquet file"):
        read_soft_labels(text, EMOTIONS)
    broken = tmp_path / "votes.parquet"
    broken.write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="cannot be read as a table"):
        read_soft_labels(broken, EMOTIONS)
    twice = tmp_path / "twice.csv"
    twice.write_text("utterance_id,calm,joy,anger\nu1,1,0,0\nu1,0,1,0\n", encoding="utf-8")
    with pytest.raises(ValueError, match="more than one row for the utterance 'u1'"):
        read_soft_labels(twice, EMOTIONS)


def test_a_target_is_the_weighted_mean_of_label_and_votes():
    votes = {"clear": np.array([0.8, 0.2, 0]), "other": np.array([0.2, 0.8, 0]), "unlabelled": np.array([1.0, 0, 0])}
    labels = {"clear": 0, "other": 0, "unlabelled": None, "without": 1}
    targets = soft_targets(votes, labels, weight=0.5)
    assert list(targets) == ["clear"]  # in "other" the label has no majority
    np.testing.assert_allclose(targets["clear"], [0.9, 0.1, 0])
    everywhere = soft_targets(votes, labels, weight=0.25, only_majority=False)
    np.testing.assert_allclose(everywhere["other"], [0.8, 0.2, 0], atol=1e-6)
    rows = target_rows(targets, [{"utterances": [{"id": "without"}, {"id": "clear"}]}], (1, 3), 3)
    np.testing.assert_allclose(rows, [[[0, 0, 0], [0.9, 0.1, 0], [0, 0, 0]]])


def test_unknown_ids_weights_and_tables_of_no_use_are_refused():
    votes = {"u1": np.array([0.2, 0.8, 0]), "x7": np.array([1.0, 0, 0])}
    with pytest.raises(ValueError, match="1 utterance id.* that the training split does not have, the first is 'x7'"):
        soft_targets(votes, {"u1": 0})
    with pytest.raises(ValueError, match="in none of them does the utterance's label have the majority"):
        soft_targets(votes, {"u1": 0, "x7": 2})
    for only_majority in (True, False):
        with pytest.raises(ValueError, match="can be used, as none of their utterances has a label"):
            soft_targets(votes, {"u1": None, "x7": None}, only_majority=only_majority)
    for weight in (0, 1.5):
        with pytest.raises(ValueError, match="more than 0 and at most 1"):
            soft_targets(votes, {"u1": 1, "x7": 0}, weight)
