"""Values that are unlikely to be intended, for any place of an input, and how readers may change their text."""

import re

from hypothesis import strategies as st

NASTY_TEXTS = [
    *(
        "",
        " ",
        "\t",
        "nan",
        "NaN",
        "None",
        "null",
        "N/A",
        "true",
        "-",
        "0",
        "007",
        "1.0",
        "1e5",
        "inf",
        "-inf",
        "1_000",
    ),
    *(
        "=1+1",
        "+1",
        "-1",
        "@x",
        "'=1",
        "''=1",
        "'",
        '"',
        '""',
        'a"b',
        "a,b",
        "a;b",
        "a\tb",
        "a|b",
        "a\nb",
        "a\r\nb",
        "\\",
    ),
    *(
        "a\x00b",
        "\x1b[31mred\x1b[0m",
        "\x07",
        "\x85x",
        "\u202eevil",
        "\u2028",
        "\ufeffx",
        "\ud83d",
        "x\udc80",
        "\ud83d\ude00",
    ),
    *(
        "\u0663\u0664",
        "\uff11",
        "\u00b2",
        "\u2167",
        "\U0001f600",
        "e\u0301",
        "\u00e9",
        "\u0130",
        "<b>x</b>",
        "{{x}}",
        "${x}",
        "%s",
    ),
    *("../../etc/passwd", "/dev/zero", "C:\\x", "http://127.0.0.1/x", "a" * 3000, "1" * 400),
]
NASTY_NUMBERS = [
    *(0, -0.0, 1, -1, True, False, 1.5, 1e300, -1e300, 1e-310, float("nan"), float("inf"), float("-inf")),
    *(2**31, 2**63, 2**64, 10**18, 10**30, 10**400, -(10**400), 0.1 + 0.2, 3.4e38, 3.5e38),
]
NASTY_OTHERS = [None, [], {}, [None], [[]], {"a": 1}, [1, "a"], [[[[1.0]]]], {"path": None}, {"bytes": "x"}, [True]]

DEEP = "[" * 100_000
"""JSON that is nested so deeply that a recursive parser fails."""


def nasty_texts() -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(NASTY_TEXTS), st.text(max_size=12))


def nasty_values() -> st.SearchStrategy:
    """Values that JSON can represent, and numbers of any size."""
    return st.one_of(
        st.sampled_from(NASTY_TEXTS), st.sampled_from(NASTY_NUMBERS), st.sampled_from(NASTY_OTHERS), st.text(max_size=8)
    )


def plain_text(text: str) -> str:
    """The text that a reader may return with a warning: without control characters, and with U+FFFD for lone surrogates."""
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "", text).strip()


def mended_text(text: str) -> str:
    """Like [`plain_text`], but C1 control characters are read as cp1252, which readers of tables do with a warning."""
    signs = {code: bytes([code]).decode("cp1252", errors="ignore") or None for code in range(0x80, 0xA0)}
    return plain_text(text.translate(signs))


def same_words(one: str, other: str) -> bool:
    """Whether two texts are equal except for white space."""
    return one.split() == other.split()


@st.composite
def damaged_bytes(draw, content: bytes) -> bytes:
    """The content with a few bytes changed, removed or inserted."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(("flip", "cut", "insert", "remove", "zero", "repeat")))
        if kind == "flip" and at < len(content):
            content = content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
        elif kind == "cut":
            content = content[:at]
        elif kind == "insert":
            content = content[:at] + draw(st.binary(min_size=1, max_size=8)) + content[at:]
        elif kind == "remove":
            content = content[:at] + content[at + draw(st.integers(1, 16)) :]
        elif kind == "zero":
            content = content[:at] + bytes(min(16, len(content) - at)) + content[at + 16 :]
        else:
            content = content + content[at:]
    return content


def damaged_head(content: bytes, size: int = 256) -> st.SearchStrategy[bytes]:
    """The content with damage only in its first bytes, the header of most formats."""
    return damaged_bytes(content[:size]).map(lambda head: head + content[size:])
