# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Convert the feature files of DialogueRNN, MM-DFN, SDT, MultiEMO and similar projects to feature tables.

    amuse convert IEMOCAP_features.pkl
    amuse convert IEMOCAP_features.pkl --parts 3=text 4=audio 5=vision --output_dir features
    amuse convert MELD_features.pkl --parts 3=text --dataset_name meld --output_dir features
    amuse train --dataset_name meld --text_features features/text --output_dir amuse-meld

These files are pickles, which can contain code: this command reads only arrays, lists, dicts, text and numbers, and
refuses files with anything else. If a file only numbers its conversations, they are matched to those of the data set by
their texts.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.extraction.conversion_arguments import ConversionArguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the files that were written, by modality."""
    [args] = read_options(arguments, ConversionArguments, description=__doc__)
    from modeling_amuse.processing.input_boundary import boundary
    from modeling_amuse.scripts.extraction.conversion import convert
    from modeling_amuse.scripts.extraction.feature_pickles import read_plain_pickle

    with boundary(
        args.input, "it does not hold features in a known layout: save them as a dict of arrays by utterance."
    ):
        return convert(read_plain_pickle(Path(args.input)), args)
