# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The folder of a Gradio Space that shows a model and runs without an installation of this package."""

import shutil
from importlib.resources import files
from pathlib import Path

from huggingface_hub import SpaceCardData
from huggingface_hub.repocard import RepoCard

SPACE = Path(__file__).with_name("space")
MODULES = (
    "conversation_text.py",
    "emotion_page.py",
    "lanes.py",
    "limits.py",
    "page_style.py",
    "process_memory.py",
    "swept_folder.py",
)
"""The files of the page that `app.py` imports as `modeling_amuse.hub_card.space...`."""

BESIDE = ("model_facts.py", "sources.py", "training_facts.py")
"""The files beside the page's folder that it imports."""


def write_space_folder(model: str, output_dir: str | Path) -> Path:
    """
    Write the Space of a model: the page (`app.py`), its requirements, its README, and a copy of the package that it imports.

    Args:
        model: the Hub id of the model. It becomes `models` in the metadata of the README, where the page reads it.
        output_dir: a folder that does not exist yet or is empty.

    Returns:
        The folder. Upload it with `HfApi.upload_folder(..., repo_type="space")`, or run `python app.py` in it.

    Raises:
        ValueError: when the folder is not empty.
    """
    output_dir = Path(output_dir)
    if output_dir.exists() and any(output_dir.iterdir()):
        raise ValueError(f"{output_dir} is not empty: name a folder that does not exist yet.")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SPACE, output_dir, ignore=shutil.ignore_patterns("__pycache__", *MODULES), dirs_exist_ok=True)
    package = output_dir / "modeling_amuse"
    shutil.copytree(files("modeling_amuse"), package, ignore=ignore, dirs_exist_ok=True)
    shutil.copytree(files("modeling_amuse.processing"), package / "processing", ignore=ignore, dirs_exist_ok=True)
    (package / "hub_card" / "space").mkdir(parents=True, exist_ok=True)
    for module in MODULES:
        shutil.copy(SPACE / module, package / "hub_card" / "space")
    for module in BESIDE:
        shutil.copy(SPACE.parent / module, package / "hub_card")
    readme = output_dir / "README.md"
    card = RepoCard.load(readme)
    card.data = SpaceCardData(**{**card.data.to_dict(), "models": [model]})
    card.save(readme)
    return output_dir
