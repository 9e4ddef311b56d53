# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The folds of a cross-validation: which conversations are trained on, choose and are tested on, and their features."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from datasets import Dataset, concatenate_datasets
from sklearn.model_selection import KFold

from modeling_amuse.processing.conversation import STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset, load_stream_tables
from modeling_amuse.processing.corpora.conversation_folder import splits_in_name
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.feature_tables import FeatureTable, write_feature_table
from modeling_amuse.processing.corpora.load_conversations import ConversationData, load_conversations
from modeling_amuse.processing.corpora.soft_labels import read_table
from modeling_amuse.processing.evaluation.group_folds import group_folds, read_groups
from modeling_amuse.processing.evaluation.speaker_folds import speaker_folds
from modeling_amuse.scripts.training.training_arguments import FoldArguments

SESSION = re.compile(r"Ses\d\d")

Fold = dict[str, list[dict]]
"""The conversations of `train`, `validation` and `test`."""


@dataclass
class FoldData:
    """
    What a cross-validation divides.

    Attributes:
        conversations: those that are divided.
        extra: conversations that every fold trains on besides.
        features: for each stream the features of the utterances of both, by id, and what computed them. Empty where the
            data set is in one split: its tables then serve every fold as they are.
        digest: hashes of the conversations and of their features.
        validation: with groups, the conversations that choose the epochs in every fold.
        groups: the group of each utterance, where folds are made of groups.
    """

    conversations: list[dict]
    extra: list[dict] = field(default_factory=list)
    features: dict[str, tuple[dict[str, np.ndarray], dict | None]] = field(default_factory=dict)
    digest: str | list[str] = ""
    validation: list[dict] = field(default_factory=list)
    groups: dict[str, str] | None = None

    def write_features(self, folder: Path, fold: Fold) -> dict[str, Path]:
        """Write the feature tables of a fold. Returns the options of train.py that name them."""
        for stream, (features, record) in self.features.items():
            for split, conversations in fold.items():
                ids = [utterance["id"] for conversation in conversations for utterance in conversation["utterances"]]
                (folder / stream).mkdir(parents=True, exist_ok=True)
                own = {identifier: features[identifier] for identifier in ids if identifier in features}
                write_feature_table(folder / stream / f"{split}.parquet", own, record)
        return {f"{stream}_features": folder / stream for stream in self.features}


def load_fold_data(fold_args: FoldArguments, options: dict) -> FoldData:
    """
    Load what a cross-validation divides.

    Args:
        fold_args: which split is divided, and which is added.
        options: of train.py: where data and features lie.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when the data set has no such splits, or has splits and none is named.
    """
    name, data_dir, cache_dir = (options.get(key) for key in ("dataset_name", "data_dir", "cache_dir"))
    paths = {stream: options.get(f"{stream}_features") for stream in STREAMS}
    if fold_args.groups is not None:
        return load_grouped_data(fold_args, options, paths)
    if fold_args.folds_of is None:
        if fold_args.folds_extra is not None:
            raise ValueError("--folds_extra adds a split to the folds of another one: name that one with --folds_of.")
        data = load_conversations(name, data_dir, cache_dir, options=data_options(options))
        conversations = all_sessions(data) if fold_args.folds_by == "session" else only_split(data)
        print(data.describe())
        tables = load_stream_tables(paths, {"train": conversations})["train"]
        digest = ConversationDataset(conversations, tables).digest()
        return FoldData(conversations.to_list(), digest=digest)
    wanted = [fold_args.folds_of, *([fold_args.folds_extra] if fold_args.folds_extra else [])]
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"--folds_extra {wanted[1]} is the split that --folds_of divides: name another one.")
    data = load_conversations(name, data_dir, cache_dir, set(wanted), data_options(options))
    found, digests = FoldData([]), []
    for split in wanted:
        if split not in data.splits:
            raise ValueError(f"The data set has no split {split!r}; it has {', '.join(data.splits)}.")
        tables = tables_of_split(paths, data.splits[split], split, is_extra=split != wanted[0])
        digests.append(ConversationDataset(data.splits[split], tables).digest())
        rows = [renamed(conversation, split) for conversation in data.splits[split].to_list()]
        (found.extra if split != wanted[0] else found.conversations).extend(rows)
        for stream, table in tables.items():
            features, _ = found.features.setdefault(stream, ({}, table.record))
            features.update({f"{split}_{identifier}": table.get(identifier) for identifier in table.rows})
    found.digest = digests
    return found


def load_grouped_data(fold_args: FoldArguments, options: dict, paths: dict[str, str | None]) -> FoldData:
    """
    Load a training split that is divided by groups, and the validation split. The test split is not opened.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a split is missing, or another option does not go with groups.
    """
    others = {"folds_of": fold_args.folds_of, "folds_extra": fold_args.folds_extra}
    others |= {f"{stream}_features": path for stream, path in paths.items()}
    given = [f"--{name}" for name, value in others.items() if value is not None]
    if given:
        raise ValueError(
            f"--groups divides the training split by its conversations alone: leave out {', '.join(given)}."
        )
    data = load_conversations(
        options["dataset_name"],
        options["data_dir"],
        options["cache_dir"],
        ("train", "validation"),
        data_options(options),
    )
    if set(data.splits) != {"train", "validation"}:
        raise ValueError(
            "--groups divides the training split, and the validation split chooses the epochs: it needs both."
        )
    conversations, validation = (data.splits[split].to_list() for split in ("train", "validation"))
    digest = [ConversationDataset(data.splits[split], {}).digest() for split in ("train", "validation")]
    groups = read_groups(fold_args.groups, fold_args.group_column)
    return FoldData(conversations, digest=digest, validation=validation, groups=groups)


def all_folds(data: FoldData, fold_args: FoldArguments) -> list[Fold]:
    """The conversations of each fold, by group, by speaker or by conversation."""
    if data.groups is None:
        return divide(data.conversations, fold_args.num_folds, fold_args.folds_by, data.extra)
    return [
        {
            "train": [data.conversations[number] for number in train],
            "validation": data.validation,
            "test": [data.conversations[number] for number in test],
        }
        for train, test in group_folds(data.conversations, data.groups, fold_args.num_folds)
    ]


def chosen_folds(wanted: list[int] | None, number: int) -> list[int]:
    """
    The numbers of the folds that are run, ascending.

    Raises:
        ValueError: for a fold that there is not.
    """
    chosen = sorted(set(wanted or range(1, number + 1)))
    if not 1 <= chosen[0] <= chosen[-1] <= number:
        raise ValueError(f"--folds names {', '.join(map(str, wanted))}, but the folds are 1 to {number}.")
    return chosen


def soft_labels_of_fold(table: str, conversations: list[dict], path: Path) -> Path:
    """The rows of a table of soft labels for the utterances that a fold trains on, written to `path`."""
    known = {utterance["id"] for conversation in conversations for utterance in conversation["utterances"]}
    frame = read_table(Path(table))
    frame[frame["utterance_id"].isin(known)].to_csv(path, index=False)
    return path


def data_options(options: dict) -> DataOptions:
    """How the data set is read, of the options of train.py."""
    return DataOptions(**{f.name: options[f.name] for f in fields(DataOptions) if f.name in options})


def all_sessions(data: ConversationData) -> Dataset:
    """
    The conversations of all splits of a data set of sessions. Their ids tell the session, as IEMOCAP's do; where the splits
    are the sessions, their names are put before the ids.

    Raises:
        ValueError: when neither the ids nor the splits tell sessions.
    """
    conversations = concatenate_datasets(list(data.splits.values()))
    if all(SESSION.match(identifier) for identifier in conversations["id"]):
        return conversations
    if len(data.splits) < 3 or set(data.splits) <= {"train", "validation", "test"}:
        raise ValueError(
            f"--folds_by session: neither the ids, such as {conversations['id'][0]!r}, nor the splits ({', '.join(data.splits)}) "
            "tell sessions. IEMOCAP's ids begin with Ses01; other data needs a split for each session."
        )
    rows = [renamed(row, split.replace("_", "-")) for split, part in data.splits.items() for row in part]
    return Dataset.from_list(rows, features=conversations.features)


def session_of(conversation: dict) -> str:
    """The session that the id of a conversation of [`all_sessions`] tells."""
    match = SESSION.match(conversation["id"])
    return match[0] if match else conversation["id"].split("_")[0]


def renamed(conversation: dict, split: str) -> dict:
    """The conversation with ids that are unique across splits: those of MELD are not."""
    utterances = [{**utterance, "id": f"{split}_{utterance['id']}"} for utterance in conversation["utterances"]]
    return {**conversation, "id": f"{split}_{conversation['id']}", "utterances": utterances}


def tables_of_split(
    paths: dict[str, str | None], conversations: Dataset, split: str, is_extra: bool
) -> dict[str, FeatureTable]:
    """
    The feature tables of a split. A file is that of the split that is divided; of a folder, an added split may lack a file:
    its utterances then lack the modality.
    """
    if is_extra:
        paths = {stream: path if path and _has_split(Path(path), split) else None for stream, path in paths.items()}
    return load_stream_tables(paths, {split: conversations})[split]


def _has_split(path: Path, split: str) -> bool:
    files = [*path.iterdir(), *path.glob("data/*")] if path.is_dir() else []
    return any(split in splits_in_name(file) for file in files)


def only_split(data: ConversationData) -> Dataset:
    """
    The conversations of a data set that is not split.

    Raises:
        ValueError: when it has splits.
    """
    if list(data.splits) != ["train"]:
        raise ValueError(
            f"The data set is split already ({', '.join(data.splits)}): use train.py and evaluate.py. A cross-validation "
            "takes all conversations in one split, train, or those of the split that --folds_of names."
        )
    return data.splits["train"]


def divide(conversations: list[dict], number: int, by: str = "speaker", extra: Sequence[dict] = ()) -> list[Fold]:
    """
    The conversations of each fold. Every conversation is once in `validation` and once in `test`, and no speaker, or, by
    conversation, no conversation, is in two splits of a fold.

    Args:
        conversations: those that are divided.
        number: the number of folds.
        by: `"speaker"`, `"conversation"` or `"session"`; there are as many folds as sessions.
        extra: conversations that are added to the `train` of every fold.

    Raises:
        ValueError: when there are too few speakers or conversations, or when an emotion is missing from the training part
            of a fold.
    """
    if by != "session" and number < 3:
        raise ValueError(f"--num_folds is {number}: training, validation and test need at least 3.")
    parts = positions_of_parts(conversations, number, by)
    number = len(parts)
    if number < 3:
        raise ValueError(f"There are {number} sessions: training, validation and test need at least 3.")
    emotions = emotions_of(conversations)
    folds = []
    for test, positions in enumerate(parts):
        validation = (test + 1) % number
        rest = sorted(n for part, other in enumerate(parts) if part not in (test, validation) for n in other)
        chosen = {"train": rest, "validation": parts[validation], "test": positions}
        fold = {split: [conversations[n] for n in numbers] for split, numbers in chosen.items()}
        fold["train"] += extra
        lacking = emotions - emotions_of(fold["train"])
        if lacking:
            raise ValueError(
                f"Fold {test + 1} of {number}: none of the {by}s that are trained on shows {', '.join(sorted(lacking))}. "
                "Give another --num_folds, or leave the utterances of such an emotion out of the data."
            )
        folds.append(fold)
    return folds


def positions_of_parts(conversations: list[dict], number: int, by: str) -> list[list[int]]:
    """The positions of the conversations in each part, ascending."""
    if by == "speaker":
        return [positions for _, positions in speaker_folds(conversations, number)]
    if by == "session":
        sessions = [session_of(conversation) for conversation in conversations]
        return [[n for n, own in enumerate(sessions) if own == name] for name in sorted(set(sessions))]
    if number > len(conversations):
        raise ValueError(f"--num_folds is {number}, but there are only {len(conversations)} conversations.")
    parts = KFold(number, shuffle=True, random_state=0).split(conversations)
    return [positions.tolist() for _, positions in parts]


def emotions_of(conversations: list[dict]) -> set[str]:
    """The emotions that occur."""
    return {u["emotion"] for c in conversations for u in c["utterances"]} - {None}


def speakers_of(conversations: list[dict]) -> list[str]:
    """The names of the speakers, in alphabetical order."""
    return sorted({u["speaker"] for c in conversations for u in c["utterances"]})
