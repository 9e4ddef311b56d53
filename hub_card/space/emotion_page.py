# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The functions behind the page's buttons."""

import importlib.util
import tempfile
import threading
from functools import cache
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from transformers import pipeline

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.described_utterance import RecognizedConversation
from modeling_amuse.hub_card.model_facts import model_facts
from modeling_amuse.hub_card.space.conversation_text import parse_conversation
from modeling_amuse.hub_card.space.lanes import Cancelled, make_lanes
from modeling_amuse.hub_card.space.limits import (
    MOST_EXPLAINED,
    SHORT_SECONDS,
    SHORT_UTTERANCES,
    check_recording_file,
    check_transcript_file,
)
from modeling_amuse.hub_card.space.page_style import STAGE_TITLES, problem_html
from modeling_amuse.hub_card.space.process_memory import give_back_memory
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.timelines.report import report_body, write_report
from modeling_amuse.processing.timelines.report_data import ReportedRecording
from modeling_amuse.processing.timelines.report_pictures import thumbnails
from modeling_amuse.processing.timelines.timeline_files import has_times, write_timeline

DOWNLOADS = {"json": "JSON", "csv": "CSV", "srt": "SRT", "html": "Report"}
"""The suffixes and titles of the files that can be downloaded, in the order of the buttons."""

MOST_SPEAKERS = 20


class EmotionPage:
    """
    Answers the requests of the page and of its API.

    Args:
        model: folder or Hub id of the model.
        speech_model: folder or Hub id of a Whisper model that transcribes recordings. None: a transcript must be uploaded.
    """

    def __init__(self, model: str, speech_model: str | None = None):
        recognizer = pipeline(
            "emotion-recognition",
            model=AmuseForEmotionRecognition.from_pretrained(model),
            processor=AmuseProcessor.from_pretrained(model),
        )
        self.facts = model_facts(recognizer.model)
        self.reads_words = recognizer.model.config.text_config is not None
        self.speech_model = speech_model
        self.lanes = make_lanes(recognizer)
        self.explains = importlib.util.find_spec("captum") is not None
        self._running: dict[tuple[str | None, str], threading.Event] = {}  # by the visitor's session and the tab

    def recognize_text(self, text: str | None, request: gr.Request = None, progress=gr.Progress()):  # noqa: B008  gradio fills it in
        """Recognize a typed conversation; gives the report and the files to download."""
        yield from self._answer(lambda ask: self._typed(text or "", ask), "text", request, progress)

    def recognize_recording(
        self,
        recording: str | None,
        transcript: str | None,
        num_speakers: float | None,
        request: gr.Request = None,
        progress=gr.Progress(),  # noqa: B008  gradio fills it in
    ):
        """Recognize an uploaded recording; gives the report and the files to download."""

        def recorded(ask):
            return self._recorded(recording, transcript, num_speakers, ask)

        yield from self._answer(recorded, "recording", request, progress, recording, transcript)

    def cancel_text(self, request: gr.Request = None):
        """Stop the recognition of this visitor's typed conversation. Returns the outputs without a result."""
        return self._cancel("text", request)

    def cancel_recording(self, request: gr.Request = None):
        """Stop the recognition of this visitor's recording. Returns the outputs without a result."""
        return self._cancel("recording", request)

    def leave(self, request: gr.Request):
        """Stop the requests of a visitor who closed or reloaded the page: nobody would see their answers."""
        for (session, _), running in list(self._running.items()):
            if session == request.session_hash:
                running.set()

    def empty(self, message: str | None = None) -> list:
        """The outputs without a result; a message may take its place."""
        hidden = gr.update(value=None, visible=False)
        return [problem_html(message) if message else "", *(hidden for _ in DOWNLOADS)]

    def _cancel(self, name: str, request: gr.Request | None) -> list:
        running = self._running.get((request and request.session_hash, name))
        if running is not None:
            running.set()
        return self.empty("Cancelled.")

    def _typed(self, text: str, ask) -> ReportedRecording:
        if not self.reads_words:
            raise ValueError("This model does not read words: upload a recording.")
        utterances = parse_conversation(text)
        lane = "short" if len(utterances) <= SHORT_UTTERANCES else "long"
        return ReportedRecording("Typed conversation", ask(lane, utterances, self._wants(len(utterances))))

    def _recorded(self, recording, transcript, num_speakers, ask) -> ReportedRecording:
        if recording is None:
            raise ValueError("There is no recording yet. Upload a sound file or a video.")
        seconds = check_recording_file(recording)
        if transcript is None and self.speech_model is None:
            raise ValueError(
                "This page does not transcribe speech: also upload a transcript that says who speaks when."
            )
        if transcript is not None:
            check_transcript_file(transcript)
        if num_speakers is not None and not (1 <= num_speakers <= MOST_SPEAKERS and num_speakers == int(num_speakers)):
            raise ValueError(
                f"The number of speakers must be a whole number from 1 to {MOST_SPEAKERS}. Leave it empty to have it estimated."
            )
        results = ask(
            "short" if seconds <= SHORT_SECONDS else "long",
            recording,
            self._wants(MOST_EXPLAINED if seconds <= SHORT_SECONDS else MOST_EXPLAINED + 1),
            transcript=transcript,
            speech_model=_load_speech(self.speech_model) if transcript is None else None,
            num_speakers=None if num_speakers is None else int(num_speakers),
        )
        reported = ReportedRecording(Path(recording).name, results, has_picture=probe_media(recording).has_video)
        reported.player = f"gradio_api/file={quote(recording)}"
        if reported.has_picture:
            try:
                reported.pictures = thumbnails(Path(recording), results)
            except ValueError as error:  # a result without pictures is better than none
                results.warnings.append(f"There are no pictures of the frames that counted: {error}")
        return reported

    def _wants(self, number: int) -> dict:
        return {"explain": True} if self.explains and number <= MOST_EXPLAINED else {}

    def _answer(self, recognize, name: str, request: gr.Request | None, progress, *uploaded: str | None):
        """
        The outputs of a request.

        Args:
            recognize: a function that returns the recognized recording. Its argument is a function that recognizes a
                conversation in a lane.
            name: the name of the tab, with which the anchors of the result begin.
            uploaded: the paths of the uploaded files; messages name them without their folders.
        """
        key = request and request.session_hash, name
        stopped = self._running[key] = threading.Event()

        def check():
            if stopped.is_set():
                raise Cancelled

        def draw(stage: str, completed: float, total: float):
            check()
            progress(completed / total if total else 0, desc=STAGE_TITLES.get(stage, stage))

        def ask(lane: str, conversation, wanted: dict, **settings) -> RecognizedConversation:
            progress(0, desc="Waiting for other requests")
            with self.lanes[lane].turn(check) as recognizer:
                return recognizer(conversation, progress=draw, **wanted, **settings)

        try:
            reported = recognize(ask)
        except Cancelled:
            yield self.empty("Cancelled.")
            return
        except (ValueError, OSError, ImportError) as error:
            yield self.empty(_without_folders(str(error), uploaded))
            return
        finally:
            if self._running.get(key) is stopped:
                del self._running[key]
            give_back_memory()
        results = reported.results
        results.warnings = [_without_folders(warning, uploaded) for warning in results.warnings]
        with tempfile.TemporaryDirectory() as folder:
            shown = report_body([reported], self.facts, anchor=f"{name}-")
            # gradio copies the files into its cache, which is swept
            yield [shown, *self._downloads(reported, Path(folder))]

    def _downloads(self, reported: ReportedRecording, folder: Path) -> list:
        updates = []
        for suffix in DOWNLOADS:
            path = folder / f"{'report' if suffix == 'html' else 'timeline'}.{suffix}"
            if suffix == "html":
                beside = None if reported.player is None else f"./{quote(reported.name)}"
                taken = ReportedRecording(
                    reported.name, reported.results, beside, reported.has_picture, reported.pictures
                )
                write_report([taken], path, self.facts)
            elif suffix != "srt" or has_times(reported.results):
                write_timeline(reported.results, path, Path(reported.name).stem)
            is_there = path.exists()
            updates.append(gr.update(value=str(path) if is_there else None, visible=is_there))
        return updates


def _without_folders(message: str, uploaded: tuple[str | None, ...]) -> str:
    """The message with uploaded files named without their folders, which visitors need not know."""
    for path in filter(None, uploaded):
        message = message.replace(str(path), Path(path).name)
    return message


@cache
def _load_speech(name: str):
    from modeling_amuse.processing.speech_to_text import load_speech_model

    return load_speech_model(name)
