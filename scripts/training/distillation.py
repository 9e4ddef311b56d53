# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Distillation of several models into one of the same size (Hinton et al. 2015, arXiv 1503.02531).

The teachers are trained in the folds of a cross-validation with several seeds. The soft label of a training utterance is
the mean of the probabilities that the teachers predict which were not trained on it. (Predictions of a model for its own
training data are close to the labels and add little.) The student is trained on these soft labels and on the labels.
"""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from accelerate import PartialState

from modeling_amuse.processing.corpora.load_conversations import ConversationData, load_conversations
from modeling_amuse.processing.corpora.soft_labels import ID_COLUMN
from modeling_amuse.processing.evaluation.stored_predictions import PROBABILITY, read_predictions
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training.cross_validation import cross_validate
from modeling_amuse.scripts.training.default_text_model import choose_text_model
from modeling_amuse.scripts.training.distribution import runs_on_cpu
from modeling_amuse.scripts.training.fold_data import FoldData, emotions_of
from modeling_amuse.scripts.training.fold_files import (
    extra_data_of_folds,
    options_of_written,
    read_fold_soft_labels,
    write_conversations,
    write_soft_labels,
)
from modeling_amuse.scripts.training.training_arguments import (
    DataArguments,
    DistillationArguments,
    FoldArguments,
    ModelArguments,
    TrainArguments,
)
from modeling_amuse.scripts.training.training_data import drawn_conversations
from modeling_amuse.scripts.training.training_record import TrainingRecord
from modeling_amuse.scripts.training.training_run import train

TABLE = "teacher.parquet"


def distil(
    given: DistillationArguments, data_args: DataArguments, model_args: ModelArguments, args: TrainArguments
) -> TrainingRecord:
    """
    Train the teachers, write their predictions, and train the student. Finished steps are skipped.

    Args:
        given: folds and seeds of the teachers.
        data_args, model_args, args: the arguments of train.py, for the student and the teachers.

    Returns:
        The record of the student's training.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when options contradict each other, or do not match the data.
    """
    output_dir = Path(args.output_dir)
    learned = taught(given, data_args, model_args, args, output_dir)
    student = replace(args, output_dir=str(output_dir / "student"), resume_from_checkpoint="latest")
    return train(learned, model_args, student)


def taught(
    given: DistillationArguments,
    data_args: DataArguments,
    model_args: ModelArguments,
    args: TrainArguments,
    folder: Path,
) -> DataArguments:
    """
    Train the teachers in `folder`, and write their predictions there. Finished steps are skipped.

    Args:
        given, data_args, model_args, args: see [`distil`].
        folder: the folder for the teachers and their predictions.

    Returns:
        The data arguments of the student, with the teachers' predictions as soft labels.

    Raises:
        FileNotFoundError, ValueError: see [`distil`].
    """
    if len(set(given.teacher_seeds)) < len(given.teacher_seeds):
        raise WrongArguments(f"--teacher_seeds has a seed twice: {', '.join(map(str, given.teacher_seeds))}.")
    data = load_conversations(
        data_args.dataset_name, data_args.data_dir, data_args.cache_dir, ("train", "validation"), data_args.options()
    )
    of_teachers, model_of_teachers = data_args, replace(model_args)
    if data_args.train_fraction != 1:
        # chosen for the student's data: drawn conversations are a folder, which has another default
        choose_text_model(data_args, model_of_teachers, PartialState(cpu=runs_on_cpu(args)))
        of_teachers = drawn_data(data, data_args, args.seed, folder / "drawn")
    frames = []
    for seed in given.teacher_seeds:
        own = folder / "teachers" / f"seed-{seed}"
        folds = FoldArguments(given.num_folds, groups=given.groups, group_column=given.group_column)
        # copies, as a training chooses the text encoder in its arguments
        own_args = replace(of_teachers), replace(model_of_teachers), replace(args, seed=seed, output_dir=str(own))
        cross_validate(folds, *own_args)
        parts = [own / f"fold-{fold}" / "test_predictions.parquet" for fold in range(1, given.num_folds + 1)]
        frames.append(pd.concat(map(read_predictions, parts), ignore_index=True))
    path = folder / TABLE
    with whole_file(path) as file:
        teacher_table(frames, data.emotions).to_parquet(file, index=False)
    print(
        f"\nWritten to {path}: the mean predictions of {len(frames)} teachers for utterances they were not trained on"
    )
    if data_args.soft_labels:
        print(f"The teachers learned from {data_args.soft_labels}; the student learns from {path} in place of it.")
    return replace(data_args, soft_labels=str(path), soft_labels_for="all")


def drawn_data(data: ConversationData, data_args: DataArguments, seed: int, folder: Path) -> DataArguments:
    """
    Write the conversations that `--train_fraction` draws for the student, which are all that the teachers may learn from.

    Args:
        data: the training and validation split of the student.
        data_args: its data arguments.
        seed: its seed.
        folder: the folder for the conversations.

    Returns:
        The data arguments of the teachers.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when additional corpora overlap with the validation or the test split, or no drawn conversation shows an
            emotion that others show.
    """
    splits = {"train": [], **{split: rows.to_list() for split, rows in data.splits.items()}}
    own = {"extra_data": extra_data_of_folds(asdict(data_args), folder / "extra_data", [])}
    whole = FoldData(splits["train"], emotions=data.emotions)
    splits["train"] = [
        splits["train"][n] for n in drawn_conversations(len(splits["train"]), data_args.train_fraction, seed)
    ]
    lacking = emotions_of(whole.conversations) - emotions_of(splits["train"])
    if lacking:
        raise WrongArguments(
            f"--train_fraction {data_args.train_fraction} draws no training conversation that shows {', '.join(sorted(lacking))}, "
            "from which no teacher could learn it: give a larger share or another --seed."
        )
    for split, conversations in splits.items():
        write_conversations(folder / f"{split}.jsonl", conversations)
    if data_args.soft_labels:
        frame = read_fold_soft_labels(data_args.soft_labels, whole, FoldArguments())
        own["soft_labels"] = str(write_soft_labels(frame, splits["train"], folder / "soft_labels.csv"))
    return replace(data_args, **options_of_written(folder), train_fraction=1.0, **own)


def teacher_table(frames: list[pd.DataFrame], emotions: Iterable[str]) -> pd.DataFrame:
    """
    Make a table of soft labels.

    Args:
        frames: the predictions of each teacher for all utterances, see `write_predictions`.
        emotions: the emotions of the data set. One that the teachers do not know, as no training utterance shows it, has
            the probability 0.

    Raises:
        ValueError: when an utterance was predicted more than once, or not by all teachers.
    """
    for frame in frames:
        twice = frame["utterance"][frame["utterance"].duplicated()]
        if len(twice):
            raise ValueError(
                f"The utterance id {twice.iloc[0]!r} occurs more than once in the training split: give each utterance its own."
            )
    names = {f"{PROBABILITY}{emotion}": emotion for emotion in emotions}
    table = mean_prediction(frames).reindex(columns=["utterance", *names], fill_value=0.0)
    return table.rename(columns={"utterance": ID_COLUMN, **names})


def mean_prediction(predictions: list[pd.DataFrame]) -> pd.DataFrame:
    """
    The mean of the probabilities of several models for the same utterances, and its most probable emotion.

    Raises:
        ValueError: when the models predicted different utterances or emotions.
    """
    first, *others = (frame.sort_values(["conversation", "utterance"], ignore_index=True) for frame in predictions)
    columns = [name for name in first if name.startswith("probability_")]
    for other in others:
        if not other[["conversation", "utterance"]].equals(first[["conversation", "utterance"]]) or any(
            name not in other for name in columns
        ):
            raise ValueError("The predictions cannot be averaged, as they are for different utterances or emotions.")
    mean = np.mean([frame[columns].to_numpy() for frame in (first, *others)], axis=0)
    names = np.array([name.removeprefix("probability_") for name in columns])
    return first.assign(**dict(zip(columns, mean.T, strict=True)), prediction=names[mean.argmax(axis=1)])
