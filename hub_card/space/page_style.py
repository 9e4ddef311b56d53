# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The style of the page around the report, and its fixed texts."""

from html import escape

from modeling_amuse.processing.timelines.report import report_css

EXAMPLE = """Ada: I got the job! They called me this morning!
Ben: No way. The one in Lisbon?
Ada: Yes. I start in May.
Ben: In May? But that is in three weeks. What about us?
Ada: I thought you would be happy for me.
Ben: I am. I just did not think that it would be so soon."""

INTRODUCTION = """# Who feels what

Type a conversation or upload a recording. For each utterance you see the speaker's emotion, how sure the model is, and why."""

NOTICE = """The emotions are guesses of a statistical model. They do not measure what a person feels. They are often wrong, and more \
often for people who are unlike those in the training data. Upload recordings only of people who agreed. Uploaded files and results are \
deleted about an hour after they were written."""

STAGE_TITLES = {
    "speech": "Finding speech",
    "speakers": "Telling speakers apart",
    "words": "Transcribing the words",
    "voice": "Analysing the voices",
    "faces": "Analysing the faces",
    "emotions": "Recognizing the emotions",
}
"""The text of the progress bar at each stage of a recognition."""

_PAGE_CSS = """
.gradio-container { max-width: 62rem !important; margin: 0 auto !important; padding: 0 !important; overflow-x: clip; }
.gradio-container .main, .gradio-container .wrap, .gradio-container main { min-width: 0 !important; max-width: 100% !important; }
.gradio-container * { overflow-wrap: break-word; }
.gradio-container .row, .gradio-container .form, .gradio-container .block { min-width: 0 !important; }
.gradio-container :focus-visible { outline: 3px solid #0b57b0 !important; outline-offset: 2px !important; }
.dark .gradio-container :focus-visible, .gradio-container .dark :focus-visible, .dark :focus-visible { outline-color: #8fc0ff !important; }
.gradio-container .amuse-report { background: transparent !important; }
.gradio-container .amuse-report .utterances > li > p:not([hidden]) { display: block; }
.gradio-container .amuse-report p a { margin: 0 !important; padding: 0 !important; }
.dark button[role="tab"][aria-selected="true"] { color: #8fc0ff !important; }
.gradio-container .note { margin: 0.5rem 0; }
.amuse-report .lane rect:focus-visible { outline: none !important; }
"""

CSS = report_css(".dark") + _PAGE_CSS


def problem_html(message: str) -> str:
    """A message about bad input, as HTML that takes the place of the result."""
    return f'<div class="amuse-report"><p class="problem" role="alert">{escape(message)}</p></div>'


def introduction_of(facts) -> str:
    """The model's name, its training data and its scores, as HTML."""
    sentences = " ".join(escape(sentence) for sentence in (facts.learned_from, *facts.scores))
    warning = (
        f'<p class="note" role="note" id="training-data-warning">{escape(facts.warning)}</p>' if facts.warning else ""
    )
    return f'<div class="amuse-report">{warning}<p class="small">Model: <strong>{escape(facts.name)}</strong>. {sentences}</p></div>'
