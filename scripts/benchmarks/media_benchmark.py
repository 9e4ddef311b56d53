# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The time of each part of recognizing a long recording, and the memory that it takes."""

import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from inspect import isgenerator, isgeneratorfunction
from pathlib import Path
from unittest import mock

import torch

from modeling_amuse import EmotionRecognitionPipeline
from modeling_amuse.processing import (
    diarization,
    feature_extractors,
    recording_features,
    recordings,
    speaker_embeddings,
    speech_to_text,
    utterance_media,
)
from modeling_amuse.processing.controlled.controlled_corpus import compose
from modeling_amuse.processing.controlled.rendered_recording import render_conversation
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.processing_amuse import AmuseProcessor
from modeling_amuse.scripts.recognition.recognition import load_recognizer

SOUND, VIDEO, THE_REST = "decoding of sound", "decoding of video", "the rest"
VOICE, FACES, MODEL = "sound features", "faces", "text, fusion, contexts"
ACTIVITY, SPEAKERS, WORDS = "voice activity", "speaker embeddings, clustering", "speech-to-text"
PARTS = (SOUND, VIDEO, ACTIVITY, SPEAKERS, WORDS, VOICE, FACES, MODEL, THE_REST)

PATCHES = (
    (recordings, "utterances_of_recording", WORDS),
    (speech_to_text, "diarize_voices", SPEAKERS),
    (speech_to_text, "split_by_voice", SPEAKERS),
    (diarization, "find_speech", ACTIVITY),
    (diarization, "_speech_of_channels", ACTIVITY),
    (diarization, "audio_chunks", SOUND),
    (speaker_embeddings, "utterance_waveforms", SOUND),
    (speech_to_text, "utterance_waveforms", SOUND),
    (feature_extractors, "utterance_sounds", SOUND),
    (feature_extractors, "UtteranceLoudness", VOICE),
    (feature_extractors, "utterance_sights", FACES),
    (utterance_media, "utterance_frames", VIDEO),
    (AmuseProcessor, "__call__", MODEL),
    (EmotionRecognitionPipeline, "_forward", MODEL),
    (EmotionRecognitionPipeline, "postprocess", MODEL),
)
"""The functions whose time counts as that of a part, at the place where they are called; nested calls may be other parts."""

PACKAGES = ("torch", "transformers", "numpy", "av", "librosa", "mediapipe", "silero-vad")
RENDERED_UTTERANCES = 15  # about a minute
BITS_PER_SECOND = 2_500_000  # of the video, as is usual for 720p
FACE_SCALE = 560  # pixels of the drawn picture in a frame of 720: its face has the height of 1/3 to 1/2 of the frame
WARM_UP_SECONDS = 5.0


def benchmark_media(
    model: str,
    seconds: float,
    recording: str | Path | None = None,
    transcript: str | Path | None = None,
    speech_model: str | None = None,
) -> dict:
    """
    Measure the recognition of a recording that is repeated until it lasts `seconds`.

    Args:
        model: the folder or Hub id of the model.
        seconds: the duration of the repeated recording.
        recording, transcript: the recording to repeat, and its transcript. None: a rendered conversation.
        speech_model: a Whisper model that transcribes the recording instead of the transcript.

    Returns:
        `model`, `speech_model`, `recording` (`seconds`, `width`, `height`, `frame_rate`, `megabytes`, `utterances`), `parts`
        (for each its `seconds`, `cpu_seconds` of all threads and `real_time_factor`, seconds of work per second of the
        recording), `beside` (the same of what other threads did in
        the meantime), `total`, `memory` (see `measured_memory`), `machine` and `versions`.

    Raises:
        FileNotFoundError, ValueError: when a file cannot be read.
    """
    for path in (recording, transcript):
        if path is not None and not Path(path).is_file():
            raise FileNotFoundError(f"There is no file {path}: give a recording and its transcript.")
    recognizer = load_recognizer(model)
    speech = {} if speech_model is None else {"speech_model": speech_to_text.load_speech_model(speech_model)}
    with tempfile.TemporaryDirectory() as folder:
        if recording is None:
            recording, conversation = render_recording(Path(folder))
        else:
            recording, conversation = Path(recording), recordings.conversations_of_file(recording, transcript)[0]

        def repeated(name: str, length: float) -> tuple[Path, dict]:
            path = Path(folder) / f"{name}{recording.suffix}"
            period = repeat_recording(recording, path, length)
            beside = path.with_suffix(".json")
            beside.write_text(
                json.dumps(repeat_conversation(conversation, period, length), allow_nan=False), encoding="utf-8"
            )
            return path, speech or {"transcript": str(beside)}

        # a warm-up, as imports and loading at the first use do not depend on the length of a recording
        path, options = repeated("warm-up", max(WARM_UP_SECONDS, conversation["utterances"][0]["end"] + 0.1))
        recognizer(str(path), **options)
        path, options = repeated("long", seconds)
        info = probe_media(path)
        stopwatch = Stopwatch()
        with measured_memory() as memory, timed_parts(stopwatch), stopwatch.part(THE_REST):
            utterances = recognizer(str(path), **options)
        megabytes = path.stat().st_size / 2**20
    return {
        "model": str(model),
        "speech_model": speech_model,
        "recording": {
            "seconds": info.duration,
            "width": info.width,
            "height": info.height,
            "frame_rate": info.frame_rate,
            "megabytes": megabytes,
            "utterances": len(utterances),
        },
        "parts": {
            name: with_real_time_factor(*stopwatch.times[name], info.duration)
            for name in PARTS
            if name in stopwatch.times
        },
        "beside": {name: with_real_time_factor(*times, info.duration) for name, times in stopwatch.beside.items()},
        "total": with_real_time_factor(*map(sum, zip(*stopwatch.times.values(), strict=True)), info.duration),
        "memory": memory,
        "machine": {
            "processor": processor_name(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "python": platform.python_version(),
        },
        "versions": installed_versions(),
    }


# ------------------------------------------------------------------------------------------------------- time


class Stopwatch:
    """
    Divides time among parts that may be nested: every moment counts for the innermost part.

    Attributes:
        times: for each part that was entered its seconds and the seconds that all threads of the process computed.
        beside: the same of parts that other threads entered, while this one went on: their own seconds, and those that
            these threads computed, which are also among those of `times`.
    """

    def __init__(self, now: Callable[[], tuple[float, float]] = lambda: (time.perf_counter(), time.process_time())):
        self.times: dict[str, tuple[float, float]] = {}
        self.beside: dict[str, tuple[float, float]] = {}
        self._now, self._entered, self._since = now, [], (0.0, 0.0)
        self._thread = threading.get_ident()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        if threading.get_ident() != self._thread:
            with self._part_beside(name):
                yield
            return
        self._charge()
        self._entered.append(name)
        try:
            yield
        finally:
            self._charge()
            self._entered.pop()

    @contextmanager
    def _part_beside(self, name: str) -> Iterator[None]:
        since = (time.perf_counter(), time.thread_time())
        try:
            yield
        finally:
            before = self.beside.get(name, (0.0, 0.0))
            now = (time.perf_counter(), time.thread_time())
            self.beside[name] = tuple(b + n - s for b, n, s in zip(before, now, since, strict=True))

    def timed(self, function: Callable, name: str) -> Callable:
        """The function, whose time is counted as a part. For a generator, the time between its values is not counted."""

        @wraps(function, updated=())
        def as_part(*args, **kwargs):
            if isgeneratorfunction(function):
                return self._steps(function(*args, **kwargs), name)
            with self.part(name):
                result = function(*args, **kwargs)
            return self._steps(result, name) if isgenerator(result) else result

        return as_part

    def _steps(self, generator: Iterator, name: str) -> Iterator:
        while True:
            with self.part(name):
                try:
                    value = next(generator)
                except StopIteration:
                    return
            yield value

    def _charge(self):
        now = self._now()
        if self._entered:
            before = self.times.get(self._entered[-1], (0.0, 0.0))
            self.times[self._entered[-1]] = tuple(t + n - s for t, n, s in zip(before, now, self._since, strict=True))
        self._since = now


@contextmanager
def timed_parts(stopwatch: Stopwatch) -> Iterator[None]:
    """Count the time of the functions of [`PATCHES`] and of the feature extractors as that of their parts."""
    extract = recording_features.extract_features

    def extract_features(utterances, extractors, *args, **kwargs):
        parts = {stream: VOICE if stream == "audio" else FACES for stream in extractors}
        timed = {stream: stopwatch.timed(compute, parts[stream]) for stream, compute in extractors.items()}
        return extract(utterances, timed, *args, **kwargs)

    with ExitStack() as patches:
        for where, name, part in PATCHES:
            patches.enter_context(mock.patch.object(where, name, stopwatch.timed(getattr(where, name), part)))
        patches.enter_context(mock.patch.object(recording_features, "extract_features", extract_features))
        yield


def with_real_time_factor(seconds: float, cpu_seconds: float, duration: float) -> dict[str, float]:
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "real_time_factor": seconds / duration}


# ----------------------------------------------------------------------------------------------------- memory


@contextmanager
def measured_memory() -> Iterator[dict[str, float]]:
    """
    Measure the resident memory in megabytes (2^20 bytes). At the end, the dict has `before`, the memory at the beginning,
    `peak`, the largest since then (VmHWM of Linux), and `above`, their difference. On other systems it stays empty.
    """
    memory = {}
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        memory["before"] = _megabytes("VmRSS")
    yield memory
    if memory:
        memory["peak"] = max(_megabytes("VmHWM"), memory["before"])  # the system counts pages a little late
        memory["above"] = memory["peak"] - memory["before"]


def _megabytes(name: str) -> float:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1024


# ------------------------------------------------------------------------------------------------- recordings


def render_recording(folder: Path, utterances: int = RENDERED_UTTERANCES) -> tuple[Path, dict]:
    """
    Render a conversation of the controlled corpus as a 720p recording like a camera's.

    Returns:
        The mp4 file in the folder, and the conversation with the times of its utterances.
    """
    written = [utterance for conversation in compose()["test"] for utterance in conversation["utterances"]][:utterances]
    drawn, path = folder / "drawn.mp4", folder / "rendered.mp4"
    times = render_conversation({"id": "rendered", "utterances": written}, drawn)
    film(drawn, path)
    spoken = [
        {key: utterance[key] for key in ("id", "speaker", "text")} | {"start": start, "end": end}
        for utterance, (start, end) in zip(written, times, strict=True)
    ]
    return path, {"id": "rendered", "utterances": spoken}


def film(source: Path, path: Path):
    """Copy a recording into the middle of frames of 1280 x 720, 25 per second, with camera noise and unchanged sound."""
    av = import_extra("av", "media")
    with av.open(str(source)) as drawn, av.open(str(path), "w") as filmed:
        [video], [audio] = drawn.streams.video, drawn.streams.audio
        copied = filmed.add_stream_from_template(audio)
        encoded = filmed.add_stream("libx264", rate=25, options={"preset": "superfast"})
        encoded.width, encoded.height, encoded.pix_fmt = 1280, 720, "yuv420p"
        encoded.bit_rate = BITS_PER_SECOND
        graph = av.filter.Graph()
        steps = [
            graph.add_buffer(template=video),
            graph.add("scale", f"{FACE_SCALE}:{FACE_SCALE}"),
            graph.add("pad", "1280:720:(ow-iw)/2:(oh-ih)/2:gray"),
            graph.add("fps", "25"),
            graph.add("noise", "alls=4:allf=t:all_seed=1"),
            graph.add("format", "yuv420p"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*steps).configure()
        for packet in drawn.demux(video, audio):
            if packet.stream is audio and packet.dts is not None:
                packet.stream = copied
                filmed.mux(packet)
            elif packet.stream is video:
                for frame in packet.decode():
                    graph.push(frame)
                    filmed.mux(_encode(encoded, graph))
        graph.push(None)
        filmed.mux(_encode(encoded, graph))
        filmed.mux(encoded.encode())


def _encode(stream, graph) -> list:
    """The packets of the frames that the filters have finished."""
    av, packets = import_extra("av", "media"), []
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return packets
        frame.pict_type = av.video.frame.PictureType.NONE  # the encoder chooses its key frames
        packets += stream.encode(frame)


def repeat_recording(source: Path, path: Path, seconds: float) -> float:
    """
    Write a recording repeatedly until it lasts `seconds`, without encoding it again.

    Returns:
        The period of the repetition in seconds.
    """
    av = import_extra("av", "media")
    period = _period(source)
    with av.open(str(path), "w") as repeated:
        copies = {}
        for start in _starts(period, seconds):
            with av.open(str(source)) as recording:
                streams = _best_streams(recording)
                copies = copies or {s.index: repeated.add_stream_from_template(s) for s in streams}
                for packet in recording.demux(streams):
                    if packet.dts is None or packet.dts * packet.time_base + start >= seconds:
                        continue
                    shift = round(start / packet.time_base)
                    packet.dts += shift
                    packet.pts = None if packet.pts is None else packet.pts + shift
                    packet.stream = copies[packet.stream.index]
                    repeated.mux(packet)
    return float(period)


def repeat_conversation(conversation: dict, period: float, seconds: float) -> dict:
    """The conversation with the utterances of each repetition, as far as they end before `seconds`."""
    utterances = [
        {
            **{key: utterance[key] for key in ("speaker", "text") if key in utterance},
            "id": f"{utterance['id']}-{number}",
            "start": utterance["start"] + float(start),
            "end": utterance["end"] + float(start),
        }
        for number, start in enumerate(_starts(period, seconds))
        for utterance in conversation["utterances"]
        if utterance["end"] + start <= seconds
    ]
    return {"id": conversation["id"], "utterances": utterances}


def _starts(period: float | Fraction, seconds: float) -> list[Fraction]:
    return [number * Fraction(period) for number in range(int(seconds / period) + 1) if number * period < seconds]


def _period(source: Path) -> Fraction:
    """The seconds from the first packet of the longest stream to the end of its last one."""
    spans = {}
    with import_extra("av", "media").open(str(source)) as recording:
        for packet in recording.demux(_best_streams(recording)):
            if packet.dts is not None:
                begin = packet.dts * packet.time_base
                first, last = spans.get(packet.stream.index, (begin, begin))
                ends = (packet.dts + (packet.duration or 1)) * packet.time_base
                spans[packet.stream.index] = min(first, begin), max(last, ends)
    return max(last - first for first, last in spans.values())


def _best_streams(recording) -> list:
    return [stream for stream in map(recording.streams.best, ("video", "audio")) if stream is not None]


# ----------------------------------------------------------------------------------------------------- report


def as_text(report: dict) -> str:
    """The report as a table."""
    recording, machine, memory = report["recording"], report["machine"], report["memory"]
    picture = f"{recording['width']} x {recording['height']}, {recording['frame_rate'] or 0:.4g} frames a second"
    lines = [
        f"{recording['seconds'] / 3600:.2f} hours of {picture if recording['width'] else 'sound'}, "
        f"{recording['utterances']} utterances, {recording['megabytes']:.0f} MB",
        f"model {report['model']}" + (f", speech model {report['speech_model']}" if report["speech_model"] else ""),
        f"{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, "
        + ", ".join(f"{package} {number}" for package, number in report["versions"].items()),
        "",
        f"{'part':32}{'seconds':>10}{'CPU seconds':>13}{'real-time factor':>18}",
    ]
    for name, part in {**report["parts"], "sum": report["total"]}.items():
        times = f"{part['seconds']:10.1f}{part['cpu_seconds']:13.1f}{part['real_time_factor']:18.4f}"
        lines.append(f"{name:32}{times}")
    for name, part in report["beside"].items():
        times = f"{part['seconds']:10.1f}{part['cpu_seconds']:13.1f}{part['real_time_factor']:18.4f}"
        lines.append(f"{'meanwhile: ' + name:32}{times}")
    lines.append("")
    if memory:
        lines.append(
            f"peak of resident memory: {memory['peak']:.0f} MB, {memory['above']:.0f} MB above the {memory['before']:.0f} MB "
            "with the models loaded and warmed up"
        )
    else:
        lines.append("peak of resident memory: not measured, this needs Linux")
    return "\n".join(lines)


def processor_name() -> str:
    """The name of the processor from Linux, else from the platform module."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def installed_versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
