# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""EmoryNLP: conversations from a TV series, text only, with seven emotions of its own (Zahiri and Choi 2018)."""

import ast
from collections import Counter
from pathlib import Path

from .annotation_files import AnnotationFileBuilder, seconds
from .conversation_builder import report_counts

EMOTIONS = ("neutral", "joyful", "peaceful", "powerful", "scared", "mad", "sad")
FILES = {
    "train": "emorynlp_train_final.csv",
    "validation": "emorynlp_dev_final.csv",
    "test": "emorynlp_test_final.csv",
}
SOURCE = "Get the CSV files of EmoryNLP from https://github.com/declare-lab/MELD (data/emorynlp)."


class EmoryNlp(AnnotationFileBuilder):
    """
    Builder of EmoryNLP, official splits. A scene of an episode is a conversation. What several people say at once has
    them all as its speaker, `Monica Geller & Rachel Green`.
    """

    VERSION = "1.0.0"
    emotions = EMOTIONS
    files = FILES
    source = SOURCE
    conversation_columns = ("Season", "Episode", "Scene_ID")

    @classmethod
    def read(cls, path: Path, split: str) -> tuple[list[dict], Counter]:
        rows_of, report = cls.rows_of_conversations(path)
        conversations = []
        for (season, episode, scene), rows in rows_of.items():
            scene_id = f"s{season:02}_e{episode:02}_c{scene:02}"
            rows = sorted(rows, key=lambda row: int(row["Utterance_ID"]))
            utterances = [cls._utterance(row, scene_id, report) for row in rows]
            conversations.append({"id": scene_id, "utterances": utterances})
        return conversations, report_counts(conversations) + report

    @staticmethod
    def _utterance(row: dict, scene_id: str, report: Counter) -> dict:
        speakers = ast.literal_eval(row["Speaker"])
        report["utterances of several speakers at once"] += len(speakers) > 1
        return {
            "id": f"{scene_id}_u{int(row['Utterance_ID']):03}",
            "speaker": " & ".join(speakers),
            "text": row["Utterance"].strip(),
            "start": seconds(row["Start_Time"]),
            "end": seconds(row["End_Time"]),
            "emotion": row["Emotion"].strip().lower(),
        }
