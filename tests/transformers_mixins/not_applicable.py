"""The tests of transformers' mixins that cannot apply to AMuSE, and why."""

import unittest

NOT_APPLICABLE: dict[str, dict[str, str]] = {}


def skip_not_applicable(test_class: type) -> type:
    """Skip the tests of a class that are listed above; a name that its mixin does not know is an error."""
    for name, reason in NOT_APPLICABLE.get(test_class.__name__, {}).items():
        setattr(test_class, name, unittest.skip(reason)(getattr(test_class, name)))
    return test_class
