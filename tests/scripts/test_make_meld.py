"""`make meld` and `amuse train --dataset_name meld`: MELD is downloaded from a loopback server, a model is trained and scored."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from modeling_amuse.processing.corpora import meld_download
from modeling_amuse.scripts import amuse, train
from tests.meld_server import CHECKSUMS, served_meld

ROOT = Path(__file__).parents[2]
NEXT = "amuse-meld is trained. Recognize a recording of your own: "

AMUSE = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from modeling_amuse.processing.corpora import meld_download
meld_download.CHECKSUMS = {CHECKSUMS!r}  # those of the server's small files
from modeling_amuse.scripts import amuse
sys.exit(amuse.main([*sys.argv[1:], "--num_train_epochs", "1", "--hidden_size", "16", "--use_cpu"]))
"""


@pytest.fixture
def desk(tmp_path, tiny_text_encoder, monkeypatch) -> Path:
    """A folder like a clone with its environment and the encoder, but without MELD."""
    for name in ("pyproject.toml", "constraints.txt", ".venv/bin/amuse", ".venv/installed"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv/bin/amuse").write_text(AMUSE)
    (tmp_path / ".venv/bin/amuse").chmod(0o755)
    shutil.copytree(tiny_text_encoder[0], tmp_path / "encoders/all-MiniLM-L6-v2")
    monkeypatch.setenv("AMUSE_ENCODERS_DIR", str(tmp_path / "encoders"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_meld() -> subprocess.CompletedProcess:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # set when `make test` runs this: a nested make prints its folder
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    environment["HF_HUB_OFFLINE"] = "0"
    command = ["make", "--file", str(ROOT / "Makefile"), "meld"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_make_meld_trains_scores_and_says_what_is_next(desk, monkeypatch):
    with served_meld(monkeypatch):
        done = make_meld()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(NEXT) and "recognize talk.mp4" in done.stdout
    results = json.loads((desk / "amuse-meld/results.json").read_text())
    assert (results["dataset_name"], results["split"], results["num_conversations"]) == ("meld", "test", 2)
    assert json.loads((desk / "amuse-meld/config.json").read_text())["training_data"] == "meld"


@pytest.fixture
def downloads(monkeypatch):
    """Lets this process download the small files of the server."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(meld_download, "CHECKSUMS", CHECKSUMS)


def check_one_sentence(said: str, told: str, desk: Path, arrived: set[str]):
    """That a failed command printed one line, wrote no model, and kept the files that arrived whole."""
    [line] = [line for line in said.splitlines() if line.startswith("amuse train: ")]
    assert told in line and "AMUSE_MELD_DIR" in line and "Traceback" not in said
    assert not (desk / "amuse-meld").exists()
    assert {path.name for path in (desk / "cache/meld-annotations").glob("*.csv")} == arrived


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("cut", "dev_sent_emo.csv"),
        ("wrong", "gave 43 bytes that are not MELD's dev_sent_emo.csv"),
        ("no network", "train_sent_emo.csv cannot be downloaded"),
    ],
)
def test_the_command_says_in_one_sentence_what_did_not_arrive(desk, downloads, monkeypatch, capsys, how, told):
    with served_meld(monkeypatch) as server:
        server.how = how
        if how == "no network":
            monkeypatch.setenv("AMUSE_MELD_URL", "http://127.0.0.1:9/MELD")
        status = amuse.main(["train", "--dataset_name", "meld", "--cache_dir", "cache", "--use_cpu"])
    assert status == 1
    check_one_sentence(capsys.readouterr().err, told, desk, set() if how == "no network" else {"train_sent_emo.csv"})


def test_make_meld_without_network_and_folders_says_one_sentence(desk, monkeypatch):
    shutil.rmtree(desk / "encoders")
    monkeypatch.delenv("AMUSE_ENCODERS_DIR")
    monkeypatch.delenv("AMUSE_MELD_DIR", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AMUSE_MELD_URL", "http://127.0.0.1:9/MELD")
    done = make_meld()
    assert done.returncode != 0 and "Traceback" not in done.stderr and not (desk / "amuse-meld").exists()
    [command, line, failed] = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    assert command.startswith(".venv/bin/amuse train") and failed.startswith("make: ")  # make's own lines
    assert line.startswith("amuse train: ") and "AMUSE_MELD_DIR" in line


def test_the_command_does_what_the_target_does(desk, downloads, monkeypatch, capsys):
    few = ["--cache_dir", "cache", "--num_train_epochs", "1", "--hidden_size", "16", "--use_cpu"]
    with served_meld(monkeypatch):
        train.main(["--dataset_name", "meld", *few])
        assert capsys.readouterr().out.splitlines()[-1].startswith(NEXT)
        assert (desk / "amuse-meld/results.json").is_file()
        train.main(["--dataset_name", "meld", "--output_dir", "mine", *few])
    assert capsys.readouterr().out.splitlines()[-1].endswith("--model mine")


@pytest.mark.parametrize(
    "given", [["--dataset_name", "sample"], ["--dataset_name", "meld", "--data_dir", "MELD"], ["--data_file", "a.csv"]]
)
def test_other_trainings_need_a_folder_for_the_model(given, capsys):
    with pytest.raises(SystemExit):
        train.main(given)
    assert "required: --output_dir" in capsys.readouterr().err
