# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Readers of recordings that end their process, as a decoder with a bug may do, or are slow. Processes of a pool import them."""

import os
import time
from pathlib import Path

from modeling_amuse.processing.corpora.media_audit import FileState


def crash_on_request(path: str, with_digest: bool) -> FileState:
    """End the process if the file's name contains "crash"."""
    if "crash" in Path(path).stem:
        os._exit(1)
    return FileState(size=1)


def crash(*_):
    """End the process."""
    os._exit(1)


def read_slowly(path: str, with_digest: bool) -> FileState:
    """Mark the file as read after a while."""
    time.sleep(0.2)
    Path(f"{path}.read").touch()
    return FileState(size=1)
