# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Queues of requests: short requests do not wait for long ones."""

import copy
import threading
from contextlib import contextmanager

MOST_WAITING = 5
"""The most requests that wait in a lane. A further one is refused."""


class Cancelled(Exception):
    """The visitor cancelled the request."""


class Lane:
    """A recognizer that answers one request at a time."""

    def __init__(self, recognizer):
        self.recognizer = recognizer
        self._turn = threading.Lock()
        self._count = threading.Lock()
        self._present = 0

    @contextmanager
    def turn(self, check):
        """
        A context manager that waits until the recognizer is free and reserves it.

        Args:
            check: a function that is called repeatedly while waiting. It raises [`Cancelled`] if the request was cancelled.

        Raises:
            ValueError: if too many requests wait already.
        """
        with self._count:
            if self._present > MOST_WAITING:
                raise ValueError("Too many requests are waiting. Please try again in a few minutes.")
            self._present += 1
        try:
            while not self._turn.acquire(timeout=0.2):
                check()
            try:
                check()
                yield self.recognizer
            finally:
                self._turn.release()
        finally:
            with self._count:
                self._present -= 1


def make_lanes(recognizer) -> dict[str, Lane]:
    """A lane for `"short"` and one for `"long"` requests. Their models share one copy of the weights."""
    model = recognizer.model
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    other = copy.copy(recognizer)
    other.model = copy.deepcopy(model, shared)
    return {"short": Lane(recognizer), "long": Lane(other)}
