"""Settings and fixtures that the tests share, and the folders of real data."""

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test reaches for the network
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Several processes run the tests, and tests start further ones: more threads than cores make all of them slow.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)  # small tensors: threads cost more time than they save
settings.register_profile("fast", max_examples=10, deadline=None, derandomize=True)
settings.load_profile("fast")


def folder_from_environment(variable: str, what: str) -> Path:
    """The folder that an environment variable names. Skips the test, with what is missing, where there is none."""
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
    """A function of a title and lines, which are printed at the end of the run."""
    return pytestconfig.stash.setdefault(SUMMARIES, {}).__setitem__


def pytest_terminal_summary(terminalreporter, config):
    for title, lines in config.stash.get(SUMMARIES, {}).items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def restore_torch_settings():
    """Undo the settings of torch that a training in this process made."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


@pytest.fixture(scope="session")
def tiny_text_encoder(tmp_path_factory):
    """A folder with a tiny BERT and its tokenizer, and its hidden size."""
    from transformers import BertModel

    from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder

    folder = tmp_path_factory.mktemp("tiny-bert")
    config, tokenizer = small_text_encoder(["oh no what is that", "I am so happy for you", "leave me alone"], 300)
    config.update({"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 1})
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder), 12
