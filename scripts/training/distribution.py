# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Distributing a training over processes and devices, and making it reproducible."""

import os
from datetime import timedelta

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, InitProcessGroupKwargs, set_seed

from modeling_amuse.scripts.training.prediction import forget_mixed_precision
from modeling_amuse.scripts.training.training_arguments import ModelArguments, TrainArguments

LONG_WAITS = InitProcessGroupKwargs(timeout=timedelta(hours=12))
"""The main process alone reads data, stores encoder states and fits experts, which may take longer than the usual minutes for
which the other processes would wait."""


def runs_on_cpu(args: TrainArguments) -> bool:
    """Whether a training uses the processor: if the user wants it, or there is no GPU."""
    return args.use_cpu or not torch.cuda.is_available()


def start_accelerator(model_args: ModelArguments, args: TrainArguments) -> Accelerator:
    """
    Create the accelerator of a training, seed the random numbers, and choose deterministic algorithms where they exist.

    Raises:
        ValueError: for a kind of distribution that this training does not support.
    """
    forget_mixed_precision()
    cpu = runs_on_cpu(args)
    slow = args.mixed_precision == "bf16" and not has_bfloat16_instructions(cpu)
    accelerator = Accelerator(
        mixed_precision="no" if slow else args.mixed_precision,
        cpu=cpu,
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False), LONG_WAITS],
        log_with=args.report_to or None,
        project_dir=os.path.join(args.output_dir, "logs"),
    )
    check_distribution(accelerator, model_args)
    if slow:
        accelerator.print(
            f"Warning: this {'processor' if cpu else 'GPU'} has no instructions for bfloat16, which would make the training "
            "many times slower: it computes in float32, in place of --mixed_precision bf16."
        )
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if launched not in ("no", args.mixed_precision):
        accelerator.print(
            f"Warning: the mixed precision {launched} of accelerate launch is ignored: the precision of this training is set "
            f"by --mixed_precision, which is {args.mixed_precision}."
        )
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = (
        False  # only helps to find bugs, and costs a tenth of the time
    )
    set_seed(args.seed)
    return accelerator


def has_bfloat16_instructions(cpu: bool) -> bool:
    """
    Whether the processor (`cpu`) or else the GPU multiplies matrices in bfloat16 about as fast as in float32. Others emulate
    bfloat16, which is many times slower.
    """
    if not cpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def check_distribution(accelerator: Accelerator, model_args: ModelArguments):
    """
    Raises:
        ValueError: for a kind of distribution that this training does not support.
    """
    kind, plain = accelerator.distributed_type, "accelerate launch --multi_gpu (each process has the whole model)"
    if kind not in (DistributedType.NO, DistributedType.FSDP) and not kind.value.startswith("MULTI_"):
        raise ValueError(
            f"This training does not support {kind.value}, which replaces the optimizer and the checkpoints: use {plain}, "
            "or shard the model with --config_file scripts/accelerate/fsdp.yaml. A script with transformers' Trainer can "
            "use DeepSpeed."
        )
    if kind == DistributedType.FSDP and not accelerator.is_fsdp2:
        raise ValueError("Sharding needs FSDP 2: set fsdp_version: 2, as scripts/accelerate/fsdp.yaml does.")
    if kind == DistributedType.FSDP and model_args.lora:
        raise ValueError(
            f"--lora cannot be combined with sharding, which saves little when few weights are trained. Use {plain}, with "
            "--gradient_checkpointing and --mixed_precision bf16 to save memory."
        )
    if os.environ.get("ACCELERATE_USE_FSDP", "false") == "true" and kind != DistributedType.FSDP:
        accelerator.print(f"Warning: the model is not sharded, as accelerate does not shard on {accelerator.device}.")


def sharded_layers(model) -> list[str]:
    """
    The classes of the layers that FSDP shards one by one. The model's own list also names layers of encoders that it does
    not have, and embeddings, which accelerate shards separately; accelerate fails on both.
    """
    embeddings = model.get_input_embeddings()
    layers = [module for module in model.modules() if type(module).__name__ in model._no_split_modules]
    return sorted({type(layer).__name__ for layer in layers if all(part is not embeddings for part in layer.modules())})
