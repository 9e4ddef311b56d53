# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The names of speakers whose voices are known from a short recording of each."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np

from .extras import import_extra
from .media import SUFFIXES
from .plain_values import shown
from .recorded_sound import Recording, recording_name
from .speaker_embeddings import SpeechWindow, embed_windows, windows_of

LEAST_SIMILARITY = 0.65
"""A speaker has the name of the most similar known voice, if the cosine of the two is at least this."""


def name_speakers(centroids: np.ndarray, known_speakers: "str | Path | Mapping[str, Recording]") -> dict[int, str]:
    """
    The names of the speakers whose voices are known.

    Args:
        centroids: `(speakers, 256)`, the voice of each speaker, from `embed_windows`.
        known_speakers: for each name a recording of this speaker alone, some seconds long; or a folder with one file for each
            speaker, whose name is the file's without its suffix (`Ada.wav`).

    Returns:
        The names by the number of the speaker. Where there are no more speakers than known voices, each name is given once;
        otherwise speakers that are like the same voice are one person. Speakers that are like none have no name.

    Raises:
        FileNotFoundError: when there is no such folder, or it holds no recordings.
        ValueError: when nobody is heard to speak in a recording.
    """
    voices = known_voices(known_speakers)
    names = list(voices)
    similarities = centroids @ np.stack(list(voices.values())).T
    if len(centroids) <= len(names):
        assign = import_extra("scipy.optimize", "speech").linear_sum_assignment
        pairs = list(zip(*assign(-similarities), strict=True))
    else:
        pairs = list(enumerate(similarities.argmax(axis=1)))
    return {int(row): names[column] for row, column in pairs if similarities[row, column] >= LEAST_SIMILARITY}


def known_voices(known_speakers: "str | Path | Mapping[str, Recording]") -> dict[str, np.ndarray]:
    """The mean embedding `(256,)`, of length 1, of each known speaker; `known_speakers` is as in [`name_speakers`]."""
    samples = check_known_speakers(known_speakers)
    return {str(name): _voice(sample) for name, sample in samples.items()}


def check_known_speakers(known_speakers: "str | Path | Mapping[str, Recording]") -> Mapping[str, Recording]:
    """
    The recordings of known speakers by their names; `known_speakers` is as in [`name_speakers`].

    Raises:
        FileNotFoundError: when there is no such folder, or it holds no recordings.
        ValueError: when it is neither a folder nor a mapping, or empty.
    """
    if isinstance(known_speakers, (str, PathLike)):
        return samples_in(Path(known_speakers))
    if not isinstance(known_speakers, Mapping) or not known_speakers:
        raise ValueError(
            f"known_speakers is {shown(known_speakers)}: give a folder with a short recording of each speaker, or a dict of a "
            "recording for each name, or None."
        )
    return known_speakers


def samples_in(folder: Path) -> dict[str, Path]:
    """
    The recordings in a folder of known speakers, by the speaker's name.

    Raises:
        FileNotFoundError: when there is no such folder, or it holds no recordings.
        ValueError: when two recordings have the name of one speaker.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}: give one that holds a short recording for each speaker.")
    samples = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):  # a Mac writes `._Ada.wav` beside Ada.wav
            continue
        if path.stem in samples:
            raise ValueError(
                f"{folder} has {samples[path.stem].name} and {path.name}: keep one recording of {path.stem}."
            )
        samples[path.stem] = path
    if not samples:
        raise FileNotFoundError(
            f"{folder} holds no recordings: put a short one of each speaker into it, named for the speaker (Ada.wav)."
        )
    return samples


def _voice(sample: Recording) -> np.ndarray:
    from .diarization import find_speech  # which imports this file

    windows = [SpeechWindow(*window) for stretch in find_speech(sample) for window in windows_of(*stretch).tolist()]
    if not windows:
        raise ValueError(f"No speech is found in {recording_name(sample)}: give a recording of the speaker's voice.")
    mean = embed_windows(sample, windows).mean(axis=0)
    return mean / np.linalg.norm(mean)
