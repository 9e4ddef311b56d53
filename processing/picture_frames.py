# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The pictures of a recording's spans, at evenly spaced times, as a person sees them: upright, in shape and brightness."""

import functools
import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .media import open_track
from .media_spans import SEEK_GAP, Span, check_all_begun, check_spans
from .tone_mapping import is_high_range, to_standard_range

MOST_SQUEEZED = 0.2  # width by height of a pixel; less, or more than the inverse, is damage


class Frame(NamedTuple):
    """
    A picture of a video.

    Attributes:
        time: seconds from the beginning of the recording.
        image: `(height, width, 3)` uint8 RGB, upright, with square pixels, pictures of high dynamic range mapped to the standard
            one. Frames that show the same picture share the array: do not write to it.
        utterances: the positions of the spans that hold it.
    """

    time: float
    image: np.ndarray
    utterances: tuple[int, ...]


def utterance_frames(
    path: str | Path,
    spans: Sequence[Span],
    frames_per_second: float = 5.0,
    longest_side: int | None = None,
) -> Iterator[Frame]:
    """
    The pictures of utterances, in one pass over the video: for each time `k / frames_per_second` with start <= time < end
    of a span, the frame that is on the screen then. A span between two such times gets the frame at its middle. Every span
    has a frame: the first frame also stands for the time before it.

    Only these frames are converted to RGB; gaps of more than 10 s between spans are skipped where the file can be searched.

    Args:
        spans: as in [`utterance_waveforms`].
        longest_side: larger frames are scaled down to this width or height, in pixels.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording, has no video track, nothing of it can be decoded, a span is invalid, or, after
            the others were given, when spans start after the end of the video ([`SpansBeyondEnd`]).
    """
    if not 0 < frames_per_second < math.inf:
        raise ValueError(f"frames_per_second is {frames_per_second}: give a number above 0.")
    bounds = check_spans(str(path), spans)
    wanted = _WantedTimes(bounds, frames_per_second)
    with open_track(path, "video") as track:
        picture, end = None, 0.0
        for time, frame in track.frames():
            if picture is not None:
                for wanted_time, utterances in wanted.take(time):
                    yield Frame(wanted_time, picture.image, utterances)
            if wanted.next == math.inf:
                return
            picture, end = _Picture(frame, longest_side, pixel_shape_of(track.stream)), track.end
            if wanted.next - time > SEEK_GAP:
                track.skip_to(wanted.next)
        if picture is None:
            raise ValueError(f"{path}: nothing of its video can be decoded; the file is damaged.")
        for wanted_time, utterances in itertools.chain(wanted.take(end), wanted.take_cut_short(end)):
            yield Frame(wanted_time, picture.image, utterances)
        check_all_begun(str(path), bounds, wanted.unserved, f"video at {end:.2f} s")


def shown_size(width: int, height: int, pixel_shape: float) -> tuple[float, float]:
    """
    Width and height at which a picture is shown, in square pixels; none of them is smaller than the stored one.

    Args:
        pixel_shape: width by height of a stored pixel (the sample aspect ratio).
    """
    return (width * pixel_shape, height) if pixel_shape > 1 else (width, height / pixel_shape)


def pixel_shape_of(stream) -> float:
    """Width by height of the pixels of a video stream; 1 where the file says none, or one that cannot be."""
    shape = float(stream.sample_aspect_ratio or 1)
    return shape if MOST_SQUEEZED <= shape <= 1 / MOST_SQUEEZED else 1.0


class _Picture:
    """A decoded frame, converted when it is asked for, and once."""

    def __init__(self, frame, longest_side: int | None, pixel_shape: float = 1.0):
        self.frame, self.longest_side, self.pixel_shape = frame, longest_side, pixel_shape

    @functools.cached_property
    def image(self) -> np.ndarray:
        frame = self.frame
        shown = shown_size(frame.width, frame.height, self.pixel_shape)
        scale = min(1.0, (self.longest_side or math.inf) / max(shown))
        size = dict(zip(("width", "height"), (max(1, round(side * scale)) for side in shown), strict=True))
        transfer = int(frame.color_trc)
        if is_high_range(transfer):
            image = to_standard_range(frame.to_ndarray(format="rgb48", **size), transfer, int(frame.color_primaries))
        else:
            image = frame.to_ndarray(format="rgb24", **size)
        return _upright(image, frame)


def _upright(image: np.ndarray, frame) -> np.ndarray:
    """The image as the file's display matrix has it, which sends (x, y) to (a x + c y, b x + d y)."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return image
    a, b, _, c, d = np.frombuffer(bytes(side_data), np.int32)[:5].tolist()
    if abs(b) > abs(a):
        image = image.swapaxes(0, 1)
        a, d = c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


class _WantedTimes:
    """
    The times at which spans want a frame, in order; never more than one a span is held.

    Attributes:
        unserved: the spans that have no frame yet.
    """

    def __init__(self, bounds: list[tuple[float, float]], frames_per_second: float):
        self.bounds, self.rate = bounds, frames_per_second
        self.unserved = set(range(len(bounds)))
        self.heap = [(*self._first(start, end), number) for number, (start, end) in enumerate(bounds)]
        heapq.heapify(self.heap)

    def _first(self, start: float, end: float) -> tuple[float, int]:
        step = math.floor(start * self.rate)
        if step / self.rate < start:
            step += 1
        return (step / self.rate, step) if step / self.rate < end else ((start + end) / 2, step)

    @property
    def next(self) -> float:
        return self.heap[0][0] if self.heap else math.inf

    def take(self, before: float) -> Iterator[tuple[float, tuple[int, ...]]]:
        """Each wanted time before a time, with the spans that hold it."""
        while self.next < before:
            time, numbers = self.next, []
            while self.next == time:
                _, step, number = heapq.heappop(self.heap)
                numbers.append(number)
                following = (step + 1) / self.rate
                if following < self.bounds[number][1]:
                    heapq.heappush(self.heap, (following, step + 1, number))
            self.unserved.difference_update(numbers)
            yield time, tuple(sorted(numbers))

    def take_cut_short(self, end: float) -> Iterator[tuple[float, tuple[int, ...]]]:
        """The middle of each span that the end of the video cuts to less than one step."""
        for number in sorted(self.unserved):
            start = self.bounds[number][0]
            if start < end:
                self.unserved.remove(number)
                yield (start + end) / 2, (number,)
