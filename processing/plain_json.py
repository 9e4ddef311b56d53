# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""JSON of unknown origin: what is ambiguous in it, or would stop Python in an unusual way, is refused."""

import json
from collections import Counter
from pathlib import Path

from .input_boundary import reads_file

_LONGEST_NUMBER = 4000  # digits; Python refuses longer ones in another kind of error


def parsed_json(text: str | bytes):
    """
    The value of a JSON text. Numbers of more than 4,000 digits are infinite.

    Raises:
        json.JSONDecodeError: for a text that is not JSON.
        RecursionError: for a text that is nested too deeply.
        ValueError: for an object with a key twice, of which a parser keeps only one value.
    """
    return json.loads(text, parse_int=_whole, object_pairs_hook=_unique)


@reads_file("it is damaged: write it again.")
def read_json_object(path: str | Path) -> dict:
    """
    The object of a JSON file.

    Raises:
        OSError: when the file cannot be opened.
        ValueError: when it is not a JSON object; the message names the file.
    """
    found = parsed_json(Path(path).read_text(encoding="utf-8-sig"))
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}, not a JSON object.")
    return found


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")


def _unique(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"an object of its JSON has the key {twice[:60]!r} twice: keep one.")
    return found


__all__ = ["parsed_json", "read_json_object"]
