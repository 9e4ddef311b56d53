# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Comparing the times of training steps of this code and of another commit, in alternating processes."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from modeling_amuse.scripts.benchmarks.random_step import CASES

ROOT = Path(__file__).resolve().parents[2]


def compare_steps(commit: str, repeats: int, steps: int, device: str = "cpu") -> dict:
    """
    Measure the time of training steps of this code and of another commit.

    Args:
        commit: the other commit.
        repeats: the number of measurements of each case and tree.
        steps: the number of rounds over four batches in a measurement.
        device: `"cpu"` (one thread) or `"cuda"`.

    Returns:
        For each case `milliseconds` of `this` and of the `other` tree (medians of the repeats) and their `ratio`, this
        divided by the other; `against`, `repeats`, `steps` and `device`.

    Raises:
        ValueError: when this is not a clone with git, or does not have the commit.
    """
    times = {case: {"this": [], "other": []} for case in CASES}
    with tree_of(commit) as other:
        for _ in range(repeats):
            for case, measured in times.items():
                for name, tree in (("this", ROOT), ("other", other)):
                    measured[name].append(measure(tree, case, steps, device))
    cases = {case: {name: median(values) for name, values in measured.items()} for case, measured in times.items()}
    cases = {case: {"milliseconds": row, "ratio": row["this"] / row["other"]} for case, row in cases.items()}
    return {"against": commit, "cases": cases, "repeats": repeats, "steps": steps, "device": device}


@contextmanager
def tree_of(commit: str):
    """The files of a commit in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        archive = ["git", "-C", str(ROOT), "archive", "--format=tar", commit]
        found = subprocess.run(archive, capture_output=True)
        if found.returncode:
            reason = found.stderr.decode(errors="replace").strip()
            raise ValueError(f"--against {commit}: git cannot read this commit in {ROOT} ({reason}).")
        subprocess.run(["tar", "-x", "-C", folder], input=found.stdout, check=True)
        yield Path(folder).resolve()


def measure(tree: Path, case: str, steps: int, device: str) -> float:
    """The milliseconds of a training step with the code of `tree` and one thread."""
    worker = Path(__file__).with_name("random_step.py")
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    # -S ignores editable installations, which would import the modules of their own tree
    command = [sys.executable, "-S", str(worker), str(tree), case, str(steps), device, *packages]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tree)
    if result.returncode:
        raise RuntimeError(f"The step of {tree} failed:\n{result.stderr[-3000:]}")
    return json.loads(result.stdout.splitlines()[-1])["milliseconds"]


def as_text(report: dict) -> str:
    """The report as a table."""
    lines = [f"{'milliseconds a step':24}{'this':>10}{report['against'][:12]:>14}{'ratio':>9}"]
    for case, row in report["cases"].items():
        this, other = row["milliseconds"]["this"], row["milliseconds"]["other"]
        lines.append(f"{case:24}{this:10.1f}{other:14.1f}{row['ratio']:9.2f}")
    where = "CPU time of one thread" if report["device"] == "cpu" else report["device"]
    lines.append(f"Medians of {report['repeats']} alternating repeats, {where}.")
    return "\n".join(lines)
