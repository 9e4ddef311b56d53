"""Models and features on the Hub: the uploaded files, and what a user without this package gets from a folder and over HTTP."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from huggingface_hub import DatasetCard, ModelCard
from safetensors.torch import load_file
from transformers import AutoModel, AutoProcessor, AutoTokenizer, BertModel, pipeline
from transformers.dynamic_module_utils import get_imports

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.feature_tables import write_feature_table
from modeling_amuse.processing.corpora.meld import EMOTIONS
from modeling_amuse.processing.feature_extractors import extractor_record
from modeling_amuse.processing.prosody import PROSODY_FEATURES
from modeling_amuse.scripts import evaluate, push_dataset_to_hub, push_to_hub
from modeling_amuse.scripts.recognition.recognition import load_recognizer
from tests.hub.loopback_hub import File, LoopbackHub, Repository

ROOT = Path(__file__).parents[2]
CODE = {path.name: path for package in ("modeling_amuse", "processing") for path in (ROOT / package).glob("*.py")}
CODE["handler.py"] = ROOT / "scripts" / "hub" / "handler.py"
TALK = [
    {"speaker": "Ada", "text": "What was that noise?", "start": 0.0, "end": 1.0},
    {"speaker": "Ben", "text": "Only the cat.", "start": 1.0, "end": 2.0},
    {"speaker": "Ada", "text": "I got the job!", "start": 2.5, "end": 3.5},
]
HEARS = all(importlib.util.find_spec(name) for name in ("av", "librosa"))


def save_model(folder: Path, seed: int = 0) -> Path:
    """Save a small untrained model of prosody and of text, which has a pretrained encoder."""
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
    """A model's folder, which also contains files of its training, and the results of its evaluation."""
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
    return ["--model", str(model), "--repo_id", "user/amuse-tiny", "--results", str(results), "--license", "mit", *more]


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Path:
    """The folder that `--dry_run` wrote."""
    pytest.importorskip("matplotlib", reason="the card's pictures need the extra plots")
    folder = tmp_path_factory.mktemp("exported") / "amuse-tiny-hub"
    push_to_hub.main(push_arguments(trained, "--dry_run", str(folder)))
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    """Another model."""
    return save_model(tmp_path_factory.mktemp("other") / "other", seed=1)


FEATURE_ROWS = {
    "train": {
        "dia0_utt0": np.ones((3, 2), np.float32) / 3,
        "dia0_utt1": None,
        "dia1_utt0": np.zeros((1, 2), np.float32),
    },
    "test": {"dia0_utt0": np.array([[0.1, np.nan]], np.float32)},
}


@pytest.fixture(scope="module")
def features(tmp_path_factory) -> Path:
    """Feature tables in a folder as extract_features.py writes it."""
    folder = tmp_path_factory.mktemp("features") / "prosody"
    (folder / "parts").mkdir(parents=True)
    for split, rows in FEATURE_ROWS.items():
        write_feature_table(folder / f"{split}.parquet", rows, extractor_record("prosody"))
        write_feature_table(folder / "parts" / f"{split}-0a.parquet", rows, extractor_record("prosody"))
    return folder


def holding(**files: bytes) -> Repository:
    """A public repository that contains these files."""
    repository = Repository(private=False)
    repository.commit({name.replace("_", "."): File(content, False) for name, content in files.items()}, "made before")
    return repository


@pytest.fixture(scope="module")
def hub(trained, other, features, exported, tmp_path_factory):
    """
    A Hub to which models and features were pushed: its `repositories`, its `requests`, the error of each script in `exits`, what
    a client without this package `found`, and the recording and transcript that the client used in `heard`.
    """
    home = tmp_path_factory.mktemp("hub")
    with LoopbackHub() as server:
        amuse = exported.joinpath("config.json").read_bytes()
        server.repositories |= {
            ("model", "user/else"): holding(weights_gguf=b"another model"),
            ("model", "user/public"): holding(config_json=amuse),
            ("model", "user/full"): holding(config_json=amuse, README_md=b"the last version"),
            ("model", "user/old"): holding(config_json=amuse, retired_py=b"# of an older version"),
            ("dataset", "user/else"): holding(README_md=b"# Another data set"),
        }
        server.full = {"user/full"}
        model = {"script": "push_to_hub", "token": "hf_loopback"}
        of_other = ["--model", str(other), "--repo_id"]
        data = {"script": "push_dataset_to_hub", "token": "hf_loopback"}
        of_features = ["--features", str(features), "--dataset_name", "meld", "--repo_id"]
        runs = {
            "model": {**model, "arguments": push_arguments(trained, "--private", "--revision_tag", "v1")},
            "full": {**model, "arguments": [*of_other, "user/full"]},
            "next": {**model, "arguments": [*of_other, "user/amuse-tiny", "--revision_tag", "v2"]},
            "old": {**model, "arguments": [*of_other, "user/old"]},
            "tagged": {**model, "arguments": [*of_other, "user/amuse-tiny", "--revision_tag", "v1"]},
            "else": {**model, "arguments": [*of_other, "user/else"]},
            "public": {**model, "arguments": [*of_other, "user/public", "--private"]},
            "stranger": {**model, "arguments": [*of_other, "stranger/amuse"]},
            "wrong token": {**model, "arguments": [*of_other, "user/new"], "token": "hf_wrong"},
            "no token": {**model, "arguments": [*of_other, "user/new"], "token": None},
            "no hub": {**model, "arguments": [*of_other, "user/new"], "endpoint": "http://127.0.0.1:9"},
            "data": {**data, "arguments": [*of_features, "user/meld-prosody", "--private", "--revision_tag", "v1"]},
            "data again": {**data, "arguments": [*of_features, "user/meld-prosody"]},
            "data else": {**data, "arguments": [*of_features, "user/else"]},
        }
        script = [sys.executable, str(ROOT / "tests/run_scripts.py"), json.dumps(list(runs.values()))]
        exits = dict(zip(runs, last_json(script, server.environment(home / "ours"), home), strict=True))

        job = {
            "packages": [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")],
            "conversation": TALK,
            "models": [[str(exported), None], ["user/amuse-tiny", None], ["user/amuse-tiny", "v1"]],
            "snapshots": [
                {"repo_id": "user/amuse-tiny", "revision": "v1"},
                {"repo_id": "user/meld-prosody", "repo_type": "dataset"},
            ],
            "dataset": "user/meld-prosody",
        }
        if HEARS:
            from tests.small_media import speech_like, write_wav

            job["recording"] = str(write_wav(home / "talk.wav", speech_like(4)))
            job["transcript"] = str(home / "talk.json")
            Path(job["transcript"]).write_text(json.dumps(TALK), encoding="utf-8")
        client = [sys.executable, "-I", "-S", str(ROOT / "tests/hub/hub_client.py"), json.dumps(job)]
        found = last_json(client, server.environment(home / "theirs"), home)
        heard = {name: job.get(name) for name in ("recording", "transcript")}
        yield SimpleNamespace(
            repositories=server.repositories, requests=server.requests, exits=exits, found=found, heard=heard
        )


def last_json(command: list[str], environment: dict, folder: Path):
    """Run a process, and read the last line of its output."""
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**os.environ, **environment})
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def check_use(used: dict, folder: Path, heard: dict):
    """Check that a client got the model of a folder by means of the code in that folder."""
    assert all(module.startswith("transformers_modules.") for module in used["modules"])
    assert used["classes"][:3] == ["AmuseConfig", "AmuseForEmotionRecognition", "AmuseProcessor"]
    assert used["classes"][3:] == ["EmotionRecognitionPipeline", "AmuseModel"]
    model = AmuseForEmotionRecognition.from_pretrained(folder).eval()
    processor = AmuseProcessor.from_pretrained(folder)
    with torch.no_grad():
        assert used["logits"] == model(**processor(TALK)).logits.tolist()
    assert used["emotions"] == list(EMOTIONS) and used["base_is_the_same"]
    ours = pipeline("emotion-recognition", model=model, processor=processor, device="cpu")
    assert used["recognized"] == ours(TALK)
    if HEARS:
        by_us = ours(heard["recording"], transcript=heard["transcript"])
        assert all(list(utterance["modalities"]) == ["text", "audio"] for utterance in by_us)
        assert used["heard"] == by_us


def test_the_folder_loads_where_the_package_is_not_installed(trained, hub):
    check_use(hub.found["models"][0], trained[0], hub.heard)
    assert "contains custom code" in hub.found["without_trust"]
    assert not [path for _, path in hub.requests if "amuse-tiny-hub" in path]


def test_the_folder_holds_the_model_and_nothing_of_the_training(trained, exported):
    before, after = load_file(trained[0] / "model.safetensors"), load_file(exported / "model.safetensors")
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    others = {
        path.relative_to(exported).as_posix() for path in exported.rglob("*") if path.suffix not in (".py", ".png")
    }
    of_model = {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert others == {"README.md", "requirements.txt", *of_model}
    assert any(exported.glob("*.png"))
    assert ModelCard.load(exported / "README.md").data.license == "mit"
    # nothing says where the files were on this machine, or that it was offline
    written = {
        path: path.read_text(encoding="utf-8") for path in exported.rglob("*") if path.suffix in (".json", ".md")
    }
    assert not [path for path, text in written.items() if str(trained[0].parent) in text or "local_files_only" in text]


def test_its_code_is_the_packages_and_asks_for_few_libraries(exported):
    names = {path.name for path in exported.glob("*.py")}
    assert {
        "modeling_amuse.py",
        "processing_amuse.py",
        "recordings.py",
        "faces.py",
        "live_session.py",
        "handler.py",
    } <= names
    assert (
        not names
        & {path.name for path in (ROOT / "modeling_amuse").glob("*.py")}
        & {path.name for path in (ROOT / "processing").glob("*.py")}
    )  # the two packages become one folder
    for name in names:
        assert (exported / name).read_bytes() == CODE[name].read_bytes()
        # transformers refuses to load a file unless all its imports are installed, even those inside functions
        third_party = {module for module in get_imports(exported / name) if module not in sys.stdlib_module_names}
        assert third_party <= {"huggingface_hub", "numpy", "torch", "transformers"}, name


def test_an_endpoint_installs_what_the_handler_and_recordings_need(exported):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = (exported / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if not line.startswith("#")}
    recordings = {p for e in ("media", "faces", "speech", "transcripts") for p in extras[e] if "amuse-emotion" not in p}
    assert recordings <= listed <= recordings | set(project["dependencies"])
    assert {"transformers", "huggingface-hub", "numpy"} <= {re.split("[>=]", line)[0] for line in listed}


def test_with_the_package_its_own_code_is_used(trained, exported):
    assert type(AutoModel.from_pretrained(exported)) is AmuseForEmotionRecognition
    assert type(AutoProcessor.from_pretrained(exported)) is AmuseProcessor
    ours = pipeline("emotion-recognition", model=str(trained[0]), device="cpu")(TALK)
    assert load_recognizer(str(exported))(TALK) == ours
    with pytest.raises(ValueError, match="trust_remote_code=True"):  # transformers prefers the pipeline of the folder
        pipeline("emotion-recognition", model=str(exported))


def test_exporting_changes_no_class_of_the_process(exported):
    assert AmuseForEmotionRecognition._auto_class is None and AmuseProcessor._auto_class is None


def test_a_model_goes_to_the_hub_and_comes_back(trained, other, exported, hub):
    assert hub.exits["model"] is hub.exits["next"] is None
    repository = hub.repositories["model", "user/amuse-tiny"]
    assert repository.private and repository.messages == ["initial commit", "AMuSE v1", "AMuSE v2"]
    commits = list(repository.commits)
    assert repository.tags == {"v1": commits[1], "v2": commits[2]}
    first = {name: file.content for name, file in repository.commits[commits[1]].items()}
    assert {name: path.read_bytes() for name, path in tree(exported).items()} == without_attributes(first)
    # the tag gives the first version, the name alone the second
    assert {name: path.read_bytes() for name, path in tree(Path(hub.found["snapshots"][0])).items()} == first
    check_use(hub.found["models"][1], other, hub.heard)
    check_use(hub.found["models"][2], trained[0], hub.heard)


def tree(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def without_attributes(files: dict) -> dict:
    return {name: content for name, content in files.items() if name != ".gitattributes"}


def test_a_version_is_whole(other, hub):
    assert hub.exits["old"] is None
    old = hub.repositories["model", "user/old"]
    files = old.commits[old.head]
    assert "retired.py" not in files and files["config.json"].content != b""
    assert (
        files["model.safetensors"].oid
        == hub.repositories["model", "user/amuse-tiny"]
        .commits[hub.repositories["model", "user/amuse-tiny"].tags["v2"]]["model.safetensors"]
        .oid
    )
    # an upload that fails does not change the last version
    full = hub.repositories["model", "user/full"]
    assert (
        hub.exits["full"]
        == "push_to_hub.py: The Hub refused the request for user/full with the status 413: The storage is full."
    )
    assert full.messages == ["made before"]


@pytest.mark.parametrize(
    ("run", "message"),
    {
        "tagged": "user/amuse-tiny already has the tag v1: choose another --revision_tag.",
        "else": "user/else exists and contains something else (weights.gguf): choose another --repo_id.",
        "public": "user/public exists and is public, which --private does not change: make it private in its settings",
        "stranger": "The token has no permission for stranger/amuse (You don't have the rights to write to this namespace.)",
        "wrong token": "The Hub does not accept the token (Invalid username or password.)",
        "no token": "There is no token for the Hub: create one with write access at https://huggingface.co/settings/tokens",
        "no hub": "The Hub at http://127.0.0.1:9 cannot be reached: ",
        "data else": "user/else exists and contains something else (README.md): choose another --repo_id.",
    }.items(),
)
def test_refusals_of_the_hub(hub, run, message):
    said = hub.exits[run]
    assert said.removeprefix("push_to_hub.py: ").removeprefix("push_dataset_to_hub.py: ").startswith(message)
    assert "Traceback" not in said and "\n" not in said
    assert ("model", "user/new") not in hub.repositories


def test_features_go_to_the_hub_and_are_streamed(hub, tmp_path):
    assert hub.exits["data"] is hub.exits["data again"] is None
    repository = hub.repositories["dataset", "user/meld-prosody"]
    assert repository.private and list(repository.tags) == ["v1"]
    assert set(hub.found["streamed"]) == set(FEATURE_ROWS)
    record = extractor_record("prosody")
    for split, rows in FEATURE_ROWS.items():
        kind, streamed = hub.found["streamed"][split]
        assert kind == "IterableDataset"
        assert [row["utterance_id"] for row in streamed] == list(rows)
        assert all(json.loads(row["extractor"]) == record for row in streamed)
        for row, array in zip(streamed, rows.values(), strict=True):
            assert (row["features"] is None) == (array is None)
            if array is not None:
                np.testing.assert_array_equal(np.array(row["features"], np.float32), array)
    # the download is a feature table with its record
    snapshot = Path(hub.found["snapshots"][1])
    check_tables(snapshot, record)
    card = DatasetCard.load(snapshot / "README.md")
    assert card.data.license == "gpl-3.0" and "Friends" in card.text
    assert [split["num_examples"] for split in card.data["dataset_info"]["splits"]] == [3, 1]


def check_tables(folder: Path, record: dict):
    tables = load_feature_tables(str(folder), list(FEATURE_ROWS))
    for split, rows in FEATURE_ROWS.items():
        assert tables[split].record == record
        for identifier, array in rows.items():
            if array is None:
                assert tables[split].get(identifier) is None
            else:
                np.testing.assert_array_equal(tables[split].get(identifier), array)


def push_features(folder, target: Path, dataset_name: str = "meld"):
    arguments = ["--features", str(folder), "--dataset_name", dataset_name, "--repo_id", "user/features"]
    push_dataset_to_hub.main([*arguments, "--dry_run", str(target)])


def test_features_as_a_folder(features, tmp_path):
    push_features(features, tmp_path / "dry")
    assert set(tree(tmp_path / "dry")) == {
        "README.md",
        "data/train-00000-of-00001.parquet",
        "data/test-00000-of-00001.parquet",
    }
    check_tables(tmp_path / "dry", extractor_record("prosody"))


def test_recordings_and_words_are_refused_with_the_reason(tmp_path):
    meld, iemocap, mine = tmp_path / "MELD", tmp_path / "IEMOCAP", tmp_path / "mine"
    for file in ("MELD/train_splits/dia0_utt0.mp4", "IEMOCAP/Session1/Ses01F_impro01_F000.wav", "mine/talk.jsonl"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"")
    friends = "clips and their texts are from the television series Friends, whose owners have not allowed others"
    for name in ("meld", "folder"):  # the name of the data set does not matter
        with pytest.raises(
            ValueError, match=f"dia0_utt0.mp4 is a recording, but only features are uploaded: MELD's {friends}"
        ):
            push_features(meld, tmp_path / "dry", name)
    with pytest.raises(ValueError, match="F000.wav is a recording.*: USC gives IEMOCAP to each user under a"):
        push_features(iemocap, tmp_path / "dry", "iemocap")
    with pytest.raises(ValueError, match="talk.jsonl is a transcript, .*: recordings and their texts belong to the"):
        push_features(mine, tmp_path / "dry", "folder")
    # a folder of features must not contain recordings either, but it may contain a note
    write_feature_table(meld / "train.parquet", {"dia0_utt0": np.ones((1, 2), np.float32)}, RECORD)
    with pytest.raises(ValueError, match="dia0_utt0.mp4 is a recording"):
        push_features(meld, tmp_path / "dry")
    assert not (tmp_path / "dry").exists()
    (meld / "train_splits" / "dia0_utt0.mp4").rename(meld / "notes.txt")
    push_features(meld, tmp_path / "dry")
    assert set(tree(tmp_path / "dry")) == {"README.md", "data/train-00000-of-00001.parquet"}


RECORD = {"name": "prosody", "version": 1}
WHISPER = {"name": "encoder", "version": 1, "model_type": "whisper", "weights": "0", "pooling": 1}


@pytest.mark.parametrize(
    ("columns", "record", "dataset_name", "message"),
    [
        (
            {"utterance_id": ["dia0_utt0"], "text": ["Hi."]},
            RECORD,
            "meld",
            "has the columns text, but only utterance_id",
        ),
        (
            {"utterance_id": ["a"], "audio": [b"RIFF"]},
            RECORD,
            "folder",
            "has the columns audio, .* belong to the people",
        ),
        (
            {"utterance_id": ["a"], "features": [[b"RIFF"]]},
            RECORD,
            "folder",
            "has no column features with lists of lists",
        ),
        ({"utterance_id": ["/home/a.wav"]}, RECORD, "folder", "the utterance id '/home/a.wav' is a path"),
        ({"utterance_id": ["dia0_utt0"]}, None, "meld", "has no record of the extractor of its features"),
        ({"utterance_id": ["dia0_utt0"]}, {"name": "mine"}, "meld", "has no record of the extractor of its features"),
        (
            {"utterance_id": ["Ses01F_impro01_F000"]},
            RECORD,
            "folder",
            "is from iemocap, not from folder: give the right",
        ),
        ({"utterance_id": ["Ses01F_impro01_F000"]}, WHISPER, "iemocap", "its decoder can restore the transcript"),
    ],
)
def test_tables_that_may_not_be_passed_on(tmp_path, columns, record, dataset_name, message):
    columns = {"features": [[[0.5]]], **columns}
    of_numbers = isinstance(columns["features"][0][0], list)
    features = pa.array(columns.pop("features"), pa.list_(pa.list_(pa.float32())) if of_numbers else None)
    table = pa.table({**columns, "features": features})
    metadata = {} if record is None else {"amuse_features": json.dumps(record)}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), tmp_path / "train.parquet")
    with pytest.raises(ValueError, match=message):
        push_features(tmp_path, tmp_path / "dry", dataset_name)


def test_features_of_an_encoder_that_hears_no_words_may_be_passed_on(tmp_path):
    record = {**WHISPER, "model_type": "vit"}
    (tmp_path / "features").mkdir()
    rows = {"Ses01F_impro01_F000": np.ones((2, 3), np.float32)}
    write_feature_table(tmp_path / "features" / "train.parquet", rows, record)
    push_features(tmp_path / "features", tmp_path / "dry", "iemocap")
    assert load_feature_tables(str(tmp_path / "dry"), ["train"])["train"].record == record


def test_tables_of_two_extractors_and_missing_ones(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder .*nowhere. Give a folder of feature tables"):
        push_features(tmp_path / "nowhere", tmp_path / "dry")
    with pytest.raises(FileNotFoundError, match="has no feature tables"):
        push_features(tmp_path, tmp_path / "dry")
    for split, record in (("train", RECORD), ("test", {**RECORD, "version": 2})):
        write_feature_table(tmp_path / f"{split}.parquet", {"a": np.ones((1, 2), np.float32)}, record)
    with pytest.raises(ValueError, match="were computed by different extractors"):
        push_features(tmp_path, tmp_path / "dry")
    (tmp_path / "train.parquet").write_bytes(b"no table")
    with pytest.raises(ValueError, match="train.parquet cannot be read as a Parquet file"):
        push_features(tmp_path, tmp_path / "dry")


def test_shards_of_a_table_are_one(tmp_path):
    shards = [{"a": np.ones((2, 2), np.float32), "b": None}, {"c": np.zeros((1, 2), np.float32)}]
    for number, rows in enumerate(shards):
        write_feature_table(tmp_path / f"train-{number:05}-of-00002.parquet", rows, RECORD)
    table = load_feature_tables(str(tmp_path), ["train"])["train"]
    assert [table.get(name) is None for name in "abc"] == [False, True, False] and table.record == RECORD
    assert table.get("a").tolist() == [[1, 1], [1, 1]] and table.get("c").tolist() == [[0, 0]]
    write_feature_table(tmp_path / "train-00001-of-00002.parquet", shards[1], WHISPER)
    with pytest.raises(ValueError, match="must be computed by one extractor"):
        load_feature_tables(str(tmp_path), ["train"])


def test_what_is_missing_is_said(trained, tmp_path):
    def refused(error, message, *options, model=trained[0], repo_id="user/amuse"):
        with pytest.raises(error, match=message):
            push_to_hub.main(
                ["--model", str(model), "--repo_id", repo_id, "--dry_run", str(tmp_path / "dry"), *options]
            )
        assert not (tmp_path / "dry").exists() and not list(tmp_path.glob("dry*"))

    def copy_without(name: str, **changes) -> Path:
        folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(trained[0], folder)
        (folder / name).unlink()
        return folder

    def with_config(text: str) -> Path:
        folder = copy_without("config.json")
        (folder / "config.json").write_text(text, encoding="utf-8")
        return folder

    missing = FileNotFoundError
    refused(missing, "There is no folder .*nowhere: give the --output_dir of amuse train", model=tmp_path / "nowhere")
    refused(missing, "has no config.json: give the --output_dir", model=copy_without("config.json"))
    refused(missing, "has no model.safetensors, the weights", model=copy_without("model.safetensors"))
    refused(
        missing, "has no processor_config.json: also save the processor", model=copy_without("processor_config.json")
    )
    adapter = copy_without("config.json")
    (adapter / "adapter_config.json").write_text("{}", encoding="utf-8")
    refused(missing, "it contains only an adapter: merge it", model=adapter)
    refused(ValueError, "config.json is not a configuration", model=with_config("{"))
    refused(ValueError, "config.json is not a configuration", model=with_config("[]"))
    refused(ValueError, "a model of the type 'bert', not an AMuSE", model=with_config('{"model_type": "bert"}'))
    headless = json.dumps({"model_type": "amuse", "architectures": ["AmuseModel"]})
    refused(ValueError, "contains AmuseModel, not an AmuseForEmotionRecognition", model=with_config(headless))
    fields = json.loads((trained[0] / "config.json").read_text(encoding="utf-8"))
    deeper = with_config(json.dumps({**fields, "num_man_layers": 2}))
    refused(ValueError, "do not match its config.json .missing keys: amuse.man", model=deeper)
    broken = copy_without("model.safetensors")
    (broken / "model.safetensors").write_bytes(b"no weights")
    refused(ValueError, f"{re.escape(str(broken))} cannot be loaded .SafetensorError", model=broken)

    refused(
        missing,
        "There is no results file .*none.json: write one with amuse evaluate",
        "--results",
        str(tmp_path / "none.json"),
    )
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{", encoding="utf-8")
    refused(ValueError, "wrong.json is not a JSON file", "--results", str(wrong))
    wrong.write_text("[1]", encoding="utf-8")
    refused(ValueError, "wrong.json contains a list, not a JSON object", "--results", str(wrong))
    wrong.write_text('{"split": "test"}', encoding="utf-8")
    refused(ValueError, "lacks dataset_name, weighted_f1, per_class", "--results", str(wrong))
    others = {"dataset_name": "meld", "split": "test", "weighted_f1": 1.0, "per_class": {"bored": {}}}
    wrong.write_text(json.dumps(others), encoding="utf-8")
    refused(ValueError, "has scores of bored, but the emotions of the model in .* are anger, ", "--results", str(wrong))

    refused(ValueError, "'amuse' has no owner: give user/amuse", repo_id="amuse")
    refused(ValueError, "is not the name of a repository", repo_id="user/a b")
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE is set"):
        push_to_hub.main(["--model", str(trained[0]), "--repo_id", "user/amuse"])


def test_a_folder_that_is_not_empty_is_left_as_it_is(trained, tmp_path):
    (tmp_path / "kept").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="exists and is not empty: choose another folder"):
        push_to_hub.main(push_arguments(trained, "--dry_run", str(tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
