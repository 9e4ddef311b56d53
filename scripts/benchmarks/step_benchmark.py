# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The time of a training step by the number of threads, on an idle machine and beside a process that computes.

Every measurement runs in its own process, as the threads of torch are set before it is imported. The settings alternate, so
that other load on the machine affects all of them alike.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from statistics import median

SETTINGS = {"one thread": {"OMP_NUM_THREADS": "1"}, "two threads": {"OMP_NUM_THREADS": "2"}, "default": {}}
"""The settings to compare, as environment variables of the launcher; `default` sets none."""
LOADS = ("idle", "beside a busy process")
KINDS = ("trained encoder", "frozen encoder")
"""A frozen encoder's states are computed before the training, so its step consists of smaller operations."""

WORKER = """
import json, runpy, sys
launcher, steps, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
runpy.run_path(launcher)
from modeling_amuse.scripts.command.process import prepare_process
prepare_process()
from modeling_amuse.scripts.benchmarks.timed_step import timed_steps
print(json.dumps(timed_steps(steps, kind)))
"""
BUSY = """
import os
while os.getppid() == int(os.environ["AMUSE_BENCHMARK"]):  # it ends with the benchmark, also when that is killed
    sum(number * number for number in range(10_000))
"""


def benchmark_step(repeats: int, steps: int) -> dict:
    """
    Measure the time of training steps.

    Args:
        repeats: the number of measurements of each setting and load.
        steps: the number of training steps in a measurement, of which the median is taken.

    Returns:
        By kind of step (see [`KINDS`]): `threads` (of each setting), `milliseconds` (for each load and setting, the median
        of the repeats), `ratio` (for each load, the default's time divided by that of the faster of one and two threads);
        and `repeats` and `steps`.
    """
    cases = [(kind, load, setting) for kind in KINDS for load in LOADS for setting in SETTINGS]
    times, threads = {case: [] for case in cases}, {kind: {} for kind in KINDS}
    for _ in range(repeats):
        for load in LOADS:
            with busy_process(load != "idle"):
                for kind, _, setting in [case for case in cases if case[1] == load]:
                    measured = measure(SETTINGS[setting], steps, kind)
                    times[kind, load, setting].append(measured["milliseconds"])
                    threads[kind][setting] = measured["threads"]
    report = {"repeats": repeats, "steps": steps}
    for kind in KINDS:
        medians = {load: {name: median(times[kind, load, name]) for name in SETTINGS} for load in LOADS}
        ratio = {load: row["default"] / min(row["one thread"], row["two threads"]) for load, row in medians.items()}
        report[kind] = {"threads": threads[kind], "milliseconds": medians, "ratio": ratio}
    return report


def measure(variables: dict[str, str], steps: int, kind: str) -> dict:
    """The `milliseconds` of a training step in a process with these variables, and its `threads`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    launcher = Path(__file__).parents[1] / "amuse.py"
    command = [sys.executable, "-c", WORKER, str(launcher), str(steps), kind]
    result = subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=True)
    return json.loads(result.stdout.splitlines()[-1])


@contextmanager
def busy_process(wanted: bool):
    """Run a process that uses one core all the time, if `wanted`."""
    if not wanted:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", BUSY], env={**os.environ, "AMUSE_BENCHMARK": str(os.getpid())})
    try:
        yield
    finally:
        process.kill()
        process.wait()


def as_text(report: dict) -> str:
    """The report as tables."""
    lines = []
    for kind in KINDS:
        found = report[kind]
        lines.append(f"{kind + ', ms a step':28}" + "".join(f"{name:>14}" for name in SETTINGS) + f"{'ratio':>9}")
        for load, row in found["milliseconds"].items():
            times = "".join(f"{row[setting]:14.1f}" for setting in SETTINGS)
            lines.append(f"{load:28}{times}{found['ratio'][load]:9.2f}")
        lines.append(f"{'threads':28}" + "".join(f"{found['threads'][setting]:14}" for setting in SETTINGS) + "\n")
    lines.append(
        f"Medians of {report['repeats']} alternating repeats of {report['steps']} steps; ratio: the default by the faster "
        "of one and two threads."
    )
    return "\n".join(lines)
