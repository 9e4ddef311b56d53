# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Whether the model is being exported (`torch.export`, ONNX).

An exported graph serves all inputs: shapes in it may depend on the inputs' shapes, but not on their values. Where the model
otherwise only computes real utterances and valid tokens, an export computes all places of the padded batch and masks them.
The results are the same.
"""

import torch


def is_exporting() -> bool:
    """Whether a graph is being traced that must also serve inputs of other values and shapes."""
    return torch.compiler.is_exporting()


__all__ = ["is_exporting"]
