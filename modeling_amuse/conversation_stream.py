# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Inputs of the pipeline that are read one after the other: data sets and generators."""

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import islice

import torch


def is_stream(given) -> bool:
    """
    Whether the items of `given` are read one after the other: a torch data set (such as transformers' `KeyDataset`), a data
    set of `datasets` (in memory or streamed), or an iterator such as a generator.

    Raises:
        ValueError: for a `DatasetDict`, which has several splits.
    """
    if isinstance(given, Mapping):
        if given and all(hasattr(split, "column_names") for split in given.values()):
            raise ValueError(f"This data set has the splits {', '.join(map(str, given))}: give one of them.")
        return False
    return isinstance(given, (torch.utils.data.Dataset, Iterator)) or hasattr(given, "column_names")


class ItemBatches(torch.utils.data.Dataset):
    """
    Batches of a data set that has a length. An item is read when its batch is requested, in the process that requests it.

    Args:
        items: a data set with a length and items by index.
        size: number of items in a batch.
    """

    def __init__(self, items, size: int):
        self.items, self.size = items, size

    def __len__(self) -> int:
        return -(-len(self.items) // self.size)

    def __getitem__(self, number: int) -> dict:
        if not 0 <= number < len(self):
            raise IndexError(number)
        start = number * self.size
        stop = min(start + self.size, len(self.items))
        return {"start": start, "items": [self.items[place] for place in range(start, stop)]}


def iterated_batches(items: Iterable, size: int) -> Iterator[dict]:
    """The same batches of a data set without a length, each read when it is requested."""
    iterator, start = iter(items), 0
    while batch := list(islice(iterator, size)):
        yield {"start": start, "items": batch}
        start += len(batch)


def batches_of(items, size: int) -> ItemBatches | Iterator[dict]:
    """Batches of `size` items, `{"start": index of the first item, "items": [...]}`. No item is read yet."""
    is_iterated = isinstance(items, torch.utils.data.IterableDataset)
    has_length = isinstance(items, Sized) and hasattr(items, "__getitem__") and not is_iterated
    return ItemBatches(items, size) if has_length else iterated_batches(items, size)


__all__ = ["ItemBatches", "batches_of", "is_stream", "iterated_batches"]
