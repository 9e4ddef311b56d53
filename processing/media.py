# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Sound and pictures of recordings, decoded in one pass (PyAV)."""

import functools
import heapq
import itertools
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .extras import import_extra

logger = logging.getLogger(__name__)

SAMPLING_RATE = 16000

FORMATS = (
    "mov,matroska,avi,flv,asf,mpegts,mpeg,mxf,wav,w64,mp3,flac,ogg,aac,aiff,caf,amr,au,ac3,eac3,ape,wv,tta,nistsphere"
)
"""Containers that are opened. Playlists, pictures and subtitles are not: they are no recordings, and may name other files."""

SAMPLING_RATES = (4000, 768000)
"""The lowest and the highest that a file may state, in Hz."""

MOST_PIXELS = 2**26

# Time stamps that cannot be true come from damage. No codec needs fewer bytes a second than this, pauses included.
FEWEST_BYTES_PER_SECOND = 20
LONGEST_SECONDS = 24 * 3600
LONGEST_PAUSE = 60.0  # where a file does not state that it lasts longer
LARGEST_STEP_BACK = 10.0
LARGEST_STEP_UNCONFIRMED = 1.0
FAR_AWAY = 1e9  # seconds: after the end of any recording

TOLERANCE = 0.02
"""Seconds by which the time stamps of sound may be off (they are rounded) before silence is filled in or sound is cut."""

SEEK_GAP = 10.0
PREROLL = 1.0
FRUITLESS_SEEKS = 3
READ_FAILURES = 10
PROBED_PACKETS = 100
SILENCE_SECONDS = 10

Span = tuple[float | None, float | None]


SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".wmv", ".flv", ".3gp"),
    *(".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".mxf"),
    *(".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus"),
    *(".wma", ".mka", ".amr", ".aif", ".aiff", ".caf", ".sph"),
)
"""Of the files in a folder that are taken for recordings."""


class SpansBeyondEnd(ValueError):
    """
    Spans start after the end of a recording.

    Attributes:
        are_all: whether no span starts before it.
    """

    def __init__(self, message: str, are_all: bool):
        super().__init__(message)
        self.are_all = are_all


class MediaInfo(NamedTuple):
    """What a file holds. Seconds; pixels as they are seen, after the rotation that the file asks for."""

    duration: float
    has_audio: bool
    has_video: bool
    width: int | None
    height: int | None
    frame_rate: float | None


class Frame(NamedTuple):
    """
    A picture of a video.

    Attributes:
        time: seconds from the beginning of the recording.
        image: `(height, width, 3)` uint8 RGB, upright. Frames that show the same picture share the array: do not write to it.
        utterances: the positions of the spans that hold it.
    """

    time: float
    image: np.ndarray
    utterances: tuple[int, ...]


def probe_media(path: str | Path) -> MediaInfo:
    """
    What a file holds. A cover picture is no video. The duration is that of the longest stream that can be decoded, as the
    file states it, or measured where it states none or an impossible one.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no recording.
    """
    with _naming(path), _open(path) as container:
        zero, limit = _zero(container), _latest_plausible_time(path)
        audio, video = _stream(container, "audio"), _stream(container, "video")
        streams = [stream for stream in (audio, video) if stream is not None]
        if not streams:
            raise ValueError(f"{path} holds neither sound nor video that can be decoded.")
        duration = _stated_duration(container, streams, zero)
        if not 0 < duration <= limit:
            duration = _measured_duration(path, [stream.index for stream in streams], zero, limit)
        width = height = frame_rate = None
        if video is not None:
            width, height = _upright_size(container, video)
            frame_rate = float(video.average_rate or video.guessed_rate or 0) or None
        return MediaInfo(duration, audio is not None, video is not None, width, height, frame_rate)


def audio_chunks(
    path: str | Path, sampling_rate: int = SAMPLING_RATE, chunk_seconds: float = 10.0
) -> Iterator[tuple[float, np.ndarray]]:
    """
    The sound of a recording, piece after piece: `(start in seconds, waveform (samples,))`.

    The waveform is mono float32 in [-1, 1]: FFmpeg's mix of the channels, but of uncompressed sound with more than two, which
    may be a microphone for each speaker, their mean. Pieces follow each other without a gap: where the sound starts late or has
    holes, there is silence, and what overlaps is cut. All pieces but the last are `chunk_seconds` long.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no recording, has no audio track, or nothing of it can be decoded.
    """
    size = round(sampling_rate * chunk_seconds)
    if size < 1:
        raise ValueError(f"Chunks of {chunk_seconds} s hold no sample: give chunk_seconds above 0.")
    first, pieces, filled = 0, [], 0
    with _open_track(path, "audio") as track:
        for _, samples in _sound(track, sampling_rate):
            pieces.append(samples)
            filled += len(samples)
            while filled >= size:
                joined = np.concatenate(pieces)
                yield first / sampling_rate, joined[:size]
                first, pieces, filled = first + size, [joined[size:]], filled - size
    if filled:
        yield first / sampling_rate, np.concatenate(pieces)


def read_audio(
    path: str | Path, start: float | None = None, end: float | None = None, sampling_rate: int = SAMPLING_RATE
) -> np.ndarray:
    """
    The waveform `(samples,)` of one span, mono float32 in [-1, 1]; None: from the beginning, to the end. What lies before
    is skipped where the file can be searched. An end after the end of the sound means that end.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no recording, has no audio track, nothing of it can be decoded, or it has no such span.
    """
    bounds = _check_spans(path, [(start, end)])
    with _open_track(path, "audio") as track:
        _skip_to_first(track, bounds)
        [(_, waveform)] = _cut_sound(track, bounds, sampling_rate)
    return waveform


def _skip_to_first(track: "_Track", bounds: list[tuple[float, float]]):
    """Skip what lies before all spans; a decoder and a filter need some of it to give what they give in one pass."""
    first = min((start for start, _ in bounds), default=0.0)
    if first - PREROLL > SEEK_GAP:
        track.skip_to(first - PREROLL)


def utterance_waveforms(
    path: str | Path, spans: Sequence[Span], sampling_rate: int = SAMPLING_RATE
) -> Iterator[tuple[int, np.ndarray]]:
    """
    The waveforms of utterances, in one pass over the recording: `(position of the span, waveform (samples,))`, each as soon
    as its span is over. No more than the spans that are open is held in memory.

    Args:
        spans: `(start, end)` in seconds, in any order; they may overlap. None: from the beginning, to the end. An end after
            the end of the sound means that end.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no recording, has no audio track, nothing of it can be decoded, a span is none, or, after
            the others were given, when spans start after the end of the sound ([`SpansBeyondEnd`]).
    """
    bounds = _check_spans(path, spans)
    with _open_track(path, "audio") as track:
        _skip_to_first(track, bounds)
        yield from _cut_sound(track, bounds, sampling_rate)


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
        ValueError: when it is no recording, has no video track, nothing of it can be decoded, a span is none, or, after
            the others were given, when spans start after the end of the video ([`SpansBeyondEnd`]).
    """
    if not 0 < frames_per_second < math.inf:
        raise ValueError(f"frames_per_second is {frames_per_second}: give a number above 0.")
    bounds = _check_spans(path, spans)
    wanted = _WantedTimes(bounds, frames_per_second)
    with _open_track(path, "video") as track:
        picture, end = None, 0.0
        for time, frame in track.frames():
            if picture is not None:
                for wanted_time, utterances in wanted.take(time):
                    yield Frame(wanted_time, picture.image, utterances)
            if wanted.next == math.inf:
                return
            picture, end = _Picture(frame, longest_side), track.end
            if wanted.next - time > SEEK_GAP:
                track.skip_to(wanted.next)
        if picture is None:
            raise ValueError(f"{path}: nothing of its video can be decoded; the file is damaged.")
        for wanted_time, utterances in itertools.chain(wanted.take(end), wanted.take_cut_short(end)):
            yield Frame(wanted_time, picture.image, utterances)
        _check_all_begun(path, bounds, wanted.unserved, f"video at {end:.2f} s")


def end_of_key_frames(path: str | Path) -> float:
    """
    Up to which second a recording has pictures, 0 where none can be decoded. Key frames alone are: to decode all would take
    long.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no recording, or has no video track.
    """
    end, is_decoded = 0.0, False
    with _open_track(path, "video") as track:
        track.stream.codec_context.skip_frame = "NONKEY"
        for packet in _packets(track.container, [track.stream]):
            frames = None if packet is None else _decode(track.stream, packet)
            track.damaged += frames is None
            is_decoded = bool(frames) or is_decoded
            if packet is not None and packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base) - track.zero)
    return end if is_decoded else 0.0


def warn_again(path: str | Path):
    """Let damage of a file be told anew, which is told once in a process."""
    _warned_files().discard(str(path))


# ------------------------------------------------------------------------------------------------ files and streams


@functools.cache
def _av():
    av = import_extra("av", "media")
    av.logging.set_level(None)  # damage is reported by us, once a file
    return av


@functools.cache
def _warned_files() -> set[str]:
    """The damaged files that were named: an epoch after another, one warning is enough."""
    return set()


@contextmanager
def _naming(path: str | Path):
    """FFmpeg's errors become ValueError that names the file."""
    try:
        yield
    except _av().error.FFmpegError as error:
        raise ValueError(
            f"{path} cannot be read as a recording: {error.strerror}. It is damaged, or in none of the containers that are "
            f"read: {FORMATS.replace(',', ', ')}."
        ) from error


def _open(path: str | Path):
    """An open container."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if not path.is_file():
        raise ValueError(f"{path} is no file: give a recording.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty.")
    # names in the file may be of any encoding, and no other file that it may refer to is fetched
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    return _av().open(f"file:{path}", metadata_errors="replace", options=options)


def _stream(container, kind: str):
    """The stream that a player would choose of a kind, or None."""
    cover = _av().stream.Disposition.attached_pic
    streams = [
        stream
        for stream in container.streams
        if stream.type == kind and stream.codec_context is not None and not stream.disposition & cover
    ]
    best = container.streams.best(kind)
    return best if best in streams else next(iter(streams), None)


def _zero(container) -> float:
    """The time stamp, in seconds, at which a recording begins: broadcast streams, for example, do not count from 0."""
    return max(container.start_time or 0, 0) / _av().time_base


def _latest_plausible_time(path: str | Path) -> float:
    return min(LONGEST_PAUSE + Path(path).stat().st_size / FEWEST_BYTES_PER_SECOND, LONGEST_SECONDS)


def _stated_duration(container, streams: list, zero: float) -> float:
    if all(stream.duration for stream in streams):
        ends = [((stream.start_time or 0) + stream.duration) * stream.time_base for stream in streams]
        return float(max(ends)) - zero
    return (container.duration or 0) / _av().time_base


def _measured_duration(path: str | Path, indices: list[int], zero: float, limit: float) -> float:
    longest = 0.0
    with _open(path) as container:
        for packet in _packets(container, [container.streams[index] for index in indices]):
            if packet is not None and packet.pts is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base) - zero
                longest = max(longest, end if end <= limit else 0.0)
    return longest


def _upright_size(container, video) -> tuple[int, int]:
    for packet in itertools.islice(_packets(container, [video]), PROBED_PACKETS):
        for frame in _decode(video, packet) or ():
            is_turned = abs(frame.rotation) in (90, 270)
            return (frame.height, frame.width) if is_turned else (frame.width, frame.height)
    return video.codec_context.width, video.codec_context.height


def _packets(container, streams: list) -> Iterator:
    """Packets in the order of the file; where the file cannot be read on, None, the end, comes early."""
    failures = 0
    while failures < READ_FAILURES:
        try:
            for packet in container.demux(streams):
                failures = 0
                yield packet
            return
        except _av().error.FFmpegError:
            failures += 1
    yield None


def _decode(stream, packet) -> list | None:
    """The frames that a packet completes, or None for a damaged one."""
    try:
        return stream.codec_context.decode(packet)
    except _av().error.FFmpegError:
        return None


class _Track:
    """
    A stream of a file, decoded in order. Damaged packets are left out and counted.

    Attributes:
        end: seconds, where the frame ends that was given last.
        damaged: how many packets could not be decoded.
    """

    def __init__(self, path: str | Path, kind: str):
        self.path, self.kind = path, kind
        self.limit = _latest_plausible_time(path)
        self.damaged, self.end = 0, 0.0
        self._target = self._last_target = None
        self._fruitless_seeks = 0
        self._open()

    def _open(self):
        self.container = _open(self.path)
        self.stream = _stream(self.container, self.kind)
        if self.stream is None:
            self.close()
            raise ValueError(f"{self.path} has no {self.kind} track.")
        self.zero = _zero(self.container)
        self.stated_end = (self.container.duration or math.inf) / _av().time_base
        self.stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        for other in self.container.streams:
            if other is not self.stream:
                other.discard = _av().stream.Discard.all

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
        except _av().error.FFmpegError:
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
        for packet in _packets(self.container, [self.stream]):
            frames = _decode(self.stream, packet)
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
def _open_track(path: str | Path, kind: str) -> Iterator[_Track]:
    with _naming(path):
        track = _Track(path, kind)
        try:
            yield track
        finally:
            track.close()
            if track.damaged and str(path) not in _warned_files():
                _warned_files().add(str(path))
                logger.warning("%s is damaged: %d packets could not be decoded (%s).", path, track.damaged, kind)


# ----------------------------------------------------------------------------------------------------------- spans


def _check_spans(path: str | Path, spans: Sequence[Span]) -> list[tuple[float, float]]:
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


def _check_all_begun(path: str | Path, bounds: list[tuple[float, float]], missing: Sequence[int], end: str):
    if missing:
        number = min(missing)
        start, last = bounds[number]
        others = f", and {len(missing) - 1} others start there too" if len(missing) > 1 else ""
        raise SpansBeyondEnd(
            f"{path}: span {number}, from {start} to {last} s, starts after the end of the {end}{others}.",
            are_all=len(missing) == len(bounds),
        )


# ----------------------------------------------------------------------------------------------------------- sound


class _Run:
    """
    Sound without a hole, of one format, on its way to mono samples of the wanted rate.

    Sample k of the recording is always at k / sampling_rate: a run begins at a multiple of the least common period of both
    rates, with silence before its first sample. So a span is the same wherever decoding begins.
    """

    def __init__(self, track: _Track, time: float, frame, sampling_rate: int):
        self.rate = rate = frame.sample_rate
        if not SAMPLING_RATES[0] <= rate <= SAMPLING_RATES[1]:
            raise ValueError(
                f"{track.path} states a sampling rate of {rate} Hz: this is no speech, or the file is damaged."
            )
        self.format = self._format_of(frame)
        self.end = time
        # 32-bit integers: sums of channels stay in [-1, 1], and a damaged float cannot become NaN
        resampler = functools.partial(_av().AudioResampler, "s32p", "mono")
        self.to_mono = None if _needs_mean(track, frame) else resampler(rate)
        self.to_rate = None if rate == sampling_rate else resampler(sampling_rate)
        first = round(time * rate)
        padding = first % (rate // math.gcd(rate, sampling_rate))
        self.next = (first - padding) * sampling_rate // rate
        self.padding = np.zeros((1, padding), np.int32)

    @staticmethod
    def _format_of(frame) -> tuple:
        return frame.format.name, frame.layout.name, frame.sample_rate

    def continues_with(self, time: float, frame) -> bool:
        return abs(time - self.end) <= TOLERANCE and self.format == self._format_of(frame)

    def add(self, frame) -> Iterator[tuple[int, np.ndarray]]:
        self.end += frame.samples / frame.sample_rate
        frame.pts = None  # the run has its own count
        yield from self._resampled(self._mono(frame))

    def finish(self) -> Iterator[tuple[int, np.ndarray]]:
        yield from self._resampled([] if self.to_mono is None else self._mono(None))
        if self.to_rate is not None:
            yield from self._given(mono.to_ndarray() for mono in self.to_rate.resample(None))

    def _mono(self, frame) -> list[np.ndarray]:
        if self.to_mono is None:
            return [_mean_of_channels(frame)]
        return [mono.to_ndarray() for mono in self.to_mono.resample(frame)]

    def _resampled(self, arrays: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
        if self.padding.size and arrays:
            arrays, self.padding = [self.padding, *arrays], self.padding[:, :0]
        if self.to_rate is None:
            yield from self._given(arrays)
            return
        for array in arrays:
            frame = _av().AudioFrame.from_ndarray(array, format="s32p", layout="mono")
            frame.sample_rate = self.rate
            yield from self._given(mono.to_ndarray() for mono in self.to_rate.resample(frame))

    def _given(self, arrays) -> Iterator[tuple[int, np.ndarray]]:
        for array in arrays:
            yield self.next, array[0].astype(np.float32) * np.float32(2.0**-31)
            self.next += array.shape[1]


def _needs_mean(track: _Track, frame) -> bool:
    """
    Whether the channels are no loudspeakers, as which FFmpeg would mix them: it takes the fourth microphone for the one of
    low tones, and leaves it out.
    """
    is_plain = frame.layout.name in ("mono", "stereo")
    return not is_plain and (track.stream.codec_context.name.startswith("pcm_") or frame.layout.nb_channels > 8)


def _mean_of_channels(frame) -> np.ndarray:
    """The mean of a frame's channels, `(1, samples)` int32."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "f":
        samples = np.nan_to_num(samples.astype(np.float64)).clip(-1, 1) * (2.0**31 - 1)
    else:
        bits = 8 * samples.dtype.itemsize
        samples = (samples.astype(np.float64) - (2.0**7 if samples.dtype.kind == "u" else 0)) * 2.0 ** (32 - bits)
    return samples.mean(axis=0, keepdims=True).astype(np.int32)


def _runs(track: _Track, sampling_rate: int) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces `(first sample, waveform)` as the time stamps have them, with holes and overlaps."""
    run = None
    for time, frame in track.frames():
        if run is None or not run.continues_with(time, frame):
            if run is not None:
                yield from run.finish()
            run = _Run(track, time, frame, sampling_rate)
        yield from run.add(frame)
    if run is None:
        raise ValueError(f"{track.path}: nothing of its sound can be decoded; the file is damaged.")
    yield from run.finish()


def _sound(track: _Track, sampling_rate: int, first: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces `(first sample, waveform)` from a sample on, without holes and overlaps."""
    position = first
    for begin, samples in _runs(track, sampling_rate):
        while position < begin:
            length = min(begin - position, SILENCE_SECONDS * sampling_rate)
            yield position, np.zeros(length, np.float32)
            position += length
        samples = samples[position - begin :]
        if len(samples):
            yield position, samples
            position += len(samples)


def _cut_sound(
    track: _Track, bounds: list[tuple[float, float]], sampling_rate: int
) -> Iterator[tuple[int, np.ndarray]]:
    """The waveform of each span, as soon as it is over."""
    if not bounds:
        return
    samples_of = []
    for start, end in bounds:
        first = round(start * sampling_rate)
        last = end if end == math.inf else round(end * sampling_rate)
        samples_of.append((first, max(last, first + 1)))
    waiting = sorted(range(len(bounds)), key=lambda number: samples_of[number], reverse=True)
    pieces_of, position_after = {}, 0
    for position, samples in _sound(track, sampling_rate, samples_of[waiting[-1]][0]):
        position_after = position + len(samples)
        while waiting and samples_of[waiting[-1]][0] < position_after:
            pieces_of[waiting.pop()] = []
        for number, pieces in list(pieces_of.items()):
            first, last = samples_of[number]
            pieces.append(samples[max(first - position, 0) : None if last == math.inf else last - position])
            if last <= position_after:
                yield number, np.concatenate(pieces_of.pop(number))
        if not waiting and not pieces_of:
            return
    for number, pieces in pieces_of.items():
        yield number, np.concatenate(pieces)
    _check_all_begun(track.path, bounds, waiting, f"sound at {track.end:.2f} s")


# -------------------------------------------------------------------------------------------------------- pictures


class _Picture:
    """A decoded frame, converted when it is asked for, and once."""

    def __init__(self, frame, longest_side: int | None):
        self.frame, self.longest_side = frame, longest_side

    @functools.cached_property
    def image(self) -> np.ndarray:
        frame = self.frame
        scale = min(1.0, (self.longest_side or math.inf) / max(frame.width, frame.height))
        width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
        return _upright(frame.to_ndarray(format="rgb24", width=width, height=height), frame)


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
