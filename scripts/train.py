# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Train AMuSE on conversations.

    accelerate launch scripts/train.py --dataset_name sample --output_dir amuse-sample
    accelerate launch scripts/train.py --dataset_name meld --data_dir MELD --text_model sentence-transformers/all-MiniLM-L6-v2 \
        --freeze_text_model --output_dir amuse-meld

The epoch is chosen by the weighted F1 on the validation split. The output folder holds that epoch's model with its
configuration and processor, and the training's checkpoint: `--resume_from_checkpoint latest` goes on from it. With `--lora`
the text encoder is trained by adapters: the folder holds the merged model, and the adapter by itself in `adapter`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_amuse.scripts.training.training_arguments import parse_arguments
from modeling_amuse.scripts.training.training_record import TrainingRecord
from modeling_amuse.scripts.training.training_run import train


def main(arguments: list[str] | None = None) -> TrainingRecord:
    """Returns the record of the training, as `training_history.json` has it."""
    return train(*parse_arguments(arguments, description=__doc__))


if __name__ == "__main__":
    main()
