# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
A page for a trained AMuSE: type a conversation or upload a recording, and see who feels what, when and why.

    python app.py --model user/amuse-meld
"""

import argparse
import os
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

# the page fetches nothing from elsewhere and reports to nobody
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

HERE = Path(__file__).resolve().parent
if "modeling_amuse" not in sys.modules and not (HERE / "modeling_amuse").is_dir():
    # run as a file of a clone; a Space has the package beside this file
    sys.path.insert(1, str(HERE.parents[1]))

import gradio as gr
from huggingface_hub import RepoCard
from transformers import pipeline

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor, RecognizedUtterance
from modeling_amuse.hub_card.space.conversation_text import parse_conversation
from modeling_amuse.hub_card.space.result_view import CSS, problem_html, result_html
from modeling_amuse.pipeline_amuse import training_data_warning
from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES
from modeling_amuse.processing.timelines.timeline_files import as_table, write_timeline
from modeling_amuse.processing.transcripts import READERS as TRANSCRIPT_READERS
from modeling_amuse.processing.transcripts import read_transcript

EXAMPLE = """Ada: I got the job! They called me this morning!
Ben: No way. The one in Lisbon?
Ada: Yes. I start in May.
Ben: In May? But that is in three weeks. What about us?
Ada: I thought you would be happy for me.
Ben: I am. I just did not think that it would be so soon."""

INTRODUCTION = """# Who feels what

The emotion of the speaker of every utterance of a conversation, when it changes, and how much words, voice and face counted."""

NOTICE = """What you see is a guess of a model that learned from acted emotions, no measurement of what anybody feels. It errs often, and \
more often for people unlike those it learned from. Do not judge people by it, and upload recordings only of people who agreed. \
Uploaded files are removed after an hour or two."""

STAGE_TITLES = {
    "speech": "Finding speech",
    "speakers": "Finding out who speaks",
    "words": "Writing down the words",
    "voice": "Listening to the voices",
    "faces": "Looking at the faces",
    "emotions": "Recognizing the emotions",
}
"""What the progress bar says at each stage of a recognition."""


class EmotionPage:
    """
    What the page's buttons do.

    Args:
        model: folder or Hub id of the model.
        speech_model: a Whisper model that writes transcripts; None asks for them.
    """

    def __init__(self, model: str, speech_model: str | None = None):
        self.recognizer = pipeline(
            "emotion-recognition",
            model=AmuseForEmotionRecognition.from_pretrained(model),
            processor=AmuseProcessor.from_pretrained(model),
        )
        config = self.recognizer.model.config
        self.emotions = [config.id2label[label] for label in range(config.num_labels)]
        self.modalities = config.modalities
        self.warning = training_data_warning(config)
        self.speech_model = speech_model

    def recognize_text(self, text: str | None):
        """Answer to a typed conversation: the result, the table as text, and files."""
        yield from self._answer(lambda: self.recognizer(self._typed(text or "")))

    def recognize_recording(
        self,
        recording: str | None,
        transcript: str | None,
        num_speakers: float | None,
        progress=gr.Progress(),  # noqa: B008  gradio fills it in and draws the bar
    ):
        """Answer to uploaded files."""

        def draw(stage: str, completed: float, total: float):
            progress((round(completed), round(total)), desc=STAGE_TITLES.get(stage, stage))

        recorded = partial(self._recorded, recording, transcript, num_speakers, draw)
        yield from self._answer(recorded, recording, transcript)

    def _typed(self, text: str) -> list[dict]:
        if "text" not in self.modalities:
            raise ValueError("This model reads no words: upload a recording.")
        return parse_conversation(text)

    def _recorded(
        self, recording: str | None, transcript: str | None, num_speakers: float | None, progress=None
    ) -> list[RecognizedUtterance]:
        if recording is None:
            raise ValueError("There is no recording yet. Upload a sound file or a video.")
        for path, suffixes, what in (
            (recording, RECORDING_SUFFIXES, "recording"),
            (transcript, tuple(TRANSCRIPT_READERS), "transcript"),
        ):
            if path is not None and Path(path).suffix.lower() not in suffixes:
                raise ValueError(f"{Path(path).name} is no {what} that this page reads: {', '.join(suffixes)}.")
        if transcript is None and self.speech_model is None:
            raise ValueError("This page does not recognize speech: upload a transcript that says who speaks when, too.")
        if transcript is not None and any(
            {"audio", "video"} & set(utterance) for utterance in read_transcript(transcript)["utterances"]
        ):
            # they would be files of this machine
            raise ValueError(
                "The transcript names recordings itself: take audio and video out, the uploaded one is read."
            )
        if num_speakers is not None and (num_speakers < 1 or num_speakers != int(num_speakers)):
            raise ValueError("The number of speakers is a whole number from 1 on; leave it empty to let it be guessed.")
        return self.recognizer(
            recording,
            transcript=transcript,
            speech_model=_load_speech(self.speech_model) if transcript is None else None,
            num_speakers=None if num_speakers is None else int(num_speakers),
            progress=progress,
        )

    def _answer(self, recognize, *uploaded: str | None):
        try:
            results = recognize()
        except (ValueError, OSError, ImportError) as error:
            yield problem_html(_without_folders(str(error), uploaded)), gr.update(visible=False), None, None
            return
        results.warnings = [_without_folders(warning, uploaded) for warning in results.warnings]
        for warning in results.warnings:
            gr.Warning(warning)
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / "timeline.json", Path(folder) / "timeline.csv"]
            for path in files:
                write_timeline(results, path)
            # gradio copies the files to where it removes them itself
            yield result_html(results, self.emotions), gr.update(visible=True), as_table(results), list(map(str, files))


def _without_folders(message: str, uploaded: tuple[str | None, ...]) -> str:
    """A message with uploaded files named without their folders, which are of no use to the user."""
    for path in filter(None, uploaded):
        message = message.replace(str(path), Path(path).name)
    return message


@cache
def _load_speech(name: str):
    from modeling_amuse.processing.speech_to_text import load_speech_model

    return load_speech_model(name)


def build(page: EmotionPage) -> gr.Blocks:
    """The page."""
    with gr.Blocks(title="Who feels what", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gr.Markdown(INTRODUCTION)
        if page.warning:
            gr.Markdown(f"**{page.warning}**", elem_id="training-data-warning")
        with gr.Tab("Type a conversation"):
            text = gr.Textbox(
                value=EXAMPLE,
                label="The conversation",
                info="A line for each utterance: the name, a colon, the words.",
                lines=7,
                max_lines=20,
                max_length=20_000,
                elem_id="conversation",
            )
            with gr.Row():
                gr.ClearButton([text], value="Clear")
                button = gr.Button("Recognize emotions", variant="primary", elem_id="recognize-text")
            button.click(page.recognize_text, text, _outputs("text"), api_name="recognize_text")
        with gr.Tab("Upload a recording"):
            optional = " (optional)" if page.speech_model else ""
            with gr.Row():
                recording = gr.File(
                    label="Recording, sound or video",
                    file_types=list(RECORDING_SUFFIXES),
                    height=170,
                    elem_id="recording",
                )
                transcript = gr.File(
                    label=f"Transcript, who speaks when{optional}",
                    file_types=list(TRANSCRIPT_READERS),
                    height=170,
                    elem_id="transcript",
                )
            gr.Markdown(
                f"Recordings: {_listed(RECORDING_SUFFIXES)}. Transcripts, with the times of every utterance: "
                f"{_listed(TRANSCRIPT_READERS)}."
            )
            num_speakers = gr.Number(
                label="How many people speak (optional, where there is no transcript)",
                value=None,
                precision=0,
                minimum=1,
                visible=page.speech_model is not None,
            )
            button = gr.Button("Recognize emotions", variant="primary", elem_id="recognize-recording")
            button.click(
                page.recognize_recording,
                [recording, transcript, num_speakers],
                _outputs("recording"),
                api_name="recognize_recording",
            )
        gr.Markdown(NOTICE)
    return blocks


def _listed(suffixes) -> str:
    return ", ".join(suffix.removeprefix(".") for suffix in suffixes)


def _outputs(name: str) -> list:
    """The outputs of the page: the result, and the files for download."""
    result = gr.HTML(elem_id=f"{name}-result", js_on_load=None)
    with gr.Accordion("Take it along", open=False, visible=False) as along:
        table = gr.Textbox(
            label="The table as text",
            lines=6,
            max_lines=20,
            buttons=["copy"],
            interactive=False,
            elem_classes="as-text",
        )
        files = gr.File(label="The timeline as JSON and CSV", file_count="multiple", interactive=False)
    return [result, along, table, files]


def chosen_model(given: str | None) -> str:
    """
    The model of the page: the one given, else `AMUSE_MODEL`, else the first of `models` of the README.

    Raises:
        ValueError: when none is named.
    """
    card = HERE / "README.md"
    models = (RepoCard.load(card).data.get("models") if card.is_file() else None) or [None]
    model = given or os.environ.get("AMUSE_MODEL") or models[0]
    if model is None:
        raise ValueError("Name the model: --model, the variable AMUSE_MODEL, or models in README.md.")
    return model


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="Folder or Hub id of the model.")
    parser.add_argument("--speech_model", help="Whisper (Hub id or folder) that writes transcripts.")
    parser.add_argument("--port", type=int, help="Port of this machine. Default: the first that is free from 7860 on.")
    args = parser.parse_args(arguments)
    page = EmotionPage(chosen_model(args.model), args.speech_model or os.environ.get("AMUSE_SPEECH_MODEL"))
    build(page).queue(default_concurrency_limit=1, max_size=20).launch(
        server_port=args.port,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
            # as dark as small letters must be to be read
            body_text_color_subdued="*neutral_600",
            block_info_text_color="*neutral_600",
            body_text_color_subdued_dark="*neutral_300",
            block_info_text_color_dark="*neutral_300",
            button_primary_background_fill="*primary_600",
            button_primary_background_fill_hover="*primary_700",
        ),
        css=CSS,
        max_file_size="500mb",
        ssr_mode=False,
        share=False,
        footer_links=[],
    )


if __name__ == "__main__":
    main()
