# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Writing plots."""

from pathlib import Path

from modeling_amuse.processing.whole_files import whole_file


def save_png(figure, path: Path, **settings):
    """
    Write a figure of matplotlib as a PNG file, which appears only when it is complete.

    Args:
        figure: the figure.
        path: the file.
        settings: of `Figure.savefig`.
    """
    with whole_file(Path(path)) as file:
        figure.savefig(file, format="png", **settings)
