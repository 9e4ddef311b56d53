# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""`scripts/benchmark.py step --against`: the code that is timed, and its batches."""

import shutil
import subprocess
from pathlib import Path

import pytest

from modeling_amuse.scripts.benchmarks import step_comparison
from modeling_amuse.scripts.benchmarks.random_step import CASES, check_tree, random_batch


def test_a_batch_is_padded_as_conversations_are():
    batch = random_batch(CASES["text, prosody"], seed=0)
    places, valid = batch["text_mask"].numel(), int(batch["text_mask"].sum())
    assert 0.5 < 1 - valid / places < 0.9
    assert batch["audio_mask"].sum() == batch["utterance_mask"].sum() == (batch["labels"] != -100).sum()
    assert (batch["text_features"].abs().sum(dim=-1) > 0).sum() == valid


def test_a_step_is_timed_with_the_code_of_its_tree():
    milliseconds = step_comparison.measure(step_comparison.ROOT, "text, prosody", 1, "cpu")
    assert 0 < milliseconds < 600_000
    with pytest.raises(RuntimeError, match="comes from .* not from"):
        check_tree(Path("/another/tree"))


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_tree_of_a_commit_holds_its_files_and_an_unknown_commit_is_refused(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *words], cwd=tmp_path, check=True)

    git("init", "-q")
    (tmp_path / "file.txt").write_text("before")
    git("add", ".")
    git("commit", "-qm", "Add a file")
    (tmp_path / "file.txt").write_text("after")
    monkeypatch.setattr(step_comparison, "ROOT", tmp_path)
    with step_comparison.tree_of("HEAD") as tree:
        assert (tree / "file.txt").read_text() == "before"
    assert not tree.exists()
    with (
        pytest.raises(ValueError, match="--against nowhere: git cannot read this commit"),
        step_comparison.tree_of("nowhere"),
    ):
        pass


def test_the_table_names_both_trees():
    row = {"milliseconds": {"this": 50.0, "other": 100.0}, "ratio": 0.5}
    report = {"against": "0123456789abcdef", "cases": {"text": row}, "repeats": 3, "device": "cpu"}
    assert step_comparison.as_text(report).splitlines()[1].split() == ["text", "50.0", "100.0", "0.50"]
    assert "0123456789ab" in step_comparison.as_text(report)
