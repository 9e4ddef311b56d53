# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Whether the model is being exported (`torch.export`, ONNX).

An exported graph is the same for all inputs: shapes in it may depend on the inputs' shapes, but not on what stands in
them. Where the model otherwise computes real utterances and valid tokens alone, an export computes all places of the
padded batch and masks them; the numbers are the same.
"""

import torch


def is_exporting() -> bool:
    """Whether a graph is traced that must serve inputs of other values and shapes, too."""
    return torch.compiler.is_exporting()


__all__ = ["is_exporting"]
