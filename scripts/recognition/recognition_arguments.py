# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `amuse recognize`."""

from dataclasses import dataclass, field

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE, PROBABILITY

FORMATS = ("json", "csv", "srt", "rttm", "xlsx", "textgrid", "eaf")
"""The suffixes of `WRITERS`, which cannot be imported here, as its file imports torch."""


@dataclass
class RecognitionArguments:
    """Options of the recognition."""

    inputs: list[str] = field(
        metadata={"help": "Recordings, transcripts, or folders that hold them.", "positional": True}
    )
    model: str | None = field(
        default=None,
        metadata={
            "help": "Folder or Hub id of the model.",
            "default": "the folder amuse-meld of `make meld` if it exists, else amuse-sample, with a warning",
        },
    )
    transcript: str | None = field(
        default=None,
        metadata={
            "help": "Transcript, if only one recording is given.",
            "default": "the file of the same name beside the recording",
        },
    )
    transcript_text: str | None = field(
        default=None,
        metadata={"help": "Text file with a line for each turn, for a transcript in RTTM, which has no text."},
    )
    speech_model: str | None = field(
        default=None,
        metadata={"help": "Whisper model (Hub id or folder) that transcribes recordings without a transcript."},
    )
    num_speakers: int | None = field(
        default=None,
        metadata={
            "help": "Number of speakers, for --speech_model.",
            "default": "estimated from the voices",
            "range": AT_LEAST_ONE,
        },
    )
    speakers: str | None = field(
        default=None,
        metadata={
            "help": "How speakers are distinguished, for --speech_model.",
            "choices": {
                "channels": "each channel of the recording is a speaker",
                "voices": "by their voices in the mix of all channels",
            },
            "default": "channels if they are well separated, else voices",
        },
    )
    known_speakers: str | None = field(
        default=None,
        metadata={
            "help": "Folder with a short recording of each speaker, named after the speaker (Ada.wav). Speakers with these "
            "voices get these names, for --speech_model."
        },
    )
    audio_track: int | None = field(
        default=None,
        metadata={"help": "Number of the audio track, from 1.", "default": "the loudest", "range": AT_LEAST_ONE},
    )
    language: str | None = field(
        default=None,
        metadata={"help": "Language of the speech, for --speech_model.", "default": "detected from the speech"},
    )
    modalities: list[str] | None = field(
        default=None,
        metadata={
            "help": "Modalities to use.",
            "default": "all that the model has",
            "choices": ["text", "audio", "vision"],
        },
    )
    explain: bool = field(
        default=False,
        metadata={
            "help": "Say what counted for each emotion: modalities, words, voice, face and other utterances (needs captum)."
        },
    )
    target: str | None = field(
        default=None,
        metadata={"help": "Emotion that --explain explains.", "default": "of each utterance the recognized one"},
    )
    unclear_below: float | None = field(
        default=None,
        metadata={
            "help": "Confidence, from 0 to 1, below which an utterance is called unclear; 0 calls none unclear.",
            "default": "the model's own, which was chosen on validation data",
            "range": PROBABILITY,
        },
    )
    output: list[str] | None = field(
        default=None,
        metadata={
            "help": f"Files to write ({', '.join('.' + suffix for suffix in FORMATS)}), or one folder for the files of all recordings."
        },
    )
    formats: list[str] = field(
        default_factory=lambda: ["json"],
        metadata={
            "help": "Formats of the files if --output is a folder.",
            "choices": [*FORMATS, "png"],
        },
    )
    csv_bom: bool = field(default=False, metadata={"help": "Begin CSV files with a byte order mark, for Excel."})
    csv_raw: bool = field(
        default=False,
        metadata={"help": "Do not put an apostrophe before CSV cells that spreadsheets would run as formulas."},
    )
    picture: str | None = field(default=None, metadata={"help": "PNG file for the picture of the timeline."})
    report: str | None = field(
        default=None,
        metadata={
            "help": "HTML file for a report that any browser opens: who and how long, a timeline, each utterance and why. Several "
            "inputs are compared in it."
        },
    )
    reasons: bool = field(
        default=True, metadata={"help": "Explain each emotion in the report, which takes longer than to recognize it."}
    )
    pictures: bool = field(
        default=True, metadata={"help": "Put the frames of a video that counted, small, into the report."}
    )
    table: bool = field(default=True, metadata={"help": "Print the timeline."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)
    debug: bool = field(default=False, metadata={"help": "Show the traceback of an error."})
