# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""EmoryNLP: text-only conversations from a TV series, with seven emotions that differ from MELD's (Zahiri and Choi 2018)."""

import ast
from collections import Counter
from pathlib import Path

from modeling_amuse.processing.corpora.annotation_files import AnnotationFileBuilder, seconds, whole_number
from modeling_amuse.processing.corpora.conversation_builder import report_counts
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.processing.corpora.labels import label_of

EMOTIONS = DATA_SETS["emorynlp"].emotions
FILES = DATA_SETS["emorynlp"].files
SOURCE = DATA_SETS["emorynlp"].source


class EmoryNlp(AnnotationFileBuilder):
    """
    Builder of EmoryNLP with its official splits. Each scene of an episode is a conversation. An utterance that several
    people say together has the speaker `Monica Geller & Rachel Green`.
    """

    VERSION = "1.1.0"
    emotions = EMOTIONS
    files = FILES
    source = SOURCE
    conversation_columns = ("Season", "Episode", "Scene_ID")
    columns = ("Utterance_ID", "Speaker", "Utterance", "Emotion", "Start_Time", "End_Time")

    @classmethod
    def read(cls, path: Path, split: str, options: DataOptions | None = None) -> tuple[list[dict], Counter]:
        utterances_of, report = cls.utterances_of_conversations(path, split, options or DataOptions())
        conversations = [
            {"id": scene_id(*scene), "utterances": sorted(utterances, key=lambda utterance: utterance["number"])}
            for scene, utterances in utterances_of.items()
        ]
        return conversations, report_counts(conversations) + report

    @classmethod
    def utterance(cls, row: dict, split: str, report: Counter, options: DataOptions) -> dict:
        speakers = ast.literal_eval(row["Speaker"])
        report["utterances of several speakers at once"] += len(speakers) > 1
        number = whole_number(row["Utterance_ID"])
        scene = scene_id(*(whole_number(row[column]) for column in cls.conversation_columns))
        return {
            "id": f"{scene}_u{number:03}",
            "number": number,
            "speaker": " & ".join(speakers),
            "text": row["Utterance"].strip(),
            "start": seconds(row["Start_Time"]),
            "end": seconds(row["End_Time"]),
            "emotion": label_of(cls.label(row, options).strip(), row["Utterance_ID"]),
        }


def scene_id(season: int, episode: int, scene: int) -> str:
    """`s01_e02_c03`, the id of a conversation."""
    return f"s{season:02}_e{episode:02}_c{scene:02}"
