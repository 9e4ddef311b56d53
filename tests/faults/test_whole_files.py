"""Files and folders are written completely or not at all, also with several writers and after a kill."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import SafetensorError

from modeling_amuse.processing import file_locks, whole_files
from modeling_amuse.processing.json_files import as_json, write_json

ROOT = Path(__file__).parents[2]


def started(code: str, *arguments) -> subprocess.Popen:
    """A Python process that runs `code`. It imports only `whole_files` and `file_locks`, which need no other module of ours."""
    prelude = (
        f"import os, sys, time; sys.path.insert(0, {str(ROOT)!r})\nfrom processing import whole_files, file_locks\n"
    )
    command = [sys.executable, "-c", prelude + code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen) -> str:
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return printed


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.name.endswith(".unfinished"))


def test_two_writers_of_one_file_leave_a_whole_one_every_time(tmp_path):
    path = tmp_path / "table.txt"
    code = """
from pathlib import Path
for number in range(80):
    with whole_files.whole_file(Path(sys.argv[1])) as file:
        with file.open("w") as opened:
            for part in range(50):
                opened.write(sys.argv[2] * 100)
                opened.flush()
"""
    path.write_text("a" * 5000)
    writers = [started(code, path, letter) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(path.read_text())
    for writer in writers:
        ended(writer)
    assert seen <= {"a" * 5000, "b" * 5000} and path.read_text() in seen | {"a" * 5000, "b" * 5000}
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("stem", ["x" * 250, "ü" * 125, "with space and 'quotes'"])
def test_any_name_that_a_folder_takes_can_be_written(tmp_path, stem):
    path = tmp_path / f"{stem}.txt"
    with whole_files.whole_file(path) as file:
        file.write_text("whole")
    assert path.read_text() == "whole" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o600])
def test_an_existing_file_keeps_its_mode_and_a_new_one_has_the_usual(tmp_path, mode):
    usual, kept = tmp_path / "usual", tmp_path / "kept"
    usual.touch()
    kept.touch()
    kept.chmod(mode)
    for path in (kept, tmp_path / "new"):
        with whole_files.whole_file(path) as file:
            file.write_text("whole")
    assert kept.stat().st_mode & 0o777 == mode
    assert (tmp_path / "new").stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_goes_on_pointing_to_its_file(tmp_path, exists):
    target, link = tmp_path / "there" / "scores.json", tmp_path / "scores.json"
    target.parent.mkdir()
    if exists:
        target.write_text("old")
    link.symlink_to(Path("there") / "scores.json")
    with whole_files.whole_file(link) as file:
        file.write_text("new")
    assert link.is_symlink() and target.read_text() == "new" and not target.is_symlink()


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    write_json({"accuracy": 0.5}, pipe)
    assert '"accuracy": 0.5' in reader.communicate(timeout=30)[0] and pipe.is_fifo()


def test_an_error_names_the_wanted_file_and_leaves_the_old_one(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), whole_files.whole_file(path) as file:
        file.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    absent = tmp_path / "absent" / "scores.json"
    with pytest.raises(FileNotFoundError, match="absent/scores.json"), whole_files.whole_file(absent):
        pass
    with pytest.raises(IsADirectoryError), whole_files.whole_file(path) as file:
        file.unlink()
        file.mkdir()
        file.write_text("half")


def test_a_folder_appears_whole_and_keeps_its_other_files(tmp_path):
    with whole_files.whole_folder(tmp_path / "new") as folder:
        (folder / "part").mkdir()
        (folder / "part" / "a").write_text("1")
        assert not (tmp_path / "new").exists()
    (tmp_path / "new" / "mine").write_text("kept")
    with pytest.raises(ValueError, match="stop"), whole_files.whole_files(tmp_path / "new") as folder:
        (folder / "part").mkdir()
        (folder / "part" / "a").write_text("2")
        raise ValueError("stop")
    assert (tmp_path / "new" / "part" / "a").read_text() == "1"
    with whole_files.whole_files(tmp_path / "new") as folder:
        (folder / "part").mkdir()
        (folder / "part" / "a").write_text("2")
    assert (tmp_path / "new" / "part" / "a").read_text() == "2"
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["mine", "part"] and left_behind(tmp_path) == []


@pytest.mark.parametrize("writer", [whole_files.whole_folder, whole_files.whole_files])
def test_weights_that_a_full_disk_does_not_hold_are_an_error_of_the_system(tmp_path, writer):
    with pytest.raises(OSError, match="model cannot be written: .*No space left"), writer(tmp_path / "model") as folder:
        (folder / "half").write_text("half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert left_behind(tmp_path) == [] and not (tmp_path / "model" / "half").exists()


@pytest.mark.parametrize("writer", ["whole_folder", "whole_files"])
def test_the_files_of_a_folder_go_where_its_links_point(tmp_path, writer):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to("real")
    if writer == "whole_files":
        (tmp_path / "elsewhere.txt").write_text("old")
        (real / "a.txt").symlink_to("../elsewhere.txt")
    with getattr(whole_files, writer)(link) as folder:
        (folder / "a.txt").write_text("new")
    assert link.is_symlink() and (link / "a.txt").read_text() == "new" and left_behind(tmp_path) == []
    if writer == "whole_files":
        assert (real / "a.txt").is_symlink() and (tmp_path / "elsewhere.txt").read_text() == "new"


@pytest.mark.parametrize("writer", ["whole_file", "whole_folder", "whole_files"])
def test_what_a_killed_process_left_is_removed_by_the_next_but_not_what_is_being_written(tmp_path, writer):
    code = f"""
from pathlib import Path
with whole_files.{writer}(Path(sys.argv[1]) / "wanted") as unfinished:
    print("writing", flush=True)
    time.sleep(100)
"""
    killed, alive = started(code, tmp_path), started(code, tmp_path)
    try:
        assert killed.stdout.readline() == alive.stdout.readline() == "writing\n"
        assert len(left_behind(tmp_path)) == 2
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        assert len(left_behind(tmp_path)) == 2
        for other in (tmp_path / "other", tmp_path / "wanted" / "other"):
            if other.parent.is_dir():
                ended(
                    started(
                        "from pathlib import Path\nwith whole_files.whole_file(Path(sys.argv[1])) as f: f.touch()",
                        other,
                    )
                )
        assert len(left_behind(tmp_path)) == 1
    finally:
        alive.kill()
        alive.wait(30)


def test_a_lock_is_waited_for_no_longer_than_asked(tmp_path):
    code = """
from pathlib import Path
with file_locks.locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(100)
"""
    holder = started(code, tmp_path)
    try:
        assert holder.stdout.readline() == "locked\n"
        holder.send_signal(signal.SIGSTOP)
        with (
            pytest.raises(file_locks.InUse, match="is in use by another process"),
            file_locks.locked(tmp_path, wait=0.2),
        ):
            pass
    finally:
        holder.kill()
        holder.wait(30)
    with file_locks.locked(tmp_path, wait=30):
        pass


def test_one_process_at_a_time_writes_into_a_folder_and_a_killed_one_leaves_no_lock(tmp_path):
    folder = tmp_path / "runs" / "model"
    code = """
from pathlib import Path
with file_locks.only_writer(Path(sys.argv[1]), "training"):
    child = os.fork()
    if child == 0:
        time.sleep(300)
        os._exit(0)
    print(child, flush=True)
    time.sleep(300)
"""
    holder = started(code, folder)
    child = int(holder.stdout.readline())
    try:
        refused = pytest.raises(OSError, match=r"Another training writes into .*model: wait until it ends, or choose")
        with refused, file_locks.only_writer(folder, "training"):
            pass
        holder.kill()  # its child, such as a process that reads data, lives on
        holder.wait(30)
        deadline = time.monotonic() + 30
        while True:
            try:
                with file_locks.only_writer(folder, "training"):
                    break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        os.kill(child, 0)  # it still runs
    finally:
        holder.kill()
        os.kill(child, signal.SIGKILL)
    # nothing was written: not even the folders stay that were created for it
    with file_locks.only_writer(tmp_path / "a" / "b", "training"):
        assert (tmp_path / "a" / "b").is_dir()
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("values", "place"),
    [({"scores": [0.5, {"f1": float("nan")}]}, r"scores\[1\].f1 = nan"), ([float("-inf")], r"\[0\] = -inf")],
)
def test_json_never_has_a_number_that_json_does_not_know(tmp_path, values, place):
    path = tmp_path / "scores.json"
    path.write_text("old")
    with pytest.raises(ValueError, match=f"scores.json has a number that is not finite, {place}"):
        write_json(values, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="The timeline has a number"):
        as_json(values, "The timeline")


def test_all_json_that_the_project_writes_is_checked():
    allowed = ("sha256", "digest", "encode() + b", "order = ", "records = ", "what = ", "json.loads(", "print(")
    for room in ("modeling_amuse", "processing", "scripts", "hub_card"):
        for path in (ROOT / room).rglob("*.py"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if re.search(r"json\.dumps?\(", line):
                    checked = "allow_nan=False" in line or any(word in line for word in allowed)
                    assert checked, f"{path.relative_to(ROOT)}:{number}"
