"""All doors with their random inputs and their checks. A new door is a line in `DOORS`."""

import math
import re
from collections.abc import Callable
from pathlib import Path

from hypothesis.strategies import SearchStrategy

from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.corpora.conversation_builder import schema_row
from modeling_amuse.processing.corpora.conversation_folder import read_conversation_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.transcripts import read_transcripts
from tests.fuzz.annotation_strategies import (
    odd_annotations,
    odd_predictions,
    odd_settings_files,
    read_annotations,
    read_settings_file,
    read_stored,
)
from tests.fuzz.conversation_strategies import odd_conversations, read_conversation
from tests.fuzz.feature_strategies import odd_tables, read_table
from tests.fuzz.given_input import Given
from tests.fuzz.media_strategies import odd_recordings, read_recording
from tests.fuzz.model_strategies import (
    odd_folders,
    odd_processors,
    odd_settings,
    read_model,
    read_processor,
    read_settings,
)
from tests.fuzz.table_strategies import damaged_tables, odd_rows, read_rows
from tests.fuzz.transcript_strategies import damaged_transcripts


def read_usable_transcript(path: Path, given: Given | None = None):
    """
    Read a transcript, and check its conversations.

    Raises:
        AssertionError: when a conversation is not valid.
        ValueError: when the file is refused.
    """
    for conversation in read_transcripts(path):
        assert check_conversations(conversation) == [conversation] and conversation["utterances"]
        check_utterances(conversation["utterances"])


def read_usable_table(path: Path, given: Given | None = None):
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
        is_clean: also check that ids are unique and that texts have no control characters. Tables are allowed both here,
            because ids are only compared within a whole split.
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


DOORS: dict[str, tuple[SearchStrategy[Given], Callable]] = {
    "conversations": (odd_conversations(), read_conversation),
    "transcripts": (damaged_transcripts(), read_usable_transcript),
    "tables": (damaged_tables(), read_usable_table),
    "rows": (odd_rows(), read_rows),
    "feature tables": (odd_tables(), read_table),
    "annotations": (odd_annotations(), read_annotations),
    "predictions": (odd_predictions(), read_stored),
    "recipes and studies": (odd_settings_files(), read_settings_file),
    "configurations": (odd_settings(), read_settings),
    "processors": (odd_processors(), read_processor),
    "model folders": (odd_folders(), read_model),
    "recordings": (odd_recordings(), read_recording),
}
"""For each door the strategy of its inputs, and the function `read(path, given)` that reads one. For a value, path is None."""
