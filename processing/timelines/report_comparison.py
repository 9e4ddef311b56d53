# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The same people in several recordings: the share of each emotion in each recording, in the order of their names."""

import re
from collections import Counter

from modeling_amuse.processing.timelines.report_data import UNCLEAR_COLOUR

_NUMBERED = re.compile(
    r"(?:(?:channel|ch)[ _-]?\d{1,3}, )?(?:(?:(?:unknown )?speaker|spk|channel|ch|guest|unknown|person)(?:[ _-]?\d{1,3}|[ _-][A-Z])?|"
    r"S\d{1,3}|\d|[A-Z])",
    re.IGNORECASE,
)
"""Names that each recording gives anew, such as `speaker 1` and `SPEAKER_00`: they tell nothing about other recordings."""


def compare_recordings(described: list[dict]) -> dict | None:
    """
    The values of the template for several recordings, as [`describe_recording`] gives each; None for a single one.

    Returns:
        `people`, those who are in most recordings first; each has `name` and `rows`, one for each recording that it is in
        (`speaker 1` of two recordings are two people);
        `alone`, the names of those who are in one recording alone, while others are in several;
        `numbered`, a name that several recordings give to different people, or None.
    """
    if len(described) < 2:
        return None
    rows: dict[tuple[str, str | None], list[dict]] = {}
    numbered: Counter = Counter()
    for recording in described:
        for speaker in recording["speakers"]:
            person = (speaker["name"], None)
            if _NUMBERED.fullmatch(speaker["name"]):
                person = (f"{speaker['name']} ({recording['name']})", recording["anchor"])
                numbered[speaker["name"]] += 1
            rows.setdefault(person, []).append(_row(recording, speaker))
    in_several = {person: own for person, own in rows.items() if len(own) > 1}
    shown = in_several or rows
    legend = {}
    for recording in described:
        legend |= {entry["name"]: entry["colour"] for entry in recording["legend"]}
    people = [{"name": name, "rows": own} for (name, _), own in sorted(shown.items(), key=lambda item: -len(item[1]))]
    return {
        "people": people,
        "alone": sorted(name for name, _ in rows.keys() - shown.keys()),
        "are_the_same": bool(in_several),
        "numbered": next((name for name, times in numbered.items() if times > 1), None),
        "legend": [{"name": name, "colour": colour} for name, colour in legend.items()],
    }


def _row(recording: dict, speaker: dict) -> dict:
    usual = speaker["shares"][0] if speaker["shares"] else {"name": "-", "share": 0.0, "colour": UNCLEAR_COLOUR}
    return {
        "recording": recording["name"],
        "anchor": recording["anchor"],
        "number": speaker["number"],
        "shares": speaker["shares"],
        "changes": speaker["changes"],
        "most": f"{usual['name']} {usual['share']:.0%}",
    }
