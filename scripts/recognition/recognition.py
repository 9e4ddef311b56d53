# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Who feels what, when: the emotions of recordings, or of transcripts.

    python scripts/recognize.py talk.mp4 --transcript talk.srt --model amuse-sample
    python scripts/recognize.py talk.wav --speech_model openai/whisper-base --output talk.json talk.csv --picture talk.png
    python scripts/recognize.py recordings/ --output timelines --formats json srt

A folder stands for the recordings and transcripts in it. A recording takes the transcript of the same name beside it
(`talk.srt` for `talk.mp4`); without any, --speech_model writes one.
"""

import os
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch
from tqdm.auto import tqdm
from transformers import HfArgumentParser, pipeline
from transformers.utils import logging

import modeling_amuse  # noqa: F401  registers AMuSE with the Auto classes and the pipeline
from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES
from modeling_amuse.processing.timelines.stage_bars import StageBars
from modeling_amuse.processing.timelines.timeline_files import WRITERS, as_table, is_timeline, write_timeline
from modeling_amuse.processing.timelines.timeline_picture import save_timeline
from modeling_amuse.processing.transcripts import READERS as TRANSCRIPT_READERS
from modeling_amuse.scripts.training.prediction import load_from_folder_or_hub


@dataclass
class RecognitionArguments:
    """What is read, and what is written."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder or Hub id of the model."})
    transcript: str | None = field(default=None, metadata={"help": "Transcript of the one recording that is given."})
    transcript_text: str | None = field(
        default=None,
        metadata={"help": "For a transcript in RTTM, which has no words: a text file, a line for each turn."},
    )
    speech_model: str | None = field(
        default=None, metadata={"help": "Whisper (Hub id or folder) that writes transcripts where there are none."}
    )
    num_speakers: int | None = field(
        default=None,
        metadata={"help": "How many people speak, where --speech_model finds out who does. Default: guess."},
    )
    language: str | None = field(default=None, metadata={"help": "Language of the speech. Default: guess."})
    modalities: list[str] | None = field(default=None, metadata={"help": "Use only these of the model's modalities."})
    output: list[str] | None = field(
        default=None,
        metadata={"help": f"Files to write ({', '.join(WRITERS)}), or one folder for the files of all recordings."},
    )
    formats: list[str] = field(
        default_factory=lambda: ["json"],
        metadata={"help": "What is written into a folder.", "choices": [suffix[1:] for suffix in WRITERS] + ["png"]},
    )
    picture: str | None = field(default=None, metadata={"help": "PNG file for the picture of the timeline."})
    table: bool = field(default=True, metadata={"help": "Print the timeline."})
    debug: bool = field(default=False, metadata={"help": "Show where an error comes from."})


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 when something could not be read."""
    parser = HfArgumentParser(RecognitionArguments, description=__doc__)
    parser.add_argument("inputs", nargs="+", help="Recordings, transcripts, or folders of them.")
    args, given = parser.parse_args_into_dataclasses(arguments)
    try:
        inputs = files_of(given.inputs)
        beside = {path: transcript_beside(path) for path in inputs}
        taken = check_outputs(args, inputs, beside)
        recognizer = load_recognizer(args.model)
        speech_model = load_speech(args.speech_model, beside)
    except Exception as error:
        return complain("recognize.py", error, args.debug)

    status = 0
    # one file needs no bar
    for path in tqdm(inputs, desc="Recordings", unit="file", disable=len(inputs) == 1):
        try:
            transcript = args.transcript or beside[path]
            if transcript and not args.transcript:
                tqdm.write(f"Transcript of {path}: {transcript}", file=sys.stderr)
            with StageBars() as bars:
                timelines = recognizer(
                    [str(path)],
                    transcript=transcript,
                    transcript_text=args.transcript_text,
                    speech_model=speech_model,
                    num_speakers=args.num_speakers,
                    language=args.language,
                    progress=bars,
                    **({"modalities": tuple(args.modalities)} if args.modalities else {}),
                )
            if len(timelines) > 1 and (args.picture or (args.output and not Path(args.output[0]).is_dir())):
                raise ValueError(
                    f"it holds {len(timelines)} conversations: let --output name a folder for their files."
                )
            for number, timeline in enumerate(timelines):
                name = path.stem if len(timelines) == 1 else f"{path.stem}-{number}"
                show_and_write(timeline, name, args, taken)
        except Exception as error:
            status = complain(str(path), error, args.debug)
    return status


def files_of(given: list[str]) -> list[Path]:
    """
    The files to read: those given, and of folders the recordings, and the transcripts that no recording takes.

    Raises:
        FileNotFoundError: when a file or folder is missing, or a folder holds neither.
    """
    files = []
    for path in map(Path, given):
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {path}.")
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        recordings = [p for p in inside if p.suffix.lower() in RECORDING_SUFFIXES]
        taken = {p.stem for p in recordings}
        transcripts = [p for p in inside if p.suffix.lower() in TRANSCRIPT_READERS and p.stem not in taken]
        if not recordings + transcripts:
            raise FileNotFoundError(
                f"{path} holds neither recordings ({', '.join(RECORDING_SUFFIXES)}) nor transcripts "
                f"({', '.join(TRANSCRIPT_READERS)})."
            )
        files += recordings + transcripts
    return files


def check_outputs(args: RecognitionArguments, inputs: list[Path], beside: dict[Path, str | None]) -> set[Path]:
    """
    Said now, not after the work. `beside` has the transcript that lies beside each input.

    Returns:
        The files that are read, which nothing may be written over.

    Raises:
        ValueError: when outputs and inputs do not fit together, or an output has no known format.
        FileNotFoundError: when the folder of an output does not exist.
    """
    outputs = [Path(output) for output in args.output or ()]
    into_folder = len(outputs) == 1 and (outputs[0].is_dir() or not outputs[0].suffix)
    if args.transcript and len(inputs) > 1:
        raise ValueError("--transcript is that of one recording, but several are given: name each like its recording.")
    if len(inputs) > 1 and ((outputs and not into_folder) or args.picture):
        raise ValueError("Several files are given: let --output name a folder, and --formats what is written there.")
    if into_folder:
        outputs[0].mkdir(parents=True, exist_ok=True)
        stems = [path.stem for path in inputs]
        twice = {stem for stem in stems if stems.count(stem) > 1}
        if twice:
            raise ValueError(f"Several files are named {min(twice)}, and their timelines would overwrite each other.")
        outputs = [outputs[0] / f"{path.stem}.{suffix}" for path in inputs for suffix in args.formats]
    else:
        for output in outputs:
            if output.suffix.lower() not in WRITERS:
                raise ValueError(f"--output {output}: give a file ending in {', '.join(WRITERS)}, or one folder.")
    if args.picture and Path(args.picture).suffix.lower() != ".png":
        raise ValueError(f"--picture {args.picture}: give a file ending in .png.")
    outputs += [Path(args.picture)] if args.picture else []
    given = [*inputs, args.transcript, args.transcript_text, *beside.values()]
    read = {Path(path).resolve() for path in given if path is not None}
    for path in outputs:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into: make it first.")
        if path.resolve() in read:
            raise ValueError(f"{path} is read, and would be overwritten: choose another --output.")
    if args.picture or "png" in args.formats:
        import_extra("matplotlib", "plots")
    return read


def load_recognizer(model: str):
    """The pipeline of a trained model."""
    logging.disable_progress_bar()
    if hasattr(os, "sched_getaffinity"):
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    return pipeline(
        "emotion-recognition",
        model=load_from_folder_or_hub(AmuseForEmotionRecognition, model),
        processor=load_from_folder_or_hub(AmuseProcessor, model),
    )


def load_speech(model: str | None, beside: dict[Path, str | None]):
    """The speech recognizer, once for all recordings, if any of them has no transcript."""
    lacking = [path for path, t in beside.items() if path.suffix.lower() not in TRANSCRIPT_READERS and t is None]
    if model is None or not lacking:
        return None
    from modeling_amuse.processing.speech_to_text import load_speech_model

    return load_speech_model(model)


def transcript_beside(path: Path) -> str | None:
    """
    The transcript of a recording: the file of the same name with another suffix, subtitles first. RTTM has no words, and is
    asked for; a timeline that was written here is none.
    """
    if path.suffix.lower() in TRANSCRIPT_READERS:
        return None
    named_alike = [file for file in sorted(path.parent.iterdir()) if file.stem == path.stem and file.is_file()]
    for suffix in (".srt", ".vtt", ".csv", ".json", ".jsonl"):
        for file in named_alike:
            if file.suffix.lower() == suffix and not is_timeline(file):
                return str(file)
    return None


def show_and_write(timeline: list[dict], name: str, args: RecognitionArguments, taken: set[Path]):
    """
    Print the timeline of a recording, and write what was asked for.

    Args:
        taken: files that were read or written, to which those of this timeline are added.

    Raises:
        ValueError: when one of its files is among them.
    """
    if args.table:
        tqdm.write(f"\n{name}\n{as_table(timeline)}")
    outputs = [Path(output) for output in args.output or ()]
    if len(outputs) == 1 and outputs[0].is_dir():
        outputs = [outputs[0] / f"{name}.{suffix}" for suffix in args.formats]
    pictures = [path for path in outputs if path.suffix.lower() == ".png"] + (
        [Path(args.picture)] if args.picture else []
    )
    for path in dict.fromkeys([*outputs, *pictures]):
        if path.resolve() in taken:
            raise ValueError(f"{path} is the file of another conversation, and is not written over: rename an input.")
        taken.add(path.resolve())
    for path in outputs:
        if path not in pictures:
            write_timeline(timeline, path, name)
    for path in pictures:
        save_timeline(timeline, path)
    for path in dict.fromkeys([*outputs, *pictures]):
        tqdm.write(f"Written to {path}")


def complain(what: str, error: Exception, debug: bool) -> int:
    """Say what went wrong, in a line."""
    if debug:
        traceback.print_exception(error)
    expected = isinstance(error, (ValueError, OSError, ImportError))
    text = (
        str(error) if expected else f"{type(error).__name__}: {error} (a defect of this program; --debug shows where)"
    )
    tqdm.write(f"{what}: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
