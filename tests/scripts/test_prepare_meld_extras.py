"""The command that makes votes and additional conversations for MELD from the files of EmotionLines and ECF."""

import csv
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.corpora.emotionlines import VOTED_EMOTIONS, votes_of_utterances
from modeling_amuse.processing.corpora.extra_corpora import load_extra_corpora
from modeling_amuse.processing.corpora.meld import EMOTIONS
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels
from modeling_amuse.processing.evaluation.utterance_parts import read_parts
from modeling_amuse.scripts import prepare_meld_extras

COLUMNS = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
TRAIN = [
    ["You didn\u2019t water my plants again!", "Yeah.", "I was out all night, and I forgot about it."],
    ["Yeah.", "Where to?"],
]
TEST = [["We never talked about the garden.", "Then let us talk about the garden now."]]


@pytest.fixture
def meld(tmp_path):
    folder = tmp_path / "meld"
    folder.mkdir()
    for name, dialogues in (("train", TRAIN), ("dev", [["Who are you?"]]), ("test", TEST)):
        with (folder / f"{name}_sent_emo.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS.split(","))
            for d, texts in enumerate(dialogues):
                for u, text in enumerate(texts):
                    times = ("00:00:01,000", "00:00:02,000")
                    writer.writerow([u, text, "Ann", "neutral", "neutral", d, u, 1, 1, *times])
    return folder


def lines(*texts_and_votes) -> list[dict]:
    return [{"speaker": "Ann", "utterance": t, "emotion": "x", "annotation": v} for t, v in texts_and_votes]


FRIENDS = [
    lines(("Something else.", "5000000"), ("Yeah.", "0500000")),
    lines(
        ("You did n\u0092t water my plants again !", "1000400"),
        ("Yeah .", "4001000"),
        ("A line that MELD lacks.", "0050000"),
        ("I was out all night , and I forgot about it .", "2012000"),
    ),
]
ECF = [
    {
        "conversation_ID": 7,
        "conversation": [{"utterance_ID": 1, "text": "Buzz him in .", "speaker": "Bo", "emotion": "joy"}],
    },
    {
        "conversation_ID": 8,
        "conversation": [
            {"utterance_ID": 1, "text": "We never talked about the garden .", "speaker": "Bo", "emotion": "anger"},
            {"utterance_ID": 2, "text": "Then let 's talk about the garden now .", "speaker": "Al", "emotion": "joy"},
        ],
    },
    {"conversation_ID": 9, "conversation": [{"utterance_ID": 4, "text": "No !", "speaker": "Al", "emotion": "anger"}]},
]


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


def test_votes_and_conversations_are_written_as_train_reads_them(meld, tmp_path, capsys):
    friends, ecf = write(tmp_path / "friends.json", FRIENDS), write(tmp_path / "ecf.json", ECF)
    fixed = ["--data_dir", str(meld), "--output_dir", str(tmp_path / "extras"), "--cache_dir", str(tmp_path / "cache")]
    votes, parts, folder = prepare_meld_extras.main([*fixed, "--emotionlines", friends, "--ecf", ecf])
    assert "1 of 3 conversations occur in MELD's test split" in capsys.readouterr().out
    with votes.open(encoding="utf-8") as file:
        rows = {row["utterance_id"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"dia0_utt0", "dia0_utt1", "dia0_utt2", "dia1_utt0"}
    assert {row["scene"] for name, row in rows.items() if name.startswith("dia0")} == {"1"}
    assert [rows["dia0_utt1"][emotion] for emotion in VOTED_EMOTIONS] == list("4001000")
    soft = read_soft_labels(votes, EMOTIONS)
    assert soft["dia0_utt0"][EMOTIONS.index("anger")] == 0.8
    # each label is neutral, which more than half of the votes name only in dia0_utt1 ("Yeah .") and not in dia0_utt0
    assert read_parts(parts, "train") == {
        "dia0_utt0": "relabelled",
        "dia0_utt1": "voted",
        "dia0_utt2": "relabelled",
        "dia1_utt0": "relabelled",
    }
    [corpus] = load_extra_corpora([str(folder)], str(tmp_path / "cache"))
    assert (corpus.name, corpus.emotions) == ("ecf", ("joy", "anger"))
    assert [row["id"] for row in corpus.conversations] == ["ecf7", "ecf9"]


def test_other_files_are_refused(meld, tmp_path):
    fixed = ["--data_dir", str(meld), "--output_dir", str(tmp_path / "extras"), "--cache_dir", str(tmp_path / "cache")]
    with pytest.raises(ValueError, match="--emotionlines.*--ecf"):
        prepare_meld_extras.main(fixed)
    with pytest.raises(FileNotFoundError, match="nothing.json.*EmotionX-2019"):
        prepare_meld_extras.main([*fixed, "--emotionlines", str(tmp_path / "nothing.json")])
    with pytest.raises(FileNotFoundError, match="nothing.json.*SemEval-2024_ECAC"):
        prepare_meld_extras.main([*fixed, "--ecf", str(tmp_path / "nothing.json")])
    no_text = [[{"utterance": None, "annotation": "5000000"}]]
    for content in ("no JSON", [[{"utterance": "Hi."}]], [lines(("Hi.", "50"))], {"a": 1}, [3], no_text):
        wrong = write(tmp_path / "wrong.json", content)
        with pytest.raises(ValueError, match="not a file of EmotionLines"):
            prepare_meld_extras.main([*fixed, "--emotionlines", wrong])
    line = {"utterance_ID": 1, "text": "Hi.", "speaker": "Bo"}
    no_texts = [
        [{"conversation_ID": 1, "conversation": [{**line, **wrong}]}] for wrong in ({"text": 3}, {"speaker": None})
    ]
    for content in ("no JSON", [{"conversation_ID": 1}], {"a": 1}, [3], *no_texts):
        wrong = write(tmp_path / "wrong.json", content)
        with pytest.raises(ValueError, match="not a file of ECF"):
            prepare_meld_extras.main([*fixed, "--ecf", wrong])
    strange = write(tmp_path / "strange.json", [lines(("Nobody says this.", "5000000"))])
    with pytest.raises(ValueError, match="no training utterance of MELD"):
        prepare_meld_extras.main([*fixed, "--emotionlines", strange])
    both = [write(tmp_path / f"subtask{number}.json", ECF) for number in (1, 2)]
    with pytest.raises(ValueError, match="have the conversation 7 more than once"):
        prepare_meld_extras.main([*fixed, "--ecf", *both])
    known = write(tmp_path / "known.json", ECF[1:2])
    with pytest.raises(ValueError, match="none is left to train on"):
        prepare_meld_extras.main([*fixed, "--ecf", known])
    (meld / "test_sent_emo.csv").unlink()
    with pytest.raises(FileNotFoundError, match="no test split of MELD.*add test_sent_emo.csv"):
        prepare_meld_extras.main([*fixed, "--ecf", known])


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(2, 12))
def test_votes_of_dialogues_that_were_cut_are_found(seed, number, length):
    """Dialogues of a few short lines that repeat are cut into parts, as in MELD, and each part gets its own votes."""
    chooser = random.Random(seed)
    dialogues = [
        [
            {"text": f"scene {scene} says line {line}" if line % 3 else "Yeah.", "votes": [scene, line, 0, 0, 0, 0, 1]}
            for line in range(length)
        ]
        for scene in range(number)
    ]
    scene = chooser.randrange(number)
    start = chooser.randrange(length - 1)
    part = dialogues[scene][start : start + chooser.randint(2, length)]
    if all(line["text"] == "Yeah." for line in part):
        return
    talk = {"id": "d", "utterances": [{"id": f"u{n}", "text": line["text"]} for n, line in enumerate(part)]}
    rows = votes_of_utterances([talk], dialogues)
    assert [row["utterance_id"] for row in rows] == [utterance["id"] for utterance in talk["utterances"]]
    assert {row["scene"] for row in rows} == {scene}
    assert [[row[emotion] for emotion in VOTED_EMOTIONS] for row in rows] == [line["votes"] for line in part]
