# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Finding features and utterances in the feature files of DialogueRNN, MM-DFN, SDT, MultiEMO and similar projects."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

TEXT, LABELS = "text", "labels"


@dataclass
class Part:
    """
    A part of a feature file with features for each conversation or utterance.

    Attributes:
        name: its position in the file, such as `3`, or its key.
        values: for each conversation id an array `(utterances, size)`, or for each utterance id an array `(size,)`.
        size: the number of features.
        is_of_utterances: whether the keys of `values` are utterances.
    """

    name: str
    values: dict[str, np.ndarray]
    size: int
    is_of_utterances: bool


def find_parts(loaded) -> tuple[list[Part], dict[str, list[str]], dict[str, list[str]]]:
    """
    The parts with features, and for each conversation the ids and the texts of its utterances, if the file has them.

    Args:
        loaded: a tuple, list or dict of dicts by conversation, as in DialogueRNN's `IEMOCAP_features.pkl` and its
            successors; one such dict; or a dict by utterance, as in MELD's features.

    Raises:
        ValueError: when no part has features.
    """
    if isinstance(loaded, Mapping) and not all(isinstance(v, Mapping) for v in loaded.values()):
        named = {"0": loaded}
    elif isinstance(loaded, Mapping):
        named = {str(key): value for key, value in loaded.items()}
    elif isinstance(loaded, (list, tuple)):
        named = {str(number): value for number, value in enumerate(loaded)}
    else:
        raise ValueError(f"the file contains a {type(loaded).__name__}, not dicts of conversations or utterances.")
    parts, ids, words = [], {}, {}
    for name, value in named.items():
        if not isinstance(value, Mapping) or not value:
            continue
        texts = _texts(value)
        if texts is not None:
            flat = [text for of_one in texts.values() for text in of_one]
            if len(set(flat)) == len(flat) and all(re.fullmatch(r"\S+", text) and len(text) > 3 for text in flat):
                ids = ids or texts
            elif np.mean([" " in text for text in flat]) > 0.3:
                words = words or texts
            continue
        part = _part(name, value)
        if part is not None:
            parts.append(part)
    if not parts:
        raise ValueError("no part of the file has features for each conversation or utterance.")
    return parts, ids, words


def _texts(value: Mapping) -> dict[str, list[str]] | None:
    found = {}
    for key, items in value.items():
        if not isinstance(items, (list, tuple, np.ndarray)) or not len(items):
            return None
        if not all(isinstance(item, str) for item in items):
            return None
        found[str(key)] = [str(item) for item in items]
    return found


def _part(name: str, value: Mapping) -> Part | None:
    arrays = {}
    for key, items in value.items():
        try:
            array = np.asarray(items, dtype=np.float32)
        except (TypeError, ValueError):
            return None
        arrays[str(key)] = array
    dimensions = {array.ndim for array in arrays.values()}
    sizes = {array.shape[-1] for array in arrays.values() if array.ndim}
    if dimensions == {2} and len(sizes) == 1 and sizes != {1}:
        is_one_hot = all(
            ((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all() for array in arrays.values()
        )
        return None if is_one_hot else Part(name, arrays, sizes.pop(), False)  # one-hot vectors are the speakers
    if dimensions == {1} and len(sizes) == 1 and len(arrays) > 1 and sizes != {1} and _are_utterances(arrays):
        return Part(name, arrays, sizes.pop(), True)
    return None


def _are_utterances(arrays: dict[str, np.ndarray]) -> bool:
    """Whether the keys are utterances: `0_3`, `dia0_utt3`, or other names whose arrays are not integers such as labels."""
    return all(re.search(r"\d_\D*\d", key) for key in arrays) or any((a != a.round()).any() for a in arrays.values())


def utterance_keys(part: Part) -> dict[str, np.ndarray]:
    """The features `(1, size)` by utterance id. MELD's keys such as `0_3` become `dia0_utt3`."""
    return {re.sub(r"^(\d+)_(\d+)$", r"dia\1_utt\2", key): array[None] for key, array in part.values.items()}


def match_conversations(
    lengths: dict[str, int], words: dict[str, list[str]], conversations: list[dict]
) -> dict[str, list[str]]:
    """
    The utterance ids of each conversation of a file that only numbers its conversations. They are those of the data set's
    conversation with the same texts. If the file has no texts, conversations are matched by position, if all lengths agree.

    Args:
        lengths: the number of utterances of each conversation of the file.
        words: the texts of each conversation's utterances, if the file has them.
        conversations: the conversations of the data set, of all splits in order.

    Raises:
        ValueError: when the conversations do not match those of the data set.
    """
    ids = [[utterance["id"] for utterance in c["utterances"]] for c in conversations]
    if words:
        by_words = {}
        for c, of_one in zip(conversations, ids, strict=True):
            by_words.setdefault(_said(u["text"] or "" for u in c["utterances"]), []).append(of_one)
        found = {key: by_words.get(_said(words.get(key, ())), []) for key in lengths}
        unmatched = [key for key, options in found.items() if not options]
        if len(unmatched) > len(lengths) / 2:
            raise ValueError(
                f"{len(unmatched)} of {len(lengths)} conversations have texts that no conversation of the data set has: give the "
                "data set of these features."
            )
        return {key: options.pop(0) if len(options) > 1 else options[0] for key, options in found.items() if options}
    ordered = sorted(lengths, key=lambda key: (not key.isdigit(), int(key) if key.isdigit() else 0, key))
    if [lengths[key] for key in ordered] != [len(of_one) for of_one in ids]:
        raise ValueError(
            f"the {len(lengths)} numbered conversations of the file cannot be matched to the {len(ids)} of the data set, which "
            "have other lengths: give the data set of these features."
        )
    return dict(zip(ordered, ids, strict=True))


def _said(texts) -> str:
    """The letters of texts: those of ASCII, which damaged texts share with the originals, or else all."""
    folded = [text.casefold() for text in texts]
    return "|".join(re.sub(r"\W+", "", t.encode("ascii", "ignore").decode()) or re.sub(r"\W+", "", t) for t in folded)
