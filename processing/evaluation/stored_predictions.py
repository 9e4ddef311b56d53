# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Predictions that were stored as a Parquet file by an evaluation, and are read again by a study or a distillation."""

from pathlib import Path

import numpy as np
import pandas as pd

from modeling_amuse.processing.input_boundary import reads_file
from modeling_amuse.processing.stated_sizes import check_parquet_size

COLUMNS = ("conversation", "utterance", "emotion", "prediction")
PROBABILITY = "probability_"
TOLERANCE = 1e-3
"""The largest difference between the sum of the probabilities of an utterance and 1."""


@reads_file("evaluate the model again.")
def read_predictions(path: str | Path) -> pd.DataFrame:
    """
    Read stored predictions.

    Args:
        path: a Parquet file with the columns `conversation`, `utterance`, `emotion`, `prediction`, and `probability_NAME` for
            each emotion. Other columns are kept.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it lacks a column, or a row is damaged; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There are no predictions {path}: evaluate the model again.")
    check_parquet_size(path)
    frame = pd.read_parquet(path)
    names = [str(name).removeprefix(PROBABILITY) for name in frame if str(name).startswith(PROBABILITY)]
    lacking = [name for name in COLUMNS if name not in frame]
    if lacking or len(names) < 2:
        raise ValueError(
            f"{path} lacks the columns {', '.join(lacking) or 'of probabilities'}: evaluate the model again."
        )
    if frame.columns.duplicated().any() or frame.duplicated(["conversation", "utterance"]).any():
        raise ValueError(f"{path} has a column or an utterance twice: evaluate the model again.")
    for name in COLUMNS:
        if not frame[name].map(lambda value: isinstance(value, str)).all():
            raise ValueError(f"{path}: its column {name} does not hold a text in each row: evaluate the model again.")
    _check_probabilities(frame, names, path)
    return frame


def _check_probabilities(frame: pd.DataFrame, names: list[str], path: Path):
    columns = [f"{PROBABILITY}{name}" for name in names]
    if not all(pd.api.types.is_float_dtype(frame[column]) for column in columns):
        raise ValueError(f"{path}: its probabilities are not numbers: evaluate the model again.")
    values = frame[columns].to_numpy(np.float64)
    wrong = ~np.isfinite(values).all(axis=1) | (values < 0).any(axis=1) | (np.abs(values.sum(axis=1) - 1) > TOLERANCE)
    best = values.max(axis=1) if len(values) else np.zeros(0)
    place = {name: number for number, name in enumerate(names)}
    chosen = frame["prediction"].map(place)
    wrong |= chosen.isna().to_numpy() | ~frame["emotion"].isin(names).to_numpy()
    wrong[~wrong] |= values[~wrong, chosen[~wrong].astype(int)] < best[~wrong]
    if wrong.any():
        row = frame.iloc[int(wrong.argmax())]
        raise ValueError(
            f"{path}: the probabilities of the utterance {row['utterance']!r} of the conversation {row['conversation']!r} do "
            "not sum to 1, or its emotion or prediction does not match them: evaluate the model again."
        )
