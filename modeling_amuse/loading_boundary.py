# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Configurations and model folders of unknown origin: whatever a library raises about them becomes a `ValueError` that names
them, and the sizes that they state are checked before memory is taken.
"""

import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import torch

LONGEST_CAUSE = 300
"""The number of characters of a library's message that are quoted."""

LARGEST_SIZE = 2**31
MOST_LAYERS = 1000
BYTES_PER_WEIGHT = 4


@contextmanager
def load_boundary(what) -> Iterator[None]:
    """
    Errors about a folder or a configuration become those of this package: `ImportError` and `OSError` (a file is missing)
    are kept, as are errors of a GPU and of the call (an unknown keyword); everything else is a
    `ValueError` that names it.

    Args:
        what: the folder, the Hub id, or what is configured.
    """
    try:
        yield
    except (ImportError, OSError):
        raise
    except Exception as error:
        message = _plain(str(error))
        if type(error) is ValueError and (str(what) in message or isinstance(what, type)) and message == str(error):
            raise
        if _is_of_the_call(error, message):
            raise
        name = what.__name__ if isinstance(what, type) else what
        if type(error) is ValueError:
            raise ValueError(f"{name}: {message}") from error
        if isinstance(error, MemoryError):
            raise ValueError(
                f"{name} takes more memory than this machine has: give a smaller one, or free memory."
            ) from error
        cause = " ".join(message.split())[:LONGEST_CAUSE]
        raise ValueError(
            f"{name} cannot be loaded ({type(error).__name__}: {cause}): it is damaged, or does not hold together. Save the "
            "model again."
        ) from error


def _is_of_the_call(error: Exception, message: str) -> bool:
    """Whether an error is one of the machine or of the code that loads, not of what is loaded."""
    if isinstance(error, torch.OutOfMemoryError):  # of a GPU
        return True
    if isinstance(error, TypeError):
        return "unexpected keyword argument" in message
    words = ("meta device context manager", "CUDA", "NVIDIA driver")
    return isinstance(error, (RuntimeError, AssertionError)) and any(word in message for word in words)


def refuses_wrong_settings(config_class: type) -> type:
    """A decorator for a configuration: values of a wrong type are a `ValueError`, as all other wrong settings are."""
    config_class.__init__ = _refusing(config_class.__init__, config_class)
    return config_class


def _refusing(method: Callable, config_class: type) -> Callable:
    @functools.wraps(method)
    def refusing(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except (ValueError, ImportError):
            raise
        except Exception as error:
            cause = " ".join(_plain(str(error)).split())[:LONGEST_CAUSE]
            raise ValueError(f"{config_class.__name__}: a setting is wrong: {cause}") from error

    return refusing


def _plain(text: str) -> str:
    """The text with control characters and marks of the writing direction as escapes, so that no terminal obeys them."""
    unprintable = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
    return re.sub(unprintable, lambda found: ascii(found[0])[1:-1], text)


def name_without_folders(name: str) -> str:
    """A Hub id as it is; of a folder on this machine its name without the path, which is of no use to others."""
    is_path = Path(name).is_absolute() or "\\" in name or name.startswith((".", "~")) or name.count("/") > 1
    return PurePath(name.replace("\\", "/")).name if is_path or Path(name).exists() else name


def check_stated_sizes(config):
    """
    Check the sizes of a model and of its encoders before its weights take memory.

    Raises:
        ValueError: for a size that no model has, or a model that is larger than the memory of this machine.
    """
    parts = {"": config}
    parts |= {f"{name}.": getattr(config, name) for name in config.sub_configs_defaults if getattr(config, name)}
    total = 0
    for prefix, part in parts.items():
        sizes = {name: value for name, value in part.to_dict().items() if isinstance(value, int)}
        for name, value in sizes.items():
            is_count = re.search(r"layers$|blocks$", name)
            is_size = is_count or re.search(r"size$|dim$|heads$|positions$|embeddings$|length$|pooling$", name)
            limit = MOST_LAYERS if is_count else LARGEST_SIZE
            if is_size and value > limit:
                raise ValueError(f"{prefix}{name} is {value:.3g}, more than the {limit:,} that a model may have.")
        total += _estimated_weights(part, sizes)
    memory = _machine_memory()
    if memory is not None and total * BYTES_PER_WEIGHT > memory:
        raise ValueError(
            f"The configuration states about {total:,} weights, which take more than the memory of this machine "
            f"({memory / 2**30:.0f} GiB)."
        )


def _estimated_weights(config, sizes: dict[str, int]) -> int:
    """The number of weights that a configuration states, to an order of magnitude and not too many."""
    width = getattr(config, "hidden_size", 0) or 0
    layers = max([1, *(value for name, value in sizes.items() if re.search(r"layers$", name))])
    rows = [
        sizes.get(name, 0)
        for name in ("vocab_size", "max_position_embeddings", "memory_bank_size", "intermediate_size")
    ]
    rows += [value for name, value in sizes.items() if name.endswith("feature_size")]
    return layers * width * width + width * sum(rows)


def _machine_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


__all__ = ["check_stated_sizes", "load_boundary", "name_without_folders", "refuses_wrong_settings"]
