"""
The commands and the Python blocks of README and docs, run as they are written, page by page, in a folder with small files
of the names that the pages use.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import folder_from_environment

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}

NEEDS = {"docs/hub.md": ["README.md"]}
"""Pages whose commands need the output of commands on other pages."""

NOT_RUN = {
    "make demo": "takes minutes; its parts have their own tests",
    "make test": "runs this test",
    "make check": "part of .ci/run",
    "make venv": "made the environment of this test",
    ".ci/run": "runs this test",
    "pip-audit": "needs the network",
    "pip install": "installed in the environment of this test",
    "amuse push --model amuse-meld --repo_id user/amuse-meld --results results.json --revision_tag": "tests/hub/test_hub.py",
    "amuse push-dataset": "tests/hub/test_hub.py",
    "amuse page": "tests/hub/test_space.py",
    "amuse audit": "tests/processing/test_audit.py; the folder of this test has no clips",
    "amuse extract": "tests/processing/test_recordings.py; the folder of this test has no clips",
    "--audio_features features/prosody": "needs the features of clips; tests/processing/test_recordings.py",
    "--recipe meld": "takes an hour; tests/scripts/test_training_options.py",
    "amuse study fusion": "takes hours; tests/scripts/test_study.py",
    "amuse study ravdess": "takes hours; tests/scripts/test_study.py",
    "--data_file talks.csv": "the folder of this test has no such table; tests/scripts/test_own_data.py",
    "amuse convert": "its files are downloads; tests/scripts/test_convert_features.py",
    "amuse-meld-text": "needs what amuse convert writes; tests/scripts/test_own_data.py",
    "amuse cross-validate": "takes minutes; tests/scripts/test_cross_validation.py",
    "amuse prepare-meld-extras": "its files are downloads; tests/scripts/test_prepare_meld_extras.py",
    "amuse distil": "takes hours; tests/scripts/test_distillation.py",
    "amuse study words": "takes hours; tests/scripts/test_study.py",
    "amuse-both": "takes minutes; tests/scripts/test_extra_data.py",
    "scripts/render_sample.py --output_dir amuse-sample-test": "takes minutes; tests/scripts/test_explain_study.py",
    "amuse explain-study": "takes minutes; tests/scripts/test_explain_study.py",
    "scripts/benchmark.py explain": "takes minutes; tests/scripts/test_explain_study.py",
    "--descriptors": "tests/scripts/test_explain_study.py",
    "scripts/controlled_study.py": "takes minutes; tests/processing/test_controlled_corpus.py",
}
"""Commands that are not run here. A part of each command is mapped to the reason or to the test that runs it."""


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and contents of every block of Bash or Python."""
    return re.findall(r"^```(bash|python)\n(.*?)^```$", TEXTS[page], re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    lines = block.replace("\\\n", " ").splitlines()
    return [" ".join(shlex.split(line, comments=True)) for line in lines if shlex.split(line, comments=True)]


def reason_not_to_run(command: str) -> str | None:
    return next((reason for part, reason in NOT_RUN.items() if part in command), None)


def steps(page: str) -> list[dict]:
    """The steps of a page that are run, in order. A command that is also on an earlier page is run only there."""
    earlier = {command for other in PAGES[: PAGES.index(page)] for command in commands_of(other)}
    found = []
    for language, block in blocks(page):
        chosen = [block]
        if language == "bash":
            chosen = [c for c in commands(block) if reason_not_to_run(c) is None and c not in earlier]
        found += [{"kind": language, "text": text} for text in chosen]
    return found


def commands_of(page: str) -> list[str]:
    return [command for language, block in blocks(page) if language == "bash" for command in commands(block)]


STEPS = {page: steps(page) for page in PAGES}


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 200


def test_every_reason_not_to_run_a_command_has_a_command():
    every = [command for page in PAGES for command in commands_of(page)]
    assert [part for part in NOT_RUN if not any(part in command for command in every)] == []
    assert sum(map(len, STEPS.values())) >= 20


def test_every_link_leads_somewhere():
    """A link to a file is a path, and a link to a section is the anchor that GitHub makes from its heading."""
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
            path, _, anchor = target.partition("#")
            if re.match(r"\w+:", path):
                continue
            file = (ROOT / page).parent / path if path else ROOT / page
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M) if file.suffix == ".md" else []
            anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            if not file.exists() or (anchor and anchor not in anchors):
                broken.append(f"{page}: {target}")
    assert broken == []


def test_every_option_that_the_pages_name_exists():
    """The options in text and in commands are those of our commands, or those of other programs that are listed here."""
    from modeling_amuse.scripts.amuse import COMMANDS

    others = {
        *("--extra-index-url", "--multi_gpu", "--num_processes", "--nproc_per_node", "--config_file"),
        *("--repo-type", "--local-dir", "--requirement", "--no-deps", "--version"),
    }
    named = {option for text in TEXTS.values() for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", text)}
    helps = _helps([*COMMANDS], ["benchmark", "controlled_study", "render_sample"])
    ours = set(re.findall(r"--[a-z][\w-]*", helps))
    assert named - others <= ours, sorted(named - others - ours)


def test_every_format_of_transcripts_has_its_line():
    from modeling_amuse.processing.transcripts import READERS

    assert [suffix for suffix in READERS if f"`{suffix}`" not in TEXTS["docs/recordings.md"]] == []


def test_every_variant_and_every_room_is_described():
    from modeling_amuse.processing.corpora.data_sets import DATA_SETS

    assert [name for name in DATA_SETS if name not in TEXTS["docs/training.md"]] == []
    rooms = {p.parent.relative_to(ROOT).name for p in (ROOT / "processing").rglob("*.py")} - {"processing"}
    assert [room for room in rooms if f"`processing/{room}/`" not in TEXTS["docs/design.md"]] == []


def _helps(commands: list[str], scripts: list[str]) -> str:
    """The help of every command, printed by one process to save time for imports."""
    code = (
        "import contextlib, importlib, json, sys\n"
        "from modeling_amuse.scripts.amuse import main\n"
        "commands, scripts = json.loads(sys.argv[1])\n"
        "calls = [(main, [name, '--help']) for name in commands]\n"
        "for name in scripts:\n"
        "    module = importlib.import_module(f'modeling_amuse.scripts.{name}')\n"
        "    calls += [(module.main, [*own, '--help']) for own in ([], *([n] for n in getattr(module, 'SUBCOMMANDS', ())))]\n"
        "for call, arguments in calls:\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        call(arguments)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, json.dumps([commands, scripts])]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory, tiny_text_encoder):
    """The working folder of a reader who follows the pages."""
    pytest.importorskip("librosa")
    from tests.small_media import numbered_frames, speech_like, write_video, write_wav
    from tests.small_models import save_recording_model

    folder = tmp_path_factory.mktemp("desk")
    (folder / "scripts").symlink_to(ROOT / "scripts")
    # few modules, because one of the commands exports them; tests/modeling/test_export.py exports the others
    save_recording_model(folder / "amuse-sample", tiny_text_encoder[0], num_man_layers=1, contexts="dialogue")
    if not all(map(os.environ.get, ("AMUSE_MELD_DIR", "AMUSE_ENCODERS_DIR"))):  # else a step trains it
        save_recording_model(folder / "amuse-live", tiny_text_encoder[0], causal=True)
    write_video(folder / "talk.mp4", numbered_frames(30), waveform=speech_like(3.0))
    subtitles = (
        "1\n00:00:00,000 --> 00:00:01,500\nAda: leave me alone\n\n2\n00:00:01,500 --> 00:00:03,000\nBen: oh no\n"
    )
    (folder / "talk.srt").write_text(subtitles, encoding="utf-8")
    (folder / "recordings").mkdir()
    for name in ("talk.mp4", "talk.srt"):
        shutil.copy(folder / name, folder / "recordings")
    (folder / "FOLDER").mkdir()
    for split in ("train", "validation", "test"):
        lines = (ROOT / "processing" / "sample" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        (folder / "FOLDER" / f"{split}.jsonl").write_text("\n".join(lines[1:3]) + "\n", encoding="utf-8")
    media = os.environ.get("AMUSE_MEDIA_DIR")
    if media:
        from modeling_amuse.processing.sound_tracks import read_audio

        write_wav(folder / "talk.wav", read_audio(Path(media) / "two_speakers_30s.wav", 6.0, 16.0))
    if "AMUSE_MELD_DIR" in os.environ:
        (folder / "MELD").mkdir()
        for path in Path(os.environ["AMUSE_MELD_DIR"]).glob("*_sent_emo.csv"):
            rows = path.read_bytes().split(b"\r\n")
            (folder / "MELD" / path.name).write_bytes(b"\r\n".join(rows[:11]) + b"\r\n")
    for name in ("openai/whisper-base", "sentence-transformers/all-MiniLM-L6-v2"):
        encoder = Path(os.environ.get("AMUSE_ENCODERS_DIR", "")) / Path(name).name
        if encoder.is_dir() and "AMUSE_ENCODERS_DIR" in os.environ:
            (folder / name).parent.mkdir()
            (folder / name).symlink_to(encoder)
    return folder


WANTED = (
    ("MELD", "AMUSE_MELD_DIR", "MELD's CSV files"),
    ("amuse-meld", "AMUSE_MELD_DIR", "MELD's CSV files"),
    ("amuse-lora", "AMUSE_MELD_DIR", "MELD's CSV files"),
    ("amuse-lora", "AMUSE_ENCODERS_DIR", "pretrained encoders"),
    ("sentence-transformers/", "AMUSE_ENCODERS_DIR", "pretrained encoders"),
    ("amuse-meld", "AMUSE_ENCODERS_DIR", "pretrained encoders"),
    ("whisper", "AMUSE_ENCODERS_DIR", "pretrained encoders"),
    ("talk.wav", "AMUSE_MEDIA_DIR", "a real conversation"),
)
"""If a step contains this text, it needs the folder that the variable names, and the contents of that folder."""


def wanted(step: dict) -> list[tuple[str, str]]:
    text = step["text"].replace("user/amuse-meld", "").replace("user/meld-prosody", "")  # names on the Hub
    return [(variable, what) for part, variable, what in WANTED if part in text]


@pytest.fixture(scope="module")
def outcomes(desk, request) -> dict[str, dict[int, str | None]]:
    """
    For each page that the selected tests need, the outcome of its steps by their number: None for a step that succeeded,
    else its error. One process runs all of these pages.
    """
    here = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    selected = {item.callspec.params.get("page") for item in here}
    selected |= {needed for page in selected for needed in NEEDS.get(page, [])}
    numbers = {
        page: [number for number, step in enumerate(STEPS[page]) if all(os.environ.get(v) for v, _ in wanted(step))]
        for page in PAGES
        if page in selected
    }
    steps = [[STEPS[page][number] for number in of_page] for page, of_page in numbers.items()]
    environment = {
        **os.environ,
        **{"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(desk / "cache"), "ACCELERATE_USE_CPU": "true"},
        **{"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "project" / "run_pages.py"), json.dumps(steps)],
        **{"cwd": desk, "env": environment, "capture_output": True, "text": True, "timeout": 1800},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    problems = json.loads(done.stdout.splitlines()[-1])
    return {
        page: dict(zip(of_page, own, strict=True))
        for (page, of_page), own in zip(numbers.items(), problems, strict=True)
    }


@pytest.mark.parametrize(
    ("page", "number"),
    [(page, number) for page in PAGES for number in range(len(STEPS[page]))],
    ids=[f"{page}-{n}-{step['kind']}" for page in PAGES for n, step in enumerate(STEPS[page])],
)
def test_a_step_of_the_documentation_works(page, number, outcomes):
    step = STEPS[page][number]
    for variable, what in wanted(step):
        folder_from_environment(variable, what)
    problem = outcomes[page][number]
    assert problem is None, f"{step['text']}\n{problem}"


@pytest.mark.parametrize("page", ["docs/training.md"])
def test_the_script_with_the_trainer_leaves_a_model_that_knows_its_emotions(page, outcomes, desk):
    assert all(problem is None for problem in outcomes[page].values())
    config = json.loads((desk / "amuse-trainer" / "best" / "config.json").read_text(encoding="utf-8"))
    lines = (desk / "FOLDER" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    emotions = {utterance["emotion"] for line in lines for utterance in json.loads(line)["utterances"]} - {None}
    assert list(config["id2label"].values()) == sorted(emotions)
