"""The options of commands that name data."""

from pathlib import Path


def folder_options(folder: Path, cache: Path | None = None) -> list[str]:
    """The options that name a folder of conversations, for a command that computes on the CPU. Default: its cache is in it."""
    place = ["--dataset_name", "folder", "--data_dir", str(folder)]
    return [*place, "--cache_dir", str(cache or folder / "cache"), "--use_cpu"]
