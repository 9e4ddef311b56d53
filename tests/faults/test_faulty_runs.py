"""Some kills, full disks and read-only folders; `make faults` makes more of them, for all commands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def closing_line(*options, prefix=()) -> str:
    """The last line of `python -m tests.faults`, which must find no problem."""
    command = [*prefix, sys.executable, "-m", "tests.faults", *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout.splitlines()[-1]


def test_killed_commands_lose_nothing_and_end_with_the_same_results():
    line = closing_line("--kills", "4", "--seed", "1", "--commands", "train", "report")
    assert re.match(r"4 kills \(train 2, report 2\): 0 problems, in \d+ s", line)


def can_mount(folder: Path) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    return bool(shutil.which("unshare")) and not subprocess.run([*OWN_MOUNTS, *mount], capture_output=True).returncode


def test_full_and_read_only_disks_are_reported_and_lose_nothing(tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("needs the right to mount a file system of its own")
    options = ("--full_disk", "--kills", "4", "--seed", "1", "--commands", "train", "evaluate")
    line = closing_line(*options, prefix=OWN_MOUNTS)
    assert line.startswith("4 full or read-only disks (train 2, evaluate 2): 0 problems")
