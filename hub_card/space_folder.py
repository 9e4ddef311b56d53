# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A Gradio Space that shows a model, as a folder that runs by itself."""

import shutil
from importlib.resources import files
from pathlib import Path

from huggingface_hub import SpaceCardData
from huggingface_hub.repocard import RepoCard

SPACE = Path(__file__).with_name("space")


def write_space_folder(model: str, output_dir: str | Path) -> Path:
    """
    Write the Space of a model: the page, its requirements, its README, and the packages that it needs beside them.

    Args:
        model: the Hub id of the model, which becomes `models` of the README; the page reads it there.
        output_dir: a folder that does not exist yet, or is empty.

    Returns:
        The folder: `HfApi.upload_folder(..., repo_type="space")` takes it, and `python app.py` runs in it.

    Raises:
        ValueError: when the folder holds something already.
    """
    output_dir = Path(output_dir)
    if output_dir.exists() and any(output_dir.iterdir()):
        raise ValueError(f"{output_dir} holds something already: name a folder that does not exist yet.")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SPACE, output_dir, ignore=ignore, dirs_exist_ok=True)
    package = output_dir / "modeling_amuse"
    shutil.copytree(files("modeling_amuse"), package, ignore=ignore, dirs_exist_ok=True)
    shutil.copytree(files("modeling_amuse.processing"), package / "processing", ignore=ignore, dirs_exist_ok=True)
    readme = output_dir / "README.md"
    card = RepoCard.load(readme)
    card.data = SpaceCardData(**{**card.data.to_dict(), "models": [model]})
    card.save(readme)
    return output_dir
