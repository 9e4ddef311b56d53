# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Reading feature tables from files: Parquet, CSV, npz, npy with ids, and folders of arrays."""

import io
import re
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from modeling_amuse.processing.corpora.conversation_folder import splits_in_name
from modeling_amuse.processing.corpora.data_sets import SPLIT_NAMES
from modeling_amuse.processing.corpora.feature_columns import answer_columns, key_columns
from modeling_amuse.processing.corpora.feature_tables import (
    RECORD_COLUMN,
    RECORD_KEY,
    FeatureTable,
    finite,
    read_record,
    utterance_id,
)
from modeling_amuse.processing.corpora.table_files import check_shards, delimiter_of, read_text
from modeling_amuse.processing.input_boundary import boundary
from modeling_amuse.processing.plain_json import parsed_json
from modeling_amuse.processing.plain_values import name_of_value
from modeling_amuse.processing.printable_text import printable_logger
from modeling_amuse.processing.stated_sizes import check_memory, check_parquet_size

logger = printable_logger(__name__)

ID_COLUMNS = ("utterance_id", "id", "filename", "file", "utterance", "utt_id", "clip", "path", "file_name")
SHARD = re.compile(r"-\d{5}-of-\d{5}$")
ID_FILES = ("{}_ids", "{}.ids", "{}-ids", "{}_utterance_ids", "ids", "utterance_ids")
"""The names that the file with the ids of an array `NAME.npy` may have, with the suffix `.txt`, `.json` or `.npy`."""


def load_feature_tables(path: str, splits: list[str]) -> dict[str, FeatureTable]:
    """
    The feature table of each split.

    Args:
        path: one of the following.

            - A file (`.parquet`, `.csv`, `.tsv`, `.npz` or `.npy`) for all splits.
            - A folder with a file for each split, in it or in its folder `data`. The name of the file contains that of the
              split (`train`, `dev`, `valid`, `validation`, `test`). Shards such as `train-00000-of-00002.parquet`, as data
              sets of the Hub have them, are joined to one table.
            - A folder with a `.npy` file for each utterance, named by its id, or such a folder for each split. If some splits
              have such a folder, the arrays beside these folders are not taken for another split.

            The files contain:

            - Parquet and CSV: a column with the utterance id (one of [`ID_COLUMNS`]; folders and suffixes of paths are
              dropped), and either a column `features` with lists or one column for each feature. Columns that hold a label
              or a position according to their names are left out, with a warning. If there is a column `split`, each split
              gets its rows.
            - npz: arrays `utterance_ids` and `features`, or one array `(D,)` or `(S, D)` under each utterance id.
            - npy: an array `(utterances, D)` or `(utterances, S, D)`, with the ids in a file beside it, see [`ID_FILES`].

            Object arrays are refused. Infinite values are treated as empty cells, with a warning.
        splits: the splits to load.

    Raises:
        FileNotFoundError: when the file, or a split's file, does not exist.
        ValueError: when a file does not contain such a table, or when arrays lie beside the folders of other splits.
    """
    with boundary(path):
        return _tables(Path(path), splits)


def is_one_table(path: Path) -> bool:
    """Whether a path holds one table for all splits: a file, or a folder of arrays that names no split."""
    if not path.is_dir():
        return path.is_file()
    if _files_by_split(path) or _folders_by_split(path):
        return False
    return bool(_arrays_in(path)) or ((path / "data").is_dir() and is_one_table(path / "data"))


def _files_by_split(path: Path) -> dict[str, list[Path]]:
    found = {}
    for file in sorted(path.iterdir()):
        names = splits_in_name(file)
        if file.suffix in READERS and len(names) == 1 and not _holds_ids(file):
            found.setdefault(names.pop(), []).append(file)
    return found


def _folders_by_split(path: Path) -> dict[str, Path]:
    return {SPLIT_NAMES[folder.name.lower()]: folder for folder in path.iterdir() if folder.name.lower() in SPLIT_NAMES}


def _arrays_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.npy") if not _holds_ids(file)) if folder.is_dir() else []


def _tables(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    if path.is_file():
        return _read_by_split(path, splits)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no feature table {path}.")
    found = _files_by_split(path)
    if not found and (arrays := _folders_of_arrays(path, splits)):
        return arrays
    if not found and (path / "data").is_dir():
        return _tables(path / "data", splits)
    for split, files in found.items():
        whole = [file for file in files if not SHARD.search(file.stem)]
        if split in splits:
            check_shards(files)
        if len(files) > 1 and whole:
            other = next(file for file in files if file != whole[0])
            first, second = sorted((whole[0], other))
            raise ValueError(f"{first} and {second} are both files of the {split} split: leave one in the folder.")
    missing = [split for split in splits if split not in found]
    if missing:
        raise FileNotFoundError(f"{path} has no feature table whose name contains {' or '.join(missing)}.")
    return {split: _joined([_read_by_split(f, [split])[split] for f in found[split]]) for split in splits}


def _joined(shards: list[FeatureTable]) -> FeatureTable:
    if len(shards) == 1:
        return shards[0]
    filled = [shard for shard in shards if shard.rows] or shards[:1]
    for shard in filled:
        if shard.size != filled[0].size or shard.record != filled[0].record:
            raise ValueError(
                f"The shards of a feature table must be computed by one extractor, but are computed by {filled[0].record}, "
                f"size {filled[0].size}, and by {shard.record}, size {shard.size}."
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


def _holds_ids(file: Path) -> bool:
    return file.suffix == ".npy" and bool(re.search(r"(^|[_.-])(utterance_)?ids$", file.stem))


def _folders_of_arrays(path: Path, splits: list[str]) -> dict[str, FeatureTable] | None:
    """
    The tables of a folder with an array for each utterance, or of such a folder for each split; None for other folders.

    Raises:
        ValueError: when only some of the splits have a folder, and arrays lie beside it.
    """
    named = _folders_by_split(path)
    without = [split for split in splits if split not in named]
    if named and without and _arrays_in(path):
        # whose arrays they are is unknown: ids may recur, as MELD's dia0_utt0 does in each split
        raise ValueError(
            f"{path} has arrays (.npy) and beside them the folder {' and '.join(sorted(f.name for f in named.values()))}, but "
            f"none for the {' and the '.join(without)} split: move the arrays into a folder of the split that they belong to."
        )
    folders = {split: named[split] for split in splits if split in named} or dict.fromkeys(splits, path)
    if set(folders) != set(splits):
        return None
    tables = {}
    for folder in folders.values():
        files = _arrays_in(folder)
        if not files:
            return None
        if folder not in tables:
            tables[folder] = _from_arrays([f.stem for f in files], [_load_array(f) for f in files], str(folder))
    return {split: tables[folder] for split, folder in folders.items()}


def _read_by_split(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    if path.suffix not in READERS:
        raise ValueError(f"{path} is not a feature table: give one of {', '.join(READERS)}.")
    with boundary(path):
        try:
            return READERS[path.suffix](path, splits)
        except OSError as error:  # pyarrow has no errors of its own for files that are not Parquet files
            if error.errno is not None:
                raise
            raise ValueError(str(error)) from error


def _read_parquet(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    check_parquet_size(path)
    table = pyarrow.parquet.read_table(path)
    _check_names(table.column_names)
    if "features" not in table.column_names or not hasattr(table.schema.field("features").type, "value_type"):
        frame = table.to_pandas()
        return _from_frame(frame if frame.index.name is None else frame.reset_index(), splits, path)
    identifiers = table.column(_id_column(table.column_names)).to_pylist()
    if None in identifiers:
        raise ValueError(f"row {identifiers.index(None) + 1} has no utterance id.")
    metadata = table.schema.metadata
    if RECORD_COLUMN in table.column_names:
        records = table.column(RECORD_COLUMN).unique().to_pylist()
        if len(records) > 1:
            raise ValueError(
                f"its rows were computed by different extractors, {records[0]} and {records[1]}: make a table of each"
            )
        metadata = {RECORD_KEY: (records[0] if records else None) or "null"}
    record = read_record((metadata or {}).get(RECORD_KEY, "null"))
    # tables that this package wrote hold the exact utterance ids, not paths
    ids = [_name(identifier) if record else utterance_id(_name(identifier)) for identifier in identifiers]
    named = pa.table({"utterance_id": ids, "features": table.column("features")}).replace_schema_metadata(metadata)
    if "split" not in table.column_names:
        return dict.fromkeys(splits, FeatureTable.from_arrow(named, str(path)))
    split_of = np.array(_splits(table.column("split").to_pylist()))
    return {split: FeatureTable.from_arrow(named.filter(pa.array(split_of == split)), str(path)) for split in splits}


def _read_csv(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    text = read_text(path)[0].lstrip("\r\n")
    if not text.strip():
        raise ValueError("it is empty: its first line must name the columns.")
    delimiter = delimiter_of(text, path)
    header = pd.read_csv(io.StringIO(text), sep=delimiter, header=None, nrows=1, dtype=str, keep_default_na=False)
    names = [name.strip() or f"Unnamed: {place}" for place, name in enumerate(header.iloc[0])]
    _check_names(names)
    _warn_of_short_rows(text, delimiter, path)
    # ids are read as text, so that 007 stays 007
    as_text = {place: str for place, name in enumerate(names) if name.lower() in ID_COLUMNS}
    places = list(range(len(names)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # for rows with more cells than the header
        frame = pd.read_csv(
            io.StringIO(text), sep=delimiter, header=None, skiprows=1, names=places, dtype=as_text, index_col=False
        )
    return _from_frame(frame.set_axis(names, axis=1), splits, path)


def _warn_of_short_rows(text: str, delimiter: str, path: Path):
    """Say where rows have fewer cells than the header, as in a file that was cut off. Not for quoted cells."""
    if '"' in text:
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    width = lines[0].count(delimiter)
    short = [number for number, line in enumerate(lines, start=1) if line.strip() and line.count(delimiter) < width]
    if short:
        logger.warning(
            "%s: %d rows have fewer cells than the header, the first is line %d: their missing cells are empty.",
            *(path, len(short), short[0]),
        )


def _check_names(names: list[str]):
    """
    Raises:
        ValueError: when two columns have one name.
    """
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise ValueError(f"it has two columns {twice[0]!r}: rename one.")


def _from_frame(frame: pd.DataFrame, splits: list[str], path: Path) -> dict[str, FeatureTable]:
    identifiers = frame.pop(_id_column(frame.columns))
    if identifiers.isna().any():
        raise ValueError(f"row {int(identifiers.isna().argmax()) + 1} has no utterance id.")
    identifiers = identifiers.map(_name)
    split_name = next((name for name in frame if str(name).lower() == "split"), None)
    split_of = pd.Series(_splits(frame.pop(split_name))) if split_name is not None else None
    frame = _features_of(frame, path)

    def table(rows) -> FeatureTable:
        with np.errstate(over="ignore"):  # values that are too large become infinite, then empty cells
            values = frame[rows].to_numpy(np.float32)
        lengths, columns = np.ones(len(values), dtype=np.int64), list(map(str, frame.columns))
        ids = list(map(utterance_id, identifiers[rows]))
        return FeatureTable(ids, finite(values, ids, lengths, columns, str(path)), lengths, columns=columns)

    if split_of is None:
        return dict.fromkeys(splits, table(np.ones(len(frame), dtype=bool)))
    return {split: table((split_of == split).to_numpy()) for split in splits}


def _features_of(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """
    The columns that are features.

    Raises:
        ValueError: when a column holds values that are not numbers, or no feature column is left.
    """
    names = list(map(str, frame.columns))
    dropped = {"the label": answer_columns(names), "the position or id of an utterance": key_columns(names)}
    for what, columns in dropped.items():
        if columns:
            logger.warning(
                "%s: %s %s according to %s, and left out. If it is a feature, rename it.",
                *(path, ", ".join(columns), f"is {what}" if len(columns) == 1 else f"are {what}"),
                "its name" if len(columns) == 1 else "their names",
            )
    frame = frame[[name for name in frame if not any(str(name) in columns for columns in dropped.values())]]
    words = [
        str(name)
        for name, column in frame.items()
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
    ]
    if words or frame.shape[1] == 0:
        raise ValueError(
            "Apart from the utterance id, all columns must hold numbers; "
            + (f"these do not: {', '.join(words)}." if words else "there is no feature column.")
        )
    return frame


def _read_npz(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    if not zipfile.is_zipfile(path):
        raise ValueError(
            "it is not an npz archive of arrays by utterance id: save a single array as .npy, with its ids in a file beside it."
        )
    _check_sizes(path)
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    if "utterance_ids" in arrays and "features" in arrays:
        identifiers, features = _id_array(arrays["utterance_ids"]), arrays["features"]
        if identifiers.ndim != 1 or features.ndim not in (2, 3):
            raise ValueError(
                f"utterance_ids and features have the shapes {identifiers.shape} and {features.shape}: give (utterances,) and "
                "(utterances, D) or (utterances, S, D)."
            )
        if len(identifiers) != len(features):
            raise ValueError(
                f"there are {len(identifiers)} utterance_ids and {len(features)} rows of features: give as many of each."
            )
        return dict.fromkeys(splits, _from_arrays(identifiers.tolist(), list(features), str(path)))
    return dict.fromkeys(splits, _from_arrays(list(arrays), list(arrays.values()), str(path)))


def _check_sizes(path: Path):
    """
    Raises:
        ValueError: when the stated size of an array differs from its size in the file, or the arrays exceed this machine's
            memory.
    """
    total = 0
    with zipfile.ZipFile(path) as archive:
        _check_names([member.filename for member in archive.infolist()])
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            with archive.open(member) as file:
                size, start = _stated_size(file)
            name = member.filename.removesuffix(".npy")
            if size != member.file_size - start:
                raise ValueError(
                    f"{name} is damaged: its header states {size} bytes of numbers, but it has {member.file_size - start}."
                )
            total += size
    check_memory(total, "its arrays")


def _stated_size(file) -> tuple[int, int]:
    """The number of data bytes that an npy header states, and the offset at which the data begins."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"it is an npy file of the unsupported version {version}.")
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects (Object arrays cannot be loaded): save plain numbers.")
    count = 1
    for length in shape:
        count *= int(length)
    return count * dtype.itemsize, file.tell()


def _load_array(path: Path) -> np.ndarray:
    """
    The array of an npy file.

    Raises:
        ValueError: for a file that is damaged or holds Python objects.
    """
    with boundary(path):
        with path.open("rb") as file:
            size, start = _stated_size(file)
        if size != path.stat().st_size - start:
            raise ValueError(
                f"it is damaged: its header states {size} bytes of numbers, but it has {path.stat().st_size - start}."
            )
        check_memory(size, "its array")
        return np.load(path, allow_pickle=False)


def _read_npy(path: Path, splits: list[str]) -> dict[str, FeatureTable]:
    array = _load_array(path)
    if array.dtype.names is not None:
        raise ValueError(
            f"it has the fields {', '.join(array.dtype.names)}: give an array of numbers, with its ids in a file beside it."
        )
    identifiers = _ids_beside(path)
    if array.ndim not in (2, 3) or len(array) != len(identifiers):
        raise ValueError(
            f"it has the shape {array.shape}, but the file beside it has {len(identifiers)} ids: give (utterances, D) or "
            "(utterances, S, D)."
        )
    return dict.fromkeys(splits, _from_arrays(identifiers, list(array), str(path)))


def _ids_beside(path: Path) -> list[str]:
    for pattern in ID_FILES:
        stem = pattern.format(path.stem)
        if (file := path.with_name(f"{stem}.npy")).is_file():
            return _id_array(_load_array(file)).reshape(-1).tolist()
        if (file := path.with_name(f"{stem}.json")).is_file():
            with boundary(file):
                found = parsed_json(file.read_text(encoding="utf-8-sig"))
            if not isinstance(found, list):
                raise ValueError(f"{file} holds a {type(found).__name__}: give a list of utterance ids.")
            return list(map(_name, found))
        if (file := path.with_name(f"{stem}.txt")).is_file():
            return [line.strip() for line in read_text(file)[0].splitlines() if line.strip()]
    raise ValueError(
        f"the array has no ids: write the ids of its rows, one per line, into {ID_FILES[0].format(path.stem)}.txt beside it, or "
        "save an npz file with utterance_ids and features."
    )


def _name(identifier) -> str:
    return name_of_value(identifier, "utterance id", "a row")


def _id_array(array: np.ndarray) -> np.ndarray:
    """An array of ids as strings."""
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind not in "Uiu":
        raise ValueError(f"its utterance ids are of the type {array.dtype}: give strings.")
    return array.astype(str)


def _from_arrays(identifiers: list, arrays: list[np.ndarray], what: str) -> FeatureTable:
    """
    Make a table from an array `(D,)` or `(S, D)` for each utterance.

    Raises:
        ValueError: for an array of another shape or size, or that is not numeric; the message has the utterance id.
    """
    features, size = [], None
    for identifier, array in zip(identifiers, arrays, strict=True):
        if array.dtype.kind not in "fiu":
            raise ValueError(f"the array of {identifier!r} has the type {array.dtype}: give numbers.")
        if array.ndim not in (1, 2) or array.shape[-1] == 0:
            raise ValueError(f"the array of {identifier!r} has the shape {array.shape}: give (D,) or (S, D).")
        size = size or array.shape[-1]
        if array.shape[-1] != size:
            raise ValueError(
                f"the array of {identifier!r} has {array.shape[-1]} features, but that of {identifiers[0]!r} has {size}: give "
                "arrays of shape (D,) or (S, D) with the same D."
            )
        with np.errstate(over="ignore"):
            features.append(np.atleast_2d(array.astype(np.float32)))
    if not features:
        raise ValueError("it contains no array.")
    ids, lengths = list(map(utterance_id, identifiers)), np.array([len(array) for array in features])
    return FeatureTable(ids, finite(np.concatenate(features), ids, lengths, None, what), lengths)


READERS = {".parquet": _read_parquet, ".csv": _read_csv, ".tsv": _read_csv, ".npz": _read_npz, ".npy": _read_npy}


def _id_column(columns) -> str:
    by_lower = {str(name).strip().lower(): name for name in reversed(list(columns))}
    for name in ID_COLUMNS:
        if name in by_lower:
            return by_lower[name]
    raise ValueError(
        f"No column holds the utterance id: rename it to {ID_COLUMNS[0]!r}. The columns are: {', '.join(map(str, columns))}."
    )


def _splits(names) -> list[str]:
    """The name of each row's split in `datasets`."""
    found = [SPLIT_NAMES.get(str(name).strip().lower()) for name in names]
    if None in found:
        raise ValueError(
            f"row {found.index(None) + 1} has the split {list(names)[found.index(None)]!r}: name the splits "
            f"{', '.join(dict.fromkeys(SPLIT_NAMES.values()))}."
        )
    return found
