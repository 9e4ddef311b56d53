# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Decoding recordings: times, spans, seeking, damage, and memory."""

import logging
import os
import random
import re
import shutil
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

import av
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from modeling_amuse.processing import media, picture_frames
from modeling_amuse.processing.media_probe import MediaInfo, probe_media
from modeling_amuse.processing.picture_frames import utterance_frames
from modeling_amuse.processing.sound_tracks import audio_chunks, read_audio, utterance_waveforms
from tests.damaged_files import damaged_recordings
from tests.small_media import frame_number, mux_sound, numbered_frames, speech_like, write_audio, write_video, write_wav

QUANTIZATION = 1e-4  # of 16-bit samples
LOSSY = 0.05
WHOLE = [(None, None)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def speech():
    return speech_like(4.0)


@pytest.fixture(scope="module")
def wav(folder, speech):
    return write_wav(folder / "speech.wav", speech)


@pytest.fixture(scope="module")
def mp4(folder, speech):
    return write_video(folder / "speech.mp4", numbered_frames(40), 10, speech)


@pytest.fixture(scope="module")
def silent_mp4(folder):
    return write_video(folder / "silent.mp4", numbered_frames(40), 10)


@pytest.fixture(scope="module")
def hour(folder):
    """A video of 120 s with 2 frames per second and a key frame every 5 s."""
    return write_video(folder / "hour.mp4", numbered_frames(240), 2, keyframe_interval=10)


@pytest.fixture
def converted(monkeypatch):
    """The times of the decoded frames, and the number of frames that are converted."""
    seen = {"decoded": [], "converted": 0}
    frames, image = media.Track.frames, picture_frames._Picture.image.func

    def counted_frames(track):
        for item in frames(track):
            seen["decoded"].append(item[0])
            yield item

    def counted_image(picture):
        seen["converted"] += 1
        return image(picture)

    monkeypatch.setattr(media.Track, "frames", counted_frames)
    counted = picture_frames.functools.cached_property(counted_image)
    counted.__set_name__(picture_frames._Picture, "image")
    monkeypatch.setattr(picture_frames._Picture, "image", counted)
    return seen


def shown(path, spans, frames_per_second=5.0, **arguments):
    """`(time, number on the frame, spans)` of each frame."""
    frames = utterance_frames(path, spans, frames_per_second, **arguments)
    return [(round(frame.time, 6), frame_number(frame.image), frame.utterances) for frame in frames]


# ------------------------------------------------------------------------------------------------------- what it is


def test_probe(wav, mp4, silent_mp4, folder):
    assert probe_media(wav) == MediaInfo(4.0, True, False, None, None, None)
    assert probe_media(str(mp4)) == MediaInfo(4.0, True, True, 64, 48, 10.0)
    assert probe_media(silent_mp4) == MediaInfo(4.0, False, True, 64, 48, 10.0)
    turned = write_video(folder / "turned.mp4", numbered_frames(5), rotation=90)
    assert probe_media(turned)[3:5] == (48, 64)


def test_a_duration_that_the_header_lacks_is_measured(folder, speech):
    path = write_video(folder / "live.mkv", numbered_frames(40), 10, speech)
    data = path.read_bytes()
    key = data.index(b"\x44\x89\x88")  # Duration, 8 bytes, becomes a void element of the same length
    path.write_bytes(data[:key] + b"\xec\x89" + bytes(9) + data[key + 11 :])
    assert probe_media(path).duration == pytest.approx(4.0, abs=0.05)


def test_a_cover_picture_is_no_video(folder, speech):
    import av

    path = folder / "cover.mp3"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("libmp3lame", rate=16000)
        sound.layout = "mono"
        cover = container.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        for packet in cover.encode(image) + cover.encode(None):
            container.mux(packet)
        frame = av.AudioFrame.from_ndarray((speech[None] * 32767).astype(np.int16), format="s16p", layout="mono")
        frame.sample_rate = 16000
        for packet in sound.encode(frame) + sound.encode(None):
            container.mux(packet)
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    assert probe_media(path)[1:3] == (True, False)
    with pytest.raises(ValueError, match="no video track"):
        list(utterance_frames(path, WHOLE))


# ------------------------------------------------------------------------------------------------------------ sound


@pytest.mark.parametrize(("suffix", "tolerance"), [(".wav", QUANTIZATION), (".flac", QUANTIZATION), (".mp3", LOSSY)])
def test_sound_is_what_was_written(folder, speech, suffix, tolerance):
    waveform = read_audio(write_audio(folder / f"written{suffix}", speech))
    assert waveform.dtype == np.float32 and waveform.shape == speech.shape
    assert np.abs(waveform - speech).max() < tolerance


def test_sound_of_a_video_starts_with_the_video(mp4, speech):
    waveform = read_audio(mp4)
    assert np.abs(waveform[: len(speech)] - speech).max() < LOSSY


@pytest.mark.parametrize("sampling_rate", [8000, 22050, 44100, 48000])
def test_resampling_keeps_time_and_tone(folder, sampling_rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * sampling_rate) / sampling_rate)
    waveform = read_audio(write_wav(folder / "tone.wav", tone, sampling_rate))
    assert abs(len(waveform) - 32000) <= 1
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(waveform)) / 16000)
    assert np.abs(waveform - expected)[200:-200].max() < 1e-3


def test_channels_are_averaged_and_stay_in_range(folder):
    left, right = np.full(8000, 0.9), np.full(8000, 0.9)
    assert read_audio(write_wav(folder / "loud.wav", np.stack([left, right])))[4000] == pytest.approx(0.9, abs=1e-3)
    half = read_audio(write_wav(folder / "half.wav", np.stack([left, 0 * right])))
    assert half[4000] == pytest.approx(0.45, abs=1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_that_starts_late_is_filled_with_silence(folder, speech, suffix):
    path = write_video(folder / f"late{suffix}", numbered_frames(40), 10, speech, audio_start=0.5)
    waveform = read_audio(path)
    assert np.abs(waveform[:7900]).max() < 0.01  # a lossy encoder blurs edges
    assert np.abs(waveform[8000:][: len(speech)] - speech).max() < LOSSY


def remux(source, target, moved):
    """Copy the sound of a recording. `moved` gives the new time of each packet in seconds, or None to omit it."""
    import av

    with av.open(str(source)) as opened, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(opened.streams.audio[0])
        for packet in opened.demux(audio=0):
            if packet.dts is None:
                continue
            seconds = moved(float(packet.pts * packet.time_base))
            if seconds is not None:
                # presentation times may decrease, decoding times may not; the recording begins at the earliest presentation time
                packet.pts = round((seconds + 1) / packet.time_base)
                packet.stream = stream
                container.mux(packet)
    return target


def test_holes_are_filled_and_overlaps_are_cut(folder, speech):
    source = write_audio(folder / "source.mkv", speech)  # packets of 64 ms
    hole = read_audio(remux(source, folder / "hole.mkv", lambda t: None if 1.0 <= t < 2.0 else t))
    silent = np.flatnonzero(np.abs(hole - speech) > QUANTIZATION)
    assert hole.shape == speech.shape and np.all(hole[silent] == 0)
    assert 15000 < len(silent) < 17500 and 15900 < silent[0] < 17100
    overlap = read_audio(remux(source, folder / "overlap.mkv", lambda t: t if t < 2.0 else t - 0.512))
    assert len(overlap) == pytest.approx(len(speech) - 0.512 * 16000, abs=32)
    assert np.abs(overlap[:32000] - speech[:32000]).max() < QUANTIZATION
    assert np.abs(overlap[33000:] - speech[33000 + 8192 :]).max() < QUANTIZATION


def test_chunks_follow_each_other(wav, speech):
    chunks = list(audio_chunks(wav, chunk_seconds=1.5))
    assert [start for start, _ in chunks] == [0.0, 1.5, 3.0]
    assert [len(samples) for _, samples in chunks] == [24000, 24000, 16000]
    assert np.array_equal(np.concatenate([samples for _, samples in chunks]), read_audio(wav))
    with pytest.raises(ValueError, match="chunk_seconds"):
        list(audio_chunks(wav, chunk_seconds=0))


spans_of_four_seconds = st.lists(
    st.tuples(st.floats(0, 3.9), st.floats(0.001, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
    | st.sampled_from([(None, None), (None, 1.0), (2.5, None)]),
    max_size=8,
)


@given(spans=spans_of_four_seconds)
def test_any_spans_are_slices_of_the_whole(wav, spans):
    whole = read_audio(wav)
    given_waveforms = dict(utterance_waveforms(wav, spans))
    assert sorted(given_waveforms) == list(range(len(spans)))
    for number, (start, end) in enumerate(spans):
        first = round((start or 0) * 16000)
        last = len(whole) if end is None else max(round(end * 16000), first + 1)
        assert np.array_equal(given_waveforms[number], whole[first:last])
        assert np.array_equal(given_waveforms[number], read_audio(wav, start, end))


def test_waveforms_are_given_as_soon_as_their_spans_are_over(wav):
    order = [number for number, _ in utterance_waveforms(wav, [(3.0, 3.5), (0.5, 3.8), (0.2, 0.4), (0.2, 0.4)])]
    assert order[:2] in ([2, 3], [3, 2]) and order[2:] == [0, 1]
    assert list(utterance_waveforms(wav, [])) == []


@pytest.mark.parametrize(
    ("suffix", "sampling_rate"), [(".wav", 44100), (".flac", 16000), (".mkv", 48000), (".mp3", 44100)]
)
def test_seeking_gives_what_one_pass_gives(folder, suffix, sampling_rate, monkeypatch):
    path = write_audio(folder / f"long{suffix}", speech_like(30, sampling_rate), sampling_rate)
    whole = read_audio(path)
    for start, end in [(11.7, 12.1), (20.123456, 21.0), (29.5, None), (11.0001, 40.0)]:
        expected = whole[round(start * 16000) : None if end is None else round(end * 16000)]
        waveform = read_audio(path, start, end)
        assert waveform.shape == expected.shape
        assert np.abs(waveform - expected).max() < 1e-4


def test_reading_the_end_of_a_recording_does_not_decode_its_beginning(folder, converted):
    path = write_wav(folder / "searched.wav", speech_like(60))
    read_audio(path, 50.0, 50.5)
    assert min(converted["decoded"]) > 48 and max(converted["decoded"]) < 51


def test_a_long_recording_takes_no_memory(folder):
    path = write_wav(folder / "minutes.wav", np.tile(speech_like(10), 30))  # 300 s: 19.2 MB as float32
    tracemalloc.start()
    try:
        assert sum(len(samples) for _, samples in audio_chunks(path)) == 300 * 16000
        chunks_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        spans = [(start, start + 3.0) for start in range(295)]
        assert sum(len(samples) for _, samples in utterance_waveforms(path, spans)) == 295 * 3 * 16000
        spans_peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert chunks_peak < 4e6 and spans_peak < 2e6


# --------------------------------------------------------------------------------------------------------- pictures


def test_frames_of_overlapping_spans(silent_mp4):
    frames = shown(silent_mp4, [(1.0, 1.5), (0.55, 1.2), (0.31, 0.35)])
    assert frames == [
        (0.33, 3, (2,)),  # the span contains no time of the grid, so its middle is used
        (0.6, 6, (1,)),
        (0.8, 8, (1,)),
        (1.0, 10, (0, 1)),
        (1.2, 12, (0,)),
        (1.4, 14, (0,)),
    ]


def test_the_whole_video(silent_mp4):
    assert shown(silent_mp4, WHOLE) == [(k / 5, 2 * k, (0,)) for k in range(20)]
    assert shown(silent_mp4, WHOLE, 20) == [(k / 20, k // 2, (0,)) for k in range(80)]


def test_frames_stay_on_the_screen_until_the_next(folder):
    times = [0.0, 0.1, 0.45, 2.05, 2.1, 3.0]
    path = write_video(folder / "variable.mp4", numbered_frames(6), 10, times=times)
    expected = [(k / 5, int(np.searchsorted(times, k / 5, side="right")) - 1, (0,)) for k in range(16)]
    assert shown(path, [(0.0, 3.05)]) == expected


@given(
    gaps=st.lists(st.integers(10, 900), min_size=1, max_size=8),
    spans=st.lists(st.tuples(st.floats(0, 1.0), st.floats(0.01, 3)), min_size=1, max_size=5),
)
def test_any_frame_rate_shows_the_last_frame_before(tmp_path_factory, gaps, spans):
    times = [0.0, *(np.cumsum(gaps) / 1000).tolist()]
    path = write_video(tmp_path_factory.mktemp("rates") / "v.mp4", numbered_frames(len(times)), times=times)
    length = times[-1]
    spans = [(start * length * 0.99, start * length * 0.99 + duration) for start, duration in spans]
    frames = shown(path, spans)
    for number, (start, end) in enumerate(spans):
        own = [frame for frame in frames if number in frame[2]]
        grid = [k / 5 for k in range(round(end * 5) + 2) if start <= k / 5 < end]
        if grid and grid[0] < length:
            times_shown = [time for time, _, _ in own]
            assert times_shown == grid[: len(own)] and all(time > length for time in grid[len(own) :])
        else:
            assert len(own) == 1
        for seconds, shown_number, _ in own:
            # times in the file are rounded to milliseconds
            assert shown_number in {
                int(np.searchsorted(times, seconds + shift, side="right")) - 1 for shift in (-0.0011, 0.0, 0.0011)
            }


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_frames_are_upright(folder, rotation):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32] = (250, 0, 0)
    image[24:, 32:] = (0, 0, 250)
    path = write_video(folder / f"turned{rotation}.mp4", np.stack([image] * 5), rotation=rotation)
    frame = next(utterance_frames(path, WHOLE))
    expected = np.rot90(image, rotation // 90)
    assert frame.image.shape == expected.shape and frame.image.dtype == np.uint8
    assert np.median(np.abs(frame.image.astype(int) - expected)) < 10
    small = next(utterance_frames(path, WHOLE, longest_side=32))
    assert max(small.image.shape) == 32 and small.image.shape[0] * 2 == expected.shape[0]
    assert next(utterance_frames(path, WHOLE, longest_side=500)).image.shape == expected.shape


def test_far_gaps_are_skipped(hour, converted):
    spans = [(100.0, 101.0), (2.0, 3.0), (50.2, 50.3)]
    assert shown(hour, spans, 1.0) == [(2.0, 4, (1,)), (50.25, 100, (2,)), (100.0, 200, (0,))]
    assert converted["converted"] == 3
    assert len(converted["decoded"]) < 60  # of 240


def test_gaps_are_decoded_where_seeking_fails(folder, hour, converted, monkeypatch):
    monkeypatch.setattr(picture_frames, "SEEK_GAP", 1e9)
    spans = [(100.0, 101.0), (2.0, 3.0), (50.2, 50.3)]
    expected = shown(hour, spans)
    monkeypatch.setattr(picture_frames, "SEEK_GAP", 10.0)
    one_key = write_video(folder / "one_key.mp4", numbered_frames(240), 2, keyframe_interval=1000)
    assert shown(one_key, spans) == expected
    # in this file, seeking ends after the requested time
    stamp = media.Track._stamp
    sought = media.Track._sought

    def overshooting(track, target):
        monkeypatch.setattr(media.Track, "_stamp", lambda self, frame: stamp(self, frame) + 100)
        try:
            return sought(track, target)
        finally:
            monkeypatch.setattr(media.Track, "_stamp", stamp)

    monkeypatch.setattr(media.Track, "_sought", overshooting)
    assert shown(hour, spans) == expected


def test_decoding_ends_with_the_last_span(hour, converted):
    shown(hour, [(0.0, 3.0)])
    assert max(converted["decoded"]) < 5


# -------------------------------------------------------------------------------------------------------- bad input


def both(path, spans):
    """The sound and the pictures of spans, if the file has any."""
    info = probe_media(path)
    assert np.isfinite(info.duration) and info.duration >= 0
    waveforms = list(utterance_waveforms(path, spans)) if info.has_audio else []
    frames = list(utterance_frames(path, spans, longest_side=32)) if info.has_video else []
    return info, waveforms, frames


@pytest.mark.parametrize(
    "span",
    [(2.0, 1.0), (1.0, 1.0), (float("nan"), 1.0), (0.0, float("nan")), (0.0, float("inf")), (-0.1, 1.0), (-1e308, 1.0)],
)
def test_spans_that_are_none(mp4, span):
    for give in (utterance_waveforms, utterance_frames):
        with pytest.raises(ValueError, match=re.escape(f"speech.mp4: span 1 is from {span[0]} to {span[1]} s")):
            list(give(mp4, [(0.0, 1.0), span]))
    with pytest.raises(ValueError, match="start < end"):
        read_audio(mp4, *span)


@pytest.mark.parametrize("channels", [3, 4, 6, 9, 16])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
def test_each_microphone_of_a_file_is_heard(tmp_path, channels, dtype):
    """Several microphones without positions. FFmpeg would treat the fourth as a subwoofer."""
    tone = np.sin(np.arange(16000) / 10)
    for channel in range(channels):
        sound = np.zeros((16000, channels))
        sound[:, channel] = tone / 2
        full, middle = {"int16": (2**15, 0), "uint8": (2**7, 2**7), "float32": (1, 0)}[dtype.__name__]
        wavfile.write(tmp_path / "talk.wav", 16000, (sound * full + middle).astype(dtype))
        heard = read_audio(tmp_path / "talk.wav")
        np.testing.assert_allclose(heard, tone / 2 / channels, atol=0.02)


@pytest.mark.parametrize("channels", [3, 4, 6, 8])
@pytest.mark.parametrize(
    ("suffix", "codec"), [("flac", "flac"), ("mkv", "wavpack"), ("wv", "wavpack"), ("mka", "flac")]
)
def test_each_microphone_of_a_file_without_loss_is_heard(tmp_path, channels, suffix, codec):
    tone = np.sin(np.arange(16000) / 10)
    layout = {3: "2.1", 4: "4.0", 6: "5.1", 8: "7.1"}[channels]
    for channel in range(channels):
        sound = np.zeros((channels, 16000), np.int16)
        sound[channel] = np.round(tone * 16000)
        path = tmp_path / f"talk.{suffix}"
        with av.open(str(path), "w") as container:
            mux_sound(container, container.add_stream(codec, rate=16000), sound, 16000, layout)
        np.testing.assert_allclose(read_audio(path), tone * 16000 / 32768 / channels, atol=0.02)


@pytest.mark.parametrize("suffix", ["mkv", "webm"])  # FFmpeg writes no empty track into mp4
@pytest.mark.parametrize("empty", ["video", "audio"])
def test_a_track_without_data_is_none(tmp_path, suffix, empty):
    """A recorder whose camera or microphone was never on."""
    path = tmp_path / f"talk.{suffix}"
    codecs = ("libvpx", "libopus") if suffix == "webm" else ("libx264", "aac")
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream(codecs[0], rate=10), container.add_stream(codecs[1], rate=48000)
        video.width, video.height, video.pix_fmt, audio.layout = 64, 48, "yuv420p", "mono"
        if empty == "audio":
            for number in range(20):
                frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
                frame.pts = number
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        else:
            mux_sound(container, audio, np.zeros((1, 96000), np.float32), 48000)
    with av.open(str(path)) as container:
        assert len(container.streams) == 2
    info = probe_media(path)
    assert (info.has_audio, info.has_video) == (empty == "video", empty == "audio")
    assert info.duration == pytest.approx(2.0, abs=0.1)


def test_of_several_sound_tracks_the_filled_ones_count(tmp_path):
    path = tmp_path / "talk.mkv"
    with av.open(str(path), "w") as container:
        empty, filled = container.add_stream("flac", rate=16000), container.add_stream("flac", rate=16000)
        empty.layout, empty.disposition = "mono", av.stream.Disposition.default
        mux_sound(container, filled, np.full((1, 32000), 3000, np.int16), 16000)
    info = probe_media(path)
    assert info.has_audio and not info.has_video and info.duration == pytest.approx(2.0, abs=0.1)
    np.testing.assert_allclose(read_audio(path), 3000 / 32768, atol=1e-3)


@pytest.mark.parametrize(
    ("suffix", "codec", "options"), [("aac", "aac", {}), ("mp3", "libmp3lame", {"write_xing": "0"})]
)
@pytest.mark.parametrize("quiet_first", [True, False])
def test_a_duration_that_a_file_does_not_state_is_measured(tmp_path, suffix, codec, options, quiet_first):
    """FFmpeg extrapolates the bit rate of the first frames."""
    loud, path = speech_like(20.0, 44100), tmp_path / f"talk.{suffix}"
    quiet = np.zeros(20 * 44100, np.float32)
    sound = np.concatenate([quiet, loud] if quiet_first else [loud, quiet])[None]
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=44100)
        stream.options = {"q": "5"}
        mux_sound(container, stream, sound, 44100)
    assert probe_media(path).duration == pytest.approx(40.0, abs=0.2)


@pytest.mark.parametrize("start", [4.5, 60.0, 1e12, 8e307])
def test_spans_after_the_end(mp4, wav, start):
    given_waveforms = utterance_waveforms(wav, [(start, start * 2), (1.0, 2.0)])
    assert next(given_waveforms)[0] == 1
    with pytest.raises(ValueError, match=r"span 0, from .* starts after the end of the sound at 4\.00 s"):
        next(given_waveforms)
    with pytest.raises(ValueError, match=r"span 0, from .* starts after the end of the video at 4\.00 s"):
        list(utterance_frames(mp4, [(start, start * 2), (1.0, 2.0)]))
    with pytest.raises(ValueError, match="after the end of the sound"):
        read_audio(wav, start)


def test_ends_after_the_end_are_clamped(mp4, wav):
    assert len(read_audio(wav, 3.5, 1e9)) == 8000
    assert shown(mp4, [(3.7, 99.0)]) == [(3.8, 38, (0,))]
    assert shown(mp4, [(3.9, 99.0)]) == [(3.95, 39, (0,))]
    assert len(read_audio(wav, -0.0, 1.0)) == 16000


def test_missing_tracks(wav, silent_mp4):
    for give in (
        lambda: list(audio_chunks(silent_mp4)),
        lambda: read_audio(silent_mp4),
        lambda: list(utterance_waveforms(silent_mp4, WHOLE)),
    ):
        with pytest.raises(ValueError, match=r"silent\.mp4 has no audio track"):
            give()
    with pytest.raises(ValueError, match=r"speech\.wav has no video track"):
        list(utterance_frames(wav, WHOLE))
    with pytest.raises(ValueError, match="frames_per_second"):
        list(utterance_frames(silent_mp4, WHOLE, 0))


def test_files_that_are_no_recordings(tmp_path, wav):
    with pytest.raises(FileNotFoundError, match=r"absent\.mp4"):
        probe_media(tmp_path / "absent.mp4")
    contents = {
        "empty.mp4": b"",
        "text.mp4": b"Ada: I got the job!\n" * 50,
        "noise.wav": random.Random(0).randbytes(5000),
        "list.mp4": b"ffconcat version 1.0\nfile other.wav\n",  # it names an existing recording
        "playlist.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{wav}\n".encode(),
        "page.mp4": b"<!DOCTYPE html><html><body>404</body></html>" * 20,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    shutil.copy(wav, tmp_path / "other.wav")
    for path in [*(tmp_path / name for name in contents), tmp_path]:
        for read in (probe_media, read_audio, lambda path: list(utterance_frames(path, WHOLE))):
            with pytest.raises(ValueError, match=path.name):
                read(path)


def test_names_that_look_like_something_else(tmp_path, wav):
    for name in ("a:b.wav", "100%.wav", "say \u201chi\u201d #1?.wav", "wrong.mp4"):
        shutil.copy(wav, tmp_path / name)
        assert len(read_audio(tmp_path / name)) == 64000


def test_damaged_packets_are_left_out_with_one_warning(folder, mp4, speech, caplog, capfd):
    import av

    with av.open(str(mp4)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray(mp4.read_bytes())
    for position, size in packets[20:24]:
        data[position : position + size] = b"\xff" * size
    path = folder / "damaged.mp4"
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        waveform = read_audio(path)
        read_audio(path)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 1 and "damaged.mp4 is damaged: 4 packets could not be decoded" in warnings[0]
    assert capfd.readouterr().err == ""
    assert np.abs(waveform[:19000] - speech[:19000]).max() < LOSSY
    assert np.abs(waveform[28000:60000] - speech[28000:60000]).max() < LOSSY  # nothing was moved


def test_time_stamps_that_cannot_be_true_are_not_believed(folder, speech):
    source = write_audio(folder / "source2.mkv", speech)
    path = remux(source, folder / "stamps.mkv", lambda t: t if t < 2.0 else t + 1e7)
    waveform = read_audio(path)
    assert waveform.shape == speech.shape and np.abs(waveform - speech).max() < QUANTIZATION
    assert probe_media(path).duration < 60 + path.stat().st_size / media.FEWEST_BYTES_PER_SECOND
    # one wrong time does not move what follows
    path = remux(source, folder / "one_stamp.mkv", lambda t: t + 30 if 2.0 <= t < 2.06 else t)
    waveform = read_audio(path)
    assert waveform.shape == speech.shape and np.abs(waveform - speech).max() < QUANTIZATION
    path = write_video(folder / "stamps.mp4", numbered_frames(10), times=[k / 10 + 1e6 * (k > 5) for k in range(10)])
    numbers = [number for _, number, _ in shown(path, WHOLE, 10)]
    assert numbers[:6] == list(range(6)) and numbers == sorted(numbers) and len(numbers) <= 10


def test_half_a_recording_is_used(folder, mp4):
    # mp4 has its index at the end, so the truncated recording has another container
    path = write_video(folder / "cut.mkv", numbered_frames(40), 10, speech_like(4.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _, [(_, waveform)], frames = both(path, WHOLE)
    assert 16000 < len(waveform) < 48000 and 5 < len(frames) < 15
    with pytest.raises(ValueError, match="span 0.*after the end of the sound"):
        list(utterance_waveforms(path, [(3.5, 3.9)]))


@pytest.mark.parametrize("name", ["f.mp4", "f.mkv", "f.wav", "f.mp3", "f.flac"])
def test_damaged_files_give_a_result_or_a_clear_error(tmp_path, name):
    speech = speech_like(1.5, seed=5)
    if name in ("f.mp4", "f.mkv"):
        path = write_video(tmp_path / name, numbered_frames(12), 8, speech)
    else:
        path = write_audio(tmp_path / name, speech)
    outcomes = {"result": 0, "error": 0}
    variants = list(damaged_recordings(path.read_bytes(), random.Random(name)))
    assert len(variants) >= 50
    for what, data in variants:
        damaged = tmp_path / f"damaged{path.suffix}"
        damaged.write_bytes(data)
        for spans in (WHOLE, [(0.9, 1.2), (0.1, 0.5), (0.3, 30.0)]):
            begin = time.monotonic()
            try:
                _, waveforms, frames = both(damaged, spans)
                assert waveforms or frames, what
                assert all(np.abs(waveform).max() <= 1 for _, waveform in waveforms if len(waveform)), what
                assert all(frame.image.shape[2] == 3 for frame in frames), what
                outcomes["result"] += 1
            except ValueError as error:
                assert damaged.name in str(error), what
                outcomes["error"] += 1
            assert time.monotonic() - begin < 10, what
    assert outcomes["result"] > 20 and outcomes["error"] > 3, outcomes


# -------------------------------------------------------------------------------------------------- real recordings


@pytest.fixture(scope="module")
def media_dir():
    folder = os.environ.get("AMUSE_MEDIA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs recordings: set AMUSE_MEDIA_DIR to their folder")
    return Path(folder)


def test_a_real_conversation(media_dir):
    path = media_dir / "two_speakers_30s.wav"
    info = probe_media(path)
    assert info.has_audio and not info.has_video and info.duration == pytest.approx(30, abs=0.1)
    lines = [line.split() for line in (media_dir / "two_speakers_30s.rttm").read_text().splitlines() if line]
    spans = [(float(fields[3]), float(fields[3]) + float(fields[4])) for fields in lines]
    whole = read_audio(path)
    for number, waveform in utterance_waveforms(path, spans):
        first, last = (round(seconds * 16000) for seconds in spans[number])
        assert np.array_equal(waveform, whole[first:last])
        assert np.sqrt(np.mean(waveform**2)) > 1e-3


def test_a_real_video_without_sound(media_dir):
    path = media_dir / "four_people_5_frames.mp4"
    info = probe_media(path)
    assert info.has_video and not info.has_audio
    frames = list(utterance_frames(path, WHOLE, info.frame_rate))
    assert len(frames) == 5 and frames[0].image.shape == (info.height, info.width, 3)
    with pytest.raises(ValueError, match="no audio track"):
        read_audio(path)
