# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The hardware, the software versions and the energy of a run, for the model card."""

import os
import platform
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from accelerate import Accelerator

from modeling_amuse.hub_card.training_facts import training_facts
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.scripts.command.process import usable_cores

PACKAGES = ("amuse-emotion", "torch", "transformers", "datasets", "accelerate", "peft", "scikit-learn", "numpy")


def describe_run(accelerator: Accelerator) -> dict:
    """The hardware and the software versions of a run."""
    device = accelerator.device
    is_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if is_gpu else _processor_name(),
        "device_type": device.type,
        "num_processes": accelerator.num_processes,
        "num_cores": None if is_gpu else usable_cores(),
        "num_threads": torch.get_num_threads(),
        "mixed_precision": str(accelerator.mixed_precision),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name)) is not None},
    }


def encoder_name(name: str | None) -> str | None:
    """The public name of an encoder: its Hub id, or the name of its folder without the path."""
    return Path(name).resolve().name if name is not None and Path(name).exists() else name


def read_training(model: str | Path) -> dict | None:
    """The `seed`, `dataset_name` and `best_epoch` of a model's training; None if the folder has no record of it."""
    path = Path(model) / "training_history.json"
    if not path.is_file():
        return None
    return training_facts(read_json_object(path))


class EnergyMeter:
    """
    Measures the energy of the machine with codecarbon, without the network.

    Args:
        country: the three-letter code (ISO 3166) of the country whose electricity grid the machine uses. None measures
            nothing.

    Raises:
        ImportError: when codecarbon or pycountry is not installed.
        ValueError: for an unknown country code.
    """

    def __init__(self, country: str | None):
        self.tracker = None
        if country is None:
            return
        os.environ.setdefault("CODECARBON_LOG_LEVEL", "error")
        codecarbon = import_extra("codecarbon", "energy")
        # for an unknown country, codecarbon only logs a message and uses the world average
        if import_extra("pycountry", "energy").countries.get(alpha_3=country.upper()) is None:
            raise ValueError(f"There is no country {country!r}: give its three letters of ISO 3166, such as DEU.")
        self.tracker = codecarbon.OfflineEmissionsTracker(
            country_iso_code=country.upper(), output_methods=[], log_level="error", allow_multiple_runs=True
        )

    @contextmanager
    def measured(self, line: dict):
        """Measure the code inside, and add its `energy_kwh` and `emissions_kg` (CO2 equivalents) to a line of the history."""
        if self.tracker is None:
            yield
            return
        self.tracker.start_task()
        try:
            yield
        finally:
            data = self.tracker.stop_task()
        line |= {"energy_kwh": data.energy_consumed, "emissions_kg": data.emissions}


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
