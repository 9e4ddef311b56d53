"""The command `amuse`: the output for --help and for wrong arguments, and what is imported for it."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modeling_amuse import AmuseConfig
from modeling_amuse.processing.feature_extractors import FEATURE_EXTRACTORS
from modeling_amuse.processing.timelines.timeline_files import WRITERS
from modeling_amuse.scripts import amuse
from modeling_amuse.scripts.command import process
from modeling_amuse.scripts.command.options import OptionParser
from modeling_amuse.scripts.extraction.extraction_arguments import EXTRACTORS
from modeling_amuse.scripts.recognition.recognition_arguments import FORMATS
from modeling_amuse.scripts.training.training_arguments import CONFIG_DEFAULTS
from modeling_amuse.variants import CONTEXTS, FUSIONS
from tests import forked_processes

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
LAUNCHER = SCRIPTS / "amuse.py"
FILES = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem not in ("__init__", "amuse"))

# A new process runs commands one after the other, and prints the status and the output of each, and what was imported.
ASK = """
import contextlib, io, json, runpy, sys
launcher = runpy.run_path(sys.argv[1], run_name="launcher")
answers = []
for file, program, arguments in json.loads(sys.argv[2]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = launcher["run"](file, program, arguments)
        except SystemExit as stopped:
            status = stopped.code
    answers.append([status, out.getvalue(), err.getvalue()])
heavy = [name for name in ("torch", "transformers", "datasets", "numpy") if name in sys.modules]
print(json.dumps([answers, heavy]))
"""


def subcommands(file: str) -> dict:
    """The subcommands of a command, such as `benchmark.py step`; empty for most commands."""
    return getattr(importlib.import_module(f"modeling_amuse.scripts.{file}"), "SUBCOMMANDS", {})


def ask(runs: list[tuple[str, str, list[str]]], folder: Path) -> list[list]:
    """The status and output of commands, which must end before anything heavy is imported."""
    command = [sys.executable, "-c", ASK, str(LAUNCHER), json.dumps(runs)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert result.returncode == 0, result.stderr
    answers, heavy = json.loads(result.stdout)
    assert heavy == []
    return answers


def test_every_command_has_its_file_and_every_file_its_command():
    of_commands = {file for file, _ in amuse.COMMANDS.values()}
    assert of_commands <= set(FILES)
    assert set(FILES) - of_commands == {"benchmark", "controlled_study", "render_sample"}
    listed = amuse.help_text()
    for name, (_, sentence) in amuse.COMMANDS.items():
        assert f"  {name} " in listed and sentence in listed and sentence.endswith(".")


def test_help_is_printed_before_anything_heavy_is_imported(tmp_path):
    answers = ask([(file, f"amuse {file}", ["--help"]) for file in FILES], tmp_path)
    for file, (status, printed, said) in zip(FILES, answers, strict=True):
        assert status == 0 and said == "", file
        assert "None" not in printed and "Default:" not in printed, file  # each default is written in one way
    train = answers[FILES.index("train")][1]
    words = " ".join(train.split())
    for variant in [*FUSIONS.values(), *CONTEXTS.values()]:
        assert " ".join(f"{variant.name}: {variant.description}".split()) in words
    assert "    amuse train --dataset_name sample --output_dir amuse-words\n" in train  # the examples keep their lines
    assert f"(default: {AmuseConfig().hidden_size}; by preset: small: 64)" in words
    assert "Print the timeline. (default: true; turn it off with --no_table)" in " ".join(
        answers[FILES.index("recognize")][1].split()
    )


def test_an_unknown_option_is_one_line_that_names_the_remedy(tmp_path):
    runs = [(file, f"amuse {file}", [*start(file), "--numm_threads", "2"]) for file in FILES]
    for (file, program, _), (status, printed, said) in zip(runs, ask(runs, tmp_path), strict=True):
        assert status == 2 and printed == "", file
        assert (
            said.split(":")[0] in (program, f"{file}.py {' '.join(start(file))}")
            and said.count("\n") == 1
            and "--numm_threads" in said
        ), file
        assert "--help" in said, file


def start(file: str) -> list[str]:
    """The first subcommand of a command, if it has any."""
    return list(subcommands(file))[:1]


@pytest.mark.parametrize("text", ["fusion: [gate\nseed: 3", "- fusion\n- gate", "\x00"], ids=["broken", "list", "nul"])
@pytest.mark.parametrize("command", ["study", "train", "cross-validate"])
def test_a_broken_yaml_is_one_line_that_names_the_file(command, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    given = ["mine.yaml"] if command == "study" else ["--recipe", "mine.yaml", "--output_dir", "out"]
    assert amuse.main([command, *given]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"amuse {command}: mine.yaml") and said.count("\n") == 1


def test_a_recipe_with_a_wrong_value_names_the_option(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("fusion: melt\nhidden_size: 8\n", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        amuse.main(["train", "--recipe", str(tmp_path / "mine.yaml"), "--output_dir", "out"])
    assert stopped.value.code == 2 and "--fusion: invalid choice: 'melt'" in capsys.readouterr().err


def test_debug_shows_the_traceback_and_a_defect_keeps_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert amuse.main(["calibrate", "--model", "nowhere", "--debug"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("Traceback") and said.splitlines()[-1].startswith("amuse calibrate: ")

    def defective(*_):
        raise KeyError("weights")

    monkeypatch.setattr("modeling_amuse.scripts.training.calibration.calibrate", defective)
    with pytest.raises(KeyError):
        amuse.main(["calibrate", "--model", "nowhere"])

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("modeling_amuse.scripts.training.calibration.calibrate", interrupted)
    assert amuse.main(["calibrate", "--model", "nowhere"]) == 130
    assert capsys.readouterr().err == "amuse calibrate: interrupted\n"


def test_an_unknown_command_gets_the_nearest_one(capsys):
    assert amuse.main(["trian"]) == 2
    assert capsys.readouterr().err == "amuse: there is no command 'trian'; did you mean train?\n"
    assert amuse.main(["feel"]) == 2
    assert "choose from recognize, train" in capsys.readouterr().err


def test_names_that_the_options_repeat_are_those_of_the_tables():
    assert set(EXTRACTORS) == set(FEATURE_EXTRACTORS)
    assert tuple(WRITERS) == tuple(f".{suffix}" for suffix in FORMATS)
    config = AmuseConfig()
    assert {name: getattr(config, name) for name in CONFIG_DEFAULTS} == CONFIG_DEFAULTS


@dataclass
class Example:
    """Options of every kind."""

    words: list[str] = field(metadata={"positional": True})
    rate: float = 0.5
    shuffle: bool = True
    causal: bool | None = None
    size: int | None = None
    lines: list[int] = field(default_factory=lambda: [1])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a"], {}),
        (["a", "--rate", "1e-3", "--size", "3"], {"rate": 1e-3, "size": 3}),
        (["a", "--no_shuffle"], {"shuffle": False}),
        (["a", "--no-shuffle", "--causal", "no"], {"shuffle": False, "causal": False}),
        (["a", "--shuffle", "false", "--causal=True"], {"shuffle": False, "causal": True}),
        (["a", "b", "--lines", "2", "3"], {"words": ["a", "b"], "lines": [2, 3]}),
        (["--shuffle", "talk.mp4"], {"words": ["talk.mp4"], "shuffle": True}),
        (["--shuffle", "no", "talk.mp4"], {"words": ["talk.mp4"], "shuffle": False}),
        (["--shuffle", str(Path(__file__).parent)], {"words": [str(Path(__file__).parent)], "shuffle": True}),
    ],
)
def test_options_are_read_from_dataclasses(given, expected):
    [read] = OptionParser(Example).read(given)
    assert read == Example(**{"words": ["a"], **expected})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "required: words"),
        (["a", "--rate", "fast"], "invalid float value: 'fast'"),
        (["a", "--shuffle", "maybe"], "neither true nor false"),
        (["a", "--shufle"], "did you mean --shuffle?"),
    ],
)
def test_wrong_options_end_with_status_two(given, said, capsys, monkeypatch):
    with pytest.raises(SystemExit) as stopped:
        OptionParser(Example).read(given)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
    monkeypatch.setenv("RANK", "1")  # among several processes, only the first one prints it
    with pytest.raises(SystemExit):
        OptionParser(Example).read(given)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("launch", [[], ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1"]])
def test_a_training_computes_with_the_threads_it_is_given(launch, tmp_path):
    given = ["--dataset_name", "sample", "--num_train_epochs", "1", "--train_fraction", "0.1", "--use_cpu"]
    given += ["--preset", "small", "--cache_dir", str(tmp_path / "cache"), "--output_dir", str(tmp_path / "out")]
    command = [sys.executable, *launch, str(SCRIPTS / "train.py"), *given]
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    if launch:
        result = subprocess.run(command, env=variables, capture_output=True, text=True, cwd=tmp_path)
    else:
        result = forked_processes.run("train.py", *given)
    assert result.returncode == 0, result.stderr
    history = json.loads((tmp_path / "out" / "training_history.json").read_text(encoding="utf-8"))
    assert history["runs"][-1]["num_threads"] == 1


def test_threads_are_those_of_the_user_the_launcher_or_the_container(monkeypatch):
    chosen = []
    monkeypatch.setattr("torch.set_num_threads", chosen.append)
    monkeypatch.setattr(process, "usable_cores", lambda: 6)
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    process.set_threads()
    assert chosen == [6] and os.environ["OMP_NUM_THREADS"] == "6" and os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    process.set_threads()  # the variable is set now
    assert chosen == [6]
    process.set_threads(2)
    assert chosen == [6, 2] and os.environ["OMP_NUM_THREADS"] == "2"
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    process.set_threads()
    assert chosen == [6, 2, 1]


@pytest.mark.parametrize("given", [None, 3])
def test_steps_without_a_trained_encoder_use_one_thread_unless_the_user_chose(given, monkeypatch):
    threads = [4]
    monkeypatch.setattr("torch.set_num_threads", threads.append)
    monkeypatch.setattr("torch.get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(process, "usable_cores", lambda: 4)
    for name in ("OMP_NUM_THREADS", process.BY_DEFAULT, "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    process.set_threads(given)
    wanted = given or 4
    with process.threads_for_steps(trains_encoder=True):
        assert threads[-1] == wanted
    for _ in range(2):
        with process.threads_for_steps(trains_encoder=False):
            assert threads[-1] == (given or 1)
        assert threads[-1] == wanted
        process.set_threads(given)  # as in a process that this one starts


def test_the_cores_are_those_that_the_process_may_use():
    code = "from modeling_amuse.scripts.command.process import usable_cores; print(usable_cores())"
    code = f"import runpy; runpy.run_path({str(LAUNCHER)!r}); {code}"
    variables = {**os.environ, "LOKY_MAX_CPU_COUNT": "1"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables)
    assert result.stdout.split() == ["1"], result.stderr


def test_threads_wait_passively_where_the_package_is_run_as_a_module(tmp_path):
    """Python imports the package before `__main__.py`, and with it torch, which reads the variable."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os\natexit.register(lambda: print(os.environ.get('OMP_WAIT_POLICY')))\n", encoding="utf-8"
    )
    variables = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    variables |= {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "modeling_amuse", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert result.stdout.split()[-1] == "PASSIVE", result.stderr
