# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The text of a file whose encoding is not stated.

UTF-8 and files with a byte order mark are certain. For others charset-normalizer ranks the candidates; its first answer is
taken only when the text that it gives is plausible and no other candidate is, because short files fit several encodings
and a wrong one replaces the words by others without any error.
"""

import codecs
import re
from pathlib import Path

from .extras import import_extra
from .text_encoding import decode_utf8_or_cp1252
from .warning_messages import warn

LARGEST_FILE = 512 * 2**20  # bytes; a transcript of 1,000 hours is far smaller
_SAMPLE = 200_000  # bytes that are looked at to find the encoding
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257")
_OTHER_SCRIPTS = ("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874")
_EAST_ASIAN = {"cp932": "shift_jis", "euc_jp": "euc_jp", "cp949": "euc_kr", "gb18030": "gb2312", "big5": "big5"}
"""Encodings of two bytes a character, each with the smaller one that holds the characters in common use."""

_ODD_IN_WESTERN = re.compile(
    r"[^\W\d_][¹²³¼½¾¤¦§©¬®¯±´¶¸¿¡£¥¢‰†‡ˆ˜„‹›™ƒ€•…“‚„][^\W\d_]"  # a sign within a word
    r"|[a-zß-öø-ÿ][À-ÖØ-ÞŠŽŒŸ]"  # a capital after a small letter
    r"|[¹³¿£¥][a-z]|[a-z][¹³]\b|[þðÞÐÝýÿ]"  # Polish and Turkish letters, as cp1252 shows them
)


def text_of(path: Path) -> str:
    """
    The text of a file, without its byte order mark.

    Raises:
        FileNotFoundError: when the file does not exist.
        ValueError: when it is empty, no text, or in an encoding that cannot be told.
    """
    text = _decoded(path, contents_of(path))
    if "\0" in text:
        raise ValueError(f"{path} is no text: save the transcript as UTF-8.")
    if not text.strip():
        raise ValueError(f"{path} is empty: give a transcript with at least one utterance.")
    return text


def contents_of(path: Path) -> bytes:
    """The bytes of a file. Raises like [`text_of`]."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no transcript {path}.")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(
            f"{path} has more than {LARGEST_FILE // 2**20} MiB: this is no transcript of one conversation."
        )
    return path.read_bytes()


def _decoded(path: Path, contents: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if contents.startswith(mark):
            try:
                return contents.decode(encoding)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path} begins as {encoding.upper()} but is not ({error}): save it as UTF-8."
                ) from error
    if b"\0" in contents:
        text, encoding = _wide_characters(contents) or (None, None)
        if text is None:
            raise ValueError(f"{path} is no text in UTF-8: save the transcript as UTF-8.")
    elif _is_utf8(contents):
        return decode_utf8_or_cp1252(path)[0]
    elif (damaged := _invalid_bytes(contents)) and damaged * 4 <= _characters_of_several_bytes(contents):
        warn(f"{path} has {damaged} bytes that are no UTF-8: they were read as cp1252. Save the transcript as UTF-8.")
        return decode_utf8_or_cp1252(path)[0]
    else:
        encoding = _encoding_of(path, contents)
        text = decode_utf8_or_cp1252(path)[0] if encoding == "cp1252" else contents.decode(encoding, errors="replace")
    warn(f"{path} is not in UTF-8: it was read in the encoding {encoding}. If letters are wrong, save it as UTF-8.")
    return text


def _is_utf8(contents: bytes) -> bool:
    try:
        contents.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _invalid_bytes(contents: bytes) -> int:
    text = contents[:_SAMPLE].decode("utf-8", errors="surrogateescape")
    return len(re.findall("[\udc80-\udcff]", text))


def _characters_of_several_bytes(contents: bytes) -> int:
    return sum(1 for character in contents[:_SAMPLE].decode("utf-8", errors="ignore") if character > "\x7f")


def _wide_characters(contents: bytes) -> tuple[str, str] | None:
    """The text of UTF-16 or UTF-32 without a byte order mark, and which of them."""
    for encoding, size in (("utf-32-le", 4), ("utf-32-be", 4), ("utf-16-le", 2), ("utf-16-be", 2)):
        if len(contents) % size:
            continue
        try:
            text = contents.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text[:_SAMPLE]
        readable = sum(character.isprintable() or character in "\r\n\t" for character in sample)
        # the ASCII digits, spaces and line ends that every transcript has
        plain = sum(character < "\x80" for character in sample)
        if "\0" not in text and readable >= 0.98 * len(sample) and plain >= 0.2 * len(sample):
            return text, encoding
    return None


def _encoding_of(path: Path, contents: bytes) -> str:
    """The encoding of bytes that are neither UTF-8 nor UTF-16. Raises ValueError where it cannot be told."""
    sample = contents[:_SAMPLE]
    runs = re.findall(rb"([A-Za-z]?)([\xc0-\xff]+)([A-Za-z]?)", sample)
    in_words = sum(bool(before or after) and len(run) <= 2 for before, run, after in runs)
    candidates = _LATIN if 2 * in_words >= len(runs) else (*_OTHER_SCRIPTS, *_EAST_ASIAN)
    if candidates is _LATIN and (text := _strictly(sample, "cp1252")) is not None and not _ODD_IN_WESTERN.search(text):
        return "cp1252"
    plausible = _ranked(sample, candidates)
    if len(plausible) == 1:
        return plausible[0]
    might_be = f" (it might be {' or '.join(plausible)})" if plausible else ""
    raise ValueError(
        f"{path} is not in UTF-8, and its encoding cannot be told from its letters{might_be}: save it as UTF-8."
    )


def _ranked(sample: bytes, candidates: tuple[str, ...]) -> list[str]:
    """The candidates that give plausible texts and are not clearly worse than the best one."""
    try:
        detect = import_extra("charset_normalizer", "transcripts").from_bytes
    except ImportError:
        return []
    # the words alone: numbers and tags, which all encodings share, would make all candidates look good
    words = b"\n".join(re.findall(rb"[^\n\r\x00-\x40\[-`{-\x7f]*[\x80-\xff][^\n\r<>{}]*", sample))
    found = detect(words, cp_isolation=list(candidates), threshold=0.3, language_threshold=0.05)
    ranked = sorted((match.chaos, -match.coherence, match.encoding) for match in found)
    ranked = [
        (chaos, coherence, name)
        for chaos, coherence, name in ranked
        if (text := _strictly(sample, name)) is not None and _is_plausible(text, name)
    ]
    if not ranked:
        return []
    best_chaos, best_coherence, _ = ranked[0]
    close = [
        name for chaos, coherence, name in ranked if chaos <= best_chaos + 0.03 and coherence <= best_coherence + 0.15
    ]
    texts = {}
    for name in close:
        texts.setdefault(_strictly(sample, name), name)
    return list(texts.values())


def _strictly(sample: bytes, encoding: str) -> str | None:
    """The sample's text, None where it is none; up to three bytes at its end may be half a character."""
    for cut in range(4 if len(sample) == _SAMPLE else 1):
        try:
            return sample[: len(sample) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _is_plausible(text: str, encoding: str) -> bool:
    letters = [character for character in text if character > "\x7f" and character.isalpha()]
    if not letters:
        return False
    if encoding not in _EAST_ASIAN:
        return encoding not in _LATIN or not _ODD_IN_WESTERN.search(text)
    kana = sum("\u3040" <= letter <= "\u30ff" for letter in letters) / len(letters)
    halfwidth = sum("\uff61" <= letter <= "\uff9f" for letter in letters) / len(letters)
    hangul = sum("\uac00" <= letter <= "\ud7a3" for letter in letters) / len(letters)
    common = _share_in_common_use(letters, encoding)
    if encoding in ("cp932", "euc_jp"):
        return kana >= 0.2 and halfwidth < 0.2 and common >= 0.95
    if encoding == "cp949":
        return hangul >= 0.8 and common >= 0.95
    return kana < 0.05 and hangul < 0.05 and common >= 0.7


def _share_in_common_use(letters: list[str], encoding: str) -> float:
    """How many of the letters are in the part of the character set that holds the usual ones."""
    levels = {"gb18030": (0xB0, 0xD8), "big5": (0xA4, 0xC7), "cp949": (0xB0, 0xC9)}
    first, last = levels.get(encoding, (0x80, 0xFF))
    usual = 0
    for letter in letters:
        try:
            code = letter.encode(_EAST_ASIAN[encoding])
        except UnicodeEncodeError:
            continue
        usual += len(code) == 2 and first <= code[0] < last
    return usual / len(letters)
