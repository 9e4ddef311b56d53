"""A conversation that the model read once is used to compute the logits of changed conversations."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_amuse.read_conversation import ReadConversation
from modeling_amuse.tokens import Tokens
from tests.small_models import logits, random_batch, small_model, with_experts

CONTEXTS = ("both", "dialogue", "speaker", "none")


def read(model, length=6, seed=0):
    batch = random_batch((length,), seed=seed)
    batch.pop("labels")
    return batch, ReadConversation(model, batch)


@pytest.mark.parametrize("contexts", CONTEXTS)
@pytest.mark.parametrize("experts", ["none", "constant", "adaptive"])
@pytest.mark.parametrize("causal", [False, True])
def test_it_has_the_logits_of_the_model(contexts, experts, causal):
    torch.manual_seed(0)
    model = with_experts(small_model(contexts=contexts, experts=experts, causal=causal))
    batch, conversation = read(model)
    torch.testing.assert_close(conversation.logits, logits(model, batch)[0], rtol=1e-4, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    length=st.integers(2, 8),
    contexts=st.sampled_from(CONTEXTS),
    causal=st.booleans(),
    data=st.data(),
)
def test_leaving_an_utterance_out_gives_the_logits_of_the_conversation_without_it(seed, length, contexts, causal, data):
    torch.manual_seed(seed)
    model = small_model(contexts=contexts, causal=causal)
    batch, conversation = read(model, length, seed)
    row = data.draw(st.integers(0, length - 1))
    left_out = data.draw(st.integers(0, length - 1).filter(lambda other: other != row))
    kept = [place for place in range(length) if place != left_out]
    expected = logits(model, {name: tensor[:, kept] for name, tensor in batch.items()})[0, kept.index(row)]
    with torch.no_grad():
        found = conversation.logits_without(torch.tensor([row]), torch.tensor([left_out]), abs(row - left_out))
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("left_out", [0, 2])
def test_leaving_the_only_words_out_leaves_the_prior(left_out):
    torch.manual_seed(0)
    model = with_experts(small_model(experts="constant", conversation_modalities=["text"]))
    batch = random_batch((3,), seed=0)
    batch.pop("labels")
    batch["text_mask"][0, [place for place in range(3) if place != left_out]] = 0
    kept = [place for place in range(3) if place != left_out]
    expected = logits(model, {name: tensor[:, kept] for name, tensor in batch.items()})[0, kept.index(1)]
    with torch.no_grad():
        found = ReadConversation(model, batch).logits_without(torch.tensor([1]), torch.tensor([left_out]), 1)
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-5)


def test_a_changed_utterance_gives_the_logits_of_the_changed_conversation():
    torch.manual_seed(0)
    model = with_experts(small_model(experts="constant"))
    batch, conversation = read(model)
    changed = {**batch, "text_mask": batch["text_mask"].clone()}
    changed["text_mask"][0, 3] = 0
    rows = torch.tensor([3])
    tokens = {
        modality: [Tokens(part.states[rows], part.lengths[rows]) for part in parts]
        for modality, parts in conversation.tokens.items()
    }
    tokens["text"] = [part.without(torch.tensor([True])) for part in tokens["text"]]
    present = conversation.present[rows].clone()
    present[0, 0] = False
    with torch.no_grad():
        found = conversation.logits_of(rows, *conversation.describe(tokens, present, conversation.evidence[rows]))
    torch.testing.assert_close(found[0], logits(model, changed)[0, 3], rtol=1e-4, atol=1e-5)
