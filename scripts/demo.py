# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Try the whole package on a small corpus: render it, compute its features, train on it, and recognize a conversation. At the end
there is a report of that conversation, an HTML file.

    amuse demo
    amuse demo --data_dir amuse-sample-data --model amuse-sample --number 3

The corpus has synthetic voices and drawn faces. Finished steps are skipped, and an interrupted step continues: a second run
with `--number 3` only shows another conversation of the test split, which the model was not trained on.
"""

import os
import runpy
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts import extract_features, render_sample, train
from modeling_amuse.scripts.command.options import NUM_THREADS_HELP, OptionParser
from modeling_amuse.scripts.command.process import prepare_process
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE, AT_LEAST_ZERO


@dataclass
class DemoArguments:
    """Options of the demonstration."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder of the model that is trained."})
    data_dir: str = field(default="amuse-sample-data", metadata={"help": "Folder for the rendered corpus."})
    output_dir: str = field(default="amuse-sample-timeline", metadata={"help": "Folder for the timeline."})
    number: int = field(
        default=0, metadata={"help": "Number of the conversation of the test split to show.", "range": AT_LEAST_ZERO}
    )
    num_train_epochs: int = field(
        default=30, metadata={"help": "Largest number of epochs of the training.", "range": AT_LEAST_ONE}
    )
    num_processes: int = field(
        default=os.cpu_count() or 1,
        metadata={"help": "Number of recordings that are rendered and read at the same time.", "range": AT_LEAST_ONE},
    )
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status of the recognition."""
    [args] = OptionParser(DemoArguments, description=__doc__).read(arguments)
    cache = [] if args.cache_dir is None else ["--cache_dir", args.cache_dir]
    processes = ["--num_processes", str(args.num_processes)]
    data_dir, features = args.data_dir, str(Path(args.data_dir) / "features")
    render_sample.main(["--output_dir", data_dir, *processes])
    prepare_process(args.num_threads)
    data = ["--dataset_name", "folder", "--data_dir", data_dir, *cache]
    extract_features.main([*data, "--extractors", "prosody", "faces", "--output_dir", features, *processes])
    train.main(
        [
            *(*data, "--audio_features", str(Path(features) / "prosody")),
            *("--vision_features", str(Path(features) / "faces"), "--output_dir", args.model, "--preset", "small"),
            *("--modality_dropout", "0.1"),
            *("--num_train_epochs", str(args.num_train_epochs), "--early_stopping_patience", "12"),
            *("--learning_rate", "2e-3", "--per_device_train_batch_size", "4", "--resume_from_checkpoint", "latest"),
        ]
    )
    from modeling_amuse.scripts.recognition.demonstration import name_training_data, show_demonstration

    name_training_data(Path(args.model))
    return show_demonstration(Path(args.model), Path(data_dir), Path(args.output_dir), args.number, args.cache_dir)
