# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Convert pictures of high dynamic range (PQ, HLG) to standard range."""

import functools

import numpy as np

PQ, HLG = 16, 18
"""FFmpeg's numbers of the transfer functions: SMPTE ST 2084 and ARIB STD-B67 (both in ITU-R BT.2100)."""
BT2020 = 9
"""FFmpeg's number of the primaries of ITU-R BT.2020."""

WHITE = 203.0
"""Candelas per square metre of a white surface in a picture of high range (ITU-R BT.2408)."""
PEAK = 1000.0
"""Candelas per square metre that become the brightest value; what is brighter is cut."""
KNEE = 0.6
"""Up to this share of white, brightness is kept; above it is compressed."""

BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
"""Linear light, ITU-R BT.2087."""


def is_high_range(transfer: int) -> bool:
    """Whether a picture with this transfer function must be mapped."""
    return transfer in (PQ, HLG)


def to_standard_range(image: np.ndarray, transfer: int, primaries: int = BT2020) -> np.ndarray:
    """
    A picture of high dynamic range as one of standard range.

    Light is decoded, compressed above a knee in proportion to its brightest component, so that hues stay, brought from BT.2020's
    colours to sRGB's, and encoded as sRGB.

    Args:
        image: `(height, width, 3)` uint16 RGB over the whole range.
        transfer: [`PQ`] or [`HLG`].
        primaries: the number of the primaries; those of BT.2020 are converted, others kept.

    Returns:
        `(height, width, 3)` uint8 RGB.
    """
    light = _light_of(transfer)[image]
    if transfer == HLG:  # the system's gamma for a screen of 1000 candelas: brightness depends on all components
        luminance = light @ np.array([0.2627, 0.6780, 0.0593], np.float32)
        light *= np.maximum(luminance, 1e-6)[..., None] ** np.float32(0.2)
    light *= np.float32(PEAK / WHITE)
    brightest = light.max(axis=-1, keepdims=True)
    light *= _compressed(brightest) / np.maximum(brightest, 1e-6)
    if primaries == BT2020:
        light = light @ BT2020_TO_BT709.T
    return (_encoded(light.clip(0, 1)) * 255 + 0.5).astype(np.uint8)


@functools.cache
def _light_of(transfer: int) -> np.ndarray:
    """For each of the 65536 values the light that it stands for, 1 at [`PEAK`]; of HLG the light of the scene."""
    signal = np.arange(65536) / 65535
    if transfer == PQ:
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = signal ** (1 / m2)
        candelas = 10000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
        return np.minimum(candelas / PEAK, 1.0).astype(np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)


def _compressed(light: np.ndarray) -> np.ndarray:
    """From 0 to `PEAK / WHITE` to 0 to 1: the same below the knee, and bent smoothly above it (Reinhard's curve)."""
    over = np.maximum(light - KNEE, 0) / (1 - KNEE)
    most = (PEAK / WHITE - KNEE) / (1 - KNEE)
    return np.where(light <= KNEE, light, KNEE + (1 - KNEE) * over * (1 + over / most**2) / (1 + over))


def _encoded(light: np.ndarray) -> np.ndarray:
    """The transfer function of sRGB."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)
