# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The sound and the pictures of each utterance, read from its recording in one pass for the sound and one for the video."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from .conversation import Utterance, media_span
from .extras import import_extra
from .faces import Face, FaceFinder
from .media import warn_once
from .media_spans import SpansBeyondEnd
from .picture_frames import utterance_frames
from .printable_text import printable_logger
from .read_ahead import read_ahead
from .recorded_sound import Recording, recording_key, recording_name
from .sound_tracks import SAMPLING_RATE, utterance_waveforms
from .speaking_face import choose_speaking_faces, loudness_at

FRAMES_PER_SECOND = 5.0
_LOUDNESS_RATE = 20  # values a second
_IMAGE_SIZE = 224  # pixels, of the longer side of the images that are kept

logger = printable_logger(__name__)


class UtteranceSight(NamedTuple):
    """
    What is seen of an utterance.

    Attributes:
        faces: the speaker's face in each of F frames, None where it is not seen.
        face_images: for each frame with the speaker's face a picture of it, `(height, width, 3)` uint8 RGB.
        backgrounds: each frame with all its faces greyed out, likewise.
        certainty: from 0 to 1, how certain it is that these are the speaker's faces; 1 where no other face is in view.
        most_faces: how many faces are in view at most.
    """

    faces: list[Face | None]
    face_images: list[np.ndarray]
    backgrounds: list[np.ndarray]
    certainty: float = 1.0
    most_faces: int = 1


class UtteranceLoudness:
    """The loudness of a voice through an utterance, kept to tell later whose mouth moves with it."""

    def __init__(self, waveform: np.ndarray):
        self.times = np.arange(0, len(waveform) / SAMPLING_RATE, 1 / _LOUDNESS_RATE)
        self.values = loudness_at(waveform, SAMPLING_RATE, self.times)

    def at(self, seconds: np.ndarray) -> np.ndarray:
        """The loudness at times counted from the utterance's beginning."""
        return np.interp(seconds, self.times, self.values) if len(self.times) else np.zeros(len(seconds))


def utterance_sounds(utterances: list[Utterance], skip_unreadable: bool = False) -> Iterator[tuple[int, np.ndarray]]:
    """
    The waveform of each utterance with an `audio` recording: its position and `(samples,)` at 16 kHz, mono float32. Utterances
    of one file are read in one pass.

    Args:
        utterances: with `audio`, `start`, `end` and `audio_start` as far as they have them.
        skip_unreadable: warn of what cannot be read and go on, as with a corpus of which some clips are known to be bad.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when it cannot be read, or all utterances begin after its end. If some do, or have no duration, a warning
            names them, and they are left out.
    """

    def read(recording: Recording, positions: list[int]):
        number_read, is_silent, beyond, are_all = 0, True, None, True
        for track, channel in dict.fromkeys(_sound_of(utterances[position]) for position in positions):
            heard = [position for position in positions if _sound_of(utterances[position]) == (track, channel)]
            spans = [media_span(utterances[position], "audio") for position in heard]
            try:
                for number, waveform in utterance_waveforms(recording, spans, SAMPLING_RATE, track, channel):
                    is_silent = is_silent and not _is_loud(waveform)
                    number_read += 1
                    yield heard[number], waveform
            except SpansBeyondEnd as error:  # the other channels are read nevertheless
                beyond, are_all = error, are_all and error.are_all
            else:
                are_all = False
        if is_silent and number_read:
            name = recording_name(recording)
            warn_once(
                name,
                f"{name}: its sound is silent throughout, so the voice of all {number_read} utterances counts as missing.",
                "silence",
            )
        if beyond is not None:
            beyond.are_all = are_all
            raise beyond

    yield from _each_file(utterances, "audio", read, skip_unreadable)


def utterance_sights(
    utterances: list[Utterance],
    loudness: dict[int, UtteranceLoudness] | None = None,
    with_images: bool = False,
    frames_per_second: float = FRAMES_PER_SECOND,
    skip_unreadable: bool = False,
) -> Iterator[tuple[int, UtteranceSight]]:
    """
    What is seen of each utterance with a `video` file: its position and its [`UtteranceSight`], as soon as it is over. No
    more than the utterances that are being said is held in memory.

    Args:
        utterances: with `video`, `start`, `end`, `video_start` and `video_side` as far as they have them.
        loudness: of the utterances' voices, by position; without it the mouth that moves most speaks.
        with_images: keep pictures of faces and backgrounds, for an image encoder.
        frames_per_second: how many frames are looked at.
        skip_unreadable: as in [`utterance_sounds`].

    Raises:
        ImportError: without the extra `faces`.
        FileNotFoundError, ValueError: as in [`utterance_sounds`].
    """
    with FaceFinder() as finder:

        def read(path: str, positions: list[int]):
            finder.reset()
            spans = [media_span(utterances[position], "video") for position in positions]
            views, last = defaultdict(_View), {}
            ends = [np.inf if end is None else end for _, end in spans]
            error, seen_faces = None, 0
            try:
                for frame in read_ahead(utterance_frames(path, spans, frames_per_second)):
                    for number in [number for number in views if frame.time >= ends[number]]:
                        yield positions[number], views.pop(number).sight(last.pop(number))
                    faces = finder.find(frame.image)
                    seen_faces += len(faces)
                    for number in frame.utterances:
                        utterance, start = utterances[positions[number]], spans[number][0] or 0.0
                        last[number] = (utterance.get("video_side"), (loudness or {}).get(positions[number]), start)
                        views[number].add(frame.time, frame.image if with_images else None, faces)
            except ValueError as later:  # another utterance's times are not in the video; these have been seen
                error = later
            for number in list(views):
                yield positions[number], views.pop(number).sight(last[number])
            is_read = error is None or (isinstance(error, SpansBeyondEnd) and not error.are_all)
            if is_read and not seen_faces:
                warn_once(
                    str(path),
                    f"{path}: no face was found in any frame, so the faces of all {len(positions)} utterances count as "
                    "missing.",
                    "faces",
                )
            if error is not None:
                raise error

        yield from _each_file(utterances, "video", read, skip_unreadable, heard=loudness or {})


def _sound_of(utterance: Utterance) -> tuple[int | None, int | None]:
    """The audio track and the channel on which the speaker is heard."""
    return utterance.get("audio_track"), utterance.get("audio_channel")


def _is_loud(waveform: np.ndarray) -> bool:
    """Whether any sample is above -80 dB of full scale."""
    return bool(len(waveform)) and float(np.abs(waveform).max()) > 1e-4


def _each_file(
    utterances: list[Utterance], medium: str, read: Callable, skip_unreadable: bool, heard: Collection[int] = ()
) -> Iterator:
    """Read the utterances of each file; `heard` are the positions of those whose sound the recording has."""
    of_file, recordings = defaultdict(list), {}
    for position, utterance in enumerate(utterances):
        if not utterance.get(medium):
            continue
        start, end = media_span(utterance, medium)
        if end is not None and end <= start:
            name = utterance.get("id", position)
            logger.warning("Utterance %s lasts from %g to %g s: its %s counts as missing.", name, start, end, medium)
            continue
        key = recording_key(utterance[medium])
        recordings[key] = utterance[medium]
        of_file[key].append(position)
    for key, positions in of_file.items():
        try:
            yield from read(recordings[key], positions)
        except (ValueError, FileNotFoundError) as error:
            # pictures may end before the sound, and a transcript go on after it; one of another recording begins there
            is_tail = isinstance(error, SpansBeyondEnd) and (not error.are_all or any(p in heard for p in positions))
            if not (skip_unreadable or is_tail):
                raise
            logger.warning("%s is not read to its end, and the rest counts as missing: %s", medium, error)


class _View:
    """The frames of an utterance that is being said."""

    def __init__(self):
        self.frames: list[tuple[float, list[Face]]] = []
        self.face_images: list[list[np.ndarray]] = []
        self.backgrounds: list[np.ndarray] = []

    def add(self, time: float, image: np.ndarray | None, faces: list[Face]):
        self.frames.append((time, faces))
        if image is not None:
            self.face_images.append([_small(_cut(image, face.box)) for face in faces])
            self.backgrounds.append(_small(_without_faces(image, faces)))

    def sight(self, known: tuple[str | None, UtteranceLoudness | None, float]) -> UtteranceSight:
        side, loudness, start = known
        times = np.array([time for time, _ in self.frames])
        chosen, certainty = choose_speaking_faces(
            self.frames, None if loudness is None else loudness.at(times - start), side
        )
        images = [
            pictures[next(number for number, other in enumerate(faces) if other is face)]
            for face, (_, faces), pictures in zip(chosen, self.frames, self.face_images, strict=False)
            if face is not None
        ]
        most_faces = max((len(faces) for _, faces in self.frames), default=0)
        return UtteranceSight(chosen, images, self.backgrounds, certainty, most_faces)


def _pixels(box: tuple, image: np.ndarray) -> tuple[int, int, int, int]:
    height, width = image.shape[:2]
    left, top, right, bottom = np.clip(box, 0, 1) * (width, height, width, height)
    return int(left), int(top), max(int(np.ceil(right)), int(left) + 1), max(int(np.ceil(bottom)), int(top) + 1)


def _cut(image: np.ndarray, box: tuple) -> np.ndarray:
    left, top, right, bottom = _pixels(box, image)
    return image[top:bottom, left:right]


def _without_faces(image: np.ndarray, faces: Iterable[Face]) -> np.ndarray:
    image = image.copy()  # frames that show the same picture share their array
    for face in faces:
        left, top, right, bottom = _pixels(face.box, image)
        image[top:bottom, left:right] = 128
    return image


def _small(image: np.ndarray) -> np.ndarray:
    picture = import_extra("PIL.Image", "media").fromarray(np.ascontiguousarray(image))
    picture.thumbnail((_IMAGE_SIZE, _IMAGE_SIZE))
    return np.asarray(picture)
