# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The audit of recordings finds each kind of defect that the tests make, and nothing else."""

import json
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from modeling_amuse.processing.corpora import media_audit
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.media_audit import (
    KINDS,
    audit_media,
    describe_audit,
    inspect_file,
    inspect_files,
)
from modeling_amuse.scripts.audit_data import main
from tests.crashing_reader import crash_on_request, read_slowly

small_media = pytest.importorskip("tests.small_media", reason="needs PyAV")
write_video, write_wav = small_media.write_video, small_media.write_wav

RATE = 16000


def sound(seconds: float, pitch: float = 220.0) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def pictures(seconds: float, shade: int = 90) -> np.ndarray:
    frames = np.full((round(seconds * 10), 48, 64, 3), shade, dtype=np.uint8)
    frames[:, :, 32:] += np.arange(len(frames), dtype=np.uint8)[:, None, None, None]
    return frames


def finding(kind_or_split: dict, kind: str) -> list[tuple]:
    return [(*found["utterances"], *found["media"]) for found in kind_or_split[kind]]


def audit(*conversations: list[dict], **settings) -> dict:
    """Audit one split."""
    splits = {"train": [{"id": f"c{n}", "utterances": utterances} for n, utterances in enumerate(conversations)]}
    return audit_media(splits, num_processes=1, **settings)["train"]


def kinds(report: dict) -> dict[str, list[tuple]]:
    return {kind: finding(report, kind) for kind in KINDS if report[kind]}


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    """Good recordings with different contents, and broken ones."""
    folder = tmp_path_factory.mktemp("media")
    write_wav(folder / "dialogue.wav", sound(10.0), RATE)
    write_wav(folder / "short.wav", sound(1.0, 300), RATE)
    write_video(folder / "clip.mp4", pictures(2.0), 10, sound(2.0, 400), RATE)
    write_video(folder / "silent.mp4", pictures(2.0, 30), 10)
    whole = (folder / "clip.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    whole = (folder / "dialogue.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 3])
    (folder / "text.wav").write_text("this is no recording")
    (folder / "empty.wav").touch()
    with wave.open(str(folder / "header.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))  # without samples
    damaged = bytearray((folder / "clip.mp4").read_bytes())
    quarter = len(damaged) // 4
    damaged[2 * quarter : 3 * quarter] = bytes(quarter)
    (folder / "damaged.mp4").write_bytes(damaged)
    return folder


def test_good_recordings_are_not_complained_about(media):
    dialogue = {"audio": str(media / "dialogue.wav")}
    report = audit(
        [
            {"id": "a", "start": 0.0, "end": 4.0, **dialogue},
            {"id": "b", "start": 3.0, "end": 6.0, **dialogue},  # overlaps by only a third
            {"id": "c", "start": 6.0, "end": 10.3, **dialogue},  # annotations are not exact
        ],
        [{"id": "d", "audio": str(media / "short.wav"), "audio_start": 7.0, "start": 7.0, "end": 8.0}],
    )
    assert kinds(report) == {}
    assert (report["conversations"], report["utterances"], report["files"]) == (2, 4, 2)


def test_each_planted_defect_is_found_once(media):
    dialogue = {"audio": str(media / "dialogue.wav")}
    report = audit(
        [
            {"id": "good", "start": 0.0, "end": 2.0, **dialogue},
            {"id": "inside", "start": 1.5, "end": 2.2, **dialogue},
            {"id": "nothing", "start": 5.0, "end": 5.0, **dialogue},
            {"id": "beyond", "start": 8.0, "end": 14.0, **dialogue},
            {"id": "elsewhere", "start": 3.0, "end": 4.0},
            {"id": "gone", "audio": str(media / "gone.wav")},
        ],
        [{"id": name, "audio": str(media / f"{name}.wav")} for name in ("empty", "header", "text")],
        [{"id": "long", **dialogue}],
        [{"id": name, "audio": str(media / f"{name}.mp4")} for name in ("cut", "damaged")],
        longest=7,
    )
    assert kinds(report) == {
        "missing": [("elsewhere", "audio"), ("gone", "audio")],
        "corrupt": [("beyond", "audio"), ("text", "audio"), ("cut", "audio"), ("damaged", "audio")],
        "zero_length": [("nothing", "audio"), ("empty", "audio"), ("header", "audio")],
        "too_long": [("long", "audio")],
        "overlapping": [("good", "inside", "audio")],
    }
    assert "ends at 10.00 s, not at 14.00 s" in report["corrupt"][0]["what"]
    assert report["overlapping"][0]["what"].startswith("they share 0.50 s of ")


def test_both_media_of_a_file_are_looked_at(media):
    def clip(name, **fields):
        return {"id": name, "audio": str(media / f"{name}.mp4"), "video": str(media / f"{name}.mp4"), **fields}

    times = {"start": 9.0, "end": 14.0, "audio_start": 9.0, "video_start": 9.0}
    report = audit(
        [clip("clip"), clip("silent")], [clip("clip", **times)], [{"id": "sound", "audio": str(media / "short.wav")}]
    )
    assert kinds(report) == {
        "missing": [("sound", "video")],
        "corrupt": [("silent", "audio"), ("clip", "audio"), ("clip", "video")],
    }
    assert report["corrupt"][0]["what"].endswith("silent.mp4 has no audio track")


def test_a_recording_that_ends_before_it_says_is_found(media, tmp_path):
    write_video(tmp_path / "whole.mkv", pictures(6.0), 10, sound(6.0), RATE)
    contents = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(contents[: len(contents) // 3])
    report = audit(
        [{"id": "whole", "video": str(tmp_path / "whole.mkv")}], [{"id": "cut", "video": str(tmp_path / "cut.mkv")}]
    )
    assert kinds(report) == {"corrupt": [("cut", "video")]}


def test_names_of_any_encoding_are_no_damage_and_damage_is_told_each_time(media, tmp_path):
    write_video(tmp_path / "12:30.mkv", pictures(2.0), 10, sound(2.0), RATE)
    contents = (tmp_path / "12:30.mkv").read_bytes()
    assert b"Lavf" in contents
    # the name of the program that wrote it, in Latin-1
    (tmp_path / "12:30.mkv").write_bytes(contents.replace(b"Lavf", b"L\xe9vf"))
    state = inspect_file(str(tmp_path / "12:30.mkv"))
    assert state.problem is None and state.damage is None and state.ends["video"] == pytest.approx(2.0, abs=0.1)
    first, second = (inspect_file(str(media / "damaged.mp4")) for _ in range(2))
    assert first.damage and first.damage == second.damage


def test_actors_side_by_side_do_not_overlap(media):
    file = {"video": str(media / "clip.mp4"), "start": 0.0, "end": 1.0}
    sides = [{"id": side, "video_side": side, **file} for side in ("left", "right")]
    assert kinds(audit(sides)) == {}
    assert kinds(audit([*sides, {"id": "again", "video_side": "left", **file}])) == {
        "overlapping": [("left", "again", "video")]
    }


def test_copies_are_found_across_splits(media, tmp_path):
    shutil.copy(media / "short.wav", tmp_path / "copy.wav")
    write_wav(tmp_path / "other.wav", sound(1.0, 301), RATE)  # a file of the same size
    utterances = {"train": ("short", media), "validation": ("other", tmp_path), "test": ("copy", tmp_path)}
    splits = {
        split: [{"id": "c", "utterances": [{"id": name, "audio": str(folder / f"{name}.wav")}]}]
        for split, (name, folder) in utterances.items()
    }
    report = audit_media(splits, num_processes=1)
    assert {split: kinds(found) for split, found in report.items()} == {
        "train": {"duplicate": [("short", "audio")]},
        "validation": {},
        "test": {"duplicate": [("copy", "audio")]},
    }
    assert report["train"]["duplicate"][0]["what"].endswith("given for test/copy, train/short")


def test_text_alone_cannot_be_audited():
    with pytest.raises(ValueError, match="No utterance has a recording"):
        audit([{"id": "a", "text": "hello"}])


def test_the_raw_archive_of_meld(media, tmp_path):
    def row(number, seconds):
        return f'hello,Joey,joy,0,{number},"00:00:01,000","00:00:0{1 + seconds},000"\n'

    header = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"
    rows = {"train": row(0, 2) + row(1, 2) + row(2, 5) + row(3, 2), "dev": row(0, 2), "test": row(0, 2)}
    for split, lines in rows.items():
        (tmp_path / f"{split}_sent_emo.csv").write_text(header + lines)
    clips = {
        "train_splits": ("clip", "cut", "other"),
        "dev_splits_complete": ("clip",),
        "output_repeated_splits_test": ("more",),
    }
    write_video(tmp_path / "other.mp4", pictures(2.0, 10), 10, sound(2.0, 500), RATE)
    write_video(tmp_path / "more.mp4", pictures(2.0, 20), 10, sound(2.0, 600), RATE)
    for folder, names in clips.items():
        (tmp_path / folder).mkdir()
        for number, name in enumerate(names):
            [source] = [f / f"{name}.mp4" for f in (media, tmp_path) if (f / f"{name}.mp4").is_file()]
            shutil.copy(source, tmp_path / folder / f"dia0_utt{number}.mp4")
    splits = load_conversations("meld", str(tmp_path), str(tmp_path / "cache")).splits
    report = audit_media(splits, num_processes=1)
    assert {split: kinds(found) for split, found in report.items()} == {
        "train": {
            "missing": [("dia0_utt3", "audio", "video")],
            "corrupt": [("dia0_utt1", "audio", "video"), ("dia0_utt2", "audio"), ("dia0_utt2", "video")],
            "duplicate": [("dia0_utt0", "audio", "video")],
        },
        "validation": {"duplicate": [("dia0_utt0", "audio", "video")]},
        "test": {},
    }


def test_a_file_that_crashes_the_decoder_does_not_end_the_audit(tmp_path):
    paths = [str(tmp_path / f"{name}.wav") for name in ("a", "b-crash", "c")]
    for path in paths:
        Path(path).write_bytes(b"x")
    states = inspect_files(paths, 2, crash_on_request)
    assert [states[path].problem is None for path in paths] == [True, False, True]
    assert states[paths[1]].problem.endswith("b-crash.wav crashes the decoder.")


def test_an_audit_that_is_interrupted_does_not_read_the_files_that_wait(tmp_path, monkeypatch):
    paths = [str(tmp_path / f"{n}.wav") for n in range(30)]
    for path in paths:
        Path(path).write_bytes(b"x")

    def interrupt(progress):
        raise KeyboardInterrupt

    monkeypatch.setattr(media_audit.tqdm, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        inspect_files(paths, 2, read_slowly)
    assert 1 <= len(list(tmp_path.glob("*.read"))) < 15


def test_the_command(media, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("short", "text"):
        shutil.copy(media / f"{name}.wav", data)
    for split, name in (("train", "short"), ("validation", "text")):
        conversation = {"id": split, "utterances": [{"id": name, "speaker": "Ada", "audio": f"{name}.wav"}]}
        (data / f"{split}.jsonl").write_text(json.dumps(conversation))
    command = ["--dataset_name", "folder", "--data_dir", str(data), "--cache_dir", str(tmp_path / "cache")]
    output = tmp_path / "reports/audit.json"
    report = main([*command, "--output", str(output), "--num_processes", "2"])
    assert json.loads(output.read_text()) == report
    printed = capsys.readouterr().out
    assert "train: 1 utterances, 1 files: 0 missing, 0 corrupt" in printed
    assert (
        "validation: 1 utterances, 1 files: 0 missing, 1 corrupt" in printed and "  corrupt: text (audio): " in printed
    )
    with pytest.raises(SystemExit) as exit_status:
        main([*command, "--strict", "--num_processes", "1"])
    assert exit_status.value.code == 1
    (data / "validation.jsonl").unlink()
    main([*command, "--strict", "--num_processes", "1"])


def test_long_lists_are_cut_in_the_summary(media):
    report = {"train": audit([{"id": "good", "audio": str(media / "short.wav")}, *({"id": f"u{n}"} for n in range(5))])}
    summary = describe_audit(report, first=2)
    assert summary.count("  missing: u") == 2 and summary.endswith("  missing: and 3 more")
