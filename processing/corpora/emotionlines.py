# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
EmotionLines (Chen et al. 2018, arXiv 1802.08379): the votes of five annotators on each utterance, who read only the text.

MELD took its dialogues from EmotionLines, shortened them, and had part of the utterances relabelled by annotators who saw
the clips. The two data sets share no ids: utterances are matched by their texts.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

from modeling_amuse.processing.corpora.overlapping_dialogues import comparable_words

VOTED_EMOTIONS = ("neutral", "joy", "sadness", "fear", "anger", "surprise", "disgust")
"""The emotions in the order of the digits of an `annotation`."""

SOURCE = (
    "Get EmotionLines's JSON files of Friends: friends.json from https://github.com/bshmueli/EmotionX-2019, or friends_train.json, "
    "friends_dev.json and friends_test.json from http://doraemon.iis.sinica.edu.tw/emotionlines/ (research use)."
)


def read_emotionlines(paths: Iterable[Path]) -> list[list[dict]]:
    """
    The dialogues of EmotionLines's JSON files.

    Returns:
        The dialogues as lists of utterances, each with `text` and `votes`, the number of votes for each of
        [`VOTED_EMOTIONS`].

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is not one of EmotionLines.
    """
    dialogues = []
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}. {SOURCE}")
        try:
            rows = json.loads(path.read_text(encoding="utf-8-sig"))
            dialogues += [[_utterance(line) for line in dialogue] for dialogue in rows]
        except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a file of EmotionLines ({error!r}). {SOURCE}") from error
    return dialogues


def _utterance(line: dict) -> dict:
    votes = [int(digit) for digit in line["annotation"]]
    if len(votes) != len(VOTED_EMOTIONS) or not sum(votes):
        raise ValueError(f"the annotation {line['annotation']!r} does not have a digit for each of the seven emotions")
    if not isinstance(line["utterance"], str):
        raise ValueError(f"the utterance {line['utterance']!r} is not a text")
    return {"text": line["utterance"], "votes": votes}


def votes_of_utterances(conversations: list[dict], dialogues: list[list[dict]]) -> list[dict]:
    """
    The votes of EmotionLines for utterances of MELD.

    Args:
        conversations: conversations of MELD. Never train on the votes of its validation or test split: they reveal much of
            the labels.
        dialogues: the dialogues from [`read_emotionlines`].

    Returns:
        A row for each utterance that was matched: `utterance_id`, the votes for each of [`VOTED_EMOTIONS`], and `scene`,
        the number of its dialogue in EmotionLines. Conversations of one scene must be in the same fold of a
        cross-validation.
    """
    words = [[comparable_words(line["text"]) for line in dialogue] for dialogue in dialogues]
    places = defaultdict(set)
    for number, lines in enumerate(words):
        for line in lines:
            places[line].add(number)
    rows = []
    for conversation in conversations:
        own = [comparable_words(utterance["text"] or "") for utterance in conversation["utterances"]]
        shared = Counter()
        for line in set(own) & places.keys():
            for number in places[line]:
                shared[number] += len(line)  # a match of a long line is stronger evidence
        if not shared:
            continue
        scene = min(shared, key=lambda number: (-shared[number], number))
        for first, second, length in SequenceMatcher(None, own, words[scene], autojunk=False).get_matching_blocks():
            for step in range(length):
                votes = dialogues[scene][second + step]["votes"]
                row = {"utterance_id": conversation["utterances"][first + step]["id"]}
                rows.append({**row, **dict(zip(VOTED_EMOTIONS, votes, strict=True)), "scene": scene})
    return rows
