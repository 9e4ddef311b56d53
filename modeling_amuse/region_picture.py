# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A small picture with coloured regions, for explanations of models that read pictures."""

import base64
import importlib
import io

import numpy as np

SIDE = 96
"""The width and height of the picture in pixels."""
FOR, AGAINST = (255, 120, 0), (0, 90, 255)
"""Orange means for the emotion, blue against it. Colour-blind people can distinguish these colours."""


def region_picture(picture, scores: list[list[float]]) -> str:
    """
    Args:
        picture: `(height, width, 3)` uint8 RGB, or PIL's.
        scores: a row of numbers for each row of a grid over the picture; positive ones are drawn orange, negative ones blue.

    Returns:
        A PNG as a `data:` URL. Empty where Pillow is not installed.
    """
    try:
        image = importlib.import_module("PIL.Image")
    except ModuleNotFoundError:
        return ""
    picture = picture if hasattr(picture, "convert") else image.fromarray(np.asarray(picture, dtype=np.uint8))
    pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE)), dtype=np.float32)
    grid = np.asarray(scores, dtype=np.float32)
    strength = grid / max(float(np.abs(grid).max()), 1e-9)
    rows, columns = (np.arange(SIDE) * size // SIDE for size in grid.shape)
    strength = strength[rows][:, columns][..., None]
    colour = np.where(strength > 0, np.float32(FOR), np.float32(AGAINST))
    share = 0.6 * np.abs(strength)
    file = io.BytesIO()
    image.fromarray((pixels * (1 - share) + colour * share).astype(np.uint8)).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


__all__ = ["region_picture"]
