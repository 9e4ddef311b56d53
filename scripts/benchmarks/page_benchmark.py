# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The page under load: many requests of all kinds from several visitors at once, to a page of its own on this machine.

Measured are how many requests are answered or refused with a reason, how much memory a second batch adds, what stays in the
page's folder after it is swept, and how long a short request waits beside a long one.
"""

import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path

from modeling_amuse import AmuseProcessor
from modeling_amuse.hub_card.space import swept_folder
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.recordings import conversations_of_file
from modeling_amuse.scripts.benchmarks.media_benchmark import repeat_conversation, repeat_recording
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub

LAUNCHER = Path(__file__).resolve().parents[1] / "amuse.py"
EXAMPLE = Path(swept_folder.__file__).with_name("example")
START_SECONDS = 300
ANSWER_SECONDS = 600

ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"
TALK = "Ada: I am so happy for you\nBen: leave me alone\nAda: oh no, what is that?"


def benchmark_page(model: str, requests: int = 100, visitors: int = 8, long_seconds: float = 600.0) -> dict:
    """
    Start the page of a model, and ask it.

    Args:
        model: folder or Hub id of the model.
        requests: the number of requests of each of the two batches.
        visitors: how many of them are made at the same time.
        long_seconds: the duration of the recording beside which short requests are made. 0: they are not.

    Returns:
        `batches`, with the counts of `kinds`, outcomes and `reasons` of refusals, `seconds` and the `memory` of the page (MB) after each of them;
        `memory_growth`, the share that the second batch adds; `left`, the files after the sweep; `failures`; and
        `beside_long`, with the seconds of each short request beside a long one.

    Raises:
        FileNotFoundError: when there is no such model.
        ImportError: when gradio is not installed.
        RuntimeError: when the page does not start.
    """
    load_from_folder_or_hub(AmuseProcessor, model)  # a missing one is reported here, not by a page that does not start
    import_extra("gradio", "demo")
    with tempfile.TemporaryDirectory() as home:
        media = write_media(Path(home) / "media", long_seconds)
        with running_page(model, Path(home)) as (address, process):
            batches, failures = [], []
            for seed in range(2):
                batch, failed = send_batch(address, media, requests, visitors, seed)
                batches.append({**batch, "memory": memory_of(process)})
                failures += failed
            beside = beside_long(address, media) if long_seconds else None
            left = swept(Path(home) / "kept")
    first, second = (batch["memory"] for batch in batches)
    return {
        "model": str(model),
        "visitors": visitors,
        "batches": batches,
        "memory_growth": None if first is None else second / first - 1,
        "left": left,
        "failures": failures,
        "beside_long": beside,
    }


@contextmanager
def running_page(model: str, home: Path) -> Iterator[tuple[str, int]]:
    """The address of a page and the number of its process. Its folder is `kept` in `home`."""
    port = free_port()
    log = home / "log"
    command = [sys.executable, str(LAUNCHER), "page", "--model", str(model), "--port", str(port)]
    environment = {**os.environ, "AMUSE_PAGE_FOLDER": str(home / "kept"), "GRADIO_ANALYTICS_ENABLED": "False"}
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                urllib.request.urlopen(address, timeout=10).close()
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"The page does not start: {log.read_text()[-2000:]}") from error
                time.sleep(0.3)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    """A free port of this machine, below those that systems give to outgoing connections: these would take it before the page."""
    ports = list(range(20_000, 30_000))
    random.SystemRandom().shuffle(ports)
    for port in ports:
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("There is no free port between 20000 and 30000.")


def write_media(folder: Path, long_seconds: float) -> dict[str, Path]:
    """The files of the requests: the page's example, damaged and foreign ones, and a long recording with its transcript."""
    folder.mkdir(parents=True)
    recording, transcript = EXAMPLE / "talk.mp4", EXAMPLE / "talk.json"
    [conversation] = conversations_of_file(recording, str(transcript))
    contents = recording.read_bytes()
    files = {"recording": recording, "transcript": transcript}
    for name, written in (
        ("cut.mp4", contents[: len(contents) // 2]),
        ("noise.wav", random.Random(0).randbytes(20_000)),
        ("empty.mp4", b""),
        ("broken.json", b'[{"speaker": "Ada", "text": "yes"'),
        (
            "foreign.json",
            json.dumps([{"speaker": "Ada", "text": "yes", "audio": "/etc/passwd"}], allow_nan=False).encode(),
        ),
    ):
        files[name] = folder / name
        files[name].write_bytes(written)
    if long_seconds:
        files["long"] = folder / "long.mp4"
        period = repeat_recording(recording, files["long"], long_seconds)
        repeated = repeat_conversation(conversation, period, long_seconds)
        files["long transcript"] = folder / "long.json"
        files["long transcript"].write_text(json.dumps(repeated, allow_nan=False), encoding="utf-8")
    return files


def kinds_of_requests(media: dict[str, Path]) -> dict[str, tuple]:
    """For each kind of request the name of the page's function and its arguments, of which paths are uploaded."""
    names = [f"Name {chr(65 + n % 26)}{chr(65 + n // 26)}" for n in range(120)]
    recorded = "/recognize_recording"
    return {
        "short conversation": ("/recognize_text", TALK),
        "long conversation": ("/recognize_text", "\n".join(f"{name}: leave me alone" for name in names)),
        "text without names": ("/recognize_text", "who says this?"),
        "no text": ("/recognize_text", ""),
        "too much text": ("/recognize_text", "Ada: " + "word " * 8000),
        "code in text": ("/recognize_text", "Eve<script>: <img src=x onerror=alert(1)> ${7*7} =cmd()\x00\x1b[31m"),
        "recording and transcript": (recorded, media["recording"], media["transcript"], None),
        "recording alone": (recorded, media["recording"], None, None),
        "nothing": (recorded, None, None, None),
        "half a recording": (recorded, media["cut.mp4"], media["transcript"], None),
        "noise": (recorded, media["noise.wav"], media["transcript"], None),
        "empty file": (recorded, media["empty.mp4"], media["transcript"], None),
        "broken transcript": (recorded, media["recording"], media["broken.json"], None),
        "transcript that names files": (recorded, media["recording"], media["foreign.json"], None),
        "odd number of speakers": (recorded, media["recording"], media["transcript"], 2.5),
    }


def send_batch(address: str, media: dict, requests: int, visitors: int, seed: int) -> tuple[dict, list[str]]:
    """Make requests of all kinds in a random order. Returns the counts and times, and a text for each that failed."""
    kinds = kinds_of_requests(media)
    order = [list(kinds)[number % len(kinds)] for number in range(requests)]
    random.Random(seed).shuffle(order)
    clients = threading.local()
    outcomes, failures, reasons = Counter(), [], Counter()

    def ask(kind: str):
        if not hasattr(clients, "client"):
            clients.client = new_client(address)
        outcome, said = asked(clients.client, *kinds[kind])
        outcomes[kind, outcome] += 1
        if outcome == FAILED:
            failures.append(f"{kind}: {said}")
        elif outcome == REFUSED:
            reasons[" ".join(unescape(re.sub("<[^>]*>", "", said)).split())] += 1

    begun = time.monotonic()
    with ThreadPoolExecutor(visitors) as pool:
        list(pool.map(ask, order))
    counts = {kind: {outcome: outcomes[kind, outcome] for k, outcome in outcomes if k == kind} for kind in kinds}
    totals = {
        outcome: sum(found.get(outcome, 0) for found in counts.values()) for outcome in (ANSWERED, REFUSED, FAILED)
    }
    found = {"requests": requests, **totals, "kinds": counts, "reasons": dict(reasons.most_common())}
    return {**found, "seconds": time.monotonic() - begun}, failures


def new_client(address: str):
    """A visitor of the page."""
    return import_extra("gradio_client", "demo").Client(
        address, verbose=False, download_files=False, httpx_kwargs={"timeout": ANSWER_SECONDS}
    )


def asked(client, function: str, *given) -> tuple[str, str]:
    """The outcome of a request, and what was said: a report, or why there is none."""
    gradio_client = import_extra("gradio_client", "demo")
    arguments = [gradio_client.handle_file(str(value)) if isinstance(value, Path) else value for value in given]
    try:
        result, *_ = client.submit(*arguments, api_name=function).result(timeout=ANSWER_SECONDS)
    except gradio_client.exceptions.AppError as error:  # gradio's own refusal, as of a full queue
        return (REFUSED if "queue" in str(error).lower() else FAILED), str(error)
    except Exception as error:
        return FAILED, f"{type(error).__name__}: {error}"
    if 'class="utterances"' in result:
        return ANSWERED, result
    return (REFUSED if 'role="alert"' in result else FAILED), result


def beside_long(address: str, media: dict, most: int = 20) -> dict:
    """Ask for a long recording, and make short requests as long as it is computed."""
    gradio_client = import_extra("gradio_client", "demo")
    patient, visitor, seconds = new_client(address), new_client(address), []
    files = [gradio_client.handle_file(str(media[name])) for name in ("long", "long transcript")]
    begun = time.monotonic()
    long = patient.submit(*files, None, api_name="/recognize_recording")
    status = gradio_client.utils.Status
    while not long.done() and long.status().code not in (status.PROCESSING, status.PROGRESS):
        time.sleep(0.01)
    while not long.done() and len(seconds) < most:
        start = time.monotonic()
        outcome, said = asked(visitor, "/recognize_text", TALK)
        if outcome != ANSWERED:
            raise RuntimeError(f"A short request beside a long one was {outcome}: {said}")
        seconds.append(time.monotonic() - start)
    long.result(timeout=ANSWER_SECONDS)
    return {"long_seconds": time.monotonic() - begun, "short_seconds": seconds}


def swept(folder: Path) -> list[str]:
    """The files that stay in a page's folder after all that is old was removed, and everything counts as old."""
    swept_folder.SweptFolder(folder, kept_seconds=-60).sweep()
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def memory_of(process: int) -> float | None:
    """The resident memory of a process in MB (2^20 bytes); None on systems without /proc."""
    status = Path(f"/proc/{process}/status")
    if not status.is_file():
        return None
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def as_text(report: dict) -> str:
    """The report in words."""
    lines = [f"The page of {report['model']}, {report['visitors']} visitors at once"]
    width = max(len(kind) for batch in report["batches"] for kind in batch["kinds"])
    for number, batch in enumerate(report["batches"], start=1):
        memory = "" if batch["memory"] is None else f", {batch['memory']:.0f} MB of memory after it"
        lines.append(
            f"\nbatch {number}: {batch['requests']} requests, {batch[ANSWERED]} answered, {batch[REFUSED]} refused with a "
            f"reason, {batch[FAILED]} failed, in {batch['seconds']:.0f} s{memory}"
        )
        lines += [
            f"  {kind:{width}}  {', '.join(f'{count} {outcome}' for outcome, count in counts.items())}"
            for kind, counts in batch["kinds"].items()
            if counts
        ]
        lines += [f"  {count} times: {reason[:120]}" for reason, count in batch["reasons"].items()]
    if report["memory_growth"] is not None:
        lines.append(f"\nThe second batch added {report['memory_growth']:+.1%} of memory.")
    lines.append(f"Files in the page's folder after the sweep: {len(report['left'])}")
    lines += report["failures"]
    if beside := report["beside_long"]:
        short = beside["short_seconds"]
        lines.append(
            f"Beside a recording that took {beside['long_seconds']:.0f} s, {len(short)} short requests were answered within "
            f"{max(short, default=0):.1f} s each."
        )
    return "\n".join(lines)
