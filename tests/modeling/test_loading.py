# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Loading and saving weights: safetensors only, device maps, offloading, weights of eight bits."""

import json
import shutil

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertModel

from modeling_amuse import AmuseForEmotionRecognition, AmuseModel, AmuseProcessor
from tests.small_models import random_batch, small_model

EMOTIONS = ["neutral", "joy", "sadness"]
TALK = [{"speaker": "Ada", "text": "oh no what is that"}, {"speaker": "Ben", "text": "leave me alone"}]


@pytest.fixture(scope="module")
def saved(tiny_text_encoder, tmp_path_factory):
    """A folder with a model and its processor, a batch, and the logits of the saved model."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("amuse-tiny")
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        audio_feature_size=2,
        hidden_size=32,
        initializer_range=0.3,
        id2label=dict(enumerate(EMOTIONS)),
    ).eval()
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), emotions=EMOTIONS)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    batch = processor(TALK)
    with torch.no_grad():
        return folder, batch, model(**batch).logits


@pytest.mark.parametrize("settings", [{"device_map": "cpu"}, {"device_map": "auto"}, {"low_cpu_mem_usage": True}])
def test_device_maps(saved, settings):
    folder, batch, logits = saved
    model = AmuseForEmotionRecognition.from_pretrained(folder, **settings)
    assert not any(tensor.is_meta for tensor in model.state_dict().values())
    with torch.no_grad():
        torch.testing.assert_close(model.to("cpu")(**batch).logits, logits, atol=1e-6, rtol=0)


def test_an_encoder_may_stay_on_the_disk(saved, tmp_path):
    folder, batch, logits = saved
    parts = [f"amuse.{name}" for name, _ in AmuseModel.from_pretrained(folder).named_children()]
    device_map = {**dict.fromkeys([*parts, "classifier"], "cpu"), "amuse.text_model": "disk"}
    model = AmuseForEmotionRecognition.from_pretrained(folder, device_map=device_map, offload_folder=tmp_path)
    assert all(weight.is_meta for weight in model.amuse.text_model.parameters())
    with torch.no_grad():
        torch.testing.assert_close(model(**batch).logits, logits, atol=1e-6, rtol=0)


@pytest.mark.parametrize("fusion", ["gate", "alfa"])
def test_every_part_may_lie_on_disk(fusion, tmp_path):
    model, batch = small_model(fusion=fusion), random_batch()
    model.save_pretrained(tmp_path / "saved")
    parts = [f"amuse.{name}" for name, part in model.amuse.named_children() if list(part.parameters())]
    offloaded = AmuseForEmotionRecognition.from_pretrained(
        tmp_path / "saved",
        device_map={**dict.fromkeys(parts, "disk"), "classifier": "cpu"},
        offload_folder=tmp_path / "offloaded",
    )
    assert all(weight.is_meta for weight in offloaded.amuse.parameters())
    with torch.no_grad():
        torch.testing.assert_close(offloaded(**batch).logits, model(**batch).logits, atol=1e-5, rtol=0)


def test_a_pickle_is_never_loaded(saved, tmp_path):
    folder = saved[0]
    shutil.copy(folder / "config.json", tmp_path)
    torch.save(AmuseForEmotionRecognition.from_pretrained(folder).state_dict(), tmp_path / "pytorch_model.bin")
    for loader in (AmuseForEmotionRecognition, AmuseModel, AutoModel):
        with pytest.raises(OSError, match="has no safetensors, only a pickle"):
            loader.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="use_safetensors=False"):
        AmuseForEmotionRecognition.from_pretrained(tmp_path, use_safetensors=False)
    shutil.copy(folder / "model.safetensors", tmp_path)
    AmuseForEmotionRecognition.from_pretrained(tmp_path)  # if there are safetensors, the pickle is not read


def test_an_encoders_pickle_is_never_loaded(tiny_text_encoder, tmp_path):
    shutil.copytree(tiny_text_encoder[0], tmp_path, dirs_exist_ok=True)
    torch.save(BertModel.from_pretrained(tmp_path).state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(OSError, match="model.safetensors"):
        AmuseForEmotionRecognition.from_text_audio_vision_pretrained(str(tmp_path))


def test_an_adapters_pickle_is_never_loaded(saved, tiny_text_encoder, tmp_path, monkeypatch):
    loaded = []
    monkeypatch.setattr(torch, "load", lambda *given, **options: loaded.append(given))
    for name in ("model", "encoder"):
        folder = shutil.copytree(saved[0] if name == "model" else tiny_text_encoder[0], tmp_path / name)
        adapter = {"peft_type": "LORA", "r": 2, "base_model_name_or_path": str(folder)}
        (folder / "adapter_config.json").write_text(json.dumps(adapter))
        (folder / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(OSError, match="is an adapter without adapter_model.safetensors"):
        AmuseForEmotionRecognition.from_pretrained(tmp_path / "model")
    with pytest.raises(OSError, match="is an adapter without adapter_model.safetensors"):
        AmuseForEmotionRecognition.from_pretrained(saved[0]).load_adapter(str(tmp_path / "model"))
    with pytest.raises(OSError, match="is an adapter without adapter_model.safetensors"):
        AmuseForEmotionRecognition.from_text_audio_vision_pretrained(str(tmp_path / "encoder"))
    assert not loaded


def test_before_and_after_are_scored_on_the_same_utterances(saved, tmp_path, monkeypatch):
    pytest.importorskip("torchao", reason="needs the extra quantize")
    from modeling_amuse.scripts import quantize
    from modeling_amuse.scripts.export import quantization

    folder = tmp_path / "model"
    shutil.copytree(saved[0], folder)
    settings = {"dataset_name": "folder", "split_seed": 7, "emotion_map": ["exc=joy"]}
    (folder / "training_history.json").write_text(json.dumps({"settings": settings}), encoding="utf-8")
    asked = []
    scored = dict.fromkeys(quantization.SCORES, 0.5)
    monkeypatch.setattr(quantization, "evaluate", lambda args: asked.append(args) or scored)
    monkeypatch.setattr(quantization, "quantize", lambda *_: None)
    given = [
        "--model",
        str(folder),
        "--dataset_name",
        "folder",
        "--data_file",
        "talks.csv",
        "--predictions",
        "p.parquet",
    ]
    quantize.main([*given, "--output_dir", str(tmp_path / "int8")])
    assert [(args.split_seed, args.emotion_map) for args in asked] == [(7, ["exc=joy"])] * 2
    assert [args.predictions for args in asked] == ["p_before.parquet", "p_after.parquet"]


def test_weights_of_eight_bits_are_scored_saved_and_loaded(saved, tmp_path, capsys):
    pytest.importorskip("torchao", reason="needs the extra quantize")
    from modeling_amuse.scripts import quantize

    folder, batch, logits = saved
    given = ["--model", str(folder), "--output_dir", str(tmp_path / "int8"), "--split", "test", "--modalities", "text"]
    scores = quantize.main([*given, "--num_resamples", "10", *_corpus(tmp_path)])
    printed = capsys.readouterr().out
    assert "MB before" in printed and "weighted_f1" in printed
    assert set(scores["before"]) == set(scores["after"])
    model = AmuseForEmotionRecognition.from_pretrained(tmp_path / "int8")
    with torch.no_grad():
        difference = (model(**batch).logits - logits).abs().max()
    assert 0 < difference < 0.1  # different numbers, but close
    size = {name: (name / "model.safetensors").stat().st_size for name in (folder, tmp_path / "int8")}
    assert size[tmp_path / "int8"] < size[folder]
    assert not list((tmp_path / "int8").glob("*.bin"))
    with pytest.raises(ValueError, match="already contains a model"):
        quantize.main([*given, *_corpus(tmp_path)])


def _corpus(folder) -> list[str]:
    utterances = [{**utterance, "emotion": emotion} for utterance, emotion in zip(TALK, EMOTIONS[1:], strict=True)]
    for split in ("train", "validation", "test"):
        (folder / f"{split}.jsonl").write_text(json.dumps({"id": split, "utterances": utterances}) + "\n")
    return ["--dataset_name", "folder", "--data_dir", str(folder), "--cache_dir", str(folder / "cache")]
