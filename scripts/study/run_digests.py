# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Identifying equal trainings by a hash of their settings and of the contents of data, features and encoders."""

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from functools import lru_cache
from pathlib import Path

from modeling_amuse import AmuseConfig
from modeling_amuse.configuration_amuse import PRESETS
from modeling_amuse.processing.corpora.conversation_folder import splits_in_name
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.extra_corpora import corpus_and_folder
from modeling_amuse.processing.corpora.load_conversations import open_builder
from modeling_amuse.scripts.study.study_description import PATHS
from modeling_amuse.scripts.training.training_arguments import (
    DEFAULTS,
    FREE_ON_RESUME,
    as_arguments,
    check_arguments,
    parse_arguments,
)


def settings_of(options: dict) -> dict:
    """
    All settings of a training that differ from the defaults. Presets and omitted options are resolved, so that equal
    trainings have equal settings.

    Raises:
        ValueError: when train.py does not accept the options.
    """
    try:
        parsed = parse_arguments(as_arguments({**options, "output_dir": "-"}))
        check_arguments(*parsed)
    except SystemExit as error:
        raise ValueError(f"train.py does not accept these options (see the message above): {options}.") from error
    given = {name: value for part in parsed for name, value in asdict(part).items()}
    defaults = dict(DEFAULTS)
    of_model = {f.name: f.default for f in fields(AmuseConfig) if f.default is not MISSING}
    preset = PRESETS.get(given["preset"], {})
    for name in given:
        if name in of_model and defaults[name] is None:
            defaults[name] = of_model[name]
            given[name] = preset.get(name, of_model[name]) if given[name] is None else given[name]
    given["experts"] = parsed[1].wanted_experts  # where nothing is said, train.py lets validation choose
    given["modalities"] = given["modalities"] and sorted(given["modalities"])
    return {name: value for name, value in sorted(given.items()) if value != defaults.get(name, MISSING)}


def recorded_settings(options: dict) -> dict:
    """The settings of a training for the table, with only the last parts of paths."""
    own = {name: value for name, value in settings_of(options).items() if name != "output_dir"}
    return {name: _name_of(value) if name in PATHS else value for name, value in own.items()}


def _name_of(value: str | list[str]) -> str | list[str]:
    """The last part of a path, or of each of several."""
    if isinstance(value, list):
        return [_name_of(path) for path in value]
    return Path(value).name if Path(value).exists() else value


def options_digest(options: dict, num_folds: int | None = None, folds: dict | None = None) -> str:
    """
    A hash that is equal for trainings with the same settings, seed, data, features and encoders, regardless of their paths
    (except for recordings, whose paths are part of the conversations).

    Args:
        options: the options of train.py.
        num_folds: the number of folds of a cross-validation.
        folds: its other options, see `StudyData.folds`.
    """
    settings = {name: value for name, value in settings_of(options).items() if name not in FREE_ON_RESUME}
    splits = divided_splits(folds or {}) if num_folds else ("train", "validation")
    of_folds = {"num_folds": num_folds, **(folds or {})} if num_folds else {}
    if "groups" in of_folds:
        of_folds["groups"] = _contents(str(of_folds["groups"]), False)
    return json_digest({**settings, **of_folds, "data": data_digest(options, splits, with_test=False)})


def divided_splits(folds: dict) -> tuple[str, ...] | None:
    """The splits that a cross-validation reads; None for all."""
    if folds.get("folds_by") == "session":
        return None
    if "groups" in folds:
        return ("train", "validation")
    named = [folds.get("folds_of", "train"), folds.get("folds_extra")]
    return tuple(split for split in named if split is not None)


def data_digest(options: dict, splits: tuple[str, ...] | None, with_test: bool) -> dict[str, str]:
    """Hashes of the conversations of some splits, feature tables and encoders. Test files are read only `with_test`."""
    if options.get("recipe"):  # which may name tables and encoders, too
        parsed = parse_arguments(as_arguments({**options, "output_dir": "-"}))
        given = {name: value for part in parsed for name, value in asdict(part).items()}
        options = {**options, **{name: given[name] for name in PATHS if given[name] is not None}}
    data_dir = options.get("data_dir")
    reading = DataOptions(**{f.name: options[f.name] for f in fields(DataOptions) if f.name in options})
    builder = open_builder(options.get("dataset_name", "sample"), data_dir, None, splits, reading)
    if builder is None:
        raise ValueError("A study needs a known data set, or your own files: give data_dir or data_file.")
    given = {name: options[name] for name in PATHS if name != "data_dir" and options.get(name)}
    contents = {
        name: [_corpus_contents(entry) for entry in ([path] if isinstance(path, str) else path)]
        if name == "extra_data"
        else _contents(str(path), with_test)
        for name, path in given.items()
    }
    return {"conversations": builder.hash, "builder": str(builder.VERSION), **contents}


def _corpus_contents(entry: str) -> str:
    """A hash of a corpus of `--extra_data`."""
    data_set, folder = corpus_and_folder(entry)
    if data_set == "folder":
        return _contents(folder, False)
    return json_digest([data_set, open_builder(data_set, folder, None, ("train",)).hash])


@lru_cache
def _contents(path: str, with_test: bool) -> str:
    """A hash of a file, or of the files in a folder and in its folder `data`. A name that is not a path is returned."""
    place = Path(path)
    if not place.exists():
        return path
    digest = hashlib.sha256()
    for file in [place] if place.is_file() else sorted([*place.iterdir(), *place.glob("data/*")]):
        if file.is_file() and (with_test or "test" not in splits_in_name(file)):
            digest.update((file.relative_to(place).as_posix() if place.is_dir() else "").encode())
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()


def json_digest(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
