"""Conversations as dicts with mistakes that a program might make, for the processor and the check of live utterances."""

import math
from numbers import Integral, Real

import numpy as np
from hypothesis import strategies as st

from modeling_amuse import AmuseProcessor
from modeling_amuse.processing.conversation import check_conversations
from tests.fuzz.given_input import Given
from tests.fuzz.heard_warnings import heard_warnings
from tests.fuzz.nasty_values import nasty_texts, nasty_values, plain_text

KEYS = (
    "id",
    "speaker",
    "text",
    "start",
    "end",
    "audio",
    "audio_start",
    "video",
    "video_side",
    "emotion",
    "index",
    "waveform",
)
NASTY_ARRAYS = [
    *(
        np.zeros(3),
        np.zeros((2, 3)),
        np.full((1, 2), np.nan),
        np.full(2, 1e300),
        np.array(["1", "2"]),
        np.array([True, False]),
    ),
    *(
        np.zeros((0, 2)),
        np.zeros((2, 0)),
        np.zeros((1, 1, 2)),
        np.array([1 + 2j, 0]),
        np.array([None, 1.0], dtype=object),
    ),
    *(np.array(["2020-01-01"], dtype="datetime64[D]"), np.zeros(2, np.uint8), np.array(5.0), [1.0, None], [1, "2"]),
    *([[1.0, 2.0], [3.0]], [10**400, 1], [1.0, math.inf], "12", b"12", {"array": np.zeros(4), "sampling_rate": 16000}),
    *({"array": [], "sampling_rate": 16000}, {"array": np.zeros(4)}, {"raw": "x", "sampling_rate": -1}),
]
PROCESSOR = AmuseProcessor(
    emotions=["joy", "anger"],
    feature_statistics={
        "audio": {"mean": [0.0, 0.0], "std": [1.0, 1.0]},
        "text": {"mean": [1.0, 2.0], "std": [2.0, 4.0]},
    },
)


@st.composite
def odd_conversations(draw) -> Given:
    """A conversation with some wrong values."""
    utterances = [
        {
            "speaker": draw(st.sampled_from(["Ada", "Ben", 1, "1", 2])),
            "text": "Hi.",
            "start": float(number),
            "end": number + 0.5,
            "audio_features": [[0.5, -1.0]],
            "text_features": [float(number), 1.0],
            "emotion": draw(st.sampled_from(["joy", "anger", None])),
        }
        for number in range(draw(st.integers(1, 4)))
    ]
    what = []
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(utterances) - 1))
        key = draw(
            st.sampled_from(
                (*KEYS, "speaker", "text", "start", "end", "audio_features", "text_features", "background_features")
            )
        )
        arrays = st.sampled_from(NASTY_ARRAYS)
        value = draw(
            st.one_of(arrays, nasty_values())
            if key.endswith("features") or key == "waveform"
            else nasty_values() | arrays
        )
        utterances[place][key] = value
        what.append(f"utterance {place}, {key}: {value!r:.80}")
    conversation = {"id": "talk", "utterances": utterances}
    shape = draw(st.integers(0, 19))
    if shape == 0:
        conversation = utterances
    elif shape == 1:
        conversation["utterances"] = draw(nasty_values())
    elif shape == 2:
        conversation = draw(nasty_values() | st.sampled_from(NASTY_ARRAYS))
    elif shape == 3:
        conversation["id"] = draw(nasty_values())
    elif shape == 4:
        utterances[-1] = draw(nasty_values())
    elif shape == 5:
        conversation[draw(nasty_texts())] = draw(nasty_values())
    elif shape == 6:
        conversation["warnings"] = draw(nasty_values())
    return Given(value=conversation, known=utterances, what="; ".join(what) or f"shape {shape}")


def read_conversation(path, given: Given):
    """
    Check a conversation, and make a batch of it.

    Raises:
        AssertionError: if the batch differs from the conversation and there was no warning.
    """
    with heard_warnings() as said:
        checked = check_conversations(given.value)
        batch = PROCESSOR(given.value, return_tensors="np")
    if len(checked) != 1 or not isinstance(given.value, (dict, list)):
        return
    utterances = given.value["utterances"] if isinstance(given.value, dict) else given.value
    if not isinstance(utterances, list):
        return
    assert batch["utterance_mask"].shape == (1, len(utterances)) and batch["utterance_mask"].all()
    speakers = [name_of(utterance["speaker"]) for utterance in utterances]
    order = list(dict.fromkeys(speakers))
    assert batch["speaker_ids"][0].tolist() == [order.index(name) for name in speakers], "speakers"
    for found, utterance in zip(checked[0]["utterances"], utterances, strict=True):
        assert_text(found.get("text"), utterance.get("text"), said)
        for key in ("start", "end"):
            time = utterance.get(key)
            assert time is None or (is_number(time) and 0 <= time <= 3_600_000 and found[key] == time), (
                f"{key} {time!r}"
            )
        if utterance.get("start") is not None and utterance.get("end") is not None:
            assert utterance["start"] <= utterance["end"], "an end before its start"
    ids = [name_of(utterance["id"]) for utterance in utterances if utterance.get("id") is not None]
    assert len({name for name in ids if name}) == len([name for name in ids if name]), "ids repeat"
    assert_features(batch, utterances)
    assert_labels(batch, utterances)


def assert_text(found, given, said: list[str]):
    assert given is None or isinstance(given, str), f"a text of {given!r:.40}"
    if given is not None:
        assert found == given or (said and found.strip() == plain_text(given)), (
            f"the text {given!r:.40} became {found!r:.40}"
        )


def assert_features(batch, utterances: list[dict]):
    for stream in ("audio", "text"):
        if f"{stream}_features" not in batch:
            continue
        states, mask = batch[f"{stream}_features"][0], batch[f"{stream}_mask"][0]
        assert np.isfinite(states).all(), f"{stream}_features are not finite"
        for place, utterance in enumerate(utterances):
            given = utterance.get(f"{stream}_features")
            if given is None:
                assert not mask[place].any(), "features of nothing"
                continue
            rows = np.atleast_2d(np.array(given, dtype=np.float64))
            statistics = PROCESSOR.feature_statistics[stream]
            expected = (rows - statistics["mean"]) / statistics["std"]
            if not np.isnan(rows).all() and rows.size:
                assert mask[place].sum() == len(rows), "another number of tokens"
                assert np.allclose(states[place, : len(rows)], np.nan_to_num(expected), rtol=1e-5), "other features"


def assert_labels(batch, utterances: list[dict]):
    for place, utterance in enumerate(utterances):
        emotion, label = utterance.get("emotion"), batch["labels"][0, place]
        assert emotion is None or emotion in ("joy", "anger"), f"the emotion {emotion!r:.40}"
        assert label == (-100 if emotion is None else ["joy", "anger"].index(emotion)), "another label"
    if "utterance_ids" in batch:
        for place, utterance in enumerate(utterances):
            index = utterance["index"]
            assert isinstance(index, Integral) and not isinstance(index, bool), f"the index {index!r:.40}"
            assert batch["utterance_ids"][0, place] == index, "another index"


def name_of(value) -> str:
    """The text of a speaker or an id, as documented."""
    assert not isinstance(value, bool) and isinstance(value, (str, Real)), f"the name {value!r:.40}"
    return plain_text(value) if isinstance(value, str) else str(int(value))


def is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
