# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""IEMOCAP: conversations of two actors, improvised or scripted, filmed and recorded (Busso et al. 2008)."""

import hashlib
import re
from collections import Counter
from pathlib import Path

from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder, report_counts, usable_file
from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.processing.text_encoding import decode_utf8_or_cp1252

EMOTION_OF_CODE = {
    "hap": "happiness",
    "sad": "sadness",
    "neu": "neutral",
    "ang": "anger",
    "exc": "excitement",
    "fru": "frustration",
}
EMOTIONS = tuple(EMOTION_OF_CODE.values())

SOURCE = DATA_SETS["iemocap"].source
TEST_SESSION = 5
VALIDATION_PERCENT = 11

COMPLETE_COUNTS = {"train and validation": 5758, "test": 1622}
"""Utterances that the annotation files of the complete release label with one of [`EMOTIONS`]: 7,380."""
FIELD_COUNTS = {"train and validation": 5810, "test": 1623}
"""
What papers report. They follow the published feature files of DialogueRNN, which label 53 utterances more, all with
happiness (648 for 595).
"""

# "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]"
EVALUATION = re.compile(r"\[(\d+\.?\d*) - (\d+\.?\d*)\]\s+(Ses\d\d[FM]_\w+_([FM])\w+)\s+(\w+)\s+\[.*\]\s*")
# "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me."
TRANSCRIPTION = re.compile(r"(Ses\d\d[FM]_\w+) \[[\d.]+-[\d.]+\]:(.*)")


class Iemocap(ConversationBuilder):
    """
    Builder of IEMOCAP from a user's own licensed copy. A dialogue is a conversation.

    Session 5 is the test split, as in the field. There is no official validation split: of Sessions 1 to 4, the
    conversations whose id hashes into [`VALIDATION_PERCENT`] of 100 are the validation split, the same ones always.
    (Their speakers are also in the train split.) Utterances with another label than the six [`EMOTIONS`] stay in their
    conversation as its context, without an emotion.

    `audio` is the sentence's wav, `video` the dialogue's avi, which shows both actors side by side.

    Raises:
        FileNotFoundError: with what is missing and where it can be had.
        ValueError: for an annotation file that cannot be read.
    """

    VERSION = "1.0.0"
    emotions = EMOTIONS

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        folders = [
            f"Session{session}/dialog/{kind}" for session in range(1, 6) for kind in ("EmoEvaluation", "transcriptions")
        ]
        missing = [folder for folder in folders if not (data_dir / folder).is_dir()]
        if missing:
            raise FileNotFoundError(f"{data_dir} lacks {', '.join(missing)}. {SOURCE}")
        paths = {}
        for session in range(1, 6):
            files = sorted((data_dir / f"Session{session}/dialog/EmoEvaluation").glob("Ses*.txt"))
            if not files:
                raise FileNotFoundError(
                    f"{data_dir / f'Session{session}/dialog/EmoEvaluation'} lacks Ses*.txt. {SOURCE}"
                )
            for path in files:
                paths.setdefault(split_of(path.stem, session), []).append(path)
        return paths

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        transcription = transcription_file(path)
        recordings = [*sentence_folder(path).glob("Ses*.wav"), *video_file(path).parent.glob(video_file(path).name)]
        found = sorted((recording.name, recording.stat().st_size > 0) for recording in recordings)
        contents = transcription.read_bytes() if transcription.is_file() else b""
        return super().cache_key(path, split) + contents + repr(found).encode()

    @classmethod
    def read(cls, path: Path, split: str) -> tuple[list[dict], Counter]:
        text, report = decode_utf8_or_cp1252(path)
        transcriptions = read_transcriptions(transcription_file(path))
        video = usable_file(video_file(path), "videos of conversations", report)
        utterances = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.startswith("["):
                continue  # the header, or what a single annotator said
            match = EVALUATION.fullmatch(line)
            if match is None:
                raise ValueError(f"{path}, line {number}, is no utterance: {line!r}. {SOURCE}")
            start, end, identifier, actor, code = match.groups()
            utterance = {
                "id": identifier,
                "speaker": f"{identifier[:5]}_{actor}",
                "text": transcriptions.get(identifier),
                "start": float(start),
                "end": float(end),
                "audio": usable_file(sentence_folder(path) / f"{identifier}.wav", "recordings of utterances", report),
                "audio_start": float(start),
                "video": video,
                "video_start": 0.0,
                "video_side": video_side(identifier),
                "emotion": EMOTION_OF_CODE.get(code),
            }
            report["utterances with one of the six emotions"] += utterance["emotion"] is not None
            report[f"utterances labelled {code!r}, kept without an emotion"] += utterance["emotion"] is None
            report["utterances without a transcription"] += utterance["text"] is None
            utterances.append(utterance)
        if not utterances:
            raise ValueError(f"{path} holds no utterance. {SOURCE}")
        utterances.sort(key=lambda utterance: utterance["start"])
        conversations = [{"id": path.stem, "utterances": utterances}]
        return conversations, report_counts(conversations) + report

    def report(self) -> dict[str, Counter]:
        report = super().report()
        labelled = Counter()
        for split, counts in report.items():
            labelled[_counted_with(split)] += counts["utterances with one of the six emotions"]
        for split, counts in report.items():
            splits = _counted_with(split)
            for name, expected in (("in the complete release", COMPLETE_COUNTS), ("in papers", FIELD_COUNTS)):
                if labelled[splits] != expected[splits]:
                    counts[f"utterances so labelled in {splits}, {name} {expected[splits]:,}"] = labelled[splits]
        return report


def _counted_with(split: str) -> str:
    return split if split == "test" else "train and validation"


def split_of(conversation: str, session: int) -> str:
    """The split of a conversation, told from its id and session alone."""
    if session == TEST_SESSION:
        return "test"
    digest = hashlib.sha256(conversation.encode()).digest()
    return "validation" if int.from_bytes(digest[:8], "big") % 100 < VALIDATION_PERCENT else "train"


def video_side(utterance: str) -> str:
    """
    The half of the picture in which the speaker of an utterance sits: the actor with the markers, whose letter the
    conversation's name has (the first F of `Ses01F_impro01_F000`), on the left.

    This is a convention of public code that cuts the faces out of these videos; the release's own documentation says who
    wears the markers, not who sits where. Look at some frames of your copy before you rely on it.
    """
    return "left" if utterance[5] == utterance.rsplit("_", 1)[1][0] else "right"


def read_transcriptions(path: Path) -> dict[str, str]:
    """
    The text of each utterance id. Lines of another form, such as `M: (laughs)`, belong to no annotated utterance. No file
    is as good as an empty one.
    """
    if not path.is_file():
        return {}
    text, _ = decode_utf8_or_cp1252(path)
    matches = (TRANSCRIPTION.fullmatch(line.strip()) for line in text.splitlines())
    return {match[1]: match[2].strip() for match in matches if match and match[2].strip()}


def transcription_file(evaluation: Path) -> Path:
    """The transcriptions of the conversation of an evaluation file."""
    return evaluation.parents[1] / "transcriptions" / evaluation.name


def video_file(evaluation: Path) -> Path:
    """The video of the conversation of an evaluation file."""
    return evaluation.parents[1] / "avi" / "DivX" / f"{evaluation.stem}.avi"


def sentence_folder(evaluation: Path) -> Path:
    """The folder with the recordings of the utterances of an evaluation file."""
    return evaluation.parents[2] / "sentences" / "wav" / evaluation.stem
