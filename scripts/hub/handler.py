# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The handler of a model's repository, which Hugging Face's Inference Endpoints call. It is uploaded as `handler.py` and runs with
the code in the repository, without an installation of this package.

A request is JSON. Its `inputs` are one of

- a conversation, `[{"speaker": "Ada", "text": "I got the job!"}, ...]` or `{"utterances": [...]}`, or a list of these;
- a recording, `{"recording": BASE64, "suffix": ".wav"}`, with a `"transcript"` as text and its `"transcript_suffix"`
  (default `.srt`), unless the variable `AMUSE_SPEECH_MODEL` names a Whisper model that writes one;
- the bytes of a recording, with the content type of a sound or video file and `AMUSE_SPEECH_MODEL`.

`parameters` are those of the `emotion-recognition` pipeline, such as `{"top_k": 3}`. The answer is what the pipeline returns.
"""

import base64
import binascii
import os
import tempfile
from pathlib import Path
from typing import Any

from transformers import pipeline

PARAMETERS = ("top_k", "modalities", "num_speakers", "language", "batch_size")
"""The parameters of the pipeline that a request may set."""

FILE_KEYS = ("audio", "video")
"""Keys of an utterance that name files, which would be files of the server."""


class EndpointHandler:
    """
    Args:
        path: the folder of the repository.
    """

    def __init__(self, path: str = ""):
        self.recognizer = pipeline("emotion-recognition", model=path or ".", trust_remote_code=True)
        self.speech_model = os.environ.get("AMUSE_SPEECH_MODEL")

    def __call__(self, data: dict[str, Any]) -> list:
        """
        Args:
            data: the request, with `inputs` and, if any, `parameters`.

        Raises:
            ValueError: for a request that is none of those above, with what to send.
        """
        if "inputs" not in data:
            raise ValueError('Send {"inputs": [{"speaker": "Ada", "text": "Hello."}]}: the request has no "inputs".')
        inputs, parameters = data["inputs"], data.get("parameters") or {}
        unknown = [name for name in parameters if name not in PARAMETERS]
        if unknown:
            raise ValueError(f"There is no parameter {', '.join(unknown)}; there are {', '.join(PARAMETERS)}.")
        if isinstance(inputs, (bytes, bytearray)):
            inputs = {"recording": bytes(inputs)}
        if isinstance(inputs, dict) and "recording" in inputs:
            return self.recognize_recording(inputs, parameters)
        check_without_files(inputs)
        return self.recognizer(inputs, **parameters)

    def recognize_recording(self, inputs: dict, parameters: dict) -> list:
        """Write a recording, and its transcript if there is one, to files of a folder that is removed, and recognize it."""
        transcript = inputs.get("transcript")
        if transcript is None and self.speech_model is None:
            raise ValueError(
                "This endpoint recognizes no speech: send a transcript with the recording, or set AMUSE_SPEECH_MODEL to the "
                "name of a Whisper model."
            )
        with tempfile.TemporaryDirectory() as folder:
            recording = Path(folder) / f"recording{checked_suffix(inputs.get('suffix', '.wav'))}"
            recording.write_bytes(decoded(inputs["recording"]))
            given = {"speech_model": self.speech_model}
            if transcript is not None:
                path = Path(folder) / f"transcript{checked_suffix(inputs.get('transcript_suffix', '.srt'))}"
                path.write_text(str(transcript), encoding="utf-8")
                given = {"transcript": str(path)}
            return self.recognizer(str(recording), **given, **parameters)


def decoded(recording) -> bytes:
    if isinstance(recording, bytes):
        return recording
    try:
        return base64.b64decode(recording, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise ValueError(f"The recording is not base64 ({error}): encode the bytes of the file.") from error


def checked_suffix(suffix: str) -> str:
    if not isinstance(suffix, str) or not suffix.startswith(".") or not suffix[1:].isalnum():
        raise ValueError(f"{suffix!r} is no suffix of a file: give one such as .wav, .mp4, .srt or .json.")
    return suffix


def check_without_files(inputs):
    """
    Raises:
        ValueError: when the request names files, which would be read on the server.
    """
    if isinstance(inputs, str) or (isinstance(inputs, (list, tuple)) and any(isinstance(item, str) for item in inputs)):
        raise ValueError('Files of this machine are not read: send {"recording": BASE64, "transcript": TEXT}.')
    if isinstance(inputs, dict):
        named = [key for key in FILE_KEYS if isinstance(inputs.get(key), str)]
        if named:
            raise ValueError(f"An utterance names {', '.join(named)}: files of this machine are not read.")
        check_without_files(inputs.get("utterances", []))
    elif isinstance(inputs, (list, tuple)):
        for item in inputs:
            check_without_files(item)
