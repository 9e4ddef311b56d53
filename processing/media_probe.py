# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What a recording holds: duration, tracks, size and rate of its pictures."""

import itertools
from pathlib import Path
from typing import NamedTuple

from .media import (
    beginning_of,
    chosen_stream,
    decode_packet,
    import_av,
    latest_plausible_time,
    naming_errors,
    open_container,
    open_track,
    packets_of,
    streams_of,
)
from .picture_frames import pixel_shape_of, shown_size
from .recorded_sound import Recording, check_recording, is_waveform

PROBED_PACKETS = 100

_ESTIMATED = ("aac", "mp3")
"""Formats without a duration in the file, for which FFmpeg extrapolates that of the first frames."""


class MediaInfo(NamedTuple):
    """
    What a file holds. Seconds; width and height in square pixels, as the picture is shown: after the rotation that the file
    asks for, and with the shape of its pixels.
    """

    duration: float
    has_audio: bool
    has_video: bool
    width: int | None
    height: int | None
    frame_rate: float | None


def probe_media(recording: Recording) -> MediaInfo:
    """
    What a file holds. A cover picture is not a video, and a track without data, as of a camera that was off, is none. The
    duration is that of the longest stream that can be decoded, as the file states it, or measured where it states none or an
    impossible one.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording.
    """
    if is_waveform(recording):
        waveform = check_recording(recording)
        duration = waveform["array"].shape[1] / waveform["sampling_rate"]
        return MediaInfo(duration, True, False, None, None, None)
    path = check_recording(recording)
    with naming_errors(path), open_container(path) as container:
        zero, limit = beginning_of(container), latest_plausible_time(path)
        audio, video = chosen_stream(container, "audio"), chosen_stream(container, "video")
        streams = [stream for stream in (audio, video) if stream is not None]
        if not streams:
            raise ValueError(f"{path} holds neither sound nor video that can be decoded.")
        filled = _with_data(path, streams)
        if audio not in filled and audio is not None:  # of several tracks, the loudest will be read
            filled += _with_data(path, [stream for stream in streams_of(container, "audio") if stream != audio])[:1]
        if filled:  # else the file is damaged, which reading it says
            audio = next((stream for stream in filled if stream.type == "audio"), None)
            video, streams = video if video in filled else None, filled
        duration = _stated_duration(container, streams, zero)
        if not 0 < duration <= limit or container.format.name in _ESTIMATED:
            duration = _measured_duration(path, [stream.index for stream in streams], zero, limit)
        width = height = frame_rate = None
        if video is not None:
            width, height = _upright_size(container, video)
            frame_rate = float(video.average_rate or video.guessed_rate or 0) or None
        return MediaInfo(duration, audio is not None, video is not None, width, height, frame_rate)


def end_of_key_frames(path: str | Path) -> float:
    """
    The time in seconds at which the video of a recording ends, 0 if no key frame can be decoded. Only key frames are decoded,
    because decoding all frames takes long.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is not a recording, or has no video track.
    """
    end, is_decoded = 0.0, False
    with open_track(path, "video") as track:
        track.stream.codec_context.skip_frame = "NONKEY"
        for packet in packets_of(track.container, [track.stream]):
            frames = None if packet is None else decode_packet(track.stream, packet)
            track.damaged += frames is None
            is_decoded = bool(frames) or is_decoded
            if packet is not None and packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base) - track.zero)
    return end if is_decoded else 0.0


def _stated_duration(container, streams: list, zero: float) -> float:
    if all(stream.duration for stream in streams):
        ends = [((stream.start_time or 0) + stream.duration) * stream.time_base for stream in streams]
        return float(max(ends)) - zero
    return (container.duration or 0) / import_av().time_base


def _with_data(path: str | Path, streams: list) -> list:
    """Those of the streams that hold a packet. The file is read until all are known, which is its beginning as a rule."""
    if not streams:
        return []
    found: set[int] = set()
    with open_container(path) as container:
        for packet in packets_of(container, [container.streams[stream.index] for stream in streams]):
            if packet is not None and packet.size:
                found.add(packet.stream.index)
                if len(found) == len(streams):
                    break
    return [stream for stream in streams if stream.index in found]


def _measured_duration(path: str | Path, indices: list[int], zero: float, limit: float) -> float:
    longest = 0.0
    with open_container(path) as container:
        for packet in packets_of(container, [container.streams[index] for index in indices]):
            if packet is not None and packet.pts is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base) - zero
                longest = max(longest, end if end <= limit else 0.0)
    return longest


def _upright_size(container, video) -> tuple[int, int]:
    for packet in itertools.islice(packets_of(container, [video]), PROBED_PACKETS):
        for frame in decode_packet(video, packet) or ():
            width, height = map(round, shown_size(frame.width, frame.height, pixel_shape_of(video)))
            return (height, width) if abs(frame.rotation) in (90, 270) else (width, height)
    context = video.codec_context
    width, height = map(round, shown_size(context.width, context.height, pixel_shape_of(video)))
    return width, height
