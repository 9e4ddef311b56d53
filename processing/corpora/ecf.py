# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
ECF 2.0 (Wang et al. 2024, SemEval-2024 Task 3): conversations from the TV series of MELD, with the same emotions. Its
training data is MELD itself; its evaluation data are 341 other conversations.
"""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import product
from pathlib import Path

SOURCE = (
    "Get Subtask_2_test.json (or Subtask_1_test.json) of ECF 2.0 from https://github.com/NUSTM/SemEval-2024_ECAC, folder data "
    "(GPL-3.0, research use)."
)


def read_ecf(paths: Iterable[Path]) -> list[dict]:
    """
    The conversations of ECF's JSON files, in the form that `--dataset_name folder` takes.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is not one of ECF.
    """
    conversations, paths = [], list(paths)
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}. {SOURCE}")
        try:
            rows = json.loads(path.read_text(encoding="utf-8-sig"))
            conversations += [_conversation(row) for row in rows]
        except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a file of ECF ({error!r}). {SOURCE}") from error
    counts = Counter(conversation["id"] for conversation in conversations)
    twice = next((identifier for identifier, count in counts.items() if count > 1), None)
    if twice is not None:
        raise ValueError(
            f"{', '.join(map(str, paths))} have the conversation {twice.removeprefix('ecf')} more than once: give one of ECF's "
            "files (both subtasks have the same conversations)."
        )
    return conversations


def _conversation(row: dict) -> dict:
    identifier = f"ecf{row['conversation_ID']}"
    for line, name in product(row["conversation"], ("speaker", "text")):
        if not isinstance(line[name], str):
            raise ValueError(f"in the conversation {row['conversation_ID']!r}, the {name} {line[name]!r} is not a text")
    utterances = [
        {
            "id": f"{identifier}_utt{line['utterance_ID']}",
            "speaker": line["speaker"],
            "text": line["text"],
            "emotion": line.get("emotion"),
        }
        for line in row["conversation"]
    ]
    return {"id": identifier, "utterances": utterances}
