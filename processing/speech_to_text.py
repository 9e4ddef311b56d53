# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What is said in a recording: the words of each turn, and a whole conversation from a recording alone."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import copy
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from transformers import AutomaticSpeechRecognitionPipeline, pipeline

from .conversation import Conversation, Utterance, Word
from .diarization import LONGEST_TURN, SAMPLING_RATE, ChannelTurn, Turn, diarize_voices
from .media_spans import SpansBeyondEnd
from .recorded_sound import Recording, recording_name, recording_stem
from .sound_tracks import utterance_waveforms
from .stage_progress import Progress, counted
from .text_words import UNSPACED, UNSPACED_END
from .turn_splitting import split_by_voice
from .warning_messages import warn

BATCH_SIZE = 2
WINDOW_SECONDS = 30.0
"""The sound that a Whisper reads at once; several short turns share it."""
LONGEST_PAUSE = 1.0
"""Seconds between two turns that are read with the pause between them; longer pauses are cut out."""
MARGIN = 0.15
"""Seconds that are read before and after each piece of speech."""
MOST_TOKENS_PER_SECOND = 12
"""More than anybody says in any language: a model that repeats itself without end is stopped."""

ALIGNMENT_HEADS = {
    (4, 384, False): "1.0 2.0 2.5 3.0 3.1 3.2 3.3 3.4",
    (4, 384, True): "2.2 3.0 3.2 3.3 3.4 3.5",
    (6, 512, False): "3.3 4.7 5.1 5.5 5.7",
    (6, 512, True): "3.1 4.2 4.3 4.7 5.1 5.2 5.4 5.6",
    (12, 768, False): "6.6 7.0 7.3 7.8 8.2 8.5 8.7 9.0 9.4 9.8 9.10 10.0 10.1 10.2 10.3 10.6 10.11 11.2 11.4",
    (12, 768, True): "5.3 5.9 8.0 8.4 8.7 8.8 9.0 9.7 9.9 10.5",
}
"""
The attention heads (layer.head) that follow the sound, for Whisper models whose generation settings do not name them (OpenAI's,
tiny to small). Keys: number of decoder layers, size, whether the model is multilingual. For other models, all heads in the
upper half of the layers are used.
"""


def load_speech_model(model: str | Path) -> AutomaticSpeechRecognitionPipeline:
    """
    Load a Whisper model of transformers. Its weights are only read from safetensors files.

    Args:
        model: Hub id or local folder.

    Raises:
        ValueError: when it is not a Whisper model with weights as safetensors.
    """
    try:
        recognizer = pipeline("automatic-speech-recognition", model=str(model), model_kwargs={"use_safetensors": True})
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{model} cannot be loaded as a speech recognizer: give the Hub id or the folder of a Whisper, with "
            f"model.safetensors ({error})."
        ) from error
    if recognizer.type != "seq2seq_whisper":
        raise ValueError(f"{model} is a {type(recognizer.model).__name__}: give a Whisper.")
    if not hasattr(recognizer.model.generation_config, "no_timestamps_token_id"):
        _complete_whisper(recognizer)
    if getattr(recognizer.model.generation_config, "alignment_heads", None) is None:
        recognizer.model.generation_config.alignment_heads = _alignment_heads(recognizer.model.config)
    if getattr(recognizer.model.config, "median_filter_width", None) is None:
        recognizer.model.config.median_filter_width = 7
    return recognizer


def transcribe(
    recording: Recording,
    turns: Sequence[Turn],
    model: str | Path | AutomaticSpeechRecognitionPipeline,
    language: str | None = None,
    progress: Progress | None = None,
    audio_track: int | None = None,
    keep_wordless: bool = False,
) -> list[Utterance]:
    """
    The utterances of a recording. Speech is read in windows of up to 30 s, each of which may hold several turns, so that the
    cost follows the seconds of speech; each word goes to the turn in which it is said. A turn of more than 30 s becomes
    several utterances. The words are the most likely ones (greedy search): the same at every run.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        turns: who speaks when, from [`diarize`]. Those on different channels are read by channel.
        model: Hub id, local folder, or, to use it for several recordings, the result of [`load_speech_model`].
        language: of a multilingual Whisper, such as "en" or "german"; None lets the model guess it for each window.
        progress: receives the progress of the stage `words`, in windows.
        audio_track: the number of the audio track, from 1. None: the loudest.
        keep_wordless: give turns without words, too, such as a laugh.

    Returns:
        a dict with `speaker`, `text`, `words`, and `start` and `end` in seconds for each turn with words, in the order of the
        turns; `audio_channel` for turns on one channel. A turn without words that is kept has neither `text` nor `words`. A
        warning reports turns that begin after the end of the sound, which have no words.

    Raises:
        FileNotFoundError, ValueError: from `utterance_waveforms`, when the recording cannot be read.
        ValueError: when the model cannot be loaded, or does not know this language.
    """
    recognizer = model if isinstance(model, AutomaticSpeechRecognitionPipeline) else load_speech_model(model)
    parts = [part for turn in turns for part in _parts(turn)]
    channels = [getattr(part, "channel", None) for part in parts]
    windows = [
        (channel, window)
        for channel in dict.fromkeys(channels)
        for window in _windows([part for part, other in zip(parts, channels, strict=True) if other == channel])
    ]
    words: list[list[Word]] = [[] for _ in parts]
    heard: list[tuple[int | None, list[_Piece]]] = []
    outputs = _giving_pieces(recognizer)(
        _sounds(recording, windows, audio_track, heard),
        batch_size=BATCH_SIZE,
        return_timestamps="word",
        generate_kwargs=_options(recognizer, language),
    )
    for index, output in enumerate(counted(outputs, progress, "words", len(windows))):
        channel, window = heard[index]
        candidates = [number for number, other in enumerate(channels) if other == channel]
        for word in _words(output, window):
            words[min(candidates, key=lambda number: _nearness(parts[number], word))].append(word)
    _warn_of_unheard(recording, parts, windows, heard)
    utterances = [_utterance(part, said) for part, said in zip(parts, words, strict=True)]
    return [utterance for utterance in utterances if keep_wordless or utterance.get("text")]


def utterances_of_recording(
    recording: Recording,
    speech_model: str | Path | AutomaticSpeechRecognitionPipeline,
    num_speakers: int | None = None,
    language: str | None = None,
    progress: Progress | None = None,
    audio_track: int | None = None,
    speakers: str | None = None,
    known_speakers=None,
) -> Conversation:
    """
    The conversation in a recording: who says what when. A turn that holds the words of several people by their voices is
    split between words.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        speech_model: as `model` of [`transcribe`].
        language: as in [`transcribe`].
        progress: receives the progress of the stages `speech`, `speakers` and `words`.
        num_speakers, audio_track, speakers, known_speakers: as in [`diarize`].

    Returns:
        `{"id": the name of the file without its suffix, "utterances": [...]}`, with utterances as of [`transcribe`].

    Raises:
        FileNotFoundError, ValueError: as [`diarize`] and [`transcribe`].
        ValueError: when nobody is heard to speak, or no words are understood.
    """
    turns, voices = diarize_voices(
        recording,
        num_speakers,
        progress=progress,
        audio_track=audio_track,
        speakers=speakers,
        known_speakers=known_speakers,
    )
    name = recording_name(recording)
    if not turns:
        raise ValueError(
            f"No speech is found in {name}: give a recording with speech, or write down its utterances yourself."
        )
    utterances = transcribe(recording, turns, speech_model, language, progress, audio_track)
    if not utterances:
        raise ValueError(
            f"There is speech in {name}, but no words are recognized: give a larger speech model, or its language."
        )
    if not isinstance(turns[0], ChannelTurn):
        utterances = split_by_voice(recording, utterances, voices, audio_track)
    # the parts of a long turn stand before what others say during it
    utterances.sort(key=lambda utterance: utterance["start"])
    return {"id": recording_stem(recording), "utterances": utterances}


_SOUND = re.compile(r"(\[[^\]]*\]|\([^)]*\)|[♪♫*]|\s)+")
"""Whisper's notes about sounds other than words, such as `[Music]` and `(laughs)`."""


_PARTED = re.compile(rf"{UNSPACED_END}.|.{UNSPACED}", re.DOTALL)
"""The last character of a word and the first one behind it, if another word begins there without a space."""


class _Piece(NamedTuple):
    """A part of the recording that is read in one go, in seconds."""

    start: float
    end: float


def _parts(turn: Turn) -> list[Turn]:
    """The turn in equal parts that Whisper can read at once."""
    number = max(1, math.ceil((turn.end - turn.start) / LONGEST_TURN))
    length = (turn.end - turn.start) / number
    starts = [turn.start + part * length for part in range(number)]
    spans = pairwise([*starts, turn.end])
    if isinstance(turn, ChannelTurn):
        return [ChannelTurn(turn.speaker, *span, turn.channel) for span in spans]
    return [Turn(turn.speaker, *span) for span in spans]


def _windows(turns: Sequence[Turn]) -> list[list[_Piece]]:
    """The pieces of the recording that hold the turns, in windows of at most 30 s."""
    windows, seconds = [], 0.0
    for piece in _pieces(turns):
        length = piece.end - piece.start
        if not windows or seconds + length > WINDOW_SECONDS:
            windows.append([])
            seconds = 0.0
        windows[-1].append(piece)
        seconds += length
    return windows


def _pieces(turns: Sequence[Turn]) -> list[_Piece]:
    pieces: list[_Piece] = []
    for turn in sorted(turns, key=lambda turn: (turn.start, turn.end)):
        start, end = max(turn.start - MARGIN, 0.0), turn.end + MARGIN
        if pieces and start - pieces[-1].end <= LONGEST_PAUSE:
            joined = _Piece(pieces[-1].start, max(pieces[-1].end, end))
            if joined.end - joined.start <= WINDOW_SECONDS:
                pieces[-1] = joined
                continue
            start = max(start, pieces[-1].end)  # no sound is read twice
        if end > start:
            pieces.append(_Piece(start, min(end, start + WINDOW_SECONDS)))
    return pieces


def _sounds(
    recording: Recording, windows: list[tuple[int | None, list[_Piece]]], audio_track, heard: list
) -> Iterator[dict]:
    """
    The sound of each window, its pieces one behind the other, as the recognizer takes it.

    Args:
        heard: gets each window whose sound is given, as far as the recording lasts.
    """
    for channel in dict.fromkeys(channel for channel, _ in windows):
        of_channel = [window for other, window in windows if other == channel]
        pieces = [piece for window in of_channel for piece in window]
        waveforms = utterance_waveforms(recording, pieces, SAMPLING_RATE, audio_track, channel)
        read: dict[int, np.ndarray] = {}
        first = 0
        for window in of_channel:
            numbers = range(first, first + len(window))
            with suppress(SpansBeyondEnd):  # the last pieces, as they are in order of time
                while not all(number in read for number in numbers):
                    number, waveform = next(waveforms)
                    read[number] = waveform
            known = [number for number in numbers if number in read]
            if known:
                heard.append((channel, [pieces[number] for number in known]))
                yield {"raw": np.concatenate([read.pop(number) for number in known]), "sampling_rate": SAMPLING_RATE}
            if len(known) < len(window):
                break
            first += len(window)


def _warn_of_unheard(recording: Recording, parts: Sequence[Turn], windows: list, heard: list):
    """Warn of turns that begin after the end of the recording's sound, and so have no words."""
    lost = {piece for _, window in windows for piece in window} - {piece for _, window in heard for piece in window}
    if lost:
        start = min(lost).start
        late = [part for part in parts if part.start >= start]
        are = "turn begins" if len(late) == 1 else "turns begin"
        warn(
            f"{recording_name(recording)}: {len(late)} {are} after the end of its sound, the first at {late[0].start:g} s, so "
            "that no words are heard there. Check that the turns are those of this recording."
        )


def _options(recognizer: AutomaticSpeechRecognitionPipeline, language: str | None) -> dict:
    options = {"do_sample": False, "num_beams": 1, "max_length": _most_tokens(WINDOW_SECONDS)}
    if getattr(recognizer.model.generation_config, "is_multilingual", False):
        options["task"] = "transcribe"  # without it, a Whisper that guesses the language repeats words without end
    if language is not None:
        options["language"] = language
    return options


def _giving_pieces(recognizer: AutomaticSpeechRecognitionPipeline) -> AutomaticSpeechRecognitionPipeline:
    """
    A copy of the recognizer, with the same model, that gives the pieces of words, as transformers does for Chinese. For other
    languages it joins what no space parts, and it does not know which language a Whisper has heard: a Chinese sentence would
    be one word.
    """
    copied = copy(recognizer)
    copied.tokenizer = copy(recognizer.tokenizer)
    copied.tokenizer.language = "chinese"
    return copied


def _words(output: dict, window: list[_Piece]) -> list[Word]:
    """
    The words of a window, with times in the recording. A piece continues the word before it, unless a space is between them
    or one of them is of a script without spaces.
    """
    joined: list[dict] = []
    for piece in output.get("chunks", ()):
        (start, end), text = piece["timestamp"], piece["text"]
        end = start if end is None else end
        if joined and text and not text[0].isspace() and not _PARTED.fullmatch(joined[-1]["text"][-1:] + text[0]):
            joined[-1] = {
                "text": joined[-1]["text"] + text,
                "start": joined[-1]["start"],
                "end": max(joined[-1]["end"], end),
            }
        else:
            joined.append({"text": text, "start": start, "end": end})
    words = []
    for word in joined:
        start, end = _in_recording(word["start"], word["end"], window)
        words.append({"text": word["text"], "start": start, "end": end})
    return words


def _in_recording(start: float, end: float, window: list[_Piece]) -> tuple[float, float]:
    """
    A word's times in the recording, both in the piece that holds its middle. Whisper's words follow each other without a gap,
    so that one at the joint of two pieces would last through the pause between them.
    """
    middle = (start + end) / 2
    for piece in window:
        length = piece.end - piece.start
        if middle <= length or piece is window[-1]:
            break
        start, end, middle = start - length, end - length, middle - length
    return tuple(round(piece.start + min(max(seconds, 0.0), length), 3) for seconds in (start, end))


def _nearness(turn: Turn, word: Word) -> tuple[float, float]:
    """
    The sort key of the turns in which a word may be said: those that share most of its seconds first, or are nearest to it;
    then the shorter one, as what is said within a longer turn, such as "yes", has a turn of its own.
    """
    shared = min(turn.end, word["end"]) - max(turn.start, word["start"])
    return -round(shared, 3), turn.end - turn.start


def _utterance(turn: Turn, words: list[Word]) -> Utterance:
    utterance = {"speaker": turn.speaker, "start": turn.start, "end": turn.end}
    if isinstance(turn, ChannelTurn):
        utterance["audio_channel"] = turn.channel
    text = "".join(word["text"] for word in words).strip()
    if not text or _SOUND.fullmatch(text):
        return utterance
    words = [{**word, "text": word["text"].strip()} for word in words if word["text"].strip()]
    return {**utterance, "text": text, "words": words}


def _most_tokens(seconds: float) -> int:
    return min(16 + math.ceil(seconds * MOST_TOKENS_PER_SECOND), 400)


def _alignment_heads(config) -> list[list[int]]:
    layers = config.decoder_layers
    known = ALIGNMENT_HEADS.get((layers, config.d_model, config.vocab_size >= 51865))
    if known is not None:
        return [[int(number) for number in head.split(".")] for head in known.split()]
    return [[layer, head] for layer in range(layers // 2, layers) for head in range(config.decoder_attention_heads)]


def _complete_whisper(recognizer: AutomaticSpeechRecognitionPipeline):
    """Add the settings of generation, from the tokenizer, to a Whisper that was converted from another format without them."""
    tokenizer, settings = recognizer.tokenizer, recognizer.model.generation_config
    token = tokenizer.convert_tokens_to_ids
    tokenizer.pad_token = "<|endoftext|>"
    settings.decoder_start_token_id = token("<|startoftranscript|>")
    settings.bos_token_id = settings.eos_token_id = settings.pad_token_id = token("<|endoftext|>")
    settings.begin_suppress_tokens = [
        token("\u0120"),
        token("<|endoftext|>"),
    ]  # no utterance begins with a space, or is empty
    settings.no_timestamps_token_id = token("<|notimestamps|>")
    settings.is_multilingual = recognizer.model.config.vocab_size >= 51865
    if settings.is_multilingual:
        first, after = token("<|startoftranscript|>") + 1, token("<|translate|>")
        settings.lang_to_id = {tokenizer.convert_ids_to_tokens(language): language for language in range(first, after)}
        settings.task_to_id = {task: token(f"<|{task}|>") for task in ("translate", "transcribe")}
