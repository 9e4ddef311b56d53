"""Experts: the term that each modality alone adds to the logits."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor, LiveSession
from modeling_amuse.pipeline_amuse import EmotionRecognitionPipeline
from modeling_amuse.variants import EXPERTS
from tests.small_models import NUM_LABELS, SIZES, logits, random_batch, small_config, small_model, with_experts, without

STREAMS = {"text": ["text"], "audio": ["audio"], "vision": ["vision", "background"]}
KINDS = [name for name in EXPERTS if name != "none"]
NUMBERS = {
    "expert_weights": {"text": 0.4, "audio": 1.3, "vision": 0.7},
    "expert_half_evidence": {"text": 2.0, "audio": 0.5},
}


def expert_model(experts: str = "constant", **changes) -> AmuseForEmotionRecognition:
    torch.manual_seed(0)
    return with_experts(small_model(experts=experts, **{**NUMBERS, **changes}))


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=3), seed=st.integers(0, 99))
@pytest.mark.parametrize("experts", KINDS)
def test_the_terms_sum_to_the_logits(experts, lengths, seed):
    model = expert_model(experts)
    with torch.no_grad():
        outputs = model(**random_batch(lengths, seed=seed))
    torch.testing.assert_close(
        outputs.conversation_logits + outputs.expert_terms.sum(dim=2), outputs.logits, atol=1e-5, rtol=0
    )
    # each term agrees with the equation
    prior = model.amuse.experts.log_prior
    expected = outputs.expert_weights[..., None] * (outputs.expert_logits.log_softmax(dim=-1) - prior)
    valid = random_batch(lengths, seed=seed)["utterance_mask"].bool()
    torch.testing.assert_close(outputs.expert_terms[valid], expected[valid])
    assert outputs.expert_terms[valid].abs().sum() > 0 and (outputs.expert_weights >= 0).all()


@pytest.mark.parametrize("experts", KINDS)
@pytest.mark.parametrize("modality", list(STREAMS))
def test_an_expert_reads_no_other_modality(experts, modality):
    model, batch = expert_model(experts), random_batch()
    for stream in SIZES:
        batch[f"{stream}_features"].requires_grad_()
    index = model.config.modalities.index(modality)
    outputs = model(**batch)
    (outputs.expert_terms[:, :, index] * torch.randn(NUM_LABELS)).sum().backward()
    for stream in SIZES:
        gradient = batch[f"{stream}_features"].grad
        if stream in STREAMS[modality]:
            assert gradient.abs().sum() > 0
        else:
            assert gradient is None or (gradient == 0).all()


@given(seed=st.integers(0, 99), missing=st.sampled_from(list(STREAMS)))
@pytest.mark.parametrize("experts", KINDS)
def test_a_missing_modality_adds_exactly_nothing(experts, seed, missing):
    model, batch = expert_model(experts), random_batch(seed=seed)
    index = model.config.modalities.index(missing)
    with torch.no_grad():
        whole, left_out = model(**batch), model(**without(batch, *STREAMS[missing]))
    for name in ("expert_logits", "expert_weights", "expert_terms"):
        assert (left_out[name][:, :, index] == 0).all()
        others = [m for m in range(3) if m != index]
        assert torch.equal(left_out[name][:, :, others], whole[name][:, :, others])


def test_a_stream_that_is_missing_counts_as_average():
    model, batch = expert_model(), random_batch()
    expert = model.amuse.experts.heads["vision"]
    expert.head.weight.data[:, 2 * SIZES["vision"] :] = 0  # the parts that read the background
    with torch.no_grad():
        with_background = model(**batch).expert_logits
        model.amuse.experts.heads["vision"].head.weight.data.normal_()
        expert.center.data[2 * SIZES["vision"] :] = 3.0
        batch["background_mask"][:] = 0
        average = model(**batch).expert_logits
        expert.head.weight.data[:, 2 * SIZES["vision"] :] = 5.0  # of a feature that is zero after standardization
        torch.testing.assert_close(model(**batch).expert_logits, average)
    assert not torch.equal(with_background, average)


@pytest.mark.parametrize("experts", KINDS)
def test_new_experts_add_nothing_until_they_are_trained(experts):
    model, batch = small_model().eval(), random_batch()
    before = model(**batch).logits
    model.amuse.add_experts(experts)
    outputs = model.eval()(**batch)
    assert (outputs.expert_terms == 0).all() and torch.equal(outputs.logits, before)


def test_weights_grow_with_the_evidence_and_saturate():
    model, batch = expert_model("adaptive"), random_batch((4, 4), tokens=1)
    amounts = torch.tensor([1.0, 2.0, 8.0, 1e6]).expand(2, 4)[..., None].expand(2, 4, 3)
    with torch.no_grad():
        weights = model(**batch, evidence=amounts).expert_weights[0]
        unknown = model(**batch, evidence=torch.zeros(2, 4, 3)).expert_weights
        counted = model(**batch).expert_weights
    assert weights[:, 0].tolist() == pytest.approx([0.4 / 3, 0.2, 0.32, 0.4], rel=1e-4)
    assert weights[:, 1].tolist() == pytest.approx([1.3 / 1.5, 1.3 / 1.25, 1.3 * 8 / 8.5, 1.3], rel=1e-4)
    assert weights[:, 2].tolist() == pytest.approx([0.7] * 4)  # without a half: constant
    assert torch.equal(unknown, counted)  # the model counts the tokens
    with pytest.raises(ValueError, match=r"evidence is of shape \(2, 4\), but must be .* \(2, 4, 3\)"):
        model(**batch, evidence=torch.ones(2, 4))


def test_constant_weights_do_not_depend_on_the_evidence():
    model, batch = expert_model("constant"), random_batch()
    with torch.no_grad():
        given = model(**batch, evidence=torch.full((2, 5, 3), 0.01))
    assert torch.equal(given.logits, logits(model, batch))
    assert given.expert_weights[0, 0].tolist() == pytest.approx([0.4, 1.3, 0.7])


def test_experts_learn_from_their_own_loss_alone():
    model, batch = expert_model(hidden_dropout=0.0), random_batch()
    for own_loss in (True, False):
        model.zero_grad()
        outputs = model(**batch)
        (outputs.expert_loss if own_loss else outputs.classification_loss).backward()
        heads = [p.grad for p in model.amuse.experts.parameters()]
        others = [p.grad for name, p in model.named_parameters() if ".experts." not in name]
        assert all((grad is not None and grad.abs().sum() > 0) == own_loss for grad in heads)
        assert any(grad is not None and grad.abs().sum() > 0 for grad in others) != own_loss
    torch.testing.assert_close(model(**batch).logits, logits(model, batch))


def test_only_named_modalities_have_an_expert():
    model, batch = expert_model(expert_weights={"audio": 2.0}), random_batch()
    assert model.config.expert_modalities == ("audio",) and list(model.amuse.experts.heads) == ["audio"]
    outputs = model(**batch)
    assert (outputs.expert_terms[:, :, [0, 2]] == 0).all() and outputs.expert_terms[:, :, 1].abs().sum() > 0
    outputs.loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_folders_without_experts_load_as_they_were(tmp_path):
    model, batch = small_model(), random_batch()
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    saved = json.loads(path.read_text())
    for name in (
        "experts",
        "expert_weights",
        "expert_half_evidence",
    ):  # like a folder that was saved before experts existed
        saved.pop(name, None)
    path.write_text(json.dumps(saved))
    loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path)
    assert loaded.config.experts == "none" and loaded.state_dict().keys() == model.state_dict().keys()
    torch.testing.assert_close(logits(loaded, batch), logits(model, batch), atol=1e-6, rtol=0)
    assert loaded(**batch).get("expert_terms") is None and loaded(**batch).get("conversation_logits") is None
    # new experts add nothing
    extended = AmuseForEmotionRecognition.from_pretrained(tmp_path, experts="constant")
    torch.testing.assert_close(logits(extended, batch), logits(model, batch), atol=1e-6, rtol=0)


@pytest.mark.parametrize("experts", KINDS)
def test_experts_are_saved_with_the_model(experts, tmp_path):
    model, batch = expert_model(experts), random_batch()
    model.save_pretrained(tmp_path)
    loaded = AmuseForEmotionRecognition.from_pretrained(tmp_path)
    assert loaded.config.expert_weights == NUMBERS["expert_weights"]
    torch.testing.assert_close(logits(loaded, batch), logits(model, batch), atol=1e-6, rtol=0)


def test_half_precision_gives_the_same_account():
    batch = {k: v.bfloat16() if v.is_floating_point() else v for k, v in random_batch().items()}
    model = expert_model("adaptive").bfloat16()
    with torch.no_grad():
        outputs, wanted = model(**batch), expert_model("adaptive")(**random_batch())
    torch.testing.assert_close(
        outputs.logits.float(), (outputs.conversation_logits + outputs.expert_terms.sum(dim=2)).float()
    )
    torch.testing.assert_close(outputs.expert_terms.float(), wanted.expert_terms, atol=0.15, rtol=0.1)


def test_the_pipeline_and_the_live_session_tell_contributions():
    names = ["neutral", "joy", "fear", "anger"]
    torch.manual_seed(0)
    config = small_config(
        background_feature_size=None,
        causal=True,
        experts="adaptive",
        expert_weights={"text": 0.5, "audio": 1.0},
        expert_half_evidence={"audio": 3.0},
        id2label=dict(enumerate(names)),
    )
    model = with_experts(AmuseForEmotionRecognition(config).eval())
    processor = AmuseProcessor(emotions=names, evidence={"text": "words", "audio": "seconds", "vision": "tokens"})
    talk = [
        {
            "speaker": "Ada",
            "text_features": torch.randn(2, 6).numpy(),
            "audio_features": [0.1, 2.0, -1.0],
            "start": 0,
            "end": 6,
        },
        {"speaker": "Ben", "text": "leave me alone", "vision_features": torch.randn(3, 5).numpy()},
        {"speaker": "Ada", "audio_features": [1.0, 0.0, 0.5], "start": 7, "end": 7.5},
    ]
    said = EmotionRecognitionPipeline(model=model, processor=processor)(talk)
    with torch.no_grad():
        outputs = model(**processor(talk, return_labels=False))
    assert outputs.expert_weights[0, :, 1].tolist() == pytest.approx([6 / 9, 0, 0.5 / 3.5])
    for place, utterance in enumerate(said):
        emotion = names.index(utterance["emotion"])
        assert list(utterance["contributions"]) == ["text", "audio"]
        terms = outputs.expert_terms[0, place, :, emotion]
        assert list(utterance["contributions"].values()) == pytest.approx(terms[:2].tolist(), abs=1e-6)
        assert sum(utterance["shares"].values()) == pytest.approx(1)
        for modality, says in utterance["modalities"].items():
            source = outputs.expert_logits if modality in utterance["contributions"] else outputs.modality_logits
            own = source[0, place, config.modalities.index(modality)].softmax(dim=-1)
            assert list(says["scores"].values()) == pytest.approx(own.tolist(), abs=1e-6)
    assert said[1]["contributions"]["audio"] == 0 and "audio" not in said[1]["modalities"]
    session = LiveSession(model, processor)
    for utterance, wanted in zip(talk, said, strict=True):
        heard = session.add(utterance)
        assert heard["contributions"] == pytest.approx(wanted["contributions"], abs=1e-5)
        assert heard["scores"] == pytest.approx(wanted["scores"], abs=1e-5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expert_weights": {"text": -0.1}}, "expert_weights must be finite and 0 or more, but is -0.1 for text"),
        ({"expert_weights": {"text": float("nan")}}, "expert_weights must be finite"),
        (
            {"expert_half_evidence": {"text": -1}},
            "expert_half_evidence must be finite and 0 or more, but is -1 for text",
        ),
        ({"expert_weights": {"vision": 1.0}}, "expert_weights names the modality 'vision', .* it has: text, audio"),
        ({"expert_half_evidence": {"smell": 1.0}}, "names the modality 'smell', which the model does not have"),
    ],
)
def test_bad_numbers_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        AmuseConfig(text_feature_size=3, audio_feature_size=2, experts="adaptive", **fields)


def test_bad_numbers_in_a_folder_are_refused(tmp_path):
    expert_model().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    saved = json.loads(path.read_text())
    saved["expert_weights"]["audio"] = -2.0
    path.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match="expert_weights must be finite and 0 or more, but is -2.0 for audio"):
        AmuseForEmotionRecognition.from_pretrained(tmp_path)
