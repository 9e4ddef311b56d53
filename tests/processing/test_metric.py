"""EmotionMetric, compared with scikit-learn and with values computed by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from modeling_amuse.processing.evaluation.emotion_metric import EmotionMetric, weighted_f1_interval

EMOTIONS = ["neutral", "joy", "fear"]


def random_predictions(number=200, conversations=40, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(3), number)
    # better than chance
    references = np.where(rng.random(number) < 0.6, scores.argmax(axis=1), rng.integers(0, 3, number))
    return {
        "prediction_scores": scores,
        "references": references,
        "conversations": rng.integers(0, conversations, number),
    }


def compute(data, **settings):
    return EmotionMetric(keep_in_memory=True).compute(**data, emotions=EMOTIONS, **settings)


def test_scores_are_those_of_scikit_learn():
    data = random_predictions()
    result = compute(data, left_out=["fear"])
    predictions = data["prediction_scores"].argmax(axis=1)
    assert result["weighted_f1"] == f1_score(data["references"], predictions, average="weighted")
    assert result["macro_f1"] == f1_score(data["references"], predictions, average="macro")
    assert result["accuracy"] == np.mean(predictions == data["references"])
    assert result["per_class"]["joy"]["support"] == (data["references"] == 1).sum()
    assert np.sum(result["confusion_matrix"]) == result["num_utterances"] == 200
    rows = data["references"] != 2
    chosen = data["prediction_scores"][rows, :2].argmax(axis=1)
    assert result["reduced"]["weighted_f1"] == f1_score(data["references"][rows], chosen, average="weighted")


def test_the_interval_draws_whole_conversations():
    data = random_predictions()
    low, high = compute(data)["weighted_f1_interval"]
    assert low < compute(data)["weighted_f1"] < high
    assert compute(data)["weighted_f1_interval"] == [low, high]  # deterministic
    # equal utterances in a conversation add no information: ten copies of each do not narrow the interval
    copies = {key: np.repeat(value, 10, axis=0) for key, value in data.items()}
    np.testing.assert_allclose(compute(copies)["weighted_f1_interval"], [low, high], atol=1e-9)
    assert "weighted_f1_interval" not in compute(data, num_resamples=0)


def test_the_bootstrap_statistic_is_the_weighted_f1():
    data = random_predictions(60, 2)
    predictions = data["prediction_scores"].argmax(axis=1)
    low, high = weighted_f1_interval(data["references"], predictions, data["conversations"], 3, 200)
    parts = [
        f1_score(data["references"][rows], predictions[rows], average="weighted")
        for rows in (data["conversations"] == number for number in range(2))
    ]
    # the resamples of two conversations: the first twice, the second twice, or both
    assert low == pytest.approx(min(parts)) and high == pytest.approx(max(parts))


def test_calibration_error():
    perfect = {"prediction_scores": np.eye(3), "references": np.arange(3), "conversations": np.arange(3)}
    assert compute(perfect, num_resamples=0)["expected_calibration_error"] == 0
    wrong = {**perfect, "references": np.array([1, 2, 0])}
    assert compute(wrong, num_resamples=0)["expected_calibration_error"] == 1
    half = {
        "prediction_scores": np.tile([0.9, 0.1, 0.0], (10, 1)),
        "references": np.arange(10) % 2,
        "conversations": np.zeros(10),
    }
    result = compute(half, num_resamples=0)
    assert result["expected_calibration_error"] == pytest.approx(0.4)
    assert result["reliability"] == [{"share": 1.0, "confidence": pytest.approx(0.9), "accuracy": 0.5}]


def test_a_part_of_the_data_may_hold_what_is_left_out_alone():
    data = {"prediction_scores": np.eye(3)[[1, 1]], "references": np.array([1, 1]), "conversations": np.array([0, 1])}
    assert "reduced" not in compute(data, left_out=["joy"]) and "reduced" in compute(data, left_out=["fear"])


def test_a_class_that_never_occurs_is_no_error():
    data = {"prediction_scores": np.eye(3)[[0, 1]], "references": np.array([0, 1]), "conversations": np.array([0, 1])}
    result = compute(data)
    assert result["weighted_f1"] == 1 and result["macro_f1"] == pytest.approx(2 / 3)
    assert result["per_class"]["fear"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
