# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Real encoders (MiniLM, the encoder of Whisper, MediaPipe) on real recordings, from a file to a timeline."""

import json

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("mediapipe")

import torch

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.faces import FACE_FEATURES
from modeling_amuse.processing.feature_extractors import extractor_record
from modeling_amuse.processing.utterance_media import utterance_sights
from modeling_amuse.scripts import recognize
from modeling_amuse.scripts.training.model_loading import encoder_part
from tests.conftest import folder_from_environment
from tests.small_media import write_video

EMOTIONS = ["neutral", "joy", "anger", "sadness"]


@pytest.fixture(scope="module")
def real_model(tmp_path_factory):
    """A model with pretrained MiniLM and Whisper and MediaPipe's features of faces. The fusion layers are random."""
    encoders = folder_from_environment("AMUSE_ENCODERS_DIR", "pretrained encoders")
    text, audio = encoders / "all-MiniLM-L6-v2", encoders / "whisper-base"
    if not audio.is_dir():
        pytest.skip("needs whisper-base in AMUSE_ENCODERS_DIR")
    torch.manual_seed(0)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        text=str(text),
        audio=str(audio),
        vision_feature_size=len(FACE_FEATURES),
        audio_token_pooling=5,
        hidden_size=16,
        num_man_layers=1,
        id2label=dict(enumerate(EMOTIONS)),
    )
    folder = tmp_path_factory.mktemp("real")
    model.save_pretrained(folder)
    AmuseProcessor(
        **encoder_part("text", str(text)),
        **encoder_part("audio", str(audio)),
        emotions=EMOTIONS,
        feature_statistics={"vision": {"mean": [0.0] * len(FACE_FEATURES), "std": [1.0] * len(FACE_FEATURES)}},
        feature_records={"vision": extractor_record("faces")},
    ).save_pretrained(folder)
    return folder


def test_a_conversation_without_a_transcript_gives_a_timeline_with_its_two_speakers(real_model, tmp_path, capsys):
    pytest.importorskip("silero_vad")
    media = folder_from_environment("AMUSE_MEDIA_DIR", "recordings")
    encoders = folder_from_environment("AMUSE_ENCODERS_DIR", "pretrained encoders")
    output = tmp_path / "talk.json"
    status = recognize.main(
        [
            *(str(media / "two_speakers_30s.wav"), "--model", str(real_model), "--output", str(output)),
            *(
                "--speech_model",
                str(encoders / "whisper-base"),
                "--language",
                "en",
                "--picture",
                str(tmp_path / "t.png"),
            ),
        ]
    )
    assert status == 0, capsys.readouterr().err
    utterances = json.loads(output.read_text())["utterances"]
    assert {u["speaker"] for u in utterances} == {"speaker 1", "speaker 2"}
    words = " ".join(u["text"] for u in utterances).lower()
    assert all(phrase in words for phrase in ("hello", "new jersey", "chicago", "texas"))
    for utterance in utterances:
        assert 0 <= utterance["start"] < utterance["end"] <= 30.1
        assert set(utterance["modalities"]) == {"text", "audio"}  # a sound file has no faces
        assert utterance["shares"]["vision"] == 0 and utterance["shares"]["audio"] > 0


def test_a_talking_face_made_from_a_photo_gives_face_tokens_for_nearly_all_frames(real_model, tmp_path):
    pytest.importorskip("espeakng_loader")
    cbook, image = pytest.importorskip("matplotlib.cbook"), pytest.importorskip("PIL.Image")
    from modeling_amuse.processing.controlled.espeak_voice import SAMPLING_RATE, TONES, VOICES, speak

    photo = np.asarray(image.open(cbook.get_sample_data("grace_hopper.jpg")).convert("RGB"))
    [voice] = speak([("I have been waiting here for such a long time.", VOICES[0], TONES["sadness"])])
    seconds = len(voice) / SAMPLING_RATE
    sides = [int(480 + 60 * np.sin(number / 7)) for number in range(int(seconds * 10))]  # the size of the face varies
    frames = [photo[number % 9 : number % 9 + side, 16 : 16 + side] for number, side in enumerate(sides)]
    frames = np.stack([np.asarray(image.fromarray(frame).resize((360, 360))) for frame in frames])
    recording = write_video(tmp_path / "hopper.mp4", frames, 10, voice, SAMPLING_RATE)

    utterance = {"speaker": "Grace", "text": "I have been waiting.", "start": 0.0, "end": seconds - 0.1}
    [(_, sight)] = utterance_sights([{**utterance, "video": str(recording)}])
    assert len(sight.faces) == pytest.approx(5 * seconds, abs=2)
    assert sum(face is not None for face in sight.faces) >= 0.9 * len(sight.faces)

    (tmp_path / "hopper.json").write_text(json.dumps([utterance]))
    output = tmp_path / "timeline.json"
    assert recognize.main([str(recording), "--model", str(real_model), "--output", str(output)]) == 0
    [result] = json.loads(output.read_text())["utterances"]
    assert set(result["modalities"]) == {"text", "audio", "vision"}
