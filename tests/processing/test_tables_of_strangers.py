"""What other people's tables mean by their columns: ids, places in a conversation, splits, recordings."""

import json
import logging
import re

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset

from modeling_amuse.processing import media, media_probe
from modeling_amuse.processing.conversation import media_span
from modeling_amuse.processing.corpora import row_conversations
from modeling_amuse.processing.corpora.conversation_dataset import load_stream_tables
from modeling_amuse.processing.corpora.data_options import COLUMN_OPTIONS, DataOptions
from modeling_amuse.processing.corpora.feature_tables import by_given_id, write_feature_table
from modeling_amuse.processing.corpora.load_conversations import load_conversations, open_builder
from modeling_amuse.processing.corpora.soft_labels import soft_targets
from modeling_amuse.processing.evaluation.group_folds import group_folds
from modeling_amuse.processing.evaluation.utterance_parts import part_subsets
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.scripts.extraction.conversion import _of_splits
from tests.small_media import speech_like, write_wav


def load(folder, rows: pd.DataFrame | list | dict, name: str = "train.csv", **options):
    """The training conversations of a file."""
    path = folder / name
    if path.suffix == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        path.write_text(json.dumps(rows), encoding="utf-8")
    return load_conversations("folder", str(folder), str(folder / "cache"), ("train",), DataOptions(**options)).splits[
        "train"
    ]


def texts(conversations) -> list[list[str]]:
    return [[utterance["text"] for utterance in row["utterances"]] for row in conversations]


def ids(conversations) -> list[str]:
    return [utterance["id"] for row in conversations for utterance in row["utterances"]]


def of_iemocap(column: str) -> list[dict]:
    names = ["Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses01F_impro02_F000", "Ses01F_impro02_M000"]
    starts = [1.0, 5.0, 1.5, 4.0]
    return [
        {column: name, "text": text, "emotion": "ang", "start": start, "end": start + 1}
        for name, text, start in zip(names, "abcd", starts, strict=True)
    ]


@pytest.mark.parametrize("pattern", [None, "iemocap"])
@pytest.mark.parametrize("column", ["utterance_id", "name"])
def test_a_pattern_of_the_user_is_stronger_than_a_guessed_column(tmp_path, pattern, column):
    rows = [{"session": 1, **row} for row in of_iemocap(column)]
    found = load(tmp_path, rows, id_pattern=pattern)
    assert texts(found) == [["a", "b"], ["c", "d"]]
    assert [u["speaker"] for u in found[0]["utterances"]] == ["Ses01_F", "Ses01_M"]


def test_a_pattern_tells_dialogues_of_one_scene_apart(tmp_path):
    rows = [
        {"id": f"S1_d{d}_u{u}", "scene": 1, "speaker": "AB"[u], "text": f"{d}{u}", "emotion": "joy"}
        for d in (1, 2)
        for u in (1, 0)
    ]
    found = load(tmp_path, rows, id_pattern=r"(?P<conversation>S\d+_d\d+)_u(?P<order>\d+)")
    assert texts(found) == [["10", "11"], ["20", "21"]]


@pytest.mark.parametrize("options", [{}, {"id_column": "utterance_id"}, {"order_column": "utterance_id"}])
@pytest.mark.parametrize("form", ["d{}_u{}", "dia{}_utt{}"])
def test_ids_that_are_also_the_order_stay_as_they_are(tmp_path, options, form):
    names = [form.format(1, 1), form.format(1, 0), form.format(2, 0)]
    rows = [
        {"dialogue_id": name.split("_")[0], "utterance_id": name, "speaker": "A", "text": name[-1], "emotion": "joy"}
        for name in names
    ]
    found = load(tmp_path, rows, **options)
    assert ids(found) == [names[1], names[0], names[2]] and texts(found) == [["0", "1"], ["0"]]
    numbered = [{**row, "utterance_id": row["text"]} for row in rows]
    assert ids(load(tmp_path, numbered, **options))[:1] == [f"{names[0].split('_')[0]}_0"]


def test_a_column_of_the_order_is_stronger_than_ids(tmp_path):
    rows = [
        {"dialogue_id": "d", "utterance_id": name, "turn": turn, "speaker": "A", "text": str(turn), "emotion": "joy"}
        for name, turn in (("u2", 2), ("u4", 1))
    ]
    found = load(tmp_path, rows, id_column="utterance_id")
    assert ids(found) == ["u4", "u2"] and texts(found) == [["1", "2"]]
    numbered = [{**row, "utterance_id": number} for number, row in enumerate(rows, start=11)]
    assert ids(load(tmp_path, numbered, id_column="utterance_id")) == ["12", "11"]


@pytest.mark.parametrize("form", ["{}_{}", "d{}-{}", "utt_{}{}", "#{}{}", "dia{}_utt{}"])
def test_ids_under_a_name_of_text_are_no_text(tmp_path, form):
    rows = [
        {"Dialogue": d, "Utterance": form.format(d, u), "Speaker": "A", "Text": f"Hello {d} {u}", "Emotion": "joy"}
        for d in (1, 2)
        for u in (1, 2)
    ]
    assert texts(load(tmp_path, rows)) == [["Hello 1 1", "Hello 1 2"], ["Hello 2 1", "Hello 2 2"]]


def test_a_cell_left_empty_below_a_filled_one_joins_nothing(tmp_path, caplog):
    rows = [
        {"Season": season, "Episode": 1, "Scene_ID": scene, "Speaker": "A", "Utterance": text, "Emotion": "joy"}
        for season, scene, text in ((1, 1, "a"), ("", 1, "b"), ("", 2, "c"), (2, 1, "d"), ("", 1, "e"))
    ]
    with caplog.at_level(logging.WARNING):
        assert texts(load(tmp_path, rows)) == [["a", "b"], ["c"], ["d", "e"]]
    assert "3 rows have no Season or Episode: they have that of the row above" in caplog.text


def test_cells_that_are_empty_at_random_are_not_filled(tmp_path):
    for told in ([(1, 1), (2, 1), ("", 7), (1, 1), ("", 7)], [("", 1), (1, 1), (2, 1)]):
        rows = [
            {"session": part, "dialogue_id": name, "speaker": "A", "text": str(n), "emotion": "joy"}
            for n, (part, name) in enumerate(told)
        ]
        assert load(tmp_path, rows)["id"] == [str(name) for name in dict.fromkeys(name for _, name in told)]


def test_a_pattern_that_some_rows_lack_leaves_their_column(tmp_path):
    rows = [
        {"dialogue_id": name[1:2] or 2, "id": name, "speaker": "A", "text": text, "emotion": "joy"}
        for name, text in (("d1_u1", "b"), ("d1_u0", "a"), ("", "c"))
    ]
    assert texts(load(tmp_path, rows, id_pattern=r"(?P<conversation>d\d+)_u(?P<order>\d+)"))[1] == ["c"]


@pytest.mark.parametrize("column", ["subset", "set", "partition"])
def test_a_column_that_names_no_split_divides_nothing(tmp_path, column):
    rows = [
        {"dialogue_id": d, "speaker": s, "text": f"{d}{s}", "emotion": "joy", column: kind}
        for d in range(12)
        for s, kind in (("A", "clean"), ("B", "noisy"))
    ]
    assert len(load(tmp_path, rows)) == 12
    path = tmp_path / "all.csv"
    pd.DataFrame(rows).assign(**{column: "clean"}).to_csv(path, index=False)
    data = load_conversations("folder", None, str(tmp_path / "cache"), None, DataOptions(data_file=str(path)))
    assert set(data.splits) == {"train", "validation", "test"}
    assert f"clean is no name of a split: the column {column} is not read" in data.describe()


def test_a_list_of_utterances_of_several_dialogues_is_a_table(tmp_path):
    rows = [
        {"dialogue_id": d, "speaker": "A", "text": t, "emotion": "joy"} for d, t in (("x", "a"), ("y", "b"), ("y", "c"))
    ]
    for key in ("utterances", "messages", "turns"):
        assert texts(load(tmp_path, {key: rows}, "train.json")) == [["a"], ["b", "c"]]
    assert texts(load(tmp_path, {"utterances": rows[1:]}, "train.json")) == [["b", "c"]]
    scenes = [{**{k: v for k, v in row.items() if k != "dialogue_id"}, "scene": n} for n, row in enumerate(rows)]
    assert texts(load(tmp_path, {"utterances": scenes}, "train.json")) == [["a", "b", "c"]]
    assert texts(load(tmp_path, {"id": "all", "utterances": rows}, "train.json")) == [["a", "b", "c"]]


@pytest.mark.parametrize("key", ["log", "dialogue", "turns"])
def test_dialogues_without_speakers_take_turns(tmp_path, key):
    rows = [{"dialogue_id": "D1", key: [{"text": "hi", "emotion": "joy"}, {"text": "yes", "emotion": "fear"}]}]
    found = load(tmp_path, rows, "train.json")
    assert [u["speaker"] for u in found[0]["utterances"]] == ["A", "B"]
    log = [{"dialogue_id": 1, "speaker": "A", "text": t, "emotion": "joy", "log": ["x", "y"]} for t in ("hello", "yes")]
    assert texts(load(tmp_path, {"data": log, "log": ["exported", "checked"]}, "train.json")) == [["hello", "yes"]]
    with pytest.raises(ValueError, match="has no 'speaker'"):  # one that is named shows that the other was forgotten
        rows[0][key][0]["speaker"] = "Ada"
        load(tmp_path, rows, "train.json")


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("nested", [False, True])
def test_recordings_that_were_added_later_are_seen(tmp_path, suffix, nested):
    row = {"speaker": "A", "text": "hi", "emotion": "joy", "audio": "clips/a.wav"}
    if nested:
        frame, name = pd.DataFrame([{"id": "c", "utterances": [row]}]), "train.parquet"
    else:
        frame, name = (
            pd.DataFrame([{"conversation": "c", **row}, {"conversation": "c", **row, "audio": None}]),
            f"train{suffix}",
        )
    (frame.to_csv if name.endswith("csv") else frame.to_parquet)(tmp_path / name, index=False)
    before = open_builder("folder", str(tmp_path), str(tmp_path / "cache"), ("train",)).hash
    (tmp_path / "clips").mkdir()
    write_wav(tmp_path / "clips" / "a.wav", speech_like(0.2))
    assert open_builder("folder", str(tmp_path), str(tmp_path / "cache"), ("train",)).hash != before


@pytest.mark.parametrize("present", [(0, 2), (0, 1), (1, 2)])
def test_a_missing_file_of_several_is_named(tmp_path, present):
    rows = pd.DataFrame([{"conversation": "c", "speaker": "A", "text": "hi", "emotion": "joy"}])
    for number in present:
        rows.to_parquet(tmp_path / f"train-{number:05d}-of-00003.parquet")
    missing = ({0, 1, 2} - set(present)).pop()
    with pytest.raises(FileNotFoundError, match=f"lacks train-{missing:05d}-of-00003.parquet, one of the 3 files"):
        load_conversations("folder", str(tmp_path), str(tmp_path / "cache"), ("train",), DataOptions())


def test_the_start_of_a_recording_is_what_the_table_says(tmp_path):
    write_wav(tmp_path / "call.wav", speech_like(0.2))
    row = {
        "conversation": 1,
        "speaker": "A",
        "text": "Hi",
        "emotion": "joy",
        "start": 12.0,
        "end": 15.0,
        "audio": "call.wav",
    }
    for given in (0, 10.5, -0.5):
        [[utterance]] = [c["utterances"] for c in load(tmp_path, [{**row, "audio_start": given}])]
        assert utterance["audio_start"] == given
    [[utterance]] = [c["utterances"] for c in load(tmp_path, [row])]
    assert utterance["audio_start"] == 12.0
    with pytest.raises(ValueError, match="its audio_start is 'soon'"):
        load(tmp_path, [{**row, "audio_start": "soon"}])
    del row["audio"]
    assert load(tmp_path, [{**row, "audio_start": "soon", "video_side": "front"}])


def spans(conversations, medium: str = "audio") -> list[tuple]:
    return [media_span(utterance, medium) for row in conversations for utterance in row["utterances"]]


def of_recording(*times: tuple[float, float], audio: str = "call.wav") -> list[dict]:
    """A conversation of one row for each pair of times."""
    row = {"speaker": "A", "text": "Hi", "emotion": "joy", "audio": audio}
    return [{"conversation": f"c{n}", **row, "start": start, "end": end} for n, (start, end) in enumerate(times)]


@pytest.mark.parametrize("times", [[(4, 5)], [(1, 2), (2.5, 3.5), (4, 5.05)], [(4, 5), (4, 5)]])
def test_a_recording_of_which_each_conversation_has_one_utterance_is_read_at_its_times(tmp_path, times, monkeypatch):
    write_wav(tmp_path / "call.wav", speech_like(5.0))
    probed = []
    monkeypatch.setattr(row_conversations, "probe_media", lambda file: probed.append(file) or probe_media(file))
    (tmp_path / "train.csv").write_text(pd.DataFrame(of_recording(*times)).to_csv(index=False))
    data = load_conversations("folder", str(tmp_path), str(tmp_path / "cache"), ("train",))
    assert spans(data.splits["train"]) == times
    assert probed == [str(tmp_path / "call.wav")]
    assert f"1 audio files have one utterance of their conversation, such as {probed[0]}, and last" in data.describe()


def test_a_clip_is_shorter_than_the_end_of_its_utterance_and_is_read_from_its_beginning(tmp_path):
    for name in ("a", "b"):
        write_wav(tmp_path / f"{name}.wav", speech_like(1.0))
    rows = of_recording((4, 5), audio="a.wav") + of_recording((2, 3), (7, 8), audio="b.wav")
    rows = [{**row, "conversation": n} for n, row in enumerate(rows)]
    assert spans(load(tmp_path, rows)) == [(0, 1)] * 3


def test_few_recordings_of_a_table_are_probed(tmp_path, monkeypatch):
    probed = []
    monkeypatch.setattr(row_conversations, "probe_media", lambda file: probed.append(file) or probe_media(file))
    rows = []
    for n in range(row_conversations.MOST_PROBED + 5):
        write_wav(tmp_path / f"{n}.wav", speech_like(1.0))
        rows += [{**row, "conversation": n} for row in of_recording((0.25, 0.5 + n / 100), audio=f"{n}.wav")]
    assert spans(load(tmp_path, rows))[0] == (0.25, 0.5)
    assert len(probed) == row_conversations.MOST_PROBED and str(tmp_path / "0.wav") not in probed


def test_one_clip_tells_that_all_recordings_of_a_table_are_clips(tmp_path):
    for name in ("a", "b"):
        write_wav(tmp_path / f"{name}.wav", speech_like(1.0))
    early, late = of_recording((0.25, 0.75), audio="a.wav"), of_recording((4, 5), audio="b.wav")
    assert spans(load(tmp_path, [early[0], {**late[0], "conversation": "other"}])) == [(0, 0.5), (0, 1)]
    assert spans(load(tmp_path, early)) == [(0.25, 0.75)]


def test_utterances_of_several_lengths_are_in_one_recording_though_it_cannot_be_read(tmp_path):
    (tmp_path / "call.wav").write_bytes(b"x")
    times = [(10, 12), (30, 35), (60, 61)]
    assert spans(load(tmp_path, of_recording(*times))) == times
    assert spans(load(tmp_path, of_recording(times[0]))) == [(0, 2)]  # nothing tells whether it is a clip


def import_missing():
    raise ImportError("This needs av, which is not installed.")


def test_without_the_package_that_reads_recordings_a_file_of_one_utterance_is_its_clip(tmp_path, monkeypatch):
    write_wav(tmp_path / "call.wav", speech_like(5.0))
    monkeypatch.setattr(media_probe, "import_av", import_missing)
    monkeypatch.setattr(media, "import_av", import_missing)
    assert spans(load(tmp_path, of_recording((4, 5)))) == [(0, 1)]


def test_a_recording_that_was_replaced_is_read_anew(tmp_path):
    for seconds, expected in ((1.0, (0, 1)), (5.0, (4, 5))):
        write_wav(tmp_path / "call.wav", speech_like(seconds))
        assert spans(load(tmp_path, of_recording((4, 5)))) == [expected]


def nested(*utterances: dict) -> list[dict]:
    return [{"id": "c", "utterances": [{"speaker": "A", "text": "Hi", "emotion": "joy", **u} for u in utterances]}]


@pytest.mark.parametrize(
    ("identifier", "start", "end", "audio", "unit"),
    [
        ("utterance_id", "start_time", "end_time", "audio", 1),
        ("uid", "begin", "end", "wav_path", 1),
        ("Segment", "onset", "offset", "recording", 1),
        ("id", "start_ms", "endTimeMs", "audioFile", 1000),
        ("clip", "Start", "END", "wav", 1),
    ],
)
def test_keys_of_nested_utterances_have_the_names_of_columns(tmp_path, identifier, start, end, audio, unit):
    write_wav(tmp_path / "t.wav", speech_like(5.0))
    utterances = [{identifier: f"m_{n}", audio: "t.wav", start: n * unit, end: (n + 1.5) * unit} for n in range(1, 3)]
    (tmp_path / "train.json").write_text(json.dumps(nested(*utterances)))
    data = load_conversations("folder", str(tmp_path), str(tmp_path / "cache"), ("train",))
    found = data.splits["train"]
    assert ids(found) == ["m_1", "m_2"] and spans(found) == [(1, 2.5), (2, 3.5)]
    renamed = [(key, name) for key, name in (("start", start), ("end", end), ("audio", audio), ("id", identifier))]
    assert ", ".join(f"{key} from {name}" for key, name in renamed if key != name) in data.describe()
    assert "unknown key" not in data.describe()
    rows = [{"conversation": "c", **utterance} for utterance in nested(*utterances)[0]["utterances"]]
    (tmp_path / "table").mkdir()
    write_wav(tmp_path / "table" / "t.wav", speech_like(5.0))
    table = load(tmp_path / "table", rows)
    assert ids(table) == ids(found) and spans(table) == spans(found)


def test_the_names_of_the_schema_are_stronger_than_other_names_and_the_likeliest_of_others(tmp_path):
    write_wav(tmp_path / "t.wav", speech_like(5.0))
    exact = {
        "id": "own",
        "uid": "other",
        "audio": "t.wav",
        "wav": "no.wav",
        "start": 1,
        "begin": 3,
        "end": 2,
        "stop": 4,
    }
    found = load(tmp_path, nested(exact), "train.json")
    assert ids(found) == ["own"] and spans(found) == [(1, 2)]
    others = {"onset": 3, "start_time": 1, "uttid": "late", "uid": "early", "end_time": 2, "wav": "t.wav"}
    found = load(tmp_path, nested(others), "train.json")
    assert ids(found) == ["early"] and spans(found) == [(1, 2)]
    (tmp_path / "train.json").unlink()
    [[row]] = [row["utterances"] for row in nested(others)]
    assert spans(load(tmp_path, [{"conversation": "c", **row}])) == [(1, 2)]


def test_times_and_files_under_other_names_are_read_as_those_of_a_table(tmp_path, caplog):
    write_wav(tmp_path / "clip.wav", speech_like(1.0))
    row = {"audio_path": "clip.wav", "start_time": "00:00:07,500", "end_time": "8.5"}
    other = {"audio_path": "gone.wav", "start_time": "soon", "end_time": 9}
    (tmp_path / "train.json").write_text(json.dumps(nested(row, other)))
    data = load_conversations("folder", str(tmp_path), str(tmp_path / "cache"), ("train",))
    assert spans(data.splits["train"]) == [(0, 1), (None, None)]
    assert data.splits["train"][0]["utterances"][1]["audio"] is None
    assert data.report["train"]["audio files that are missing"] == 1
    assert data.report["train"]["times of start_time that are not understood"] == 1
    assert "1 times are not understood" in caplog.text
    [utterance] = load(tmp_path, nested({"movie": "Heat", "path": ["a", "b"]}), "train.json")[0]["utterances"]
    assert (utterance["id"], utterance["video"]) == ("c_0", None)
    assert "no file of the column movie exists" in caplog.text


def test_a_recording_under_the_name_of_the_schema_begins_at_0_beside_one_under_another(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"x")
    found = load(tmp_path, nested({"audio": "a.wav", "movie": "b.wav", "start": 7, "end": 8}), "train.json")
    assert spans(found) == [(7, 8)] and spans(found, "video") == [(0, 1)]


@pytest.mark.parametrize("key", ["uid", "utterance_id", "utterance"])
def test_numbers_and_words_are_no_ids_of_nested_utterances(tmp_path, key):
    values = ["Hello there", "Not at all"] if key == "utterance" else [1, 2]
    assert ids(load(tmp_path, nested(*({key: value} for value in values)), "train.json")) == ["c_0", "c_1"]


def test_an_option_names_the_ids_of_nested_utterances(tmp_path):
    talk = nested({"id": "a", "code": "x1", "wav": "p/u1.wav"}, {"id": "b", "code": "x2", "wav": "p/u2.wav"})
    assert ids(load(tmp_path, talk, "train.json", id_column="Code")) == ["x1", "x2"]
    (tmp_path / "p").mkdir()
    for number in (1, 2):
        write_wav(tmp_path / "p" / f"u{number}.wav", speech_like(0.2))
    found = load(tmp_path, talk, "train.json", id_column="wav")
    assert ids(found) == ["u1", "u2"]
    assert [u["audio"] for u in found[0]["utterances"]] == [str(tmp_path / "p" / f"u{n}.wav") for n in (1, 2)]
    assert ids(load(tmp_path, nested({"n": 1}, {"n": 1}), "train.json", id_column="n")) == ["c_0", "c_1"]
    with pytest.raises(ValueError, match="--id_column key: no utterance has this key; the keys are: speaker, "):
        load(tmp_path, talk, "train.json", id_column="key")


def test_a_key_beside_the_times_is_no_time(tmp_path):
    [talk] = load(tmp_path, nested({"start": 1.0, "offset": 17}, {"start": 2.0, "offset": 40}), "train.json")
    assert [(u["start"], u["end"]) for u in talk["utterances"]] == [(1.0, None), (2.0, None)]


@pytest.mark.parametrize(
    ("option", "value"), [("order_column", "n"), ("conversation_column", ["id"]), ("id_pattern", "meld")]
)
def test_options_for_rows_of_utterances_are_said_to_be_unused_for_nested_ones(tmp_path, option, value):
    said = description(tmp_path, nested({"n": 1}), **{option: value})
    assert re.search(f"--{option} is not used: each row of .*train.json is a conversation", said)


def test_options_for_keys_are_said_to_be_unused_for_lists_of_texts(tmp_path):
    talk = [{"dialog": ["Hm.", "No!"], "emotion": ["calm", "cross"]}]
    for option in ("text_column", "id_column"):
        said = description(tmp_path, talk, **{option: "words"})
        assert re.search(f"--{option} is not used: the utterances of .*train.json have no keys", said)
    assert texts(load(tmp_path, talk, "train.json", text_column="Dialog")) == [["Hm.", "No!"]]


def description(folder, conversations: list[dict], **options) -> str:
    (folder / "train.json").write_text(json.dumps(conversations))
    return load_conversations(
        "folder", str(folder), str(folder / "cache"), ("train",), DataOptions(**options)
    ).describe()


@pytest.mark.parametrize("option", COLUMN_OPTIONS)
def test_data_sets_that_know_their_columns_say_that_options_for_columns_are_unused(tmp_path, option):
    value = ["Season"] if option == "conversation_column" else "Season"
    header = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
    (tmp_path / "emorynlp_train_final.csv").write_text(
        f'{header}\nHi,[\'Ross\'],Joyful,1,1,1,1,"00:00:01,0","00:00:02,0"\n'
    )
    options = DataOptions(**{option: value})
    said = load_conversations("emorynlp", str(tmp_path), str(tmp_path / "cache"), ("train",), options).describe()
    assert f"--{option} is not used: EmoryNlp knows the columns of its data set." in said
    (tmp_path / "dialogues_train.txt").write_text("Well ? __eou__\n")
    (tmp_path / "dialogues_emotion_train.txt").write_text("6\n")
    options = DataOptions(train_file=str(tmp_path / "dialogues_train.txt"), **{option: value})
    said = load_conversations("folder", None, str(tmp_path / "cache"), ("train",), options).describe()
    assert re.search(f"--{option} is not used: .*dialogues_train.txt is a file of DailyDialog, without columns", said)


def test_ids_with_suffixes_of_clips_are_found_in_every_table(tmp_path):
    for own, given in (
        ("clip1.wav", "clip1.wav"),
        ("clip1", "clips/clip1.webm"),
        ("clip1.wav", "clip1"),
        ("clip1", "clip1"),
    ):
        conversations = [{"utterances": [{"id": own}]}, {"utterances": [{"id": "clip2"}]}]
        assert by_given_id({given: 1, "clip2": 2}, [own, "clip2"]) == {own: 1, "clip2": 2}
        assert list(soft_targets({given: np.array([1.0, 0.0])}, {own: 0, "clip2": 1})) == [own]
        assert part_subsets({given: "p"}, [own, "clip2"], "train")["p"].tolist() == [True, False]
        with pytest.raises(ValueError, match="2 conversations are in 1 groups"):
            group_folds(conversations, {given: "g", "clip2": "g"}, 2)
    assert by_given_id({"a.wav": 1, "a.mp4": 2}, ["a"]) == {"a.wav": 1, "a.mp4": 2}  # nothing says which is meant
    assert by_given_id({"1": 0, "2": 1}, ["a/1.wav", "b/1.wav", "c/2.wav"]) == {"1": 0, "c/2.wav": 1}
    assert by_given_id({"test/1.wav": 0, "train/1.wav": 1}, ["train/1.wav"]) == {"test/1.wav": 0, "train/1.wav": 1}


def test_one_table_for_two_splits_is_joined_by_the_names_of_clips_only_where_it_is_clear(tmp_path):
    rows = {
        split: [{"id": "c" + split, "utterances": [{"id": f"{split}/{name}.mp4", "speaker": "A", "emotion": "joy"}]}]
        for split, name in (("train", "u0"), ("test", "u1"))
    }
    splits = {split: Dataset.from_list(own) for split, own in rows.items()}
    write_feature_table(tmp_path / "f.parquet", {"u0": np.ones((1, 2)), "u1": np.zeros((1, 2))}, None)
    tables = load_stream_tables({"audio": str(tmp_path / "f.parquet")}, splits)
    assert (
        tables["train"]["audio"].get("train/u0.mp4")[0, 0] == 1
        and tables["test"]["audio"].get("test/u1.mp4")[0, 0] == 0
    )
    rows["test"][0]["utterances"][0]["id"] = "test/u0.mp4"
    splits["test"] = Dataset.from_list(rows["test"])
    with pytest.raises(ValueError, match="'test/u0.mp4' occurs in more than one split"):
        load_stream_tables({"audio": str(tmp_path / "f.parquet")}, splits)


def test_three_modalities_of_the_same_utterances_are_no_splits():
    of_modalities = [{"dia0_utt0": np.zeros(3), "dia0_utt1": np.ones(3)}] * 3
    assert _of_splits(of_modalities) is None
    of_splits = [{f"dia{n}_utt0": np.zeros(3)} for n in range(3)]
    assert set(_of_splits(of_splits)["0"]) == {"train/dia0_utt0", "validation/dia1_utt0", "test/dia2_utt0"}
