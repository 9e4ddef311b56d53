# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Compute the features of a corpus's recordings once, for training and evaluation.

    amuse extract --dataset_name folder --data_dir FOLDER --extractors prosody faces --output_dir features
    amuse train --dataset_name folder --data_dir FOLDER --audio_features features/prosody \\
        --vision_features features/faces --output_dir amuse-mine

Writes a folder for each extractor with a Parquet file for each split. An interrupted run continues where it stopped. One
process uses the cores of one machine to read several recordings at a time, and one GPU for an encoder. With
`accelerate launch --config_file scripts/accelerate/multi_gpu.yaml --num_processes 4`, four such processes share the
recordings; they may run on several machines that have the same folders.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.extraction.extraction_arguments import ExtractionArguments


def main(arguments: list[str] | None = None):
    [args] = read_options(arguments, ExtractionArguments, description=__doc__)
    from modeling_amuse.scripts.extraction.extraction import extract_corpus

    extract_corpus(args)
