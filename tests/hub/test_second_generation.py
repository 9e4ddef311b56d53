"""A model that was loaded from the Hub with its code and saved again can be loaded without this package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from transformers import modeling_utils, pipeline, processing_utils
from transformers.utils import PushToHubMixin

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.scripts.hub.self_contained_folder import write_self_contained_folder
from tests.hub.loopback_hub import File, LoopbackHub, Repository
from tests.small_models import save_recording_model

EMOTIONS = ["neutral", "joy", "anger"]
TALK = [{"speaker": "Ada", "text": "leave me alone"}, {"speaker": "Ben", "text": "oh no"}]

SAVE = """
import importlib.util, json, sys

packages, sources, target, talk = map(json.loads, sys.argv[1:])
sys.path += packages
assert importlib.util.find_spec("modeling_amuse") is None
from transformers import AutoModel, AutoProcessor, pipeline

found = {}
for number, source in enumerate(sources):
    trust = {"trust_remote_code": True}
    recognizer = pipeline(model=source, device="cpu", **trust)
    found[source] = recognizer(talk)
    recognizer.save_pretrained(f"{target}/{number}-pipeline")
    AutoModel.from_pretrained(source, **trust).save_pretrained(f"{target}/{number}-parts")
    AutoProcessor.from_pretrained(source, **trust).save_pretrained(f"{target}/{number}-parts")
print("\\n" + json.dumps(found))
"""

LOAD = """
import importlib.util, json, sys

packages, sources, talk = map(json.loads, sys.argv[1:])
sys.path += packages
assert importlib.util.find_spec("modeling_amuse") is None
from transformers import AutoConfig, AutoModel, AutoProcessor, pipeline

found = {}
for source in sources:
    trust = {"trust_remote_code": True}
    recognizer = pipeline(model=source, device="cpu", **trust)
    parts = [kind.from_pretrained(source, **trust) for kind in (AutoConfig, AutoModel, AutoProcessor)]
    assert all(type(part).__module__.startswith("transformers_modules.") for part in (recognizer, *parts))
    found[source] = [recognizer(talk), [type(part).__name__ for part in parts]]
    recognizer.save_pretrained(f"{source}-again")
print("\\n" + json.dumps(found))
"""


def run(code: str, arguments: list, environment: dict) -> dict:
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    command = [sys.executable, "-I", "-S", "-c", code, *map(json.dumps, [packages, *arguments])]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class Generations(NamedTuple):
    """All folders of saved models, and for the model of each folder the answer to the conversation and the names of its parts."""

    folders: list[Path]
    first: list[list[dict]]
    second: list[tuple[list[dict], list[str]]]
    third: list[tuple[list[dict], list[str]]]
    with_package: tuple[list[dict], list[str]]


@pytest.fixture(scope="module")
def generations(tiny_text_encoder, tmp_path_factory) -> Generations:
    """The first generation comes from the Hub and from a folder, the others were saved by the one before them."""
    parent = tmp_path_factory.mktemp("generations")
    save_recording_model(parent / "model", tiny_text_encoder[0], EMOTIONS)
    first = parent / "first"
    first.mkdir()
    write_self_contained_folder(parent / "model", first)
    repository = Repository(private=False)
    large = (".safetensors",)
    files = {path.name: File(path.read_bytes(), path.suffix in large) for path in first.iterdir()}
    repository.commit(files, "the model")
    saved = parent / "saved"
    with LoopbackHub() as hub:
        hub.repositories["model", "user/amuse-tiny"] = repository
        sources = ["user/amuse-tiny", str(first)]
        before = run(SAVE, [sources, str(saved), TALK], hub.environment(parent / "theirs"))
    shutil.rmtree(first)  # from here on, neither the folder nor the Hub exists
    gone = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(parent / "heirs"), "HF_HUB_OFFLINE": "0"}
    second = sorted(str(path) for path in saved.iterdir())
    with_package = parent / "with-package"
    AmuseForEmotionRecognition.from_pretrained(second[0]).save_pretrained(with_package)
    AmuseProcessor.from_pretrained(second[0]).save_pretrained(with_package)
    # One process loads them all, because its imports take longest. The third generation is written while it runs.
    third = [f"{path}-again" for path in second]
    after = run(LOAD, [[*second, *third, str(with_package)], TALK], gone)
    loaded = ([after[path] for path in paths] for paths in (second, third))
    return Generations(sorted(saved.iterdir()), list(before.values()), *loaded, after[str(with_package)])


def test_the_second_and_the_third_generation_answer_as_the_first(generations):
    answer, other = generations.first
    assert answer == other and len(generations.second) == len(generations.third) == 4
    for said, names in (*generations.second, *generations.third):
        assert said == answer
        assert names == ["AmuseConfig", "AmuseForEmotionRecognition", "AmuseProcessor"]


def test_the_folders_name_no_repository_and_hold_all_code(generations):
    for folder in generations.folders:
        for name in ("config.json", "processor_config.json"):
            assert "--" not in json.dumps(json.loads((folder / name).read_text()).get("auto_map"))
        config = json.loads((folder / "config.json").read_text())
        assert config["custom_pipelines"]["emotion-recognition"]["impl"] == "pipeline_amuse.EmotionRecognitionPipeline"
        assert {"pipeline_amuse.py", "live_session.py", "processing_amuse.py"} <= {
            path.name for path in folder.iterdir()
        }


def test_with_the_package_a_model_with_code_is_saved_with_it(generations):
    assert generations.with_package[0] == generations.first[0]


def test_a_model_without_code_is_saved_without_it(tiny_text_encoder, tmp_path):
    save_recording_model(tmp_path, tiny_text_encoder[0], EMOTIONS)
    assert not list(tmp_path.glob("*.py")) and "auto_map" not in (tmp_path / "config.json").read_text()


def test_saving_with_an_upload_uploads_code_and_processor(generations, tmp_path, monkeypatch):
    uploaded = set()

    def upload(self, working_dir, repo_id, files_timestamps, **_):
        """The choice of files as in transformers."""
        for path in Path(working_dir).iterdir():
            if path.name not in files_timestamps or path.stat().st_mtime > files_timestamps[path.name]:
                uploaded.add(path.name)

    monkeypatch.setattr(PushToHubMixin, "_upload_modified_files", upload)
    for module in (modeling_utils, processing_utils):
        monkeypatch.setattr(
            module, "hf_api", lambda: SimpleNamespace(create_repo=lambda name, **_: SimpleNamespace(repo_id=name))
        )
    folder = generations.folders[0]
    parts = {
        "model": AmuseForEmotionRecognition.from_pretrained(folder),
        "processor": AmuseProcessor.from_pretrained(folder),
    }
    recognizer = pipeline("emotion-recognition", **parts)
    with pytest.raises(ValueError, match="create_pr would make a pull request"):
        recognizer.save_pretrained(tmp_path / "pr", push_to_hub=True, repo_id="user/again", create_pr=True)
    assert not (tmp_path / "pr").exists()
    recognizer.save_pretrained(tmp_path / "again", push_to_hub=True, repo_id="user/again")
    assert {"model.safetensors", "pipeline_amuse.py", "processing_amuse.py", "processor_config.json"} <= uploaded
    assert uploaded == {path.name for path in (tmp_path / "again").iterdir()}
