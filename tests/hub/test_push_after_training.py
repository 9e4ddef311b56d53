"""train.py --push_to_hub: the model is uploaded after the training, and what prevents this is reported before the training."""

import json

import pytest

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR
from modeling_amuse.scripts import train
from tests.forked_processes import ROOT, run
from tests.hub.loopback_hub import File, LoopbackHub, Repository


def words(**options) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> list[str]:
    """Options for a small training."""
    folder = tmp_path_factory.mktemp("corpus")
    for split in ("train", "validation"):
        lines = (SAMPLE_DIR / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[:2]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    small = {"hidden_size": 8, "num_man_layers": 1, "num_train_epochs": 1, "use_cpu": True}
    return words(dataset_name="folder", data_dir=folder, cache_dir=folder / "cache", **small)


def test_the_trained_model_is_uploaded(data, tmp_path):
    taken = Repository(private=False)
    taken.commit({"weights.gguf": File(b"another model", False)}, "made before")
    with LoopbackHub() as server:
        server.repositories["model", "user/taken"] = taken
        runs = [
            {
                "script": "train",
                "token": token,
                "arguments": [*data, *words(output_dir=tmp_path / name, hub_model_id=f"user/{name}"), "--push_to_hub"],
            }
            for name, token in (("amuse-mine", "hf_loopback"), ("taken", "hf_loopback"), ("without-token", None))
        ]
        variables = server.environment(tmp_path / "home")
        result = run(ROOT / "tests" / "run_scripts.py", json.dumps(runs), variables=variables)
        assert result.returncode == 0, result.stderr
        done, refused, without_token = json.loads(result.stdout.splitlines()[-1])
        repository = server.repositories["model", "user/amuse-mine"]
    assert not done
    files = repository.commits[repository.head]
    assert files["model.safetensors"].content == (tmp_path / "amuse-mine" / "model.safetensors").read_bytes()
    assert b"amuse-mine" in files["README.md"].content and "modeling_amuse.py" in files
    assert not {"recipe.yaml", "training_history.json"} & files.keys()  # they contain paths on this machine
    assert "user/taken exists and contains something else" in refused and "no token for the Hub" in without_token
    assert not (tmp_path / "taken").exists() and not (tmp_path / "without-token").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"push_to_hub": True}, "--push_to_hub needs --hub_model_id user/name"),
        ({"hub_model_id": "user/amuse"}, "has no effect without --push_to_hub"),
        ({"push_to_hub": True, "hub_model_id": "amuse"}, "--hub_model_id 'amuse' has no owner"),
    ],
)
def test_wrong_options_are_said_before_the_training(data, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        train.main([*data, *words(output_dir=tmp_path / "model", **options)])
    assert not (tmp_path / "model").exists()
