# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Converting the feature files of other projects to feature tables."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from modeling_amuse.processing.corpora.feature_tables import write_feature_table
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.extraction.conversion_arguments import ConversionArguments
from modeling_amuse.scripts.extraction.pickle_layouts import Part, find_parts, match_conversations, utterance_keys

STREAM_NAMES = ("text", "audio", "vision", "background")
SPLITS = ("train", "validation", "test")


def convert(loaded, args: ConversionArguments) -> dict[str, Path]:
    """
    Write a table for each part of `--parts`, `OUTPUT_DIR/NAME/SPLIT.parquet`, or `OUTPUT_DIR/NAME.parquet` if the splits
    are not known. Without `--parts`, print the parts of the file.

    Args:
        loaded: the contents of the file.
        args: the options of the command.

    Returns:
        The file or folder of each part.

    Raises:
        ValueError: when there is no such part, or its utterances cannot be identified.
    """
    by_split = _of_splits(loaded)
    parts, ids, words = find_parts(loaded if by_split is None else by_split)
    for part in parts:
        unit = "utterances" if part.is_of_utterances else "conversations"
        print(f"part {part.name}: {len(part.values)} {unit}, features of size {part.size}")
    if not args.parts:
        print("Choose the parts to convert, with the modality of each, such as --parts 3=text 4=audio.")
        return {}
    conversations = _conversations(args)
    written = {}
    for name, part in _chosen(args.parts, parts).items():
        features = _by_utterance(part, ids, words, conversations)
        written[name] = _write(features, Path(args.output_dir), name, conversations)
        print(f"{name}: {len(features)} utterances, features of size {part.size}, written to {written[name]}")
    return written


def _of_splits(loaded) -> dict | None:
    """MELD's features are a list of three dicts by utterance (train, dev, test): merge them, with `split/` before the keys."""
    is_list = isinstance(loaded, (list, tuple)) and len(loaded) == 3 and all(isinstance(v, Mapping) for v in loaded)
    if not is_list or not all("_" in str(key) for part in loaded for key in part):
        return None
    if loaded[0].keys() == loaded[1].keys() == loaded[2].keys():  # three modalities of the same utterances
        return None
    merged = {f"{split}/{key}": v for split, part in zip(SPLITS, loaded, strict=True) for key, v in part.items()}
    return {"0": merged}


def _conversations(args: ConversionArguments) -> dict[str, list[dict]]:
    if args.dataset_name is None:
        return {}
    data = load_conversations(args.dataset_name, args.data_dir, args.cache_dir)
    return {split: data.splits[split].to_list() for split in SPLITS if split in data.splits}


def _chosen(given: list[str], parts: list[Part]) -> dict[str, Part]:
    by_name, chosen = {part.name: part for part in parts}, {}
    for item in given:
        place, equals, name = item.partition("=")
        if not equals or name not in STREAM_NAMES:
            raise WrongArguments(f"--parts {item}: write a part and one of {', '.join(STREAM_NAMES)}, such as 3=text.")
        if place not in by_name:
            raise ValueError(
                f"--parts {item}: there is no such part with features; the parts are {', '.join(by_name)}."
            )
        chosen[name] = by_name[place]
    return chosen


def _by_utterance(part: Part, ids: dict, words: dict, conversations: dict[str, list[dict]]) -> dict[str, np.ndarray]:
    if part.is_of_utterances:
        found = {}
        for key, array in part.values.items():
            split, slash, own = key.partition("/")
            if split not in SPLITS:
                split, slash, own = "", "", key
            [identifier] = utterance_keys(Part(part.name, {own: array}, part.size, True))
            found[f"{split}{slash}{identifier}"] = array[None]
        return found
    lengths = {key: len(array) for key, array in part.values.items()}
    if not ids:
        if not conversations:
            raise ValueError(
                "The file only numbers its conversations and has no utterance ids: give --dataset_name and --data_dir to "
                "match them."
            )
        flat = [(split, c) for split, rows in conversations.items() for c in rows]
        named = [{"utterances": [{**u, "id": f"{split}/{u['id']}"} for u in c["utterances"]]} for split, c in flat]
        ids = match_conversations(lengths, words, named)
    features, unmatched = {}, []
    for key, array in part.values.items():
        if key not in ids:
            unmatched.append(key)
            continue
        if len(ids[key]) != len(array):
            raise ValueError(f"Conversation {key} has {len(array)} rows of features, but {len(ids[key])} utterances.")
        features |= {identifier: row[None] for identifier, row in zip(ids[key], array, strict=True)}
    if unmatched:
        print(
            f"part {part.name}: {len(unmatched)} of {len(part.values)} conversations, such as {unmatched[0]}, have no counterpart "
            "in the data set and are left out"
        )
    return features


def _write(features: dict[str, np.ndarray], folder: Path, name: str, conversations: dict[str, list[dict]]) -> Path:
    """Write a file for each split if the ids or the data set give the splits, else one file."""
    by_split = {}
    for identifier, array in features.items():
        split, slash, own = identifier.partition("/")
        if slash and split not in SPLITS:
            raise ValueError(
                f"The utterance id {identifier!r} has a folder: name the utterances of the file without folders, as the data set "
                "does."
            )
        by_split.setdefault(split if slash else "", {})[own if slash else identifier] = array
    if set(by_split) == {""} and conversations:
        split_of, by_split = {}, {}
        for split, rows in conversations.items():
            for identifier in (u["id"] for c in rows for u in c["utterances"]):
                if identifier in features and split_of.setdefault(identifier, split) != split:
                    raise ValueError(
                        f"The utterance {identifier} occurs in the splits {split_of[identifier]} and {split} of the data set, and "
                        "the file does not say which one is meant: convert a file with ids alone without --dataset_name, and "
                        "name the table after its split, such as train.parquet."
                    )
        for identifier, array in features.items():
            if identifier in split_of:
                by_split.setdefault(split_of[identifier], {})[identifier] = array
        if not by_split:
            raise ValueError(
                f"No utterance of the file, such as {next(iter(features))!r}, is in the data set: give the right one."
            )
    folder.mkdir(parents=True, exist_ok=True)
    if set(by_split) == {""}:
        write_feature_table(folder / f"{name}.parquet", by_split[""], None)
        return folder / f"{name}.parquet"
    (folder / name).mkdir(exist_ok=True)
    for split, rows in by_split.items():
        write_feature_table(folder / name / f"{split}.parquet", rows, None)
    return folder / name
