# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The arguments of an evaluation and of a calibration."""

from dataclasses import dataclass, field

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP, OptionParser
from modeling_amuse.scripts.training.data_arguments import FeatureArguments
from modeling_amuse.variants import MODALITIES


@dataclass(kw_only=True)
class EvaluationArguments(FeatureArguments):
    """What is evaluated, and on what."""

    model: str = field(metadata={"help": "Folder or Hub id of the model."})
    split: str = field(default="test", metadata={"help": "The split: train, validation or test."})
    output: str = field(default="results.json", metadata={"help": "File for the scores; pictures go beside it."})
    modalities: list[str] | None = field(
        default=None,
        metadata={"help": "Modalities to use.", "default": "all that the model has", "choices": list(MODALITIES)},
    )
    corpus: str | None = field(
        default=None,
        metadata={
            "help": "Score the emotions of this further corpus, one that the model learned from with --extra_data.",
            "default": "the model's own emotions",
        },
    )
    modality_subsets: bool = field(default=False, metadata={"help": "Also score every subset of the modalities."})
    per_device_eval_batch_size: int = field(default=16, metadata={"help": "Conversations in a batch of one process."})
    score_without: list[str] | None = field(
        default=None,
        metadata={
            "help": "Emotions that are predicted but not scored: also print the micro, weighted and macro F1 of the others, as "
            "is the custom for DailyDialog without its neutral."
        },
    )
    num_resamples: int = field(default=1000, metadata={"help": "Resamples of the bootstrap interval."})
    predictions: str | None = field(
        default=None, metadata={"help": "Parquet file for what is predicted for each labelled utterance."}
    )
    parts: str | None = field(
        default=None,
        metadata={
            "help": "CSV file with the columns utterance_id, part and, where ids recur, split: the scores of each part are given "
            "as well."
        },
    )
    missing_rate: float = field(
        default=0.0, metadata={"help": "Probability with which an utterance loses a modality, each by itself."}
    )
    word_drop_rate: float = field(default=0.0, metadata={"help": "Probability with which a word of a text is dropped."})
    feature_noise: float = field(
        default=0.0,
        metadata={
            "help": "Noise on the features, in standard deviations of the training split's (of states of an encoder, for "
            "which these are not known: of this split's)."
        },
    )
    disturbed_modalities: list[str] | None = field(
        default=None,
        metadata={
            "help": "Modalities that --missing_rate and --feature_noise disturb.",
            "default": "all modalities of the model",
            "choices": list(MODALITIES),
        },
    )
    disturbance_seed: int = field(default=0, metadata={"help": "Seed of what is missing, dropped and added."})
    pictures: bool = field(default=True, metadata={"help": "Draw the pictures (needs the extra plots)."})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


@dataclass(kw_only=True)
class ContributionArguments(FeatureArguments):
    """Whose contributions are looked at, and on what."""

    model: str | None = field(
        default=None,
        metadata={"help": "Folder or Hub id of a model with experts.", "default": "the models of --cross_validation"},
    )
    cross_validation: str | None = field(
        default=None,
        metadata={
            "help": "Output folder of a cross-validation with experts: the model of each fold is applied to the "
            "conversations of its test part, and the utterances of all folds are pooled. Data set and features are "
            "read from this folder.",
            "default": "one model, --model",
        },
    )
    split: str = field(default="validation", metadata={"help": "The split: train, validation or test."})
    output: str | None = field(default=None, metadata={"help": "JSON file for the numbers."})
    per_device_eval_batch_size: int = field(default=16, metadata={"help": "Conversations in a batch."})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


@dataclass(kw_only=True)
class CalibrationArguments(FeatureArguments):
    """What is calibrated, and on what."""

    model: str = field(metadata={"help": "Folder of the model; its config.json is changed."})
    per_device_eval_batch_size: int = field(default=16, metadata={"help": "Conversations in a batch of one process."})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


def parse_one(kind: type, arguments: list[str] | None = None, description: str | None = None):
    """
    The words of a command line as an object of one data class.

    Args:
        kind: the data class, such as [`EvaluationArguments`].
        arguments: words of the command line. None: those of this process.
        description: of the command, for its `--help`.
    """
    [parsed] = OptionParser(kind, description=description).read(arguments)
    return parsed
