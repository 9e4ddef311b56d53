# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Render the controlled corpus as mp4 files: conversations whose emotions show in words, voice or face.

    python scripts/render_sample.py --output_dir amuse-sample-data
    python scripts/render_sample.py --output_dir amuse-sample-test --splits test --draws 1 2 3 4 5

The second command renders a larger test split: five further draws, which are as unseen by a model that was trained on the
first corpus as its own test split. The corpus contains no recordings of people: the voices are synthetic and the faces are drawn.
"""

import os
import runpy
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import OptionParser
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE, AT_LEAST_ZERO

SPLITS = ("train", "validation", "test")


@dataclass
class RenderArguments:
    """Options of the rendering."""

    output_dir: str = field(default="amuse-sample-data", metadata={"help": "Folder for conversations and media."})
    seed: int = field(default=0, metadata={"help": "Seed of emotions, evidence and words."})
    splits: list[str] = field(
        default_factory=lambda: list(SPLITS), metadata={"help": "Splits to render.", "choices": list(SPLITS)}
    )
    draws: list[int] = field(
        default_factory=lambda: [0],
        metadata={
            "help": "Numbers of draws. Each gives other emotions, words and people for all conversations.",
            "range": AT_LEAST_ZERO,
        },
    )
    num_processes: int = field(
        default=os.cpu_count() or 1,
        metadata={"help": "Number of conversations that are rendered at the same time.", "range": AT_LEAST_ONE},
    )


def main(arguments: list[str] | None = None):
    # transformers is not imported here, as its import in every process would take longer than rendering a conversation
    [args] = OptionParser(RenderArguments, description=__doc__).read(arguments)
    from modeling_amuse.processing.controlled.rendered_recording import render_corpus

    render_corpus(Path(args.output_dir), args.seed, args.num_processes, args.splits, sorted(set(args.draws)))
