"""What users of transformers expect: default models, errors for unknown keywords, and a processor that fits its model."""

import json
import logging

import pytest
import torch
from transformers import AutoTokenizer, pipeline

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseModel, AmuseProcessor
from modeling_amuse.processing.evaluation.emotion_metric import EmotionMetric, trainer_metrics
from tests.small_models import random_batch, save_recording_model, small_model

EMOTIONS = ["neutral", "joy", "anger"]
TALK = [{"speaker": "Ada", "text": "leave me alone"}, {"speaker": "Ben", "text": "oh no"}]


@pytest.mark.parametrize("of", [AmuseModel, AmuseForEmotionRecognition])
def test_the_default_configuration_builds_a_model_of_text(of):
    with torch.device("meta"):  # the size of MPNet
        model = of(AmuseConfig())
    assert model.config.modalities == ("text",) and model.config.text_config.model_type == "mpnet"
    assert model.config.text_feature_size == model.config.text_config.hidden_size
    assert AmuseConfig().modalities == ()  # the model alone decides
    assert AmuseConfig.from_dict(model.config.to_dict()).modalities == ("text",)


@pytest.mark.parametrize("foreign", ["attention_mask", "token_type_ids", "text_maks", "labls"])
def test_the_model_refuses_a_keyword_that_nobody_knows(foreign):
    model, batch = small_model(), random_batch()
    given = {**batch, foreign: torch.ones(2, 5)}
    for call in (model, model.amuse, model.get_text_features):
        inputs = given if call is model else {k: v for k, v in given.items() if k not in ("labels",)}
        with pytest.raises(TypeError, match=f"does not accept {foreign}"):
            call(**inputs)
    if "mask" in foreign:
        with pytest.raises(TypeError, match="text_mask, audio_mask, vision_mask"):
            model(**given)


def test_what_transformers_itself_passes_is_taken():
    model, batch = small_model(), random_batch()
    outputs = model(**batch, output_attentions=True, output_hidden_states=True, return_dict=True, num_items_in_batch=8)
    assert outputs.attentions and outputs.hidden_states
    model.get_audio_features(**batch)  # the whole batch can be given, including the labels
    model.amuse(**batch)


@pytest.fixture(scope="module")
def folder(tiny_text_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("amuse-tiny")
    save_recording_model(folder, tiny_text_encoder[0], EMOTIONS)
    return folder


def test_the_processor_refuses_a_keyword_that_no_part_takes(folder):
    processor = AmuseProcessor.from_pretrained(folder)
    for foreign in ("attention_mask", "modalites", "conversation", "return_label"):
        with pytest.raises(TypeError, match=f"does not accept {foreign}"):
            processor(TALK, **{foreign: ["text"]})
    short = processor(TALK, text_kwargs={"max_length": 4, "truncation": True})
    assert short["input_ids"].shape[-1] <= 4
    assert processor(TALK, max_length=4, truncation=True)["input_ids"].shape == short["input_ids"].shape


def test_the_folder_of_an_encoder_is_no_processor_of_a_model(tiny_text_encoder):
    with pytest.raises(ValueError, match=r"no processor_config.json of an AMuSE.*AutoTokenizer.from_pretrained"):
        AmuseProcessor.from_pretrained(tiny_text_encoder[0])


def with_emotions(folder, target, emotions):
    """The same folder with a processor that has other emotions."""
    AmuseForEmotionRecognition.from_pretrained(folder).save_pretrained(target)
    processor = AmuseProcessor.from_pretrained(folder)
    processor.emotions = emotions
    processor.save_pretrained(target)
    return str(target)


@pytest.mark.parametrize("emotions", [["joy", "neutral", "anger"], ["neutral", "joy"], ["neutral", "joy", "wrath"]])
def test_a_processor_with_other_emotions_than_the_model_is_told(folder, tmp_path, emotions, caplog, monkeypatch):
    other = with_emotions(folder, tmp_path, emotions)
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    monkeypatch.setattr(logging.getLogger("modeling_amuse"), "propagate", True)
    with caplog.at_level(logging.WARNING):
        AmuseProcessor.from_pretrained(other)
    assert f"has the emotions {', '.join(emotions)}, but the model has neutral, joy, anger" in caplog.text
    with pytest.raises(ValueError, match="but the model has neutral, joy, anger"):
        pipeline("emotion-recognition", model=other, device="cpu")


def test_a_model_without_names_answers_with_those_of_its_processor(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    model = AmuseForEmotionRecognition.from_pretrained(folder)
    model.config.id2label = {label: f"LABEL_{label}" for label in range(3)}
    model.config.label2id = {name: label for label, name in model.config.id2label.items()}
    model.save_pretrained(tmp_path)
    AmuseProcessor.from_pretrained(folder).save_pretrained(tmp_path)
    recognizer = pipeline("emotion-recognition", model=str(tmp_path), device="cpu")
    assert {said["emotion"] for said in recognizer(TALK)} <= set(EMOTIONS)
    assert list(recognizer(TALK)[0]["scores"]) == EMOTIONS == list(config["id2label"].values())


def test_a_processor_without_emotions_says_nothing(folder, tiny_text_encoder):
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]))
    model = AmuseForEmotionRecognition.from_pretrained(folder)
    recognizer = pipeline("emotion-recognition", model=model, processor=processor, device="cpu")
    assert list(recognizer(TALK)[0]["scores"]) == EMOTIONS


def test_the_metric_names_a_mismatch_of_classes():
    from transformers import EvalPrediction

    logits, labels = torch.randn(2, 3, 4).numpy(), torch.tensor([[0, 1, -100], [3, 2, 0]]).numpy()
    trainer_metrics([*EMOTIONS, "fear"], num_resamples=0)(EvalPrediction(logits, labels))
    with pytest.raises(ValueError, match=r"scores 4 classes, but 3 emotions are given \(neutral, joy, anger\)"):
        trainer_metrics(EMOTIONS)(EvalPrediction(logits, labels))
    with pytest.raises(ValueError, match="There are labels 3, but only 3 emotions are given"):
        trainer_metrics(EMOTIONS)(EvalPrediction(logits[..., :3], labels))
    with pytest.raises(ValueError, match="scores 2 classes, but 3 emotions"):
        EmotionMetric(keep_in_memory=True).compute(
            prediction_scores=[[0.5, 0.5]], references=[0], conversations=[0], emotions=EMOTIONS
        )
