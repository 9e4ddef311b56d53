"""
transformers' `ConfigTester` and `ModelTesterMixin` on AMuSE's configuration and models.

It runs among transformers' own tests in a separate process: see tests/modeling/test_transformers_mixins.py.
"""

import unittest

import torch
from transformers import BertConfig, ViTConfig, WhisperConfig
from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseModel

from ...test_configuration_common import ConfigTester
from ...test_modeling_common import ModelTesterMixin, ids_tensor
from .not_applicable import skip_not_applicable

CONVERSATIONS, UTTERANCES = 2, 3
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}

# test_bc_torch_dtype writes all weights of a model into messages, which are then not shown. Few numbers are written faster.
torch.set_printoptions(threshold=1, edgeitems=1)

# This table lists the base models of transformers, which have no loss. `AutoModel.register` does not extend it.
MODEL_MAPPING_NAMES["amuse"] = "AmuseModel"


class AmuseModelTester:
    """A model in which each modality has an encoder (BERT, the encoder of Whisper, ViT), and a batch for it."""

    hidden_size = 16
    num_hidden_layers = 2
    num_attention_heads = 2
    text_tokens, audio_tokens, frames = 5, 4, 2
    # the number of tokens in the Multimodal Attention Network
    seq_length = text_tokens + audio_tokens + frames
    batch_size = CONVERSATIONS
    is_training = True

    def __init__(self, parent):
        self.parent = parent

    def get_config(self) -> AmuseConfig:
        return AmuseConfig(
            **self.modalities(),
            hidden_size=self.hidden_size,
            num_attention_heads=self.num_attention_heads,
            num_man_layers=self.num_hidden_layers,
            num_labels=4,
        )

    def modalities(self) -> dict:
        whisper = {
            **{"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "num_mel_bins": 4, "vocab_size": 20},
            **{"encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_source_positions": self.audio_tokens},
            **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_start_token_id": 1},
            **{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
        }
        return {
            "text_config": BertConfig(vocab_size=99, max_position_embeddings=20, **SMALL),
            "audio_config": WhisperConfig(**whisper),
            "vision_config": ViTConfig(image_size=8, patch_size=4, **SMALL),
        }

    def inputs(self) -> dict[str, torch.Tensor]:
        shape = (CONVERSATIONS, UTTERANCES)
        return {
            "input_ids": ids_tensor([*shape, self.text_tokens], 99),
            "text_mask": torch.ones(*shape, self.text_tokens, dtype=torch.long),
            "audio_values": torch.randn(*shape, 4, 2 * self.audio_tokens),
            "audio_mask": torch.ones(*shape, 2 * self.audio_tokens, dtype=torch.long),
            "pixel_values": torch.randn(*shape, self.frames, 3, 8, 8),
            "vision_mask": torch.ones(*shape, self.frames, dtype=torch.long),
        }

    def prepare_config_and_inputs_for_common(self) -> tuple[AmuseConfig, dict[str, torch.Tensor]]:
        conversations = {
            "utterance_mask": torch.ones(CONVERSATIONS, UTTERANCES, dtype=torch.long),
            "speaker_ids": torch.tensor([[0, 1, 0]] * CONVERSATIONS),
        }
        return self.get_config(), {**self.inputs(), **conversations}


class AmuseFeatureModelTester(AmuseModelTester):
    """A model that reads features of all modalities. Vision has two streams."""

    def modalities(self) -> dict:
        return {"text_feature_size": 6, "audio_feature_size": 3, "vision_feature_size": 5, "background_feature_size": 4}

    def inputs(self) -> dict[str, torch.Tensor]:
        tokens = {"text": self.text_tokens, "audio": self.audio_tokens, "vision": 1, "background": self.frames - 1}
        inputs = {}
        for stream, number in tokens.items():
            shape = (CONVERSATIONS, UTTERANCES, number)
            inputs[f"{stream}_features"] = torch.randn(*shape, self.modalities()[f"{stream}_feature_size"])
            inputs[f"{stream}_mask"] = torch.ones(shape, dtype=torch.long)
        return inputs


class UtterancesTester:
    """
    Utterances without conversations, for the mixin's tests of `get_text_features` and `get_audio_features`. The mixin expects
    states of three dimensions, and counts the layers of the encoder that returns them, here the self-attention (III-A).
    """

    num_hidden_layers = 1

    def __init__(self, model_tester: AmuseModelTester, *names: str):
        self.model_tester, self.names = model_tester, names

    def prepare_config_and_inputs_for_common(self):
        config, inputs = self.model_tester.prepare_config_and_inputs_for_common()
        return config, {name: inputs[name].flatten(0, 1) for name in self.names}


class AmuseConfigTest(unittest.TestCase):
    def setUp(self):
        self.model_tester = AmuseModelTester(self)

    def test_config(self):
        properties = ["hidden_size", "num_attention_heads", "num_hidden_layers", "num_labels", "modalities"]
        fields = {"hidden_size": 32, "text_feature_size": 7, "fusion": "alfa"}
        tester = ConfigTester(self, AmuseConfig, has_text_modality=False, common_properties=properties, **fields)
        tester.run_common_tests()

    def test_config_with_encoders(self):
        encoders = {name: config.to_dict() for name, config in self.model_tester.modalities().items()}
        tester = ConfigTester(self, AmuseConfig, has_text_modality=False, **encoders)
        # not create_and_test_config_to_json_string: the configurations of encoders are saved with all their defaults
        tester.create_and_test_config_to_json_file()
        tester.create_and_test_config_from_and_save_pretrained()
        tester.create_and_test_config_from_and_save_pretrained_subfolder()
        tester.create_and_test_config_from_and_save_pretrained_composite()
        tester.create_and_test_config_with_num_labels()
        tester.create_and_test_config_from_pretrained_custom_kwargs()
        tester.check_config_can_be_init_without_params()


class AmuseModelTests(ModelTesterMixin):
    all_model_classes = (AmuseModel, AmuseForEmotionRecognition)

    def _prepare_for_class(self, inputs_dict, model_class, return_labels=False):
        inputs = super()._prepare_for_class(inputs_dict, model_class, return_labels)
        if return_labels and model_class is AmuseForEmotionRecognition:
            inputs["labels"] = torch.zeros(CONVERSATIONS, UTTERANCES, dtype=torch.long)
        return inputs


@skip_not_applicable
class AmuseModelTest(AmuseModelTests, unittest.TestCase):
    _is_composite = True
    additional_model_inputs = ["audio_values", "pixel_values", "speaker_ids"]

    def setUp(self):
        self.model_tester = AmuseModelTester(self)
        self.model_tester.text_model_tester = UtterancesTester(self.model_tester, "input_ids")
        self.model_tester.audio_model_tester = UtterancesTester(self.model_tester, "audio_values", "audio_mask")


@skip_not_applicable
class AmuseFeatureModelTest(AmuseModelTests, unittest.TestCase):
    additional_model_inputs = ["audio_features", "vision_features", "background_features", "speaker_ids"]

    def setUp(self):
        self.model_tester = AmuseFeatureModelTester(self)
        self.model_tester.text_model_tester = UtterancesTester(self.model_tester, "text_features", "text_mask")
        self.model_tester.audio_model_tester = UtterancesTester(self.model_tester, "audio_features", "audio_mask")
