"""Streams of conversations for the pipeline: data sets of `datasets` and torch, generators, any mappings and sequences."""

from collections import OrderedDict, UserDict, UserList, deque
from types import MappingProxyType

import datasets
import pytest
import torch
from transformers import pipeline
from transformers.pipelines.pt_utils import KeyDataset

from tests.small_models import save_recording_model

EMOTIONS = ["neutral", "joy", "anger"]
WORDS = ["oh no what is that", "leave me alone", "I am so happy for you", "what", "alone"]


@pytest.fixture(scope="module")
def recognizer(tiny_text_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("amuse-tiny")
    save_recording_model(folder, tiny_text_encoder[0], EMOTIONS)
    return pipeline("emotion-recognition", model=str(folder), device="cpu")


def talks(number: int = 5) -> list[dict]:
    """Conversations of different lengths."""
    return [
        {
            "id": f"talk{n}",
            "utterances": [{"speaker": "AB"[place % 2], "text": WORDS[(n + place) % 5]} for place in range(1 + n % 3)],
        }
        for n in range(number)
    ]


def scores(results) -> list:
    return [[list(utterance["scores"].values()) for utterance in conversation] for conversation in results]


def assert_same(results, expected):
    assert [len(conversation) for conversation in results] == [len(conversation) for conversation in expected]
    for own, other in zip(scores(results), scores(expected), strict=True):
        torch.testing.assert_close(torch.tensor(own), torch.tensor(other), atol=1e-5, rtol=0)


class TorchDataset(torch.utils.data.Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, number):
        return talks()[number]


class TorchIterable(torch.utils.data.IterableDataset):
    def __len__(self):
        return 5

    def __iter__(self):
        return iter(talks())


STREAMS = {
    "Dataset": lambda: datasets.Dataset.from_list(talks()),
    "IterableDataset": lambda: datasets.IterableDataset.from_generator(talks),
    "streamed Dataset": lambda: datasets.Dataset.from_list(talks()).to_iterable_dataset(),
    "KeyDataset": lambda: KeyDataset(datasets.Dataset.from_list(talks()), "utterances"),
    "torch Dataset": TorchDataset,
    "torch IterableDataset": TorchIterable,
    "generator": lambda: (talk for talk in talks()),
    "iterator": lambda: iter(talks()),
    "map": lambda: map(lambda talk: talk["utterances"], talks()),
}


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_gives_an_iterator_with_the_results_of_the_list(recognizer, name, batch_size):
    results = recognizer(STREAMS[name](), batch_size=batch_size)
    assert iter(results) is results
    assert_same(list(results), recognizer(talks()))


def test_dataset_columns_of_structs_are_read_in_either_form(recognizer):
    """`datasets` returns a list of structs as a list of dicts, and columns of lists as a dict of lists."""
    columns = [
        {"utterances": {key: [utterance[key] for utterance in talk["utterances"]] for key in ("speaker", "text")}}
        for talk in talks()
    ]
    assert_same(list(recognizer(datasets.Dataset.from_list(columns))), recognizer(talks()))


def test_a_generator_is_read_no_further_than_its_results_are_asked_for(recognizer):
    read = []

    def endless():
        while True:
            read.append(len(read))
            yield talks()[len(read) % 5]

    results = recognizer(endless(), batch_size=2)
    assert read == []
    next(results)
    assert len(read) <= 4  # one batch, and one that is read ahead
    for _ in range(5):
        next(results)
    assert len(read) <= 8


def test_worker_processes_change_nothing(recognizer):
    expected = recognizer(talks())
    assert_same(recognizer(talks(), num_workers=1), expected)
    assert_same(list(recognizer(datasets.Dataset.from_list(talks()), num_workers=2, batch_size=2)), expected)


@pytest.mark.parametrize("mapping", [UserDict, OrderedDict, MappingProxyType])
@pytest.mark.parametrize("sequence", [UserList, deque, tuple])
def test_any_mapping_and_any_sequence_is_a_conversation(recognizer, mapping, sequence):
    [_, _, talk, *_] = talks()
    utterances = sequence([mapping(utterance) for utterance in talk["utterances"]])
    expected = recognizer(talk)
    assert_same([recognizer(utterances)], [expected])
    assert_same([recognizer(mapping({"utterances": utterances}))], [expected])
    assert_same(recognizer(sequence([utterances, utterances])), [expected, expected])


@pytest.mark.parametrize("top_k", [1, 2, 3, 7])
def test_top_k_keeps_the_highest_scores_in_their_order(recognizer, top_k):
    talk = talks()[2]
    for whole, short in zip(recognizer(talk), recognizer(talk, top_k=top_k), strict=True):
        assert list(short["scores"].items()) == sorted(whole["scores"].items(), key=lambda s: -s[1])[:top_k]
        assert (short["emotion"], short["confidence"]) == (whole["emotion"], whole["confidence"])
        assert next(iter(short["scores"])) == short["emotion"]
        for modality, said in short["modalities"].items():
            assert len(said["scores"]) == min(top_k, 3) and said["emotion"] == whole["modalities"][modality]["emotion"]


def test_top_k_and_batch_size_can_be_settings_of_the_pipeline(recognizer):
    settled = pipeline(
        "emotion-recognition",
        model=recognizer.model,
        processor=recognizer.processor,
        **{"top_k": 1, "batch_size": 3, "num_workers": 1, "device": "cpu"},
    )
    assert all(len(utterance["scores"]) == 1 for talk in settled(talks()) for utterance in talk)


@pytest.mark.parametrize("top_k", [0, -1, 1.5, True, "2"])
def test_a_top_k_that_is_no_number_of_emotions_is_refused(recognizer, top_k):
    with pytest.raises(ValueError, match="top_k must be a whole number of at least 1"):
        recognizer(talks()[0], top_k=top_k)


def test_what_is_wrong_in_a_stream_is_said_with_its_number(recognizer):
    bad = [*talks(3), {"utterances": [{"text": "who says this?"}]}]
    results = recognizer((talk for talk in bad), batch_size=1)
    good = [next(results) for _ in range(2)]
    assert len(good) == 2
    with pytest.raises(ValueError, match=r"Item 3 of the data: Utterance 0 of conversation 0 has no 'speaker'"):
        list(results)
    with pytest.raises(ValueError, match="Item 0 of the data holds 2 conversations"):
        list(recognizer(iter([talks(2)])))
    with pytest.raises(ValueError, match="has the splits train, test: give one of them"):
        recognizer(datasets.DatasetDict({"train": datasets.Dataset.from_list(talks()), "test": STREAMS["Dataset"]()}))
    with pytest.raises(ValueError, match="One transcript is given for a data set"):
        recognizer(STREAMS["Dataset"](), transcript="talk.srt")
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        recognizer(talks(), batch_size=-1)
    with pytest.raises(ValueError, match="lists of equal length for the keys speaker, text"):
        recognizer({"utterances": {"speaker": ["A", "B"], "text": ["only one"]}})


def test_nothing_in_nothing_out(recognizer):
    assert list(recognizer(iter([]))) == list(recognizer(datasets.Dataset.from_list(talks()).select([]))) == []


def test_files_in_a_stream_are_read(recognizer, tmp_path):
    for number, talk in enumerate(talks(3)):
        lines = "".join(f"{utterance['speaker']}: {utterance['text']}\n" for utterance in talk["utterances"])
        (tmp_path / f"{number}.txt").write_text(lines, encoding="utf-8")
    paths = sorted(tmp_path.iterdir())
    listed = recognizer(paths)
    assert_same(list(recognizer(path for path in paths)), listed)
    assert_same(
        list(recognizer(KeyDataset(datasets.Dataset.from_list([{"file": str(p)} for p in paths]), "file"))), listed
    )


def test_the_progress_of_a_data_set_is_reported(recognizer):
    reports = []
    list(recognizer(STREAMS["Dataset"](), batch_size=2, progress=lambda *report: reports.append(report)))
    assert reports == [("emotions", 0, 5), ("emotions", 2, 5), ("emotions", 4, 5), ("emotions", 5, 5)]
