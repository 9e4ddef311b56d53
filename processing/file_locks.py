# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Locks on files and folders. The operating system releases a lock when its process ends, however it ends, and a lock leaves no
file behind. Systems without `fcntl` (Windows) and file systems without locks are used without them.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_held: set[int] = set()


def _leave_to_parent():
    """A forked process, such as a reader of data, must not keep the locks of a parent that was killed."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


class InUse(OSError):
    """Raised when another process holds a lock."""


def lock(path: Path, wait: float = 0.0) -> int | None:
    """
    Lock a file or folder that exists.

    Args:
        path: the file or folder.
        wait: seconds to wait until another process releases its lock; `math.inf` waits for ever.

    Returns:
        The descriptor for `unlock`. None: there are no locks here.

    Raises:
        InUse: when another process, or another thread of this one, holds the lock.
    """
    if fcntl is None:
        return None
    descriptor, deadline = os.open(path, os.O_RDONLY), time.monotonic() + wait
    try:
        while not _lock_if_free(descriptor):
            if time.monotonic() >= deadline:
                raise InUse(f"{path} is in use by another process.")
            time.sleep(0.05)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, InUse) or not isinstance(error, OSError):
            raise
        return None
    _held.add(descriptor)
    return descriptor


def _lock_if_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def unlock(descriptor: int | None):
    """Release a lock."""
    if descriptor in _held:
        _held.remove(descriptor)
        os.close(descriptor)


@contextmanager
def locked(path: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock of a file or folder while the block runs; see `lock`."""
    descriptor = lock(path, wait)
    try:
        yield
    finally:
        unlock(descriptor)


@contextmanager
def only_writer(folder: Path, what: str) -> Iterator[None]:
    """
    Keep other processes from writing into a folder while the block runs. The folder is created if it does not exist, and
    removed again if nothing is written into it.

    Args:
        folder: the folder.
        what: says in the error message what writes into it, such as "training".

    Raises:
        InUse: when another process writes into it.
    """
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = lock(folder)
    except InUse as error:
        raise InUse(f"Another {what} writes into {folder}: wait until it ends, or choose another folder.") from error
    try:
        yield
    finally:
        unlock(descriptor)
        with suppress(OSError):  # what is not empty stays
            for path in created:
                path.rmdir()
