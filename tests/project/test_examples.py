"""The examples in docs/examples: each runs, and each file differs from train.py only in marked lines."""

import importlib.util
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import pipeline

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
OTHERS = {"sweep"}  # calls `amuse train`; tests/scripts/test_tracking.py runs it
FEATURES = sorted({path.stem for path in EXAMPLES.glob("*.py")} - {"train", *OTHERS})
MARK = "# New"
REPLACES_THE_LOOP = {"trainer"}


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_lines(name: str) -> list[str]:
    """The lines after the module docstring that are not empty."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    _, _, code = text.split('"""', 2)
    return [line for line in code.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> list[str]:
    """Arguments for a training on a few conversations of the sample corpus."""
    folder = tmp_path_factory.mktemp("few")
    for split in ("train", "validation"):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        (folder / f"{split}.jsonl").write_text("\n".join(lines[:8]) + "\n", encoding="utf-8")
    return ["--dataset_name", "folder", "--data_dir", str(folder), "--num_epochs", "2"]


def test_the_smallest_training_has_about_a_hundred_lines():
    assert len(code_lines("train")) <= 110


@pytest.mark.parametrize("name", FEATURES)
def test_an_example_differs_from_the_smallest_training_in_marked_lines_only(name):
    base, lines = code_lines("train"), code_lines(name)
    unmarked = [line for line in lines if not line.endswith(MARK)]
    position = -1
    for line in unmarked:  # the order is that of train.py
        assert line in base[position + 1 :], f"{name}.py: {line!r} is not in train.py: mark it with {MARK!r}"
        position = base.index(line, position + 1)
    marked = [line.removesuffix(MARK).rstrip() for line in lines if line.endswith(MARK)]
    assert marked and not [
        line for line in marked if len(line.strip()) > 12 and line in base
    ]  # no marked line is in train.py
    if name not in REPLACES_THE_LOOP:
        assert len(marked) <= 16 and len(base) - len(unmarked) <= 10


def answers(folder) -> str:
    recognizer = pipeline("emotion-recognition", model=str(folder), device="cpu")
    return recognizer([{"speaker": "Ada", "text": "I got the job!"}])[0]["emotion"]


def test_the_smallest_training_writes_a_model_that_answers(few, tmp_path, capsys):
    best = load("train").main([*few, "--output_dir", str(tmp_path)])
    scores = [float(score) for score in re.findall(r"weighted F1 (\d\.\d{4})", capsys.readouterr().out)]
    assert len(scores) == 2 and best == pytest.approx(max(scores), abs=1e-4)
    assert answers(tmp_path) in load("train").load_data(parsed(few))[2]


def parsed(few: list[str]):
    from argparse import Namespace

    return Namespace(dataset_name="folder", data_dir=few[3])


def test_adapters_are_trained(few, tmp_path, tiny_text_encoder):
    load("lora").main([*few, "--text_model", tiny_text_encoder[0], "--output_dir", str(tmp_path)])
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    assert any("lora_B" in name and tensor.abs().sum() > 0 for name, tensor in tensors.items())
    assert not any("embeddings" in name for name in tensors)  # it does not contain the encoder's weights


def test_a_stopped_training_ends_with_the_weights_of_one_that_was_not(few, tmp_path, monkeypatch):
    resume = load("resume")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    best = resume.main([*few, "--output_dir", str(whole)])
    save = resume.training_checkpoint.save_checkpoint

    def save_and_stop(*state):
        save(*state)
        raise KeyboardInterrupt

    monkeypatch.setattr(resume.training_checkpoint, "save_checkpoint", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        resume.main([*few, "--output_dir", str(stopped)])
    monkeypatch.setattr(resume.training_checkpoint, "save_checkpoint", save)
    assert resume.main([*few, "--output_dir", str(stopped)]) == best
    paths = [folder / "checkpoints" / "epoch-2" / "model.safetensors" for folder in (whole, stopped)]
    expected, found = map(load_file, paths)
    assert expected.keys() == found.keys() and all(torch.equal(expected[name], found[name]) for name in expected)
    assert not list(tmp_path.rglob("*.bin")) and not list(tmp_path.rglob("*.pt")) and not list(tmp_path.rglob("*.pkl"))


def test_the_trainer_keeps_the_best_model(few, tmp_path):
    best = load("trainer").main([*few, "--output_dir", str(tmp_path)])
    assert 0 <= best <= 1
    assert answers(tmp_path) in load("train").load_data(parsed(few))[2]
