"""Settings and fixtures that all tests share, among them the folders with real data."""

import gc
import logging
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test uses the network
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# The tests run in several processes, and start more: with more threads than cores, all of them would be slow.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from hypothesis import settings

from tests.forked_processes import fork_where_spawn_is_asked_for

# pytest attaches a handler to every logger that does not propagate. If this one had a handler, torch would write a long record
# of each step of its compiler and its exporter.
logging.getLogger("torch.__trace").propagate = True
gc.disable()  # until all modules are imported and all tests are collected, which leaves no garbage
settings.register_profile("fast", max_examples=10, deadline=None, derandomize=True)
settings.load_profile("fast")
fork_where_spawn_is_asked_for()


LONG_FILES = (
    *("modeling/test_export.py", "project/test_readme.py", "modeling/test_transformers_mixins.py"),
    *("modeling/test_compile.py", "hub/test_space.py", "faults/test_faulty_runs.py", "scripts/test_training.py"),
    *("hub/test_hub.py", "scripts/test_distributed.py", "modeling/test_model_properties.py"),
    *("scripts/test_late_fusion.py", "scripts/test_study.py", "hub/test_second_generation.py"),
    *("hub/test_page_load.py", "scripts/test_scale_benchmark.py", "processing/test_diarization.py"),
    *("scripts/test_protocol.py", "scripts/test_end_to_end.py", "scripts/test_bad_input.py"),
    *("scripts/test_cross_validation.py", "processing/test_recordings.py", "scripts/test_commands.py"),
    *("project/test_package.py", "scripts/test_recognize_damaged.py", "scripts/test_training_options.py"),
    *("scripts/test_make_meld.py", "scripts/test_step_comparison.py", "modeling/test_docstring_examples.py"),
    *("scripts/test_explain_study.py", "scripts/test_trainer.py", "modeling/test_explanation.py"),
    *("hub/test_push_after_training.py", "hub/test_handler.py"),
)
"""Files that take more than about 20 seconds, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]):
    """Start the long files first, so that the processes of a test run end at about the same time."""
    tests = Path(__file__).parent
    places = {tests / name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish():
    """Leave the modules and tests out of garbage collections, which trainings start and which take a second with them."""
    gc.collect()
    gc.freeze()
    gc.enable()


def folder_from_environment(variable: str, what: str) -> Path:
    """The folder that an environment variable names. If there is none, the test is skipped, and the message says why."""
    folder = os.environ.get(variable)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"needs {what}: set {variable} to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def meld_dir() -> Path:
    return folder_from_environment("AMUSE_MELD_DIR", "MELD's CSV files (with the Praat tables in praat/)")


@pytest.fixture(scope="session")
def emorynlp_dir() -> Path:
    return folder_from_environment("AMUSE_EMORYNLP_DIR", "EmoryNLP's CSV files")


@pytest.fixture(scope="session")
def encoders_dir() -> Path:
    return folder_from_environment("AMUSE_ENCODERS_DIR", "pretrained encoders")


SUMMARIES = pytest.StashKey[dict[str, list[str]]]()


@pytest.fixture(scope="session")
def add_to_summary(pytestconfig):
    """A function that takes a title and lines, and prints them at the end of the test run."""
    return pytestconfig.stash.setdefault(SUMMARIES, {}).__setitem__


def pytest_terminal_summary(terminalreporter, config):
    for title, lines in config.stash.get(SUMMARIES, {}).items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """One thread of torch: for small tensors, more threads are slower."""
    import torch  # only here: the process that distributes the tests runs none, and starts the others sooner without it

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seed():
    import torch

    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def restore_torch_settings():
    """Undo the settings of torch that a training changes in this process."""
    import torch

    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


@pytest.fixture(scope="session")
def tiny_text_encoder(tmp_path_factory):
    """A folder with a tiny BERT and its tokenizer, and the hidden size of this BERT."""
    import torch
    from transformers import BertModel

    from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder

    folder = tmp_path_factory.mktemp("tiny-bert")
    config, tokenizer = small_text_encoder(["oh no what is that", "I am so happy for you", "leave me alone"], 300)
    config.update({"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1})
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder), 12
