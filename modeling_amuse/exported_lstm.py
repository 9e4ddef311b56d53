# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The LSTM of an exported graph (`torch.export`, ONNX). Importing this file registers it with torch, also for the loading of
exported programs.
"""

import torch
from torch._decomp import decomposition_table, register_decomposition
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


@torch.library.custom_op("amuse::lstm", mutates_args=())
def padded_lstm(states: torch.Tensor, lengths: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """
    A (Bi-)LSTM over padded rows as one operator of an exported graph, where the tracer would otherwise unroll torch's LSTM
    and fix the number of steps. For inference only: it has no gradient.

    Args:
        states: `(rows, steps, input_size)`.
        lengths: `(rows,)`, at least 1.
        weights: input weights, hidden weights and their two biases, first of the forward direction, then of the backward
            direction if there is one.

    Returns:
        `(rows, steps, directions * size)`, zero beyond each row's length.
    """
    directions, size = len(weights) // 4, weights[1].shape[1]
    packed = pack_padded_sequence(states, lengths.cpu(), batch_first=True, enforce_sorted=False)
    start = states.new_zeros(directions, len(states), size)
    data, _, _ = torch.lstm(
        packed.data, packed.batch_sizes, (start, start), weights, True, 1, 0.0, False, directions == 2
    )
    packed = PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
    return pad_packed_sequence(packed, batch_first=True, total_length=states.shape[1])[0].contiguous()


@padded_lstm.register_fake
def _(states, lengths, weights):
    return states.new_empty(*states.shape[:2], len(weights) // 4 * weights[1].shape[1])


def _as_onnx_lstm(states: torch.Tensor, lengths: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    """`amuse::lstm` as ONNX's LSTM, whose gates have the order input, output, forget, cell. For the ONNX exporter only."""

    def reordered(weight: torch.Tensor) -> torch.Tensor:
        gates = weight.chunk(4)
        return torch.cat([gates[0], gates[3], gates[1], gates[2]])

    directions = [[reordered(weight) for weight in weights[start : start + 4]] for start in range(0, len(weights), 4)]
    inputs, hidden, *biases = zip(*directions, strict=True)
    rows, steps = states.shape[:2]
    size, number = weights[1].shape[1], len(directions)
    outputs = torch.onnx.ops.symbolic(
        "LSTM",
        (
            states.transpose(0, 1),
            torch.stack(inputs),
            torch.stack(hidden),
            torch.stack([torch.cat(pair) for pair in zip(*biases, strict=True)]),
            lengths.to(torch.int32),
        ),
        {"hidden_size": size, "direction": "bidirectional" if number == 2 else "forward"},
        dtype=states.dtype,
        shape=(steps, number, rows, size),
    )
    return outputs.permute(2, 0, 1, 3).flatten(2)


# The ONNX exporter looks up custom operators in this table of torch. The package and its copy in a model folder may both be
# imported.
if torch.ops.amuse.lstm.default not in decomposition_table:
    register_decomposition(torch.ops.amuse.lstm.default)(_as_onnx_lstm)

__all__ = ["padded_lstm"]
