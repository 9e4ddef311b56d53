# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
A report for people: one HTML file that needs no network, of one recording or of several of the same people.

`report_data.py` prepares what it says, the templates in `report_template/` lay it out.
"""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from modeling_amuse.processing.timelines.report_comparison import compare_recordings
from modeling_amuse.processing.timelines.report_data import ModelFacts, ReportedRecording, describe_recording
from modeling_amuse.processing.whole_files import whole_file

TEMPLATES = Path(__file__).with_name("report_template")


def write_report(
    recordings: list[ReportedRecording], path: str | Path, model: ModelFacts | None = None, title: str | None = None
):
    """
    Write the report. The file appears complete or not at all.

    Args:
        recordings: one recording, or several, which are compared.
        path: the HTML file; one that exists is replaced.
        model: what is known of the model.
        title: the heading. Default: the name of the recording.

    Raises:
        ValueError: for no recordings, or results that are none.
        FileNotFoundError: when the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into: make it first.")
    html = report_html(recordings, model, title)
    with whole_file(path) as file:
        file.write_text(html, encoding="utf-8", errors="replace")


def report_html(recordings: list[ReportedRecording], model: ModelFacts | None = None, title: str | None = None) -> str:
    """The report as the text of a file. See [`write_report`]."""
    return _rendered("report.html", recordings, model, title, css=Markup(report_css()), js=Markup(report_js()))


def report_body(recordings: list[ReportedRecording], model: ModelFacts | None = None, anchor: str = "r") -> str:
    """
    The recordings as an element of another page, which has [`report_css`], [`report_js`] and [`about_model`].

    Args:
        recordings, model: as in [`write_report`].
        anchor: what the `id`s in it begin with; they must not be those of another report on the page.
    """
    return _rendered("body.html", recordings, model, None, anchor)


def about_model(model: ModelFacts) -> str:
    """How sure the model is, what it learned from, and what it must not be used for, as an element of another page."""
    return _environment().get_template("about.html").render(model=model)


def report_css(dark: str | None = None) -> str:
    """
    The style of reports.

    Args:
        dark: the selector of a page in its dark mode, such as `.dark`. Default: what the device prefers.
    """
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    begin, end = (
        ("@media screen and (prefers-color-scheme: dark) { .amuse-report", "}")
        if dark is None
        else (f"{dark} .amuse-report", "")
    )
    return css.replace("DARK_RULE_BEGINS", begin).replace("DARK_RULE_ENDS", end)


def report_js() -> str:
    """The script of reports. It may be loaded before the report appears."""
    return (TEMPLATES / "report.js").read_text(encoding="utf-8")


def _rendered(template: str, recordings: list[ReportedRecording], model, title, anchor="r", **more) -> str:
    if not recordings:
        raise ValueError("There is no recording to report on.")
    model = ModelFacts() if model is None else model
    described = [
        describe_recording(one, f"{anchor}{number}", model.emotions) for number, one in enumerate(recordings, start=1)
    ]
    title = title or (recordings[0].name if len(recordings) == 1 else f"{len(recordings)} recordings")
    values = {"title": title, "recordings": described, "comparison": compare_recordings(described), "model": model}
    return _environment().get_template(template).render(**values, **more)


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
