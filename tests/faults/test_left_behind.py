"""What a run creates for itself is gone when it ends; what a killed run left is removed by the next one."""

import json
import os
import signal
import time
from pathlib import Path

import datasets.arrow_writer
import pytest

from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from tests.forked_processes import SERVER
from tests.small_media import speech_like


def write_talks(folder: Path, number: int):
    talks = [{"utterances": [{"speaker": "Ada", "text": f"So {n}.", "emotion": "joy"}]} for n in range(number)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, talks)))


def load(folder: Path):
    return load_conversations("folder", str(folder / "data"), str(folder / "cache"))


def stop_while_storing(folder: Path):
    """Load the data, and wait for ever when the first row is stored."""

    def wait(*_, **__):
        (folder / "is writing").touch()
        time.sleep(600)

    datasets.arrow_writer.ArrowWriter.write = wait
    load(folder)


def incomplete(folder: Path) -> list[Path]:
    return list(folder.rglob("*.incomplete"))


@pytest.mark.parametrize(("changes", "has_lock"), [(True, True), (False, False)])
def test_stored_data_of_a_killed_process_is_removed_by_the_next_but_not_that_of_a_running_one(
    tmp_path, changes, has_lock
):
    (tmp_path / "data").mkdir()
    write_talks(tmp_path / "data", 3)
    process = SERVER.Process(target=stop_while_storing, args=(tmp_path,))
    process.start()
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "is writing").exists():
            assert process.is_alive() and time.monotonic() < deadline
            time.sleep(0.02)
        [path] = incomplete(tmp_path)
        if changes:
            write_talks(tmp_path / "data", 4)
            assert len(load(tmp_path).splits["train"]) == 4
            assert incomplete(tmp_path) == [path]  # the other process still writes
        os.kill(process.pid, signal.SIGKILL)
        process.join(30)
    finally:
        process.kill()
        process.join(30)
    if not has_lock:
        for lock in (tmp_path / "cache").rglob("*.lock"):
            lock.unlink()
    write_talks(tmp_path / "data", 5 if changes else 3)
    assert len(load(tmp_path).splits["train"]) == (5 if changes else 3)
    assert incomplete(tmp_path) == []


def test_recordings_in_rows_are_stored_once_and_completely(tmp_path, monkeypatch):
    store, sound = RecordingStore(str(tmp_path)), {"array": speech_like(0.2), "sampling_rate": 16000}
    first = store.path_of(sound, "a row", "audio")
    assert store.path_of(dict(sound), "another row", "audio") == first
    assert [path.name for path in store.folder.iterdir()] == [Path(first).name]

    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        store.path_of({"bytes": b"RIFF other"}, "a row", "audio")
    assert [path.name for path in store.folder.iterdir()] == [Path(first).name]
