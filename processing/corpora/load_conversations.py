# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Loading a data set of conversations by its name."""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from datasets import DatasetDict

from modeling_amuse.processing.corpora.data_sets import DATA_SETS

BUILDERS = {name: entry.builder() for name, entry in DATA_SETS.items()}


class ConversationData(NamedTuple):
    """
    A loaded data set.

    Attributes:
        splits: conversations, `train`, `validation` and `test` where they exist.
        emotions: the emotions, in the order of the labels.
        report: for each split, counts of what was found and mended.
    """

    splits: DatasetDict
    emotions: tuple[str, ...]
    report: dict[str, Counter]


def load_conversations(
    name: str, data_dir: str | None = None, cache_dir: str | None = None, splits: Collection[str] | None = None
) -> ConversationData:
    """
    Load a data set of conversations through its packaged builder.

    Args:
        name: `"meld"`, `"iemocap"`, `"emorynlp"`, `"emodb"`, `"ravdess"`, `"folder"` (the user's own conversations) or `"sample"`.
        data_dir: the folder with the data set's files; only `"sample"` needs none.
        cache_dir: where the Arrow files are kept. Default: that of `datasets`.
        splits: the splits that are wanted, those of them that the data set has: a training asks for `train` and
            `validation`, so that the file of the test split is not opened. Default: all.

    Raises:
        FileNotFoundError: when the folder or its files are missing.
        ValueError: for an unknown name, and for files that hold something else than conversations.
    """
    if name not in BUILDERS:
        raise ValueError(f"There is no data set {name!r}; there are: {', '.join(BUILDERS)}.")
    if data_dir is None and name != "sample":
        raise ValueError(f"The data set {name!r} needs data_dir (--data_dir), the folder with its files.")
    builder = BUILDERS[name](data_dir=data_dir, cache_dir=cache_dir, splits=splits)
    if not builder.paths:
        raise ValueError(f"The data set {data_dir or name} has no {' and no '.join(splits)} split.")
    report = builder.report()
    builder.download_and_prepare()
    return ConversationData(builder.as_dataset(), builder.emotions or builder.emotions_of_files(), report)


def describe_report(report: dict[str, Counter]) -> str:
    """A line for each split."""
    return "\n".join(
        f"{split}: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        for split, counts in report.items()
    )
