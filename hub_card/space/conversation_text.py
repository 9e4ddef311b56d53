# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Parsing typed conversations, which have one utterance per line: `Name: words`."""

import re

MOST_UTTERANCES = 200
MOST_CHARACTERS = 20_000
LONGEST_UTTERANCE = 1_000
"""The most characters of an utterance. A minute of fast speech has fewer."""
LONGEST_NAME = 40


def parse_conversation(text: str) -> list[dict]:
    """
    The utterances of a typed conversation, as the pipeline takes them. Empty lines are skipped.

    Raises:
        ValueError: if the text is empty or too long, or a line is not `Name: words`; the message has the line's number.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"The conversation has {len(text)} characters; this page takes up to {MOST_CHARACTERS} at a time."
        )
    utterances = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        speaker, colon, words = (part.strip() for part in line.partition(":"))
        is_name = any(map(str.isalpha, speaker)) and len(speaker) <= LONGEST_NAME
        # a colon in a time ("at 12:30") or an address does not end a name
        if not colon or not is_name or re.search(r"^[^:]*:[\d/]", line):
            raise ValueError(
                f"Line {number} does not say who speaks. Write the name, a colon and the words: “Ada: Hello!”"
            )
        if not words:
            raise ValueError(f"Line {number} has a name, but no words after the colon.")
        if len(words) > LONGEST_UTTERANCE:
            raise ValueError(
                f"Line {number} has {len(words)} characters; an utterance has up to {LONGEST_UTTERANCE}. Split it into several lines."
            )
        utterances.append({"speaker": speaker, "text": words})
    if not utterances:
        raise ValueError("There is no conversation yet. Write one line for each utterance, such as “Ada: Hello!”")
    if len(utterances) > MOST_UTTERANCES:
        raise ValueError(f"These are {len(utterances)} utterances; this page takes up to {MOST_UTTERANCES} at a time.")
    return utterances
