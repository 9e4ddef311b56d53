# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The data sets that have a name here. This file imports the standard library alone: a command line reads it for its help."""

import difflib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

SPLIT_NAMES = {
    **{"train": "train", "training": "train"},
    **{"validation": "validation", "valid": "validation", "val": "validation", "dev": "validation"},
    **{"development": "validation", "test": "test", "testing": "test"},
}
"""What files, columns and data sets call their splits, and what `datasets` calls them."""


@dataclass(frozen=True)
class DataSet:
    """
    What is known of a data set before any of its files is opened.

    Attributes:
        name: as `--dataset_name` takes it.
        title: as its authors call it.
        loader: the builder, as `module:class`.
        files: the file of each split, where a split is one file, else the files and folders that are expected.
        modalities: what its files hold: `text`, `audio`, `vision`.
        emotions: its emotions, in the order of the labels; None where the files alone tell.
        terms: its licence, in words.
        source: where a user gets the files, in a sentence.
        is_split: whether it has splits of its own. Without, a cross-validation divides it.
        needs_files: False for data that is part of this package.
    """

    name: str
    title: str
    loader: str
    files: dict[str, str] | tuple[str, ...]
    modalities: tuple[str, ...]
    emotions: tuple[str, ...] | None
    terms: str
    source: str
    is_split: bool = True
    needs_files: bool = True

    def builder(self) -> type:
        """The builder's class, imported only now."""
        module, name = self.loader.split(":")
        return getattr(import_module(f"modeling_amuse.processing.corpora.{module}"), name)


_MELD_EMOTIONS = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")

DATA_SETS = {
    entry.name: entry
    for entry in (
        DataSet(
            name="meld",
            title="MELD",
            loader="meld:Meld",
            files={"train": "train_sent_emo.csv", "validation": "dev_sent_emo.csv", "test": "test_sent_emo.csv"},
            modalities=("text", "audio", "vision"),
            emotions=_MELD_EMOTIONS,
            terms="GPL-3.0",
            source="Get the CSV files of MELD from https://github.com/declare-lab/MELD (data/MELD), GPL-3.0.",
        ),
        DataSet(
            name="iemocap",
            title="IEMOCAP",
            loader="iemocap:Iemocap",
            files=tuple(
                f"Session{n}/dialog/{kind}" for n in range(1, 6) for kind in ("EmoEvaluation", "transcriptions")
            ),
            modalities=("text", "audio", "vision"),
            emotions=("happiness", "sadness", "neutral", "anger", "excitement", "frustration"),
            terms="the licence of the University of Southern California, given to each user on request",
            source=(
                "IEMOCAP is obtained from USC, https://sail.usc.edu/iemocap/; give the folder that holds Session1 to "
                "Session5."
            ),
        ),
        DataSet(
            name="emorynlp",
            title="EmoryNLP",
            loader="emorynlp:EmoryNlp",
            files={
                "train": "emorynlp_train_final.csv",
                "validation": "emorynlp_dev_final.csv",
                "test": "emorynlp_test_final.csv",
            },
            modalities=("text",),
            emotions=("neutral", "joyful", "peaceful", "powerful", "scared", "mad", "sad"),
            terms="Apache-2.0",
            source="Get the CSV files of EmoryNLP from https://github.com/declare-lab/MELD (data/emorynlp).",
        ),
        DataSet(
            name="emodb",
            title="Emo-DB",
            loader="emodb:EmoDb",
            files=("wav",),
            modalities=("audio",),
            emotions=("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"),
            terms="CC0-1.0",
            source="Get Emo-DB from http://emodb.bilderbar.info (CC0) and give the folder that holds wav.",
            is_split=False,
        ),
        DataSet(
            name="ravdess",
            title="RAVDESS",
            loader="ravdess:Ravdess",
            files=("ravdess_au_mfcc.npz",),
            modalities=("audio", "vision"),
            emotions=("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"),
            terms="CC BY-NC-SA 4.0",
            source=(
                "Give the folder that holds ravdess_au_mfcc.npz: arrays name, visual, audio, emotion and actor. Its features "
                "of RAVDESS (CC BY-NC-SA 4.0) come from "
                "https://github.com/KangHyunWook/Pytorch-implementation-of-Multimodal-emotion-recognition-on-RAVDESS-dataset."
            ),
            is_split=False,
        ),
        DataSet(
            name="folder",
            title="your own conversations",
            loader="conversation_folder:ConversationFolder",
            files=("train.jsonl", "validation.jsonl", "test.jsonl"),
            modalities=("text", "audio", "vision"),
            emotions=None,
            terms="your own",
            source=(
                "Give the folder with train, validation and test as .jsonl, .json, .csv, .tsv or .parquet, or with one such "
                "file."
            ),
        ),
        DataSet(
            name="sample",
            title="the sample corpus of this package",
            loader="conversation_folder:Sample",
            files=("train.jsonl", "validation.jsonl", "test.jsonl"),
            modalities=("text",),
            emotions=_MELD_EMOTIONS,
            terms="Apache-2.0",
            source="It is part of this package.",
            needs_files=False,
        ),
    )
}
"""Every data set that has a name, by that name: help texts, errors and loading take their names from here."""


def is_known(name: str) -> bool:
    """Whether a name is one of [`DATA_SETS`], an existing folder, or of the form of a Hub id."""
    return name in DATA_SETS or Path(name).exists() or (name.count("/") == 1 and not name.startswith((".", "/")))


def unknown_data_set(name: str) -> str:
    """What to say of a name that is none."""
    close = difflib.get_close_matches(name, DATA_SETS, 1)
    return (
        f"There is no data set {name!r}; choose from {', '.join(DATA_SETS)}."
        + (f" Did you mean {close[0]}?" if close else "")
        + " A data set of the Hub is named by owner and name, as in ajyy/MELD_audio, and a folder by its path."
    )
