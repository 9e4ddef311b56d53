# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Warnings about a transcript, logged and thereby collected by `media_warnings` for the result."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .media_warnings import collected_warnings
from .printable_text import printable_logger

logger = printable_logger(__name__)

_is_silent: ContextVar[bool] = ContextVar("is_silent", default=False)


def warn(message: str):
    """Log a warning, which the list of an enclosing [`collected_warnings`] gets, too."""
    if not _is_silent.get():
        logger.warning("%s", message)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Say nothing inside the block, in this thread: for a file that is only tried, or will be read again."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


__all__ = ["collected_warnings", "warn", "without_warnings"]
