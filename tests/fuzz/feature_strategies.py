"""Feature tables in each of their formats, with odd cells, missing and repeated rows, and damaged bytes."""

import csv
import io
import json
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from tests.fuzz.given_input import Given
from tests.fuzz.heard_warnings import heard_warnings
from tests.fuzz.nasty_values import damaged_bytes, nasty_texts, nasty_values

SUFFIXES = (".csv", ".tsv", ".npz", ".npy", ".parquet")
HEADERS = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2)}",
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'more': 1}",
    "{'descr': '<U9999999', 'fortran_order': False, 'shape': (3,)}",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}",
    "__import__('os').abort()",
    "(" * 5000,
]


@st.composite
def odd_tables(draw) -> Given:
    """A table of features, with its expected values and what was damaged."""
    suffix = draw(st.sampled_from(SUFFIXES))
    number, size = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    numbers = st.floats(-1e6, 1e6, width=32)
    cells = [[draw(numbers) for _ in range(size)] for _ in range(number)]
    ids = [f"dia{place}_utt{place}" for place in range(number)]
    what = draw(st.sampled_from(("nothing", "cell", "id", "twice", "short", "long", "bytes", "bytes", "header")))
    known = {"cells": None}
    rows = [list(row) for row in cells]
    place = draw(st.integers(0, number - 1))
    if what == "cell":
        rows[place][0] = draw(nasty_values())
    elif what == "id":
        ids[place] = draw(nasty_values() if suffix == ".parquet" else nasty_texts())
    elif what == "twice":
        ids, rows = [*ids, ids[place]], [*rows, rows[place]]
    elif what == "short":
        rows[place] = rows[place][:-1]
    elif what == "long":
        rows[place] = [*rows[place], 1.0]
    content, files, rows = written(suffix, ids, rows, size)
    if content is None:  # the format cannot store such cells
        ids, what = [f"u{place}" for place in range(number)], "nothing"
        content, files, rows = written(suffix, ids, cells, size)
    if what == "bytes":
        content = draw(damaged_bytes(content))
    elif what == "header" and suffix == ".npy":
        text = draw(st.sampled_from(HEADERS))
        text = text % draw(st.sampled_from((3, 10**9, 10**30))) if "%d" in text else text
        content = (
            b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(text) + 1, 65535)) + text.encode() + b"\n" + bytes(24)
        )
    known = {"ids": ids, "rows": rows} if what not in ("bytes", "header") else {}
    return Given(content, suffix, known=known, what=f"{what}: {ids!r:.200} {rows!r:.300}", files=files)


def written(suffix: str, ids: list, rows: list, size: int) -> tuple[bytes | None, dict[str, bytes], list]:
    """
    The file of a table, other files beside it, and the rows as the file stores them: an array of `[True, 0.5]` holds 1.0 and
    0.5. None: the format cannot store these values.
    """
    try:
        if suffix in (".csv", ".tsv"):
            file = io.StringIO(newline="")
            writer = csv.writer(file, delimiter="," if suffix == ".csv" else "\t")
            writer.writerow(["utterance_id", *(f"f{place}" for place in range(size))])
            writer.writerows([identifier, *row] for identifier, row in zip(ids, rows, strict=True))
            return file.getvalue().encode("utf-8", "replace"), {}, rows
        if suffix == ".parquet":
            table, file = pa.table({"utterance_id": ids, "features": rows}), io.BytesIO()
            pyarrow.parquet.write_table(table, file)
            return file.getvalue(), {}, table["features"].to_pylist()
        arrays, file = [np.array(row) for row in rows], io.BytesIO()
        if suffix == ".npz":
            np.savez(file, **dict(zip(map(str, ids), arrays, strict=True)))
            stored = [array.tolist() for array in arrays]
            return (file.getvalue(), {}, stored) if len(set(ids)) == len(ids) else (None, {}, rows)
        array = np.array(rows)
        np.save(file, array)
        return file.getvalue(), {"_ids.json": json.dumps(ids).encode("utf-8", "replace")}, array.tolist()
    except (ValueError, TypeError, OverflowError, pa.ArrowException, UnicodeError, KeyError, csv.Error, OSError):
        return None, {}, rows


def read_table(path, given: Given):
    """
    Read a table of features.

    Raises:
        AssertionError: if a value differs from the written one and there was no warning.
    """
    with heard_warnings() as said:
        table = load_feature_tables(str(path), ["train"])["train"]
    assert table.values.dtype == np.float32 and not np.isinf(table.values).any()
    assert all(isinstance(name, str) and name for name in table.rows)
    if not given.known or said:
        return
    ids, rows = given.known["ids"], given.known["rows"]
    assert len(table.rows) == len(ids), f"{len(table.rows)} rows of {len(ids)}"
    for found, row in zip(table.rows, rows, strict=True):
        array = table.get(found)
        for cell, value in zip(row, array[0] if len(array) == 1 else array[:, 0], strict=True):
            assert is_same(cell, value), f"{cell!r:.40} became {value!r}"


def is_same(cell, value) -> bool:
    """Whether a float32 value equals the number of a cell. NaN stands for an empty cell."""
    if isinstance(cell, str):
        if cell.strip() in ("", "nan", "NaN", "None", "null", "N/A"):
            return bool(np.isnan(value))
        try:
            cell = float(cell) if cell.isascii() and "_" not in cell else None
        except ValueError:
            cell = None
    if isinstance(cell, (bool, list, dict)) or (cell is None and not np.isnan(value)):
        return False
    return (
        bool(np.isnan(value))
        if cell is None or cell != cell
        else bool(np.isclose(float(cell), value, rtol=1e-5, atol=1e-30))
    )
