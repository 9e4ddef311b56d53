# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The report of `amuse recognize --report`."""

import sys
from pathlib import Path

from tqdm.auto import tqdm

from modeling_amuse.hub_card.model_facts import model_facts
from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.timelines.report import write_report
from modeling_amuse.processing.timelines.report_data import ReportedRecording, recording_address
from modeling_amuse.processing.timelines.report_pictures import thumbnails
from modeling_amuse.scripts.command.errors import one_line


class Report:
    """
    Collects recordings, and writes the report of all.

    Args:
        path: the HTML file.
        pictures: whether frames of videos are put into it.
        recognizer: the pipeline, of whose model the report tells.
        unclear_below: the threshold that is used in place of the model's own.
    """

    def __init__(self, path: str, pictures: bool, recognizer, unclear_below: float | None = None):
        self.path, self.pictures = Path(path), pictures
        self.facts = model_facts(recognizer.model, unclear_below)
        self.recordings: list[ReportedRecording] = []

    def add(self, name: str, timeline: list[dict], source: Path):
        """Take the timeline of a recording or transcript, the file `source`."""
        reported = ReportedRecording(name, timeline)
        if source.suffix.lower() in RECORDING_SUFFIXES:
            reported.player = recording_address(source, self.path)
            reported.has_picture = probe_media(source).has_video
            if reported.has_picture and self.pictures:
                reported.pictures = self._pictures(source, timeline)
        self.recordings.append(reported)

    def _pictures(self, source: Path, timeline: list[dict]) -> dict:
        try:
            return thumbnails(source, timeline)
        except ValueError as error:  # a report without pictures is better than none
            tqdm.write(f"{source}: no pictures in the report: {one_line(error)}", file=sys.stderr)
            return {}

    def write(self):
        """Write the report, and say how it is opened."""
        write_report(sorted(self.recordings, key=lambda recording: recording.name), self.path, self.facts)
        tqdm.write(f"Written to {self.path}. Open it in a browser: {self.path.resolve().as_uri()}")
