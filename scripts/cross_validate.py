# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Train and score AMuSE on a data set without official splits, by a cross-validation over its speakers.

    python scripts/extract_features.py --dataset_name emodb --data_dir EMODB --audio_model WHISPER --output_dir features
    python scripts/cross_validate.py --dataset_name emodb --data_dir EMODB --num_folds 5 --modalities audio \
        --audio_features features/audio_model/train.parquet --audio_model WHISPER --output_dir cv --contexts none \
        --learning_rate 1e-3 --num_train_epochs 25 --early_stopping_patience 25 --per_device_train_batch_size 16

In each fold, the speakers of one part are tested on, those of the next part choose the epoch, and those of all others are
trained on. Every option of train.py may be given. Choose settings with `--split validation` (its scores are a little high,
as they chose the epoch), and score the same trained models on the test speakers once, with `--split test`. A run that was
stopped goes on where it was.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_amuse.scripts.training.cross_validation import cross_validate
from modeling_amuse.scripts.training.training_arguments import FoldArguments, parse_arguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the scores, as the file of results has them."""
    return cross_validate(*parse_arguments(arguments, FoldArguments, description=__doc__))


if __name__ == "__main__":
    main()
