# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A cross-validation over the speakers of a data set without official splits, from its arguments to the written scores."""

import json
import os
import time
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from datasets import Dataset

from modeling_amuse.processing.conversation import STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset, load_stream_tables
from modeling_amuse.processing.corpora.load_conversations import ConversationData, load_conversations
from modeling_amuse.processing.evaluation.speaker_folds import speaker_folds
from modeling_amuse.scripts.training.evaluation import evaluate
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments, parse_one
from modeling_amuse.scripts.training.evaluation_output import write_json
from modeling_amuse.scripts.training.fold_scores import describe, scores_of, summarize
from modeling_amuse.scripts.training.training_arguments import (
    FREE_ON_RESUME,
    DataArguments,
    FoldArguments,
    ModelArguments,
    TrainArguments,
    as_arguments,
    parse_arguments,
)
from modeling_amuse.scripts.training.training_run import train

# A resumed cross-validation may differ from the stopped one in these alone. What data and features hold is compared.
FREE = {"split", *FREE_ON_RESUME} - {"text_model"}


def cross_validate(
    fold_args: FoldArguments, data_args: DataArguments, model_args: ModelArguments, args: TrainArguments
) -> dict:
    """
    Train and score a model in each fold, and write the scores. Folds that are finished are not repeated.

    Returns:
        The scores, as the file of results in `--output_dir` has them.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when the data set is split already or cannot be divided, or the folder holds another cross-validation.
    """
    options = {**asdict(data_args), **asdict(model_args), **asdict(args)}
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(
            "A cross-validation runs in one process: start it with python, not with a launcher of several."
        )
    if args.push_to_hub:
        raise ValueError(
            "--push_to_hub: a cross-validation trains a model for each fold, and uploads none. Leave it out."
        )
    output_dir = Path(args.output_dir)
    conversations = only_split(load_conversations(data_args.dataset_name, data_args.data_dir, data_args.cache_dir))
    folds = divide(conversations.to_list(), fold_args.num_folds)
    settings = settings_of(conversations, fold_args, options)
    check_settings(output_dir / "settings.json", settings)

    start, results = time.perf_counter(), []
    for number, fold in enumerate(folds, start=1):
        speakers = {split: speakers_of(rows) for split, rows in fold.items()}
        print(f"\nFold {number} of {len(folds)}: " + "; ".join(f"{s}: {', '.join(n)}" for s, n in speakers.items()))
        found = run_fold(output_dir / f"fold-{number}", fold, fold_args.split, options)
        # written after the first result: a run that fails at once may be started again with other settings
        write_json(settings, output_dir / "settings.json")
        scores = scores_of(np.array(found["confusion_matrix"]))
        results.append({"speakers": speakers, **scores, "confusion_matrix": found["confusion_matrix"]})
    summary = {
        "dataset_name": data_args.dataset_name,
        "split": fold_args.split,
        "seeds": [args.seed],
        "emotions": list(found["per_class"]),
        **summarize(results),
        "folds": results,
        "seconds": time.perf_counter() - start,
    }
    output = output_dir / ("results.json" if fold_args.split == "test" else "validation_results.json")
    write_json(summary, output)
    print(f"\n{describe(summary)}\n\nWritten to {output}")
    return summary


def only_split(data: ConversationData) -> Dataset:
    """
    The conversations of a data set that is not split.

    Raises:
        ValueError: when it has splits.
    """
    if list(data.splits) != ["train"]:
        raise ValueError(
            f"The data set is split already ({', '.join(data.splits)}): use train.py and evaluate.py. A cross-validation "
            "takes all conversations in one split, train."
        )
    return data.splits["train"]


def divide(conversations: list[dict], number: int) -> list[dict[str, list[dict]]]:
    """
    The conversations of each fold's `train`, `validation` and `test`. No speaker is in two of them, and every
    conversation is once in `validation` and once in `test`.

    Raises:
        ValueError: when there are too few speakers, or when nobody who is trained on shows an emotion of the others.
    """
    if number < 3:
        raise ValueError(f"--num_folds is {number}: training, validation and test need at least 3.")
    parts = [positions for _, positions in speaker_folds(conversations, number)]
    emotions = emotions_of(conversations)
    folds = []
    for test, positions in enumerate(parts):
        validation = (test + 1) % number
        rest = sorted(n for part, other in enumerate(parts) if part not in (test, validation) for n in other)
        chosen = {"train": rest, "validation": parts[validation], "test": positions}
        fold = {split: [conversations[n] for n in numbers] for split, numbers in chosen.items()}
        lacking = emotions - emotions_of(fold["train"])
        if lacking:
            raise ValueError(
                f"Fold {test + 1} of {number}: none of the speakers that are trained on shows {', '.join(sorted(lacking))}. "
                "Give another --num_folds, or leave the utterances of such an emotion out of the data."
            )
        folds.append(fold)
    return folds


def emotions_of(conversations: list[dict]) -> set[str]:
    return {u["emotion"] for c in conversations for u in c["utterances"]} - {None}


def speakers_of(conversations: list[dict]) -> list[str]:
    return sorted({u["speaker"] for c in conversations for u in c["utterances"]})


def settings_of(conversations: Dataset, fold_args: FoldArguments, options: dict) -> dict:
    """What a run must share with the one that it goes on with."""
    paths = {stream: options.get(f"{stream}_features") for stream in STREAMS}
    tables = load_stream_tables(paths, {"train": conversations})["train"]
    given = {**asdict(fold_args), **options, "data": ConversationDataset(conversations, tables).digest()}
    return {name: value for name, value in given.items() if name not in FREE}


def check_settings(path: Path, settings: dict):
    """
    Raises:
        ValueError: when a run with other settings led to results here.
    """
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else settings
    differing = [name for name in settings if kept.get(name) != settings[name]]
    if differing:
        raise ValueError(
            f"{path.parent} holds a cross-validation with other settings: "
            + "; ".join(f"{name} was {kept.get(name)!r}, is {settings[name]!r}" for name in differing)
            + ". Go on with those, or choose another --output_dir."
        )


def run_fold(folder: Path, fold: dict[str, list[dict]], split: str, options: dict) -> dict:
    """
    The scores of a fold: read when the fold is finished, else its model is trained and scored.

    Args:
        folder: of the fold.
        fold: its conversations of each split, as [`divide`] gives them.
        split: the split that is scored.
        options: of the training.
    """
    output = folder / f"{split}_results.json"
    if output.is_file():
        print(f"Scored already: {output}")
        return json.loads(output.read_text(encoding="utf-8"))
    for name, conversations in fold.items():
        write_conversations(folder / "conversations" / f"{name}.jsonl", conversations)
    data = {"dataset_name": "folder", "data_dir": folder / "conversations"}
    trained = {"output_dir": folder / "model", "resume_from_checkpoint": "latest"}
    train(*parse_arguments(as_arguments({**options, **data, **trained})))
    shared = {f.name: options[f.name] for f in fields(EvaluationArguments) if f.name in options}
    scored = {"model": folder / "model", "split": split, "output": output, "pictures": False, "num_resamples": 0}
    scored["predictions"] = folder / f"{split}_predictions.parquet"
    return evaluate(parse_one(EvaluationArguments, as_arguments({**shared, **data, **scored})))


def write_conversations(path: Path, conversations: list[dict]):
    """A file as `--dataset_name folder` reads it. Its recordings are named by their whole paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for conversation in conversations:
        utterances = [{k: v for k, v in u.items() if v is not None} for u in conversation["utterances"]]
        for utterance in utterances:
            for medium in {"audio", "video"} & utterance.keys():
                utterance[medium] = os.path.abspath(utterance[medium])
        lines.append(json.dumps({"id": conversation["id"], "utterances": utterances}))
    path.write_text("\n".join(lines), encoding="utf-8")
