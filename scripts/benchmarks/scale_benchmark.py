# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Time and memory for inputs that grow: longer conversations, more speakers, larger data sets, longer recordings.

The models have random weights and a very small text encoder, as the time of an encoder is linear anyway: what is measured is
everything around it.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import BertModel, pipeline
from transformers.utils import logging

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.hub_card.model_facts import model_facts
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.feature_extractors import extractor_record
from modeling_amuse.processing.prosody import PROSODY_FEATURES
from modeling_amuse.processing.recordings import conversations_of_file
from modeling_amuse.processing.timelines.report import write_report
from modeling_amuse.processing.timelines.report_data import ReportedRecording
from modeling_amuse.processing.timelines.timeline_files import write_timeline
from modeling_amuse.processing.timelines.timeline_picture import save_timeline
from modeling_amuse.processing.transcripts import read_transcript
from modeling_amuse.scripts.benchmarks.media_benchmark import (
    measured_memory,
    repeat_conversation,
    repeat_recording,
)
from modeling_amuse.scripts.benchmarks.page_benchmark import EXAMPLE

EMOTIONS = ("neutral", "joy", "anger")
SENTENCES = ("I am so happy for you", "leave me alone", "oh no what is that")
LARGEST_EXPONENT = 1.25
"""The time of a linear computation grows with a lower power of the size, also when it is measured with noise."""


@dataclass(frozen=True)
class Series:
    """
    Attributes:
        name: what is computed.
        unit: what the sizes count.
        sizes, full_sizes: the sizes, and those that are added with `--full`.
        prepare: makes the input of a size in a folder.
        compute: is measured; it is given the input.
    """

    name: str
    unit: str
    sizes: tuple[int, ...]
    full_sizes: tuple[int, ...]
    prepare: Callable
    compute: Callable


def benchmark_scale(full: bool = False) -> dict:
    """
    Compute each series of sizes.

    Returns:
        `series`: for each its `name`, `unit`, the `points` (`size`, `seconds` of CPU time and `megabytes`, the peak of the memory above that
        at the beginning, None on systems without /proc), and the `exponent` with which the time grows between the two largest
        sizes: 1 is linear.
    """
    logging.disable_progress_bar()
    found = []
    with tempfile.TemporaryDirectory() as home:
        recognizers = {name: random_recognizer(Path(home) / name, name) for name in ("text", "voice")}
        for series in all_series(recognizers):
            points = []
            sizes = series.sizes + (series.full_sizes if full else ())
            for size in (sizes[0], *sizes):  # the first time, libraries are loaded
                with tempfile.TemporaryDirectory(dir=home) as folder:
                    points.append(measured(series, size, Path(folder)))
            found.append({"name": series.name, "unit": series.unit, "points": points[1:], "exponent": exponent(points)})
            print(as_line(found[-1]), flush=True)
    return {"series": found}


def measured(series: Series, size: int, folder: Path) -> dict:
    """The CPU time, which other processes disturb little, and the memory of a size."""
    given = series.prepare(size, folder)
    begun = time.process_time()
    with measured_memory() as memory:
        series.compute(given, folder)
    return {"size": size, "seconds": time.process_time() - begun, "megabytes": memory.get("above")}


def exponent(points: list[dict]) -> float:
    """The power of the size with which the time grows between the two largest sizes."""
    first, last = points[-2:]
    return math.log(last["seconds"] / first["seconds"]) / math.log(last["size"] / first["size"])


def random_recognizer(folder: Path, reads: str):
    """A recognizer with random weights for words, and for `"voice"` also for prosody."""
    torch.manual_seed(0)
    config, tokenizer = small_text_encoder(list(SENTENCES), 60)
    config.update({"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "num_hidden_layers": 1})
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    size = len(PROSODY_FEATURES)
    voice = {"audio_feature_size": size} if reads == "voice" else {}
    names = dict(enumerate(EMOTIONS))
    model = AmuseForEmotionRecognition(
        AmuseConfig(
            text_config=config, hidden_size=16, id2label=names, label2id={n: i for i, n in names.items()}, **voice
        )
    )
    statistics = {"audio": {"mean": [0.0] * size, "std": [100.0] * size}} if voice else {}
    records = {"audio": extractor_record("prosody")} if voice else {}
    processor = AmuseProcessor(
        tokenizer, emotions=list(EMOTIONS), feature_statistics=statistics, feature_records=records
    )
    return pipeline("emotion-recognition", model=model.eval(), processor=processor, device="cpu")


def all_series(recognizers: dict) -> list[Series]:
    text, voice = recognizers["text"], recognizers["voice"]

    def recognized(size: int, folder: Path, speakers: int = 2):
        return text(talk(size, speakers))

    def write_all(timeline, folder: Path):
        for suffix in ("json", "csv", "srt"):
            write_timeline(timeline, folder / f"timeline.{suffix}")

    def write_html(timeline, folder: Path):
        write_report([ReportedRecording("Talk", timeline)], folder / "report.html", model_facts(text.model))

    counts, more = (10, 100, 1_000, 4_000), (10_000, 100_000)
    crowds, larger = (1, 10, 100, 400), (1_000, 5_000)
    return [
        Series("reading a transcript", "utterances", counts, more, write_srt, lambda path, _: read_transcript(path)),
        Series("loading a data set", "utterances", counts, more, write_corpus, load_corpus),
        Series("recognizing words", "utterances", counts, more, lambda n, _: talk(n, 2), lambda talk, _: text(talk)),
        Series(
            "recognizing words", "speakers", crowds, larger, lambda n, _: talk(2 * n, n), lambda talk, _: text(talk)
        ),
        Series("writing JSON, CSV and SRT", "utterances", counts, more, recognized, write_all),
        Series("writing a report", "utterances", counts, more, recognized, write_html),
        Series("writing a report", "speakers", crowds, larger, lambda n, f: recognized(2 * n, f, n), write_html),
        Series(
            *("drawing a timeline", "speakers", crowds, larger, lambda n, f: recognized(2 * n, f, n)),
            lambda timeline, folder: save_timeline(timeline, folder / "timeline.png"),
        ),
        Series(
            *("recognizing words and voice", "seconds", (30, 60, 120, 240), (3_600, 36_000), write_recording),
            lambda files, _: voice(str(files[0]), transcript=str(files[1])),
        ),
    ]


def talk(number: int, speakers: int) -> list[dict]:
    """A conversation of a number of utterances, in which the speakers take turns."""
    return [
        {
            "speaker": f"Speaker {n % speakers}",
            "text": SENTENCES[n % len(SENTENCES)],
            "start": 2.0 * n,
            "end": 2.0 * n + 1.5,
            "id": str(n),
        }
        for n in range(number)
    ]


def write_srt(number: int, folder: Path) -> Path:
    def clock(seconds: float) -> str:
        minutes, rest = divmod(seconds, 60)
        return f"{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{int(rest):02d},{round(rest % 1 * 1000):03d}"

    cues = [
        f"{n}\n{clock(u['start'])} --> {clock(u['end'])}\n{u['speaker']}: {u['text']}\n"
        for n, u in enumerate(talk(number, 2), start=1)
    ]
    path = folder / "talk.srt"
    path.write_text("\n".join(cues), encoding="utf-8")
    return path


def write_corpus(number: int, folder: Path) -> Path:
    """A folder of conversations of ten utterances each."""
    said = [{"speaker": u["speaker"], "text": u["text"], "emotion": "joy"} for u in talk(number, 2)]
    rows = [{"id": str(n), "utterances": said[n : n + 10]} for n in range(0, number, 10)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def load_corpus(data: Path, folder: Path):
    data = load_conversations("folder", str(data), cache_dir=str(folder / "cache"), splits=("train",))
    return sum(len(row["utterances"]) for row in data.splits["train"])


def write_recording(seconds: int, folder: Path) -> tuple[Path, Path]:
    """The page's example, repeated, and its transcript."""
    [conversation] = conversations_of_file(EXAMPLE / "talk.mp4", str(EXAMPLE / "talk.json"))
    path, transcript = folder / "talk.mp4", folder / "talk.json"
    period = repeat_recording(EXAMPLE / "talk.mp4", path, seconds)
    repeated = repeat_conversation(conversation, period, seconds)
    transcript.write_text(json.dumps(repeated, allow_nan=False), encoding="utf-8")
    return path, transcript


def as_line(series: dict) -> str:
    """A text with a line for each size of a series."""
    verdict = "linear" if series["exponent"] <= LARGEST_EXPONENT else "MORE THAN LINEAR"
    lines = [f"{series['name']}, by {series['unit']}: time grows with the power {series['exponent']:.2f}, {verdict}"]
    for point in series["points"]:
        memory = "" if point["megabytes"] is None else f"  {point['megabytes']:8.1f} MB"
        lines.append(f"  {point['size']:7,}  {point['seconds']:9.3f} s{memory}")
    return "\n".join(lines)


def as_text(report: dict) -> str:
    """The number of series that are linear; their lines were printed as they were computed."""
    linear = sum(series["exponent"] <= LARGEST_EXPONENT for series in report["series"])
    return f"{linear} of {len(report['series'])} series are linear."
