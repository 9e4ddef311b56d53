# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Train and score AMuSE on a data set without official splits, by a cross-validation over its speakers.

    amuse extract --dataset_name emodb --data_dir EMODB --audio_model WHISPER --output_dir features
    amuse cross-validate --dataset_name emodb --data_dir EMODB --num_folds 5 --modalities audio \\
        --audio_features features/audio_model/train.parquet --audio_model WHISPER --output_dir cv --contexts none \\
        --learning_rate 1e-3 --num_train_epochs 25 --early_stopping_patience 25 --per_device_train_batch_size 16

The speakers are divided into parts. In each fold, one part is the test set, the next part the validation set on which the
epoch is chosen, and the others are the training set. All options of `amuse train` are accepted. Choose settings with
`--split validation` (these scores are slightly too high, as the epoch is chosen by them), then score the same models on the
test speakers once with `--split test`. An interrupted run continues where it stopped.

    amuse cross-validate --recipe meld --dataset_name meld --data_dir MELD --groups extras/train_votes.csv --num_folds 3 \\
        --text_model sentence-transformers/all-MiniLM-L6-v2 --output_dir cv-meld

With `--groups`, the training split of a data set with official splits is divided by scene, or by another column of a
table. The epochs are chosen on its validation split, and its test split is not opened.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.process import prepare_process
from modeling_amuse.scripts.training.training_arguments import FoldArguments, check_needs, parse_arguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the scores, as in the file of results."""
    options = parse_arguments(arguments, FoldArguments, description=__doc__)
    check_needs(arguments, *options[1:])
    prepare_process(options[-1].num_threads)
    from modeling_amuse.scripts.training.cross_validation import cross_validate

    return cross_validate(*options)
