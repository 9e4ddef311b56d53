# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Dividing data without splits into training, validation and test."""

import numpy as np

SHARE = 0.1
"""The share of the conversations in each of the validation and test splits."""


def divided(conversations: list[dict], seed: int, place: str) -> tuple[dict[str, list[dict]], str]:
    """
    The conversations of each split, by their key `split`; else 80 % train, 10 % validation and 10 % test.

    Args:
        conversations: the conversations; all or none of them have a `split`.
        seed: the seed of the random division.
        place: the name of the data in messages.

    Returns:
        The splits, and a sentence that says how they were made.

    Raises:
        ValueError: when only some conversations have a `split`, or when too few conversations are left for validation and
            test, since every label must occur in the training split.
    """
    named = {}
    for conversation in conversations:
        kept = {key: value for key, value in conversation.items() if key != "split"}
        named.setdefault(conversation.get("split"), []).append(kept)
    if None not in named:
        return named, f"{place}: the splits are read from their column: {_sizes(named)}."
    if len(named) > 1:
        raise ValueError(
            f"{place}: some conversations have a split and {len(named[None])} have none: fill the column, or remove it."
        )
    parts = random_split(named[None], seed, place)
    return parts, (
        f"{place} has no splits: its conversations are divided 80/10/10 at random (--split_seed {seed}): {_sizes(parts)}."
    )


def random_split(
    conversations: list[dict], seed: int, place: str, others: tuple[str, ...] = ("validation", "test")
) -> dict[str, list[dict]]:
    """
    A random tenth of the conversations for each of the `others`, the rest for train. Each split keeps the order of the
    conversations. For every label, at least one conversation that has it is in train.

    Raises:
        ValueError: see [`divided`].
    """
    size = max(1, round(SHARE * len(conversations)))
    order = np.random.default_rng(seed).permutation(len(conversations)).tolist()
    seen, first = set(), []
    for position in order:
        labels = {str(u.get("emotion")).strip().casefold() for u in conversations[position]["utterances"]}
        if not labels <= seen:
            first.append(position)
            seen |= labels
    rest = [position for position in order if position not in set(first)]
    if len(rest) < len(others):
        raise ValueError(
            f"{place} has {len(conversations)} conversations, too few to divide so that every label is trained on: give the "
            "splits in a column 'split', or as --train_file, --validation_file and --test_file."
        )
    size = min(size, len(rest) // len(others))
    parts = {name: sorted(rest[number * size : (number + 1) * size]) for number, name in enumerate(others)}
    taken = {position for part in parts.values() for position in part}
    train = [position for position in range(len(conversations)) if position not in taken]
    return {
        "train": [conversations[p] for p in train],
        **{n: [conversations[p] for p in part] for n, part in parts.items()},
    }


def _sizes(parts: dict[str, list[dict]]) -> str:
    return ", ".join(f"{name} {len(part)}" for name, part in parts.items())
