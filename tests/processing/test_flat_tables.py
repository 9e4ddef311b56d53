"""Tables with one utterance per row, and files with conversations in other forms than the documented one."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse import AmuseProcessor
from modeling_amuse.processing.conversation import media_span
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.load_conversations import load_conversations, open_builder
from modeling_amuse.processing.corpora.split_conversations import random_split
from modeling_amuse.processing.corpora.table_files import read_delimited
from modeling_amuse.processing.warning_messages import collected_warnings

ROWS = [
    {"Utterance": "The kite is gone.", "Speaker": "Ove", "Emotion": "sadness", "Dialogue_ID": 4, "Utterance_ID": 0},
    {"Utterance": "It was mine, too!", "Speaker": "Ida", "Emotion": "anger", "Dialogue_ID": 4, "Utterance_ID": 1},
    {"Utterance": "Cake?", "Speaker": "Ove", "Emotion": "joy", "Dialogue_ID": 11, "Utterance_ID": 9},
    {"Utterance": 'She said "no".', "Speaker": "Nil", "Emotion": "neutral", "Dialogue_ID": 11, "Utterance_ID": 10},
]
TOLD = [
    [("Ove", "The kite is gone.", "sadness"), ("Ida", "It was mine, too!", "anger")],
    [("Ove", "Cake?", "joy"), ("Nil", 'She said "no".', "neutral")],
]


def told(split) -> list[list[tuple]]:
    return [[(u["speaker"], u["text"], u["emotion"]) for u in row["utterances"]] for row in split]


def load(folder, tmp_path, name="folder", splits=None, **options):
    return load_conversations(name, str(folder), str(tmp_path / "cache"), splits, DataOptions(**options))


def write(folder, name, frame):
    path = folder / name
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".tsv":
        frame.to_csv(path, index=False, sep="\t")
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_row_is_an_utterance_in_every_format(tmp_path, suffix):
    # rows of two conversations, mixed and not in order; 10 must come after 9, unlike in the order of strings
    write(tmp_path, f"train{suffix}", pd.DataFrame([ROWS[3], ROWS[0], ROWS[2], ROWS[1]]))
    data = load(tmp_path, tmp_path)
    assert sorted(told(data.splits["train"])) == sorted(TOLD)
    assert data.emotions == ("neutral", "sadness", "joy", "anger")
    assert "conversation from Dialogue_ID, order from Utterance_ID, speaker from Speaker" in data.describe()


@pytest.mark.parametrize("orient", ["records", "columns", "index", "list", "wrapped", "splits"])
def test_json_tables_of_pandas_are_rows(tmp_path, orient):
    frame = pd.DataFrame(ROWS)
    value = {
        "records": json.loads(frame.to_json(orient="records")),
        "columns": json.loads(frame.to_json()),
        "index": json.loads(frame.to_json(orient="index")),
        "list": frame.to_dict("list"),
        "wrapped": {"data": json.loads(frame.to_json(orient="records"))},
        "splits": {"train": json.loads(frame.to_json(orient="records"))},
    }[orient]
    (tmp_path / "train.json").write_text(json.dumps(value))
    assert told(load(tmp_path, tmp_path).splits["train"]) == TOLD


def test_utterances_by_their_ids(tmp_path):
    said = {"Ses01F_impro01_F000": ("F", "Sir?", "neu"), "Ses01F_impro01_M000": ("M", "Madam.", "ang")}
    value = {key: dict(zip(("speaker", "text", "emotion"), row, strict=True)) for key, row in said.items()}
    (tmp_path / "train.json").write_text(json.dumps(value))
    [conversation] = load(tmp_path, tmp_path).splits["train"]
    assert conversation["id"] == "Ses01F_impro01" and told([conversation]) == [list(said.values())]


def test_rows_of_one_recording_keep_their_places_in_it(tmp_path):
    (tmp_path / "ep1.wav").write_bytes(b"x")
    rows = [("1", 10, 12, "Hello there"), ("1", 14, 15, "Yes."), ("2", 60, 62, "Go away")]
    frame = pd.DataFrame(rows, columns=["scene", "start", "end", "text"]).assign(
        audio="ep1.wav", emotion=["joy", "fear", "joy"]
    )
    for columns in (["start", "end", "text", "audio", "emotion"], list(frame)):
        write(tmp_path, "train.csv", frame[columns])
        spans = [media_span(u, "audio") for row in load(tmp_path, tmp_path).splits["train"] for u in row["utterances"]]
        assert spans == [(10, 12), (14, 15), (60, 62)]


def test_a_recording_that_was_added_and_one_beside_an_equal_table_are_found(tmp_path):
    found = []
    for name, files in (("clean", ()), ("clean", ("a.wav",)), ("noisy", ("a.wav",))):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for file in files:
            (folder / file).write_bytes(b"x")
        write(folder, "train.csv", pd.DataFrame([{**row, "audio": "a.wav"} for row in ROWS]))
        found.append(load(folder, tmp_path).splits["train"][0]["utterances"][0]["audio"])
    assert found == [None, str(tmp_path / "clean" / "a.wav"), str(tmp_path / "noisy" / "a.wav")]


def test_a_clip_in_two_conversations_is_read_from_its_beginning_in_both(tmp_path):
    (tmp_path / "u5.wav").write_bytes(b"x")
    rows = [("1", 10, 12), ("2", 3, 5)]
    frame = pd.DataFrame(rows, columns=["dialogue_id", "start", "end"]).assign(
        audio="u5.wav", text="Hm.", emotion=["joy", "fear"]
    )
    write(tmp_path, "train.csv", frame)
    assert [media_span(row["utterances"][0], "audio") for row in load(tmp_path, tmp_path).splits["train"]] == [
        (0, 2),
        (0, 2),
    ]


def test_what_only_looks_like_a_recording_is_text(tmp_path):
    rows = [{**row, "Utterance": f"{'See www.abc.net.au ' * 30}now, {number}.ts"} for number, row in enumerate(ROWS)]
    hashes = set()
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "train.csv", pd.DataFrame(rows))
        assert len(load(tmp_path / name, tmp_path).splits["train"]) == 2
        hashes.add(open_builder("folder", str(tmp_path / name), None, ("train",)).hash)
    assert len(hashes) == 1


def test_tables_of_two_corpora_are_no_shards(tmp_path):
    for name in ("train-a.parquet", "train-b.parquet"):
        write(tmp_path, name, pd.DataFrame(ROWS))
    with pytest.raises(ValueError, match="The conversation id '4' occurs 2 times"):
        load(tmp_path, tmp_path)


def test_numbers_are_the_text_where_nothing_else_is(tmp_path):
    write(
        tmp_path, "train.csv", pd.DataFrame(ROWS).assign(Utterance=["1", "2", "42", "7"], Emotion=["joy", "fear"] * 2)
    )
    assert [u["text"] for row in load(tmp_path, tmp_path).splits["train"] for u in row["utterances"]] == [
        "1",
        "2",
        "42",
        "7",
    ]


def test_an_episode_that_is_not_always_given_tells_no_conversations(tmp_path):
    write(tmp_path, "train.csv", pd.DataFrame(ROWS).assign(Episode=["E1", "", "", ""]))
    assert told(load(tmp_path, tmp_path).splits["train"]) == TOLD


@pytest.mark.parametrize("part", ["Episode", "Season", "Session"])
def test_dialogue_ids_that_begin_anew_in_each_episode(tmp_path, part):
    rows = [(1, 1, "Ann", "a"), (1, 1, "Bo", "b"), (2, 1, "Cy", "c"), (2, 1, "Di", "d")]
    frame = pd.DataFrame(rows, columns=[part, "Dialogue_ID", "Speaker", "Utterance"]).assign(
        Emotion=["joy", "fear"] * 2
    )
    write(tmp_path, "train.csv", frame)
    found = load(tmp_path, tmp_path).splits["train"]
    assert [[u["text"] for u in row["utterances"]] for row in found] == [["a", "b"], ["c", "d"]]
    write(tmp_path, "train.csv", frame.assign(Dialogue_ID=[1, 1, 2, 2]))
    assert load(tmp_path, tmp_path).splits["train"]["id"] == ["1", "2"]


def test_a_split_that_tells_conversations_apart_stays_the_split(tmp_path):
    rows = [{**row, "split": split} for split in ("train", "dev", "test") for row in ROWS]
    path = write(tmp_path, "all.csv", pd.DataFrame(rows))
    with pytest.raises(ValueError, match="--conversation_column split Dialogue_ID"):
        load_conversations("folder", None, str(tmp_path / "cache"), None, DataOptions(data_file=str(path)))
    options = DataOptions(data_file=str(path), conversation_column=["split", "Dialogue_ID"])
    splits = load_conversations("folder", None, str(tmp_path / "cache"), None, options).splits
    assert {name: told(split) for name, split in splits.items()} == dict.fromkeys(("train", "validation", "test"), TOLD)


@pytest.mark.parametrize("ids", [["1", "2"], ["dia0_utt0", "dia0_utt1"]])
def test_a_column_of_numbers_or_ids_is_not_the_text(tmp_path, ids):
    frame = pd.DataFrame({"Dialogue": ["0", "0"], "Utterance": ids, "Speaker": ["Ada", "Ben"]})
    frame = frame.assign(Text=["I got the job!", "You will move."], Emotion=["joy", "sadness"])
    write(tmp_path, "train.csv", frame[::-1])
    expected = [[("Ada", "I got the job!", "joy"), ("Ben", "You will move.", "sadness")]]
    assert told(load(tmp_path, tmp_path).splits["train"]) == expected


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("with_conversations", [True, False])
def test_shards_of_a_split_are_one_table(tmp_path, suffix, with_conversations):
    frame = pd.DataFrame(ROWS) if with_conversations else pd.DataFrame(ROWS)[["Utterance", "Emotion"]]
    for number, rows in enumerate((frame[:2], frame[2:])):
        write(tmp_path, f"train-0000{number}-of-00002{suffix}", rows)
    found = load(tmp_path, tmp_path).splits["train"]
    texts = [u["text"] for row in found for u in row["utterances"]]
    assert texts == [row["Utterance"] for row in ROWS] and len(found) == (2 if with_conversations else 4)
    if suffix == ".parquet" and with_conversations:  # the second conversation begins in the first file
        for number, rows in enumerate((frame[:3], frame[3:])):
            write(tmp_path, f"train-0000{number}-of-00002{suffix}", rows)
        assert told(load(tmp_path, tmp_path).splits["train"]) == TOLD


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([{"conversation_ID": 7, "conversation": "U"}], id="ECF"),
        pytest.param(["U"], id="EmotionLines"),
        pytest.param({"7": "U"}, id="by id"),
        pytest.param({"7": {"turns": "U"}}, id="by id, with a key"),
        pytest.param({"dialogues": [{"dialogue": "U", "split": "train"}]}, id="wrapped"),
    ],
)
def test_conversations_under_other_keys(tmp_path, value):
    utterances = [
        {"utterance_ID": n, "speaker": row["Speaker"], "utterance": row["Utterance"], "emotion": row["Emotion"]}
        for n, row in enumerate(ROWS[:2], start=1)
    ]
    text = json.dumps(value).replace('"U"', json.dumps(utterances))
    (tmp_path / "train.json").write_text(text)
    data = load(tmp_path, tmp_path)
    assert told(data.splits["train"]) == TOLD[:1]
    assert len({u["id"] for u in data.splits["train"][0]["utterances"]}) == 2


def test_options_name_columns_that_names_do_not_tell(tmp_path):
    frame = pd.DataFrame(ROWS).rename(
        columns={"Utterance": "col_a", "Speaker": "col_b", "Emotion": "col_c", "Utterance_ID": "col_e"}
    )
    frame["season"], frame["scene"] = [1, 1, 1, 1], frame.pop("Dialogue_ID")
    frame["Sentiment"] = ["bad", "bad", "good", "so-so"]
    write(tmp_path, "train.csv", frame)
    with pytest.raises(ValueError, match="no column that looks like the text.*--text_column.*col_a"):
        load(tmp_path, tmp_path)
    chosen = {"text_column": "col_a", "speaker_column": "COL_B", "label_column": "col_c", "order_column": "col_e"}
    data = load(tmp_path, tmp_path, **chosen, conversation_column=["season", "scene"])
    assert told(data.splits["train"]) == TOLD
    assert data.splits["train"]["id"] == ["1_4", "1_11"]
    data = load(tmp_path, tmp_path, **{**chosen, "label_column": "Sentiment"}, conversation_column=["season", "scene"])
    assert data.emotions == ("bad", "good", "so-so")
    with pytest.raises(ValueError, match=r"no column 'mood' for --label_column; the columns are: .*col_c"):
        load(tmp_path, tmp_path, **{**chosen, "label_column": "mood"})


def test_a_spreadsheet_export_with_its_quirks(tmp_path, caplog):
    text = "sep=;\r\nDialogue ID; Speaker ;Utterance;Emotion;;\r\n"
    text += '1;Ann;"First; then";joy;;\r\n;Bo;5,5 euros;anger;;\r\n;;;;;\r\n2;Ann;N/A;joy;;\r\n'
    (tmp_path / "train.csv").write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    data = load(tmp_path, tmp_path)
    assert told(data.splits["train"]) == [
        [("Ann", "First; then", "joy"), ("Bo", "5,5 euros", "anger")],
        [("Ann", "N/A", "joy")],
    ]
    assert "1 rows have no conversation id" in caplog.text
    assert "order of the rows" in data.describe()


def test_quotes_that_stay_open_in_a_file_of_tabs_belong_to_the_words(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text('dialog_id\ttext\n1\t"Oh no, he said\n1\t"So ""what""?"\n2\tthe end"\n')
    assert [row["text"] for row in read_delimited(path).rows] == ['"Oh no, he said', 'So "what"?', 'the end"']


LINES = {
    "cp1251": [("Вера", "Дождь уже кончился?"), ("Глеб", "Почти. Возьми зонт."), ("Вера", "Он остался в автобусе.")],
    "gbk": [("小丽", "雨停了吗？"), ("老张", "快停了，带上伞。"), ("小丽", "伞忘在公共汽车上了。")],
    "cp932": [("ユキ", "雨はやみましたか。"), ("タロウ", "もうすぐです。"), ("ユキ", "傘をバスに忘れました。")],
    "cp1250": [
        ("Božena", "Už přestalo pršet?"),
        ("Jiří", "Skoro. Vezmi si deštník."),
        ("Božena", "Zůstal v autobuse."),
    ],
    "cp1252": [("Chloé", "Il a cessé de pleuvoir ?"), ("Gaël", "Presque."), ("Chloé", "Il est resté là-bas…")],
}


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("encoding", LINES)
def test_encodings_of_tables_are_told_by_their_letters_and_named(tmp_path, encoding, separator):
    path = tmp_path / "train.csv"
    # 300 kB without such letters above them
    plain = separator.join(("Ann", "Is it far? No, it is quite near.")) + "\n"
    lines = [separator.join(line) + "\n" for line in LINES[encoding]]
    path.write_bytes(
        "".join([f"speaker{separator}text\n", *(7500 * [plain] if separator == "\t" else ()), *lines]).encode(encoding)
    )
    with collected_warnings() as messages:
        rows = read_delimited(path).rows[-3:]
    assert [(row["speaker"], row["text"]) for row in rows] == LINES[encoding]
    assert {"gbk": "gb18030"}.get(encoding, encoding) in "".join(messages)


def test_a_table_whose_letters_tell_no_encoding_is_refused(tmp_path):
    (tmp_path / "train.csv").write_bytes("speaker,text\nAda,naïve\n".encode("cp1252"))
    with pytest.raises(ValueError, match="save it as UTF-8"):
        read_delimited(tmp_path / "train.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,4,5\n", "Expected 2 fields in line 3"),
        ('a,b\n1,"2\n3,4\n', "close every quote"),
        ("a,b,a\n1,2,3\n", "two columns 'a'"),
        ("\n\n", "is empty"),
    ],
)
def test_broken_tables_are_refused(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_delimited(tmp_path / "t.csv")


def test_without_speakers_two_take_turns_and_without_conversations_each_row_is_alone(tmp_path, caplog):
    frame = pd.DataFrame(ROWS)
    write(tmp_path, "train.csv", frame.drop(columns="Speaker"))
    data = load(tmp_path, tmp_path)
    assert [u["speaker"] for u in data.splits["train"][0]["utterances"]] == ["A", "B"]
    assert "it is assumed that two speakers take turns" in caplog.text
    write(tmp_path, "train.csv", frame.drop(columns=["Dialogue_ID", "Utterance_ID"]))
    data = load(tmp_path, tmp_path)
    assert [len(row["utterances"]) for row in data.splits["train"]] == [1, 1, 1, 1]
    assert "every row is a conversation of its own" in caplog.text


@pytest.mark.parametrize("columns", [["Season", "Episode", "Scene_ID"], ["episode", "scene"]])
def test_scenes_that_are_counted_anew_in_each_episode_stay_apart(tmp_path, caplog, columns):
    rows = [[e, s, u] for e in (1, 2) for s in (1, 2) for u in (0, 1)]
    frame = pd.DataFrame([dict(zip(columns[-2:], row, strict=False)) | {"Utterance_ID": row[2]} for row in rows])
    frame = frame.assign(**{columns[0]: frame.get(columns[0], 3)}, Speaker="Ove", Utterance="Yes.", Emotion="joy")
    write(tmp_path, "train.csv", frame)
    data = load(tmp_path, tmp_path)
    assert [len(row["utterances"]) for row in data.splits["train"]] == [2] * 4
    assert f"conversation from {' + '.join(columns)}" in data.describe() and "--conversation_column" not in caplog.text


def test_conversations_that_may_have_been_joined_are_told(tmp_path, caplog):
    rows = [{**row, "Dialogue_ID": 4, "Book": n} for n, row in enumerate([ROWS[0], ROWS[1], ROWS[0], ROWS[2]])]
    write(tmp_path, "train.csv", pd.DataFrame(rows))
    load(tmp_path, tmp_path)
    assert "1 of the 1 conversations that Dialogue_ID tells, such as 4, have several utterances of one" in caplog.text
    caplog.clear()
    load(tmp_path, tmp_path / "named", conversation_column=["Dialogue_ID", "Book"])
    assert "several utterances of one" not in caplog.text


@pytest.mark.parametrize("column", [None, "speaker_ids", "who_says_it"])
def test_lists_of_speakers_under_other_names(tmp_path, column):
    row = {"utterances": ["a", "b", "c"], "emotions": ["joy", "joy", "fear"]}
    row[column or "characters"] = ["Ross", "Ross", "Joey"]
    (tmp_path / "train.json").write_text(json.dumps([row]))
    data = load(tmp_path, tmp_path, speaker_column=column)
    assert told(data.splits["train"]) == [[("Ross", "a", "joy"), ("Ross", "b", "joy"), ("Joey", "c", "fear")]]
    with pytest.raises(ValueError, match="--speaker_column nobody: there is no list of 3 speakers under this key"):
        load(tmp_path, tmp_path, speaker_column="nobody")
    (tmp_path / "train.json").write_text(json.dumps([{"utterances": ["a", "b"], "emotions": ["joy", "fear"]}]))
    assert "two take turns" in load(tmp_path, tmp_path).describe()


def test_lists_of_texts_and_of_labels_under_the_names_of_columns(tmp_path):
    talks = [
        {"id": "k", "sentence": ["Hm.", "No!"], "mood": ["calm", "cross"]},
        {"sentence": ["Oh."], "mood": ["calm"]},
    ]
    (tmp_path / "train.json").write_text(json.dumps(talks))
    assert told(load(tmp_path, tmp_path).splits["train"]) == [
        [("A", "Hm.", "calm"), ("B", "No!", "cross")],
        [("A", "Oh.", "calm")],
    ]
    (tmp_path / "train.json").write_text(
        json.dumps([{"text": ["Oh", "no"], "emotion": "fear"}])
    )  # the words of one utterance
    with pytest.raises(ValueError, match="its text is a list"):
        load(tmp_path, tmp_path / "words")


def test_numbers_that_repeat_are_no_order(tmp_path):
    frame = pd.DataFrame(ROWS).assign(Dialogue_ID=1, Utterance_ID=[0, 1, 0, 1])
    write(tmp_path, "train.csv", frame)
    data = load(tmp_path, tmp_path)
    assert [u["text"] for u in data.splits["train"][0]["utterances"]] == [row["Utterance"] for row in ROWS]
    assert (
        data.report["train"]["conversations whose utterances are not numbered through, in the order of their rows"] == 1
    )


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
@pytest.mark.parametrize(
    ("key", "number"), [("emotion", 2), ("emotion", 4), ("labels", 1), ("speaker", 2), ("speakers", 4)]
)
def test_lists_of_another_length_than_the_texts_are_refused(tmp_path, key, number, suffix):
    talk = {"dialog": ["Hm.", "No!", "Oh."], "emotion": ["calm", "cross", "calm"], "speaker": ["Ann", "Bo", "Ann"]}
    names = {"labels": "emotion", "speakers": "speaker"}
    talk = {key if name == names.get(key) else name: value for name, value in talk.items()}
    (tmp_path / "whole").mkdir(), (tmp_path / "cut").mkdir()
    for folder, last in (("whole", talk), ("cut", {**talk, key: (talk[key] * 2)[:number]})):
        if suffix == ".json":
            (tmp_path / folder / "train.json").write_text(json.dumps([talk, last]))
        else:
            pd.DataFrame([talk, last]).to_parquet(tmp_path / folder / "train.parquet")
    assert told(load(tmp_path / "whole", tmp_path).splits["train"])[0][0] == ("Ann", "Hm.", "calm")
    with pytest.raises(ValueError, match=rf"conversation 2: it has 3 utterances, but {number} \w+ under '{key}'"):
        load(tmp_path / "cut", tmp_path)


NO_ORDER = {
    "uuid": ["f1c9a3e0-7b4d", "0a77e2c1-9d3f", "9be04d55-1c2a", "3d8e6f90-aa41"],
    "words": ["walrus", "heron", "otter", "adder"],
    "speakers": ["Vo_2", "Ad_9", "Vo_1", "Ad_10"],
    "two numbers": ["7_31", "2_44", "9_12", "1_80"],
}


@pytest.mark.parametrize("column", ["message_id", "utterance_id", "turn"])
@pytest.mark.parametrize("kind", NO_ORDER)
def test_ids_that_differ_in_more_than_a_number_are_no_order(tmp_path, kind, column):
    frame = pd.DataFrame(ROWS).drop(columns="Utterance_ID").assign(Dialogue_ID=1, **{column: NO_ORDER[kind]})
    write(tmp_path, "train.csv", frame)
    data = load(tmp_path, tmp_path)
    assert [u["text"] for u in data.splits["train"][0]["utterances"]] == [row["Utterance"] for row in ROWS]
    assert f"order from {column}" not in data.describe() and "in the order of the rows" in data.describe()
    data = load(tmp_path, tmp_path / "named", order_column=column)
    assert [u["text"] for u in data.splits["train"][0]["utterances"]] != [row["Utterance"] for row in ROWS]


@pytest.mark.parametrize("form", ["{}", "utt {}", "d1_{}", "{}.5", "m{:03d}x"])
def test_ids_that_differ_in_a_number_are_the_order(tmp_path, form):
    ids = [form.format(number) for number in (10, 9, 2, 1)]
    write(tmp_path, "train.csv", pd.DataFrame(ROWS).drop(columns="Utterance_ID").assign(Dialogue_ID=1, message_id=ids))
    found = load(tmp_path, tmp_path).splits["train"][0]["utterances"]
    assert [u["text"] for u in found] == [row["Utterance"] for row in reversed(ROWS)]


def test_times_and_recordings_of_a_table(tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips/a.wav").write_bytes(b"RIFF")
    frame = pd.DataFrame(ROWS).assign(
        StartTime=["00:00:01,500", "00:00:03,000", "2.5", "never"],
        EndTime=["00:00:02,500", "00:00:02,000", "3.5", "4"],
        audio=["clips/a.wav", "clips/b.wav", "", None],
    )
    write(tmp_path, "train.csv", frame)
    first, second = load(tmp_path, tmp_path).splits["train"]
    utterance = first["utterances"][0]
    assert (utterance["start"], utterance["end"], utterance["audio_start"]) == (1.5, 2.5, 1.5)
    assert utterance["audio"] == str(tmp_path / "clips/a.wav")
    assert [u["start"] for u in (*first["utterances"], *second["utterances"])] == [1.5, None, 2.5, None]
    report = load(tmp_path, tmp_path).report["train"]
    assert report["audio files that are missing"] == 1 and report["times of StartTime that are not understood"] == 1


def test_daily_dialog_s_own_files(tmp_path):
    (tmp_path / "dialogues_train.txt").write_text("Rain again . __eou__ Take my coat . __eou__\nWell ? __eou__\n")
    with pytest.raises(FileNotFoundError, match=r"__eou__.*dialogues_emotion_train.txt"):
        load(tmp_path, tmp_path)
    (tmp_path / "dialogues_emotion_train.txt").write_text("5 0\n6 \n")
    (tmp_path / "dialogues_act_train.txt").write_text("1 1\n1 \n")
    data = load(tmp_path, tmp_path)
    assert told(data.splits["train"]) == [
        [("A", "Rain again .", "sadness"), ("B", "Take my coat .", "no emotion")],
        [("A", "Well ?", "surprise")],
    ]
    (tmp_path / "dialogues_emotion_train.txt").write_text("5 0 1\n6 \n")
    with pytest.raises(ValueError, match="line 1, has 2 utterances that end with __eou__, .* has 3 emotions"):
        load(tmp_path, tmp_path)


@pytest.mark.parametrize("depth", [3_000, 200_000])
@pytest.mark.parametrize("name", ["train.jsonl", "train.json"])
def test_json_that_is_nested_without_end_is_refused(tmp_path, name, depth):
    (tmp_path / name).write_text("[" * depth + "]" * depth)
    with pytest.raises(ValueError, match=f"{name} is nested too deeply"):
        load(tmp_path, tmp_path)


# ---------------------------------------------------------------------------------------------------------- splits


def many(number: int, **columns) -> pd.DataFrame:
    emotions = ["joy", "anger", "neutral"]
    return pd.DataFrame(
        [
            {
                "conversation": c,
                "speaker": "AB"[u],
                "text": f"Words {c} {u}.",
                "emotion": emotions[(c + u) % 3],
                **columns,
            }
            for c in range(number)
            for u in range(2)
        ]
    )


def test_a_file_without_splits_is_divided_the_same_way_always(tmp_path):
    path = write(tmp_path, "talks.csv", many(30))
    load_all = load(None, tmp_path, data_file=str(path))
    assert {split: len(part) for split, part in load_all.splits.items()} == {"train": 24, "validation": 3, "test": 3}
    assert "divided 80/10/10 at random (--split_seed 42)" in load_all.describe()
    for wanted in ({"train", "validation"}, {"test"}):
        part = load(None, tmp_path, splits=wanted, data_file=str(path))
        assert set(part.splits) == wanted
        assert all(part.splits[name]["id"] == load_all.splits[name]["id"] for name in wanted)
    other = load(None, tmp_path, data_file=str(path), split_seed=1)
    assert other.splits["test"]["id"] != load_all.splits["test"]["id"]
    ids = [identifier for part in load_all.splits.values() for identifier in part["id"]]
    assert sorted(ids, key=int) == [str(n) for n in range(30)]


def test_a_column_tells_the_splits(tmp_path):
    frame = many(6)
    frame["split"] = frame["conversation"].map(lambda n: ["train", "train", "train", "dev", "dev", "TEST"][n])
    data = load(None, tmp_path, data_file=str(write(tmp_path, "talks.csv", frame)))
    assert {split: len(part) for split, part in data.splits.items()} == {"train": 3, "validation": 2, "test": 1}
    frame.loc[0, "split"] = "test"
    with pytest.raises(ValueError, match="rows of conversation '0' are in several splits"):
        load(None, tmp_path, data_file=str(write(tmp_path, "talks.csv", frame)))


@pytest.mark.parametrize(("column", "is_named"), [("split", True), ("Set", False)], ids=["--train_file", "folder"])
@pytest.mark.parametrize("name", ["train.csv", "train.parquet", "train.jsonl", "nested.json"])
def test_rows_of_another_split_in_a_file_of_one_split_are_refused(tmp_path, name, column, is_named):
    def data(*splits):
        if name == "nested.json":
            talks = [{"id": n, column: s, "utterances": ROWS[:1]} for n, s in enumerate(splits)]
            talks = [{**t, "utterances": [{"speaker": "A", "text": "So.", "emotion": "joy"}]} for t in talks]
            (tmp_path / "train.json").write_text(json.dumps(talks))
        else:
            frame = many(len(splits))
            write(tmp_path, name, frame.assign(**{column: frame["conversation"].map(lambda n: splits[n])}))
        path = tmp_path / name.replace("nested", "train")
        return load(None, tmp_path, train_file=str(path)) if is_named else load(tmp_path, tmp_path)

    assert len(data("train", "Training", "train").splits["train"]) == 3
    with pytest.raises(
        ValueError,
        match=r"file of the train split, but it says that its conversation '1' is in the (validation|test) split",
    ):
        data("train", "dev" if is_named else "test", "train")
    found = data("clean", "clean", "noisy")
    assert len(found.splits["train"]) == 3 and "clean, noisy is no name of a split" in found.describe()


def test_files_of_the_splits_are_named(tmp_path):
    files = {f"{split}_file": str(write(tmp_path, f"{split}_x.csv", many(3))) for split in ("train", "validation")}
    data = load(None, tmp_path, **files)
    assert set(data.splits) == {"train", "validation"}
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nothing.csv"):
        load(None, tmp_path, data_file=str(tmp_path / "nothing.csv"))
    with pytest.raises(ValueError, match="--data_file is one file with all splits: give it alone"):
        load(None, tmp_path, data_file="a.csv", **files)


def test_two_files_of_one_split_are_not_read_twice(tmp_path):
    write(tmp_path, "train.csv", many(3)), write(tmp_path, "train.parquet", many(3))
    with pytest.raises(ValueError, match="train.csv and .*train.parquet are files of the same split"):
        load(tmp_path, tmp_path)


@given(st.lists(st.sampled_from(["joy", "anger", "fear", None]), min_size=6, max_size=40), st.integers(0, 50))
def test_every_label_is_trained_on(emotions, seed):
    talks = [{"id": str(n), "utterances": [{"emotion": emotion}]} for n, emotion in enumerate(emotions)]
    parts = random_split(talks, seed, "talks")
    shown = {split: {c["utterances"][0]["emotion"] for c in part} for split, part in parts.items()}
    assert shown["train"] == set(emotions)
    assert sorted(c["id"] for part in parts.values() for c in part) == sorted(c["id"] for c in talks)
    assert all(len(parts[split]) == max(1, min(round(len(talks) / 10), 9)) for split in ("validation", "test"))


def test_too_few_conversations_are_not_divided(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    with pytest.raises(ValueError, match="has 2 conversations, too few to divide"):
        load(None, tmp_path, data_file=str(write(tmp_path, "talks.csv", many(2))))


def test_features_of_a_flat_table_are_kept(tmp_path):
    frame = many(3)
    frame["audio_features"] = [np.array([1.0, n]) for n in range(len(frame))]
    write(tmp_path, "train.parquet", frame)
    utterances = load(tmp_path, tmp_path).splits["train"][1]["utterances"]
    assert [u["audio_features"] for u in utterances] == [[[1.0, 2.0]], [[1.0, 3.0]]]


def test_halves_of_characters_are_replaced_and_whole_ones_stay(tmp_path):
    row = r'{"dialog": "a", "speaker": "Ove \ud83d", "text": "\ud83d\ude00 \\ud83d", "emotion": "joy", "\udc00": 1}'
    (tmp_path / "train.jsonl").write_text(row)
    data = load(tmp_path, tmp_path)
    assert told(data.splits["train"]) == [[("Ove \ufffd", "\U0001f600 \\ud83d", "joy")]]
    data.describe().encode()


def test_numbers_too_large_for_times_and_many_long_names_of_columns(tmp_path):
    row = {"dialog": 1, "speaker": "A", "text": "x", "emotion": "joy", "start": 10**400, "end": 2.0}
    (tmp_path / "train.json").write_text(json.dumps([row]))
    [[utterance]] = [row["utterances"] for row in load(tmp_path, tmp_path).splits["train"]]
    assert utterance["start"] is None
    (tmp_path / "train.json").write_text(json.dumps([{**row, "audio_features": [10**400]}]))
    features = load(tmp_path, tmp_path / "features").splits["train"].to_list()
    with pytest.raises(ValueError, match="infinite"):
        AmuseProcessor(emotions=["joy"])(features)
    (tmp_path / "train.json").write_text(json.dumps([{"a" * 3000: 1} | {f"b{n}": 1 for n in range(100)}]))
    with pytest.raises(ValueError, match=r"aaa\.\.\., b0, .* and 81 more") as error:
        load(tmp_path, tmp_path / "names")
    assert len(str(error.value)) < 1000
