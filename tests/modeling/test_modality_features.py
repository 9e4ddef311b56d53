"""get_text_features, get_audio_features, get_vision_features: f_m of paper III-A."""

import numpy as np
import pytest
import torch
from transformers import ViTConfig, ViTImageProcessor, WhisperFeatureExtractor

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from tests.modeling.test_encoders import SMALL, WHISPER
from tests.small_models import random_batch, small_model, without

METHODS = {"text": "get_text_features", "audio": "get_audio_features", "vision": "get_vision_features"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return small_model(num_self_attention_layers=2)


def features_of(model, modality: str, batch: dict, **kwargs):
    with torch.no_grad():
        return getattr(model, METHODS[modality])(**batch, **kwargs)


@pytest.mark.parametrize("modality", METHODS)
def test_they_are_what_the_network_reads(model, modality):
    batch, read = random_batch(), []
    batch[f"{modality}_mask"][0, 1] = 0
    if modality == "vision":
        batch["background_mask"][0, 1] = 0
    hook = model.amuse.unimodal[modality].register_forward_hook(lambda module, inputs, output: read.append(output))
    with torch.no_grad():
        model(**batch)
    features = features_of(model, modality, batch)
    hook.remove()
    assert torch.equal(read[0].tokens.states, read[1].tokens.states)
    streams = ("vision", "background") if modality == "vision" else (modality,)
    counts = sum(batch[f"{stream}_mask"].sum(dim=2) for stream in streams) * batch["utterance_mask"]
    assert torch.equal(features.attention_mask.sum(dim=2), counts)
    assert features.last_hidden_state.shape == (2, 5, int(counts.max()), model.config.hidden_size)
    for b, t in ((0, 0), (1, 2)):
        mean = features.last_hidden_state[b, t, : counts[b, t]].mean(dim=0)
        torch.testing.assert_close(features.pooler_output[b, t], mean, atol=1e-6, rtol=0)
    assert (features.pooler_output[0, 1] == 0).all() and (features.last_hidden_state[0, 1] == 0).all()  # missing
    assert (features.pooler_output[1, 3:] == 0).all()  # padding


@pytest.mark.parametrize("modality", METHODS)
def test_masks_are_honoured(model, modality):
    batch = random_batch()
    other = {key: value.clone() for key, value in batch.items()}
    for stream in ("vision", "background") if modality == "vision" else (modality,):
        other[f"{stream}_features"][batch[f"{stream}_mask"] == 0] = float("nan")
        other[f"{stream}_features"][batch["utterance_mask"] == 0] = float("nan")
    before, after = features_of(model, modality, batch), features_of(model, modality, other)
    assert torch.equal(after.last_hidden_state, before.last_hidden_state)
    # tokens that are not masked have an effect
    other[f"{modality}_features"][0, 0, 0] += 1
    changed = (features_of(model, modality, other).pooler_output - before.pooler_output).abs().amax(dim=-1) > 1e-4
    assert changed.nonzero().tolist() == [[0, 0]]


@pytest.mark.parametrize("modality", METHODS)
def test_utterances_need_no_conversation(model, modality):
    batch = without(random_batch((3, 3)), "utterance", "speaker", "labels")
    whole = features_of(model, modality, batch, output_hidden_states=True, output_attentions=True)
    alone = features_of(
        model,
        modality,
        {name: rows.flatten(0, 1) for name, rows in batch.items()},
        output_hidden_states=True,
        output_attentions=True,
    )
    assert len(whole.hidden_states) == 3 and len(whole.attentions) == 2
    assert torch.equal(whole.hidden_states[-1], whole.last_hidden_state)
    for name in ("last_hidden_state", "pooler_output", "attention_mask"):
        assert torch.equal(alone[name], whole[name].flatten(0, 1))
    for name in ("hidden_states", "attentions"):
        assert all(torch.equal(a, b.flatten(0, 1)) for a, b in zip(alone[name], whole[name], strict=True))
    rows = whole.attentions[0].sum(dim=-1)
    torch.testing.assert_close(rows, torch.ones_like(rows))


def test_attentions_change_no_number(model):
    batch = random_batch()
    plain = features_of(model, "text", batch)
    recorded = features_of(model, "text", batch, output_attentions=True)
    assert plain.attentions is None and plain.hidden_states is None
    torch.testing.assert_close(recorded.last_hidden_state, plain.last_hidden_state, atol=1e-6, rtol=0)


def test_a_modality_that_the_model_lacks_is_refused():
    model = small_model(audio_feature_size=None)
    with pytest.raises(ValueError, match="no modality 'audio'"):
        model.get_audio_features(audio_features=torch.randn(1, 1, 2, 3))
    with pytest.raises(ValueError, match="None of the model's streams"):
        model.get_text_features()


@pytest.fixture(scope="module")
def encoders():
    """A processor with all parts, and a model with an encoder for each of them."""
    torch.manual_seed(0)
    text_config, tokenizer = small_text_encoder(["what was that noise", "only the cat"])
    text_config.update({**SMALL, "num_hidden_layers": 1})
    processor = AmuseProcessor(
        tokenizer,
        WhisperFeatureExtractor(feature_size=4, chunk_length=1),
        ViTImageProcessor(size={"height": 8, "width": 8}),
    )
    whisper = type(WHISPER)(**{**WHISPER.to_dict(), "max_source_positions": 50})
    vision = ViTConfig(**SMALL, image_size=8, patch_size=4)
    config = AmuseConfig(
        text_config=text_config, audio_config=whisper, vision_config=vision, hidden_size=16, num_attention_heads=2
    )
    return processor, AmuseForEmotionRecognition(config).eval()


def test_the_processor_and_the_model_take_utterances_without_conversations(encoders):
    processor, model = encoders
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 255, (12, 10, 3), dtype=np.uint8) for _ in range(2)]
    sounds = [generator.normal(size=size).astype(np.float32) for size in (4000, 1600)]
    texts = ["what was that noise", "only the cat"]
    inputs = processor(text=texts, audio=sounds, images=images)
    assert inputs["pixel_values"].shape == (2, 3, 8, 8) and inputs["input_ids"].dim() == 2
    talk = [
        {"speaker": "a", "text": text, "waveform": sound, "face_images": [image]}
        for text, sound, image in zip(texts, sounds, images, strict=True)
    ]
    batch = processor(talk)
    for modality in METHODS:
        alone, whole = features_of(model, modality, inputs), features_of(model, modality, batch)
        assert torch.equal(alone.pooler_output, whole.pooler_output[0])
        assert alone.pooler_output.abs().sum() > 0
    assert processor(text="only the cat", return_tensors="np")["input_ids"].shape[0] == 1
    nested = processor(images=[images, images[:1]])
    assert nested["pixel_values"].shape == (2, 2, 3, 8, 8) and nested["vision_mask"].tolist() == [[1, 1], [1, 0]]


def test_a_processor_takes_conversations_or_their_parts(encoders):
    processor, _ = encoders
    with pytest.raises(ValueError, match="Give either conversations"):
        processor()
    with pytest.raises(ValueError, match="Give either conversations"):
        processor([{"speaker": "a", "text": "oh"}], text="oh")
    with pytest.raises(ValueError, match="has no feature_extractor for audio"):
        AmuseProcessor()(audio=np.zeros(1600, np.float32))
    with pytest.raises(ValueError, match="return_tensors must be"):
        processor(text="oh", return_tensors="jax")
