# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""DailyDialog's files: one conversation per line, with `__eou__` after each utterance, and the labels in a second file."""

import re
from collections import Counter
from pathlib import Path

from modeling_amuse.processing.corpora.conversation_builder import report_counts
from modeling_amuse.processing.corpora.row_conversations import TURN_TAKERS
from modeling_amuse.processing.corpora.table_files import read_text

END = "__eou__"
EMOTION_FILE = re.compile(r"^dialogues_(emotion|act|topic)")
EMOTIONS = ("no emotion", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
"""DailyDialog's emotions in the order of their numbers."""


def path_of_labels(path: Path) -> Path:
    """The file with the emotions of a file of turns, such as `dialogues_emotion_train.txt` for `dialogues_train.txt`."""
    return path.with_name(path.name.replace("dialogues_", "dialogues_emotion_", 1).replace("_text", ""))


def read_turns(path: Path) -> tuple[list[dict], Counter, list[str]]:
    """
    The conversations of a file such as `dialogues_train.txt`, with the emotions of `dialogues_emotion_train.txt` in the
    same folder. Two speakers take turns, as in all of DailyDialog.

    Raises:
        FileNotFoundError: when the file of emotions is missing.
        ValueError: when a line has different numbers of utterances and labels, or an invalid label.
    """
    labels_path = path_of_labels(path)
    if not labels_path.is_file():
        raise FileNotFoundError(
            f"{path} has utterances that end with {END}, but {labels_path.name} with their emotions is not beside it."
        )
    lines, labels = ([line for line in read_text(p)[0].split("\n") if line.strip()] for p in (path, labels_path))
    if len(lines) != len(labels):
        raise ValueError(f"{path} has {len(lines)} conversations, but {labels_path.name} has {len(labels)}.")
    conversations = []
    for number, (line, numbers) in enumerate(zip(lines, labels, strict=True)):
        texts = [text.strip() for text in line.split(END) if text.strip()]
        found = numbers.split()
        if len(found) != len(texts):
            raise ValueError(
                f"{path}, line {number + 1}, has {len(texts)} utterances that end with {END}, but the line of "
                f"{labels_path.name} has {len(found)} emotions."
            )
        if not all(re.fullmatch(r"[0-6]", label) for label in found):
            raise ValueError(
                f"{labels_path}, line {number + 1}: emotions must be numbers from 0 to 6, but are {numbers.strip()}."
            )
        utterances = [
            {
                "id": f"{path.stem}_{number}_{position}",
                "speaker": TURN_TAKERS[position % 2],
                "text": text,
                "emotion": EMOTIONS[int(label)],
            }
            for position, (text, label) in enumerate(zip(texts, found, strict=True))
        ]
        conversations.append({"id": f"{path.stem}_{number}", "utterances": utterances})
    notes = [f"{path}: two speakers take turns; emotions by DailyDialog's numbers: {', '.join(EMOTIONS)}."]
    return conversations, report_counts(conversations), notes
