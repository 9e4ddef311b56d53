"""Encoders of transformers inside the model: text, audio and vision, small random ones and a real one."""

import pytest
import torch
from transformers import (
    ASTConfig,
    AutoTokenizer,
    BertConfig,
    CLIPVisionConfig,
    ViTConfig,
    Wav2Vec2Config,
    WhisperConfig,
)

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from processing.conversation_dataset import ConversationDataset
from processing.encoder_states import frozen_text_states
from processing.load_conversations import load_conversations

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
SHAPE = (2, 3)  # conversations, utterances
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])
SPEAKERS = torch.tensor([[0, 1, 0], [0, 0, 0]])

WAV2VEC2 = Wav2Vec2Config(
    **SMALL,
    **{"conv_dim": (8, 8), "conv_kernel": (10, 4), "conv_stride": (5, 4), "num_feat_extract_layers": 2},
    **{"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "do_stable_layer_norm": True},
    **{"feat_extract_norm": "layer", "mask_time_prob": 0.0},
)
WHISPER = WhisperConfig(
    **{"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "num_mel_bins": 4},
    **{"encoder_ffn_dim": 8, "max_source_positions": 10, "vocab_size": 20, "pad_token_id": 0, "bos_token_id": 1},
    **{"eos_token_id": 2, "decoder_start_token_id": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 8},
)
AST = ASTConfig(**SMALL, num_mel_bins=16, max_length=24, patch_size=8, frequency_stride=8, time_stride=8)
IMAGES = {"image_size": 8, "patch_size": 4}


def model_with(**fields) -> AmuseForEmotionRecognition:
    torch.manual_seed(0)
    config = AmuseConfig(hidden_size=16, num_attention_heads=2, num_labels=3, initializer_range=0.3, **fields)
    return AmuseForEmotionRecognition(config).eval()


def logits(model, **inputs) -> torch.Tensor:
    with torch.no_grad():
        return model(utterance_mask=MASK, speaker_ids=SPEAKERS, **inputs).logits


@pytest.mark.parametrize(
    ("config", "values", "steps"),
    [
        (WAV2VEC2, torch.randn(*SHAPE, 400), 400),
        (WHISPER, torch.randn(*SHAPE, 4, 20), 20),
        (AST, torch.randn(*SHAPE, 24, 16), 24),
    ],
    ids=["wav2vec2", "whisper", "ast"],
)
def test_audio_encoders(config, values, steps):
    model = model_with(audio_config=config, text_feature_size=5)
    counts = torch.tensor([[steps, steps // 2, 0], [steps // 2, steps, 0]])
    mask = (torch.arange(steps) < counts[..., None]).long()
    text = torch.randn(*SHAPE, 2, 5)
    with torch.no_grad():
        outputs = model(
            audio_values=values, audio_mask=mask, text_features=text, utterance_mask=MASK, speaker_ids=SPEAKERS
        )
    assert outputs.modality_mask[0].tolist() == [[True, True], [True, True], [True, False]]
    assert torch.isfinite(outputs.logits).all()
    other = values.clone()
    other[0, 2] = 5.0  # an utterance whose audio is masked
    assert torch.equal(logits(model, audio_values=other, audio_mask=mask, text_features=text), outputs.logits)
    other[0, 0] = 5.0
    assert not torch.equal(logits(model, audio_values=other, audio_mask=mask, text_features=text), outputs.logits)


def test_the_padding_of_a_waveform_changes_nothing():
    model, values = model_with(audio_config=WAV2VEC2), torch.randn(*SHAPE, 400)
    mask = (torch.arange(600) < 400).long().expand(*SHAPE, 600)
    padded = torch.cat([values, torch.zeros(*SHAPE, 200)], dim=2)
    torch.testing.assert_close(
        logits(model, audio_values=padded, audio_mask=mask), logits(model, audio_values=values), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(
    "config", [ViTConfig(**SMALL, **IMAGES), CLIPVisionConfig(**SMALL, **IMAGES)], ids=["vit", "clip"]
)
def test_image_encoders_read_faces_and_background_frame_by_frame(config):
    model = model_with(vision_config=config, background_feature_size=8)
    faces, background = torch.randn(*SHAPE, 4, 3, 8, 8), torch.randn(*SHAPE, 2, 3, 8, 8)
    mask = torch.tensor([1, 0, 1, 1]).expand(*SHAPE, 4)
    inputs = {"pixel_values": faces, "vision_mask": mask, "background_pixel_values": background}
    before = logits(model, **inputs)
    other = faces.clone()
    other[:, :, 1] = 9.0  # no face was found in this frame
    assert torch.equal(logits(model, **{**inputs, "pixel_values": other}), before)
    assert not torch.equal(logits(model, **{**inputs, "background_pixel_values": background + 1}), before)


@pytest.mark.parametrize("missing", ["text", "audio", "vision"])
def test_every_parameter_of_three_trained_encoders_gets_a_gradient(missing):
    bert = BertConfig(**SMALL, vocab_size=20)
    model = model_with(text_config=bert, audio_config=WHISPER, vision_config=ViTConfig(**SMALL, **IMAGES)).train()
    inputs = {
        "text": {"input_ids": torch.randint(1, 20, (*SHAPE, 4))},
        "audio": {"audio_values": torch.randn(*SHAPE, 4, 20)},
        "vision": {"pixel_values": torch.randn(*SHAPE, 2, 3, 8, 8)},
    }
    del inputs[missing]
    given = {key: value for part in inputs.values() for key, value in part.items()}
    model(
        **given, utterance_mask=MASK, speaker_ids=SPEAKERS, labels=torch.zeros(SHAPE, dtype=torch.long)
    ).loss.backward()
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert [name for name, parameter in trained if parameter.grad is None] == []


def test_a_real_encoder(encoders_dir, tmp_path):
    folder = str(encoders_dir / "all-MiniLM-L6-v2")
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(folder, freeze_text_encoder=True, num_labels=7)
    model.eval()
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(folder))
    conversations = load_conversations("sample", cache_dir=str(tmp_path)).splits["test"].select(range(4))
    table = frozen_text_states(conversations, processor, model.amuse.encoder("text"), str(tmp_path))
    raw, cached = ConversationDataset(conversations, {}), ConversationDataset(conversations, {"text": table})
    with torch.no_grad():
        from_text = model(**processor([raw[n] for n in range(4)]))
        from_states = model(**processor([cached[n] for n in range(4)]))
        alone = model(**processor([raw[2]]))
    torch.testing.assert_close(from_states.logits, from_text.logits, atol=1e-5, rtol=0)
    number = len(raw[2]["utterances"])
    torch.testing.assert_close(alone.logits[0, :number], from_text.logits[2, :number], atol=1e-5, rtol=0)
    model.save_pretrained(tmp_path / "saved")
    loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path / "saved")
    with torch.no_grad():
        assert torch.equal(loaded(**processor([raw[2]])).logits, alone.logits)
