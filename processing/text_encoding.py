# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Text files whose encoding is not what it should be."""

from collections import Counter
from pathlib import Path

NOT_UTF8 = "bytes in cp1252, not UTF-8"
"""What the report of [`decode_utf8_or_cp1252`] calls the bytes that it replaced."""

# The C1 control characters stand where cp1252 has punctuation: what is left of a copy that was decoded as Latin-1.
_CP1252 = {code: bytes([code]).decode("cp1252", errors="ignore") or None for code in range(0x80, 0xA0)}

# bytes that are not UTF-8, as Python's decoder hands them on
_ESCAPED = {0xDC00 + byte: bytes([byte]).decode("cp1252", errors="replace") for byte in range(0x80, 0x100)}


def decode_utf8_or_cp1252(path: Path) -> tuple[str, Counter]:
    """
    The text of a file that is UTF-8, or has cp1252 characters in it, as bytes or as control characters.

    Returns:
        The text, and counts of what was mended.
    """
    report = Counter()
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="surrogateescape")
    escaped = sum("\udc80" <= character <= "\udcff" for character in text)
    if escaped:
        report[NOT_UTF8] = escaped
        text = text.translate(_ESCAPED)
    controls = sum(0x80 <= ord(character) < 0xA0 for character in text)
    if controls:
        report["cp1252 characters mended"] = controls
        text = text.translate(_CP1252)
    return text, report
