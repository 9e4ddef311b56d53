# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Comparing the time and memory of recognition with this code and with another commit, in alternating processes."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from modeling_amuse.scripts.benchmarks.step_comparison import ROOT

WORKER = """
import runpy, sys
from pathlib import Path
tree, packages, arguments = sys.argv[1], sys.argv[2].split(":"), sys.argv[3:]
sys.path[:1] = [tree]
sys.path += packages
sys.argv = [str(Path(tree) / "scripts" / "benchmark.py"), *arguments]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    if end.code:
        raise
for name, module in list(sys.modules.items()):
    path = getattr(module, "__file__", None)
    if name.split(".")[0] in ("modeling_amuse", "processing", "scripts") and path:
        assert Path(tree) in Path(path).parents, f"{name} comes from {path}, not from {tree}"
"""
"""Runs the benchmark of a tree, and checks that every module is the tree's own."""

QUANTITIES = {
    "real-time factor": lambda report: report["total"]["real_time_factor"],
    "CPU seconds": lambda report: report["total"]["cpu_seconds"],
    "peak memory, MB": lambda report: (report["memory"] or {}).get("peak"),
}
"""What is compared, and how it is found in a report of `benchmark_media`."""


def compare_media(
    commit: str,
    other: Path,
    repeats: int,
    model: str,
    hours: float,
    recording: str,
    transcript: str,
    speech_model: str | None = None,
) -> dict:
    """
    Measure the recognition of a recording with this code and with that of another commit.

    Args:
        commit: the name of the other commit, for the report.
        other: the files of that commit, whose `scripts/benchmark.py media` is run.
        repeats: the number of measurements of each tree.
        model: the folder of the model.
        hours: the duration to which the recording is repeated.
        recording, transcript: the recording and its transcript.
        speech_model: a Whisper model that transcribes the recording instead of the transcript.

    Returns:
        For each of [`QUANTITIES`] the medians of `this` and of the `other` tree and their `ratio`, this divided by the other;
        `against`, `repeats` and `hours`.

    Raises:
        RuntimeError: when the benchmark of a tree fails.
    """
    arguments = ["media", "--model", absolute(model), "--hours", str(hours)]
    arguments += ["--recording", absolute(recording), "--transcript", absolute(transcript)]
    arguments += [] if speech_model is None else ["--speech_model", absolute(speech_model)]
    reports = {"this": [], "other": []}
    for _ in range(repeats):
        for name, tree in (("this", ROOT), ("other", other)):
            reports[name].append(measure(tree, arguments))
    rows = {}
    for quantity, of in QUANTITIES.items():
        row = {name: [of(report) for report in found] for name, found in reports.items()}
        if None not in row["this"] + row["other"]:
            row = {name: median(values) for name, values in row.items()}
            rows[quantity] = {**row, "ratio": row["this"] / row["other"]}
    return {"against": commit, "rows": rows, "repeats": repeats, "hours": hours}


def absolute(name: str) -> str:
    """The absolute path of a file or folder; another name, such as a Hub id, as it is."""
    return str(Path(name).resolve()) if Path(name).exists() else name


def measure(tree: Path, arguments: list[str]) -> dict:
    """The report of the media benchmark of `tree`."""
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        # -S ignores editable installations, which would import the modules of their own tree
        command = [
            sys.executable,
            "-S",
            "-c",
            WORKER,
            str(tree),
            ":".join(packages),
            *arguments,
            "--output",
            str(output),
        ]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
        if result.returncode:
            raise RuntimeError(f"The media benchmark of {tree} failed:\n{result.stderr[-3000:]}")
        return json.loads(output.read_text(encoding="utf-8"))


def as_text(report: dict) -> str:
    """The report as a table."""
    lines = [f"{'':24}{'this':>12}{report['against'][:12]:>14}{'ratio':>9}"]
    for quantity, row in report["rows"].items():
        lines.append(f"{quantity:24}{row['this']:12.4g}{row['other']:14.4g}{row['ratio']:9.2f}")
    lines.append(f"Medians of {report['repeats']} alternating repeats, {60 * report['hours']:g} minutes of recording.")
    return "\n".join(lines)
