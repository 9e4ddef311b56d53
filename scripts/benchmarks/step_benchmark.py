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

WORKER = """
import json, runpy, sys
launcher, steps = sys.argv[1], int(sys.argv[2])
runpy.run_path(launcher)
from modeling_amuse.scripts.command.process import prepare_process
prepare_process()
from modeling_amuse.scripts.benchmarks.timed_step import timed_steps
print(json.dumps(timed_steps(steps)))
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
        `threads` (of each setting), `milliseconds` (for each load and setting, the median of the repeats), `ratio` (for
        each load, the default's time divided by that of the faster of one and two threads), `repeats` and `steps`.
    """
    times = {load: {setting: [] for setting in SETTINGS} for load in LOADS}
    threads = {}
    for _ in range(repeats):
        for load in LOADS:
            with busy_process(load != "idle"):
                for setting, variables in SETTINGS.items():
                    measured = measure(variables, steps)
                    times[load][setting].append(measured["milliseconds"])
                    threads[setting] = measured["threads"]
    medians = {load: {setting: median(values) for setting, values in row.items()} for load, row in times.items()}
    ratio = {load: row["default"] / min(row["one thread"], row["two threads"]) for load, row in medians.items()}
    return {"threads": threads, "milliseconds": medians, "ratio": ratio, "repeats": repeats, "steps": steps}


def measure(variables: dict[str, str], steps: int) -> dict:
    """The `milliseconds` of a training step in a process with these variables, and its `threads`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    launcher = Path(__file__).parents[1] / "amuse.py"
    command = [sys.executable, "-c", WORKER, str(launcher), str(steps)]
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
    """The report as a table."""
    lines = [f"{'milliseconds a step':24}" + "".join(f"{setting:>14}" for setting in SETTINGS) + f"{'ratio':>9}"]
    for load, row in report["milliseconds"].items():
        times = "".join(f"{row[setting]:14.1f}" for setting in SETTINGS)
        lines.append(f"{load:24}{times}{report['ratio'][load]:9.2f}")
    lines.append(f"{'threads':24}" + "".join(f"{report['threads'][setting]:14}" for setting in SETTINGS))
    lines.append(
        f"Medians of {report['repeats']} alternating repeats of {report['steps']} steps; ratio: the default by the faster "
        "of one and two threads."
    )
    return "\n".join(lines)
