"""`conversation_modalities`: the conversation term reads only these modalities, while the experts read all of them."""

import pytest
import torch

from modeling_amuse import AmuseConfig, AmuseModel
from modeling_amuse.described_utterance import describe_output
from modeling_amuse.read_conversation import ReadConversation
from modeling_amuse.variants import CONTRASTIVE_LOSSES, FUSIONS
from tests.small_models import logits, random_batch, small_config, small_model, with_experts, without

OTHERS = ("audio", "vision", "background")
LOSSES = ("loss", "classification_loss", "modality_loss")


def text_alone(**changes):
    """A model whose only modality is text."""
    return small_model(audio_feature_size=None, vision_feature_size=None, background_feature_size=None, **changes)


def seeded(build, **changes):
    torch.manual_seed(0)
    return build(**changes)


@pytest.mark.parametrize("contexts", ["both", "none"])
def test_the_conversation_term_equals_a_model_of_its_modalities_alone(contexts):
    whole = seeded(small_model, conversation_modalities=["text"], contexts=contexts)
    alone = seeded(text_alone, contexts=contexts)
    assert whole.state_dict().keys() == alone.state_dict().keys()  # the same layers with the same initial weights
    batch = random_batch()
    own = without(batch, *OTHERS)
    for model in (whole, alone):
        model.train()
    torch.manual_seed(1)
    read = whole(**batch)
    torch.manual_seed(1)  # the same dropout
    expected = alone(**own)
    torch.testing.assert_close(read.logits, expected.logits)
    for name in LOSSES:
        torch.testing.assert_close(read[name], expected[name])
    assert read.modality_mask.sum() == 3 * batch["utterance_mask"].sum()  # the mask still reports all three modalities


@pytest.mark.parametrize("chosen", [["text"], ["vision", "text"], ["audio"]])
def test_the_other_modalities_add_only_the_terms_of_their_experts(chosen):
    model = with_experts(seeded(small_model, experts="constant", conversation_modalities=chosen))
    batch = random_batch()
    whole = model(**batch)
    assert model.config.fused_modalities == tuple(sorted(chosen))
    for place, modality in enumerate(model.config.modalities):
        streams = ["vision", "background"] if modality == "vision" else [modality]
        left_out = model(**without(batch, *streams))
        changed = (left_out.conversation_logits - whole.conversation_logits).abs().max() > 1e-4
        assert left_out.logits.isfinite().all()
        assert changed == (modality in chosen)
        if modality not in chosen:
            torch.testing.assert_close(whole.logits - left_out.logits, whole.expert_terms[:, :, place])
            for name in ("fusion_shares", "modality_descriptors", "modality_logits"):
                assert (whole[name][:, :, place] == 0).all()
    valid = batch["utterance_mask"].bool()
    torch.testing.assert_close(whole.fusion_shares.sum(dim=-1)[valid], torch.ones(int(valid.sum())))


def test_without_the_modalities_of_the_conversation_term_the_logits_are_prior_and_experts():
    model = with_experts(seeded(small_model, experts="constant", conversation_modalities=["text"]))
    batch = random_batch()
    batch["text_mask"][1] = 0  # the second conversation has no words
    whole, prior = model(**batch), model.amuse.experts.log_prior
    valid = batch["utterance_mask"][1].bool()
    for row in whole.conversation_logits[1][valid]:
        torch.testing.assert_close(row, prior)
    assert (whole.conversation_logits[1][~valid] == 0).all()
    torch.testing.assert_close(whole.logits[1][valid], prior + whole.expert_terms[1].sum(dim=1)[valid])
    batch["text_mask"][0, 0] = 0  # an utterance without words still gets context from the others
    assert not torch.allclose(model(**batch).conversation_logits[0, 0], prior)


@pytest.mark.parametrize("fusion", [name for name in FUSIONS if name != "random"])
@pytest.mark.parametrize("contrastive_loss", list(CONTRASTIVE_LOSSES))
def test_every_fusion_and_loss_works_with_two_modalities_of_three(fusion, contrastive_loss):
    model = seeded(
        small_model,
        conversation_modalities=["text", "vision"],
        fusion=fusion,
        contrastive_loss=contrastive_loss,
        memory_bank_size=50 if contrastive_loss == "bank" else 0,
        modality_dropout=0.5,
        experts="adaptive",
        extra_emotions=None if fusion == "alfa" else {"other": ["calm", "moved"]},
    )
    batch = random_batch()
    ids = torch.arange(batch["labels"].numel()).reshape(batch["labels"].shape)
    outputs = with_experts(model).train()(**batch, utterance_ids=ids)
    outputs.loss.backward()
    assert outputs.loss.isfinite()
    heads = () if model.config.extra_emotions is None else ("corpus_heads.",)
    assert all(p.grad is not None for name, p in model.named_parameters() if not name.startswith(heads))
    if heads:
        labels = batch["labels"].clamp(max=1)
        other = model(**{**batch, "labels": labels}, utterance_ids=ids, corpus="other")
        assert other.logits.shape[-1] == 2 and (other.modality_logits[:, :, 1] == 0).all() and other.loss.isfinite()


def test_chunks_and_an_exported_program_give_the_same_logits():
    model = with_experts(seeded(small_model, experts="adaptive", conversation_modalities=["text"]))
    batch = random_batch()
    with torch.no_grad():
        whole = logits(model, batch)
        torch.testing.assert_close(model(**batch, utterances_per_chunk=2).logits, whole)
        program = torch.export.export(model, (), batch, strict=False)
        torch.testing.assert_close(program.module()(**batch).logits, whole, atol=1e-5, rtol=0)


def test_an_unread_modality_is_not_in_the_description_of_an_utterance():
    model, batch = seeded(small_model, conversation_modalities=["text"]), random_batch()
    with torch.no_grad():
        outputs = model(**batch)
    described = describe_output({"speaker": "Ann", "text": "No."}, model.config, outputs, 0, 0)
    assert list(described["modalities"]) == ["text"]
    assert described["shares"] == {"text": 1.0, "audio": 0.0, "vision": 0.0}
    model = with_experts(seeded(small_model, conversation_modalities=["text"], experts="constant"))
    with torch.no_grad():
        outputs = model(**batch)
    described = describe_output({"speaker": "Ann", "text": "No."}, model.config, outputs, 0, 0)
    assert list(described["modalities"]) == list(described["contributions"]) == ["text", "audio", "vision"]


def test_a_saved_model_keeps_its_conversation_modalities(tmp_path):
    model = with_experts(seeded(small_model, experts="constant", conversation_modalities=["text"]))
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    assert loaded.config.conversation_modalities == ["text"]
    batch = random_batch()
    assert torch.equal(logits(loaded, batch), logits(model, batch))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"conversation_modalities": ["smell"]}, r"conversation_modalities is \['smell'\].*which are: text, audio"),
        ({"conversation_modalities": []}, "must name one or more"),
        (
            {
                "audio_config": {"model_type": "whisper"},
                "audio_feature_size": None,
                "conversation_modalities": ["text"],
            },
            "leaves out audio, so its encoder would not be trained: set freeze_audio_encoder=True",
        ),
    ],
)
def test_invalid_settings_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        small_config(**fields)


def test_features_of_a_modality_that_is_not_fused_are_refused():
    model = AmuseModel(
        AmuseConfig(text_feature_size=6, audio_feature_size=3, hidden_size=16, conversation_modalities=["text"])
    )
    with pytest.raises(ValueError, match="no features of the modality 'audio'; it has those of text"):
        model.get_audio_features(audio_features=torch.randn(2, 4, 3))


@pytest.mark.parametrize("causal", [False, True])
def test_the_conversation_that_explanations_read_gives_the_logits_of_the_model(causal):
    model = with_experts(
        seeded(small_model, experts="constant", conversation_modalities=["text"], causal=causal, contexts="both")
    )
    batch = random_batch((4,))
    for words in (True, False):
        if not words:
            batch["text_mask"][:] = 0
        with torch.no_grad():
            read = ReadConversation(model, batch)
        torch.testing.assert_close(read.logits, logits(model, batch)[0])


@pytest.mark.parametrize("length", [1, 3])
def test_an_utterance_that_loses_the_only_words_of_its_conversation_is_explained_as_the_model_reads_it(length):
    model = with_experts(seeded(small_model, experts="constant", conversation_modalities=["text"], contexts="none"))
    batch = random_batch((length,))
    batch["text_mask"][:, 1:] = 0
    changed = {**batch, "text_mask": torch.zeros_like(batch["text_mask"])}
    with torch.no_grad():
        read = ReadConversation(model, batch)
        rows, present = torch.arange(length), read.present.clone()
        present[:, 0] = False
        tokens = {
            m: [part.without(~present[:, n]) for part in parts] for n, (m, parts) in enumerate(read.tokens.items())
        }
        described = read.describe(tokens, present, read.evidence)
        found = read.logits_of(rows, *described, present=present)
    torch.testing.assert_close(found[0], logits(model, changed)[0, 0], rtol=1e-4, atol=1e-5)
    if length > 1:  # the first utterance still has its words when another one is changed
        without = logits(model, changed)[0, 1]
        assert not torch.allclose(found[1], without, atol=1e-3)
