# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `amuse push` and `amuse push-dataset`."""

from dataclasses import dataclass, field

from modeling_amuse.processing.corpora.data_sets import DATA_SETS


@dataclass
class PushArguments:
    """Options of the upload of a model."""

    model: str = field(metadata={"help": "Folder of the trained model."})
    repo_id: str = field(metadata={"help": "Repository on the Hub, user/name. It is created if it does not exist."})
    private: bool = field(default=False, metadata={"help": "Create a private repository."})
    revision_tag: str | None = field(default=None, metadata={"help": "Name of this version, for example v1."})
    results: list[str] = field(
        default_factory=list, metadata={"help": "JSON files of `amuse evaluate`, for the model card."}
    )
    studies: list[str] = field(
        default_factory=list, metadata={"help": "Studies (STUDY/DATA of hub_card/results) to show in the model card."}
    )
    license: str | None = field(
        default=None,
        metadata={
            "help": "Licence of the weights in the Hub's spelling, such as apache-2.0.",
            "default": "none is stated",
        },
    )
    dry_run: str | None = field(
        default=None, metadata={"help": "Write the files into this folder instead of uploading them."}
    )


@dataclass
class PushDatasetArguments:
    """Options of the upload of features."""

    features: str = field(metadata={"help": "Folder with the feature tables of one extractor."})
    repo_id: str = field(metadata={"help": "Repository on the Hub, user/name. It is created if it does not exist."})
    dataset_name: str = field(
        metadata={"help": "The data set of the features, whose terms the card states.", "choices": list(DATA_SETS)}
    )
    private: bool = field(default=False, metadata={"help": "Create a private repository."})
    revision_tag: str | None = field(default=None, metadata={"help": "Name of this version, for example v1."})
    dry_run: str | None = field(
        default=None, metadata={"help": "Write the files into this folder instead of uploading them."}
    )
