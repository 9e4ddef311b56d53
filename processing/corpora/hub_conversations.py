# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations from whatever `datasets` loads: a data set of the Hub, a folder of one, or what `save_to_disk` wrote."""

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import datasets

from modeling_amuse.processing.corpora.conversation_builder import (
    CONVERSATION_FEATURES,
    Contents,
    report_counts,
    schema_row,
    settled,
)
from modeling_amuse.processing.corpora.conversation_folder import conversations_of_table
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import SPLIT_NAMES
from modeling_amuse.processing.corpora.split_conversations import divided, random_split
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.corpora.table_files import rows_of_dataset


def is_saved_dataset(folder: Path) -> bool:
    """Whether `datasets` wrote a folder with `save_to_disk`."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def load_from_datasets(
    name: str, cache_dir: str | None, splits: Collection[str] | None, options: DataOptions
) -> tuple[Contents, list[str]]:
    """
    The contents of a data set, its splits as `DatasetDict`, and notes for the user.

    Splits keep their names, `val` and `dev` become `validation`. One that has `train` alone is divided 80/10/10; to one
    without validation alone, a tenth of the training conversations is given.

    Args:
        name: a Hub id, or a folder.
        cache_dir: where files are kept. Default: that of `datasets`.
        splits: the splits that are wanted. Default: all.
        options: configuration, revision, columns, labels.

    Raises:
        FileNotFoundError: when there is no such data set, or it cannot be reached.
        ValueError: for rows that hold something else than conversations.
    """
    tables = open_datasets(name, cache_dir, options)
    store, read, notes, names = RecordingStore(cache_dir), {}, [], ()
    own = {split: SPLIT_NAMES.get(split.lower(), re.sub(r"\W+", "_", split)) for split in tables}
    is_divided = "train" in own.values() and "validation" not in own.values()
    for split, data in tables.items():
        if splits is not None and own[split] not in splits and not (is_divided and own[split] == "train"):
            continue
        found, counts, said, classes = conversations_of_table(
            rows_of_dataset(data), options, f"{name}, {split}", split, Path(name), store
        )
        read[own[split]] = found, counts
        notes += said
        names = names or classes
    if is_divided:
        notes.append(_divide(read, set(own.values()), name, options))
        read = {split: part for split, part in read.items() if splits is None or split in splits}
    elif not read:
        raise ValueError(f"{name} has no {' and no '.join(splits)} split; it has {', '.join(own)}.")
    contents = settled(read, None, options, notes, names)
    made = {
        split: datasets.Dataset.from_list([schema_row(c) for c in conversations], features=CONVERSATION_FEATURES)
        for split, conversations in contents.splits.items()
    }
    return contents._replace(splits=datasets.DatasetDict(made)), notes


def _divide(read: dict, own: set[str], name: str, options: DataOptions) -> str:
    """Make the missing splits out of `train`, in place; what was done, in words."""
    conversations, counts = read["train"]
    if any("split" in conversation for conversation in conversations) or "test" not in own:
        parts, note = divided(conversations, options.split_seed, name)
    else:
        parts = random_split(conversations, options.split_seed, name, ("validation",))
        note = (
            f"{name} has no validation split: {len(parts['validation'])} of its training conversations are validated on "
            f"(--split_seed {options.split_seed})."
        )
    others = {key: count for key, count in counts.items() if key not in ("conversations", "utterances")}
    for split, part in parts.items():
        read[split] = part, report_counts(part) + Counter(others)
    return note


def open_datasets(name: str, cache_dir: str | None, options: DataOptions) -> dict:
    """
    The splits of a data set.

    Raises:
        FileNotFoundError: when there is none, or it cannot be reached.
        ValueError: when it is a script, or needs a configuration.
    """
    folder = Path(name)
    try:
        if is_saved_dataset(folder):
            data = datasets.load_from_disk(name)
        else:
            data = datasets.load_dataset(
                name,
                options.dataset_config,
                revision=options.dataset_revision,
                streaming=options.streaming,
                cache_dir=cache_dir,
            )
    except RuntimeError as error:
        if "scripts are no longer supported" not in str(error):
            raise
        raise ValueError(
            f"{name} is a loading script, which `datasets` does not run: its automatic copy, where the Hub made one, is "
            "--dataset_revision refs/convert/parquet."
        ) from error
    except (ValueError, OSError) as error:
        if isinstance(error, ValueError) and folder.exists():
            raise ValueError(f"{name} is no data set that `datasets` loads: {error}") from error
        if isinstance(error, ValueError) and "onfig" in str(error):
            raise ValueError(f"{name}: {error} Name one with --dataset_config.") from error
        raise FileNotFoundError(f"The data set {name} cannot be loaded: {error}") from error
    return dict(data) if isinstance(data, dict) else {str(getattr(data, "split", None) or "train"): data}
