# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The numbers that options take. A field of a dataclass of options has its range in its metadata:

    num_train_epochs: int = field(default=8, metadata={"help": "Number of epochs.", "range": AT_LEAST_ONE})
"""

import math
from dataclasses import dataclass, fields

from modeling_amuse.scripts.command.errors import WrongArguments


@dataclass(frozen=True)
class Range:
    """
    An interval of numbers.

    Attributes:
        least: smallest number.
        above: all numbers are larger than this.
        most: largest number.
        below: all numbers are smaller than this.
    """

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def __contains__(self, number: float) -> bool:
        return (
            math.isfinite(number)
            and (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )

    def __str__(self) -> str:
        ends = (
            ("at least {}", self.least),
            ("more than {}", self.above),
            ("at most {}", self.most),
            ("less than {}", self.below),
        )
        return " and ".join(words.format(end) for words, end in ends if end is not None)


AT_LEAST_ZERO = Range(least=0)
AT_LEAST_ONE = Range(least=1)
POSITIVE = Range(above=0)
SHARE = Range(above=0, most=1)
PROBABILITY = Range(least=0, most=1)
DROPOUT = Range(least=0, below=1)


def check_ranges(*groups):
    """
    Check the numbers of options.

    Args:
        groups: objects of dataclasses of options. Options that are None are not checked.

    Raises:
        WrongArguments: for the first number that is not in the range of its option.
    """
    for group in groups:
        for item in fields(group):
            value = getattr(group, item.name)
            if "range" not in item.metadata or value is None:
                continue
            for number in value if isinstance(value, list) else [value]:
                if number not in item.metadata["range"]:
                    raise WrongArguments(f"--{item.name} must be {item.metadata['range']}, but is {number}.")
