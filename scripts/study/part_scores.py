# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Scores of a part of the utterances, such as those whose label readers of the text agree with."""

import numpy as np
import pandas as pd

from modeling_amuse.processing.evaluation.seed_comparison import SeedScores

PROBABILITY = "probability_"
"""How the columns begin that hold the probability of an emotion."""


def scores_of_part(frames: list[pd.DataFrame], parts: dict[str, str], part: str, unit: str) -> tuple[SeedScores, int]:
    """
    The scores of the seeds of a variant on the utterances of one part, and how many these are.

    Args:
        frames: what each seed predicted, see `write_predictions`.
        parts: see [`read_parts`].
        part: the part.
        unit: `conversation` or `speaker`: what the bootstrap draws.
    """
    chosen = [frame[frame["utterance"].map(parts) == part] for frame in frames]
    # of all utterances: the variants that are compared predict different emotions in a part
    emotions = sorted({name.removeprefix(PROBABILITY) for name in frames[0] if name.startswith(PROBABILITY)})
    labels = {emotion: label for label, emotion in enumerate(emotions)}
    runs = [
        (f["emotion"].map(labels).to_numpy(), f["prediction"].map(labels).to_numpy(), np.asarray(f[unit]))
        for f in chosen
    ]
    return SeedScores(runs, len(emotions)), len(chosen[0])
