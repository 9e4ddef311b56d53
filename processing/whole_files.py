# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Files and folders that are written whole or not at all.

What is unfinished has a unique name, so that several processes can write the same file: each reader finds one of the complete
files. What a killed process left behind is removed the next time that a process writes into the same folder.
"""

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from .file_locks import InUse, lock, unlock

UNFINISHED = ".unfinished"
"""The end of the names of unfinished files and folders, which begin with a dot."""

_swept: set[Path] = set()


def check_folder(folder: Path):
    """
    Check that files can be written into a folder, before the work whose result they are to hold.

    Raises:
        ValueError: when it is a file.
        FileNotFoundError: when there is no such folder.
        OSError: when nothing can be written there.
    """
    if folder.is_file():
        raise ValueError(f"{folder} is a file, not a folder: choose another name.")
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}: create it first.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"Nothing can be written into {folder}: {error.strerror}. Choose another folder.") from error


def check_output(path: str | Path | None):
    """
    Check that a file can be written, before the work whose result it is to hold. None: nothing is checked.

    Raises:
        ValueError: when it is a folder, or below a file.
        OSError: when nothing can be written there.
    """
    if path is None:
        return
    path = Path(path).absolute()
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file.")
    if not path.exists() or path.is_file():
        check_folder(next(folder for folder in path.parents if folder.exists()))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """
    A file to write to, which takes the place of `path` when the block ends without an error. An existing file keeps its mode,
    and a link continues to point to its file. A device or pipe is written to directly.

    Raises:
        OSError: when nothing can be written there.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        yield path
        return
    _sweep(path.parent)
    unfinished, descriptor = _new(path, _create_file)
    try:
        yield unfinished
        if path.exists():
            unfinished.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(unfinished, path)
    except OSError as error:
        if error.filename is None or os.fspath(error.filename) != str(unfinished):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        unlock(descriptor)
        unfinished.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """
    A folder to write into, which becomes `path` when the block ends without an error.

    Args:
        path: a folder that does not exist or is empty.

    Raises:
        OSError: when `path` is not empty, or nothing can be written there.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished_folder(path.parent, path) as unfinished:
        yield unfinished
        os.replace(unfinished, path)


@contextmanager
def whole_files(folder: Path) -> Iterator[Path]:
    """
    A folder to write into, whose files are moved to the same places in `folder` when the block ends without an error. Other
    files in `folder` stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _unfinished_folder(folder, folder) as unfinished:
        yield unfinished
        for path in [path for path in unfinished.rglob("*") if path.is_file()]:
            place = folder / path.relative_to(unfinished)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, os.path.realpath(place))


@contextmanager
def _unfinished_folder(parent: Path, wanted: Path) -> Iterator[Path]:
    _sweep(parent)
    unfinished, descriptor = _new(parent / wanted.name, Path.mkdir)
    try:
        yield unfinished
    except SafetensorError as error:  # of a full disk
        raise OSError(f"{wanted} cannot be written: {error}") from error
    finally:
        unlock(descriptor)
        shutil.rmtree(unfinished, ignore_errors=True)


def _new(wanted: Path, create) -> tuple[Path, int | None]:
    """
    A new file or folder with a unique, short name beside the wanted one, and the descriptor of its lock, which says that it is
    being written.
    """
    while True:
        path = wanted.with_name(f".{secrets.token_hex(8)}{UNFINISHED}")
        try:
            create(path)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(wanted)) from error
        try:
            descriptor = lock(path)
        except (InUse, FileNotFoundError):  # another process removes it, as it was not locked yet
            continue
        if path.exists():
            return path, descriptor
        unlock(descriptor)


def _create_file(path: Path):
    path.touch(exist_ok=False)


def _sweep(folder: Path):
    """Remove unfinished files and folders of processes that were killed. Each process does this once for each folder."""
    if folder in _swept:
        return
    _swept.add(folder)
    for path in folder.glob(f".*{UNFINISHED}"):
        try:
            descriptor = lock(path)
        except OSError:  # it is being written, or another process removes it
            continue
        if descriptor is None:  # without locks, nobody knows whether it is being written
            continue
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        except OSError:
            pass  # it belongs to another user
        finally:
            unlock(descriptor)
