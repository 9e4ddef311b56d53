# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Warnings about what is lost or uncertain in a recording or transcript, logged and collected for the result."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_collected: ContextVar[list[str] | None] = ContextVar("collected_warnings", default=None)


class _Collector(logging.Handler):
    """Adds each warning that a module beside this one logs to the list of [`collected_warnings`]."""

    def emit(self, record: logging.LogRecord):
        collect(record.getMessage())
        if not _other_handlers(logging.getLogger(record.name)):
            logging.lastResort.handle(record)  # as Python does for a logger without any handler


def _other_handlers(logger: logging.Logger) -> bool:
    """Whether a handler other than ours takes what this logger logs."""
    while logger is not None:
        if any(type(handler).__name__ != _Collector.__name__ for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


_package = logging.getLogger(__name__.rpartition(".")[0])
if not any(type(handler).__name__ == _Collector.__name__ for handler in _package.handlers):
    _package.addHandler(_Collector(logging.WARNING))


def collect(message: str):
    """Add a warning to the result without logging it, as when it was logged before in this process."""
    collected = _collected.get()
    if collected is not None and message not in collected:
        collected.append(message)


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """
    Gives a list to which each warning is added that is logged until the end: of this thread, and of threads that run in a
    copy of its context. Nested uses each have a list of their own.
    """
    warnings: list[str] = []
    token = _collected.set(warnings)
    try:
        yield warnings
    finally:
        _collected.reset(token)


def with_warnings(conversation: dict, warnings: list[str], files: Iterable = ()) -> dict:
    """
    The conversation with these warnings after those that it has already, none twice.

    Args:
        files: paths that were read. The warnings, which may be passed on with the results, name these files without their
            folders; what is not a path is left out.
    """
    joined = [*conversation.get("warnings", ()), *(without_folders(warning, files) for warning in warnings)]
    return {**conversation, "warnings": list(dict.fromkeys(joined))} if joined else conversation


def without_folders(message: str, files: Iterable) -> str:
    """A message that names files without their folders: where a machine keeps them is of no use to others."""
    paths = {Path(file) for file in files if isinstance(file, (str, Path)) and Path(file).name}
    spelled = {str(form): path.name for path in paths for form in (path, path.absolute(), path.resolve())}
    for name in sorted(spelled, key=len, reverse=True):
        message = message.replace(name, spelled[name])
    return message


__all__ = ["collect", "collected_warnings", "with_warnings", "without_folders"]
