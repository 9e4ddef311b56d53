# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Distillation of several models into one of the same size (Hinton et al. 2015, arXiv 1503.02531).

The teachers are trained in the folds of a cross-validation, with several seeds: each training utterance has the mean of the
probabilities that they predict for it, none of which was trained on it. (What a model predicts for its own training data is
near the labels, and teaches nothing.) The student learns these probabilities beside the labels.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from modeling_amuse.processing.corpora.soft_labels import ID_COLUMN
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.cross_validation import cross_validate
from modeling_amuse.scripts.training.training_arguments import (
    DataArguments,
    DistillationArguments,
    FoldArguments,
    ModelArguments,
    TrainArguments,
)
from modeling_amuse.scripts.training.training_record import TrainingRecord
from modeling_amuse.scripts.training.training_run import train

TABLE = "teacher.parquet"


def distil(
    given: DistillationArguments, data_args: DataArguments, model_args: ModelArguments, args: TrainArguments
) -> TrainingRecord:
    """
    Train the teachers, write what they predict, and train the student. What is finished is not repeated.

    Args:
        given: folds and seeds of the teachers.
        data_args, model_args, args: as train.py takes them; the teachers are trained with the same.

    Returns:
        The record of the student's training.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when options do not fit each other, or the data.
    """
    output_dir = Path(args.output_dir)
    if len(set(given.teacher_seeds)) < len(given.teacher_seeds):
        raise ValueError(f"--teacher_seeds names a seed twice: {', '.join(map(str, given.teacher_seeds))}.")
    frames = []
    for seed in given.teacher_seeds:
        folder = output_dir / "teachers" / f"seed-{seed}"
        folds = FoldArguments(given.num_folds, groups=given.groups, group_column=given.group_column)
        cross_validate(folds, data_args, model_args, replace(args, seed=seed, output_dir=str(folder)))
        parts = [folder / f"fold-{fold}" / "test_predictions.parquet" for fold in range(1, given.num_folds + 1)]
        frames.append(pd.concat(map(pd.read_parquet, parts), ignore_index=True))
    path = output_dir / TABLE
    with whole_file(path) as file:
        teacher_table(frames).to_parquet(file, index=False)
    print(f"\nWritten to {path}: what {len(frames)} teachers predict for utterances that they were not trained on")
    learned = replace(data_args, soft_labels=str(path), soft_labels_for="all")
    return train(learned, model_args, replace(args, output_dir=str(output_dir / "student")))


def teacher_table(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """
    A table of soft labels.

    Args:
        frames: what each teacher predicted, each utterance once, see `write_predictions`.

    Raises:
        ValueError: when an utterance was predicted more than once, or not by all teachers.
    """
    for frame in frames:
        twice = frame["utterance"][frame["utterance"].duplicated()]
        if len(twice):
            raise ValueError(
                f"The utterance id {twice.iloc[0]!r} stands in the training split more than once: give each utterance its own."
            )
    mean = mean_prediction(frames)
    emotions = [name for name in mean if name.startswith("probability_")]
    names = {name: name.removeprefix("probability_") for name in emotions}
    return mean[["utterance", *emotions]].rename(columns={"utterance": ID_COLUMN, **names})


def mean_prediction(predictions: list[pd.DataFrame]) -> pd.DataFrame:
    """
    The mean of the probabilities of several models for the same utterances, and the emotion that it makes most probable.

    Raises:
        ValueError: when the models predicted other utterances or emotions.
    """
    first, *others = (frame.sort_values(["conversation", "utterance"], ignore_index=True) for frame in predictions)
    columns = [name for name in first if name.startswith("probability_")]
    for other in others:
        if not other[["conversation", "utterance"]].equals(first[["conversation", "utterance"]]) or any(
            name not in other for name in columns
        ):
            raise ValueError("The mean of models needs what all of them predict for the same utterances and emotions.")
    mean = np.mean([frame[columns].to_numpy() for frame in (first, *others)], axis=0)
    names = np.array([name.removeprefix("probability_") for name in columns])
    return first.assign(**dict(zip(columns, mean.T, strict=True)), prediction=names[mean.argmax(axis=1)])
