# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Tables of pre-computed features, joined to utterances by their id."""

import json
import logging
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from modeling_amuse.processing.whole_files import whole_file

logger = logging.getLogger(__name__)

RECORD_KEY = b"amuse_features"  # of the metadata of an Arrow schema
RECORD_COLUMN = "extractor"  # where the Hub's data sets have the record, in every row: they keep no metadata
MEDIA_SUFFIXES = {
    *(".wav", ".mp4", ".flac", ".mp3", ".avi", ".ogg", ".opus", ".m4a", ".mkv", ".mov", ".webm", ".aac"),
    *(".npy", ".pt", ".json", ".csv", ".png", ".jpg"),
}


class FeatureTable:
    """
    Features of utterances: for each utterance id an array `(S, D)`, S tokens of size D.

    Args:
        ids: the utterance ids.
        values: `(all tokens, D)` float32, the utterances' arrays behind each other. NaN: an empty cell.
        lengths: the number of tokens of each utterance.
        record: what computed them, see `modeling_amuse.processing.feature_extractors`; None for features from elsewhere.
        columns: the names of the D features, where they have names.

    Raises:
        ValueError: when an id stands there twice, or lengths do not add up.
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
                f"The utterance id {twice!r} stands in the feature table more than once (folders and suffixes of paths do "
                "not count): leave one row."
            )
        if len(lengths) != len(ids) or (len(ids) and self.ends[-1] != len(values)):
            raise ValueError(
                f"{len(ids)} utterances, {len(lengths)} lengths and {len(values)} tokens do not fit together."
            )

    @property
    def size(self) -> int:
        """D."""
        return self.values.shape[1]

    def get(self, identifier: str) -> np.ndarray | None:
        """The features `(S, D)` of an utterance, or None where the table has none."""
        row = self.rows.get(identifier)
        if row is None:
            return None
        start = self.ends[row - 1] if row else 0
        return self.values[start : self.ends[row]]

    def order_columns(self, columns: list[str] | None):
        """
        Put the features into the order of these names, where both have names.

        Raises:
            ValueError: when the names are others.
        """
        if columns is None or self.columns is None or columns == self.columns:
            return
        if sorted(columns) != sorted(self.columns):
            lacking, more = (sorted(set(a) - set(b))[:3] for a, b in ((columns, self.columns), (self.columns, columns)))
            raise ValueError(
                f"the features have other names than those of the training split: {', '.join(lacking) or 'none'} lacking, "
                f"{', '.join(more) or 'none'} unknown."
            )
        self.values = self.values[:, [self.columns.index(name) for name in columns]]
        self.columns = columns

    def statistics(self, identifiers: list[str]) -> dict[str, list]:
        """
        Mean and standard deviation of each feature over the tokens of these utterances, empty cells left out, and the
        features' names, if they have any. A constant feature gets the deviation 1.

        Raises:
            ValueError: when a feature has no value in any of them.
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
        How many values of these utterances are more than `limit` standard deviations from the mean, how many values there
        are, and the largest distance, in standard deviations.
        """
        known = [array for array in map(self.get, identifiers) if array is not None]
        if not known:
            return 0, 0, 0.0
        values = np.concatenate(known).astype(np.float64)
        distances = np.abs((values - np.asarray(statistics["mean"])) / np.asarray(statistics["std"]))
        distances = distances[~np.isnan(distances)]
        return int((distances > limit).sum()), distances.size, float(distances.max(initial=0.0))

    def coverage(self, identifiers: list[str]) -> str:
        """In words: how many of these utterances have features, and how many cells of theirs are empty."""
        known = [array for array in map(self.get, identifiers) if array is not None and not np.isnan(array).all()]
        text = f"{len(known)} of {len(identifiers)} utterances have features ({self.describe_features()})"
        if len(known) < len(identifiers):
            text += ", for the others the modality is missing"
        empty = sum(int(np.isnan(array).sum()) for array in known)
        if empty:
            text += f"; {empty} empty cells, the training mean stands in"
        unused = len(self.rows.keys() - set(identifiers))
        if unused:
            text += f"; {unused} ids of the table are of no utterance of the split"
        return text

    def describe_features(self, first: int = 8) -> str:
        """How many features there are, and the names of the first of them."""
        if self.columns is None:
            return f"{self.size} features"
        more = f" and {self.size - first} more" if self.size > first else ""
        return f"{self.size} features: {', '.join(self.columns[:first])}{more}"

    @classmethod
    def from_arrow(cls, table: pa.Table, what: str = "The feature table") -> "FeatureTable":
        """
        From Arrow columns `utterance_id` and `features` (lists of numbers, or lists of such lists), without a copy of the
        numbers where they lie in one piece.
        """
        table = table.filter(table.column("features").is_valid())  # a null is as good as no row
        record = read_record((table.schema.metadata or {}).get(RECORD_KEY, b"null"))
        features = table.column("features")
        is_nested = hasattr(features.type.value_type, "value_type")
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
                f"The rows of a feature table must be of one size, but are of sizes {sorted(map(str, sizes))}."
            )
        values = features.flatten().to_numpy(zero_copy_only=False).reshape(-1, sizes.pop())
        ids = table.column("utterance_id").to_pylist()
        return cls(ids, finite(values, ids, lengths, None, what), lengths, record)


def read_record(text: bytes | str) -> dict | None:
    """
    What computed a table's features, from its metadata.

    Raises:
        ValueError: when that is no JSON object.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"its metadata {RECORD_KEY.decode()!r} are no JSON ({type(error).__name__}: {str(error)[:80]}): write the table "
            "anew, or without them."
        ) from error
    if record is not None and not (isinstance(record, dict) and isinstance(record.get("name"), str)):
        raise ValueError(
            f"its metadata {RECORD_KEY.decode()!r} are {str(record)[:80]}, and no extractor with a 'name': write the table "
            "anew, or without them."
        )
    return record


def utterance_id(name) -> str:
    """The id of an utterance that a table names by its clip: without folders and the suffix of a file."""
    name = re.split(r"[/\\]", str(name).strip())[-1]
    suffix = Path(name).suffix
    return name[: -len(suffix)] if suffix.lower() in MEDIA_SUFFIXES else name


def finite(values: np.ndarray, ids: list[str], lengths: np.ndarray, columns: list[str] | None, what: str) -> np.ndarray:
    """The values with empty cells in place of infinite ones, and a warning that names the first."""
    strange = np.isinf(values)
    if not strange.any():
        return values
    token, feature = np.argwhere(strange)[0]
    owner = ids[int(np.searchsorted(np.cumsum(lengths), token, side="right"))]
    name = columns[feature] if columns is not None else f"feature {feature}"
    logger.warning(
        "%s: %d values are infinite or too large for a 32-bit number, the first of them %s of %s: taken for empty cells.",
        *(what, int(strange.sum()), name, owner),
    )
    return np.where(strange, np.float32("nan"), values)


def write_feature_table(path: Path, features: dict[str, np.ndarray | None], record: dict | None):
    """
    Write features as a Parquet file, whole or not at all.

    Args:
        path: the file.
        features: for each utterance id `(S, D)`, or None where it has none.
        record: what computed them; None for features from elsewhere.
    """
    schema = pa.schema(
        [("utterance_id", pa.string()), ("features", pa.list_(pa.list_(pa.float32())))],
        metadata={RECORD_KEY: json.dumps(record, sort_keys=True).encode()},
    )
    rows = [None if array is None else list(np.asarray(array, np.float32)) for array in features.values()]
    columns = [pa.array(list(features)), pa.array(rows, type=schema.field("features").type)]
    with whole_file(path) as file:
        pyarrow.parquet.write_table(pa.table(columns, schema=schema), file)
