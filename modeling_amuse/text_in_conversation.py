# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Text that is read in its conversation: utterances are joined, encoded together, and each takes its own tokens' states."""

import torch
from transformers.modeling_utils import PreTrainedModel

from .encoders import encode_rows
from .tracing import is_exporting

SEQUENCES_AT_ONCE = 16  # where no gradient is wanted: a long conversation needs no more memory than a short one


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
    utterances are joined, in the order of time.

    Args:
        encoder: a text encoder.
        input_ids: `(rows, tokens)`, one row for an utterance.
        mask: `(rows, tokens)`, 1 for tokens. None: all are.
        conversations: `(rows,)`, ascending: the conversation of each row.
        longest: the most tokens of a sequence; fewer where the encoder has positions for fewer. An utterance that is longer
            is a sequence by itself.
        num_neighbours: each utterance is read with so many before it and behind it, the nearest first where not all find
            room. None: a conversation is one sequence, or few, so that no token is encoded twice.

    Returns:
        States `(rows, tokens, D)` and their mask `(rows, tokens)`.

    Raises:
        ValueError: in an export, where the number of sequences would have to be fixed.
    """
    if is_exporting():
        raise ValueError(
            "A model that reads text in its conversation (text_scope) cannot be exported: give text_scope='utterance'."
        )
    mask = torch.ones_like(input_ids).bool() if mask is None else mask.bool()
    # some encoders begin to count their positions at 2
    longest = min(longest, getattr(encoder.config, "max_position_embeddings", longest + 2) - 2)
    if num_neighbours is None:
        sequences = _successive_sequences(mask.sum(dim=1), conversations, longest)
        return _encode_joined(encoder, input_ids, mask, sequences), mask
    rows, sequences = _neighbours(mask.sum(dim=1), conversations, num_neighbours, longest)
    states = _encode_joined(encoder, input_ids[rows], mask[rows], sequences, wanted=rows == sequences)
    return states, mask


def _successive_sequences(lengths: torch.Tensor, conversations: torch.Tensor, longest: int) -> torch.LongTensor:
    """
    The sequence of each row, `(rows,)`. A conversation that does not fit into one is cut before the utterances that begin
    beyond the first, second, ... multiple of what is left of `longest` with its longest utterance taken off: so no utterance
    is cut, and other conversations of the batch change nothing.
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
    """The rows that stand in the sequence of each row, in the order of time, and these sequences, both `(copies,)`."""
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
    States `(wanted rows, tokens, D)` of rows `(rows, tokens)` that are joined into `sequences` `(rows,)`, ascending; what is
    masked holds anything.
    """
    lengths = mask.sum(dim=1)
    number = int(sequences.max()) + 1
    sizes = lengths.new_zeros(number).index_add(0, sequences, lengths)
    width = max(int(sizes.max()), 1)
    # where each row begins in its sequence: all tokens before it, but for those of earlier sequences
    begins = lengths.cumsum(0) - lengths - (sizes.cumsum(0) - sizes)[sequences]
    places = (sequences * width + begins)[:, None] + mask.cumsum(dim=1) - 1
    joined = input_ids.new_full((number * width,), encoder.config.pad_token_id or 0)
    joined[places[mask]] = input_ids[mask]
    # a conversation without a word gives the encoder one token to attend to, which counts for nothing
    attended = torch.arange(width, device=mask.device) < sizes.clamp(min=1)[:, None]
    at_once = None if torch.is_grad_enabled() else SEQUENCES_AT_ONCE
    states = encode_rows(encoder, joined.view(number, width), attended, at_once)
    places = places.masked_fill(~mask, 0)
    places = places if wanted is None else places[wanted]
    return states.flatten(0, 1).index_select(0, places.flatten()).unflatten(0, places.shape)
