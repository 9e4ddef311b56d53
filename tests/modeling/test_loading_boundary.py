"""Configurations, processors and model folders of unknown origin are refused by a ValueError or OSError that names them."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.loading_boundary import check_stated_sizes, load_boundary, name_without_folders
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from tests.fuzz.model_strategies import model_files


@pytest.fixture
def folder(tmp_path) -> Path:
    """A small trained model."""
    for name, content in model_files().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": "16"},
        {"hidden_size": 10**400},
        {"num_attention_heads": None},
        {"fusion": "melt"},
        {"fusion": ["gate"]},
        {"class_weights": {"joy": 1}},
        {"extra_emotions": {"other": "joy"}},
        {"text_config": "mpnet"},
        {"text_config": {"model_type": "no such type"}},
        {"id2label": 3},
        {"id2label": {"a": "joy"}},
        {"temperature": float("inf")},
        {"focal_gamma": float("nan")},
        *({"dtype": dtype} for dtype in ([], [1], [[1]], 3, True, "float33", "x.y", {"text_config": 3})),
        {"text_feature_size": 0},
        {"text_feature_size": -4},
    ],
)
def test_a_wrong_setting_is_a_value_error(settings, tmp_path):
    with pytest.raises(ValueError) as caught:
        AmuseConfig(**{"text_feature_size": 4, **settings})
    assert type(caught.value) is ValueError
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "amuse", "text_feature_size": 4, **settings}))
    with pytest.raises(ValueError, match=str(tmp_path)) as caught:
        AmuseConfig.from_pretrained(tmp_path)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_size": 2**30}, "more than the memory of this machine"),
        ({"num_man_layers": 10**6}, "num_man_layers is 1e.06, more than the 1,000"),
        ({"memory_bank_size": 2**31 - 1, "hidden_size": 4096}, "more than the memory of this machine"),
    ],
)
def test_a_size_that_no_machine_holds_is_refused_before_memory_is_taken(settings, message, tmp_path):
    config = AmuseConfig(text_feature_size=4, **settings)
    with pytest.raises(ValueError, match=message):
        check_stated_sizes(config)
    with pytest.raises(ValueError, match=message):
        AmuseForEmotionRecognition(config)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "amuse", "text_feature_size": 4, **settings}))
    with pytest.raises(ValueError, match=f"{tmp_path}.*{message}"):
        AmuseConfig.from_pretrained(tmp_path)


@pytest.mark.parametrize("setting", [{"hidden_act": "none such"}, {"num_attention_heads": 3}, {"vocab_size": -5}])
def test_a_wrong_setting_of_an_encoder_is_named_when_a_model_is_made(setting):
    encoder = {
        "model_type": "bert",
        "hidden_size": 8,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "vocab_size": 9,
    }
    config = AmuseConfig(text_config={**encoder, **setting}, hidden_size=8, num_attention_heads=2)
    with pytest.raises(ValueError, match="text_config") as caught:
        AmuseForEmotionRecognition(config)
    assert type(caught.value) is ValueError


def test_the_sizes_of_an_encoder_are_checked():
    encoder, _ = small_text_encoder(["a b"], 50)
    encoder.num_hidden_layers = 100_000
    with pytest.raises(ValueError, match="text_config.num_hidden_layers is 1e.05"):
        AmuseForEmotionRecognition(AmuseConfig(text_config=encoder))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 64),
        ("model.safetensors", (2**63).to_bytes(8, "little") + b"{}"),
        ("config.json", b"[" * 100_000),
        ("config.json", b"\xff\xfe"),
        ("config.json", b"[]"),
        ("config.json", b'"amuse"'),
    ],
)
def test_a_damaged_model_folder_is_named(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises((ValueError, OSError), match=str(folder)) as caught:
        AmuseForEmotionRecognition.from_pretrained(folder)
    assert type(caught.value) is ValueError or isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("processor_config.json", b"[" * 100_000),
        ("processor_config.json", b"[]"),
        ("processor_config.json", b"{}"),
        ("tokenizer.json", b"{}"),
        ("tokenizer.json", b'{"model": {}}'),
        ("tokenizer_config.json", b"[]"),
        ("config.json", b"[3]"),
    ],
)
def test_a_damaged_processor_is_named(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises((ValueError, OSError), match=str(folder)) as caught:
        AmuseProcessor.from_pretrained(folder)
    assert type(caught.value) is ValueError or isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": [0.0, 1e300]}, "mean has a number that is NaN, infinite or too large"),
        ({"mean": "ab"}, "mean is not a list of numbers"),
        ({"mean": ["1", "2"]}, "mean is not a list of numbers"),
        ({"std": [True, True]}, "std is not a list of numbers"),
        ({"std": 3.0}, "std is not a list of numbers"),
        ({"columns": ["a"]}, "its 'columns' are not 2 names"),
    ],
)
def test_statistics_that_are_none_are_refused(folder, change, message):
    path = folder / "processor_config.json"
    settings = json.loads(path.read_text())
    settings["feature_statistics"]["audio"].update(change)
    path.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=message):
        AmuseProcessor.from_pretrained(folder)


def test_no_path_of_this_machine_is_saved(folder, tmp_path):
    encoder_dir = tmp_path / "home" / "ada" / "all-MiniLM"
    encoder, _ = small_text_encoder(["a b"], 50)
    encoder.save_pretrained(encoder_dir)
    config = AmuseConfig(text_config=AutoConfig.from_pretrained(encoder_dir))
    assert config.text_config._name_or_path == str(encoder_dir)
    AmuseForEmotionRecognition(config).save_pretrained(folder / "saved")
    text = (folder / "saved" / "config.json").read_text()
    assert str(tmp_path) not in text and "ada" not in text and "all-MiniLM" in text
    shutil.copytree(folder / "saved", folder / "moved")
    again = AmuseForEmotionRecognition.from_pretrained(folder / "moved")
    again.save_pretrained(folder / "again")
    assert str(tmp_path) not in (folder / "again" / "config.json").read_text()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("bert-base-uncased", "bert-base-uncased"),
        ("/home/ada/encoders/mini", "mini"),
        ("../encoders/mini/", "mini"),
        ("~/mini", "mini"),
        ("C:\\Users\\ada\\mini", "mini"),
    ],
)
def test_the_name_of_an_encoder_has_no_folders(name, expected):
    assert name_without_folders(name) == expected


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        AssertionError("Torch not compiled with CUDA enabled"),
        TypeError("AmuseForEmotionRecognition.__init__() got an unexpected keyword argument 'num_heads'"),
    ],
)
def test_errors_of_the_machine_and_of_the_call_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, load_boundary("amuse-meld"):
        raise error
    assert caught.value is error
    with (
        pytest.raises(ValueError, match="amuse-meld takes more memory than this machine has"),
        load_boundary("amuse-meld"),
    ):
        raise MemoryError
    with pytest.raises(ValueError, match="amuse-meld cannot be loaded"), load_boundary("amuse-meld"):
        raise TypeError("'NoneType' object is not subscriptable")


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x08\x0a"])
def test_a_damaged_exported_model_is_named(tmp_path, content):
    pytest.importorskip("onnxruntime")
    from modeling_amuse.onnx_model import OnnxModel

    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"model\.onnx cannot be read .*: it is damaged: export the model again"
    ) as caught:
        OnnxModel(tmp_path)
    assert type(caught.value) is ValueError


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"[" * 100_000),
        ("config.json", b"[3]"),
        ("config.json", b"\xff\xfe"),
        ("config.json", b'{"model_type": "bert", "hidden_size": "x"}'),
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 64),
    ],
)
def test_a_damaged_pretrained_encoder_is_named(tiny_text_encoder, tmp_path, name, content):
    folder = shutil.copytree(tiny_text_encoder[0], tmp_path / "encoder")
    (folder / name).write_bytes(content)
    with pytest.raises((ValueError, OSError), match="encoder") as caught:
        AmuseForEmotionRecognition.from_text_audio_vision_pretrained(text=str(folder))
    assert type(caught.value) is ValueError or isinstance(caught.value, OSError)
    assert str(folder) in str(caught.value)
