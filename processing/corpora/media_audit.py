# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The audit of a data set's recordings: it finds missing, damaged and suspicious ones before a model is trained on them."""

import hashlib
import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from modeling_amuse.processing.conversation import media_span
from modeling_amuse.processing.media import warn_again
from modeling_amuse.processing.media_probe import end_of_key_frames, probe_media
from modeling_amuse.processing.process_pool import process_pool
from modeling_amuse.processing.sound_tracks import SAMPLING_RATE, audio_chunks

logger = logging.getLogger(__name__)

KINDS = ("missing", "corrupt", "zero_length", "too_long", "overlapping", "duplicate")
"""The kinds of defects, see [`audit_media`]."""

MEDIA = ("audio", "video")

# a recording counts as too short when more than this is missing at the end of an utterance; clips are not cut exactly
TOLERATED_SECONDS, TOLERATED_SHARE = 0.5, 0.1


@dataclass(frozen=True)
class Recording:
    """The recording of an utterance in one medium: its file, and its start and end there in seconds (None: the whole file)."""

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
    The state of a file.

    Attributes:
        size: its size in bytes, None if there is no file.
        problem: why it cannot be read, or None.
        damage: the warnings of the decoders, or None.
        duration: the duration that the file states, in seconds.
        ends: for each medium that it has a track of, the time in seconds up to which it can be decoded; 0 if nothing can.
        digest: the hash of its contents, if it was requested.
    """

    size: int | None = None
    problem: str | None = None
    damage: str | None = None
    duration: float | None = None
    ends: dict[str, float] = field(default_factory=dict)
    digest: str | None = None


def audit_media(splits: dict[str, Iterable[dict]], longest: float = 60, num_processes: int = 2) -> dict[str, dict]:
    """
    Find defects in the recordings of conversations:

    - `missing`: an utterance has no file in a medium that the data set has.
    - `corrupt`: the file cannot be opened, lacks the track, cannot be decoded, ends before the utterance does, or the
      decoders report damage. Sound is decoded completely, of video only the key frames.
    - `zero_length`: the file is empty or lasts 0 s, or the utterance does not end after its start.
    - `too_long`: the utterance is longer than `longest`.
    - `overlapping`: two utterances of a conversation share more than half of the shorter one in the same file (and the
      same half of the picture).
    - `duplicate`: files of different utterances, in any split, have the same contents.

    Args:
        splits: the conversations of each split.
        longest: the longest plausible utterance, in seconds.
        num_processes: the number of files that are read at the same time. With 1, files are read in this process, and a
            file that crashes the decoder ends the audit.

    Returns:
        For each split a dict with the number of `conversations`, `utterances` and `files` and, for each of [`KINDS`], a
        list of findings: dicts with `utterances` (ids), `media`, `paths` and `what`, a description.

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
    """The number of findings in a report of [`audit_media`]."""
    return sum(len(found[kind]) for found in report.values() for kind in KINDS)


def describe_audit(report: dict[str, dict], first: int = 10) -> str:
    """A text with the counts of each split and the first findings of each kind."""
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
    """The recordings of all utterances in all media that the data set has."""
    utterances = [
        (split, conversation["id"], utterance)
        for split, conversations in splits.items()
        for conversation in conversations
        for utterance in conversation["utterances"]
    ]
    media = [medium for medium in MEDIA if any(utterance.get(medium) for _, _, utterance in utterances)]
    if not media:
        raise ValueError(
            "No utterance has a recording: put the recordings into the folders that the data set's builder expects, or give "
            "their paths as 'audio' and 'video' in your own conversations."
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
    """Read a file and return its [`FileState`]."""
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
    """Collect the warnings of this package's modules instead of logging them."""
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
    """The time in seconds up to which the sound can be decoded, 0 if nothing can."""
    end = 0.0
    with suppress(ValueError):  # nothing can be decoded
        for start, waveform in audio_chunks(path):
            end = start + len(waveform) / SAMPLING_RATE
    return end


def _end_of_video(path: str) -> float:
    """The time in seconds up to which there are pictures, 0 if no key frame can be decoded."""
    with suppress(ValueError):  # nothing can be decoded
        return end_of_key_frames(path)
    return 0.0


def inspect_files(
    paths: Iterable[str], num_processes: int, inspect: Callable[..., FileState] = inspect_file
) -> dict[str, FileState]:
    """
    The state of each file. Files of equal size are hashed to find duplicates. A file that crashes the process that reads it
    is reported as corrupt, and the other files are read without it.
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
            # A crash ends the pool. The files being read are the first ones without a result: each is read in its own pool.
            unfinished = [path for path in waiting if path not in states]
            for path in unfinished[:num_processes]:
                _inspect_in_pool({path: tasks[path]}, 1, inspect, states, progress)
                if path not in states:
                    states[path] = FileState(size=sizes[path], problem=f"{path} crashes the decoder.")
                    progress.update()
    return states


def _inspect_in_pool(tasks: dict[str, bool], num_processes: int, inspect: Callable, states: dict, progress: tqdm):
    """Add the states of the files that are read before the pool breaks, if it does."""
    with process_pool(min(num_processes, len(tasks))) as pool:
        pool.submit(int).result()  # a pool that cannot start is no fault of the files
        try:
            futures = {}
            with suppress(BrokenProcessPool):
                for path, with_digest in tasks.items():
                    futures[pool.submit(inspect, path, with_digest)] = path
            for future in as_completed(futures):
                with suppress(BrokenProcessPool):
                    states[futures[future]] = future.result()
                    progress.update()
        except BaseException:  # such as Ctrl+C: the files that wait are not read
            pool.shutdown(cancel_futures=True)
            raise


def _find_defects(recordings: list[Recording], states: dict[str, FileState], longest: float, found: dict):
    """Find the defects of single utterances. A defect of both media of one file is one finding."""
    media_of = defaultdict(list)
    for recording in recordings:
        state = states.get(recording.path, FileState())
        for kind, what in _defects(recording, state, longest):
            media_of[kind, recording.utterance, recording.path, what].append(recording.medium)
    for (kind, utterance, path, what), media in media_of.items():
        found[kind].append(_finding([utterance], media, [path] if path else [], what))


def _defects(recording: Recording, state: FileState, longest: float) -> Iterator[tuple[str, str]]:
    """The kind and the description of each defect."""
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
    """The duration of an utterance in seconds; None if neither its times nor its file give it."""
    if recording.start is not None:
        return recording.end - recording.start
    return state.ends.get(recording.medium) or state.duration


def _find_overlaps(recordings: list[Recording], states: dict[str, FileState], found: dict):
    """Find pairs of utterances that share more than half of the shorter one."""
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
    """Find files with the same contents; the finding is added to each split that has one of them."""
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
            what = f"the same recording is given for {', '.join(names)}"
            report[split]["duplicate"].append(_finding(utterances, media, sorted(files), what))


def _finding(utterances: list[str], media: list[str], paths: list[str], what: str) -> dict:
    return {"utterances": utterances, "media": media, "paths": paths, "what": what}
