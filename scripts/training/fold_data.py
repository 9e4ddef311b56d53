# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The folds of a cross-validation: the conversations of each fold's training, validation and test sets, and their features."""

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
from modeling_amuse.processing.evaluation.group_folds import group_folds, read_groups
from modeling_amuse.processing.evaluation.speaker_folds import speaker_folds
from modeling_amuse.processing.warning_messages import warn
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training.training_arguments import FoldArguments

SESSION = re.compile(r"Ses\d\d")

Fold = dict[str, list[dict]]
"""The conversations of `train`, `validation` and `test`."""


@dataclass
class FoldData:
    """
    The data of a cross-validation.

    Attributes:
        conversations: the conversations to divide into folds.
        extra: additional training conversations of every fold, see [`divide`].
        features: for each stream the features of all these utterances by id, and the record of their extractor. Empty if
            the data set has a single split, whose tables every fold can use directly.
        digest: hashes of the conversations and of their features.
        emotions: the emotions of the data set.
        validation: with groups, the conversations on which every fold chooses its epoch.
        groups: the group of each utterance if folds are made of groups, else None.
    """

    conversations: list[dict]
    extra: list[dict] = field(default_factory=list)
    features: dict[str, tuple[dict[str, np.ndarray], dict | None]] = field(default_factory=dict)
    digest: str | list[str] = ""
    emotions: tuple[str, ...] = ()
    validation: list[dict] = field(default_factory=list)
    groups: dict[str, str] | None = None

    def write_features(self, folder: Path, fold: Fold) -> dict[str, Path]:
        """Write the feature tables of a fold. Returns the options of train.py for these tables."""
        for stream, (features, record) in self.features.items():
            for split, conversations in fold.items():
                ids = [utterance["id"] for conversation in conversations for utterance in conversation["utterances"]]
                (folder / stream).mkdir(parents=True, exist_ok=True)
                own = {identifier: features[identifier] for identifier in ids if identifier in features}
                write_feature_table(folder / stream / f"{split}.parquet", own, record)
        return {f"{stream}_features": folder / stream for stream in self.features}


def load_fold_data(fold_args: FoldArguments, options: dict) -> FoldData:
    """
    Load the data of a cross-validation.

    Args:
        fold_args: the options of the folds.
        options: the options of train.py, with the paths of data and features.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a requested split is missing, or the data set has several splits and none is chosen.
    """
    name, data_dir, cache_dir = (options.get(key) for key in ("dataset_name", "data_dir", "cache_dir"))
    paths = {stream: options.get(f"{stream}_features") for stream in STREAMS}
    if fold_args.groups is not None:
        return load_grouped_data(fold_args, options, paths)
    if fold_args.group_column != FoldArguments.group_column:
        raise WrongArguments("--group_column needs --groups, the table that has this column.")
    if fold_args.folds_of is None:
        if fold_args.folds_extra is not None:
            raise WrongArguments("--folds_extra adds a split to the folds of another one: give that one as --folds_of.")
        data = load_conversations(name, data_dir, cache_dir, options=data_options(options))
        conversations = all_sessions(data) if fold_args.folds_by == "session" else only_split(data)
        print(data.describe())
        tables = load_stream_tables(paths, {"train": conversations})["train"]
        digest = ConversationDataset(conversations, tables).digest()
        return FoldData(conversations.to_list(), digest=digest, emotions=data.emotions)
    wanted = [fold_args.folds_of, *([fold_args.folds_extra] if fold_args.folds_extra else [])]
    if len(set(wanted)) < len(wanted):
        raise WrongArguments(f"--folds_extra {wanted[1]} is the split that --folds_of divides: give another one.")
    data = load_conversations(name, data_dir, cache_dir, set(wanted), data_options(options))
    found, digests, first = FoldData([], emotions=data.emotions), [], {}
    for split in wanted:
        if split not in data.splits:
            raise ValueError(f"The data set has no split {split!r}; it has {', '.join(data.splits)}.")
        tables = tables_of_split(paths, data.splits[split], split, is_extra=split != wanted[0])
        check_alike(tables, first, split)
        digests.append(ConversationDataset(data.splits[split], tables).digest())
        rows = [renamed(conversation, split) for conversation in data.splits[split].to_list()]
        (found.extra if split != wanted[0] else found.conversations).extend(rows)
        for stream, table in tables.items():
            features, _ = found.features.setdefault(stream, ({}, table.record))
            features.update({f"{split}_{identifier}": table.get(identifier) for identifier in table.rows})
    found.digest = digests
    return found


def check_alike(tables: dict[str, FeatureTable], first: dict[str, FeatureTable], split: str):
    """
    Order the features of a split's tables as those of the first split, which this split adds to if it is the first.

    Raises:
        ValueError: when the tables have other features, or were computed by another extractor.
    """
    for stream, table in tables.items():
        other = first.setdefault(stream, table)
        try:
            table.order_columns(other.columns)
        except ValueError as error:
            raise ValueError(f"The {stream} features of the {split} split: {error}") from error
        if (table.size, table.record) != (other.size, other.record):
            raise ValueError(
                f"The {stream} features of the {split} split were computed by {table.record}, size {table.size}, those of the "
                f"divided split by {other.record}, size {other.size}: extract both with the same extractor."
            )


def load_grouped_data(fold_args: FoldArguments, options: dict, paths: dict[str, str | None]) -> FoldData:
    """
    Load the training split, which is divided by groups, and the validation split. The test split is not opened.

    Raises:
        FileNotFoundError: when files are missing.
        ValueError: when a split is missing, or an option cannot be combined with groups.
    """
    others = {"folds_of": fold_args.folds_of, "folds_extra": fold_args.folds_extra}
    others |= {"folds_by": None if fold_args.folds_by == FoldArguments.folds_by else fold_args.folds_by}
    others |= {f"{stream}_features": path for stream, path in paths.items()}
    given = [f"--{name}" for name, value in others.items() if value is not None]
    if given:
        raise WrongArguments(f"--groups cannot be combined with {', '.join(given)}: leave these options out.")
    data = load_conversations(
        options["dataset_name"],
        options["data_dir"],
        options["cache_dir"],
        ("train", "validation"),
        data_options(options),
    )
    if set(data.splits) != {"train", "validation"}:
        raise ValueError(
            "--groups needs a training split, which it divides, and a validation split, on which the epochs are chosen."
        )
    conversations, validation = (data.splits[split].to_list() for split in ("train", "validation"))
    digest = [ConversationDataset(data.splits[split], {}).digest() for split in ("train", "validation")]
    groups = read_groups(fold_args.groups, fold_args.group_column)
    return FoldData(conversations, digest=digest, emotions=data.emotions, validation=validation, groups=groups)


def all_folds(data: FoldData, fold_args: FoldArguments) -> list[Fold]:
    """
    The conversations of each fold, by group, by speaker or by conversation.

    Raises:
        ValueError: when the data cannot be divided, or an emotion is missing from the training part of a fold.
    """
    if data.groups is None:
        return divide(data.conversations, fold_args.num_folds, fold_args.folds_by, data.extra)
    folds, shown = [], emotions_of(data.conversations)
    chosen = chosen_folds(fold_args.folds, fold_args.num_folds)
    for train, test in group_folds(data.conversations, data.groups, fold_args.num_folds):
        parts = {"train": train, "test": test}
        fold = {split: [data.conversations[number] for number in numbers] for split, numbers in parts.items()}
        folds.append({**fold, "validation": data.validation})
        if len(folds) in chosen:
            check_emotions(shown, fold["train"], len(folds), fold_args.num_folds, fold_args.group_column)
    return folds


def chosen_folds(wanted: list[int] | None, number: int) -> list[int]:
    """
    The numbers of the folds to run, ascending.

    Raises:
        ValueError: for a number that is not one of a fold.
    """
    chosen = sorted(set(wanted or range(1, number + 1)))
    if not 1 <= chosen[0] <= chosen[-1] <= number:
        raise WrongArguments(f"--folds has {', '.join(map(str, wanted))}, but the folds are 1 to {number}.")
    return chosen


def data_options(options: dict) -> DataOptions:
    """The options for reading the data set, from the options of train.py."""
    return DataOptions(**{f.name: options[f.name] for f in fields(DataOptions) if f.name in options})


def all_sessions(data: ConversationData) -> Dataset:
    """
    The conversations of all splits of a data set with sessions. Their ids begin with the session, as in IEMOCAP. If each
    split is a session, its name is put before the ids.

    Raises:
        ValueError: when neither the ids nor the splits give the sessions.
    """
    conversations = concatenate_datasets(list(data.splits.values()))
    if all(SESSION.match(identifier) for identifier in conversations["id"]):
        return conversations
    if len(data.splits) < 3 or set(data.splits) <= {"train", "validation", "test"}:
        raise ValueError(
            f"--folds_by session: neither the ids, such as {conversations['id'][0]!r}, nor the splits ({', '.join(data.splits)}) "
            "give the sessions. The ids must begin as IEMOCAP's (Ses01), or there must be a split for each session."
        )
    rows = [renamed(row, split.replace("_", "-")) for split, part in data.splits.items() for row in part]
    return Dataset.from_list(rows, features=conversations.features)


def session_of(conversation: dict) -> str:
    """The session of a conversation of [`all_sessions`], from its id."""
    match = re.search(rf"(?:^|_)({SESSION.pattern})", conversation["id"])  # behind the name of a split
    return match[1] if match else conversation["id"].split("_")[0]


def renamed(conversation: dict, split: str) -> dict:
    """The conversation with the split's name before its ids, as some data sets (MELD) use the same ids in several splits."""
    utterances = [{**utterance, "id": f"{split}_{utterance['id']}"} for utterance in conversation["utterances"]]
    return {**conversation, "id": f"{split}_{conversation['id']}", "utterances": utterances}


def tables_of_split(
    paths: dict[str, str | None], conversations: Dataset, split: str, is_extra: bool
) -> dict[str, FeatureTable]:
    """
    The feature tables of a split. A path to a single file is used only for the split that is divided. A folder may lack the
    file of an added split, whose utterances then lack the modality.
    """
    if is_extra:
        paths = {stream: path if path and _has_split(Path(path), split) else None for stream, path in paths.items()}
    return load_stream_tables(paths, {split: conversations})[split]


def _has_split(path: Path, split: str) -> bool:
    files = [*path.iterdir(), *path.glob("data/*")] if path.is_dir() else []
    return any(split in splits_in_name(file) for file in files)


def only_split(data: ConversationData) -> Dataset:
    """
    The conversations of a data set without official splits.

    Raises:
        ValueError: when the data set has several splits.
    """
    if list(data.splits) != ["train"]:
        raise ValueError(
            f"The data set already has splits ({', '.join(data.splits)}): use amuse train and amuse evaluate. A "
            "cross-validation needs data with the single split train, or a split to divide as --folds_of."
        )
    return data.splits["train"]


def divide(conversations: list[dict], number: int, by: str = "speaker", extra: Sequence[dict] = ()) -> list[Fold]:
    """
    Divide conversations into folds. Every conversation is once in `validation` and once in `test`, and no speaker (or
    conversation, or session) is in two splits of a fold.

    Args:
        conversations: the conversations to divide.
        number: the number of folds. By session, there are as many folds as sessions instead.
        by: `"speaker"`, `"conversation"` or `"session"`.
        extra: conversations that are added to the training split of every fold, except those with a speaker (or session) of
            the fold's validation and test splits.

    Raises:
        ValueError: when there are too few speakers or conversations, or when an emotion is missing from the training part
            of a fold.
    """
    if by != "session" and number < 3:
        raise WrongArguments(f"--num_folds is {number}, but training, validation and test need at least 3 folds.")
    parts = positions_of_parts(conversations, number, by)
    number = len(parts)
    if number < 3:
        raise ValueError(f"There are {number} sessions, but training, validation and test need at least 3.")
    emotions = emotions_of(conversations)
    folds = []
    for test, positions in enumerate(parts):
        validation = (test + 1) % number
        rest = sorted(n for part, other in enumerate(parts) if part not in (test, validation) for n in other)
        chosen = {"train": rest, "validation": parts[validation], "test": positions}
        fold = {split: [conversations[n] for n in numbers] for split, numbers in chosen.items()}
        held_out = {key for split in ("validation", "test") for row in fold[split] for key in kept_together(row, by)}
        added = [row for row in extra if held_out.isdisjoint(kept_together(row, by))]
        fold["train"] += added
        if len(added) < len(extra):
            warn(
                f"Fold {test + 1} of {number}: {len(extra) - len(added)} of {len(extra)} added conversations share a {by} with what is scored: left out."
            )
        check_emotions(emotions, fold["train"], test + 1, number, by)
        folds.append(fold)
    return folds


def kept_together(conversation: dict, by: str) -> set[str]:
    """The speakers, or the session, of a conversation, whose conversations are all in one split of a fold."""
    if by == "speaker":
        return set(speakers_of([conversation]))
    return {session_of(conversation)} if by == "session" else set()


def check_emotions(emotions: set[str], conversations: list[dict], fold: int, number: int, by: str):
    """
    Raises:
        ValueError: when an emotion is missing from the training conversations of a fold.
    """
    lacking = emotions - emotions_of(conversations)
    if lacking:
        raise ValueError(
            f"Fold {fold} of {number}: no training {by} shows {', '.join(sorted(lacking))}. Give another --num_folds, or leave "
            "this emotion out of the data."
        )


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
    """The emotions that occur in conversations."""
    return {u["emotion"] for c in conversations for u in c["utterances"]} - {None}


def speakers_of(conversations: list[dict]) -> list[str]:
    """The names of the speakers, in alphabetical order."""
    return sorted({u["speaker"] for c in conversations for u in c["utterances"]})
