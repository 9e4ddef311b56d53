# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The body of `amuse recognize`: finding input files, recognizing them, and printing and writing timelines."""

import importlib.util
import itertools
import sys
import traceback
from collections import Counter
from pathlib import Path

from tqdm.auto import tqdm
from transformers import pipeline
from transformers.utils import logging

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.explanation import check_target
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.known_voices import samples_in
from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES
from modeling_amuse.processing.timelines.stage_bars import StageBars
from modeling_amuse.processing.timelines.timeline_files import WRITERS, as_table, is_timeline, write_timeline
from modeling_amuse.processing.transcripts import READERS as TRANSCRIPT_READERS
from modeling_amuse.processing.transcripts import read_transcript
from modeling_amuse.processing.warning_messages import without_warnings
from modeling_amuse.processing.whole_files import check_folder
from modeling_amuse.scripts.command.errors import WrongArguments, is_of_user, one_line
from modeling_amuse.scripts.recognition.recognition_arguments import RecognitionArguments
from modeling_amuse.scripts.recognition.reporting import Report
from modeling_amuse.scripts.recognition.transcript_matching import FolderTranscripts
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub


def recognize_files(args: RecognitionArguments) -> int:
    """
    Recognize each file, print its timeline, and write the requested files. A file that cannot be read is reported on
    stderr, and the remaining files are still recognized.

    Returns:
        The exit status: 0, or 1 when a file could not be recognized.

    Raises:
        ValueError, FileNotFoundError: for contradicting options and missing files, before the model is loaded.
    """
    for option in ("transcript", "transcript_text"):
        path = getattr(args, option)
        if path is not None and not Path(path).is_file():
            raise FileNotFoundError(f"There is no file {path}: give an existing one as --{option}.")
    if args.known_speakers is not None:
        samples_in(Path(args.known_speakers))  # refused before the models are loaded
    folders = FolderTranscripts()
    inputs = files_of(args.inputs, folders)
    beside = {path: transcripts_beside(path, folders, args.language) for path in inputs}
    taken = check_outputs(args, inputs, beside)
    recognizer = load_recognizer(args.model or default_model())
    check_target(recognizer.model.config, args.target)
    if args.modalities and (lacking := set(args.modalities) - set(recognizer.model.config.modalities)):
        raise WrongArguments(
            f"--modalities {' '.join(sorted(lacking))}: the model reads only {', '.join(recognizer.model.config.modalities)}."
        )
    chosen = {path: args.transcript or next(iter(beside[path]), None) for path in inputs}
    speech_model = load_speech(args.speech_model, chosen, args.transcript_text)
    report = Report(args.report, args.pictures, recognizer, args.unclear_below) if args.report else None
    settings = {"unclear_below": args.unclear_below, **explanations(args)}

    status = 0
    # no progress bar for a single file
    for path in tqdm(inputs, desc="Recordings", unit="file", disable=len(inputs) == 1):
        try:
            transcript = None if chosen[path] is None else str(chosen[path])
            if transcript and not args.transcript:
                tqdm.write(f"Transcript of {path}: {_chosen(beside[path])}", file=sys.stderr)
            with StageBars() as bars:
                timelines = recognizer(
                    [str(path)],
                    transcript=transcript,
                    transcript_text=args.transcript_text,
                    speech_model=speech_model,
                    num_speakers=args.num_speakers,
                    language=args.language,
                    audio_track=args.audio_track,
                    speakers=args.speakers,
                    known_speakers=args.known_speakers,
                    progress=bars,
                    **settings,
                    **({"modalities": tuple(args.modalities)} if args.modalities else {}),
                )
            if len(timelines) > 1 and (args.picture or (args.output and not Path(args.output[0]).is_dir())):
                raise ValueError(
                    f"it contains {len(timelines)} conversations: give a folder as --output, for one file each."
                )
            for number, timeline in enumerate(timelines):
                name = path.stem if len(timelines) == 1 else f"{path.stem}-{number}"
                written = write_files(timeline, name, args, taken)
                if report is not None:
                    report.add(name, timeline, path)
                # last, as what is printed may be lost, but not the files
                if args.table:
                    tqdm.write(f"\n{name}\n{as_table(timeline)}")
                for output in written:
                    tqdm.write(f"Written to {output}")
        except Exception as error:
            status = complain(str(path), error, args.debug)
    if report is not None and report.recordings:
        report.write()
    return status


def explanations(args: RecognitionArguments) -> dict:
    """
    What the pipeline is asked for: explanations where they are wanted, and for a report, where they can be computed.

    Raises:
        WrongArguments: for a target without an explanation.
    """
    can = importlib.util.find_spec("captum") is not None
    if args.explain or (args.report and args.reasons and can):
        return {"explain": True, **({"target": args.target} if args.target else {})}
    if args.target:
        raise WrongArguments("--target names the emotion to explain, but nothing is explained: add --explain.")
    if args.report and args.reasons:
        tqdm.write("The report gives no reasons, because captum is not installed: pip install captum", file=sys.stderr)
    return {}


def default_model() -> str:
    """
    The model that `make meld` left in the current folder, else that of `make demo`, with a warning.

    Raises:
        FileNotFoundError: when there is none of them.
    """
    real, sample = Path("amuse-meld"), Path("amuse-sample")
    if (real / "config.json").is_file():
        return str(real)
    if not (sample / "config.json").is_file():
        raise FileNotFoundError(
            "There is no model here: train one on MELD with `make meld`, or name one with --model (its folder or Hub id)."
        )
    tqdm.write(
        "Warning: there is no amuse-meld here, so amuse-sample is used, which was trained only on synthetic data: its "
        "predictions for real conversations are meaningless. Train a real model with `make meld`, or name one with --model.",
        file=sys.stderr,
    )
    return str(sample)


def files_of(given: list[str], folders: FolderTranscripts | None = None) -> list[Path]:
    """
    The files to read: the given files, and in folders the recordings and the transcripts without a recording.

    Raises:
        FileNotFoundError: when a file or folder is missing, or a folder has neither recordings nor transcripts.
    """
    folders = FolderTranscripts() if folders is None else folders
    files = []
    for path in map(Path, given):
        if not path.exists():
            raise FileNotFoundError(f"There is no file or folder {path}.")
        if not path.is_dir():
            files.append(path)
            continue
        inside = folders.recordings(path) + folders.without_recording(path)
        if not inside:
            raise FileNotFoundError(
                f"{path} contains neither recordings ({', '.join(RECORDING_SUFFIXES)}) nor transcripts "
                f"({', '.join(TRANSCRIPT_READERS)})."
            )
        files += inside
    return files


def transcripts_beside(path: Path, folders: FolderTranscripts, language: str | None = None) -> list[Path]:
    """The transcripts that belong to a recording by their names, the best one first; none if `path` is a transcript."""
    return [] if path.suffix.lower() in TRANSCRIPT_READERS else folders.beside(path, language)


def _chosen(transcripts: list[Path]) -> str:
    """A text that names the first transcript, and those that are not used."""
    [first, *others] = transcripts
    return (
        f"{first} (not {', '.join(other.name for other in others)}; choose another with --transcript)"
        if others
        else str(first)
    )


def check_outputs(args: RecognitionArguments, inputs: list[Path], beside: dict[Path, list[Path]]) -> set[Path]:
    """
    Check the outputs before the work begins.

    Args:
        args: the options.
        inputs: the files to recognize.
        beside: the transcripts that belong to each input.

    Returns:
        The files that are read, which must not be overwritten.

    Raises:
        ValueError: when outputs and inputs contradict each other, or an output has an unknown format.
        FileNotFoundError: when the folder of an output does not exist.
    """
    outputs = [Path(output) for output in args.output or ()]
    into_folder = len(outputs) == 1 and (outputs[0].is_dir() or not outputs[0].suffix)
    if args.transcript and len(inputs) > 1:
        raise WrongArguments(
            "--transcript is for one recording, but several are given: give each transcript the name of its recording."
        )
    if len(inputs) > 1 and ((outputs and not into_folder) or args.picture):
        raise WrongArguments(
            "Several files are given: give a folder as --output, and the formats of the files in it as --formats."
        )
    if into_folder:
        outputs[0].mkdir(parents=True, exist_ok=True)
        twice = [stem for stem, count in Counter(path.stem for path in inputs).items() if count > 1]
        if twice:
            raise ValueError(
                f"Several files are named {min(twice)}, and their timelines would overwrite each other: rename one."
            )
        outputs = [outputs[0] / f"{path.stem}.{suffix}" for path in inputs for suffix in args.formats]
    else:
        for output in outputs:
            if output.suffix.lower() not in WRITERS:
                raise WrongArguments(f"--output {output}: give files ending in {', '.join(WRITERS)}, or one folder.")
    if args.formats != ["json"] and not into_folder:
        raise WrongArguments("--formats are those of the files in a folder: give a folder as --output.")
    if args.picture and Path(args.picture).suffix.lower() != ".png":
        raise WrongArguments(f"--picture {args.picture}: give a file ending in .png.")
    if args.report and Path(args.report).suffix.lower() not in (".html", ".htm"):
        raise WrongArguments(f"--report {args.report}: give a file ending in .html.")
    outputs += [Path(path) for path in (args.picture, args.report) if path]
    given = [*inputs, args.transcript, args.transcript_text, *itertools.chain(*beside.values())]
    read = {Path(path).resolve() for path in given if path is not None}
    for path in outputs:
        if not path.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into: create it first.")
        if path.resolve() in read:
            raise WrongArguments(f"{path} is an input, and would be overwritten: choose another --output.")
        if path.suffix.lower() == ".rttm" and path.is_file() and not is_timeline(path):
            raise WrongArguments(
                f"{path} is not a timeline that this command wrote, and would be overwritten: choose another --output."
            )
        if path.is_dir():
            raise WrongArguments(
                f"{path} is a folder, so that no file of this name can be written: choose another name."
            )
    for folder in dict.fromkeys(path.parent for path in outputs):
        check_folder(folder)
    if args.picture or "png" in args.formats:
        import_extra("matplotlib", "plots")
    return read


def load_recognizer(model: str):
    """Load the pipeline of a trained model."""
    logging.disable_progress_bar()
    return pipeline(
        "emotion-recognition",
        model=load_from_folder_or_hub(AmuseForEmotionRecognition, model),
        processor=load_from_folder_or_hub(AmuseProcessor, model),
    )


def load_speech(model: str | None, chosen: dict[Path, str | Path | None], transcript_text: str | None = None):
    """
    Load the speech recognizer once for all recordings, or None if all of them have transcripts with words.

    Args:
        model: the Hub id or the folder of a Whisper.
        chosen: the transcript of each input, None where it has none.
        transcript_text: the text of a transcript in RTTM.
    """
    if model is None or not any(_lacks_words(path, chosen[path], transcript_text) for path in chosen):
        return None
    from modeling_amuse.processing.speech_to_text import load_speech_model

    return load_speech_model(model)


def _lacks_words(path: Path, transcript: str | Path | None, transcript_text: str | None) -> bool:
    """Whether an input is a recording whose words are written down nowhere."""
    if path.suffix.lower() in TRANSCRIPT_READERS:
        return False
    if transcript is None:
        return True
    try:
        with without_warnings():
            utterances = read_transcript(transcript, transcript_text)["utterances"]
    except (ValueError, OSError, ImportError):
        return False  # it is read again with its recording, and the error is said there
    return not any(utterance.get("text") for utterance in utterances)


def write_files(timeline: list[dict], name: str, args: RecognitionArguments, taken: set[Path]) -> list[Path]:
    """
    Write the requested files of a recording.

    Args:
        timeline: the results of the pipeline.
        name: the name of the recording, which its files in a folder also have.
        args: the options.
        taken: the files that were read or written, to which those of this timeline are added.

    Returns:
        The files.

    Raises:
        ValueError: when a file would overwrite one of `taken`.
    """
    outputs = [Path(output) for output in args.output or ()]
    if len(outputs) == 1 and outputs[0].is_dir():
        outputs = [outputs[0] / f"{name}.{suffix}" for suffix in args.formats]
    pictures = [path for path in outputs if path.suffix.lower() == ".png"] + (
        [Path(args.picture)] if args.picture else []
    )
    for path in dict.fromkeys([*outputs, *pictures]):
        if path.resolve() in taken:
            raise ValueError(f"{path} belongs to another conversation, and is not overwritten: rename an input.")
        taken.add(path.resolve())
    for path in outputs:
        if path not in pictures:
            write_timeline(timeline, path, name, csv_bom=args.csv_bom, csv_raw=args.csv_raw)
    if pictures:
        from modeling_amuse.processing.timelines.timeline_picture import save_timeline  # imports datasets, pandas

        for path in pictures:
            save_timeline(timeline, path)
    return list(dict.fromkeys([*outputs, *pictures]))


def complain(path: str, error: Exception, debug: bool) -> int:
    """Report an error of one file: in one line, or with its traceback if it is a defect of this program."""
    if debug or not is_of_user(error):
        tqdm.write("".join(traceback.format_exception(error)), file=sys.stderr)
    tqdm.write(f"{path}: {one_line(error)}", file=sys.stderr)
    return 1
