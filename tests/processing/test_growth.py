"""Twice as much input takes about twice as many operations: lines of Python and comparisons of texts are counted."""

import csv
import io
import json
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from modeling_amuse import AmuseProcessor
from modeling_amuse.processing import plain_json
from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.corpora.conversation_folder import ConversationFolder, read_conversation_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.timelines import timeline_picture
from modeling_amuse.processing.timelines.report_data import ReportedRecording, describe_recording
from modeling_amuse.processing.timelines.timeline_files import as_table
from modeling_amuse.processing.timelines.timeline_tables import csv_text
from modeling_amuse.processing.transcripts import read_transcripts
from modeling_amuse.scripts.recognition.recognition import check_outputs
from modeling_amuse.scripts.recognition.recognition_arguments import RecognitionArguments
from modeling_amuse.scripts.recognition.transcript_matching import FolderTranscripts


class CountedText(str):
    """A text that counts how often it is compared, which built-in functions such as `list.count` do without any line."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        CountedText.compared += 1
        return str(self) == str(other)

    __hash__ = str.__hash__


SHARES = {"text": 0.6, "audio": 0.4}


def operations(run: Callable[[], object]) -> int:
    """How many lines of this package and its libraries are executed."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def assert_linear(make: Callable[[int], Callable[[], object]], number: int):
    """`make(n)` returns a function that works on n parts. The first call, of few, fills caches."""
    make(2)()
    once, twice, fourfold = (operations(make(factor * number)) for factor in (1, 2, 4))
    # of a fixed part and a linear one, the second doubling costs at most twice the first
    assert fourfold - twice <= 2.3 * max(twice - once, 100), (once, twice, fourfold)


def assert_few_comparisons(make: Callable[[int], Callable[[], object]], number: int):
    """`make(n)` returns a function that works on n [`CountedText`]."""
    counts = []
    for factor in (1, 2, 4):
        run, CountedText.compared = make(factor * number), 0
        run()
        counts.append(CountedText.compared)
    assert counts[2] - counts[1] <= 2.3 * max(counts[1] - counts[0], number), counts


def results(number: int, speakers: int = 2, text: str = "I see.") -> list[dict]:
    return [
        {
            "id": f"u{place}",
            "speaker": f"S{place % speakers}",
            "text": text,
            "start": float(place),
            "end": place + 0.9,
            "emotion": "joy",
            "confidence": 0.8,
            "scores": {"joy": 0.8, "anger": 0.2},
            "shares": SHARES,
        }
        for place in range(number)
    ]


@pytest.mark.parametrize("text", ["a", "字", "e\u0301", "\u200b", "word "])
def test_a_long_text_is_shortened_in_linear_time(text):
    assert_linear(lambda number: lambda: as_table(results(2, text=text * number), width=60), 2000)


@pytest.mark.parametrize("speakers", [2, 10**6])
def test_tables_of_many_utterances_and_speakers(speakers):
    assert_linear(lambda number: lambda: as_table(results(number, speakers)), 100)
    assert_linear(lambda number: lambda: csv_text(results(number, speakers)), 100)


def test_a_report_of_many_speakers():
    pytest.importorskip("jinja2")
    assert_linear(lambda number: lambda: describe_recording(ReportedRecording("talk", results(number, 10**6))), 100)


def test_lanes_of_many_speakers(monkeypatch):
    """Matplotlib is not counted: its part of a picture is drawn once for each lane."""

    class Axes:
        def __getattr__(self, name):
            return lambda *_, **__: self

        figure = property(lambda self: self)
        spines = property(lambda self: self)

        def get_figwidth(self):
            return 10

        def __getitem__(self, _):
            return self

    def lanes(number):
        found = results(number, 10**6)
        spans = [(result["start"], result["end"]) for result in found]
        names = [result["speaker"] for result in found]
        return lambda: timeline_picture._draw_lanes(Axes(), found, spans, names, {"joy": "#000000"})

    assert_linear(lanes, 100)


@pytest.mark.parametrize("speakers", [2, 10**6])
def test_a_batch_of_a_long_conversation(speakers):
    def batch(number):
        talk = [{"id": f"u{place}", "speaker": place % speakers, "audio_features": [1.0]} for place in range(number)]
        return lambda: AmuseProcessor()(check_conversations(talk))

    assert_linear(batch, 100)


LINES = {
    ".txt": "S{0}: So it is {0}.\n",
    ".srt": "{0}\n00:{1:02d}:{2:02d},000 --> 00:{1:02d}:{2:02d},900\nS{0}: So it is.\n\n",
    ".vtt": "00:{1:02d}:{2:02d}.000 --> 00:{1:02d}:{2:02d}.900\n<v S{0}>So it is.\n\n",
    ".rttm": "SPEAKER f 1 {0}.0 0.9 <NA> <NA> S{0} <NA> <NA>\n",
}


@pytest.mark.parametrize("suffix", [*LINES, ".json", ".csv"])
def test_a_long_transcript_of_many_speakers(tmp_path, suffix):
    def read(number):
        path = tmp_path / f"talk{number}{suffix}"
        rows = [{"speaker": f"S{n}", "text": "So it is.", "start": n, "end": n + 0.9} for n in range(number)]
        if suffix == ".json":
            text = json.dumps({"utterances": rows})
        elif suffix == ".csv":
            file = io.StringIO()
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            text = file.getvalue()
        else:
            text = ("WEBVTT\n\n" if suffix == ".vtt" else "") + "".join(
                LINES[suffix].format(n, n // 60, n % 60) for n in range(number)
            )
        path.write_text(text)
        return lambda: read_transcripts(path)

    assert_linear(read, 100)


@pytest.mark.parametrize("conversations", [1, 10**6])
def test_a_long_table_of_utterances(tmp_path, conversations):
    def read(number):
        path = tmp_path / f"talks{number}.csv"
        lines = [f"d{place % conversations},{place},S{place % 7},So it is.,joy" for place in range(number)]
        path.write_text("\n".join(["dialog_id,turn,speaker,text,emotion", *lines]))
        return lambda: read_conversation_file(path, DataOptions(), RecordingStore(str(tmp_path)))

    assert_linear(read, 200)


def test_folders_of_many_files(tmp_path):
    def listed(number):
        folder = tmp_path / f"folder{number}"
        folder.mkdir(exist_ok=True)
        suffixes = cycle((".wav", ".srt", ".json"))
        names = [f"talk{place // 3}{suffix}" for place, suffix in zip(range(number), suffixes, strict=False)]
        for name in names:
            (folder / name).touch()
        return lambda: [FolderTranscripts(lambda _: names)._matches(folder)]

    assert_linear(listed, 120)

    def shards(number):
        folder = tmp_path / f"shards{number}"
        folder.mkdir(exist_ok=True)
        for place in range(number):
            (folder / f"train-{place:05d}.jsonl").touch()
        return lambda: ConversationFolder.split_paths(folder)

    assert_linear(shards, 60)

    def arrays(number):
        folder = tmp_path / f"arrays{number}"
        folder.mkdir(exist_ok=True)
        for place in range(number):
            np.save(folder / f"u{place}.npy", np.zeros(2))
        return lambda: load_feature_tables(str(folder), ["train"])

    assert_linear(arrays, 30)


def test_names_of_many_inputs_keys_and_columns_are_compared_in_linear_time(tmp_path):
    class Input(type(Path())):
        @property
        def stem(self):
            return CountedText(super().stem)

    def outputs(number):
        args = RecognitionArguments(inputs=[], output=[str(tmp_path)], formats=["json"])
        inputs = [Input(f"talk{place}.wav") for place in range(number)]
        return lambda: check_outputs(args, inputs, {})

    assert_few_comparisons(outputs, 40)

    def pairs(number):
        names = [*range(number), number - 1]
        found = [(CountedText(name), 1) for name in names]

        def unique():
            with pytest.raises(ValueError, match=f"the key '{number - 1}' twice"):
                plain_json._unique(found)

        return unique

    assert_few_comparisons(pairs, 100)

    def columns(number):
        names = [CountedText(place) for place in range(number)]
        table = FeatureTable(["u0"], np.zeros((1, number), np.float32), np.ones(1, np.int64), columns=names)
        return lambda: table.order_columns([CountedText(place) for place in reversed(range(number))])

    assert_few_comparisons(columns, 100)
