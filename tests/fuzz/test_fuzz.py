"""Every function that reads input from outside (a "door") accepts odd input, or refuses it with an error that names it."""

import os
import time
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from modeling_amuse.processing.faces import FaceFinder
from tests.fuzz import table_strategies, transcript_strategies
from tests.fuzz.fuzzing import GOOD, dealt, ending, fuzz, time_limit
from tests.fuzz.given_input import Given
from tests.fuzz.strategies import DOORS, read_usable_table, read_usable_transcript
from tests.processing.transcript_files import saved

EXAMPLES = int(os.environ.get("AMUSE_FUZZ_EXAMPLES", "40"))
SHARE = {"transcripts": 3.0, "model folders": 0.3, "recipes and studies": 0.3, "configurations": 0.5}
"""Factors for the number of examples. Doors that take long for each example get fewer."""


@pytest.mark.parametrize("suffix", transcript_strategies.SAMPLES)
def test_the_sample_transcripts_are_read(tmp_path, suffix):
    for number, text in enumerate(transcript_strategies.SAMPLES[suffix]):
        if suffix in (".ass", ".ttml"):
            pytest.importorskip("pysubs2")
        read_usable_transcript(saved(tmp_path, f"t{number}{suffix}", text))


@pytest.mark.parametrize("suffix", table_strategies.SAMPLES)
def test_the_sample_tables_are_read(tmp_path, suffix):
    for number, text in enumerate(table_strategies.SAMPLES[suffix]):
        read_usable_table(saved(tmp_path, f"t{number}{suffix}", text))


@pytest.mark.parametrize("name", DOORS)
def test_odd_input_is_read_or_refused(tmp_path_factory, name):
    if name == "recordings":
        pytest.importorskip("av")
    strategy, read = DOORS[name]

    @settings(
        max_examples=max(10, int(EXAMPLES * SHARE.get(name, 1))), deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(strategy)
    def run(given_input):
        kind, why = ending(read, given_input, tmp_path_factory.mktemp("fuzz"), 60)
        assert kind in GOOD, f"{kind}: {why} [{given_input.what}]"

    run()


def _raises(error):
    def read(path, given_input):
        raise error(path)

    return read


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda path, given_input: None, "read"),
        (_raises(lambda path: ValueError(f"{path} is empty: give another.")), "refused"),
        (_raises(lambda path: OSError(28, "No space left on device")), "refused"),
        (_raises(lambda path: ValueError("It is empty.")), "wrong kind"),
        (_raises(lambda path: ValueError(f"{path}: \ud83d")), "wrong kind"),
        (_raises(lambda path: ValueError(f"{path}: \x1b[31m")), "wrong kind"),
        (_raises(lambda path: KeyError(str(path))), "wrong kind"),
        (_raises(lambda path: UnicodeDecodeError("utf-8", b"", 0, 1, str(path))), "wrong kind"),
        (_raises(lambda path: AssertionError("ids repeat")), "silent"),
        (lambda path, given_input: time.sleep(60), "hang"),
    ],
)
def test_each_outcome_of_a_reader_is_recognized(tmp_path, read, kind):
    assert ending(read, Given(b"x", ".srt"), tmp_path, 1)[0] == kind


def test_faces_are_found_under_a_time_limit_and_after_it():
    pytest.importorskip("mediapipe")
    picture = np.zeros((64, 64, 3), dtype=np.uint8)
    for limit in (nullcontext(), time_limit(60), nullcontext()):
        with limit, FaceFinder() as finder:
            assert finder.find(picture) == []


def test_the_command_counts_every_input(tmp_path):
    counts = fuzz("tables", 5, 3, 60, tmp_path)
    assert sum(counts.values()) == 5 and set(counts) <= set(GOOD)


def test_the_inputs_are_dealt_evenly_to_the_doors():
    assert dealt(10, ["rows", "tables", "rows", "recordings"]) == {"rows": 4, "tables": 3, "recordings": 3}
    assert sum(dealt(10_000, list(DOORS)).values()) == 10_000 and len(dealt(10_000, list(DOORS))) == len(DOORS)
