# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The body of `amuse train`: from the arguments to the saved model."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from modeling_amuse import AmuseForEmotionRecognition
from modeling_amuse.processing.corpora.encoder_states import encoder_record
from modeling_amuse.processing.file_locks import only_writer
from modeling_amuse.scripts.command.process import threads_for_steps
from modeling_amuse.scripts.training.default_text_model import choose_text_model
from modeling_amuse.scripts.training.distribution import start_accelerator
from modeling_amuse.scripts.training.expert_stage import fit_experts, in_words
from modeling_amuse.scripts.training.model_building import build_model, contamination_warnings
from modeling_amuse.scripts.training.optimization import Training, prepare_training
from modeling_amuse.scripts.training.publication import check_publication, publish
from modeling_amuse.scripts.training.recipe_file import write_recipe
from modeling_amuse.scripts.training.run_record import EnergyMeter
from modeling_amuse.scripts.training.tracking import check_trackers, start_trackers
from modeling_amuse.scripts.training.training_arguments import (
    DataArguments,
    ModelArguments,
    TrainArguments,
    check_arguments,
)
from modeling_amuse.scripts.training.training_checkpoint import latest_checkpoint, write_progress
from modeling_amuse.scripts.training.training_data import load_training_data, training_datasets
from modeling_amuse.scripts.training.training_loop import training_loop
from modeling_amuse.scripts.training.training_record import TrainingRecord, describe_training, start_or_resume


def train(data_args: DataArguments, model_args: ModelArguments, args: TrainArguments) -> TrainingRecord:
    """
    Train a model, and save it with its record in `--output_dir`.

    Returns:
        The record of the training, as in `training_history.json`.

    Raises:
        FileNotFoundError: when files are missing.
        ImportError: when the package of a tracker is missing.
        OSError: when another training writes into the folder, or nothing can be written there.
        ValueError: when options contradict each other or do not match the data, and when the loss is not finite.
    """
    check_arguments(data_args, model_args, args)
    check_trackers(args.report_to)
    accelerator = start_accelerator(model_args, args)
    check_publication(args, accelerator.is_main_process)
    mine = only_writer(Path(args.output_dir), "training") if accelerator.is_main_process else nullcontext()
    with mine:
        return _train(data_args, model_args, args, accelerator)


def _train(data_args: DataArguments, model_args: ModelArguments, args: TrainArguments, accelerator) -> TrainingRecord:
    output_dir = Path(args.output_dir)
    meter = EnergyMeter(args.energy_country if accelerator.is_main_process else None)  # measures the whole machine

    # Data and model
    data = load_training_data(data_args, args.seed, accelerator)
    choose_text_model(data_args, model_args, accelerator)
    model, processor = build_model(data, model_args)
    warnings = contamination_warnings(model_args)
    for warning in warnings:
        accelerator.print(f"Warning: {warning}")
    datasets = train_set, validation_set = training_datasets(data, model, processor, accelerator, data_args.cache_dir)

    # Optimizer
    encoder_weights = untrained_encoder_weights(model, model_args)
    training = prepare_training(model, processor, train_set, model_args, args, accelerator)
    describe_model(training)

    # The loop
    arguments = (data_args, model_args, args)
    record = describe_training(training, data, datasets, arguments, warnings, encoder_weights)
    start_or_resume(record, training, output_dir)
    if accelerator.is_main_process:
        write_recipe(arguments, model.config, output_dir)
    start_trackers(record, accelerator)
    started_at = record.epoch
    with threads_for_steps(trains_encoder(model)):
        training_loop(training, train_set, validation_set, record, output_dir, meter)
    changed = record.epoch != started_at

    # The experts, which read the outputs of the trained model
    if record.experts is None:
        add_experts(training, datasets, model_args, record, output_dir)
        changed = True

    # The end
    finish(training, record, output_dir, changed)
    if args.push_to_hub and accelerator.is_main_process:
        publish(args)
    return record


def add_experts(
    training: Training, datasets: tuple, model_args: ModelArguments, record: TrainingRecord, output_dir: Path
):
    """Fit the experts of the saved model. A training that is interrupted in this stage repeats it when it is resumed."""
    accelerator, args = training.accelerator, training.args
    if accelerator.is_main_process:
        corpora, validation_set = datasets
        own = corpora.corpora[0]  # experts predict the emotions of the main data set
        record.experts = fit_experts(
            *(output_dir, own, validation_set, accelerator, args.per_device_eval_batch_size),
            *(model_args.wanted_experts, model_args.separate_expert_weights),
        )
        checkpoint = latest_checkpoint(output_dir / "checkpoints")
        if checkpoint is not None:
            write_progress(checkpoint, asdict(record))
        accelerator.print(in_words(record.experts))
    accelerator.wait_for_everyone()


def trains_encoder(model: AmuseForEmotionRecognition) -> bool:
    """Whether a training changes the weights of an encoder, or adapters in it."""
    return any(
        model.amuse.encoder(modality) is not None and not model.amuse.is_frozen(modality)
        for modality in model.config.modalities
    )


def untrained_encoder_weights(model, model_args: ModelArguments) -> str | None:
    """
    A hash of the text encoder's weights if checkpoints do not contain them, because it is frozen or has LoRA adapters.
    A resumed training must have the same weights. None otherwise.
    """
    encoder = model.amuse.encoder("text")
    if encoder is None or not (model_args.lora or model_args.freeze_text_model):
        return None
    return encoder_record(encoder)["weights"]


def describe_model(training: Training):
    """Print the modalities, the number of trained weights, the devices and the batch size."""
    accelerator, args = training.accelerator, training.args
    accelerator.print(
        f"{', '.join(training.model.config.modalities)}; {training.num_trained_parameters:,} trained parameters; "
        f"{accelerator.num_processes} process(es) on {accelerator.device}, "
        f"{training.batch_size * args.gradient_accumulation_steps} conversations per step"
    )


def finish(training: Training, record: TrainingRecord, output_dir: Path, changed: bool):
    """Write the history, print the best epoch, and end the processes."""
    accelerator = training.accelerator
    if accelerator.is_main_process and (changed or not (output_dir / "training_history.json").is_file()):
        record.write(output_dir)
    accelerator.print(
        f"Epoch {record.best_epoch} was best on validation, weighted F1 {record.best_weighted_f1:.4f}; saved in {output_dir}"
    )
    # The distributed model must be freed before the process group ends: otherwise it would wait for the group's threads
    # while holding the interpreter's lock, which these threads may need.
    (training.wrapped,) = accelerator.free_memory(training.wrapped)
    accelerator.end_training()
