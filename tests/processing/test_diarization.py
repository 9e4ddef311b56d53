# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Speakers, times and words: in a real conversation, and in conversations made from single utterances."""

import importlib.util
import itertools
import json
import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile
from scipy.signal import resample_poly

from modeling_amuse.processing.diarization import LONGEST_TURN, ChannelTurn, Turn, _named, diarize, find_speech
from modeling_amuse.processing.emotional_directions import EMOTIONAL_DIRECTIONS
from modeling_amuse.processing.evaluation.acted_talks import REPORT_SPEAKERS, clips_of_speakers, make_talk
from modeling_amuse.processing.known_voices import samples_in
from modeling_amuse.processing.media_warnings import collected_warnings
from modeling_amuse.processing.recordings import conversations_of_file
from modeling_amuse.processing.sound_tracks import read_audio, utterance_waveforms
from modeling_amuse.processing.speaker_clusters import SWITCH_COST, most_likely_speakers
from modeling_amuse.processing.speaker_embeddings import SpeechWindow, embed_windows, without_emotion
from modeling_amuse.processing.speech_to_text import (
    _giving_pieces,
    _nearness,
    _parts,
    _Piece,
    _utterance,
    _windows,
    _words,
    load_speech_model,
    transcribe,
    utterances_of_recording,
)
from modeling_amuse.processing.turn_splitting import _joined, _sentences
from modeling_amuse.processing.utterance_media import utterance_sounds
from tests.conftest import folder_from_environment

for package in ("av", "silero_vad", "onnxruntime", "resemblyzer"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}", allow_module_level=True)

RATE = 16000


@pytest.fixture(scope="module")
def talk():
    """30 s of two people on the telephone, and their turns: (speaker, start, end)."""
    folder = folder_from_environment("AMUSE_MEDIA_DIR", "recordings (two_speakers_30s.wav and its .rttm)")
    rows = [line.split() for line in (folder / "two_speakers_30s.rttm").read_text().splitlines()]
    spoken = [(row[7], float(row[3]), float(row[3]) + float(row[4])) for row in rows]
    return folder / "two_speakers_30s.wav", spoken


@pytest.fixture(scope="module")
def turns_of_talk(talk):
    return diarize(talk[0])


@pytest.fixture(scope="module")
def recognizer():
    folder = folder_from_environment("AMUSE_ENCODERS_DIR", "pretrained encoders (whisper-tiny.en)")
    return load_speech_model(folder / "whisper-tiny.en")


@pytest.fixture
def conversation(tmp_path):
    """A function that writes a conversation of calm Emo-DB utterances, two per turn, with short pauses."""
    folder = folder_from_environment("AMUSE_EMODB_DIR", "Emo-DB (wav/*.wav)") / "wav"

    def write(speakers: list[str], rounds: int, pause: float = 0.3):
        rng, parts, spoken, now = random.Random(0), [], [], 0.0
        paths = {s: sorted(p for p in folder.glob(f"{s}*.wav") if p.stem[5] in "NL") for s in speakers}
        for speaker in paths:
            rng.shuffle(paths[speaker])
        for speaker in [speaker for _ in range(rounds) for speaker in speakers for _ in range(2)]:
            rate, samples = wavfile.read(paths[speaker].pop())
            waveform = resample_poly(samples / 32768, RATE, rate)
            spoken.append((speaker, now, now + len(waveform) / RATE))
            parts += [waveform, np.zeros(int(pause * RATE))]
            now += len(waveform) / RATE + int(pause * RATE) / RATE
        return write_wav(tmp_path / "conversation.wav", np.concatenate(parts)), spoken

    return write


def write_wav(path, waveform):
    wavfile.write(path, RATE, (np.clip(waveform, -1, 1) * 32767).astype(np.int16))
    return path


def diarization_error_rate(spoken, turns, collar=0.25):
    """As NIST defines it: `collar` seconds on each side of a boundary are not scored, overlapping speech is."""
    core, metrics = pytest.importorskip("pyannote.core"), pytest.importorskip("pyannote.metrics.diarization")
    reference, hypothesis = core.Annotation(), core.Annotation()
    for annotation, rows in ((reference, spoken), (hypothesis, turns)):
        for number, (speaker, start, end) in enumerate(rows):
            annotation[core.Segment(start, end), number] = speaker
    return metrics.DiarizationErrorRate(collar=2 * collar)(
        reference, hypothesis, uem=core.Timeline([core.Segment(0, max(end for _, _, end in [*spoken, *turns]))])
    )


def check_order(turns, duration):
    assert all(0 <= turn.start < turn.end <= duration for turn in turns)
    assert all(a.end <= b.start for a, b in itertools.pairwise(turns))
    heard = list(dict.fromkeys(turn.speaker for turn in turns))
    assert heard == [f"speaker {number + 1}" for number in range(len(heard))]


def test_two_people_on_the_telephone(talk, turns_of_talk):
    check_order(turns_of_talk, 30.0)
    assert {turn.speaker for turn in turns_of_talk} == {"speaker 1", "speaker 2"}
    assert diarization_error_rate(talk[1], turns_of_talk) <= 0.10
    one_speaker = [Turn("speaker 1", turn.start, turn.end) for turn in turns_of_talk]
    assert diarization_error_rate(talk[1], one_speaker) > 0.3  # the measure depends on the speakers


def test_speech_is_found_where_it_is(talk):
    speech = find_speech(talk[0])
    frames = np.arange(0, 30, 0.01)

    def covered(spans):
        return np.any([(frames >= start) & (frames < end) for start, end in spans], axis=0)

    assert np.mean(covered(speech) == covered([row[1:] for row in talk[1]])) > 0.95


def test_the_number_of_speakers_is_estimated(conversation):
    groups = [["03"], ["12"], ["08", "11"], ["10", "13"], ["13", "15"], ["09", "10", "16"]]
    found, rates = [], []
    for speakers in groups:
        path, spoken = conversation(
            speakers, min(4, 6 // len(speakers))
        )  # 20 to 30 s, because the estimate is worse for shorter recordings
        turns = diarize(path)
        check_order(turns, spoken[-1][2] + 1)
        found.append(len({turn.speaker for turn in turns}))
        rates.append(diarization_error_rate(spoken, turns))
    errors = [abs(number - len(speakers)) for number, speakers in zip(found, groups, strict=True)]
    assert sum(errors) <= 1, found  # one of these estimates may be wrong by one
    assert np.mean(rates) < 0.15
    assert {turn.speaker for turn in diarize(path, max_speakers=1)} == {"speaker 1"}


def test_four_speakers_whose_number_is_known(conversation):
    path, spoken = conversation(["03", "09", "14", "15"], 2)
    turns = diarize(path, num_speakers=4)
    check_order(turns, spoken[-1][2] + 1)
    assert len({turn.speaker for turn in turns}) == 4
    assert diarization_error_rate(spoken, turns) < 0.15


def test_without_speech_there_are_no_turns(tmp_path):
    silence = write_wav(tmp_path / "silence.wav", np.zeros(5 * RATE))
    noise = write_wav(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.01, 5 * RATE))
    blink = write_wav(tmp_path / "blink.wav", np.full(40, 0.1))
    for path in (silence, noise, blink):
        assert find_speech(path) == [] and diarize(path) == [] and diarize(path, num_speakers=2) == []
        with pytest.raises(ValueError, match=f"No speech is found in .*{path.name}: give a recording with speech"):
            utterances_of_recording(path, "no model is needed for this")


def test_a_very_short_recording(talk, tmp_path):
    rate, samples = wavfile.read(talk[0])
    path = tmp_path / "short.wav"
    wavfile.write(path, rate, samples[int(18.0 * rate) : int(19.2 * rate)])
    for number in (None, 1, 3):
        turns = diarize(path, num_speakers=number)
        check_order(turns, 1.2)
        assert 1 <= len({turn.speaker for turn in turns}) <= (number or 2)


def test_a_pause_ends_the_turn_of_a_long_speech(conversation):
    path, spoken = conversation(["14", "15", "16"], 3)
    turns = diarize(path, num_speakers=1)
    check_order(turns, spoken[-1][2] + 1)
    assert spoken[-1][2] > LONGEST_TURN and len(turns) > 1
    assert all(turn.end - turn.start <= LONGEST_TURN for turn in turns)


@pytest.mark.parametrize("numbers", [{"num_speakers": 0}, {"max_speakers": 0}])
def test_at_least_one_speaker(tmp_path, numbers):
    with pytest.raises(ValueError, match="_speakers is 0: give 1 or more"):
        diarize(tmp_path / "talk.wav", **numbers)


@pytest.mark.parametrize("key", ["num_speakers", "max_speakers"])
@pytest.mark.parametrize("value", ["2", 2.5, float("nan"), True, [2]])
def test_a_number_of_speakers_is_a_whole_one(tmp_path, key, value):
    with pytest.raises(ValueError, match=rf"{key} is {re.escape(repr(value))}: give 1 or more"):
        diarize(tmp_path / "talk.wav", **{key: value})


@pytest.mark.parametrize("known", [{}, [], 3, ["Ada.wav"], {"Ada"}])
def test_known_speakers_are_a_folder_or_a_dict_that_names_somebody(tmp_path, known):
    with pytest.raises(ValueError, match="known_speakers is .*: give a folder with a short recording of each speaker"):
        diarize(tmp_path / "talk.wav", known_speakers=known)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        ({"array": np.zeros(RATE)}, "sampling_rate of a waveform is None"),
        ({"raw": np.zeros(RATE), "sampling_rate": "16000"}, "sampling_rate of a waveform is '16000'"),
        ({"array": np.zeros(RATE), "sampling_rate": 0}, "sampling_rate of a waveform is 0"),
        ({"array": None, "sampling_rate": RATE}, "array of a waveform is object"),
        ({"array": 0.5, "sampling_rate": RATE}, "array of a waveform is float64"),
        ({"array": [[0.5], [0.5, 0.1]], "sampling_rate": RATE}, "is not an array of numbers"),
        (3, "A recording is given as a int"),
    ],
)
def test_every_reader_of_sound_refuses_what_is_no_waveform(recognizer, waveform, message):
    for read in (
        lambda: read_audio(waveform),
        lambda: list(utterance_waveforms(waveform, [(0.0, 0.5)])),
        lambda: transcribe(waveform, [Turn("Ada", 0.0, 0.5)], recognizer),
        lambda: embed_windows(waveform, [SpeechWindow(0.0, 0.5)]),
        lambda: diarize(waveform),
        lambda: list(utterance_sounds([{"speaker": "Ada", "audio": waveform}])),
    ):
        with pytest.raises(ValueError, match=message):
            read()


@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("number", [2, 3])
def test_fewer_speakers_than_channels_that_are_speakers_are_refused(talk, number, silent):
    sound = read_audio(talk[0], 17.0, 27.0)
    heard = np.zeros((number + silent, len(sound) * number), np.float32)
    for channel in range(number):  # one after the other, as crosstalk is no speech
        heard[channel, channel * len(sound) : (channel + 1) * len(sound)] = sound
    recording = {"array": heard, "sampling_rate": RATE}
    for people in range(1, number):
        with pytest.raises(
            ValueError, match=f"somebody speaks on {number} channels, .* there cannot be {people}: give"
        ):
            diarize(recording, num_speakers=people, speakers="channels")
    turns = diarize(recording, num_speakers=number, speakers="channels")
    assert len({turn.speaker for turn in turns}) == number


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.wav"):
        diarize(tmp_path / "nothing.wav")


@given(st.lists(st.lists(st.floats(0, 1, width=16), min_size=2, max_size=2), min_size=1, max_size=7))
def test_no_other_sequence_of_speakers_is_better(similarities):
    similarities = np.array(similarities)

    def score(speakers):
        changes = sum(a != b for a, b in itertools.pairwise(speakers))
        return sum(row[speaker] for row, speaker in zip(similarities, speakers, strict=True)) - SWITCH_COST * changes

    best = max(score(speakers) for speakers in itertools.product((0, 1), repeat=len(similarities)))
    assert score(most_likely_speakers(similarities)) == pytest.approx(best)


@given(st.floats(0, 5000), st.floats(0.25, 500))
def test_parts_of_a_turn_fit_the_recognizer(start, length):
    turn = Turn("speaker 1", start, start + length)
    parts = _parts(turn)
    assert parts[0].start == turn.start and parts[-1].end == turn.end
    assert all(a.end == b.start for a, b in itertools.pairwise(parts))
    assert all(0 < part.end - part.start <= LONGEST_TURN + 1e-6 for part in parts)


def test_the_words_of_a_talk(talk, recognizer):
    conversation = utterances_of_recording(talk[0], recognizer)
    utterances = conversation["utterances"]
    assert conversation["id"] == "two_speakers_30s"
    check_order([Turn(u["speaker"], u["start"], u["end"]) for u in utterances], 30.0)
    texts = [utterance["text"].lower() for utterance in utterances]
    assert all(texts) and not any("<|" in text for text in texts)
    said = {
        18.0: ("originally from chicago", "new jersey"),
        22.0: ("much difference", "you know", "they all call me", "down here"),
    }
    for second, phrases in said.items():
        [text] = [u["text"].lower() for u in utterances if u["start"] < second + 0.5 < u["end"]]
        assert all(phrase in text for phrase in phrases), text


def test_turns_keep_their_order(talk, recognizer):
    turns = [Turn("Ben", 21.8, 27.8), Turn("Ada", 18.05, 21.6)]
    utterances = transcribe(talk[0], turns, recognizer)
    assert [(u["speaker"], u["start"], u["end"]) for u in utterances] == turns
    assert "down here" in utterances[0]["text"] and "Chicago" in utterances[1]["text"]
    assert transcribe(talk[0], [], recognizer) == []
    assert transcribe(talk[0], turns, recognizer) == utterances
    with pytest.raises(ValueError, match="English-only"):
        transcribe(talk[0], turns, recognizer, language="german")


def test_what_is_no_speech_model_is_refused(talk, tmp_path):
    with pytest.raises(ValueError, match="cannot be loaded as a speech recognizer: give the Hub id or the folder"):
        transcribe(talk[0], [Turn("Ada", 0.0, 1.0)], tmp_path)


# ------------------------------------------------------------------------------------- channels, known voices, words


@pytest.fixture
def emodb():
    return folder_from_environment("AMUSE_EMODB_DIR", "Emo-DB (wav/*.wav)")


def talk_of(emodb, mood, people, channels, seed, utterances=8, speakers=REPORT_SPEAKERS):
    return make_talk(clips_of_speakers(emodb, speakers), mood, people, channels, seed, utterances)


def test_a_person_on_each_channel_is_a_speaker(emodb):
    talk = talk_of(emodb, "emotional", 2, 2, seed=1)
    with collected_warnings() as warnings:
        turns = diarize(talk.sound)
    assert diarization_error_rate(talk.turns, turns) <= 0.10
    assert {turn.channel for turn in turns} == {0, 1} and len({turn.speaker for turn in turns}) == 2
    assert len(warnings) == 1 and "each channel is taken for a speaker" in warnings[0]
    with collected_warnings() as warnings:
        by_voice = diarize(talk.sound, num_speakers=2, speakers="voices")
    assert not warnings and not any(isinstance(turn, ChannelTurn) for turn in by_voice)


def test_speakers_are_channels_or_voices(emodb):
    talk = talk_of(emodb, "calm", 2, 1, seed=1, utterances=3)
    with pytest.raises(ValueError, match="has one channel, so its channels cannot be speakers"):
        diarize(talk.sound, speakers="channels")
    with pytest.raises(ValueError, match="speakers is 'faces': give 'channels', 'voices', or None"):
        diarize(talk.sound, speakers="faces")


def test_more_people_than_channels_are_told_apart_by_their_voices(emodb):
    talk = talk_of(emodb, "calm", 3, 2, seed=3, utterances=12)
    turns = diarize(talk.sound, num_speakers=3)
    assert len({turn.speaker for turn in turns}) == 3
    assert diarization_error_rate(talk.turns, turns) <= 0.20


def test_talks_are_the_same_for_the_same_seed(emodb):
    one, same, other = (talk_of(emodb, "emotional", 3, 1, seed) for seed in (0, 0, 1))
    assert one.turns == same.turns and np.array_equal(one.sound["array"], same.sound["array"])
    assert one.turns != other.turns
    assert len({turn.speaker for turn in one.turns}) == 3
    assert one.sound["array"].shape[1] / RATE > max(turn.end for turn in one.turns)


def test_known_speakers_have_their_names(emodb, tmp_path):
    talk = talk_of(emodb, "calm", 2, 1, seed=2)
    folder = tmp_path / "voices"
    folder.mkdir()
    speakers = sorted({turn.speaker for turn in talk.turns})
    for name, speaker in zip(("Ada", "Ben"), speakers, strict=True):
        clips = sorted(p for p in (emodb / "wav").glob(f"{speaker}*.wav") if p.stem[5] == "N")
        write_wav(folder / f"{name}.wav", np.concatenate([read_audio(clip) for clip in clips[:3]]))
    turns = diarize(talk.sound, num_speakers=2, known_speakers=folder)
    names = dict(zip(speakers, ("Ada", "Ben"), strict=True))
    named = [Turn(names[turn.speaker], turn.start, turn.end) for turn in talk.turns]
    heard = {
        name: sum(
            min(a.end, b.end) - max(a.start, b.start)
            for a in named
            for b in turns
            if a.speaker == name == b.speaker and min(a.end, b.end) > max(a.start, b.start)
        )
        for name in ("Ada", "Ben")
    }
    for name, seconds in heard.items():
        assert seconds > 0.6 * sum(turn.end - turn.start for turn in named if turn.speaker == name)
    assert {path.name for path in folder.iterdir()} == {"Ada.wav", "Ben.wav"}  # no file with a voice was written
    only_one = diarize(talk.sound, num_speakers=2, known_speakers={"Ada": folder / "Ada.wav"})
    assert {turn.speaker for turn in only_one} == {"Ada", "speaker 1"}


def test_a_known_voice_may_be_named_as_a_number():
    heard = [(0, 0, 1, None), (1, 1, 2, None), (2, 2, 3, None)]
    turns, names = _named(heard, {1: "speaker 1"}, {"speaker 1"})
    assert [turn.speaker for turn in turns] == ["speaker 2", "speaker 1", "speaker 3"] and len(set(names.values())) == 3
    turns, _ = _named(heard, {1: "speaker 1"}, {"speaker 1", "speaker 2"})  # speaker 2 is known, but not heard
    assert [turn.speaker for turn in turns] == ["speaker 3", "speaker 1", "speaker 4"]


def test_a_folder_of_known_speakers_has_one_recording_for_each(tmp_path):
    for name in ("Ada.wav", "._Ada.wav"):
        (tmp_path / name).write_bytes(b"")
    assert samples_in(tmp_path) == {"Ada": tmp_path / "Ada.wav"}
    (tmp_path / "Ada.m4a").write_bytes(b"")
    with pytest.raises(ValueError, match="has Ada.m4a and Ada.wav: keep one recording of Ada"):
        samples_in(tmp_path)


def test_a_folder_of_known_speakers_holds_voices(emodb, tmp_path):
    talk = talk_of(emodb, "calm", 2, 1, seed=2, utterances=3)
    with pytest.raises(FileNotFoundError, match="There is no folder .*nowhere"):
        diarize(talk.sound, known_speakers=tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="holds no recordings"):
        diarize(talk.sound, known_speakers=tmp_path)
    write_wav(tmp_path / "Ada.wav", np.zeros(RATE))
    with pytest.raises(ValueError, match="No speech is found in .*Ada.wav"):
        diarize(talk.sound, known_speakers=tmp_path)


def test_a_voice_is_more_like_itself_without_emotion(emodb):
    clips = clips_of_speakers(emodb, ("12", "15"))
    for by_emotion in clips.values():
        raw = []
        for emotion in ("neutral", "anger"):
            sound = np.concatenate([read_audio(path) for path in by_emotion[emotion][:3]])
            windows = [SpeechWindow(start, start + 1.6) for start in np.arange(0, len(sound) / RATE - 1.6, 0.8)]
            given = {"array": sound, "sampling_rate": RATE}
            raw.append(embed_windows(given, windows, is_raw=True))
        calm, angry = (without_emotion(embeddings) for embeddings in raw)
        assert (calm @ angry.T).mean() > (raw[0] @ raw[1].T).mean() + 0.02
    np.testing.assert_allclose(EMOTIONAL_DIRECTIONS @ EMOTIONAL_DIRECTIONS.T, np.eye(5), atol=1e-5)


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0.05, 45)), min_size=1, max_size=30))
def test_windows_hold_all_turns_and_their_number_follows_the_speech(gaps_and_lengths):
    turns, now = [], 0.0
    for gap, length in gaps_and_lengths:
        turns += _parts(Turn("speaker 1", now + gap, now + gap + length))
        now += gap + length
    windows = _windows(turns)
    pieces = [piece for window in windows for piece in window]
    assert all(sum(p.end - p.start for p in window) <= 30 + 1e-6 for window in windows)
    assert all(a.end <= b.start for a, b in itertools.pairwise(pieces))
    for turn in turns:
        covered = sum(max(0.0, min(turn.end, p.end) - max(turn.start, p.start)) for p in pieces)
        assert covered >= turn.end - turn.start - 0.65  # there is no room for the margins of a turn of 30 s
    seconds = sum(p.end - p.start for p in pieces)
    assert len(windows) <= 2 * seconds / 30 + 1


@given(st.lists(st.tuples(st.floats(1.5, 20), st.floats(0.3, 5)), min_size=1, max_size=5), st.data())
def test_a_word_lasts_through_no_pause_that_was_cut_out(gaps_and_lengths, data):
    """Whisper's words follow each other without a gap, also across the joint of two pieces of a window."""
    turns, now = [], 0.0
    for gap, length in gaps_and_lengths:
        turns.append(Turn("speaker 1", now + gap, now + gap + length))
        now += gap + length
    for window in _windows(turns):
        seconds = sum(piece.end - piece.start for piece in window)
        cuts = sorted(data.draw(st.lists(st.floats(0, seconds + 0.5), min_size=2, max_size=12)))
        chunks = [{"text": " so", "timestamp": span} for span in itertools.pairwise(cuts)]
        words = _words({"chunks": chunks}, window)
        assert len(words) == len(chunks)
        for word, (start, end) in zip(words, itertools.pairwise(cuts), strict=True):
            assert any(p.start - 1e-3 <= word["start"] <= word["end"] <= p.end + 1e-3 for p in window), word
            assert word["end"] - word["start"] <= end - start + 2e-3
        assert all(a["end"] <= b["start"] + 1e-9 for a, b in itertools.pairwise(words))


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (["你好", "吗", "？", "我", "很", "好"], ["你好", "吗", "？", "我", "很", "好"]),
        ([" 用", "iPhone", "打"], ["用", "iPhone", "打"]),
        (["สวั", "สดี"], ["สวั", "สดี"]),
        ([" well", "-", "known", " c", "'", "est", " l", "'hom", "me"], ["well-known", "c'est", "l'homme"]),
        ([" 3", ".", "5", " 20", "%", ".", " So", "."], ["3.5", "20%.", "So."]),
    ],
)
def test_pieces_of_words_are_words_in_any_script(pieces, words):
    chunks = [{"text": piece, "timestamp": (number / 10, (number + 1) / 10)} for number, piece in enumerate(pieces)]
    found = _words({"chunks": chunks}, [_Piece(0.0, 10.0)])
    assert [word["text"].strip() for word in found] == words
    assert "".join(word["text"] for word in found) == "".join(pieces)
    assert found[0]["start"] == 0 and found[-1]["end"] == pytest.approx(len(pieces) / 10)
    assert all(a["end"] == b["start"] for a, b in itertools.pairwise(found))


def test_a_whisper_gives_pieces_and_keeps_its_language(recognizer):
    before = recognizer.tokenizer.language
    pieces = _giving_pieces(recognizer)
    assert pieces.tokenizer.language == "chinese" and pieces.model is recognizer.model
    assert recognizer.tokenizer.language == before


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (["It is well-known. C'est 3.5 %.", "So it is."], "It is well-known. C'est 3.5 %. So it is."),
        (["你好吗？我很好。", "谢谢你。"], "你好吗？我很好。谢谢你。"),
        (["Well... I see.", "Ok."], "Well... I see. Ok."),
        (["你好。 iPhone 很好。"], "你好。 iPhone 很好。"),
        (["我用 iPhone 打。", "Yes."], "我用 iPhone 打。Yes."),
    ],
)
def test_sentences_of_one_speaker_are_put_together_as_they_were_written(texts, joined):
    utterances, now = [], 0.0
    for text in texts:
        words = []
        for part in re.findall(r"[a-zA-Z0-9'.%-]+|[。？]|[^\s。？a-zA-Z]", text):
            words.append({"text": part, "start": now, "end": now + 0.1})
            now += 0.1
        span = {"start": words[0]["start"], "end": words[-1]["end"]}
        utterances.append({"speaker": "Ada", **span, "text": text, "words": words})
    sentences = list(_sentences(utterances))
    assert len(sentences) >= len(texts)
    assert [w for s in sentences for w in s.words] == [w for utterance in utterances for w in utterance["words"]]
    [one] = _joined(sentences, ["Ada"] * len(sentences), np.zeros(len(sentences), bool))
    assert one["text"] == joined
    apart = _joined(sentences, [f"speaker {n}" for n in range(len(sentences))], np.zeros(len(sentences), bool))
    assert [u["text"] for u in apart] == [s.text.strip() for s in sentences]


def test_what_is_said_during_a_long_turn_stands_at_its_time(tmp_path, recognizer):
    write_wav(tmp_path / "noise.wav", np.random.default_rng(1).normal(0, 0.005, 91 * RATE))
    turns = [("Ada", 0.0, 90.0), ("Ben", 10.0, 12.0)]
    rows = [f"SPEAKER noise 1 {a:.2f} {b - a:.2f} <NA> <NA> {name} <NA> <NA>" for name, a, b in turns]
    (tmp_path / "noise.rttm").write_text("\n".join(rows))
    [conversation] = conversations_of_file(tmp_path / "noise.wav", tmp_path / "noise.rttm", speech_model=recognizer)
    assert [u["speaker"] for u in conversation["utterances"]] == ["Ada", "Ben", "Ada", "Ada"]


@pytest.mark.parametrize(
    ("turns", "word", "expected"),
    [
        ([(0.0, 10.0), (4.0, 4.5)], (4.05, 4.4), 1),  # within both: the short turn is there for this word
        ([(4.0, 4.5), (0.0, 10.0)], (4.05, 4.4), 0),
        ([(0.0, 10.0), (4.0, 4.5)], (4.2, 4.2), 1),
        ([(0.0, 10.0), (4.0, 4.5)], (3.5, 4.2), 0),
        ([(0.0, 10.0), (9.0, 12.0)], (9.5, 10.5), 1),
        ([(0.0, 2.0), (2.5, 20.0)], (1.7, 2.6), 0),
        ([(0.0, 2.0), (2.5, 20.0)], (2.3, 2.4), 1),  # in neither: the nearest
        ([(0.0, 2.0), (2.5, 20.0)], (21.0, 22.0), 1),
    ],
)
def test_a_word_goes_to_the_turn_that_shares_most_of_it(turns, word, expected):
    said = {"text": "yes", "start": word[0], "end": word[1]}
    keys = [_nearness(Turn("Ada", *span), said) for span in turns]
    assert keys.index(min(keys)) == expected


def test_turns_without_words_stay_where_turns_were_given(tmp_path, recognizer):
    write_wav(tmp_path / "noise.wav", np.random.default_rng(1).normal(0, 0.005, 8 * RATE))
    spans = [("Nils", 0.5, 1.5), ("Aud", 1.6, 2.4), ("Nils", 3.0, 7.5)]
    rows = [f"SPEAKER noise 1 {a:.2f} {b - a:.2f} <NA> <NA> {name} <NA> <NA>" for name, a, b in spans]
    (tmp_path / "noise.rttm").write_text("\n".join(rows) + "\n")
    [conversation] = conversations_of_file(tmp_path / "noise.wav", tmp_path / "noise.rttm", speech_model=recognizer)
    found = [(u["speaker"], u["start"], u["end"]) for u in conversation["utterances"]]
    assert found == [(name, pytest.approx(start), pytest.approx(end)) for name, start, end in spans]


@pytest.mark.parametrize("late", [(11.5, 30.0), (12.0,), (100.0, 500.0, 9000.0), (30.0,)])
def test_turns_after_the_end_of_the_sound_stay_without_words(talk, recognizer, tmp_path, late):
    write_wav(tmp_path / "talk.wav", read_audio(talk[0], 18.0, 28.0))
    heard = [Turn("Ada", 0.05, 3.6), Turn("Ben", 3.8, 9.8)]
    beyond = [Turn("Ada", start, start + 1.5) for start in late]
    with collected_warnings() as warnings:
        utterances = transcribe(tmp_path / "talk.wav", [*beyond, *heard], recognizer, keep_wordless=True)
    assert [(u["speaker"], u["start"], u["end"]) for u in utterances] == [*beyond, *heard]
    assert not any("text" in u for u in utterances[: len(late)]) and "down here" in utterances[-1]["text"]
    [warning] = warnings
    assert f"{len(late)} turn" in warning and f"the first at {late[0]:g} s" in warning and "span" not in warning
    rows = [f"SPEAKER talk 1 {t.start:.3f} {t.end - t.start:.3f} <NA> <NA> {t.speaker} <NA> <NA>" for t in beyond]
    (tmp_path / "late.rttm").write_text("\n".join(rows))
    with pytest.raises(ValueError, match=f"lasts 10 s, but all {len(late)} utterances of its transcript begin later"):
        conversations_of_file(tmp_path / "talk.wav", tmp_path / "late.rttm", speech_model=recognizer)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_turns_without_words_keep_what_is_given_of_them(tmp_path, recognizer, form):
    write_wav(tmp_path / "noise.wav", np.random.default_rng(1).normal(0, 0.005, 75 * RATE))
    turns = [
        {"id": "a", "speaker": "Nils", "start": 0.5, "end": 1.5, "emotion": "joy"},
        {"id": "long", "speaker": "Aud", "start": 2.0, "end": 70.0, "emotion": "fear"},
        {"id": "b", "speaker": "Nils", "start": 71.0, "end": 72.0, "emotion": "anger"},
    ]
    path = tmp_path / f"turns.{form}"
    if form == "json":
        path.write_text(json.dumps([{**turn, "video_side": "left"} for turn in turns]))
    else:
        path.write_text("\n".join([",".join(turns[0]), *(",".join(map(str, turn.values())) for turn in turns)]))
    [conversation] = conversations_of_file(tmp_path / "noise.wav", path, speech_model=recognizer)
    found = conversation["utterances"]
    assert [(u["id"], u["speaker"], u["emotion"]) for u in found] == [
        ("a", "Nils", "joy"),
        *((f"long-{number}", "Aud", "fear") for number in (1, 2, 3)),
        ("b", "Nils", "anger"),
    ]
    assert all(u.get("video_side") == ("left" if form == "json" else None) for u in found)
    assert found[1]["start"] == 2.0 and found[3]["end"] == 70.0


@pytest.mark.parametrize("text", ["(applause)", " [BLANK_AUDIO]", "♪♪", "(laughs) (sighs)"])
def test_sounds_are_no_words(text):
    words = [{"text": text, "start": 0.0, "end": 0.5}]
    assert _utterance(Turn("Ada", 0.0, 1.0), words) == {"speaker": "Ada", "start": 0.0, "end": 1.0}


def test_no_utterance_holds_the_words_of_two_people(talk):
    folder = folder_from_environment("AMUSE_ENCODERS_DIR", "pretrained encoders (whisper-base)") / "whisper-base"
    if not folder.is_dir():
        pytest.skip("needs whisper-base among the encoders")
    utterances = utterances_of_recording(talk[0], folder)["utterances"]
    times = np.arange(0, 30, 0.01)
    speaks = {
        name: np.any([(times >= a) & (times < b) for who, a, b in talk[1] if who == name], axis=0)
        for name in {row[0] for row in talk[1]}
    }
    alone = sum(mask.astype(int) for mask in speaks.values()) == 1
    for utterance in utterances:
        said = np.any([(times >= w["start"]) & (times < w["end"]) for w in utterance["words"]], axis=0)
        seconds = sorted(float((said & alone & mask).sum()) / 100 for mask in speaks.values())
        assert seconds[0] <= 1.0, utterance["text"]
        assert utterance["start"] <= utterance["words"][0]["start"] and utterance["text"]
