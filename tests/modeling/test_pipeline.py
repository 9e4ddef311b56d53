"""The emotion-recognition pipeline on a saved folder."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoProcessor, AutoTokenizer, pipeline

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor, language

EMOTIONS = ["neutral", "joy", "fear"]
TALK = [
    {"speaker": "Ada", "text": "oh no what is that", "audio_features": [0.5, 1.0], "start": 0.0, "end": 1.5},
    {"speaker": "Ben", "text": "leave me alone", "emotion": "no emotion that is known"},
    {"speaker": "Ada", "text": "I am so happy for you", "audio_features": [2.0, 1.0]},
]


@pytest.fixture(scope="module")
def saved(tiny_text_encoder, tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("amuse-tiny")
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        tiny_text_encoder[0],
        audio_feature_size=2,
        hidden_size=16,
        initializer_range=0.3,
        id2label=dict(enumerate(EMOTIONS)),
        label2id={emotion: number for number, emotion in enumerate(EMOTIONS)},
    ).eval()
    processor = AmuseProcessor(
        AutoTokenizer.from_pretrained(tiny_text_encoder[0]),
        emotions=EMOTIONS,
        feature_statistics={"audio": {"mean": [1.0, 1.0], "std": [1.0, 1.0]}},
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return model, processor, str(folder)


@pytest.fixture(scope="module")
def recognizer(saved):
    return pipeline("emotion-recognition", model=saved[2], device="cpu")


def unlabelled(talk):
    return [{key: value for key, value in utterance.items() if key != "emotion"} for utterance in talk]


def test_it_says_what_the_model_says(saved, recognizer):
    model, processor, folder = saved
    loaded = AutoModel.from_pretrained(folder)
    batch = AutoProcessor.from_pretrained(folder)(unlabelled(TALK))
    with torch.no_grad():
        in_memory, from_folder = model(**processor(unlabelled(TALK))), loaded(**batch)
    assert torch.equal(from_folder.logits, in_memory.logits)
    probabilities = in_memory.logits[0].softmax(dim=-1)
    for utterance, given, row in zip(recognizer(TALK), TALK, probabilities, strict=True):
        assert (utterance["speaker"], utterance["text"]) == (given["speaker"], given["text"])
        assert list(utterance["scores"]) == EMOTIONS
        assert list(utterance["scores"].values()) == pytest.approx(row.tolist())
        assert utterance["emotion"] == EMOTIONS[row.argmax()]
        assert utterance["confidence"] == pytest.approx(float(row.max()))
    shares = in_memory.fusion_shares[0].tolist()
    assert [list(u["shares"].values()) for u in recognizer(TALK)] == [pytest.approx(row) for row in shares]


def test_what_each_modality_says_by_itself(recognizer):
    first, second, _ = recognizer(TALK)
    assert list(first["modalities"]) == ["text", "audio"]
    assert list(second["modalities"]) == ["text"]  # Ben has no audio
    assert second["shares"] == {"text": 1.0, "audio": 0.0}
    assert (first["start"], first["end"]) == (0.0, 1.5) and "start" not in second
    for says in first["modalities"].values():
        assert sum(says["scores"].values()) == pytest.approx(1)
        assert says["confidence"] == max(says["scores"].values()) == says["scores"][says["emotion"]]


def emotions(results):
    return [[list(utterance["scores"].values()) for utterance in conversation] for conversation in results]


def test_one_conversation_or_several(recognizer):
    other = [TALK[1]]
    [talk] = emotions([recognizer(TALK)])
    for form in ({"utterances": TALK}, [TALK, other], [{"id": "x", "utterances": TALK}, {"utterances": other}]):
        result = recognizer(form)
        result = [result] if isinstance(form, dict) else result
        assert emotions(result)[0] == [pytest.approx(row) for row in talk]
    assert len(recognizer([TALK])) == 1 and isinstance(recognizer([TALK])[0], list)


def test_the_batch_size_changes_nothing(recognizer):
    talks = [TALK, TALK[:1], TALK[1:], TALK[:2], TALK]
    alone = emotions(recognizer(talks))
    for batch_size in (2, 8):
        together = emotions(recognizer(talks, batch_size=batch_size))
        for a, b in zip(alone, together, strict=True):
            torch.testing.assert_close(torch.tensor(a), torch.tensor(b), atol=1e-5, rtol=0)


def test_what_is_saved_is_what_is_loaded(saved, recognizer, tmp_path):
    recognizer.save_pretrained(tmp_path / "pipeline")
    assert pipeline("emotion-recognition", model=str(tmp_path / "pipeline"), device="cpu")(TALK) == recognizer(TALK)
    recognizer.model.save_pretrained(tmp_path / "model")  # it does not change the model either
    assert (tmp_path / "model" / "config.json").read_text() == (Path(saved[2]) / "config.json").read_text()


def test_settings_of_the_outputs_change_nothing(saved, recognizer):
    settings = {"output_attentions": True, "output_hidden_states": True, "return_dict": False}
    model = AmuseForEmotionRecognition.from_pretrained(saved[2], **settings)
    said = pipeline("emotion-recognition", model=model, processor=saved[1], device="cpu")(TALK)
    for own, expected in zip(said, recognizer(TALK), strict=True):
        assert own["scores"] == pytest.approx(expected["scores"], abs=1e-5)
    inputs = saved[1](TALK, return_labels=False)
    torch.testing.assert_close(
        model(**inputs)[0], saved[0](**inputs).logits
    )  # a tuple, because the configuration asks for it


def test_a_subset_of_the_modalities(recognizer):
    assert all(list(utterance["modalities"]) == ["text"] for utterance in recognizer(TALK, modalities=("text",)))
    without_audio = [{key: value for key, value in u.items() if key != "audio_features"} for u in TALK]
    assert emotions([recognizer(TALK, modalities=("text",))]) == emotions([recognizer(without_audio)])


def test_an_utterance_in_which_nothing_is_known(recognizer):
    [utterance] = recognizer([{"speaker": "Ada", "text": " "}])
    assert utterance["shares"] == {"text": 0.0, "audio": 0.0} and utterance["modalities"] == {}
    assert sum(utterance["scores"].values()) == pytest.approx(1)


def test_bad_input_is_refused(recognizer):
    with pytest.raises(ValueError, match="There is no modality adio"):
        recognizer(TALK, modalities=("text", "adio"))
    with pytest.raises(ValueError, match="Utterance 0 of conversation 0 has no 'speaker'"):
        recognizer([{"text": "who says this?"}])
    with pytest.raises(ValueError, match="Conversation 1 is empty"):
        recognizer([TALK, []])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        *(({"batch_size": value}, "batch_size must be a whole number") for value in (0, -3, True, 1.5, "4", [2])),
        *(({"num_workers": value}, "num_workers must be a whole number") for value in (-1, False, 0.5, "2")),
        *(({"top_k": value}, "top_k must be a whole number") for value in (0, True, 2.0, "all")),
        *(
            ({"unclear_below": value}, "unclear_below is a confidence")
            for value in (-0.1, math.nan, True, "0.5", [0.5])
        ),
        *(({"progress": value}, "progress must be a function") for value in ("yes", True, {})),
        *(({"target": value}, "is no emotion of this model") for value in (3, ["joy"], "Joy", {})),
    ],
)
def test_an_option_of_a_wrong_kind_is_refused(recognizer, setting, message):
    with pytest.raises(ValueError, match=message):
        recognizer(TALK, **setting)


def test_a_result_has_the_keys_of_its_type(recognizer):
    from modeling_amuse import RecognizedUtterance

    [conversation] = recognizer([TALK])
    for utterance in conversation:
        assert RecognizedUtterance.__required_keys__ <= set(utterance) <= set(RecognizedUtterance.__annotations__)


def test_conversations_are_reported_as_they_are_done(recognizer):
    reports = []
    recognizer([TALK, TALK, TALK], batch_size=2, progress=lambda *report: reports.append(report))
    assert reports == [("emotions", 0, 3), ("emotions", 2, 3), ("emotions", 3, 3)]


def test_the_runner_up_and_the_margin_are_those_of_the_scores(recognizer):
    for utterance in [*recognizer(TALK), *recognizer(TALK, top_k=1)]:
        assert "unclear" not in utterance  # this model has no threshold
        assert utterance["runner_up"] != utterance["emotion"]
    for utterance in recognizer(TALK):
        first, second, _ = sorted(utterance["scores"].values(), reverse=True)
        assert utterance["margin"] == pytest.approx(first - second)
        assert utterance["scores"][utterance["runner_up"]] == second


def test_utterances_below_the_threshold_are_unclear(recognizer):
    confidences = sorted(utterance["confidence"] for utterance in recognizer(TALK))
    between = (confidences[0] + confidences[1]) / 2
    said = recognizer(TALK, unclear_below=between)
    assert [u["unclear"] for u in said] == [u["confidence"] < between for u in said] and sum(
        u["unclear"] for u in said
    ) == 1
    config = recognizer.model.config
    config.unclear_below = 1.0
    try:
        assert all(u["unclear"] for u in recognizer(TALK))
        assert not any(u["unclear"] for u in recognizer(TALK, unclear_below=0))
    finally:
        config.unclear_below = None
    with pytest.raises(ValueError, match="unclear_below is a confidence, from 0 to 1, but is 30"):
        recognizer(TALK, unclear_below=30)


@pytest.mark.parametrize(
    ("texts", "noted"),
    [
        (["Ich habe die Stelle bekommen!", "Das ist ja wunderbar, wann fängst du an?"], "German"),
        (["J'ai eu le poste !", "C'est vrai ? Quand est-ce que tu commences ?"], "French"),
        (["I got the job!", "No way, when do you start?"], None),
        (["Ja."], None),
        (["", "  "], None),
    ],
)
def test_words_in_another_language_than_the_models_are_noted(recognizer, texts, noted):
    config = recognizer.model.config
    config.training_language = "en"
    try:
        warnings = recognizer(
            [{"speaker": "Ada", "text": text, "audio_features": [0.0, 1.0]} for text in texts]
        ).warnings
    finally:
        config.training_language = None
    assert [w for w in warnings if "The words seem to be" in w and str(noted) in w] == (warnings[:1] if noted else [])
    assert noted is None or "was trained on English" in warnings[0]


def test_what_most_utterances_lack_and_a_made_up_corpus_are_noted(recognizer):
    voices = [{"speaker": "Ada", "text": "oh no", **({"audio_features": [0.5, 1.0]} if n else {})} for n in range(4)]
    assert recognizer(voices).warnings == []
    assert "no utterance has voice" in recognizer(TALK, modalities=("text",)).warnings[0]
    assert "3 of 4 utterances have no voice" in recognizer([*voices[:1] * 3, voices[1]]).warnings[0]
    recognizer.model.config.training_data = "sample"
    try:
        assert "made-up conversations" in recognizer(voices).warnings[0]
    finally:
        recognizer.model.config.training_data = None


def test_the_memory_of_the_language_detection_is_freed_by_the_recording_that_took_it(recognizer, monkeypatch):
    def read(conversation, *_):
        utterances = [{k: v for k, v in u.items() if k != "audio"} for u in conversation["utterances"]]
        return {**conversation, "utterances": utterances}

    monkeypatch.setattr(recognizer.processor, "add_recorded_features", read)
    monkeypatch.setattr(recognizer.model.config, "training_language", "en")
    german = {"speaker": "Ada", "text": "Ich habe gestern die Stelle in Lissabon bekommen!"}
    sound = {"array": np.zeros(16_000, np.float32), "sampling_rate": 16_000}
    language.forget_model()
    heard = {**german, "audio": sound}
    for utterance, is_loaded in ((heard, False), (german, True), (heard, True)):
        assert "German" in " ".join(recognizer([utterance]).warnings)
        assert language.is_loaded() == is_loaded
