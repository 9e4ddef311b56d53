"""The kinds of random files, and the function that reads each kind. A new strategy is one more line here."""

import math
import re
from pathlib import Path

from hypothesis.strategies import SearchStrategy

from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.corpora.conversation_builder import schema_row
from modeling_amuse.processing.corpora.conversation_folder import read_conversation_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.transcripts import read_transcripts
from tests.fuzz.table_strategies import damaged_tables
from tests.fuzz.transcript_strategies import damaged_transcripts


def read_usable_transcript(path: Path):
    """
    Read a transcript, and check that its conversations can be used.

    Raises:
        AssertionError: if a conversation cannot be used.
        ValueError: if the file is refused.
    """
    for conversation in read_transcripts(path):
        assert check_conversations(conversation) == [conversation] and conversation["utterances"]
        check_utterances(conversation["utterances"])


def read_usable_table(path: Path):
    """Like [`read_usable_transcript`], for a file of a data set."""
    conversations, *_ = read_conversation_file(path, DataOptions(), RecordingStore(str(path.parent / "cache")))
    for conversation in conversations:
        schema_row(conversation)
        assert isinstance(conversation["id"], str) and conversation["id"]
        assert all(u.get("emotion") is None or isinstance(u["emotion"], str) for u in conversation["utterances"])
        check_utterances(conversation["utterances"], is_clean=False)


def check_utterances(utterances: list[dict], is_clean: bool = True):
    """
    Check speakers, texts and times.

    Args:
        is_clean: also check that ids are unique, which for tables is checked in a whole split, and contain no control characters.
    """
    ids = [utterance["id"] for utterance in utterances]
    assert not is_clean or len(set(ids)) == len(ids), "ids repeat"
    for utterance in utterances:
        words = [utterance["speaker"], utterance.get("text") or "", utterance["id"]]
        "".join(words).encode()
        assert utterance["speaker"].strip(), "a speaker without a name"
        assert not is_clean or not re.search("[\x00-\x08\x1b\x7f-\x9f]", "".join(words)), "control characters"
        times = [utterance[key] for key in ("start", "end") if utterance.get(key) is not None]
        assert all(math.isfinite(time) and (0 <= time <= 3_600_000 or not is_clean) for time in times), "times"
        assert times == sorted(times), "an end before its start"


STRATEGIES: dict[str, tuple[SearchStrategy, callable]] = {
    "transcripts": (damaged_transcripts(), read_usable_transcript),
    "tables": (damaged_tables(), read_usable_table),
}
"""For each strategy the hypothesis strategy of its files, as suffix and content, and the function that reads a file."""
