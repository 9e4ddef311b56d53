# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Writing JSON that every program reads: complete files, and no NaN or infinity, which JSON does not have."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

from .whole_files import whole_file


def as_json(values, what: str = "The result", **settings) -> str:
    """
    `json.dumps` without NaN and infinity.

    Args:
        values: what is to be written.
        what: says in the error message what it is.
        settings: of `json.dumps`.

    Raises:
        ValueError: when a number is not finite, with its place.
    """
    try:
        return json.dumps(values, allow_nan=False, **settings)
    except ValueError as error:
        place = next(_not_finite(values), None)
        if place is None:
            raise
        raise ValueError(f"{what} has a number that is not finite, {place}, and is not written.") from error


def write_json(values, path: Path, **settings):
    """
    Write a JSON file, which appears only when it is complete. Its folder is created if it does not exist.

    Args:
        values: what is to be written.
        path: the file.
        settings: of `json.dumps`; by default `indent=1`.

    Raises:
        ValueError: when a number is not finite, with its place.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = as_json(values, path.name, **{"indent": 1, **settings})
    with whole_file(path) as file:
        file.write_text(text + "\n", encoding="utf-8")


def _not_finite(values, place: str = "") -> Iterator[str]:
    if isinstance(values, dict):
        for name, value in values.items():
            yield from _not_finite(value, f"{place}.{name}" if place else str(name))
    elif isinstance(values, (list, tuple)):
        for index, value in enumerate(values):
            yield from _not_finite(value, f"{place}[{index}]")
    elif isinstance(values, float) and not math.isfinite(values):
        yield f"{place or 'it'} = {values}"
