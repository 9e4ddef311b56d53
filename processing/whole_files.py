# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_folder(folder: Path):
    """
    Check that files can be written into a folder, before the work whose result they are to hold.

    Raises:
        FileNotFoundError: when there is no such folder.
        OSError: when nothing can be written there.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}: create it first.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"Nothing can be written into {folder}: {error.strerror}. Choose another folder.") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place when the block ends without an error."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
