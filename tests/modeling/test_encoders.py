"""Encoders of transformers inside the model for text, audio and vision: small random ones and a real one."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    AutoFeatureExtractor,
    AutoModel,
    AutoTokenizer,
    BeitConfig,
    BertConfig,
    CLIPVisionConfig,
    Data2VecAudioConfig,
    Dinov2Config,
    MoonshineConfig,
    MPNetConfig,
    SeamlessM4TFeatureExtractor,
    SiglipVisionConfig,
    Speech2TextConfig,
    ViTConfig,
    Wav2Vec2BertConfig,
    Wav2Vec2Config,
    Wav2Vec2ConformerConfig,
    Wav2Vec2FeatureExtractor,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor, encoders, modeling_amuse
from modeling_amuse.encoders import encode_audio, encoder_from_config
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.encoder_states import encoder_record, frozen_text_states
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.media_warnings import collected_warnings
from modeling_amuse.recording_states import recording_encoders

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
    with pytest.raises(ValueError, match="audio_mask has a 0 before a 1: pad sounds on the right"):
        logits(model, audio_values=values, audio_mask=mask.flip(-1), text_features=text)


SOUNDS = {
    # the input of each encoder, the number of its samples or frames, and the number of states that the encoder returns for them
    "wav2vec2": (WAV2VEC2, (400,), [400, 205, 20, 0], [19, 10, 0, 0]),
    "whisper": (WHISPER, (4, 20), [20, 9, 1, 0], [10, 5, 1, 0]),
    "ast": (AST, (24, 16), [24, 12, 1, 0], [3 * 2, 2 * 2, 1 * 2, 0]),
}


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("pooling", [1, 4])
def test_states_of_sound_end_with_the_sound(name, pooling):
    config, shape, lengths, states = SOUNDS[name]
    model = model_with(audio_config=config, audio_token_pooling=pooling)
    values, longest = torch.randn(4, *shape), max(lengths)
    mask = (torch.arange(longest) < torch.tensor(lengths)[:, None]).long()
    with torch.no_grad():
        encoded, valid = model.amuse.encode_stream("audio", values, mask)
        single, single_valid = model_with(audio_config=config).amuse.encode_stream("audio", values, mask)
        _, everything_valid = model.amuse.encode_stream("audio", values)
    expected = [-(-number // pooling) for number in states]
    assert encoded.shape == (4, expected[0], 8) and valid.shape == encoded.shape[:2]
    assert valid.sum(dim=1).tolist() == expected
    assert everything_valid.all() and everything_valid.shape[1] == expected[0]
    for row in range(4):
        own = single[row, single_valid[row]].split(pooling)
        for pool, state in zip(own if states[row] else [], encoded[row, valid[row]], strict=True):
            torch.testing.assert_close(state, pool.mean(dim=0), atol=1e-6, rtol=0)


def test_states_of_patches_stand_in_the_order_of_time():
    # AST without attention between patches: each state depends only on its own patch
    model = model_with(audio_config=AST).amuse
    for layer in model.audio_model.layers:
        torch.nn.init.zeros_(layer.attention.v_proj.weight)
    silence = torch.zeros(1, 24, 16)
    for time in range(3):
        sound = silence.clone()
        sound[:, 8 * time : 8 * (time + 1)] = 1.0
        with torch.no_grad():
            changed = (model.encode_stream("audio", sound)[0] - model.encode_stream("audio", silence)[0]).abs() > 1e-5
        assert changed[0].any(dim=1).nonzero().flatten().tolist() == [2 * time, 2 * time + 1]  # two bands


def test_states_beyond_the_sound_change_nothing():
    for config, shape, lengths, _ in SOUNDS.values():
        model = model_with(audio_config=config, audio_token_pooling=2)
        mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
        with torch.no_grad():
            states, valid = model.amuse.encode_stream("audio", torch.randn(4, *shape), mask)
            speakers = torch.zeros(1, 4, dtype=torch.long)
            before = model(audio_features=states[None], audio_mask=valid[None], speaker_ids=speakers).logits
            other = states.masked_fill(~valid[..., None], float("nan"))
            after = model(audio_features=other[None], audio_mask=valid[None], speaker_ids=speakers).logits
        assert torch.equal(before, after)


STREAMS = {
    # fields of the configuration, name of the raw input, raw input of one utterance, size that its mask counts
    "text": ({"text_config": BertConfig(**SMALL, vocab_size=20)}, "input_ids", (5,), 5),
    "audio": ({"audio_config": WHISPER, "audio_token_pooling": 3}, "audio_values", (4, 20), 20),
    "vision": ({"vision_config": ViTConfig(**SMALL, **IMAGES)}, "pixel_values", (4, 3, 8, 8), 4),
    "background": (
        {"vision_config": ViTConfig(**SMALL, **IMAGES), "background_feature_size": 8},
        *("background_pixel_values", (4, 3, 8, 8), 4),
    ),
}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("masked", [True, False])
def test_states_computed_once_stand_in_for_raw_input(stream, masked):
    fields, name, shape, width = STREAMS[stream]
    model = model_with(**fields, **({} if stream == "text" else {"text_feature_size": 5}))
    values = torch.randint(1, 20, (*SHAPE, *shape)) if stream == "text" else torch.randn(*SHAPE, *shape)
    mask = (torch.arange(width) < torch.tensor([[width, 2, 0], [1, width, 0]])[..., None]).long() if masked else None
    other = {} if stream == "text" else {"text_features": torch.randn(*SHAPE, 2, 5)}
    with torch.no_grad():
        states, valid = model.amuse.encode_stream(stream, values.flatten(0, 1), mask.flatten(0, 1) if masked else None)
    assert states.shape[:2] == valid.shape and states.shape[2] == 8 and valid.dtype == torch.bool
    encoded = {f"{stream}_features": states.unflatten(0, SHAPE), f"{stream}_mask": valid.unflatten(0, SHAPE)}
    from_states = logits(model, **encoded, **other)
    raw = {name: values, **({f"{stream}_mask": mask} if masked else {}), **other}
    torch.testing.assert_close(logits(model, **raw), from_states, atol=1e-6, rtol=0)
    torch.testing.assert_close(logits(model, **raw, utterances_per_chunk=2), from_states, atol=1e-6, rtol=0)
    if other:
        assert not torch.allclose(logits(model, **other), from_states, atol=1e-4)  # the mask counts streams


def test_pooling_leaves_given_features_as_they_are():
    model = model_with(audio_feature_size=3, audio_token_pooling=5)
    features = torch.randn(*SHAPE, 7, 3)
    assert torch.equal(
        logits(model, audio_features=features), logits(model_with(audio_feature_size=3), audio_features=features)
    )


def test_only_what_has_an_encoder_is_encoded():
    model = model_with(text_feature_size=5).amuse
    with pytest.raises(ValueError, match="no text encoder: give text_features of size 5"):
        model.encode_stream("text", torch.ones(1, 2, dtype=torch.long))
    for stream in ("audio", "adio", "background"):
        with pytest.raises(ValueError, match=f"no stream '{stream}'"):
            model.encode_stream(stream, torch.ones(1, 2))


def test_the_padding_of_a_waveform_changes_nothing():
    model, values = model_with(audio_config=WAV2VEC2), torch.randn(*SHAPE, 400)
    mask = (torch.arange(600) < 400).long().expand(*SHAPE, 600)
    padded = torch.cat([values, torch.zeros(*SHAPE, 200)], dim=2)
    torch.testing.assert_close(
        logits(model, audio_values=padded, audio_mask=mask), logits(model, audio_values=values), atol=1e-5, rtol=0
    )


GROUP_NORM = Wav2Vec2Config(**{**WAV2VEC2.to_dict(), "feat_extract_norm": "group", "do_stable_layer_norm": False})
WAV2VEC2_BERT = Wav2Vec2BertConfig(
    **SMALL, feature_projection_input_dim=160, conv_depthwise_kernel_size=3, mask_time_prob=0.0, vocab_size=9
)


@pytest.mark.parametrize(
    ("extractor", "window"),
    [(WhisperFeatureExtractor(chunk_length=1), 1.0), (ASTFeatureExtractor(max_length=50), 0.5)],
)
def test_sound_beyond_the_window_of_the_encoder_is_told(extractor, window):
    processor = AmuseProcessor(feature_extractor=extractor)
    assert processor.window_seconds == window
    for seconds, told in ((window, 0), (2 * window, 1)):
        with collected_warnings() as warnings:
            processor.audio_inputs([np.ones(round(16000 * seconds), np.float32)])
        assert len([w for w in warnings if f"longer than {window:g} s, the window" in w]) == told
    assert AmuseProcessor(feature_extractor=Wav2Vec2FeatureExtractor()).window_seconds == float("inf")


CONVOLUTIONS = {
    k: v for k, v in WAV2VEC2.to_dict().items() if k.startswith(("conv_", "num_", "hidden", "inter", "mask_"))
}
DATA2VEC = Data2VecAudioConfig(**{**CONVOLUTIONS, "num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 3})
CONFORMER = Wav2Vec2ConformerConfig(**CONVOLUTIONS, feat_extract_norm="layer", conv_depthwise_kernel_size=3)


@pytest.mark.parametrize(
    "config",
    [WAV2VEC2, GROUP_NORM, WAV2VEC2_BERT, DATA2VEC, CONFORMER],
    ids=["layer", "group", "bert", "data2vec", "conformer"],
)
@pytest.mark.parametrize("other", [0.3, 0.8])  # 0.8 s have as many frames as the input of W2V-BERT has bins
def test_what_stands_beside_a_sound_in_a_batch_changes_nothing(config, other):
    is_bert = isinstance(config, Wav2Vec2BertConfig)
    extractor = SeamlessM4TFeatureExtractor() if is_bert else Wav2Vec2FeatureExtractor()
    processor, model = AmuseProcessor(feature_extractor=extractor), model_with(audio_config=config)
    generator = torch.Generator().manual_seed(0)
    talks = [[0.05, other], [0.25]]
    talks = [
        [{"speaker": "Ada", "waveform": torch.randn(round(16000 * s), generator=generator).numpy()} for s in talk]
        for talk in talks
    ]
    with torch.no_grad():
        both = model(**processor(talks)).logits
        alone = [model(**processor(talk)).logits[0] for talk in talks]
        single = model(**processor(talks[0][:1])).modality_logits[0, 0]
        beside = model(**processor(talks)).modality_logits[0, 0]
    torch.testing.assert_close(both[0], alone[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(both[1, :1], alone[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(beside, single, atol=1e-5, rtol=0)


SMALL_SPEECH = {
    "encoder_layers": 1,
    "decoder_layers": 1,
    "d_model": 8,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 8,
}
S2T = Speech2TextConfig(
    **SMALL_SPEECH, input_feat_per_channel=4, conv_channels=8, conv_kernel_sizes=[3, 3], vocab_size=9
)
MOONSHINE = MoonshineConfig(
    **{f"{part}_num_{what}": n for part in ("encoder", "decoder") for what, n in (("hidden_layers", 1), ("attention_heads", 2))},
    **{"hidden_size": 16, "intermediate_size": 16, "vocab_size": 9},
)  # fmt: skip


@pytest.mark.parametrize(
    ("config", "lengths", "size"), [(S2T, (20, 60), (4,)), (MOONSHINE, (4000, 12000), ())], ids=["s2t", "moonshine"]
)
@torch.no_grad()
def test_other_encoders_of_sound_do_not_read_padding_either(config, lengths, size):
    torch.manual_seed(0)
    encoder = encoder_from_config(config).eval()
    values = torch.randn(2, max(lengths), *size)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    values[~mask] = 0
    states, valid = encode_audio(encoder, values, mask)
    for row, length in enumerate(lengths):
        alone, own = encode_audio(encoder, values[row : row + 1, :length], mask[row : row + 1, :length])
        assert int(valid[row].sum()) == int(own.sum()) > 0
        torch.testing.assert_close(states[row][valid[row]], alone[0][own[0]], atol=1e-5, rtol=0)


def test_an_encoder_that_reads_padding_is_not_exported(monkeypatch):
    encoder = encoder_from_config(GROUP_NORM)
    monkeypatch.setattr(encoders, "is_exporting", lambda: True)
    with pytest.raises(
        ValueError, match="of the type wav2vec2 reads padding, so it cannot be exported. Give audio_features"
    ):
        encode_audio(encoder, torch.zeros(1, 4000), torch.ones(1, 4000))


@pytest.mark.parametrize("config", [WAV2VEC2, GROUP_NORM, WAV2VEC2_BERT], ids=["layer", "group", "bert"])
def test_sounds_too_short_to_mask_are_trained_on(config):
    config = type(config)(**{**config.to_dict(), "mask_time_prob": 0.5, "mask_time_length": 10})
    is_bert = isinstance(config, Wav2Vec2BertConfig)
    extractor = SeamlessM4TFeatureExtractor() if is_bert else Wav2Vec2FeatureExtractor()
    processor, model = AmuseProcessor(feature_extractor=extractor), model_with(audio_config=config).train()
    short, long = (np.random.default_rng(0).normal(size=n).astype(np.float32) for n in (1600, 16000))
    for waveforms in ([short, None], [short, long]):
        talk = [{"speaker": "Ada", **({} if w is None else {"waveform": w})} for w in waveforms]
        assert torch.isfinite(model(**processor(talk)).logits).all()
    assert model.config.audio_config.apply_spec_augment


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_pictures_are_read_in_half_precision(dtype):
    beit = BeitConfig(**SMALL, **IMAGES)
    model = model_with(vision_config=beit).to(dtype)
    assert torch.isfinite(logits(model, pixel_values=torch.randn(*SHAPE, 2, 3, 8, 8))).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sound_is_read_in_half_precision(dtype):
    model = model_with(audio_config=WHISPER).to(dtype)
    values = torch.randn(*SHAPE, 4, 20)
    assert logits(model, audio_values=values).dtype == dtype


def test_states_of_a_tokenizer_that_pads_on_the_left_are_those_of_words(tmp_path):
    texts = ["what", "what is that over there"]
    config, tokenizer = small_text_encoder(texts, 300)
    torch.manual_seed(0)
    encoder = AutoModel.from_config(config, add_pooling_layer=False).eval()
    rows = Dataset.from_list(
        [{"id": "c", "utterances": [{"id": str(n), "speaker": "Ada", "text": t} for n, t in enumerate(texts)]}]
    )
    tables = {}
    for side in ("right", "left"):
        tokenizer.padding_side = side
        tables[side] = frozen_text_states(rows, AmuseProcessor(tokenizer), encoder, str(tmp_path))
    expected = encoder(**tokenizer(texts[:1], return_tensors="pt")).last_hidden_state[0]
    for table in tables.values():
        np.testing.assert_allclose(table.get("0"), expected.detach().numpy(), atol=1e-5)


def test_an_encoder_with_batch_norm_has_a_record():
    encoder = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    encoder.config = ViTConfig()
    record = encoder_record(encoder)
    encoder[1].num_batches_tracked += 1
    assert encoder_record(encoder)["weights"] != record["weights"]


def test_weights_of_a_type_and_of_a_revision(tiny_text_encoder, monkeypatch):
    build = AmuseForEmotionRecognition.from_text_audio_vision_pretrained
    model = build(tiny_text_encoder[0], dtype=torch.bfloat16, hidden_size=16)
    assert model.dtype == model.amuse.text_model.dtype == model.config.dtype == torch.bfloat16
    assert build(tiny_text_encoder[0], dtype="bfloat16", hidden_size=16).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="dtype is 'auto': give one of float32, float16, bfloat16"):
        build(tiny_text_encoder[0], dtype="auto", hidden_size=16)
    asked = []
    for name in ("encoder_config_from_pretrained", "encoder_from_pretrained"):
        original = getattr(modeling_amuse, name)

        def spy(*given, loader=original, **options):
            asked.append(options.pop("revision"))
            return loader(*given, **options)

        monkeypatch.setattr(modeling_amuse, name, spy)
    build(tiny_text_encoder[0], revision="v1", hidden_size=16)
    assert asked == ["v1", "v1"]


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
    other[:, :, 1] = 9.0  # a frame without a face
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
        torch.testing.assert_close(loaded(**processor([raw[2]])).logits, alone.logits, atol=1e-6, rtol=0)


def test_a_real_audio_encoder(encoders_dir):
    folder = encoders_dir / "whisper-base"
    if not folder.is_dir():
        pytest.skip("needs whisper-base in AMUSE_ENCODERS_DIR")
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    sound = 0.1 * torch.randn(int(0.31 * 16000), generator=torch.Generator().manual_seed(0)).numpy()
    given = extractor(sound, sampling_rate=16000, return_tensors="pt", return_attention_mask=True)
    values, mask = given["input_features"], given["attention_mask"]
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(audio=str(folder), num_labels=7).eval().amuse
    with torch.no_grad():
        expected = (
            WhisperModel.from_pretrained(folder).eval().encoder(values).last_hidden_state[:, :16]
        )  # 50 per second
        states, valid = model.encode_stream("audio", values, mask)
        model.config.audio_token_pooling = 5
        pooled, pooled_valid = model.encode_stream("audio", values, mask)
    assert valid.tolist() == [[True] * 16] and pooled_valid.tolist() == [[True] * 4]
    torch.testing.assert_close(states, expected, atol=1e-4, rtol=0)
    pools = [pool.mean(dim=1) for pool in expected.split(5, dim=1)]
    torch.testing.assert_close(pooled, torch.stack(pools, dim=1), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "config",
    [
        CLIPVisionConfig(**SMALL, **IMAGES),
        SiglipVisionConfig(**SMALL, **IMAGES),
        Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, **IMAGES),
    ],
    ids=["clip", "siglip", "dinov2"],
)
def test_encoders_with_weights_that_their_states_do_not_rest_on_are_trained_distributed(config, tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        model = torch.nn.parallel.DistributedDataParallel(model_with(vision_config=config).train())
        inputs = {"pixel_values": torch.randn(*SHAPE, 2, 3, 8, 8), "labels": torch.zeros(SHAPE, dtype=torch.long)}
        for _ in range(2):  # the second forward pass fails if a parameter had no part in the first backward pass
            model(**inputs, utterance_mask=MASK, speaker_ids=SPEAKERS).loss.backward()
        del model
    finally:
        torch.distributed.destroy_process_group()


def test_encoders_of_another_type_than_the_configuration_says_are_refused(tiny_text_encoder):
    config = AmuseConfig(text_config=MPNetConfig(**SMALL), hidden_size=8)
    with pytest.raises(ValueError, match="text encoder of the type mpnet, but .* is a bert"):
        AmuseForEmotionRecognition.from_text_audio_vision_pretrained(tiny_text_encoder[0], config=config)


def test_an_audio_encoder_of_another_sampling_rate_hears_no_recordings():
    processor = AmuseProcessor(feature_extractor=Wav2Vec2FeatureExtractor(sampling_rate=48000))
    with pytest.raises(ValueError, match="expects 48000 samples per second, but recordings are read at 16000"):
        recording_encoders(model_with(audio_config=WAV2VEC2).amuse, processor)


def test_a_cropped_window_depends_on_its_utterance_alone_and_the_whole_one_is_left_as_it_was():
    torch.manual_seed(0)
    model = model_with(audio_config=WhisperConfig(**(WHISPER.to_dict() | {"max_source_positions": 900})))
    lengths = torch.tensor([0, 1, 199, 200, 201, 640, 1800])
    values = torch.randn(len(lengths), 4, 1800)
    mask = torch.arange(1800) < lengths[:, None]
    encoder, read = model.amuse.encoder("audio"), []
    encoder.conv1.register_forward_hook(lambda module, inputs, output: read.append(tuple(inputs[0].shape)))
    with torch.no_grad():
        whole = model.amuse.encode_stream("audio", values, mask)
        model.config.crop_audio_window = True
        read.clear()
        states, valid = model.amuse.encode_stream("audio", values, mask)
        # 600 frames of silence after each sound, in steps of 200
        assert read == [(1, 4, 600), (3, 4, 800), (1, 4, 1000), (1, 4, 1400), (1, 4, 1800)]
        alone = [model.amuse.encode_stream("audio", values[i : i + 1], mask[i : i + 1])[0][0] for i in range(7)]
        assert torch.equal(valid, whole[1]) and valid.sum(dim=1).tolist() == [0, 1, 100, 100, 101, 320, 900]
        for row, by_itself in enumerate(alone):
            torch.testing.assert_close(states[row][valid[row]], by_itself[: int(valid[row].sum())])
        # a sound that fills the window has exactly the states of the whole window; those of shorter sounds differ slightly
        torch.testing.assert_close(states[6], whole[0][6])
        assert not torch.equal(states[2][:100], whole[0][2][:100])
        model.config.crop_audio_window = False
        torch.testing.assert_close(model.amuse.encode_stream("audio", values, mask), whole)
    assert encoder.config.max_source_positions == encoder.embed_positions.num_embeddings == 900
