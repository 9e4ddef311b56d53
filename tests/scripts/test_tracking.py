"""Records of a training: reports to a tracker, and a recipe with which the training can be repeated."""

import importlib.util
import json

import pytest
import yaml
from safetensors.torch import load_file

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.scripts import train
from modeling_amuse.scripts.training.training_arguments import parse_arguments

SETTINGS = {
    "hidden_size": 8,
    "num_man_layers": 1,
    "num_train_epochs": 2,
    "contexts": "speaker",
    "lr_scheduler_type": "cosine",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for split, count in (("train", 3), ("validation", 2)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def words(**options) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def data(corpus) -> list[str]:
    return words(dataset_name="folder", data_dir=corpus, cache_dir=corpus / "cache", use_cpu=True)


@pytest.fixture(scope="module")
def reported(corpus, tmp_path_factory):
    """The output folder of a training that reported to TensorBoard."""
    pytest.importorskip("tensorboard", reason="needs the extra tracking")
    output = tmp_path_factory.mktemp("reported") / "model"
    train.main([*data(corpus), *words(**SETTINGS, output_dir=output, report_to="tensorboard")])
    return output


def test_tensorboard_reads_losses_scores_and_learning_rate(reported):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(reported / "logs" / "amuse")).Reload()
    history = json.loads((reported / "training_history.json").read_text())["history"]
    for tag, name in (
        ("train/loss", "train_loss"),
        ("train/modality_loss", "train_modality_loss"),
        ("validation/loss", "validation_loss"),
        ("validation/weighted_f1", "validation_weighted_f1"),
    ):
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2]
        assert [scalar.value for scalar in scalars] == pytest.approx([line[name] for line in history], rel=1e-5)
    rates = [scalar.value for scalar in events.Scalars("learning_rate")]
    assert 5e-4 > rates[0] > rates[1] == pytest.approx(0, abs=1e-9)


def test_a_tracker_that_is_missing_is_said_before_the_training(corpus, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "wandb" else found(name, *more)
    )
    output = tmp_path / "model"
    with pytest.raises(ImportError, match="--report_to wandb needs the package wandb.*: pip install wandb"):
        train.main([*data(corpus), *words(output_dir=output, report_to="wandb")])
    assert not output.exists()


def test_a_training_is_repeated_by_its_recipe(reported, corpus, tmp_path):
    recipe = yaml.safe_load((reported / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe.items() >= SETTINGS.items() and recipe["seed"] == 42
    assert recipe["fusion"] == "gate" and recipe["modalities"] == [
        "text"
    ]  # the defaults of options that were not given
    assert not {"output_dir", "report_to", "resume_from_checkpoint", "data_dir"} & recipe.keys()
    assert str(corpus.parent) not in (reported / "recipe.yaml").read_text(encoding="utf-8")  # no place of this machine
    again = tmp_path / "again"
    record = train.main(
        ["--recipe", str(reported / "recipe.yaml"), *data(corpus), *words(output_dir=again, use_cpu=True)]
    )
    first, second = (load_file(folder / "model.safetensors") for folder in (reported, again))
    assert first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)
    assert record.best_epoch == json.loads((reported / "training_history.json").read_text())["best_epoch"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "There is no file .*own.yaml for --recipe"),
        ("a: [1", "own.yaml is not valid YAML: .*line 1"),
        ("- 1", "own.yaml must map options to values"),
        ("layer_decay: 0.5\nmomentum: 0.9", "own.yaml sets momentum, which is not an option of training"),
        ("seed\u202e: 3", r"own.yaml sets seed\\u202e, which is not an option of training"),
        ("1: 3\n[a]: 3", "own.yaml is not valid YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text, message):
    path = tmp_path / "own.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        parse_arguments(["--recipe", str(path), "--output_dir", "x"])


def test_the_command_line_wins_over_a_recipe_file(tmp_path):
    (tmp_path / "own.yaml").write_text("layer_decay: 0.5\nhidden_size: 32", encoding="utf-8")
    _, model_args, args = parse_arguments(
        ["--recipe", str(tmp_path / "own.yaml"), "--output_dir", "x", "--hidden_size", "16"]
    )
    assert (args.layer_decay, model_args.hidden_size) == (0.5, 16)


def test_a_sweep_finds_the_trial_with_the_best_validation_score(corpus, tmp_path):
    pytest.importorskip("optuna", reason="needs the extra sweep")
    from docs.examples import sweep

    assert not (corpus / "test.jsonl").exists()  # the sweep must not read it
    study = sweep.main(2, str(tmp_path), *data(corpus), *words(hidden_size=8, num_man_layers=1, num_train_epochs=1))
    scores = [
        json.loads((tmp_path / f"trial-{number}" / "training_history.json").read_text())["best_weighted_f1"]
        for number in range(2)
    ]
    assert [trial.value for trial in study.trials] == scores and study.best_value == max(scores)
    recipe = yaml.safe_load((tmp_path / "trial-1" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["learning_rate"] == study.trials[1].params["learning_rate"]
