# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `amuse explain-study`."""

from dataclasses import dataclass, field

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE
from modeling_amuse.scripts.training.data_arguments import data_set_name

METHODS = ("integrated_gradients", "lime", "attention", "random")


@dataclass
class WordsArguments:
    """Whose words are scored, and how."""

    model: str = field(metadata={"help": "Folder or Hub id of a model that reads words."})
    dataset_name: str = field(default="meld", metadata={"help": "Data set.", "type": data_set_name})
    data_dir: str | None = field(default=None, metadata={"help": "Folder of the data set."})
    split: str = field(default="validation", metadata={"help": "Split of the data set."})
    methods: list[str] = field(
        default_factory=lambda: list(METHODS),
        metadata={"help": "What orders the words.", "choices": list(METHODS)},
    )
    max_conversations: int | None = field(
        default=None,
        metadata={"help": "Conversations that are taken, from the first on.", "default": "all", "range": AT_LEAST_ONE},
    )
    random_orders: int = field(
        default=5, metadata={"help": "Random orders of the words of each utterance.", "range": AT_LEAST_ONE}
    )
    lime_samples: int = field(
        default=200, metadata={"help": "Sentences for which LIME asks the model.", "range": AT_LEAST_ONE}
    )
    random_models: int = field(
        default=5,
        metadata={
            "help": "Models with random weights whose word scores are compared with those of the model.",
            "range": AT_LEAST_ONE,
        },
    )
    seed: int = field(default=0, metadata={"help": "Seed of the random orders and of the random weights."})
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


@dataclass
class ControlledArguments:
    """Which model is explained, and where the controlled corpus is."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder or Hub id of the model."})
    data_dir: str = field(
        default="amuse-sample-data",
        metadata={
            "help": "The rendered corpus that the model was trained on. On its training split it is measured which action units "
            "MediaPipe sees in each drawn expression."
        },
    )
    features_dir: str | None = field(
        default=None, metadata={"help": "Folder of its feature tables.", "default": "features in --data_dir"}
    )
    split: str = field(default="test", metadata={"help": "Split of the corpus that is explained."})
    explained_dir: str | None = field(
        default=None,
        metadata={
            "help": "Rendered corpus whose split is explained, such as further draws of the test split. Its feature tables are "
            "in its folder features.",
            "default": "--data_dir",
        },
    )
    output: str | None = field(default=None, metadata={"help": "JSON file for the report."})
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)
