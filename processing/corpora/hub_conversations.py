# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations from data that `datasets` loads: a data set of the Hub, its folder, or a folder of `save_to_disk`."""

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import datasets
from datasets.exceptions import DatasetsError
from pyarrow import ArrowException as PyarrowError

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
from modeling_amuse.processing.input_boundary import reads_file


class MissingSplits(ValueError):
    """A data set has none of the splits that were asked for."""


def is_saved_dataset(folder: Path) -> bool:
    """Whether a folder was written by `save_to_disk` of `datasets`."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


@reads_file("its files are damaged: save the data set again.")
def load_from_datasets(
    name: str, cache_dir: str | None, splits: Collection[str] | None, options: DataOptions
) -> tuple[Contents, list[str]]:
    """
    Load the contents of a data set, its splits as `DatasetDict`, and notes for the user.

    Splits keep their names, except that `val` and `dev` become `validation`. A data set that has only `train` is divided
    into 80 % training, 10 % validation and 10 % test. If only the validation split is missing, a tenth of the training
    conversations becomes the validation split.

    Args:
        name: a Hub id, or a folder.
        cache_dir: the folder of the files. Default: the cache of `datasets`.
        splits: the splits to load. Default: all.
        options: configuration, revision, columns, labels.

    Raises:
        FileNotFoundError: when the data set does not exist or cannot be reached.
        ValueError: when its rows are not conversations or utterances, or none of the splits exists.
    """
    tables = open_datasets(name, cache_dir, options)
    store, read, notes, names = RecordingStore(cache_dir), {}, [], ()
    own = {split: SPLIT_NAMES.get(split.lower(), re.sub(r"\W+", "_", split)) for split in tables}
    is_divided = "train" in own.values() and "validation" not in own.values()
    wanted = [s for s in own if splits is None or own[s] in splits or (is_divided and own[s] == "train")]
    for split in wanted:
        same = [other for other in wanted if own[other] == own[split]]
        if len(same) > 1:
            raise ValueError(
                f"{name} has the splits {' and '.join(same)}, which are all its {own[split]} split: save the data set with one of "
                "them, or with both joined (datasets.concatenate_datasets)."
            )
    for split in wanted:
        found, counts, said, classes = conversations_of_table(
            rows_of_dataset(tables[split]), options, f"{name}, {split}", split, Path(name), store
        )
        read[own[split]] = found, counts
        notes += said
        names = names or classes
    if is_divided:
        notes.append(_divide(read, set(own.values()), name, options))
        read = {split: part for split, part in read.items() if splits is None or split in splits}
    elif not read:
        raise MissingSplits(f"{name} has no {' and no '.join(splits)} split; it has {', '.join(own)}.")
    contents = settled(read, None, options, notes, names)
    made = {
        split: datasets.Dataset.from_list([schema_row(c) for c in conversations], features=CONVERSATION_FEATURES)
        for split, conversations in contents.splits.items()
    }
    return contents._replace(splits=datasets.DatasetDict(made)), notes


def _divide(read: dict, own: set[str], name: str, options: DataOptions) -> str:
    """Divide `train` into the missing splits, in place. Returns a text that says what was done."""
    conversations, counts = read["train"]
    if any("split" in conversation for conversation in conversations) or "test" not in own:
        parts, note = divided(conversations, options.split_seed, name)
    else:
        parts = random_split(conversations, options.split_seed, name, ("validation",))
        note = (
            f"{name} has no validation split: {len(parts['validation'])} of its training conversations are used for "
            f"validation (--split_seed {options.split_seed})."
        )
    del read["train"]  # its rows may all belong to other splits
    others = {key: count for key, count in counts.items() if key not in ("conversations", "utterances")}
    for split, part in parts.items():
        read[split] = part, report_counts(part) + Counter(others)
    return note


def open_datasets(name: str, cache_dir: str | None, options: DataOptions) -> dict:
    """
    Open the splits of a data set.

    Raises:
        FileNotFoundError: when the data set does not exist or cannot be reached.
        ValueError: when it is a loading script, needs a configuration, or is not a data set.
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
            f"{name} is a loading script, which `datasets` does not run: if the Hub has converted it, read the converted copy "
            "with --dataset_revision refs/convert/parquet."
        ) from error
    except (ValueError, OSError) as error:
        if isinstance(error, ValueError) and folder.exists():
            raise ValueError(f"{name} is not a data set that `datasets` can load: {error}") from error
        if isinstance(error, ValueError) and "onfig" in str(error):
            raise ValueError(f"{name}: {error} Choose a configuration with --dataset_config.") from error
        raise FileNotFoundError(f"The data set {name} cannot be loaded: {error}") from error
    except (
        DatasetsError,
        PyarrowError,
        ArithmeticError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ValueError(
            f"{name} is not a data set that `datasets` can load ({type(error).__name__}: {str(error)[:300]})."
        ) from error
    tables = dict(data) if isinstance(data, dict) else {_split_of(data): data}
    if is_saved_dataset(folder):
        for split, table in tables.items():
            _check_table(table, f"{name}, {split}")
    return tables


def _split_of(data: datasets.Dataset) -> str:
    """The split of a single table: `train` for `train[:10%]`, and for parts of several splits, such as `train+validation`."""
    split = str(getattr(data, "split", None) or "train")
    return "train" if "+" in split else split.partition("[")[0]


def _check_table(table: datasets.Dataset, place: str):
    """
    Raises:
        ValueError: when offsets or texts of the Arrow table are damaged. Reading them can end the process.
    """
    try:
        table.data.table.validate(full=True)
    except PyarrowError as error:
        raise ValueError(f"{place} is damaged ({str(error)[:300]}): save the data set again.") from error
