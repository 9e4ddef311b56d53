# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The benchmark: the repeated recording, the clock, and the report."""

import importlib.util
import json
import wave

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, WhisperConfig, WhisperFeatureExtractor, WhisperModel

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing import diarization, speech_to_text
from modeling_amuse.processing.controlled.drawn_face import EXPRESSIONS, draw_face
from modeling_amuse.processing.faces import FaceFinder, face_landmarker_path
from modeling_amuse.processing.feature_extractors import extractor_record
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.picture_frames import utterance_frames
from modeling_amuse.processing.prosody import PROSODY_FEATURES
from modeling_amuse.processing.recordings import conversations_of_file
from modeling_amuse.processing.sound_tracks import read_audio
from modeling_amuse.scripts.benchmark import main
from modeling_amuse.scripts.benchmarks import media_benchmark as benchmark
from modeling_amuse.scripts.benchmarks.media_benchmark import (
    Stopwatch,
    render_recording,
    repeat_conversation,
    repeat_recording,
    timed_parts,
)

av, _, _ = map(pytest.importorskip, ("av", "librosa", "mediapipe"))
small_media = pytest.importorskip("tests.small_media")

TALK = [
    {"id": "a", "speaker": "Ada", "text": "oh no what is that", "start": 0.2, "end": 1.0},
    {"id": "b", "speaker": "Ben", "text": "leave me alone", "start": 1.2, "end": 1.9},
]


@pytest.fixture(scope="module")
def landmarker():
    try:
        return face_landmarker_path()
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def model(tiny_text_encoder, tmp_path_factory):
    """A folder with a small random model of text, prosody and faces."""
    torch.manual_seed(0)
    folder = str(tmp_path_factory.mktemp("model"))
    sizes = {"audio": len(PROSODY_FEATURES), "vision": 55}
    AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0], **{f"{m}_feature_size": size for m, size in sizes.items()}, hidden_size=16, num_labels=3
    ).save_pretrained(folder)
    AmuseProcessor(
        AutoTokenizer.from_pretrained(tiny_text_encoder[0]),
        feature_statistics={m: {"mean": [0.0] * size, "std": [1.0] * size} for m, size in sizes.items()},
        feature_records={"audio": extractor_record("prosody"), "vision": extractor_record("faces")},
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A drawn face that speaks for two seconds, and its transcript."""
    folder = tmp_path_factory.mktemp("recording")
    frames = np.stack([draw_face(EXPRESSIONS["joy"], 256, mouth=number % 2) for number in range(20)])
    (folder / "talk.json").write_text(json.dumps(TALK))
    return small_media.write_video(
        folder / "talk.mp4", frames, waveform=small_media.speech_like(2.0)
    ), folder / "talk.json"


def test_the_report_has_every_part(landmarker, model, recording, tmp_path, capsys):
    output = tmp_path / "reports" / "benchmark.json"
    given = ["--model", model, "--recording", str(recording[0]), "--transcript", str(recording[1])]
    report = main(["media", *given, "--hours", str(5 / 3600), "--output", str(output)])
    assert json.loads(output.read_text()) == report

    seconds = report["recording"]["seconds"]
    assert seconds == pytest.approx(5, abs=0.2)
    assert (report["recording"]["width"], report["recording"]["height"]) == (256, 256)
    assert report["recording"]["utterances"] == 4  # the third repetition is incomplete
    assert set(report["parts"]) == {
        *("decoding of sound", "sound features", "faces", "text, fusion, contexts", "the rest")
    }
    assert set(report["beside"]) == {"decoding of video"}  # it happens while faces are searched
    for part in [*report["parts"].values(), *report["beside"].values(), report["total"]]:
        assert part["seconds"] > 0 and part["cpu_seconds"] >= 0
        assert part["real_time_factor"] == pytest.approx(part["seconds"] / seconds)
    for kind in ("seconds", "cpu_seconds"):
        assert report["total"][kind] == pytest.approx(sum(part[kind] for part in report["parts"].values()))
    if report["memory"]:
        assert report["memory"]["peak"] >= report["memory"]["before"] > 50
        assert report["memory"]["above"] == report["memory"]["peak"] - report["memory"]["before"]
    assert report["machine"]["cores"] >= 1 and report["versions"]["torch"] == torch.__version__

    printed = capsys.readouterr().out
    assert all(name in printed for name in [*report["parts"], "sum", "above the"])
    assert not hasattr(benchmark.feature_extractors.utterance_sounds, "__wrapped__")  # the functions are restored


def test_a_recording_is_repeated_packet_by_packet(tmp_path):
    waveform = small_media.speech_like(2.0)
    source = small_media.write_video(tmp_path / "short.mp4", small_media.numbered_frames(20), waveform=waveform)
    path = tmp_path / "long.mp4"
    period = repeat_recording(source, path, 7.0)
    assert 2.0 <= period < 2.2
    assert probe_media(path).duration == pytest.approx(7.0, abs=0.15)
    for number in range(3):
        start = number * period
        seen = [small_media.frame_number(f.image) for f in utterance_frames(path, [(start + 0.05, start + 1.95)], 10)]
        expected = [small_media.frame_number(f.image) for f in utterance_frames(source, [(0.05, 1.95)], 10)]
        assert np.abs(np.subtract(seen, expected[: len(seen)])).max() <= 1
        heard, sound = read_audio(path, start + 0.3, start + 1.7), read_audio(source, 0.3, 1.7)
        assert np.corrcoef(heard, sound)[0, 1] > 0.99

    def packets(file):
        with av.open(str(file)) as container:
            return [bytes(packet) for packet in container.demux(video=0) if packet.size]

    once, repeated = packets(source), packets(path)
    assert len(repeated) > 3 * len(once) and repeated[: 3 * len(once)] == 3 * once


def test_the_transcript_is_repeated_as_far_as_the_recording_lasts():
    repeated = repeat_conversation({"id": "talk", "utterances": TALK}, 2.25, 6.0)
    assert [(u["id"], u["start"], u["end"]) for u in repeated["utterances"]] == [
        ("a-0", 0.2, 1.0),
        ("b-0", 1.2, 1.9),
        ("a-1", 2.45, 3.25),
        ("b-1", 3.45, 4.15),
        ("a-2", 4.7, 5.5),
    ]
    assert repeated["utterances"][2]["speaker"] == "Ada" and repeated["utterances"][2]["text"] == TALK[0]["text"]


def test_every_moment_counts_for_the_innermost_part():
    seconds = [0.0]
    stopwatch = Stopwatch(now=lambda: (seconds[0], 2 * seconds[0]))

    def passes(number):
        seconds[0] += number

    def decode():
        for _ in range(3):
            passes(10)
            yield

    decode, find = stopwatch.timed(decode, "decoding"), stopwatch.timed(passes, "faces")
    passes(1000)  # before
    with stopwatch.part("the rest"):
        for _ in decode():
            find(1)
            passes(0.5)
    passes(1000)  # after
    assert stopwatch.times == {"the rest": (1.5, 3.0), "decoding": (30.0, 60.0), "faces": (3.0, 6.0)}


def test_the_rendered_recording_is_a_camera_s(landmarker, tmp_path):
    pytest.importorskip("espeakng_loader")
    path, conversation = render_recording(tmp_path, utterances=1)
    [utterance] = conversation["utterances"]
    info = probe_media(path)
    assert (info.width, info.height, info.frame_rate, info.has_audio) == (1280, 720, 25.0, True)
    assert utterance["speaker"] and utterance["text"] and utterance["end"] < info.duration < utterance["end"] + 1.5
    waveform = read_audio(path, utterance["start"], utterance["end"])
    assert np.abs(waveform).max() > 0.05
    first, second, *_ = utterance_frames(path, [(utterance["start"], utterance["end"])], 25)
    assert (first.image != second.image).any()  # noise
    with FaceFinder() as finder:
        [face] = finder.find(first.image)
    assert 1 / 3 < face.box[3] - face.box[1] < 1 / 2


def test_speech_that_is_found_and_transcribed_has_parts_of_its_own(recording, monkeypatch):
    if importlib.util.find_spec("resemblyzer") is None:
        pytest.skip("needs Resemblyzer")
    # neither Silero nor Whisper finds speech in it
    monkeypatch.setattr(diarization, "find_speech", lambda *_: [(0.2, 1.9)])
    monkeypatch.setattr(
        speech_to_text,
        "transcribe",
        lambda path, turns, *_: [{"text": "oh", "words": [], **turn._asdict()} for turn in turns],
    )
    stopwatch = Stopwatch()
    with timed_parts(stopwatch), stopwatch.part("the rest"):
        [conversation] = conversations_of_file(recording[0], speech_model="whisper")
    assert [utterance["start"] for utterance in conversation["utterances"]] == [0.2]
    assert set(stopwatch.times) == {
        *("decoding of sound", "voice activity", "speaker embeddings, clustering", "speech-to-text", "the rest")
    }


def test_what_does_not_go_together_is_refused(recording):
    with pytest.raises(ValueError, match="--recording and --transcript belong together"):
        main(["media", "--recording", str(recording[0])])
    with pytest.raises(ValueError, match="--hours must be more than 0, but is 0.0"):
        main(["media", "--hours", "0"])


def test_a_cut_window_is_timed_beside_the_whole_one(tmp_path, capsys):
    config = WhisperConfig(
        d_model=16, encoder_layers=1, encoder_attention_heads=2, decoder_layers=1, decoder_attention_heads=2
    )
    WhisperModel(config).save_pretrained(tmp_path / "encoder")
    WhisperFeatureExtractor().save_pretrained(tmp_path / "encoder")
    for name, seconds in (("a", 1), ("b", 2), ("c", 3)):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", "none"))
            file.writeframes(np.random.default_rng(0).integers(-3000, 3000, 16_000 * seconds, np.int16).tobytes())
    arguments = ["--data_dir", str(tmp_path), "--audio_model", str(tmp_path / "encoder")]
    report = main(["window", *arguments, "--sounds", "2", "--output", str(tmp_path / "report.json")])
    assert report["sounds"] == 2 and report["duration"] == 2.0  # the first and the last
    assert report["ratio"] == report["seconds"]["cropped"] / report["seconds"]["whole"]
    assert -1 <= report["similarity"] <= 1 and "2 sounds of 2.0 s on average" in capsys.readouterr().out
    assert json.loads((tmp_path / "report.json").read_text()) == report
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="There are no .wav files in"):
        main(["window", "--data_dir", str(tmp_path / "none")])
    with pytest.raises(ValueError, match="--sounds must be at least 1"):
        main(["window", "--data_dir", str(tmp_path), "--sounds", "0"])
