# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Recordings with one person on each channel, such as telephone calls and podcasts: detect them, and find who speaks when."""

import numpy as np

ACTIVE = 10 ** (-25 / 10)  # of the channel's loud moments, power
CLEAR = 10 ** (6 / 10)  # power: how much louder one channel must be
LEAST_CLEAR_SHARE = 0.75
LEAST_SHARE_OF_CHANNEL = 0.03
LOUD_PERCENTILE = 98
LEAST_POWER = 1e-8  # -80 dB of full scale
CROSSTALK_MARGIN = 10 ** (8 / 10)
SMOOTHED_FRAMES = 7
MOST_CHANNELS = 8


def hold_a_speaker_each(powers: np.ndarray) -> bool:
    """
    Whether the channels of a recording hold a speaker each.

    Each channel is compared with its own loud moments, so that a soft line counts as much as a loud one. While anybody
    speaks, one channel must be clearly louder (6 dB) for three quarters of the time; the rest may be people who speak at once.

    Args:
        powers: `(frames, channels)`, the mean square of short frames (up to 0.1 s) of each channel.
    """
    if powers.ndim != 2 or not len(powers) or not 2 <= powers.shape[1] <= MOST_CHANNELS:
        return False
    loud = np.percentile(powers, LOUD_PERCENTILE, axis=0)
    if loud.min() < LEAST_POWER:
        return False
    relative = np.sort(powers / loud, axis=1)
    loudest = (powers / loud).argmax(axis=1)
    active = relative[:, -1] > ACTIVE
    clear = active & (relative[:, -1] > CLEAR * relative[:, -2])
    shares = np.bincount(loudest[clear], minlength=powers.shape[1]) / max(active.sum(), 1)
    return bool(clear.sum() >= LEAST_CLEAR_SHARE * max(active.sum(), 1) and shares.min() >= LEAST_SHARE_OF_CHANNEL)


def without_crosstalk(probabilities: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """
    The probabilities of speech of each channel, 0 where the channel only repeats another one softly.

    How loud one speaker is on another's channel is measured where that speaker alone is loud; what is less than 8 dB above
    this is crosstalk.

    Args:
        probabilities: `(frames, channels)`, of speech.
        powers: `(frames, channels)`, the mean square of the same frames.
    """
    kernel = np.ones(SMOOTHED_FRAMES) / SMOOTHED_FRAMES
    smooth = np.stack([np.convolve(channel, kernel, mode="same") for channel in powers.T], axis=1)
    relative = smooth / np.maximum(np.percentile(smooth, LOUD_PERCENTILE, axis=0), LEAST_POWER)
    kept = probabilities.copy()
    for loud in range(powers.shape[1]):
        for soft in range(powers.shape[1]):
            alone = (relative[:, loud] > ACTIVE) & (relative[:, soft] < relative[:, loud])
            if soft == loud or not alone.any():
                continue
            leak = min(np.median(relative[alone, soft] / relative[alone, loud]) * CROSSTALK_MARGIN, 1 / CLEAR)
            kept[(relative[:, loud] > ACTIVE) & (relative[:, soft] < leak * relative[:, loud]), soft] = 0.0
    return kept
