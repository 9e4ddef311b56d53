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

import json
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
from datasets import Dataset
from sklearn.metrics import recall_score

from modeling_amuse.processing.conversation import STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset, load_stream_tables
from modeling_amuse.processing.corpora.load_conversations import ConversationData, load_conversations
from modeling_amuse.processing.evaluation.emotion_metric import headline
from modeling_amuse.processing.evaluation.speaker_folds import speaker_folds
from modeling_amuse.scripts.training import evaluation as evaluate
from modeling_amuse.scripts.training import training_loop as train
from modeling_amuse.scripts.training.training_arguments import FREE_ON_RESUME, parse_arguments

SCORES = ("accuracy", "weighted_f1", "unweighted_average_recall")


@dataclass
class FoldArguments:
    """How the data set is divided, and what is scored."""

    num_folds: int = field(default=5, metadata={"help": "Parts into which the speakers are divided."})
    split: str = field(
        default="test",
        metadata={
            "help": "Speakers of each fold that are scored: validation to choose settings, test at the end.",
            "choices": ["validation", "test"],
        },
    )


# A run that goes on may differ from the stopped one in these alone; what the data and the features hold is compared.
FREE = {"split", *FREE_ON_RESUME} - {"text_model"}


def main(arguments: list[str] | None = None) -> dict:
    fold_args, *train_args = parse_arguments(arguments, FoldArguments, description=__doc__)
    options = {name: value for part in train_args for name, value in asdict(part).items()}
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError(
            "A cross-validation runs in one process: start it with python, not with a launcher of several."
        )
    output_dir = Path(options["output_dir"])
    data = load_conversations(options["dataset_name"], options["data_dir"], options["cache_dir"])
    conversations = only_split(data)
    folds = divide(conversations.to_list(), fold_args.num_folds)
    settings = settings_of(conversations, fold_args, options)
    check_settings(output_dir / "settings.json", settings)

    start, results = time.perf_counter(), []
    for number, fold in enumerate(folds, start=1):
        speakers = {split: speakers_of(rows) for split, rows in fold.items()}
        print(f"\nFold {number} of {len(folds)}: " + "; ".join(f"{s}: {', '.join(n)}" for s, n in speakers.items()))
        found = run_fold(output_dir / f"fold-{number}", fold, fold_args.split, options)
        # kept once they led to a result: a run that fails at once may be started again with better ones
        evaluate.write(settings, [], output_dir / "settings.json", pictures=False)
        scores = scores_of(np.array(found["confusion_matrix"]))
        results.append({"speakers": speakers, **scores, "confusion_matrix": found["confusion_matrix"]})
    summary = {
        "dataset_name": options["dataset_name"],
        "split": fold_args.split,
        "seeds": [options["seed"]],
        "emotions": list(found["per_class"]),
        **summarize(results),
        "folds": results,
        "seconds": time.perf_counter() - start,
    }
    output = output_dir / ("results.json" if fold_args.split == "test" else "validation_results.json")
    evaluate.write(summary, summary["emotions"], output, pictures=False)
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
    """The scores of a fold, as evaluate.py gives them: read, where they are there already, else trained for."""
    output = folder / f"{split}_results.json"
    if output.is_file():
        print(f"Scored already: {output}")
        return json.loads(output.read_text(encoding="utf-8"))
    for name, conversations in fold.items():
        write_conversations(folder / "conversations" / f"{name}.jsonl", conversations)
    data = {"dataset_name": "folder", "data_dir": folder / "conversations"}
    trained = {"output_dir": folder / "model", "resume_from_checkpoint": "latest"}
    train.main(as_arguments({**options, **data, **trained}))
    shared = {f.name: options[f.name] for f in fields(evaluate.EvaluationArguments) if f.name in options}
    scored = {"model": folder / "model", "split": split, "output": output, "pictures": False, "num_resamples": 0}
    scored["predictions"] = folder / f"{split}_predictions.parquet"
    return evaluate.main(as_arguments({**shared, **data, **scored}))


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


def as_arguments(values: dict) -> list[str]:
    """The values as arguments of a command; None stands for what is not given."""
    given = {name: value if isinstance(value, list) else [value] for name, value in values.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name}", *map(str, value))]


def scores_of(matrix: np.ndarray) -> dict[str, float]:
    """
    Accuracy, weighted and macro F1, and the mean recall of the emotions that occur.

    Args:
        matrix: the confusion matrix `(emotions, emotions)`, a row for each true emotion.
    """
    references, predictions = np.repeat(np.argwhere(matrix >= 0), matrix.ravel(), axis=0).T
    recall = recall_score(references, predictions, labels=np.unique(references), average="macro", zero_division=0)
    return {
        "num_utterances": len(references),
        **headline(references, predictions, list(range(len(matrix)))),
        "unweighted_average_recall": float(recall),
    }


def summarize(folds: list[dict]) -> dict:
    """Mean and deviation of the folds' scores, and the scores of all their utterances together."""
    columns = {name: [fold[name] for fold in folds] for name in SCORES}
    matrix = np.sum([fold["confusion_matrix"] for fold in folds], axis=0)
    return {
        "mean": {name: float(np.mean(column)) for name, column in columns.items()},
        "deviation": {name: float(np.std(column, ddof=1)) for name, column in columns.items()},
        "pooled": {**scores_of(matrix), "confusion_matrix": matrix.tolist()},
    }


def describe(summary: dict) -> str:
    """The summary as a table."""
    rows = [(f"fold {number}", fold) for number, fold in enumerate(summary["folds"], start=1)]
    rows += [("mean", summary["mean"]), ("deviation", summary["deviation"]), ("all utterances", summary["pooled"])]
    lines = [
        f"{len(summary['folds'])} folds, {summary['pooled']['num_utterances']} utterances of the {summary['split']} "
        f"speakers, each predicted once, 1 seed ({summary['seeds'][0]}), {summary['seconds']:.0f} s",
        f"{'':16}accuracy  weighted F1  unweighted average recall  speakers",
    ]
    for name, scores in rows:
        speakers = ", ".join(scores["speakers"][summary["split"]]) if "speakers" in scores else ""
        accuracy, weighted_f1, recall = (scores[score] for score in SCORES)
        lines.append(f"{name:16}{accuracy:8.4f}  {weighted_f1:11.4f}  {recall:25.4f}  {speakers}".rstrip())
    return "\n".join(lines)
