# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Rendering the conversations of the controlled corpus to mp4 files with synthetic voices and drawn faces."""

import json
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from modeling_amuse.processing.controlled.controlled_corpus import compose
from modeling_amuse.processing.controlled.drawn_face import EXPRESSIONS, Expression, draw_face
from modeling_amuse.processing.controlled.espeak_voice import SAMPLING_RATE, TONES, VOICES, speak
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.json_files import as_json, write_json
from modeling_amuse.processing.process_pool import process_pool
from modeling_amuse.processing.whole_files import whole_file

FRAME_RATE = 5
FRAME_SIZE = 320  # pixels, of the square frame
PAUSE_SECONDS = 0.4
SPLITS = ("train", "validation", "test")
VERSION = 2  # raised when the same conversation is rendered differently


def render_corpus(
    directory: Path,
    seed: int = 0,
    num_processes: int = 2,
    splits: Sequence[str] = SPLITS,
    draws: Sequence[int] = (0,),
):
    """
    Write the controlled corpus: `train.jsonl`, `validation.jsonl`, `test.jsonl` and an mp4 file for each conversation. An
    interrupted rendering continues with the first mp4 file that is not complete.

    Args:
        directory: the folder to write into.
        seed: the seed of the conversations.
        num_processes: the number of conversations that are rendered at a time.
        splits: the splits to write.
        draws: numbers of draws, see [`compose`].

    Raises:
        ValueError: when the folder holds a corpus of another seed, version or draw, or other splits.
    """
    directory = Path(directory)
    made = {"seed": seed, "version": VERSION}
    if tuple(draws) != (0,):
        made["draws"] = list(draws)
    if set(splits) != set(SPLITS):
        made["splits"] = sorted(splits)
    record = directory / "controlled_corpus.json"
    if record.is_file() and json.loads(record.read_text(encoding="utf-8")) != made:
        raise ValueError(
            f"{directory} holds a corpus of another seed, version or draw, or other splits: remove it, or choose another "
            "folder."
        )
    (directory / "media").mkdir(parents=True, exist_ok=True)
    write_json(made, record)
    composed = compose(seed, draws)
    jobs = [(split, conversation) for split in SPLITS if split in splits for conversation in composed[split]]
    with process_pool(num_processes) as pool:
        render = partial(_render_into, directory)
        rendered = list(tqdm(pool.map(render, jobs), total=len(jobs), desc="Rendering", unit="conversation"))
    for split in splits:
        lines = [as_json(c, ensure_ascii=False) for (s, _), c in zip(jobs, rendered, strict=True) if s == split]
        with whole_file(directory / f"{split}.jsonl") as file:
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _render_into(directory: Path, job: tuple[str, dict]) -> dict:
    _, conversation = job
    name = f"media/{conversation['id']}.mp4"
    times = render_conversation(conversation, directory / name)
    utterances = [
        {**utterance, "start": start, "end": end, "audio": name, "video": name}
        for utterance, (start, end) in zip(conversation["utterances"], times, strict=True)
    ]
    return {"id": conversation["id"], "utterances": utterances}


def render_conversation(conversation: dict, path: Path) -> list[tuple[float, float]]:
    """
    Write a conversation as an mp4 file that shows a close-up of the current speaker. An existing file is kept.

    Args:
        conversation: a conversation whose utterances have `speaker`, `text`, `emotion`, `evidence` and `pace`.
        path: the mp4 file.

    Returns:
        The start and end of each utterance in seconds.
    """
    utterances = conversation["utterances"]
    speakers = {}
    for utterance in utterances:
        speakers.setdefault(utterance["speaker"], zlib.crc32(f"{conversation['id']}/{utterance['speaker']}".encode()))
    shown = [{m: u["emotion"] if m in u["evidence"] else "neutral" for m in ("audio", "vision")} for u in utterances]
    waveforms = speak(
        [
            (said(u["text"]), VOICES[speakers[u["speaker"]] % len(VOICES)], TONES[emotion["audio"]].at_pace(u["pace"]))
            for u, emotion in zip(utterances, shown, strict=True)
        ]
    )
    times, start = [], PAUSE_SECONDS
    for waveform in waveforms:
        times.append((round(start, 3), round(start + len(waveform) / SAMPLING_RATE, 3)))
        start = times[-1][1] + PAUSE_SECONDS
    if not Path(path).is_file():
        track = np.zeros(int(start * SAMPLING_RATE) + 1, np.float32)
        for waveform, (begin, _) in zip(waveforms, times, strict=True):
            place = round(begin * SAMPLING_RATE)
            track[place : place + len(waveform)] = waveform
        cast = [(EXPRESSIONS[e["vision"]], speakers[u["speaker"]]) for u, e in zip(utterances, shown, strict=True)]
        with whole_file(Path(path)) as file:
            _write_mp4(file, _frames(track, times, cast), track)
    return times


def said(text: str) -> str:
    """Replace exclamation and question marks by full stops, so that they do not change the tone of the voice."""
    return text.replace("!", ".").replace("?", ".")


def _frames(track: np.ndarray, times: list[tuple[float, float]], cast: list[tuple[Expression, int]]):
    """The picture of each frame, which shows the speaker of the current or the last utterance."""
    spans = [slice(round(begin * SAMPLING_RATE), round(end * SAMPLING_RATE)) for begin, end in times]
    # the mouth is scaled to each utterance's loudness, so that the face does not reveal how loud a voice is
    loudest = [max(float(np.abs(track[span]).max(initial=0)), 1e-6) for span in spans]
    turn = 0
    for number in range(int(len(track) / SAMPLING_RATE * FRAME_RATE) + 1):
        time = number / FRAME_RATE
        while turn + 1 < len(times) and time >= times[turn + 1][0] - PAUSE_SECONDS / 2:
            turn += 1
        place = int(time * SAMPLING_RATE)
        heard = track[max(0, place - SAMPLING_RATE // 20) : place + SAMPLING_RATE // 20]
        mouth = min(1.0, 4 * float(np.sqrt(np.mean(heard**2))) / loudest[turn]) if len(heard) else 0.0
        expression, person = cast[turn]
        yield draw_face(expression, FRAME_SIZE, person, mouth)


def _write_mp4(path: Path, frames, track: np.ndarray):
    av = import_extra("av", "media")
    with av.open(str(path), "w", format="mp4") as container:
        # the file depends on the number of threads, so it is fixed
        video = container.add_stream(
            "libx264", rate=FRAME_RATE, options={"preset": "veryfast", "threads": "1", "crf": "20"}
        )
        video.width = video.height = FRAME_SIZE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLING_RATE, layout="mono")
        for image in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        for start in range(0, len(track), 1024):
            piece = np.ascontiguousarray(track[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SAMPLING_RATE, start
            container.mux(audio.encode(frame))
        container.mux(audio.encode())
