# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A pool of processes that ends with the process that started it, even if this one is killed."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from multiprocessing.synchronize import Event


def process_pool(num_processes: int, initializer: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """
    A pool of new processes, which inherit neither threads nor libraries of this one. All of them start at once: Python 3.11
    waits forever for a process of a pool that starts while another one crashes.

    Args:
        num_processes: the number of processes.
        initializer: is called first in each of them.
    """
    context = get_context("spawn")
    all_started = context.Event()
    pool = ProcessPoolExecutor(
        num_processes, mp_context=context, initializer=_start, initargs=(initializer, all_started)
    )
    try:
        for _ in range(num_processes):
            pool.submit(int)  # the pool starts a process for each task while none is idle
    finally:
        all_started.set()
    return pool


def _start(initializer: Callable[[], None] | None, all_started: Event):
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    if initializer is not None:
        initializer()
    all_started.wait()


def _end_with_parent():
    """Without this, processes of a pool wait forever for the next task of a process that was killed."""
    connection.wait([parent_process().sentinel])
    os._exit(1)
