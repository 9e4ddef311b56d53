# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Start a web page that shows the emotions of a conversation, which is typed or uploaded as a recording.

    amuse page --model amuse-sample
"""

import runpy
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP, read_options
from modeling_amuse.scripts.command.ranges import Range


@dataclass
class PageArguments:
    """Options of the page."""

    model: str | None = field(
        default=None, metadata={"help": "Folder or Hub id of the model.", "default": "the variable AMUSE_MODEL"}
    )
    speech_model: str | None = field(
        default=None,
        metadata={
            "help": "Whisper model (Hub id or folder) that transcribes recordings.",
            "default": "the variable AMUSE_SPEECH_MODEL; if it is not set, the page asks for transcripts",
        },
    )
    port: int | None = field(
        default=None,
        metadata={
            "help": "Port of the web server.",
            "default": "the first free one from 7860 on",
            "range": Range(least=1, most=65535),
        },
    )
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)


def main(arguments: list[str] | None = None):
    [args] = read_options(arguments, PageArguments, description=__doc__)
    from transformers import AutoConfig

    from modeling_amuse.processing.extras import import_extra
    from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub

    for name in filter(None, (args.model, args.speech_model)):
        load_from_folder_or_hub(AutoConfig, name)  # report a missing model before the page is built
    import_extra("gradio", "demo")
    from modeling_amuse.hub_card.space import app

    options = {"model": args.model, "speech_model": args.speech_model, "port": args.port}
    app.main([word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))])
