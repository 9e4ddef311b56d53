# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Reading feature files that other projects publish as pickles. No other file of this package reads pickles, and only
convert_features.py imports this one.
"""

import pickle
from pathlib import Path

import numpy as np

from modeling_amuse.processing.input_boundary import reads_file


def _empty_array(subtype: type, shape: tuple, kind: bytes) -> np.ndarray:
    """Replacement of numpy's `_reconstruct`, which makes the empty array that is filled afterwards."""
    if subtype is not np.ndarray or tuple(shape) != (0,):
        raise pickle.UnpicklingError("an array that does not begin empty")
    return np.ndarray.__new__(np.ndarray, (0,), np.dtype("b"))


def _latin_bytes(text: str, encoding: str = "latin1") -> bytes:
    """Replacement of `_codecs.encode`, which pickles of Python 2's protocol use for the bytes of an array."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


def _scalar(dtype: np.dtype, contents: bytes = b"") -> object:
    if not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(contents, (bytes, str)):
        raise pickle.UnpicklingError("a number that has no plain type")
    contents = contents.encode("latin1") if isinstance(contents, str) else contents
    return np.frombuffer(contents, dtype, count=1)[0]


def _from_buffer(buffer, dtype: np.dtype, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(buffer, dtype).reshape(shape, order=order)


ADMITTED = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _empty_array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin_bytes,
    ("collections", "OrderedDict"): dict,
    **{
        (module, name): kind
        for module in ("builtins", "__builtin__")
        for name, kind in (("set", set), ("frozenset", frozenset))
    },
}
"""The names that a pickle may contain: arrays, numbers, and containers. All other names are refused before being imported."""


class PlainUnpickler(pickle.Unpickler):
    """An unpickler that admits only numpy arrays, numbers, text, lists, tuples, dicts and sets."""

    def find_class(self, module: str, name: str):
        try:
            return ADMITTED[module, name]
        except KeyError:
            hint = ": save them as numpy arrays" if module.split(".")[0] == "torch" else ""
            raise pickle.UnpicklingError(
                f"it contains {module}.{name}, but only plain arrays are allowed{hint}"
            ) from None

    def persistent_load(self, identifier):
        raise pickle.UnpicklingError("it refers to other files")


@reads_file()
def read_plain_pickle(path: Path):
    """
    Read a pickle that contains only arrays, lists, dicts, text and numbers. No code of the pickle is run.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the pickle contains anything else, or is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with path.open("rb") as file:
            return PlainUnpickler(file, encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, MemoryError, RecursionError, OverflowError) as error:
        raise ValueError(f"{path} is refused: {error or type(error).__name__}.") from error
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, UnicodeError, ImportError) as error:
        raise ValueError(f"{path} is damaged, or is not a pickle ({type(error).__name__}: {error}).") from error
