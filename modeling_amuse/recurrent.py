# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""LSTMs over rows of different lengths."""

import torch
from torch import nn
from torch.nn.functional import pad
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .exported_lstm import padded_lstm
from .like_lengths import groups_of_like_length, in_first_order
from .tracing import is_exporting


class AmuseLSTM(nn.Module):
    """
    A (Bi-)LSTM that only reads the valid beginning of each row, so that padding takes no time and does not change the results.

    Args:
        input_size (`int`): size of the inputs.
        hidden_size (`int`): size of the outputs; in a bidirectional LSTM each direction has half of it.
        bidirectional (`bool`): False only reads forward.
    """

    def __init__(self, input_size: int, hidden_size: int, bidirectional: bool = True):
        super().__init__()
        self.lstm = nn.LSTM(
            input_size,
            hidden_size // 2 if bidirectional else hidden_size,
            batch_first=True,
            bidirectional=bidirectional,
        )

    def forward(self, hidden_states: torch.Tensor, lengths: torch.LongTensor) -> torch.Tensor:
        """
        Args:
            hidden_states: `(rows, steps, input_size)`.
            lengths: `(rows,)`, the number of valid steps of each row, at least 1.

        Returns:
            `(rows, steps, hidden_size)`, zero beyond each row's length.
        """
        if is_exporting():
            return padded_lstm(hidden_states, lengths, [w for direction in self.lstm.all_weights for w in direction])
        if _casts_on_cpu(hidden_states):
            with torch.autocast("cpu", enabled=False):
                return self.forward(hidden_states.float(), lengths).to(torch.get_autocast_dtype("cpu"))
        steps = hidden_states.shape[1]
        # accelerate loads offloaded weights when the LSTM is called; before that, they are on the meta device
        if self.lstm.weight_ih_l0.is_meta or not _has_fused_kernel(hidden_states):
            packed = pack_padded_sequence(hidden_states, lengths.cpu(), batch_first=True, enforce_sorted=False)
            return pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=steps)[0]
        groups = groups_of_like_length(lengths, steps)
        read = []
        for rows in groups:
            width = int(lengths[rows].max())
            states = self._read_padded(hidden_states[rows, :width], lengths[rows])
            read.append(pad(states, (0, 0, 0, steps - width)))
        return in_first_order(read, groups)

    def read_packed(self, packed: PackedSequence) -> PackedSequence:
        """The outputs of the LSTM for packed rows."""
        if not _casts_on_cpu(packed.data):
            return self.lstm(packed)[0]
        with torch.autocast("cpu", enabled=False):
            read, _ = self.lstm(packed._replace(data=packed.data.float()))
        return read._replace(data=read.data.to(torch.get_autocast_dtype("cpu")))

    def _read_padded(self, hidden_states: torch.Tensor, lengths: torch.LongTensor) -> torch.Tensor:
        """
        Like `forward`, but with the kernel that reads all steps of padded rows at once. This kernel only reads forward, so the
        backward direction gets each row in reverse, from its last valid step to its first, followed by the padding.
        """
        steps = torch.arange(hidden_states.shape[1])
        valid = steps < lengths[:, None]
        mirrored = torch.where(valid, lengths[:, None] - 1 - steps, steps)[..., None]
        directions = []
        for number, weights in enumerate(self.lstm.all_weights):
            states = hidden_states if number == 0 else _reordered(hidden_states, mirrored)
            start = states.new_zeros(1, len(states), self.lstm.hidden_size)
            # the argument `train` is true if gradients are needed: otherwise nothing is kept for the backward pass
            states, *_ = torch.lstm(states, (start, start), weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
            directions.append(states if number == 0 else _reordered(states, mirrored))
        return torch.cat(directions, dim=-1) * valid[..., None]

    def step(
        self, inputs: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """
        One step of an LSTM that only reads forward. Successive steps give the same results as `forward` on whole rows.

        Args:
            inputs: `(rows, input_size)`.
            state: hidden and cell state after the previous steps, each `(rows, hidden_size)`. None: there were none.

        Returns:
            `(rows, hidden_size)`, and the state after this step.
        """
        if state is not None:
            state = tuple(part[None] for part in state)
        outputs, state = self.lstm(inputs[:, None], state)
        return outputs[:, 0], tuple(part[0] for part in state)


def _casts_on_cpu(states: torch.Tensor) -> bool:
    """Whether autocast would run an LSTM in half precision on a CPU, for which not every CPU has a kernel."""
    return states.device.type == "cpu" and torch.is_autocast_enabled("cpu")


def _has_fused_kernel(hidden_states: torch.Tensor) -> bool:
    """Whether oneDNN can read these rows. It cannot read packed rows, which torch reads step by step on a CPU."""
    return (
        hidden_states.device.type == "cpu"
        and hidden_states.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def _reordered(states: torch.Tensor, order: torch.LongTensor) -> torch.Tensor:
    """The steps of `(rows, steps, size)` in the order given as indices `(rows, steps, 1)`."""
    return states.gather(1, order.expand(-1, -1, states.shape[2]))
