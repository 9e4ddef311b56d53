# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Tables of pre-computed features, joined to utterances by their id."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from modeling_amuse.processing.corpora.conversation_folder import SPLIT_NAMES
from modeling_amuse.processing.whole_files import whole_file

ID_COLUMNS = ("utterance_id", "id", "filename", "file")
LABEL_COLUMNS = ("emotion", "label", "labels", "sentiment", "target", "index")
RECORD_KEY = b"amuse_features"  # of the metadata of an Arrow schema
RECORD_COLUMN = "extractor"  # where the Hub's data sets have the record, in every row: they keep no metadata
MEDIA_SUFFIXES = (".wav", ".mp4", ".flac", ".mp3", ".avi")
SHARD = re.compile(r"-\d{5}-of-\d{5}$")


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
            raise ValueError(f"The utterance id {twice!r} stands in the feature table more than once.")
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

    def coverage(self, identifiers: list[str]) -> str:
        """In words: how many of these utterances have features, and how many cells of theirs are empty."""
        known = [array for array in map(self.get, identifiers) if array is not None and not np.isnan(array).all()]
        text = f"{len(known)} of {len(identifiers)} utterances have features"
        if len(known) < len(identifiers):
            text += ", for the others the modality is missing"
        empty = sum(int(np.isnan(array).sum()) for array in known)
        if empty:
            text += f"; {empty} empty cells, the training mean stands in"
        return text

    @classmethod
    def from_arrow(cls, table: pa.Table) -> "FeatureTable":
        """
        From Arrow columns `utterance_id` and `features` (lists of numbers, or lists of such lists), without a copy of the
        numbers where they lie in one piece.
        """
        table = table.filter(table.column("features").is_valid())  # a null is as good as no row
        record = json.loads((table.schema.metadata or {}).get(RECORD_KEY, b"null"))
        features = table.column("features")
        is_nested = hasattr(features.type.value_type, "value_type")
        row = pa.large_list(pa.float32())
        features = pa.concat_arrays(
            features.cast(pa.large_list(row) if is_nested else row).chunks
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
        values = features.flatten().to_numpy(zero_copy_only=False)
        return cls(table.column("utterance_id").to_pylist(), values.reshape(-1, sizes.pop()), lengths, record)


def write_feature_table(path: Path, features: dict[str, np.ndarray | None], record: dict):
    """
    Write features as a Parquet file, whole or not at all.

    Args:
        path: the file.
        features: for each utterance id `(S, D)`, or None where it has none.
        record: what computed them.
    """
    schema = pa.schema(
        [("utterance_id", pa.string()), ("features", pa.list_(pa.list_(pa.float32())))],
        metadata={RECORD_KEY: json.dumps(record, sort_keys=True).encode()},
    )
    rows = [None if array is None else list(np.asarray(array, np.float32)) for array in features.values()]
    columns = [pa.array(list(features)), pa.array(rows, type=schema.field("features").type)]
    with whole_file(path) as file:
        pyarrow.parquet.write_table(pa.table(columns, schema=schema), file)


def load_feature_tables(path: str, splits: list[str]) -> dict[str, FeatureTable]:
    """
    The feature table of each split.

    Args:
        path: a file (`.parquet`, `.csv` or `.npz`) for all splits, or a folder with a file for each split, whose name
            holds the split's (`train`, `dev`, `valid`, `validation`, `test`), in it or in its folder `data`. Shards
            such as `train-00000-of-00002.parquet`, which the Hub's data sets have, make one table.

            - Parquet and CSV: a column with the utterance id (`utterance_id`, `id`, `filename` or `file`; a media suffix
              such as `.wav` is dropped), and either a column `features` with lists or one column a feature. Of one file
              with a column `split`, each split gets its rows.
            - npz: arrays `utterance_ids` and `features`, or one array `(D,)` or `(S, D)` under each utterance id.
              Object arrays are refused.
        splits: the splits wanted.

    Raises:
        FileNotFoundError: when the file, or a split's file, does not exist.
        ValueError: when a file holds no such table.
    """
    path = Path(path)
    if path.is_file():
        return _read_by_split(path, splits)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no feature table {path}.")
    found = {}
    for file in sorted(path.iterdir()):
        names = splits_in_name(file)
        if file.suffix in READERS and len(names) == 1:
            found.setdefault(names.pop(), []).append(file)
    if not found and (path / "data").is_dir():
        return load_feature_tables(str(path / "data"), splits)
    for split, files in found.items():
        whole = [file for file in files if not SHARD.search(file.stem)]
        if len(files) > 1 and whole:
            other = next(file for file in files if file != whole[0])
            first, second = sorted((whole[0], other))
            raise ValueError(f"{first} and {second} are both of the {split} split: leave one in the folder.")
    missing = [split for split in splits if split not in found]
    if missing:
        raise FileNotFoundError(f"{path} has no feature table whose name holds {' or '.join(missing)}.")
    return {split: _joined([_read_by_split(f, [split])[split] for f in found[split]]) for split in splits}


def splits_in_name(file: Path) -> set[str]:
    """The splits that a file's name holds: train, validation, test."""
    words = file.stem.lower().replace("-", "_").replace(".", "_").split("_")
    return {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}


def _joined(shards: list[FeatureTable]) -> FeatureTable:
    if len(shards) == 1:
        return shards[0]
    filled = [shard for shard in shards if shard.rows] or shards[:1]
    for shard in filled:
        if shard.size != filled[0].size or shard.record != filled[0].record:
            raise ValueError(
                f"The shards of a feature table must be of one extractor, but are of {filled[0].record}, size "
                f"{filled[0].size}, and {shard.record}, size {shard.size}."
            )
    for shard in filled[1:]:
        shard.order_columns(filled[0].columns)
    return FeatureTable(
        [identifier for shard in filled for identifier in shard.rows],
        np.concatenate([shard.values for shard in filled]),
        np.concatenate([np.diff(shard.ends, prepend=0) for shard in filled]),
        filled[0].record,
        filled[0].columns,
    )


def _read_by_split(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    if path.suffix not in READERS:
        raise ValueError(f"{path} is no feature table: give one of {', '.join(READERS)}.")
    try:
        return READERS[path.suffix](path, splits)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise ValueError(f"{path}: {error}") from error


def _read_parquet(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    table = pyarrow.parquet.read_table(path)
    if "features" not in table.column_names or not hasattr(table.schema.field("features").type, "value_type"):
        frame = table.to_pandas()
        return _from_frame(frame if frame.index.name is None else frame.reset_index(), splits)
    identifiers = table.column(_id_column(table.column_names)).to_pylist()
    if None in identifiers:
        raise ValueError(f"row {identifiers.index(None) + 1} has no utterance id.")
    columns = {"utterance_id": _without_suffix(identifiers), "features": table.column("features")}
    metadata = table.schema.metadata
    if RECORD_COLUMN in table.column_names:
        records = table.column(RECORD_COLUMN).unique().to_pylist()
        if len(records) > 1:
            raise ValueError(
                f"its rows are of different extractors, {records[0]} and {records[1]}: they are no one table"
            )
        metadata = {RECORD_KEY: (records[0] if records else None) or "null"}
    named = pa.table(columns).replace_schema_metadata(metadata)
    if "split" not in table.column_names:
        return dict.fromkeys(splits, FeatureTable.from_arrow(named))
    split_of = np.array(_splits(table.column("split").to_pylist()))
    return {split: FeatureTable.from_arrow(named.filter(pa.array(split_of == split))) for split in splits}


def _read_csv(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    # ids are read as they stand: 007 is no number
    return _from_frame(pd.read_csv(path, encoding="utf-8-sig", dtype=dict.fromkeys(ID_COLUMNS, str)), splits)


def _from_frame(frame: pd.DataFrame, splits: list[str]) -> dict[str, FeatureTable]:
    identifiers = frame.pop(_id_column(frame.columns))
    if identifiers.isna().any():
        raise ValueError(f"row {int(identifiers.isna().argmax()) + 1} has no utterance id.")
    identifiers = identifiers.astype(str)
    split_of = pd.Series(_splits(frame.pop("split"))) if "split" in frame else None
    strange = [name for name in frame if str(name).startswith("Unnamed:") or str(name).lower() in LABEL_COLUMNS]
    if strange:
        raise ValueError(f"Every column beside the utterance id is taken for a feature: take out {', '.join(strange)}.")
    words = [name for name, column in frame.items() if not pd.api.types.is_numeric_dtype(column)]
    if words or frame.shape[1] == 0:
        raise ValueError(
            f"Beside the utterance id there must be numbers alone; not numbers: {', '.join(words) or 'no column'}."
        )

    def table(rows) -> FeatureTable:
        values = frame[rows].to_numpy(np.float32)
        lengths = np.ones(len(values), dtype=np.int64)
        return FeatureTable(_without_suffix(identifiers[rows]), values, lengths, columns=list(map(str, frame.columns)))

    if split_of is None:
        return dict.fromkeys(splits, table(np.ones(len(frame), dtype=bool)))
    return {split: table((split_of == split).to_numpy()) for split in splits}


def _read_npz(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        raise ValueError(
            "It is a single array, as npy holds it, and no npz with the arrays of utterances by their ids."
        )
    with loaded as archive:
        arrays = dict(archive)
    if "utterance_ids" in arrays and "features" in arrays:
        identifiers, features = arrays["utterance_ids"].tolist(), list(arrays["features"])
    else:
        identifiers, features = list(arrays), list(arrays.values())
    features = [np.atleast_2d(np.asarray(array, dtype=np.float32)) for array in features]
    shapes = {array.shape[1] if array.ndim == 2 else array.shape for array in features}
    if len(shapes) != 1 or not isinstance(next(iter(shapes)), int):
        raise ValueError(
            f"Arrays must be of shape (D,) or (S, D) with one D, but have sizes {sorted(map(str, shapes))}."
        )
    lengths = np.array([len(array) for array in features])
    table = FeatureTable(_without_suffix(identifiers), np.concatenate(features), lengths)
    return dict.fromkeys(splits, table)


READERS = {".parquet": _read_parquet, ".csv": _read_csv, ".npz": _read_npz}


def _id_column(columns) -> str:
    for name in ID_COLUMNS:
        if name in columns:
            return name
    raise ValueError(
        f"No column holds the utterance id: name one of them {ID_COLUMNS[0]!r}. There are: {', '.join(columns)}."
    )


def _splits(names) -> list[str]:
    """The split of each row as `datasets` names it."""
    found = [SPLIT_NAMES.get(str(name).strip().lower()) for name in names]
    if None in found:
        raise ValueError(
            f"row {found.index(None) + 1} is of the split {list(names)[found.index(None)]!r}: name the splits "
            f"{', '.join(dict.fromkeys(SPLIT_NAMES.values()))}."
        )
    return found


def _without_suffix(identifiers) -> list[str]:
    return [
        identifier[: -len(suffix)] if (suffix := Path(identifier).suffix.lower()) in MEDIA_SUFFIXES else identifier
        for identifier in map(str, identifiers)
    ]
