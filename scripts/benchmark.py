# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Measure the time and memory of recognition and training, and the error of speaker diarization.

    python scripts/benchmark.py media --model amuse-sample --hours 2
    python scripts/benchmark.py media --model amuse-sample --recording talk.mp4 --transcript talk.srt --output benchmark.json
    python scripts/benchmark.py media --model amuse-sample --hours 0.1 --against COMMIT
    python scripts/benchmark.py step
    python scripts/benchmark.py step --against COMMIT --repeats 3 --steps 2
    python scripts/benchmark.py speakers --data_dir emodb
    python scripts/benchmark.py explain --text_model sentence-transformers/all-MiniLM-L6-v2
    python scripts/benchmark.py window --data_dir emodb --audio_model openai/whisper-base
    python scripts/benchmark.py page --model amuse-sample
    python scripts/benchmark.py scale

`media`: the time of each stage of recognizing a long recording, and the peak memory. The recording is a repeated short one.
Without --recording, it is a conversation of the controlled corpus, rendered as 720p video with 25 frames per second and
camera noise. With --against COMMIT, time and memory relative to those of the commit's code.
`step`: the time of a training step with one thread, with two, and with the default, on an idle machine and beside a
process that computes on the same cores. With --against COMMIT, the time of a step of this code relative to the commit's.
`speakers`: the diarization error rate on synthetic talks made of Emo-DB's utterances, by mood, number of people and
channels, with and without giving the number of speakers.
`explain`: the time of explaining the emotions of a meeting, by part.
`window`: the time of an audio encoder with its full window (Whisper's 30 seconds), and with the window cut to each sound.
`page`: how the page of a model answers many requests of all kinds at once, how much memory they add, what stays in its
folder, and how long a short request waits beside a long one.
`scale`: the time and the memory for longer and longer conversations, more speakers, and longer recordings.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.processing.whole_files import check_output
from modeling_amuse.scripts.benchmarks.benchmark_arguments import (
    ExplainArguments,
    MediaArguments,
    PageLoadArguments,
    ScaleArguments,
    SpeakersArguments,
    StepArguments,
    WindowArguments,
)
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.command.options import OptionParser
from modeling_amuse.scripts.command.process import prepare_process


def main(arguments: list[str] | None = None) -> dict:
    """Returns the report."""
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        helps = ", ".join(f"benchmark.py {benchmark} --help" for benchmark in SUBCOMMANDS)
        print(f"{__doc__.strip()}\n\nThe options: {helps}")
        return {}
    if name not in SUBCOMMANDS:
        raise WrongArguments(f"there is no benchmark {name!r}: choose from {', '.join(SUBCOMMANDS)}.")
    options, run = SUBCOMMANDS[name]
    [args] = OptionParser(options, description=__doc__, prog=f"benchmark.py {name}").read(rest)
    check_output(args.output)
    report, text = run(args)
    print(text)
    if args.output is not None:
        from modeling_amuse.processing.json_files import write_json

        output = Path(args.output)
        write_json(report, output)
        print(f"\nWritten to {output}")
    return report


def media(args: MediaArguments) -> tuple[dict, str]:
    """The report of `benchmark_media`, and its table."""
    if (args.recording is None) != (args.transcript is None):
        raise WrongArguments("--recording and --transcript belong together: give both or neither.")
    if args.against is not None:
        return media_comparison(args)
    prepare_process()
    from modeling_amuse.scripts.benchmarks.media_benchmark import as_text, benchmark_media

    report = benchmark_media(args.model, args.hours * 3600, args.recording, args.transcript, args.speech_model)
    return report, as_text(report)


def media_comparison(args: MediaArguments) -> tuple[dict, str]:
    """The report of `compare_media`, and its table. Without a recording, one is rendered for both."""
    import tempfile

    from modeling_amuse.scripts.benchmarks.media_comparison import as_text, compare_media
    from modeling_amuse.scripts.benchmarks.step_comparison import tree_of

    # an unknown commit is refused before a recording is rendered
    with tree_of(args.against) as other, tempfile.TemporaryDirectory() as folder:
        recording, transcript = args.recording, args.transcript
        if recording is None:
            prepare_process()
            from modeling_amuse.processing.json_files import write_json
            from modeling_amuse.scripts.benchmarks.media_benchmark import render_recording

            path, conversation = render_recording(Path(folder))
            recording, transcript = str(path), str(path.with_suffix(".json"))
            write_json(conversation, Path(transcript))
        given = (args.model, args.hours, recording, transcript, args.speech_model)
        report = compare_media(args.against, other, args.repeats, *given)
    return report, as_text(report)


def step(args: StepArguments) -> tuple[dict, str]:
    """The report of `benchmark_step`, and its table."""
    if args.against is not None:
        from modeling_amuse.scripts.benchmarks import step_comparison

        report = step_comparison.compare_steps(args.against, args.repeats, args.steps, args.device)
        return report, step_comparison.as_text(report)
    from modeling_amuse.scripts.benchmarks.step_benchmark import as_text, benchmark_step

    report = benchmark_step(args.repeats, args.steps)
    return report, as_text(report)


def speakers(args: SpeakersArguments) -> tuple[dict, str]:
    """The report of `benchmark_speakers`, and its table."""
    prepare_process()
    from modeling_amuse.scripts.benchmarks.speakers_benchmark import as_text, benchmark_speakers

    report = benchmark_speakers(args.data_dir, args.speakers, args.talks, args.seed)
    return report, as_text(report)


def window(args: WindowArguments) -> tuple[dict, str]:
    """The report of `benchmark_window`, in words."""
    prepare_process(args.num_threads)
    from modeling_amuse.scripts.benchmarks.window_benchmark import as_text, benchmark_window

    report = benchmark_window(args.audio_model, args.data_dir, args.sounds)
    return report, as_text(report)


def page(args: PageLoadArguments) -> tuple[dict, str]:
    """The report of `benchmark_page`, in words."""
    prepare_process()
    from modeling_amuse.scripts.benchmarks.page_benchmark import as_text, benchmark_page

    report = benchmark_page(args.model, args.requests, args.visitors, args.long_seconds)
    return report, as_text(report)


def scale(args: ScaleArguments) -> tuple[dict, str]:
    """The report of `benchmark_scale`, and its table."""
    prepare_process()
    from modeling_amuse.scripts.benchmarks.scale_benchmark import as_text, benchmark_scale

    report = benchmark_scale(args.full)
    return report, as_text(report)


def explain(args: ExplainArguments) -> tuple[dict, str]:
    """The report of `benchmark_explanations`, and its table."""
    prepare_process()
    from modeling_amuse.scripts.benchmarks.explanation_benchmark import as_text, benchmark_explanations

    report = benchmark_explanations(args.model, args.utterances, args.words, args.text_model, args.text_scope)
    return report, as_text(report)


SUBCOMMANDS = {
    "media": (MediaArguments, media),
    "step": (StepArguments, step),
    "speakers": (SpeakersArguments, speakers),
    "explain": (ExplainArguments, explain),
    "window": (WindowArguments, window),
    "page": (PageLoadArguments, page),
    "scale": (ScaleArguments, scale),
}
"""The options and the function of each benchmark."""
