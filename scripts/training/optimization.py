# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The state of a training: the model, its optimizer, the learning rate and the moving average of the weights."""

import re
from collections import defaultdict
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from peft import PeftModel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import get_scheduler

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training.corpus_batches import SeveralCorpora
from modeling_amuse.scripts.training.distribution import sharded_layers
from modeling_amuse.scripts.training.layer_dropout import drop_layers
from modeling_amuse.scripts.training.model_building import add_adapters
from modeling_amuse.scripts.training.training_arguments import ModelArguments, TrainArguments


@dataclass
class Training:
    """
    A model in training, with its optimizer, scheduler and accelerator.

    Attributes:
        model: the model, whose weights are trained in place.
        processor: the processor, which makes the batches.
        wrapped: the model as prepared by accelerate, which is called in training and exchanges gradients.
        adapters: the model with PEFT's methods if LoRA adapters are trained, else None.
        averaged: the moving average of the weights (`--weight_averaging`), or None.
        optimizer: the optimizer as prepared by accelerate.
        scheduler: the scheduler of the learning rate, in steps of the optimizer.
        accelerator: the accelerator of the training.
        args: the options of the training.
    """

    model: AmuseForEmotionRecognition
    processor: AmuseProcessor
    wrapped: torch.nn.Module
    adapters: PeftModel | None
    averaged: AveragedModel | None
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    accelerator: Accelerator
    args: TrainArguments

    @property
    def chosen(self) -> torch.nn.Module:
        """The model that is scored and saved: the moving average of the weights if there is one, else the model."""
        return self.model if self.averaged is None else self.averaged.module

    @property
    def state(self) -> tuple:
        """The parts that a checkpoint stores: model, averaged model, optimizer and scheduler."""
        return self.model, self.averaged, self.optimizer, self.scheduler

    @property
    def num_trained_parameters(self) -> int:
        """The number of trained weights."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    @property
    def batch_size(self) -> int:
        """The number of conversations in one batch of all processes together."""
        return self.args.per_device_train_batch_size * self.accelerator.num_processes


def prepare_training(
    model: AmuseForEmotionRecognition,
    processor: AmuseProcessor,
    corpora: SeveralCorpora,
    model_args: ModelArguments,
    args: TrainArguments,
    accelerator: Accelerator,
) -> Training:
    """
    Prepare the training of a model: adapters, optimizer, learning rate, moving average and processes.

    Args:
        model: the model to train.
        processor: its processor.
        corpora: the training conversations.
        model_args: the options of the model.
        args: the options of the training.
        accelerator: the accelerator of the training.

    Raises:
        ValueError: when options contradict each other.
    """
    adapters = add_adapters(model, model_args) if model_args.lora else None
    if args.attn_implementation is not None:
        model.set_attn_implementation(args.attn_implementation)
    if args.gradient_checkpointing:
        model.activation_checkpointing_enable()
    # a fused optimizer updates all weights in one pass, which saves time with large encoders
    optimizer = torch.optim.AdamW(parameter_groups(model, model_args, args), lr=args.learning_rate, fused=True)
    if args.text_layer_dropout:
        drop_layers(model.amuse.encoder("text"), args.text_layer_dropout)
    steps = optimizer_steps(corpora, args, accelerator.num_processes)
    scheduler = get_scheduler(args.lr_scheduler_type, optimizer, int(args.warmup_ratio * steps), steps)
    if accelerator.distributed_type == DistributedType.FSDP:
        accelerator.state.fsdp_plugin.transformer_cls_names_to_wrap = sharded_layers(model)
    averaged = averaged_model(model, adapters, args, accelerator)
    wrapped, optimizer = accelerator.prepare(model, optimizer)
    return Training(model, processor, wrapped, adapters, averaged, optimizer, scheduler, accelerator, args)


def optimizer_steps(corpora: SeveralCorpora, args: TrainArguments, num_processes: int) -> int:
    """The number of optimizer steps in the whole training, which is the same in each process."""
    size = args.per_device_train_batch_size * num_processes
    batches = [
        sum(-(-len(corpora.corpora[number]) // size) for number in corpora.of_epoch(epoch, args.extra_data_first))
        for epoch in range(num_epochs(args))
    ]
    return sum(-(-number // args.gradient_accumulation_steps) for number in batches)


def num_epochs(args: TrainArguments) -> int:
    """The largest number of epochs of a training, including those on extra corpora only."""
    return args.extra_data_first + args.num_train_epochs


def averaged_model(
    model: AmuseForEmotionRecognition, adapters: PeftModel | None, args: TrainArguments, accelerator: Accelerator
) -> AveragedModel | None:
    """
    The exponential moving average of the weights for `--weight_averaging`, or None without that option.

    Raises:
        ValueError: when adapters are trained or the model is sharded.
    """
    if not args.weight_averaging:
        return None
    if adapters is not None or accelerator.distributed_type == DistributedType.FSDP:
        raise WrongArguments("--weight_averaging does not support --lora and sharded models: leave these out.")
    return AveragedModel(model.to(accelerator.device), multi_avg_fn=get_ema_multi_avg_fn(args.weight_averaging))


def parameter_groups(model, model_args: ModelArguments, args: TrainArguments) -> list[dict]:
    """
    The parameter groups of the optimizer. The weights of a pretrained text encoder, or of its adapters, have their own
    learning rate (`--encoder_learning_rate`), which decreases from each layer to the one below (`--layer_decay`).
    """
    rates = encoder_learning_rates(model, model_args, args) if model_args.text_model else {}
    groups = defaultdict(list, {args.learning_rate: []})
    for parameter in model.parameters():
        if parameter.requires_grad:
            groups[rates.get(id(parameter), args.learning_rate)].append(parameter)
    return [{"params": part, "lr": rate, "weight_decay": args.weight_decay} for rate, part in groups.items() if part]


def encoder_learning_rates(model, model_args: ModelArguments, args: TrainArguments) -> dict[int, float]:
    """The peak learning rate of each parameter of the text encoder, by the parameter's `id`."""
    peak = args.encoder_learning_rate
    if peak is None:
        peak = 3e-4 if model_args.lora else 3e-5
    encoder = model.amuse.encoder("text")
    number = encoder.config.num_hidden_layers
    rates = {}
    for name, parameter in encoder.named_parameters():
        layer = re.search(r"\blayers?\.(\d+)\.", name)
        # weights outside of the layers, such as the embeddings, count as the layer below the first
        below = number - 1 - int(layer[1]) if layer else number
        rates[id(parameter)] = peak * args.layer_decay**below
    return rates
