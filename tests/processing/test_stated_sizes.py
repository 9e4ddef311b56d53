"""Files that state, or unpack to, more than a machine should hold are refused before memory is taken."""

import struct
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from modeling_amuse.processing import stated_sizes, transcript_notes, transcript_tables
from modeling_amuse.processing.corpora.feature_files import load_feature_tables
from modeling_amuse.processing.corpora.soft_labels import read_soft_labels
from modeling_amuse.processing.evaluation.stored_predictions import read_predictions
from modeling_amuse.processing.transcript_encodings import LARGEST_FILE
from modeling_amuse.processing.transcripts import READERS, read_transcripts


def stop(*args, **kwargs):
    raise AssertionError("the file is read")


@pytest.mark.parametrize("suffix", READERS)
def test_a_transcript_that_is_too_large_is_not_read(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"talk{suffix}"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)  # it takes no space on the disk
    monkeypatch.setattr(Path, "read_bytes", stop)
    monkeypatch.setattr(Path, "read_text", stop)
    with pytest.raises(ValueError, match=r"has more than 512 MiB: this is not the transcript of one conversation"):
        read_transcripts(path)


@pytest.mark.parametrize("suffix", [".xlsx", ".docx"])
def test_an_archive_that_would_unpack_to_too_much_is_not_unpacked(tmp_path, monkeypatch, suffix):
    library = {".xlsx": "openpyxl", ".docx": "docx"}[suffix]
    opened = {".xlsx": "openpyxl.load_workbook", ".docx": "docx.Document"}[suffix]
    pytest.importorskip(library)
    path = tmp_path / f"talk{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "word/document.xml"):
            archive.writestr(name, "<a/>")
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02") + 24  # in the list of contents, the size of the last member when unpacked
    path.write_bytes(content[:at] + struct.pack("<I", 3 * 2**30) + content[at + 4 :])
    monkeypatch.setattr(opened, stop)
    with pytest.raises(ValueError, match=r"would unpack to 3072 MiB: this is not the transcript of one conversation"):
        read_transcripts(path)
    limits = {".xlsx": (transcript_tables, "_LARGEST_SHEET"), ".docx": (transcript_notes, "_LARGEST_DOCUMENT")}
    path.write_bytes(content)
    monkeypatch.setattr(*limits[suffix], 11)  # the members have twelve bytes together
    with pytest.raises(ValueError, match="would unpack to 0 MiB"):
        read_transcripts(path)


@pytest.fixture
def small_machine(monkeypatch):
    """A machine with 10,000 bytes of memory. Arrays and tables are not read on it."""
    monkeypatch.setattr(stated_sizes, "machine_memory", lambda: 10_000)
    monkeypatch.setattr(pd, "read_parquet", stop)
    monkeypatch.setattr(np, "load", stop)


def archive_of(folder: Path, rows: int) -> Path:
    np.savez_compressed(folder / "f.npz", **{f"u{n}": np.zeros((rows, 5)) for n in range(3)})  # a few bytes
    return folder / "f.npz"


def array_of(folder: Path, rows: int) -> Path:
    np.save(folder / "f.npy", np.zeros((rows, 5)))
    (folder / "f_ids.txt").write_text("\n".join(map(str, range(rows))))
    return folder / "f.npy"


def arrays_of(folder: Path, rows: int) -> Path:
    (folder / "arrays").mkdir()
    np.save(folder / "arrays" / "u0.npy", np.zeros((rows, 5)))
    return folder / "arrays"


def votes_of(folder: Path, rows: int) -> Path:
    pd.DataFrame({"utterance_id": ["u"] * rows, "joy": 1.0, "anger": 0.0}).to_parquet(folder / "v.parquet")
    return folder / "v.parquet"


@pytest.mark.parametrize(
    ("make", "read"),
    [
        (archive_of, lambda path: load_feature_tables(str(path), ["train"])),
        (array_of, lambda path: load_feature_tables(str(path), ["train"])),
        (arrays_of, lambda path: load_feature_tables(str(path), ["train"])),
        (votes_of, lambda path: read_soft_labels(path, ["joy", "anger"])),
        (votes_of, read_predictions),
    ],
)
def test_a_table_that_the_machine_does_not_hold_is_not_read(tmp_path, small_machine, make, read):
    path = make(tmp_path, 2000)
    with pytest.raises(ValueError, match="more than the memory of this machine") as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("stated", [(10**12, 5), (7, 5), (0, 5), (2, 10**15)])
def test_an_array_of_another_size_than_its_header_states_is_refused(tmp_path, stated):
    np.save(tmp_path / "f.npy", np.zeros((3, 5)))
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {stated}, }}".encode().ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(120)
    (tmp_path / "f.npy").write_bytes(content)
    (tmp_path / "f_ids.txt").write_text("a\nb\nc")
    with zipfile.ZipFile(tmp_path / "f.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("u0.npy", content)
    for name in ("f.npy", "f.npz"):
        with pytest.raises(ValueError, match="its header states .* bytes of numbers, but it has 120") as caught:
            load_feature_tables(str(tmp_path / name), ["train"])
        assert name in str(caught.value)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_pictures_that_are_too_large_are_not_decoded(tmp_path, monkeypatch, suffix):
    pytest.importorskip("av")
    from modeling_amuse.processing import media
    from modeling_amuse.processing.picture_frames import utterance_frames
    from tests.small_media import numbered_frames, write_video

    path = write_video(tmp_path / f"large{suffix}", numbered_frames(3))
    assert len(list(utterance_frames(path, [(0.0, 0.3)], 10))) == 3
    monkeypatch.setattr(media, "MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(ValueError, match=f"large{suffix}.* can be decoded|large{suffix} cannot be read"):
        list(utterance_frames(path, [(0.0, 0.3)], 10))
