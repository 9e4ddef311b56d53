# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""MELD: multi-party conversations from a TV series, with seven emotions (Poria et al. 2019)."""

from collections import Counter
from pathlib import Path

from modeling_amuse.processing.corpora.annotation_files import AnnotationFileBuilder, seconds
from modeling_amuse.processing.corpora.conversation_builder import report_counts, usable_file
from modeling_amuse.processing.corpora.data_sets import DATA_SETS

EMOTIONS = DATA_SETS["meld"].emotions
FIVE_CLASS_LEFT_OUT = ("fear", "disgust")
"""MELD's 5-class variant leaves these out."""

FILES = DATA_SETS["meld"].files
SOURCE = DATA_SETS["meld"].source

CLIP_FOLDERS = {
    "train": "train_splits",
    "validation": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
"""The folders of clips, `dia0_utt0.mp4`, that MELD.Raw.tar.gz unpacks to."""

# utterances whose clip in the official archive cannot be read
UNUSABLE_CLIPS = {("train", "dia125_utt3"), ("validation", "dia110_utt7")}
LONGEST_PLAUSIBLE_SECONDS = 60


class Meld(AnnotationFileBuilder):
    """
    Builder of MELD from its annotation files, official splits.

    Utterances are ordered by Utterance_ID, which has gaps and so is no position. Identifiers are those of the clips,
    `dia0_utt0`: they are unique within a split, not across splits.

    Where the folders of [`CLIP_FOLDERS`] stand beside the annotation files, in `MELD.Raw` or one folder deeper, utterances
    have their clips as `audio` and `video`. Clips are not opened here: `scripts/audit_data.py` does that.
    """

    VERSION = "1.1.0"
    emotions = EMOTIONS
    files = FILES
    source = SOURCE
    conversation_columns = ("Dialogue_ID",)
    columns = ("Utterance_ID", "Speaker", "Utterance", "Emotion", "StartTime", "EndTime")

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        folder = clip_folder(path.parent, split)
        files = sorted((clip.name, clip.stat().st_size > 0) for clip in folder.iterdir()) if folder else []
        return super().cache_key(path, split) + repr((str(folder), files)).encode()

    @classmethod
    def read(cls, path: Path, split: str) -> tuple[list[dict], Counter]:
        utterances_of, report = cls.utterances_of_conversations(path, split)
        clips = clip_folder(path.parent, split)
        conversations = []
        for (dialogue,), utterances in utterances_of.items():
            order = [utterance["number"] for utterance in utterances]
            report["dialogues with utterances out of order, sorted"] += order != sorted(order)
            report["dialogues with gaps in Utterance_ID"] += sorted(order) != list(range(len(order)))
            utterances = sorted(utterances, key=lambda utterance: utterance["number"])
            starts = [utterance["start"] for utterance in utterances if utterance["start"] is not None]
            report["dialogues whose times go backwards"] += starts != sorted(starts)
            if clips is not None:
                add_clips(utterances, clips, split, report)
            conversations.append({"id": f"dia{dialogue}", "utterances": utterances})
        report["dialogue numbers that are absent"] = max(utterances_of)[0] + 1 - len(utterances_of)
        return conversations, report_counts(conversations) + report

    @classmethod
    def utterance(cls, row: dict, split: str, report: Counter) -> dict:
        dialogue, number = int(row["Dialogue_ID"]), int(row["Utterance_ID"])
        identifier = f"dia{dialogue}_utt{number}"
        start, end = seconds(row["StartTime"]), seconds(row["EndTime"])
        if start is None or end is None or not 0 < end - start <= LONGEST_PLAUSIBLE_SECONDS:
            report["utterances of 0 s or over 60 s, times dropped"] += 1
            start = end = None
        report["utterances without a usable clip"] += (split, identifier) in UNUSABLE_CLIPS
        return {
            "id": identifier,
            "number": number,
            "speaker": row["Speaker"].strip(),
            "text": row["Utterance"].strip(),
            "start": start,
            "end": end,
            "emotion": row["Emotion"].strip(),
        }


def clip_folder(data_dir: Path, split: str) -> Path | None:
    """The folder with the clips of a split, or None where there is none."""
    name = CLIP_FOLDERS[split]
    for pattern in (name, f"*/{name}", f"MELD.Raw/*/{name}"):
        for folder in sorted(data_dir.glob(pattern)):
            if folder.is_dir():
                return folder
    return None


def add_clips(utterances: list[dict], folder: Path, split: str, report: Counter):
    """Give the utterances their clips, but for those that cannot be used, which are counted."""
    for utterance in utterances:
        if (split, utterance["id"]) in UNUSABLE_CLIPS:
            continue
        # by name: the folder of the test split also holds other videos
        clip = usable_file(folder / f"{utterance['id']}.mp4", "clips", report)
        if clip is not None:
            start = utterance["start"]
            utterance.update(audio=clip, audio_start=start, video=clip, video_start=start)
            report["utterances with a clip"] += 1
