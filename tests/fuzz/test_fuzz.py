"""Every transcript and table, however damaged, is either read as usable conversations or refused with an error that names it."""

import os
import time

import pytest
from hypothesis import given, settings

from tests.fuzz import table_strategies, transcript_strategies
from tests.fuzz.fuzzing import GOOD, ending, fuzz
from tests.fuzz.strategies import STRATEGIES, read_usable_table, read_usable_transcript
from tests.processing.transcript_files import saved

EXAMPLES = int(os.environ.get("AMUSE_FUZZ_EXAMPLES", "400"))


@pytest.mark.parametrize("suffix", transcript_strategies.SAMPLES)
def test_the_samples_are_read(tmp_path, suffix):
    for number, text in enumerate(transcript_strategies.SAMPLES[suffix]):
        if suffix in (".ass", ".ttml"):
            pytest.importorskip("pysubs2")
        read_usable_transcript(saved(tmp_path, f"t{number}{suffix}", text))


@pytest.mark.parametrize("suffix", table_strategies.SAMPLES)
def test_the_sample_tables_are_read(tmp_path, suffix):
    for number, text in enumerate(table_strategies.SAMPLES[suffix]):
        read_usable_table(saved(tmp_path, f"t{number}{suffix}", text))


@pytest.mark.parametrize("name", STRATEGIES)
def test_damaged_files_are_read_or_refused(tmp_path_factory, name):
    strategy, read = STRATEGIES[name]

    @settings(max_examples=EXAMPLES if name == "transcripts" else EXAMPLES // 4, deadline=None)
    @given(strategy)
    def run(given_file):
        suffix, content = given_file
        kind, why = ending(read, saved(tmp_path_factory.mktemp("fuzz"), f"talk{suffix}", content), 60)
        assert kind in GOOD, f"{kind}: {why}"

    run()


def _raises(error):
    def read(path):
        raise error(path)

    return read


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda path: None, "read"),
        (_raises(lambda path: ValueError(f"{path} is empty: give another.")), "refused"),
        (_raises(lambda path: ValueError("It is empty.")), "wrong kind"),
        (_raises(lambda path: ValueError(f"{path}: \ud83d")), "wrong kind"),
        (_raises(lambda path: KeyError(str(path))), "wrong kind"),
        (_raises(lambda path: UnicodeDecodeError("utf-8", b"", 0, 1, str(path))), "wrong kind"),
        (_raises(lambda path: AssertionError("ids repeat")), "silent"),
        (lambda path: time.sleep(60), "hang"),
    ],
)
def test_ends_of_a_reader_are_told_apart(tmp_path, read, kind):
    assert ending(read, tmp_path / "talk.srt", 1)[0] == kind


def test_the_command_counts_every_file(tmp_path):
    counts = fuzz("tables", 5, 3, 60, tmp_path)
    assert sum(counts.values()) == 5 and set(counts) <= set(GOOD)
