# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""How timelines show certainty: the emotion of an unclear utterance, the runner-up, and notes about a whole conversation."""

from modeling_amuse.described_utterance import RecognizedUtterance

UNCLEAR = "unclear"
"""What an utterance counts as whose confidence is below the model's threshold."""


def counted_emotion(result: RecognizedUtterance) -> str:
    """What an utterance counts as: its emotion, or [`UNCLEAR`]."""
    return UNCLEAR if result.get("unclear") else str(result["emotion"])


def shown_emotion(result: RecognizedUtterance) -> str:
    """The emotion of an utterance in a cell or label: `joy`, or `unclear: joy`."""
    return f"{UNCLEAR}: {result['emotion']}" if result.get("unclear") else str(result["emotion"])


def notes_of(results: list[RecognizedUtterance]) -> list[str]:
    """What a reader of the timeline has to know: the number of unclear utterances, and the warnings of the results."""
    number = sum(bool(result.get("unclear")) for result in results)
    notes = []
    if number:
        are = "1 utterance is" if number == 1 else f"{number} utterances are"
        notes = [f"{are} unclear, of {len(results)}: the confidence is below the threshold."]
    return [*notes, *getattr(results, "warnings", ())]
