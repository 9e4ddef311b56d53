# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Downloading MELD's annotation files from their official repository, with a check of their contents."""

import hashlib
import os
from pathlib import Path

import datasets
from datasets.download import DownloadConfig, DownloadManager

from modeling_amuse.processing.corpora.meld import FILES, SOURCE
from modeling_amuse.processing.whole_files import whole_file

REPOSITORY = "https://raw.githubusercontent.com/declare-lab/MELD/master/data/MELD"
CHECKSUMS = {
    "train_sent_emo.csv": "c28855a9e6e8d75fbeaa8d873a5acb529385c460cf9601024d69ded3b42ad3ba",
    "dev_sent_emo.csv": "e88346e8e5f1e1a71a17738817f4cc4cd376f25a3f1bc52e8955404566aa003a",
    "test_sent_emo.csv": "bc54ee3e5312075be2b69e0e74249406841774d1ef47266e2e966242ef144139",
}
"""SHA-256 of each file with Unix line ends, as git may change the line ends."""

OWN_COPY = "Or download the three files yourself, and give their folder with --data_dir or AMUSE_MELD_DIR."


def meld_folder(cache_dir: str | None = None, checksums: dict[str, str] | None = None) -> str:
    """
    A folder with MELD's three annotation files: the one given by the environment variable `AMUSE_MELD_DIR`, else a folder
    in the cache. The cache is filled at the first call from the official repository, or from the mirror given by
    `AMUSE_MELD_URL`. A file is stored only when it is complete and has the expected checksum.

    Args:
        cache_dir: the folder for the files. Default: the cache of `datasets`.
        checksums: the checksums of the files. Default: [`CHECKSUMS`].

    Raises:
        FileNotFoundError: when a file cannot be downloaded.
        ValueError: when a downloaded file has another checksum.
    """
    own = os.environ.get("AMUSE_MELD_DIR")
    if own:
        return own
    checksums = checksums or CHECKSUMS
    folder = Path(cache_dir or datasets.config.HF_DATASETS_CACHE) / "meld-annotations"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES.values():
        path = folder / name
        if not path.is_file() or checksum(path.read_bytes()) != checksums[name]:
            _fetch(name, path, checksums[name])
    return str(folder)


def checksum(contents: bytes) -> str:
    """The SHA-256 of a text file with its line ends converted to Unix ones."""
    return hashlib.sha256(contents.replace(b"\r\n", b"\n")).hexdigest()


def _fetch(name: str, path: Path, expected: str):
    url = f"{os.environ.get('AMUSE_MELD_URL', REPOSITORY).rstrip('/')}/{name}"
    if datasets.config.HF_HUB_OFFLINE:
        raise FileNotFoundError(f"{url} cannot be downloaded in offline mode (HF_HUB_OFFLINE). {OWN_COPY}")
    config = DownloadConfig(cache_dir=path.parent / "downloads", max_retries=2, force_download=True, disable_tqdm=True)
    manager = DownloadManager(download_config=config, record_checksums=False)
    try:
        fetched = Path(manager.download(url))
        contents = fetched.read_bytes()
    except Exception as error:  # of aiohttp, fsspec, requests or the system; the message gives the reason
        raise FileNotFoundError(
            f"{url} cannot be downloaded ({_reason(error)}): check the network connection. {OWN_COPY}"
        ) from error
    fetched.unlink()
    if checksum(contents) != expected:
        raise ValueError(
            f"{url} gave {len(contents)} bytes that are not MELD's {name} (wrong checksum): the download is incomplete, or is "
            f"another file. It was not stored: try again. {OWN_COPY} {SOURCE}"
        )
    with whole_file(path) as file:
        file.write_bytes(contents)


def _reason(error: BaseException) -> str:
    """The message of the innermost cause of an error."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__
    return " ".join(str(error).split())[:200] or type(error).__name__
