# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The text that the encoder reads at once (`config.text_scope`): each utterance by itself, or several utterances of a
conversation joined into one sequence. In each case, an utterance gets the states of its own tokens.
"""

import torch
from transformers.modeling_utils import PreTrainedModel

from .configuration_amuse import AmuseConfig
from .encoders import encode_rows, encode_text
from .tracing import is_exporting
from .variants import TEXT_SCOPES

SEQUENCES_AT_ONCE = 16  # without gradients, so that a long conversation needs no more memory than a short one


@TEXT_SCOPES.implements("utterance")
def encode_utterances(
    encoder: PreTrainedModel,
    input_ids: torch.LongTensor,
    mask: torch.Tensor | None,
    conversations: torch.LongTensor,
    config: AmuseConfig,
) -> tuple[torch.Tensor, torch.BoolTensor]:
    """Each utterance by itself. Arguments and results are those of [`encode_in_conversation`]."""
    return encode_text(encoder, input_ids, mask)


@TEXT_SCOPES.implements("neighbours")
def encode_with_neighbours(encoder, input_ids, mask, conversations, config: AmuseConfig):
    """Each utterance with `config.num_text_neighbours` before and after it."""
    return encode_in_conversation(
        encoder, input_ids, mask, conversations, config.max_text_sequence, config.num_text_neighbours
    )


@TEXT_SCOPES.implements("conversation")
def encode_conversations(encoder, input_ids, mask, conversations, config: AmuseConfig):
    """Each conversation as one sequence, or few."""
    return encode_in_conversation(encoder, input_ids, mask, conversations, config.max_text_sequence)


def encode_in_conversation(
    encoder: PreTrainedModel,
    input_ids: torch.LongTensor,
    mask: torch.Tensor | None,
    conversations: torch.LongTensor,
    longest: int,
    num_neighbours: int | None = None,
) -> tuple[torch.Tensor, torch.BoolTensor]:
    """
    The states of each utterance's tokens, which have attended to the tokens of other utterances of its conversation. Whole
    utterances are joined in the order of time.

    Args:
        encoder: a text encoder.
        input_ids: `(rows, tokens)`, one row for each utterance.
        mask: `(rows, tokens)`, 1 for tokens. None: all are tokens.
        conversations: `(rows,)`, ascending: the conversation of each row.
        longest: the largest number of tokens in a sequence; less if the encoder has fewer positions. A longer utterance is a
            sequence by itself.
        num_neighbours: read each utterance with this number of utterances before and after it, or with the nearest of them
            if not all fit. None: a conversation is one sequence, or a few, so that no token is encoded twice.

    Returns:
        States `(rows, tokens, D)` and their mask `(rows, tokens)`.

    Raises:
        ValueError: in an export, which would fix the number of sequences.
    """
    if is_exporting():
        raise ValueError(
            "A model that reads text in its conversation (text_scope) cannot be exported: give text_scope='utterance'."
        )
    mask = torch.ones_like(input_ids).bool() if mask is None else mask.bool()
    longest = _longest_sequence(encoder, longest)
    if num_neighbours is None:
        sequences = _successive_sequences(mask.sum(dim=1), conversations, longest)
        return _encode_joined(encoder, input_ids, mask, sequences), mask
    rows, sequences = _neighbours(mask.sum(dim=1), conversations, num_neighbours, longest)
    states = _encode_joined(encoder, input_ids[rows], mask[rows], sequences, wanted=rows == sequences)
    return states, mask


def sequences_of(
    encoder: PreTrainedModel, mask: torch.BoolTensor, conversations: torch.LongTensor, config: AmuseConfig
) -> torch.LongTensor:
    """With `text_scope="conversation"`: the sequence in which each utterance is read, `(rows,)`, ascending from 0."""
    longest = _longest_sequence(encoder, config.max_text_sequence)
    return _successive_sequences(mask.sum(dim=1), conversations, longest)


def _longest_sequence(encoder: PreTrainedModel, longest: int) -> int:
    """`longest`, or less if the encoder has fewer positions. Some encoders count their positions from 2."""
    return min(longest, getattr(encoder.config, "max_position_embeddings", longest + 2) - 2)


def _successive_sequences(lengths: torch.Tensor, conversations: torch.Tensor, longest: int) -> torch.LongTensor:
    """
    The sequence of each row, `(rows,)`. A conversation that does not fit into one sequence is split between utterances. With
    room = `longest` - length of its longest utterance, a new sequence starts at the first utterance that begins after
    room, 2 * room, ... tokens. So no utterance is cut, and the split does not depend on other conversations.
    """
    number = int(conversations.max()) + 1
    starts = lengths.cumsum(0) - lengths
    first = starts.new_zeros(number).scatter_reduce(0, conversations, starts, "amin", include_self=False)
    fits = lengths.new_zeros(number).index_add(0, conversations, lengths) <= longest
    room = longest - lengths.new_zeros(number).scatter_reduce(0, conversations, lengths, "amax")
    room = torch.where(fits, longest + 1, room)
    parts = (starts - first[conversations]).div(room.clamp(min=1)[conversations], rounding_mode="floor")
    return torch.unique_consecutive(torch.stack([conversations, parts]), dim=1, return_inverse=True)[1]


def _neighbours(
    lengths: torch.Tensor, conversations: torch.Tensor, number: int, longest: int
) -> tuple[torch.LongTensor, torch.LongTensor]:
    """The rows that are read together with each row, in the order of time, and the row that they are read for; both `(copies,)`."""
    offsets = torch.arange(-number, number + 1, device=lengths.device)
    rows = torch.arange(len(lengths), device=lengths.device)[:, None] + offsets
    inside = rows.clamp(0, len(lengths) - 1)
    there = (rows == inside) & (conversations[inside] == conversations[:, None])
    nearest_first = offsets.abs().argsort(stable=True)
    needed = (lengths[inside] * there)[:, nearest_first].cumsum(dim=1)[:, nearest_first.argsort()]
    kept = there & ((needed <= longest) | (offsets == 0))
    return rows[kept], kept.nonzero()[:, 0]


def _encode_joined(
    encoder: PreTrainedModel,
    input_ids: torch.LongTensor,
    mask: torch.BoolTensor,
    sequences: torch.LongTensor,
    wanted: torch.BoolTensor | None = None,
) -> torch.Tensor:
    """
    States `(wanted rows, tokens, D)` of rows `(rows, tokens)` that are joined into `sequences` `(rows,)`, ascending. States of
    masked tokens are arbitrary.
    """
    lengths = mask.sum(dim=1)
    number = int(sequences.max()) + 1
    sizes = lengths.new_zeros(number).index_add(0, sequences, lengths)
    width = max(int(sizes.max()), 1)
    # where each row begins in its sequence: after the tokens of the sequence's earlier rows
    begins = lengths.cumsum(0) - lengths - (sizes.cumsum(0) - sizes)[sequences]
    places = (sequences * width + begins)[:, None] + mask.cumsum(dim=1) - 1
    joined = input_ids.new_full((number * width,), encoder.config.pad_token_id or 0)
    joined[places[mask]] = input_ids[mask]
    # in a conversation without words the encoder attends to one padding token, whose state is masked later
    attended = torch.arange(width, device=mask.device) < sizes.clamp(min=1)[:, None]
    at_once = None if torch.is_grad_enabled() else SEQUENCES_AT_ONCE
    states = encode_rows(encoder, joined.view(number, width), attended, at_once)
    places = places.masked_fill(~mask, 0)
    places = places if wanted is None else places[wanted]
    return states.flatten(0, 1).index_select(0, places.flatten()).unflatten(0, places.shape)
