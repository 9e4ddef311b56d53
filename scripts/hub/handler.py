# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The handler of a model's repository for Hugging Face's Inference Endpoints. It is uploaded as `handler.py` and runs with the
code in the repository, without an installation of this package.

A request is JSON. Its `inputs` are one of

- a conversation, `[{"speaker": "Ada", "text": "I got the job!"}, ...]` or `{"utterances": [...]}`, or a list of these;
- a recording, `{"recording": BASE64, "suffix": ".wav"}`, with the text of a `"transcript"` and its `"transcript_suffix"`
  (default `.srt`). The transcript may be left out if the variable `AMUSE_SPEECH_MODEL` names a Whisper model;
- the bytes of a recording, with the content type of a sound or video file; this needs `AMUSE_SPEECH_MODEL`.

`parameters` may have `top_k`, `modalities`, `num_speakers`, `language` and `batch_size` of the `emotion-recognition` pipeline. The response is the pipeline's output.
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
"""The keys of an utterance that name files. They are refused, as these would be files of the server."""

SOUND_KEYS = ("array", "raw")
"""The keys of a waveform with its samples."""


class EndpointHandler:
    """
    Answers the requests of an Inference Endpoint.

    Args:
        path: the folder of the repository.
    """

    def __init__(self, path: str = ""):
        self.recognizer = pipeline("emotion-recognition", model=path or ".", trust_remote_code=True)
        self.speech_model = os.environ.get("AMUSE_SPEECH_MODEL")

    def __call__(self, data: dict[str, Any]) -> list:
        """
        Args:
            data: the request, with `inputs` and optionally `parameters`.

        Raises:
            ValueError: for an invalid request; the message says what to send.
        """
        if not isinstance(data, dict) or "inputs" not in data:
            raise ValueError('Send {"inputs": [{"speaker": "Ada", "text": "Hello."}]}: the request has no "inputs".')
        inputs, parameters = data["inputs"], data.get("parameters") or {}
        if not isinstance(parameters, dict):
            raise ValueError(
                f'The parameters are a {type(parameters).__name__}: send them by name, such as {{"top_k": 3}}.'
            )
        unknown = [str(name) for name in parameters if name not in PARAMETERS]
        if unknown:
            raise ValueError(f"There is no parameter {', '.join(unknown)}; the parameters are {', '.join(PARAMETERS)}.")
        if isinstance(inputs, (bytes, bytearray)):
            inputs = {"recording": bytes(inputs)}
        if isinstance(inputs, dict) and "recording" in inputs:
            return self.recognize_recording(inputs, parameters)
        check_without_files(inputs)
        return self.recognizer(inputs, **parameters)

    def recognize_recording(self, inputs: dict, parameters: dict) -> list:
        """Recognize a recording, which is written with its transcript, if any, to a temporary folder."""
        transcript = inputs.get("transcript")
        if transcript is None and self.speech_model is None:
            raise ValueError(
                "This endpoint does not transcribe speech: send a transcript with the recording, or set AMUSE_SPEECH_MODEL to "
                "the name of a Whisper model."
            )
        suffix = checked_suffix(inputs.get("suffix", ".wav"))
        if suffix.lower() in self.recognizer.processor.transcript_suffixes:
            raise ValueError(
                f"The recording has the suffix {suffix}, as a transcript has: send the suffix of a recording."
            )
        with tempfile.TemporaryDirectory() as folder:
            recording = Path(folder) / f"recording{suffix}"
            recording.write_bytes(decoded(inputs["recording"]))
            given = {"speech_model": self.speech_model}
            if transcript is not None:
                path = Path(folder) / f"transcript{checked_suffix(inputs.get('transcript_suffix', '.srt'))}"
                path.write_bytes(str(transcript).encode("utf-8", errors="replace"))
                check_without_files(self.recognizer.processor.conversations_of_file(str(path)))
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
        raise ValueError(f"{suffix!r} is not the suffix of a file: give one such as .wav, .mp4, .srt or .json.")
    return suffix


def check_without_files(inputs):
    """
    Raises:
        ValueError: when the request names files, which would be read on the server.
    """
    if isinstance(inputs, str) or (isinstance(inputs, (list, tuple)) and any(isinstance(item, str) for item in inputs)):
        raise ValueError('Files of the server are not read: send {"recording": BASE64, "transcript": TEXT}.')
    found = [inputs]
    while found:
        item = found.pop()
        if isinstance(item, dict):
            named = [key for key in FILE_KEYS if is_path(item.get(key))]
            if named:
                raise ValueError(
                    f"An utterance has a path as {', '.join(named)}, but files of the server are not read."
                )
            found += [value for key, value in item.items() if key not in SOUND_KEYS]
        elif isinstance(item, (list, tuple)):
            found += item


def is_path(value) -> bool:
    """Whether a value of an utterance is a path, or one of a list of utterances' values is."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return any(isinstance(one, (str, os.PathLike)) for one in values)
