# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The state of a training at the end of an epoch, as safetensors and JSON.

There is no random state in it: every epoch seeds all generators from (seed, epoch, process), so what comes after a
resume is what would have come without the stop.
"""

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.tensor import DTensor, distribute_tensor

from modeling_amuse.processing.whole_files import whole_file

PREFIX = "epoch-"


def save_checkpoint(
    folder: Path,
    epoch: int,
    model: torch.nn.Module,
    averaged: torch.optim.swa_utils.AveragedModel | None,
    optimizer,
    scheduler,
    progress: dict,
    is_main_process: bool = True,
):
    """
    Write the checkpoint of a finished epoch. It appears whole or not at all, and then earlier ones are removed. All
    processes call this, as what is sharded is gathered from all; the main process writes.

    Args:
        folder: where the checkpoints are.
        epoch: the number of finished epochs.
        model: its trained weights and its buffers are kept; frozen encoders are not.
        averaged: the moving average of its weights, where there is one; it is not sharded.
        progress: whatever JSON holds, given back by `read_progress`.
    """
    weights = _whole(_trained_tensors(model))
    state = optimizer.state_dict()
    tensors = {f"{index}.{name}": value for index, values in state["state"].items() for name, value in values.items()}
    tensors = _whole(tensors)
    if not is_main_process:
        return
    unfinished = folder / f"{PREFIX}{epoch}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    save_file(weights, unfinished / "model.safetensors")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, unfinished / "optimizer.safetensors")
    if averaged is not None:
        save_file(_trained_tensors(averaged), unfinished / "averaged.safetensors")
    numbers = {"param_groups": state["param_groups"], "scheduler": scheduler.state_dict(), "progress": progress}
    (unfinished / "state.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    finished = folder / f"{PREFIX}{epoch}"
    shutil.rmtree(finished, ignore_errors=True)
    os.replace(unfinished, finished)
    for other in folder.iterdir():
        if other != finished:
            shutil.rmtree(other, ignore_errors=True)


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the last finished epoch, or None."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdigit()]
    return max(found, key=lambda path: int(path.name.removeprefix(PREFIX)), default=None)


def read_progress(path: Path) -> dict:
    """
    The progress that was saved with a checkpoint.

    Raises:
        FileNotFoundError: when there is no checkpoint.
    """
    return _read_state(path)["progress"]


def write_progress(path: Path, progress: dict):
    """Replace the progress of a checkpoint."""
    state = {**_read_state(path), "progress": progress}
    with whole_file(path / "state.json") as file:
        file.write_text(json.dumps(state, indent=1), encoding="utf-8")


def _read_state(path: Path) -> dict:
    if not (path / "state.json").is_file():
        raise FileNotFoundError(f"{path} is no checkpoint of a training.")
    return json.loads((path / "state.json").read_text(encoding="utf-8"))


def load_checkpoint(path: Path, model: torch.nn.Module, averaged, optimizer, scheduler):
    """
    Put model, averaged model (None where there is none), optimizer and scheduler into the state of the checkpoint.

    Raises:
        FileNotFoundError: when there is no checkpoint.
        ValueError: when it belongs to another model.
    """
    numbers = _read_state(path)
    _load_tensors(path / "model.safetensors", model)
    if averaged is not None:
        _load_tensors(path / "averaged.safetensors", averaged)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {}
    for name, tensor in load_file(path / "optimizer.safetensors").items():
        index, key = name.split(".", 1)
        of_parameter = tensor.shape == parameters[int(index)].shape  # the number of steps is of no shape
        state.setdefault(int(index), {})[key] = _as(tensor, parameters[int(index)]) if of_parameter else tensor
    optimizer.load_state_dict({"state": state, "param_groups": numbers["param_groups"]})
    scheduler.load_state_dict(numbers["scheduler"])


def _load_tensors(path: Path, model: torch.nn.Module):
    saved, own = load_file(path), _trained_tensors(model)
    if {name: tensor.shape for name, tensor in saved.items()} != {name: tensor.shape for name, tensor in own.items()}:
        raise ValueError(
            f"{path.parent} is the checkpoint of another model: resume with the arguments that it was started with."
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(_as(saved[name], tensor))


def _trained_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The trained parameters, and the buffers of modules that are trained; they share their memory with the model."""
    frozen = {
        name
        for name, module in model.named_modules()
        if (p := list(module.parameters())) and not any(q.requires_grad for q in p)
    }
    tensors = {name: parameter.data for name, parameter in model.named_parameters() if parameter.requires_grad}
    for name, buffer in model.named_buffers():
        owner = name.rpartition(".")[0]
        if not any(owner == module or owner.startswith(f"{module}.") for module in frozen):
            tensors[name] = buffer
    return tensors


def _whole(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, whole also where they are sharded over the processes."""
    return {name: t.full_tensor().cpu() if isinstance(t, DTensor) else t for name, t in tensors.items()}


def _as(tensor: torch.Tensor, example: torch.Tensor) -> torch.Tensor:
    """The tensor, sharded over the processes where the example is."""
    if not isinstance(example, DTensor):
        return tensor
    return distribute_tensor(tensor.to(example.device), example.device_mesh, example.placements)
