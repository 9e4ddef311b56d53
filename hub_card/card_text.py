# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Markdown for the model card: tables, scores, and names that may hold any character."""

import re

UNKNOWN = "unknown"


def known(value) -> str:
    """The value as text; a missing value is called unknown."""
    return UNKNOWN if value is None else str(value)


def score(value: float) -> str:
    return f"{value:.4f}"


def capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def escape(name: str) -> str:
    """A name on one line, with every character escaped that Markdown or HTML would take for markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&$])", r"\\\1", " ".join(str(name).split()))


def code(value) -> str:
    """A value as a Markdown code span, which may hold backticks."""
    text = " ".join(str(value).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table. A bar or a line break in a cell does not break the row; other markup is kept."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(content) -> str:
    # a bar that is escaped already stays as it is
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(str(content).split()))
