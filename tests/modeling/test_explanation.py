"""Explanations: which parts sum to which total, what each part refers to, and when a part is empty."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, ViTImageProcessor, pipeline

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor, LiveSession
from modeling_amuse.attributions import Question, WordPieces, input_values
from modeling_amuse.explanation import ExplanationOptions, _Explainer, explain_conversation
from modeling_amuse.explanation_types import PARTS, Explanation
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.faces import FACE_FEATURES
from modeling_amuse.processing.prosody import PROSODY_FEATURES
from modeling_amuse.processing.text_words import word_spans
from modeling_amuse.read_conversation import ReadConversation
from modeling_amuse.tokens import Tokens
from modeling_amuse.usual_features import usual_features
from tests.small_models import SIZES, small_model, with_experts

EMOTIONS = ["neutral", "joy", "anger"]
NAMES = dict(enumerate(EMOTIONS))


def featured(number: int, seed: int = 0, frames: int = 3, lacking: tuple[str, ...] = ()) -> list[dict]:
    """Utterances with random features of all streams. The first has no features of the streams in `lacking`."""
    draw = np.random.default_rng(seed)
    utterances = []
    for place in range(number):
        own = {f"{stream}_features": draw.normal(size=(frames, size)) for stream, size in SIZES.items()}
        utterances.append({"speaker": f"S{draw.integers(3)}", "start": 2.0 * place, "end": 2.0 * place + 1.7, **own})
    for stream in lacking:
        utterances[0].pop(f"{stream}_features")
    return utterances


def explain(model, utterances, processor=None, **given) -> list[Explanation]:
    processor = processor or AmuseProcessor(emotions=[f"LABEL_{n}" for n in range(model.config.num_labels)])
    inputs = processor(utterances, return_labels=False)
    return explain_conversation(model, processor, utterances, inputs, **given)


@pytest.fixture(scope="module")
def words_model(tiny_text_encoder):
    """A random model of text and of features of voice and face, and its processor."""
    torch.manual_seed(0)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        audio_feature_size=len(PROSODY_FEATURES),
        vision_feature_size=len(FACE_FEATURES),
        hidden_size=16,
        num_man_layers=1,
        initializer_range=0.3,
        id2label=NAMES,
        label2id={name: number for number, name in NAMES.items()},
    ).eval()
    statistics = {
        "audio": {"mean": [0.0] * len(PROSODY_FEATURES), "std": [1.0] * len(PROSODY_FEATURES)},
        "vision": {"mean": [0.0] * len(FACE_FEATURES), "std": [1.0] * len(FACE_FEATURES)},
    }
    records = {"audio": {"name": "prosody", "version": 1}, "vision": {"name": "faces", "version": 1}}
    processor = AmuseProcessor(
        AutoTokenizer.from_pretrained(tiny_text_encoder[0]),
        emotions=EMOTIONS,
        feature_statistics=statistics,
        feature_records=records,
    )
    return model, processor


def spoken(*texts: str, seed: int = 0) -> list[dict]:
    """Utterances with text, voice and face."""
    draw = np.random.default_rng(seed)
    return [
        {
            "speaker": "Ada" if place % 2 else "Ben",
            "id": f"u{place}",
            "text": text,
            "start": 3.0 * place,
            "end": 3.0 * place + 2.0,
            "audio_features": draw.normal(size=(1, len(PROSODY_FEATURES))),
            "vision_features": draw.normal(size=(4, len(FACE_FEATURES))),
        }
        for place, text in enumerate(texts)
    ]


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 100),
    number=st.integers(1, 6),
    experts=st.sampled_from(["none", "constant", "adaptive"]),
    contexts=st.sampled_from(["both", "none"]),
    temperature=st.sampled_from([1.0, 2.5]),
    lacking=st.sets(st.sampled_from(["text", "audio", "vision"]), max_size=3),
)
def test_the_modalities_sum_to_the_log_odds(seed, number, experts, contexts, temperature, lacking):
    torch.manual_seed(seed)
    model = with_experts(small_model(experts=experts, contexts=contexts, temperature=temperature))
    gone = (*lacking, *(("background",) if "vision" in lacking else ()))
    found = explain(model, featured(number, seed, lacking=gone))
    for explanation in found:
        assert sum(explanation["modalities"].values()) == pytest.approx(explanation["log_odds"], abs=1e-4)
        assert explanation["modalities_method"] == ("shapley" if experts == "none" else "experts")
        assert explanation["log_odds"] >= 0 and explanation["target"] != explanation["against"]
    assert set(found[0]["modalities"]) == {"conversation", "text", "audio", "vision"} - lacking


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 100), number=st.integers(1, 4), experts=st.sampled_from(["none", "adaptive"]))
def test_the_modalities_can_be_compared_with_all_other_emotions(seed, number, experts):
    torch.manual_seed(seed)
    model = with_experts(small_model(experts=experts, temperature=1.5))
    utterances = featured(number, seed)
    found = explain(model, utterances, options=ExplanationOptions(against="others"))
    inputs = AmuseProcessor(emotions=[f"LABEL_{n}" for n in range(4)])(utterances, return_labels=False)
    with torch.no_grad():
        logits = model(**inputs).logits[0] / model.config.temperature
    for explanation, probability in zip(found, logits.softmax(dim=-1).amax(dim=-1).tolist(), strict=True):
        assert explanation["against"] == "all others"
        assert explanation["log_odds"] == pytest.approx(np.log(probability / (1 - probability)), abs=1e-3)
        assert sum(explanation["modalities"].values()) == pytest.approx(explanation["log_odds"], abs=1e-4)
    # with two emotions, the other one is the runner-up
    two = with_experts(small_model(experts=experts, num_labels=2))
    first, second = (
        explain(two, utterances, options=ExplanationOptions(against=against)) for against in ("others", "runner_up")
    )
    for one, other in zip(first, second, strict=True):
        assert one["modalities"] == pytest.approx(other["modalities"], abs=1e-4)


def test_the_log_odds_are_those_of_the_pipelines_probabilities(words_model):
    model, processor = words_model
    model.config.temperature = 1.7
    recognizer = pipeline("emotion-recognition", model=model, processor=processor)
    try:
        results = recognizer(spoken("I am so happy", "No way", "What?"), explain=True)
    finally:
        model.config.temperature = 1.0
    for result in results:
        explanation = result["explanation"]
        assert explanation["target"] == result["emotion"]
        odds = result["scores"][explanation["target"]] / result["scores"][explanation["against"]]
        assert explanation["log_odds"] == pytest.approx(np.log(odds), abs=1e-4)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 100), number=st.integers(1, 5), steps=st.just(64))
def test_integrated_gradients_are_complete(seed, number, steps):
    """The attributions sum to the difference between the log-odds and those at the baseline."""
    torch.manual_seed(seed)
    model = small_model(num_man_layers=1, initializer_range=0.1)
    utterances = featured(number, seed)
    inputs = AmuseProcessor()(utterances, return_labels=False)
    read = ReadConversation(model, inputs)
    question = Question(read, read.logits.argmax(dim=1), read.logits.argmin(dim=1))
    streams = ("audio", "vision", "background")
    baselines = {name: torch.zeros(number, SIZES[name]) for name in streams}
    values = input_values(question, None, baselines, steps)
    zeros = {f"{name}_features": torch.zeros_like(inputs[f"{name}_features"]) for name in streams}
    for row in range(number):
        changed = {name: inputs[name].clone() for name in zeros}
        for name in zeros:
            changed[name][0, row] = 0
        with torch.no_grad():
            there = question.odds_of_all(model(**inputs).logits[0])[row]
            away = question.odds_of_all(model(**{**inputs, **changed}).logits[0])[row]
        total = sum(float(values.streams[name][row].sum()) for name in streams)
        assert total == pytest.approx(float(there - away), abs=2e-3)
    assert values.deltas.abs().max() < 2e-3


def test_word_attributions_are_complete(words_model):
    model, processor = words_model
    utterances = spoken("I am so happy today", "", "No way")
    inputs = processor(utterances, return_labels=False)
    read = ReadConversation(model, inputs)
    question = Question(read, read.logits.argmax(dim=1), read.logits.argmin(dim=1))
    word = torch.as_tensor(processor.text_words(utterances).word_of_piece)
    pieces = WordPieces.of(inputs["input_ids"][0], inputs["text_mask"][0], word, processor.tokenizer.pad_token_id)
    baselines = {"audio": torch.zeros(3, len(PROSODY_FEATURES)), "vision": torch.zeros(3, len(FACE_FEATURES))}
    values = input_values(question, pieces, baselines, 128)
    assert values.deltas.abs().max() < 0.02
    assert (values.pieces[pieces.word < 0] == 0).all()  # special tokens and padding


TEXTS = st.text(alphabet=st.sampled_from("abcXYZ äß你ん!?'-\n\t "), max_size=40)


@settings(deadline=None, max_examples=25)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), speaker_names=st.booleans())
def test_offsets_index_the_words(words_model, texts, speaker_names):
    model, processor = words_model
    processor.speaker_names = speaker_names
    try:
        found = explain(model, spoken(*texts), processor, options=ExplanationOptions(steps=2, window=0))
    finally:
        processor.speaker_names = False
    for text, explanation in zip(texts, found, strict=True):
        assert all(text[word["start"] : word["end"]] == word["text"] for word in explanation["words"])
        assert "".join(word["text"] for word in explanation["words"]) == "".join(text.split())
        assert bool(explanation["words"]) or "words" in explanation["notes"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I can't, Ben!", ["I", "can't,", "Ben!"]),
        ("  spaced\tout\n", ["spaced", "out"]),
        ("你好 ok", ["你", "好", "ok"]),
        ("", []),
    ],
)
def test_words_of_texts(text, words):
    assert [text[start:end] for start, end in word_spans(text)] == words


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("fixed", [None, 8])
def test_a_piece_of_several_characters_is_one_word(side, fixed):
    texts = ["我很开心", "我很开心吗 ok 我很开心"]
    _, tokenizer = small_text_encoder(texts * 50, 300)
    tokenizer.padding_side = side
    if fixed:
        tokenizer.init_kwargs |= {"padding": "max_length", "max_length": fixed}
    processor = AmuseProcessor(tokenizer)
    utterances = spoken(*texts)
    ids, words = processor(utterances)["input_ids"][0], processor.text_words(utterances)
    for row, (text, spans) in enumerate(zip(texts, words.spans, strict=True)):
        assert "".join(text[start:end] for start, end in spans) == "".join(text.split())
        of_piece = words.word_of_piece[row]
        of_piece = (
            of_piece[len(of_piece) - ids.shape[1] :] if side == "left" and len(of_piece) > ids.shape[1] else of_piece
        )
        assert len(of_piece) <= ids.shape[1]
        read = sorted(set(of_piece.tolist()) - {-1})
        assert read == list(range(len(read))) and (fixed or len(read) == len(spans))


def test_words_that_the_tokenizer_cuts_off_are_named(words_model):
    model, processor = words_model
    processor.max_text_tokens = 6
    try:
        [explanation] = explain(model, spoken("one two three four five six seven eight nine"), processor)
    finally:
        processor.max_text_tokens = 128
    assert len(explanation["words"]) == 9 and explanation["words"][-1]["score"] == 0
    assert "of 9 words" in explanation["notes"]["words"]


def test_both_methods_give_the_same_scores_each_time(words_model):
    model, processor = words_model
    for method in ("integrated_gradients", "lime"):
        options = ExplanationOptions(words=method, window=0)
        [first] = explain(model, spoken("I am so happy"), processor, options=options)
        [again] = explain(model, spoken("I am so happy"), processor, options=options)
        assert first == again and first["words_method"] == method
        assert any(word["score"] for word in first["words"])


def test_voice_and_face_have_names_and_times(words_model):
    model, processor = words_model
    found = explain(model, spoken("Yes.", "No.", "Yes.", "No.", "Well."), processor)
    first = found[0]
    assert first["voice"] == [] and "one vector" in first["notes"]["voice"]
    # Ben says utterances 0, 2 and 4: enough for a mean, also if the same emotion is recognized in all; of Ada there are two
    own = [found[row]["target"] for row in (0, 2, 4)]
    ada = [found[row]["target"] for row in (1, 3)]
    for row, emotions, otherwise in ((0, own, "this speaker's mean"), (1, ada, "the mean of the training data")):
        compared = otherwise if len(set(emotions)) == 1 else "this speaker's mean with other emotions"
        assert all(feature["sentence"].endswith(f" {compared}") for feature in found[row]["voice_features"])
    assert {feature["name"] for feature in first["voice_features"]} <= set(PROSODY_FEATURES)
    sizes = [abs(action["score"]) for action in first["face"]]
    assert sizes == sorted(sizes, reverse=True) and {action["direction"] for action in first["face"]} <= {
        "more",
        "less",
    }
    assert [frame["time"] for frame in found[2]["frames"]] == pytest.approx([6.25, 6.75, 7.25, 7.75])
    assert "face_images" in first["notes"]["regions"]


@settings(deadline=None, max_examples=30)
@given(
    people=st.lists(st.sampled_from("ABC"), min_size=1, max_size=8),
    target=st.sampled_from([None, 0, 1, 2]),
    is_normalized=st.booleans(),
    data=st.data(),
)
def test_features_are_compared_with_those_of_other_emotions_of_the_same_speaker(people, target, is_normalized, data):
    rows = range(len(people))
    draw = np.random.default_rng(len(people))
    states = draw.normal(size=(len(people), 2, 3))
    lengths = data.draw(st.lists(st.integers(0, 2), min_size=len(people), max_size=len(people)))
    recognized = data.draw(st.lists(st.integers(0, 2), min_size=len(people), max_size=len(people)))
    targets = [emotion if target is None else target for emotion in recognized]
    part = Tokens(torch.tensor(states), torch.tensor(lengths))
    read = SimpleNamespace(
        tokens={"text": [part], "audio": [part]},
        config=SimpleNamespace(streams=lambda modality: [modality]),
        logits=torch.nn.functional.one_hot(torch.tensor(recognized), 3).float(),
    )
    found = usual_features(read, people, torch.tensor(targets), {"audio"} if is_normalized else set())
    assert list(found) == ["audio"]

    there = [row for row in rows if lengths[row]]
    means = {row: states[row, : lengths[row]].mean(axis=0) for row in there}
    for row, (tokens, name) in enumerate(zip(*found["audio"], strict=True)):
        own = [other for other in there if people[other] == people[row]]
        others = [other for other in own if other != row and recognized[other] != targets[row]]
        if others:
            kept, expected = others, "this speaker's mean with other emotions"
        elif len(own) >= 3:
            kept, expected = own, "this speaker's mean"
        else:
            kept, expected = there, "the mean of the conversation"
            if is_normalized:
                kept, expected = [], "the mean of the training data"
        assert name == expected
        assert tokens.tolist() == pytest.approx(np.mean([means[k] for k in kept] or [[0.0] * 3], axis=0), abs=1e-5)


def test_stretches_of_the_voice_cover_the_utterance():
    torch.manual_seed(0)
    for explanation, utterance in zip(
        explain(small_model(), featured(3, frames=8)), featured(3, frames=8), strict=True
    ):
        stretches = explanation["voice"]
        assert [s["start"] for s in stretches] == pytest.approx([utterance["start"] + 0.5 * n for n in range(4)])
        assert stretches[-1]["end"] == pytest.approx(utterance["end"])
        assert "names" in explanation["notes"]["voice_features"]


def test_context_is_what_changes_when_an_utterance_is_left_out():
    torch.manual_seed(0)
    model, utterances = small_model(), featured(5)
    processor = AmuseProcessor()
    found = explain(model, utterances, options=ExplanationOptions(window=2))
    assert [sorted(c["index"] for c in explanation["context"]) for explanation in found] == [
        [1, 2],
        [0, 2, 3],
        [0, 1, 3, 4],
        [1, 2, 4],
        [2, 3],
    ]

    def odds(said: list[dict], place: int, target: int) -> float:
        with torch.no_grad():
            logits = model(**processor(said, return_labels=False)).logits[0, place]
        return float(logits[target] - logits[torch.arange(len(logits)) != target].logsumexp(0))

    for other in found[2]["context"]:
        target = model.config.label2id[found[2]["target"]]
        left = [u for place, u in enumerate(utterances) if place != other["index"]]
        change = odds(utterances, 2, target) - odds(left, 2 - (other["index"] < 2), target)
        assert other["score"] == pytest.approx(change, abs=1e-4)
        assert other["speaker"] == utterances[other["index"]]["speaker"]


@pytest.mark.parametrize("scope", ["conversation", "neighbours"])
def test_encoders_of_whole_conversations_are_explained(tiny_text_encoder, scope):
    torch.manual_seed(0)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        hidden_size=16,
        initializer_range=0.3,
        text_scope=scope,
        max_text_sequence=40,
        id2label=NAMES,
    ).eval()
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), emotions=EMOTIONS)
    utterances = [
        {"speaker": f"S{n % 2}", "text": text} for n, text in enumerate(["I am here", "No", "", "Wow yes"] * 4)
    ]
    found = explain(model, utterances, processor)
    for utterance, explanation in zip(utterances, found, strict=True):
        assert sum(explanation["modalities"].values()) == pytest.approx(explanation["log_odds"], abs=1e-4)
        assert [word["text"] for word in explanation["words"]] == utterance["text"].split()
        assert any(word["score"] for word in explanation["words"]) or not utterance["text"]
        assert any(other["score"] for other in explanation["context"])
    with torch.no_grad():  # as in the pipeline
        again = explain(model, utterances, processor)
    for one, other in zip(found, again, strict=True):
        assert [w["score"] for w in one["words"]] == pytest.approx([w["score"] for w in other["words"]], abs=1e-5)
    with pytest.raises(ValueError, match="lime"):
        explain(model, utterances, processor, options=ExplanationOptions(words="lime"))


def test_shared_passes_agree_with_gradients_of_each_utterance(tiny_text_encoder):
    """If there are at most as many utterances as steps, the signs of all utterances are orthogonal, so shared parts cancel."""
    torch.manual_seed(0)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0], hidden_size=16, text_scope="conversation", id2label=NAMES
    ).eval()
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), emotions=EMOTIONS)
    utterances = [{"speaker": "Ada", "text": "I am here now"}]
    [alone] = explain(model, utterances, processor)
    by_utterance = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0], hidden_size=16, text_scope="utterance", id2label=NAMES
    ).eval()
    by_utterance.load_state_dict(model.state_dict())
    [expected] = explain(by_utterance, utterances, processor)
    scores = [[word["score"] for word in explanation["words"]] for explanation in (alone, expected)]
    assert scores[0] == pytest.approx(scores[1], rel=0.05, abs=1e-4)


@pytest.mark.parametrize("lacking", ["", "audio", "vision"])
def test_shared_passes_explain_words_voice_and_face_together(tiny_text_encoder, lacking):
    """
    The attributions of an utterance sum to the change of its log-odds from the baselines of its words, voice and face, also where
    the conversation is read in several sequences, of which one has no voice or no face.
    """
    torch.manual_seed(1)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        audio_feature_size=3,
        vision_feature_size=2,
        hidden_size=16,
        initializer_range=0.3,
        text_scope="conversation",
        max_text_sequence=12,
        id2label=NAMES,
    ).eval()
    processor = AmuseProcessor(AutoTokenizer.from_pretrained(tiny_text_encoder[0]), emotions=EMOTIONS)
    draw = np.random.default_rng(0)
    utterances = [
        {"speaker": "Ada", "text": text, "audio_features": draw.normal(size=(4, 3))}
        | {"vision_features": draw.normal(size=(2, 2))}
        for text in ("I am here", "No", "Wow yes", "I am not")
    ]
    for utterance in utterances[:2]:
        utterance.pop(f"{lacking}_features", None)
    inputs = processor(utterances, return_labels=False)
    explainer = _Explainer(model, processor, utterances, inputs, None, ExplanationOptions(), None)
    pieces, question = explainer.word_pieces(), explainer.question
    usual = {stream: found.tokens for stream, found in explainer.usual.items()}
    values = input_values(question, pieces, usual, 10)

    bare = [dict(u) for u in utterances]
    for stream, tokens in usual.items():
        for utterance, row in zip(bare, tokens, strict=True):
            if f"{stream}_features" in utterance:
                utterance[f"{stream}_features"] = np.tile(row, (len(utterance[f"{stream}_features"]), 1))
    compared = processor(bare, return_labels=False)
    rows = torch.arange(4)
    with torch.no_grad():
        for row in range(4):
            # the sequence of the utterance without words, in the conversation that the contexts know
            compared["input_ids"] = inputs["input_ids"].clone()
            compared["input_ids"][0, row, : pieces.mask.shape[1]] = pieces.baseline_ids()[row]
            without = ReadConversation(model, compared)
            described = without.describe(without.tokens, without.present, without.evidence)
            before = question.odds_of_all(question.conversation.logits_of(rows, *described))[row]
            after = question.odds_of_all(question.conversation.logits)[row]
            total = values.pieces[row].sum() + sum(part[row].sum() for part in values.streams.values())
            assert float(total) == pytest.approx(float(after - before), abs=0.05)
    for stream, part in values.streams.items():
        assert bool((part[:2] == 0).all()) == (stream == lacking) and bool((part[2:] != 0).any())


def test_regions_of_a_picture_are_covered_one_by_one():
    torch.manual_seed(0)
    vit = {"model_type": "vit", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16}
    config = AmuseConfig(
        vision_config={**vit, "patch_size": 4, "intermediate_size": 16},
        hidden_size=16,
        initializer_range=0.3,
        id2label=NAMES,
    )
    model = AmuseForEmotionRecognition(config).eval()
    processor = AmuseProcessor(image_processor=ViTImageProcessor(size={"height": 16, "width": 16}), emotions=EMOTIONS)
    draw = np.random.default_rng(0)
    faces = [draw.integers(0, 255, (20, 20, 3), dtype=np.uint8) for _ in range(2)]
    utterances = [{"speaker": "Ada", "start": 1, "end": 2, "face_images": faces}, {"speaker": "Ben"}]
    with_faces, without = explain(model, utterances, processor, options=ExplanationOptions(grid=2))
    assert np.shape(with_faces["regions"]["scores"]) == (2, 2) and np.any(with_faces["regions"]["scores"])
    assert with_faces["regions"]["picture"].startswith("data:image/png;base64,")
    assert with_faces["regions"]["time"] in [frame["time"] for frame in with_faces["frames"]]
    utterances[0]["face_images"] = np.stack(faces)  # an array is read like a list
    assert (
        explain(model, utterances, processor, options=ExplanationOptions(grid=2))[0]["regions"] == with_faces["regions"]
    )
    assert without["regions"] is None and "no face" in without["notes"]["regions"]


@pytest.mark.parametrize("lacking", ["text", "audio", "vision"])
def test_an_absent_modality_is_empty_with_its_reason(words_model, lacking):
    model, processor = words_model
    utterances = spoken("Hello there", "Yes")
    utterances[0] = {k: v for k, v in utterances[0].items() if k not in (lacking, f"{lacking}_features")}
    [first, second] = explain(model, utterances, processor)
    parts = {"text": ["words"], "audio": ["voice_features"], "vision": ["face", "frames"]}[lacking]
    for part in parts:
        assert first[part] == [] and first["notes"][part].endswith(".")
        assert second[part] and part not in second["notes"]
    assert lacking not in first["modalities"] and lacking in second["modalities"]


def test_everything_empty_has_a_reason(words_model):
    """This holds even for an utterance without any modality, alone in its conversation."""
    model, processor = words_model
    for utterances in ([{"speaker": "Ada"}], spoken("One", "Two"), [{"speaker": "Ada", "text": " \n"}]):
        for explanation in explain(model, utterances, processor):
            empty = {part for part in PARTS if not explanation[part]}
            assert empty <= set(explanation["notes"])
            assert set(explanation) == set(Explanation.__annotations__)


def test_a_target_is_explained_and_an_unknown_one_refused(words_model):
    model, processor = words_model
    recognizer = pipeline("emotion-recognition", model=model, processor=processor)
    for result in recognizer(spoken("Hello", "Bye"), explain=True, target="anger"):
        assert result["explanation"]["target"] == "anger"
        assert (result["explanation"]["log_odds"] >= 0) == (result["emotion"] == "anger")
    with pytest.raises(ValueError, match="'boredom' is no emotion of this model; it has neutral, joy, anger"):
        recognizer(spoken("Hello"), explain=True, target="boredom")
    always = pipeline("emotion-recognition", model=model, processor=processor, explain=True)
    for target in ("anger", "joy"):  # what is given with a call counts for this call
        assert always(spoken("Hello"), target=target)[0]["explanation"]["target"] == target
    assert "explanation" not in always(spoken("Hello"), explain=False)[0]
    assert "explanation" in always(spoken("Hello"))[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("yes", "True, False, or a dict"),
        ({"word": "lime"}, "True, False, or a dict"),
        ({"words": "shap"}, "words must be one of"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"modalities": "experts"}, "has no experts"),
    ],
)
def test_options_that_do_not_exist_are_refused(words_model, given, message):
    model, processor = words_model
    recognizer = pipeline("emotion-recognition", model=model, processor=processor)
    with pytest.raises(ValueError, match=message):
        recognizer(spoken("Hello"), explain=given)


def test_conversations_of_a_batch_are_explained_as_if_alone(words_model):
    model, processor = words_model
    recognizer = pipeline("emotion-recognition", model=model, processor=processor)
    conversations = [spoken("One", "Two is longer than one"), spoken("Three", seed=1)]
    together = recognizer(conversations, batch_size=2, explain=True)
    for conversation, results in zip(conversations, together, strict=True):
        for alone, result in zip(recognizer(conversation, explain=True), results, strict=True):
            assert alone["explanation"]["words"] == [
                {**word, "score": pytest.approx(word["score"], abs=1e-4)} for word in result["explanation"]["words"]
            ]
    assert "explanation" not in recognizer(conversations[0])[0]


def test_a_live_session_explains_as_the_whole_conversation():
    torch.manual_seed(0)
    model, utterances = small_model(causal=True), featured(4)
    processor = AmuseProcessor(emotions=[f"LABEL_{n}" for n in range(4)])
    session = LiveSession(model, processor)
    whole = explain(model, utterances, processor)
    for utterance, expected in zip(utterances, whole, strict=True):
        found = session.add(utterance, explain=True)["explanation"]
        assert found["log_odds"] == pytest.approx(expected["log_odds"], abs=1e-4)
        assert found["modalities"] == pytest.approx(expected["modalities"], abs=1e-4)
        assert found["context"] == [] and "live session" in found["notes"]["context"]
    with pytest.raises(ValueError, match="no emotion of this model"):
        session.add(utterances[0], explain=True, target="love")
    assert "explanation" not in session.add(utterances[0])


def test_without_captum_the_package_is_named(words_model, monkeypatch):
    model, processor = words_model
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(ImportError, match="pip install captum"):
        explain(model, spoken("Hello"), processor)
