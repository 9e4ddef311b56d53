"""LiveSession gives, utterance by utterance, the predictions of the causal model for the whole conversation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, pipeline

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor, LiveSession
from modeling_amuse.processing.feature_extractors import extractor_record
from modeling_amuse.variants import CONTEXTS
from tests.small_models import SIZES, small_model

TALK = [
    {"id": "a", "speaker": "Ada", "text": "oh no what is that", "audio_features": [0.5, 1.0], "start": 0.0, "end": 1.5},
    {"speaker": "Ben", "text": "leave me alone"},
    {"speaker": "Ada", "text": "I am so happy for you", "audio_features": [2.0, 1.0]},
]


def utterance(speaker: str, streams, tokens: int = 1, seed: int = 0) -> dict:
    numbers = np.random.default_rng(seed)
    return {"speaker": speaker, **{f"{s}_features": numbers.normal(size=(tokens, SIZES[s])) for s in streams}}


conversations = st.lists(
    st.builds(
        utterance,
        speaker=st.sampled_from(["Ada", "Ben", "Cleo"]),
        streams=st.sets(st.sampled_from(list(SIZES))),
        tokens=st.integers(1, 4),
        seed=st.integers(0, 999),
    ),
    min_size=1,
    max_size=8,
).filter(lambda talk: any(len(given) > 1 for given in talk))  # a conversation without any modality is refused


@pytest.fixture(scope="module", params=list(CONTEXTS))
def session(request):
    torch.manual_seed(0)
    return LiveSession(small_model(contexts=request.param, causal=True), AmuseProcessor())


@given(talk=conversations)
def test_it_says_what_the_model_says_about_the_whole(session, talk):
    with torch.no_grad():
        whole = session.model(**session.processor(talk))
    session.reset()
    for now, given_utterance in enumerate(talk):
        said = session.add(given_utterance)
        assert said["speaker"] == given_utterance["speaker"]
        scores = whole.logits[0, now].softmax(dim=-1)
        torch.testing.assert_close(torch.tensor(list(said["scores"].values())), scores, atol=1e-5, rtol=0)
        shares = torch.tensor(list(said["shares"].values()))
        torch.testing.assert_close(shares, whole.fusion_shares[0, now], atol=1e-5, rtol=0)
        present = whole.modality_mask[0, now].bool()
        assert [modality in said["modalities"] for modality in session.model.config.modalities] == present.tolist()
        by_modality = whole.modality_logits[0, now].softmax(dim=-1)[present]
        for says, expected in zip(said["modalities"].values(), by_modality, strict=True):
            torch.testing.assert_close(torch.tensor(list(says["scores"].values())), expected, atol=1e-5, rtol=0)


def test_the_past_counts():
    first, other, last = (utterance("Ada", SIZES, seed=seed) for seed in (1, 2, 3))
    for contexts in ("both", "dialogue", "speaker"):
        session = LiveSession(small_model(contexts=contexts, causal=True), AmuseProcessor())
        said = []
        for before in (first, other):
            session.reset()
            session.add(before)
            said.append(session.add(last)["confidence"])
        assert abs(said[0] - said[1]) > 1e-4


def tensors(held) -> list[torch.Tensor]:
    if isinstance(held, torch.Tensor):
        return [held]
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, (list, tuple)) else []
    return [tensor for part in parts for tensor in tensors(part)]


def state_of(session: LiveSession) -> list[torch.Tensor]:
    return tensors({name: held for name, held in vars(session).items() if name not in ("model", "processor")})


def test_its_state_grows_with_speakers_alone(session):
    sizes = []
    session.reset()
    assert state_of(session) == []
    for number in range(30):
        session.add(utterance("Ada" if number % 3 else "Ben", SIZES, tokens=1 + number % 4, seed=number))
        sizes.append(sum(tensor.untyped_storage().nbytes() for tensor in state_of(session)))
        assert not any(tensor.requires_grad for tensor in state_of(session))
    assert len(set(sizes[1:])) == 1
    session.add(utterance("Cleo", SIZES))
    after = sum(tensor.untyped_storage().nbytes() for tensor in state_of(session))
    one_state = 2 * session.model.config.hidden_size * 4
    assert after - sizes[-1] == (one_state if session.model.config.contexts in ("both", "speaker") else 0)


def test_it_reads_each_utterance_once(session):
    rows = []
    hook = session.model.amuse.unimodal["text"].register_forward_hook(
        lambda module, inputs, output: rows.append(len(output.tokens.lengths))
    )
    session.reset()
    for number in range(5):
        session.add(utterance("Ada", SIZES, seed=number))
    hook.remove()
    assert rows == [1] * 5


def test_reset_begins_anew(session):
    talk = [utterance(speaker, SIZES, seed=seed) for seed, speaker in enumerate(["Ada", "Ben", "Ada"])]
    session.reset()
    first = [session.add(given_utterance) for given_utterance in talk]
    session.reset()
    assert [session.add(given_utterance) for given_utterance in talk] == first


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"text_features": [0.0] * 6}, "has no 'speaker'"),
        ({"speaker": "Ada", "text_features": [0.0] * 5 + [float("nan")]}, "text_features hold NaN"),
        ({"speaker": "Ada", "text_features": [0.0] * 5 + [float("inf")]}, "an infinite value"),
        ({"speaker": "Ada", "text_features": [0.0] * 5}, "text_features must be of shape"),
        ({"speaker": "Ada", "text": 7}, "is a int: give a string"),
        ("Hello.", "is a str: give a dict"),
        (None, "is a NoneType: give a dict"),
        ([{"speaker": "Ada", "text_features": [0.0] * 6}], "is a list: give a dict"),
        ({"utterances": [{"speaker": "Ada", "text_features": [0.0] * 6}]}, "has no 'speaker'"),
    ],
)
def test_an_error_leaves_the_session_as_it_was(session, bad, message):
    session.reset()
    session.add(utterance("Ada", SIZES, seed=1))
    before = [tensor.clone() for tensor in state_of(session)]
    with pytest.raises(ValueError, match=message):
        session.add(bad)
    after = state_of(session)
    assert len(after) == len(before) and all(map(torch.equal, before, after))


def test_an_utterance_in_which_nothing_is_known(session):
    session.reset()
    said = session.add({"speaker": "Ada"})
    assert said["modalities"] == {} and set(said["shares"].values()) == {0.0}
    assert sum(said["scores"].values()) == pytest.approx(1)


def hearing() -> tuple:
    """A model that reads the prosody of recordings, and its processor."""
    model = small_model(
        text_feature_size=None,
        vision_feature_size=None,
        background_feature_size=None,
        causal=True,
        audio_feature_size=42,
    )
    statistics = {"audio": {"mean": [0.0] * 42, "std": [100.0] * 42}}
    prosody = {"audio": extractor_record("prosody")}
    processor = AmuseProcessor(feature_statistics=statistics, feature_records=prosody, emotions=["a", "b", "c", "d"])
    return model, processor


def test_it_hears_recordings(tmp_path, caplog):
    small_media = pytest.importorskip("tests.small_media", reason="needs PyAV")
    path = small_media.write_wav(tmp_path / "talk.wav", small_media.speech_like(2.0))
    model, processor = hearing()
    spoken = {"speaker": "Ada", "audio": str(path), "start": 0.5, "end": 1.5}
    assert list(LiveSession(model, processor).add(spoken)["modalities"]) == ["audio"]
    with pytest.raises(ValueError, match="its start is '0': give seconds"):
        LiveSession(model, processor).add({**spoken, "start": "0"})
    # it is unknown how features from other tools are computed
    foreign = AmuseProcessor(feature_statistics=processor.feature_statistics)
    assert LiveSession(model, foreign).add(spoken)["modalities"] == {}


@pytest.mark.parametrize("order", [(0, 0), (1, 0, 0), (0, 1, 0, 1)])
def test_it_says_of_each_utterance_what_is_lost(tmp_path, order):
    """Also of the second one of a file, of which the log has been told already."""
    small_media = pytest.importorskip("tests.small_media", reason="needs PyAV")
    sound = np.concatenate([np.zeros(32000, np.float32), small_media.speech_like(2.0)])
    path = small_media.write_wav(tmp_path / "talk.wav", sound)
    model, processor = hearing()
    session = LiveSession(model, processor)
    for is_loud in order:
        start = 0.5 + 2.0 * is_loud
        said = session.add({"speaker": "Ada", "audio": str(path), "start": start, "end": start + 1.0})
        warnings = said.get("warnings", [])
        assert bool(said["modalities"]) is bool(is_loud) and len(warnings) == (not is_loud)
        assert all("its sound is silent throughout" in warning and str(tmp_path) not in warning for warning in warnings)


def test_settings_of_the_outputs_change_nothing():
    talk = [utterance("Ada", ["text"], seed=n) for n in range(2)]
    model = small_model(causal=True)
    expected = [LiveSession(model, AmuseProcessor()).add(one)["scores"] for one in talk[:1]]
    model.config.return_dict, model.config.output_hidden_states = False, True
    assert [LiveSession(model, AmuseProcessor()).add(one)["scores"] for one in talk[:1]] == expected


def test_it_names_emotions_as_the_pipeline_does():
    names = ["calm", "joy", "fear", "anger"]
    said = LiveSession(small_model(causal=True), AmuseProcessor(emotions=names)).add(utterance("Ada", ["text"]))
    assert sorted(said["scores"]) == sorted(names)
    named = small_model(causal=True, id2label=dict(enumerate(names)))
    with pytest.raises(ValueError, match="has the emotions a, b, c, d, but the model has calm, joy, fear, anger"):
        LiveSession(named, AmuseProcessor(emotions=list("abcd")))


def test_it_needs_a_causal_model():
    with pytest.raises(ValueError, match="--causal true"):
        LiveSession(small_model(), AmuseProcessor())


def test_it_answers_as_the_pipeline_does(tiny_text_encoder):
    emotions = ["neutral", "joy", "fear"]
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        audio_feature_size=2,
        hidden_size=16,
        initializer_range=0.3,
        causal=True,
        id2label=dict(enumerate(emotions)),
        label2id={emotion: number for number, emotion in enumerate(emotions)},
    )
    processor = AmuseProcessor(
        tokenizer=AutoTokenizer.from_pretrained(tiny_text_encoder[0]),
        emotions=emotions,
        feature_statistics={"audio": {"mean": [1.0, 1.0], "std": [1.0, 1.0]}},
    )
    session = LiveSession(model.train(), processor)
    live = [session.add(given_utterance) for given_utterance in TALK]
    whole = pipeline("emotion-recognition", model=model, processor=processor, device="cpu")(TALK)
    for said, expected in zip(live, whole, strict=True):
        assert list(said) == list(expected)
        for key, value in expected.items():
            if key == "modalities":
                assert list(said[key]) == list(value)
                for modality, says in value.items():
                    assert list(said[key][modality]) == list(says)
                    assert said[key][modality]["emotion"] == says["emotion"]
                    assert said[key][modality]["scores"] == pytest.approx(says["scores"], abs=1e-5)
            else:
                assert said[key] == (value if isinstance(value, str) else pytest.approx(value, abs=1e-5))
