"""Every transcript, however damaged, is read as a conversation that can be used, or refused with its file, place and remedy."""

import math
import os
import re

import pytest
from hypothesis import given, settings

from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.transcripts import read_transcripts
from tests.fuzz.transcript_strategies import SAMPLES, damaged_transcripts
from tests.processing.transcript_files import saved

EXAMPLES = int(os.environ.get("AMUSE_FUZZ_EXAMPLES", "400"))


def outcome(path) -> str:
    """`read` or `refused`; fails for any other end."""
    try:
        conversations = read_transcripts(path)
    except ValueError as error:
        assert type(error) is ValueError, type(error)
        assert str(path) in str(error) and len(str(error)) < 2000
        str(error).encode()
        return "refused"
    for conversation in conversations:
        assert check_conversations(conversation) == [conversation] and conversation["utterances"]
        ids = [utterance["id"] for utterance in conversation["utterances"]]
        assert len(set(ids)) == len(ids)
        for utterance in conversation["utterances"]:
            words = [utterance["speaker"], utterance.get("text", ""), utterance["id"]]
            "".join(words).encode()
            assert utterance["speaker"].strip() and not re.search("[\x00-\x08\x1b\x7f-\x9f]", "".join(words))
            times = [utterance[key] for key in ("start", "end") if key in utterance]
            assert all(math.isfinite(time) and 0 <= time <= 3_600_000 for time in times) and times == sorted(times)
    return "read"


@pytest.mark.parametrize("suffix", SAMPLES)
def test_the_samples_are_read(tmp_path, suffix):
    for number, text in enumerate(SAMPLES[suffix]):
        if suffix in (".ass", ".ttml"):
            pytest.importorskip("pysubs2")
        assert outcome(saved(tmp_path, f"t{number}{suffix}", text)) == "read"


@settings(max_examples=EXAMPLES, deadline=None)
@given(damaged_transcripts())
def test_damaged_transcripts_are_read_or_refused(tmp_path_factory, given_file):
    suffix, content = given_file
    outcome(saved(tmp_path_factory.mktemp("fuzz"), f"talk{suffix}", content))
