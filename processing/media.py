# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Open recordings and decode one of their tracks in order (PyAV), despite the wrong time stamps that real files have."""

import functools
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .extras import import_extra
from .input_boundary import boundary
from .media_warnings import collect
from .printable_text import printable, printable_logger

logger = printable_logger(__name__)

FORMATS = (
    "mov,matroska,avi,flv,asf,mpegts,mpeg,mxf,wav,w64,mp3,flac,ogg,aac,aiff,caf,amr,au,ac3,eac3,ape,wv,tta,nistsphere"
)
"""Containers that are opened. Playlists, pictures and subtitles are not: they are not recordings, and may refer to other files."""

MOST_PIXELS = 2**26

# Time stamps that cannot be true come from damage. No codec needs fewer bytes a second than this, pauses included.
FEWEST_BYTES_PER_SECOND = 20
LONGEST_SECONDS = 24 * 3600
LONGEST_PAUSE = 60.0  # where a file does not state that it lasts longer
LARGEST_STEP_BACK = 10.0
LARGEST_STEP_UNCONFIRMED = 1.0

# what damaged headers make PyAV raise besides FFmpeg's own errors
DAMAGE = (ArithmeticError, LookupError, TypeError, AttributeError, MemoryError, UnicodeError)

FRUITLESS_SEEKS = 3
READ_FAILURES = 10

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".f4v", ".mj2", ".isma", ".ismv"),
    *(".mkv", ".mk3d", ".webm", ".avi", ".divx", ".wmv", ".asf", ".flv", ".ogv", ".ogx", ".mxf"),
    *(".ts", ".m2t", ".mts", ".m2ts", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob"),
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".mp3", ".mp2", ".mpa", ".m2a", ".m4a", ".m4b"),
    *(".aac", ".adts", ".ogg", ".oga", ".opus", ".spx", ".wma", ".mka", ".amr", ".aif", ".aiff", ".aifc", ".caf"),
    *(".sph", ".nist", ".au", ".snd", ".ac3", ".eac3", ".ec3", ".ape", ".wv", ".tta"),
)
"""The suffixes of recordings: files in a folder that end in one of them are read."""


def warn_again(path: str | Path):
    """Log the warnings of a file again, which are logged once in a process otherwise."""
    for name in [name for name in _warned_of() if name.split("\n")[0] == str(path)]:
        _warned_of().discard(name)


def warn_once(path: str, message: str, about: str = "damage"):
    """Log a warning, if none was logged of this file about the same subject in this process. The result names it each time."""
    name = f"{path}\n{about}"
    if name in _warned_of():
        collect(message)
    else:
        _warned_of().add(name)
        logger.warning(message)


@functools.cache
def import_av():
    av = import_extra("av", "media")
    av.logging.set_level(None)  # this module reports damage itself, once for each file
    return av


@functools.cache
def _warned_of() -> set[str]:
    """The files that warnings named, each with the subject: one warning is enough for all epochs of a training."""
    return set()


@contextmanager
def naming_errors(path: str | Path):
    """Errors of FFmpeg, and whatever else damage makes PyAV raise, become a ValueError that names the file."""
    remedy = f"It is damaged, or in none of the containers that are read: {FORMATS.replace(',', ', ')}."
    with boundary(path, remedy):
        try:
            yield
        except (import_av().error.FFmpegError, *DAMAGE) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ValueError(f"{printable(str(path))} cannot be read as a recording: {reason}. {remedy}") from error


def open_container(path: str | Path):
    """An open container."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file():
        raise ValueError(f"{path} is not a file: give a recording.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty.")
    # names in the file may be of any encoding, and no other file that it may refer to is fetched
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    return import_av().open(f"file:{path}", metadata_errors="replace", options=options)


def streams_of(container, kind: str) -> list:
    """The streams of a kind that can be decoded; a cover picture is not a video."""
    cover = import_av().stream.Disposition.attached_pic
    return [
        stream
        for stream in container.streams
        if stream.type == kind and stream.codec_context is not None and not stream.disposition & cover
    ]


def chosen_stream(container, kind: str):
    """The stream that a player would choose of a kind, or None."""
    streams = streams_of(container, kind)
    best = container.streams.best(kind)
    return best if best in streams else next(iter(streams), None)


def beginning_of(container) -> float:
    """The time stamp, in seconds, at which a recording begins: broadcast streams, for example, do not count from 0."""
    return max(container.start_time or 0, 0) / import_av().time_base


def latest_plausible_time(path: str | Path) -> float:
    return min(LONGEST_PAUSE + Path(path).stat().st_size / FEWEST_BYTES_PER_SECOND, LONGEST_SECONDS)


def packets_of(container, streams: list) -> Iterator:
    """Packets in the order of the file; where the file cannot be read on, None, the end, comes early."""
    failures = 0
    while failures < READ_FAILURES:
        try:
            for packet in container.demux(streams):
                failures = 0
                yield packet
            return
        except import_av().error.FFmpegError:
            failures += 1
    yield None


def decode_packet(stream, packet) -> list | None:
    """The frames that a packet completes, or None for a damaged one."""
    try:
        return stream.codec_context.decode(packet)
    except import_av().error.FFmpegError:
        return None


class Track:
    """
    A stream of a file, decoded in order. Damaged packets are left out and counted.

    Args:
        path: the file.
        kind: `"audio"` or `"video"`.
        number: which of the streams of this kind, counted from 0. None: the one that a player would choose.

    Attributes:
        end: seconds, where the frame ends that was given last.
        damaged: how many packets could not be decoded.
    """

    def __init__(self, path: str | Path, kind: str, number: int | None = None):
        self.path, self.kind, self.number = path, kind, number
        self.limit = latest_plausible_time(path)
        self.damaged, self.end = 0, 0.0
        self._target = self._last_target = None
        self._fruitless_seeks = 0
        self._open()

    def _open(self):
        self.container = open_container(self.path)
        streams = streams_of(self.container, self.kind)
        if not (0 <= (self.number or 0) < len(streams)):
            self.close()
            raise ValueError(
                f"{self.path} has no {self.kind} track {self.number + 1}; it has {len(streams)}."
                if streams
                else f"{self.path} has no {self.kind} track."
            )
        self.stream = chosen_stream(self.container, self.kind) if self.number is None else streams[self.number]
        self.zero = beginning_of(self.container)
        self.stated_end = (self.container.duration or math.inf) / import_av().time_base
        self.stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        for other in self.container.streams:
            if other is not self.stream:
                other.discard = import_av().stream.Discard.all

    def close(self):
        self.container.close()

    def skip_to(self, time: float):
        """What lies before `time` (seconds) is not needed: go on from the last key frame before it, where that is possible."""
        if time != self._last_target and self._fruitless_seeks < FRUITLESS_SEEKS:
            self._target = self._last_target = time

    def frames(self) -> Iterator[tuple[float, object]]:
        """Frames with their times in seconds: their time stamps, where these can be true."""
        pairs, expected = self._pairs(self._decoded()), 0.0
        while True:
            if self._target is not None:
                frames, expected = self._sought(self._target)
                pairs, self._target = self._pairs(frames), None
            frame, following = next(pairs, (None, None))
            if frame is None:
                return
            time = self._plausible(self._stamp(frame), expected)
            if time > expected + LARGEST_STEP_UNCONFIRMED and following is not None:
                next_stamp = self._stamp(following)
                if next_stamp is not None and next_stamp < time:  # right back again: this one stamp is wrong
                    time = expected
            expected = time + self._usual_length(frame)
            self.end = self._plausible(time + self._length(frame), expected)
            yield time, frame

    @staticmethod
    def _pairs(frames: Iterator) -> Iterator:
        """Each frame with the one that follows, or None."""
        return itertools.pairwise(itertools.chain(frames, [None]))

    def _sought(self, target: float) -> tuple[Iterator, float]:
        """The frames from the last key frame at or before `target`, or else all, and when the first is due."""
        frames = self._decoded()
        try:
            self.container.seek(int((target + self.zero) / self.stream.time_base), stream=self.stream)
            first = next(frames, None)
        except import_av().error.FFmpegError:
            first = None
        time = None if first is None else self._stamp(first)
        if time is None or time > target:
            self._fruitless_seeks = FRUITLESS_SEEKS
            self.close()
            self._open()
            return self._decoded(), 0.0
        self._fruitless_seeks += time <= self.end
        return itertools.chain([first], frames), time

    def _decoded(self) -> Iterator:
        for packet in packets_of(self.container, [self.stream]):
            frames = decode_packet(self.stream, packet)
            self.damaged += packet is None or frames is None
            yield from frames or ()

    def _stamp(self, frame) -> float | None:
        """Seconds from the beginning of the recording, as the file has it."""
        return None if frame.pts is None else float(frame.pts * self.stream.time_base) - self.zero

    def _length(self, frame) -> float:
        if self.kind == "video" and frame.duration:
            return float(frame.duration * self.stream.time_base)
        return self._usual_length(frame)

    def _usual_length(self, frame) -> float:
        if self.kind == "audio":
            return frame.samples / max(frame.sample_rate, 1)
        rate = float(self.stream.average_rate or 0)
        return 1 / rate if 1 <= rate <= 1000 else 0.04

    def _plausible(self, time: float | None, expected: float) -> float:
        """A time stamp, or where it cannot be true, the time that is expected."""
        if time is None or not expected - LARGEST_STEP_BACK <= time <= self.limit:
            return expected
        if time > max(expected, self.stated_end) + LONGEST_PAUSE:
            return expected
        return time


@contextmanager
def open_track(path: str | Path, kind: str, number: int | None = None) -> Iterator[Track]:
    """
    A [`Track`], which is closed at the end. If it is damaged, this logs a warning, once for each file in a process.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording, or has no such track.
    """
    with naming_errors(path):
        track = Track(path, kind, number)
        try:
            yield track
        finally:
            track.close()
            if track.damaged:
                warn_once(str(path), f"{path} is damaged: {track.damaged} packets could not be decoded ({kind}).")
