"""Copies of MELD that were saved by spreadsheet programs, renamed or renumbered."""

import csv
import io

import pytest

from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.load_conversations import load_conversations

COLUMNS = [
    "Sr No.",
    "Utterance",
    "Speaker",
    "Emotion",
    "Sentiment",
    "Dialogue_ID",
    "Utterance_ID",
    "StartTime",
    "EndTime",
]
ROWS = [
    ["1", "My hat, Liv; it flew.", "Abe", "sadness", "negative", "3", "0", "00:00:01,000", "00:00:02,500"],
    ["2", "Far?", "Liv", "surprise", "neutral", "3", "2", "00:00:03,000", "00:00:04,000"],
    ["3", "Lunch!", "Abe", "joy", "positive", "6", "1", "00:00:05,000", "00:00:06,000"],
]
IDS = [["dia3_utt0", "dia3_utt2"], ["dia6_utt1"]]


def table(columns=COLUMNS, rows=ROWS, delimiter=",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([columns, *rows])
    return file.getvalue()


def load(folder, tmp_path, splits=("train",), **options):
    return load_conversations("meld", str(folder), str(tmp_path / "cache"), splits, DataOptions(**options))


def ids(data) -> list[list[str]]:
    return [[u["id"] for u in row["utterances"]] for row in data.splits["train"]]


@pytest.mark.parametrize(
    "contents",
    [
        pytest.param(table(delimiter=";").encode(), id="semicolons"),
        pytest.param(table(delimiter="\t").encode(), id="tabs"),
        pytest.param(table().encode("utf-16"), id="UTF-16"),
        pytest.param(table(delimiter="\t").encode("utf-16-le"), id="UTF-16 without its mark"),
        pytest.param(table([name.lower() for name in COLUMNS]).encode(), id="lower case"),
        pytest.param(table([f" {name.upper()} " for name in COLUMNS]).encode(), id="padded"),
        pytest.param(table([name.replace("_", " ") for name in COLUMNS]).encode(), id="spaces"),
        pytest.param(table(rows=[[*r[:5], f"{r[5]}.0", f"{r[6]}.0", *r[7:]] for r in ROWS]).encode(), id="floats"),
        pytest.param(table(rows=[ROWS[0], [""] * 9, *ROWS[1:], [" "] * 9]).encode(), id="empty rows"),
    ],
)
def test_copies_that_spreadsheets_saved(tmp_path, contents):
    (tmp_path / "train_sent_emo.csv").write_bytes(contents)
    data = load(tmp_path, tmp_path)
    assert ids(data) == IDS
    first = data.splits["train"][0]["utterances"][0]
    assert (first["text"], first["speaker"], first["emotion"]) == ("My hat, Liv; it flew.", "Abe", "sadness")
    assert (first["start"], first["end"]) == (1.0, 2.5)


@pytest.mark.parametrize("names", [("train.csv", "val.csv"), ("MELD_train.csv", "MELD_dev.tsv")])
def test_renamed_files_are_read_with_a_warning(tmp_path, caplog, names):
    for name in names:
        (tmp_path / name).write_text(table(delimiter="\t" if name.endswith("tsv") else ","))
    assert ids(load(tmp_path, tmp_path, ("train", "validation"))) == IDS
    assert all(name in caplog.text for name in names)


def test_a_folder_with_other_files_is_told_what_it_has(tmp_path):
    (tmp_path / "annotations.csv").write_text(table())
    with pytest.raises(FileNotFoundError, match=r"lacks train_sent_emo.csv.*It holds annotations.csv"):
        load(tmp_path, tmp_path)


def test_times_may_be_absent(tmp_path):
    (tmp_path / "train_sent_emo.csv").write_text(table(COLUMNS[:-2], [row[:-2] for row in ROWS]))
    data = load(tmp_path, tmp_path)
    assert ids(data) == IDS and data.report["train"]["utterances without times"] == 3


@pytest.mark.parametrize(
    ("columns", "originals", "expected"),
    [
        (["Original Utterance_ID"], [["4"], ["9"], ["3"]], [["dia3_utt4", "dia3_utt9"], ["dia6_utt3"]]),
        (
            ["Old_Dialogue_ID", "Old_Utterance_ID"],
            [["70", "1"], ["70", "6"], ["71", "0"]],
            [["dia70_utt1", "dia70_utt6"], ["dia71_utt0"]],
        ),
    ],
)
def test_ids_that_were_counted_anew_are_those_of_the_clips(tmp_path, caplog, columns, originals, expected):
    rows = [[*row, *original] for row, original in zip(ROWS, originals, strict=True)]
    (tmp_path / "train_sent_emo.csv").write_text(table([*COLUMNS, *columns], rows))
    clips = tmp_path / "train_splits"
    clips.mkdir()
    for identifier in (name for names in expected for name in names):
        (clips / f"{identifier}.wav").write_bytes(identifier.encode())
    data = load(tmp_path, tmp_path)
    assert ids(data) == expected
    for row in data.splits["train"]:
        for utterance in row["utterances"]:
            assert utterance["audio"] == str(clips / f"{utterance['id']}.wav") and utterance["video"] is None
    assert "renumbered" in caplog.text


def test_clips_of_other_names_are_no_silence(tmp_path, caplog):
    (tmp_path / "train_sent_emo.csv").write_text(table())
    (tmp_path / "train_splits").mkdir()
    (tmp_path / "train_splits/clip0.mp4").write_bytes(b"x")
    load(tmp_path, tmp_path)
    assert "has no clip of any utterance of the train split" in caplog.text


def test_another_column_is_the_label(tmp_path):
    (tmp_path / "train_sent_emo.csv").write_text(table())
    data = load(tmp_path, tmp_path, label_column="sentiment")
    assert data.emotions == ("negative", "neutral", "positive")
    with pytest.raises(ValueError, match="no column 'Mood' for --label_column"):
        load(tmp_path, tmp_path, label_column="Mood")


def test_labels_of_other_case_are_meld_s_and_others_are_refused(tmp_path):
    (tmp_path / "train_sent_emo.csv").write_text(table().replace(",joy,", ",Joy ,"))
    data = load(tmp_path, tmp_path)
    assert data.splits["train"][1]["utterances"][0]["emotion"] == "joy" and len(data.emotions) == 7
    (tmp_path / "train_sent_emo.csv").write_text(table().replace(",joy,", ",bliss,"))
    with pytest.raises(ValueError, match="'dia6_utt1' .* has the emotion 'bliss', which the data set does not have"):
        load(tmp_path, tmp_path)
    assert load(tmp_path, tmp_path, emotion_map=["bliss=joy"]).emotions == data.emotions
