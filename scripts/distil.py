# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Train one model on the predictions of several models of the same size: distillation with out-of-fold teachers.

    amuse distil --recipe meld --dataset_name meld --data_dir MELD --text_model sentence-transformers/all-MiniLM-L6-v2 \
        --groups extras/train_votes.csv --num_folds 3 --teacher_seeds 42 43 44 --output_dir distilled

The training split is divided into folds by the groups of a table (scenes), see `amuse cross-validate --groups`. For each
fold and seed, a teacher is trained on the other folds and predicts this fold. The mean predictions of the teachers are
written to `teacher.parquet`. The model in `student` is trained on the whole training split with them as soft labels. All
options of `amuse train` are accepted and apply to teachers and student, except that --soft_labels is for the teachers
alone. An interrupted run continues where it stopped.
"""

import runpy
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.process import prepare_process
from modeling_amuse.scripts.training.training_arguments import DistillationArguments, check_needs, parse_arguments


def main(arguments: list[str] | None = None):
    """Returns the record of the student's training."""
    options = parse_arguments(arguments, DistillationArguments, description=__doc__)
    _, data_args, *others = options
    # the student always has soft labels: the predictions of the teachers
    check_needs(arguments, replace(data_args, soft_labels=data_args.soft_labels or "teachers"), *others)
    prepare_process(options[-1].num_threads)
    from modeling_amuse.scripts.training.distillation import distil

    return distil(*options)
