"""Text encoded within its conversation: the same numbers as loops over utterances, and changes that must have no effect."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, ConvBertConfig, FNetConfig, NystromformerConfig
from transformers.modeling_outputs import BaseModelOutput

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.encoders import GROUPS_OF_LIKE_WIDTH, TOKENS_PER_GROUP, encode_rows, texts_at_once
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.text_in_conversation import encode_in_conversation
from tests.small_models import logits

TOKENS = 5
word_counts = st.lists(st.lists(st.integers(0, TOKENS), min_size=1, max_size=6), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def encoder(tiny_text_encoder):
    return AutoModel.from_pretrained(tiny_text_encoder[0], add_pooling_layer=False).double().eval()


def rows_of(counts: list[list[int]], seed: int):
    """Word pieces for conversations with these numbers of word pieces, their mask, and the conversation of each utterance."""
    flat = torch.tensor([count for conversation in counts for count in conversation])
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 30, (len(flat), TOKENS), generator=generator)
    numbers = [number for number, conversation in enumerate(counts) for _ in conversation]
    return ids, torch.arange(TOKENS) < flat[:, None], torch.tensor(numbers)


def states_of(encoder, utterances: list[torch.Tensor]) -> list[torch.Tensor]:
    """The states of the word pieces of each utterance, which are encoded as one sequence."""
    sizes = [len(utterance) for utterance in utterances]
    if not sum(sizes):
        return [torch.zeros(0, 12, dtype=torch.double) for _ in sizes]
    return list(encoder(torch.cat(utterances)[None]).last_hidden_state[0].split(sizes))


@torch.no_grad()
@given(counts=word_counts, longest=st.integers(TOKENS, 16), seed=st.integers(0, 99))
def test_an_utterance_has_the_states_of_its_tokens_in_the_conversation(encoder, counts, longest, seed):
    ids, mask, conversations = rows_of(counts, seed)
    states, valid = encode_in_conversation(encoder, ids, mask, conversations, longest)
    assert torch.equal(valid, mask)
    row = 0
    for conversation in counts:
        room = longest + 1 if sum(conversation) <= longest else longest - max(conversation)
        start, parts = 0, {}
        for count in conversation:
            parts.setdefault(start // max(room, 1), []).append(row)
            start, row = start + count, row + 1
        for part in parts.values():
            assert sum(int(mask[r].sum()) for r in part) <= longest
            for r, expected in zip(part, states_of(encoder, [ids[r][mask[r]] for r in part]), strict=True):
                torch.testing.assert_close(states[r][mask[r]], expected, atol=1e-9, rtol=0)


@torch.no_grad()
@given(
    counts=st.lists(st.integers(1, TOKENS), min_size=1, max_size=9),
    rows_at_once=st.none() | st.integers(1, 9),
    tokens_per_group=st.sampled_from([0, 2, TOKENS_PER_GROUP]),
    seed=st.integers(0, 99),
)
def test_rows_that_are_read_in_groups_have_the_states_of_each_by_itself(
    encoder, counts, rows_at_once, tokens_per_group, seed
):
    ids, mask, _ = rows_of([counts], seed)
    read = []
    hook = encoder.register_forward_hook(
        lambda _, __, inputs, ___: read.append(inputs["input_ids"].shape), with_kwargs=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modeling_amuse.encoders.TOKENS_PER_GROUP", tokens_per_group)
        states = encode_rows(encoder, ids, mask, rows_at_once)
    hook.remove()
    assert states.shape[:2] == ids.shape
    for row, count in enumerate(counts):
        alone = encoder(ids[row : row + 1, :count]).last_hidden_state[0]
        torch.testing.assert_close(states[row, :count], alone, atol=1e-9, rtol=0)
    assert sum(rows for rows, _ in read) == len(counts)
    assert all(rows <= (rows_at_once or len(counts)) for rows, _ in read)
    # no padding if there are at most as many lengths as groups, and groups cost nothing
    if tokens_per_group == 0 and len(set(counts)) == len(counts) <= GROUPS_OF_LIKE_WIDTH:
        assert sum(rows * width for rows, width in read) == sum(counts)


SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8, "vocab_size": 40}


@pytest.mark.parametrize(
    "config",
    [
        ConvBertConfig(**SIZES, num_attention_heads=4, embedding_size=8, conv_kernel_size=3),
        FNetConfig(**SIZES),
        NystromformerConfig(**SIZES, num_attention_heads=2, num_landmarks=64, segment_means_seq_len=64),
    ],
    ids=["convbert", "fnet", "nystromformer"],
)
@torch.no_grad()
def test_encoders_that_do_not_see_the_mask_read_no_padding(config):
    torch.manual_seed(0)
    other = AutoModel.from_config(config).eval().double()
    assert texts_at_once(other) == 1
    ids, mask, _ = rows_of([[2, 5, 3, 5, 1, 4, 2]], 0)
    states = encode_rows(other, ids, mask)
    for row, count in enumerate(mask.sum(dim=1).tolist()):
        alone = other(input_ids=ids[row : row + 1, :count]).last_hidden_state[0]
        torch.testing.assert_close(states[row, :count], alone, atol=1e-9, rtol=0)


@torch.no_grad()
@given(counts=st.lists(st.integers(1, 200), min_size=1, max_size=9))
def test_padding_is_read_only_where_it_costs_less_than_one_more_group(counts):
    read = []

    class Shapes(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            read.append(input_ids.shape)
            return BaseModelOutput(last_hidden_state=input_ids[..., None].double())

    mask = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
    ids = torch.arange(mask.numel()).view(mask.shape)
    states = encode_rows(Shapes(), ids, mask)[..., 0]
    assert states[mask].equal(ids[mask].double())
    cost = sum(rows * width for rows, width in read) + TOKENS_PER_GROUP * len(read)
    assert cost <= len(counts) * max(counts) + TOKENS_PER_GROUP  # all in one group
    assert len(read) <= GROUPS_OF_LIKE_WIDTH
    if len(counts) <= GROUPS_OF_LIKE_WIDTH:
        assert cost <= sum(counts) + TOKENS_PER_GROUP * len(counts)  # each by itself


@torch.no_grad()
@given(counts=word_counts, number=st.integers(0, 3), longest=st.integers(TOKENS, 30), seed=st.integers(0, 99))
def test_an_utterance_is_read_with_its_neighbours(encoder, counts, number, longest, seed):
    ids, mask, conversations = rows_of(counts, seed)
    states, _ = encode_in_conversation(encoder, ids, mask, conversations, longest, num_neighbours=number)
    first = 0
    for conversation in counts:
        for position, count in enumerate(conversation):
            kept, used, is_full = [position], count, False
            for distance in range(1, number + 1):
                for other in (position - distance, position + distance):
                    inside = 0 <= other < len(conversation)
                    used += conversation[other] if inside else 0
                    is_full = is_full or used > longest
                    kept += [other] if inside and not is_full else []
            kept.sort()
            read = states_of(encoder, [ids[first + k][mask[first + k]] for k in kept])
            own = first + position
            torch.testing.assert_close(states[own][mask[own]], read[kept.index(position)], atol=1e-9, rtol=0)
        first += len(conversation)


@pytest.fixture(scope="module", params=["conversation", "neighbours"])
def model(request, tiny_text_encoder):
    torch.manual_seed(0)
    fields = {"hidden_size": 8, "initializer_range": 0.3, "num_labels": 3, "max_text_sequence": 12}
    return AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0], text_scope=request.param, num_text_neighbours=1, **fields
    ).eval()


def batch_of(counts: list[list[int]], seed: int) -> dict[str, torch.Tensor]:
    ids, mask, _ = rows_of(counts, seed)
    longest = max(map(len, counts))
    utterances = torch.arange(longest) < torch.tensor([len(conversation) for conversation in counts])[:, None]
    batch = {"input_ids": torch.zeros(*utterances.shape, TOKENS, dtype=torch.long), "utterance_mask": utterances.long()}
    batch["text_mask"], batch["speaker_ids"] = batch["input_ids"].clone(), utterances.long().cumsum(1) % 2
    batch["input_ids"][utterances], batch["text_mask"][utterances] = ids, mask.long()
    return batch


@given(counts=word_counts, seed=st.integers(0, 99), data=st.data())
def test_neither_order_nor_padding_nor_other_conversations_matter(model, counts, seed, data):
    batch = batch_of(counts, seed)
    together = logits(model, batch)
    order = data.draw(st.permutations(range(len(counts))))
    padded = {name: torch.nn.functional.pad(t, [0, 0] * (t.dim() - 2) + [0, 2]) for name, t in batch.items()}
    padded = {name: torch.nn.functional.pad(t, [0, 3]) if t.dim() == 3 else t for name, t in padded.items()}
    shuffled = logits(model, {name: t[list(order)] for name, t in padded.items()})
    torch.testing.assert_close(shuffled[:, : together.shape[1]], together[list(order)], atol=1e-5, rtol=0)
    alone = logits(model, {name: t[:1] for name, t in batch.items()})
    torch.testing.assert_close(alone[0], together[0], atol=1e-5, rtol=0)


@given(counts=word_counts, size=st.integers(1, 8), seed=st.integers(0, 99))
def test_chunks_do_not_part_a_text_from_its_conversation(model, counts, size, seed):
    batch = batch_of(counts, seed)
    with torch.no_grad():
        in_chunks = model(**batch, utterances_per_chunk=size).logits
    torch.testing.assert_close(in_chunks, logits(model, batch), atol=1e-5, rtol=0)


def test_the_words_around_an_utterance_change_its_features(model):
    batch = batch_of([[4, 4, 4]], seed=0)
    changed = {**batch, "input_ids": batch["input_ids"].clone()}
    changed["input_ids"][0, 2] = 7
    with torch.no_grad():
        one, other = (model.get_text_features(**inputs).pooler_output for inputs in (batch, changed))
    differs = ((one - other).abs() > 1e-5).any(dim=2)[0]
    reads_all = model.config.text_scope == "conversation"  # the first utterance has only the second as a neighbour
    assert differs.tolist() == [reads_all, True, True]
    # without conversations, each utterance is encoded alone
    alone = {name: batch[name][0] for name in ("input_ids", "text_mask")}
    with torch.no_grad():
        features = model.get_text_features(**alone)
    assert features.pooler_output.shape == (3, 8) and not torch.allclose(features.pooler_output[1], one[0, 1])


def test_every_weight_of_the_encoder_learns_and_none_when_nobody_says_a_word(model):
    model.train()
    try:
        for counts in ([[3, 0, 5], [2]], [[0, 0]]):
            model.zero_grad()
            batch = batch_of(counts, seed=1)
            model(**batch, labels=torch.zeros_like(batch["speaker_ids"])).loss.backward()
            gradients = {name: p.grad for name, p in model.amuse.text_model.named_parameters()}
            assert all(gradient is not None for gradient in gradients.values())
            has_words = any(map(any, counts))
            assert any(gradient.abs().sum() > 0 for gradient in gradients.values()) is has_words
    finally:
        model.eval()


def test_a_scope_that_cannot_be_is_refused(model):
    with pytest.raises(ValueError, match="does not read later utterances, but text_scope='conversation' does"):
        AmuseConfig(text_feature_size=3, text_scope="conversation", causal=True)
    with pytest.raises(ValueError, match="max_text_sequence must be 1 or more, but is 0"):
        AmuseConfig(text_feature_size=3, max_text_sequence=0)
    with pytest.raises(ValueError, match="num_text_neighbours must be 0 or more, but is -1"):
        AmuseConfig(text_feature_size=3, num_text_neighbours=-1)
    with pytest.raises(ValueError, match="cannot be exported: give text_scope='utterance'"):
        torch.export.export(model, (), batch_of([[2, 3]], seed=0), strict=False)


def test_the_processor_says_who_speaks(tmp_path):
    _, tokenizer = small_text_encoder(["Ada: oh no Bo: yes", "what is that"], 300)
    utterances = [
        {"speaker": "Ada", "text": " oh no "},
        {"speaker": "Bo", "text": ""},
        {"speaker": "Bo", "text": "yes"},
    ]
    AmuseProcessor(tokenizer, speaker_names=True).save_pretrained(tmp_path)
    batch = AmuseProcessor.from_pretrained(tmp_path)(utterances)
    read = tokenizer.batch_decode(batch["input_ids"][0], skip_special_tokens=True)
    assert [text.strip() for text in read][::2] == ["ada: oh no", "bo: yes"]  # the tokenizer lowers case
    assert batch["text_mask"][0].any(dim=1).tolist() == [
        True,
        False,
        True,
    ]  # an utterance without words has no text, with or without a name
    by_itself = AmuseProcessor.from_pretrained(tmp_path)(text="yes")
    assert tokenizer.decode(by_itself["input_ids"][0], skip_special_tokens=True).strip() == "yes"
