"""
Give damaged input to each entry point ("door") of the package, and count the outcomes.

    python -m tests.fuzz --examples 2000 --seed 0
    make fuzz N=2000 SEED=0

A door is a function that reads input from outside, such as a transcript or a model folder. The inputs are dealt evenly to the
doors. The command prints a line for each door, and a last line for all, with the number of inputs by outcome:

- read: the input was accepted.
- refused: a `ValueError` or `OSError` named the file.
- wrong kind: another error was raised, or its message does not name the file.
- silent: the result differs from the input, but there was no warning.
- hang: reading took longer than --seconds of processor time, or waited for three times as long.
- crash: the process died.

Inputs with one of the last four outcomes are saved in --output_dir.
"""

import argparse
import contextlib
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.forked_processes import SERVER
from tests.fuzz.given_input import Given
from tests.fuzz.strategies import DOORS

KINDS = ("read", "refused", "wrong kind", "silent", "hang", "crash")
GOOD = ("read", "refused")


class TimeIsUp(BaseException):
    """Raised when reading takes too long. No reader catches it."""


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 if every input was read or refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000, help="number of inputs, dealt evenly to the doors")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random inputs")
    parser.add_argument("--seconds", type=int, default=20, help="limit of processor time for an input")
    parser.add_argument("--doors", nargs="*", choices=list(DOORS), default=list(DOORS), help="test only these doors")
    parser.add_argument("--output_dir", default="fuzz-failures", help="folder for the inputs that show a defect")
    args = parser.parse_args(arguments)
    total = Counter()
    for name, examples in dealt(args.examples, args.doors).items():
        counts = fuzz(name, examples, args.seed, args.seconds, Path(args.output_dir))
        print(f"{name}: {as_text(counts)}", flush=True)
        total += counts
    print(f"fuzz, seed {args.seed}: {sum(total.values())} inputs of {len(set(args.doors))} doors: {as_text(total)}")
    return int(any(total[kind] for kind in KINDS if kind not in GOOD))


def dealt(examples: int, doors: list[str]) -> dict[str, int]:
    """The number of inputs of each door. The first doors get one more where they do not divide evenly."""
    doors = list(dict.fromkeys(doors))
    share, rest = divmod(examples, len(doors))
    return {name: share + (place < rest) for place, name in enumerate(doors)}


def as_text(counts: Counter) -> str:
    """The counts in words."""
    return ", ".join(f"{kind} {counts[kind]}" for kind in KINDS)


def fuzz(name: str, examples: int, first_seed: int, seconds: int, output_dir: Path) -> Counter:
    """Count the outcomes of the inputs of a door. If the process dies or has no more inputs, another seed follows."""
    total, number = Counter(), first_seed
    while sum(total.values()) < examples:
        answers, sender = SERVER.Pipe(duplex=False)
        process = SERVER.Process(
            target=read_inputs, args=(name, examples - sum(total.values()), number, seconds, output_dir, sender)
        )
        process.start()
        sender.close()
        before = sum(total.values())
        with contextlib.suppress(EOFError):
            while True:
                if not answers.poll(4 * seconds + 60):  # it hangs in C code, which no signal handler of Python ends
                    process.kill()
                total[answers.recv()] += 1
        process.join()
        if sum(total.values()) == before:
            raise RuntimeError(f"The process that reads {name} ended with {process.exitcode} before its first input.")
        if process.exitcode != 0:
            total["crash"] += 1
        number += 1_000_003
    return total


def read_inputs(name: str, examples: int, number: int, seconds: int, output_dir: Path, sender):
    """Generate the inputs of a door, give each of them to the door, and send its outcome to `sender`."""
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
    """Hide the warnings of readers. The checks of the results collect them with `heard_warnings`."""
    from transformers.utils import logging as of_transformers

    of_transformers.disable_default_handler()
    of_transformers.disable_progress_bar()
    logging.getLogger("modeling_amuse").propagate = False
    logging.lastResort = logging.NullHandler()
    warnings.simplefilter("ignore")


def _keep(given_input: Given, place: Path, kept: Path, why: str):
    kept.mkdir(parents=True, exist_ok=True)
    shutil.copytree(place, kept, dirs_exist_ok=True)
    (kept / "why.txt").write_text(f"{why}\n{given_input.what}\n{given_input.value!r:.2000}", errors="replace")
    print(f"{kept}: {why} [{given_input.what:.200}]", file=sys.stderr, flush=True)


def ending(read, given_input: Given, folder: Path, seconds: int) -> tuple[str, str]:
    """Give an input to a door. Returns the outcome, one of [`KINDS`], and the text of the error, if any."""
    path = given_input.written(folder, "talk")
    try:
        with time_limit(seconds):
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


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """
    Raise [`TimeIsUp`] in the block after so many seconds of processor time, or after three times as many in which it waits.

    A machine that is busy with other processes, or that was suspended, is not mistaken for a reader that hangs: while the
    process is stopped, at most one of the three signals of the clock is delivered. Processor time is that in user mode, whose
    signal is SIGVTALRM: mediapipe sends SIGPROF, the other signal of processor time, to its own process.
    """
    rings = iter(range(3))

    def ring(*_):
        if next(rings, 2) == 2:
            raise TimeIsUp

    def stop(*_):
        raise TimeIsUp

    timers = {signal.SIGVTALRM: (signal.ITIMER_VIRTUAL, stop), signal.SIGALRM: (signal.ITIMER_REAL, ring)}
    previous = {number: signal.signal(number, handler) for number, (_, handler) in timers.items()}
    for timer, _ in timers.values():
        signal.setitimer(timer, seconds, seconds)
    try:
        yield
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, previous[number])
