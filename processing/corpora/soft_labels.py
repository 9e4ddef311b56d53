# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Soft labels: for some utterances a probability of each emotion instead of a single emotion.

They come from the votes of several annotators, or from a teacher model. A model that is trained on votes learns which
utterances are ambiguous (Peterson et al. 2019, "Human uncertainty makes classification more robust", arXiv 1908.07086);
training on the predictions of a teacher is distillation (Hinton et al. 2015, arXiv 1503.02531).
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from modeling_amuse.processing.corpora.feature_tables import by_given_id
from modeling_amuse.processing.corpora.table_files import read_frame
from modeling_amuse.processing.input_boundary import reads_file
from modeling_amuse.processing.plain_values import shown
from modeling_amuse.processing.stated_sizes import check_parquet_size

ID_COLUMN = "utterance_id"
TOLERANCE = 1e-3
"""The largest difference between the sum of a row's probabilities and 1, as files contain rounded numbers."""

MOST_VOTES = 1e9
"""Larger numbers are errors, and their sum may have no finite value."""

MAJORITY = 0.5
"""The share of a row's votes above which a label has the majority."""


@reads_file("give a .csv or a .parquet file with soft labels.")
def read_soft_labels(path: str | Path, emotions: Iterable[str]) -> dict[str, np.ndarray]:
    """
    Read a table of votes or of probabilities.

    Args:
        path: a `.csv` or `.parquet` file with a column `utterance_id` and a column for each emotion. Its numbers are
            probabilities, which sum to 1 in each row, or votes: integers with the same sum in each row. Other columns are
            ignored.
        emotions: the emotions in the order of the labels.

    Returns:
        For each utterance id its probabilities, `(emotions,)`, float64.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when a column or an id is missing, an id occurs twice, a number is missing or negative, or a row has the wrong
            sum.
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
    empty = (frame[ID_COLUMN].isna() | (ids.str.strip() == "")).to_numpy()
    if empty.any():
        raise ValueError(f"{path}: row {empty.argmax() + 1} has no {ID_COLUMN}.")
    if ids.duplicated().any():
        raise ValueError(f"{path} has more than one row for the utterance {ids[ids.duplicated()].iloc[0]!r}.")
    values = frame[emotions].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(values) | (values < 0) | (values > MOST_VOTES)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        cell = shown(str(frame[emotions[column]].iloc[row]))
        raise ValueError(
            f"{path}, utterance {ids.iloc[row]!r}: its {emotions[column]!r} is {cell}, which is neither a probability nor a "
            "number of votes: correct it."
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
    The training targets `(1 - weight) * label + weight * soft label`.

    Args:
        soft_labels: for each utterance its probabilities `(emotions,)`, see [`read_soft_labels`].
        labels: for each utterance of the training split the number of its emotion, None if it has none. Rows of the latter
            are not used.
        weight: the share of the soft label, more than 0 and at most 1.
        only_majority: also leave out the rows in which the label has no majority, because their votes and label may describe
            different things (for MELD, voters read only the text, while some labels were given anew by annotators who saw
            the clip).
        source: the name of the table in error messages.

    Returns:
        For each labelled utterance with a soft label its target, `(emotions,)`, float32; it sums to 1.

    Raises:
        ValueError: for an invalid weight, for utterances that the training split does not have, and when no row is left.
    """
    if not 0 < weight <= 1:
        raise ValueError(f"--soft_label_weight must be more than 0 and at most 1, but is {weight}.")
    soft_labels = by_given_id(soft_labels, labels)
    unknown = [identifier for identifier in soft_labels if identifier not in labels]
    if unknown:
        raise ValueError(
            f"{source} has {len(unknown)} utterance id(s) that the training split does not have, the first is {unknown[0]!r}: "
            f"give the table of this data set, whose ids look like {next(iter(labels), None)!r}."
        )
    targets = {}
    for identifier, probabilities in soft_labels.items():
        label = labels[identifier]
        if label is None or (only_majority and probabilities[label] <= MAJORITY):
            continue
        hard = np.eye(len(probabilities))[label]
        targets[identifier] = ((1 - weight) * hard + weight * probabilities).astype(np.float32)
    if all(labels[identifier] is None for identifier in soft_labels):
        raise ValueError(
            f"No row of {source} can be used, as none of their utterances has a label: give the table of the labelled utterances."
        )
    if not targets:
        raise ValueError(
            f"No row of {source} can be used: in none of them does the utterance's label have the majority. Give "
            "--soft_labels_for all to use all rows."
        )
    return targets


def target_rows(
    targets: dict[str, np.ndarray], conversations: list[dict], shape: tuple[int, int], number: int
) -> np.ndarray:
    """
    The targets of a batch as an input of the model.

    Args:
        targets: see [`soft_targets`].
        conversations: the conversations of the batch, whose utterances have an `id`.
        shape: `(B, T)`, the shape of the batch's labels.
        number: the number of emotions.

    Returns:
        `(B, T, number)`, float32; the row of an utterance without a target is zero.
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
    Read a `.csv` or `.parquet` file without checking its columns.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file has another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no table of soft labels {path}: give a .csv or a .parquet file.")
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise ValueError(f"{path} is not a table of soft labels: give a .csv or a .parquet file.")
    if path.suffix.lower() == ".csv":
        return read_frame(path)
    try:
        check_parquet_size(path)
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # raised by pandas and pyarrow for files of other formats
        raise ValueError(f"{path} cannot be read as a table: {error}") from error


def _check_sums(path: Path, ids: list[str], values: np.ndarray):
    """
    Raises:
        ValueError: for a row of probabilities that do not sum to 1, or with another number of votes than other rows.
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
            f"{path}, utterance {ids[row]!r}: its numbers sum to {sums[row]:g}, but the table contains {kind}: correct this row"
            + (f" and {len(wrong) - 1} more." if len(wrong) > 1 else ".")
        )
