"""A few kills, full disks and read-only disks. `make faults` tests more of them, for all commands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import killed_commands
from tests.forked_processes import output_of

ROOT = Path(__file__).parents[2]
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def kill_commands():
    sys.exit(killed_commands.main(["--kills", "4", "--seed", "1", "--commands", "train", "report"]))


def test_killed_commands_lose_nothing_and_end_with_the_same_results():
    status, printed, errors = output_of(kill_commands)
    assert status == 0, printed[-3000:] + errors[-3000:]
    assert re.match(r"4 kills \(train 2, report 2\): 0 problems, in \d+ s", printed.splitlines()[-1])


def can_mount(folder: Path) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    return bool(shutil.which("unshare")) and not subprocess.run([*OWN_MOUNTS, *mount], capture_output=True).returncode


def test_full_and_read_only_disks_are_reported_and_lose_nothing(tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("needs permission to mount a file system")
    options = ("--full_disk", "--kills", "4", "--seed", "1", "--commands", "train", "evaluate")
    command = [*OWN_MOUNTS, sys.executable, "-m", "tests.faults", *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    expected = "4 full or read-only disks (train 2, evaluate 2): 0 problems"
    assert result.stdout.splitlines()[-1].startswith(expected)
