"""A model that was loaded from the Hub with its code and saved again loads everywhere, where this package is not installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def generations(tiny_text_encoder, tmp_path_factory):
    """The folder of saved models, the first answers, and those of the second and the third generation."""
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
    shutil.rmtree(first)  # neither the folder nor the Hub is there any more
    gone = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(parent / "heirs"), "HF_HUB_OFFLINE": "0"}
    second = sorted(str(path) for path in saved.iterdir())
    after = run(LOAD, [second, TALK], gone)
    third = run(LOAD, [[f"{path}-again" for path in second], TALK], {**gone, "HF_HOME": str(parent / "grandchildren")})
    return saved, list(before.values()), after, third


def test_the_second_and_the_third_generation_answer_as_the_first(generations):
    _, [answer, other], second, third = generations
    assert answer == other and len(second) == len(third) == 4
    for generation in (second, third):
        for said, names in generation.values():
            assert said == answer
            assert names == ["AmuseConfig", "AmuseForEmotionRecognition", "AmuseProcessor"]


def test_the_folders_name_no_repository_and_hold_all_code(generations):
    for folder in generations[0].iterdir():
        for name in ("config.json", "processor_config.json"):
            assert "--" not in json.dumps(json.loads((folder / name).read_text()).get("auto_map"))
        config = json.loads((folder / "config.json").read_text())
        assert config["custom_pipelines"]["emotion-recognition"]["impl"] == "pipeline_amuse.EmotionRecognitionPipeline"
        assert {"pipeline_amuse.py", "live_session.py", "processing_amuse.py"} <= {
            path.name for path in folder.iterdir()
        }


def test_with_the_package_a_model_with_code_is_saved_with_it(generations, tmp_path):
    [folder, *_] = sorted(generations[0].iterdir())
    AmuseForEmotionRecognition.from_pretrained(folder).save_pretrained(tmp_path)
    AmuseProcessor.from_pretrained(folder).save_pretrained(tmp_path)
    gone = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    [[said, _]] = run(LOAD, [[str(tmp_path)], TALK], gone).values()
    assert said == generations[1][0]


def test_a_model_without_code_is_saved_without_it(tiny_text_encoder, tmp_path):
    save_recording_model(tmp_path, tiny_text_encoder[0], EMOTIONS)
    assert not list(tmp_path.glob("*.py")) and "auto_map" not in (tmp_path / "config.json").read_text()
