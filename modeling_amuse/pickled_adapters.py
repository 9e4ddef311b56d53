# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Refuse adapters whose weights are a pickle, which transformers would load if an adapter has no safetensors."""

from transformers.utils.hub import cached_file
from transformers.utils.peft_utils import find_adapter_config_file

WEIGHTS = "adapter_model.safetensors"
HUB_OPTIONS = ("cache_dir", "force_download", "proxies", "token", "revision", "local_files_only", "subfolder")


def check_adapter(name_or_path: str, **options):
    """
    Args:
        name_or_path: a Hub id or a folder of a model or an adapter.
        options: options for downloading from the Hub; other options are ignored.

    Raises:
        OSError: for an adapter without safetensors.
    """
    options = {name: options[name] for name in HUB_OPTIONS if options.get(name) is not None}
    if find_adapter_config_file(name_or_path, **options) is None:
        return
    if cached_file(name_or_path, WEIGHTS, _raise_exceptions_for_missing_entries=False, **options) is None:
        raise OSError(
            f"{name_or_path} is an adapter without {WEIGHTS}. Loading a pickle (adapter_model.bin) may run code, so AMuSE never "
            "loads one: if you trust the file, convert it with PEFT's save_pretrained."
        )


__all__ = ["HUB_OPTIONS", "WEIGHTS", "check_adapter"]
