# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""YAML of unknown origin: plain values only, without what is ambiguous or can grow beyond the file."""

from collections import Counter
from pathlib import Path

import yaml

from modeling_amuse.processing.printable_text import printable

LARGEST_VALUE = 100_000
"""The number of values of a file with its aliases replaced. Aliases of aliases could make a small file huge."""


class _PlainLoader(yaml.SafeLoader):
    """A safe loader that refuses keys that occur twice."""

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        counts = Counter(name for name in names if isinstance(name, str))
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep)


def parsed_yaml(text: str, place: str):
    """
    The value of a YAML text.

    Args:
        place: the name of the text in the message.

    Raises:
        ValueError: for a text that is not YAML, has a key twice, or holds itself by aliases.
    """
    try:
        value = yaml.load(text, Loader=_PlainLoader)  # a subclass of the safe loader
        if _size(value, {}) > LARGEST_VALUE:
            raise ValueError(f"its aliases stand for more than {LARGEST_VALUE:,} values")
        return value
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{printable(place)} is not valid YAML: {printable(reason[:300])}") from error


def _size(value, known: dict[int, int | None]) -> int:
    """The number of values within a value. `known` has those of lists and mappings; None while one is counted."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = None
        inner = value if isinstance(value, list) else value.values()
        known[id(value)] = 1 + sum(_size(one, known) for one in inner)
    if known[id(value)] is None:
        raise ValueError("an alias stands for the value that holds it")
    return known[id(value)]


def read_yaml(path: Path):
    """
    The value of a YAML file.

    Raises:
        OSError: when it cannot be opened.
        ValueError: as [`parsed_yaml`], and for a file that is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 ({error}): save it as UTF-8.") from error
    return parsed_yaml(text, str(path))
