"""Models and features on the Hub: what is uploaded, from a folder and over HTTP, and what a user without the package gets."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertModel, pipeline
from transformers.dynamic_module_utils import get_imports

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from processing.conversation_folder import ConversationFolder
from processing.feature_extractors import extractor_record
from processing.feature_tables import load_feature_tables, write_feature_table
from processing.meld import EMOTIONS
from processing.prosody import PROSODY_FEATURES
from processing.small_text_encoder import small_text_encoder
from scripts import evaluate, push_dataset_to_hub, push_to_hub
from tests.loopback_hub import LoopbackHub

ROOT = Path(__file__).parents[1]
CODE = {path.name: path for package in ("modeling_amuse", "processing") for path in (ROOT / package).glob("*.py")}
TALK = [
    {"speaker": "Ada", "text": "What was that noise?", "start": 0.0, "end": 1.0},
    {"speaker": "Ben", "text": "Only the cat.", "start": 1.0, "end": 2.0},
    {"speaker": "Ada", "text": "I got the job!", "start": 2.5, "end": 3.5},
]
HEARS = all(importlib.util.find_spec(name) for name in ("av", "librosa"))


def save_model(folder: Path, seed: int = 0) -> Path:
    """A small untrained model of text, from a pretrained encoder, and of prosody."""
    torch.manual_seed(seed)
    encoder_dir = folder.with_name(f"{folder.name}-encoder")
    config, tokenizer = small_text_encoder([utterance["text"] for utterance in TALK], 300)
    config.update({"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1})
    BertModel(config, add_pooling_layer=False).save_pretrained(encoder_dir)
    tokenizer.save_pretrained(encoder_dir)
    size = len(PROSODY_FEATURES)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        str(encoder_dir),
        audio_feature_size=size,
        hidden_size=16,
        num_attention_heads=2,
        num_man_layers=1,
        initializer_range=0.3,
        id2label=dict(enumerate(EMOTIONS)),
        label2id={emotion: label for label, emotion in enumerate(EMOTIONS)},
    )
    AmuseProcessor(
        AutoTokenizer.from_pretrained(encoder_dir),
        emotions=list(EMOTIONS),
        feature_statistics={"audio": {"mean": [0.0] * size, "std": [10.0] * size}},
        feature_records={"audio": extractor_record("prosody")},
    ).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, Path]:
    """A model's folder, with leavings of a training, and the results of its evaluation."""
    parent = tmp_path_factory.mktemp("trained")
    folder = save_model(parent / "amuse-tiny")
    (folder / "checkpoints" / "epoch-1").mkdir(parents=True)
    (folder / "checkpoints" / "epoch-1" / "optimizer.safetensors").write_bytes(b"of no use to others")
    results = parent / "results.json"
    options = ["--model", str(folder), "--modalities", "text", "--output", str(results), "--num_resamples", "20"]
    evaluate.main([*options, "--use_cpu", "--cache_dir", str(parent / "cache"), "--pictures", "false"])
    return folder, results


def push_arguments(trained, *more: str) -> list[str]:
    model, results = trained
    return ["--model", str(model), "--repo_id", "user/amuse-tiny", "--results", str(results), *more]


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Path:
    """What `--dry_run` wrote."""
    pytest.importorskip("matplotlib", reason="the card's pictures need the extra plots")
    folder = tmp_path_factory.mktemp("exported") / "amuse-tiny-hub"
    push_to_hub.main(push_arguments(trained, "--dry_run", str(folder)))
    return folder


def run_client(job: dict, home: Path, environment: dict | None = None) -> dict:
    """What `hub_client.py` found, in a process without this package."""
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    command = [sys.executable, "-I", "-S", str(ROOT / "tests/hub_client.py"), json.dumps({**job, "packages": packages})]
    offline = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    result = subprocess.run(
        command, capture_output=True, text=True, cwd=home, env={**os.environ, **(environment or offline)}
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def check_client(found: dict, folder: Path):
    """That a client got the model of a folder, by code that came with it."""
    assert all(module.startswith("transformers_modules.") for module in found["modules"])
    recognizer = "EmotionRecognitionPipeline"
    assert found["classes"] == [
        *("AmuseConfig", "AmuseForEmotionRecognition", "AmuseProcessor", recognizer, "AmuseModel")
    ]
    model = AmuseForEmotionRecognition.from_pretrained(folder).eval()
    processor = AmuseProcessor.from_pretrained(folder)
    with torch.no_grad():
        assert found["logits"] == model(**processor(TALK)).logits.tolist()
    assert found["emotions"] == list(EMOTIONS) and found["base_is_the_same"]
    ours = pipeline("emotion-recognition", model=model, processor=processor, device="cpu")
    assert found["recognized"] == ours(TALK)
    return ours


def test_the_folder_loads_where_the_package_is_not_installed(trained, exported, tmp_path):
    job = {"model": str(exported), "conversation": TALK}
    if HEARS:
        from tests.small_media import speech_like, write_wav

        job["recording"] = str(write_wav(tmp_path / "talk.wav", speech_like(4)))
        job["transcript"] = str(tmp_path / "talk.json")
        Path(job["transcript"]).write_text(json.dumps(TALK), encoding="utf-8")
    found = run_client(job, tmp_path)
    ours = check_client(found, trained[0])
    if HEARS:
        heard = ours(job["recording"], transcript=job["transcript"])
        assert all(list(utterance["modalities"]) == ["text", "audio"] for utterance in heard)
        assert found["heard"] == heard


def test_the_folder_holds_the_model_and_nothing_of_the_training(trained, exported):
    before, after = load_file(trained[0] / "model.safetensors"), load_file(exported / "model.safetensors")
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    others = {path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.suffix not in (".py", ".png")}
    assert others == {
        *("README.md", "config.json", "model.safetensors", "processor_config.json", "tokenizer.json"),
        "tokenizer_config.json",
    }
    assert any(exported.glob("*.png"))
    written = [path for path in exported.rglob("*") if path.suffix in (".json", ".md", ".py")]
    assert not [path for path in written if str(trained[0].parent) in path.read_text(encoding="utf-8")]


def test_its_code_is_the_packages_and_asks_for_few_libraries(exported):
    names = {path.name for path in exported.glob("*.py")}
    assert {"modeling_amuse.py", "processing_amuse.py", "recordings.py", "faces.py", "live_session.py"} <= names
    # flat: a name that both packages had would be one file
    assert len([path for path in CODE.values() if path.name in names]) == len(names)
    for package in ("modeling_amuse", "processing"):
        other = "processing" if package == "modeling_amuse" else "modeling_amuse"
        shared = {path.name for path in (ROOT / package).glob("*.py")} & {p.name for p in (ROOT / other).glob("*.py")}
        assert not shared & names
    for name in names:
        assert (exported / name).read_bytes() == CODE[name].read_bytes()
        # transformers refuses to load a file whose imports are not all installed, also those within functions
        third_party = {module for module in get_imports(exported / name) if module not in sys.stdlib_module_names}
        assert third_party <= {"huggingface_hub", "numpy", "torch", "transformers"}, name


def test_exporting_changes_no_class_of_the_process(exported):
    assert AmuseForEmotionRecognition._auto_class is None and AmuseProcessor._auto_class is None


def test_model_on_the_hub(trained, tmp_path):
    pytest.importorskip("matplotlib", reason="the card's pictures need the extra plots")
    with LoopbackHub() as hub:
        environment = hub.environment(tmp_path / "ours")
        script = [sys.executable, str(ROOT / "scripts/push_to_hub.py"), *push_arguments(trained, "--revision_tag", "v1")]
        result = subprocess.run(
            [*script, "--private"], capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **environment}
        )
        assert result.returncode == 0, result.stderr
        assert f"{hub.endpoint}/user/amuse-tiny" in result.stdout
        repository = hub.repositories["model", "user/amuse-tiny"]
        assert repository.private and repository.tags == {"v1": repository.head}
        assert len(repository.commits) == 2  # the Hub's own, and the version as a whole
        first = repository.commits[repository.head]
        dry_run = tmp_path / "dry"
        push_to_hub.main(push_arguments(trained, "--dry_run", str(dry_run)))
        written = {path.name: path.read_bytes() for path in dry_run.iterdir()}
        assert written == {name: file.content for name, file in first.items() if name != ".gitattributes"}
        assert {name for name, file in first.items() if file.is_large} >= {"model.safetensors"}

        # another model becomes the next version, whole or not at all
        other = save_model(tmp_path / "other", seed=1)
        next_version = ["--model", str(other), "--repo_id", "user/amuse-tiny"]
        repository.commit({**first, "retired.py": first["tokens.py"]}, "a file that the next version has not")
        before = repository.head
        hub.full = {"user/amuse-tiny"}
        hub.repositories["model", "user/else"] = type(repository)(False)
        hub.repositories["model", "user/else"].commit({"weights.gguf": first["tokens.py"]}, "another's")
        hub.repositories["model", "user/public"] = type(repository)(False)
        hub.repositories["model", "user/public"].commit({"config.json": first["config.json"]}, "an AMuSE")
        cases = [
            {"arguments": [*next_version, "--revision_tag", "v2"]},
            {"arguments": [*next_version, "--revision_tag", "v1"]},
            {"arguments": [*next_version[:3], "user/else"]},
            {"arguments": [*next_version[:3], "user/public", "--private"]},
            {"arguments": [*next_version[:3], "stranger/amuse"]},
            {"arguments": next_version, "token": "hf_wrong"},
            {"arguments": next_version, "token": None},
            {"arguments": next_version[:3] + ["user/new"], "endpoint": "http://127.0.0.1:9"},
        ]
        messages = run_pushes(cases, {**environment, "HF_HOME": str(tmp_path / "cases")})
        expected = [
            "The Hub refused user/amuse-tiny, with the status 413: The storage is full.",
            "user/amuse-tiny has the tag v1 already: choose another --revision_tag.",
            "user/else exists and holds something else (weights.gguf): choose another --repo_id.",
            "user/public exists and is public, which --private does not change",
            "The token may not do that in stranger/amuse (You don't have the rights to write to this namespace.)",
            "The Hub does not accept the token (Invalid username or password.)",
            "There is no token for the Hub: make one with write access",
            "The Hub at http://127.0.0.1:9 cannot be reached",
        ]
        for message, start in zip(messages, expected, strict=True):
            assert (message or "").startswith(start)
        assert repository.head == before and ("model", "user/new") not in hub.repositories

        hub.full = set()
        [message] = run_pushes(cases[:1], environment)
        assert message is None and set(repository.tags) == {"v1", "v2"}
        second = repository.commits[repository.tags["v2"]]
        assert "retired.py" not in second and ".gitattributes" in second
        assert second["model.safetensors"].oid != first["model.safetensors"].oid

        # fetched back: the first version by its tag, the second by the name
        job = {"model": "user/amuse-tiny", "conversation": TALK}
        snapshot = {"repo_id": "user/amuse-tiny", "revision": "v1"}
        found = run_client({**job, "snapshot": snapshot}, tmp_path, hub.environment(tmp_path / "theirs"))
        check_client(found, other)
        fetched = {path.name: path.read_bytes() for path in Path(found["snapshot"]).iterdir()}
        assert fetched == {name: file.content for name, file in first.items()}
        check_client(
            run_client({**job, "revision": "v1"}, tmp_path, hub.environment(tmp_path / "theirs")),
            trained[0],
        )


PUSHES = """
import json, os, sys
from huggingface_hub import constants
from scripts import push_to_hub

messages = []
for case in json.loads(sys.argv[1]):
    os.environ.pop("HF_TOKEN", None)
    token = case.get("token", "hf_loopback")
    if token:
        os.environ["HF_TOKEN"] = token
    constants.ENDPOINT = case.get("endpoint", os.environ["HF_ENDPOINT"])
    import huggingface_hub.hf_api
    try:
        push_to_hub.HfApi = lambda **settings: huggingface_hub.hf_api.HfApi(endpoint=constants.ENDPOINT, **settings)
        push_to_hub.main(case["arguments"])
        messages.append(None)
    except (ValueError, OSError) as error:
        messages.append(str(error))
print(json.dumps(messages))
"""


def run_pushes(cases: list[dict], environment: dict) -> list[str | None]:
    """What `push_to_hub` said to each of some arguments, with other tokens and addresses; None: it uploaded."""
    result = subprocess.run(
        [sys.executable, "-c", PUSHES, json.dumps(cases)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])
