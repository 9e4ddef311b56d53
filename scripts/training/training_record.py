# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The record of a training (settings, epochs, facts for the model card), and resuming a training from it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from modeling_amuse import MODALITIES, AmuseConfig
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.scripts.training.optimization import Training
from modeling_amuse.scripts.training.recipe_file import RECIPE_FILE
from modeling_amuse.scripts.training.run_record import encoder_name
from modeling_amuse.scripts.training.training_arguments import (
    DEFAULTS,
    FREE_ON_RESUME,
    DataArguments,
    ModelArguments,
    TrainArguments,
)
from modeling_amuse.scripts.training.training_checkpoint import latest_checkpoint, load_checkpoint, read_progress
from modeling_amuse.scripts.training.training_data import TrainingData

SELECTION_RULE = "the highest weighted F1 on the validation split, the first of equals"
HISTORY_FILE = "training_history.json"


@dataclass
class TrainingRecord:
    """
    The record of a training, as in its checkpoints and in `training_history.json`.

    Attributes:
        epoch: the number of finished epochs.
        best_epoch: the epoch whose model is saved.
        best_weighted_f1: its weighted F1 on the validation split.
        history: losses and scores of each epoch.
        settings: the settings that must be the same when the training is resumed.
        selection_rule, warnings, encoders, num_trained_parameters, data_report: facts for the model card, which are not
            compared when the training is resumed.
        runs: hardware and versions of the first run and of each resumed run that trained an epoch.
        experts: the result of the last stage, see `expert_stage.py`. None: the stage was not reached.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_weighted_f1: float = -1.0
    history: list[dict] = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    selection_rule: str = SELECTION_RULE
    warnings: list[str] = field(default_factory=list)
    encoders: dict[str, str | None] = field(default_factory=dict)
    num_trained_parameters: int = 0
    data_report: dict[str, dict] = field(default_factory=dict)
    runs: list[dict] = field(default_factory=list)
    experts: dict | None = None

    def add_epoch(self, line: dict) -> bool:
        """Add the losses and scores of an epoch. Returns whether it is the best so far."""
        self.epoch = line["epoch"]
        self.history.append(line)
        if line["validation_weighted_f1"] <= self.best_weighted_f1:
            return False
        self.best_epoch, self.best_weighted_f1 = self.epoch, line["validation_weighted_f1"]
        return True

    def go_on_from(self, progress: dict):
        """Copy the epochs and the runs of an interrupted training from its progress."""
        for name in ("epoch", "best_epoch", "best_weighted_f1", "history", "settings"):
            setattr(self, name, progress[name])
        self.runs = list(progress.get("runs", ()))
        self.experts = progress.get("experts")

    def write(self, output_dir: Path):
        """Write `training_history.json`."""
        write_json(asdict(self), output_dir / HISTORY_FILE)


def describe_training(
    training: Training,
    data: TrainingData,
    datasets: tuple[ConversationDataset, ConversationDataset],
    arguments: tuple[DataArguments, ModelArguments, TrainArguments],
    warnings: list[str],
    encoder_weights: str | None,
) -> TrainingRecord:
    """
    Make the record of a training before its first epoch.

    Args:
        training: the state of the training.
        data: the data of the training.
        datasets: the training and the validation conversations.
        arguments: the arguments of the training.
        warnings: the warnings that were printed.
        encoder_weights: the hash of the weights of a frozen or adapted encoder, which checkpoints do not contain.
    """
    _, model_args, _ = arguments
    return TrainingRecord(
        settings=training_settings(training, datasets, arguments, encoder_weights),
        warnings=warnings,
        encoders={m: encoder_name(getattr(model_args, f"{m}_model")) for m in MODALITIES},
        num_trained_parameters=training.num_trained_parameters,
        data_report={split: dict(data.report[split]) for split in data.splits},
    )


def training_settings(
    training: Training,
    datasets: tuple[ConversationDataset, ConversationDataset],
    arguments: tuple[DataArguments, ModelArguments, TrainArguments],
    encoder_weights: str | None,
) -> dict:
    """The settings that must be the same when a training is resumed: options, model, data, and weights of encoders."""
    settings = {name: value for part in arguments for name, value in asdict(part).items() if name not in FREE_ON_RESUME}
    model = all_fields(training.model.config)
    for modality in MODALITIES:
        (model[f"{modality}_config"] or {}).pop("_name_or_path", None)  # the encoder's folder may change
    tokenizer = training.processor.tokenizer
    return {
        **settings,
        "num_processes": training.accelerator.num_processes,
        "model": model,
        "encoder_weights": encoder_weights,
        "data": [dataset.digest() for dataset in datasets],
        "vocabulary": tokenizer and sorted(tokenizer.get_vocab()),
    }


def all_fields(config: AmuseConfig) -> dict:
    """The fields of a configuration as JSON stores them."""
    return json.loads(config.to_json_string(use_diff=False))


def with_later_options(settings: dict) -> dict:
    """Settings of an earlier version of the package, with the defaults of options and fields that it did not have."""
    return {**DEFAULTS, **settings, "model": {**all_fields(AmuseConfig()), **settings.get("model", {})}}


def start_or_resume(record: TrainingRecord, training: Training, output_dir: Path):
    """
    Load the state of the interrupted training in the output folder, or check that a new training would not overwrite
    anything there.

    Raises:
        FileNotFoundError: when the checkpoint to resume from does not exist.
        ValueError: when the folder holds another training or a model.
    """
    checkpoints, wanted = output_dir / "checkpoints", training.args.resume_from_checkpoint
    if wanted is not None:
        resume(wanted, checkpoints, record, training)
    elif latest_checkpoint(checkpoints) is not None:
        raise ValueError(
            f"{output_dir} already contains a training: add --resume_from_checkpoint latest to continue it, or choose "
            "another --output_dir."
        )
    elif (output_dir / "config.json").is_file():
        raise ValueError(f"{output_dir} already contains a model, which would be lost: choose another --output_dir.")


def resume(wanted: str, checkpoints: Path, record: TrainingRecord, training: Training):
    """
    Load the state of an interrupted training.

    Args:
        wanted: `latest`, or the folder of a checkpoint in `checkpoints`.
        checkpoints: the folder of the checkpoints.
        record: the record of the training, into which the epochs are copied.
        training: the state of the training, which is changed.

    Raises:
        FileNotFoundError: when there is no such checkpoint.
        ValueError: when it is the checkpoint of another training, or the training is finished.
    """
    say = training.accelerator.print
    path = latest_checkpoint(checkpoints) if wanted == "latest" else Path(wanted)
    if path is not None and path.resolve().parent != checkpoints.resolve():
        raise ValueError(
            f"{path} is not a checkpoint in {checkpoints}: a training can only be resumed in its own --output_dir."
        )
    if path is None:
        if (checkpoints.parent / HISTORY_FILE).is_file():
            raise ValueError(
                f"{checkpoints.parent} contains a finished training whose checkpoints were removed: choose another "
                "--output_dir."
            )
        if (checkpoints.parent / "config.json").is_file() and not (checkpoints.parent / RECIPE_FILE).is_file():
            raise ValueError(
                f"{checkpoints.parent} contains a model of another origin, which would be lost: choose another --output_dir."
            )
        say(f"No epoch was finished in {checkpoints.parent}: starting from the beginning.")
        return
    progress = read_progress(path)
    check_settings(path, progress["settings"], record.settings)
    load_checkpoint(path, *training.state)
    record.go_on_from(progress)
    say(f"Resumed from the end of epoch {record.epoch}.")


def difference(name: str, before, now) -> str:
    """How a setting differs, in words."""
    if isinstance(now, dict) and isinstance(before, dict):
        differing = [key for key in now | before if before.get(key) != now.get(key)]
        return ", ".join(difference(f"{name}.{key}", before.get(key), now.get(key)) for key in differing)
    if isinstance(now, (str, int, float, type(None))):
        return f"{name} was {before!r}, is {now!r}"
    return f"{name} differs"


def check_settings(path: Path, stopped: dict, settings: dict):
    """
    Raises:
        ValueError: when the settings of the interrupted training were different.
    """
    stopped = with_later_options(stopped)
    differing = [name for name, value in settings.items() if stopped.get(name) != value]
    if not differing:
        return
    values = [difference(name, stopped.get(name), settings[name]) for name in differing]
    raise ValueError(
        f"{path} was made with other settings: {'; '.join(values)}. Resume with the former settings, or start a new training "
        "in another --output_dir."
    )
