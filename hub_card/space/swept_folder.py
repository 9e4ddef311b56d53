# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The folder of uploads, results and caches. Old files are deleted, including those that a killed page left behind."""

import os
import tempfile
import threading
import time
from pathlib import Path

KEPT_SECONDS = 3600
"""Seconds after its last change from which on a file is deleted."""
SWEPT_EVERY = 300
"""Seconds between two sweeps. A file is kept at most for the sum of both."""
MARKER = ".amuse-page"
"""An empty folder by which the page knows a folder of its own."""


class SweptFolder:
    """
    A folder whose files are deleted when they are too old.

    Args:
        path: the folder. It must hold nothing else, as all of its files are deleted in time. It is created if it is missing,
            and only its owner can read it. One that exists must be empty, or have been used as such a folder before.
        kept_seconds: seconds after its last change from which on a file is deleted.
        swept_every: seconds between two sweeps.

    Raises:
        ValueError: if the path is a link, the folder belongs to another user, who could read the uploads, or it holds files of
            somebody else, which would be deleted.
    """

    def __init__(self, path: Path, kept_seconds: float = KEPT_SECONDS, swept_every: float = SWEPT_EVERY):
        self.path, self.kept_seconds, self.swept_every = path, kept_seconds, swept_every
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_own(path)
        # two folders, as gradio copies a file into its cache only if the file is outside of it
        self.cache, self.work = path / "cache", path / "work"

    def use(self):
        """Sweep now and every `swept_every` seconds, and make gradio and `tempfile` write all of their files here."""
        for folder in (self.cache, self.work):
            folder.mkdir(exist_ok=True)
        os.environ["GRADIO_TEMP_DIR"] = str(self.cache)
        tempfile.tempdir = str(self.work)
        self.sweep()
        threading.Thread(target=self._go_on, name="sweep", daemon=True).start()

    def sweep(self):
        """Delete files that are too old, and empty folders that are as old."""
        oldest = time.time() - self.kept_seconds
        for folder, _, names in os.walk(self.path, topdown=False):
            for name in names:
                _remove(os.path.join(folder, name), oldest, os.unlink)
            if Path(folder) not in (self.path, self.path / MARKER, self.cache, self.work):
                _remove(folder, oldest, os.rmdir)

    def _go_on(self):
        while True:
            time.sleep(self.swept_every)
            self.sweep()


def _remove(path: str, oldest: float, remove):
    try:
        if os.lstat(path).st_mtime < oldest:
            remove(path)
    except OSError:
        pass  # another process deleted it, or the folder is not empty


def _make_own(path: Path):
    """Make sure that the folder is this page's and that nobody else can read it, also if it existed before."""
    if path.is_symlink():
        raise ValueError(
            f"{path} is a link: uploads must lie in a folder of their own. Set AMUSE_PAGE_FOLDER to another one."
        )
    if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
        raise ValueError(
            f"{path} belongs to another user, who could read uploads. Set AMUSE_PAGE_FOLDER to another folder."
        )
    marker = path / MARKER
    # earlier versions did not mark the default folder, whose name is the page's own
    if not marker.is_dir() and path != default_folder() and any(path.iterdir()):
        raise ValueError(
            f"{path} holds files that are not the page's, and its files are deleted when they are an hour old. Set "
            "AMUSE_PAGE_FOLDER to a new or an empty folder."
        )
    path.chmod(0o700)
    marker.mkdir(exist_ok=True)


def default_folder() -> Path:
    """The default folder, one for each user. It is the same after a restart, so that old files are found."""
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"amuse-page-{owner}"
