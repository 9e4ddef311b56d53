# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The controlled corpus: its annotations, voices and faces have the documented properties."""

from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest

from modeling_amuse.processing.controlled.controlled_corpus import (
    EMOTIONAL_WORDS,
    EVIDENCE,
    MODALITIES,
    NEUTRAL_WORDS,
    PROBABILITY_OF_NEUTRAL,
    compose,
    optimal_predictions,
    pointed_by_evidence,
)
from modeling_amuse.processing.corpora.meld import EMOTIONS
from modeling_amuse.scripts.study.controlled_evidence import optimal_score


@pytest.fixture(scope="module")
def corpus():
    return compose(seed=0)


def all_utterances(corpus) -> list[dict]:
    return [u for conversations in corpus.values() for c in conversations for u in c["utterances"]]


def test_the_same_seed_gives_the_same_corpus_and_another_seed_another(corpus):
    assert compose(seed=0) == corpus
    assert compose(seed=1) != corpus


def test_further_draws_share_the_neutral_sentences_of_a_split_and_nothing_else(corpus):
    """So a model that was trained on draw 0 has seen no more of a further test draw than of its own test split."""
    several = compose(seed=0, draws=(0, 1, 3))
    ids = [u["id"] for u in all_utterances(several)]
    assert len(ids) == len(set(ids)) == 3 * len(all_utterances(corpus))
    assert compose(seed=0, draws=(3,)) == {split: c[2 * len(c) // 3 :] for split, c in several.items()}
    for split, conversations in several.items():
        size = len(corpus[split])
        assert conversations[:size] == corpus[split]
        first, second = ([c["utterances"] for c in conversations[k * size : (k + 1) * size]] for k in (1, 2))
        assert first != second

    def neutral(conversations):
        texts = (u["text"] for c in conversations for u in c["utterances"])
        return {text for text in texts for words in NEUTRAL_WORDS if words in text}

    trained = {text for text in neutral(corpus["train"])}
    assert not trained & neutral(several["test"])


def test_words_tell_the_emotion_where_they_hold_the_evidence_and_nowhere_else(corpus):
    words_of = {words: emotion for emotion, several in EMOTIONAL_WORDS.items() for words in several}
    for utterance in all_utterances(corpus):
        told = {emotion for words, emotion in words_of.items() if words in utterance["text"]}
        assert told == ({utterance["emotion"]} if "text" in utterance["evidence"] else set()), utterance


def test_the_number_of_words_and_the_pace_say_little_about_the_evidence(corpus):
    utterances = all_utterances(corpus)

    def explained(values, group):
        """The share of the variance that the means of the groups explain."""
        values = np.array(values)
        groups = [values[[g == own for g in group]] for own in set(group)]
        return sum(len(g) * (g.mean() - values.mean()) ** 2 for g in groups) / len(values) / values.var()

    told = [u["emotion"] if "text" in u["evidence"] else "neutral" for u in utterances]
    assert explained([len(u["text"].split()) for u in utterances], told) < 0.1
    assert explained([u["pace"] for u in utterances], [u["emotion"] for u in utterances]) < 0.03


def test_splits_share_no_sentence_and_no_conversation(corpus):
    def sentences(split):
        words = [*NEUTRAL_WORDS, *(words for several in EMOTIONAL_WORDS.values() for words in several)]
        texts = [u["text"] for c in corpus[split] for u in c["utterances"]]
        for addition in words:
            texts = [text.replace(addition, "").strip() for text in texts]
        return set(texts)

    assert not sentences("train") & sentences("test")
    assert not {c["id"] for c in corpus["train"]} & {c["id"] for c in corpus["test"]}


def test_neutral_alone_has_no_evidence_and_draws_follow_the_stated_probabilities(corpus):
    utterances = all_utterances(corpus)
    assert all((u["emotion"] == "neutral") == (not u["evidence"]) for u in utterances)
    counts = Counter(tuple(u["evidence"]) for u in utterances)
    # four standard deviations of a binomial distribution with the documented probability
    for evidence in ((), *EVIDENCE):
        p = PROBABILITY_OF_NEUTRAL if evidence == () else (1 - PROBABILITY_OF_NEUTRAL) / len(EVIDENCE)
        assert abs(counts[evidence] - p * len(utterances)) < 4 * np.sqrt(len(utterances) * p * (1 - p)), evidence


@pytest.mark.parametrize("modalities", EVIDENCE)
def test_no_rule_that_sees_what_the_modalities_show_scores_more_than_the_optimum(modalities):
    """The accuracy of the best prediction from all modalities, by enumerating the whole distribution."""
    joint = {("neutral", ()): PROBABILITY_OF_NEUTRAL}
    for emotion, evidence in product(EMOTIONS[1:], EVIDENCE):
        joint[emotion, evidence] = (1 - PROBABILITY_OF_NEUTRAL) / (len(EMOTIONS) - 1) / len(EVIDENCE)
    assert sum(joint.values()) == pytest.approx(1)
    seen = defaultdict(Counter)
    for (emotion, evidence), p in joint.items():
        seen[tuple(emotion if m in evidence else "neutral" for m in modalities)][emotion] += p
    best = sum(max(emotions.values()) for emotions in seen.values())

    cases = [{"emotion": emotion, "evidence": list(evidence)} for emotion, evidence in joint]
    predictions = optimal_predictions(cases, modalities)
    ours = sum(p for p, case, guess in zip(joint.values(), cases, predictions, strict=True) if guess == case["emotion"])
    assert ours == pytest.approx(best)


def test_with_all_modalities_the_optimum_is_perfect(corpus):
    assert optimal_score(all_utterances(corpus), MODALITIES) == {"accuracy": 1.0, "weighted_f1": 1.0}


def test_shares_are_counted_where_one_modality_alone_holds_the_evidence():
    utterances = [{"evidence": ["text"]}, {"evidence": ["audio"]}, {"evidence": ["text", "audio"]}, {"evidence": []}]
    shares = [{"text": 0.5, "audio": 0.3, "vision": 0.2}] * 4
    counted = pointed_by_evidence(utterances, shares)
    assert counted["all"] == {"utterances": 2, "pointed": 1}
    assert (counted["text"]["pointed"], counted["audio"]["pointed"]) == (1, 0)
    assert counted["text"]["means"]["audio"] == pytest.approx(0.3)


def test_contributions_point_to_the_only_evidence():
    from modeling_amuse.scripts.study.controlled_evidence import score
    from modeling_amuse.scripts.study.controlled_study import chosen_subsets, evidence_table

    truth = [{"emotion": "joy", "evidence": [modality]} for modality in MODALITIES for _ in range(2)]
    shares = dict.fromkeys(MODALITIES, 1 / 3)
    contributions = [{m: float(m == u["evidence"][0]) - 0.1 for m in MODALITIES} for u in truth]
    contributions[0] = {"text": -1.0, "audio": 0.5, "vision": 0.0}
    timelines = [{"emotion": "joy", "shares": shares, "contributions": own} for own in contributions]
    found = score(truth, timelines)
    assert found["accuracy"] == 1.0 and found["contributions"]["all"] == {"utterances": 6, "pointed": 5}
    assert found["contributions"]["text"]["means"]["text"] == pytest.approx((0.9 - 1.0) / 2)
    table = "\n".join(evidence_table([found], "contributions", "contribution", "What the experts contributed"))
    assert "| text alone | 50% (1 of 2) | -0.05 |" in table and "| all of these | 83% (5 of 6) |" in table

    without = [{key: value for key, value in timeline.items() if key != "contributions"} for timeline in timelines]
    assert score(truth, without)["contributions"] is None
    assert evidence_table([score(truth, without)], "contributions", "", "") == []
    assert chosen_subsets(["text+audio"]) == [("text", "audio")] and len(chosen_subsets(None)) == 7
    with pytest.raises(ValueError, match="--subsets audio[+]text: the subsets are text, audio, vision, text[+]audio"):
        chosen_subsets(["audio+text"])


def test_the_same_sentences_are_spoken_the_same_and_tones_are_heard():
    pytest.importorskip("espeakng_loader")
    librosa = pytest.importorskip("librosa")
    from modeling_amuse.processing.controlled.espeak_voice import SAMPLING_RATE, TONES, VOICES, speak
    from modeling_amuse.processing.prosody import PROSODY_FEATURES, prosody

    # some voices are breathy, which adds noise
    voices = [("They put the report on the table.", voice, TONES["joy"]) for voice in VOICES]
    assert all(np.array_equal(*pair) for pair in zip(speak(voices), speak(voices), strict=True))
    spoken = speak([("Come on, folks, one on each corner.", VOICES[0], TONES[emotion]) for emotion in EMOTIONS])
    heard = {
        emotion: dict(
            zip(PROSODY_FEATURES, prosody(librosa.resample(w, orig_sr=SAMPLING_RATE, target_sr=16000))[0], strict=True)
        )
        for emotion, w in zip(EMOTIONS, spoken, strict=True)
    }
    assert heard["anger"]["loudness_mean"] > heard["neutral"]["loudness_mean"] > heard["sadness"]["loudness_mean"]
    assert heard["surprise"]["pitch_mean"] > heard["neutral"]["pitch_mean"] > heard["disgust"]["pitch_mean"]
    # between percentiles, because the pitch of some frames is wrong by an octave
    melody = {emotion: values["pitch_high"] - values["pitch_low"] for emotion, values in heard.items()}
    assert min(melody["joy"], melody["anger"], melody["disgust"]) > 3 * max(melody["sadness"], melody["fear"])
    assert heard["fear"]["seconds"] < heard["neutral"]["seconds"] < heard["sadness"]["seconds"]


def test_a_sentence_without_a_word_is_refused():
    pytest.importorskip("espeakng_loader")
    from modeling_amuse.processing.controlled.espeak_voice import TONES, VOICES, speak

    with pytest.raises(ValueError, match="nothing to say in '...'"):
        speak([("Hello.", VOICES[0], TONES["neutral"]), ("...", VOICES[0], TONES["neutral"])])


def test_expressions_are_seen_by_the_face_landmarker():
    pytest.importorskip("mediapipe")
    from modeling_amuse.processing.controlled.drawn_face import EXPRESSIONS, draw_face
    from modeling_amuse.processing.faces import FaceFinder, action_units

    with FaceFinder() as finder:
        units = {}
        for emotion, expression in EXPRESSIONS.items():
            [face] = finder.find(draw_face(expression, person=3))
            units[emotion] = action_units(face.blendshapes)
        [speaking] = finder.find(draw_face(EXPRESSIONS["neutral"], person=3, mouth=1.0))
        [silent] = finder.find(draw_face(EXPRESSIONS["neutral"], person=3))
    assert max(units, key=lambda emotion: units[emotion]["AU12"]) == "joy"
    assert units["surprise"]["AU1"] > units["neutral"]["AU1"] + 0.3
    assert speaking.mouth_opening > silent.mouth_opening + 0.05
