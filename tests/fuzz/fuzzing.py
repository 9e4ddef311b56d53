"""
Give damaged input to each door of the package, and count the outcomes.

    python -m tests.fuzz --examples 2000 --seed 0
    make fuzz N=2000 SEED=0

For each door a line: how many inputs were read or refused, and how many ended in another way: with an error of another kind
than a `ValueError` or `OSError` that names the file (wrong kind), with a result that differs from the input although nothing was
said (silent), not within the time (hang), or with the process (crash). Such inputs are kept in --output_dir.
"""

import argparse
import contextlib
import logging
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.given_input import Given
from tests.fuzz.strategies import DOORS

KINDS = ("read", "refused", "wrong kind", "silent", "hang", "crash")
GOOD = ("read", "refused")


class TimeIsUp(BaseException):
    """Raised when reading takes too long. No reader catches it."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 if every input was read or refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000, help="inputs of each door")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other inputs")
    parser.add_argument("--seconds", type=int, default=20, help="the most time for an input")
    parser.add_argument("--doors", nargs="*", choices=list(DOORS), default=list(DOORS), help="only these doors")
    parser.add_argument(
        "--output_dir", default="fuzz-failures", help="folder for inputs that were not read as they should be"
    )
    args = parser.parse_args(arguments)
    total = Counter()
    for name in args.doors:
        counts = fuzz(name, args.examples, args.seed, args.seconds, Path(args.output_dir))
        print(f"{name}: {as_text(counts)}", flush=True)
        total += counts
    print(f"fuzz, seed {args.seed}: {sum(total.values())} inputs of {len(args.doors)} doors: {as_text(total)}")
    return int(any(total[kind] for kind in KINDS if kind not in GOOD))


def as_text(counts: Counter) -> str:
    """The counts in words."""
    return ", ".join(f"{kind} {counts[kind]}" for kind in KINDS)


def fuzz(name: str, examples: int, first_seed: int, seconds: int, output_dir: Path) -> Counter:
    """How many inputs of a door ended in which way. A process that dies is started again with the next seed."""
    total, number = Counter(), first_seed
    while sum(total.values()) < examples:
        answers, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(
            target=read_inputs, args=(name, examples - sum(total.values()), number, seconds, output_dir, sender)
        )
        process.start()
        sender.close()
        before = sum(total.values())
        with contextlib.suppress(EOFError):
            while True:
                total[answers.recv()] += 1
        process.join()
        if process.exitcode == 0:
            break
        if sum(total.values()) == before:
            raise RuntimeError(f"The process that reads {name} ended with {process.exitcode} before its first input.")
        total["crash"] += 1
        number += 1_000_003
    return total


def read_inputs(name: str, examples: int, number: int, seconds: int, output_dir: Path, sender):
    """Make the inputs of a door, give each to it, and send how it ended."""
    be_quiet()
    strategy, read = DOORS[name]
    with tempfile.TemporaryDirectory() as folder:
        made = iter(range(sys.maxsize))

        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def run(given_input):
            place = Path(folder) / f"case{next(made)}"
            place.mkdir()
            kind, why = ending(read, given_input, place, seconds)
            sender.send(kind)
            if kind not in GOOD:
                _keep(given_input, place, output_dir / f"{name}-{kind.replace(' ', '-')}-{number}-{place.name}", why)
            shutil.rmtree(place, ignore_errors=True)

        run()
    sender.close()


def be_quiet():
    """Say nothing of the warnings of readers, which the oracles collect by themselves."""
    from transformers.utils import logging as of_transformers

    of_transformers.disable_default_handler()
    logging.getLogger("modeling_amuse").propagate = False
    logging.lastResort = logging.NullHandler()
    warnings.simplefilter("ignore")


def _keep(given_input: Given, place: Path, kept: Path, why: str):
    kept.mkdir(parents=True, exist_ok=True)
    shutil.copytree(place, kept, dirs_exist_ok=True)
    (kept / "why.txt").write_text(f"{why}\n{given_input.what}\n{given_input.value!r:.2000}", errors="replace")
    print(f"{kept}: {why} [{given_input.what:.200}]", file=sys.stderr, flush=True)


def ending(read, given_input: Given, folder: Path, seconds: int) -> tuple[str, str]:
    """How giving an input to a door ends, one of [`KINDS`], and what was raised."""
    path = given_input.written(folder, "talk")
    previous = signal.signal(signal.SIGALRM, _stop)
    signal.alarm(seconds)
    try:
        read(path, given_input)
        return "read", ""
    except TimeIsUp:
        return "hang", f"more than {seconds} s"
    except AssertionError as error:
        return "silent", str(error)[:300]
    except Exception as error:
        text = str(error)
        is_plain = not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
        is_named = path is None or str(path) in text or isinstance(error, OSError)
        is_kind = type(error) is ValueError or isinstance(error, OSError)
        if is_kind and is_named and is_plain and 0 < len(text) < 2000:
            return "refused", ""
        return "wrong kind", re.sub(r"\s+", " ", f"{type(error).__name__}: {text!a}")[:400]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _stop(*_):
    raise TimeIsUp
