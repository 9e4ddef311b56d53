"""Averages of models, and scores of a part of the utterances, in the tables of studies."""

import numpy as np
import pandas as pd
import pytest

from modeling_amuse.scripts.study.part_scores import scores_of_part
from modeling_amuse.scripts.training.distillation import mean_prediction


def frame(joy, truth="jaaj") -> pd.DataFrame:
    names = {"j": "joy", "a": "anger"}
    joy = np.array(joy)
    return pd.DataFrame(
        {
            "conversation": ["c1", "c1", "c2", "c2"],
            "utterance": ["u1", "u2", "u3", "u4"],
            "speaker": ["A", "B", "A", "B"],
            "emotion": [names[letter] for letter in truth],
            "prediction": np.where(joy > 0.5, "joy", "anger"),
            "probability_anger": 1 - joy,
            "probability_joy": joy,
        }
    )


def test_the_mean_of_models_decides_by_their_mean_probability():
    first, second = frame([0.9, 0.6, 0.1, 0.4]), frame([0.8, 0.1, 0.2, 0.9])
    mean = mean_prediction([first, second.sample(frac=1, random_state=0)])  # the order does not matter
    assert mean["prediction"].tolist() == ["joy", "anger", "anger", "joy"]
    np.testing.assert_allclose(mean["probability_joy"], [0.85, 0.35, 0.15, 0.65])
    with pytest.raises(ValueError, match="different utterances or emotions"):
        mean_prediction([first, second.iloc[:3]])


def test_a_part_is_scored_by_itself():
    parts = {"u1": "voted", "u2": "voted", "u3": "other", "u4": "other"}
    runs = [frame([0.9, 0.1, 0.9, 0.9]), frame([0.9, 0.9, 0.1, 0.9])]
    voted, number = scores_of_part(runs, parts, "voted", "conversation")
    assert number == 2
    assert voted.mean() == pytest.approx((1 + 1 / 3) / 2)  # all correct; joy for both: F1 of 2/3 and 0
    other, _ = scores_of_part(runs[1:], parts, "other", "conversation")
    assert other.mean() == 1
    same = [
        scores_of_part(runs, {"u1": "voted", "u3": "voted"}, "voted", "conversation", ["a", "b"])[0] for _ in range(2)
    ]
    assert same[0].difference(same[1])["interval"] == [0, 0]  # the seeds are drawn together
