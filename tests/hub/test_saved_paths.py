"""What is saved for others names no folder, user or machine: models, adapters, recipes, exports, reports and uploads."""

import json
import shutil
import socket
from pathlib import Path

import pytest

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.scripts import export_onnx, push_to_hub, recognize, train
from tests.data_options import folder_options

HOST, USER = "host-of-ada-7f3a", "ada-lovelace-1815"


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_text_encoder):
    """The folder of a user with an encoder and data, and what the commands write beside them."""
    home = tmp_path_factory.mktemp("home") / USER
    encoder = shutil.copytree(tiny_text_encoder[0], home / "encoders" / "mini")
    (home / "data").mkdir()
    for split, count in (("train", 4), ("validation", 2), ("test", 2)):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (home / "data" / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (home / "talk.srt").write_text("1\n00:00:00,000 --> 00:00:01,500\nAda: leave me alone\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: HOST)
        patch.setattr("platform.node", lambda: HOST)
        patch.setenv("USER", USER)
        patch.setenv("HOME", str(home))
        data = folder_options(home / "data", home / "cache")
        small = ["--hidden_size", "8", "--num_train_epochs", "1", "--per_device_train_batch_size", "2"]
        model = ["--text_model", str(encoder), "--output_dir", str(home / "model"), "--lora", "--lora_r", "2"]
        train.main([*data, *small, *model])
        push_to_hub.main(["--model", str(home / "model"), "--repo_id", "user/tiny", "--dry_run", str(home / "pushed")])
        outputs = [str(home / "found" / f"talk.{suffix}") for suffix in ("json", "csv", "srt", "rttm")]
        (home / "found").mkdir()
        report = ["--report", str(home / "found" / "report.html"), "--reasons", "false"]
        recognize.main([str(home / "talk.srt"), "--model", str(home / "model"), "--output", *outputs, *report])
    return home


def files_that_name(folder: Path, words: tuple[str, ...]) -> list[str]:
    named = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            named += [f"{path.relative_to(folder)}: {word}" for word in words if word.encode() in content]
    return named


@pytest.mark.parametrize("folder", ["model", "model/adapter", "pushed", "found"])
def test_nothing_that_is_saved_names_a_folder_a_user_or_a_machine(home, folder):
    words = (str(home), str(home.parent), USER, HOST)
    assert any(path.is_file() for path in (home / folder).rglob("*"))
    assert files_that_name(home / folder, words) == []


def test_what_is_saved_says_which_encoder_it_was(home):
    history = json.loads((home / "model" / "training_history.json").read_text())
    assert history["encoders"]["text"] == "mini"
    assert "--text_model .../mini" in (home / "model" / "recipe.yaml").read_text()


def test_an_exported_model_names_no_folder(home, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    export_onnx.main(["--model", str(home / "model"), "--output_dir", str(tmp_path / "exported")])
    assert files_that_name(tmp_path / "exported", (str(home), USER, HOST)) == []
