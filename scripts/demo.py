# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Show a trained AMuSE on a conversation of the sample corpus that it was not trained on.

    python scripts/demo.py --model amuse-sample
"""

import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from transformers import AutoModel, AutoProcessor, HfArgumentParser, pipeline

import modeling_amuse  # noqa: F401  registers AMuSE with the Auto classes and the pipeline
from processing.load_conversations import load_conversations


@dataclass
class DemoArguments:
    """What is shown."""

    model: str = field(default="amuse-sample", metadata={"help": "Folder or Hub id of the model."})
    number: int = field(default=0, metadata={"help": "Which conversation of the test split."})


def main(arguments: list[str] | None = None):
    [args] = HfArgumentParser(DemoArguments, description=__doc__).parse_args_into_dataclasses(arguments)
    model = AutoModel.from_pretrained(args.model)
    processor = AutoProcessor.from_pretrained(args.model)
    recognizer = pipeline("emotion-recognition", model=model, processor=processor)

    conversation = load_conversations("sample").splits["test"][args.number]
    print(f"\n{conversation['id']}, a conversation that {args.model} was not trained on\n")
    print(as_table(recognizer(conversation), conversation["utterances"]))


def as_table(recognized: list[dict], annotated: list[dict], width: int = 60) -> str:
    """Speaker, text, emotion and confidence of each utterance, and what it was annotated with."""
    columns = f"{{:<12}} {{:<{width}}} {{:<9}} {{:>10}}  {{}}"
    lines = [columns.format("speaker", "text", "emotion", "confidence", "annotated"), "-" * (width + 45)]
    for utterance, annotation in zip(recognized, annotated, strict=True):
        text = textwrap.shorten(utterance["text"], width, placeholder="...")
        confidence = f"{utterance['confidence']:.0%}"
        lines.append(
            columns.format(utterance["speaker"], text, utterance["emotion"], confidence, annotation["emotion"])
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
