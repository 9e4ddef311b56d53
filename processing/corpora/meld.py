# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""MELD: multi-party conversations from a TV series, with seven emotions (Poria et al. 2019)."""

from collections import Counter
from pathlib import Path

from modeling_amuse.processing.corpora.annotation_files import AnnotationFileBuilder, seconds, whole_number
from modeling_amuse.processing.corpora.conversation_builder import report_counts, usable_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.processing.corpora.labels import label_of
from modeling_amuse.processing.printable_text import printable_logger

logger = printable_logger(__name__)

EMOTIONS = DATA_SETS["meld"].emotions
FIVE_CLASS_LEFT_OUT = ("fear", "disgust")
"""The emotions that MELD's 5-class variant leaves out."""

FILES = DATA_SETS["meld"].files
SOURCE = DATA_SETS["meld"].source

CLIP_FOLDERS = {
    "train": "train_splits",
    "validation": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
"""The folders of the clips (`dia0_utt0.mp4`) in MELD.Raw.tar.gz."""

VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi")
CLIP_SUFFIXES = (*VIDEO_SUFFIXES, ".wav", ".WAV", ".flac", ".mp3")

# utterances whose clip in the official archive cannot be read
UNUSABLE_CLIPS = {("train", "dia125_utt3"), ("validation", "dia110_utt7")}
LONGEST_PLAUSIBLE_SECONDS = 60
COUNTED_ANEW = "utterances with renumbered ids, replaced by the original ids of the clips"


ORIGINAL_IDS = {
    "Dialogue_ID": ("Old_Dialogue_ID", "Original Dialogue_ID"),
    "Utterance_ID": ("Old_Utterance_ID", "Original Utterance_ID"),
}
"""
The columns in which copies with renumbered ids keep the original ids of the clips: `Old_...` in MELD_Dyadic and
`Original ...` in MELD-FAIR.
"""


class Meld(AnnotationFileBuilder):
    """
    Builder of MELD from its annotation files, with the official splits.

    Utterances are ordered by Utterance_ID, which has gaps and therefore is not a position. The utterance ids are those of
    the clips, `dia0_utt0`: they are unique within a split, but not across splits. For copies with renumbered ids, the
    original ids are read from the columns of [`ORIGINAL_IDS`].

    If the folders of [`CLIP_FOLDERS`] are beside the annotation files, in `MELD.Raw` or one folder deeper, utterances have
    their clips as `audio` and `video`. Clips are video files such as `.mp4`, or audio files such as `.wav`. They are not
    opened here, but `amuse audit` checks them.
    """

    VERSION = "2.0.0"
    emotions = EMOTIONS
    files = FILES
    source = SOURCE
    conversation_columns = ("Dialogue_ID",)
    columns = ("Utterance_ID", "Speaker", "Utterance", "Emotion")
    optional_columns = (
        *("StartTime", "EndTime", "Sentiment"),
        *(name for names in ORIGINAL_IDS.values() for name in names),
    )

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        folder = clip_folder(path.parent, split)
        files = sorted((clip.name, clip.stat().st_size > 0) for clip in folder.iterdir()) if folder else []
        return super().cache_key(path, split) + repr((str(folder), files)).encode()

    @classmethod
    def read(cls, path: Path, split: str, options: DataOptions | None = None) -> tuple[list[dict], Counter]:
        utterances_of, report = cls.utterances_of_conversations(path, split, options or DataOptions())
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
        if report[COUNTED_ANEW]:
            logger.warning(
                "%s: the ids of its utterances are renumbered; the original ids of the clips are used.", path
            )
        if clips is not None and not report["utterances with a clip"]:
            logger.warning("%s has no clip of any utterance of the %s split, such as dia0_utt0.mp4.", clips, split)
        return conversations, report_counts(conversations) + report

    @classmethod
    def utterance(cls, row: dict, split: str, report: Counter, options: DataOptions) -> dict:
        counted = {column: whole_number(row[column]) for column in ORIGINAL_IDS}
        ids = {
            column: next((whole_number(row[name]) for name in originals if row.get(name, "").strip()), counted[column])
            for column, originals in ORIGINAL_IDS.items()
        }
        report[COUNTED_ANEW] += ids != counted
        identifier = f"dia{ids['Dialogue_ID']}_utt{ids['Utterance_ID']}"
        start, end = seconds(row.get("StartTime", "")), seconds(row.get("EndTime", ""))
        if "StartTime" not in row:
            report["utterances without times"] += 1
        elif start is None or end is None or not 0 < end - start <= LONGEST_PLAUSIBLE_SECONDS:
            report["utterances of 0 s or over 60 s, times dropped"] += 1
            start = end = None
        report["utterances without a usable clip"] += (split, identifier) in UNUSABLE_CLIPS
        return {
            "id": identifier,
            "number": counted["Utterance_ID"],
            "speaker": row["Speaker"].strip(),
            "text": row["Utterance"].strip(),
            "start": start,
            "end": end,
            "emotion": label_of(cls.label(row, options).strip(), identifier),
        }


def clip_folder(data_dir: Path, split: str) -> Path | None:
    """The folder with the clips of a split, or None if there is none."""
    name = CLIP_FOLDERS[split]
    for pattern in (name, f"*/{name}", f"MELD.Raw/*/{name}"):
        for folder in sorted(data_dir.glob(pattern)):
            if folder.is_dir():
                return folder
    return None


def add_clips(utterances: list[dict], folder: Path, split: str, report: Counter):
    """Add the clips to the utterances, except for unusable ones, which `report` counts."""
    for utterance in utterances:
        if (split, utterance["id"]) in UNUSABLE_CLIPS:
            continue
        # by name: the folder of the test split also holds other videos
        found = [folder / f"{utterance['id']}{suffix}" for suffix in CLIP_SUFFIXES]
        file = next((path for path in found if path.is_file()), found[0])
        clip = usable_file(file, "clips", report)
        if clip is not None:
            start = utterance["start"]
            utterance.update(audio=clip, audio_start=start)
            if file.suffix in VIDEO_SUFFIXES:
                utterance.update(video=clip, video_start=start)
            report["utterances with a clip"] += 1
