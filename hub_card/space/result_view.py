# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The pipeline's result for a conversation as HTML: a summary, a table, the timeline and the modalities' shares."""

import base64
import tempfile
from collections import Counter
from html import escape
from pathlib import Path

from modeling_amuse.processing.timelines.palette import EMOTION_COLOURS, FURTHER_COLOURS, MODALITY_COLOURS
from modeling_amuse.processing.timelines.timeline_files import CONTRIBUTIONS, clock, has_times
from modeling_amuse.processing.timelines.timeline_picture import save_timeline

MODALITY_WORDS = {"text": "words", "audio": "voice", "vision": "face"}

CSS = """
.gradio-container { max-width: 60rem !important; margin: 0 auto !important; }
.amuse h2 { font-size: 1.15rem; font-weight: 650; margin: 1.6rem 0 0.6rem; }
.amuse p { margin: 0 0 0.6rem; line-height: 1.5; }
.amuse .summary { font-size: 1.1rem; }
.amuse .problem { border-left: 4px solid #B3261E; background: #FCEEED; color: #5F1410; padding: 0.8rem 1rem; border-radius: 4px; }
.amuse .scroll { overflow-x: auto; }
.amuse thead, .amuse tbody, .amuse tr { border: none !important; }
.amuse table { width: 100%; border: none !important; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.amuse caption { text-align: left; padding-bottom: 0.4rem; color: var(--body-text-color-subdued); }
.amuse th { text-align: left; font-weight: 600; }
.amuse th, .amuse td { padding: 0.45rem 0.9rem 0.45rem 0 !important; border: none !important; border-bottom: 1px solid var(--border-color-primary) !important; vertical-align: top; }
.amuse td.number, .amuse th.number { text-align: right; white-space: nowrap; }
.amuse td.words { width: 50%; overflow-wrap: anywhere; }
.amuse .dot { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 50%; margin-right: 0.5em; }
.amuse .emotion { white-space: nowrap; }
.amuse img { width: 100%; height: auto; background: white; border-radius: 6px; }
.amuse .bar { display: flex; height: 0.7rem; min-width: 6rem; border-radius: 4px; overflow: hidden; margin-top: 0.45em; }
.amuse .key { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; list-style: none; padding: 0; margin: 0 0 0.4rem; }
.amuse .key .dot { border-radius: 2px; }
.amuse .large { height: 1.3rem; margin-bottom: 0.8rem; }
.as-text textarea { font-family: var(--font-mono); font-size: 0.85rem; }
"""


def result_html(results: list[dict], emotions: list[str]) -> str:
    """
    The page's answer to one conversation.

    Args:
        results: what the pipeline gives for one conversation; whatever it holds is escaped.
        emotions: all emotions of the model.
    """
    return (
        '<div class="amuse" id="result">'
        f'<p class="summary" role="status">{_summary(results)}</p>'
        f"<h2>Each utterance</h2>{_table(results, emotions)}"
        f"<h2>Timeline</h2>{_timeline(results, emotions)}"
        f"<h2>What counted</h2>{_contributions(results)}{_shares(results)}"
        "</div>"
    )


def problem_html(message: str) -> str:
    """The message for invalid input, which is shown in place of the result."""
    return f'<div class="amuse"><p class="problem" role="alert">{escape(message)}</p></div>'


def _summary(results: list[dict]) -> str:
    sentences = []
    for speaker in dict.fromkeys(result["speaker"] for result in results):
        own = Counter(result["emotion"] for result in results if result["speaker"] == speaker)
        felt = ", ".join(
            emotion if count == 1 else f"{emotion} ({count} times)" for emotion, count in own.most_common(3)
        )
        sentences.append(f"<strong>{escape(str(speaker))}</strong>: {escape(felt)}")
    return f"{_count(len(results), 'utterance')} of {_count(len(sentences), 'speaker')}. {'; '.join(sentences)}."


def _table(results: list[dict], emotions: list[str]) -> str:
    timed = any(result.get("start") is not None for result in results)
    colours = _emotion_colours(emotions)
    columns = [*(["Start"] if timed else []), "Speaker", "Said", "Emotion", "Confidence"]
    if len(_modalities(results)) > 1:
        columns.append("What counted")
    head = "".join(f'<th scope="col"{_number(column)}>{column}</th>' for column in columns)
    rows = []
    for result in results:
        start = "" if result.get("start") is None else clock(result["start"], 1)
        cells = [f'<td class="number">{start}</td>'] if timed else []
        cells += [
            f'<th scope="row">{escape(str(result["speaker"]))}</th>',
            f'<td class="words">{escape(result.get("text") or "")}</td>',
            f'<td class="emotion">{_dot(colours[result["emotion"]])}{escape(result["emotion"])}</td>',
            f'<td class="number">{result["confidence"]:.0%}</td>',
        ]
        if len(_modalities(results)) > 1:
            cells.append(f"<td>{_bar(result['shares'], result['modalities'])}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return (
        '<div class="scroll"><table><caption>The likeliest emotion of each utterance, and how probable the model finds it'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _timeline(results: list[dict], emotions: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timeline.png"
        save_timeline(results, path, emotions)
        picture = base64.b64encode(path.read_bytes()).decode()
    when = "over time" if has_times(results) else "in their order"
    told = "; ".join(f"{r['speaker']}: {r['emotion']}" for r in results[:20])
    more = "; and so on, see the table" if len(results) > 20 else ""
    text = f"A lane for each speaker, with the emotions {when}: {told}{more}."
    return f'<img src="data:image/png;base64,{picture}" alt="{escape(text)}">'


def _shares(results: list[dict]) -> str:
    modalities = _modalities(results)
    if not modalities:
        return "<p>Nothing that this model reads was given: it could only guess.</p>"
    if len(modalities) == 1:
        return f"<p>The {_words(modalities[0])} alone: nothing else of this conversation is known to the model.</p>"
    means = {m: sum(result["shares"][m] for result in results) / len(results) for m in results[0]["shares"]}
    colours = _modality_colours(means)
    key = "".join(
        f"<li>{_dot(colours[m])}<strong>{_words(m)}</strong> {means[m]:.0%}</li>" for m in means if m in modalities
    )
    return (
        f'<ul class="key">{key}</ul>{_bar(means, modalities, "bar large")}'
        "<p>The mean share of each modality in the fused descriptors: how they were mixed, not what caused an emotion.</p>"
    )


def _contributions(results: list[dict]) -> str:
    """The mean contribution of each expert as a list; nothing for a model without experts."""
    named = list(dict.fromkeys(modality for result in results for modality in result.get("contributions") or {}))
    present = [modality for modality in named if modality in _modalities(results)]
    if not present:
        return ""
    rows = []
    for modality in present:
        own = [result["contributions"][modality] for result in results if modality in result["modalities"]]
        rows.append(f"<li><strong>{_words(modality)}</strong> {sum(own) / len(own):+.2f}</li>")
    return f'<ul class="key">{"".join(rows)}</ul><p>Mean contributions. {CONTRIBUTIONS}</p>'


def _bar(shares: dict[str, float], present, classes: str = "bar") -> str:
    """A bar of all shares, in the colours of the timeline; its text names those that are `present`."""
    colours = _modality_colours(shares)
    parts = "".join(f'<span style="width:{share:.1%};background:{colours[m]}"></span>' for m, share in shares.items())
    text = ", ".join(f"{_words(m)} {share:.0%}" for m, share in shares.items() if m in present)
    return f'<div class="{classes}" role="img" aria-label="{escape(text)}" title="{escape(text)}">{parts}</div>'


def _modalities(results: list[dict]) -> list[str]:
    """The modalities that any utterance has."""
    return list(dict.fromkeys(modality for result in results for modality in result["modalities"]))


def _modality_colours(shares: dict) -> dict[str, str]:
    return {modality: MODALITY_COLOURS[number % len(MODALITY_COLOURS)] for number, modality in enumerate(shares)}


def _emotion_colours(emotions: list[str]) -> dict[str, str]:
    others = [emotion for emotion in emotions if emotion not in EMOTION_COLOURS]
    return EMOTION_COLOURS | {e: FURTHER_COLOURS[number % len(FURTHER_COLOURS)] for number, e in enumerate(others)}


def _words(modality: str) -> str:
    return MODALITY_WORDS.get(modality, escape(modality))


def _dot(colour: str) -> str:
    return f'<span class="dot" style="background:{colour}" aria-hidden="true"></span>'


def _number(column: str) -> str:
    return ' class="number"' if column in ("Start", "Confidence") else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
