"""Small copies of data sets on the Hub, with the features that their cards describe."""

import io
import struct
import wave
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
import scipy.io.wavfile
from datasets import Audio, ClassLabel, Dataset, DatasetDict, Video

from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore

MELD_CLASSES = ["neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise"]  # the order differs from MELD's


def load(name, tmp_path, splits=None, **options):
    return load_conversations(str(name), None, str(tmp_path / "cache"), splits, DataOptions(**options))


def wav_bytes(value: float = 0.25) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(16_000)
        sound.writeframes((np.full(1600, value) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def audio_column(*paths: str) -> list[dict]:
    return [{"bytes": wav_bytes(n / 10), "path": path} for n, path in enumerate(paths, start=1)]


def as_repository(folder, splits: dict[str, Dataset]):
    """A folder like a data set on the Hub: Parquet shards in `data`."""
    (folder / "data").mkdir(parents=True)
    for split, data in splits.items():
        half = len(data) // 2
        for shard, positions in enumerate((range(half), range(half, len(data)))):
            data.select(positions).to_parquet(folder / f"data/{split}-{shard:05}-of-00002.parquet")
    return folder


def told(split, keys=("speaker", "text", "emotion")) -> dict[str, list[tuple]]:
    return {row["id"]: [tuple(u[key] for key in keys) for u in row["utterances"]] for row in split}


def typed(rows: dict, **types) -> Dataset:
    """A data set from columns, some of them with a type of `datasets`. Recordings are not decoded."""
    data = Dataset.from_dict(rows)
    for name, feature in types.items():
        data = data.cast_column(name, feature)
    return data


def test_silicone_meld(tmp_path):
    rows = {
        "Utterance": ["Ten.", "Nine.", "Hello?", "No."],
        "Speaker": ["Ava", "Ben", "Ava", "Cy"],
        "Emotion": ["joy", "anger", "fear", "joy"],
        "Dialogue_ID": ["0", "0", "1", "1"],
        "Utterance_ID": ["10", "9", "0", "1"],
        "Label": [4, 0, 2, 4],
        "Idx": [0, 1, 2, 3],
    }
    label = ClassLabel(names=["anger", "disgust", "fear", "joy_", "joy", "sadness", "surprise"])
    folder = as_repository(
        tmp_path / "silicone", {s: typed(rows, Label=label) for s in ("train", "validation", "test")}
    )
    data = load(folder, tmp_path)
    assert told(data.splits["train"])["0"] == [("Ben", "Nine.", "anger"), ("Ava", "Ten.", "joy")]
    assert set(data.splits) == {"train", "validation", "test"} and data.emotions == ("fear", "joy", "anger")


def test_silicone_iemocap_has_its_speakers_in_the_ids(tmp_path):
    names = ["Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses01F_impro01_F001", "Ses02M_script01_2_M010"]
    rows = {
        "Dialogue_ID": [name.rsplit("_", 1)[0] for name in names],
        "Utterance_ID": names,
        "Utterance": ["Sir?", "Madam.", "Well.", "Then go."],
        "Emotion": ["ang", "exc", "xxx", "fru"],
        "Label": [0, 1, 3, 2],
        "Idx": range(4),
    }
    data = as_repository(
        tmp_path / "silicone", {"train": typed(rows, Label=ClassLabel(names=["ang", "exc", "fru", "xxx"]))}
    )
    with pytest.raises(ValueError, match="too few to divide"):
        load(data, tmp_path)
    data = as_repository(tmp_path / "two", {s: typed(rows) for s in ("train", "validation")})
    data = load(data, tmp_path, emotion_map=["exc=hap,fru=ang"])
    assert told(data.splits["train"], ("id", "speaker", "emotion"))["Ses01F_impro01"] == [
        ("Ses01F_impro01_F000", "Ses01_F", "ang"),
        ("Ses01F_impro01_M000", "Ses01_M", "hap"),
        ("Ses01F_impro01_F001", "Ses01_F", None),
    ]
    assert data.emotions == ("ang", "hap")


@pytest.mark.parametrize("more", [{}, {"session": "1", "speaker": "F"}, {"session": "1"}])
def test_ids_of_iemocap_tell_what_a_column_name_or_session_does_not(tmp_path, more):
    names = ["Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses01F_impro02_F000", "Ses01F_impro02_M000"]
    rows = {"name": names, "text": ["Sir?", "Madam.", "Well.", "Then go."], "emotion": ["ang", "hap"] * 2}
    rows |= {key: [value] * 4 for key, value in more.items()}
    if "speaker" in more:
        rows["speaker"] = ["F", "M"] * 2
    folder = as_repository(tmp_path / "clips", {s: typed(rows) for s in ("train", "validation")})
    found = told(load(folder, tmp_path).splits["train"], ("speaker", "text"))
    assert {name: [text for _, text in rows] for name, rows in found.items()} == {
        "Ses01F_impro01": ["Sir?", "Madam."],
        "Ses01F_impro02": ["Well.", "Then go."],
    }
    assert len({speaker for rows in found.values() for speaker, _ in rows}) == 2


def test_places_such_as_3_10_are_no_decimals(tmp_path):
    rows = {
        "dialogue_id": ["3"] * 11,
        "turn_id": [f"3.{n}" for n in range(1, 12)],
        "speaker": ["Ava", "Ben"] * 5 + ["Ava"],
        "text": list("abcdefghijk"),
        "emotion": ["joy", "anger"] * 5 + ["joy"],
    }
    folder = as_repository(tmp_path / "turns", {s: typed(rows) for s in ("train", "validation")})
    assert [text for (text,) in told(load(folder, tmp_path).splits["train"], ("text",))["3"]] == list("abcdefghijk")


def test_silicone_dyda_takes_turns_in_the_order_of_its_rows(tmp_path, caplog):
    rows = {
        "Utterance": ["a", "b", "c", "d"],
        "Emotion": ["no emotion", "happiness", "anger", "no emotion"],
        "Dialogue_ID": ["7", "7", "7", "8"],
        "Label": [1, 2, 0, 1],
        "Idx": [3, 2, 1, 0],
    }
    classes = ClassLabel(names=["anger", "no emotion", "happiness"])
    folder = as_repository(tmp_path / "dyda", {s: typed(rows, Label=classes) for s in ("train", "validation")})
    data = load(folder, tmp_path)
    assert told(data.splits["train"])["7"] == [("A", "a", "no emotion"), ("B", "b", "happiness"), ("A", "c", "anger")]
    assert "take turns" in caplog.text and "order of the rows" in data.describe()
    # the names of the class label, in its order
    assert load(folder, tmp_path, label_column="Label").emotions == ("anger", "no emotion", "happiness")


def test_meld_with_a_test_split_alone_and_recordings(tmp_path):
    rows = {
        "Sr No.": [1, 2],
        "Utterance": ["Go!", "Why?"],
        "Speaker": ["Ava", "Ben"],
        "Emotion": ["anger", "surprise"],
        "Sentiment": ["negative", "negative"],
        "Dialogue_ID": [0, 0],
        "Utterance_ID": [0, 1],
        "StartTime": ["00:00:01,000", "00:00:03,000"],
        "EndTime": ["00:00:02,000", "00:00:04,500"],
        "video_path": ["/nowhere/dia0_utt0.mp4", "/nowhere/dia0_utt1.mp4"],
        "WavPath": ["/nowhere/dia0_utt0.wav", "/nowhere/dia0_utt1.wav"],
        "audio": audio_column("dia0_utt0.wav", "dia0_utt1.wav"),
    }
    folder = as_repository(tmp_path / "MELD", {"test": typed(rows, audio=Audio(sampling_rate=16_000))})
    data = load(folder, tmp_path)
    assert list(data.splits) == ["test"]
    utterances = data.splits["test"][0]["utterances"]
    assert [(u["id"], u["speaker"], u["start"], u["audio_start"]) for u in utterances] == [
        ("dia0_utt0", "Ava", 1.0, 1.0),
        ("dia0_utt1", "Ben", 3.0, 3.0),
    ]
    assert [Path(u["audio"]).read_bytes() for u in utterances] == [wav_bytes(0.1), wav_bytes(0.2)]
    assert all(u["video"] is None for u in utterances)
    with pytest.raises(ValueError, match="has no train and no validation split; it has test"):
        load(folder, tmp_path, ("train", "validation"))


def test_meld_audio_has_its_conversations_in_the_paths(tmp_path, caplog):
    paths = [f"train/dia{d}_utt{u}.wav" for d, u in ((3, 10), (3, 9), (12, 0))]
    rows = {
        "text": ["Later.", "Earlier.", "Alone."],
        "path": paths,
        "audio": audio_column(*paths),
        "emotion": [1, 0, 3],
        "sentiment": [0, 1, 2],
    }
    types = {
        "emotion": ClassLabel(names=MELD_CLASSES),
        "sentiment": ClassLabel(names=["neutral", "positive", "negative"]),
    }
    made = typed(rows, audio=Audio(sampling_rate=16_000), **types)
    data = load(as_repository(tmp_path / "audio", {"train": made, "validation": made}), tmp_path)
    assert told(data.splits["train"], ("id", "text", "emotion")) == {
        "dia3": [("dia3_utt9", "Earlier.", "neutral"), ("dia3_utt10", "Later.", "joy")],
        "dia12": [("dia12_utt0", "Alone.", "anger")],
    }
    assert data.emotions == ("neutral", "joy", "anger")  # as the class label orders them
    assert "by the id pattern meld" in data.describe() and "one unknown speaker" in caplog.text


def test_iemocap_with_everything_in_the_id(tmp_path):
    names = ["Ses01F_impro01_F000", "Ses01F_impro01_M001", "Ses01F_impro01_F001"] + [
        f"Ses0{s}{a}_script0{n}_1b_F000" for s in (2, 3, 4) for a in "FM" for n in (1, 2, 3)
    ]
    rows = {
        "_id": names,
        "activation": [2.5] * len(names),
        "emotion": ["neu", "hap", *["neu"] * (len(names) - 2)],
        "start_time": [1.0, 9.0, 5.0, *[0.0] * (len(names) - 3)],
        "end_time": [2.0, 9.5, 6.0, *[1.0] * (len(names) - 3)],
        "titre": [f"Words {n}" for n in range(len(names))],
        "to_translate": names,
        "translated": names,
        "audio": audio_column(*names),
    }
    data = load(as_repository(tmp_path / "iemocap", {"train": typed(rows, audio=Audio())}), tmp_path)
    assert {split: len(part) for split, part in data.splits.items()} == {"train": 15, "validation": 2, "test": 2}
    found = {}
    for split in data.splits.values():
        found |= told(split, ("speaker", "text", "start"))
    assert found["Ses01F_impro01"] == [
        ("Ses01_F", "Words 0", 1.0),
        ("Ses01_F", "Words 2", 5.0),
        ("Ses01_M", "Words 1", 9.0),
    ]
    assert "Ses04M_script03_1b" in found
    assert "divided 80/10/10" in data.describe()


CLIPS = [b"\x00\x00\x00 ftypisom clip %d" % number for number in range(4)]  # they are not opened here


def stored(contents: list[bytes], names: list[str | None]) -> list[dict]:
    return [{"bytes": held, "path": name} for held, name in zip(contents, names, strict=True)]


@pytest.mark.parametrize("how", ["parquet", "streaming", "save_to_disk", "paths"])
def test_a_column_of_videos_is_the_utterances_videos(tmp_path, how):
    rows = {"thread": [0, 0, 1, 1], "author": list("ABAB"), "message": list("wxyz"), "mood": ["joy", "anger"] * 2}
    if how == "paths":
        for number, clip in enumerate(CLIPS):
            (tmp_path / f"{number}.mp4").write_bytes(clip)
        rows["film"] = [str(tmp_path / f"{number}.mp4") for number in range(4)]
    else:
        rows["film"] = stored(CLIPS, ["0.mp4", "1.mp4", None, "3.mp4"])
    made = typed(rows, film=Video())
    splits = {"train": made, "validation": made}
    if how in ("save_to_disk", "paths"):
        DatasetDict(splits).save_to_disk(tmp_path / "own")
    else:
        as_repository(tmp_path / "own", splits)
    data = load(tmp_path / "own", tmp_path, streaming=how == "streaming")
    found = [u for row in data.splits["train"] for u in row["utterances"]]
    assert [Path(u["video"]).read_bytes() for u in found] == CLIPS
    assert {Path(u["video"]).suffix for u in found} == {".mp4"} and not any(u["audio"] for u in found)


def test_rows_without_a_recording_lack_the_modality(tmp_path):
    rows = {"dialog_id": [0] * 3, "speaker": "ABA", "text": list("xyz"), "emotion": ["joy"] * 3}
    rows = {name: list(values) for name, values in rows.items()}
    rows["video"] = [*stored(CLIPS[:1], ["0.mp4"]), None, {"bytes": None, "path": None}]
    made = typed(rows, video=Video())
    data = load(as_repository(tmp_path / "own", {"train": made, "validation": made}), tmp_path)
    assert [bool(u["video"]) for u in data.splits["train"][0]["utterances"]] == [True, False, False]


@pytest.mark.parametrize("medium", ["audio", "video"])
def test_names_of_recordings_tell_the_conversation_as_ids_do(tmp_path, medium):
    names = [f"Ses02M_impro03_{turn}" for turn in ("F000", "M000", "F001")]
    suffix, kind = {"audio": ("wav", Audio()), "video": ("mp4", Video())}[medium]
    rows = {medium: stored(CLIPS[:3], [f"{name}.{suffix}" for name in names]), "label": [1, 0, 1]}
    made = typed(rows, label=ClassLabel(names=["angry", "sad"]), **{medium: kind})
    data = load(as_repository(tmp_path / "own", {"session2": made}), tmp_path)
    assert told(data.splits["session2"], ("id", "speaker", "emotion")) == {
        "Ses02M_impro03": list(zip(names, ("Ses02_F", "Ses02_M", "Ses02_F"), ("sad", "angry", "sad"), strict=True))
    }


@pytest.mark.parametrize("is_by_field", [False, True], ids=["list of dicts", "dict of lists"])
def test_lists_of_utterances_with_classes_and_recordings(tmp_path, is_by_field):
    stored_as = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    text = datasets.Value("string")
    fields = {"speaker": text, "text": text, "act": ClassLabel(names=["ask", "tell"])}
    fields |= {"emotion": ClassLabel(names=["calm", "joy", "fear"])}
    wrap = (lambda f: {k: datasets.List(v) for k, v in f.items()}) if is_by_field else datasets.List
    turns = [
        {"speaker": "Ava", "text": "Oh?", "act": 0, "emotion": 2, "audio": stored([wav_bytes(0.1)], [None])[0]},
        {"speaker": "Ben", "text": "Yes.", "act": 1, "emotion": 0, "audio": None},
    ]
    held = {key: [turn[key] for turn in turns] for key in turns[0]} if is_by_field else turns
    rows = {"dialogue_id": ["7", "8"], "turns": [held, held]}
    features = [
        datasets.Features({"dialogue_id": text, "turns": wrap({**fields, "audio": kind})})
        for kind in (stored_as, Audio())
    ]
    made = Dataset.from_dict(rows, features=features[0]).cast(features[1])
    data = load(as_repository(tmp_path / "own", {"train": made, "validation": made}), tmp_path)
    assert told(data.splits["train"]) == {
        name: [("Ava", "Oh?", "fear"), ("Ben", "Yes.", "calm")] for name in ("7", "8")
    }
    assert data.emotions == ("calm", "fear")  # as the class label orders them
    first, second = data.splits["train"][0]["utterances"]
    assert Path(first["audio"]).read_bytes() == wav_bytes(0.1) and second["audio"] is None


@pytest.mark.parametrize("split", ["train[:10%]", "train[5:]", "train+validation", "train"])
def test_a_part_of_a_split_is_divided_as_a_training_split(tmp_path, split):
    rows = {
        "dialog": [n // 2 for n in range(40)],
        "speaker": list("AB") * 20,
        "text": ["x"] * 40,
        "emotion": ["joy", "fear"] * 20,
    }
    made = Dataset.from_dict(rows, split=split)
    made.save_to_disk(tmp_path / "own")
    assert set(load(tmp_path / "own", tmp_path).splits) == {"train", "validation", "test"}


def test_two_splits_with_one_meaning_are_refused(tmp_path):
    made = typed({"dialog": [0, 0], "speaker": list("AB"), "text": list("xy"), "emotion": ["joy", "fear"]})
    DatasetDict({"train": made, "dev": made, "validation": made}).save_to_disk(tmp_path / "own")
    with pytest.raises(ValueError, match="has the splits dev and validation, which are all its validation split"):
        load(tmp_path / "own", tmp_path)
    assert list(load(tmp_path / "own", tmp_path, ("train",)).splits) == ["train"]
    DatasetDict({"train": made, "training": made}).save_to_disk(tmp_path / "twice")
    with pytest.raises(ValueError, match="has the splits train and training, which are all its train split"):
        load(tmp_path / "twice", tmp_path, ("validation",))


def test_sessions_as_splits_keep_their_names(tmp_path):
    made = {
        f"session{n}": typed(
            {"audio": audio_column(f"a{n}.wav", f"b{n}.wav"), "label": [0, 1]},
            audio=Audio(), label=ClassLabel(names=["angry", "sad"]),
        )
        for n in (1, 2)
    }  # fmt: skip
    folder = tmp_path / "sessions"
    DatasetDict(made).save_to_disk(folder)
    data = load(folder, tmp_path)
    assert list(data.splits) == ["session1", "session2"] and data.emotions == ("angry", "sad")
    assert [len(row["utterances"]) for row in data.splits["session1"]] == [1, 1]
    with pytest.raises(ValueError, match="it has session1, session2"):
        load(folder, tmp_path, ("train", "validation"))


@pytest.mark.parametrize("how", ["save_to_disk", "one split saved", "parquet", "streaming", "--data_dir"])
def test_a_spreadsheet_s_columns_in_every_form_that_datasets_has(tmp_path, how):
    frame = pd.DataFrame(
        {
            "dialogue": np.arange(24) // 2,
            "who": ["Ava", "Ben"] * 12,
            "sentence": "Yes.",
            "feeling": ["joy", "fear"] * 12,
        }
    )
    folder, made = tmp_path / "own", Dataset.from_pandas(frame)
    if how == "save_to_disk":
        DatasetDict({"train": made}).save_to_disk(folder)
    elif how == "one split saved":
        made.save_to_disk(folder)
    else:
        as_repository(folder, {"train": made})
    if how == "--data_dir":
        data = load_conversations("folder", str(folder), str(tmp_path / "cache"))
        assert list(data.splits) == ["train"]
    else:
        data = load(folder, tmp_path, streaming=how == "streaming")
        assert {split: len(part) for split, part in data.splits.items()} == {"train": 10, "validation": 1, "test": 1}
    assert told(data.splits["train"]).popitem()[1] == [("Ava", "Yes.", "joy"), ("Ben", "Yes.", "fear")]


def test_lists_of_texts_and_labels_are_conversations(tmp_path):
    rows = {"dialog": [["Hi .", "Oh ."], ["Ha ."]], "act": [[1, 1], [2]], "emotion": [[0, 2], [1]]}
    made = Dataset.from_dict(rows).cast_column(
        "emotion", datasets.List(ClassLabel(names=["no emotion", "joy", "anger"]))
    )
    data = load(as_repository(tmp_path / "daily", {"train": made, "validation": made}), tmp_path)
    assert list(told(data.splits["train"]).values()) == [
        [("A", "Hi .", "no emotion"), ("B", "Oh .", "anger")],
        [("A", "Ha .", "joy")],
    ]


def test_a_train_split_without_validation_gives_a_tenth_of_itself(tmp_path):
    frame = pd.DataFrame({"dialog_id": range(30), "speaker": "A", "text": "Yes.", "emotion": ["joy", "fear"] * 15})
    made = Dataset.from_pandas(frame)
    data = load(as_repository(tmp_path / "own", {"train": made, "test": made}), tmp_path)
    assert {split: len(part) for split, part in data.splits.items()} == {"train": 27, "validation": 3, "test": 30}
    assert "has no validation split: 3 of its training conversations" in data.describe()


class Decoder:
    """The parts of torchcodec's audio decoder that are used."""

    def get_all_samples(self):
        import torch

        return type("Samples", (), {"data": torch.full((1, 800), 0.5), "sample_rate": 8_000})


@pytest.mark.parametrize(
    "value",
    [
        {"bytes": wav_bytes(), "path": None},
        wav_bytes(),
        {"array": np.full(1600, 0.25), "sampling_rate": 16_000},
        {"array": [[0.25] * 1600], "sampling_rate": 16_000.0},
        Decoder(),
        type("Encoded", (), {"_hf_encoded": {"bytes": wav_bytes(), "path": "x"}})(),
    ],
)
def test_a_recording_in_any_form_becomes_a_file(tmp_path, value):
    path = RecordingStore(str(tmp_path)).path_of(value, "It", "audio")
    rate, samples = scipy.io.wavfile.read(path)
    assert (rate in (8_000, 16_000) and len(samples) == rate / 10 and samples.ndim == 1) or samples.shape[1] == 1
    assert RecordingStore(str(tmp_path)).path_of(value, "It", "audio") == path


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (7, ValueError, "is a int: give a path, bytes, or an array"),
        ({"path": "nowhere.wav"}, FileNotFoundError, "its file nowhere.wav does not exist"),
        ({"array": [0.1], "sampling_rate": 0}, ValueError, "has the sampling rate 0"),
        ({"array": [float("nan")], "sampling_rate": 8000}, ValueError, "not finite"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, value, error, message):
    with pytest.raises(error, match=message):
        RecordingStore(str(tmp_path)).path_of(value, "It", "audio")


def test_names_that_nothing_has(tmp_path):
    with pytest.raises(FileNotFoundError, match="nobody/nothing cannot be loaded"):
        load("nobody/nothing", tmp_path)
    with pytest.raises(ValueError, match="There is no data set 'dailydialog'.*ajyy/MELD_audio"):
        load("dailydialog", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises((ValueError, FileNotFoundError), match="empty"):
        load(tmp_path / "empty", tmp_path)


@pytest.mark.parametrize("offsets", [(0, -5, 8), (0, 2**30, 8), (5, 3, 8), (0, 3, 2**31 - 1)])
def test_a_saved_data_set_with_damaged_texts_is_refused(tmp_path, offsets):
    rows = {"dialog_id": ["d1", "d1"], "speaker": ["Ada", "Ben"], "text": ["Hi.", "Well."], "emotion": ["joy", "joy"]}
    DatasetDict({"train": Dataset.from_dict(rows)}).save_to_disk(tmp_path / "own")
    [file] = (tmp_path / "own" / "train").glob("*.arrow")
    whole, damaged = struct.pack("<3i", 0, 3, 8), struct.pack("<3i", *offsets)
    content = file.read_bytes()
    assert content.count(whole) == 1  # where the texts begin and end
    file.write_bytes(content.replace(whole, damaged))
    with pytest.raises(ValueError, match="own, train is damaged .*: save the data set again"):
        load(tmp_path / "own", tmp_path)
