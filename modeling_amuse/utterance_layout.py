# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The position of each utterance in a padded batch of conversations."""

from copy import copy
from typing import NamedTuple

import torch

from .tracing import is_exporting


class Groups(NamedTuple):
    """
    Utterances in groups: those of one conversation, or those of one speaker in it.

    Attributes:
        places: `(rows,)`, the position of each utterance in the flattened `(groups, steps)`, in the order of time.
        lengths: `(groups,)`, the number of utterances of each group; at least 1.
        steps: the length of the longest group, or more.
    """

    places: torch.LongTensor
    lengths: torch.LongTensor
    steps: int


class UtteranceLayout:
    """
    Converts between `(B, T, ...)` and one row for each utterance.

    In an export every place of `(B, T)` is a row, also padding: `valid_tokens` turns it into an utterance without any
    modality, and `pad` sets its results to zero.

    Args:
        utterance_mask: `(B, T)`, true for utterances.
    """

    def __init__(self, utterance_mask: torch.BoolTensor):
        self.batch_size, self.length = utterance_mask.shape
        self.device = utterance_mask.device
        self.utterance_mask = utterance_mask
        if is_exporting():
            self.index = torch.arange(self.batch_size * self.length, device=self.device)
        else:
            self.index = utterance_mask.flatten().nonzero().squeeze(1)

    @property
    def number(self) -> int:
        """The number of rows."""
        return self.index.shape[0]

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
                or None. A mask of zeros alone means that the stream is missing.
            utterance_mask: `(B, T)`, or None where all places are utterances.
            speaker_ids: `(B, T)` or None.

        Raises:
            ValueError: for an input that is not a tensor, when there is no input or no utterance, or the inputs disagree
                about B and T.
        """
        given = {
            f"{stream} {kind}": tensor
            for stream, tensors in streams.items()
            for kind, tensor in zip(("input", "features", "mask"), tensors, strict=True)
            if tensor is not None
        }
        if not given:
            raise ValueError(
                f"None of the model's streams ({', '.join(streams)}) is given: give its input, its features, or a mask of "
                "zeros where it is missing. For the features of one modality alone call get_text_features, "
                "get_audio_features or get_vision_features."
            )
        others = [("utterance_mask", utterance_mask), ("speaker_ids", speaker_ids)]
        for name, tensor in [*given.items(), *others]:
            if tensor is not None and not hasattr(tensor, "dim"):
                raise ValueError(f"{name} is a {type(tensor).__name__}: give a tensor (return_tensors='pt').")
        first = next(iter(given.values()))
        if utterance_mask is None:
            utterance_mask = torch.ones(first.shape[:2], device=first.device)
        given["utterance_mask"] = utterance_mask
        if speaker_ids is not None:
            given["speaker_ids"] = speaker_ids
        if any(tensor.shape[:2] != utterance_mask.shape for tensor in given.values()):
            listed = ", ".join(f"{name} {tuple(tensor.shape[:2])}" for name, tensor in given.items())
            raise ValueError(
                f"Inputs disagree about their first two dimensions, (conversations, utterances): {listed}. For the "
                "features of utterances without conversations call get_text_features, get_audio_features or "
                "get_vision_features."
            )
        layout = cls(utterance_mask.bool())
        if not is_exporting() and layout.number == 0:
            raise ValueError("The batch holds no utterance: utterance_mask is zero everywhere.")
        return layout

    def rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """`(B, T, ...)` to `(rows, ...)`."""
        return tensor.flatten(0, 1)[self.index]

    def parts(self, size: int | None) -> list["UtteranceLayout"]:
        """Layouts of the same tensors with at most `size` successive rows each. None: one layout with all rows."""
        if size is None:
            return [self]
        parts = []
        for index in self.index.split(size):
            part = copy(self)
            part.index = index
            parts.append(part)
        return parts

    def valid_tokens(self, mask: torch.Tensor) -> torch.BoolTensor:
        """A mask of tokens `(rows, tokens)`, false in rows that are padding."""
        return mask.bool() & self.rows(self.utterance_mask)[:, None] if is_exporting() else mask.bool()

    def pad(self, rows: torch.Tensor) -> torch.Tensor:
        """`(rows, ...)` to `(B, T, ...)`, zero for padding."""
        if is_exporting():
            padding = ~self.rows(self.utterance_mask).unflatten(0, (-1, *[1] * (rows.dim() - 1)))
            return rows.masked_fill(padding, 0).unflatten(0, (self.batch_size, self.length))
        padded = rows.new_zeros(self.batch_size * self.length, *rows.shape[1:])
        return padded.index_copy(0, self.index, rows).unflatten(0, (self.batch_size, self.length))

    def by_conversation(self) -> Groups:
        """The utterances of each conversation."""
        if not is_exporting():
            return grouped(self.conversations)
        mask = self.utterance_mask.long()
        lengths = mask.sum(dim=1)
        # padding comes after the utterances
        position = torch.where(
            self.utterance_mask, mask.cumsum(dim=1) - 1, lengths[:, None] + (1 - mask).cumsum(dim=1) - 1
        )
        return Groups(self.conversations * self.length + position.flatten(), lengths.clamp(min=1), self.length)

    def by_speaker(self, speaker_ids: torch.LongTensor) -> Groups:
        """
        The utterances of each speaker of each conversation; `speaker_ids` is `(B, T)`.

        An export compares all utterances with each other. It has as many groups for each conversation as the conversation
        with the most speakers needs; this number is its only size that depends on the inputs' values.
        """
        if not is_exporting():
            speakers = torch.unique(self.rows(speaker_ids), return_inverse=True)[1]  # ids may be any numbers
            return grouped(self.conversations * (speakers.max() + 1) + speakers)
        mask = self.utterance_mask
        # padding has a speaker of its own
        same = (speaker_ids[:, :, None] == speaker_ids[:, None]) & (mask[:, :, None] == mask[:, None])
        position = same.tril(-1).sum(dim=2)
        # speakers are numbered in the order in which they first speak
        number = (position == 0).long().cumsum(dim=1) - 1
        number = number.gather(1, same.long().argmax(dim=2))
        groups = number.max().item() + 1
        torch._check(groups >= 1)
        lengths = (number[:, None] == torch.arange(groups, device=self.device)[:, None]).sum(dim=2)
        group = self.conversations * groups + number.flatten()
        # a conversation with fewer speakers has empty groups, which are read as one utterance of zeros
        return Groups(group * self.length + position.flatten(), lengths.flatten().clamp(min=1), self.length)


def grouped(numbers: torch.LongTensor) -> Groups:
    """Groups of the rows of equal `numbers` `(rows,)`."""
    _, group, lengths = torch.unique(numbers, return_inverse=True, return_counts=True)
    order = torch.argsort(group, stable=True)
    starts = lengths.cumsum(0) - lengths
    position = torch.empty_like(order)
    position[order] = torch.arange(len(order), device=order.device) - starts[group[order]]
    steps = int(lengths.max())
    return Groups(group * steps + position, lengths, steps)
