# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Checkpoints: the state of a training at the end of an epoch, as safetensors and JSON.

They contain no random state: every epoch seeds all generators from (seed, epoch, process), so that a resumed training gives
the same results as one without interruption.
"""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.tensor import DTensor, distribute_tensor

from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.processing.whole_files import whole_folder

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
    Write the checkpoint of a finished epoch. It appears only when it is complete; then earlier ones are removed. All
    processes must call this, as sharded tensors are gathered from all of them; the main process writes.

    Args:
        folder: the folder of the checkpoints.
        epoch: the number of finished epochs.
        model: the model, of which trained weights and their buffers are saved; frozen encoders are not.
        averaged: the moving average of the weights, or None; it is not sharded.
        optimizer: the optimizer.
        scheduler: the scheduler of the learning rate.
        progress: values for JSON, which `read_progress` returns.
        is_main_process: whether this process writes.
    """
    weights = _whole(_trained_tensors(model))
    state = optimizer.state_dict()
    tensors = {f"{index}.{name}": value for index, values in state["state"].items() for name, value in values.items()}
    tensors = _whole(tensors)
    if not is_main_process:
        return
    finished = folder / f"{PREFIX}{epoch}"
    with whole_folder(finished) as unfinished:
        save_file(weights, unfinished / "model.safetensors")
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, unfinished / "optimizer.safetensors")
        if averaged is not None:
            save_file(_trained_tensors(averaged), unfinished / "averaged.safetensors")
        numbers = {"param_groups": state["param_groups"], "scheduler": scheduler.state_dict(), "progress": progress}
        write_json(numbers, unfinished / "state.json")
        shutil.rmtree(finished, ignore_errors=True)
    for other in folder.iterdir():
        if other != finished:
            shutil.rmtree(other, ignore_errors=True)


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the last finished epoch, or None."""
    found = [path for path in folder.glob(f"{PREFIX}*") if path.name.removeprefix(PREFIX).isdigit()]
    return max(found, key=lambda path: int(path.name.removeprefix(PREFIX)), default=None)


def read_progress(path: Path) -> dict:
    """
    Read the progress that was saved with a checkpoint.

    Raises:
        FileNotFoundError: when there is no checkpoint.
    """
    return _read_state(path)["progress"]


def write_progress(path: Path, progress: dict):
    """Replace the progress of a checkpoint."""
    state = {**_read_state(path), "progress": progress}
    write_json(state, path / "state.json")


def _read_state(path: Path) -> dict:
    if not (path / "state.json").is_file():
        raise FileNotFoundError(
            f"{path} is not a checkpoint of a training: give latest, or the folder of a checkpoint."
        )
    return read_json_object(path / "state.json")


def load_checkpoint(path: Path, model: torch.nn.Module, averaged, optimizer, scheduler):
    """
    Load the state of a checkpoint into the model, the averaged model (or None), the optimizer and the scheduler.

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
        of_parameter = tensor.shape == parameters[int(index)].shape  # the number of steps is a scalar
        state.setdefault(int(index), {})[key] = _as(tensor, parameters[int(index)]) if of_parameter else tensor
    optimizer.load_state_dict({"state": state, "param_groups": numbers["param_groups"]})
    scheduler.load_state_dict(numbers["scheduler"])


def _load_tensors(path: Path, model: torch.nn.Module):
    saved, own = load_file(path), _trained_tensors(model)
    if {name: tensor.shape for name, tensor in saved.items()} != {name: tensor.shape for name, tensor in own.items()}:
        raise ValueError(
            f"{path.parent} is the checkpoint of another model: resume with the arguments with which it was started."
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(_as(saved[name], tensor))


def _trained_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The trained parameters and the buffers of trained modules, which share their memory with the model."""
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
    """The complete tensors, gathered if they are sharded over the processes."""
    return {name: t.full_tensor().cpu() if isinstance(t, DTensor) else t for name, t in tensors.items()}


def _as(tensor: torch.Tensor, example: torch.Tensor) -> torch.Tensor:
    """The tensor, sharded over the processes like the example if that is sharded."""
    if not isinstance(example, DTensor):
        return tensor
    return distribute_tensor(tensor.to(example.device), example.device_mesh, example.placements)
