# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The training loop: epochs, steps and the loss of a batch."""

import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import BatchFeature

from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.evaluation.unclear_threshold import choose_threshold
from modeling_amuse.scripts.training.consistency import divergence, read_twice
from modeling_amuse.scripts.training.corpus_batches import SeveralCorpora, epoch_steps
from modeling_amuse.scripts.training.optimization import Training, num_epochs
from modeling_amuse.scripts.training.prediction import predict, score
from modeling_amuse.scripts.training.run_record import EnergyMeter, describe_run
from modeling_amuse.scripts.training.saved_model import save_model
from modeling_amuse.scripts.training.tracking import log_epoch
from modeling_amuse.scripts.training.training_arguments import TrainArguments
from modeling_amuse.scripts.training.training_checkpoint import save_checkpoint
from modeling_amuse.scripts.training.training_record import TrainingRecord

LOSSES = ("loss", "classification_loss", "modality_loss", "contrastive_loss")
"""The losses of the model's output that are reported. The first one is minimized."""


def training_loop(
    training: Training,
    train_set: SeveralCorpora,
    validation_set: ConversationDataset,
    record: TrainingRecord,
    output_dir: Path,
    meter: EnergyMeter,
):
    """
    Train the remaining epochs. After each epoch, the model is scored on the validation split and saved if it is the best so
    far, and a checkpoint is written.

    Args:
        training: the state of the training.
        train_set: the training conversations.
        validation_set: the conversations of the validation split.
        record: the record of the training, to which the epochs are added.
        output_dir: the folder of the model and the checkpoints.
        meter: measures the energy of each epoch.
    """
    accelerator, args = training.accelerator, training.args
    energy = {"energy_country": args.energy_country, "device_watts": args.device_watts}
    this_run = {**describe_run(accelerator), **energy}
    started_at = record.epoch
    for epoch in range(started_at, num_epochs(args)):
        if epoch - max(record.best_epoch, args.extra_data_first) >= args.early_stopping_patience:
            accelerator.print(f"No better epoch in {args.early_stopping_patience} epochs: stopped early.")
            break
        if epoch == started_at:
            record.runs.append(this_run)
        line, threshold = train_and_validate(training, train_set, validation_set, epoch, meter)
        is_best = record.add_epoch(line)
        accelerator.print(describe_epoch(line, num_epochs(args), is_best))
        log_epoch(line, training)
        # The model is saved first: if the training stops before the checkpoint is written, the epoch is repeated.
        if is_best:
            for model in (training.model, training.chosen):
                model.config.unclear_below = threshold
            save_model(training.chosen, training.adapters, training.processor, output_dir, accelerator)
        save_checkpoint(
            output_dir / "checkpoints", epoch + 1, *training.state, asdict(record), accelerator.is_main_process
        )
        accelerator.wait_for_everyone()


def train_and_validate(
    training: Training,
    train_set: SeveralCorpora,
    validation_set: ConversationDataset,
    epoch: int,
    meter: EnergyMeter,
) -> tuple[dict, float | None]:
    """
    Train one epoch and score the model. Returns its losses, validation scores, time in seconds and energy, and the confidence
    below which its predictions are unclear.
    """
    accelerator, args = training.accelerator, training.args
    start, used = time.perf_counter(), {}
    with meter.measured(used):
        losses = train_epoch(training, train_set, epoch)
        with accelerator.autocast():
            predictions = predict(
                training.chosen, validation_set, training.processor, accelerator, args.per_device_eval_batch_size
            )
    config = training.model.config
    emotions = [config.id2label[label] for label in range(config.num_labels)]
    scores = score(predictions, emotions, num_resamples=0)
    line = {
        "epoch": epoch + 1,
        **losses,
        "validation_loss": predictions["loss"],
        **{f"validation_{name}": scores[name] for name in ("weighted_f1", "accuracy", "macro_f1")},
        "seconds": time.perf_counter() - start,
        **used,
    }
    return line, choose_threshold(predictions["prediction_scores"], predictions["references"])


def train_epoch(training: Training, dataset: SeveralCorpora, epoch: int) -> dict[str, float]:
    """
    Train one epoch. A loss is a sum over utterances, divided by the number of labelled utterances in all batches and
    processes of a step, so that steps do not depend on the distribution of conversations over processes.

    Args:
        training: the state of the training.
        dataset: the training conversations.
        epoch: the number of epochs before this one.

    Returns:
        The mean of each loss over the labelled utterances.

    Raises:
        ValueError: when a loss is not finite.
    """
    accelerator, args = training.accelerator, training.args
    batches = epoch_batches(dataset, args, epoch, accelerator)
    # All random numbers of an epoch depend on these seeds, so that a resumed training repeats them.
    set_seed(int(np.random.SeedSequence([args.seed, epoch, accelerator.process_index]).generate_state(1)[0]))
    collate = partial(dataset.collate, training.processor, training.model.config.modalities)
    loader = iter(DataLoader(dataset, batch_sampler=batches, collate_fn=collate))
    starts = range(0, len(batches), args.gradient_accumulation_steps)
    totals, utterances = Counter(), 0
    training.wrapped.train()
    for start in tqdm(
        starts, desc=f"Epoch {epoch + 1}", unit="step", leave=False, disable=not accelerator.is_local_main_process
    ):
        number = min(args.gradient_accumulation_steps, len(batches) - start)
        step_batches = [next(loader).to(accelerator.device) for _ in range(number)]
        utterances += training_step(training, step_batches, totals)
    sums = accelerator.reduce(torch.tensor(list(totals.values()), device=accelerator.device), reduction="sum")
    if not sums.isfinite().all():
        raise ValueError(
            f"The loss of epoch {epoch + 1} is not finite: lower --learning_rate, and check the features for extreme values. "
            "The model of the earlier epochs is kept."
        )
    return {f"train_{name}": float(total) / utterances for name, total in zip(totals, sums, strict=True)}


def epoch_batches(
    dataset: SeveralCorpora, args: TrainArguments, epoch: int, accelerator: Accelerator
) -> list[list[int]]:
    """
    The batches of this process in an epoch, as positions of conversations. All processes have as many batches. One without a
    conversation for this process has `~position` of another process's, so that all take the same way through the model.
    """
    process, processes = accelerator.process_index, accelerator.num_processes
    size = args.per_device_train_batch_size * processes
    corpora = dataset.of_epoch(epoch, args.extra_data_first)
    steps = epoch_steps(dataset, corpora, size, args.group_by_length, np.random.default_rng([args.seed, epoch]))
    return [np.array_split(step, processes)[process].tolist() or [~int(step[0])] for step in steps]


def training_step(training: Training, batches: list[BatchFeature], totals: Counter) -> int:
    """
    Make one step of the optimizer.

    Args:
        training: the state of the training.
        batches: the batches of this process whose gradients are accumulated.
        totals: the sum of each loss over the utterances of this process, to which this step is added.

    Returns:
        The number of labelled utterances in all processes.
    """
    accelerator, args = training.accelerator, training.args
    labelled = torch.stack([(batch["labels"] != -100).sum() for batch in batches]).sum()
    labelled = accelerator.reduce(labelled, reduction="sum").clamp(min=1)
    for number, batch in enumerate(batches):
        # processes exchange gradients only after the last batch of a step
        with nullcontext() if number == len(batches) - 1 else accelerator.no_sync(training.wrapped):
            losses = batch_losses(training, batch, labelled)
            # gradients are averaged over the processes, but must be summed
            accelerator.backward(losses["loss"] * accelerator.num_processes)
        for name, loss in losses.items():
            totals[name] += float(loss.detach() * labelled)
    # several processes need a gradient for every weight, but a head that was not used must stay as it is, as with one process
    for head in training.model.heads_without([batch.get("corpus") for batch in batches]):
        for weight in head.parameters():
            weight.grad = None
    if args.max_grad_norm > 0:
        accelerator.clip_grad_norm_(training.wrapped.parameters(), args.max_grad_norm)
    training.optimizer.step()
    training.scheduler.step()
    training.optimizer.zero_grad()
    if training.averaged is not None:
        training.averaged.update_parameters(training.model)
    return int(labelled)


def batch_losses(training: Training, batch: BatchFeature, labelled: torch.Tensor) -> dict[str, torch.Tensor]:
    """
    The losses of a batch: `loss` is minimized, the others are only reported.

    To add a loss, or one that needs several forward passes, change this function.

    Args:
        training: the state of the training.
        batch: the output of the processor; additional keys are passed to the model.
        labelled: the number of labelled utterances in the whole step, by which the model divides sums over utterances.
    """
    weight = training.args.r_drop
    if not weight:
        outputs = training.wrapped(**batch, num_items_in_batch=labelled)
        return {name: outputs[name] for name in LOSSES if outputs.get(name) is not None}
    batch = read_twice(batch)
    outputs = training.wrapped(**batch, num_items_in_batch=2 * labelled)
    losses = {name: outputs[name] for name in LOSSES if outputs.get(name) is not None}
    losses["consistency_loss"] = weight * divergence(outputs.logits, batch["labels"]) / labelled
    return {**losses, "loss": losses["loss"] + losses["consistency_loss"]}


def describe_epoch(line: dict, epochs: int, is_best: bool) -> str:
    """The line that is printed for an epoch."""
    parts = " + ".join(
        f"{line[f'train_{name}_loss']:.4f}"
        for name in ("classification", "modality", "contrastive", "consistency")
        if f"train_{name}_loss" in line
    )
    return (
        f"epoch {line['epoch']}/{epochs}  train loss {line['train_loss']:.4f} ({parts})  validation loss "
        f"{line['validation_loss']:.4f}  weighted F1 {line['validation_weighted_f1']:.4f}  accuracy "
        f"{line['validation_accuracy']:.4f}  macro F1 {line['validation_macro_f1']:.4f}  {line['seconds']:.0f} s"
        + ("  best" if is_best else "")
    )
