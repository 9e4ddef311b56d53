# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Synthetic conversations made of Emo-DB's utterances, with reference speaker turns. They measure diarization errors on calm
and on emotional speech, recorded with one and with two microphones.
"""

import random
from pathlib import Path
from typing import NamedTuple

import numpy as np

from modeling_amuse.processing.corpora.emodb import CLIP, EMOTION_OF_LETTER, SOURCE
from modeling_amuse.processing.diarization import Turn
from modeling_amuse.processing.recorded_sound import Waveform
from modeling_amuse.processing.sound_tracks import SAMPLING_RATE, read_audio
from modeling_amuse.processing.speaker_embeddings import SpeechWindow, embed_windows, windows_of

SELECTION_SPEAKERS = ("03", "08", "09", "10", "11")
"""The speakers for choosing settings."""
REPORT_SPEAKERS = ("12", "13", "14", "15", "16")
"""The speakers for reporting errors."""

MOODS = {"calm": ("neutral", "boredom"), "emotional": tuple(EMOTION_OF_LETTER.values())}
"""The emotions of each kind of talk, from which that of each utterance is drawn with equal probability."""

UTTERANCES = 24
MOST_UTTERANCES_IN_TURN = 3
PAUSE = (0.1, 0.4)  # seconds, between two utterances of one turn
CHANGE = (-0.3, 0.8)  # seconds, between two turns; below 0 they overlap
ROOM_NOISE = 10 ** (-55 / 20)
CROSSTALK = 10 ** (-25 / 20)
"""The gain of a person on the other channel of a two-channel talk, -25 dB."""
SILENCE = 10 ** (-35 / 20)  # relative to the loudest moment; softer beginnings and ends of clips are cut off


class ActedTalk(NamedTuple):
    """
    A synthetic conversation.

    Attributes:
        sound: the waveform, with one or two channels.
        turns: the speaker turns, which may overlap.
    """

    sound: Waveform
    turns: list[Turn]


def make_talk(
    clips: dict[str, dict[str, list[Path]]],
    mood: str,
    people: int,
    channels: int,
    seed: int,
    utterances: int = UTTERANCES,
) -> ActedTalk:
    """
    Make a talk of speakers who are drawn from `clips` and take turns.

    Args:
        clips: for each speaker the clips of each emotion, see [`clips_of_speakers`].
        mood: a key of [`MOODS`].
        people: the number of speakers, at least 2.
        channels: 1 puts all speakers on one channel. 2 puts the first speaker on the left channel and all others on the
            right one, each 25 dB softer on the other channel.
        seed: the same seed gives the same talk.
        utterances: the number of clips, fewer if a speaker's clips run out. No clip is used twice.

    Raises:
        ValueError: when there are fewer speakers than people.
    """
    if not 2 <= people <= len(clips):
        raise ValueError(f"A talk of {people} people needs as many speakers, at least 2; there are {len(clips)}.")
    rng = random.Random(f"{mood} {people} {seed}")
    speakers = rng.sample(sorted(clips), people)
    left = {s: {e: rng.sample(clips[s].get(e, []), len(clips[s].get(e, []))) for e in MOODS[mood]} for s in speakers}
    pieces, now, last = [], 0.5, None
    for speaker in _speakers_in_turn(speakers, utterances, rng):
        emotions = [emotion for emotion, rest in left[speaker].items() if rest]
        if not emotions:
            continue  # all clips of this speaker are used
        clip = _trimmed(read_audio(left[speaker][rng.choice(emotions)].pop()))
        now = max(now + rng.uniform(*(PAUSE if speaker == last else CHANGE)), 0.0) if last else now
        pieces.append((speaker, now, clip))
        now, last = now + len(clip) / SAMPLING_RATE, speaker
    turns = [Turn(speaker, start, start + len(clip) / SAMPLING_RATE) for speaker, start, clip in pieces]
    return ActedTalk(_mixed(pieces, speakers, channels, now + 0.5, seed), turns)


def clips_of_speakers(folder: str | Path, speakers: tuple[str, ...]) -> dict[str, dict[str, list[Path]]]:
    """
    The clips of some of Emo-DB's speakers, by speaker and emotion.

    Args:
        folder: Emo-DB, with its folder `wav`.

    Raises:
        FileNotFoundError: when the folder has no clip of one of the speakers.
    """
    clips = {speaker: {} for speaker in speakers}
    for path in sorted((Path(folder) / "wav").glob("*.wav")):
        match = CLIP.fullmatch(path.stem)
        if match and match[1] in clips:
            clips[match[1]].setdefault(EMOTION_OF_LETTER[match[2]], []).append(path)
    for speaker, found in clips.items():
        if not found:
            raise FileNotFoundError(f"{Path(folder) / 'wav'} has no clips of Emo-DB's speaker {speaker}. {SOURCE}")
    return clips


def _speakers_in_turn(speakers: list[str], utterances: int, rng: random.Random) -> list[str]:
    order, last = [], None
    for speaker in rng.sample(speakers, len(speakers)):  # everybody speaks
        order += [speaker] * rng.randint(1, MOST_UTTERANCES_IN_TURN)
        last = speaker
    while len(order) < utterances:
        last = rng.choice([speaker for speaker in speakers if speaker != last])
        order += [last] * rng.randint(1, MOST_UTTERANCES_IN_TURN)
    return order[:utterances]


def _trimmed(waveform: np.ndarray) -> np.ndarray:
    frame = SAMPLING_RATE // 100
    frames = waveform[: len(waveform) // frame * frame].reshape(-1, frame)
    loudness = np.sqrt(np.square(frames).mean(axis=1))
    loud = np.flatnonzero(loudness > SILENCE * loudness.max())
    return waveform[loud[0] * frame : (loud[-1] + 1) * frame]


def _mixed(pieces: list[tuple], speakers: list[str], channels: int, seconds: float, seed: int) -> Waveform:
    noise = np.random.default_rng(seed).normal(0, ROOM_NOISE, (channels, int(seconds * SAMPLING_RATE)))
    sound = noise.astype(np.float32)
    for speaker, start, clip in pieces:
        gains = [1.0]
        if channels == 2:
            gains = [1.0, CROSSTALK] if speaker == speakers[0] else [CROSSTALK, 1.0]
        first = round(start * SAMPLING_RATE)
        for channel, gain in zip(sound, gains, strict=True):
            channel[first : first + len(clip)] += gain * clip
    return {"array": sound / max(1.0, float(np.abs(sound).max())), "sampling_rate": SAMPLING_RATE}


def emotional_directions(
    folder: str | Path, number: int = 5, speakers: tuple[str, ...] = SELECTION_SPEAKERS
) -> np.ndarray:
    """
    The directions in which emotions move voice embeddings, see `modeling_amuse.processing.emotional_directions`. They are
    the principal components of the embeddings of some of Emo-DB's speakers, centred on each speaker's mean.

    Returns:
        Orthonormal directions `(number, 256)`.
    """
    around_mean = []
    for by_emotion in clips_of_speakers(folder, speakers).values():
        sounds = [read_audio(path) for paths in by_emotion.values() for path in paths]
        embeddings = np.concatenate([_raw_embeddings(sound) for sound in sounds])
        around_mean.append(embeddings - embeddings.mean(axis=0))
    _, _, components = np.linalg.svd(np.concatenate(around_mean), full_matrices=False)
    return components[:number]


def _raw_embeddings(sound: np.ndarray) -> np.ndarray:
    windows = [SpeechWindow(*window) for window in windows_of(0.0, len(sound) / SAMPLING_RATE).tolist()]
    return embed_windows({"array": sound, "sampling_rate": SAMPLING_RATE}, windows, is_raw=True)
