# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What the record of a training says to tell one model from another."""


def training_facts(history: dict) -> dict:
    """The `seed`, `dataset_name` and `best_epoch` of a `training_history.json`; None where it does not tell."""
    settings = history.get("settings", {})
    return {
        "seed": settings.get("seed"),
        "dataset_name": settings.get("dataset_name"),
        "best_epoch": history.get("best_epoch"),
    }


def differences_of_training(recorded: dict, own: dict) -> list[str]:
    """How the training of an evaluated model, as recorded in the evaluation, differs from another training."""
    return [
        f"its {name} is {value}, this model's {own[name]}"
        for name, value in recorded.items()
        if value is not None and own.get(name) not in (None, value)
    ]
