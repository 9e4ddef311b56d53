# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options of `amuse export`."""

from dataclasses import dataclass, field

from modeling_amuse.variants import MODALITIES


@dataclass
class ExportArguments:
    """Options of the export."""

    model: str = field(metadata={"help": "Folder or Hub id of the model."})
    output_dir: str = field(metadata={"help": "Folder for the file, the configuration and the processor."})
    without_encoders: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Modalities whose encoder is not exported; the file then takes the encoder's states as input.",
            "choices": list(MODALITIES),
        },
    )
    cache_dir: str | None = field(default=None, metadata={"help": "Folder for prepared data."})
