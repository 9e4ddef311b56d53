# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Rendered recordings, their features, models and timelines: training and inference use the same numbers."""

import importlib.util
import io
import json
import os
import re
import shutil
import sys
from urllib.parse import quote

import numpy as np
import pyarrow.parquet
import pytest

pytest.importorskip("av")
pytest.importorskip("espeakng_loader")
pytest.importorskip("librosa")
pytest.importorskip("mediapipe")

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing import recordings
from modeling_amuse.processing.controlled.rendered_recording import render_conversation
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.faces import FACE_FEATURES
from modeling_amuse.processing.feature_extractors import FEATURE_EXTRACTORS, check_record, extractor_record
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.prosody import PROSODY_FEATURES, prosody
from modeling_amuse.processing.recordings import conversations_of_file
from modeling_amuse.processing.sound_tracks import read_audio
from modeling_amuse.processing.utterance_media import utterance_sights, utterance_sounds
from modeling_amuse.scripts import amuse, evaluate, extract_features, train
from modeling_amuse.scripts.recognition import recognition
from tests.small_media import numbered_frames, write_video, write_wav

LINES = (
    ("Ada", "Come in, sit down.", "neutral", []),
    ("Ben", "How dare you!", "anger", ["text", "audio"]),
    ("Ada", "Not again.", "joy", ["vision"]),
    ("Ben", "Oh well, never mind.", "sadness", ["text", "audio", "vision"]),
)


def run_recognize(arguments: list[str]) -> int:
    """Run `amuse recognize`. Returns its exit status."""
    return amuse.run("recognize", "amuse recognize", arguments)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Three rendered conversations, one for each split."""
    folder = tmp_path_factory.mktemp("corpus")
    for split in ("train", "validation", "test"):
        utterances = [
            {
                "id": f"{split}_{i}",
                "speaker": speaker,
                "text": text,
                "emotion": emotion,
                "evidence": evidence,
                "pace": 1.0,
            }
            for i, (speaker, text, emotion, evidence) in enumerate(LINES)
        ]
        times = render_conversation({"id": split, "utterances": utterances}, folder / f"{split}.mp4")
        for utterance, (start, end) in zip(utterances, times, strict=True):
            utterance |= {"start": start, "end": end, "audio": f"{split}.mp4", "video": f"{split}.mp4"}
        (folder / f"{split}.jsonl").write_text(json.dumps({"id": split, "utterances": utterances}) + "\n")
    return folder


@pytest.fixture(scope="module")
def features(corpus):
    extract(corpus, corpus / "features")
    return corpus / "features"


@pytest.fixture(scope="module")
def model_dir(corpus, features, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "amuse"
    train.main(
        [
            *("--dataset_name", "folder", "--data_dir", str(corpus), "--cache_dir", str(corpus / "cache")),
            *("--audio_features", str(features / "prosody"), "--vision_features", str(features / "faces")),
            *("--output_dir", str(folder), "--preset", "small", "--hidden_size", "8", "--num_train_epochs", "1"),
        ]
    )
    return folder


def extract(corpus, output, *options):
    extract_features.main(
        [
            *("--data_dir", str(corpus), "--cache_dir", str(corpus / "cache"), "--output_dir", str(output)),
            *("--extractors", "prosody", "faces", "--num_processes", "1", *options),
        ]
    )


def utterances_of(corpus, split="test") -> list[dict]:
    utterances = json.loads((corpus / f"{split}.jsonl").read_text())["utterances"]
    return [{**u, "audio": str(corpus / u["audio"]), "video": str(corpus / u["video"])} for u in utterances]


def transcript_of(corpus, path, split="test"):
    words = [{key: u[key] for key in ("speaker", "text", "start", "end")} for u in utterances_of(corpus, split)]
    path.write_text(json.dumps({"utterances": words}))
    return path


def test_rendering_twice_gives_the_same_file(corpus, tmp_path):
    conversation = {"id": "test", "utterances": utterances_of(corpus)}
    render_conversation(conversation, tmp_path / "again.mp4")
    assert (tmp_path / "again.mp4").read_bytes() == (corpus / "test.mp4").read_bytes()


def test_tables_hold_what_extractors_give_and_name_them(corpus, features):
    prosody_table = load_feature_tables(str(features / "prosody"), ["test"])["test"]
    assert prosody_table.record == extractor_record("prosody") and prosody_table.size == len(PROSODY_FEATURES)
    faces_table = load_feature_tables(str(features / "faces"), ["test"])["test"]
    assert faces_table.record == extractor_record("faces") and faces_table.size == len(FACE_FEATURES)
    utterances = utterances_of(corpus)
    for position, waveform in utterance_sounds(utterances):
        assert np.array_equal(prosody_table.get(utterances[position]["id"]), prosody(waveform))
    for position, sight in utterance_sights(utterances):
        frames = int(np.ceil(5 * (utterances[position]["end"] - utterances[position]["start"])))
        assert abs(len(sight.faces) - frames) <= 1 and None not in sight.faces
        assert len(faces_table.get(utterances[position]["id"])) == len(sight.faces)


def test_extraction_goes_on_where_it_was_stopped(corpus, features, tmp_path, monkeypatch):
    """Parts that a stopped run has written are not computed again."""
    parts = sorted((features / "faces" / "parts").iterdir())
    before = [path.stat().st_mtime_ns for path in parts]
    parts[0].unlink()
    (features / "faces" / "test.parquet").unlink()
    extract(corpus, features)
    assert sorted((features / "faces" / "parts").iterdir()) == parts
    after = [path.stat().st_mtime_ns for path in parts]
    assert after[0] != before[0] and after[1:] == before[1:]
    assert (features / "faces" / "test.parquet").is_file()


def test_features_from_the_recording_are_those_of_the_table(corpus, features, model_dir, tmp_path):
    """The pipeline computes from the mp4 file the features that are in the table."""
    from transformers import pipeline

    recognizer = pipeline(
        "emotion-recognition",
        model=AmuseForEmotionRecognition.from_pretrained(model_dir),
        processor=AmuseProcessor.from_pretrained(model_dir),
    )
    from_file = recognizer(corpus / "test.mp4", transcript=str(transcript_of(corpus, tmp_path / "t.json")))
    tables = {
        s: load_feature_tables(str(features / name), ["test"])["test"]
        for s, name in (("audio", "prosody"), ("vision", "faces"))
    }
    given = [
        {
            **{k: u[k] for k in ("speaker", "text")},
            **{f"{s}_features": table.get(u["id"]) for s, table in tables.items()},
        }
        for u in utterances_of(corpus)
    ]
    for ours, theirs in zip(from_file, recognizer(given), strict=True):
        assert ours["scores"] == theirs["scores"] and ours["shares"] == theirs["shares"]
        assert set(ours["modalities"]) == {"text", "audio", "vision"}


def test_features_of_another_version_are_refused_at_inference_and_in_evaluation(
    corpus, features, model_dir, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(FEATURE_EXTRACTORS, "prosody", FEATURE_EXTRACTORS["prosody"]._replace(version=99))
    with pytest.raises(ValueError, match="'version': 1.*computes.*'version': 99"):
        check_record({"name": "prosody", "version": 1}, "The model")
    transcript = transcript_of(corpus, tmp_path / "t.json")
    arguments = [str(corpus / "test.mp4"), "--transcript", str(transcript), "--model", str(model_dir)]
    assert run_recognize(arguments) == 1
    assert "'version': 99" in capsys.readouterr().err
    other = tmp_path / "prosody"
    other.mkdir()
    table = pyarrow.parquet.read_table(features / "prosody" / "test.parquet")
    record = json.dumps({"name": "prosody", "version": 99}).encode()
    pyarrow.parquet.write_table(table.replace_schema_metadata({b"amuse_features": record}), other / "test.parquet")
    with pytest.raises(ValueError, match="trained on audio features of .*'version': 1.*'version': 99"):
        evaluate.main(
            [
                *("--model", str(model_dir), "--dataset_name", "folder", "--data_dir", str(corpus)),
                *("--audio_features", str(other), "--vision_features", str(features / "faces")),
                *("--cache_dir", str(corpus / "cache"), "--output", str(tmp_path / "results.json")),
            ]
        )


def test_recognize_writes_every_format_a_picture_and_a_report(corpus, model_dir, tmp_path, capsys):
    transcript = transcript_of(corpus, tmp_path / "talk-words.json")
    outputs = [str(tmp_path / f"talk.{suffix}") for suffix in ("json", "csv", "srt", "rttm")]
    arguments = [str(corpus / "test.mp4"), "--transcript", str(transcript), "--model", str(model_dir)]
    people = ["--picture", str(tmp_path / "talk.png"), "--report", str(tmp_path / "talk.html"), "--unclear_below", "1"]
    assert run_recognize([*arguments, "--output", *outputs, *people]) == 0
    report = (tmp_path / "talk.html").read_text("utf-8")
    assert f'src="./{quote(os.path.relpath(corpus / "test.mp4", tmp_path))}"' in report and "<video" in report
    assert "How dare you!" in "".join(re.split("<[^>]*>", report)) and "4 utterances, 2 speakers. 4 unclear." in report
    assert "below 100 %, a threshold that was chosen for this report." in report
    if importlib.util.find_spec("captum"):
        assert report.count('<details class="why">') == 4
    timeline = json.loads((tmp_path / "talk.json").read_text())
    assert [u["speaker"] for u in timeline["utterances"]] == ["Ada", "Ben", "Ada", "Ben"]
    assert all(sum(u["shares"].values()) == pytest.approx(1) for u in timeline["utterances"])
    assert (tmp_path / "talk.png").read_bytes().startswith(b"\x89PNG")
    assert "How dare you!" in capsys.readouterr().out


def test_recognize_reads_folders_takes_transcripts_beside_recordings_and_goes_on_after_a_bad_file(
    corpus, model_dir, tmp_path, capsys
):
    folder = tmp_path / "talks"
    folder.mkdir()
    (folder / "good.mp4").write_bytes((corpus / "test.mp4").read_bytes())
    transcript_of(corpus, folder / "good.json")
    (folder / "bad.mp4").write_bytes(b"no recording")
    transcript_of(corpus, folder / "bad.json")
    (folder / "words.jsonl").write_text('{"speaker": "Ada", "text": "Hello."}\n')
    output = tmp_path / "out"
    status = run_recognize(
        [
            *(str(folder), "--model", str(model_dir), "--output", str(output), "--formats", "json", "csv"),
            *("--report", str(tmp_path / "all.html"), "--no_reasons"),
        ]
    )
    assert status == 1
    report = (tmp_path / "all.html").read_text("utf-8")
    assert "The same people over time" in report and "In one recording only: Ben." in report and "bad.mp4" not in report
    assert sorted(path.name for path in output.iterdir()) == ["good.csv", "good.json", "words.csv", "words.json"]
    error = capsys.readouterr().err
    assert "bad.mp4" in error and "Traceback" not in error


@pytest.mark.parametrize("medium", ["sound", "pictures"])
def test_a_recording_of_sound_alone_or_pictures_alone_lacks_the_other_modality(corpus, model_dir, tmp_path, medium):
    path, sound = tmp_path / "talk.wav", np.sin(np.arange(32000) / 20).astype(np.float32) / 4
    if medium == "sound":
        write_wav(path, sound, 16000)
    else:
        path = tmp_path / "talk.mp4"
        write_video(path, numbered_frames(20), frame_rate=10)
    (tmp_path / "talk.csv").write_text("speaker,text,start,end\nAda,Hello there.,0,1.9\n")
    [conversation] = conversations_of_file(path, tmp_path / "talk.csv")
    [utterance] = conversation["utterances"]
    assert (("audio" in utterance), ("video" in utterance)) == ((medium == "sound"), (medium == "pictures"))
    out = tmp_path / "out.json"
    arguments = ["--transcript", str(tmp_path / "talk.csv"), "--model", str(model_dir), "--output", str(out)]
    assert run_recognize([str(path), *arguments]) == 0
    [result] = json.loads(out.read_text())["utterances"]
    assert set(result["modalities"]) == (
        {"text", "audio"} if medium == "sound" else {"text"}
    )  # the pictures have no face
    assert result["shares"]["vision"] == 0


def test_a_recording_without_transcript_and_speech_model_says_what_to_give(corpus, model_dir, tmp_path, capsys):
    (tmp_path / "talk.mp4").write_bytes((corpus / "train.mp4").read_bytes())
    assert run_recognize([str(tmp_path / "talk.mp4"), "--model", str(model_dir)]) == 1
    assert "give a transcript, or a Whisper model" in capsys.readouterr().err


def test_several_conversations_are_not_written_over_each_other(model_dir, tmp_path, capsys):
    talk = {"utterances": [{"speaker": "Ada", "text": "Hello."}]}
    (tmp_path / "talks.jsonl").write_text(f"{json.dumps(talk)}\n{json.dumps(talk)}\n")
    command = [str(tmp_path / "talks.jsonl"), "--model", str(model_dir)]
    for option in (["--output", str(tmp_path / "out.json")], ["--picture", str(tmp_path / "out.png")]):
        assert run_recognize([*command, *option]) == 1
        assert "contains 2 conversations: give a folder as --output" in capsys.readouterr().err
    assert run_recognize([*command, "--output", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talks-0.json", "talks-1.json"]
    before = (tmp_path / "out" / "talks-0.json").read_bytes()
    (tmp_path / "talks-0.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nZoe: What?\n")
    command = [str(tmp_path / "talks.jsonl"), str(tmp_path / "talks-0.srt"), "--model", str(model_dir)]
    assert run_recognize([*command, "--output", str(tmp_path / "out")]) == 1
    assert "talks-0.json belongs to another conversation, and is not overwritten" in capsys.readouterr().err
    assert (tmp_path / "out" / "talks-0.json").read_bytes() == before


def test_an_untimed_transcript_of_a_recording_is_refused(corpus, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"speaker": "Ada", "text": "Hello."}\n')
    with pytest.raises(ValueError, match="utterance t_0 has no start, so its time"):
        conversations_of_file(corpus / "test.mp4", tmp_path / "t.jsonl")


def test_times_of_a_transcript_are_fitted_to_the_recording(tmp_path, caplog):
    write_wav(tmp_path / "talk.wav", np.zeros(10 * 16000, dtype=np.float32))

    def spans(text, name="talk.txt"):
        (tmp_path / name).write_text(text)
        caplog.clear()
        [conversation] = conversations_of_file(tmp_path / "talk.wav", tmp_path / name)
        return [(u["start"], u["end"]) for u in conversation["utterances"]]

    assert spans("Ada  0:03\nHi.\n\nBen  0:05\nHo.\n\nAda  0:08\nHm.\n") == [(3, 5), (5, 8), (8, 10)]
    assert "gives no ends" in caplog.text
    assert spans("speaker,text,start,end\nAda,Hi.,1,2\nBen,Ho.,3,\nAda,Hm.,5,6\n", "talk.csv") == [
        (1, 2),
        (3, 5),
        (5, 6),
    ]
    assert "gives no end for 1 of 3 utterances; each of these was taken to last" in caplog.text
    csv = "speaker,text,start,end\nAda,Hi.,1,2\nBen,Ho.,9,10.2\n"
    assert spans(csv, "talk.csv") == [(1, 2), (9, 10.2)] and not caplog.text
    assert spans(csv + "Cy,Late.,14,15\n", "talk.csv")[2] == (14, 15)
    assert "talk.wav lasts 10 s, but 1 of 3 utterances end later" in caplog.text
    with pytest.raises(
        ValueError, match="lasts 10 s, but all 1 utterances of its transcript begin later, the first at 60 s"
    ):
        spans("speaker,text,start,end\nAda,Hi.,60,62\n", "talk.csv")
    with pytest.raises(ValueError, match="the first at 36903 s: .* if they are times of day"):
        spans("[Ada] 10:15:03\nHi.\n\n[Ben] 10:15:05\nHo.\n")


def test_settings_that_a_transcript_makes_useless_are_named(tmp_path, caplog):
    write_wav(tmp_path / "talk.wav", np.zeros(10 * 16000, dtype=np.float32))
    (tmp_path / "talk.csv").write_text("speaker,text,start,end\nAda,Hi.,1,2\nBen,Ho.,3,4\n")
    [plain] = conversations_of_file(tmp_path / "talk.wav", tmp_path / "talk.csv")
    assert not caplog.text
    given = {"num_speakers": 2, "known_speakers": tmp_path}
    for path, transcript in (("talk.wav", tmp_path / "talk.csv"), ("talk.csv", None)):
        caplog.clear()
        [conversation] = conversations_of_file(tmp_path / path, transcript, **given)
        assert "num_speakers and known_speakers are not used: speakers are only looked for" in caplog.text
        assert any("are not used" in warning for warning in conversation["warnings"])
        assert [u["speaker"] for u in conversation["utterances"]] == [u["speaker"] for u in plain["utterances"]]


def test_a_recording_is_heard_by_its_own_clock_whatever_clips_the_transcript_names(corpus, tmp_path):
    (tmp_path / "clip.wav").write_bytes(b"anything")
    clip = {"speaker": "Ada", "start": 1.0, "end": 1.5, "audio": "clip.wav", "audio_start": 1.0}
    (tmp_path / "t.jsonl").write_text(json.dumps(clip))
    [conversation] = conversations_of_file(corpus / "test.mp4", tmp_path / "t.jsonl")
    plain = {"speaker": "Ada", "start": 1.0, "end": 1.5, "audio": str(corpus / "test.mp4")}
    [(_, heard)], [(_, expected)] = utterance_sounds(conversation["utterances"]), utterance_sounds([plain])
    assert np.array_equal(heard, expected)
    for key in ("start", "end"):
        with pytest.raises(ValueError, match=f"Utterance a has a {key} and no .*, so its place in its audio file"):
            list(utterance_sounds([{**plain, "id": "a", {"start": "end", "end": "start"}[key]: None}]))


def test_late_utterances_are_heard_as_in_one_pass(tmp_path):
    path = tmp_path / "long.wav"
    write_wav(path, np.random.default_rng(0).normal(0, 0.1, 60 * 16000).astype(np.float32))
    first, *late = [{"speaker": "Ada", "audio": str(path), "start": s, "end": s + 1.0} for s in (1.0, 50.0, 58.5)]
    in_one_pass = [waveform for _, waveform in utterance_sounds([first, *late])]
    for (_, waveform), expected in zip(utterance_sounds(late), in_one_pass[1:], strict=True):
        np.testing.assert_allclose(waveform, expected, atol=1e-6)


def test_turns_in_rttm_get_their_words_from_a_speech_model(corpus, tmp_path, monkeypatch):
    (tmp_path / "t.rttm").write_text("SPEAKER test 1 0.5 1.0 <NA> <NA> Ada <NA> <NA>")

    def transcribe(path, turns, model, language, **_):
        assert [tuple(turn) for turn in turns] == [("Ada", 0.5, 1.5)] and (model, language) == ("whisper", "en")
        return [{"speaker": turn.speaker, "text": "Come in.", "start": turn.start, "end": turn.end} for turn in turns]

    monkeypatch.setattr(recordings, "transcribe", transcribe)
    given = {"speech_model": "whisper", "language": "en"}
    [conversation] = conversations_of_file(corpus / "test.mp4", tmp_path / "t.rttm", **given)
    assert [(u["speaker"], u["text"], u["start"]) for u in conversation["utterances"]] == [("Ada", "Come in.", 0.5)]


def test_turns_in_rttm_get_their_words_from_a_text_file(corpus, tmp_path):
    turns = [(u["start"], u["end"] - u["start"], u["speaker"]) for u in utterances_of(corpus)]
    lines = [f"SPEAKER test 1 {start:.3f} {length:.3f} <NA> <NA> {name} <NA> <NA>" for start, length, name in turns]
    (tmp_path / "t.rttm").write_text("\n".join(lines))
    (tmp_path / "t.txt").write_text("\n".join(text for _, text, *_ in LINES))
    [conversation] = conversations_of_file(corpus / "test.mp4", tmp_path / "t.rttm", tmp_path / "t.txt")
    assert [(u["speaker"], u["text"]) for u in conversation["utterances"]] == [line[:2] for line in LINES]
    (tmp_path / "t.txt").write_text("\n".join([*(text for _, text, *_ in LINES[:-1]), "", ""]))
    [conversation] = conversations_of_file(tmp_path / "t.rttm", transcript_text=tmp_path / "t.txt")
    assert [u.get("text") for u in conversation["utterances"]] == [*(text for _, text, *_ in LINES[:-1]), None]
    with pytest.raises(ValueError, match="is the text of an RTTM transcript, but .*test.mp4 has no RTTM"):
        conversations_of_file(corpus / "test.mp4", transcript_text=tmp_path / "t.txt")


def test_prosody_of_silence_is_missing_and_of_nan_refused():
    assert prosody(np.zeros(16000)) is None and prosody(np.zeros(10)) is None
    with pytest.raises(ValueError, match="NaN"):
        prosody(np.full(16000, np.nan))


@pytest.mark.parametrize(("name", "size"), [("egemaps", 88), ("compare", 6373)])
def test_functionals_of_opensmile_have_their_sizes_and_too_short_sounds_have_none(name, size):
    pytest.importorskip("opensmile")
    extractor = FEATURE_EXTRACTORS[name]
    features = extractor.compute(np.sin(np.arange(16000) / 15).astype(np.float32) / 3)
    assert features.shape == (1, size) and features.dtype == np.float32 and np.isfinite(features).all()
    assert extractor.compute(np.zeros(800, np.float32)) is None


def test_a_corpus_with_an_unreadable_recording_is_extracted_and_read_again_once_it_is_mended(corpus, tmp_path):
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder, ignore=shutil.ignore_patterns("features", "cache"))
    (folder / "train.mp4").write_bytes(b"no recording")
    extract(folder, folder / "features")
    assert not load_feature_tables(str(folder / "features" / "prosody"), ["train"])["train"].rows
    assert len(load_feature_tables(str(folder / "features" / "prosody"), ["test"])["test"].rows) == len(LINES)
    shutil.copy(corpus / "train.mp4", folder / "train.mp4")
    extract(folder, folder / "features")
    assert len(load_feature_tables(str(folder / "features" / "prosody"), ["train"])["train"].rows) == len(LINES)


def test_an_utterance_after_the_end_of_the_video_takes_no_other_with_it(corpus):
    utterances = utterances_of(corpus)
    late = {**utterances[0], "start": 500.0, "end": 501.0}
    seen = {position for position, _ in utterance_sights([*utterances, late], skip_unreadable=True)}
    assert seen == set(range(len(LINES)))
    with pytest.raises(ValueError, match="500"):
        list(utterance_sights([late, {**late, "end": 502.0}]))  # it is the transcript of another recording


def test_an_utterance_after_the_end_or_without_length_lacks_what_it_has_none_of(corpus, model_dir, tmp_path, caplog):
    turns = json.loads(transcript_of(corpus, tmp_path / "t.json").read_text())["utterances"]
    instant = {**turns[0], "id": "instant", "start": 1.0, "end": 1.0}
    late = {**turns[0], "id": "late", "start": 500.0, "end": 501.0}
    (tmp_path / "t.json").write_text(json.dumps({"utterances": [*turns, instant, late]}))
    out = tmp_path / "out.json"
    where = ["--transcript", str(tmp_path / "t.json"), "--model", str(model_dir), "--output", str(out)]
    assert run_recognize([str(corpus / "test.mp4"), *where]) == 0
    found = {u["id"]: list(u["modalities"]) for u in json.loads(out.read_text())["utterances"]}
    assert found["instant"] == found["late"] == ["text"] and len(found) == len(turns) + 2
    assert all("audio" in modalities for name, modalities in found.items() if name not in ("instant", "late"))
    assert "Utterance instant lasts from 1 to 1 s" in caplog.text and "starts after the end" in caplog.text


def test_what_cannot_be_printed_is_written(corpus, model_dir, tmp_path, monkeypatch):
    (tmp_path / "talk.json").write_text('[{"speaker": "Ada", "text": "字"}]', encoding="utf-8")
    printed = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", printed)
    command = [str(tmp_path / "talk.json"), "--model", str(model_dir), "--output", str(tmp_path / "out.json")]
    assert run_recognize(command) == 0 and "字" in (tmp_path / "out.json").read_text(encoding="utf-8")
    printed.flush()
    assert b"\\u5b57" in printed.buffer.getvalue()

    def fails(timeline):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(recognition, "as_table", fails)
    (tmp_path / "out.json").unlink()
    run_recognize(command)
    assert (tmp_path / "out.json").is_file()


def test_a_transcript_is_not_overwritten_and_a_timeline_is_no_transcript(corpus, model_dir, tmp_path, capsys):
    (tmp_path / "talk.mp4").write_bytes((corpus / "test.mp4").read_bytes())
    cue = "1\n00:00:00,000 --> 00:00:01,000\nAda: Hello.\n"
    (tmp_path / "talk.srt").write_text(cue)
    command = [str(tmp_path / "talk.mp4"), "--model", str(model_dir)]
    for output in (["--output", str(tmp_path / "talk.srt")], ["--output", str(tmp_path), "--formats", "json", "srt"]):
        assert run_recognize([*command, *output]) == 2
        assert "is an input, and would be overwritten" in capsys.readouterr().err
    assert (tmp_path / "talk.srt").read_text() == cue
    turns = "SPEAKER talk 1 0.000 1.500 <NA> <NA> Ada <NA> <NA>\n"  # of a person, not of this command
    (tmp_path / "talk.rttm").write_text(turns)
    assert run_recognize([*command, "--output", str(tmp_path), "--formats", "rttm"]) == 2
    assert "is not a timeline that this command wrote" in capsys.readouterr().err
    assert (tmp_path / "talk.rttm").read_text() == turns
    (tmp_path / "talk.rttm").unlink()
    for output in ([], ["--output", str(tmp_path / "talk.json")]):
        assert run_recognize([*command, *output, "--formats", "srt"]) == 2
        assert "give a folder as --output" in capsys.readouterr().err
    (tmp_path / "talk.srt").rename(tmp_path / "talk.SRT")
    assert run_recognize([*command, "--picture", "talk.bmp"]) == 2
    assert "give a file ending in .png" in capsys.readouterr().err
    assert run_recognize([*command, "--report", "talk.pdf"]) == 2
    assert "give a file ending in .html" in capsys.readouterr().err
    # the output of one call, which names the recording, is not read in the next call
    outputs = [str(tmp_path / f"talk.{suffix}") for suffix in ("json", "csv")]
    for _ in range(2):
        assert run_recognize([*command, "--output", *outputs]) == 0
        assert f"Transcript of {tmp_path / 'talk.mp4'}: {tmp_path / 'talk.SRT'}" in capsys.readouterr().err
    assert run_recognize([*command, "--output", str(tmp_path / "other.json")]) == 0
    assert json.loads((tmp_path / "other.json").read_text())["recording"] == "talk"
    (tmp_path / "talk.SRT").unlink()
    assert run_recognize(command) == 1
    assert "give a transcript, or a Whisper model" in capsys.readouterr().err


# ------------------------------------------------------------------------------- a waveform in place of a file's path


def in_memory(path) -> dict:
    """The sound of a recording as `datasets` decodes it."""
    from scipy.io import wavfile

    rate, samples = wavfile.read(path)
    return {"array": samples.T / 32768, "sampling_rate": rate, "path": str(path)}


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_a_waveform_is_heard_as_its_file_is(tmp_path, channels, rate):
    samples = np.random.default_rng(channels).normal(0, 0.1, (channels, 3 * rate)).astype(np.float32)
    with open(tmp_path / "noise.wav", "wb") as file:
        from scipy.io import wavfile

        wavfile.write(file, rate, (samples.T * 32768).round().astype(np.int16))
    waveform = in_memory(tmp_path / "noise.wav")
    assert probe_media(waveform).duration == probe_media(tmp_path / "noise.wav").duration == 3.0
    for start, end in ((None, None), (0.25, 1.5), (2.9, 9.0)):
        heard = read_audio(waveform, start, end)
        np.testing.assert_allclose(heard, read_audio(tmp_path / "noise.wav", start, end), atol=1e-5)
    utterances = [{"speaker": "Ada", "audio": waveform, "start": 1.0, "end": 2.0}]
    [(_, heard)] = utterance_sounds(utterances)
    assert heard.shape == (16000,)


def test_waveforms_come_as_raw_integers_and_any_other_array():
    import torch

    expected = read_audio({"array": np.array([0.0, 0.5, -0.5, 0.25] * 2000), "sampling_rate": 16000})
    for array in (
        np.array([0, 16384, -16384, 8192] * 2000, np.int16),
        np.array([128, 192, 64, 160] * 2000, np.uint8),
        torch.tensor([0.0, 0.5, -0.5, 0.25] * 2000),
        [0.0, 0.5, -0.5, 0.25] * 2000,
    ):
        np.testing.assert_allclose(read_audio({"raw": array, "sampling_rate": 16000}), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        ({"array": np.zeros(10)}, "sampling_rate of a waveform is None"),
        ({"array": np.zeros(10), "sampling_rate": 16}, "whole number of Hz from 4000"),
        ({"array": np.zeros((1000, 2)), "sampling_rate": 16000}, "give \\(channels, samples\\), the transpose"),
        ({"array": np.full(10, np.nan), "sampling_rate": 16000}, "NaN"),
        ({"array": np.full(10, 30000.0), "sampling_rate": 16000}, "divide them by the largest value"),
        ({"array": ["a", "b"], "sampling_rate": 16000}, "give numbers"),
        ({"array": [], "sampling_rate": 16000}, "give numbers"),
        (3, "is given as a int"),
    ],
)
def test_what_is_no_waveform_is_refused(waveform, message):
    with pytest.raises(ValueError, match=message):
        conversations_of_file(waveform, speech_model="whisper")


def test_an_utterance_with_a_wrong_waveform_is_named():
    utterance = {"speaker": "Ada", "text": "Hello.", "audio": {"array": np.zeros(5), "sampling_rate": 1}}
    with pytest.raises(ValueError, match="The audio of utterance 0 of conversation 0: The sampling_rate"):
        AmuseProcessor().check_conversations([utterance])


def test_the_pipeline_gives_for_a_waveform_what_it_gives_for_its_file_and_reports_its_stages(
    corpus, model_dir, tmp_path
):
    from transformers import pipeline

    recognizer = pipeline(
        "emotion-recognition",
        model=AmuseForEmotionRecognition.from_pretrained(model_dir),
        processor=AmuseProcessor.from_pretrained(model_dir),
    )
    write_wav(tmp_path / "test.wav", read_audio(corpus / "test.mp4"))
    transcript = str(transcript_of(corpus, tmp_path / "t.json"))
    reports = []
    from_waveform = recognizer(
        in_memory(tmp_path / "test.wav"), transcript=transcript, progress=lambda *report: reports.append(report)
    )
    from_file = recognizer(tmp_path / "test.wav", transcript=transcript)
    assert [u["emotion"] for u in from_waveform] == [u["emotion"] for u in from_file]
    for one, other in zip(from_waveform, from_file, strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-4)
    assert [stage for stage, *_ in reports] == ["voice"] * (len(LINES) + 1) + ["emotions"] * 2
    assert reports[0] == ("voice", 0, len(LINES)) and reports[-1] == ("emotions", 1, 1)

    reports.clear()
    recognizer(corpus / "test.mp4", transcript=transcript, progress=lambda *report: reports.append(report))
    for stage in ("voice", "faces", "emotions"):
        completed = [done for name, done, _ in reports if name == stage]
        [total] = {total for name, _, total in reports if name == stage}
        assert completed[0] == 0 and completed[-1] == total and completed == sorted(completed)
