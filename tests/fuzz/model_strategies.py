"""Configurations, processor files and model folders with odd settings, missing files and damaged bytes."""

import functools
import json
import math
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from tests.fuzz.given_input import Given
from tests.fuzz.nasty_values import DEEP, damaged_bytes, damaged_head, nasty_texts, nasty_values

TALK = [
    {"speaker": "Ada", "text": "What was that noise?", "audio_features": [0.5, 1.0], "start": 0.0, "end": 1.0},
    {"speaker": "Ben", "text": "Only the cat.", "audio_features": [[0.1, -1.0], [2.0, 0.0]]},
]
EMOTIONS = ["joy", "anger", "fear"]
SETTINGS = sorted(
    {field.name for field in fields(AmuseConfig)} | {"id2label", "label2id", "num_labels", "dtype", "architectures"}
)


@functools.cache
def model_files() -> dict[str, bytes]:
    """The files of a small trained recognizer of text and voice."""
    torch.manual_seed(0)
    encoder, tokenizer = small_text_encoder([utterance["text"] for utterance in TALK], 100)
    encoder.update({"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1})
    names = dict(enumerate(EMOTIONS))
    config = AmuseConfig(
        text_config=encoder,
        audio_feature_size=2,
        hidden_size=8,
        num_attention_heads=2,
        num_man_layers=1,
        id2label=names,
        label2id={name: label for label, name in names.items()},
    )
    statistics = {"audio": {"mean": [0.0, 0.5], "std": [1.0, 2.0]}}
    with tempfile.TemporaryDirectory() as folder:
        AmuseForEmotionRecognition(config).save_pretrained(folder)
        AmuseProcessor(tokenizer, emotions=EMOTIONS, feature_statistics=statistics).save_pretrained(folder)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


@st.composite
def odd_settings(draw) -> Given:
    """Settings of a configuration as keyword arguments, or the `config.json` of a folder."""
    values = {
        "text_feature_size": 2,
        "audio_feature_size": 2,
        "hidden_size": 8,
        "num_attention_heads": 2,
        "num_man_layers": 1,
    }
    changed = {}
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(SETTINGS))
        own = getattr(AmuseConfig(), name, None) if name != "dtype" else None
        near = st.sampled_from([own, 0, -1, 1.0, "x", [1], {"a": 1}, 3, 10**9])
        changed[name] = draw(near | nasty_values())
    values |= changed
    if draw(st.booleans()):
        return Given(value=values, known=changed, what=f"{changed!r:.300}")
    text = json.dumps({"model_type": "amuse", **values}, default=str)
    damage = draw(st.integers(0, 9))
    if damage == 0:
        text = draw(
            st.sampled_from(
                [DEEP, "", "[]", "null", "3", '"x"', text[: len(text) // 2], f"[{text}]", text + text, "{}"]
            )
        )
    content = text.encode("utf-8", "replace")
    if damage == 1:
        content = draw(damaged_bytes(content))
    return Given({"config.json": content}, known=changed if damage > 1 else None, what=f"{changed!r:.300}")


def read_settings(path, given: Given):
    """
    Read a configuration.

    Raises:
        AssertionError: if its settings differ, or no model can be built from it.
    """
    config = AmuseConfig(**given.value) if path is None else AmuseConfig.from_pretrained(path)
    for field in fields(AmuseConfig):
        value = getattr(config, field.name)
        assert not (isinstance(value, float) and not math.isfinite(value)), f"{field.name} is {value}"
    for name, value in (given.known or {}).items():
        own = {
            "text_config",
            "audio_config",
            "vision_config",
            "id2label",
            "label2id",
            "num_labels",
            "dtype",
            "architectures",
        }
        if name not in own and value is not None and not name.endswith("_feature_size"):
            assert getattr(config, name) == value, f"{name} {value!r:.40} became {getattr(config, name)!r:.40}"
    assert len(config.id2label) == config.num_labels and set(config.id2label) == set(range(config.num_labels)), "labels"
    assert all(isinstance(name, str) for name in config.id2label.values()), "names of emotions"
    config.to_json_string()
    with torch.device("meta"):
        AmuseForEmotionRecognition(config)


@st.composite
def odd_processors(draw) -> Given:
    """The files of a processor without a tokenizer, with odd settings or damaged bytes."""
    values = json.loads(model_files()["processor_config.json"])
    values["parts"] = []
    what = []
    for _ in range(draw(st.integers(1, 2))):
        place = draw(
            st.sampled_from(
                (
                    "emotions",
                    "feature_statistics",
                    "max_text_tokens",
                    "feature_records",
                    "speaker_names",
                    "evidence",
                    "parts",
                    "statistics",
                    "limit",
                    "columns",
                    "processor_class",
                )
            )
        )
        value = draw(
            nasty_values()
            | st.sampled_from([[0.0, 0.0], [1.0, math.nan], ["a", "b"], [1, 2, 3], {"audio": 1}, {"text": "words"}])
        )
        what.append(f"{place}: {value!r:.80}")
        statistics = values.get("feature_statistics")
        audio = statistics.get("audio") if isinstance(statistics, dict) else None
        if place in ("statistics", "limit", "columns"):
            if isinstance(audio, dict):
                audio[draw(st.sampled_from(("mean", "std"))) if place == "statistics" else place] = value
        else:
            values[place] = value
    text = json.dumps(values, default=str)
    damage = draw(st.integers(0, 9))
    if damage == 0:
        text = draw(
            st.sampled_from([DEEP, "", "[]", "null", "3", text[: len(text) // 2], f"[{text}]", "{}", '{"parts": {}}'])
        )
    content = text.encode("utf-8", "replace")
    if damage == 1:
        content = draw(damaged_bytes(content))
    return Given({"processor_config.json": content}, what="; ".join(what))


def read_processor(path, given: Given):
    """
    Load a processor, and make a batch.

    Raises:
        AssertionError: if the batch has numbers that are not finite.
    """
    processor = AmuseProcessor.from_pretrained(path)
    batch = processor([{**utterance, "emotion": None} for utterance in TALK], return_tensors="np")
    for name, values in batch.items():
        assert np.isfinite(values).all() and np.abs(values).max(initial=0) < 1e30, f"{name} is not finite"


@st.composite
def odd_folders(draw) -> Given:
    """The files of a trained model. One of them is missing, damaged, or has other contents."""
    files = dict(model_files())
    name = draw(st.sampled_from(sorted(files)))
    what = draw(st.sampled_from(("missing", "bytes", "head", "empty", "other", "text", "key", "key", "header")))
    if what == "missing":
        del files[name]
    elif what == "empty":
        files[name] = b""
    elif what == "bytes":
        files[name] = draw(damaged_bytes(files[name]))
    elif what == "head":
        files[name] = draw(damaged_head(files[name], 4096))
    elif what == "other":
        files[name] = files[draw(st.sampled_from(sorted(files)))]
    elif what == "text":
        files[name] = draw(st.sampled_from([DEEP, "[]", "null", "{}", "1", '{"a": 1}']) | nasty_texts()).encode(
            "utf-8", "replace"
        )
    elif what == "header":
        name = "model.safetensors"
        size = draw(st.sampled_from([0, 1, 2**31, 2**63, 2**64 - 1, 100_000_001]))
        files[name] = size.to_bytes(8, "little") + files[name][8:]
    elif name.endswith(".json"):
        values = json.loads(files[name])
        key = draw(st.sampled_from(sorted(values)))
        values[key] = draw(nasty_values())
        what = f"key {key}: {values[key]!r:.100}"
        files[name] = json.dumps(values, default=str).encode("utf-8", "replace")
    return Given(files, what=f"{name}: {what}")


def read_model(path, given: Given):
    """
    Load a model folder, and recognize a conversation.

    Raises:
        AssertionError: if a score is not a probability.
    """
    model = AmuseForEmotionRecognition.from_pretrained(path).eval()
    processor = AmuseProcessor.from_pretrained(path)
    with torch.no_grad():
        outputs = model(**processor(TALK, return_labels=False))
    scores = (outputs.logits / model.config.temperature).softmax(dim=-1)
    assert scores.isfinite().all() and scores.shape[:2] == (1, 2), "scores are not finite"
