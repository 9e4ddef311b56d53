"""Properties of the model that hold for all weights and inputs."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertModel

from modeling_amuse import AmuseForEmotionRecognition, AmuseModel
from modeling_amuse.variants import CONTEXTS, FUSIONS
from tests.small_models import SIZES, logits, random_batch, small_config, small_model, with_experts, without

MODALITY_STREAMS = {"text": ("text",), "audio": ("audio",), "vision": ("vision", "background")}
SETTINGS = [
    {},
    {"head_aggregation": "mean", "fusion": "alfa"},
    {"fusion": "static", "contexts": "speaker", "causal": True},
    {"fusion": "equal", "contexts": "dialogue"},
    {"fusion": "concat", "contexts": "none"},
    {"experts": "adaptive", "expert_half_evidence": {"audio": 2.0}},
]
conversations = st.lists(st.integers(1, 6), min_size=1, max_size=4)


def few_layers(settings: dict) -> dict:
    """One layer for settings that change nothing in the layers. The other models have two."""
    return {} if not settings or "head_aggregation" in settings else {"num_man_layers": 1}


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda changes: "-".join(map(str, changes.values())) or "default")
def model(request):
    torch.manual_seed(0)
    return with_experts(small_model(**few_layers(request.param), **request.param))


@given(lengths=conversations, extra=st.integers(1, 3), seed=st.integers(0, 99))
def test_padding_utterances_changes_no_logit(model, lengths, extra, seed):
    batch = random_batch(lengths, seed=seed)
    padded = {}
    for key, value in batch.items():
        filler = torch.full((len(lengths), extra, *value.shape[2:]), 0, dtype=value.dtype)
        if value.is_floating_point():
            filler += float("nan")  # the values in padding must not have an effect
        padded[key] = torch.cat([value, filler], dim=1)
    valid = batch["utterance_mask"].bool()
    before, after = logits(model, batch), logits(model, padded)
    torch.testing.assert_close(after[:, : max(lengths)][valid], before[valid], atol=1e-5, rtol=0)
    assert (after[:, max(lengths) :] == 0).all()


@given(lengths=conversations, extra=st.integers(1, 3), seed=st.integers(0, 99))
def test_padding_tokens_changes_no_logit(model, lengths, extra, seed):
    batch = random_batch(lengths, seed=seed)
    padded = dict(batch)
    for stream, size in SIZES.items():
        shape = (*batch["utterance_mask"].shape, extra)
        garbage = torch.full((*shape, size), float("nan"))
        padded[f"{stream}_features"] = torch.cat([batch[f"{stream}_features"], garbage], dim=2)
        padded[f"{stream}_mask"] = torch.cat([batch[f"{stream}_mask"], torch.zeros(shape, dtype=torch.long)], dim=2)
    torch.testing.assert_close(logits(model, padded), logits(model, batch), atol=1e-5, rtol=0)


@given(seed=st.integers(0, 99))
def test_holes_in_a_mask_are_skipped(model, seed):
    batch = random_batch(seed=seed)
    shape = batch["utterance_mask"].shape
    with_hole = dict(batch)
    for kind, filler in (("features", torch.full((*shape, 1, SIZES["vision"]), 9.0)), ("mask", torch.zeros(*shape, 1))):
        value = batch[f"vision_{kind}"]
        with_hole[f"vision_{kind}"] = torch.cat([value[:, :, :1], filler.to(value.dtype), value[:, :, 1:]], dim=2)
    torch.testing.assert_close(logits(model, with_hole), logits(model, batch), atol=1e-5, rtol=0)


@given(lengths=st.lists(st.integers(1, 6), min_size=2, max_size=4), seed=st.integers(0, 99), data=st.data())
def test_conversations_of_a_batch_do_not_influence_each_other(model, lengths, seed, data):
    batch = random_batch(lengths, seed=seed)
    together = logits(model, batch)
    order = data.draw(st.permutations(range(len(lengths))))
    shuffled = logits(model, {key: value[list(order)] for key, value in batch.items()})
    torch.testing.assert_close(shuffled, together[list(order)], atol=1e-5, rtol=0)
    for number in range(len(lengths)):
        alone = logits(model, {key: value[number : number + 1] for key, value in batch.items()})
        torch.testing.assert_close(alone[0], together[number], atol=1e-5, rtol=0)


@given(lengths=conversations, seed=st.integers(0, 99), names=st.permutations([0, 3, 7]))
def test_only_equality_of_speaker_ids_counts(model, lengths, seed, names):
    batch = random_batch(lengths, seed=seed)
    renamed = {**batch, "speaker_ids": torch.tensor(names)[batch["speaker_ids"]]}
    torch.testing.assert_close(logits(model, renamed), logits(model, batch), atol=1e-5, rtol=0)


def test_speakers_matter():
    batch = random_batch((6,), seed=1)
    one_speaker = {**batch, "speaker_ids": torch.zeros_like(batch["speaker_ids"])}
    assert (logits(small_model(), one_speaker) - logits(small_model(), batch)).abs().max() > 1e-3


@given(seed=st.integers(0, 99), missing=st.sets(st.sampled_from(list(MODALITY_STREAMS)), min_size=1, max_size=2))
def test_a_missing_modality_equals_a_masked_one(model, seed, missing):
    batch = random_batch(seed=seed)
    streams = [stream for modality in missing for stream in MODALITY_STREAMS[modality]]
    masked = {**batch, **{f"{stream}_mask": torch.zeros_like(batch[f"{stream}_mask"]) for stream in streams}}
    with torch.no_grad():
        left_out, masked_out = model(**without(batch, *streams)), model(**masked)
    assert torch.equal(left_out.logits, masked_out.logits)
    valid = batch["utterance_mask"].bool()
    index = [model.config.modalities.index(modality) for modality in missing]
    assert (masked_out.fusion_shares[valid][:, index] == 0).all()
    torch.testing.assert_close(masked_out.fusion_shares[valid].sum(dim=-1), torch.ones(int(valid.sum())))


@given(seed=st.integers(0, 99), position=st.integers(0, 4), modality=st.sampled_from(list(MODALITY_STREAMS)))
def test_a_modality_may_be_missing_for_one_utterance(model, seed, position, modality):
    batch = random_batch(seed=seed)
    streams = MODALITY_STREAMS[modality]
    for stream in streams:
        batch[f"{stream}_mask"][0, position] = 0
    other = {key: value.clone() for key, value in batch.items()}
    for stream in streams:
        other[f"{stream}_features"][0, position] = float("nan")
    with torch.no_grad():
        outputs, with_other_values = model(**batch), model(**other)
    assert torch.equal(outputs.logits, with_other_values.logits)
    shares = outputs.fusion_shares[0, position]
    assert shares[model.config.modalities.index(modality)] == 0
    assert shares.sum() == pytest.approx(1)


def test_an_utterance_without_any_modality_has_no_shares(model):
    batch = random_batch()
    for stream in SIZES:
        batch[f"{stream}_mask"][0, 1] = 0
    with torch.no_grad():
        outputs = model(**batch)
    assert (outputs.fusion_shares[0, 1] == 0).all()
    assert torch.isfinite(outputs.logits).all()


@given(seed=st.integers(0, 99), now=st.integers(0, 4))
@pytest.mark.parametrize("contexts", ["both", "dialogue", "speaker"])
def test_a_causal_model_never_looks_ahead(contexts, seed, now):
    torch.manual_seed(0)
    batch = random_batch((6, 6), seed=seed)
    later = {key: value.clone() for key, value in batch.items()}
    for stream in SIZES:
        later[f"{stream}_features"][:, now + 1 :] += 1
    later["speaker_ids"][:, now + 1 :] = 9
    causal = small_model(contexts=contexts, causal=True)
    before, after = logits(causal, batch), logits(causal, later)
    torch.testing.assert_close(after[:, : now + 1], before[:, : now + 1], atol=1e-6, rtol=0)
    assert (after[:, now + 1 :] - before[:, now + 1 :]).abs().max() > 1e-3


def test_a_model_that_is_not_causal_looks_ahead():
    batch = random_batch((6,))
    later = {**batch, "text_features": batch["text_features"].clone()}
    later["text_features"][:, -1] += 1
    model = small_model()
    assert (logits(model, later)[:, 0] - logits(model, batch)[:, 0]).abs().max() > 1e-4


@pytest.mark.parametrize("missing", [(), ("text",), ("audio",), ("vision", "background"), ("text", "audio")])
@pytest.mark.parametrize("fusion", list(FUSIONS))
@pytest.mark.parametrize(
    "settings",
    [{}, {"head_aggregation": "mean"}, {"probe_modality_heads": True}],
    ids=["default", "mean", "probes"],
)
def test_every_parameter_gets_a_gradient(missing, fusion, settings):
    model = AmuseForEmotionRecognition(small_config(fusion=fusion, **few_layers(settings), **settings)).train()
    model(**without(random_batch(), *missing)).loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


@pytest.mark.parametrize("fusion", ["gate", "alfa"])
def test_probes_train_the_modality_heads_alone(fusion):
    batch, outputs, gradients = random_batch(), [], []
    for probe in (False, True):
        torch.manual_seed(0)
        model = small_model(fusion=fusion, probe_modality_heads=probe, hidden_dropout=0.0).train()
        outputs.append(model(**batch))
        outputs[-1].modality_loss.backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    flowing, probing = gradients
    for name in ("logits", "modality_logits", "loss", "modality_loss", "classification_loss"):
        assert torch.equal(outputs[1][name], outputs[0][name])
    heads = [name for name in flowing if name.startswith("amuse.modality_heads.")]
    assert sorted(probing) == sorted(heads) and len(flowing) > len(heads)
    for name in heads:
        assert probing[name].abs().sum() > 0
        torch.testing.assert_close(probing[name], flowing[name])


@pytest.mark.parametrize("fusion", ["gate", "alfa"])
def test_probes_train_in_distributed_data_parallel(fusion, tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        model = torch.nn.parallel.DistributedDataParallel(
            AmuseForEmotionRecognition(small_config(fusion=fusion, probe_modality_heads=True)).train()
        )
        for _ in range(2):  # the second forward pass fails if a parameter had no part in the first backward pass
            model(**random_batch()).loss.backward()
        # The group must not be destroyed with the model: that would wait, with the GIL held, for a thread that may need the GIL.
        del model
    finally:
        torch.distributed.destroy_process_group()


@given(lengths=conversations, size=st.integers(1, 30), seed=st.integers(0, 99))
def test_chunks_of_utterances_change_nothing(model, lengths, size, seed):
    exact, rows = deepcopy(model).double(), []
    batch = {k: v.double() if v.is_floating_point() else v for k, v in random_batch(lengths, seed=seed).items()}
    batch["text_mask"][0, 0] = 0
    with torch.no_grad():
        whole = exact(**batch)
        # the fusion runs once per chunk; the modules before it run once per group of similar length
        exact.amuse.fusion.register_forward_hook(lambda module, inputs, output: rows.append(len(inputs[0])))
        in_chunks = exact(**batch, utterances_per_chunk=size)
    assert sum(rows) == sum(lengths) and set(rows[:-1]) <= {size} and rows[-1] <= size
    assert list(in_chunks) == list(whole)
    for name, value in whole.items():
        torch.testing.assert_close(in_chunks[name], value, atol=1e-12, rtol=0)
    single = {key: value.float() if value.is_floating_point() else value for key, value in batch.items()}
    with torch.no_grad():
        logits_in_chunks = model(**single, utterances_per_chunk=size).logits
    torch.testing.assert_close(logits_in_chunks, logits(model, single), atol=5e-6, rtol=0)


def test_chunks_are_refused_where_they_cannot_be():
    model, batch = small_model(), random_batch()
    with pytest.raises(ValueError, match="must be 1 or more, but is 0"):
        model(**batch, utterances_per_chunk=0)
    with pytest.raises(ValueError, match="cannot be combined with output_attentions and output_hidden_states"):
        model(**batch, utterances_per_chunk=2, output_attentions=True, output_hidden_states=True)
    model.config.output_hidden_states = True
    with pytest.raises(ValueError, match="cannot be combined with output_hidden_states"):
        model(**batch, utterances_per_chunk=2)
    assert model(**batch, utterances_per_chunk=2, output_hidden_states=False).hidden_states is None
    with pytest.raises(ValueError, match="only saves memory without gradients"):
        model.train()(**batch, utterances_per_chunk=2)


@pytest.mark.parametrize("contexts", list(CONTEXTS))
def test_conversations_go_on_side_by_side_from_their_context_states(contexts):
    model, batch = small_model(contexts=contexts, causal=True), random_batch((4, 4), speakers=1)
    states = {}
    with torch.no_grad():
        whole = model(**batch)
        assert whole.context_states is None
        for now in range(4):
            step = model(**{key: value[:, now : now + 1] for key, value in batch.items()}, context_states=states)
            torch.testing.assert_close(step.logits[:, 0], whole.logits[:, now], atol=1e-6, rtol=0)
            states = step.context_states
    expected = {"both": {"speaker", "dialogue"}, "none": set()}.get(contexts, {contexts})
    assert set(states) == expected and all(part.shape == (2, 16) for state in states.values() for part in state)


def test_context_states_are_refused_where_they_mean_nothing():
    batch = random_batch((2, 2))
    first = {key: value[:, :1] for key, value in batch.items()}
    with pytest.raises(ValueError, match="need a causal model"):
        small_model()(**first, context_states={})
    model = small_model(causal=True)
    with pytest.raises(ValueError, match="one utterance of each conversation"):
        model(**batch, context_states={})
    with pytest.raises(ValueError, match="without padding"):
        model(**{**first, "utterance_mask": torch.tensor([[1], [0]])}, context_states={})


def test_no_parameter_is_without_effect():
    # if all modalities are present, the gradient of every weight exists and is not zero; the placeholder replaces an
    # utterance without any modality
    model = AmuseForEmotionRecognition(small_config(hidden_dropout=0.0))
    batch = random_batch()
    for stream in SIZES:
        batch[f"{stream}_mask"][0, 1] = 0
    model(**batch).loss.backward()
    assert [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("head_aggregation", ["concat", "mean"])
def test_eager_and_sdpa_give_the_same_numbers(head_aggregation):
    model, batch = small_model(head_aggregation=head_aggregation), random_batch()
    called = []
    with torch.no_grad():
        assert model.config._attn_implementation == "sdpa"
        sdpa = model(**batch)
        model.set_attn_implementation("eager")
        handle = (
            model.amuse.man.layers[0]
            .attention.centrals["text"]
            .register_forward_hook(lambda module, inputs, output: called.append(output[1][0] is not None))
        )
        eager = model(**batch)
        handle.remove()
    assert called == [True]  # eager returns weights, so it is another function
    torch.testing.assert_close(sdpa.logits, eager.logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_attentions_on_request(implementation):
    model, batch = small_model(), random_batch()
    model.set_attn_implementation(implementation)
    for stream in ("vision", "background"):
        batch[f"{stream}_mask"][0, 0] = 0
    with torch.no_grad():
        outputs = model(**batch, output_attentions=True, output_hidden_states=True)
    assert model(**batch).attentions is None
    assert len(outputs.attentions) == model.config.num_man_layers
    assert len(outputs.hidden_states) == model.config.num_man_layers + 1
    tokens = len(outputs.token_modalities)
    text, audio, vision = (outputs.token_modalities == number for number in range(3))
    for attentions in outputs.attentions:
        assert attentions.shape == (2, 5, model.config.num_attention_heads, tokens, tokens)
        assert (attentions[..., text, :][..., text] == 0).all()  # no modality attends to itself
        ones = torch.ones(1)
        torch.testing.assert_close(attentions[1, 0][:, text, :][..., audio].sum(-1), ones.expand(2, int(text.sum())))
        assert (attentions[0, 0][:, text, :][..., vision] == 0).all()  # a missing modality is not attended to
        assert (attentions[1, 3:] == 0).all()  # padding utterances


def test_only_utterances_are_computed():
    model, batch = small_model(), random_batch((6, 1, 1))
    rows = []
    model.amuse.unimodal["text"].recurrent[0].register_forward_hook(
        lambda module, inputs, output: rows.append(len(inputs[0]))
    )
    logits(model, batch)
    assert rows == [8]


@pytest.mark.parametrize("fusion", ["gate", "alfa", "static"])
def test_save_and_load_is_exact(tmp_path, fusion):
    model, batch = small_model(fusion=fusion, contrastive_loss="bank", memory_bank_size=8), random_batch()
    model.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path)
    saved, read = model.state_dict(), loaded.state_dict()
    assert list(read) == list(saved) and all(torch.equal(read[name], saved[name]) for name in saved)
    # the place of the weights in memory changes the last bit of some matrix products
    torch.testing.assert_close(logits(loaded, batch), logits(model, batch), atol=1e-6, rtol=0)
    base = AmuseModel.from_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(
            base(**without(batch, "labels")).last_hidden_state, model(**batch).last_hidden_state, atol=1e-6, rtol=0
        )


def test_modality_dropout_drops_whole_conversations_in_training_alone():
    model, batch = small_model(modality_dropout=0.5), random_batch((4,) * 64)
    model.train()
    present = model(**batch).modality_mask
    assert present.any(dim=-1).all()  # never the last modality
    assert (present == present[:, :1]).all()  # one conversation at a time
    assert 0.4 < present.float().mean() < 0.7
    model.eval()
    assert model(**batch).modality_mask.all()


def test_a_model_is_not_silent_about_what_it_cannot_use():
    model = small_model(audio_feature_size=None, vision_feature_size=None, background_feature_size=None)
    with pytest.raises(ValueError, match=r"None of the model's streams \(text\) is given"):
        model(**without(random_batch(), "text"))


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_gradient_checkpointing_changes_no_gradient(use_reentrant):
    model, batch = small_model(hidden_dropout=0.0).train(), random_batch()
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": use_reentrant})
        model.zero_grad()
        model(**batch).loss.backward()
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


def test_frozen_encoders_stay_as_they_are(tiny_text_encoder, tmp_path):
    folder, _ = tiny_text_encoder
    batch = {
        "input_ids": torch.randint(5, 30, (2, 3, 4)),
        "speaker_ids": torch.zeros(2, 3, dtype=torch.long),
        "labels": torch.zeros(2, 3, dtype=torch.long),
    }
    for frozen in (True, False):
        model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
            folder, freeze_text_encoder=frozen, num_labels=2, hidden_size=8, audio_feature_size=3
        ).train()
        encoder = model.amuse.encoder("text")
        assert encoder.training is not frozen
        model(**batch).loss.backward()
        assert all((parameter.grad is None) is frozen for parameter in encoder.parameters())
        model.save_pretrained(tmp_path / str(frozen))
        loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path / str(frozen))
        assert all(p.requires_grad is not frozen for p in loaded.amuse.encoder("text").parameters())
        model.zero_grad()
        # if the batch has no text, the encoder in training still takes part, with zero gradients
        model(audio_features=torch.randn(2, 3, 1, 3), **without(batch, "input")).loss.backward()
        assert all((parameter.grad is None) is frozen for parameter in encoder.parameters())


def test_an_encoder_stored_in_half_precision_is_loaded_in_the_precision_of_the_model(tiny_text_encoder, tmp_path):
    BertModel.from_pretrained(tiny_text_encoder[0], dtype=torch.bfloat16, add_pooling_layer=False).save_pretrained(
        tmp_path
    )
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(str(tmp_path), num_labels=2, hidden_size=8)
    speakers = torch.zeros(2, 3, dtype=torch.long)
    assert model(input_ids=torch.randint(5, 30, (2, 3, 4)), speaker_ids=speakers).logits.dtype == torch.float32
    model.save_pretrained(tmp_path / "saved")
    loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path / "saved")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


@given(extra=st.integers(1, 4), seed=st.integers(0, 99))
def test_padding_word_pieces_changes_no_logit(tiny_model, extra, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 30, (2, 3, 5), generator=generator)
    counts = torch.randint(0, 6, (2, 3, 1), generator=generator)  # 0: an utterance without text
    mask = (torch.arange(5) < counts).long()
    garbage = torch.randint(5, 30, (2, 3, extra), generator=generator)
    inputs = {"input_ids": ids, "text_mask": mask}
    padded = {"input_ids": torch.cat([ids, garbage], dim=2), "text_mask": torch.cat([mask, 0 * garbage], dim=2)}
    speakers = torch.zeros(2, 3, dtype=torch.long)
    torch.testing.assert_close(
        logits(tiny_model, {**padded, "speaker_ids": speakers}),
        logits(tiny_model, {**inputs, "speaker_ids": speakers}),
        atol=1e-5,
        rtol=0,
    )


@pytest.fixture(scope="module")
def tiny_model(tiny_text_encoder):
    return AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0], num_labels=2, hidden_size=8, initializer_range=0.3
    ).eval()


def test_states_of_the_encoder_stand_in_for_its_input(tiny_text_encoder):
    folder, _ = tiny_text_encoder
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(folder, num_labels=2, hidden_size=8).eval()
    ids = torch.randint(5, 30, (2, 3, 4))
    mask = torch.tensor([1, 1, 1, 0]).expand(2, 3, 4)
    speakers = torch.zeros(2, 3, dtype=torch.long)
    encoder = model.amuse.encoder("text")
    states = encoder(ids.flatten(0, 1), attention_mask=mask.flatten(0, 1)).last_hidden_state.unflatten(0, (2, 3))
    from_ids = model(input_ids=ids, text_mask=mask, speaker_ids=speakers)
    from_states = model(text_features=states, text_mask=mask, speaker_ids=speakers)
    torch.testing.assert_close(from_ids.logits, from_states.logits, atol=1e-5, rtol=0)


def test_what_is_no_number_stays_in_its_conversation():
    batch = random_batch((3, 3))
    batch["vision_features"][1, 0] = torch.nan
    assert torch.isfinite(logits(small_model(), batch)[0]).all()


def test_without_layers_the_first_states_are_the_last():
    [states] = small_model(num_man_layers=0)(**random_batch(), output_hidden_states=True).hidden_states
    assert states.shape[:2] == (2, 5) and states.abs().sum() > 0


def test_a_decided_head_gives_a_number_in_half_precision():
    model = small_model(fusion="alfa")
    for head in model.amuse.modality_heads:
        head.bias.data[0] = 20
    batch = {name: t.half() if t.is_floating_point() else t for name, t in random_batch().items()}
    assert torch.isfinite(logits(model.half(), batch)).all()


def test_settings_given_at_loading_may_not_contradict_those_of_the_folder(tmp_path):
    small_model(causal=True).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="does not read later utterances"):
        AmuseForEmotionRecognition.from_pretrained(tmp_path, text_scope="conversation")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_features": torch.randn(2, 5, 4, 7)}, "text_features must be of shape"),
        ({"text_mask": torch.ones(2, 5, 1)}, r"text_mask is of shape \(2, 5, 1\) for inputs of shape \(2, 5, 4, 6\)"),
        ({"input_ids": torch.ones(2, 5, 4, dtype=torch.long), "text_features": None}, "has no text encoder"),
        ({"speaker_ids": None}, "needs speaker_ids"),
        ({"utterance_mask": torch.zeros(2, 5)}, "no utterance"),
        (
            {"audio_features": torch.randn(2, 6, 4, 3)},
            "disagree about .* get_text_features, get_audio_features or get_vision_features",
        ),
        ({"audio_features": None}, "audio_mask is not zero"),
        (
            {"speaker_ids": torch.zeros(2, 6)},
            "disagree about .* get_text_features, get_audio_features or get_vision_features",
        ),
        ({"labels": torch.zeros(2, 6, dtype=torch.long)}, "labels are of shape"),
        ({"labels": torch.zeros(2, 5)}, r"labels are of the type torch.float32: give a tensor of whole numbers"),
        ({"labels": [[0] * 5] * 2}, "labels are of the type list"),
        ({"labels": torch.full((2, 5), -1)}, "labels have the value -1: give 0 to 3, or -100"),
        ({"labels": torch.full((2, 5), 7)}, "labels have the value 7: give 0 to 3, or -100"),
        ({"soft_labels": torch.ones(2, 5, 3)}, r"soft_labels are of shape \(2, 5, 3\)"),
        ({"speaker_ids": [[0] * 5] * 2}, "speaker_ids is a list: give a tensor"),
        ({"utterance_mask": np.ones((2, 5))}, "utterance_mask is a ndarray: give a tensor"),
        ({"audio_mask": np.ones((2, 5, 4))}, "audio mask is a ndarray: give a tensor"),
        ({"text_features": 3}, "text features is a int: give a tensor"),
        ({f"{s}_{kind}": None for s in SIZES for kind in ("features", "mask")}, "None of the model's streams"),
    ],
)
def test_bad_inputs_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small_model()(**{**random_batch(), **changes})
