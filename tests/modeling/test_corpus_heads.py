"""Soft labels in the loss, and heads for the emotions of additional corpora."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.losses import focal_loss, soft_focal_loss
from tests.small_models import NUM_LABELS, logits, random_batch, small_config, small_model

EXTRA = {"clips": ["calm", "happy", "sad"], "scenes": ["peaceful", "mad"]}


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.booleans())
def test_a_soft_label_of_one_emotion_is_that_label(seed, gamma, weighted):
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(6, NUM_LABELS, generator=generator)
    labels = torch.randint(0, NUM_LABELS, (6,), generator=generator)
    weights = [0.5, 1.0, 2.0, 1.5] if weighted else None
    one_hot = torch.nn.functional.one_hot(labels, NUM_LABELS).float()
    torch.testing.assert_close(
        soft_focal_loss(scores, one_hot, gamma, weights), focal_loss(scores, labels, gamma, weights)
    )


def test_without_focus_a_soft_label_gives_the_cross_entropy():
    scores, targets = torch.randn(5, 3), torch.rand(5, 3).softmax(dim=-1)
    expected = torch.nn.functional.cross_entropy(scores, targets, reduction="none")
    torch.testing.assert_close(soft_focal_loss(scores, targets, gamma=0.0), expected)


def test_a_row_of_zeros_leaves_the_label_as_it_is():
    model, batch = small_model(class_weights=[0.5, 1.0, 2.0, 1.5]), random_batch()
    hard = model(**batch).loss
    soft_labels = torch.zeros(*batch["labels"].shape, NUM_LABELS)
    torch.testing.assert_close(model(**batch, soft_labels=soft_labels).loss, hard)
    soft_labels[0, 0] = 1 / NUM_LABELS
    assert not torch.isclose(model(**batch, soft_labels=soft_labels).loss, hard)


@pytest.mark.parametrize("changes", [{}, {"probe_modality_heads": True}, {"contrastive_loss": "in_batch"}])
def test_each_corpus_has_its_own_emotions_on_shared_layers(changes):
    model, batch = small_model(extra_emotions=EXTRA, **changes), random_batch()
    assert logits(model, batch).shape[-1] == NUM_LABELS
    for corpus, emotions in EXTRA.items():
        labels = batch["labels"].clamp(max=len(emotions) - 1)
        outputs = model(**{**batch, "labels": labels}, corpus=corpus)
        assert outputs.logits.shape[-1] == outputs.modality_logits.shape[-1] == len(emotions)
        padding = batch["utterance_mask"] == 0
        assert not outputs.logits[padding].any() and not outputs.modality_logits[padding].any()
        model.zero_grad()
        outputs.loss.backward()
        used = {
            name.split(".")[1] for name, p in model.corpus_heads.named_parameters(prefix="heads") if p.grad is not None
        }
        assert used == {corpus} and model.classifier.weight.grad is None
        assert any(p.grad is not None and p.grad.any() for p in model.amuse.fusion.parameters())


def test_a_model_of_one_further_corpus_can_be_saved_by_itself(tmp_path):
    model, batch = small_model(extra_emotions=EXTRA), random_batch()
    labels = batch["labels"].clamp(max=2)
    expected = model(**{**batch, "labels": labels}, corpus="clips")
    model.save_pretrained(tmp_path / "both")
    AmuseForEmotionRecognition.from_pretrained(tmp_path / "both").for_corpus("clips").save_pretrained(
        tmp_path / "clips"
    )
    alone = AmuseForEmotionRecognition.from_pretrained(tmp_path / "clips")
    assert list(alone.config.id2label.values()) == EXTRA["clips"] and alone.config.extra_emotions is None
    found = alone(**{**batch, "labels": labels})
    torch.testing.assert_close(found.logits, expected.logits)
    torch.testing.assert_close(found.modality_logits, expected.modality_logits)
    torch.testing.assert_close(found.loss, expected.loss)
    torch.testing.assert_close(
        logits(model, batch), logits(small_copy(model), batch)
    )  # the shared model did not change


def small_copy(model):
    copy = small_model(extra_emotions=EXTRA)
    copy.load_state_dict(model.state_dict())
    return copy


def test_unknown_corpora_and_impossible_emotions_are_refused():
    with pytest.raises(ValueError, match="no corpus 'films'; it has clips, scenes"):
        small_model(extra_emotions=EXTRA)(**random_batch(), corpus="films")
    with pytest.raises(ValueError, match="it was trained on a single corpus"):
        small_model().for_corpus("clips")
    for emotions, message in [(["mad"], "at least two"), (["mad", "mad"], "two different ones"), ([], "none")]:
        with pytest.raises(ValueError, match=message):
            small_config(extra_emotions={"clips": emotions})
    with pytest.raises(ValueError, match="without dots"):
        small_config(extra_emotions={"a.b": ["mad", "sad"]})
    with pytest.raises(ValueError, match="extra_emotions cannot be combined with fusion='alfa'"):
        small_config(extra_emotions=EXTRA, fusion="alfa")
