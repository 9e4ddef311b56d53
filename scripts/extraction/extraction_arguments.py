# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `amuse extract`."""

from dataclasses import dataclass, field

from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE
from modeling_amuse.scripts.training.data_arguments import DataSetArguments, data_set_name

EXTRACTORS = {
    "prosody": "42 numbers of pitch, loudness, pace and timbre for each utterance",
    "egemaps": "the eGeMAPS functionals of openSMILE (not for commercial use)",
    "compare": "the ComParE functionals of openSMILE (not for commercial use)",
    "faces": "blendshapes and rotation of the speaker's face (MediaPipe)",
}
"""The names of `FEATURE_EXTRACTORS`, which this file does not import, as they import heavy libraries."""


@dataclass(kw_only=True)
class ExtractionArguments(DataSetArguments):
    """Options of the extraction."""

    output_dir: str = field(metadata={"help": "Folder for the tables; each extractor gets a folder in it."})
    dataset_name: str = field(
        default="folder",
        metadata={
            "help": f"The data set: {', '.join(DATA_SETS)}; or the Hub id or folder of one that `datasets` loads.",
            "type": data_set_name,
        },
    )
    extractors: list[str] = field(
        default_factory=list, metadata={"help": "Features to compute.", "choices": EXTRACTORS}
    )
    audio_model: str | None = field(
        default=None, metadata={"help": "Audio encoder (Hub id or folder), whose states are the features."}
    )
    audio_token_pooling: int = field(
        default=5,
        metadata={"help": "Number of successive states of the audio encoder that are averaged.", "range": AT_LEAST_ONE},
    )
    vision_model: str | None = field(
        default=None,
        metadata={"help": "Image encoder (Hub id or folder), whose states of faces and backgrounds are the features."},
    )
    num_processes: int | None = field(
        default=None,
        metadata={
            "help": "Number of recordings that are read at the same time.",
            "default": "the cores, shared by the processes of accelerate launch; 1 with an encoder on a GPU",
            "range": AT_LEAST_ONE,
        },
    )
    utterances_per_part: int = field(
        default=100,
        metadata={"help": "Number of utterances after which the features are saved.", "range": AT_LEAST_ONE},
    )
