# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Saving recordings that are stored in the rows of a data set as files."""

import hashlib
import io
from pathlib import Path

import datasets
import numpy as np
import scipy.io.wavfile

from modeling_amuse.processing.whole_files import whole_file

SIGNATURES = {
    b"RIFF": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3": ".mp3",
    b"\xff\xfb": ".mp3",
    b"\x1a\x45\xdf\xa3": ".mkv",
}


class RecordingStore:
    """
    A folder of recordings, whose file names are hashes of their contents.

    Args:
        cache_dir: the parent folder. Default: the cache of `datasets`.
    """

    def __init__(self, cache_dir: str | None = None):
        self.folder = Path(cache_dir or datasets.config.HF_DATASETS_CACHE) / "recordings"

    def path_of(self, value, what: str, medium: str) -> str | None:
        """
        The path of a recording, which is saved to a file first if it is not one. None for an empty dict.

        Args:
            value: a path; bytes; a dict with `path` and `bytes`, or with `array` and `sampling_rate`; or a decoder of
                torchcodec.
            what: the name of the recording in error messages.
            medium: `audio` or `video`.

        Raises:
            FileNotFoundError: when `value` is a path without bytes and the file does not exist.
            ValueError: for other values.
        """
        encoded = getattr(value, "_hf_encoded", None)  # the path or bytes from which `datasets` made a decoder
        if encoded is not None:
            value = encoded
        elif hasattr(value, "get_all_samples"):
            samples = value.get_all_samples()
            value = {"array": samples.data.numpy(), "sampling_rate": samples.sample_rate}
        if isinstance(value, (str, Path)):
            value = {"path": str(value)}
        if isinstance(value, (bytes, bytearray)):
            value = {"bytes": bytes(value)}
        if not isinstance(value, dict):
            raise ValueError(
                f"{what} is a {type(value).__name__}: give a path, bytes, or an array with its sampling rate."
            )
        if value.get("array") is not None:
            return self._write(_wav(value["array"], value.get("sampling_rate"), what), ".wav")
        if value.get("bytes"):
            return self._write(value["bytes"], _suffix(value["bytes"], value.get("path"), medium))
        path = value.get("path")
        if path is None and value.get("bytes") is None and {"path", "bytes"} & set(value):
            return None
        if path and Path(path).is_file():
            return str(path)
        raise FileNotFoundError(f"{what} has no contents, and its file {path} does not exist.")

    def _write(self, contents: bytes, suffix: str) -> str:
        path = self.folder / f"{hashlib.sha256(contents).hexdigest()[:32]}{suffix}"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as file:
                file.write_bytes(contents)
        return str(path)


def _suffix(contents: bytes, path: str | None, medium: str) -> str:
    for start, suffix in SIGNATURES.items():
        if contents.startswith(start):
            return ".avi" if suffix == ".wav" and contents[8:12] == b"AVI " else suffix
    if contents[4:8] == b"ftyp":
        return ".mp4"
    return Path(path).suffix if path else {"audio": ".wav", "video": ".mp4"}[medium]


def _wav(array, sampling_rate, what: str) -> bytes:
    """The bytes of a WAV file from samples `(samples,)`, `(channels, samples)` or `(samples, channels)`."""
    try:
        samples = np.asarray(array, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} is not an array of samples: {error}.") from error
    if not samples.size or samples.ndim > 2 or not np.isfinite(samples).all():
        raise ValueError(
            f"{what} is not a sound: its array has the shape {samples.shape}, or numbers that are not finite."
        )
    if not isinstance(sampling_rate, (int, float, np.number)) or not sampling_rate > 0:
        raise ValueError(f"{what} has the sampling rate {sampling_rate!r}: give a number of samples per second.")
    if samples.ndim == 2 and samples.shape[0] < samples.shape[1]:
        samples = samples.T
    file = io.BytesIO()
    scipy.io.wavfile.write(file, int(sampling_rate), samples)
    return file.getvalue()
