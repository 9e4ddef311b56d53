"""The page under load, with a small model and few requests. `scripts/benchmark.py page` sends more of them."""

import pytest

from modeling_amuse.scripts import benchmark
from tests.small_models import save_recording_model

pytest.importorskip("gradio", reason="needs gradio: pip install gradio")


@pytest.fixture(scope="module")
def report(tiny_text_encoder, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("model")
    save_recording_model(folder, tiny_text_encoder[0])
    options = ("--requests", "15", "--visitors", "4", "--long_seconds", "40")
    return benchmark.main(["page", "--model", str(folder), *options])


def test_every_request_is_answered_or_refused_with_a_reason(report):
    assert report["failures"] == []
    for batch in report["batches"]:
        assert batch["failed"] == 0 and batch["answered"] + batch["refused"] == batch["requests"] == 15
        kinds = batch["kinds"]
        for kind in ("short conversation", "long conversation", "code in text", "recording and transcript"):
            assert kinds[kind].get("answered") == 1, kind
        for kind in ("no text", "nothing", "noise", "empty file", "broken transcript", "transcript that names files"):
            assert kinds[kind].get("refused") == 1, kind


def test_no_file_stays_in_the_folder_of_the_page(report):
    assert report["left"] == []


def test_a_second_batch_adds_little_memory(report):
    if report["memory_growth"] is not None:
        assert report["memory_growth"] < 0.1  # the first of these few requests import libraries


def test_short_requests_are_answered_beside_a_long_one(report):
    assert report["beside_long"]["short_seconds"]
