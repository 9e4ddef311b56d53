# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Short requests beside long ones: each kind waits for its own kind alone."""

import copy
import threading
from contextlib import contextmanager

MOST_WAITING = 5
"""Requests of a kind that wait; one more is asked to come back."""


class Cancelled(Exception):
    """A visitor does not want the answer any more."""


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
        Wait for the recognizer, and keep it for the block.

        Args:
            check: is called while waiting; it raises [`Cancelled`] when nobody waits any more.

        Raises:
            ValueError: when too many wait.
        """
        with self._count:
            if self._present > MOST_WAITING:
                raise ValueError("Many people use this page just now. Please try again in a few minutes.")
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
    """A lane for `"short"` and one for `"long"` requests, with the same weights in memory once."""
    model = recognizer.model
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    other = copy.copy(recognizer)
    other.model = copy.deepcopy(model, shared)
    return {"short": Lane(recognizer), "long": Lane(other)}
