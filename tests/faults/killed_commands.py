"""
Kill commands at random moments and start them again. Nothing may be lost, and the results must be those of an undisturbed run.

    python -m tests.faults --kills 50 --seed 0

Half of the kills come after a random time, half just before an operation on a file. The command prints a line for each problem
and a last line with counts. The exit status is 1 if a result was lost, differs, or a temporary file was left.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EMOTIONS = ("anger", "fear", "joy")
WORDS = {"anger": "leave me alone", "fear": "oh no what is that", "joy": "I am so happy for you"}


@dataclass(frozen=True)
class Case:
    """
    Attributes:
        name: the name of the case.
        arguments: the command line. It runs in a copy of the template folder.
        outputs: the folders to which the command writes.
        fresh: whether the command starts without outputs, as a training does. Otherwise it replaces those of an earlier run.
    """

    name: str
    arguments: str
    outputs: tuple[str, ...]
    fresh: bool = False


DATA = "--dataset_name folder --data_dir data --cache_dir cache"
SMALL = "--text_model encoder --hidden_size 8 --num_man_layers 0 --num_train_epochs 3 --per_device_train_batch_size 4"
RESUMED = "--resume_from_checkpoint latest --use_cpu"

CASES = [
    Case("train", f"train {DATA} {SMALL} {RESUMED} --output_dir trained --experts constant", ("trained",), True),
    Case(
        "cross-validate",
        f"cross-validate {DATA} {SMALL} {RESUMED} --num_train_epochs 1 --num_folds 3 --folds_of train --output_dir folds",
        ("folds",),
        True,
    ),
    Case(
        "extract",
        "extract --dataset_name folder --data_dir recordings --cache_dir cache --extractors prosody --output_dir features "
        "--num_processes 1 --utterances_per_part 2",
        ("features",),
        True,
    ),
    Case(
        "study",
        "study small.yaml --trial --output_dir runs --cache_dir cache --set data_dir=data",
        ("runs",),
        True,
    ),
    Case(
        "evaluate",
        f"evaluate {DATA} --model model --output scores/results.json --predictions scores/predictions.parquet --use_cpu",
        ("scores",),
    ),
    Case(
        "recognize", "recognize talk.json --model model --output timelines --formats json csv srt png", ("timelines",)
    ),
    Case("report", "recognize talk.json --model model --report report/report.html", ("report",)),
]


def prepare(folder: Path):
    """Write the data of all cases: conversations, recordings, a study and a small text encoder."""
    import torch
    from transformers import BertModel

    from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
    from tests.small_media import speech_like, write_wav

    generator = random.Random(0)
    for name in ("data", "recordings", "scores", "timelines", "report"):
        (folder / name).mkdir(parents=True)
    for split, count in (("train", 12), ("validation", 8), ("test", 6)):
        rows = [{"id": f"{split}{n}", "utterances": _talk(generator, n)} for n in range(count)]
        (folder / "data" / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        rows = []
        for number in range(2):
            sound = np.concatenate([speech_like(0.6, seed=number), speech_like(0.6, seed=number + 7)])
            write_wav(folder / "recordings" / f"{split}{number}.wav", sound)
            said = _talk(generator, number)[:2]
            times = [{"audio": f"{split}{number}.wav", "start": 0.6 * n, "end": 0.6 * (n + 1)} for n in range(2)]
            rows.append({"id": f"{split}{number}", "utterances": [u | t for u, t in zip(said, times, strict=True)]})
        (folder / "recordings" / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    said = [u | {"start": 2.0 * n, "end": 2.0 * n + 1.5} for n, u in enumerate(_talk(generator, 0) * 3)]
    (folder / "talk.json").write_text(json.dumps(said), encoding="utf-8")
    (folder / "small.yaml").write_text(
        "question: Do contexts help?\ndata: [mine]\nseeds: [1]\nbaseline: none\n"
        "variants:\n  none: {contexts: none}\n  both: {contexts: both}\n",
        encoding="utf-8",
    )
    config, tokenizer = small_text_encoder([*WORDS.values()], 60)
    config.update({"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "num_hidden_layers": 1})
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder / "encoder")
    tokenizer.save_pretrained(folder / "encoder")
    (folder / "studies" / "data").mkdir(parents=True)
    settings = {"dataset_name": "folder", "data_dir": "MINE", "modalities": ["text"], "num_train_epochs": 1}
    settings |= {"text_model": "encoder", "hidden_size": 8, "num_man_layers": 0, "per_device_train_batch_size": 4}
    (folder / "studies" / "data" / "mine.yaml").write_text(
        json.dumps({"about": "a few made-up conversations", "settings": settings}), encoding="utf-8"
    )


def _talk(generator: random.Random, number: int) -> list[dict]:
    emotions = [generator.choice(EMOTIONS) for _ in range(3)]
    return [
        {"speaker": f"{('Ada', 'Ben')[n % 2]} {number % 4}", "text": WORDS[emotion], "emotion": emotion}
        for n, emotion in enumerate(emotions)
    ]


class Killer:
    """
    Runs the commands in a folder.

    Args:
        home: the parent of the template folder, the working folder and the log.
        generator: draws the moments of the kills.
    """

    def __init__(self, home: Path, generator: random.Random):
        self.template, self.work, self.log = home / "template", home / "work", home / "log"
        self.generator = generator
        self.expected: dict[str, dict] = {}
        self.seconds: dict[str, float] = {}
        self.operations: dict[str, int] = {}
        self.needed: dict[str, int] = {}

    def prepare(self, cases: list[Case], on_small_disk: bool = False):
        """Write the template folder and a trained model, and record what each undisturbed command writes."""
        self.work.mkdir()
        if on_small_disk:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(self.work)], check=True)
        self._check(self._start(lambda: prepare(self.template)), "the data")
        shutil.copytree(self.template, self.work, dirs_exist_ok=True)
        trained = f"train {DATA} {SMALL} --use_cpu --output_dir model".split()
        self._check(self._start(lambda: command(trained)), "the model")
        shutil.rmtree(self.template)
        shutil.copytree(self.work, self.template)  # with the cache, so that later runs find it
        for case in cases:
            self.begin(case, fresh=True)
            before, begun = used_bytes(self.work), time.monotonic()
            self._check(self.start(case), case.name)
            self.seconds[case.name] = time.monotonic() - begun
            self.operations[case.name] = int(self.log.with_suffix(".count").read_text())
            self.expected[case.name] = self.written(case)
            self.needed[case.name] = max(used_bytes(self.work) - before, 8192)

    def begin(self, case: Case, fresh: bool | None = None):
        """Reset the working folder to the template if the command starts without outputs (`case.fresh`, or `fresh` if given)."""
        if case.fresh if fresh is None else fresh:
            for path in self.work.iterdir():  # the folder itself may be a mounted file system
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.copytree(self.template, self.work, dirs_exist_ok=True)

    def start(self, case: Case, kill_at: int | None = None) -> int:
        return self._start(lambda: command(case.arguments.split()), kill_at)

    def _start(self, work, kill_at: int | None = None) -> int:
        from tests.faults.forked_commands import fork

        def inside():
            os.chdir(self.work)
            return work()

        return fork(inside, self.log, self.work, kill_at)

    def _check(self, process: int, name: str):
        from tests.faults.forked_commands import wait

        status = wait(process)
        if status != 0:
            raise RuntimeError(f"{name} ended with status {status}: {self.log.read_text()[-3000:]}")

    def written(self, case: Case) -> dict[str, object]:
        from tests.faults.forked_commands import contents

        return {f"{name}/{path}": what for name in case.outputs for path, what in contents(self.work / name).items()}

    def kill_and_resume(self, case: Case, by_clock: bool) -> list[str]:
        """
        Kill a command once, and run it again until its end.

        Returns:
            A text for each file that was lost, differs, or was left behind.
        """
        from tests.faults.forked_commands import wait

        self.begin(case)
        kill_at = None if by_clock else self.generator.randint(1, self.operations[case.name])
        seconds = self.generator.uniform(0, 1.1 * self.seconds[case.name]) if by_clock else None
        wait(self.start(case, kill_at), seconds)
        moment = f"after {seconds:.2f} s" if by_clock else f"before operation {kill_at}"
        problems = [] if case.fresh else self._damaged(case)
        problems += self._resumed(case)
        return [f"{case.name}, killed {moment}: {problem}" for problem in problems]

    def _resumed(self, case: Case) -> list[str]:
        """Run a command again after it was interrupted. Returns how its results differ from those of an undisturbed run."""
        self._check(self.start(case), f"{case.name}, started again,")
        found, expected = self.written(case), self.expected[case.name]
        problems = [f"{name} is missing" for name in expected if name not in found]
        problems += [f"{name} stays behind" for name in found if name not in expected]
        return problems + [f"{name} differs" for name in found.keys() & expected if found[name] != expected[name]]

    def fill_and_resume(self, case: Case, share: float) -> list[str]:
        """
        Run a command on a full or read-only disk, and again when there is space.

        Args:
            case: the command.
            share: the free space as a share of what the command needs. Below 0: the disk is read-only.

        Returns:
            A text for each file that was lost, differs, or was left behind, and for an error that is not one line.
        """
        from tests.faults.forked_commands import wait

        self.begin(case)
        if share < 0:
            remount(self.work, "ro")
        else:
            remount(self.work, f"size={used_bytes(self.work) + int(share * self.needed[case.name])}")
        status, said = wait(self.start(case)), self.log.read_text(errors="replace")
        remount(self.work, "rw,size=1g")
        problems = []
        if status != 0 and (status != 1 or "Traceback" in said):
            problems.append(f"it ended with status {status}: {said[-1500:]}")
        if status != 0 and not case.fresh:
            problems += self._damaged(case)
        left = [str(path) for name in case.outputs for path in (self.work / name).rglob("*.unfinished")]
        problems += [f"{name} stays behind" for name in left] + self._resumed(case)
        what = "read-only" if share < 0 else f"{share:.0%} of the space"
        return [f"{case.name}, {what}: {problem}" for problem in problems]

    def _damaged(self, case: Case) -> list[str]:
        """How a kill changed the complete results of an earlier run."""
        from tests.faults.forked_commands import contents

        problems = []
        for folder in case.outputs:
            for path in [path for path in (self.work / folder).rglob("*.unfinished")]:
                shutil.rmtree(path) if path.is_dir() else path.unlink()  # they are checked after the next run
            try:
                found = {f"{folder}/{name}": what for name, what in contents(self.work / folder).items()}
            except Exception as error:
                problems.append(f"a file in {folder} can no longer be read: {error}")
                continue
            expected = {name: what for name, what in self.expected[case.name].items() if name.startswith(f"{folder}/")}
            problems += [f"{name} was lost by the kill" for name in expected if name not in found]
            problems += [f"{name} was damaged by the kill" for name in found if found[name] != expected.get(name)]
        return problems


def used_bytes(folder: Path) -> int:
    """The space that the files of a folder take on a tmpfs, whose pages have 4096 bytes."""
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


def remount(folder: Path, options: str):
    """Remount a tmpfs with other options, such as its size."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def command(arguments: list[str]) -> int:
    """Run a command of `amuse` in this process."""
    from modeling_amuse.scripts.amuse import main
    from modeling_amuse.scripts.study import study_description

    study_description.FOLDER = Path("studies").resolve()
    return main(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="Number of kills.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the random moments.")
    parser.add_argument(
        "--full_disk",
        action="store_true",
        help="Use full and read-only disks instead of kills. Needs permission to mount: unshare -rm python -m tests.faults ...",
    )
    parser.add_argument("--commands", nargs="+", choices=[case.name for case in CASES], help="Default: all.")
    args = parser.parse_args(arguments)
    from tests.faults.forked_commands import import_everything

    begun = time.monotonic()
    import_everything()
    cases = [case for case in CASES if not args.commands or case.name in args.commands]
    kills, problems = Counter(), []
    with tempfile.TemporaryDirectory(prefix="amuse-faults-") as home:
        killer = Killer(Path(home), random.Random(args.seed))
        killer.prepare(cases, args.full_disk)
        for case in cases:
            share = [number for number in range(args.kills) if number % len(cases) == cases.index(case)]
            if not share:
                continue
            killer.begin(case, fresh=True)
            if not case.fresh:
                killer._check(killer.start(case), case.name)
            for number in share:
                second = number // len(cases) % 2 == 1
                if args.full_disk:
                    found = killer.fill_and_resume(case, -1 if second else killer.generator.random())
                else:
                    found = killer.kill_and_resume(case, by_clock=second)
                kills[case.name] += 1
                problems += found
                for problem in found:
                    print(problem, flush=True)
        if args.full_disk:
            subprocess.run(["umount", "--lazy", str(killer.work)], check=True)
    counts = ", ".join(f"{name} {count}" for name, count in kills.items())
    what = "full or read-only disks" if args.full_disk else "kills"
    print(f"{kills.total()} {what} ({counts}): {len(problems)} problems, in {time.monotonic() - begun:.0f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
