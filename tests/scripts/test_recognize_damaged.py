# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""recognize.py on hundreds of damaged files: for each, a timeline or a line that says what is wrong."""

import random
import time

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("librosa")
pytest.importorskip("mediapipe")

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.faces import FACE_FEATURES
from modeling_amuse.processing.feature_extractors import extractor_record
from modeling_amuse.processing.prosody import PROSODY_FEATURES
from modeling_amuse.scripts import recognize as command
from modeling_amuse.scripts.recognition import recognition as recognize
from tests.damaged_files import damaged_recordings, damaged_text
from tests.processing.test_transcripts import CONTENTS
from tests.small_media import numbered_frames, speech_like, write_audio, write_video

EMOTIONS = ["neutral", "joy", "anger"]
RECORDINGS = ("talk.mp4", "talk.mkv", "talk.wav", "talk.mp3")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """A model of all three modalities with random weights."""
    config, tokenizer = small_text_encoder(["Hello there.", "How are you?"], 300)
    statistics = {
        "audio": {"mean": [0.0] * len(PROSODY_FEATURES), "std": [1.0] * len(PROSODY_FEATURES)},
        "vision": {"mean": [0.0] * len(FACE_FEATURES), "std": [1.0] * len(FACE_FEATURES)},
    }
    records = {"audio": extractor_record("prosody"), "vision": extractor_record("faces")}
    folder = tmp_path_factory.mktemp("model")
    AmuseForEmotionRecognition(
        AmuseConfig(
            text_config=config,
            audio_feature_size=len(PROSODY_FEATURES),
            vision_feature_size=len(FACE_FEATURES),
            hidden_size=8,
            num_man_layers=1,
            id2label=dict(enumerate(EMOTIONS)),
        )
    ).save_pretrained(folder)
    AmuseProcessor(
        tokenizer, emotions=EMOTIONS, feature_statistics=statistics, feature_records=records
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def damaged_folder(tmp_path_factory):
    folder, whole = tmp_path_factory.mktemp("damaged"), tmp_path_factory.mktemp("whole")
    generator, speech = random.Random(1), speech_like(1.5)
    for name in RECORDINGS:
        if name in ("talk.mp4", "talk.mkv"):
            write_video(whole / name, numbered_frames(6), 4, speech)
        else:
            write_audio(whole / name, speech)
        for number, (_, content) in enumerate(damaged_recordings((whole / name).read_bytes(), generator)):
            path = folder / f"{name[5:]}-{number}.{name[5:]}"
            path.write_bytes(content)
            path.with_suffix(".csv").write_text("speaker,text,start,end\nAda,Hello.,0.1,0.7\nBen,Hm?,0.7,1.3\n")
    for name, content in CONTENTS.items():
        for number in range(60):
            suffix = (generator.choice(list(CONTENTS)) if number % 3 == 0 else name).rpartition(".")[2]
            path = folder / f"words-{name.replace('.', '-')}-{number}.{suffix}"
            path.write_bytes(damaged_text(content.encode(), generator))
    for number in range(20):  # files that are not recordings
        path = folder / f"strange-{number}{generator.choice(['.mp4', '.wav', '.mov', '.ogg'])}"
        path.write_bytes(generator.choice([b"", b"{}", generator.randbytes(500), CONTENTS["talk.srt"].encode()]))
    return folder


def test_each_file_gives_a_timeline_or_a_line_of_complaint(damaged_folder, model_dir, tmp_path, capsys, monkeypatch):
    files = recognize.files_of([str(damaged_folder)])
    assert len(files) >= 500
    seconds = []
    write_files, complain = recognize.write_files, recognize.complain

    def timed(function):
        def call(*arguments):
            seconds.append(time.process_time())
            return function(*arguments)

        return call

    monkeypatch.setattr(recognize, "write_files", timed(write_files))
    monkeypatch.setattr(recognize, "complain", timed(complain))
    start = time.process_time()
    status = command.main(
        [str(damaged_folder), "--model", str(model_dir), "--output", str(tmp_path / "out"), "--table", "false"]
    )
    printed = capsys.readouterr()
    assert status == 1
    assert "Traceback" not in printed.err
    complaints = [line for line in printed.err.splitlines() if line.startswith(str(damaged_folder))]
    complained = {line.split(": ")[0] for line in complaints}
    written = {path.stem for path in (tmp_path / "out").iterdir()}
    for file in files:
        served = file.stem in written or f"{file.stem}-0" in written
        assert served != (str(file) in complained), file
    assert len(complained) > 100 and len(written) > 100  # some damage is fatal, some is harmless
    assert np.diff([start, *seconds]).max() < 10
