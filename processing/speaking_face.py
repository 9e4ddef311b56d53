# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Which face of an utterance's frames is the speaker's."""

import numpy as np

from .extras import import_extra
from .faces import BLENDSHAPES, Face

LOST_SECONDS = 1.0  # a face that is gone for longer is a new one
FARTHEST_STEP = 1.2  # from one frame to the next, in widths and heights of the face; a change of size counts too
STEADINESS = 0.5  # how much of a track's old speed is kept
LEAST_MOVEMENT = 0.004  # mean change from frame to frame, twice what noise makes of a mouth that is still

LOUDNESS_BLOCK = 2**22  # samples, more than four minutes

JAW_OPEN = BLENDSHAPES.index("jawOpen")


def speaking_faces(
    frames: list[tuple[float, list[Face]]], loudness: np.ndarray | None, side: str | None = None
) -> list[Face | None]:
    """The speaker's face in each frame of one utterance, see [`choose_speaking_faces`]."""
    return choose_speaking_faces(frames, loudness, side)[0]


def choose_speaking_faces(
    frames: list[tuple[float, list[Face]]], loudness: np.ndarray | None, side: str | None = None
) -> tuple[list[Face | None], float]:
    """
    The speaker's face in each frame of one utterance, and how certain it is that it is the speaker's.

    Faces of successive frames are linked to tracks, by where they are, where they were moving, and their size; a face
    may be away for up to a second. The speaker's track is the one with the largest product of

    - 1 + the correlation of its mouth's movement with the loudness of the voice (0 where one of them is constant, or
      loudness is None: then the most movement decides),
    - the square root of its mean movement: how much the distance of the lips and the blendshape jawOpen change from one
      frame to the next,
    - the share of the frames in which it is visible.

    When no mouth moves, the largest face, times that share, is taken. A camera cut ends all tracks, so with several faces
    on both sides of a cut only the frames of one side get a face.

    Args:
        frames: the time in seconds and the faces of each frame, in order of time.
        loudness: `(len(frames),)`, the energy (RMS) of the voice around each frame's time, see `loudness_at`; or None.
        side: `"left"` or `"right"`: the speaker is in this half of the frame (IEMOCAP shows two actors), faces whose
            middle is in the other one are left out.

    Returns:
        for each frame the face of the speaker's track. Where the track has none, the only face in view if there is
        exactly one, else None. Then the certainty, from 0 to 1: how much better the speaker's track scores than any other
        that is in view at the same time, as a share of its score; 1 where there is none.

    Raises:
        ValueError: when times do not increase, loudness does not fit the frames or is not finite, or side has another value.
    """
    times = np.array([time for time, _ in frames], dtype=np.float64)
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise ValueError("The times of the frames must increase.")
    if loudness is not None:
        loudness = np.asarray(loudness, dtype=np.float64)
        if loudness.shape != times.shape or not np.isfinite(loudness).all():
            raise ValueError(
                f"Loudness has the shape {loudness.shape}: give a finite number for each of {len(frames)} frames."
            )
    if side not in (None, "left", "right"):
        raise ValueError(f"side is {side!r}: give 'left', 'right' or None.")
    in_view = [_on_side(faces, side) for _, faces in frames]
    chosen, certainty = _speaking_track(_tracks(times, in_view), loudness, len(frames))
    faces_of_frames = [
        chosen.get(number) or (faces[0] if len(faces) == 1 else None) for number, faces in enumerate(in_view)
    ]
    return faces_of_frames, certainty


def loudness_at(waveform: np.ndarray, sampling_rate: int, times, window: float = 0.2) -> np.ndarray:
    """
    The energy (RMS) of a waveform around each time, 0 where the waveform does not reach.

    Args:
        waveform: `(samples,)`.
        sampling_rate: samples a second.
        times: `(N,)` seconds from the waveform's start, the middles of the windows.
        window: seconds.

    Returns:
        `(N,)` float64.

    Raises:
        ValueError: when the waveform is not of one dimension, or sampling_rate or window are not positive.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim != 1:
        raise ValueError(f"The waveform has the shape {waveform.shape}: give (samples,), one channel.")
    if not (sampling_rate > 0 and window > 0):
        raise ValueError(f"sampling_rate is {sampling_rate} and window is {window}: both must be positive.")
    middles = np.asarray(times, dtype=np.float64) * sampling_rate
    half = window * sampling_rate / 2
    starts = np.clip(np.round(middles - half), 0, len(waveform)).astype(int)
    ends = np.clip(np.round(middles + half), 0, len(waveform)).astype(int)
    energy = np.zeros(len(middles))
    for first in range(0, len(waveform), LOUDNESS_BLOCK):  # an utterance may last for hours
        last = min(first + LOUDNESS_BLOCK, len(waveform))
        there = np.flatnonzero((ends > first) & (starts < last))
        if len(there):
            until = np.concatenate([[0.0], np.cumsum(waveform[first:last].astype(np.float64) ** 2)])
            energy[there] += (
                until[ends[there].clip(first, last) - first] - until[starts[there].clip(first, last) - first]
            )
    return np.sqrt(np.maximum(energy, 0) / np.maximum(ends - starts, 1))


class _Track:
    """A face through time: how it looks in each frame, by the frame's number, in which it is visible."""

    def __init__(self, number: int, time: float, face: Face):
        self.faces = {number: face}
        self.time = time
        self.face = face
        self.speed = np.zeros(2)

    def add(self, number: int, time: float, face: Face) -> None:
        speed = (_middle(face) - _middle(self.face)) / (time - self.time)
        self.speed = STEADINESS * self.speed + (1 - STEADINESS) * speed
        self.faces[number] = self.face = face
        self.time = time

    def step_to(self, time: float, face: Face) -> float:
        """How far the face is from where this one is expected, in sizes of the face; a change of size adds to it."""
        size, other = _size(self.face), _size(face)
        expected = _middle(self.face) + self.speed * (time - self.time)
        away = np.linalg.norm((_middle(face) - expected) / ((size + other) / 2))
        return float(away + np.abs(np.log(other / size)).mean())

    def movement(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the frames whose next one has the face too, and how much the mouth moves from one to the other."""
        numbers = np.array([number for number in self.faces if number + 1 in self.faces], dtype=int)
        change = np.array([np.abs(_mouth(self.faces[n + 1]) - _mouth(self.faces[n])).mean() for n in numbers])
        return numbers, change

    def mean_area(self) -> float:
        return float(np.mean([_size(face).prod() for face in self.faces.values()]))


def _on_side(faces: list[Face], side: str | None) -> list[Face]:
    if side is None:
        return faces
    return [face for face in faces if (_middle(face)[0] < 0.5) == (side == "left")]


def _tracks(times: np.ndarray, in_view: list[list[Face]]) -> list[_Track]:
    tracks: list[_Track] = []
    assign = import_extra("scipy.optimize", "faces").linear_sum_assignment
    for number, (time, faces) in enumerate(zip(times, in_view, strict=True)):
        recent = [track for track in tracks if time - track.time <= LOST_SECONDS]
        steps = np.array([[track.step_to(time, face) for face in faces] for track in recent])
        steps = steps.reshape(len(recent), len(faces))
        pairs = zip(*assign(np.minimum(steps, FARTHEST_STEP)), strict=True)  # too far is not linked
        track_of = {face: recent[row] for row, face in pairs if steps[row, face] <= FARTHEST_STEP}
        for place, face in enumerate(faces):
            if place in track_of:
                track_of[place].add(number, time, face)
            else:
                tracks.append(_Track(number, time, face))
    return tracks


def _speaking_track(tracks: list[_Track], loudness: np.ndarray | None, frames: int) -> tuple[dict[int, Face], float]:
    """The faces of the track that scores best, by the frame's number, and its certainty."""
    if not tracks:
        return {}, 1.0
    moved = [_mean(track.movement()[1]) for track in tracks]
    scores = []
    for track, movement in zip(tracks, moved, strict=True):
        if max(moved) < LEAST_MOVEMENT:
            evidence = track.mean_area()
        else:
            evidence = (1 + _correlation(*track.movement(), loudness)) * np.sqrt(movement)
        scores.append(evidence * len(track.faces) / frames)
    best = int(np.argmax(scores))
    chosen = tracks[best].faces
    rivals = [
        score
        for number, (track, score) in enumerate(zip(tracks, scores, strict=True))
        if number != best and track.faces.keys() & chosen.keys()
    ]
    certainty = 1 - max(rivals) / scores[best] if rivals and scores[best] > 0 else float(not rivals)
    return chosen, float(certainty)


def _correlation(numbers: np.ndarray, movement: np.ndarray, loudness: np.ndarray | None) -> float:
    """Pearson's, of the mouth's movement with the loudness between the same two frames; 0 where one is constant."""
    if loudness is None or len(numbers) < 3:
        return 0.0
    between = (loudness[numbers] + loudness[numbers + 1]) / 2
    if np.ptp(between) <= 1e-9 * np.abs(between).max() or np.ptp(movement) <= 1e-9:
        return 0.0
    return float(np.corrcoef(movement, between)[0, 1])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else 0.0


def _mouth(face: Face) -> np.ndarray:
    return np.array([face.mouth_opening, face.blendshapes[JAW_OPEN]])


def _middle(face: Face) -> np.ndarray:
    left, top, right, bottom = face.box
    return np.array([left + right, top + bottom]) / 2


def _size(face: Face) -> np.ndarray:
    left, top, right, bottom = face.box
    return np.maximum([right - left, bottom - top], 1e-6)
