# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
openSMILE's functionals of a voice: eGeMAPS (88 numbers) and ComParE 2016 (6,373).

openSMILE is audEERING's; its licence allows private, research and educational use, not commercial use. So it is an extra,
`opensmile`, that nothing else needs.
"""

from functools import cache

import numpy as np

from .extras import import_extra
from .sound_tracks import SAMPLING_RATE

SETS = {"egemaps": "eGeMAPSv02", "compare": "ComParE_2016"}


@cache
def _extractor(name: str):
    opensmile = import_extra("opensmile", "opensmile")
    return opensmile.Smile(getattr(opensmile.FeatureSet, SETS[name]), opensmile.FeatureLevel.Functionals)


def functionals(waveform: np.ndarray, name: str) -> np.ndarray | None:
    """
    Args:
        waveform: `(samples,)` at 16 kHz.
        name: `"egemaps"` or `"compare"`.

    Returns:
        `(1, 88)` or `(1, 6373)` float32. None for less than a tenth of a second, in which openSMILE finds no voice.

    Raises:
        ImportError: without the extra `opensmile`.
    """
    if len(waveform) < SAMPLING_RATE // 10:
        return None
    return _extractor(name).process_signal(waveform, SAMPLING_RATE).to_numpy(np.float32)
