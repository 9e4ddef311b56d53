# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""IEMOCAP: conversations of two actors, improvised or scripted, filmed and recorded (Busso et al. 2008)."""

import hashlib
import re
from collections import Counter
from pathlib import Path

from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder, report_counts, usable_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.processing.corpora.labels import read_emotion_map
from modeling_amuse.processing.printable_text import printable_logger
from modeling_amuse.processing.text_encoding import decode_utf8_or_cp1252

logger = printable_logger(__name__)

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
"""The number of utterances that the complete release labels with one of [`EMOTIONS`]: 7,380 in all."""
FIELD_COUNTS = {"train and validation": 5810, "test": 1623}
"""
The numbers that papers report. They follow the published feature files of DialogueRNN, which label 53 more utterances, all
with happiness (648 instead of 595).
"""

# "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]"; some copies have other spaces and case
EVALUATION = re.compile(
    r"\[\s*(\d+\.?\d*)\s*-\s*(\d+\.?\d*)\s*\]\s+(Ses\d\d[FM]_\w+_([FM])\w+)\s+(\w+)(?:\s+\[.*\])?\s*", re.IGNORECASE
)
# "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me."
TRANSCRIPTION = re.compile(r"(Ses\d\d[FM]_\w+)\s*\[\s*[\d.]+\s*-\s*[\d.]+\s*\]\s*:?(.*)", re.IGNORECASE)
SESSIONS = range(1, 6)


class Iemocap(ConversationBuilder):
    """
    Builder of IEMOCAP from a user's own licensed copy. A dialogue is a conversation.

    Session 5 is the test split, as in most papers. There is no official validation split: about
    [`VALIDATION_PERCENT`] % of the conversations of Sessions 1 to 4, chosen by a hash of their ids, are the validation
    split. Their speakers also occur in the training split. Utterances with another label than the six [`EMOTIONS`] stay
    in their conversation as context, without an emotion.

    `audio` is the wav file of the utterance, `video` the avi file of the dialogue, which shows both actors side by side.

    Raises:
        FileNotFoundError: when files are missing; the message names them and says where to get them.
        ValueError: when an annotation file cannot be read.
    """

    VERSION = "2.0.0"
    emotions = EMOTIONS

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        sessions = {number: inside(data_dir, f"Session{number}") for number in SESSIONS}
        found = [number for number in SESSIONS if sessions[number].is_dir()]
        absent = ", ".join(f"Session{number}" for number in SESSIONS if number not in found)
        if not found:
            names = ", ".join(sorted(path.name for path in data_dir.iterdir())[:8]) if data_dir.is_dir() else ""
            raise FileNotFoundError(f"{data_dir} lacks {absent}. It contains {names or 'nothing'}. {SOURCE}")
        if absent:
            logger.warning("%s lacks %s: only the other sessions are read.", data_dir, absent)
        folders = {
            (number, kind): inside(sessions[number], "dialog", kind)
            for number in found
            for kind in ("EmoEvaluation", "transcriptions")
        }
        missing = [f"Session{n}/dialog/{kind}" for (n, kind), folder in folders.items() if not folder.is_dir()]
        if missing:
            raise FileNotFoundError(f"{data_dir} lacks {', '.join(missing)}. {SOURCE}")
        paths = {}
        for session in found:
            folder = folders[session, "EmoEvaluation"]
            files = [path for path in sorted(folder.iterdir()) if re.fullmatch(r"ses.*\.txt", path.name, re.IGNORECASE)]
            if not files:
                raise FileNotFoundError(f"{folder} lacks Ses*.txt. {SOURCE}")
            for path in files:
                paths.setdefault(split_of(published_name(path.stem), session), []).append(path)
        return paths

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        transcription, video, sentences = transcription_file(path), video_file(path), sentence_folder(path)
        recordings = [*(sentences.iterdir() if sentences.is_dir() else ()), *([video] if video.is_file() else ())]
        found = sorted((recording.name, recording.stat().st_size > 0) for recording in recordings)
        contents = transcription.read_bytes() if transcription.is_file() else b""
        return super().cache_key(path, split) + contents + repr(found).encode()

    def read_splits(self) -> dict[str, tuple[list[dict], Counter]]:
        read = super().read_splits()
        found = [u for conversations, _ in read.values() for c in conversations for u in c["utterances"]]
        paths = [path for paths in self.paths.values() for path in paths]
        lacking = {
            "text": ("transcription", any(transcription_file(path).is_file() for path in paths)),
            "audio": ("recording", any(map(_holds_files, map(sentence_folder, paths)))),
            "video": ("video", any(_holds_files(video_file(path).parent) for path in paths)),
        }
        for key, (what, has_files) in lacking.items():
            if has_files and not any(u[key] for u in found):
                logger.warning(
                    "IEMOCAP's files of %ss were found, but none could be assigned to an utterance: no utterance has %s. %s",
                    *(what, key, SOURCE),
                )
        return read

    @classmethod
    def read(cls, path: Path, split: str, options: DataOptions | None = None) -> tuple[list[dict], Counter]:
        text, report = decode_utf8_or_cp1252(path)
        named = read_emotion_map((options or DataOptions()).emotion_map)
        transcriptions = read_transcriptions(transcription_file(path))
        video = usable_file(video_file(path), "videos of conversations", report)
        recordings = sentence_folder(path)
        utterances = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.lstrip().startswith("["):
                continue  # the header, or the label of a single annotator
            match = EVALUATION.fullmatch(line.strip())
            if match is None:
                raise ValueError(f"{path}, line {number}, is not an utterance: {line!r}. {SOURCE}")
            start, end, identifier, _, code = match.groups()
            identifier, code = published_name(identifier), code.lower()
            recording = inside(recordings, f"{identifier}.wav")
            utterance = {
                "id": identifier,
                "speaker": f"{identifier[:5]}_{identifier.rsplit('_', 1)[1][0]}",
                "text": transcriptions.get(identifier),
                "start": float(start),
                "end": float(end),
                "audio": usable_file(recording, "recordings of utterances", report),
                "audio_start": float(start),
                "video": video,
                "video_start": 0.0,
                "video_side": video_side(identifier),
                # codes that --emotion_map names are kept as labels
                "emotion": EMOTION_OF_CODE.get(code) or (code if code in named else None),
            }
            report["utterances with one of the six emotions"] += code in EMOTION_OF_CODE
            report[f"utterances labelled {code!r}, kept without an emotion"] += utterance["emotion"] is None
            report["utterances without a transcription"] += utterance["text"] is None
            utterances.append(utterance)
        if not utterances:
            raise ValueError(f"{path} holds no utterance. {SOURCE}")
        utterances.sort(key=lambda utterance: utterance["start"])
        conversations = [{"id": published_name(path.stem), "utterances": utterances}]
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
    """The split of a conversation, which depends only on its id and session."""
    if session == TEST_SESSION:
        return "test"
    digest = hashlib.sha256(conversation.encode()).digest()
    return "validation" if int.from_bytes(digest[:8], "big") % 100 < VALIDATION_PERCENT else "train"


def video_side(utterance: str) -> str:
    """
    The half of the picture in which the speaker of an utterance sits. The actor with the markers sits on the left; the
    conversation's name has this actor's letter (the first F of `Ses01F_impro01_F000`).

    This follows public code that crops the faces from these videos. The documentation of the release says who wears the
    markers, but not who sits where: check some frames of your copy before you rely on it.
    """
    return "left" if utterance[5] == utterance.rsplit("_", 1)[1][0] else "right"


def read_transcriptions(path: Path) -> dict[str, str]:
    """
    The text of each utterance id. Lines of another form, such as `M: (laughs)`, are skipped, as they do not belong to an
    annotated utterance. A missing file gives no texts.
    """
    if not path.is_file():
        return {}
    text, _ = decode_utf8_or_cp1252(path)
    matches = (TRANSCRIPTION.fullmatch(line.strip()) for line in text.splitlines())
    return {published_name(match[1]): match[2].strip() for match in matches if match and match[2].strip()}


def published_name(name: str) -> str:
    """The name of a dialogue or an utterance in the case of the release, such as `Ses01F_impro01_F000`."""
    first, *others = name.split("_")
    turn = [others.pop().upper()] if others and re.fullmatch(r"[fm](\d|x)+", others[-1], re.IGNORECASE) else []
    return "_".join([first[:3].capitalize() + first[3:].upper(), *map(str.lower, others), *turn])


def inside(folder: Path, *names: str) -> Path:
    """The path of a file or folder inside `folder`, whose names may differ in case."""
    for name in names:
        exact = folder / name
        if not exact.exists() and folder.is_dir():
            wanted = name.casefold()
            exact = next((path for path in sorted(folder.iterdir()) if path.name.casefold() == wanted), exact)
        folder = exact
    return folder


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(path.is_file() and not path.name.startswith(".") for path in folder.iterdir())


def transcription_file(evaluation: Path) -> Path:
    """The file with the transcriptions of the conversation of an evaluation file."""
    return inside(evaluation.parents[1], "transcriptions", evaluation.name)


def video_file(evaluation: Path) -> Path:
    """The video file of the conversation of an evaluation file."""
    return inside(evaluation.parents[1], "avi", "DivX", f"{evaluation.stem}.avi")


def sentence_folder(evaluation: Path) -> Path:
    """The folder with the recordings of the utterances of an evaluation file."""
    return inside(evaluation.parents[2], "sentences", "wav", evaluation.stem)
