"""
Read damaged files, and count the outcomes.

    python -m tests.fuzz --examples 2000 --seed 0
    make fuzz N=2000 SEED=0

For each strategy, one line says how many files were read or refused, and how many had another outcome: an error other than a
ValueError that names the file (wrong kind), a conversation that cannot be used (silent), no end within the time (hang), or the
end of the process (crash). These files are kept in --output_dir.
"""

import argparse
import contextlib
import logging
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.strategies import STRATEGIES

KINDS = ("read", "refused", "wrong kind", "silent", "hang", "crash")
GOOD = ("read", "refused")


class TimeIsUp(BaseException):
    """Raised when reading takes too long. No reader catches it."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 if every file was read or refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000, help="files of each strategy")
    parser.add_argument("--seed", type=int, default=0, help="another seed makes other files")
    parser.add_argument("--seconds", type=int, default=20, help="the most time for a file")
    parser.add_argument(
        "--output_dir", default="fuzz-failures", help="folder for files that were not read as they should be"
    )
    args = parser.parse_args(arguments)
    total = Counter()
    for name in STRATEGIES:
        counts = fuzz(name, args.examples, args.seed, args.seconds, Path(args.output_dir))
        print(f"{name}: {as_text(counts)}", flush=True)
        total += counts
    print(f"fuzz, seed {args.seed}: {sum(total.values())} files: {as_text(total)}")
    return int(any(total[kind] for kind in KINDS if kind not in GOOD))


def as_text(counts: Counter) -> str:
    """Describe the counts in words."""
    return ", ".join(f"{kind} {counts[kind]}" for kind in KINDS)


def fuzz(name: str, examples: int, first_seed: int, seconds: int, output_dir: Path) -> Counter:
    """Count the outcomes of a strategy's files. After a crash, a new process continues with the next seed."""
    total, number = Counter(), first_seed
    while sum(total.values()) < examples:
        answers, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(
            target=read_files, args=(name, examples - sum(total.values()), number, seconds, output_dir, sender)
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
            raise RuntimeError(f"The process that reads {name} ended with {process.exitcode} before its first file.")
        total["crash"] += 1
        number += 1_000_003
    return total


def read_files(name: str, examples: int, number: int, seconds: int, output_dir: Path, sender):
    """Make the files of a strategy, read each, and send the outcome."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    strategy, read = STRATEGIES[name]
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
        def run(given_file):
            suffix, content = given_file
            path = Path(folder) / f"talk{next(made)}{suffix}"
            path.write_bytes(content)
            kind, why = ending(read, path, seconds)
            sender.send(kind)
            if kind not in GOOD:
                output_dir.mkdir(parents=True, exist_ok=True)
                kept = output_dir / f"{name}-{kind.replace(' ', '-')}-{path.name}"
                kept.write_bytes(content)
                print(f"{kept}: {why}", file=sys.stderr, flush=True)
            path.unlink()

        run()
    sender.close()


def ending(read, path: Path, seconds: int) -> tuple[str, str]:
    """The outcome of reading a file, one of [`KINDS`], and the error."""
    previous = signal.signal(signal.SIGALRM, _stop)
    signal.alarm(seconds)
    try:
        read(path)
        return "read", ""
    except TimeIsUp:
        return "hang", f"more than {seconds} s"
    except AssertionError as error:
        return "silent", str(error)[:300]
    except Exception as error:
        text = str(error)
        can_be_printed = text.isascii() or text == text.encode(errors="replace").decode()
        if type(error) is ValueError and str(path) in text and len(text) < 2000 and can_be_printed:
            return "refused", ""
        return "wrong kind", re.sub(r"\s+", " ", f"{type(error).__name__}: {text!a}")[:300]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _stop(*_):
    raise TimeIsUp
