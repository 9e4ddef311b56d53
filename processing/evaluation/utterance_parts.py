# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Parts of a split that are scored separately, such as utterances that were labelled in different ways, read from a CSV."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from modeling_amuse.processing.corpora.feature_tables import by_given_id
from modeling_amuse.processing.corpora.table_files import read_frame
from modeling_amuse.processing.input_boundary import reads_file

COLUMNS = ("utterance_id", "part")


@reads_file("give a .csv file with the parts of utterances.")
def read_parts(path: str | Path, split: str) -> dict[str, str]:
    """
    Read the part of each utterance.

    Args:
        path: a CSV with the columns `utterance_id` and `part`, and `split` if ids are unique only within a split.
        split: the split whose rows are read; without a column `split`, all rows are read.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is not such a table, has no row of the split, or gives an utterance two parts.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path} for --parts.")
    frame = read_frame(path)
    lacking = [name for name in COLUMNS if name not in frame]
    if lacking:
        raise ValueError(
            f"--parts {path} lacks the column {' and '.join(lacking)}: give a line for each utterance with utterance_id and "
            "part (and split, if several splits have the same ids)."
        )
    if "split" in frame:
        known = sorted(set(frame["split"]))
        frame = frame[frame["split"] == split]
        if not len(frame):
            raise ValueError(f"--parts {path} has no row of the {split} split; it has {', '.join(known)}.")
    empty = frame[(frame["utterance_id"].str.strip() == "") | (frame["part"].str.strip() == "")]
    if len(empty):
        raise ValueError(f"--parts {path}: line {empty.index[0]} has no utterance_id or no part.")
    frame = frame.drop_duplicates(list(COLUMNS))
    twice = frame[frame["utterance_id"].duplicated()]
    if len(twice):
        raise ValueError(f"--parts {path} gives the utterance {twice['utterance_id'].iloc[0]} more than one part.")
    return dict(zip(frame["utterance_id"], frame["part"], strict=True))


def part_subsets(parts: dict[str, str], utterance_ids: Iterable[str], split: str) -> dict[str, np.ndarray]:
    """
    For each part a boolean mask of the split's utterances, `(utterances,)`. Utterances without a part are in none.

    Raises:
        ValueError: when a part is given to utterances that the split does not have.
    """
    ids = list(utterance_ids)
    parts = by_given_id(parts, ids)
    unknown = sorted(parts.keys() - set(ids))
    if unknown:
        more = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
        raise ValueError(
            f"--parts has the utterance {unknown[0]}{more}, which the {split} split does not have: give the file of this data "
            f"set, with a column split. Ids of the split look like {ids[0] if ids else None!r}."
        )
    return {name: np.array([parts.get(i) == name for i in ids]) for name in sorted(set(parts.values()))}
