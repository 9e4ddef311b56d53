"""Labels as they are written in files."""

import json

import pytest

from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.labels import settle_labels
from modeling_amuse.processing.corpora.load_conversations import load_conversations


def talks(*labels) -> list[dict]:
    """Conversations of two utterances each, with these labels."""
    utterances = [{"id": f"u{n}", "speaker": "Ada", "text": f"Words {n}.", "emotion": e} for n, e in enumerate(labels)]
    return [{"id": f"c{n}", "utterances": utterances[n : n + 2]} for n in range(0, len(utterances), 2)]


def emotions_of(splits, split="train"):
    return [u["emotion"] for c in splits[split] for u in c["utterances"]]


def load(folder, tmp_path, **options):
    return load_conversations("folder", str(folder), str(tmp_path / "cache"), None, DataOptions(**options))


def write(folder, **splits):
    for split, conversations in splits.items():
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, conversations)))


def test_case_and_spaces_make_no_other_emotion(tmp_path, caplog):
    write(tmp_path, train=talks("Joy", "joy", "JOY ", "anger", "joy", "Anger"), validation=talks("ANGER", "joy"))
    data = load(tmp_path, tmp_path)
    assert data.emotions == ("joy", "anger")
    assert [u["emotion"] for c in data.splits["train"] for u in c["utterances"]] == ["joy"] * 3 + [
        "anger",
        "joy",
        "anger",
    ]
    assert "'JOY ' (1)" in caplog.text and "they become one emotion, 'joy'" in caplog.text
    assert "they become one emotion, 'anger'" in caplog.text


@pytest.mark.parametrize(
    "none", [-1, -1.0, "-1", None, float("nan"), "NaN", "nan", "", " ", "None", "none", "null", "xxx", "XXX"]
)
def test_what_is_no_label(tmp_path, none):
    write(tmp_path, train=talks(none, "wary", "glad", none))
    data = load(tmp_path, tmp_path)
    assert data.emotions == ("glad", "wary")
    assert [u["emotion"] for c in data.splits["train"] for u in c["utterances"]] == [None, "wary", "glad", None]
    assert data.report["train"]["utterances without an emotion"] == 2


def test_a_word_for_no_label_is_said_and_can_be_a_class(tmp_path, caplog):
    write(tmp_path, train=talks("None", "wary", "glad", "None"))
    load(tmp_path, tmp_path)
    assert "2 utterances have the label 'None': they are treated as unlabelled" in caplog.text
    assert load(tmp_path, tmp_path, emotion_map=["None=calm"]).emotions == ("calm", "glad", "wary")


def test_negative_numbers_are_labels_where_there_are_more_of_them():
    splits = {"train": talks(-1, -2, 0, 1)}
    for c in splits["train"]:
        for u in c["utterances"]:
            u["emotion"] = str(u["emotion"])
    assert settle_labels(splits)[0] == ("-2", "-1", "0", "1")


def test_whole_numbers_are_labels_in_their_order(tmp_path):
    write(tmp_path, train=talks(10, 2.0, "9", 2))
    assert load(tmp_path, tmp_path).emotions == ("2", "9", "10")


@pytest.mark.parametrize(
    "value", [["glad"], {"glad": 1}, True, False, 0.5, "0.5", "-1.25", ".5", "2.5e-1", "['glad', 'wary']", "{}", "True"]
)
def test_what_is_no_single_label_is_refused_with_its_row(tmp_path, value):
    write(tmp_path, train=talks("glad", "wary", "glad", value))
    with pytest.raises(ValueError, match=r"(?s)u3.*(emotion|label)"):
        load(tmp_path, tmp_path)
    (tmp_path / "train.jsonl").unlink()
    rows = [{"dialog": 1, "speaker": "A", "text": "Yes.", "emotion": "glad"}]
    rows += [{"dialog": 1, "speaker": "B", "text": "No.", "emotion": value}]
    (tmp_path / "train.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=r"(?s)(row 2|1_1).*(emotion|label)"):
        load(tmp_path, tmp_path)


def test_an_emotion_that_training_lacks_is_refused_with_its_place(tmp_path):
    write(tmp_path, train=talks("glad", "wary"), validation=talks("glad", "giddy"))
    with pytest.raises(
        ValueError, match="Utterance 'u1' of conversation 'c0' of the validation split has the emotion 'giddy'"
    ):
        load(tmp_path, tmp_path)
    assert load(tmp_path, tmp_path, emotion_map=["giddy=glad"]).emotions == ("glad", "wary")
    data = load(tmp_path, tmp_path, emotion_map=["giddy="])
    assert [u["emotion"] for u in data.splits["validation"][0]["utterances"]] == ["glad", None]


def test_labels_are_joined_and_chosen():
    splits = {"train": talks("ang", "exc", "hap", "fru", "neu", "oth")}
    emotions, warnings = settle_labels(splits, None, ["exc=hap,fru=ang"], ["neu", "hap", "ang"])
    assert emotions == ("neu", "hap", "ang")
    assert emotions_of(splits) == ["ang", "hap", "hap", "ang", "neu", None]
    assert "1 utterances with oth" in warnings[-1]


@pytest.mark.parametrize(
    ("labels", "name", "expected"),
    [
        (("exc", "hap", "sad", "neu", "ang", "fru"), "iemocap4", ("hap", "sad", "neu", "ang")),
        (("exc", "hap", "sad", "neu", "ang", "fru"), "iemocap5", ("hap", "sad", "neu", "ang", "fru")),
        (
            ("excitement", "happiness", "sadness", "neutral", "anger", "frustration"),
            "iemocap4",
            ("happiness", "sadness", "neutral", "anger"),
        ),
    ],
)
def test_the_field_s_sets_of_iemocap_s_emotions(labels, name, expected):
    splits = {"train": talks(*labels)}
    assert settle_labels(splits, None, None, [name])[0] == expected
    assert emotions_of(splits)[:2] == [expected[0]] * 2


def test_iemocap_s_codes_name_its_emotions():
    names = ("happiness", "sadness", "neutral", "anger", "excitement", "frustration")
    splits = {"train": talks(*names)}
    emotions, _ = settle_labels(splits, names, ["exc=hap", "fru=ang"], ["neu", "hap"])
    assert emotions == ("neutral", "happiness")
    assert emotions_of(splits) == ["happiness", None, "neutral", None, "happiness", None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"emotion_map": ["glad"]}, "write label=emotion"),
        ({"emotion_map": ["glad=a,glad=b"]}, "maps 'glad' to two emotions"),
        ({"emotion_map": ["mad=glad"]}, "names 'mad', which no utterance has as its label; the labels are: glad, wary"),
        ({"emotions": ["glad", "mad"]}, "--emotions names 'mad', which the data set does not have; it has glad, wary"),
        ({"emotions": ["glad,Glad"]}, "has the same emotion twice"),
        ({"emotions": ["iemocap4", "glad"]}, "iemocap4 means happiness, sadness, neutral, anger: give it alone"),
    ],
)
def test_options_that_say_nothing_are_refused(tmp_path, options, message):
    write(tmp_path, train=talks("glad", "wary"))
    with pytest.raises(ValueError, match=message):
        load(tmp_path, tmp_path, **options)
