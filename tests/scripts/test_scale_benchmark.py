"""`scripts/benchmark.py scale` with very small inputs."""

import dataclasses

import pytest

from modeling_amuse.scripts import benchmark
from modeling_amuse.scripts.benchmarks import scale_benchmark

pytest.importorskip("av")
pytest.importorskip("librosa")


def test_the_growth_of_each_series_is_printed(monkeypatch, capsys):
    every = scale_benchmark.all_series

    def small(recognizers):
        return [dataclasses.replace(s, sizes=(2, 4) if s.unit != "seconds" else (8, 12)) for s in every(recognizers)]

    monkeypatch.setattr(scale_benchmark, "all_series", small)
    report = benchmark.main(["scale"])
    printed = capsys.readouterr().out
    assert len(report["series"]) == 9 and all(len(s["points"]) == 2 for s in report["series"])
    assert "recognizing words, by speakers: time grows with the power" in printed
    assert "of 9 series are linear." in printed and " MB" in printed


def test_growth_above_linear_is_marked_in_the_output():
    points = [{"size": 10, "seconds": 1.0, "megabytes": 1.0}, {"size": 100, "seconds": 100.0, "megabytes": 2.0}]
    assert scale_benchmark.exponent(points) == pytest.approx(2)
    series = {"name": "sorting", "unit": "cards", "points": points, "exponent": 2.0}
    assert "power 2.00, MORE THAN LINEAR" in scale_benchmark.as_line(series)
    assert scale_benchmark.as_text({"series": [series, {**series, "exponent": 1.0}]}) == "1 of 2 series are linear."
