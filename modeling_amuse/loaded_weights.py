# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Checks of the weights that `from_pretrained` found: a model must not answer with weights that it does not have.

Weights are missing when a recognizer is started from a base model, to be trained; transformers initializes them, with a warning.
Until they are trained, the recognizer does not recognize anything.
"""

import torch
from transformers.configuration_utils import PreTrainedConfig
from transformers.utils import CONFIG_NAME

MOST_NAMED = 5
"""The number of weights that an error message names."""


def check_loaded_weights(model, name: str, loading: dict, hub_options: dict):
    """
    Check the weights of a model after `from_pretrained`, and note those that it initialized.

    Args:
        model ([`AmusePreTrainedModel`]): the model.
        name: the folder or Hub id that it was loaded from.
        loading: what `from_pretrained` returns with `output_loading_info=True`.
        hub_options: the keyword arguments of `from_pretrained`, among them those for the Hub.

    Raises:
        ValueError: when a weight is missing that a model of this class with this configuration file has, and when a weight is
            NaN or infinite.
    """
    missing = set(loading["missing_keys"])
    if missing and not getattr(model, "_hf_peft_config_loaded", False):  # else these are an adapter's
        absent = sorted(missing & _weights_of_folder(type(model), name, hub_options))
        if absent:
            raise ValueError(
                f"The weights in {name} do not match its {CONFIG_NAME} (missing keys: {_listed(absent)}): save the model again."
            )
    weights = {key: tensor for key, tensor in model.state_dict(keep_vars=True).items() if _is_plain(tensor)}
    wrong = [key for key, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if wrong:
        raise ValueError(f"The weights in {name} are NaN or infinite ({_listed(wrong)}): save the model again.")
    redrawn = missing | {key for key, *_ in loading["mismatched_keys"]}
    # no optimizer changes a buffer. A fused optimizer changes weights without raising their version, so their values are kept
    trainable = {key for key, _ in model.named_parameters()} & weights.keys()
    model.redrawn_weights = {
        key: (weights[key]._version, weights[key].detach().cpu().clone()) for key in sorted(redrawn & trainable)
    }


def untrained_weights(model) -> list[str]:
    """The names of the weights that `from_pretrained` initialized because they were missing, and that are still as initialized."""
    redrawn = getattr(model, "redrawn_weights", None)
    if not redrawn:
        return []
    weights = model.state_dict(keep_vars=True)
    return [key for key, first in redrawn.items() if key in weights and _is_unchanged(weights[key], *first)]


def _is_unchanged(weight: torch.Tensor, version: int, first: torch.Tensor) -> bool:
    """Whether a weight is as it was initialized: nothing wrote into it, and its values are the same."""
    if weight._version != version or not _is_plain(weight) or weight.shape != first.shape:
        return False
    return torch.equal(weight.detach().cpu().to(first.dtype), first.to(weight.dtype).to(first.dtype))


def check_complete(model):
    """
    Raises:
        ValueError: when weights of the model were initialized at random and never trained.
    """
    untrained = untrained_weights(model)
    if untrained:
        raise ValueError(
            f"The model has no trained weights for {_listed(untrained)}: these were missing or of another size in "
            f"{model.config.name_or_path or 'its folder'}, and were initialized at random. Train the model, or give a trained one."
        )


def _weights_of_folder(model_class, name: str, hub_options: dict) -> set[str]:
    """The names of the weights that a model of the class must have by its configuration file; none for another class's file."""
    options = {key: value for key, value in hub_options.items() if key in _HUB_OPTIONS}
    saved, _ = PreTrainedConfig.get_config_dict(name, **options)
    if model_class.__name__ not in (saved.get("architectures") or ()):
        return set()
    with torch.device("meta"):
        return set(model_class(model_class.config_class.from_dict(saved)).state_dict())


_HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder", "proxies")


def _is_plain(tensor) -> bool:
    """Whether a weight can be looked at: a number with a fraction, neither quantized nor elsewhere."""
    return type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.is_floating_point() and not tensor.is_meta


def _listed(keys: list[str]) -> str:
    more = len(keys) - MOST_NAMED
    return ", ".join(keys[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


__all__ = ["check_complete", "check_loaded_weights", "untrained_weights"]
