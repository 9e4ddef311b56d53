# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What is said in a recording: the words of each turn, and a whole conversation from a recording alone."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from transformers import AutomaticSpeechRecognitionPipeline, pipeline

from .conversation import Conversation, Utterance
from .diarization import LONGEST_TURN, SAMPLING_RATE, Turn, diarize
from .recorded_sound import Recording, recording_name, recording_stem
from .sound_tracks import utterance_waveforms
from .stage_progress import Progress, counted

BATCH_SIZE = 4
MOST_TOKENS_PER_SECOND = 12
"""More than anybody says in any language: a model that repeats itself without end is stopped."""


def load_speech_model(model: str | Path) -> AutomaticSpeechRecognitionPipeline:
    """
    A Whisper of transformers; of its weights, safetensors files alone are read.

    Args:
        model: Hub id or local folder.

    Raises:
        ValueError: when it is no Whisper with weights as safetensors.
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
    return recognizer


def transcribe(
    recording: Recording,
    turns: Sequence[Turn],
    model: str | Path | AutomaticSpeechRecognitionPipeline,
    language: str | None = None,
    progress: Progress | None = None,
) -> list[Utterance]:
    """
    The utterances of a recording. Each turn is read by itself, so that its words are those of its speaker; a turn of more
    than 30 s becomes several utterances. The words are the most likely ones (greedy search): the same at every run.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        turns: who speaks when, from [`diarize`].
        model: Hub id, local folder, or, to use it for several recordings, what [`load_speech_model`] gives.
        language: of a multilingual Whisper, such as "en" or "german"; None lets the model guess it for each turn.
        progress: is told of the stage `words`, in turns.

    Returns:
        a dict with `speaker`, `text`, and `start` and `end` in seconds for each turn with words, in the order of the turns.

    Raises:
        FileNotFoundError, ValueError: from `utterance_waveforms`, when the recording cannot be read.
        ValueError: when the model cannot be loaded, or is none that could be told this language.
    """
    recognizer = model if isinstance(model, AutomaticSpeechRecognitionPipeline) else load_speech_model(model)
    parts = [part for turn in turns for part in _parts(turn)]
    longest = max((part.end - part.start for part in parts), default=0)
    options = {"do_sample": False, "num_beams": 1, "max_new_tokens": _most_tokens(longest)}
    if getattr(recognizer.model.generation_config, "is_multilingual", False):
        options["task"] = "transcribe"  # without it, a Whisper that guesses the language repeats words without end
    if language is not None:
        options["language"] = language

    positions = []  # in the order in which the recognizer gets the waveforms

    def inputs() -> Iterator[dict]:
        spans = [(part.start, part.end) for part in parts]
        for position, waveform in utterance_waveforms(recording, spans, SAMPLING_RATE):
            positions.append(position)
            yield {"raw": waveform, "sampling_rate": SAMPLING_RATE}

    outputs = counted(
        recognizer(inputs(), batch_size=BATCH_SIZE, generate_kwargs=options), progress, "words", len(parts)
    )
    texts = dict(zip(positions, [output["text"].strip() for output in outputs], strict=True))
    return [
        {"speaker": part.speaker, "text": texts[position], "start": part.start, "end": part.end}
        for position, part in enumerate(parts)
        if texts[position] and not _SOUND.fullmatch(texts[position])
    ]


def utterances_of_recording(
    recording: Recording,
    speech_model: str | Path | AutomaticSpeechRecognitionPipeline,
    num_speakers: int | None = None,
    language: str | None = None,
    progress: Progress | None = None,
) -> Conversation:
    """
    The conversation in a recording: who says what when.

    Args:
        recording: a sound or video file, or a waveform with its sampling rate.
        speech_model: as `model` of [`transcribe`].
        num_speakers: how many people speak; estimated where None, see [`diarize`].
        language: as in [`transcribe`].
        progress: is told of the stages `speech`, `speakers` and `words`.

    Returns:
        `{"id": the name of the file without its suffix, "utterances": [{"speaker", "text", "start", "end"}, ...]}`.

    Raises:
        FileNotFoundError, ValueError: as [`diarize`] and [`transcribe`].
        ValueError: when nobody is heard to speak, or no words are understood.
    """
    turns = diarize(recording, num_speakers, progress=progress)
    if not turns:
        raise ValueError(
            f"Nobody is heard to speak in {recording_name(recording)}: give a recording with speech, or write down its utterances yourself."
        )
    utterances = transcribe(recording, turns, speech_model, language, progress)
    if not utterances:
        raise ValueError(
            f"There is speech in {recording_name(recording)}, but no words are understood: give a larger speech model, or its language."
        )
    return {"id": recording_stem(recording), "utterances": utterances}


_SOUND = re.compile(r"(\[[^\]]*\]|\([^)]*\)|\s)+")
"""What Whisper writes of sounds that are no words, such as `[Music]` and `(laughs)`."""


def _parts(turn: Turn) -> list[Turn]:
    """The turn in equal parts that Whisper can read at once."""
    number = max(1, math.ceil((turn.end - turn.start) / LONGEST_TURN))
    length = (turn.end - turn.start) / number
    starts = [turn.start + part * length for part in range(number)]
    return [Turn(turn.speaker, *span) for span in pairwise([*starts, turn.end])]


def _most_tokens(seconds: float) -> int:
    return min(16 + math.ceil(seconds * MOST_TOKENS_PER_SECOND), 400)


def _complete_whisper(recognizer: AutomaticSpeechRecognitionPipeline):
    """Whispers that were converted from another format lack the settings of generation; their tokenizer tells them."""
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
    settings.max_length = recognizer.model.config.max_target_positions
    settings.is_multilingual = recognizer.model.config.vocab_size >= 51865
    if settings.is_multilingual:
        first, after = token("<|startoftranscript|>") + 1, token("<|translate|>")
        settings.lang_to_id = {tokenizer.convert_ids_to_tokens(language): language for language in range(first, after)}
        settings.task_to_id = {task: token(f"<|{task}|>") for task in ("translate", "transcribe")}
