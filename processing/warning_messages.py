# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Warnings about the user's files, logged and at the same time collected by whoever asks for them.

Python's own `warnings` are shown once a place in the code and are not safe between threads, and a log record does not
reach the caller, who wants to put the messages into a result.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)

_collectors: ContextVar[tuple[list[str], ...]] = ContextVar("collectors", default=())


def warn(message: str):
    """Log a warning, and add it to the list of every enclosing [`collected_warnings`]."""
    logger.warning("%s", message)
    for messages in _collectors.get():
        messages.append(message)


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """The list of the messages that [`warn`] gets inside the block, in this thread."""
    messages: list[str] = []
    token = _collectors.set((*_collectors.get(), messages))
    try:
        yield messages
    finally:
        _collectors.reset(token)
