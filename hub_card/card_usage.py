# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The section of the model card that shows how to use the model."""

import json

from modeling_amuse import AmuseConfig
from modeling_amuse.processing.conversation import MODALITY_OF

TALK = ({"speaker": "Ada", "text": "I got the job!"}, {"speaker": "Ben", "text": "No way."})


def usage(config: AmuseConfig, records: dict) -> str:
    """
    Lines of Python that call the pipeline, `recognizer`, with inputs that this model accepts. They run as they stand, but for
    lines that need a recording, which are comments where the model also reads text or features.
    """
    streams = {modality: stream for stream, modality in MODALITY_OF.items() if stream != "background"}
    reads_words = config.text_config is not None
    others = [modality for modality in config.modalities if modality != "text"]
    heard = [m for m in others if getattr(config, f"{m}_config") is not None or streams[m] in records]
    read = ["text", *heard] if reads_words else heard
    sizes = {streams[m]: getattr(config, f"{streams[m]}_feature_size") for m in config.modalities if m not in read}
    lines = []
    if reads_words or sizes:
        turns = TALK if reads_words else [{"speaker": turn["speaker"]} for turn in TALK]
        lines = [f"conversation = [{', '.join(_utterance(turn, sizes) for turn in turns)}]"]
        lines += ["for utterance in recognizer(conversation):", f"    {PRINT}"]
    if sizes:
        lines.insert(0, f"# {', '.join(sizes)}: the features of the training's extractor in place of zeros")
    if heard:
        recording = "talk.mp4" if "vision" in heard else "talk.wav"
        line = f'recognizer("{recording}", transcript="talk.srt")  # from {" and ".join(config.modalities)}'
        lines.append(f"# {line}" if lines else line)
    return "\n".join(lines)


PRINT = 'print(utterance["speaker"], utterance["emotion"], utterance["confidence"])'


def _utterance(turn: dict, sizes: dict[str, int]) -> str:
    given = "".join(f', "{stream}_features": [0.0] * {size}' for stream, size in sizes.items())
    return json.dumps(turn, allow_nan=False)[:-1] + given + "}"
