# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""From files to conversations: a recording with a transcript or without, or a transcript alone."""

from collections.abc import Iterator
from pathlib import Path

from .conversation import Conversation, Utterance, check_conversations
from .diarization import Turn
from .media_probe import MediaInfo, probe_media
from .media_warnings import collected_warnings, with_warnings
from .recorded_sound import Recording, check_recording, is_waveform, recording_name, recording_stem
from .speech_to_text import transcribe, utterances_of_recording
from .stage_progress import Progress
from .transcript_fit import fit_to_recording
from .transcripts import READERS, read_transcript, read_transcripts
from .warning_messages import warn


def conversations_of_file(
    path: Recording,
    transcript: str | Path | None = None,
    transcript_text: str | Path | None = None,
    speech_model=None,
    num_speakers: int | None = None,
    language: str | None = None,
    progress: Progress | None = None,
    audio_track: int | None = None,
    speakers: str | None = None,
    known_speakers=None,
) -> list[Conversation]:
    """
    The conversations of a file: one of a recording, one or several of a transcript.

    Args:
        path: a recording (mp4, wav, ..., or a waveform with its sampling rate, see `Recording`), or a transcript (json,
            csv, srt, vtt, txt, rttm, ..., see [`read_transcript`]).
        transcript: the recording's transcript, with starts; an utterance without an end lasts until the next one begins.
            None: speech is found, assigned to speakers and transcribed.
        transcript_text: for a transcript in RTTM, which has no words, a text file with a line for each turn.
        speech_model: a Whisper model (Hub id, folder, or the result of `load_speech_model`) for a recording without a
            transcript, or with one that has no words.
        num_speakers: how many people speak, where it is known and there is no transcript.
        language: the language that they speak, for a multilingual speech model; None lets the model guess it.
        progress: receives the progress of the stages `speech`, `speakers` and `words`, see `stage_progress`.
        audio_track: the number of the audio track that is heard, from 1. None: the loudest.
        speakers, known_speakers: for a recording without a transcript, as in `diarize`.

    Returns:
        Conversations whose utterances have `audio` and `video`, the recording, as far as it holds them. What is lost or
        unsure is in their `warnings`.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file cannot be read, and for a recording with neither transcript nor speech_model.
    """
    with collected_warnings() as warnings:
        if speakers not in (None, "channels", "voices"):
            raise ValueError(
                f"speakers is {speakers!r}: give 'channels', 'voices', or None to let the recording decide."
            )
        sound = {"audio_track": audio_track, "progress": progress}
        finding = {"num_speakers": num_speakers, "speakers": speakers, "known_speakers": known_speakers}
        conversations = _conversations(path, transcript, transcript_text, speech_model, language, sound, finding)
    files = (path, transcript, transcript_text, known_speakers)
    return [with_warnings(conversation, warnings, files) for conversation in conversations]


def _conversations(
    path: Recording, transcript, transcript_text, speech_model, language: str | None, sound: dict, finding: dict
) -> list[Conversation]:
    recording = check_recording(path)
    if not is_waveform(recording):
        if not recording.exists():
            raise FileNotFoundError(f"There is no file {recording}.")
        if recording.suffix.lower() in READERS:
            _warn_of_unused(finding)
            return _conversations_of_transcript(recording, transcript, transcript_text)
    if transcript_text is not None and transcript is None:
        raise ValueError(
            f"{transcript_text} is the text of an RTTM transcript, but {recording_name(recording)} has no RTTM: also give "
            "the RTTM file."
        )
    info = probe_media(recording)
    if transcript is not None:
        _warn_of_unused(finding)
        conversation = _with_transcript(recording, transcript, transcript_text, speech_model, language, sound)
    else:
        _check_can_be_transcribed(recording, info, speech_model)
        conversation = utterances_of_recording(recording, speech_model, language=language, **sound, **finding)
    return check_conversations(_with_media(conversation, recording, info, sound["audio_track"]))


def _warn_of_unused(finding: dict):
    """Warn of settings for finding speakers, which a transcript makes useless."""
    given = [name for name, value in finding.items() if value is not None]
    if given:
        are = "is" if len(given) == 1 else "are"
        warn(f"{' and '.join(given)} {are} not used: speakers are only looked for in a recording without a transcript.")


def _conversations_of_transcript(path: Path, transcript, transcript_text) -> list[Conversation]:
    if transcript is not None:
        raise ValueError(f"{path} is a transcript itself: give the recording, with its transcript beside it.")
    if transcript_text is not None:
        return check_conversations(read_transcript(path, transcript_text))
    return check_conversations(read_transcripts(path))


def _with_transcript(
    recording: Recording, transcript, transcript_text, speech_model, language: str | None, sound: dict
) -> Conversation:
    """The conversation of a recording's transcript, with words from the speech model where the transcript has none."""
    conversation = read_transcript(transcript, transcript_text)
    utterances = conversation["utterances"]
    has_words = any(utterance.get("text") for utterance in utterances)
    needed = ("start",) if has_words else ("start", "end")
    untimed = [u["id"] for u in utterances if any(u.get(key) is None for key in needed)]
    if untimed:
        raise ValueError(
            f"{transcript}: utterance {untimed[0]} has no {' and '.join(needed)}, so its time in {recording_name(recording)} is "
            "unknown: give a transcript with times."
        )
    if speech_model is None or has_words:
        return conversation
    turns = [Turn(utterance["speaker"], utterance["start"], utterance["end"]) for utterance in utterances]
    # a given turn is kept even if no words are heard in it: it may be a laugh or a sob
    spoken = transcribe(recording, turns, speech_model, language, keep_wordless=True, **sound)
    # the parts of a long turn stand before what others say during it
    said = sorted(_with_given_values(spoken, utterances), key=lambda utterance: utterance["start"])
    return {**conversation, "utterances": said}


def _with_given_values(spoken: list[Utterance], given: list[Utterance]) -> Iterator[Utterance]:
    """
    The utterances that were recognized, with the `id`, `emotion` and other values of the turns that were given. A long turn
    becomes several utterances, the last of which ends with it; they are numbered in their ids.
    """
    following = iter(spoken)
    for turn in given:
        parts = [next(following)]
        while parts[-1]["end"] < turn["end"]:
            parts.append(next(following))
        for number, part in enumerate(parts, start=1):
            name = turn["id"] if len(parts) == 1 else f"{turn['id']}-{number}"
            yield {**turn, "id": name, **part}


def _check_can_be_transcribed(recording: Recording, info: MediaInfo, speech_model):
    name = recording_name(recording)
    if not info.has_audio:
        raise ValueError(f"{name} has no sound, so nobody is heard speaking: give a transcript with times.")
    if speech_model is None:
        raise ValueError(
            f"{name} has no transcript, and there is no speech model to write one: give a transcript, or a Whisper model "
            "(Hub id or folder)."
        )


def _with_media(
    conversation: Conversation, recording: Recording, info: MediaInfo, audio_track: int | None
) -> Conversation:
    """The conversation with the recording as its utterances' `audio` and `video`, in place of clips of their own."""
    medium = recording if is_waveform(recording) else str(recording)
    media = {"audio": medium} if info.has_audio else {}
    media |= {"video": medium} if info.has_video else {}
    if info.has_audio and audio_track is not None:
        media["audio_track"] = audio_track
    clip_starts = {f"{name}_start" for name in media}

    def with_media(utterance: Utterance) -> Utterance:
        return {**{key: value for key, value in utterance.items() if key not in clip_starts}, **media}

    fitted = fit_to_recording(conversation["utterances"], info.duration, recording_name(recording))
    utterances = [with_media(utterance) for utterance in fitted]
    return {**conversation, "id": recording_stem(recording), "utterances": utterances}
