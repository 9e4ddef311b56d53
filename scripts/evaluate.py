# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Score a trained AMuSE on a split of a data set.

    amuse evaluate --model amuse-meld --dataset_name meld --data_dir MELD --split test --output results.json

Writes the scores as JSON and, in the same folder, plots of the confusion matrix and of the calibration. Utterances whose
speaker, and those whose text, does not occur in the training split are also scored separately. `--missing_rate`,
`--word_drop_rate` and `--feature_noise` measure how much the scores fall with missing modalities, dropped words and noise.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the scores, as in the file of `--output`."""
    [args] = read_options(arguments, EvaluationArguments, description=__doc__)
    from modeling_amuse.scripts.training.evaluation import evaluate

    return evaluate(args)
