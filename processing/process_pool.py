# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A pool of processes that ends with the process that started it, even if this one is killed."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process


def process_pool(num_processes: int, initializer: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """
    A pool of new processes, which inherit neither threads nor libraries of this one.

    Args:
        num_processes: the number of processes.
        initializer: is called first in each of them.
    """
    pool = ProcessPoolExecutor(
        num_processes, mp_context=get_context("spawn"), initializer=_start, initargs=(initializer,)
    )
    if sys.version_info < (3, 12):
        # Python 3.11 would wait forever for a process that starts while another one crashes: all start before the first task.
        pool._launch_processes()
    return pool


def _start(initializer: Callable[[], None] | None):
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    if initializer is not None:
        initializer()


def _end_with_parent():
    """Without this, processes of a pool wait forever for the next task of a process that was killed."""
    connection.wait([parent_process().sentinel])
    os._exit(1)
