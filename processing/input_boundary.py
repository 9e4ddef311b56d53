# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The boundary at each place where input of unknown origin comes in.

Readers use many libraries, each with errors of its own (`zlib.error`, `RecursionError`, `KeyError`, `ArrowInvalid`, ...). Behind
this boundary there are only `ValueError`, for input that is wrong, and `OSError`, for input that is missing or cannot be
opened. Both name the input, and can be printed on a terminal.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .printable_text import printable

LONGEST_CAUSE = 300
"""The number of characters of a library's message that are quoted."""

LONGEST_MESSAGE = 1500
"""The number of characters of a message, apart from the name of the input. Longer ones quote a whole value of it."""


@contextmanager
def boundary(what, remedy: str = "it is damaged, or of another format: save it again.") -> Iterator[None]:
    """
    Errors within the block become those of this package.

    - `ImportError` (a package is missing) and `OSError` of the system (a full disk, no permission) are kept.
    - `ValueError` is kept if its message names the input, and is otherwise raised again with its name.
    - Everything else becomes a `ValueError` with the name of the input, the kind of the error, its message, and the remedy.

    Args:
        what: the input, usually its path. None: messages of `ValueError` name it already.
        remedy: what to do about errors that are not explained otherwise.

    Raises:
        ValueError, OSError, ImportError: as above.
    """
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        refused = as_refusal(error, what, remedy)
        if refused is error:
            raise
        raise refused from error


def as_refusal(error: Exception, what, remedy: str) -> Exception:
    """The error that [`boundary`] raises in place of `error`, which may be the same."""
    name, message = "" if what is None else printable(str(what)), _message(error)
    if isinstance(error, ValueError) and type(error).__module__.split(".")[0] == __name__.split(".")[0]:
        return error  # one of this package's own kinds
    if isinstance(error, OSError):
        if printable(message) == message:
            return error
        return (FileNotFoundError if isinstance(error, FileNotFoundError) else OSError)(printable(message))
    if type(error) is ValueError:
        plain = _shortened(printable(message), len(name))
        if name not in plain:
            return ValueError(f"{name}: {plain}")
        return error if plain == message else ValueError(plain)
    name = name or "What was given"
    if isinstance(error, MemoryError):
        return ValueError(f"{name} takes more memory than this machine has: {remedy}")
    cause = " ".join(printable(message).split())
    cause = cause if len(cause) <= LONGEST_CAUSE else f"{cause[:LONGEST_CAUSE]}..."
    described = type(error).__name__ + (f": {cause}" if cause else "")
    return ValueError(f"{name} cannot be read ({described}): {remedy}")


def _shortened(message: str, more: int) -> str:
    """A message without its middle if it quotes a value of unusual length; `more` characters are those of the input's name."""
    if len(message) <= LONGEST_MESSAGE + more:
        return message
    return f"{message[: LONGEST_MESSAGE * 2 // 3 + more]} ... {message[-LONGEST_MESSAGE // 3 :]}"


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # such as an int of more digits than Python writes
        return ""


def reads_file(remedy: str = "it is damaged, or of another format: save it again.") -> Callable:
    """A decorator for a function whose first argument is the path of a file that it reads: its [`boundary`]."""

    def decorate(read: Callable) -> Callable:
        @functools.wraps(read)
        def bounded(path, *args, **kwargs):
            with boundary(path, remedy):
                return read(path, *args, **kwargs)

        return bounded

    return decorate


__all__ = ["as_refusal", "boundary", "reads_file"]
