"""Downloads of MELD's files from a server on this machine that sends them whole, truncated, wrong, or not at all."""

from pathlib import Path

import datasets
import pytest

from modeling_amuse.processing.corpora import meld_download
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.meld_download import checksum, meld_folder
from tests.meld_server import CHECKSUMS, CONTENTS, served_meld


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(meld_download, "CHECKSUMS", CHECKSUMS)
    with served_meld(monkeypatch) as handler:
        yield handler


def test_whole_files_are_fetched_once_and_read(server, tmp_path):
    data = load_conversations("meld", None, str(tmp_path))
    texts = [u["text"] for row in data.splits["validation"] for u in row["utterances"]]
    assert "Lunch in dev_sent_emo.csv!" in texts
    server.requests.clear()
    assert load_conversations("meld", None, str(tmp_path)).report == data.report and not server.requests
    assert {p.name for p in (tmp_path / "meld-annotations").glob("*.csv")} == set(CONTENTS)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("cut", (FileNotFoundError, ValueError), "dev_sent_emo.csv"),
        ("wrong", ValueError, r"dev_sent_emo.csv gave 43 bytes that are not MELD's .* try again"),
        ("missing", FileNotFoundError, r"dev_sent_emo.csv cannot be downloaded \(.*\)"),
    ],
)
def test_what_does_not_arrive_whole_is_not_taken_for_data(server, monkeypatch, tmp_path, how, error, message):
    monkeypatch.setattr(server, "how", how)
    with pytest.raises(error, match=f"(?s){message}.*AMUSE_MELD_DIR"):
        load_conversations("meld", None, str(tmp_path))
    folder = tmp_path / "meld-annotations"
    assert [path.name for path in folder.glob("*.csv")] == ["train_sent_emo.csv"]
    monkeypatch.setattr(server, "how", "whole")
    assert set(load_conversations("meld", None, str(tmp_path)).splits) == {"train", "validation", "test"}


def test_a_damaged_file_of_the_cache_is_fetched_anew(server, tmp_path):
    folder = Path(meld_folder(str(tmp_path), CHECKSUMS))
    (folder / "dev_sent_emo.csv").write_bytes(CONTENTS["dev_sent_emo.csv"][:100])
    server.requests.clear()
    meld_folder(str(tmp_path), CHECKSUMS)
    assert set(server.requests) == {"dev_sent_emo.csv"}
    assert (folder / "dev_sent_emo.csv").read_bytes() == CONTENTS["dev_sent_emo.csv"]


def test_without_a_network_one_sentence_says_what_to_do(server, monkeypatch, tmp_path):
    monkeypatch.setenv("AMUSE_MELD_URL", "http://127.0.0.1:9/MELD")
    with pytest.raises(
        FileNotFoundError, match=r"127.0.0.1:9/MELD/train_sent_emo.csv cannot be downloaded.*AMUSE_MELD_DIR"
    ):
        load_conversations("meld", None, str(tmp_path))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="in offline mode"):
        load_conversations("meld", None, str(tmp_path))


def test_a_copy_of_one_s_own_is_read_where_it_lies(server, monkeypatch, tmp_path):
    for name, contents in CONTENTS.items():
        (tmp_path / name).write_bytes(contents)
    monkeypatch.setenv("AMUSE_MELD_DIR", str(tmp_path))
    assert load_conversations("meld", None, str(tmp_path / "cache")).report["train"]["utterances"] == 3
    assert not server.requests


def test_the_recorded_checksums_are_those_of_the_files(meld_dir):
    for name, expected in meld_download.CHECKSUMS.items():
        contents = (meld_dir / name).read_bytes()
        assert checksum(contents) == checksum(contents.replace(b"\r\n", b"\n")) == expected
