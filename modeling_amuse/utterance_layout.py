# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Where the utterances of a padded batch of conversations stand."""

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
        self.number = len(self.index)
        self.conversations = self.index // self.length

    @classmethod
    def of(cls, streams: dict, utterance_mask: torch.Tensor | None) -> "UtteranceLayout":
        """
        The layout of the given inputs.

        Args:
            streams: for each stream its raw inputs, its features and its mask, each a tensor `(B, T, ...)` or None.
            utterance_mask: `(B, T)`, or None where all are utterances.

        Raises:
            ValueError: there is no input, no utterance, or inputs disagree about B and T.
        """
        shapes = {
            f"{stream} {kind}": (tuple(tensor.shape[:2]), tensor.device)
            for stream, tensors in streams.items()
            for kind, tensor in zip(("input", "features", "mask"), tensors, strict=True)
            if tensor is not None
        }
        if not any(name.split()[1] != "mask" for name in shapes):
            raise ValueError(
                "No modality is given: give input_ids or text_features, audio_values or audio_features, or pixel_values "
                "or vision_features."
            )
        shape, device = next(iter(shapes.values()))
        if utterance_mask is None:
            utterance_mask = torch.ones(shape, dtype=torch.bool, device=device)
        shapes["utterance_mask"] = (tuple(utterance_mask.shape), device)
        if len({shape for shape, _ in shapes.values()}) > 1:
            listed = ", ".join(f"{name} {shape}" for name, (shape, _) in shapes.items())
            raise ValueError(f"Inputs disagree about (conversations, utterances): {listed}.")
        layout = cls(utterance_mask.bool())
        if layout.number == 0:
            raise ValueError("The batch holds no utterance: utterance_mask is zero everywhere.")
        return layout

    def rows(self, tensor: torch.Tensor) -> torch.Tensor:
        """`(B, T, ...)` to `(rows, ...)`."""
        return tensor.flatten(0, 1)[self.index]

    def pad(self, rows: torch.Tensor) -> torch.Tensor:
        """`(rows, ...)` to `(B, T, ...)`, zero for padding."""
        padded = rows.new_zeros(self.batch_size * self.length, *rows.shape[1:])
        return padded.index_copy(0, self.index, rows).unflatten(0, (self.batch_size, self.length))

    def speakers(self, speaker_ids: torch.LongTensor) -> torch.LongTensor:
        """A number for each (conversation, speaker), `(rows,)`."""
        speakers = self.rows(speaker_ids)
        speakers = speakers - speakers.min()
        return self.conversations * (speakers.max() + 1) + speakers
