# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Utterances gathered from single words with times."""

from collections.abc import Iterable

LONGEST_PAUSE = 1.0
"""Seconds between two words of one speaker beyond which a new utterance begins."""


def utterances_of_words(words: Iterable[dict]) -> list[dict]:
    """
    Words of one speaker without a long pause between them, as utterances.

    Args:
        words: dicts with `text`, `start`, `end` (seconds) and `speaker`, those of each speaker in the order of time. A sign
            of punctuation without times belongs to its speaker's word before, another word without times if nobody spoke
            in between. It follows without a space where its `joined` is true.

    Returns:
        Utterances `{"speaker", "text", "start", "end"}`, ordered by their first words.
    """
    found, last_of = [], {}
    for word in words:
        last = last_of.get(word["speaker"])
        start, end = word.get("start"), word.get("end")
        is_sign = start is None and not any(character.isalnum() for character in word["text"])
        has_no_pause = start is None or last is None or last["end"] is None or start - last["end"] <= LONGEST_PAUSE
        follows = last is not None and (is_sign or (found[-1] is last and has_no_pause))
        if not follows:
            last = {"speaker": word["speaker"], "text": [], "start": start, "end": end}
            last_of[word["speaker"]] = last
            found.append(last)
        last["text"].append(("" if word.get("joined") or not last["text"] else " ") + word["text"].strip())
        if end is not None:
            last["end"] = end if last["end"] is None else max(last["end"], end)
            last["start"] = start if last["start"] is None else last["start"]
    return [
        {key: value for key, value in {**turn, "text": "".join(turn["text"])}.items() if value is not None}
        for turn in found
    ]
