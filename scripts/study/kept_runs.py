# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The scores and predictions of finished runs without their models: small enough for a repository."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from modeling_amuse.processing.whole_files import whole_file


def keep_run(training: Path, folder: Path):
    """
    Copy what a study needs of a finished run to write its tables. Probabilities are copied with 32 bits.

    Args:
        training: the run's folder in `OUTPUT_DIR/trainings`.
        folder: the folder for the copies of all runs. A study that finds it as `OUTPUT_DIR/trainings` skips these runs.
    """
    scores = [training / "run.json", *training.glob("evaluations/*/results.json")]
    # predictions first: a run counts as finished when its scores are there. Late fusions read those of folds
    predictions = [*training.glob("evaluations/*/predictions.parquet"), *training.glob("folds/*/*_predictions.parquet")]
    for source in [*predictions, *scores]:
        target = folder / training.name / source.relative_to(training)
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(target) as file:
            if source in scores:
                shutil.copyfile(source, file)
            else:
                frame = pd.read_parquet(source)
                numbers = frame.select_dtypes("float64").columns
                frame.astype(dict.fromkeys(numbers, np.float32)).to_parquet(file, index=False, compression="zstd")
