# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `amuse convert`."""

from dataclasses import dataclass, field


@dataclass
class ConversionArguments:
    """Options of the conversion."""

    input: str = field(metadata={"help": "The feature file of another project, a pickle.", "positional": True})
    output_dir: str = field(default="features", metadata={"help": "Folder for the tables."})
    parts: list[str] | None = field(
        default=None,
        metadata={
            "help": "Parts of the file to convert, and their modalities, such as 3=text 4=audio 5=vision.",
            "default": "the parts are listed",
        },
    )
    dataset_name: str | None = field(
        default=None,
        metadata={"help": "The data set of the features (meld, iemocap), if the file only numbers its conversations."},
    )
    data_dir: str | None = field(default=None, metadata={"help": "Folder with the data set's files."})
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})
