# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The output of a command without what files might say to a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from modeling_amuse.processing.printable_text import printable

CURSOR_UP = "\x1b[A"
"""What tqdm writes to move to the progress bar above."""


class PrintableStream:
    """
    A text stream that writes control characters as escapes such as `\\x1b`, but for line ends, tabs, and what progress bars
    need.

    Args:
        stream: the stream that is written to, of which everything else is taken.
    """

    def __init__(self, stream):
        self.stream = stream

    def write(self, text: str) -> int:
        parts = [[printable(line) for line in part.split("\r")] for part in text.split(CURSOR_UP)]
        kept = CURSOR_UP.join("\r".join(lines) for lines in parts)
        encoding = getattr(self.stream, "encoding", None) or "utf-8"  # that of a file on Windows lacks most letters
        self.stream.write(kept.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)

    def __iter__(self):
        return iter(self.stream)


@contextmanager
def printable_output() -> Iterator[None]:
    """Within the block, what is printed or logged passes through a [`PrintableStream`]."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and PrintableStream(stream) for stream in streams)
    try:
        yield
    finally:
        # a command that could not write (its reader ended) has replaced sys.stdout
        if isinstance(sys.stdout, PrintableStream):
            sys.stdout = streams[0]
        sys.stderr = streams[1]
