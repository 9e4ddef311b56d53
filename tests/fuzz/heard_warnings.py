"""The warnings that a reader logs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Listener(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record: logging.LogRecord):
        self.messages.append(record.getMessage())


@contextmanager
def heard_warnings() -> Iterator[list[str]]:
    """Collect the warnings that the package logs within the block in a list."""
    listener, package = _Listener(), logging.getLogger("modeling_amuse")
    package.addHandler(listener)
    try:
        yield listener.messages
    finally:
        package.removeHandler(listener)
