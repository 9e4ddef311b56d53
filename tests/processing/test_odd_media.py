# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Unusual recordings: silent, cancelled or several audio tracks, one person per channel, odd pixel formats, HDR."""

import logging
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

import av
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling_amuse.processing import prosody as prosody_module
from modeling_amuse.processing.channel_speakers import hold_a_speaker_each, without_crosstalk
from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.faces import BLENDSHAPES, Face
from modeling_amuse.processing.media import FORMATS, SUFFIXES
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.media_warnings import collected_warnings, without_folders
from modeling_amuse.processing.picture_frames import utterance_frames
from modeling_amuse.processing.read_ahead import read_ahead
from modeling_amuse.processing.recordings import conversations_of_file
from modeling_amuse.processing.sound_survey import choose_sound
from modeling_amuse.processing.sound_tracks import read_audio
from modeling_amuse.processing.speaking_face import choose_speaking_faces, loudness_at
from modeling_amuse.processing.tone_mapping import HLG, PQ, to_standard_range
from modeling_amuse.processing.utterance_media import UtteranceLoudness, utterance_sights, utterance_sounds
from tests.small_media import numbered_frames, speech_like, write_audio, write_video

RATE = 16000


def write_tracks(path, *tracks, rate=RATE):
    """Write a file with several audio tracks, each `(channels, samples)`."""
    with av.open(str(path), "w") as container:
        codec = "aac" if path.suffix == ".mp4" else "pcm_s16le"
        streams = []
        for track in map(np.atleast_2d, tracks):
            layout = {1: "mono", 2: "stereo"}[len(track)]
            frame = av.AudioFrame.from_ndarray((track.T.reshape(1, -1) * 32767).astype("<i2"), "s16", layout)
            frame.rate, frame.pts = rate, 0
            streams.append((container.add_stream(codec, rate=rate, layout=layout), frame))
        for stream, frame in streams:
            for given_frame in (frame, None):
                container.mux(stream.encode(given_frame))
    return path


def root_mean_square(waveform):
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))


def utterance_of(path, **more):
    return {"id": "u", "speaker": "Ada", "audio": str(path), "start": 0.1, "end": 1.5, **more}


# ------------------------------------------------------------------------------------------------- tracks and phases


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("order", [(0.0, 0.3), (0.3, 0.0), (0.02, 0.4), (0.0, 0.0, 0.25)])
def test_the_loudest_audio_track_is_read_and_named(tmp_path, suffix, order):
    tone = np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE)
    path = write_tracks(tmp_path / f"tracks{suffix}", *(gain * tone for gain in order))
    loudest = int(np.argmax(order))
    with collected_warnings() as warnings:
        [(_, waveform)] = utterance_sounds([utterance_of(path)])
    assert root_mean_square(waveform) > 0.5 * order[loudest] / np.sqrt(2)
    [warning] = warnings
    assert f"{len(order)} audio tracks" in warning and f"track {loudest + 1} is read" in warning
    chosen = 2 if loudest == 0 else 1
    [(_, other)] = utterance_sounds([utterance_of(path, audio_track=chosen)])
    assert root_mean_square(other) == pytest.approx(order[chosen - 1] / np.sqrt(2), abs=0.02)


def test_an_audio_track_that_is_not_there_is_refused(tmp_path):
    path = write_tracks(tmp_path / "one.mkv", speech_like(2.0))
    with pytest.raises(ValueError, match="has no audio track 2: its 1 tracks are counted from 1"):
        read_audio(path, audio_track=2)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("form", [".wav", ".mp4", "waveform"])
def test_an_audio_channel_that_is_not_there_is_refused(tmp_path, number, form):
    sound = np.stack([speech_like(2.0, seed=seed) for seed in range(number)])
    if form == "waveform":
        recording, name = {"array": sound, "sampling_rate": RATE}, "the waveform of 2.00 s"
    else:
        recording = str(write_tracks(tmp_path / f"talk{form}", sound))
        name = f"talk{form}"
    has = "it has one channel" if number == 1 else f"it has {number} channels"
    for channel in (number, number + 7):
        message = f"{name} has no audio channel {channel}: {has}, counted from 0"
        with pytest.raises(ValueError, match=message):
            read_audio(recording, channel=channel)
        with pytest.raises(ValueError, match=message):
            list(utterance_sounds([{**utterance_of("talk"), "audio": recording, "audio_channel": channel}]))
    heard = read_audio(recording, channel=number - 1)
    assert root_mean_square(heard) == pytest.approx(root_mean_square(sound[-1]), rel=0.1)


@pytest.mark.parametrize("late", [(0,), (1,), (0, 1)])
def test_an_utterance_after_the_end_on_one_channel_leaves_the_others(tmp_path, late):
    path = write_tracks(tmp_path / "call.wav", np.stack([speech_like(2.0), speech_like(2.0, seed=1)]))
    calls = [utterance_of(path, audio_channel=channel) for channel in (0, 1)]
    calls += [{**calls[channel], "start": 70, "end": 71} for channel in late]
    assert sorted(position for position, _ in utterance_sounds(calls)) == [0, 1]
    alone = [calls[0], {**calls[1], "start": 70, "end": 71}]
    assert [position for position, _ in utterance_sounds(alone)] == [0]
    with pytest.raises(ValueError, match="call.wav"):
        list(utterance_sounds([{**call, "start": 70, "end": 71} for call in calls]))


def test_a_picture_that_ends_before_what_is_said_takes_no_voice_with_it(tmp_path):
    path = write_video(tmp_path / "cover.mp4", numbered_frames(1, 96, 128), 25)
    talk = [{"id": "u", "speaker": "Ada", "video": str(path), "start": 1.0, "end": 2.0}]
    with pytest.raises(ValueError, match="cover.mp4"):
        list(utterance_sights(talk))
    assert list(utterance_sights(talk, {0: UtteranceLoudness(speech_like(1.0))})) == []


@pytest.mark.parametrize(("key", "least"), [("audio_track", 1), ("audio_channel", 0)])
@pytest.mark.parametrize("value", ["1", -1, 1.5, True, [1], float("nan"), 10**400])
def test_the_number_of_a_track_or_channel_is_a_whole_one(tmp_path, key, least, value):
    path = write_tracks(tmp_path / "talk.wav", speech_like(1.0))
    with pytest.raises(
        ValueError, match=f"Utterance 0 of conversation 0: its {key} is .*: give a whole number from {least}"
    ):
        check_conversations([utterance_of(path, **{key: value})])
    with pytest.raises(ValueError, match=rf"talk\.wav: its {key} is .*: give a whole number from {least}"):
        read_audio(path, **{key.replace("audio_channel", "channel"): value})
    for fine in (None, np.int64(least)):
        [conversation] = check_conversations([utterance_of(path, **{key: fine})])
        assert conversation["utterances"][0][key] == fine


@pytest.mark.parametrize("suffix", [".wav", ".mp4"])
@pytest.mark.parametrize("gain", [1.0, 0.8])
def test_channels_that_cancel_each_other_are_not_mixed(tmp_path, suffix, gain):
    sound = speech_like(2.0)
    path = write_tracks(tmp_path / f"phase{suffix}", np.stack([sound, -gain * sound]))
    with collected_warnings() as warnings:
        waveform = read_audio(path)
    assert root_mean_square(waveform) == pytest.approx(root_mean_square(sound), rel=0.1)
    assert len(warnings) == 1 and "cancel each other" in warnings[0]
    in_memory = {"array": np.stack([sound, -gain * sound]), "sampling_rate": RATE}
    assert root_mean_square(read_audio(in_memory)) == pytest.approx(root_mean_square(sound), rel=0.1)


def test_channels_that_differ_are_mixed_without_a_word(tmp_path):
    one, other = speech_like(2.0, seed=1), speech_like(2.0, seed=2)
    path = write_tracks(tmp_path / "stereo.wav", np.stack([one, other]))
    with collected_warnings() as warnings:
        waveform = read_audio(path)
    np.testing.assert_allclose(waveform, (one + other) / 2, atol=1e-3)
    assert not warnings and choose_sound(path).channel is None
    np.testing.assert_allclose(read_audio(path, channel=1), other, atol=1e-3)


def test_a_warning_keeps_its_words_if_the_folder_is_the_current_one():
    said = "./talk.wav: no voice was found. 2 utterances."
    assert without_folders(said, [".", Path("."), "", Path("./talk.wav"), None]).endswith(
        "no voice was found. 2 utterances."
    )


def test_silence_is_reported_even_if_the_transcript_goes_on_after_the_sound(tmp_path):
    path = write_audio(tmp_path / "silent.wav", 1e-5 * speech_like(2.0))
    late = {**utterance_of(path), "start": 5.0, "end": 6.0}
    with collected_warnings() as warnings:
        list(utterance_sounds([utterance_of(path), late]))
    assert any("silent throughout, so the voice of all 1 utterances" in warning for warning in warnings)


@pytest.mark.parametrize("kind", ["list", np.int64])
def test_integers_that_would_be_silent_in_their_type_are_refused(kind):
    samples = np.round(20000 * speech_like(1.0)).astype(np.int16)
    given = samples.tolist() if kind == "list" else samples.astype(kind)
    with pytest.raises(ValueError, match=r"samples of 16 bits.*Give numpy.asarray\(samples, dtype=numpy.int16\)"):
        read_audio({"array": given, "sampling_rate": RATE})
    expected = read_audio({"array": samples, "sampling_rate": RATE})
    np.testing.assert_array_equal(
        read_audio({"array": samples.astype(np.int32) * 65536, "sampling_rate": RATE}), expected
    )


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence_is_reported_and_a_quiet_voice_is_not(tmp_path, level):
    path = write_audio(tmp_path / "silent.wav", level * speech_like(2.0))
    with collected_warnings() as warnings:
        list(utterance_sounds([utterance_of(path)]))
    assert len(warnings) == 1 and "silent throughout" in warnings[0]
    path = write_audio(tmp_path / "quiet.wav", 0.01 * speech_like(2.0))
    with collected_warnings() as warnings:
        list(utterance_sounds([utterance_of(path)]))
    assert not warnings


def test_a_warning_is_logged_once_and_collected_each_time(tmp_path, caplog):
    path = write_tracks(tmp_path / "twice.mkv", 0 * speech_like(2.0), speech_like(2.0))
    for _ in range(2):
        with collected_warnings() as warnings:
            read_audio(path)
        assert len(warnings) == 1
    assert sum("audio tracks" in record.getMessage() for record in caplog.records) == 1


def test_warnings_are_printed_where_nobody_takes_them(capfd, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logging.getLogger("modeling_amuse.processing.media").warning("Something is lost.")
    assert "Something is lost." in capfd.readouterr().err


def test_warnings_come_with_the_conversation(tmp_path):
    path = write_tracks(tmp_path / "talk.wav", np.stack([speech_like(2.0), -speech_like(2.0)]))
    (tmp_path / "talk.srt").write_text("1\n00:00:00,100 --> 00:00:01,500\nAda: Hello there.\n")
    from modeling_amuse import AmuseProcessor
    from modeling_amuse.processing.feature_extractors import extractor_record

    processor = AmuseProcessor(feature_records={"audio": extractor_record("prosody")})
    [conversation] = conversations_of_file(path, transcript=tmp_path / "talk.srt")
    heard = processor.add_recorded_features(conversation, {})
    assert len(heard["warnings"]) == 1 and "cancel" in heard["warnings"][0]
    assert "talk.wav" in heard["warnings"][0] and str(tmp_path) not in heard["warnings"][0]
    assert "audio_features" in heard["utterances"][0]


@pytest.mark.parametrize("is_relative", [False, True])
def test_warnings_of_a_result_name_files_without_their_folders(tmp_path, monkeypatch, caplog, is_relative):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my talks").mkdir()
    transcript = Path("my talks/talk.srt") if is_relative else tmp_path / "my talks/talk.srt"
    write_tracks(transcript.with_suffix(".wav"), np.stack([speech_like(1.0)]))
    transcript.write_bytes("1\n00:00:00,100 --> 00:00:09,500\nAda: Déjà vu, c’est ça.\n".encode("cp1252"))
    [conversation] = conversations_of_file(transcript.with_suffix(".wav"), transcript=transcript)
    assert len(conversation["warnings"]) >= 2  # one warning about the encoding, and one about a time after the end
    told = " ".join(conversation["warnings"])
    assert "talk.srt" in told and "my talks" not in told
    assert str(transcript) in caplog.text  # the log is read on this machine only, so it may contain the path


# ---------------------------------------------------------------------------------------------------------- channels


def powers_of(left, right):
    """Mean squares of 50 ms frames."""
    sound = np.stack([left, right])
    frames = sound[:, : sound.shape[1] // 800 * 800].reshape(2, -1, 800)
    return np.square(frames).mean(axis=2).T


def alternating(seconds=12.0):
    """Two people who take turns."""
    voice = speech_like(seconds, seed=3)
    is_first = (np.arange(len(voice)) // (2 * RATE)) % 2 == 0
    return voice * is_first, voice * ~is_first


@pytest.mark.parametrize("gain", [1.0, 0.05])
@pytest.mark.parametrize("crosstalk", [0.0, 0.05, 0.2])
def test_a_person_on_each_channel_is_seen(gain, crosstalk):
    one, other = alternating()
    noise = np.random.default_rng(0).normal(0, 1e-4, (2, len(one)))
    left, right = one + crosstalk * other, gain * (other + crosstalk * one)
    assert hold_a_speaker_each(powers_of(left + noise[0], right + noise[1]))


def test_stereo_of_one_room_is_no_person_on_each_channel():
    one, other = alternating()
    noise = np.random.default_rng(0).normal(0, 1e-4, (2, len(one)))
    both, silent = one + other, np.zeros_like(one)
    for left, right in (
        (both, both),  # mono on two channels
        (one + 0.7 * other, other + 0.7 * one),  # two microphones of one room
        (both, silent),  # one channel is not connected
        (both, 0.02 * both),  # the other channel has only crosstalk
    ):
        assert not hold_a_speaker_each(powers_of(left + noise[0], right + noise[1]))
    assert not hold_a_speaker_each(powers_of(both, silent)) and not hold_a_speaker_each(np.zeros((0, 1)))


def test_crosstalk_is_no_speech_and_speech_at_once_is():
    frames = 400
    left, right = np.zeros(frames), np.zeros(frames)
    left[:150], right[150:300] = 1.0, 1.0
    left[300:], right[300:] = 1.0, 0.5  # both speak
    powers = np.stack([left + 0.003 * right, right + 0.003 * left], axis=1)
    kept = without_crosstalk(np.ones((frames, 2)), powers)
    assert kept[10:140, 0].all() and not kept[10:140, 1].any()
    assert kept[160:290, 1].all() and not kept[160:290, 0].any()
    assert kept[310:, :].all()


# ---------------------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    ("shape", "size"), [(Fraction(4, 3), (86, 48)), (Fraction(2, 3), (64, 72)), (Fraction(1), (64, 48))]
)
def test_frames_have_the_shape_in_which_they_are_shown(tmp_path, shape, size):
    path = tmp_path / "squeezed.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.sample_aspect_ratio = shape
        for image in numbered_frames(5):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        container.mux(video.encode(None))
    frames = list(utterance_frames(path, [(0, 0.5)], 10))
    width, height = round(64 * max(float(shape), 1)), round(48 / min(float(shape), 1))
    assert frames[0].image.shape == (height, width, 3)
    info = probe_media(path)
    assert (info.width, info.height) == (width, height)
    assert abs(width - size[0]) <= 1 and height == size[1]
    [small] = {frame.image.shape for frame in utterance_frames(path, [(0, 0.5)], 10, longest_side=32)}
    assert max(small) == 32 and small[1] / small[0] == pytest.approx(width / height, rel=0.05)


def signal_of(candelas, transfer):
    """The value from 0 to 1 with which PQ, or HLG for a screen of 1000 candelas, stores a grey of some brightness."""
    if transfer == PQ:
        y = (candelas / 10000) ** (2610 / 16384)
        return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)
    light = (candelas / 1000) ** (1 / 1.2)
    return (3 * light) ** 0.5 if light <= 1 / 12 else 0.17883277 * np.log(12 * light - 0.28466892) + 0.55991073


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_pictures_of_high_range_have_the_brightness_of_standard_ones(tmp_path, transfer):
    """A grey of 50 candelas has a quarter of the light of white, which sRGB stores as 137. Brighter values are not clipped."""
    path, levels = tmp_path / "high.mkv", (1, 50, 100, 203, 400, 1000)
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p10le"
        for name, number in (("color_trc", transfer), ("color_primaries", 9), ("colorspace", 9)):
            setattr(video.codec_context, name, number)
        for candelas in levels:
            frame = av.VideoFrame(64, 48, "yuv420p10le")
            values = (64 + 876 * signal_of(candelas, transfer), 512, 512)
            for plane, value in zip(frame.planes, values, strict=True):
                plane.update(np.full(plane.buffer_size // 2, round(value), "<u2").tobytes())
            frame.color_trc, frame.color_primaries, frame.colorspace = transfer, 9, 9
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    seen = [frame.image[24, 32].astype(int) for frame in utterance_frames(path, [(0, 0.6)], 10)]
    assert len(seen) == len(levels) and all(np.ptp(pixel) <= 2 for pixel in seen)  # grey stays grey
    brightness = [pixel[0] for pixel in seen]
    assert brightness == sorted(brightness) and len(set(brightness)) == len(levels)
    assert brightness[1] == pytest.approx(137, abs=5) and 220 <= brightness[3] <= 240 and brightness[-1] >= 253


def test_hues_of_high_range_stay():
    image = np.zeros((2, 2, 3), np.uint16)
    image[..., 0] = round(65535 * signal_of(600, PQ))
    red, green, blue = to_standard_range(image, PQ, primaries=9)[0, 0].tolist()
    assert red == 255 and green <= 5 and blue <= 5


def test_the_suffixes_of_all_containers_are_recordings():
    no_recordings = {"avif", "heic", "heif", "mks", "ism", "mac", "apl", "psp"}
    for name in FORMATS.split(","):
        for extension in av.ContainerFormat(name, "r").extensions - no_recordings:
            assert f".{extension}" in SUFFIXES, extension
    assert all(suffix == suffix.lower() for suffix in SUFFIXES) and len(set(SUFFIXES)) == len(SUFFIXES)


# ------------------------------------------------------------------------------------------------------------- faces


def face(x, mouth=0.0, size=0.1):
    return Face((x, 0.4, x + size, 0.4 + size), np.zeros(len(BLENDSHAPES), np.float32), np.zeros(3, np.float32), mouth)


def test_a_speaking_face_is_sure_when_no_other_moves_as_it_does():
    rng = np.random.default_rng(0)
    loudness = rng.random(20)
    mouths = np.concatenate([[0], np.cumsum(loudness * rng.choice([-1, 1], 20))])[:20] / 10

    def certainty(other):
        frames = [
            (number / 5, [face(0.2, mouth), *([] if other is None else [face(0.7, other[number])])])
            for number, mouth in enumerate(mouths)
        ]
        faces, sure = choose_speaking_faces(frames, loudness)
        assert all(found is not None for found in faces)
        return sure

    assert certainty(None) == 1.0
    assert certainty(np.zeros(20)) > 0.5 > certainty(mouths * 0.9)
    assert certainty(mouths) == pytest.approx(0.0, abs=0.01)


def test_an_unsure_face_counts_less_and_says_so(monkeypatch):
    from modeling_amuse.processing import recording_features
    from modeling_amuse.processing.utterance_media import UtteranceSight

    def extract(utterances, extractors, with_images, progress, on_sight):
        for position, certainty in enumerate((1.0, 0.2, 0.1)):
            on_sight(position, UtteranceSight([face(0.2)], [], [], certainty, 1 if position == 0 else 3))
            yield position, "vision", np.full((2, 4), 3.0, np.float32)

    monkeypatch.setattr(recording_features, "extract_features", extract)
    monkeypatch.setitem(recording_features.FEATURE_EXTRACTORS, "faces", recording_features.FEATURE_EXTRACTORS["faces"])
    conversation = {"id": "c", "utterances": [{"speaker": "Ada", "video": "talk.mp4"} for _ in range(3)]}
    given = {"statistics": {"vision": {"mean": [1.0] * 4}}, "learned": ["vision"]}
    heard = recording_features.add_recorded_features(conversation, {}, {"vision": lambda sight: None}, **given)
    [warning] = heard["warnings"]
    assert "uncertain which of several faces speaks in 2 of 3 utterances (1, 2)" in warning
    sure, unsure, least = heard["utterances"]
    assert "face_certainty" not in sure and sure["vision_features"].min() == 3.0
    assert unsure["face_certainty"] == 0.2 and unsure["vision_features"].max() == pytest.approx(2.0)
    assert least["face_certainty"] == 0.1 and least["vision_features"].max() == pytest.approx(1.5)


def test_a_video_without_faces_is_reported(tmp_path):
    pytest.importorskip("mediapipe")
    path = write_video(tmp_path / "wall.mp4", numbered_frames(10), 10)
    utterance = {"id": "u", "speaker": "Ada", "video": str(path), "start": 0.0, "end": 1.0}
    with collected_warnings() as warnings:
        [(_, sight)] = utterance_sights([utterance])
    assert not any(sight.faces) and len(warnings) == 1 and "no face was found in any frame" in warnings[0]


# --------------------------------------------------------------------------------------------------- threads, blocks


def test_what_is_read_ahead_is_the_same_and_errors_come_in_their_place():
    assert list(read_ahead(range(50), most=3)) == list(range(50))

    def fails():
        yield 1
        raise ValueError("damaged")

    items = read_ahead(fails())
    assert next(items) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(items)


def test_what_is_no_longer_asked_for_is_closed():
    closed = []

    def endless():
        try:
            while True:
                yield len(closed)
        finally:
            closed.append(True)

    items = read_ahead(endless(), most=2)
    assert next(items) == 0
    items.close()
    assert closed == [True]


def test_warnings_of_the_other_thread_are_collected():
    def warns():
        logging.getLogger("modeling_amuse.processing.media").warning("Damaged.")
        yield 1

    with collected_warnings() as warnings:
        assert list(read_ahead(warns())) == [1]
    assert warnings == ["Damaged."]


@pytest.mark.parametrize("seconds", [3.0, 3.2, 6.41])
def test_the_prosody_of_a_long_sound_is_that_of_one_block(monkeypatch, seconds):
    pytest.importorskip("librosa")
    tone = 0.3 * np.sin(2 * np.pi * 150 * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)
    waveform = np.concatenate([speech_like(seconds, seed=5), tone])
    whole = prosody_module.prosody(waveform)
    monkeypatch.setattr(prosody_module, "_BLOCK_FRAMES", 100)
    np.testing.assert_allclose(prosody_module.prosody(waveform), whole, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 500), st.integers(1, 60))
def test_loudness_in_blocks_is_loudness(samples, block):
    from modeling_amuse.processing import speaking_face

    waveform = np.random.default_rng(samples).normal(size=samples)
    times = np.arange(0, samples / 50, 0.3)
    whole = loudness_at(waveform, 50, times)
    usual, speaking_face.LOUDNESS_BLOCK = speaking_face.LOUDNESS_BLOCK, block
    try:
        np.testing.assert_allclose(loudness_at(waveform, 50, times), whole, atol=1e-9)
    finally:
        speaking_face.LOUDNESS_BLOCK = usual
