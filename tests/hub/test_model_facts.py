"""What a report and the page tell of a model's scores."""

import json

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.hub_card.model_facts import model_facts
from tests.small_models import small_config

HISTORY = {"best_weighted_f1": 0.5, "best_epoch": 3, "settings": {"seed": 42, "dataset_name": "meld"}}
RESULTS = {"split": "test", "dataset_name": "meld", "weighted_f1": 0.6, "accuracy": 0.7}


def told(folder, history: dict, results: dict) -> str:
    AmuseForEmotionRecognition(small_config()).save_pretrained(folder)
    (folder / "training_history.json").write_text(json.dumps(history), encoding="utf-8")
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return " ".join(model_facts(AmuseForEmotionRecognition.from_pretrained(folder)).scores)


def test_only_scores_of_the_shown_model_are_told(tmp_path):
    own = {"seed": 42, "dataset_name": "meld", "best_epoch": 3}
    plain = told(tmp_path, HISTORY, {**RESULTS, "training": own})
    assert "weighted F1 was 50.0" in plain and "70 of 100 utterances; its weighted F1 was 60.0" in plain
    for wrong in ({"disturbance": {"missing_rate": 0.5}}, {"corpus": "clips"}, {"training": {**own, "best_epoch": 2}}):
        assert "of 100 utterances" not in told(tmp_path, HISTORY, {**RESULTS, **wrong})
    assert "from words alone, it recognized" in told(tmp_path, HISTORY, {**RESULTS, "modalities": ["text"]})
    # experts change the predictions after the last epoch
    assert "weighted F1 was 55.0" in told(tmp_path, {**HISTORY, "experts": {"validation_weighted_f1": 0.55}}, RESULTS)
