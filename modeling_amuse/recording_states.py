# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Apply the audio and image encoders inside a model to recordings, one utterance at a time."""

from functools import partial

import numpy as np
import torch

IMAGES_AT_ONCE = 64  # an utterance may last for minutes
SAMPLING_RATE = 16_000  # all recordings are read at the rate of Whisper, wav2vec 2.0, HuBERT, WavLM and AST
SIGHT_OF = {"vision": "face_images", "background": "backgrounds"}


def recording_encoders(model, processor) -> dict:
    """
    Functions that compute the features of recordings with the encoders inside the model.

    Args:
        model ([`AmuseModel`]): the model.
        processor ([`AmuseProcessor`]): has the feature extractor and the image processor of the encoders.

    Returns:
        One function for each of the streams `"audio"`, `"vision"` and `"background"` that has an encoder. It takes a waveform
        `(samples,)`, or for vision an `UtteranceSight`, and returns states `(S, D)`, or None where the input is empty.

    Raises:
        ValueError: when the audio encoder expects another sampling rate than `SAMPLING_RATE`.
    """
    encoders = {}
    if model.encoder("audio") is not None and processor.feature_extractor is not None:
        if processor.feature_extractor.sampling_rate != SAMPLING_RATE:
            raise ValueError(
                f"The audio encoder expects {processor.feature_extractor.sampling_rate} samples per second, but recordings are "
                f"read at {SAMPLING_RATE}: use an encoder with that rate, or compute audio_features yourself."
            )
        encoders["audio"] = partial(_states_of_sound, model, processor)
    if model.encoder("vision") is not None and processor.image_processor is not None:
        streams = ["vision"] if model.config.background_feature_size is None else list(SIGHT_OF)
        encoders |= {stream: partial(_states_of_sight, model, processor, stream) for stream in streams}
    return encoders


def _states_of_sound(model, processor, waveform: np.ndarray) -> np.ndarray | None:
    if not len(waveform):
        return None
    inputs = processor.audio_inputs([waveform])
    return _states(model, "audio", inputs["audio_values"], inputs["audio_mask"])


def _states_of_sight(model, processor, stream: str, sight) -> np.ndarray | None:
    images = getattr(sight, SIGHT_OF[stream])
    if not images:
        return None
    parts = [images[start : start + IMAGES_AT_ONCE] for start in range(0, len(images), IMAGES_AT_ONCE)]
    states = [_states(model, stream, *processor.image_inputs([part], stream).values()) for part in parts]
    return np.concatenate(states)


@torch.inference_mode()
def _states(model, stream: str, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    values, mask = torch.as_tensor(values, device=model.device), torch.as_tensor(mask, device=model.device)
    states, mask = model.encode_stream(stream, values, mask)
    return states[0][mask[0].bool()].float().cpu().numpy()


__all__ = ["SIGHT_OF", "recording_encoders"]
