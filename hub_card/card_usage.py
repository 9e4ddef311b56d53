# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The section of the model card that shows how to use the model."""

from modeling_amuse import AmuseConfig
from modeling_amuse.processing.conversation import MODALITY_OF


def usage(config: AmuseConfig, records: dict) -> str:
    """Lines of Python that call the pipeline with inputs that this model accepts."""
    lines = []
    if "text" in config.modalities:
        lines.append(
            'recognizer([{"speaker": "Ada", "text": "I got the job!"}, {"speaker": "Ben", "text": "No way."}])'
        )
    streams = {modality: stream for stream, modality in MODALITY_OF.items() if stream != "background"}
    heard = [
        modality
        for modality in config.modalities
        if modality != "text" and (getattr(config, f"{modality}_config") is not None or streams[modality] in records)
    ]
    if heard:
        recording = "talk.mp4" if "vision" in heard else "talk.wav"
        lines.append(f'recognizer("{recording}", transcript="talk.srt")  # also from {" and ".join(heard)}')
    tabled = [modality for modality in config.modalities if modality != "text" and modality not in heard]
    if tabled:
        given = ", ".join(f'"{streams[m]}_features": ...' for m in tabled)
        size = " and ".join(f"{getattr(config, f'{streams[m]}_feature_size')} numbers" for m in tabled)
        lines.append(f'recognizer([{{"speaker": "Ada", {given}}}])  # {size}, from the extractor of the training')
    return "\n".join(lines)
