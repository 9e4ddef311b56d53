# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Which errors a command tells its user in one line."""

import os


class WrongArguments(ValueError):
    """Arguments that do not go together, or have a value that is not allowed: the command exits with status 2."""


def is_of_user(error: BaseException) -> bool:
    """
    Whether an error is about what the user gave: bad values, files and folders, packages that are not installed. All
    others are defects of this program.
    """
    if isinstance(error, ImportError):
        return not (error.name or "").startswith("modeling_amuse")
    return isinstance(error, (ValueError, OSError))


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def is_first_process() -> bool:
    """False in all but one process of a launch: what is the same in all processes is said by one."""
    return os.environ.get("RANK", "0") == "0"
