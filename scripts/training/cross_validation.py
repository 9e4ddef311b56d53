# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The body of `amuse cross-validate`: trains and scores a model in each fold, and writes the scores."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pandas as pd
from accelerate import PartialState

from modeling_amuse.processing.corpora.extra_corpora import RESERVED, load_extra_corpora
from modeling_amuse.processing.file_locks import only_writer
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training.default_text_model import choose_text_model
from modeling_amuse.scripts.training.distribution import runs_on_cpu
from modeling_amuse.scripts.training.evaluation import evaluate
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments, parse_one
from modeling_amuse.scripts.training.fold_data import (
    Fold,
    FoldData,
    all_folds,
    chosen_folds,
    load_fold_data,
    speakers_of,
)
from modeling_amuse.scripts.training.fold_files import (
    extra_data_of_folds,
    options_of_written,
    read_fold_soft_labels,
    write_conversations,
    write_soft_labels,
)
from modeling_amuse.scripts.training.fold_scores import describe, scores_of, summarize
from modeling_amuse.scripts.training.training_arguments import (
    DEFAULTS,
    FREE_ON_RESUME,
    DataArguments,
    FoldArguments,
    ModelArguments,
    TrainArguments,
    as_arguments,
    parse_arguments,
)
from modeling_amuse.scripts.training.training_run import train

# Only these options may change when a cross-validation is resumed. The contents of data and features are compared.
FREE = {"split", "folds", "groups", *FREE_ON_RESUME} - {"text_model"}

TrainFold = Callable[[DataArguments, ModelArguments, TrainArguments], object]
"""Trains the model of a fold, with the fold's own arguments."""

CONTENTS = "contents of"
"""Before the name of an option that is a path, in the settings: a hash of what it contains."""


def cross_validate(
    fold_args: FoldArguments,
    data_args: DataArguments,
    model_args: ModelArguments,
    args: TrainArguments,
    train_fold: TrainFold | None = None,
) -> dict:
    """
    Train and score a model in each fold, and write the scores. Finished folds are skipped.

    Args:
        fold_args: how the data are divided.
        data_args, model_args, args: the arguments of train.py.
        train_fold: trains the model of a fold; by default as train.py.

    Returns:
        The scores, as in the file of results in `--output_dir`.

    Raises:
        FileNotFoundError: when files are missing.
        OSError: when another cross-validation writes into the folder, or nothing can be written there.
        ValueError: when the data set already has splits or cannot be divided, or the folder holds another cross-validation.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError("A cross-validation runs in a single process: start it without accelerate launch.")
    if args.push_to_hub:
        raise WrongArguments(
            "--push_to_hub cannot be used in a cross-validation, which trains a model for each fold: leave it out."
        )
    with only_writer(Path(args.output_dir), "cross-validation"):
        return _cross_validate(fold_args, data_args, model_args, args, train_fold)


def _cross_validate(
    fold_args: FoldArguments,
    data_args: DataArguments,
    model_args: ModelArguments,
    args: TrainArguments,
    train_fold: TrainFold | None,
) -> dict:
    output_dir = Path(args.output_dir)
    choose_text_model(data_args, model_args, PartialState(cpu=runs_on_cpu(args)))
    options = {**asdict(data_args), **asdict(model_args), **asdict(args)}
    data = load_fold_data(fold_args, options)
    folds = all_folds(data, fold_args)
    chosen = chosen_folds(fold_args.folds, len(folds))
    by = fold_args.folds_by if fold_args.groups is None else fold_args.group_column
    soft_labels = data_args.soft_labels and read_fold_soft_labels(data_args.soft_labels, data, fold_args)
    settings = settings_of(data, fold_args, options)
    check_settings(output_dir / "settings.json", settings)
    tested = [c for number in chosen for split in RESERVED for c in folds[number - 1][split]]
    options["extra_data"] = extra_data_of_folds(options, output_dir / "extra_data", tested)

    start, results = time.perf_counter(), []
    for number in chosen:
        fold = folds[number - 1]
        about = describe_fold(fold, by)
        print(f"\nFold {number} of {len(folds)}: " + "; ".join(f"{split}: {who}" for split, who in about.items()))
        found = run_fold(output_dir / f"fold-{number}", fold, fold_args.split, options, data, soft_labels, train_fold)
        # written only after the first result, so that a run that fails early can be restarted with other settings
        write_json(settings, output_dir / "settings.json")
        scores = scores_of(np.array(found["confusion_matrix"]))
        speakers = {split: speakers_of(rows) for split, rows in fold.items()}
        kept = {"fold": number, **({"speakers": speakers} if by == "speaker" else {})}
        results.append({**kept, **scores, "confusion_matrix": found["confusion_matrix"]})
    summary = {
        "dataset_name": data_args.dataset_name,
        "split": fold_args.split,
        "folds_by": by,
        "seeds": [args.seed],
        "emotions": list(found["per_class"]),
        **summarize(results),
        "folds": results,
        "seconds": time.perf_counter() - start,
    }
    name = "results.json" if fold_args.split == "test" else "validation_results.json"
    part = "" if len(chosen) == len(folds) else f"folds-{'-'.join(map(str, chosen))}-"
    output = output_dir / f"{part}{name}"
    write_json(summary, output)
    print(f"\n{describe(summary)}\n\nWritten to {output}")
    return summary


def describe_fold(fold: Fold, by: str) -> dict[str, str]:
    """For each split a text with its speakers, or with its number of conversations."""
    if by == "speaker":
        return {split: ", ".join(speakers_of(rows)) for split, rows in fold.items()}
    return {split: f"{len(rows)} conversations" for split, rows in fold.items()}


def settings_of(data: FoldData, fold_args: FoldArguments, options: dict) -> dict:
    """The settings that must be the same when a cross-validation is resumed."""
    # options of folds that were added later are compared only if given, so that older results can be continued
    folds = {f.name: getattr(fold_args, f.name) for f in fields(FoldArguments)}
    folds = {
        name: value
        for name, value in folds.items()
        if name in ("num_folds", "split") or value != getattr(FoldArguments, name)
    }
    given = {**folds, **options, "data": data.digest}
    contents = {"soft_labels": _digest(options.get("soft_labels")), "groups": _digest(fold_args.groups)}
    if options.get("extra_data"):
        corpora = load_extra_corpora(options["extra_data"], options.get("cache_dir"))
        contents["extra_data"] = [corpus.digest() for corpus in corpora]
    # the options are paths, so their contents are compared
    return {
        **{name: value for name, value in given.items() if name not in FREE},
        **{f"{CONTENTS} {name}": value for name, value in {"extra_data": None, **contents}.items()},
    }


def _digest(path: str | None) -> str | None:
    """A hash of a file."""
    if path is None:
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_settings(path: Path, settings: dict):
    """
    Raises:
        ValueError: when the folder holds results of a run with other settings.
    """
    if not path.is_file():
        return
    # a setting that is missing has its default
    defaults = {f.name: f.default for f in fields(FoldArguments) if f.name not in FREE}
    kept, settings = {**DEFAULTS, **defaults, **read_json_object(path)}, {**defaults, **settings}
    differing = [name for name in settings if kept.get(name) != settings[name]]
    if differing:
        raise ValueError(
            f"{path.parent} holds a cross-validation with other settings: "
            + "; ".join(
                f"the {name} differ"
                if name.startswith(CONTENTS)
                else f"{name} was {kept.get(name)!r}, is {settings[name]!r}"
                for name in differing
            )
            + ". Continue with the former settings, or choose another --output_dir."
        )


def run_fold(
    folder: Path,
    fold: Fold,
    split: str,
    options: dict,
    data: FoldData,
    soft_labels: pd.DataFrame | None = None,
    train_fold: TrainFold | None = None,
) -> dict:
    """
    Train and score the model of a fold, or read the scores if the fold is finished.

    Args:
        folder: the folder of the fold.
        fold: the conversations of each split, see [`divide`].
        split: the split to score.
        options: the options of the training.
        data: the data of the cross-validation.
        soft_labels: the soft labels of all folds, see [`read_fold_soft_labels`].
        train_fold: trains the model of the fold; by default as train.py.

    Returns:
        The scores of [`evaluate`].
    """
    output = folder / f"{split}_results.json"
    if output.is_file():
        print(f"Already scored: {output}")
        return read_json_object(output)
    for name, conversations in fold.items():
        write_conversations(folder / "conversations" / f"{name}.jsonl", conversations)
    own = options_of_written(folder / "conversations") | data.write_features(folder / "features", fold)
    # a recipe is already part of the options; read again, it would set the data of the whole data set
    trained = {"output_dir": folder / "model", "resume_from_checkpoint": "latest", "recipe": None}
    if soft_labels is not None:
        trained["soft_labels"] = write_soft_labels(soft_labels, fold["train"], folder / "soft_labels.csv")
    (train_fold or train)(*parse_arguments(as_arguments({**options, **own, **trained})))
    shared = {f.name: options[f.name] for f in fields(EvaluationArguments) if f.name in options}
    scored = {"model": folder / "model", "split": split, "output": output, "pictures": False, "num_resamples": 0}
    scored["predictions"] = folder / f"{split}_predictions.parquet"
    return evaluate(parse_one(EvaluationArguments, as_arguments({**shared, **own, **scored})))
