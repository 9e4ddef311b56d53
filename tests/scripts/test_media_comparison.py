"""`scripts/benchmark.py media --against`: each commit runs its own benchmark, and the table shows the ratios of the results."""

import pytest

from modeling_amuse.scripts.benchmarks import media_comparison

BENCHMARK = """
import json, sys
from processing import own
assert sys.argv[1:5] == ["media", "--hours", "0.1", "--output"]
with open(sys.argv[5], "w") as file:
    json.dump({"total": {"real_time_factor": own.FACTOR, "cpu_seconds": 10}, "memory": {"peak": 900}}, file)
"""


def tree_with(folder, factor: float):
    for name in ("scripts", "processing"):
        (folder / name).mkdir(parents=True)
    (folder / "scripts/benchmark.py").write_text(BENCHMARK.replace("import json, sys", START))
    (folder / "processing/own.py").write_text(f"FACTOR = {factor}")
    return folder


START = "import json, sys\nfrom pathlib import Path\nsys.path[0] = str(Path(__file__).resolve().parents[1])"


def test_each_source_tree_runs_its_own_benchmark(tmp_path):
    for factor in (0.5, 0.25):
        tree = tree_with(tmp_path / str(factor), factor)
        report = media_comparison.measure(tree, ["media", "--hours", "0.1"])
        assert report["total"]["real_time_factor"] == factor


def test_modules_from_another_source_tree_are_refused(tmp_path):
    tree, other = tree_with(tmp_path / "tree", 1), tree_with(tmp_path / "other", 2)
    (tree / "processing/own.py").unlink()
    (tree / "processing").rmdir()
    script = tree / "scripts/benchmark.py"
    script.write_text(
        script.read_text().replace("import json, sys\n", f"import json, sys\nsys.path.append({str(other)!r})\n")
    )
    with pytest.raises(RuntimeError, match="comes from .*other.*not from .*tree"):
        media_comparison.measure(tree, ["media", "--hours", "0.1"])


def test_the_table_shows_ratios_of_medians(tmp_path, monkeypatch):
    # in turn: this commit, the other one
    measured = iter([(0.5, 8), (1.0, 10), (0.9, 8), (1.5, 10), (0.6, 8), (1.2, 10)])

    def measure(tree, arguments):
        factor, seconds = next(measured)
        return {"total": {"real_time_factor": factor, "cpu_seconds": seconds}, "memory": None}

    monkeypatch.setattr(media_comparison, "measure", measure)
    report = media_comparison.compare_media(
        "0123456789abcdef", tmp_path, 3, "amuse-sample", 0.1, "talk.mp4", "talk.srt"
    )
    assert report["rows"]["real-time factor"] == {"this": 0.6, "other": 1.2, "ratio": 0.5}
    assert list(report["rows"]) == ["real-time factor", "CPU seconds"]  # the peak memory is only measured on Linux
    lines = media_comparison.as_text(report).splitlines()
    assert "0123456789ab" in lines[0] and lines[1].split()[-1] == "0.50" and lines[2].split()[-1] == "0.80"
    assert "3 alternating repeats, 6 minutes" in lines[-1]
