"""LoRA with PEFT: adapters in the encoders and whole fusion layers are trained, saved, loaded, merged and switched."""

import pytest
import torch
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import (
    BertConfig,
    CLIPVisionConfig,
    HubertConfig,
    MPNetConfig,
    RobertaConfig,
    ViTConfig,
    WavLMConfig,
)

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition
from modeling_amuse.low_rank_adaptation import lora_config
from tests.modeling.test_encoders import AST, IMAGES, SMALL, WAV2VEC2, WHISPER

WAVES = {name: getattr(WAV2VEC2, name) for name in ("conv_dim", "conv_kernel", "conv_stride")}
WAVES |= {"num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
ENCODERS = {
    # the modality, the configuration of its encoder, raw input for 2 conversations of 3 utterances, adapted linear layers
    "bert": ("text", BertConfig(**SMALL, vocab_size=20), torch.randint(3, 20, (2, 3, 5)), 6),
    "mpnet": ("text", MPNetConfig(**SMALL, vocab_size=20), torch.randint(3, 20, (2, 3, 5)), 6),
    "roberta": ("text", RobertaConfig(**SMALL, vocab_size=20), torch.randint(3, 20, (2, 3, 5)), 6),
    "whisper": ("audio", WHISPER, torch.randn(2, 3, 4, 20), 6),
    "wav2vec2": ("audio", WAV2VEC2, torch.randn(2, 3, 400), 6),
    "hubert": ("audio", HubertConfig(**SMALL, **WAVES), torch.randn(2, 3, 400), 6),
    "wavlm": ("audio", WavLMConfig(**SMALL, **WAVES), torch.randn(2, 3, 400), 3),
    "ast": ("audio", AST, torch.randn(2, 3, 24, 16), 6),
    "vit": ("vision", ViTConfig(**SMALL, **IMAGES), torch.randn(2, 3, 2, 3, 8, 8), 6),
    "clip": ("vision", CLIPVisionConfig(**SMALL, **IMAGES), torch.randn(2, 3, 2, 3, 8, 8), 6),
}
RAW = {"text": "input_ids", "audio": "audio_values", "vision": "pixel_values"}


def model_and_batch(*names: str, **fields) -> tuple[AmuseForEmotionRecognition, dict]:
    """A model with these encoders and with features of another modality. Equal names give equal weights."""
    torch.manual_seed(0)
    encoders = {f"{ENCODERS[name][0]}_config": ENCODERS[name][1] for name in names}
    other = next(m for m in ("vision", "audio", "text") if f"{m}_config" not in encoders) if len(names) < 3 else None
    features = {} if other is None else {f"{other}_feature_size": 5}
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "num_man_layers": 1, "num_labels": 3, "hidden_dropout": 0.0}
    model = AmuseForEmotionRecognition(AmuseConfig(**encoders, **features, **sizes, initializer_range=0.3, **fields))
    batch = {RAW[ENCODERS[name][0]]: ENCODERS[name][2] for name in names}
    if other is not None:
        batch[f"{other}_features"] = torch.randn(2, 3, 4, 5)
    speakers, labels = torch.tensor([[0, 1, 0], [0, 0, 1]]), torch.tensor([[0, 1, 2], [1, -100, 0]])
    return model, {**batch, "speaker_ids": speakers, "labels": labels}


def test_a_corpus_whose_head_has_the_name_of_a_layer_is_refused():
    model, _ = model_and_batch("bert", extra_emotions={"emotion_classifier": ["calm", "joy"]})
    with pytest.raises(ValueError, match="'emotion_classifier' for 'classifier': rename the corpus"):
        lora_config(model, r=2)
    model, _ = model_and_batch("bert", extra_emotions={"clips": ["calm", "joy"]})
    lora_config(model, r=2)


def adapted(model, change: float = 0.0, seed: int = 1, **settings) -> PeftModel:
    """The model with adapters whose trainable weights are changed slightly, as a training does."""
    peft_model = get_peft_model(model, lora_config(model, r=2, **settings)).eval()
    move(peft_model, change, seed)
    return peft_model


def move(model, change: float, seed: int):
    torch.manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += change * torch.randn_like(parameter)


def logits(model, batch) -> torch.Tensor:
    with torch.no_grad():
        return model(**batch).logits


def same(one: torch.Tensor, other: torch.Tensor):
    """Sums over equal weights at other places in memory may be computed in another order."""
    torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ENCODERS)
def test_adapters_in_the_encoder_and_the_fusion_layers_are_trained_and_nothing_else(name):
    modality, _, _, number = ENCODERS[name]
    model, batch = model_and_batch(name, modality_dropout=0.0)
    fusion = {n for n, _ in model.named_parameters() if not n.startswith(f"amuse.{modality}_model.")}
    without_adapters = logits(model.eval(), batch)
    peft_model = adapted(model)
    same(logits(peft_model, batch), without_adapters)  # a new adapter changes nothing

    trained = {n.removeprefix("base_model.model.") for n, p in peft_model.named_parameters() if p.requires_grad}
    whole = {n.replace(".modules_to_save.default", "") for n in trained if ".modules_to_save." in n}
    assert whole == fusion
    adapters = {n for n in trained if ".modules_to_save." not in n}
    assert len(adapters) == 2 * number * getattr(ENCODERS[name][1], "num_hidden_layers", 1)
    assert all(n.startswith(f"amuse.{modality}_model.") and ".lora_" in n for n in adapters)

    before = {n: p.detach().clone() for n, p in peft_model.named_parameters()}
    move(peft_model, 0.1, seed=1)  # adapters start at zero, where half of their gradients are zero
    moved = {n: p.detach().clone() for n, p in peft_model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in peft_model.parameters() if p.requires_grad], lr=1.0)
    peft_model.train()(**batch).loss.backward()
    for n, parameter in peft_model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, n
            # weights of a fusion layer that the batch does not use may have a zero gradient, weights of an adapter may not
            assert parameter.grad.any() or ".lora_" not in n, n
    optimizer.step()
    for n, parameter in peft_model.named_parameters():
        if not parameter.requires_grad:
            assert torch.equal(parameter, before[n]), n
        elif ".lora_" in n:
            assert not torch.equal(parameter, moved[n]), n


@pytest.mark.parametrize("name", ["bert", "whisper", "vit"])
@pytest.mark.parametrize("missing", ["absent", "masked"])
def test_every_trained_parameter_has_a_gradient_also_where_the_modality_is_missing(name, missing):
    modality = ENCODERS[name][0]
    model, batch = model_and_batch(name)
    peft_model = adapted(model, 0.1).train()
    mask = {"text": (2, 3, 5), "audio": (2, 3, 20), "vision": (2, 3, 2)}[modality]
    if missing == "absent":
        del batch[RAW[modality]]
        mask = (2, 3, 1)
    peft_model(**batch, **{f"{modality}_mask": torch.zeros(mask, dtype=torch.long)}).loss.backward()
    assert [n for n, p in peft_model.named_parameters() if p.requires_grad and p.grad is None] == []


def test_saved_and_loaded_it_is_the_same_bit_for_bit(tmp_path):
    model, batch = model_and_batch("bert", "whisper", "vit")
    base = {n: p.clone() for n, p in model.state_dict().items()}
    peft_model = adapted(model, 0.1)
    expected = logits(peft_model, batch)
    peft_model.save_pretrained(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json", ".md"}
    saved = load_file(tmp_path / "adapter_model.safetensors")
    assert sum(map(torch.numel, saved.values())) == peft_model.get_nb_trainable_parameters()[0]

    fresh, _ = model_and_batch("bert", "whisper", "vit")
    assert all(torch.equal(fresh.state_dict()[n], tensor) for n, tensor in base.items())
    assert not torch.equal(logits(fresh.eval(), batch), expected)
    again = PeftModel.from_pretrained(fresh, tmp_path).eval()
    weights, loaded = peft_model.state_dict(), again.state_dict()
    assert weights.keys() == loaded.keys() and all(torch.equal(loaded[n], weights[n]) for n in weights)
    same(logits(again, batch), expected)


def test_merged_it_is_a_model_as_any_other(tmp_path):
    model, batch = model_and_batch("bert", "whisper", "vit")
    names = set(model.state_dict())
    peft_model = adapted(model, 0.1)
    expected = logits(peft_model, batch)
    with peft_model.disable_adapter():
        assert (logits(peft_model, batch) - expected).abs().max() > 1e-2
    merged = peft_model.merge_and_unload()
    assert type(merged) is AmuseForEmotionRecognition and set(merged.state_dict()) == names
    merged.save_pretrained(tmp_path)
    loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path)
    torch.testing.assert_close(logits(loaded, batch), expected, atol=1e-5, rtol=0)


def test_the_classifier_of_a_further_corpus_is_trained_and_merged():
    model, batch = model_and_batch("bert", extra_emotions={"films": ["love", "fury"]})
    batch["labels"] = torch.tensor([[0, 1, 1], [1, -100, 0]])
    names = set(model.state_dict())
    peft_model = get_peft_model(model, lora_config(model, r=2))
    heads = {name for name, p in peft_model.named_parameters() if p.requires_grad and "corpus_heads.films" in name}
    assert sum("classifier" in name for name in heads) == 2 and sum("modality_heads" in name for name in heads) == 4
    move(peft_model, 0.1, 1)
    peft_model.train()(**batch, corpus="films").loss.backward()
    parameters = dict(peft_model.named_parameters())
    assert all(parameters[name].grad.abs().sum() > 0 for name in heads)
    batch["corpus"] = "films"
    expected = logits(peft_model.eval(), batch)
    merged = peft_model.merge_and_unload()
    assert set(merged.state_dict()) == names
    torch.testing.assert_close(logits(merged, batch), expected, atol=1e-5, rtol=0)


def test_adapters_are_switched(tmp_path):
    model, batch = model_and_batch("bert", "whisper")
    peft_model = adapted(model, 0.1)
    peft_model.add_adapter("acted", lora_config(model, ("audio",), r=4))
    first = logits(peft_model, batch)
    peft_model.set_adapter("acted")
    move(peft_model.eval(), 0.1, seed=2)
    second = logits(peft_model, batch)
    assert (first - second).abs().max() > 1e-2
    trained = {n for n, p in peft_model.named_parameters() if p.requires_grad}
    assert all(".acted." in n and "text_model" not in n for n in trained)
    peft_model.set_adapter("default")
    same(logits(peft_model, batch), first)

    peft_model.save_pretrained(tmp_path)
    again = PeftModel.from_pretrained(model_and_batch("bert", "whisper")[0], tmp_path)
    again.load_adapter(tmp_path / "acted", "acted")
    for name, expected in (("acted", second), ("default", first)):
        again.set_adapter(name)
        same(logits(again.eval(), batch), expected)


def test_only_the_named_encoders_are_adapted():
    model, _ = model_and_batch("bert", "whisper", "vit", freeze_vision_encoder=True)
    for modalities, expected in ((None, {"text", "audio"}), (("audio",), {"audio"})):
        config = lora_config(model, modalities)
        model, _ = model_and_batch("bert", "whisper", "vit", freeze_vision_encoder=True)
        peft_model = get_peft_model(model, config).train()
        trained = {n.split(".")[3] for n, p in peft_model.named_parameters() if p.requires_grad and ".lora_" in n}
        assert trained == {f"{modality}_model" for modality in expected}


def test_the_model_without_a_head_is_adapted_too():
    model = model_and_batch("bert")[0].amuse
    peft_model = get_peft_model(model, lora_config(model)).train()
    trained = [n for n, p in peft_model.named_parameters() if p.requires_grad]
    assert any(".lora_" in n for n in trained) and any(".fusion." in n for n in trained)
    fusion = sum(p.numel() for n, p in model.named_parameters() if ".modules_to_save." in n)
    original = sum(p.numel() for n, p in model_and_batch("bert")[0].amuse.named_parameters() if "text_model" not in n)
    assert fusion == original


def test_where_nothing_can_be_adapted_it_says_why():
    model, _ = model_and_batch("bert", freeze_text_encoder=True)
    with pytest.raises(ValueError, match="config.freeze_text_encoder fixes the text encoder"):
        lora_config(model, ("text",))
    with pytest.raises(ValueError, match="The model has no audio encoder to adapt; it has: text"):
        lora_config(model, ("audio",))
    with pytest.raises(ValueError, match="There is no encoder to adapt"):
        lora_config(model)


def test_the_base_of_an_adapter_is_made_from_its_configuration(tiny_text_encoder):
    folder, _ = tiny_text_encoder
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        folder, num_labels=3, hidden_size=8, contexts="none", audio_feature_size=2
    )
    base = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(folder, config=model.config)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert {name: tensor.shape for name, tensor in base.state_dict().items()} == shapes
    encoder = base.amuse.text_model.state_dict()
    assert all(torch.equal(encoder[n], tensor) for n, tensor in model.amuse.text_model.state_dict().items())
    for wrong in ({}, {"text": folder, "audio": folder}, {"text": folder, "hidden_size": 16}):
        with pytest.raises(ValueError, match="config has an encoder for: text"):
            AmuseForEmotionRecognition.from_text_audio_vision_pretrained(**wrong, config=model.config)
