# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Who speaks when, from the recording alone: voice activity, channels or speaker embeddings, clustering."""

from collections.abc import Iterator
from itertools import groupby, pairwise
from numbers import Integral
from operator import itemgetter
from typing import Literal, NamedTuple

import numpy as np
import torch

from .channel_speakers import hold_a_speaker_each, without_crosstalk
from .extras import import_extra
from .known_voices import check_known_speakers, name_speakers
from .media import warn_once
from .media_probe import probe_media
from .plain_values import shown
from .recorded_sound import Recording, recording_name
from .sound_survey import channel_powers
from .sound_tracks import SAMPLING_RATE, audio_chunks
from .speaker_clusters import (
    MOST_ESTIMATED,
    founding_windows,
    most_likely_speakers,
    similarity_of_halves,
    speaker_centroids,
)
from .speaker_embeddings import SpeechWindow, embed_windows, windows_of
from .stage_progress import Progress, report

VAD_FRAME = 512
"""Samples that Silero judges at once."""

LONGEST_PAUSE_IN_TURN = 0.6
"""Seconds."""
LONGEST_TURN = 30.0
"""Seconds; at a pause, a turn that would grow longer ends. Speech without a pause may be longer."""

Stretch = tuple[float, float]


class Turn(NamedTuple):
    """A stretch of speech of one speaker; `start` and `end` are in seconds."""

    speaker: str
    start: float
    end: float


class ChannelTurn(Turn):
    """
    A turn that is heard on one channel of the recording.

    Attributes:
        channel: its number, from 0.
    """

    channel: int

    def __new__(cls, speaker: str, start: float, end: float, channel: int):
        turn = super().__new__(cls, speaker, start, end)
        turn.channel = channel
        return turn


def find_speech(
    recording: Recording, progress: Progress | None = None, audio_track: int | None = None
) -> list[Stretch]:
    """
    Where somebody speaks, by Silero's voice activity detection.

    The recording is read as a stream: for each 32 ms of it, one number is kept.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        progress: receives the progress of the stage `speech`, in seconds.
        audio_track: the number of the audio track, from 1. None: the loudest.

    Returns:
        list of (start, end) in seconds, in order, without overlap; empty where nobody speaks.

    Raises:
        FileNotFoundError, ValueError: from `audio_chunks`, when the recording cannot be read.
    """
    duration = 0.0 if progress is None else probe_media(recording).duration
    report(progress, "speech", 0, duration)
    probabilities, _, samples = _judged(
        recording, audio_track, None, lambda at: report(progress, "speech", at, duration)
    )
    report(progress, "speech", duration, duration)
    return _stretches(probabilities, samples)


def diarize(
    recording: Recording,
    num_speakers: int | None = None,
    max_speakers: int = MOST_ESTIMATED,
    progress: Progress | None = None,
    audio_track: int | None = None,
    speakers: Literal["channels", "voices"] | None = None,
    known_speakers=None,
) -> list[Turn]:
    """
    Who speaks when.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        num_speakers: how many people speak. Give it where it is known. None estimates it, less reliably in recordings of
            less than half a minute; the acted emotions of one person are often taken for several people.
        max_speakers: the largest number that is estimated.
        progress: receives the progress of the stages `speech` and `speakers`.
        audio_track: the number of the audio track, from 1. None: the loudest.
        speakers: `"channels"`: each channel of the recording is a speaker. `"voices"`: speakers are found by their voices in
            the mix of all channels. None: channels where they are well separated, which is logged, otherwise voices.
        known_speakers: for each name a recording of this speaker alone, a dict, or a folder of such files, see
            `known_voices`. Speakers whose voice is like none of them are numbered.

    Returns:
        turns in order of their start; speakers are "speaker 1", "speaker 2", ... in the order in which they are heard first,
        or their names. Empty where nobody speaks. Turns found by voices do not overlap: of people who speak at once, one is
        named. Those found by channels may overlap, and are [`ChannelTurn`]s.

    Raises:
        FileNotFoundError, ValueError: from `audio_chunks`, when the recording cannot be read.
        ValueError: when a number of speakers is not a whole one of 1 or more, `known_speakers` names nobody, `speakers` is unknown, or `"channels"` of a recording with one, or with
            more channels on which somebody speaks than `num_speakers`.
    """
    return diarize_voices(recording, num_speakers, max_speakers, progress, audio_track, speakers, known_speakers)[0]


def diarize_voices(
    recording: Recording,
    num_speakers: int | None = None,
    max_speakers: int = MOST_ESTIMATED,
    progress: Progress | None = None,
    audio_track: int | None = None,
    speakers: Literal["channels", "voices"] | None = None,
    known_speakers=None,
) -> tuple[list[Turn], dict[str, np.ndarray]]:
    """
    Who speaks when, like [`diarize`], and the voice centroid `(256,)` of each speaker found by voice. A centroid identifies a
    person: keep it in memory, and never write it to a file.
    """
    _check_numbers(num_speakers, max_speakers)
    if known_speakers is not None:
        check_known_speakers(known_speakers)  # before the work begins
    heard = HeardSpeech(recording, num_speakers, audio_track, speakers, progress)
    return speakers_of_speech(heard, num_speakers, max_speakers, known_speakers, progress)


class HeardSpeech:
    """
    Where somebody speaks in a recording, and on which channels. Several numbers of speakers can be tried on it: the voices are
    embedded once.

    Args:
        num_speakers, audio_track, speakers, progress: as in [`diarize`].
    """

    def __init__(
        self,
        recording: Recording,
        num_speakers: int | None = None,
        audio_track: int | None = None,
        speakers: Literal["channels", "voices"] | None = None,
        progress: Progress | None = None,
    ):
        self.recording, self.audio_track = recording, audio_track
        self.channels = _channels_that_are_speakers(recording, audio_track, speakers, num_speakers)
        if self.channels:
            self.speech = _speech_of_channels(recording, audio_track, self.channels, progress)
        else:
            self.speech = [(None, find_speech(recording, progress, audio_track))]
        self.windows_of_speech = [
            [[SpeechWindow(*window, channel) for window in windows_of(*stretch).tolist()] for stretch in stretches]
            for channel, stretches in self.speech
        ]
        self.windows = [w for of_channel in self.windows_of_speech for of_stretch in of_channel for w in of_stretch]
        self._embeddings = None

    def embeddings(self, progress: Progress | None = None) -> np.ndarray:
        """The voice of each window `(windows, 256)`, in memory alone."""
        if self._embeddings is None:
            self._embeddings = embed_windows(self.recording, self.windows, self.audio_track, progress)
        return self._embeddings


def speakers_of_speech(
    heard: HeardSpeech,
    num_speakers: int | None = None,
    max_speakers: int = MOST_ESTIMATED,
    known_speakers=None,
    progress: Progress | None = None,
) -> tuple[list[Turn], dict[str, np.ndarray]]:
    """Like [`diarize_voices`], for speech that has been found already."""
    _check_numbers(num_speakers, max_speakers)
    if not heard.windows:
        return [], {}
    channels = heard.channels
    number = len({window.channel for window in heard.windows})
    if channels and num_speakers is not None and num_speakers < number:
        raise ValueError(
            f"{recording_name(heard.recording)}: somebody speaks on {number} channels, so if channels are speakers, there "
            f"cannot be {num_speakers}: give num_speakers={number} or more, or speakers='voices'."
        )
    if channels and num_speakers in (None, len(channels)) and known_speakers is None:
        labels, centroids = np.array([window.channel for window in heard.windows]), None
    else:
        embeddings = heard.embeddings(progress)
        labels, centroids = _speakers_of_windows(embeddings, heard.windows, channels, num_speakers, max_speakers)
    names, known = {}, set()
    if known_speakers is not None:
        names, known = name_speakers(centroids, known_speakers), set(map(str, check_known_speakers(known_speakers)))
    turns, names = _named(_turns(heard.speech, heard.windows_of_speech, labels), names, known)
    return turns, {} if centroids is None else _voices(centroids, names)


def _check_numbers(num_speakers: int | None, max_speakers: int):
    for name, number in (("num_speakers", num_speakers), ("max_speakers", max_speakers)):
        is_whole = isinstance(number, Integral) and not isinstance(number, bool)
        if number is not None and not (is_whole and number >= 1):
            raise ValueError(f"{name} is {shown(number)}: give 1 or more.")


def _silero():
    threads = torch.get_num_threads()
    silero = import_extra("silero_vad", "speech")
    torch.set_num_threads(threads)  # its import sets them to 1 for the whole process
    return silero


def _judged(recording: Recording, audio_track: int | None, channel: int | None, told) -> tuple[list, list, int]:
    """For each frame of 32 ms the probability of speech and its mean square, and how many samples there are."""
    detector = _silero().load_silero_vad(onnx=True)  # not the TorchScript file, which is a pickle
    probabilities, powers, samples, rest = [], [], 0, np.zeros(0, np.float32)

    def judge(frames: np.ndarray):
        frames = frames.reshape(-1, VAD_FRAME)
        powers.extend(np.square(frames).mean(axis=1).tolist())
        for frame in torch.from_numpy(frames):
            probabilities.append(detector(frame, SAMPLING_RATE).item())

    for _, waveform in audio_chunks(recording, SAMPLING_RATE, audio_track=audio_track, channel=channel):
        samples += len(waveform)
        waveform = np.concatenate([rest, waveform])
        whole = len(waveform) // VAD_FRAME * VAD_FRAME
        judge(waveform[:whole])
        rest = waveform[whole:]
        told(samples / SAMPLING_RATE)
    if len(rest):
        judge(np.pad(rest, (0, VAD_FRAME - len(rest))))
    return probabilities, powers, samples


def _stretches(probabilities: list[float], samples: int) -> list[Stretch]:
    spans = _silero().get_speech_timestamps_from_probs(
        probabilities, sampling_rate=SAMPLING_RATE, audio_length_samples=samples
    )
    return [(span["start"] / SAMPLING_RATE, span["end"] / SAMPLING_RATE) for span in spans]


# ------------------------------------------------------------------------------------------------------- channels


def _channels_that_are_speakers(recording: Recording, audio_track, speakers, num_speakers) -> list[int]:
    """The channels, when each of them holds a speaker; otherwise none."""
    if speakers not in (None, "channels", "voices"):
        raise ValueError(f"speakers is {speakers!r}: give 'channels', 'voices', or None to let the recording decide.")
    if speakers == "voices":
        return []
    powers = channel_powers(recording, audio_track)
    number = powers.shape[1]
    name = recording_name(recording)
    if speakers == "channels":
        if number < 2:
            raise ValueError(f"{name} has one channel, so its channels cannot be speakers: take speakers='voices'.")
        return list(range(number))
    if (num_speakers is not None and num_speakers < number) or not hold_a_speaker_each(powers):
        return []
    warn_once(
        name,
        f"{name}: its {number} channels are well separated, so each channel is taken for a speaker. If they are not, choose "
        "speakers='voices' (--speakers voices).",
        "channels",
    )
    return list(range(number))


def _speech_of_channels(
    recording: Recording, audio_track, channels: list[int], progress
) -> list[tuple[int, list[Stretch]]]:
    duration = 0.0 if progress is None else probe_media(recording).duration * len(channels)
    report(progress, "speech", 0, duration)
    judged = []
    for channel in channels:
        before = duration / len(channels) * channel
        judged.append(
            _judged(recording, audio_track, channel, lambda at, b=before: report(progress, "speech", b + at, duration))
        )
    report(progress, "speech", duration, duration)
    samples = judged[0][2]
    probabilities = np.array([channel for channel, _, _ in judged]).T
    kept = without_crosstalk(probabilities, np.array([powers for _, powers, _ in judged]).T)
    return [(channel, _stretches(kept[:, number].tolist(), samples)) for number, channel in enumerate(channels)]


# --------------------------------------------------------------------------------------------------------- voices


def _speakers_of_windows(
    embeddings: np.ndarray,
    windows: list[SpeechWindow],
    channels: list[int],
    num_speakers: int | None,
    max_speakers: int,
) -> tuple[np.ndarray, np.ndarray]:
    """The number of the speaker of each window, and the centroid of each speaker's voice."""
    labels, centroids = np.zeros(len(windows), dtype=np.int64), []
    groups = _windows_of_channels(windows, channels)
    numbers = _numbers_of_speakers(embeddings, windows, groups, num_speakers if channels else None)
    for group, number in zip(groups, numbers, strict=True):
        spans = np.array([windows[position][:2] for position in group])
        founding = embeddings[group][founding_windows(spans)]
        found = speaker_centroids(founding, number if channels else num_speakers, max_speakers)
        labels[group] = len(centroids) + most_likely_speakers(embeddings[group] @ found.T)
        centroids.extend(found)
    return labels, np.array(centroids)


def _windows_of_channels(windows: list[SpeechWindow], channels: list[int]) -> list[np.ndarray]:
    """The positions of the windows of each channel with speech, or of all windows if channels are not speakers."""
    heard = np.array([-1 if window.channel is None else window.channel for window in windows])
    groups = [np.flatnonzero(heard == channel) for channel in channels or [-1]]
    return [group for group in groups if len(group)]


def _numbers_of_speakers(embeddings, windows, groups: list[np.ndarray], num_speakers: int | None) -> list[int]:
    """The number of speakers on each channel: one, or more on the channels whose voices differ most if more people speak."""
    numbers = [1] * len(groups)
    similarities = []
    for group in groups if num_speakers else []:
        spans = np.array([windows[position][:2] for position in group])
        similarities.append(similarity_of_halves(embeddings[group][founding_windows(spans)]))
    for _ in range((num_speakers or 0) - len(groups)):
        different = int(np.argmin([s + (n > 1) for s, n in zip(similarities, numbers, strict=True)]))
        numbers[different] += 1
    return numbers


# ---------------------------------------------------------------------------------------------------------- turns


def _turns(speech: list[tuple[int | None, list[Stretch]]], windows_of_speech: list, labels: np.ndarray) -> list[tuple]:
    """`(label, start, end, channel)` of each turn, in order of the start."""
    turns, label = [], iter(labels.tolist())
    for (channel, stretches), of_channel in zip(speech, windows_of_speech, strict=True):
        last = None
        for piece in _pieces(stretches, of_channel, label):
            if last is not None and _is_continued(last, piece):
                last = turns[-1] = (last[0], last[1], piece[2], channel)
            else:
                last = (*piece, channel)
                turns.append(last)
    return sorted(turns, key=itemgetter(1, 2))


def _pieces(stretches: list[Stretch], windows_of_stretches: list, labels: Iterator[int]) -> Iterator[tuple]:
    """Each moment belongs to the window with the nearest middle in its stretch of speech."""
    for (start, end), windows in zip(stretches, windows_of_stretches, strict=True):
        middles = np.array([(window.start + window.end) / 2 for window in windows])
        bounds = [start, *((middles[:-1] + middles[1:]) / 2).tolist(), end]
        of_windows = [(next(labels), *span) for span in pairwise(bounds)]
        for label, spans in groupby(of_windows, key=itemgetter(0)):
            spans = list(spans)
            yield label, spans[0][1], spans[-1][2]


def _is_continued(turn: tuple, piece: tuple) -> bool:
    return turn[0] == piece[0] and piece[1] - turn[2] <= LONGEST_PAUSE_IN_TURN and piece[2] - turn[1] <= LONGEST_TURN


def _named(turns: list[tuple], names: dict[int, str], known: set[str]) -> tuple[list[Turn], dict[int, str]]:
    """
    Turns with the names of their speakers, or numbers in the order in which speakers are heard first; and the name of each
    label. The `known` names are of people whose voices are known, of whom some may not be heard.
    """
    names, numbered, named = dict(names), 0, []
    for label, start, end, channel in turns:
        if label not in names:
            numbered += 1
            while f"speaker {numbered}" in known:  # a known voice may have such a name
                numbered += 1
            names[label] = f"speaker {numbered}"
        speaker = names[label]
        named.append(Turn(speaker, start, end) if channel is None else ChannelTurn(speaker, start, end, channel))
    return named, names


def _voices(centroids: np.ndarray, names: dict[int, str]) -> dict[str, np.ndarray]:
    """The centroid of each speaker's voice; of speakers with one name the mean."""
    of_name = {}
    for label, centroid in enumerate(centroids):
        if label in names:
            of_name.setdefault(names[label], []).append(centroid)
    means = {name: np.mean(voices, axis=0) for name, voices in of_name.items()}
    return {name: mean / np.linalg.norm(mean) for name, mean in means.items()}


__all__ = ["ChannelTurn", "HeardSpeech", "Turn", "diarize", "diarize_voices", "find_speech", "speakers_of_speech"]
