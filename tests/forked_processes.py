# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Processes that start with torch, transformers and the commands already imported.

Importing them takes several seconds, often longer than what a test does with a process. A server imports them once and is
forked for each process, as multiprocessing's start method `forkserver` does. Python's hash seed is that of the server, so
the processes of one test run iterate over sets in the same order; the test process itself has another hash seed.
"""

import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, _concrete_contexts
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
SERVER: ForkServerContext = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "modeling_amuse",
        "modeling_amuse.processing.corpora.media_audit",
        "modeling_amuse.scripts.extraction.extraction",
        "modeling_amuse.scripts.training.evaluation",
        "modeling_amuse.scripts.training.training_run",
    ]
)


def fork_where_spawn_is_asked_for():
    """Make processes of the start method `spawn`, such as those of the audit's pool, start as forks of the server."""
    _concrete_contexts["spawn"] = SERVER


def environment() -> dict[str, str]:
    """The environment of a command that computes on the CPU with one thread."""
    return {**os.environ, "ACCELERATE_USE_CPU": "true", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def start(script: str | Path, arguments: list[str], folder: Path, variables: dict[str, str]) -> BaseProcess:
    """Start a file of `scripts/`. Its output goes to the files `stdout` and `stderr` in `folder`."""
    settings = (str(ROOT / "scripts" / script), list(map(str, arguments)), str(folder), variables)
    process = SERVER.Process(target=_run_script, args=settings)
    process.start()
    return process


def _run_script(script: str, arguments: list[str], folder: str, variables: dict[str, str]):
    _redirect_output(folder)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir("/")
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


def _redirect_output(folder: str):
    """Write what this process prints, also from C code, to the files `stdout` and `stderr` in `folder`."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)


def output_of(function: Callable[[], None]) -> tuple[int, str, str]:
    """Call a function of a module in a process. Returns the exit status and what was printed to stdout and stderr."""
    with TemporaryDirectory() as folder:
        process = SERVER.Process(target=_call, args=(function, folder))
        process.start()
        process.join(300)
        process.kill()
        process.join()
        return process.exitcode, *(Path(folder, name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))


def _call(function: Callable[[], None], folder: str):
    _redirect_output(folder)
    function()


def run(
    script: str | Path, *arguments, processes: int = 1, timeout: float = 300, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess:
    """
    Run a file of `scripts/`, or one that is given by its whole path, in a process, or in several with the variables that
    torchrun sets.

    Args:
        script: the file's name or path.
        arguments: its arguments.
        processes: the number of processes.
        timeout: the seconds after which the processes are stopped.
        variables: variables of the environment besides those of this process.

    Returns:
        The exit status and the output of the process that failed first; if none failed, those of the first process.
    """
    shared = {**environment(), **(variables or {})}
    if processes > 1:
        shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
        shared |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    with TemporaryDirectory() as parent:
        folders, started = [Path(parent, str(rank)) for rank in range(processes)], []
        for rank, folder in enumerate(folders):
            folder.mkdir()
            ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else {}
            started.append(start(script, arguments, folder, {**shared, **ranks}))
        told = _first_that_failed(started, timeout)
        output = {name: (folders[told] / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")}
    return subprocess.CompletedProcess([script, *map(str, arguments)], started[told].exitcode, **output)


def _first_that_failed(processes: list[BaseProcess], timeout: float) -> int:
    """Wait for the processes, and stop all when one fails or the time is over. Returns its number, or 0 if none failed."""
    numbers, end, failed = (
        {process.sentinel: n for n, process in enumerate(processes)},
        time.monotonic() + timeout,
        None,
    )
    while numbers:
        ended = wait([*numbers], max(0.0, end - time.monotonic())) or [*numbers]
        for number in (numbers.pop(sentinel) for sentinel in ended):
            processes[number].join(0)
            if processes[number].exitcode != 0 and failed is None:
                failed = number
                for process in processes:
                    process.kill()
    for process in processes:
        process.join()
    return failed or 0


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
