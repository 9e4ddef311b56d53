# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The content of a report on one recording, as plain values for the template."""

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from modeling_amuse.data_notes import MODALITY_WORDS
from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.timelines.certainty import UNCLEAR, counted_emotion, shown_emotion
from modeling_amuse.processing.timelines.palette import emotion_colours, ordered_emotions
from modeling_amuse.processing.timelines.report_reasons import reasons_of, spoken_parts
from modeling_amuse.processing.timelines.timeline_files import check_results, clock, has_times

UNCLEAR_COLOUR = "#8C8C8C"
MOST_MOMENTS = 3
"""The most moments that are listed for each speaker."""

_TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000)
_MOST_TICKS = 6
_NARROWEST_BAR = 0.3  # percent of the timeline


@dataclass
class ModelFacts:
    """
    Facts about the model for the readers of a report.

    Attributes:
        name: the name of the model, without its folder.
        learned_from: a sentence on the training data.
        scores: sentences with measured scores.
        limits: sentences on what the training data lacks.
        emotions: the model's emotions, in the order of the labels. None: those of the results.
        unclear_below: the confidence below which an utterance is unclear. None: there is no threshold.
        unclear_below_is_chosen: whether the reader's side chose this threshold, and not the training on its validation data.
        warning: a warning that the report begins with, or None.
    """

    name: str = "the model"
    learned_from: str = "The training data of this model is unknown."
    scores: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    emotions: list[str] | None = None
    unclear_below: float | None = None
    unclear_below_is_chosen: bool = False
    warning: str | None = None


@dataclass
class ReportedRecording:
    """
    A recording, or a transcript, whose utterances were recognized.

    Attributes:
        name: its name in the report.
        results: the results of the pipeline for it.
        player: the address of the recording for the player, relative to the report. None: there is no player.
        has_picture: whether it is a video.
        pictures: for the number of an utterance the frames with the largest effect, each `(seconds, data: URL)`.
    """

    name: str
    results: list[RecognizedUtterance]
    player: str | None = None
    has_picture: bool = False
    pictures: dict[int, list[tuple[float, str]]] = field(default_factory=dict)


def describe_recording(recording: ReportedRecording, anchor: str = "r1", emotions: list[str] | None = None) -> dict:
    """
    The values of the template for one recording.

    Args:
        recording: the recording.
        anchor: the `id` of its section, with which those of its utterances begin.
        emotions: all emotions of the model, in the order of the legend.

    Raises:
        ValueError: for results that are none.
    """
    check_results(recording.results)
    results = recording.results
    colours = emotion_colours(ordered_emotions(results, emotions)) | {UNCLEAR: UNCLEAR_COLOUR}
    by_time = has_times(results)
    spans = _spans(results, by_time)
    utterances = [
        _utterance(recording, position, f"{anchor}-u{position + 1}", span, colours)
        for position, span in enumerate(spans)
    ]
    speakers = _speakers(results, utterances, by_time, colours)
    counts = Counter(counted_emotion(result) for result in results)
    shown = {result["emotion"] for result in results} | set(counts) | set(_scored(results))
    return {
        "anchor": anchor,
        "name": recording.name,
        "facts": _facts(results, by_time, len(speakers)),
        "notes": list(getattr(results, "warnings", ())),
        "player": recording.player,
        "has_picture": recording.has_picture,
        "by_time": by_time,
        "unclear": counts[UNCLEAR],
        "explained": any(part["step"] for utterance in utterances for part in utterance["parts"]),
        "speakers": speakers,
        "utterances": utterances,
        "legend": [{"name": name, "colour": colour} for name, colour in colours.items() if name in shown],
        "ticks": _ticks(results, by_time),
    }


def _facts(results: list[RecognizedUtterance], by_time: bool, speakers: int) -> list[str]:
    facts = [plural(len(results), "utterance"), plural(speakers, "speaker")]
    if by_time:
        seconds = max(result["end"] for result in results) - min(result["start"] for result in results)
        facts.insert(0, f"{clock(seconds)} {'hours' if seconds >= 3600 else 'minutes'} of conversation")
    return facts


def plural(number: int, what: str) -> str:
    """`1 utterance`, `2 utterances`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _spans(results: list[RecognizedUtterance], by_time: bool) -> list[tuple[float, float]]:
    """Left edge and width of each utterance in the timeline, in percent."""
    if by_time:
        first, last = min(r["start"] for r in results), max(r["end"] for r in results)
        bounds = [(r["start"] - first, r["end"] - first) for r in results]
    else:
        last, first = len(results), 0
        bounds = [(position, position + 1) for position in range(len(results))]
    whole = max(last - first, 1e-3)
    spans = []
    for begin, end in bounds:
        width = max(100 * (end - begin) / whole, _NARROWEST_BAR)
        spans.append((min(100 * begin / whole, 100 - width), width))
    return spans


def _ticks(results: list[RecognizedUtterance], by_time: bool) -> list[tuple[float, str]]:
    """The labels below the timeline with their place in percent."""
    if not by_time:
        step = -(-len(results) // _MOST_TICKS)
        return [(100 * (n - 0.5) / len(results), str(n)) for n in range(1, len(results) + 1, step)]
    first, last = min(r["start"] for r in results), max(r["end"] for r in results)
    whole = max(last - first, 1e-3)
    step = next((step for step in _TICK_STEPS if whole / step <= _MOST_TICKS), whole / _MOST_TICKS)
    marks = [k * step for k in range(int(first // step), int(last // step) + 1) if first <= k * step <= last]
    return [(100 * (mark - first) / whole, clock(mark, int(step < 1))) for mark in marks]


def _scored(results: list[RecognizedUtterance]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.get("scores") or {}))


def _utterance(
    recording: ReportedRecording, position: int, anchor: str, span: tuple[float, float], colours: dict[str, str]
) -> dict:
    result = recording.results[position]
    start, text = result.get("start"), result.get("text") or ""
    described = {
        "anchor": anchor,
        "start": start,
        "clock": str(position + 1) if start is None else clock(start, 1),
        "speaker": str(result["speaker"]),
        "text": text,
        "emotion": str(result["emotion"]),
        "shown": shown_emotion(result),
        "counted": counted_emotion(result),
        "is_unclear": bool(result.get("unclear")),
        "confidence": result["confidence"],
        "runner_up": result.get("runner_up"),
        "second": (result.get("scores") or {}).get(result.get("runner_up")),
        "margin": result.get("margin"),
        "colour": colours[result["emotion"]],
        "left": span[0],
        "width": span[1],
        "band": _band(result, colours),
        "alone": _alone(result),
        "pictures": [{"clock": clock(time, 1), "url": url} for time, url in recording.pictures.get(position, ())],
        "parts": spoken_parts(text, result.get("explanation")),
        "reasons": reasons_of(recording.results, position, anchor.rpartition("-")[0]),
    }
    return described | {"label": label_of(described)}


def label_of(utterance: dict) -> str:
    """An utterance in one line, for tooltips, screen readers and the line below the timeline."""
    label = f"{utterance['speaker']}, {utterance['clock']}: {utterance['shown']}, {utterance['confidence']:.0%}"
    if utterance["runner_up"] is not None:
        label += f"; runner-up {utterance['runner_up']}"
        label += "" if utterance["second"] is None else f", {utterance['second']:.0%}"
    return label


def _band(result: RecognizedUtterance, colours: dict[str, str]) -> list[dict]:
    """The probabilities of all emotions, stacked from the bottom; together they have height 1."""
    parts, bottom = [], 0.0
    for name in colours:
        share = (result.get("scores") or {}).get(name)
        if share:
            parts.append({"name": name, "colour": colours[name], "bottom": bottom, "height": share})
            bottom += share
    return parts


def _alone(result: RecognizedUtterance) -> list[str]:
    """A prediction for each modality, if there are several."""
    said = result.get("modalities") or {}
    if len(said) < 2:
        return []
    return [
        f"{MODALITY_WORDS.get(name, name).capitalize()} alone: {one['emotion']}, {one['confidence']:.0%}"
        for name, one in said.items()
        if one.get("emotion") is not None
    ]


def _speakers(
    results: list[RecognizedUtterance], utterances: list[dict], by_time: bool, colours: dict[str, str]
) -> list[dict]:
    own: dict[str, list[int]] = {}
    for position, result in enumerate(results):
        own.setdefault(str(result["speaker"]), []).append(position)
    amounts = [max(r["end"] - r["start"], 0.0) if by_time else 1.0 for r in results]
    if not sum(amounts):  # nobody speaks for any time, so utterances are counted
        by_time, amounts = False, [1.0] * len(results)
    return [_speaker(name, places, results, utterances, amounts, by_time, colours) for name, places in own.items()]


def _speaker(name, places, results, utterances, amounts, by_time, colours) -> dict:
    weights: Counter = Counter()
    for place in places:
        weights[counted_emotion(results[place])] += amounts[place]
    total = sum(weights.values())
    shares = [
        {"name": emotion, "share": weights[emotion] / total if total else 0.0, "colour": colours[emotion]}
        for emotion in colours
        if weights[emotion] > 0
    ]
    clear = [place for place in places if not results[place].get("unclear")]
    changes = sum(results[a]["emotion"] != results[b]["emotion"] for a, b in itertools.pairwise(clear))
    spoken = total if by_time else None
    return {
        "name": name,
        "number": plural(len(places), "utterance"),
        "spoken": None if spoken is None else f"{clock(spoken)} spoken",
        "share_of_all": total / sum(amounts),
        "shares": sorted(shares, key=lambda share: -share["share"]),
        "changes": changes,
        "moments": [utterances[place] for place in _moments(clear, results)],
        "utterances": [utterances[place] for place in places],
    }


def _moments(clear: list[int], results: list[RecognizedUtterance]) -> list[int]:
    """The surest of the clear utterances whose emotion is neither neutral nor the speaker's most frequent one, in order of time."""
    if not clear:
        return []
    [(usual, _)] = Counter(results[place]["emotion"] for place in clear).most_common(1)
    others = [place for place in clear if results[place]["emotion"] not in (usual, "neutral")]
    surest = sorted(others, key=lambda place: -results[place].get("margin", results[place]["confidence"]))
    return sorted(surest[:MOST_MOMENTS])


def recording_address(recording: Path, report: Path) -> str:
    """The address of a recording as a report links it: relative, where both are on one drive, with what an URL escapes."""
    try:
        relative = os.path.relpath(recording.resolve(), report.resolve().parent)
    except ValueError:  # another drive of Windows
        return recording.resolve().as_uri()
    # a colon in the first part would be taken for a scheme, such as `a:b.mp4`
    return "./" + quote(Path(relative).as_posix())
