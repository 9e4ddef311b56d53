# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The arguments for the data that a command reads. This file imports only the standard library and light modules."""

from argparse import ArgumentTypeError
from dataclasses import dataclass, field

from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS, is_known, unknown_data_set


def data_set_name(word: str) -> str:
    """Check that a word of the command line names a data set."""
    if not is_known(word):
        raise ArgumentTypeError(unknown_data_set(word))
    return word


@dataclass
class DataSetArguments(DataOptions):
    """Options of the data set."""

    dataset_name: str = field(
        default="sample",
        metadata={
            "help": f"The data set: {', '.join(DATA_SETS)}; or the Hub id or folder of one that `datasets` loads.",
            "type": data_set_name,
        },
    )
    data_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder with the data set's files.",
            "default": "MELD is downloaded, sample needs none; the others need it",
        },
    )
    cache_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder for prepared data and the states of frozen encoders.",
            "default": "the cache of datasets",
        },
    )

    def __post_init__(self):
        if self.files():
            self.dataset_name = "folder"  # the user's own data, as records and cards name it

    def options(self) -> DataOptions:
        """The options for reading the data set."""
        return DataOptions.of(self)

    def is_downloaded_meld(self) -> bool:
        """Whether MELD is read as it is downloaded, not from a folder of the user's."""
        return self.dataset_name == "meld" and self.data_dir is None

    def place(self) -> str:
        """The name of the data set in messages."""
        return next(iter(self.files().values()), None) or self.data_dir or self.dataset_name


@dataclass
class FeatureArguments(DataSetArguments):
    """Options of the data set and its feature tables."""

    text_features: str | None = field(
        default=None, metadata={"help": "Feature table of the text, instead of a text encoder."}
    )
    audio_features: str | None = field(
        default=None, metadata={"help": "Feature table of the audio: a file, or a folder with one for each split."}
    )
    vision_features: str | None = field(default=None, metadata={"help": "Feature table of the faces."})
    background_features: str | None = field(
        default=None, metadata={"help": "Feature table of the background, vision's second stream."}
    )
