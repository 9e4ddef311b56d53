"""AmuseProcessor: from conversations to tensors."""

import numpy as np
import pytest
import torch
from transformers import (
    AutoProcessor,
    AutoTokenizer,
    ViTImageProcessor,
    Wav2Vec2FeatureExtractor,
    WhisperFeatureExtractor,
)

from modeling_amuse import AmuseProcessor

EMOTIONS = ["neutral", "joy"]
TALK = [
    {"speaker": "Ada", "text": "I am so happy", "emotion": "joy"},
    {"speaker": "Ben", "text": "oh no", "emotion": None},
    {"speaker": "Ada", "text": "", "emotion": "neutral"},
]


@pytest.fixture(scope="module")
def processor(tiny_text_encoder):
    return AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), emotions=EMOTIONS)


def test_conversations_become_padded_tensors(processor):
    batch = processor([TALK, {"id": "short", "utterances": [{"speaker": "Cy", "text": "leave me"}]}])
    assert batch["utterance_mask"].tolist() == [[True, True, True], [True, False, False]]
    assert batch["speaker_ids"].tolist() == [[0, 1, 0], [0, 0, 0]]
    assert batch["labels"].tolist() == [[1, -100, 0], [-100, -100, -100]]
    lengths = batch["text_mask"].sum(dim=2)
    assert lengths[0, 2] == 0 and (lengths[1, 1:] == 0).all()  # without text, the modality is missing
    decoded = processor.tokenizer.decode(batch["input_ids"][0, 0, : lengths[0, 0]], skip_special_tokens=True)
    assert decoded.strip() == "i am so happy"


def test_one_conversation_has_several_forms(processor):
    forms = [TALK, {"utterances": TALK}, [TALK], [{"id": "x", "utterances": TALK}]]
    batches = [processor(form) for form in forms]
    assert all(torch.equal(batch["input_ids"], batches[0]["input_ids"]) for batch in batches)


@pytest.mark.parametrize("settings", [{"max_length": 128}, {"padding": "longest", "padding_side": "left"}])
def test_settings_of_the_tokenizer_are_not_those_of_sound(tiny_text_encoder, settings):
    sound = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    talk = [{"speaker": "Ada", "text": "oh no", "waveform": sound}]
    extractor = WhisperFeatureExtractor(chunk_length=1)
    tokenizer = AutoTokenizer.from_pretrained(tiny_text_encoder[0], **settings)
    assert settings.items() <= tokenizer.init_kwargs.items()
    given = AmuseProcessor(tokenizer, extractor)(talk)
    alone = AmuseProcessor(None, extractor)(talk)
    assert given["audio_mask"].sum() == 50  # frames of 10 ms
    assert torch.equal(given["audio_values"], alone["audio_values"])


@pytest.mark.parametrize(
    "options",
    [{"padding": True, "truncation": True, "max_length": 12}, {"truncation": True}, {"pad_to_multiple_of": 8}],
)
@pytest.mark.parametrize("extractor", [WhisperFeatureExtractor(chunk_length=1), Wav2Vec2FeatureExtractor()])
def test_padding_and_truncation_of_a_call_are_those_of_the_text(tiny_text_encoder, options, extractor):
    sound = np.random.default_rng(0).normal(size=8000).astype(np.float32) / 10
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), extractor)
    talk = [{"speaker": "Ada", "text": "oh no " * 20, "waveform": sound}]
    alone, given = processor(talk), processor(talk, **options)
    for name in ("audio_values", "audio_mask"):
        assert torch.equal(given[name], alone[name])
    rows = processor(text=["oh no " * 20], audio=[sound], **options)
    assert torch.equal(rows["audio_values"], alone["audio_values"][0])
    if "max_length" in options:
        assert given["input_ids"].shape[-1] == rows["input_ids"].shape[-1] == 12
        of_sound = {"max_length": 4000, "truncation": True, "padding": "max_length"}
        cut, both = processor(talk, audio_kwargs=of_sound), processor(talk, audio_kwargs=of_sound, **options)
        assert cut["audio_values"].shape[-1] < alone["audio_values"].shape[-1]
        assert torch.equal(both["audio_values"], cut["audio_values"]) and both["input_ids"].shape[-1] == 12


def test_an_array_of_images_is_a_picture_a_row():
    size = {"height": 16, "width": 16}
    processor = AmuseProcessor(image_processor=ViTImageProcessor(size=size))
    images = np.random.default_rng(0).integers(0, 256, (4, 20, 20, 3), dtype=np.uint8)
    expected = processor(images=list(images))["pixel_values"]
    assert expected.shape == (4, 3, 16, 16) and torch.equal(processor(images=images)["pixel_values"], expected)
    of_two = processor(images=[images[:3], images[3:]])["pixel_values"]
    assert torch.equal(of_two, processor(images=[list(images[:3]), list(images[3:])])["pixel_values"])


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint8])
def test_samples_of_integers_are_scaled(kind):
    processor, middle = AmuseProcessor(None, WhisperFeatureExtractor(chunk_length=1)), 128 if kind == np.uint8 else 0
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, 8000)
    largest = np.iinfo(kind).max - middle
    whole = np.round(sound * largest + middle).astype(kind)
    given = processor([{"speaker": "Ada", "waveform": whole}])["audio_values"]
    of_floats = processor(
        [{"speaker": "Ada", "waveform": ((whole - float(middle)) / (largest + 1)).astype(np.float32)}]
    )
    torch.testing.assert_close(given, of_floats["audio_values"], atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match=r"floats must be in \[-1, 1\]: divide them"):
        processor([{"speaker": "Ada", "waveform": whole.astype(np.float32) * 100}])


def test_long_utterances_are_cut(tiny_text_encoder):
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), max_text_tokens=5)
    assert processor([{"speaker": "Ada", "text": "no " * 50}])["input_ids"].shape == (1, 1, 5)


def test_a_length_in_the_tokenizer_s_own_settings_does_not_count(tiny_text_encoder, tmp_path):
    talk = [{"speaker": "Ada", "text": "no " * 50}]
    tokenizer = AutoTokenizer.from_pretrained(tiny_text_encoder[0])
    tokenizer.backend_tokenizer.enable_truncation(max_length=9)  # as that of a sentence encoder
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "tokenizer")
    processor = AmuseProcessor(tokenizer, max_text_tokens=20)
    assert processor(talk)["input_ids"].shape == processor(text="no " * 50)["input_ids"][None].shape == (1, 1, 20)
    for given in ({"max_length": 4}, {"text_kwargs": {"max_length": 4}}):
        assert processor(talk, truncation=True, **given)["input_ids"].shape == (1, 1, 4)
    processor.save_pretrained(tmp_path / "processor")
    again = AmuseProcessor.from_pretrained(tmp_path / "processor")
    assert again(talk)["input_ids"].shape == (1, 1, 20)
    assert len(again.text_words([{"speaker": "Ada", "text": "no " * 50}]).word_of_piece[0]) == 20


def test_the_amounts_of_evidence_are_in_the_order_of_the_modalities_also_after_loading(tmp_path):
    evidence = {"vision": "tokens", "text": "words", "audio": "seconds"}
    processor = AmuseProcessor(evidence=evidence)
    talk = [{"speaker": "Ada", "text": "Where is my coat?", "start": 1.0, "end": 3.5}]
    processor.save_pretrained(tmp_path)
    for one in (processor, AmuseProcessor.from_pretrained(tmp_path)):
        assert one(talk)["evidence"].tolist() == [[[4.0, 2.5, 0.0]]]


def test_an_extractor_that_pads_on_the_left_is_refused():
    processor = AmuseProcessor(feature_extractor=Wav2Vec2FeatureExtractor(padding_side="left"))
    with pytest.raises(ValueError, match="pads on the left.*padding_side to 'right'"):
        processor(audio=[np.zeros(4000), np.zeros(1600)])


def test_features_are_normalized_padded_and_may_be_missing():
    processor = AmuseProcessor(feature_statistics={"audio": {"mean": [1.0, 10.0], "std": [2.0, 5.0]}})
    batch = processor(
        [
            {"speaker": "a", "audio_features": [[3, 15], [1, float("nan")]]},
            {"speaker": "b", "audio_features": np.array([1.0, 0.0])},
            {"speaker": "c", "audio_features": [[float("nan"), float("nan")]]},
            {"speaker": "d"},
        ]
    )
    assert batch["audio_features"][0].tolist() == [
        [[1, 1], [0, 0]],
        [[0, -2], [0, 0]],
        [[0, 0], [0, 0]],
        [[0, 0], [0, 0]],
    ]
    assert batch["audio_mask"].tolist() == [[[1, 1], [1, 0], [0, 0], [0, 0]]]
    assert "input_ids" not in batch and "labels" not in batch


def test_what_no_utterance_has_is_masked(processor):
    batch = processor([{"speaker": "a", "text": ""}])
    assert "input_ids" not in batch and batch["text_mask"].tolist() == [[[0]]]
    assert batch["labels"].tolist() == [[-100]]
    assert "labels" not in processor(TALK, return_labels=False)


def test_text_features_stand_in_for_the_tokenizer(processor):
    talk = [{"speaker": "a", "text": "oh", "text_features": np.ones((2, 3))}, {"speaker": "b", "text": " "}]
    batch = processor(talk)
    assert "input_ids" not in batch
    assert batch["text_mask"].tolist() == [[[1, 1], [0, 0]]]
    # whether a text is read does not depend on the other texts in the batch
    with pytest.raises(
        ValueError,
        match="Utterance 0 of conversation 1 has raw input for the text encoder, but other utterances of the batch",
    ):
        processor([talk, [{"speaker": "b", "text": "no"}]])


def test_modalities_can_be_left_out(processor):
    talk = [
        {
            "speaker": "a",
            "text": "oh no",
            "audio_features": [1.0],
            "vision_features": [2.0],
            "background_features": [3.0],
        }
    ]
    assert "vision_features" not in processor(talk, modalities=("text", "audio"))
    batch = processor(talk, modalities=("vision",))
    assert {"vision_features", "background_features"} <= set(batch) and not {"input_ids", "audio_features"} & set(batch)


def test_training_numbers_travel_along(processor):
    assert processor([{**u, "index": 7 + n} for n, u in enumerate(TALK)])["utterance_ids"].tolist() == [[7, 8, 9]]
    assert "utterance_ids" not in processor(TALK)


@pytest.mark.parametrize("with_tokenizer", [True, False])
def test_save_and_load_is_exact(processor, tmp_path, with_tokenizer):
    saved = AmuseProcessor(
        processor.tokenizer if with_tokenizer else None,
        emotions=EMOTIONS,
        feature_statistics={"audio": {"mean": [0.1], "std": [1 / 3]}},
        max_text_tokens=9,
    )
    saved.save_pretrained(tmp_path)
    # AutoProcessor finds the class by processor_class or by the model's configuration
    from modeling_amuse import AmuseConfig

    AmuseConfig().save_pretrained(tmp_path)
    for loaded in (AmuseProcessor.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)):
        assert type(loaded) is AmuseProcessor
        assert (loaded.tokenizer is not None) is with_tokenizer
        assert loaded.emotions == EMOTIONS and loaded.max_text_tokens == 9
        assert loaded.feature_statistics == saved.feature_statistics
        if with_tokenizer:
            assert torch.equal(loaded(TALK)["input_ids"], saved(TALK)["input_ids"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "Conversation 0 is empty"),
        ([[], TALK], "Conversation 0 is empty"),
        ({"id": "x", "utterances": []}, "Conversation x is empty"),
        ("hello", "Conversation 0 is a str"),
        (["hello"], "Utterance 0 of conversation 0 is a str"),
        ([{"text": "hello"}], "Utterance 0 of conversation 0 has no 'speaker'"),
        ([{"speaker": "a", "text": 3}], "text of utterance 0 of conversation 0 is a int"),
        ([{"speaker": " ", "text": "hello"}], "Utterance 0 of conversation 0 has no 'speaker'"),
        ({"utterances": 5}, "The utterances of conversation 0 are a int: give a list"),
        (
            [{"speaker": "a", "audio": 5}],
            "The audio of utterance 0 of conversation 0 is a int: give the path of a file",
        ),
        ([{"speaker": "a", "text": "oh", "start": float("nan"), "end": 1.0}], "its start is nan: give seconds"),
        ([{"speaker": "a", "text": "oh", "start": 0, "end": 10**400}], "its end is 1000.*: give seconds"),
        ([{**TALK[0], "emotion": "bliss"}], "has the emotion 'bliss', but the emotions are neutral, joy"),
        ([{"speaker": "a", "audio_features": [[1.0], [float("nan")]]}], "hold NaN"),
        ([{"speaker": "a", "audio_features": [float("inf")]}], "infinite"),
        ([{"speaker": "a", "audio_features": 3.0}], "must be of shape"),
        (
            [{"speaker": "a", "audio_features": [[1.0], [1.0, 2.0]]}],
            "Utterance 0 of .* audio_features are not an array",
        ),
        (
            [{"speaker": "a", "audio_features": ["loud"]}],
            "Utterance 0 of conversation 0: audio_features are not an array",
        ),
        ([{"speaker": "a", "audio_features": [[[1.0]]]}], "must be of shape"),
        (
            [{"speaker": "a", "audio_features": [1.0]}, {"speaker": "b", "audio_features": [1.0, 2.0]}],
            "different sizes",
        ),
    ],
)
def test_bad_input_is_refused(processor, given, message):
    with pytest.raises(ValueError, match=message):
        processor(given)


def test_features_of_another_size_than_in_training_are_refused():
    processor = AmuseProcessor(feature_statistics={"audio": {"mean": [1.0, 10.0], "std": [2.0, 5.0]}})
    with pytest.raises(ValueError, match="have size 3, but those of the training split had size 2"):
        processor([{"speaker": "a", "audio_features": [1.0, 2.0, 3.0]}])


def test_the_keys_of_an_utterance_are_those_of_its_type():
    from modeling_amuse.processing.conversation import RECORDING_KEYS, UTTERANCE_KEYS, Utterance
    from modeling_amuse.processing.processor_inputs import RAW_INPUTS

    assert set(Utterance.__annotations__) == {*UTTERANCE_KEYS, *RECORDING_KEYS, *RAW_INPUTS.values(), "index"}
