# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Tables of pre-computed features, joined to utterances by their id."""

import copy
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from modeling_amuse.processing.printable_text import printable_logger
from modeling_amuse.processing.whole_files import whole_file

logger = printable_logger(__name__)
T = TypeVar("T")

RECORD_KEY = b"amuse_features"  # of the metadata of an Arrow schema
RECORD_COLUMN = "extractor"  # holds the record in data sets of the Hub, which keep no metadata of the Arrow schema
MEDIA_SUFFIXES = {
    *(".wav", ".mp4", ".flac", ".mp3", ".avi", ".ogg", ".opus", ".m4a", ".mkv", ".mov", ".webm", ".aac"),
    *(".npy", ".pt", ".json", ".csv", ".png", ".jpg"),
}


class FeatureTable:
    """
    Features of utterances: for each utterance id an array `(S, D)`, S tokens of size D.

    Args:
        ids: the utterance ids.
        values: `(all tokens, D)` float32, the concatenated arrays of the utterances. NaN is an empty cell.
        lengths: the number of tokens of each utterance.
        record: the extractor and its settings, see `modeling_amuse.processing.feature_extractors`; None for features that
            this package did not compute.
        columns: the names of the D features, if they have names.

    Raises:
        ValueError: when an id occurs twice, or the lengths do not match the ids and values.
    """

    def __init__(
        self,
        ids: list[str],
        values: np.ndarray,
        lengths: np.ndarray,
        record: dict | None = None,
        columns: list[str] | None = None,
    ):
        self.values = values
        self.record = record
        self.columns = columns
        self.ends = np.cumsum(lengths)
        self.rows = {identifier: row for row, identifier in enumerate(ids)}
        if len(self.rows) < len(ids):
            twice = next(identifier for row, identifier in enumerate(ids) if self.rows[identifier] != row)
            raise ValueError(
                f"The utterance id {twice!r} occurs more than once in the feature table (folders and suffixes of paths are "
                "ignored): keep one row."
            )
        if "" in self.rows:
            raise ValueError("An utterance id of the feature table is empty: name each utterance, or remove its row.")
        if len(lengths) != len(ids) or (len(ids) and self.ends[-1] != len(values)):
            raise ValueError(f"{len(ids)} utterances, {len(lengths)} lengths and {len(values)} tokens do not match.")

    @property
    def size(self) -> int:
        """The number of features of a token, D."""
        return self.values.shape[1]

    def get(self, identifier: str) -> np.ndarray | None:
        """The features `(S, D)` of an utterance, or None if the table does not have it."""
        row = self.rows.get(identifier)
        if row is None:
            return None
        start = self.ends[row - 1] if row else 0
        return self.values[start : self.ends[row]]

    def order_columns(self, columns: list[str] | None):
        """
        Order the features by these names, if both the features and `columns` are named.

        Raises:
            ValueError: when the two sets of names differ.
        """
        if columns is None or self.columns is None or columns == self.columns:
            return
        if sorted(columns) != sorted(self.columns):
            lacking, more = (sorted(set(a) - set(b))[:3] for a, b in ((columns, self.columns), (self.columns, columns)))
            raise ValueError(
                f"the names of the features differ from those of the training split: {', '.join(lacking) or 'none'} missing, "
                f"{', '.join(more) or 'none'} unknown."
            )
        places = {name: place for place, name in enumerate(self.columns)}
        self.values = self.values[:, [places[name] for name in columns]]
        self.columns = columns

    def statistics(self, identifiers: list[str]) -> dict[str, list]:
        """
        Mean and standard deviation of each feature over the tokens of the given utterances, ignoring empty cells, and the
        names of the features, if they have any. A constant feature gets the deviation 1.

        Raises:
            ValueError: when a feature has no value in any of the utterances.
        """
        known = [array for array in map(self.get, identifiers) if array is not None]
        values = np.concatenate(known).astype(np.float64) if known else np.full((1, self.size), np.nan)
        empty = np.isnan(values).all(axis=0)
        if empty.any():
            raise ValueError(f"Features {np.flatnonzero(empty).tolist()} have no value in any training utterance.")
        deviation = np.nanstd(values, axis=0)
        deviation = np.where(deviation < 1e-8, 1, deviation)
        names = {} if self.columns is None else {"columns": self.columns}
        return {"mean": np.nanmean(values, axis=0).tolist(), "std": deviation.tolist(), **names}

    def extreme_values(
        self, identifiers: list[str], statistics: dict[str, list], limit: float
    ) -> tuple[int, int, float]:
        """
        The number of values of the given utterances that are more than `limit` standard deviations from the mean, the
        number of all values, and the largest distance in standard deviations.
        """
        known = [array for array in map(self.get, identifiers) if array is not None]
        if not known:
            return 0, 0, 0.0
        values = np.concatenate(known).astype(np.float64)
        distances = np.abs((values - np.asarray(statistics["mean"])) / np.asarray(statistics["std"]))
        distances = distances[~np.isnan(distances)]
        return int((distances > limit).sum()), distances.size, float(distances.max(initial=0.0))

    def coverage(self, identifiers: list[str]) -> str:
        """A text that says how many of the given utterances have features, and how many of their cells are empty."""
        known = [array for array in map(self.get, identifiers) if array is not None and not np.isnan(array).all()]
        text = f"{len(known)} of {len(identifiers)} utterances have features ({self.describe_features()})"
        if len(known) < len(identifiers):
            text += ", for the others the modality is missing"
        empty = sum(int(np.isnan(array).sum()) for array in known)
        if empty:
            text += f"; {empty} empty cells, replaced by the training mean"
        unused = len(self.rows.keys() - set(identifiers))
        if unused:
            text += f"; {unused} ids of the table do not belong to the split"
        return text

    def describe_features(self, first: int = 8) -> str:
        """A text with the number of features and the names of the first ones."""
        if self.columns is None:
            return f"{self.size} features"
        more = f" and {self.size - first} more" if self.size > first else ""
        return f"{self.size} features: {', '.join(self.columns[:first])}{more}"

    def with_ids(self, ids: Iterable[str]) -> "FeatureTable":
        """The table with the utterance ids of a data set in place of those that mean the same, see [`by_given_id`]."""
        renamed = copy.copy(self)
        renamed.rows = by_given_id(self.rows, ids)
        return renamed

    @classmethod
    def from_arrow(cls, table: pa.Table, what: str = "The feature table") -> "FeatureTable":
        """
        Make a table from the Arrow columns `utterance_id` and `features` (lists of numbers, or lists of such lists).
        Numbers that are contiguous in memory are not copied.
        """
        table = table.filter(table.column("features").is_valid())  # a null means the same as no row
        record = read_record((table.schema.metadata or {}).get(RECORD_KEY, b"null"))
        features = table.column("features")
        is_nested = hasattr(features.type.value_type, "value_type")
        _check_numbers(features.type.value_type.value_type if is_nested else features.type.value_type)
        row = pa.large_list(pa.float32())
        features = pa.concat_arrays(
            features.cast(pa.large_list(row) if is_nested else row, safe=False).chunks
            or [pa.array([], pa.large_list(row) if is_nested else row)]
        )
        if is_nested:
            lengths = features.value_lengths().to_numpy(zero_copy_only=False)
            features = features.flatten()
        else:
            lengths = np.ones(len(features), dtype=np.int64)
        sizes = set(features.value_lengths().to_pylist())
        if not sizes:
            return cls([], np.zeros((0, 0), np.float32), np.zeros(0, np.int64), record)
        if len(sizes) > 1 or None in sizes:
            raise ValueError(
                f"The rows of a feature table must have one size, but have the sizes {sorted(map(str, sizes))}."
            )
        values = features.flatten().to_numpy(zero_copy_only=False).reshape(-1, sizes.pop())
        ids = table.column("utterance_id").to_pylist()
        return cls(ids, finite(values, ids, lengths, None, what), lengths, record)


def _check_numbers(kind: pa.DataType):
    """
    Raises:
        ValueError: when the values of the features are not numbers, which Arrow would convert if they look like some.
    """
    types = pa.types
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind)):
        raise ValueError(f"The features are of the type {kind}: give numbers.")


def read_record(text: bytes | str) -> dict | None:
    """
    Read the record of the extractor from a table's metadata.

    Raises:
        ValueError: when the metadata is not a JSON object with a name.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"its metadata {RECORD_KEY.decode()!r} is not JSON ({type(error).__name__}: {str(error)[:80]}): extract the "
            "features again, or remove the metadata."
        ) from error
    if record is not None and not (isinstance(record, dict) and isinstance(record.get("name"), str)):
        raise ValueError(
            f"its metadata {RECORD_KEY.decode()!r} is {str(record)[:80]}, not an extractor with a 'name': extract the "
            "features again, or remove the metadata."
        )
    return record


def utterance_id(name) -> str:
    """The utterance id from the path of a clip: the file name without folders and suffix."""
    name = re.split(r"[/\\]", str(name).strip())[-1]
    suffix = Path(name).suffix
    return name[: -len(suffix)] if suffix.lower() in MEDIA_SUFFIXES else name


def by_given_id(values: dict[str, T], ids: Iterable[str]) -> dict[str, T]:
    """
    The values of a table under the ids of the data set. Where an id is not among these, folders and suffixes of clips are
    ignored, if that names a single utterance and a single row.

    Args:
        values: the values by the ids of the table.
        ids: the utterance ids of the data set.
    """
    ids = set(ids)
    of_data, of_table = defaultdict(list), Counter(map(utterance_id, values))
    for identifier in ids:
        of_data[utterance_id(identifier)].append(identifier)
    found = {}
    for name, value in values.items():
        bare = utterance_id(name)
        alike = of_data.get(bare, ())
        is_clear = name not in ids and len(alike) == 1 and of_table[bare] == 1
        found[alike[0] if is_clear else name] = value
    return found


def finite(values: np.ndarray, ids: list[str], lengths: np.ndarray, columns: list[str] | None, what: str) -> np.ndarray:
    """Replace infinite values by empty cells (NaN), with a warning that names the first one."""
    strange = np.isinf(values)
    if not strange.any():
        return values
    token, feature = np.argwhere(strange)[0]
    owner = ids[int(np.searchsorted(np.cumsum(lengths), token, side="right"))]
    name = columns[feature] if columns is not None else f"feature {feature}"
    logger.warning(
        "%s: %d values are infinite or too large for a 32-bit number, the first is %s of %s: they are treated as empty cells.",
        *(what, int(strange.sum()), name, owner),
    )
    return np.where(strange, np.float32("nan"), values)


def write_feature_table(path: Path, features: dict[str, np.ndarray | None], record: dict | None):
    """
    Write features as a Parquet file. The file appears only when it is complete.

    Args:
        path: the file.
        features: for each utterance id its features `(S, D)`, or None if it has none.
        record: the extractor and its settings; None for features that this package did not compute.
    """
    schema = pa.schema(
        [("utterance_id", pa.string()), ("features", pa.list_(pa.list_(pa.float32())))],
        metadata={RECORD_KEY: json.dumps(record, sort_keys=True, allow_nan=False).encode()},
    )
    rows = [None if array is None else list(np.asarray(array, np.float32)) for array in features.values()]
    columns = [pa.array(list(features)), pa.array(rows, type=schema.field("features").type)]
    with whole_file(path) as file:
        pyarrow.parquet.write_table(pa.table(columns, schema=schema), file)
