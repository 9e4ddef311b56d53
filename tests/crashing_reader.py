# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Readers of recordings that end their process, as a decoder with a bug may do. Processes of a pool import this module."""

import os
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
