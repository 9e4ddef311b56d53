"""Behaviour on which users of transformers rely and which its own test classes do not check."""

import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from transformers import AutoModel, BertModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, PreTrainedModel

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.attention import AmuseAttention
from tests.small_models import logits, random_batch, small_config, small_model, without

ROOT = Path(__file__).parents[2]


@pytest.fixture
def with_encoder(tiny_text_encoder):
    def build(**fields) -> AmuseForEmotionRecognition:
        return AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
            tiny_text_encoder[0], hidden_size=16, audio_feature_size=3, num_labels=4, **fields
        ).eval()

    return build


def batch_with_ids() -> dict:
    return {**without(random_batch(streams=("audio",)), "labels"), "input_ids": torch.randint(5, 30, (2, 5, 4))}


def test_sdpa_is_dispatched_to_every_attention(with_encoder):
    model, batch, calls = with_encoder(), batch_with_ids(), []
    sdpa = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def counting(module, *args, **kwargs):
        calls.append(module)
        return sdpa(module, *args, **kwargs)

    with patch.dict(ALL_ATTENTION_FUNCTIONS._global_mapping, {"sdpa": counting}):
        by_sdpa = logits(model, batch)
        ours = {module for module in model.modules() if isinstance(module, AmuseAttention)}
        assert len(ours) == 2 + 4 * 2 and ours <= set(calls)  # 2 self-attentions, 4 layers of 2 central networks
        assert any(module not in ours for module in calls)  # the encoder's
        calls.clear()
        model.set_attn_implementation("eager")
        by_eager = logits(model, batch)
        assert calls == []
        model.set_attn_implementation({"text_config": "sdpa"})
        logits(model, batch)
        assert calls and not ours & set(calls)
    torch.testing.assert_close(by_eager, by_sdpa, atol=1e-5, rtol=0)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_the_implementation_is_chosen_at_loading(with_encoder, tmp_path, implementation):
    with_encoder().save_pretrained(tmp_path)
    model = AutoModel.from_pretrained(tmp_path, attn_implementation=implementation)
    configs = {id(m.config): m.config for m in model.modules() if isinstance(m, PreTrainedModel)}
    assert {config._attn_implementation for config in configs.values()} == {implementation}
    assert (
        with_encoder(attn_implementation=implementation).amuse.text_model.config._attn_implementation == implementation
    )


def test_attentions_that_are_returned_are_those_that_are_used():
    model, batch = small_model(), random_batch()
    model.set_attn_implementation("sdpa")
    plain = model(**batch)
    recorded = model(**batch, output_attentions=True, output_hidden_states=True)
    torch.testing.assert_close(recorded.logits, plain.logits, atol=1e-5, rtol=0)
    gradients = torch.autograd.grad(recorded.logits.sum(), [*recorded.attentions, *recorded.hidden_states])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("name", ["output_attentions", "output_hidden_states"])
def test_outputs_may_be_asked_for_in_the_configuration(name):
    model, batch = small_model(), random_batch()
    model.set_attn_implementation("eager")  # with sdpa, transformers refuses attentions in the configuration
    setattr(model.config, name, True)
    assert model(**batch)[name.removeprefix("output_")]
    assert model(**batch, **{name: False}).get(name.removeprefix("output_")) is None


def test_every_pretrained_model_calls_post_init(with_encoder):
    called = set()
    post_init = PreTrainedModel.post_init
    with patch.object(PreTrainedModel, "post_init", lambda self: (called.add(id(self)), post_init(self))):
        model = with_encoder(vision_feature_size=5)
    models = {name or "itself": m for name, m in model.named_modules() if isinstance(m, PreTrainedModel)}
    assert {"itself", "amuse", "amuse.man", "amuse.text_model"} <= set(models)
    assert [name for name, part in models.items() if id(part) not in called] == []


def test_the_import_is_silent_needs_no_network_and_registers_everything():
    code = (
        "import socket, sys\n"
        "def refuse(*args): raise RuntimeError('an import reached for the network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import transformers.modeling_utils, transformers.pipelines\n"  # imports optional packages, of which torchao prints
        "for stream in (sys.stdout, sys.stderr): print('now ours', file=stream, flush=True)\n"
        "import modeling_amuse, transformers\n"
        "from transformers.pipelines import PIPELINE_REGISTRY\n"
        "assert 'emotion-recognition' in PIPELINE_REGISTRY.get_supported_tasks()\n"
        "assert transformers.AutoConfig.for_model('amuse').model_type == 'amuse'\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert [said.partition("now ours\n")[2] for said in (result.stdout, result.stderr)] == ["", ""]


def test_a_model_can_be_made_on_the_meta_device_and_loaded(tmp_path):
    with torch.device("meta"):
        empty = AmuseForEmotionRecognition(small_config(fusion="static", contrastive_loss="bank", memory_bank_size=4))
    assert {tensor.device.type for tensor in (*empty.parameters(), *empty.buffers())} == {"meta"}
    model, batch = small_model(fusion="static"), random_batch()
    model.save_pretrained(tmp_path)
    for options in ({}, {"device_map": "cpu"}, {"low_cpu_mem_usage": True}):
        loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path, **options)
        assert {tensor.device.type for tensor in (*loaded.parameters(), *loaded.buffers())} == {"cpu"}
        torch.testing.assert_close(logits(loaded, batch), logits(model, batch), atol=1e-6, rtol=0)


def test_weights_that_a_base_model_lacks_are_initialized_and_reported(tmp_path):
    model = small_model(fusion="static").amuse
    model.save_pretrained(tmp_path, state_dict={k: v for k, v in model.state_dict().items() if "dialogue" not in k})
    loaded, report = AmuseForEmotionRecognition.from_pretrained(tmp_path, output_loading_info=True)
    assert any("dialogue" in key for key in report["missing_keys"])
    assert all("dialogue" in key or key.startswith("classifier") for key in report["missing_keys"])
    assert not report["unexpected_keys"]
    assert all(torch.isfinite(parameter).all() for parameter in loaded.parameters())


@pytest.mark.parametrize("settings", [{}, {"fusion": "alfa", "head_aggregation": "mean"}], ids=["default", "paper"])
def test_bfloat16(tmp_path, settings):
    model, batch = small_model(**settings, hidden_dropout=0.0), random_batch()
    model.save_pretrained(tmp_path)
    half = AmuseForEmotionRecognition.from_pretrained(tmp_path, dtype=torch.bfloat16)
    outputs = half(**batch)  # the processor returns features as float32
    assert outputs.logits.dtype == torch.bfloat16
    torch.testing.assert_close(outputs.logits.float(), logits(model, batch), atol=0.1, rtol=0.1)
    half.train()(**batch).loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in half.parameters())


def test_pretrained_encoders_arrive_with_their_weights_and_share_the_configuration(tiny_text_encoder, with_encoder):
    torch.manual_seed(1)  # with seed 0, new weights would equal those in the folder
    model, saved = with_encoder(), BertModel.from_pretrained(tiny_text_encoder[0], add_pooling_layer=False)
    encoder = model.amuse.text_model
    assert all(torch.equal(encoder.state_dict()[name], weights) for name, weights in saved.state_dict().items())
    assert encoder.config is model.config.text_config


def test_how_to_reach_the_hub_is_no_part_of_the_configuration(with_encoder):
    model = with_encoder(local_files_only=True, token="secret")
    assert "secret" not in model.config.to_json_string() and "local_files_only" not in model.config.to_json_string()


def test_the_main_input_is_one_that_the_model_takes(with_encoder):
    assert with_encoder().main_input_name == "input_ids"
    assert small_model().main_input_name == "text_features"
    assert small_model(text_feature_size=None).main_input_name == "audio_features"
