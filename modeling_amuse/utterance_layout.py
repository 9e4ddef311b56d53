# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Where the utterances of a padded batch of conversations stand."""

from copy import copy

import torch


class UtteranceLayout:
    """
    Where the utterances of a batch of conversations stand: between `(B, T, ...)` and one row for each utterance.

    Args:
        utterance_mask: `(B, T)`, true for utterances.
    """

    def __init__(self, utterance_mask: torch.BoolTensor):
        self.batch_size, self.length = utterance_mask.shape
        self.device = utterance_mask.device
        self.index = utterance_mask.flatten().nonzero().squeeze(1)

    @property
    def number(self) -> int:
        """The number of rows."""
        return len(self.index)

    @property
    def conversations(self) -> torch.LongTensor:
        """The conversation of each row, `(rows,)`."""
        return self.index // self.length

    @classmethod
    def of(
        cls, streams: dict, utterance_mask: torch.Tensor | None, speaker_ids: torch.Tensor | None
    ) -> "UtteranceLayout":
        """
        The layout of the given inputs.

        Args:
            streams: for each stream of the model its raw inputs, its features and its mask, each a tensor `(B, T, ...)`
                or None. A mask alone says that the stream is missing.
            utterance_mask: `(B, T)`, or None where all are utterances.
            speaker_ids: `(B, T)` or None.

        Raises:
            ValueError: there is no input, no utterance, or inputs disagree about B and T.
        """
        given = {
            f"{stream} {kind}": tensor
            for stream, tensors in streams.items()
            for kind, tensor in zip(("input", "features", "mask"), tensors, strict=True)
            if tensor is not None
        }
        if not given:
            raise ValueError(
                f"No modality is given that the model has ({', '.join(streams)}): give its input, its features, or a mask "
                "of zeros where it is missing."
            )
        first = next(iter(given.values()))
        if utterance_mask is None:
            utterance_mask = torch.ones(first.shape[:2], device=first.device)
        given["utterance_mask"] = utterance_mask
        if speaker_ids is not None:
            given["speaker_ids"] = speaker_ids
        if len({tensor.shape[:2] for tensor in given.values()}) > 1:
            listed = ", ".join(f"{name} {tuple(tensor.shape[:2])}" for name, tensor in given.items())
            raise ValueError(f"Inputs disagree about (conversations, utterances): {listed}.")
        layout = cls(utterance_mask.bool())
        if layout.number == 0:
            raise ValueError("The batch holds no utterance: utterance_mask is zero everywhere.")
        return layout

    def rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """`(B, T, ...)` to `(rows, ...)`."""
        return tensor.flatten(0, 1)[self.index]

    def parts(self, size: int | None) -> list["UtteranceLayout"]:
        """Layouts of at most `size` successive rows each, of the same tensors. None: one of all rows."""
        if size is None:
            return [self]
        parts = []
        for index in self.index.split(size):
            part = copy(self)
            part.index = index
            parts.append(part)
        return parts

    def pad(self, rows: torch.Tensor) -> torch.Tensor:
        """`(rows, ...)` to `(B, T, ...)`, zero for padding."""
        padded = rows.new_zeros(self.batch_size * self.length, *rows.shape[1:])
        return padded.index_copy(0, self.index, rows).unflatten(0, (self.batch_size, self.length))

    def speakers(self, speaker_ids: torch.LongTensor) -> torch.LongTensor:
        """A number for each (conversation, speaker), `(rows,)`."""
        speakers = self.rows(speaker_ids)
        speakers = speakers - speakers.min()
        return self.conversations * (speakers.max() + 1) + speakers
