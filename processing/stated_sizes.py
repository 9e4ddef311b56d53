# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The sizes that files state in their headers are compared with the memory of the machine before it is taken."""

import os
from pathlib import Path


def machine_memory() -> int | None:
    """The bytes of memory of this machine; None where they are unknown."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def check_memory(size: int, what: str):
    """
    Args:
        size: bytes that are about to be taken.
        what: what they are for, the subject of the message.

    Raises:
        ValueError: when they are more than the memory of this machine.
    """
    memory = machine_memory()
    if memory is not None and size > memory:
        raise ValueError(f"{what} would take {size / 2**30:,.0f} GiB, more than the memory of this machine.")


def check_parquet_size(path: str | Path):
    """
    Check the size of a Parquet file by its footer. Its numbers may be stored once for many rows, so that the size in memory is
    estimated from the number of values.

    Raises:
        ValueError: when its table would take more memory than this machine has.
    """
    import pyarrow.parquet

    footer = pyarrow.parquet.read_metadata(path)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    values = [group.column(place).num_values for group in groups for place in range(group.num_columns)]
    check_memory(max(4 * sum(values), sum(group.total_byte_size for group in groups)), f"The table of {path}")


__all__ = ["check_memory", "check_parquet_size", "machine_memory"]
