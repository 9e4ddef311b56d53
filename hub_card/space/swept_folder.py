# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The folder of uploads, results and caches, in which nothing stays: not even what a killed page left behind."""

import os
import tempfile
import threading
import time
from pathlib import Path

KEPT_SECONDS = 3600
"""How long a file stays that nobody writes to."""
SWEPT_EVERY = 300
"""Seconds between two sweeps. A file stays at most for the sum of both."""


class SweptFolder:
    """
    A folder whose files are removed by their age.

    Args:
        path: the folder, which belongs to pages alone: everything in it is removed. It is made where it is missing.
        kept_seconds: how long a file stays.
        swept_every: seconds between two sweeps.
    """

    def __init__(self, path: Path, kept_seconds: float = KEPT_SECONDS, swept_every: float = SWEPT_EVERY):
        self.path, self.kept_seconds, self.swept_every = path, kept_seconds, swept_every
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # gradio copies files into its cache only from elsewhere
        self.cache, self.work = path / "cache", path / "work"

    def use(self):
        """Sweep now and from time to time, and let gradio and `tempfile` put all of their files here."""
        for folder in (self.cache, self.work):
            folder.mkdir(exist_ok=True)
        os.environ["GRADIO_TEMP_DIR"] = str(self.cache)
        tempfile.tempdir = str(self.work)
        self.sweep()
        threading.Thread(target=self._go_on, name="sweep", daemon=True).start()

    def sweep(self):
        """Remove the files that are too old, and folders that are empty and as old."""
        oldest = time.time() - self.kept_seconds
        for folder, _, names in os.walk(self.path, topdown=False):
            for name in names:
                _remove(os.path.join(folder, name), oldest, os.unlink)
            if Path(folder) not in (self.path, self.cache, self.work):
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
        pass  # somebody else removed it, or it is not empty yet


def default_folder() -> Path:
    """The folder of this user's pages: the same after a restart."""
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"amuse-page-{owner}"
