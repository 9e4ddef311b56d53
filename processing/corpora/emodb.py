# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Emo-DB, the Berlin database of emotional speech: single utterances that ten actors speak (Burkhardt et al. 2005)."""

import re
from collections import Counter
from pathlib import Path

from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder, report_counts, usable_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS

EMOTION_OF_LETTER = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
EMOTIONS = tuple(EMOTION_OF_LETTER.values())
SOURCE = DATA_SETS["emodb"].source

# 03a01Fa: speaker 03, sentence a01, emotion F, version a
CLIP = re.compile(r"(\d\d)[ab]\d\d([WLEAFTN])[a-z]?")


class EmoDb(ConversationBuilder):
    """
    Builder of Emo-DB. Each clip is a conversation of one utterance with audio only: the text is left out, as every
    speaker says the same ten German sentences in every emotion.

    There is no official split: all clips are in `train`. [`speaker_folds`] divides them for a cross-validation.

    Raises:
        FileNotFoundError: when there are no clips; the message says where to get them.
    """

    VERSION = "1.0.0"
    emotions = EMOTIONS

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        folder = data_dir / "wav"
        if not any(CLIP.fullmatch(path.stem) for path in folder.glob("*.wav")):
            raise FileNotFoundError(f"{folder} has no clips such as 03a01Fa.wav. {SOURCE}")
        return {"train": [folder]}

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        return repr(sorted((clip.name, clip.stat().st_size > 0) for clip in path.glob("*.wav"))).encode()

    @classmethod
    def read(cls, path: Path, split: str, options: DataOptions | None = None) -> tuple[list[dict], Counter]:
        conversations, report = [], Counter()
        for clip in sorted(path.glob("*.wav")):
            match = CLIP.fullmatch(clip.stem)
            if match is None:
                report["files with another name, ignored"] += 1
                continue
            speaker, letter = match.groups()
            utterance = {
                "id": clip.stem,
                "speaker": speaker,
                "audio": usable_file(clip, "clips", report),
                "emotion": EMOTION_OF_LETTER[letter],
            }
            conversations.append({"id": clip.stem, "utterances": [utterance]})
        return conversations, report_counts(conversations) + report
