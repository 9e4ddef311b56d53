"""
Run commands in forks of one process that has imported everything. A run takes about a second and can be killed at any moment:
after a given time, or just before its n-th operation on a file.
"""

import contextlib
import importlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

OPERATIONS = (
    "open",
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
VOLATILE = {"seconds", "train_seconds", "runs", "num_starts"}
"""Fields of results that differ between equal runs, such as durations and the number of starts."""

ROOMS = ("training", "study", "extraction", "recognition", "export")


def import_everything():
    """Import the code of all commands without computing anything, because threads do not survive a fork."""
    import modeling_amuse.scripts  # noqa: F401
    from modeling_amuse import AmuseConfig  # noqa: F401

    folder = Path(__file__).parents[2] / "scripts"
    for room in ROOMS:
        for path in sorted((folder / room).glob("*.py")):
            importlib.import_module(f"modeling_amuse.scripts.{room}.{path.stem}")
    from modeling_amuse.scripts.study.study_runs import commit

    commit()  # it is cached, so that all runs record the same commit
    for name in ("librosa", "sklearn.manifold", "sklearn.metrics", "matplotlib.figure", "scipy.optimize"):
        importlib.import_module(name)


def fork(work: Callable[[], int | None], log: Path, folder: Path, kill_at: int | None = None) -> int:
    """
    Start `work` in a forked process with its own process group.

    Args:
        work: the function that the process calls. It returns the exit status.
        log: the file for the output of the process.
        folder: file operations in this folder are counted. At the end their number is written to a file beside the log.
        kill_at: the number of the operation before which the process is killed. None: it is not killed.

    Returns:
        The process id.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.setpgid(0, 0)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        counted = _count_operations(folder, kill_at)
        status = work() or 0
        log.with_suffix(".count").write_text(str(counted[0]))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _count_operations(folder: Path, kill_at: int | None) -> list[int]:
    counted, inside, me = [0], str(folder.resolve()), os.getpid()

    def hook(event: str, arguments: tuple):
        if event not in OPERATIONS or os.getpid() != me:
            return
        if event == "open" and not (arguments[2] or 0) & WRITING:
            return
        place = arguments[0]
        if isinstance(place, int) or not os.path.abspath(os.fsdecode(place)).startswith(inside):
            return
        counted[0] += 1
        if counted[0] == kill_at:
            os.kill(me, signal.SIGKILL)

    sys.addaudithook(hook)
    return counted


def wait(process: int, seconds: float | None = None) -> int | None:
    """
    Wait for a process, and kill its group after `seconds`.

    Returns:
        The exit status. None: the process was killed.
    """
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        found, status = os.waitpid(process, 0 if end is None else os.WNOHANG)
        if found:
            break
        time.sleep(0.005)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)  # children that are still running
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None


def contents(folder: Path) -> dict[str, object]:
    """The contents of the files in a folder, without the fields that differ between equal runs."""
    return {str(path.relative_to(folder)): _content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _content(path: Path):
    if path.suffix == ".json":
        return _steady(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        return frame.drop(columns=[name for name in frame if name in VOLATILE]).to_json()
    if path.suffix == ".md":  # the last columns of a row are the seconds of the training and its commit
        return re.sub(r"\| \d+ (\| [^|]+ \|)$", r"\1", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return path.read_bytes()


def _steady(values):
    if isinstance(values, dict):
        return {name: _steady(value) for name, value in values.items() if name not in VOLATILE}
    return [_steady(value) for value in values] if isinstance(values, list) else values
