# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Finding the columns of a feature table that are not features: labels, and the position or identity of an utterance."""

import re

LABEL_WORDS = {
    *(
        "label",
        "labels",
        "emotion",
        "emotions",
        "emo",
        "sentiment",
        "sentiments",
        "target",
        "targets",
        "class",
        "classes",
    ),
    *(
        "gold",
        "truth",
        "annotation",
        "annotations",
        "annotator",
        "category",
        "polarity",
        "mood",
        "y",
        "answer",
        "vote",
        "votes",
    ),
}
KEY_WORDS = {
    *("dialog", "dialogue", "dia", "conversation", "conv", "utterance", "utt", "turn", "season", "episode", "scene"),
    *(
        "session",
        "start",
        "end",
        "begin",
        "stop",
        "starttime",
        "endtime",
        "timestamp",
        "id",
        "ids",
        "idx",
        "index",
        "row",
    ),
    *(
        "no",
        "split",
        "fold",
        "speaker",
        "speakers",
        "unnamed",
        "key",
        "filename",
        "file",
        "path",
        "uid",
        "order",
        "srno",
    ),
    *(
        "dialogid",
        "dialogueid",
        "conversationid",
        "utteranceid",
        "uttid",
        "turnid",
        "speakerid",
        "clip",
        "text",
        "transcript",
    ),
}
FILLERS = {
    *(
        "id",
        "ids",
        "idx",
        "index",
        "name",
        "names",
        "code",
        "no",
        "nr",
        "num",
        "number",
        "true",
        "ground",
        "sr",
        "line",
        "of",
    ),
    *(
        "time",
        "video",
        "audio",
        "segment",
        "old",
        "original",
        "the",
        "level",
        "int",
        "str",
        "string",
        "column",
        "set",
        "in",
    ),
    *("sec", "seconds", "ms", "encoded", "value", "final", "majority"),
}


def answer_columns(names: list[str]) -> list[str]:
    """The columns that hold a label according to their names, such as `label_id`, `Sentiment`, `emotion_name`, `y`."""
    return [name for name in names if _is_made_of(name, LABEL_WORDS)]


def key_columns(names: list[str]) -> list[str]:
    """The columns that identify or locate an utterance by their names, such as `dialog_id`, `turn`, `start`, `Sr No.`."""
    return [name for name in names if not _is_made_of(name, LABEL_WORDS) and _is_made_of(name, KEY_WORDS)]


def _is_made_of(name: str, words: set[str]) -> bool:
    """
    Whether a name consists of one of the words and fillers only: `pitch_start_slope`, `class_of_vowel_entropy` and the
    numbered `y_12` do not, as they name features.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name))
    found = re.findall(r"[a-z]+|\d+", spaced.lower())
    found = [part for part in found if part != "unnamed"] if str(name).startswith("Unnamed:") else found
    if str(name).startswith("Unnamed:"):
        return "unnamed" in words
    return bool(found) and any(part in words for part in found) and all(part in words | FILLERS for part in found)
