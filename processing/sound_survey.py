# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
How loud the audio tracks of a recording are and how its channels relate, measured on a sample of it, to decide which track
and which mix of channels is read.
"""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .media import import_av, naming_errors, open_container, open_track, streams_of, warn_once
from .plain_values import count_of_value
from .recorded_sound import Recording, Waveform, check_recording, is_waveform, recording_name

SURVEYED_WHOLE = 600.0
"""Seconds; of a longer recording [`STRETCHES`] of [`STRETCH_SECONDS`] are surveyed, evenly spaced."""
STRETCHES = 30
STRETCH_SECONDS = 10.0
FRAME_SECONDS = 0.05

CANCELLED = 0.1
"""
Channels cancel each other when the power of their mean is below this share of what it would be if they were unrelated: a
correlation below -0.9.
"""
LEAST_POWER = 1e-8  # -80 dB of full scale: less is silence
LOUDER = 2.0  # power: a track must be 3 dB louder to be preferred to the one that a player would choose


class TrackSurvey(NamedTuple):
    """
    How loud one audio track is, in the surveyed parts of the recording.

    Attributes:
        powers: the mean square of each channel, 1 at full scale.
        mean_power: the mean square of the mean of the channels.
        frames: `(frames, channels)`, the mean square of each channel in frames of about 50 ms.
    """

    powers: tuple[float, ...]
    mean_power: float
    frames: np.ndarray

    @property
    def loudest_channel(self) -> int:
        return int(np.argmax(self.powers))

    @property
    def is_cancelled(self) -> bool:
        """Whether the channels cancel each other when they are added."""
        unrelated = sum(self.powers) / len(self.powers) ** 2
        return len(self.powers) > 1 and unrelated > LEAST_POWER and self.mean_power < CANCELLED * unrelated


class SoundChoice(NamedTuple):
    """
    What is read of a recording's sound.

    Attributes:
        track: the number of the audio track, from 0; None is the only one, or the one that a player would choose.
        channel: the number of the channel, from 0; None is the mean of all.
    """

    track: int | None
    channel: int | None


def choose_sound(recording: Recording, audio_track: int | None = None, channel: int | None = None) -> SoundChoice:
    """
    The audio track and the channels of a recording that are read.

    Of several tracks the loudest is taken. Channels are averaged, unless they cancel each other: then the loudest is taken.
    Each choice that is not obvious is logged as a warning, once for each file in a process.

    Args:
        recording: a file, or a waveform with its sampling rate.
        audio_track: the number of the track, from 1, where the user chose it.
        channel: the number of the channel, from 0, where the user chose it.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording, or has no such track or channel.
    """
    checked = check_recording(recording)
    name = recording_name(recording)
    audio_track = count_of_value(audio_track, "audio_track", name, least=1)
    channel = count_of_value(channel, "audio_channel", name, least=0)
    if is_waveform(recording):
        if channel is None:
            return SoundChoice(None, _channel(checked))
        _check_channel(name, channel, len(checked["array"]))
        return SoundChoice(None, channel)
    path = checked
    channels = channels_of_tracks(path)
    if audio_track is not None and audio_track > len(channels):
        raise ValueError(f"{path} has no audio track {audio_track}: its {len(channels)} tracks are counted from 1.")
    if audio_track is not None:
        track = audio_track - 1
    elif len(channels) > 1:
        track = _loudest_track(path)
    else:
        track = None
    if channel is not None and channels:
        stated = channels[track or 0]
        # what is decoded may have more channels than the file states
        _check_channel(name, channel, stated if channel < stated else len(survey_track(path, track or 0).powers))
        return SoundChoice(track, channel)
    if not channels or channels[track or 0] == 1:
        return SoundChoice(track, None)
    survey = survey_track(path, track or 0)
    channel = survey.loudest_channel if survey.is_cancelled else None
    if channel is not None:
        warn_once(
            str(path),
            f"{path}: the channels of its sound cancel each other out when they are mixed (opposite phase), so channel "
            f"{channel + 1} is read alone.",
            "phase",
        )
    return SoundChoice(track, channel)


def _check_channel(name: str, channel: int, number: int):
    if channel >= number:
        one = "it has one channel" if number == 1 else f"it has {number} channels"
        raise ValueError(f"{name} has no audio channel {channel}: {one}, counted from 0.")


def channels_of_tracks(path: str | Path) -> list[int]:
    """How many channels each audio track of a file has, as the file states it."""
    with naming_errors(path), open_container(path) as container:
        return [stream.codec_context.layout.nb_channels for stream in streams_of(container, "audio")]


def survey_track(path: str | Path, track: int) -> TrackSurvey:
    """
    How loud an audio track of a file is, and how its channels relate. A file that did not change is surveyed once.

    Args:
        track: its number, from 0.
    """
    status = Path(path).stat()
    return _survey(str(path), track, status.st_mtime_ns, status.st_size)


def _channel(waveform) -> int | None:
    """The one channel that is read of a waveform whose channels cancel each other, or None."""
    survey = _surveyed(_pieces(waveform))
    return survey.loudest_channel if survey.is_cancelled else None


def channel_powers(recording: Recording, audio_track: int | None = None) -> np.ndarray:
    """
    How loud each channel of a recording is in the course of time, in the surveyed parts of it.

    Returns:
        `(frames, channels)`, the mean square of each channel in frames of about 50 ms.

    Raises:
        FileNotFoundError, ValueError: as in [`choose_sound`].
    """
    if is_waveform(recording):
        waveform = check_recording(recording)
        return _surveyed(_pieces(waveform)).frames
    path = check_recording(recording)
    track = choose_sound(path, audio_track).track or 0
    channels = channels_of_tracks(path)
    if not channels or channels[track] == 1:
        return np.zeros((0, 1))
    return survey_track(path, track).frames


def _loudest_track(path: Path) -> int:
    with naming_errors(path), open_container(path) as container:
        streams = streams_of(container, "audio")
        best = container.streams.best("audio")
        usual = streams.index(best) if best in streams else 0
    powers = [max(survey_track(path, number).powers, default=0.0) for number in range(len(streams))]
    loudest = int(np.argmax(powers))
    if powers[loudest] < LOUDER * powers[usual]:
        loudest = usual
    levels = ", ".join(f"track {number} {_decibels(power)}" for number, power in enumerate(powers, start=1))
    warn_once(
        str(path),
        f"{path} has {len(streams)} audio tracks ({levels}): track {loudest + 1} is read. Choose another with audio_track "
        "(--audio_track).",
        "tracks",
    )
    return loudest


def _decibels(power: float) -> str:
    return f"{10 * np.log10(power):.0f} dB" if power >= LEAST_POWER else "silent"


@functools.lru_cache(maxsize=256)
def _survey(path: str, track: int, changed: int, size: int) -> TrackSurvey:
    return _surveyed(_sampled(path, track))


def _surveyed(pieces: Iterable[tuple[np.ndarray, int]]) -> TrackSurvey:
    """The survey of pieces `(channels, samples)`, each with its sampling rate."""
    frames, means, samples, channels = [], 0.0, 0, 0
    for array, rate in pieces:
        if len(array) > channels:  # a track may change its layout: what has fewer channels does not show their relation
            frames, means, samples, channels = [], 0.0, 0, len(array)
        if len(array) == channels and array.shape[1]:
            parts = np.array_split(array, max(1, round(array.shape[1] / (rate * FRAME_SECONDS))), axis=1)
            frames += [np.square(part).mean(axis=1, dtype=np.float64) for part in parts]
            means += float(np.square(array.mean(axis=0)).sum())
            samples += array.shape[1]
    powers = np.stack(frames) if frames else np.zeros((0, 1))
    return TrackSurvey(tuple(powers.mean(axis=0).tolist()) if frames else (0.0,), means / max(samples, 1), powers)


def _pieces(waveform: Waveform) -> Iterator[tuple[np.ndarray, int]]:
    """A waveform in pieces of a second."""
    array, rate = waveform["array"], waveform["sampling_rate"]
    for first in range(0, array.shape[1], rate):
        yield array[:, first : first + rate], rate


def _sampled(path: str, number: int) -> Iterator[tuple[np.ndarray, int]]:
    """Pieces `(channels, samples)` of a track with their sampling rate: all of a short one, evenly spaced stretches of a long one."""
    with open_track(path, "audio", number) as track:
        seconds = track.stated_end if track.stated_end < track.limit else 0.0
        step = 0.0 if seconds <= SURVEYED_WHOLE else seconds / STRETCHES
        begin = 0.0
        for time, frame in track.frames():
            if step and time >= begin + STRETCH_SECONDS:
                begin += step
                track.skip_to(begin)
            if not step or begin <= time < begin + STRETCH_SECONDS:
                yield planes(frame).astype(np.float32), frame.sample_rate


_MISCOUNTED = 8
"""The number of channels from which PyAV 18 looks for one plane too many, and crashes."""


def planes(frame) -> np.ndarray:
    """The samples of a decoded frame, `(channels, samples)` float64 in [-1, 1]."""
    if frame.format.is_planar and frame.layout.nb_channels >= _MISCOUNTED:
        packed = import_av().AudioResampler(frame.format.packed, frame.layout, frame.sample_rate)
        frame.pts = None
        [frame] = packed.resample(frame)
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype.kind == "f":
        return np.nan_to_num(samples.astype(np.float64)).clip(-1, 1)
    bits = 8 * samples.dtype.itemsize
    return (samples.astype(np.float64) - (2.0**7 if samples.dtype.kind == "u" else 0)) * 2.0 ** (1 - bits)
