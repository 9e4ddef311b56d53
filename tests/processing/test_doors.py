"""Whatever a library raises about an input, each place that reads inputs raises a `ValueError` or `OSError` that names it."""

import errno
import importlib
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from safetensors import SafetensorError
from transformers import AutoModel
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel
from transformers.processing_utils import ProcessorMixin

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.encoders import encoder_config_from_pretrained, encoder_from_pretrained
from modeling_amuse.processing.conversation import check_conversations
from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder
from modeling_amuse.processing.corpora.conversation_folder import read_conversation_file
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.hub_conversations import load_from_datasets
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.evaluation.group_folds import read_groups
from modeling_amuse.processing.evaluation.stored_predictions import read_predictions
from modeling_amuse.processing.evaluation.utterance_parts import read_parts
from modeling_amuse.processing.media_probe import probe_media
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.processing.transcripts import read_transcripts
from modeling_amuse.scripts.extraction.feature_pickles import read_plain_pickle
from modeling_amuse.scripts.study.study_description import read_studies
from modeling_amuse.scripts.training.training_arguments import read_recipe

ERRORS = [
    OverflowError("int too large to convert to float"),
    RecursionError("maximum recursion depth exceeded"),
    MemoryError(),
    zlib.error("Error -3 while decompressing data"),
    KeyError("added_tokens"),
    SafetensorError("Error while deserializing header"),
    pa.ArrowInvalid("Could not open Parquet input"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    AttributeError("'list' object has no attribute 'get'"),
    type("ErrorOfALibrary", (Exception,), {})("it is \x1b[31mdamaged"),
]
PROCESSING, CORPORA = "modeling_amuse.processing", "modeling_amuse.processing.corpora"
EVALUATION, SCRIPTS = "modeling_amuse.processing.evaluation", "modeling_amuse.scripts"


def read_rows(path: Path):
    return read_conversation_file(path, DataOptions(), RecordingStore(str(path.parent)))


def read_annotations(path: Path):
    """As the builder of each data set reads its files."""
    builder = SimpleNamespace(options=DataOptions(), read=lambda *_: check_conversations([]))
    return ConversationBuilder._read_file(builder, path, "train")


DOORS: dict[str, tuple[str, str, Callable]] = {
    "transcript": ("talk.srt", f"{PROCESSING}.transcripts.text_of", read_transcripts),
    "workbook": ("talk.xlsx", f"{PROCESSING}.transcripts.contents_of", read_transcripts),
    "table": ("talk.csv", f"{CORPORA}.conversation_folder.read_delimited", read_rows),
    "table in Parquet": ("talk.parquet", f"{CORPORA}.conversation_folder.read_parquet", read_rows),
    "JSON lines": ("talk.jsonl", f"{CORPORA}.conversation_folder.read_json", read_rows),
    "annotations": ("train.csv", f"{__name__}.check_conversations", read_annotations),
    "saved data set": (
        "talks",
        f"{CORPORA}.hub_conversations.open_datasets",
        lambda path: load_from_datasets(str(path), None, None, DataOptions()),
    ),
    "features": ("f.csv", f"{CORPORA}.feature_files.read_text", lambda path: load_feature_tables(str(path), ["train"])),
    "arrays": (
        "f.npy",
        f"{CORPORA}.feature_files._stated_size",
        lambda path: load_feature_tables(str(path), ["train"]),
    ),
    "soft labels": ("v.csv", f"{CORPORA}.soft_labels.read_frame", lambda path: read_soft_labels(path, ["joy", "fear"])),
    "groups": ("g.csv", f"{EVALUATION}.group_folds.read_frame", lambda path: read_groups(path, "scene")),
    "parts": ("p.csv", f"{EVALUATION}.utterance_parts.read_frame", lambda path: read_parts(path, "test")),
    "predictions": ("p.parquet", f"{EVALUATION}.stored_predictions.check_parquet_size", read_predictions),
    "JSON object": ("settings.json", f"{PROCESSING}.plain_json.parsed_json", read_json_object),
    "recipe": (
        "own.yaml",
        f"{SCRIPTS}.training.training_arguments.read_yaml",
        lambda path: read_recipe(str(path), set()),
    ),
    "study": ("own.yaml", f"{SCRIPTS}.study.study_description.read_yaml", lambda path: read_studies(str(path))),
    "pickle": ("f.pkl", f"{SCRIPTS}.extraction.feature_pickles.PlainUnpickler", read_plain_pickle),
    "recording": ("talk.wav", f"{PROCESSING}.media_probe.open_container", probe_media),
}
"""For each door the name of a file, a function that the reader calls, and the reader."""


def failing(error: Exception) -> Callable:
    def fail(*args, **kwargs):
        raise error.with_traceback(None)  # else it would grow with each call

    return fail


def check_refusal(read: Callable, path: Path, error: Exception):
    with pytest.raises((ValueError, OSError)) as caught:
        read(path)
    is_plain = type(caught.value) in (ValueError, FileNotFoundError, OSError, type(error))
    is_plain &= type(caught.value) is ValueError or isinstance(caught.value, OSError)
    assert is_plain and str(path) in str(caught.value) and "\x1b" not in str(caught.value), (error, caught.value)


def make_input(folder: Path, door: str, monkeypatch) -> tuple[Path, Callable, Callable[[Exception], None]]:
    """The file of a door, its reader, and a function that makes what the reader calls raise an error."""
    name, called, read = DOORS[door]
    (folder / name).write_text("a")
    module, function = called.rsplit(".", 1)
    return (
        folder / name,
        read,
        lambda error: monkeypatch.setattr(importlib.import_module(module), function, failing(error)),
    )


@pytest.mark.parametrize("door", DOORS)
def test_each_reader_raises_errors_that_name_the_file(tmp_path, monkeypatch, door):
    path, read, let_fail = make_input(tmp_path, door, monkeypatch)
    for error in ERRORS:
        let_fail(error)
        check_refusal(read, path, error)
    if door == "pickle":
        return  # its names of modules are those of the file
    let_fail(ImportError("pip install av"))
    with pytest.raises(ImportError, match="pip install av"):
        read(path)


LOADERS = {
    "configuration": (PreTrainedConfig, AmuseConfig.from_pretrained),
    "model": (PreTrainedModel, AmuseForEmotionRecognition.from_pretrained),
    "processor": (ProcessorMixin, AmuseProcessor.from_pretrained),
}


@pytest.mark.parametrize("loader", LOADERS)
def test_each_loader_raises_errors_that_name_the_folder(tmp_path, monkeypatch, loader):
    owner, load = LOADERS[loader]
    for error in ERRORS:
        monkeypatch.setattr(owner, "from_pretrained", failing(error))
        check_refusal(load, tmp_path, error)


def test_errors_about_an_encoder_name_its_folder(tiny_text_encoder, monkeypatch):
    folder = Path(tiny_text_encoder[0])
    config = encoder_config_from_pretrained(str(folder))
    for error in ERRORS:
        with monkeypatch.context() as patch:
            patch.setattr(AutoModel, "from_pretrained", failing(error))
            check_refusal(lambda path: encoder_from_pretrained(str(path), config), folder, error)
            patch.setattr("modeling_amuse.encoders.AutoConfig.from_pretrained", failing(error))
            check_refusal(lambda path: encoder_config_from_pretrained(str(path)), folder, error)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_about_given_values_are_value_errors(monkeypatch, error):
    monkeypatch.setattr(f"{PROCESSING}.processing_amuse.check_conversations", failing(error))
    with pytest.raises(ValueError) as caught:
        AmuseProcessor()([{"speaker": "Ada", "text": "Hm."}])
    assert type(caught.value) is ValueError
    monkeypatch.setattr(AmuseConfig, "_check_finite", failing(error))
    with pytest.raises(ValueError) as caught:
        AmuseConfig(text_feature_size=4)
    assert isinstance(error, ValueError) or (type(caught.value) is ValueError and "AmuseConfig" in str(caught.value))


@pytest.mark.parametrize("door", DOORS)
def test_errors_of_the_system_stay_errors_of_the_system(tmp_path, monkeypatch, door):
    path, read, let_fail = make_input(tmp_path, door, monkeypatch)
    for number, kind in ((errno.ENOSPC, OSError), (errno.EACCES, PermissionError)):
        error = OSError(number, "the system says no", str(path))
        assert type(error) is kind
        let_fail(error)
        with pytest.raises(OSError, match="the system says no") as caught:
            read(path)
        assert caught.value.errno == number and str(path) in str(caught.value)
