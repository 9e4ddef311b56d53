# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The diarization error rate on talks made of Emo-DB's utterances."""

import statistics
from itertools import product

from tqdm.auto import tqdm

from modeling_amuse.processing.diarization import HeardSpeech, Turn, speakers_of_speech
from modeling_amuse.processing.evaluation.acted_talks import (
    MOODS,
    REPORT_SPEAKERS,
    SELECTION_SPEAKERS,
    clips_of_speakers,
    make_talk,
)
from modeling_amuse.processing.extras import import_extra

COLLAR = 0.25
"""Seconds before and after each boundary of a reference turn that are not scored."""
PEOPLE, CHANNELS = (2, 3), (1, 2)


def benchmark_speakers(data_dir: str, speakers: str = "report", talks: int = 10, seed: int = 0) -> dict:
    """
    Diarize talks of each kind, and compare the turns with the reference.

    Args:
        data_dir: the folder of Emo-DB, which contains `wav/`.
        speakers: `"selection"` or `"report"`.
        talks: the number of talks of each kind, whose seeds are `seed`, `seed + 1`, ...
        seed: the seed of the first talk.

    Returns:
        `speakers` (their names), `talks`, `seed` and `cells`: for each kind of talk `mood`, `people`, `channels`,
        `is_number_given`, the `error_rates` of the talks, and the numbers of speakers that were `found`.

    Raises:
        FileNotFoundError: when the data are missing.
    """
    names = {"selection": SELECTION_SPEAKERS, "report": REPORT_SPEAKERS}[speakers]
    clips = clips_of_speakers(data_dir, names)
    kinds = list(product(MOODS, PEOPLE, CHANNELS))
    cells = {(*kind, given): {"error_rates": [], "found": []} for kind in kinds for given in (True, False)}
    for (mood, people, channels), number in tqdm(
        list(product(kinds, range(talks))), desc="Talks", unit="talk", disable=None
    ):
        talk = make_talk(clips, mood, people, channels, seed + number)
        heard = HeardSpeech(talk.sound)  # with and without the number of speakers it is the same
        for is_given in (True, False):
            turns, _ = speakers_of_speech(heard, people if is_given else None)
            cell = cells[mood, people, channels, is_given]
            cell["error_rates"].append(diarization_error_rate(talk.turns, turns))
            cell["found"].append(len({turn.speaker for turn in turns}))
    names_of_kind = ("mood", "people", "channels", "is_number_given")
    return {
        "speakers": list(names),
        "talks": talks,
        "seed": seed,
        "cells": [{**dict(zip(names_of_kind, kind, strict=True)), **cell} for kind, cell in cells.items()],
    }


def diarization_error_rate(truth: list[Turn], turns: list[Turn]) -> float:
    """
    The diarization error rate: the share of missed speech, false alarms and confused speakers, with the best mapping of
    speakers. Times within 0.25 s of a boundary of a reference turn are not scored; overlapping speech is.
    """
    core = import_extra("pyannote.core", "test")
    metrics = import_extra("pyannote.metrics.diarization", "test")
    annotations = []
    for given in (truth, turns):
        annotation = core.Annotation()
        for number, turn in enumerate(given):
            annotation[core.Segment(turn.start, turn.end), number] = turn.speaker
        annotations.append(annotation)
    everything = core.Timeline([core.Segment(0, max(turn.end for turn in [*truth, *turns]))])
    return float(metrics.DiarizationErrorRate(collar=2 * COLLAR)(*annotations, uem=everything))


def as_text(report: dict) -> str:
    """The report as a table."""
    lines = [
        f"Diarization error rate in percent: mean (largest) of {report['talks']} talks of Emo-DB's speakers "
        f"{', '.join(report['speakers'])}, seeds from {report['seed']}; collar {COLLAR} s, overlap counted",
        "",
        f"{'talk':28}{'channels':>9}{'number given':>18}{'number estimated':>18}{'speakers found':>16}",
    ]
    cells = {(c["mood"], c["people"], c["channels"], c["is_number_given"]): c for c in report["cells"]}
    for mood, people, channels in dict.fromkeys(kind[:3] for kind in cells):
        given, estimated = (cells[mood, people, channels, is_given] for is_given in (True, False))
        found = statistics.fmean(estimated["found"])
        lines.append(
            f"{mood + ', ' + str(people) + ' people':28}{channels:9}{_percent(given):>18}{_percent(estimated):>18}{found:16.1f}"
        )
    return "\n".join(lines)


def _percent(cell: dict) -> str:
    rates = cell["error_rates"]
    return f"{100 * statistics.fmean(rates):.1f} ({100 * max(rates):.1f})"
