# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Reporting losses and scores to experiment trackers, through accelerate."""

import importlib.util

from accelerate import Accelerator

from modeling_amuse.scripts.training.optimization import Training
from modeling_amuse.scripts.training.training_record import TrainingRecord

PROJECT = "amuse"


def check_trackers(names: list[str]):
    """
    Raises:
        ImportError: when the package of a tracker is not installed, which accelerate would silently ignore.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                f"--report_to {name} needs the package {name}, which is not installed: pip install {name}"
            )


def start_trackers(record: TrainingRecord, accelerator: Accelerator):
    """
    Start the trackers of the accelerator with the settings of the training.

    Raises:
        ValueError: when a tracker cannot be started.
    """
    if not accelerator.log_with:
        return
    settings = {name: value for name, value in record.settings.items() if isinstance(value, (bool, int, float, str))}
    names = ", ".join(map(str, accelerator.log_with))
    try:
        accelerator.init_trackers(PROJECT, config=settings)
    except Exception as error:
        raise ValueError(
            f"--report_to {names}: the tracker cannot be started: {error}. Log in to its service, or leave --report_to out."
        ) from error


def log_epoch(line: dict, training: Training):
    """
    Report the losses, the validation scores, the current learning rate and the time of an epoch.

    Args:
        line: the epoch's entry in the history of `training_history.json`.
        training: the training.
    """
    rates = training.scheduler.get_last_lr()
    values = {"learning_rate": rates[0]}
    if len(rates) > 1:
        values["encoder_learning_rate"] = max(rates[1:])
    for name, value in line.items():
        group, _, rest = name.partition("_")
        values[f"{group}/{rest}" if group in ("train", "validation") else name] = value
    training.accelerator.log(values, step=line["epoch"])
