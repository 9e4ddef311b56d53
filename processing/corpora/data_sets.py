# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The data sets known by name. This file imports only the standard library, as command lines read it for their help."""

import difflib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

SPLIT_NAMES = {
    **{"train": "train", "training": "train"},
    **{"validation": "validation", "valid": "validation", "val": "validation", "dev": "validation"},
    **{"development": "validation", "test": "test", "testing": "test"},
}
"""The names that files, columns and data sets give to splits, and the names of `datasets` for them."""


@dataclass(frozen=True)
class DataSet:
    """
    The description of a data set, known before any of its files is opened.

    Attributes:
        name: the name for `--dataset_name`.
        title: the name that its authors gave it.
        loader: the builder, as `module:class`.
        files: the file of each split if a split is one file, else the files and folders that are expected.
        modalities: the modalities of its files: `text`, `audio`, `vision`.
        emotions: its emotions in the order of the labels; None if they are read from the files.
        terms: its licence.
        source: a sentence that says where to get the files.
        is_split: whether it has official splits. If not, a cross-validation divides it.
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
        """The builder's class, imported when this is called."""
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
"""The known data sets by name. Help texts, error messages and loading use these names."""


def is_known(name: str) -> bool:
    """Whether a name is one of [`DATA_SETS`], an existing path, or has the form of a Hub id."""
    return name in DATA_SETS or Path(name).exists() or (name.count("/") == 1 and not name.startswith((".", "/")))


def unknown_data_set(name: str) -> str:
    """The error message for a name that is not known."""
    close = difflib.get_close_matches(name, DATA_SETS, 1)
    return (
        f"There is no data set {name!r}; choose from {', '.join(DATA_SETS)}."
        + (f" Did you mean {close[0]}?" if close else "")
        + " Give a data set of the Hub as owner/name, such as ajyy/MELD_audio, and a folder as its path."
    )
