# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Keeping the memory of a page small that answers for weeks, with the C library of Linux (glibc); elsewhere nothing is done."""

import ctypes
from functools import cache

M_ARENA_MAX = -8
MOST_ARENAS = 2
"""Places that threads take memory from. By default each thread has its own, which keeps what its largest request needed."""


@cache
def _library():
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
    except (OSError, TypeError):  # TypeError: Windows
        return None


def share_memory():
    """Let all threads take memory from the same places. Must be called before threads are started."""
    if _library() is not None:
        _library().mallopt(M_ARENA_MAX, MOST_ARENAS)


def give_back_memory():
    """Give memory that is not used any more back to the system, as after a large request."""
    if _library() is not None:
        _library().malloc_trim(0)
