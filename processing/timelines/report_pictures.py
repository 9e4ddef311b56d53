# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Thumbnails of the frames that counted, for a report."""

import base64
import io
from contextlib import suppress
from pathlib import Path

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.media_spans import SpansBeyondEnd
from modeling_amuse.processing.picture_frames import utterance_frames

MOST_FRAMES = 3
"""Frames of an utterance."""

LONGEST_SIDE = 160
"""Pixels of a thumbnail."""

_INSTANT = 1e-3  # seconds: long enough to be a span
_NO_STEPS = 1e-6  # frames a second: each span gets the frame at its middle alone


def frames_that_counted(results: list[RecognizedUtterance]) -> dict[int, list[float]]:
    """For the number of an utterance the times of the frames that speak most for its emotion, in order of time."""
    times = {}
    for position, result in enumerate(results):
        frames = [f for f in (result.get("explanation") or {}).get("frames") or () if f["score"] > 0 and f["time"] >= 0]
        strongest = sorted(frames, key=lambda frame: -frame["score"])[:MOST_FRAMES]
        if strongest:
            times[position] = sorted(frame["time"] for frame in strongest)
    return times


def thumbnails(recording: Path, results: list[RecognizedUtterance]) -> dict[int, list[tuple[float, str]]]:
    """
    The frames that counted, read in one pass over the video. Those after its end are left out.

    Returns:
        For the number of an utterance `(seconds, data: URL of a JPEG)`.

    Raises:
        ValueError: when the video cannot be read.
    """
    wanted = frames_that_counted(results)
    places = sorted((time, position) for position, times in wanted.items() for time in times)
    if not places:
        return {}
    spans = [(time, time + _INSTANT) for time, _ in places]
    found: dict[int, list[tuple[float, str]]] = {}
    # an utterance may last longer than the video, and its frames are known to be spread over it, not when each of them is
    with suppress(SpansBeyondEnd):
        for frame in utterance_frames(recording, spans, _NO_STEPS, LONGEST_SIDE):
            url = _data_url(frame.image)
            for index in frame.utterances:
                time, position = places[index]
                found.setdefault(position, []).append((time, url))
    return {position: sorted(pictures) for position, pictures in found.items()}


def _data_url(image) -> str:
    contents = io.BytesIO()
    import_extra("PIL.Image", "media").fromarray(image).save(contents, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(contents.getvalue()).decode('ascii')}"
