# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Computing rows in groups of similar length and attending to a single token do not change the results."""

from unittest import mock

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, like_lengths, recurrent
from modeling_amuse.attention import build_attention, key_mask, key_value_sizes
from modeling_amuse.like_lengths import groups_of_like_length, in_first_order
from modeling_amuse.recurrent import AmuseLSTM

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=24)


@given(LENGTHS, st.integers(0, 5))
def test_every_row_is_in_one_group_and_comes_back_to_its_place(lengths, padding):
    lengths = torch.tensor(lengths)
    groups = groups_of_like_length(lengths, int(lengths.max()) + padding)
    assert sorted(torch.cat(groups).tolist()) == list(range(len(lengths)))
    assert torch.equal(in_first_order([lengths[rows] for rows in groups], groups), lengths)
    longest = [int(lengths[rows].max()) for rows in groups]
    shortest = [int(lengths[rows].min()) for rows in groups]
    assert len(groups) == 1 or all(low >= high for low, high in zip(shortest[1:], longest[:-1], strict=True))


def test_a_batch_without_padding_stays_whole():
    assert len(groups_of_like_length(torch.full((40,), 9), 9)) == 1
    assert len(groups_of_like_length(torch.arange(1, 41), 40)) == like_lengths.GROUPS


@given(LENGTHS, st.booleans(), st.booleans())
def test_an_lstm_reads_padded_rows_as_torch_reads_packed_ones(lengths, bidirectional, with_gradients):
    torch.manual_seed(0)
    lengths = torch.tensor(lengths)
    lstm = AmuseLSTM(5, 8, bidirectional=bidirectional)
    rows = torch.randn(len(lengths), int(lengths.max()) + 2, 5, requires_grad=True)
    packed = pack_padded_sequence(rows, lengths, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(lstm.lstm(packed)[0], batch_first=True, total_length=rows.shape[1])[0]
    with torch.set_grad_enabled(with_gradients):
        found = lstm(rows, lengths)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    if with_gradients:
        weights = [rows, *lstm.parameters()]
        ours = torch.autograd.grad(found.square().sum(), weights)
        theirs = torch.autograd.grad(expected.square().sum(), weights)
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_half_precision_is_read_packed():
    assert not recurrent._has_fused_kernel(torch.zeros(2, 3, 4, dtype=torch.bfloat16))
    assert not recurrent._has_fused_kernel(torch.zeros(2, 3, 4, dtype=torch.float64))


@pytest.mark.parametrize("lengths", [[4, 4, 4], [1, 4, 2]], ids=["equal", "ragged"])
def test_autocast_leaves_an_lstm_on_a_cpu_in_full_precision(lengths):
    lstm, lengths = AmuseLSTM(6, 8), torch.tensor(lengths)
    rows = torch.randn(3, 4, 6)
    expected = lstm(rows, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        found = lstm(rows, lengths)
        packed = pack_padded_sequence(rows.bfloat16(), lengths, batch_first=True, enforce_sorted=False)
        read = pad_packed_sequence(lstm.read_packed(packed), batch_first=True, total_length=4)[0]
        found.sum().backward()
    assert found.dtype == read.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected.bfloat16())
    torch.testing.assert_close(read.float(), expected, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("head_aggregation", ["concat", "mean"])
def test_attention_to_one_token_is_its_value_for_every_query(head_aggregation):
    config = AmuseConfig(text_feature_size=4, hidden_size=8, head_aggregation=head_aggregation)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    attention = build_attention(config).eval()
    key_size, value_size = key_value_sizes(config)
    queries = torch.randn(3, 5, 8)
    keys = [torch.randn(3, tokens, key_size) for tokens in (1, 4)]
    values = [torch.randn(3, tokens, value_size) for tokens in (1, 4)]
    masks = [key_mask(config, queries, torch.ones(3, key.shape[1]).bool(), key, output_attentions=True) for key in keys]
    shares = [torch.tensor([1.0, 0.0, 0.5]), torch.tensor([0.0, 1.0, 0.5])]
    for chosen in (slice(0, 1), slice(0, 2)):
        given = keys[chosen], values[chosen], masks[chosen], shares[chosen]
        by_weights = attention.attend(attention.weights(queries, given[0], given[2]), given[1], given[3])
        torch.testing.assert_close(attention(queries, *given)[0], by_weights)


def test_a_model_gives_the_same_with_and_without_groups_and_every_weight_has_a_gradient():
    torch.manual_seed(0)
    sizes = {"text_feature_size": 6, "audio_feature_size": 3, "vision_feature_size": 4}
    config = AmuseConfig(
        **sizes, hidden_size=8, num_attention_heads=2, num_man_layers=2, hidden_dropout=0.0, num_labels=3
    )
    model = AmuseForEmotionRecognition(config).train()
    generator = torch.Generator().manual_seed(1)

    def mask(tokens: int) -> torch.Tensor:
        lengths = torch.randint(0, tokens + 1, (4, 6), generator=generator)
        lengths[0, 0] = tokens
        return (torch.arange(tokens) < lengths[..., None]).long()

    batch = {"text_mask": mask(9), "audio_mask": mask(1), "vision_mask": mask(5)}
    for name, size in sizes.items():
        stream = name.removesuffix("_feature_size")
        shape = (*batch[f"{stream}_mask"].shape, size)
        batch[f"{stream}_features"] = torch.randn(shape, generator=generator)
    batch["speaker_ids"] = torch.randint(0, 3, (4, 6), generator=generator)
    batch["labels"] = torch.randint(0, 3, (4, 6), generator=generator)

    def outputs_and_gradients():
        model.zero_grad()
        outputs = model(**batch)
        outputs.loss.backward()
        return outputs.logits.detach(), {name: weight.grad.clone() for name, weight in model.named_parameters()}

    grouped = outputs_and_gradients()
    with mock.patch.object(like_lengths, "FULL_ENOUGH", 0.0):  # every batch has little padding, so there is one group
        whole = outputs_and_gradients()
    torch.testing.assert_close(grouped, whole, atol=1e-5, rtol=1e-4)
