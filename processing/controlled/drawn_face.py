# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Drawing the faces of the controlled corpus, with their expressions."""

from typing import NamedTuple

import numpy as np

from modeling_amuse.processing.extras import import_extra

SKINS = ((236, 200, 170), (224, 182, 148), (198, 150, 115), (168, 118, 84), (128, 86, 62))
HAIRS = ((60, 40, 28), (25, 20, 18), (120, 80, 40), (150, 120, 80), (90, 45, 30))
BACKGROUNDS = ((150, 170, 180), (170, 160, 140), (130, 150, 130), (160, 140, 160))


class Expression(NamedTuple):
    """
    A facial expression. Values are fractions of the face's height, except that `smile`, `eyes` and `mouth_width` are
    factors. The defaults are those of a neutral face.
    """

    inner_brow: float = 0.0  # up
    outer_brow: float = 0.0  # up
    frown: float = 0.0  # the brows drawn together
    eyes: float = 1.0  # how wide they are open; 1: neutral
    smile: float = 0.0  # corners of the mouth; 1: up, -1: down
    mouth_width: float = 1.0
    mouth_open: float = 0.0
    upper_lip: float = 0.0  # raised, with a wrinkled nose


EXPRESSIONS = {
    "neutral": Expression(),
    "surprise": Expression(inner_brow=0.055, outer_brow=0.055, eyes=1.5, mouth_width=0.75, mouth_open=0.09),
    "fear": Expression(
        inner_brow=0.05, outer_brow=0.0, frown=0.015, eyes=1.45, smile=-0.35, mouth_width=1.25, mouth_open=0.03
    ),
    "sadness": Expression(inner_brow=0.035, outer_brow=-0.025, eyes=0.7, smile=-1.0, mouth_width=0.9),
    "joy": Expression(outer_brow=0.01, eyes=0.8, smile=1.0, mouth_width=1.25, mouth_open=0.02),
    "disgust": Expression(inner_brow=-0.015, frown=0.015, eyes=0.5, smile=-0.4, mouth_width=0.8, upper_lip=0.03),
    "anger": Expression(inner_brow=-0.035, outer_brow=0.03, frown=0.025, eyes=0.85, smile=-0.6, mouth_width=0.95),
}
"""The expression of each emotion, after the prototypes of Ekman's FACS manual, exaggerated."""


def draw_face(expression: Expression, size: int = 384, person: int = 0, mouth: float = 0.0) -> np.ndarray:
    """
    Draw a face on a plain background. It is shaded and blurred so that face detectors for photographs find it.

    Args:
        expression: the facial expression.
        size: height and width of the picture in pixels.
        person: the seed of the person's skin, hair, background and proportions.
        mouth: how far speaking opens the mouth, 0 to 1.

    Returns:
        An RGB picture `(size, size, 3)`, uint8.
    """
    image, draw, filters = (import_extra(f"PIL.{name}", "render") for name in ("Image", "ImageDraw", "ImageFilter"))
    look = np.random.default_rng(person)
    skin, hair, wall = (np.array(colours[look.integers(len(colours))]) for colours in (SKINS, HAIRS, BACKGROUNDS))
    length, breadth = 0.72 * look.uniform(0.96, 1.04), 0.54 * look.uniform(0.96, 1.04)
    picture = image.new("RGB", (size, size), tuple(wall))
    brush = draw.Draw(picture)
    middle, centre = 0.5, 0.53

    def at(x: float, y: float) -> tuple[float, float]:
        """Convert face coordinates (fractions of the face's height, from its centre) to pixels."""
        return ((middle + x * length) * size, (centre + y * length) * size)

    def oval(x: float, y: float, width: float, height: float, colour):
        brush.ellipse(
            [at(x - width / 2, y - height / 2), at(x + width / 2, y + height / 2)], fill=tuple(map(int, colour))
        )

    def line(points, width: float, colour):
        brush.line(
            [at(*point) for point in points],
            fill=tuple(map(int, colour)),
            width=max(1, int(width * size)),
            joint="curve",
        )

    broad = breadth / length
    oval(0, -0.08, broad * 1.22, 1.06, hair)
    brush.rectangle([at(-0.16, 0.35), at(0.16, 0.75)], fill=tuple(map(int, skin * 0.85)))
    brush.ellipse([at(-0.62, 0.58), at(0.62, 1.3)], fill=(70, 80, 120))
    for ring in range(12):  # shading from the rim to the middle
        shade = 0.8 + 0.22 * ring / 11
        oval(0, 0.01 * ring / 11, broad * (1 - 0.035 * ring), 1 - 0.035 * ring, np.minimum(skin * shade, 255))
    brush.chord([at(-broad / 2, -0.52), at(broad / 2, -0.12)], 180, 360, fill=tuple(map(int, hair)))

    jaw = expression.mouth_open + 0.075 * mouth
    for side in (-1, 1):
        eye = side * 0.165
        height = 0.062 * expression.eyes
        oval(eye, -0.085, 0.165, height + 0.035, skin * 0.82)
        oval(eye, -0.085, 0.15, height, (245, 245, 245))
        iris = min(height * 1.02, 0.068)
        oval(eye, -0.085, iris, iris, (80, 60, 40))
        oval(eye, -0.085, iris * 0.5, iris * 0.5, (15, 15, 15))
        line([(eye - 0.078, -0.085), (eye, -0.085 - height / 2 - 0.004), (eye + 0.078, -0.085)], 0.008, (40, 25, 20))
        inner = (side * (0.085 - expression.frown), -0.175 - expression.inner_brow)
        outer = (side * 0.255, -0.17 - expression.outer_brow)
        arch = (side * 0.17, -0.195 - (expression.inner_brow + expression.outer_brow) / 2)
        line([inner, arch, outer], 0.022, hair * 0.8)
        line([(side * 0.05, 0.1), (side * 0.065, 0.125), (side * 0.03, 0.14)], 0.008, skin * 0.6)
        if expression.upper_lip:
            line([(side * 0.06, 0.08), (side * 0.14, 0.2)], 0.008, skin * 0.6)
            for wrinkle in (0.0, 0.03):
                line([(side * 0.045, 0.0 + wrinkle), (0, -0.012 + wrinkle)], 0.006, skin * 0.7)
        if expression.smile > 0.5:
            line([(side * 0.09, 0.11), (side * 0.18, 0.22)], 0.008, skin * 0.72)
        if expression.frown:
            line([(side * 0.02, -0.15), (side * 0.025, -0.2)], 0.006, skin * 0.65)
    line([(0.0, -0.07), (-0.015, 0.08)], 0.014, skin * 0.88)
    oval(0, 0.105, 0.085, 0.055, np.minimum(skin * 1.04, 255))
    oval(-0.022, 0.125, 0.02, 0.013, skin * 0.5)
    oval(0.022, 0.125, 0.02, 0.013, skin * 0.5)

    half, y = 0.135 * expression.mouth_width, 0.245
    corner = y - 0.045 * expression.smile
    x = np.linspace(-1, 1, 21)
    curve = corner + (y - corner) * (1 - x**2)  # the line between the lips, without the jaw
    lips = np.array([185, 85, 85]) * (0.75 + 0.25 * skin.mean() / 200)
    bow = (1 - x**2) ** 0.7
    top = curve - (0.028 + expression.upper_lip) * bow - 0.2 * jaw * bow
    inner_top = curve - 0.2 * jaw * bow - expression.upper_lip * 0.7 * bow
    inner_bottom = curve + 0.9 * jaw * bow
    bottom = inner_bottom + 0.036 * bow
    outline = [*zip(x * half, top, strict=True), *zip(x[::-1] * half, bottom[::-1], strict=True)]
    brush.polygon([at(*point) for point in outline], fill=tuple(map(int, lips)))
    gap = [*zip(x * half * 0.9, inner_top, strict=True), *zip(x[::-1] * half * 0.9, inner_bottom[::-1], strict=True)]
    if jaw + expression.upper_lip > 0.008:
        brush.polygon([at(*point) for point in gap], fill=(60, 20, 25))
        if jaw > 0.02 or expression.upper_lip:
            teeth = [*zip(x * half * 0.7, inner_top, strict=True)]
            teeth += [*zip(x[::-1] * half * 0.7, (inner_top + 0.35 * (inner_bottom - inner_top))[::-1], strict=True)]
            brush.polygon([at(*point) for point in teeth], fill=(235, 230, 220))
    else:
        line(zip(x * half, curve, strict=True), 0.008, lips * 0.55)
    line([(-0.05, 0.36 + jaw * 0.8), (0.05, 0.36 + jaw * 0.8)], 0.006, skin * 0.85)
    return np.asarray(picture.filter(filters.GaussianBlur(size / 320)))
