# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The audit of a data set's recordings: what is missing, broken or suspicious, found before a training is."""

import hashlib
import itertools
import logging
import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from modeling_amuse.processing.conversation import media_span
from modeling_amuse.processing.media import warn_again
from modeling_amuse.processing.media_probe import end_of_key_frames, probe_media
from modeling_amuse.processing.sound_tracks import SAMPLING_RATE, audio_chunks

logger = logging.getLogger(__name__)

KINDS = ("missing", "corrupt", "zero_length", "too_long", "overlapping", "duplicate")
"""What is looked for, see [`audit_media`]."""

MEDIA = ("audio", "video")

# a recording ends early when more than this is missing of what an utterance needs; cutting clips is not exact
TOLERATED_SECONDS, TOLERATED_SHARE = 0.5, 0.1


@dataclass(frozen=True)
class Recording:
    """An utterance in a medium: its file, and from when to when it lasts in the file, in seconds (None: all of it)."""

    split: str
    conversation: str
    utterance: str
    medium: str
    path: str | None
    start: float | None
    end: float | None
    side: str | None


@dataclass
class FileState:
    """
    What was found in a file.

    Attributes:
        size: in bytes, None where there is no file.
        problem: why it cannot be read, or None.
        damage: what the decoders complained of while it was read, or None.
        duration: what it says that it lasts, in seconds.
        ends: for each medium it has a track of, up to which second that can be decoded; 0 where nothing can.
        digest: the hash of its contents, where it was asked for.
    """

    size: int | None = None
    problem: str | None = None
    damage: str | None = None
    duration: float | None = None
    ends: dict[str, float] = field(default_factory=dict)
    digest: str | None = None


def audit_media(splits: dict[str, Iterable[dict]], longest: float = 60, num_processes: int = 2) -> dict[str, dict]:
    """
    Look for what is wrong with the recordings of conversations:

    - `missing`: an utterance without a file in a medium that the data set has.
    - `corrupt`: the file does not open, lacks the track, has nothing that can be decoded, ends before the utterance does,
      or is damaged where it was decoded. Sound is decoded from end to end; of pictures, the key frames alone are.
    - `zero_length`: the file is empty or lasts 0 s, or the utterance's times span nothing.
    - `too_long`: the utterance is longer than `longest`.
    - `overlapping`: two utterances of a conversation share more than half of the shorter one in the same file (and the
      same half of the picture).
    - `duplicate`: files of different utterances, in any split, with the same contents.

    Args:
        splits: the conversations of each split.
        longest: in seconds.
        num_processes: how many files are read at the same time. 1 reads them in this process, where a file that crashes
            the decoder ends the audit.

    Returns:
        For each split a dict with the number of `conversations`, `utterances` and `files` and, for each of [`KINDS`], a
        list of findings: dicts with `utterances` (ids), `media`, `paths` and `what`, a text.

    Raises:
        ValueError: when no utterance has a recording.
    """
    splits = {split: list(conversations) for split, conversations in splits.items()}
    recordings = _recordings(splits)
    states = inspect_files({recording.path for recording in recordings if recording.path}, num_processes)

    report = {}
    for split, conversations in splits.items():
        of_split = [recording for recording in recordings if recording.split == split]
        report[split] = {
            "conversations": len(conversations),
            "utterances": sum(len(conversation["utterances"]) for conversation in conversations),
            "files": len({recording.path for recording in of_split if recording.path}),
            **{kind: [] for kind in KINDS},
        }
        _find_defects(of_split, states, longest, report[split])
        _find_overlaps(of_split, states, report[split])
    _find_duplicates(recordings, states, report)
    return report


def number_of_findings(report: dict[str, dict]) -> int:
    """How many findings [`audit_media`] made."""
    return sum(len(found[kind]) for found in report.values() for kind in KINDS)


def describe_audit(report: dict[str, dict], first: int = 10) -> str:
    """The counts of each split, and the first findings of each kind."""
    lines = []
    for split, found in report.items():
        counts = ", ".join(f"{len(found[kind])} {kind.replace('_', ' ')}" for kind in KINDS)
        lines.append(f"{split}: {found['utterances']} utterances, {found['files']} files: {counts}")
        for kind in KINDS:
            for finding in found[kind][:first]:
                who = f"{', '.join(finding['utterances'])} ({', '.join(finding['media'])})"
                lines.append(f"  {kind.replace('_', ' ')}: {who}: {finding['what']}")
            if len(found[kind]) > first:
                lines.append(f"  {kind.replace('_', ' ')}: and {len(found[kind]) - first} more")
    return "\n".join(lines)


def _recordings(splits: dict[str, list[dict]]) -> list[Recording]:
    """Every utterance in every medium that the data set has."""
    utterances = [
        (split, conversation["id"], utterance)
        for split, conversations in splits.items()
        for conversation in conversations
        for utterance in conversation["utterances"]
    ]
    media = [medium for medium in MEDIA if any(utterance.get(medium) for _, _, utterance in utterances)]
    if not media:
        raise ValueError(
            "No utterance has a recording: put the recordings where the data set's builder looks for them, or name them "
            "with 'audio' and 'video' in the conversations of a folder."
        )
    return [
        Recording(
            *(split, conversation, utterance["id"], medium, utterance.get(medium)),
            *media_span(utterance, medium),
            utterance.get("video_side") if medium == "video" else None,
        )
        for split, conversation, utterance in utterances
        for medium in media
    ]


def inspect_file(path: str, with_digest: bool = False) -> FileState:
    """Read a file as [`FileState`] describes it."""
    if not Path(path).is_file():
        return FileState()
    state = FileState(size=Path(path).stat().st_size)
    if not state.size:
        return state
    if with_digest:
        with open(path, "rb") as file:
            state.digest = hashlib.file_digest(file, "sha256").hexdigest()
    warn_again(path)
    with _caught_warnings() as warnings:
        try:
            info = probe_media(path)
            state.duration = info.duration
            if info.has_audio:
                state.ends["audio"] = _end_of_audio(path)
            if info.has_video:
                state.ends["video"] = _end_of_video(path)
        except ValueError as error:
            state.problem = str(error)
    state.damage = " ".join(warnings) or None
    return state


@contextmanager
def _caught_warnings() -> Iterator[list[str]]:
    """What the modules of this package log, which is taken out of the log."""
    messages, package = [], logging.getLogger("modeling_amuse.processing")
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())
    propagate, package.propagate = package.propagate, False
    package.addHandler(handler)
    try:
        yield messages
    finally:
        package.removeHandler(handler)
        package.propagate = propagate


def _end_of_audio(path: str) -> float:
    """Up to which second its sound can be decoded, 0 where nothing can."""
    end = 0.0
    with suppress(ValueError):  # nothing can
        for start, waveform in audio_chunks(path):
            end = start + len(waveform) / SAMPLING_RATE
    return end


def _end_of_video(path: str) -> float:
    """Up to which second there are pictures, 0 where no key frame can be decoded."""
    with suppress(ValueError):  # nothing can
        return end_of_key_frames(path)
    return 0.0


def inspect_files(
    paths: Iterable[str], num_processes: int, inspect: Callable[..., FileState] = inspect_file
) -> dict[str, FileState]:
    """
    The state of each file. Contents are hashed where files have the same size. A file that crashes the process that reads
    it is a corrupt one: the others are read without it.
    """
    paths = sorted(paths)
    sizes = {path: Path(path).stat().st_size if Path(path).is_file() else None for path in paths}
    how_often = Counter(sizes.values())
    tasks = {path: how_often[sizes[path]] > 1 for path in paths}
    states = {}
    with tqdm(total=len(tasks), desc="recordings", unit="file") as progress:
        if num_processes == 1:
            for path, with_digest in tasks.items():
                states[path] = inspect(path, with_digest)
                progress.update()
        while len(states) < len(tasks):
            waiting = {path: with_digest for path, with_digest in tasks.items() if path not in states}
            _inspect_in_pool(waiting, num_processes, inspect, states, progress)
            # A crash ends the pool. The files that were being read are the first without a result: each gets a pool.
            unfinished = [path for path in waiting if path not in states]
            for path in unfinished[:num_processes]:
                _inspect_in_pool({path: tasks[path]}, 1, inspect, states, progress)
                if path not in states:
                    states[path] = FileState(size=sizes[path], problem=f"{path} crashes the decoder.")
                    progress.update()
    return states


def _inspect_in_pool(tasks: dict[str, bool], num_processes: int, inspect: Callable, states: dict, progress: tqdm):
    """Add the states of those files that are read before the pool breaks, if it does."""
    with ProcessPoolExecutor(num_processes, multiprocessing.get_context("spawn")) as pool:
        futures = {}
        with suppress(BrokenProcessPool):
            for path, with_digest in tasks.items():
                futures[pool.submit(inspect, path, with_digest)] = path
        for future in as_completed(futures):
            with suppress(BrokenProcessPool):
                states[futures[future]] = future.result()
                progress.update()


def _find_defects(recordings: list[Recording], states: dict[str, FileState], longest: float, found: dict):
    """What is wrong with single utterances. What concerns both media of one file is one finding."""
    media_of = defaultdict(list)
    for recording in recordings:
        state = states.get(recording.path, FileState())
        for kind, what in _defects(recording, state, longest):
            media_of[kind, recording.utterance, recording.path, what].append(recording.medium)
    for (kind, utterance, path, what), media in media_of.items():
        found[kind].append(_finding([utterance], media, [path] if path else [], what))


def _defects(recording: Recording, state: FileState, longest: float) -> Iterator[tuple[str, str]]:
    """The kind of each defect, with a text."""
    medium, length = recording.medium, _length(recording, state)
    if state.size is None:
        yield "missing", f"there is no file {recording.path}" if recording.path else "it has no file"
    elif state.size == 0:
        yield "zero_length", f"{recording.path} is empty"
    elif state.problem:
        yield "corrupt", state.problem
    elif medium not in state.ends:
        yield "corrupt", f"{recording.path} has no {medium} track"
    elif not state.duration:
        yield "zero_length", f"{recording.path} lasts 0 s"
    elif not state.ends[medium]:
        yield "corrupt", f"no {medium} of {recording.path} can be decoded"
    elif length is not None and length <= 0:
        yield "zero_length", f"it lasts from {recording.start:.2f} to {recording.end:.2f} s of {recording.path}"
    else:
        end = state.duration if recording.end is None else recording.end
        if end - state.ends[medium] > max(TOLERATED_SECONDS, TOLERATED_SHARE * (length or 0)):
            yield "corrupt", f"the {medium} of {recording.path} ends at {state.ends[medium]:.2f} s, not at {end:.2f} s"
        elif state.damage:
            yield "corrupt", state.damage
    if length is not None and length > longest:
        yield "too_long", f"it lasts {length:.1f} s"


def _length(recording: Recording, state: FileState) -> float | None:
    """How long an utterance lasts, in seconds; None where neither its times nor its file tell."""
    if recording.start is not None:
        return recording.end - recording.start
    return state.ends.get(recording.medium) or state.duration


def _find_overlaps(recordings: list[Recording], states: dict[str, FileState], found: dict):
    """Pairs of utterances that share more than half of the shorter one."""
    together = defaultdict(list)
    for recording in recordings:
        state = states.get(recording.path, FileState())
        length = _length(recording, state)
        if state.size and length and length > 0:
            start = recording.start or 0.0
            key = (recording.conversation, recording.path, recording.medium, recording.side)
            together[key].append((start, start + length, recording))
    media_of = defaultdict(list)
    for spans in together.values():
        for (start, end, one), (other_start, other_end, other) in itertools.combinations(spans, 2):
            shared = min(end, other_end) - max(start, other_start)
            if shared > min(end - start, other_end - other_start) / 2:
                media_of[one.utterance, other.utterance, one.path].append((one.medium, shared))
    for (*utterances, path), pairs in media_of.items():
        what = f"they share {pairs[0][1]:.2f} s of {path}"
        found["overlapping"].append(_finding(utterances, [medium for medium, _ in pairs], [path], what))


def _find_duplicates(recordings: list[Recording], states: dict[str, FileState], report: dict[str, dict]):
    """Files with the same contents; each split that has one of them is told of all."""
    users = defaultdict(lambda: defaultdict(list))
    for recording in recordings:
        digest = states[recording.path].digest if recording.path else None
        if digest is not None:
            users[digest][recording.path].append(recording)
    for files in users.values():
        if len(files) == 1:
            continue
        copies = [recording for of_file in files.values() for recording in of_file]
        media = sorted({recording.medium for recording in copies})
        names = sorted({f"{recording.split}/{recording.utterance}" for recording in copies})
        for split in dict.fromkeys(recording.split for recording in copies):
            utterances = sorted({recording.utterance for recording in copies if recording.split == split})
            what = f"the same recording is that of {', '.join(names)}"
            report[split]["duplicate"].append(_finding(utterances, media, sorted(files), what))


def _finding(utterances: list[str], media: list[str], paths: list[str], what: str) -> dict:
    return {"utterances": utterances, "media": media, "paths": paths, "what": what}
