# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
A web page for a trained AMuSE model: it shows the emotion of each utterance of a typed or recorded conversation, and why.

    python app.py --model user/amuse-meld
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

# the page makes no requests to other servers
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

HERE = Path(__file__).resolve().parent
if "modeling_amuse" not in sys.modules and not (HERE / "modeling_amuse").is_dir():
    # this file is run in a clone; in a Space, the package lies beside this file
    sys.path.insert(1, str(HERE.parents[1]))

import gradio as gr
from huggingface_hub import RepoCard

from modeling_amuse.hub_card.space.conversation_text import MOST_CHARACTERS
from modeling_amuse.hub_card.space.emotion_page import DOWNLOADS, EmotionPage
from modeling_amuse.hub_card.space.limits import MOST_BYTES, MOST_SECONDS
from modeling_amuse.hub_card.space.page_style import CSS, EXAMPLE, INTRODUCTION, NOTICE, introduction_of
from modeling_amuse.hub_card.space.process_memory import share_memory
from modeling_amuse.hub_card.space.swept_folder import SweptFolder, default_folder
from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES
from modeling_amuse.processing.timelines.report import about_model, report_js
from modeling_amuse.processing.transcripts import READERS as TRANSCRIPT_READERS

EXAMPLES = HERE / "example"
"""An example recording with synthetic voices and drawn faces, and its transcript."""

MOST_AT_ONCE = 8
"""Requests that are handled at the same time. Each waits in its lane until a recognizer is free."""


def build(page: EmotionPage) -> gr.Blocks:
    """The Gradio app."""
    with gr.Blocks(title="Who feels what", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gr.Markdown(INTRODUCTION)
        gr.HTML(introduction_of(page.facts), js_on_load=None)
        with gr.Tab("Text"):
            _text_part(page)
        with gr.Tab("Recording"):
            _recording_part(page)
        gr.Markdown(NOTICE)
        gr.HTML(about_model(page.facts), js_on_load=None)
        blocks.unload(page.leave)
    return blocks


def _text_part(page: EmotionPage):
    text = gr.Textbox(
        value=EXAMPLE,
        label="The conversation",
        info="One line per utterance: the speaker's name, a colon, the words. Example: Ada: I got the job!",
        lines=7,
        max_lines=20,
        max_length=MOST_CHARACTERS,
        elem_id="conversation",
    )
    button, cancel, clear, example = _buttons("text", "Example")
    outputs = _outputs("text")
    event = button.click(page.recognize_text, text, outputs, api_name="recognize_text", concurrency_limit=MOST_AT_ONCE)
    _connect(page, event, page.cancel_text, cancel, clear, outputs, [(text, "")])
    example.click(lambda: EXAMPLE, None, text, queue=False, api_visibility="private")


def _recording_part(page: EmotionPage):
    needed = " (optional)" if page.speech_model else " with times (needed)"
    recording = gr.File(
        label="Recording (audio or video)", file_types=list(RECORDING_SUFFIXES), height=140, elem_id="recording"
    )
    microphone = gr.Audio(
        sources=["microphone"],
        type="filepath",
        label="Or record with the microphone",
        visible=page.speech_model is not None,
        elem_id="microphone",
    )
    transcript = gr.File(
        label=f"Transcript{needed}", file_types=list(TRANSCRIPT_READERS), height=140, elem_id="transcript"
    )
    num_speakers = gr.Number(
        label="Number of speakers (optional, used without a transcript)",
        value=None,
        precision=0,
        minimum=1,
        visible=page.speech_model is not None,
    )
    with gr.Accordion("File formats and limits", open=False):
        gr.Markdown(
            f"At most {MOST_SECONDS // 60} minutes and {MOST_BYTES // 2**20} MB. Recordings: {_listed(RECORDING_SUFFIXES)}. "
            f"Transcripts must have the start and end time of each utterance: {_listed(TRANSCRIPT_READERS)}."
        )
    button, cancel, clear, example = _buttons("recording", "Example recording")
    outputs = _outputs("recording")
    event = button.click(
        page.recognize_recording,
        [recording, transcript, num_speakers],
        outputs,
        api_name="recognize_recording",
        concurrency_limit=MOST_AT_ONCE,
    )
    emptied = [(recording, None), (transcript, None), (microphone, None)]
    _connect(page, event, page.cancel_recording, cancel, clear, outputs, emptied)
    example.click(
        fresh_example,
        None,
        [recording, transcript],
        queue=False,
        api_visibility="private",
    )
    microphone.stop_recording(lambda path: path, microphone, recording, queue=False, api_visibility="private")


def fresh_example() -> list[str]:
    """Copies of the example recording and its transcript: files that are as old as the installation would be swept away."""
    folder = Path(tempfile.mkdtemp())
    return [str(shutil.copyfile(EXAMPLES / name, folder / name)) for name in ("talk.mp4", "talk.json")]


def _buttons(name: str, example: str) -> tuple[gr.Button, gr.Button, gr.Button, gr.Button]:
    """The buttons that recognize, cancel, clear, and fill in an example."""
    with gr.Row():
        button = gr.Button("Recognize emotions", variant="primary", elem_id=f"recognize-{name}", min_width=120)
        cancel = gr.Button("Cancel", elem_id=f"cancel-{name}", min_width=80)
        clear = gr.Button("Clear", elem_id=f"clear-{name}", min_width=80)
        chosen = gr.Button(example, elem_id=f"example-{name}", min_width=120)
    return button, cancel, clear, chosen


def _outputs(name: str) -> list:
    """The components that show an answer: the result, and the buttons that download it."""
    result = gr.HTML(elem_id=f"{name}-result", js_on_load=None, min_height=60)
    with gr.Row():
        files = [
            gr.DownloadButton(
                f"Download {title}", visible=False, size="md", min_width=120, elem_id=f"{name}-download-{suffix}"
            )
            for suffix, title in DOWNLOADS.items()
        ]
    return [result, *files]


def _connect(page: EmotionPage, event, stop, cancel, clear, outputs: list, inputs: list):
    """Connect the button that stops a request, with the page's function for it, and the one that empties inputs and result."""
    cancel.click(stop, None, outputs, queue=False, cancels=[event], api_visibility="private")

    def emptied():
        return [*(value for _, value in inputs), *page.empty()]

    clear.click(
        emptied, None, [*(component for component, _ in inputs), *outputs], queue=False, api_visibility="private"
    )


def _listed(suffixes) -> str:
    return ", ".join(suffix.removeprefix(".") for suffix in suffixes)


def chosen_model(given: str | None) -> str:
    """
    The name of the model: `given`, or the environment variable `AMUSE_MODEL`, or the first of `models` in the README's metadata.

    Raises:
        ValueError: if none of them names a model.
    """
    card = HERE / "README.md"
    models = (RepoCard.load(card).data.get("models") if card.is_file() else None) or [None]
    model = given or os.environ.get("AMUSE_MODEL") or models[0]
    if model is None:
        raise ValueError(
            "No model is named. Give --model, set the environment variable AMUSE_MODEL, or list it under models in README.md."
        )
    return model


def theme() -> gr.Theme:
    """The colours of the page; small text has a contrast of at least 4.5."""
    return gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_700",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color_dark="*neutral_200",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        color_accent="*primary_700",
    )


def main(arguments: list[str] | None = None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="Folder or Hub id of the model.")
    parser.add_argument(
        "--speech_model", help="Whisper model (folder or Hub id) that transcribes recordings without a transcript."
    )
    parser.add_argument("--port", type=int, help="Port of the page. Default: the first free port from 7860 on.")
    args = parser.parse_args(arguments)
    share_memory()
    folder = os.environ.get("AMUSE_PAGE_FOLDER")
    SweptFolder(Path(folder) if folder else default_folder()).use()
    page = EmotionPage(chosen_model(args.model), args.speech_model or os.environ.get("AMUSE_SPEECH_MODEL"))
    build(page).queue(max_size=40).launch(
        server_port=args.port,
        theme=theme(),
        css=CSS,
        head=f"<script>{report_js()}</script>",
        allowed_paths=[str(EXAMPLES)],
        max_file_size=MOST_BYTES,
        ssr_mode=False,
        share=False,
        footer_links=[],
    )


if __name__ == "__main__":
    main()
