# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A plot of a recording's emotions over time, by speaker, with the shares of the modalities. It needs the extra `plots`."""

import textwrap
from collections import defaultdict
from itertools import groupby
from pathlib import Path

from modeling_amuse.described_utterance import RecognizedUtterance
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.timelines.certainty import UNCLEAR, counted_emotion, notes_of
from modeling_amuse.processing.timelines.palette import emotion_colours, modality_colours, ordered_emotions
from modeling_amuse.processing.timelines.timeline_files import check_results, clock, has_times
from modeling_amuse.processing.whole_files import whole_file

_BACKGROUND, _LINE, _HOLLOW = "#F4F4F4", "#8C8C8C", "#FFFFFF"
_TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000)
_LONGEST_NAME = 18
_HIGHEST = 80  # inches of all lanes together; a picture of thousands of speakers has low ones


def save_timeline(results: list[RecognizedUtterance], path: str | Path, emotions: list[str] | None = None):
    """
    Plot the emotions of one recording as a PNG file.

    The upper panel has a lane for each speaker with a bar for each utterance. The colour is the emotion, the height the
    confidence (the full lane is 1). Unclear utterances are hatched. For several modalities, the panel below shows the share
    of each in the fusion; where utterances overlap, that of the one that began last, or the mean of those that began
    together. For a model with experts, the last panel shows the amount that the expert of each modality adds to the score of
    the emotion. Utterances without times are ordered by their number. Notes at the bottom give the number of unclear
    utterances and the warnings of the results.

    Args:
        results: the pipeline's output for one recording.
        path: the file to write.
        emotions: all emotions of the model, in the order of the legend. Default: MELD's, then other ones in `results`. The
            colours of emotions that MELD does not have depend on this order.

    Raises:
        ValueError: for no results.
        ImportError: without the extra `plots`.
    """
    check_results(results)
    emotions = ordered_emotions(results, emotions)
    colours = emotion_colours(emotions)
    by_time = has_times(results)
    spans = _spans(results, by_time)
    speakers = list(dict.fromkeys(str(result["speaker"]) for result in results))
    modalities = list(dict.fromkeys(name for result in results for name in result.get("shares") or {}))

    experts = list(dict.fromkeys(name for result in results for name in result.get("contributions") or {}))

    shown = {result["emotion"] for result in results} | {counted_emotion(result) for result in results}
    notes = [line for note in notes_of(results) for line in textwrap.wrap(note, 110)]

    # inches; the legend needs room even beside few lanes
    lanes = min(0.55 * len(speakers), _HIGHEST)
    heights = [max(0.7 + lanes, 0.5 + 0.22 * len(shown))]
    heights += [1.5] * (len(modalities) > 1) + [1.7] * bool(experts)
    # a Figure created without pyplot needs no display and does not change pyplot's state
    figure = import_extra("matplotlib.figure", "plots").Figure(
        figsize=(min(18, max(9, 7 + 0.05 * len(results))), sum(heights) + 1.1 + 0.18 * len(notes)),
        layout="constrained",
        dpi=120,
    )
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    _draw_lanes(panels[0], results, spans, speakers, colours)
    if len(modalities) > 1:
        _draw_shares(panels[1], results, spans, modalities)
    if experts:
        _draw_contributions(panels[-1], results, spans, experts, modalities)
    _draw_x_axis(panels[-1], spans, by_time)
    if notes:
        figure.supxlabel("\n".join(notes), x=0.01, ha="left", fontsize="small", parse_math=False)
    entries = [(name, colours[name]) for name in emotions if name in shown]
    _draw_legend(panels[0], "emotion", entries + [(UNCLEAR, _HOLLOW)] * (UNCLEAR in shown - set(emotions)))
    with whole_file(Path(path)) as file:
        figure.savefig(file, format="png")


def _spans(results: list[RecognizedUtterance], by_time: bool) -> list[tuple[float, float]]:
    """The start and end of each utterance on the x axis, wide enough to be visible."""
    if not by_time:
        return [(number - 0.5, number + 0.5) for number in range(1, len(results) + 1)]
    first, last = min(result["start"] for result in results), max(result["end"] for result in results)
    least = max(last - first, 0.01) / 500
    return [(result["start"], max(result["end"], result["start"] + least)) for result in results]


def _draw_lanes(
    axes, results: list[RecognizedUtterance], spans: list[tuple], speakers: list[str], colours: dict[str, str]
):
    room = 0.82  # of a lane's height
    first, last = min(begin for begin, _ in spans), max(end for _, end in spans)
    narrow = 72 * axes.figure.get_figwidth() * min(end - begin for begin, end in spans) / (last - first) < 4
    of_speaker = defaultdict(list)
    for result, span in zip(results, spans, strict=True):
        of_speaker[str(result["speaker"])].append((result, span))
    for lane, speaker in enumerate(reversed(speakers)):  # the first speaker on top
        own = of_speaker[speaker]
        axes.axhspan(lane, lane + room, color=_BACKGROUND, linewidth=0, zorder=0)
        axes.bar(
            [begin for _, (begin, _) in own],
            [room * result["confidence"] for result, _ in own],
            [end - begin for _, (begin, end) in own],
            lane,
            align="edge",
            color=[_HOLLOW if result.get("unclear") else colours[result["emotion"]] for result, _ in own],
            edgecolor=[colours[result["emotion"]] if result.get("unclear") else "white" for result, _ in own],
            hatch=["////" if result.get("unclear") else "" for result, _ in own],
            linewidth=[0.9 if result.get("unclear") else 0 if narrow else 0.6 for result, _ in own],
            zorder=2,
        )
        axes.axhline(lane, color=_LINE, linewidth=0.8, zorder=3)
    axes.set(ylim=(-0.05, len(speakers) - 1 + room))
    ticks = [lane + room / 2 for lane in range(len(speakers))]
    axes.set_yticks(ticks, [_short(speaker) for speaker in reversed(speakers)], parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("bar height: confidence", loc="right", fontsize="small", color="#6E6E6E")


def _in_turn(results: list[RecognizedUtterance], spans: list[tuple]) -> tuple[list[list[int]], list, list]:
    """The groups of utterances that begin together, and the start and width of each group's bar."""
    order = sorted(range(len(results)), key=lambda index: spans[index][0])
    groups = [list(group) for _, group in groupby(order, key=lambda index: spans[index][0])]
    begins = [spans[group[0]][0] for group in groups]
    ends = [max(spans[index][1] for index in group) for group in groups]
    ends = [min(end, following) for end, following in zip(ends, [*begins[1:], ends[-1]], strict=True)]
    return groups, begins, [end - begin for begin, end in zip(begins, ends, strict=True)]


def _draw_shares(axes, results: list[RecognizedUtterance], spans: list[tuple], modalities: list[str]):
    colours = modality_colours(modalities)
    groups, begins, widths = _in_turn(results, spans)
    bottoms = [0.0] * len(groups)
    for name in modalities:
        shares = [sum((results[i].get("shares") or {}).get(name, 0) for i in group) / len(group) for group in groups]
        axes.bar(begins, shares, widths, bottoms, align="edge", color=colours[name], linewidth=0)
        bottoms = [bottom + share for bottom, share in zip(bottoms, shares, strict=True)]
    axes.set(ylim=(0, 1), ylabel="share")
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_facecolor(_BACKGROUND)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)
    _draw_legend(axes, "modality", list(colours.items())[::-1])  # the legend is in the order of the stacked bars


def _draw_contributions(
    axes, results: list[RecognizedUtterance], spans: list[tuple], experts: list[str], modalities: list[str]
):
    colours = modality_colours(modalities or experts)
    groups, begins, widths = _in_turn(results, spans)
    above, below = [0.0] * len(groups), [0.0] * len(groups)
    for name in experts:
        values = [
            sum((results[i].get("contributions") or {}).get(name, 0) for i in group) / len(group) for group in groups
        ]
        bottoms = [up if value >= 0 else down for value, up, down in zip(values, above, below, strict=True)]
        axes.bar(begins, values, widths, bottoms, align="edge", color=colours[name], linewidth=0)
        above = [up + max(value, 0) for up, value in zip(above, values, strict=True)]
        below = [down + min(value, 0) for down, value in zip(below, values, strict=True)]
    axes.axhline(0, color=_LINE, linewidth=0.8)
    axes.set(ylabel="contribution")
    axes.set_facecolor(_BACKGROUND)
    axes.spines[:].set_visible(False)
    said = "added to the emotion's score by each modality's expert; the rest comes from the conversation model"
    axes.set_title(said, loc="right", fontsize="small", color="#6E6E6E")
    if len(modalities) < 2:
        _draw_legend(axes, "expert", [(name, colours[name]) for name in experts])


def _draw_x_axis(axes, spans: list[tuple], by_time: bool):
    ticker = import_extra("matplotlib.ticker", "plots")
    first, last = min(begin for begin, _ in spans), max(end for _, end in spans)
    axes.set_xlim(first, last)
    axes.tick_params(axis="x", length=3.5)
    if not by_time:
        axes.set_xlabel("utterance")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(12, integer=True, min_n_ticks=1))
        return
    step = next((step for step in _TICK_STEPS if (last - first) / step <= 12), (last - first) / 12)
    axes.xaxis.set_major_locator(ticker.MultipleLocator(step))
    axes.xaxis.set_major_formatter(lambda seconds, _: clock(max(seconds, 0), int(step < 1)))
    axes.set_xlabel("time")


def _draw_legend(axes, title: str, entries: list[tuple[str, str]]):
    patches = import_extra("matplotlib.patches", "plots")
    legend = axes.legend(
        [
            patches.Patch(facecolor=colour, edgecolor=_LINE, hatch="////")
            if colour == _HOLLOW
            else patches.Patch(facecolor=colour)
            for _, colour in entries
        ],
        [_short(name) for name, _ in entries],
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.005, 1.02),
        frameon=False,
        alignment="left",
        handlelength=1,
        handleheight=1,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"
