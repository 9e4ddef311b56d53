# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The division of data that comes without splits."""

import numpy as np

SHARE = 0.1
"""The share of the conversations in each of validation and test."""


def divided(conversations: list[dict], seed: int, place: str) -> tuple[dict[str, list[dict]], str]:
    """
    The conversations of each split: those that a column named, else 80 % train, 10 % validation, 10 % test.

    Args:
        conversations: with `split` in each, or in none.
        seed: of the division.
        place: the data, in words.

    Returns:
        The splits, and what was done, in words.

    Raises:
        ValueError: for fewer than three conversations, or when all of them are needed to train on every label.
    """
    named = {}
    for conversation in conversations:
        kept = {key: value for key, value in conversation.items() if key != "split"}
        named.setdefault(conversation.get("split"), []).append(kept)
    if None not in named:
        return named, f"{place}: splits by their column: {_sizes(named)}."
    if len(named) > 1:
        raise ValueError(
            f"{place}: some conversations name a split and {len(named[None])} do not: fill the column, or take it out."
        )
    parts = random_split(named[None], seed, place)
    return parts, (
        f"{place} has no splits: its conversations are divided 80/10/10 with the seed {seed} (--split_seed): {_sizes(parts)}."
    )


def random_split(
    conversations: list[dict], seed: int, place: str, others: tuple[str, ...] = ("validation", "test")
) -> dict[str, list[dict]]:
    """
    A tenth of the conversations for each of the `others`, the rest for train, in their order. Conversations that alone show
    a label are trained on, so that every label is learned.

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
            f"{place} has {len(conversations)} conversations, too few to divide so that every label is trained on: name the "
            "splits in a column 'split', or give --train_file, --validation_file and --test_file."
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
