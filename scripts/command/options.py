# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Command-line options from dataclasses.

The parser takes the same dataclasses as `transformers.HfArgumentParser`, whose import takes 1.5 s, too long for a command
that should answer `--help` at once. Fields are options (`--a_name` or `--a-name`). Their `metadata` has their `help` and:

- `choices`: the allowed values, as a list, or as a mapping to the meaning of each value.
- `default`: the text that the help shows instead of the default value.
- `type`: a function that converts the word, and raises `argparse.ArgumentTypeError` for an invalid one.
- `range`: the [`Range`] of a number.
- `positional`: True for a field that is given without its name.
"""

import argparse
import difflib
import os
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from itertools import zip_longest
from pathlib import Path
from types import NoneType
from typing import get_args, get_origin, get_type_hints

from modeling_amuse.scripts.command.errors import is_first_process
from modeling_amuse.scripts.command.process import prepare_process
from modeling_amuse.scripts.command.ranges import AT_LEAST_ONE, check_ranges

NUM_THREADS_HELP = {
    "help": "Number of threads of torch on the CPU.",
    "default": "OMP_NUM_THREADS if it is set, else the number of cores that the process may use",
    "range": AT_LEAST_ONE,
}
"""The metadata of a field `num_threads`."""


def read_options(arguments: list[str] | None, *groups: type, description: str | None = None) -> tuple:
    """
    Read the arguments of a command, then prepare its process. Import heavy libraries only after this call.

    Args:
        arguments: the words of the command line. None: those of this process.
        groups: the dataclasses of the options.
        description: the description of the command for `--help`.

    Returns:
        An instance of each of `groups`.
    """
    options = OptionParser(*groups, description=description).read(arguments)
    given = [group.num_threads for group in options if getattr(group, "num_threads", None) is not None]
    prepare_process(*given[:1])
    return options


class OptionParser(argparse.ArgumentParser):
    """
    A parser of the fields of dataclasses.

    Args:
        groups: the dataclasses.
        description: the description of the command, whose line breaks are kept.
        prog: the name of the command in messages.
    """

    def __init__(self, *groups: type, description: str | None = None, prog: str | None = None):
        super().__init__(
            prog=prog,
            description=(description or "").strip("\n"),
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
        )
        self.groups = groups
        for group in groups:
            hints = get_type_hints(group)
            # with several dataclasses, the options of each are listed under its docstring
            place = self if len(groups) == 1 else self.add_argument_group((group.__doc__ or "").strip())
            for item in fields(group):
                if item.name != "debug":  # every command has it
                    _add_field(place, item, hints[item.name])
        self.add_argument("--debug", action="store_true", help="Show the traceback of an error.")

    def read(self, arguments: list[str] | None = None) -> tuple:
        """
        Returns:
            An instance of each dataclass with the values of the arguments.

        Raises:
            WrongArguments: for a number that is not in the range of its option.
            SystemExit: with status 2, for other wrong arguments, after one line on stderr.
        """
        words = self._known_spellings(sys.argv[1:] if arguments is None else arguments)
        namespace, extra = self.parse_known_args(words)
        if extra:
            self.error(f"unexpected argument {extra[0]!r}")
        values = vars(namespace)
        groups = tuple(group(**{item.name: values[item.name] for item in fields(group)}) for group in self.groups)
        check_ranges(*groups)
        return groups

    def error(self, message: str):
        if is_first_process():
            print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(2)

    def _known_spellings(self, words: list[str]) -> list[str]:
        """The words, with each option in the spelling of its field. Unknown options are reported before other errors."""
        spelled = []
        takes_files = any(not action.option_strings for action in self._actions)
        for word, following in zip_longest(words, words[1:]):
            name, equals, value = word.partition("=")
            if name.startswith("--") and name != "--":
                name = name.replace("-", "_").replace("__", "--", 1)
                if name not in self._option_string_actions:
                    close = difflib.get_close_matches(name, self._option_string_actions, 1)
                    self.error(f"unknown option {word}" + (f"; did you mean {close[0]}?" if close else ""))
                is_bare = not equals and takes_files and self._option_string_actions[name].type is _truth
                is_value = following is None or following.lower() in TRUE + FALSE
                if is_bare and not is_value and (Path(following).suffix or os.path.exists(following)):
                    equals, value = "=", "true"  # what follows is a file, not the value
            spelled.append(name + equals + value)
        return spelled


TRUE, FALSE = ("true", "yes", "t", "y", "1"), ("false", "no", "f", "n", "0")


def _add_field(parser: argparse.ArgumentParser, item: Field, hint):
    inner = [part for part in get_args(hint) if part is not NoneType] if NoneType in get_args(hint) else [hint]
    kind = inner[0]
    default = item.default_factory() if item.default_factory is not MISSING else item.default
    settings = {"help": _help(item, default)}
    if "choices" in item.metadata:
        settings["choices"] = list(item.metadata["choices"])
    if get_origin(kind) is list:
        settings |= {"type": get_args(kind)[0], "nargs": "+"}
    elif kind is bool:
        settings |= {"type": _truth, "metavar": "true|false"}
        if hint is bool:
            settings |= {"nargs": "?", "const": True}
    else:
        settings["type"] = item.metadata.get("type", kind)
    if item.metadata.get("positional"):
        parser.add_argument(item.name, **settings)
        return
    settings |= {"required": True} if default is MISSING else {"default": default}
    parser.add_argument(f"--{item.name}", **settings)
    if default is True:
        no = {"action": "store_false", "dest": item.name, "default": True, "help": argparse.SUPPRESS}
        parser.add_argument(f"--no_{item.name}", **no)


def _truth(word: str) -> bool:
    if word.lower() in TRUE + FALSE:
        return word.lower() in TRUE
    raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")


def _help(item: Field, default) -> str:
    """The help of an option: its description, its default, and the meaning of its choices."""
    text, choices = item.metadata.get("help", ""), item.metadata.get("choices")
    if default is MISSING:
        note = "" if item.metadata.get("positional") else "required"
    elif "default" in item.metadata:
        note = f"default: {item.metadata['default']}"
    elif isinstance(default, bool):
        note = f"default: true; turn it off with --no_{item.name}" if default else "default: false"
    elif default in (None, []):
        note = ""
    else:
        note = f"default: {' '.join(map(str, default)) if isinstance(default, list) else default}"
    parts = [f"{text} ({note})" if note else text]
    if isinstance(choices, Mapping):
        parts += [f"  {name}: {getattr(meaning, 'help', meaning)}" for name, meaning in choices.items()]
    return "\n".join(parts).replace("%", "%%")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description and of the choices in an option's help."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        lines = []
        for line in text.splitlines():
            indent = "    " if line.startswith("  ") else ""
            lines += textwrap.wrap(line, width, subsequent_indent=indent) or [""]
        return lines
