"""AmuseConfig: the values that it accepts, refuses and saves."""

import pytest
from transformers import AutoConfig, AutoModel, BertConfig

import modeling_amuse
from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseModel

BERT = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 40}


def test_modalities_follow_encoders_and_feature_sizes():
    assert AmuseConfig().modalities == ()
    config = AmuseConfig(vision_feature_size=5, text_config={"model_type": "bert", **BERT})
    assert config.modalities == ("text", "vision")
    assert isinstance(config.text_config, BertConfig)
    assert config.text_feature_size == 12


def test_json_round_trip(tmp_path):
    config = AmuseConfig(
        text_config=BertConfig(**BERT),
        audio_feature_size=8,
        fusion="alfa",
        class_weights=[1.0, 2.0],
        id2label={0: "joy", 1: "fear"},
    )
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is AmuseConfig and loaded.to_diff_dict() == config.to_diff_dict()
    assert loaded.modalities == ("text", "audio")


def test_the_paper_is_a_preset():
    config = AmuseConfig.from_preset("paper", text_feature_size=4, audio_feature_size=4, num_man_layers=3)
    assert (config.head_aggregation, config.fusion, config.contrastive_loss) == ("mean", "alfa", "bank")
    assert config.num_man_layers == 3
    with pytest.raises(ValueError, match="no preset 'papper'; presets are paper"):
        AmuseConfig.from_preset("papper")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text_config": {"model_type": "bert", **BERT}, "text_feature_size": 13}, "text_feature_size is 13"),
        ({"background_feature_size": 3}, "give vision_feature_size"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "multiple of"),
        ({"hidden_dropout": 1.0}, "hidden_dropout must be"),
        ({"modality_dropout": -0.1}, "modality_dropout must be"),
        ({"audio_token_pooling": 0}, "audio_token_pooling must be 1"),
        ({"contrastive_temperature": 0}, "contrastive_temperature must be more than 0"),
        ({"class_weights": [1.0], "num_labels": 3}, "class_weights has 1 entries for 3"),
    ],
)
def test_contradictions_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        AmuseConfig(**fields)


@pytest.mark.parametrize("field", ["fusion", "contexts", "head_aggregation", "contrastive_loss"])
def test_unknown_choices_are_refused(field):
    with pytest.raises(Exception, match=field):
        AmuseConfig(**{field: "something"})


@pytest.mark.parametrize("number", [10**6, 10**10, 10**184, -1])
def test_a_number_of_emotions_that_no_model_has_is_refused_before_each_gets_a_name(number, tmp_path):
    with pytest.raises(ValueError, match="^(AmuseConfig: )?num_labels must be from 0 to 100,000"):
        AmuseConfig(text_feature_size=2, num_labels=number)
    encoder = {"model_type": "bert", "num_labels": number}
    with pytest.raises(ValueError, match=r"text_config.num_labels must be from 0 to 100,000"):
        AmuseConfig(text_config=encoder)
    config = AmuseConfig(text_feature_size=2, num_labels=3)
    config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="num_labels must be from 0 to 100,000"):
        AmuseConfig.from_pretrained(tmp_path, num_labels=number)
    with pytest.raises(ValueError, match="num_labels must be from 0 to 100,000"):
        config.num_labels = number
    assert config.num_labels == len(config.id2label) == 3


def test_a_memory_bank_needs_a_size():
    with pytest.raises(ValueError, match="memory_bank_size"):
        AmuseForEmotionRecognition(AmuseConfig(text_feature_size=4, audio_feature_size=4, contrastive_loss="bank"))


def test_auto_model_gives_the_class_that_was_saved(tmp_path):
    config = AmuseConfig(text_feature_size=4, hidden_size=8)
    for model_class in (AmuseForEmotionRecognition, AmuseModel):
        model_class(config).save_pretrained(tmp_path / model_class.__name__)
        assert type(AutoModel.from_pretrained(tmp_path / model_class.__name__)) is model_class
    assert type(AutoModel.from_config(AmuseConfig(text_feature_size=4, hidden_size=8))) is AmuseModel


def test_everything_public_is_documented():
    undocumented = [
        name for name in modeling_amuse.__all__ if name != "MODALITIES" and not getattr(modeling_amuse, name).__doc__
    ]
    assert undocumented == []


def test_an_encoder_without_tokens_of_one_size_is_refused():
    from transformers import ConvNextConfig

    with pytest.raises(ValueError, match="'convnext'.*needs token states of one size"):
        AmuseConfig(vision_config=ConvNextConfig())
