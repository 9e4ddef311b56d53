# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The files of a cross-validation's folds: conversations, soft labels, and additional corpora."""

import os
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.extra_corpora import load_extra_corpora, reserved_texts, without_overlap
from modeling_amuse.processing.corpora.feature_tables import by_given_id
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels, read_table
from modeling_amuse.processing.json_files import as_json
from modeling_amuse.processing.transcript_tables import guarded
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.fold_data import FoldData, data_options
from modeling_amuse.scripts.training.training_arguments import FoldArguments


def read_fold_soft_labels(table: str, data: FoldData, fold_args: FoldArguments) -> pd.DataFrame:
    """
    A table of soft labels, whose ids begin with the name of the split if those of the folds' conversations do.

    Raises:
        FileNotFoundError: when there is no such table.
        ValueError: when it cannot be read, or has utterances that the divided split does not have.
    """
    read_soft_labels(table, data.emotions)  # checks the whole table, which a fold may contain in part
    frame = read_table(Path(table))
    prefix = "" if fold_args.folds_of is None else f"{fold_args.folds_of}_"
    frame["utterance_id"] = prefix + frame["utterance_id"].astype(str)
    known = [utterance["id"] for conversation in data.conversations for utterance in conversation["utterances"]]
    own = by_given_id({name: name for name in frame["utterance_id"]}, known)
    frame["utterance_id"] = frame["utterance_id"].map({name: identifier for identifier, name in own.items()})
    unknown = frame["utterance_id"][~frame["utterance_id"].isin(set(known))]
    if len(unknown):
        raise ValueError(
            f"{table} has {len(unknown)} utterance id(s) that the divided split does not have, the first is "
            f"{unknown.iloc[0].removeprefix(prefix)!r}: give the table of this data set, whose ids look like "
            f"{known[0].removeprefix(prefix)!r}."
        )
    return frame


def write_soft_labels(frame: pd.DataFrame, conversations: list[dict], path: Path) -> Path:
    """Write the soft labels of the training utterances of a fold to `path`, which is returned."""
    known = {utterance["id"] for conversation in conversations for utterance in conversation["utterances"]}
    frame = frame[frame["utterance_id"].isin(known)]
    with whole_file(path) as file:
        frame.assign(utterance_id=frame["utterance_id"].map(guarded)).to_csv(file, index=False)
    return path


def extra_data_of_folds(options: dict, folder: Path, tested: list[dict]) -> list[str] | None:
    """
    `--extra_data` for the folds, whose own validation and test parts are compared with it later. Conversations that occur in
    the reserved splits of the whole data set are left out here: a fold does not see these splits.

    Args:
        options: the options of train.py.
        folder: a folder for the corpora of which something was left out.
        tested: the conversations in the validation and test parts of the folds.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a corpus overlaps with a reserved split or a part of a fold, and `--leave_out_overlap` is not given.
    """
    given = options.get("extra_data")
    if not given:
        return None
    name, data_dir, cache_dir = (options.get(key) for key in ("dataset_name", "data_dir", "cache_dir"))
    reserved, entries = reserved_texts(name, data_dir, cache_dir, data_options(options)), []
    for entry, corpus in zip(given, load_extra_corpora(given, cache_dir), strict=True):
        kept, said = without_overlap(corpus, reserved, options["leave_out_overlap"])
        if not options["leave_out_overlap"]:  # else each fold leaves out its own
            without_overlap(kept, {"divided": tested}, leave_out=False)
        if len(kept.conversations) < len(corpus.conversations):
            print(said)
            write_conversations(folder / corpus.name / "train.jsonl", kept.conversations.to_list())
            entry = str(folder / corpus.name)
        entries.append(entry)
    return entries


def write_conversations(path: Path, conversations: list[dict]):
    """Write conversations in the form that `--dataset_name folder` reads, with absolute paths of recordings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for conversation in conversations:
        utterances = [{k: v for k, v in u.items() if v is not None} for u in conversation["utterances"]]
        for utterance in utterances:
            for medium in {"audio", "video"} & utterance.keys():
                utterance[medium] = os.path.abspath(utterance[medium])
        lines.append(
            as_json({"id": conversation["id"], "utterances": utterances}, f"Conversation {conversation['id']}")
        )
    with whole_file(path) as file:
        file.write_text("\n".join(lines), encoding="utf-8")


def options_of_written(folder: Path) -> dict:
    """
    The options of train.py that read a folder of [`write_conversations`]. Its conversations have final labels and documented
    keys, so the options for reading the original data set get their defaults.
    """
    return {**asdict(DataOptions()), "dataset_name": "folder", "data_dir": str(folder)}
