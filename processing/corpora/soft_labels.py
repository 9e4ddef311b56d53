# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Soft labels: for some utterances a probability of each emotion, in place of one emotion alone.

They come from several annotators, each of whom gave a vote, or from a teacher model. A model that learns from the votes
learns which utterances are ambiguous (Peterson et al. 2019, "Human uncertainty makes classification more robust",
arXiv 1908.07086); one that learns from a teacher is distilled (Hinton et al. 2015, arXiv 1503.02531).
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

ID_COLUMN = "utterance_id"
TOLERANCE = 1e-3
"""Probabilities of a row may miss 1 by so much: files hold rounded numbers."""

MAJORITY = 0.5
"""With more than this share of its row, a label has the majority of the votes."""


def read_soft_labels(path: str | Path, emotions: Iterable[str]) -> dict[str, np.ndarray]:
    """
    A table of votes or of probabilities.

    Args:
        path: a `.csv` or `.parquet` file with a column `utterance_id` and a column for each emotion. Its numbers are
            probabilities, which sum to 1 in each row, or votes: whole numbers with the same sum in each row. Other columns
            are not read.
        emotions: the emotions, in the order of the labels.

    Returns:
        For each utterance id its probabilities, `(emotions,)`, float64.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when a column is missing, an id stands in it twice, a number is missing or negative, or a row does not
            sum as it should.
    """
    path, emotions = Path(path), list(emotions)
    frame = read_table(path)
    lacking = [name for name in (ID_COLUMN, *emotions) if name not in frame.columns]
    if lacking:
        raise ValueError(
            f"{path} has no column {', '.join(map(repr, lacking))}: a table of soft labels has {ID_COLUMN!r} and a column for "
            f"each emotion ({', '.join(emotions)})."
        )
    if frame.empty:
        raise ValueError(f"{path} has no rows: a table of soft labels has a row for each utterance with votes.")
    ids = frame[ID_COLUMN].astype(str)
    if ids.duplicated().any():
        raise ValueError(f"{path} has more than one row for the utterance {ids[ids.duplicated()].iloc[0]!r}.")
    values = frame[emotions].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"{path}, utterance {ids.iloc[row]!r}: its {emotions[column]!r} is '{frame[emotions[column]].iloc[row]}', which is "
            "no probability and no number of votes."
        )
    _check_sums(path, ids.tolist(), values)
    return dict(zip(ids, values / values.sum(axis=1, keepdims=True), strict=True))


def soft_targets(
    soft_labels: dict[str, np.ndarray],
    labels: dict[str, int | None],
    weight: float = 0.5,
    only_majority: bool = True,
    source: str = "the table of soft labels",
) -> dict[str, np.ndarray]:
    """
    What a model learns from: `(1 - weight) * label + weight * soft label`.

    Args:
        soft_labels: for each utterance its probabilities, see [`read_soft_labels`].
        labels: for each utterance of the training split the number of its emotion, None where it has none.
        weight: the share of the soft label, more than 0 and at most 1.
        only_majority: leave out the rows in which the label has no majority: there annotators of something else voted (for
            MELD: readers of the text alone, and the label was given anew by people who saw the clip).
        source: what the messages call the table.

    Returns:
        For each labelled utterance with a soft label its target, `(emotions,)`, float32; it sums to 1.

    Raises:
        ValueError: for a weight that is none, for utterances that the training split does not have, and when no row is left.
    """
    if not 0 < weight <= 1:
        raise ValueError(f"--soft_label_weight must be more than 0 and at most 1, but is {weight}.")
    unknown = [identifier for identifier in soft_labels if identifier not in labels]
    if unknown:
        raise ValueError(
            f"{source} has {len(unknown)} utterance id(s) that the training split does not have, {unknown[0]!r} the first: give "
            f"the table that belongs to this data set. Its ids look like {next(iter(labels), None)!r}."
        )
    targets = {}
    for identifier, probabilities in soft_labels.items():
        label = labels[identifier]
        if label is None or (only_majority and probabilities[label] <= MAJORITY):
            continue
        hard = np.eye(len(probabilities))[label]
        targets[identifier] = ((1 - weight) * hard + weight * probabilities).astype(np.float32)
    if not targets:
        raise ValueError(
            f"No row of {source} can be used: in none of them has the utterance's label a majority. Give "
            "--soft_labels_for all to use them all the same."
        )
    return targets


def target_rows(
    targets: dict[str, np.ndarray], conversations: list[dict], shape: tuple[int, int], number: int
) -> np.ndarray:
    """
    The targets of a batch as the model takes them.

    Args:
        targets: see [`soft_targets`].
        conversations: the conversations of the batch, their utterances with an `id`.
        shape: `(B, T)`, the shape of the batch's labels.
        number: the number of emotions.

    Returns:
        `(B, T, number)`, float32; a row of zeros where an utterance has its label alone.
    """
    rows = np.zeros((*shape, number), dtype=np.float32)
    for place, conversation in zip(rows, conversations, strict=True):
        for position, utterance in enumerate(conversation["utterances"]):
            target = targets.get(utterance["id"])
            if target is not None:
                place[position] = target
    return rows


def read_table(path: Path) -> pd.DataFrame:
    """
    A `.csv` or `.parquet` file, as it is.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is another file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no table of soft labels {path}: give a .csv or a .parquet file.")
    if path.suffix not in (".csv", ".parquet"):
        raise ValueError(f"{path} is no table of soft labels: give a .csv or a .parquet file.")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={ID_COLUMN: str})
    except (OSError, ValueError) as error:  # what pandas and pyarrow raise for files of another kind
        raise ValueError(f"{path} cannot be read as a table: {error}") from error


def _check_sums(path: Path, ids: list[str], values: np.ndarray):
    """
    Raises:
        ValueError: for a row of probabilities that do not sum to 1, or of votes whose number is not that of the others.
    """
    sums = values.sum(axis=1)
    are_votes = bool((values == values.round()).all() and (sums > 1).any())
    totals, counts = np.unique(sums[sums > 0], return_counts=True)
    expected = totals[counts.argmax()] if are_votes else 1.0
    wrong = np.flatnonzero(np.abs(sums - expected) > (0 if are_votes else TOLERANCE))
    if len(wrong):
        row = wrong[0]
        kind = f"votes, {expected:g} in other rows" if are_votes else "probabilities, which must sum to 1"
        raise ValueError(
            f"{path}, utterance {ids[row]!r}: its numbers sum to {sums[row]:g}, and the table holds {kind}: correct this row"
            + (f" and {len(wrong) - 1} more." if len(wrong) > 1 else ".")
        )
