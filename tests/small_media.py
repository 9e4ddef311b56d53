# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Small recordings for the tests, written with PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MILLISECONDS = Fraction(1, 1000)


def write_video(
    path,
    frames: np.ndarray,
    frame_rate: float = 10,
    waveform: np.ndarray | None = None,
    sampling_rate: int = 16000,
    times: list[float] | None = None,
    rotation: int | None = None,
    audio_start: float = 0.0,
    keyframe_interval: int = 12,
) -> Path:
    """
    Write a video (H.264, AAC; in Matroska FLAC) in the container that the suffix names.

    Args:
        frames: `(frames, height, width, 3)` uint8 RGB, of even height and width.
        waveform: `(samples,)` in [-1, 1].
        times: seconds at which the frames appear (variable frame rate).
        rotation: degrees counter-clockwise by which a player turns the frames.
        audio_start: seconds at which the sound begins.
        keyframe_interval: in frames.
    """
    times = [index / frame_rate for index in range(len(frames))] if times is None else times
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=Fraction(frame_rate).limit_denominator(1000))
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = MILLISECONDS
        video.options = {"preset": "ultrafast", "crf": "10", "g": str(keyframe_interval), "threads": "1"}
        if rotation is not None:
            video.set_display_rotation(rotation)
        audio = None
        if waveform is not None:
            audio = container.add_stream("flac" if Path(path).suffix == ".mkv" else "aac", rate=sampling_rate)
            audio.layout = "mono"
        packets = []
        for image, time in zip(frames, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), MILLISECONDS
            packets += video.encode(frame)
        packets += video.encode(None)
        if audio is not None:
            packets += _encoded(audio, waveform, sampling_rate, round(audio_start * sampling_rate))
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return Path(path)


def write_audio(path, waveform: np.ndarray, sampling_rate: int = 16000, codec: str | None = None) -> Path:
    """Write sound `(samples,)` or `(channels, samples)`, in [-1, 1]; the suffix names the container and, if it can, the codec."""
    codec = (
        codec or {".wav": "pcm_s16le", ".flac": "flac", ".mp3": "libmp3lame", ".mkv": "pcm_s16le"}[Path(path).suffix]
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=sampling_rate)
        stream.layout = {1: "mono", 2: "stereo"}[len(np.atleast_2d(waveform))]
        for packet in _encoded(stream, waveform, sampling_rate, 0):
            container.mux(packet)
    return Path(path)


def mux_sound(container, stream, samples: np.ndarray, sampling_rate: int, layout: str = "mono"):
    """Write sound `(channels, samples)`, int16 or float32, of any layout, in the frames that the codec of a stream takes."""
    packed = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="s16" if samples.dtype == np.int16 else "flt", layout=layout)
    frame.sample_rate, frame.pts = sampling_rate, 0
    stream.layout = layout
    context = stream.codec_context
    resampler = av.AudioResampler(context.format, layout, sampling_rate, context.frame_size or 4096)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def write_wav(path, waveform: np.ndarray, sampling_rate: int = 16000) -> Path:
    """Write sound `(samples,)` or `(channels, samples)`, in [-1, 1], as 16-bit PCM."""
    return write_audio(path, waveform, sampling_rate, "pcm_s16le")


def speech_like(seconds: float, sampling_rate: int = 16000, seed: int = 0) -> np.ndarray:
    """A waveform `(samples,)` without repetitions: noise of varying loudness, below 1.4 kHz."""
    samples = round(seconds * sampling_rate)
    noise = np.random.default_rng(seed).uniform(-1, 1, samples + 32)
    smooth = np.convolve(noise, np.hanning(33) / np.hanning(33).sum(), mode="valid")
    return (smooth * (0.5 + 0.4 * np.sin(np.arange(samples) * 7 / sampling_rate))).astype(np.float32)


def numbered_frames(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frames `(count, height, width, 3)` that show their number as eight bright or dark stripes (read by `frame_number`)."""
    bits = (np.arange(count)[:, None] >> np.arange(8)) & 1
    row = np.repeat(bits * 200 + 20, width // 8, axis=1).astype(np.uint8)
    return np.broadcast_to(row[:, None, :, None], (count, height, width, 3))


def frame_number(image: np.ndarray) -> int:
    """The number that a frame of `numbered_frames` shows."""
    width = image.shape[1]
    centers = (np.arange(8) + 0.5) * width / 8
    return int(((image[image.shape[0] // 2, centers.astype(int), 1] > 120) << np.arange(8)).sum())


def _encoded(stream, waveform: np.ndarray, sampling_rate: int, first: int) -> list:
    integers = np.round(np.atleast_2d(np.clip(waveform, -1, 1)) * 32767).astype(np.int16)
    stream.codec_context.time_base = Fraction(1, sampling_rate)
    packets = []
    for begin in range(0, integers.shape[1], 1024):
        block = np.ascontiguousarray(integers[:, begin : begin + 1024])
        frame = av.AudioFrame.from_ndarray(block, format="s16p", layout="mono" if len(block) == 1 else "stereo")
        frame.sample_rate, frame.pts, frame.time_base = sampling_rate, first + begin, Fraction(1, sampling_rate)
        packets += stream.encode(frame)
    return packets + stream.encode(None)
