# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `amuse study` and `scripts/controlled_study.py`."""

from dataclasses import dataclass, field

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP
from modeling_amuse.scripts.training.training_arguments import EXPERT_CHOICES
from modeling_amuse.variants import MODALITIES


@dataclass
class StudyArguments:
    """Options of the study."""

    study: str = field(metadata={"help": "Name of a study, or path of its YAML file.", "positional": True})
    output_dir: str = field(
        default="amuse-studies",
        metadata={"help": "Folder for trainings and evaluations; several studies may share it."},
    )
    results_dir: str = field(
        default="hub_card/results", metadata={"help": "Folder for the tables and plots of a complete study."}
    )
    data: list[str] | None = field(default=None, metadata={"help": "Data sets of the study.", "default": "all"})
    variants: list[str] | None = field(default=None, metadata={"help": "Variants of the study.", "default": "all"})
    seeds: list[int] | None = field(
        default=None, metadata={"help": "Seeds of the trainings.", "default": "those of the study"}
    )
    set: list[str] = field(
        default_factory=list,
        metadata={"help": "KEY=VALUE or DATA.KEY=VALUE: the path of data, such as meld.data_dir=MELD."},
    )
    trial: bool = field(
        default=False,
        metadata={
            "help": "A trial may have fewer seeds and changed settings, and writes its tables to --output_dir. With changed "
            "settings it does not evaluate the test split."
        },
    )
    validation_only: bool = field(
        default=False, metadata={"help": "Do not evaluate the test split, to choose settings."}
    )
    parts: str | None = field(
        default=None,
        metadata={
            "help": "Table (.csv) with split, utterance_id and part: also score each part of the utterances separately."
        },
    )
    keep_runs: str | None = field(
        default=None,
        metadata={
            "help": "Folder to copy the scores and predictions of each finished run to. With its content in "
            "OUTPUT_DIR/trainings, the study continues on another machine."
        },
    )
    delete_models: bool = field(default=False, metadata={"help": "Delete the models when the study is finished."})
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


@dataclass
class ControlledStudyArguments:
    """Options of the controlled study."""

    data_dir: str = field(default="amuse-sample-data", metadata={"help": "Folder of the rendered corpus."})
    features_dir: str | None = field(
        default=None, metadata={"help": "Folder of its feature tables.", "default": "features in --data_dir"}
    )
    output_dir: str = field(default="controlled-study", metadata={"help": "Folder for models and results."})
    seeds: list[int] = field(default_factory=lambda: [42, 43, 44], metadata={"help": "Seeds of the trainings."})
    subsets: list[str] | None = field(
        default=None, metadata={"help": "Subsets of the modalities, such as text+audio.", "default": "all"}
    )
    experts: str | None = field(
        default=None,
        metadata={
            "help": "Experts of the trained models.",
            "default": "none",
            "choices": EXPERT_CHOICES,
        },
    )
    separate_expert_weights: bool = field(
        default=False, metadata={"help": "Fit a weight for each expert, instead of one for all experts."}
    )
    conversation_modalities: list[str] | None = field(
        default=None,
        metadata={
            "help": "Modalities that attention, fusion and contexts read.",
            "default": "all",
            "choices": list(MODALITIES),
        },
    )
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)
