# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Score a trained AMuSE on a split of a data set.

    python scripts/evaluate.py --model amuse-meld --dataset_name meld --data_dir MELD --split test --output results.json

Writes the scores as JSON and, beside it, pictures of the confusion matrix and of the calibration. Besides are scored the
utterances whose speaker, and those whose words, do not occur in the training split. `--missing_rate`, `--word_drop_rate`
and `--feature_noise` measure how much the model suffers when something is missing or disturbed.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_amuse.scripts.training.evaluation import evaluate
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments, parse_one


def main(arguments: list[str] | None = None) -> dict:
    """Returns the scores, as the file of `--output` has them."""
    return evaluate(parse_one(EvaluationArguments, arguments, __doc__))


if __name__ == "__main__":
    main()
