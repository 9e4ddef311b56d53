# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The errors that a command reports to its user in one line."""

import os

from modeling_amuse.processing.printable_text import printable


class WrongArguments(ValueError):
    """Raised for arguments that contradict each other or have an invalid value. The command exits with status 2."""


def is_of_user(error: BaseException) -> bool:
    """
    Whether an error is caused by the user's input: invalid values, files and folders, or packages that are not installed.
    All other errors are defects of this program.
    """
    if isinstance(error, ImportError):
        return not (error.name or "").startswith("modeling_amuse")
    return isinstance(error, (ValueError, OSError))


def one_line(error: BaseException) -> str:
    """The message of an error in one line."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return printable(f"{error.filename}: {error.strerror}")
    return printable(" ".join(str(error).split())) or type(error).__name__


def is_first_process() -> bool:
    """Whether this is the first process of a launch, which alone reports what is the same in all processes."""
    return os.environ.get("RANK", "0") == "0"
