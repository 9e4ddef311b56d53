# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The builders for data sets with recordings (MELD's clips, IEMOCAP, Emo-DB), their schema, and folds by speaker."""

import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.conversation import media_span
from modeling_amuse.processing.corpora import iemocap
from modeling_amuse.processing.corpora.load_conversations import describe_report, load_conversations
from modeling_amuse.processing.evaluation.speaker_folds import speaker_folds
from modeling_amuse.scripts.training import fold_data

MELD_HEADER = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"


def load(name, data_dir, tmp_path):
    return load_conversations(name, str(data_dir), str(tmp_path / "cache"))


def write(path: Path, content: str | bytes = b"not decoded by the builders"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def by_id(split) -> dict[str, dict]:
    return {utterance["id"]: utterance for row in split["utterances"] for utterance in row}


# ---------------------------------------------------------------------------------------------------------- schema


def test_the_span_of_an_utterance_in_its_files():
    clip = {"start": 61.5, "end": 63.0, "audio_start": 61.5, "video_start": None}
    assert media_span(clip, "audio") == (0.0, 1.5)
    assert media_span(clip, "video") == (61.5, 63.0)
    assert media_span({"start": 2, "end": 3}, "audio") == (2, 3)
    assert media_span({"start": 2, "end": None, "audio_start": 2}, "audio") == (None, None)
    assert media_span({}, "video") == (None, None)


def test_a_folder_says_where_files_begin_and_who_sits_where(tmp_path):
    write(tmp_path / "talk.mp4")
    utterance = {
        "speaker": "Ada",
        "start": 9.0,
        "end": 9.5,
        "video": "talk.mp4",
        "video_start": 8,
        "video_side": "right",
    }
    write(tmp_path / "train.jsonl", json.dumps({"id": "c", "utterances": [utterance]}))
    [loaded] = load("folder", tmp_path, tmp_path).splits["train"][0]["utterances"]
    assert (loaded["audio_start"], loaded["video_start"], loaded["video_side"]) == (None, 8.0, "right")
    assert media_span(loaded, "video") == (1.0, 1.5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"video_side": "centre"}, "its video_side is 'centre': give left or right"),
        ({"audio_start": "0:01"}, "its audio_start is '0:01': give seconds"),
        ({"video_start": float("nan")}, "its video_start is nan: give seconds"),
        ({"start": 1.0, "end": 2.0, "audio_start": 1.5, "audio": "a.wav"}, "is before the start of its audio file"),
    ],
)
def test_what_a_folder_says_of_its_files_is_checked(tmp_path, fields, message):
    write(tmp_path / "a.wav")
    write(tmp_path / "train.jsonl", json.dumps({"id": "c", "utterances": [{"speaker": "Ada", **fields}]}))
    with pytest.raises(ValueError, match=f"Utterance c_0: .*{message}"):
        load("folder", tmp_path, tmp_path)


# ------------------------------------------------------------------------------------------------------------ MELD


def meld_row(dialogue, utterance, start="00:00:01,000", end="00:00:02,500"):
    return f'hello,Joey,joy,{dialogue},{utterance},"{start}","{end}"\n'


@pytest.fixture
def meld_raw(tmp_path) -> Path:
    """MELD with its raw archive unpacked: a nested folder for train, good, empty, missing and unusable clips, other files."""
    root = tmp_path / "meld"
    rows = meld_row(0, 0) + meld_row(0, 1) + meld_row(0, 2) + meld_row(125, 3)
    write(root / "train_sent_emo.csv", MELD_HEADER + rows)
    write(root / "dev_sent_emo.csv", MELD_HEADER + meld_row(110, 7) + meld_row(110, 8))
    write(root / "test_sent_emo.csv", MELD_HEADER + meld_row(38, 4, "00:00:00,000", "00:05:05,000"))
    for name in ("dia0_utt0", "dia125_utt3", "._dia0_utt1", "dia7_utt7"):
        write(root / f"MELD.Raw/train/train_splits/{name}.mp4")
    write(root / "MELD.Raw/train/train_splits/dia0_utt2.mp4", b"")
    for name in ("dia110_utt7", "dia110_utt8"):
        write(root / f"MELD.Raw/dev_splits_complete/{name}.mp4")
    for name in ("dia38_utt4", "final_videos_testdia38_utt4", "._dia38_utt4"):
        write(root / f"output_repeated_splits_test/{name}.mp4")
    return root


def test_meld_utterances_have_their_clips(meld_raw, tmp_path):
    data = load("meld", meld_raw, tmp_path)
    train = by_id(data.splits["train"])
    clip = str(meld_raw / "MELD.Raw/train/train_splits/dia0_utt0.mp4")
    assert (train["dia0_utt0"]["audio"], train["dia0_utt0"]["video"]) == (clip, clip)
    assert media_span(train["dia0_utt0"], "audio") == media_span(train["dia0_utt0"], "video") == (0.0, 1.5)
    for name in ("dia0_utt1", "dia0_utt2", "dia125_utt3"):  # missing, empty, unusable
        assert (train[name]["audio"], train[name]["video"], train[name]["audio_start"]) == (None, None, None)
    validation = by_id(data.splits["validation"])
    assert [bool(validation[name]["video"]) for name in ("dia110_utt7", "dia110_utt8")] == [False, True]
    [test] = by_id(data.splits["test"]).values()
    assert test["video"] == str(meld_raw / "output_repeated_splits_test/dia38_utt4.mp4")
    assert media_span(test, "video") == (None, None)  # the times are dropped
    found = {name: data.report["train"][name] for name in data.report["train"] if "clip" in name}
    assert found == {
        "utterances without a usable clip": 1,
        "utterances with a clip": 1,
        "clips that are missing": 1,
        "clips of 0 bytes": 1,
    }


def test_meld_is_read_anew_when_clips_come_or_go(meld_raw, tmp_path):
    load("meld", meld_raw, tmp_path)
    late = meld_raw / "MELD.Raw/train/train_splits/dia0_utt1.mp4"
    write(late)
    assert by_id(load("meld", meld_raw, tmp_path).splits["train"])["dia0_utt1"]["audio"] == str(late)
    write(late, b"")
    assert by_id(load("meld", meld_raw, tmp_path).splits["train"])["dia0_utt1"]["audio"] is None


def test_meld_without_clips_is_text_alone(meld_raw, tmp_path):
    for folder in ("MELD.Raw", "output_repeated_splits_test"):
        (meld_raw / folder).rename(tmp_path / folder)
    data = load("meld", meld_raw, tmp_path)
    for split in data.splits.values():
        assert all(u["audio"] is u["video"] is u["video_start"] is None for u in by_id(split).values())
    assert not any("missing" in what for counts in data.report.values() for what in counts)


# --------------------------------------------------------------------------------------------------------- IEMOCAP

EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[{1} - {2}]\t{0}_M000\tfru\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[6.2901 - 8.2357]\t{0}_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-F1:\tFrustration;\t(x)

[15.0000 - 16.0000]\t{0}_F001\txxx\t[2.5000, 2.5000, 2.5000]
C-E1:\tNeutral; Anger\t()
[17.0000 - 18.0000]\t{0}_F002\t{3}\t[2.5000, 2.5000, 2.5000]
"""
TRANSCRIPTION = """{0}_F000 [006.2901-008.2357]: Excuse me.
M: (breathing)
F:
{0}_M000 [010.0100-012.9999]: Do you have your forms?
{0}_FXX0 [013.0000-013.5000]: [LAUGHTER]
{0}_F002 [017.0000-018.0000]: caf\u00e9
"""


def write_dialogue(root: Path, name: str, code: str = "ang"):
    dialog, sentences = root / f"Session{int(name[3:5])}/dialog", root / f"Session{int(name[3:5])}/sentences/wav" / name
    write(dialog / f"EmoEvaluation/{name}.txt", EVALUATION.format(name, "10.0100", "12.9999", code))
    write(dialog / f"EmoEvaluation/._{name}.txt", b"\x00\x05\x16\x07 Mac OS X")
    write(dialog / f"EmoEvaluation/Categorical/{name}_e2_cat.txt", f"{name}_F000 :Neutral state; ()\n")
    write(dialog / f"transcriptions/{name}.txt", TRANSCRIPTION.format(name).encode("cp1252"))
    write(dialog / f"avi/DivX/{name}.avi")
    write(dialog / f"avi/DivX/._{name}.avi")
    for turn in ("F000", "F001", "F002", "M000"):
        write(sentences / f"{name}_{turn}.wav")
    write(sentences / f"._{name}_F000.wav")


@pytest.fixture
def iemocap_copy(tmp_path) -> Path:
    """An invented copy in the layout of the release, with unusual lines and files of operating systems."""
    root = tmp_path / "IEMOCAP_full_release"
    for name in ("Ses01F_impro01", "Ses01M_script01_1", "Ses02F_impro01", "Ses03F_impro01", "Ses04F_impro04"):
        write_dialogue(root, name)
    write_dialogue(root, "Ses05M_impro01", "sur")
    return root


def test_iemocap_is_read_as_it_comes(iemocap_copy, tmp_path):
    data = load("iemocap", iemocap_copy, tmp_path)
    assert data.emotions == ("happiness", "sadness", "neutral", "anger", "excitement", "frustration")
    assert sorted(data.splits["train"]["id"]) == [
        *("Ses01F_impro01", "Ses01M_script01_1", "Ses02F_impro01", "Ses03F_impro01")
    ]
    assert data.splits["validation"]["id"] == ["Ses04F_impro04"]
    assert data.splits["test"]["id"] == ["Ses05M_impro01"]

    [conversation] = [row for row in data.splits["train"] if row["id"] == "Ses01M_script01_1"]
    utterances = conversation["utterances"]
    name = "Ses01M_script01_1"
    assert [u["id"] for u in utterances] == [f"{name}_{turn}" for turn in ("F000", "M000", "F001", "F002")]
    assert [u["speaker"] for u in utterances] == ["Ses01_F", "Ses01_M", "Ses01_F", "Ses01_F"]
    assert [u["text"] for u in utterances] == ["Excuse me.", "Do you have your forms?", None, "caf\u00e9"]
    assert [u["emotion"] for u in utterances] == ["neutral", "frustration", None, "anger"]
    assert [u["video_side"] for u in utterances] == ["right", "left", "right", "right"]
    second = utterances[1]
    assert second["audio"] == str(iemocap_copy / f"Session1/sentences/wav/{name}/{name}_M000.wav")
    assert media_span(second, "audio") == (0.0, pytest.approx(2.9899))
    assert second["video"] == str(iemocap_copy / f"Session1/dialog/avi/DivX/{name}.avi")
    assert media_span(second, "video") == (10.01, 12.9999)

    assert data.report["test"] == {
        "conversations": 1,
        "utterances": 4,
        "utterances with one of the six emotions": 2,
        "utterances labelled 'xxx', kept without an emotion": 1,
        "utterances labelled 'sur', kept without an emotion": 1,
        "utterances without a transcription": 1,
        "utterances so labelled in test, in the complete release 1,622": 2,
        "utterances so labelled in test, in papers 1,623": 2,
    }
    assert "15 utterances so labelled in train and validation, in papers 5,810" in describe_report(data.report)


def test_the_field_s_counts_are_not_remarked_upon(iemocap_copy, tmp_path, monkeypatch):
    monkeypatch.setattr(iemocap, "FIELD_COUNTS", {"train and validation": 15, "test": 2})
    monkeypatch.setattr(iemocap, "COMPLETE_COUNTS", {"train and validation": 15, "test": 3})
    data = load("iemocap", iemocap_copy, tmp_path)
    assert "so labelled" not in describe_report({"train": data.report["train"]})
    assert [what for what in data.report["test"] if "so labelled" in what] == [
        "utterances so labelled in test, in the complete release 3"
    ]


def test_iemocap_recordings_that_are_missing_are_counted_and_noticed(iemocap_copy, tmp_path):
    load("iemocap", iemocap_copy, tmp_path)
    session = iemocap_copy / "Session5"
    (session / "sentences/wav/Ses05M_impro01/Ses05M_impro01_F001.wav").unlink()
    write(session / "sentences/wav/Ses05M_impro01/Ses05M_impro01_M000.wav", b"")
    (session / "dialog/avi/DivX/Ses05M_impro01.avi").unlink()
    (session / "dialog/transcriptions/Ses05M_impro01.txt").unlink()
    data = load("iemocap", iemocap_copy, tmp_path)
    utterances = by_id(data.splits["test"])
    assert [bool(utterances[f"Ses05M_impro01_{turn}"]["audio"]) for turn in ("F000", "F001", "M000")] == [
        True,
        False,
        False,
    ]
    assert {(u["video"], u["text"]) for u in utterances.values()} == {(None, None)}
    report = data.report["test"]
    assert report["recordings of utterances that are missing"] == report["recordings of utterances of 0 bytes"] == 1
    assert report["videos of conversations that are missing"] == 1
    assert report["utterances without a transcription"] == 4


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("._"))


def renamed(folder: Path, target: Path, rule) -> Path:
    """Copy a folder, and change the path of each file in it by `rule`."""
    for path in files_below(folder):
        write(target / rule(path.relative_to(folder).as_posix()), path.read_bytes())
    return target


def rewritten(folder: Path, rule) -> Path:
    """Change the text of each file in the folder by `rule`."""
    for path in files_below(folder):
        if path.suffix == ".txt":
            coding = "cp1252" if path.parent.name == "transcriptions" else "utf-8"
            path.write_bytes(rule(path.read_bytes().decode(coding)).encode(coding))
    return folder


def contents_of(data) -> dict[str, list]:
    """Everything that is read. For recordings, whether there is one."""
    keys = ("id", "speaker", "text", "start", "end", "emotion")
    return {
        split: [[(*(u[k] for k in keys), bool(u["audio"]), bool(u["video"])) for u in c["utterances"]] for c in part]
        for split, part in data.splits.items()
    }


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(str.lower, id="lower case"),
        pytest.param(str.upper, id="upper case"),
        pytest.param(lambda name: name.replace(".wav", ".WAV").replace(".avi", ".Avi"), id="suffixes"),
        pytest.param(lambda name: name.replace("dialog", "Dialog").replace("DivX", "divx"), id="folders"),
    ],
)
def test_iemocap_s_paths_in_other_case(iemocap_copy, tmp_path, rule):
    expected = contents_of(load("iemocap", iemocap_copy, tmp_path / "published"))
    assert all(u[-1] and u[-2] for part in expected.values() for c in part for u in c)
    copy = renamed(iemocap_copy, tmp_path / "copy", rule)
    assert contents_of(load("iemocap", copy, tmp_path / "copied")) == expected


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(lambda text: text.replace("\t", "   "), id="spaces for tabs"),
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="line ends of Windows"),
        pytest.param(lambda text: text.replace(" - ", "-").replace("]: ", "]:"), id="tight"),
        pytest.param(lambda text: re.sub(r"(\d)-(\d)", r"\1 - \2", text).replace("]:", "] :"), id="wide"),
        pytest.param(lambda text: text.replace(" [0", "\t[0"), id="a tab before the times"),
        pytest.param(lambda text: text.replace("]: ", "] "), id="no colon"),
        pytest.param(lambda text: re.sub(r"(?m)^(?=\S)", "  ", text), id="indented"),
        pytest.param(lambda text: text.replace("\t[2.5000, 2.5000, 2.5000]", ""), id="no dimensions"),
        pytest.param(lambda text: re.sub(r"\t[a-z]{3}\t", lambda found: found[0].upper(), text), id="codes"),
        pytest.param(lambda text: re.sub(r"Ses\w+", lambda found: found[0].lower(), text), id="ids"),
    ],
)
def test_iemocap_s_files_in_other_spacing_and_case(iemocap_copy, tmp_path, rule):
    expected = contents_of(load("iemocap", iemocap_copy, tmp_path / "published"))
    assert contents_of(load("iemocap", rewritten(iemocap_copy, rule), tmp_path / "edited")) == expected


def test_sessions_that_are_missing_are_named_and_the_others_read(iemocap_copy, tmp_path, caplog):
    for session in (2, 4):
        shutil.rmtree(iemocap_copy / f"Session{session}")
    data = load("iemocap", iemocap_copy, tmp_path)
    assert "lacks Session2, Session4: only the other sessions are read" in caplog.text
    found = sorted(name for part in data.splits.values() for name in part["id"])
    assert found == ["Ses01F_impro01", "Ses01M_script01_1", "Ses03F_impro01", "Ses05M_impro01"]


def test_a_modality_of_which_nothing_was_understood_is_a_warning(iemocap_copy, tmp_path, caplog):
    for path in iemocap_copy.rglob("transcriptions/*.txt"):
        path.write_text("Excuse me.\nDo you have your forms?\n")
    copy = renamed(iemocap_copy, tmp_path / "copy", lambda name: re.sub(r"_([FM]\d+)\.wav", r"-\1.wav", name))
    utterances = [u for c in load("iemocap", copy, tmp_path).splits["train"] for u in c["utterances"]]
    assert all(u["text"] is None and u["audio"] is None and u["video"] for u in utterances)
    for what in ("transcriptions", "recordings"):
        assert f"files of {what} were found, but none could be assigned" in caplog.text
    assert "videos were found" not in caplog.text


def test_one_session_of_iemocap_is_left_out_at_a_time(iemocap_copy, tmp_path):
    data = load("iemocap", iemocap_copy, tmp_path)
    folds = fold_data.divide(fold_data.all_sessions(data).to_list(), 5, "session")
    assert [{c["id"][:5] for c in fold["test"]} for fold in folds] == [{f"Ses0{n}"} for n in range(1, 6)]
    for fold in folds:
        speakers = [name for split in ("train", "validation", "test") for name in fold_data.speakers_of(fold[split])]
        assert len(speakers) == len(set(speakers)) == 10


def test_what_iemocap_lacks_is_named(iemocap_copy, tmp_path):
    (iemocap_copy / "Session3/dialog/EmoEvaluation").rename(tmp_path / "elsewhere")
    with pytest.raises(
        FileNotFoundError, match=r"lacks Session3/dialog/EmoEvaluation\. .*https://sail.usc.edu/iemocap/"
    ):
        load("iemocap", iemocap_copy, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[6.2 - 8.2]\tSes02F_impro01\tneu\n", "line 1, is not an utterance"),
        ("\n[6.2.1 - 8.2]\tSes02F_impro01_F000\tneu\t[2, 2, 2]\n", "line 2, is not an utterance"),
        ("% nothing\n", "holds no utterance"),
    ],
)
def test_evaluations_of_another_form_are_refused(iemocap_copy, tmp_path, content, message):
    write(iemocap_copy / "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt", content)
    with pytest.raises(ValueError, match=rf"Ses02F_impro01.txt.*{message}.*sail.usc.edu"):
        load("iemocap", iemocap_copy, tmp_path)


def test_about_a_tenth_of_the_sessions_one_to_four_is_validation():
    scenes = [f"impro0{n}" for n in range(1, 8)] + [f"script0{n}_{m}" for n in (1, 2, 3) for m in (1, 2)]
    ids = [f"Ses0{session}{letter}_{scene}" for session in (1, 2, 3, 4) for letter in "FM" for scene in scenes]
    splits = Counter(iemocap.split_of(identifier, int(identifier[4])) for identifier in ids)
    assert set(splits) == {"train", "validation"} and 0.09 < splits["validation"] / len(ids) < 0.13


# ---------------------------------------------------------------------------------------------------------- Emo-DB


def test_emodb_s_names_are_read(tmp_path):
    for name in ("03a01Fa", "16b10Wb", "08a05Ld", "notes"):
        write(tmp_path / f"wav/{name}.wav")
    write(tmp_path / "wav/03a02Nc.wav", b"")
    data = load("emodb", tmp_path, tmp_path)
    assert list(data.splits) == ["train"]
    found = {row["id"]: row["utterances"][0] for row in data.splits["train"]}
    assert {name: (u["speaker"], u["emotion"]) for name, u in found.items()} == {
        "03a01Fa": ("03", "happiness"),
        "03a02Nc": ("03", "neutral"),
        "08a05Ld": ("08", "boredom"),
        "16b10Wb": ("16", "anger"),
    }
    assert found["03a01Fa"]["audio"] == str(tmp_path / "wav/03a01Fa.wav") and found["03a02Nc"]["audio"] is None
    assert all(u["text"] is None and media_span(u, "audio") == (None, None) for u in found.values())
    assert data.report["train"]["files with another name, ignored"] == data.report["train"]["clips of 0 bytes"] == 1
    with pytest.raises(FileNotFoundError, match=r"has no clips such as 03a01Fa.wav.*emodb.bilderbar.info"):
        load("emodb", tmp_path / "wav", tmp_path)


def test_the_real_emodb(tmp_path):
    folder = os.environ.get("AMUSE_EMODB_DIR")
    if not folder:
        pytest.skip("needs Emo-DB: set AMUSE_EMODB_DIR to the folder that holds wav")
    data = load("emodb", folder, tmp_path)
    train = data.splits["train"]
    utterances = by_id(train).values()
    assert len(train) == len(utterances) == 535 and len({u["speaker"] for u in utterances}) == 10
    emotions = Counter(u["emotion"] for u in utterances)
    assert emotions == {
        **{"anger": 127, "boredom": 81, "disgust": 46, "fear": 69, "happiness": 71, "sadness": 62, "neutral": 79}
    }
    folds = speaker_folds(train)
    assert sorted(position for _, test in folds for position in test) == list(range(535))
    for train_positions, test_positions in folds:
        speakers = [
            {u["speaker"] for row in train.select(positions)["utterances"] for u in row}
            for positions in (train_positions, test_positions)
        ]
        assert not speakers[0] & speakers[1] and len(speakers[1]) == 2


# ----------------------------------------------------------------------------------------------------------- folds


def talks(*speakers: str) -> list[dict]:
    return [{"utterances": [{"speaker": speaker} for speaker in names]} for names in speakers]


def test_conversations_that_share_a_speaker_stay_together():
    folds = speaker_folds(talks("AB", "C", "BD", "C", "EF"), 3)
    assert sorted(test for _, test in folds) == [[0, 2], [1, 3], [4]]
    assert all(sorted(train + test) == [0, 1, 2, 3, 4] for train, test in folds)


@given(st.lists(st.sets(st.sampled_from("ABCDEFGHIJ"), min_size=1, max_size=2), min_size=1, max_size=12))
def test_no_speaker_is_on_both_sides_of_a_fold(speakers):
    conversations = talks(*speakers)
    try:
        folds = speaker_folds(conversations, 2)
    except ValueError as error:
        assert "form 1 groups" in str(error)
        return
    for train, test in folds:
        assert not set().union(*(speakers[n] for n in train)) & set().union(*(speakers[n] for n in test))
    assert sorted(test for _, positions in folds for test in positions) == list(range(len(speakers)))


@pytest.mark.parametrize("number", [1, 3])
def test_more_folds_than_speakers_are_refused(number):
    with pytest.raises(ValueError, match=f"form 2 groups without common speakers: {number} folds cannot"):
        speaker_folds(talks("A", "B", "A"), number)
