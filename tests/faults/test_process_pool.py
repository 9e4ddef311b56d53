"""The processes of a pool end when their parent is killed or terminated, and when one of them crashes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

POOL = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from processing.process_pool import process_pool

if __name__ == "__main__":
    with process_pool(2) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(2)}, flush=True)
        pool.submit(time.sleep, 60)
        time.sleep(60)
"""

CRASHES = """
import multiprocessing, os, sys, time
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.process import BaseProcess
sys.path.insert(0, sys.argv[1])
from processing.process_pool import process_pool

def start_late(process, start=BaseProcess.start):
    if multiprocessing.active_children():
        time.sleep(2)  # as on a busy machine: a process that started before has had the time to crash
    start(process)

if __name__ == "__main__":
    BaseProcess.start, futures = start_late, []
    with suppress(BrokenProcessPool), process_pool(2) as pool:
        for _ in range(2):
            futures.append(pool.submit(os._exit, 1))
    print(*{type(future.exception()).__name__ for future in futures}, len(multiprocessing.active_children()))
"""


def is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.is_file() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs /proc")
@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_command_leaves_no_process_behind(tmp_path, ends):
    (tmp_path / "pool.py").write_text(POOL)
    command = [sys.executable, str(tmp_path / "pool.py"), str(ROOT)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    workers = [int(number) for number in parent.stdout.readline().split()]
    assert workers and all(is_running(worker) for worker in workers)
    os.kill(parent.pid, ends)
    parent.wait(30)
    deadline = time.monotonic() + 30
    while any(is_running(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_crash_while_processes_start_ends_the_pool(tmp_path):
    (tmp_path / "pool.py").write_text(CRASHES)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "pool.py"), str(ROOT)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["BrokenProcessPool", "0"], done.stderr
