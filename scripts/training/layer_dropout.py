# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Dropout of whole layers of a pretrained encoder (LayerDrop, Fan et al. 2020, arXiv 1909.11556): in training, each layer is
skipped with some probability, so that its output is its input. The saved model has all layers.
"""

import re

import torch
from transformers import PreTrainedModel

LAYER = re.compile(r"(?:^|\.)layers?\.\d+$")


def drop_layers(encoder: PreTrainedModel, probability: float):
    """
    Make an encoder skip layers at random in training.

    Args:
        encoder: a transformers encoder; hooks are added to its layers.
        probability: the probability that a layer is skipped, at least 0 and less than 1.

    Raises:
        ValueError: for an invalid probability, and for an encoder whose layers are not found.
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
        # the zero term gives the layer's weights a gradient of 0, as in distributed training every weight needs one
        kept = states + 0 * whole
        return (kept, *output[1:]) if isinstance(output, tuple) else kept

    for layer in layers:
        layer.register_forward_hook(skip, with_kwargs=True)
