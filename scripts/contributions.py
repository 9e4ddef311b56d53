# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Check the contributions of a model's experts: whether they vary, and whether removing a modality that contributed much hurts.

    amuse contributions --model amuse-meld --dataset_name meld --data_dir MELD --audio_features PRAAT
    amuse contributions --cross_validation amuse-folds

For each modality it prints the mean and the standard deviation of its contribution to the score of the recognized emotion,
over the utterances of the split that have the modality. It also prints the Pearson correlation of this contribution with
the drop of the emotion's log-probability when the modality is removed from the input.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.training.evaluation_arguments import ContributionArguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the numbers of each modality."""
    [args] = read_options(arguments, ContributionArguments, description=__doc__)
    from modeling_amuse.scripts.training.contributions import contributions

    return contributions(args)
