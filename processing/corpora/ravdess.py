# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""RAVDESS: two sentences that 24 actors speak in eight emotions (Livingstone and Russo 2018), as features of voice and face."""

from collections import Counter
from pathlib import Path

import numpy as np

from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder, report_counts
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS

EMOTIONS = DATA_SETS["ravdess"].emotions
"""The emotions in the order of their numbers in the names of the clips, which begin at 1."""

FILE = "ravdess_au_mfcc.npz"
SOURCE = DATA_SETS["ravdess"].source


class Ravdess(ConversationBuilder):
    """
    Builder of the 1,440 speech clips of RAVDESS from a file of features: for each clip 35 facial action units of OpenFace
    as `vision_features` and 259 MFCC features of the voice as `audio_features`. Each clip is a conversation of one
    utterance; the text is left out, as every actor says the same two sentences in every emotion.

    There is no official split: all clips are in `train`. [`speaker_folds`] divides them by actor for a cross-validation.

    Raises:
        FileNotFoundError: when the file is missing; the message says where to get it.
    """

    VERSION = "1.0.0"
    emotions = EMOTIONS

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        return {"train": [data_dir / FILE]}

    @classmethod
    def check_files(cls, paths: dict[str, list[Path]]):
        for [path] in paths.values():
            if not path.is_file():
                raise FileNotFoundError(f"{path.parent} lacks {FILE}. {SOURCE}")

    @classmethod
    def read(cls, path: Path, split: str, options: DataOptions | None = None) -> tuple[list[dict], Counter]:
        try:
            with np.load(path, allow_pickle=False) as file:
                columns = {name: file[name] for name in ("name", "visual", "audio", "emotion", "actor")}
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(f"{path} cannot be read ({error}). {SOURCE}") from error
        rows = {len(column) for column in columns.values()}
        if len(rows) > 1:
            raise ValueError(
                f"{path} is damaged: its arrays have {' and '.join(map(str, sorted(rows)))} rows. {SOURCE}"
            )
        conversations = []
        for name, visual, audio, emotion, actor in zip(*columns.values(), strict=True):
            # 03-01-06-01-02-01-12: the third number is the emotion, the last one the actor
            numbers = str(name).split("-")
            if len(numbers) != 7 or numbers[2] != f"{emotion:02}" or numbers[6] != f"{actor:02}":
                raise ValueError(
                    f"{path} is damaged: the clip {name} has the emotion {emotion} and the actor {actor}, which contradict "
                    f"its name. {SOURCE}"
                )
            utterance = {
                "id": str(name),
                "speaker": numbers[6],
                "audio_features": [audio.tolist()],
                "vision_features": [visual.tolist()],
                "emotion": EMOTIONS[emotion - 1],
            }
            conversations.append({"id": str(name), "utterances": [utterance]})
        return conversations, report_counts(conversations)
