"""Options that regularize a training, and the batches of several corpora."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BatchFeature, BertConfig, BertModel, DistilBertConfig, DistilBertModel
from transformers.trainer_pt_utils import get_length_grouped_indices

from modeling_amuse.scripts.training.consistency import divergence, read_twice
from modeling_amuse.scripts.training.corpus_batches import SeveralCorpora, epoch_steps
from modeling_amuse.scripts.training.layer_dropout import drop_layers
from modeling_amuse.scripts.training.training_loop import epoch_batches


def test_r_drop_reads_a_batch_twice_and_compares_the_predictions():
    batch = read_twice(BatchFeature({"labels": torch.tensor([[1, -100], [0, 2]]), "corpus": "clips"}))
    assert batch["labels"].shape == (4, 2) and batch["corpus"] == "clips"
    scores = torch.randn(2, 2, 3)
    assert divergence(torch.cat([scores, scores]), batch["labels"]) == 0
    other = torch.randn(2, 2, 3)
    one, two = (t.log_softmax(dim=-1) for t in (scores, other))
    kl = torch.nn.functional.kl_div
    expected = (kl(one, two, reduction="none", log_target=True) + kl(two, one, reduction="none", log_target=True)) / 2
    expected = expected.sum(dim=-1)[batch["labels"][:2] != -100].sum()
    torch.testing.assert_close(divergence(torch.cat([scores, other]), batch["labels"]), expected)


@pytest.mark.parametrize(
    "encoder",
    [
        BertModel(
            BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=3, num_attention_heads=1, intermediate_size=4)
        ),
        DistilBertModel(DistilBertConfig(vocab_size=9, dim=4, n_layers=3, n_heads=1, hidden_dim=4)),
    ],
    ids=["bert", "distilbert"],
)
def test_layers_are_dropped_in_training_alone(encoder):
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    words = torch.tensor([[1, 2, 3]])
    whole = encoder.eval()(words).last_hidden_state
    drop_layers(encoder, 0.5)
    torch.testing.assert_close(encoder.eval()(words).last_hidden_state, whole)
    found = [encoder.train()(words).last_hidden_state for _ in range(40)]
    number = len({tuple(states.flatten().tolist()) for states in found})
    assert 2 < number <= 8  # each of three layers is kept or dropped
    found[0].sum().backward()
    layers = [p for name, p in encoder.named_parameters() if ".layer." in name]
    assert all(p.grad is not None for p in layers)


def test_what_cannot_be_dropped_is_refused():
    encoder = BertModel(
        BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4)
    )
    for probability in (-0.1, 1):
        with pytest.raises(ValueError, match="at least 0 and less than 1"):
            drop_layers(encoder, probability)
    without_layers = SimpleNamespace(named_modules=list, config=SimpleNamespace(model_type="albert"))
    with pytest.raises(ValueError, match="of the type albert have no list of layers"):
        drop_layers(without_layers, 0.1)


class Corpus(list):
    """A corpus whose conversations have the given lengths."""

    def lengths(self):
        return list(self)


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=20), min_size=1, max_size=3),
    st.integers(1, 5),
    st.booleans(),
    st.integers(0, 1000),
)
def test_an_epoch_reads_every_conversation_once_and_each_batch_is_of_one_corpus(corpora, size, group, seed):
    both = SeveralCorpora([Corpus(lengths) for lengths in corpora])
    chosen = both.of_epoch(0, 0)
    steps = epoch_steps(both, chosen, size, group, np.random.default_rng(seed))
    assert sorted(np.concatenate(steps).tolist()) == list(range(len(both)))
    for step in steps:
        assert 1 <= len(step) <= size
        assert len({both[number][0] for number in step}) == 1
    again = epoch_steps(both, chosen, size, group, np.random.default_rng(seed))
    assert [step.tolist() for step in steps] == [step.tolist() for step in again]


def test_a_process_without_a_conversation_stays_in_the_corpus_of_the_step():
    both = SeveralCorpora([Corpus([3, 4]), Corpus([5])])
    accelerator = SimpleNamespace(process_index=1, num_processes=2)
    args = SimpleNamespace(per_device_train_batch_size=1, extra_data_first=0, group_by_length=False, seed=0)
    batches = epoch_batches(both, args, 0, accelerator)
    assert sorted(len(batch) for batch in batches) == [1, 1] and [~2] in batches
    assert both[~2] == (1, None)


def test_further_corpora_may_come_first():
    three = SeveralCorpora([Corpus([3, 4]), Corpus([5]), Corpus([6, 7, 8])])
    assert [three.of_epoch(epoch, 2) for epoch in range(4)] == [[1, 2], [1, 2], [0], [0]]
    first = np.concatenate(epoch_steps(three, [1, 2], 2, True, np.random.default_rng(0)))
    assert sorted(three[number] for number in first) == [(1, 5), (2, 6), (2, 7), (2, 8)]
    assert SeveralCorpora([Corpus([3])]).of_epoch(0, 2) == [0]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 5), st.booleans(), st.integers(0, 1000))
def test_one_corpus_is_read_in_the_order_of_earlier_trainings(lengths, size, group, seed):
    """A training that was started before several corpora were supported continues without a change."""
    generator = np.random.default_rng(seed)
    if group:
        torch_generator = torch.Generator().manual_seed(int(generator.integers(2**31)))
        order = np.array(get_length_grouped_indices(lengths, size, generator=torch_generator))
    else:
        order = generator.permutation(len(lengths))
    starts = np.arange(0, len(order), size)
    if group:
        generator.shuffle(starts)
    expected = [order[start : start + size].tolist() for start in starts]
    found = epoch_steps(SeveralCorpora([Corpus(lengths)]), [0], size, group, np.random.default_rng(seed))
    assert [step.tolist() for step in found] == expected
