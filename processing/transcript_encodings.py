# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The text of a file whose encoding is not stated.

UTF-8 and files with a byte order mark are certain. Others are read in the one encoding that gives a plausible text
(`transcript_letters`); charset-normalizer decides between several. Its answer alone is not enough: on files of a few lines it
takes German for Polish and Chinese for Thai, and a wrong encoding replaces the words by others without any error.
"""

import codecs
import re
from pathlib import Path

from .extras import import_extra
from .text_encoding import decode_utf8_or_cp1252
from .transcript_letters import EAST_ASIAN, east_asian_of, languages_of, likeness_to_script, share_of_common_words
from .warning_messages import warn

LARGEST_FILE = 512 * 2**20  # bytes; a transcript of 1,000 hours is far smaller
_SAMPLE = 200_000  # bytes that are looked at to find the encoding
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LATIN = ("cp1252", "cp1250", "cp1254", "iso8859_2")
_OTHER_SCRIPTS = ("cp1251", "koi8_r", "cp866", "cp1253", "iso8859_7", "cp1255", "cp1256", "cp874")


def text_of(path: Path) -> str:
    """
    The text of a file, without its byte order mark.

    Raises:
        FileNotFoundError: when the file does not exist.
        ValueError: when it is empty, not text, or in an encoding that cannot be detected.
    """
    text = _decoded(path, contents_of(path))
    if "\0" in text:
        raise ValueError(f"{path} is not a text file: save the transcript as UTF-8.")
    if not text.strip():
        raise ValueError(f"{path} is empty: give a transcript with at least one utterance.")
    return text


def contents_of(path: Path) -> bytes:
    """The bytes of a file. Raises like [`text_of`]."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no transcript {path}.")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(
            f"{path} has more than {LARGEST_FILE // 2**20} MiB: this is not the transcript of one conversation."
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
            raise ValueError(f"{path} is not UTF-8 text: save the transcript as UTF-8.")
    elif re.search(rb"\x1b[$(][@A-DGIJ]", contents) and (stateful := _stateful(contents)):
        text, encoding = stateful
    elif _is_utf8(contents):
        return decode_utf8_or_cp1252(path)[0]
    elif (text := _with_split_characters(contents)) is not None:
        warn(
            f"{path} has characters in halves, as some databases write UTF-8: they were joined, and half ones replaced."
        )
        return text
    elif (damaged := _invalid_bytes(contents)) and damaged * 4 <= _characters_of_several_bytes(contents):
        warn(f"{path} has {damaged} bytes that are not UTF-8: they were read as cp1252. Save the transcript as UTF-8.")
        return decode_utf8_or_cp1252(path)[0]
    else:
        encoding = encoding_of(path, contents)
        text = decode_utf8_or_cp1252(path)[0] if encoding == "cp1252" else contents.decode(encoding, errors="replace")
    warn(f"{path} is not in UTF-8: it was read in the encoding {encoding}. If letters are wrong, save it as UTF-8.")
    return text


def _is_utf8(contents: bytes) -> bool:
    try:
        contents.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _stateful(contents: bytes) -> tuple[str, str] | None:
    """The text of an encoding that switches its characters by escape sequences, and which one it is."""
    for encoding in ("iso2022_jp", "iso2022_kr", "iso2022_jp_2"):
        try:
            return contents.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return None


def _with_split_characters(contents: bytes) -> str | None:
    """UTF-8 whose characters beyond U+FFFF are pairs of surrogates of three bytes each; None for other bytes."""
    try:
        text = contents.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError:
        return None
    return text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")


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


def encoding_of(path: Path, contents: bytes) -> str:
    """The encoding of bytes that are neither UTF-8 nor UTF-16. Raises ValueError where it cannot be told."""
    sample = contents[:_SAMPLE]
    texts = {name: _strictly(sample, name) for name in (*_LATIN, *_OTHER_SCRIPTS, *EAST_ASIAN)}
    candidates = {name: text for name, text in texts.items() if text and not re.search("[\x80-\x9f]", text)}
    plausible = _latin_of(candidates) or east_asian_of(candidates) or _by_script(candidates)
    if len(plausible) > 1:
        plausible = _ranked(sample, plausible)
    if len(plausible) == 1:
        return plausible[0]
    might_be = f" (it might be {' or '.join(plausible)})" if plausible else ""
    raise ValueError(
        f"{path} is not in UTF-8, and its encoding cannot be detected from its letters{might_be}: save it as UTF-8."
    )


def _latin_of(candidates: dict[str, str]) -> list[str]:
    """The encodings of Latin letters that give a text which can be of one of their languages; the likeliest one if one is."""
    likeness = {}
    for name in _LATIN:
        if name in candidates:
            words = _words_alone(candidates[name])
            shares = [share_of_common_words(words, language) for language in languages_of(words, name)]
            if shares and words not in (words_of for words_of, _ in likeness.values()):
                likeness[name] = (words, max(shares))
    best = max((share for _, share in likeness.values()), default=0.0)
    return [name for name, (_, share) in likeness.items() if share == best]


def _by_script(candidates: dict[str, str]) -> list[str]:
    likeness = {
        name: likeness_to_script(_words_alone(candidates[name]), name) for name in _OTHER_SCRIPTS if name in candidates
    }
    best = max(likeness.values(), default=0.0)
    return [name for name, like in likeness.items() if like >= max(0.4, best - 0.1)]


def _words_alone(text: str) -> str:
    """The text without tags and without what stands in every encoding, such as times."""
    return re.sub(r"<[^<>\n]*>|\{[^{}\n]*\}|[0-9:,.>-]{6,}", " ", text)


def _ranked(sample: bytes, candidates: list[str]) -> list[str]:
    """The candidates that charset-normalizer finds no worse than the best one, without those that give the same text."""
    found = import_extra("charset_normalizer", "transcripts").from_bytes(sample, cp_isolation=candidates, threshold=0.5)
    ranked = {match.encoding: (match.chaos, -match.coherence) for match in found if match.encoding in candidates}
    ranked = {name: value for name, value in ranked.items() if value == min(ranked.values())} or dict.fromkeys(
        candidates
    )
    texts = {}
    for name in ranked:
        texts.setdefault(_strictly(sample, name), name)
    return list(texts.values())


def _strictly(sample: bytes, encoding: str) -> str | None:
    """The sample's text, or None if it is not text in this encoding; up to three bytes at its end may be half a character."""
    for cut in range(4 if len(sample) == _SAMPLE else 1):
        try:
            return sample[: len(sample) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
