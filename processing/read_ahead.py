# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Compute items in a separate thread while the previous ones are used."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextvars import copy_context


def read_ahead(items: Iterable, most: int = 8) -> Iterator:
    """
    The same items, computed in another thread, at most `most` of them in advance. An error in that thread is raised in place of
    the item; when the iteration is abandoned, the thread ends.
    """
    made: queue.Queue = queue.Queue(maxsize=most)
    stopped = threading.Event()

    def put(entry: tuple) -> bool:
        while not stopped.is_set():
            try:
                made.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make():
        iterator = iter(items)
        try:
            for item in iterator:
                if not put((item, None, False)):
                    break
            put((None, None, True))
        except BaseException as error:  # raised in the thread that uses the items
            put((None, error, True))
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=copy_context().run, args=(make,), name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error, is_last = made.get()
            if error is not None:
                raise error
            if is_last:
                return
            yield item
    finally:
        stopped.set()
        thread.join()


__all__ = ["read_ahead"]
