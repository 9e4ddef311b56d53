# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""From files to conversations: a recording with a transcript or without, or a transcript alone."""

from pathlib import Path

from .conversation import check_conversations
from .diarization import Turn
from .media_probe import probe_media
from .speech_to_text import transcribe, utterances_of_recording
from .transcripts import READERS, read_transcript, read_transcripts


def conversations_of_file(
    path: str | Path,
    transcript: str | Path | None = None,
    transcript_text: str | Path | None = None,
    speech_model=None,
    num_speakers: int | None = None,
    language: str | None = None,
) -> list[dict]:
    """
    The conversations of a file: one of a recording, one or several of a transcript.

    Args:
        path: a recording (mp4, wav, ...), or a transcript (json, jsonl, csv, srt, vtt, rttm).
        transcript: the recording's transcript. None: speech is found, told apart by speaker and transcribed.
        transcript_text: for a transcript in RTTM, which has no words, a text file with a line for each turn.
        speech_model: a Whisper model (Hub id, folder, or what `load_speech_model` gives) for a recording without a
            transcript, or with one that has no words.
        num_speakers: how many people speak, where it is known and there is no transcript.
        language: what they speak, for a multilingual speech model; None lets it guess.

    Returns:
        Conversations whose utterances have `audio` and `video`, the recording, as far as it holds them.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file cannot be read, and for a recording with neither transcript nor speech_model.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.suffix.lower() in READERS:
        if transcript is not None:
            raise ValueError(f"{path} is a transcript itself: give the recording, with its transcript beside it.")
        if transcript_text is not None:
            return check_conversations(read_transcript(path, transcript_text))
        return check_conversations(read_transcripts(path))
    if transcript_text is not None and transcript is None:
        raise ValueError(
            f"{transcript_text} is the text of a transcript in RTTM, but {path} has none: give the RTTM, too."
        )
    info = probe_media(path)
    if transcript is not None:
        conversation = read_transcript(transcript, transcript_text)
        untimed = [u["id"] for u in conversation["utterances"] if u.get("start") is None or u.get("end") is None]
        if untimed:
            raise ValueError(
                f"{transcript}: utterance {untimed[0]} has no start and end, so its place in {path.name} is unknown: give "
                "a transcript with times."
            )
        if speech_model is not None and not any(u.get("text") for u in conversation["utterances"]):
            turns = [Turn(u["speaker"], u["start"], u["end"]) for u in conversation["utterances"]]
            conversation = {**conversation, "utterances": transcribe(path, turns, speech_model, language)}
    elif not info.has_audio:
        raise ValueError(f"{path} has no sound, so nobody is heard speaking: give a transcript with times.")
    elif speech_model is None:
        raise ValueError(
            f"{path} has no transcript, and there is no speech model to write one: give a transcript, or a Whisper model "
            "(Hub id or folder)."
        )
    else:
        conversation = utterances_of_recording(path, speech_model, num_speakers=num_speakers, language=language)
    media = {"audio": str(path)} if info.has_audio else {}
    media |= {"video": str(path)} if info.has_video else {}
    utterances = [{**_without_clips(utterance, media), **media} for utterance in conversation["utterances"]]
    return check_conversations({**conversation, "id": path.stem, "utterances": utterances})


def _without_clips(utterance: dict, media: dict[str, str]) -> dict:
    """The utterance without the times at which its own clips begin, in whose place the recording is taken."""
    starts = {f"{medium}_start" for medium in media if medium in utterance}
    return {key: value for key, value in utterance.items() if key not in starts}
