# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Texts of unknown origin in messages: characters that could control a terminal are written as escapes."""

import logging
import re

_UNPRINTABLE = re.compile(
    # control characters but tab and line feed, marks of the writing direction, halves of surrogate pairs
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""
    The text with each character that a terminal would obey, or that cannot be encoded, written as an escape such as `\x1b`.
    Tabs and line feeds are kept.
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


class PrintableMessages(logging.Filter):
    """Makes the message of every record [`printable`]. For loggers and handlers; no record is dropped."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if _UNPRINTABLE.search(message):
            record.msg, record.args = printable(message), ()
        return True


def printable_logger(name: str) -> logging.Logger:
    """`logging.getLogger(name)`, whose messages are [`printable`]: for modules whose messages quote files."""
    logger = logging.getLogger(name)
    if not any(type(known).__name__ == PrintableMessages.__name__ for known in logger.filters):
        logger.addFilter(PrintableMessages())
    return logger


__all__ = ["PrintableMessages", "printable", "printable_logger"]
