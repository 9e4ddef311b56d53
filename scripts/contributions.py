# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Check the contributions of a model's experts: do they vary, and does the model miss a modality that contributed much?

    amuse contributions --model amuse-meld --dataset_name meld --data_dir MELD --audio_features PRAAT
    amuse contributions --cross_validation amuse-folds

For each modality it prints, over the utterances of the split that have it, the mean and the standard deviation of its
contribution to the score of the recognized emotion, and the correlation (Pearson's) of this contribution with the drop of
the emotion's log-probability when the modality is taken away from the model.
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
