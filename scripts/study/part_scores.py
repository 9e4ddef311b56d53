# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Scores of a part of the utterances, such as those that were labelled in the same way."""

import numpy as np
import pandas as pd

from modeling_amuse.processing.evaluation.seed_comparison import SeedScores

PROBABILITY = "probability_"
"""The prefix of the columns with the probabilities of emotions."""


def scores_of_part(
    frames: list[pd.DataFrame], parts: dict[str, str], part: str, unit: str, trainings: list[str] | None = None
) -> tuple[SeedScores, int]:
    """
    The scores of a variant's seeds on the utterances of one part, and the number of these utterances.

    Args:
        frames: the predictions of each seed, see `write_predictions`.
        parts: the part of each utterance, see [`read_parts`].
        part: the part.
        unit: `conversation` or `speaker`, the unit that the bootstrap draws.
        trainings: the names of the training runs, see [`SeedScores`].
    """
    chosen = [frame[frame["utterance"].map(parts) == part] for frame in frames]
    # of all utterances: the variants that are compared predict different emotions in a part
    emotions = sorted({name.removeprefix(PROBABILITY) for name in frames[0] if name.startswith(PROBABILITY)})
    labels = {emotion: label for label, emotion in enumerate(emotions)}
    runs = [
        (f["emotion"].map(labels).to_numpy(), f["prediction"].map(labels).to_numpy(), np.asarray(f[unit]))
        for f in chosen
    ]
    return SeedScores(runs, len(emotions), trainings), len(chosen[0])
