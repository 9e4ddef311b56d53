"""A folder into which a training writes is refused to another one, before anything in it is read or changed."""

import json
import os
import signal

import pytest

from modeling_amuse.processing.file_locks import only_writer
from modeling_amuse.scripts import amuse, cross_validate, distil, train
from modeling_amuse.scripts.study import study_runs
from tests.faults.test_whole_files import started

WRITTEN_BY = {
    "train": (train, ".", "training"),
    "cross-validate": (cross_validate, ".", "cross-validation"),
    "distil": (distil, "teachers/seed-42", "cross-validation"),
}
"""For each command its module, the folder in its output folder into which it writes first, and what it is called."""


@pytest.fixture
def arguments(tmp_path):
    (tmp_path / "data").mkdir()
    for split in ("train", "validation"):
        talks = [
            {"id": f"{split}{n}", "utterances": [{"speaker": "Ada", "audio_features": [n, 1.0], "emotion": emotion}]}
            for n, emotion in enumerate(["joy", "anger"] * 3)
        ]
        (tmp_path / "data" / f"{split}.jsonl").write_text("\n".join(map(json.dumps, talks)))
    groups = [f"train{n}_0,{n}" for n in range(6)]
    (tmp_path / "groups.csv").write_text("\n".join(["utterance_id,scene", *groups]))
    given = {"dataset_name": "folder", "data_dir": tmp_path / "data", "cache_dir": tmp_path / "cache"}
    given |= {"output_dir": tmp_path / "out", "modalities": "audio", "hidden_size": 8, "num_train_epochs": 1}
    return [word for name, value in given.items() for word in (f"--{name}", str(value))] + ["--use_cpu"]


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", WRITTEN_BY)
@pytest.mark.parametrize("resumed", [True, False])
def test_a_folder_in_use_is_refused(tmp_path, arguments, command, resumed, capsys):
    module, folder, what = WRITTEN_BY[command]
    used = tmp_path / "out" / folder
    used.mkdir(parents=True)
    (used / "training_history.json").write_text("half")  # of the other training
    arguments += {"distil": ["--groups", str(tmp_path / "groups.csv")]}.get(command, [])
    arguments += ["--resume_from_checkpoint", "latest"] if resumed and command == "train" else []
    before = contents(tmp_path / "out")
    with only_writer(used, what):
        with pytest.raises(
            OSError, match=f"Another {what} writes into .*: wait until it ends, or choose another folder"
        ):
            module.main(list(arguments))
        assert amuse.run(module.__name__.split(".")[-1], f"amuse {command}", list(arguments)) == 1
    assert "writes into" in capsys.readouterr().err.splitlines()[-1]
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_a_training_takes_the_folder_of_a_killed_one(tmp_path, arguments, ends):
    code = """
from pathlib import Path
with file_locks.only_writer(Path(sys.argv[1]), "training"):
    print("locked", flush=True)
    time.sleep(100)
"""
    other = started(code, tmp_path / "out")
    try:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(OSError, match="Another training writes into"):
            train.main(list(arguments))
        os.kill(other.pid, ends)
        other.wait(30)
        train.main(list(arguments))
    finally:
        other.kill()
        other.wait(30)
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.startswith(".") or "lock" in path.name]


def test_a_study_says_that_it_waits_for_a_run_of_another_process(tmp_path, monkeypatch):
    code = """
from pathlib import Path
with file_locks.locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(100)
"""
    other, said = started(code, tmp_path), []
    monkeypatch.setattr("builtins.print", lambda line, **_: (said.append(line), other.kill()))
    try:
        assert other.stdout.readline() == "locked\n"
        with study_runs._waited_for(tmp_path):
            pass
    finally:
        other.kill()
        other.wait(30)
    assert said == [f"Another process makes or uses the run in {tmp_path}: waiting until it ends."]
