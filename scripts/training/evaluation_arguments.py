# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The arguments of evaluations, calibrations and checks of contributions."""

from dataclasses import dataclass, field

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP, OptionParser
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE, AT_LEAST_ZERO, PROBABILITY
from modeling_amuse.scripts.training.data_arguments import FeatureArguments
from modeling_amuse.variants import MODALITIES


@dataclass(kw_only=True)
class EvaluationArguments(FeatureArguments):
    """Options of the evaluation."""

    model: str = field(metadata={"help": "Folder or Hub id of the model."})
    split: str = field(default="test", metadata={"help": "The split: train, validation or test."})
    output: str = field(
        default="results.json", metadata={"help": "File for the scores; plots go into the same folder."}
    )
    modalities: list[str] | None = field(
        default=None,
        metadata={"help": "Modalities to use.", "default": "all that the model has", "choices": list(MODALITIES)},
    )
    corpus: str | None = field(
        default=None,
        metadata={
            "help": "Score the emotions of this corpus, with which the model was trained by --extra_data.",
            "default": "the emotions of the main data set",
        },
    )
    modality_subsets: bool = field(default=False, metadata={"help": "Also score every subset of the modalities."})
    per_device_eval_batch_size: int = field(
        default=16, metadata={"help": "Conversations in a batch of one process.", "range": AT_LEAST_ONE}
    )
    score_without: list[str] | None = field(
        default=None,
        metadata={
            "help": "Emotions that are predicted but not scored: also print the micro, weighted and macro F1 of the other "
            "emotions, as is usual for DailyDialog without neutral."
        },
    )
    num_resamples: int = field(
        default=1000,
        metadata={
            "help": "Number of resamples of the bootstrap interval. 0: no interval.",
            "range": AT_LEAST_ZERO,
        },
    )
    predictions: str | None = field(
        default=None, metadata={"help": "Parquet file for the predictions for the labelled utterances."}
    )
    descriptors: str | None = field(
        default=None,
        metadata={
            "help": "Parquet file for the descriptors of all utterances; with plots of them (t-SNE) and of the attention between "
            "modalities beside it."
        },
    )
    parts: str | None = field(
        default=None,
        metadata={
            "help": "CSV file with the columns utterance_id, part and, if splits have the same ids, split: also score each part "
            "separately."
        },
    )
    missing_rate: float = field(
        default=0.0,
        metadata={
            "help": "Probability that an utterance loses a modality, independently for each.",
            "range": PROBABILITY,
        },
    )
    word_drop_rate: float = field(
        default=0.0, metadata={"help": "Probability that a word of a text is dropped.", "range": PROBABILITY}
    )
    feature_noise: float = field(
        default=0.0,
        metadata={
            "help": "Standard deviation of the noise on features, in standard deviations of the training split (for states of "
            "an encoder: of this split).",
            "range": AT_LEAST_ZERO,
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
    disturbance_seed: int = field(default=0, metadata={"help": "Seed of the disturbance."})
    pictures: bool = field(default=True, metadata={"help": "Make plots (needs the package matplotlib)."})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


@dataclass(kw_only=True)
class ContributionArguments(FeatureArguments):
    """Options of the check of contributions."""

    model: str | None = field(
        default=None,
        metadata={"help": "Folder or Hub id of a model with experts.", "default": "the models of --cross_validation"},
    )
    cross_validation: str | None = field(
        default=None,
        metadata={
            "help": "Output folder of a cross-validation with experts: the model of each fold is applied to the "
            "conversations of its test part, and the utterances of all folds are pooled. The conversations are read from this "
            "folder, and the features too, unless they were in tables of a data set with a single split: give these again.",
            "default": "one model, --model",
        },
    )
    split: str = field(default="validation", metadata={"help": "The split: train, validation or test."})
    output: str | None = field(default=None, metadata={"help": "JSON file for the results."})
    per_device_eval_batch_size: int = field(
        default=16, metadata={"help": "Conversations in a batch.", "range": AT_LEAST_ONE}
    )
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


@dataclass(kw_only=True)
class CalibrationArguments(FeatureArguments):
    """Options of the calibration."""

    model: str = field(metadata={"help": "Folder of the model; its config.json is changed."})
    per_device_eval_batch_size: int = field(
        default=16, metadata={"help": "Conversations in a batch of one process.", "range": AT_LEAST_ONE}
    )
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


def parse_one(kind: type, arguments: list[str] | None = None, description: str | None = None):
    """
    Parse the words of a command line into an instance of a data class.

    Args:
        kind: the data class, such as [`EvaluationArguments`].
        arguments: the words of the command line. None: those of this process.
        description: the description of the command for `--help`.
    """
    [parsed] = OptionParser(kind, description=description).read(arguments)
    return parsed
