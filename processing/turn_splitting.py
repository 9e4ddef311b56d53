# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Turns that hold the words of several people, split between words by their voices."""

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from .conversation import Utterance, Word
from .recorded_sound import Recording
from .speaker_clusters import most_likely_speakers
from .speaker_embeddings import SpeechWindow, embed_windows, windows_of
from .text_words import UNSPACED_END

SENTENCE_ENDS = ".?!…。？！"
LONGEST_GAP = 0.3
"""Seconds between two words of one sentence."""
SHORTEST_WINDOW = 0.6
"""Seconds of sound by which a voice is judged; shorter sentences are judged with what is around them."""
DOUBT = 0.3
"""
A sentence is doubtful if the difference between its similarities to the two nearest voices is less than this share of the
difference of the voices. It becomes a separate utterance, so that words of a third person are not added to another one's.
"""
LONGEST_PAUSE = 0.6
LONGEST_UTTERANCE = 30.0


def split_by_voice(
    recording: Recording,
    utterances: list[Utterance],
    voices: Mapping[str, np.ndarray],
    audio_track: int | None = None,
) -> list[Utterance]:
    """
    Utterances of one speaker each: the sentences of all utterances are judged by their voices, and put together again where
    the speaker is the same.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        utterances: in order of time, with `text` and its `words`, `speaker`, `start` and `end`.
        voices: for each speaker the centroid `(256,)` of the voice, from `diarize_voices`.
        audio_track: as in `audio_chunks`.

    Returns:
        utterances with `speaker`, `text`, `words`, `start` and `end`, in order of time.
    """
    names = list(voices)
    if len(names) < 2 or not utterances:
        return utterances
    sentences = list(_sentences(utterances))
    scores, weights = _scores(recording, sentences, np.stack(list(voices.values())), audio_track)
    for number, (speaker, *_) in enumerate(sentences):  # the diarization has heard more than one sentence
        scores[number, names.index(speaker)] += PRIOR
    chosen = most_likely_speakers(scores * weights[:, None])
    centroids = np.stack(list(voices.values()))
    differ = 1 - (centroids @ centroids.T)[np.triu_indices(len(names), 1)].max()
    ordered = np.sort(scores, axis=1)
    doubtful = ordered[:, -1] - ordered[:, -2] < DOUBT * differ
    return _joined(sentences, [names[label] for label in chosen], doubtful)


PRIOR = 0.02
"""How much more similar (cosine) a sentence counts to the voice of its turn."""


class _Sentence(NamedTuple):
    """
    The speaker of the turn that holds it, its words, its text with the space before it, if there is one, and whether the turn
    begins with it.
    """

    speaker: str
    words: list[Word]
    text: str
    is_first: bool


def _sentences(utterances: list[Utterance]) -> Iterator[_Sentence]:
    for utterance in utterances:
        text, words = utterance["text"], utterance["words"]
        begin = end = first = 0
        for number, (word, following) in enumerate(zip_longest(words, words[1:]), start=1):
            end = text.index(word["text"], end) + len(word["text"])
            if following is None:
                yield _Sentence(utterance["speaker"], words[first:], text[begin:], first == 0)
            elif word["text"][-1] in SENTENCE_ENDS or following["start"] - word["end"] > LONGEST_GAP:
                yield _Sentence(utterance["speaker"], words[first:number], text[begin:end], first == 0)
                begin, first = end, number


def _scores(recording: Recording, sentences: list[_Sentence], centroids: np.ndarray, audio_track) -> tuple:
    """How similar each sentence is to each voice, `(sentences, speakers)`, and how many windows it has."""
    windows, owners = [], []
    for number, (_, words, *_) in enumerate(sentences):
        start, end = words[0]["start"], words[-1]["end"]
        lacking = max(SHORTEST_WINDOW - (end - start), 0.0) / 2
        for window in windows_of(max(start - lacking, 0.0), end + lacking).tolist():
            windows.append(SpeechWindow(*window))
            owners.append(number)
    similarities = embed_windows(recording, windows, audio_track) @ centroids.T
    counts = np.bincount(owners, minlength=len(sentences))
    sums = np.zeros((len(sentences), len(centroids)))
    np.add.at(sums, owners, similarities)
    return sums / counts[:, None], counts


def _joined(sentences: list[_Sentence], speakers: list[str], doubtful: np.ndarray) -> list[Utterance]:
    utterances, was_doubtful = [], False
    for (_, words, text, is_first), speaker, is_doubtful in zip(sentences, speakers, doubtful.tolist(), strict=True):
        last = utterances[-1] if utterances else None
        if (
            last is not None
            and last["speaker"] == speaker
            and is_doubtful == was_doubtful
            and words[0]["start"] - last["end"] <= LONGEST_PAUSE
            and words[-1]["end"] - last["start"] <= LONGEST_UTTERANCE
        ):
            last["words"] += words
            needs_space = is_first and not re.fullmatch(UNSPACED_END, last["text"][-1:])
            last["text"] += " " * needs_space + text
            last["end"] = words[-1]["end"]
        else:
            start, end = words[0]["start"], max(words[-1]["end"], words[0]["start"] + 0.02)
            utterances.append(
                {"speaker": speaker, "start": start, "end": end, "text": text.strip(), "words": list(words)}
            )
        was_doubtful = is_doubtful
    return utterances
