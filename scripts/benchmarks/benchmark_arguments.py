# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `scripts/benchmark.py`."""

from dataclasses import dataclass, field

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE, AT_LEAST_ZERO, POSITIVE


@dataclass
class MediaArguments:
    """Options of the benchmark of recognition."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder or Hub id of the model."})
    recording: str | None = field(default=None, metadata={"help": "A recording.", "default": "one is rendered"})
    transcript: str | None = field(default=None, metadata={"help": "Transcript of the recording, with times."})
    hours: float = field(
        default=2.0, metadata={"help": "Duration in hours to which the recording is repeated.", "range": POSITIVE}
    )
    speech_model: str | None = field(
        default=None,
        metadata={"help": "Whisper model (Hub id or folder) that transcribes the recording instead of a transcript."},
    )
    against: str | None = field(
        default=None, metadata={"help": "Compare with the code of this commit, in alternating processes."}
    )
    repeats: int = field(
        default=3, metadata={"help": "Number of measurements of each code with --against.", "range": AT_LEAST_ONE}
    )
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})


@dataclass
class StepArguments:
    """Options of the benchmark of training steps."""

    repeats: int = field(
        default=5,
        metadata={"help": "Number of measurements of each setting, each in its own process.", "range": AT_LEAST_ONE},
    )
    steps: int = field(
        default=20, metadata={"help": "Number of training steps in a measurement.", "range": AT_LEAST_ONE}
    )
    against: str | None = field(
        default=None,
        metadata={"help": "Compare with the code of this commit instead of comparing numbers of threads."},
    )
    device: str = field(
        default="cpu", metadata={"help": "Device of the comparison with a commit.", "choices": ["cpu", "cuda"]}
    )
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})


@dataclass
class SpeakersArguments:
    """Options of the benchmark of diarization."""

    data_dir: str = field(metadata={"help": "Folder of Emo-DB, which contains wav/."})
    speakers: str = field(
        default="report",
        metadata={
            "help": "Speakers of the talks.",
            "choices": {
                "selection": "Emo-DB's speakers 03, 08, 09, 10 and 11, with whom settings were chosen",
                "report": "Emo-DB's speakers 12 to 16",
            },
        },
    )
    talks: int = field(default=10, metadata={"help": "Number of talks of each kind.", "range": AT_LEAST_ONE})
    seed: int = field(default=0, metadata={"help": "Seed of the first talk; the others have the following ones."})
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})


@dataclass
class WindowArguments:
    """Which encoder reads what."""

    data_dir: str = field(metadata={"help": "Folder with short recordings (.wav), such as Emo-DB."})
    audio_model: str = field(
        default="openai/whisper-base", metadata={"help": "Hub id or folder of an encoder with a fixed window."}
    )
    sounds: int = field(
        default=30, metadata={"help": "Recordings that are read, evenly spaced among all.", "range": AT_LEAST_ONE}
    )
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})


@dataclass
class PageLoadArguments:
    """Options of the benchmark of the page."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder or Hub id of the model."})
    requests: int = field(
        default=100, metadata={"help": "Number of requests of each of two batches.", "range": AT_LEAST_ONE}
    )
    visitors: int = field(
        default=8, metadata={"help": "Number of requests that are made at the same time.", "range": AT_LEAST_ONE}
    )
    long_seconds: float = field(
        default=600.0,
        metadata={
            "help": "Duration in seconds of the recording beside which short requests are made. 0: none are made.",
            "range": AT_LEAST_ZERO,
        },
    )
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})


@dataclass
class ScaleArguments:
    """Options of the benchmark of growing inputs."""

    full: bool = field(
        default=False,
        metadata={"help": "Up to 100,000 utterances, 5,000 speakers and a recording of ten hours; takes hours."},
    )
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})


@dataclass
class ExplainArguments:
    """Which model is explained, and how long the meeting is."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder or Hub id of the model."})
    text_model: str | None = field(
        default=None,
        metadata={
            "help": "Text encoder (Hub id or folder): in place of --model, a model with random weights of words, prosody and faces."
        },
    )
    text_scope: str = field(
        default="utterance",
        metadata={
            "help": "What that text encoder reads at once.",
            "choices": ["utterance", "neighbours", "conversation"],
        },
    )
    utterances: int = field(
        default=300, metadata={"help": "Utterances of the meeting; 300 are 20 minutes.", "range": AT_LEAST_ONE}
    )
    words: str = field(
        default="integrated_gradients",
        metadata={"help": "How words are explained.", "choices": ["integrated_gradients", "lime"]},
    )
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})
