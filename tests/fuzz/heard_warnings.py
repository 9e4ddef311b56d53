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
    """A list to which the package's warnings are added that are logged within the block."""
    listener, package = _Listener(), logging.getLogger("modeling_amuse")
    package.addHandler(listener)
    try:
        yield listener.messages
    finally:
        package.removeHandler(listener)
