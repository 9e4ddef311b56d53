"""Recordings with wrong headers, and damaged recordings."""

import functools
import io
import struct

import numpy as np
import scipy.io.wavfile
from hypothesis import strategies as st

from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.sound_tracks import read_audio
from tests.fuzz.given_input import Given
from tests.fuzz.nasty_values import damaged_bytes, damaged_head

RATE = 16000
SUFFIXES = {
    "wav": ".wav",
    "flac": ".flac",
    "mp3": ".mp3",
    "mp4": ".mp4",
    "matroska": ".mkv",
    "ogg": ".ogg",
    "avi": ".avi",
}
CODECS = {
    "wav": "pcm_s16le",
    "flac": "flac",
    "mp3": "mp3",
    "mp4": "aac",
    "matroska": "aac",
    "ogg": "flac",
    "avi": "pcm_s16le",
}


@functools.cache
def recording(container: str) -> bytes:
    """Half a second of a tone in a container."""
    import av

    tone = (np.sin(np.arange(RATE // 2) / 20) * 9000).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(CODECS[container], rate=RATE, layout="mono")
        for start in range(0, len(tone), 1024):
            samples = np.ascontiguousarray(tone[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


@functools.cache
def wave() -> bytes:
    file = io.BytesIO()
    scipy.io.wavfile.write(file, RATE, (np.sin(np.arange(800) / 20) * 9000).astype(np.int16))
    return file.getvalue()


@st.composite
def odd_recordings(draw) -> Given:
    """A short recording with a damaged header or damaged bytes."""
    container = draw(st.sampled_from(sorted(SUFFIXES)))
    what = draw(st.sampled_from(("header", "header", "bytes", "head", "head", "other")))
    content, suffix = recording(container), SUFFIXES[container]
    if what == "header":
        content, suffix = wave(), ".wav"
        place, size = draw(
            st.sampled_from([(4, 4), (16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2), (40, 4)])
        )
        number = draw(st.sampled_from([0, 1, 2, 3, 7, 8, 65535, 2**31 - 1, 2**31, 2**32 - 1, 4000, 768001, 0xFFFE]))
        number %= 2 ** (8 * size)
        content = content[:place] + struct.pack("<I" if size == 4 else "<H", number) + content[place + size :]
        what = f"header at {place}: {number}"
    elif what == "bytes":
        content = draw(damaged_bytes(content))
    elif what == "head":
        content = draw(damaged_head(content))
    else:
        suffix = draw(st.sampled_from(sorted(SUFFIXES.values())))
    return Given(content, suffix, what=f"{container}: {what}")


def read_recording(path, given: Given):
    """
    Probe a recording, and read its sound.

    Raises:
        AssertionError: if the sound is not valid.
    """
    info = probe_media(path)
    assert np.isfinite(info.duration) and 0 <= info.duration <= 24 * 3600, f"{info.duration} s"
    sound = read_audio(path, sampling_rate=RATE)
    assert sound.ndim == 1 and np.isfinite(sound).all() and np.abs(sound).max(initial=0) <= 8.0, "samples"
