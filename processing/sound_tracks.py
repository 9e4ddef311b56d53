# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The sound of recordings as mono waveforms of one sampling rate, of spans or of the whole, in one pass."""

import functools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from .media import Track, import_av, open_track
from .media_spans import SEEK_GAP, Span, check_all_begun, check_spans
from .recorded_sound import SAMPLING_RATES, Recording, Waveform, check_recording, is_waveform, recording_name
from .sound_survey import choose_sound, planes

SAMPLING_RATE = 16000

TOLERANCE = 0.02
"""Seconds by which the time stamps of sound may be off (they are rounded) before silence is filled in or sound is cut."""

PREROLL = 1.0
SILENCE_SECONDS = 10


def audio_chunks(
    recording: Recording,
    sampling_rate: int = SAMPLING_RATE,
    chunk_seconds: float = 10.0,
    audio_track: int | None = None,
    channel: int | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """
    The sound of a recording, piece after piece: `(start in seconds, waveform (samples,))`.

    The waveform is mono float32 in [-1, 1]: FFmpeg's mix of the channels, or the mean of the channels where sound without loss
    or of an unnamed layout has more than two, which may be a microphone for each speaker. Pieces follow each other without a
    gap: there is silence where the sound starts late or has holes, and what overlaps is cut. All pieces but the last are
    `chunk_seconds` long.

    Args:
        recording: a file, or a waveform with its sampling rate, see `Recording`.
        sampling_rate: of the pieces, in Hz.
        chunk_seconds: the length of a piece.
        audio_track: the number of the audio track, from 1. None: the loudest.
        channel: read this channel alone, counted from 0.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording, has no audio track, no such track or channel, or nothing of it can be decoded.
    """
    size = round(sampling_rate * chunk_seconds)
    if size < 1:
        raise ValueError(f"Chunks of {chunk_seconds} s hold no sample: give chunk_seconds above 0.")
    first, pieces, filled = 0, [], 0
    with _open_sound(recording, audio_track, channel) as track:
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
    recording: Recording,
    start: float | None = None,
    end: float | None = None,
    sampling_rate: int = SAMPLING_RATE,
    audio_track: int | None = None,
    channel: int | None = None,
) -> np.ndarray:
    """
    The waveform `(samples,)` of one span, mono float32 in [-1, 1]; None: from the beginning, to the end. What lies before
    is skipped where the file can be searched. An end after the end of the sound means that end. `audio_track` and `channel`
    are as in [`audio_chunks`].

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording, has no audio track, nothing of it can be decoded, or it has no such span.
    """
    bounds = check_spans(recording_name(recording), [(start, end)])
    with _open_sound(recording, audio_track, channel) as track:
        _skip_to_first(track, bounds)
        [(_, waveform)] = _cut_sound(track, bounds, sampling_rate)
    return waveform


def _skip_to_first(track: "Track | _WaveformTrack", bounds: list[tuple[float, float]]):
    """Skip what lies before all spans; a decoder and a filter need some of it to give what they give in one pass."""
    first = min((start for start, _ in bounds), default=0.0)
    if first - PREROLL > SEEK_GAP:
        track.skip_to(first - PREROLL)


def utterance_waveforms(
    recording: Recording,
    spans: Sequence[Span],
    sampling_rate: int = SAMPLING_RATE,
    audio_track: int | None = None,
    channel: int | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """
    The waveforms of utterances, in one pass over the recording: `(position of the span, waveform (samples,))`, each as soon
    as its span is over. No more than the spans that are open is held in memory.

    Args:
        spans: `(start, end)` in seconds, in any order; they may overlap. None: from the beginning, to the end. An end after
            the end of the sound means that end.
        audio_track, channel: as in [`audio_chunks`].

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording, has no audio track, nothing of it can be decoded, a span is invalid, or, after
            the others were given, when spans start after the end of the sound ([`SpansBeyondEnd`]).
    """
    bounds = check_spans(recording_name(recording), spans)
    with _open_sound(recording, audio_track, channel) as track:
        _skip_to_first(track, bounds)
        yield from _cut_sound(track, bounds, sampling_rate)


class _WaveformTrack:
    """A waveform in memory, read as the audio track of a file is."""

    def __init__(self, waveform: Waveform):
        waveform = check_recording(waveform)
        self.path, self.end, self.channel = recording_name(waveform), 0.0, None
        self.rate, self.array = waveform["sampling_rate"], waveform["array"]
        self.first = 0

    def skip_to(self, time: float):
        """What lies before `time` (seconds) is not needed."""
        self.first = int(time * self.rate)

    def frames(self) -> Iterator[tuple[float, object]]:
        """Frames with their times in seconds."""
        array = self.array
        if self.channel is not None:
            array = array[[min(self.channel, len(array) - 1)]]
        elif len(array) > 2:  # as many microphones, not loudspeakers
            array = array.mean(axis=0, keepdims=True)
        layout = "mono" if len(array) == 1 else "stereo"
        for first in range(self.first, array.shape[1], self.rate):
            samples = np.ascontiguousarray(array[:, first : first + self.rate])
            frame = import_av().AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate = self.rate
            self.end = (first + samples.shape[1]) / self.rate
            yield first / self.rate, frame


@contextmanager
def _open_sound(
    recording: Recording, audio_track: int | None, channel: int | None
) -> "Iterator[Track | _WaveformTrack]":
    """The track that is read, with the `channel` that is read of it, None for the mean of all."""
    track_number, channel = choose_sound(recording, audio_track, channel)
    if is_waveform(recording):
        track = _WaveformTrack(recording)
        track.channel = channel
        yield track
    else:
        with open_track(check_recording(recording), "audio", track_number) as track:
            track.channel = channel
            yield track


class _Run:
    """
    Sound without a hole, of one format, on its way to mono samples of the wanted rate.

    Sample k of the recording is always at k / sampling_rate: a run begins at a multiple of the least common period of both
    rates, with silence before its first sample. So a span is the same wherever decoding begins.
    """

    def __init__(self, track: Track | _WaveformTrack, time: float, frame, sampling_rate: int, channel: int | None):
        self.rate = rate = frame.sample_rate
        if not SAMPLING_RATES[0] <= rate <= SAMPLING_RATES[1]:
            raise ValueError(
                f"{track.path} states a sampling rate of {rate} Hz: this is not speech, or the file is damaged."
            )
        self.format = self._format_of(frame)
        self.end = time
        # 32-bit integers: sums of channels stay in [-1, 1], and a damaged float cannot become NaN
        resampler = functools.partial(import_av().AudioResampler, "s32p", "mono")
        self.channel = channel
        self.to_mono = None if channel is not None or _needs_mean(track, frame) else resampler(rate)
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
            return [_one_channel(frame, self.channel)]
        return [mono.to_ndarray() for mono in self.to_mono.resample(frame)]

    def _resampled(self, arrays: list[np.ndarray]) -> Iterator[tuple[int, np.ndarray]]:
        if self.padding.size and arrays:
            arrays, self.padding = [self.padding, *arrays], self.padding[:, :0]
        if self.to_rate is None:
            yield from self._given(arrays)
            return
        for array in arrays:
            frame = import_av().AudioFrame.from_ndarray(array, format="s32p", layout="mono")
            frame.sample_rate = self.rate
            yield from self._given(mono.to_ndarray() for mono in self.to_rate.resample(frame))

    def _given(self, arrays) -> Iterator[tuple[int, np.ndarray]]:
        for array in arrays:
            yield self.next, array[0].astype(np.float32) * np.float32(2.0**-31)
            self.next += array.shape[1]


_EXACT_CODECS = ("pcm_", "flac", "alac", "wavpack", "tta", "ape")


def _needs_mean(track: Track | _WaveformTrack, frame) -> bool:
    """
    Whether the channels must be averaged, because they are microphones and not loudspeakers. FFmpeg would mix them as
    loudspeakers, and drop the fourth one as the channel of low tones. Formats without loss hold microphones; in others more
    than two channels are loudspeakers, unless their layout is not named.
    """
    if frame.layout.name in ("mono", "stereo"):
        return False
    is_exact = track.stream.codec_context.name.startswith(_EXACT_CODECS)
    return is_exact or frame.layout.nb_channels > 8 or frame.layout.name.endswith("channels")


def _one_channel(frame, channel: int | None) -> np.ndarray:
    """One channel of a frame, or the mean of all, `(1, samples)` int32; the last channel where it has fewer."""
    samples = planes(frame)
    one = samples.mean(axis=0) if channel is None else samples[min(channel, len(samples) - 1)]
    return (one[None] * (2.0**31 - 1)).astype(np.int32)


def _runs(track: Track | _WaveformTrack, sampling_rate: int) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces `(first sample, waveform)` as the time stamps have them, with holes and overlaps."""
    run = None
    for time, frame in track.frames():
        if run is None or not run.continues_with(time, frame):
            if run is not None:
                yield from run.finish()
            run = _Run(track, time, frame, sampling_rate, track.channel)
        yield from run.add(frame)
    if run is None:
        raise ValueError(f"{track.path}: nothing of its sound can be decoded; the file is damaged.")
    yield from run.finish()


def _sound(track: Track | _WaveformTrack, sampling_rate: int, first: int = 0) -> Iterator[tuple[int, np.ndarray]]:
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
    track: Track | _WaveformTrack, bounds: list[tuple[float, float]], sampling_rate: int
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
    check_all_begun(track.path, bounds, waiting, f"sound at {track.end:.2f} s")
