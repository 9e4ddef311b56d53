# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Writing the settings of a training to a YAML file, with which `--recipe` repeats it."""

import re
from dataclasses import asdict, fields
from pathlib import Path, PureWindowsPath

import yaml

from modeling_amuse import AmuseConfig
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.default_text_model import SCRATCH
from modeling_amuse.scripts.training.training_arguments import DataArguments, ModelArguments, TrainArguments

RECIPE_FILE = "recipe.yaml"
OF_ONE_RUN = {
    *("recipe", "output_dir", "resume_from_checkpoint", "use_cpu", "num_threads"),
    *("report_to", "push_to_hub", "hub_model_id", "hub_private_repo", "energy_country", "device_watts"),
}
"""Options of a single run, which do not change the trained model and are not part of a recipe."""


def resolved_settings(
    arguments: tuple[DataArguments, ModelArguments, TrainArguments], config: AmuseConfig
) -> dict[str, object]:
    """
    All settings of a training, from the command line, the recipe, the preset and the defaults.

    Args:
        arguments: the arguments of the training.
        config: the configuration of its model, which has the values of options that were not given.
    """
    settings = {}
    of_config = {field.name for field in fields(AmuseConfig)} & arguments[1].config_fields(given_only=False).keys()
    for part in arguments:
        for name, value in asdict(part).items():
            value = getattr(config, name) if value is None and name in of_config else value
            if value is not None and name not in OF_ONE_RUN:
                settings[name] = value
    if "text" in config.modalities and arguments[0].text_features is None:
        settings.setdefault("text_model", SCRATCH)  # otherwise a repetition would take the default encoder
    return {**settings, "modalities": list(config.modalities)}


def write_recipe(
    arguments: tuple[DataArguments, ModelArguments, TrainArguments], config: AmuseConfig, output_dir: Path
):
    """Write `recipe.yaml`, with which the training can be repeated, into the output folder."""
    settings = resolved_settings(arguments, config)
    said = "# All settings of this training. Repeat it: amuse train --recipe recipe.yaml --output_dir NEW_FOLDER\n"
    places = {name: value for name, value in settings.items() if is_place(value)}
    settings = {name: value for name, value in settings.items() if name not in places}
    if places:
        given = " ".join(f"--{name} .../{_last_part(value)}" for name, value in places.items())
        said += f"# Paths of one machine are left out. Give them again: {given}\n"
    output_dir.mkdir(parents=True, exist_ok=True)
    with whole_file(output_dir / RECIPE_FILE) as file:
        file.write_text(said + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")


def is_place(value) -> bool:
    """Whether a value is, or holds, the absolute path of a file or folder, which others do not have."""
    values = value if isinstance(value, (list, tuple)) else [value]
    parts = [part for one in values if isinstance(one, str) for part in re.split(r"[=,]|:(?![/\\])", one)]
    return any(part.startswith("~") or Path(part).is_absolute() or PureWindowsPath(part).drive for part in parts)


def _last_part(value) -> str:
    values = value if isinstance(value, (list, tuple)) else [value]
    return " ".join(Path(str(one)).name for one in values)
