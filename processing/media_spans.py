# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Spans of a recording: from when to when an utterance lasts."""

import math
from collections.abc import Sequence

FAR_AWAY = 1e9
"""Seconds; after the end of any recording."""

SEEK_GAP = 10.0
"""Seconds. A longer gap between two spans is skipped by seeking, a shorter one is decoded."""

Span = tuple[float | None, float | None]


class SpansBeyondEnd(ValueError):
    """
    Spans start after the end of a recording.

    Attributes:
        are_all: whether no span starts before it.
    """

    def __init__(self, message: str, are_all: bool):
        super().__init__(message)
        self.are_all = are_all


def check_spans(path: str, spans: Sequence[Span]) -> list[tuple[float, float]]:
    """Spans as seconds, with 0 and infinity where they have None."""
    bounds = []
    for number, (start, end) in enumerate(spans):
        first, last = 0.0 if start is None else float(start), math.inf if end is None else float(end)
        is_number = math.isfinite(first) and (end is None or math.isfinite(last))
        if not is_number or first < 0 or last <= first:
            raise ValueError(
                f"{path}: span {number} is from {start} to {end} s: give 0 <= start < end, in seconds, "
                "or None for the beginning and the end."
            )
        bounds.append((min(first, FAR_AWAY), last if end is None else min(last, 2 * FAR_AWAY)))
    return bounds


def check_all_begun(path: str, bounds: list[tuple[float, float]], missing: Sequence[int], end: str):
    if missing:
        number = min(missing)
        start, last = bounds[number]
        others = f", and {len(missing) - 1} others start there too" if len(missing) > 1 else ""
        raise SpansBeyondEnd(
            f"{path}: span {number}, from {start} to {last} s, starts after the end of the {end}{others}.",
            are_all=len(missing) == len(bounds),
        )
