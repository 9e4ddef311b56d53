# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Cross-validation folds in which no group of conversations, such as a scene, is in both training and test."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold

from modeling_amuse.processing.corpora.feature_tables import by_given_id
from modeling_amuse.processing.corpora.table_files import read_frame
from modeling_amuse.processing.input_boundary import reads_file


@reads_file("give a .csv file with the groups of utterances.")
def read_groups(path: str | Path, column: str) -> dict[str, str]:
    """
    Read the group of each utterance from a `.csv` table with a column `utterance_id` and a column named `column`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it lacks a column or a value, or names an utterance twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no table of groups {path}: give an existing .csv file.")
    frame = read_frame(path)
    lacking = [name for name in ("utterance_id", column) if name not in frame.columns]
    if lacking:
        raise ValueError(f"{path} has no column {' and no column '.join(lacking)}; it has {', '.join(frame.columns)}.")
    empty = frame[(frame[column].str.strip() == "") | (frame["utterance_id"].str.strip() == "")]
    if len(empty):
        raise ValueError(f"{path}: row {empty.index[0]} has no {column} or no utterance_id.")
    twice = frame["utterance_id"][frame["utterance_id"].duplicated()]
    if len(twice):
        raise ValueError(f"{path} has more than one row for the utterance {twice.iloc[0]!r}.")
    return dict(zip(frame["utterance_id"], frame[column], strict=True))


def group_folds(
    conversations: Iterable[dict], groups: dict[str, str], number: int
) -> list[tuple[list[int], list[int]]]:
    """
    Divide conversations into folds by their groups.

    Args:
        conversations: conversations, such as the training split of a data set.
        groups: the group of each utterance. A conversation belongs to the group of its first utterance that has a group; a
            conversation without any is a group by itself.
        number: the number of folds.

    Returns:
        For each fold the positions of its training and of its test conversations, both ascending. Every conversation is
        in one test set.

    Raises:
        ValueError: when there are fewer groups than folds, or no utterance has a group.
    """
    conversations = list(conversations)
    groups = by_given_id(groups, [u["id"] for conversation in conversations for u in conversation["utterances"]])
    found = [
        next((groups[u["id"]] for u in conversation["utterances"] if u["id"] in groups), None)
        for conversation in conversations
    ]
    if not any(group is not None for group in found):
        raise ValueError("No utterance of the conversations has a group: give the table of groups of this data set.")
    names = [f"alone {position}" if group is None else f"group {group}" for position, group in enumerate(found)]
    if not 2 <= number <= len(set(names)):
        raise ValueError(
            f"{len(names)} conversations are in {len(set(names))} groups: {number} folds cannot be made. Give at least 2 "
            "folds, and at most as many as there are groups."
        )
    folds = GroupKFold(number).split(np.zeros(len(names)), groups=names)
    return [(train.tolist(), test.tolist()) for train, test in folds]
