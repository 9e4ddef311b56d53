# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The emotions of a recording's utterances as tables: CSV, and Excel workbooks written with openpyxl."""

import csv
import io
import re

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.transcript_tables import guarded

SECONDS_DECIMALS = 3
SCORE_DECIMALS = 4
CREATOR = "amuse timeline"
"""The creator in the properties of a workbook, by which `is_timeline` recognizes it."""

LONGEST_CELL = 32767  # Excel's limit in characters

CERTAINTY = ("runner_up", "margin", "unclear")
"""Columns that stand beside the confidence, where the results have them."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def table_rows(results: list[RecognizedUtterance]) -> list[list]:
    """
    The header and a row for each utterance: `id` if there are ids, start and end (seconds, to the millisecond), speaker,
    text, emotion, confidence, runner-up, margin and whether it is unclear if the results have these, the score of each
    emotion, the share of each modality, the emotion and confidence for each modality, and for a model with experts
    the contribution of each. Missing values are None.
    """
    plain = ("start", "end", "speaker", "text", "emotion", "confidence")
    plain += tuple(name for name in CERTAINTY if any(name in result for result in results))
    if any("id" in result for result in results):
        plain = ("id", *plain)
    emotions, modalities = keys_under(results, "scores"), keys_under(results, "shares")
    alone = keys_under(results, "modalities")
    header = [*plain, *(f"score_{emotion}" for emotion in emotions), *(f"share_{name}" for name in modalities)]
    experts = keys_under(results, "contributions")
    header += [column for name in alone for column in (f"emotion_{name}", f"confidence_{name}")]
    rows = [[*header, *(f"contribution_{name}" for name in experts)]]
    for result in results:
        scores, shares, said = (result.get(name) or {} for name in ("scores", "shares", "modalities"))
        added = result.get("contributions") or {}
        cells = [_rounded(result.get(name), name) for name in plain]
        cells += [_rounded(scores.get(emotion)) for emotion in emotions]
        cells += [_rounded(shares.get(name)) for name in modalities]
        for name in alone:
            prediction = said.get(name) or {}
            cells += [prediction.get("emotion"), _rounded(prediction.get("confidence"))]
        cells += [_rounded(added.get(name)) for name in experts]
        rows.append(cells)
    return rows


def keys_under(results: list[RecognizedUtterance], name: str) -> list[str]:
    """The keys of all dicts under `name`, in the order in which they appear."""
    return list(dict.fromkeys(key for result in results for key in result.get(name) or {}))


def _rounded(value, name: str = "score"):
    if isinstance(value, float):
        return round(value, SECONDS_DECIMALS if name in ("start", "end") else SCORE_DECIMALS)
    return value


def csv_text(results: list[RecognizedUtterance], raw: bool = False) -> str:
    """
    The table as CSV.

    Args:
        results: the pipeline's output for one recording.
        raw: do not change cells that a spreadsheet would run as formulas. Otherwise an apostrophe is put before text that
            begins with `=`, `+`, `-` or `@`, which `read_transcript` removes.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    for row in table_rows(results):
        writer.writerow(row if raw else [guarded(cell) for cell in row])
    return table.getvalue()


def xlsx_bytes(results: list[RecognizedUtterance]) -> bytes:
    """The table as an Excel workbook, with warnings on a second sheet. Texts are stored as text, never as formulas."""
    openpyxl = import_extra("openpyxl", "transcripts")
    book = openpyxl.Workbook()
    book.properties.creator = CREATOR
    sheet = book.active
    sheet.title = "Utterances"
    for number, row in enumerate(table_rows(results), start=1):
        for column, value in enumerate(row, start=1):
            if value is None:
                continue
            if not isinstance(value, (int, float)):
                value = _NOT_IN_XML.sub("\ufffd", str(value))[:LONGEST_CELL]
            cell = sheet.cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"  # text that begins with = must not become a formula
    sheet.freeze_panes = "A2"
    for name, width in (("text", 60), ("speaker", 20)):
        column = next(cell.column_letter for cell in sheet[1] if cell.value == name)
        sheet.column_dimensions[column].width = width
    if warnings := getattr(results, "warnings", None):
        notes = book.create_sheet("Notes")
        notes.column_dimensions["A"].width = 120
        for number, warning in enumerate(warnings, start=1):
            cell = notes.cell(number, 1, _NOT_IN_XML.sub("\ufffd", str(warning))[:LONGEST_CELL])
            cell.data_type = "s"
    contents = io.BytesIO()
    book.save(contents)
    return contents.getvalue()
