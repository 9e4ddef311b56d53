# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Who speaks when, from the recording alone: voice activity, speaker embeddings, clustering."""

import importlib.util
from functools import cache
from itertools import groupby, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers.audio_utils import mel_filter_bank

from .extras import import_extra
from .media_probe import probe_media
from .recorded_sound import Recording
from .sound_tracks import SAMPLING_RATE, audio_chunks, utterance_waveforms
from .stage_progress import Progress, report

VAD_FRAME = 512
"""Samples that Silero judges at once."""

WINDOW_SECONDS = 1.6
"""What the speaker encoder was trained on."""
HOP_SECONDS = 0.4
LOUDNESS = 10 ** (-30 / 20)
"""Root mean square that a window is brought to: -30 dBFS, as in the training of the speaker encoder."""
SHORTEST_CLUSTERED_SECONDS = 1.2
"""Shorter windows say too little of a voice to found a cluster; they go to the nearest one."""
MOST_CLUSTERED_WINDOWS = 1500
"""Clustering takes memory and time by the square of this. Of more windows, every n-th founds the clusters."""
FIRST_CLUSTERS = 16

LEAST_SIMILARITY, SIMILARITY_BY_SHARE = 0.70, 0.45
"""
Two clusters are one speaker when the cosine of their centroids is above `0.70 + 0.45 * share`, where share is that of the
smaller one in all windows: a small cluster is far from the others by chance, or as it holds the words of two speakers.
Chosen on conversations made of neutral and bored utterances of Emo-DB (five of its speakers), with one real talk of two
people in view.
"""
SWITCH_COST = 0.1
"""How much more similar (cosine, summed over windows) another speaker must be before the turn passes on."""
LONGEST_PAUSE_IN_TURN = 0.6
"""Seconds."""
LONGEST_TURN = 30.0
"""Seconds; at a pause, a turn that would grow longer ends. Speech without a pause may be longer."""


class Turn(NamedTuple):
    """A stretch of speech of one speaker; `start` and `end` are in seconds."""

    speaker: str
    start: float
    end: float


def find_speech(recording: Recording, progress: Progress | None = None) -> list[tuple[float, float]]:
    """
    Where somebody speaks, by Silero's voice activity detection.

    The recording is read as a stream: for each 32 ms of it, one number is kept.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        progress: is told of the stage `speech`, in seconds.

    Returns:
        list of (start, end) in seconds, in order, without overlap; empty where nobody speaks.

    Raises:
        FileNotFoundError, ValueError: from `audio_chunks`, when the recording cannot be read.
    """
    silero = _silero()
    detector = silero.load_silero_vad(onnx=True)  # not the TorchScript file, which is a pickle
    probabilities, samples, rest = [], 0, np.zeros(0, np.float32)

    def judge(frames: np.ndarray):
        for frame in torch.from_numpy(frames.reshape(-1, VAD_FRAME)):
            probabilities.append(detector(frame, SAMPLING_RATE).item())

    duration = 0.0 if progress is None else probe_media(recording).duration
    report(progress, "speech", 0, duration)
    for _, waveform in audio_chunks(recording, SAMPLING_RATE):
        samples += len(waveform)
        report(progress, "speech", samples / SAMPLING_RATE, duration)
        waveform = np.concatenate([rest, waveform])
        whole = len(waveform) // VAD_FRAME * VAD_FRAME
        judge(waveform[:whole])
        rest = waveform[whole:]
    if len(rest):
        judge(np.pad(rest, (0, VAD_FRAME - len(rest))))
    report(progress, "speech", duration, duration)
    spans = silero.get_speech_timestamps_from_probs(
        probabilities, sampling_rate=SAMPLING_RATE, audio_length_samples=samples
    )
    return [(span["start"] / SAMPLING_RATE, span["end"] / SAMPLING_RATE) for span in spans]


def diarize(
    recording: Recording,
    num_speakers: int | None = None,
    max_speakers: int = 8,
    progress: Progress | None = None,
) -> list[Turn]:
    """
    Who speaks when.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        num_speakers: how many people speak. Give it where it is known. None estimates it, less reliably in recordings of
            less than half a minute; the acted emotions of one person are often taken for several people.
        max_speakers: the largest number that is estimated.
        progress: is told of the stages `speech` and `speakers`.

    Returns:
        turns in order, without overlap; speakers are "speaker 1", "speaker 2", ... in the order in which they are heard
        first, at most `num_speakers` where it is given. Empty where nobody speaks. Of people who speak at once, one is
        named.

    Raises:
        FileNotFoundError, ValueError: from `audio_chunks`, when the recording cannot be read.
        ValueError: when a number of speakers is below 1.
    """
    for name, number in (("num_speakers", num_speakers), ("max_speakers", max_speakers)):
        if number is not None and number < 1:
            raise ValueError(f"{name} is {number}: give 1 or more.")
    speech = find_speech(recording, progress)
    if not speech:
        return []
    windows_of_speech = [_windows(start, end) for start, end in speech]
    windows = np.concatenate(windows_of_speech)
    embeddings = _embed(recording, windows, progress)
    centroids = _speaker_centroids(embeddings[_clustered(windows)], num_speakers, max_speakers)
    speakers = _most_likely_speakers(embeddings @ centroids.T)
    return _turns(speech, windows_of_speech, speakers)


def _silero():
    threads = torch.get_num_threads()
    silero = import_extra("silero_vad", "speech")
    torch.set_num_threads(threads)  # its import sets them to 1 for the whole process
    return silero


def _windows(start: float, end: float) -> np.ndarray:
    """`(windows, 2)` starts and ends, evenly over the stretch of speech; one shorter window where it is short."""
    if end - start <= WINDOW_SECONDS:
        return np.array([[start, end]])
    number = int(np.ceil((end - start - WINDOW_SECONDS) / HOP_SECONDS)) + 1
    starts = np.linspace(start, end - WINDOW_SECONDS, number)
    return np.stack([starts, starts + WINDOW_SECONDS], axis=1)


class _SpeakerEncoder(torch.nn.Module):
    """
    The network of Resemblyzer (a GE2E speaker encoder), with its weights.

    Its package is not imported: that would need webrtcvad, which needs a pkg_resources that setuptools no longer has, and
    it would leave to torch's default how the checkpoint, a pickle, is loaded.
    """

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = torch.nn.Linear(256, 256)
        filters = mel_filter_bank(201, 40, 0.0, 8000.0, SAMPLING_RATE, norm="slaney", mel_scale="slaney")
        self.register_buffer("filters", torch.from_numpy(filters).float(), persistent=False)
        self.register_buffer("taper", torch.hann_window(400), persistent=False)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Waveforms `(batch, samples)` to embeddings `(batch, 256)` of length 1."""
        spectrum = torch.stft(waveforms, 400, 160, window=self.taper, pad_mode="constant", return_complex=True)
        mels = spectrum.abs().square().transpose(1, 2)[:, :-1] @ self.filters
        _, (hidden, _) = self.lstm(mels)
        return torch.nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)


@cache
def _speaker_encoder() -> _SpeakerEncoder:
    package = importlib.util.find_spec("resemblyzer")
    if package is None:
        raise ImportError("This needs Resemblyzer, which is not installed: pip install Resemblyzer.")
    path = Path(package.submodule_search_locations[0]) / "pretrained.pt"
    weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]  # tensors alone, no pickled code
    encoder = _SpeakerEncoder()
    encoder.load_state_dict({name: value for name, value in weights.items() if not name.startswith("similarity_")})
    return encoder.eval()


@torch.no_grad()
def _embed(recording: Recording, windows: np.ndarray, progress: Progress | None, batch_size: int = 64) -> np.ndarray:
    """Embeddings `(windows, 256)`."""
    embeddings = np.zeros((len(windows), 256), np.float32)
    report(progress, "speakers", 0, len(windows))
    completed = 0
    waveforms = utterance_waveforms(recording, [tuple(window) for window in windows.tolist()], SAMPLING_RATE)
    while batch := list(islice(waveforms, batch_size)):
        inputs = torch.from_numpy(np.stack([_encoder_input(waveform) for _, waveform in batch]))
        embeddings[[position for position, _ in batch]] = _speaker_encoder()(inputs).numpy()
        completed += len(batch)
        report(progress, "speakers", completed, len(windows))
    return embeddings


def _encoder_input(waveform: np.ndarray) -> np.ndarray:
    """The window at the loudness and length of the encoder's training; a short one is repeated."""
    loudness = np.sqrt(np.mean(np.square(waveform)))
    scaled = waveform * np.float32(LOUDNESS / max(loudness, 1e-4))
    return np.resize(scaled, int(WINDOW_SECONDS * SAMPLING_RATE))


def _clustered(windows: np.ndarray) -> np.ndarray:
    """Positions of the windows that found the clusters."""
    positions = np.flatnonzero(windows[:, 1] - windows[:, 0] >= SHORTEST_CLUSTERED_SECONDS)
    if not len(positions):
        positions = np.arange(len(windows))
    return positions[:: -(-len(positions) // MOST_CLUSTERED_WINDOWS)]


def _speaker_centroids(embeddings: np.ndarray, num_speakers: int | None, max_speakers: int) -> np.ndarray:
    """
    Unit vectors `(speakers, 256)`, from embeddings `(windows, 256)`: clusters are merged, the most alike first, until
    `num_speakers` are left or, where it is None, until no two are one speaker (see `LEAST_SIMILARITY`).
    """
    if len(embeddings) == 1:
        return embeddings
    clustering = import_extra("sklearn.cluster", "speech").AgglomerativeClustering(
        max(min(FIRST_CLUSTERS, len(embeddings)), min(num_speakers or 1, len(embeddings))),
        metric="precomputed",
        linkage="average",
    )
    clusters = clustering.fit_predict(1 - embeddings @ embeddings.T)
    while clusters.max() > 0:
        sizes, centroids = np.bincount(clusters), _centroids(embeddings, clusters)
        share = np.minimum.outer(sizes, sizes) / len(clusters)
        excess = centroids @ centroids.T - (LEAST_SIMILARITY + SIMILARITY_BY_SHARE * share)
        np.fill_diagonal(excess, -np.inf)
        if len(sizes) <= (num_speakers or max_speakers) and (num_speakers or excess.max() < 0):
            break
        one, other = np.unravel_index(excess.argmax(), excess.shape)
        clusters[clusters == one] = other
        for _ in range(2):  # what was misplaced finds its nearest cluster
            clusters = _numbered((embeddings @ _centroids(embeddings, _numbered(clusters)).T).argmax(axis=1))
    return _centroids(embeddings, clusters)


def _numbered(clusters: np.ndarray) -> np.ndarray:
    """The same clusters as 0, 1, ... without gaps."""
    return np.unique(clusters, return_inverse=True)[1]


def _centroids(embeddings: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    sums = np.stack([embeddings[clusters == cluster].sum(axis=0) for cluster in range(clusters.max() + 1)])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def _most_likely_speakers(similarities: np.ndarray) -> np.ndarray:
    """
    The speaker of each window, from similarities `(windows, speakers)`: the sequence with the greatest sum, of which each
    change of speaker takes `SWITCH_COST` (Viterbi).
    """
    windows, speakers = similarities.shape
    best_before = np.empty((windows, speakers), dtype=np.int64)
    score = similarities[0].copy()
    for window in range(1, windows):
        switched = score.max() - SWITCH_COST
        best_before[window] = np.where(score >= switched, np.arange(speakers), score.argmax())
        score = np.maximum(score, switched) + similarities[window]
    path = [int(score.argmax())]
    for window in range(windows - 1, 0, -1):
        path.append(int(best_before[window, path[-1]]))
    return np.array(path[::-1])


def _turns(speech: list[tuple[float, float]], windows_of_speech: list[np.ndarray], speakers: np.ndarray) -> list[Turn]:
    """A window stands for the time that is nearer to its middle than to that of another window of its stretch of speech."""
    turns, names, speaker_of_window = [], {}, iter(speakers.tolist())
    for (start, end), windows in zip(speech, windows_of_speech, strict=True):
        middles = windows.mean(axis=1)
        bounds = [start, *((middles[:-1] + middles[1:]) / 2).tolist(), end]
        pieces = zip(islice(speaker_of_window, len(windows)), pairwise(bounds), strict=True)
        for speaker, spans in groupby(pieces, key=itemgetter(0)):
            spans = [span for _, span in spans]
            name = names.setdefault(speaker, f"speaker {len(names) + 1}")
            piece = Turn(name, spans[0][0], spans[-1][1])
            if turns and _is_continued(turns[-1], piece):
                turns[-1] = turns[-1]._replace(end=piece.end)
            else:
                turns.append(piece)
    return turns


def _is_continued(turn: Turn, piece: Turn) -> bool:
    return (
        turn.speaker == piece.speaker
        and piece.start - turn.end <= LONGEST_PAUSE_IN_TURN
        and piece.end - turn.start <= LONGEST_TURN
    )
