# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Dropout of whole layers of a pretrained encoder (LayerDrop, Fan et al. 2020, arXiv 1909.11556): in training each layer is
skipped with some probability, and its input goes on in place of its output. The saved model has all layers.
"""

import re

import torch
from transformers import PreTrainedModel

LAYER = re.compile(r"(?:^|\.)layers?\.\d+$")


def drop_layers(encoder: PreTrainedModel, probability: float):
    """
    Let an encoder skip its layers in training.

    Args:
        encoder: a transformers encoder; hooks are added to its layers.
        probability: with which a layer is skipped, at least 0 and less than 1.

    Raises:
        ValueError: for a probability that is none, and for an encoder whose layers are not found.
    """
    if not 0 <= probability < 1:
        raise ValueError(f"--text_layer_dropout must be at least 0 and less than 1, but is {probability}.")
    layers = [module for name, module in encoder.named_modules() if LAYER.search(name)]
    if not layers:
        raise ValueError(
            f"--text_layer_dropout: encoders of the type {encoder.config.model_type} have no list of layers to drop."
        )

    def skip(layer, args, kwargs, output):
        if not layer.training or torch.rand(()).item() >= probability:
            return None
        states = args[0] if args else kwargs["hidden_states"]
        whole = output[0] if isinstance(output, tuple) else output
        # with a gradient of zero for the layer's weights: distributed, every weight needs one
        kept = states + 0 * whole
        return (kept, *output[1:]) if isinstance(output, tuple) else kept

    for layer in layers:
        layer.register_forward_hook(skip, with_kwargs=True)
