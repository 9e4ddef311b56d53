"""The README's commands and Python, run as they stand there, one after the other, in a folder where small things bear its names."""

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
README = (ROOT / "README.md").read_text(encoding="utf-8")

NOT_RUN = {
    "make demo": "takes minutes; its parts are run by tests of their own",
    "make test": "is what runs this",
    "push_to_hub.py --model amuse-meld --repo_id user/amuse-meld --results results.json --revision_tag": "test_hub.py",
    "push_dataset_to_hub.py": "test_hub.py",
    "hub_card/space/app.py": "test_space.py",
    "scripts/audit_data.py": "test_audit.py, on clips that this folder lacks",
    "scripts/extract_features.py": "test_recordings.py, on clips that this folder lacks",
    "--audio_features features/prosody": "needs the features of these clips",
    "pip install": "the tests' environment has it",
    "--recipe meld": "takes an hour; test_training_options.py",
    "run_study.py fusion": "takes hours; test_study.py",
    "cross_validate.py": "takes minutes; test_cross_validation.py",
    "controlled_study.py": "takes minutes; test_controlled_corpus.py",
}
"""Commands that are not run here, by what they hold, and why."""


def blocks() -> list[tuple[str, str, str]]:
    """Section, language and contents of every block of code."""
    found, section = [], ""
    for match in re.finditer(r"^#{2,3} ([^\n]+)$|^```(bash|python)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        section = match[1] or section
        if match[2]:
            found.append((section, match[2], match[3]))
    return found


def commands(block: str) -> list[str]:
    lines = block.replace("\\\n", " ").splitlines()
    return [" ".join(shlex.split(line, comments=True)) for line in lines if shlex.split(line, comments=True)]


def reason_not_to_run(command: str) -> str | None:
    return next((reason for part, reason in NOT_RUN.items() if part in command), None)


STEPS = [
    (section, language, step)
    for section, language, block in blocks()
    for step in ([block] if language == "python" else commands(block))
    if language == "python" or reason_not_to_run(step) is None
]


def test_what_is_not_run_still_stands_in_the_readme():
    every = [command for _, language, block in blocks() if language == "bash" for command in commands(block)]
    assert all(any(part in command for command in every) for part in NOT_RUN)
    assert len(STEPS) >= 15


@pytest.fixture(scope="module")
def desk(tmp_path_factory, tiny_text_encoder):
    """A folder where a reader of the README may stand."""
    pytest.importorskip("librosa")
    from tests.small_media import numbered_frames, speech_like, write_video, write_wav
    from tests.small_models import save_recording_model

    folder = tmp_path_factory.mktemp("desk")
    (folder / "scripts").symlink_to(ROOT / "scripts")
    save_recording_model(folder / "amuse-sample", tiny_text_encoder[0])
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
        (folder / "FOLDER" / f"{split}.jsonl").write_text("\n".join(lines[:8]) + "\n", encoding="utf-8")
    media = os.environ.get("AMUSE_MEDIA_DIR")
    if media:
        from modeling_amuse.processing.sound_tracks import read_audio

        write_wav(folder / "talk.wav", read_audio(Path(media) / "two_speakers_30s.wav", 6.0, 16.0))
    if "AMUSE_MELD_DIR" in os.environ:
        (folder / "MELD").mkdir()
        for path in Path(os.environ["AMUSE_MELD_DIR"]).glob("*_sent_emo.csv"):
            rows = path.read_bytes().split(b"\r\n")
            (folder / "MELD" / path.name).write_bytes(b"\r\n".join(rows[:60]) + b"\r\n")
    for name in ("openai/whisper-base", "sentence-transformers/all-MiniLM-L6-v2"):
        encoder = Path(os.environ.get("AMUSE_ENCODERS_DIR", "")) / Path(name).name
        if encoder.is_dir() and "AMUSE_ENCODERS_DIR" in os.environ:
            (folder / name).parent.mkdir()
            (folder / name).symlink_to(encoder)
    return folder


def skip_without_what_it_needs(step: str):
    for part, variable, what in (
        ("MELD", "AMUSE_MELD_DIR", "MELD's CSV files"),
        ("amuse-meld", "AMUSE_MELD_DIR", "MELD's CSV files"),
        ("amuse-lora", "AMUSE_MELD_DIR", "MELD's CSV files"),
        ("sentence-transformers/", "AMUSE_ENCODERS_DIR", "pretrained encoders"),
        ("amuse-meld", "AMUSE_ENCODERS_DIR", "pretrained encoders"),
        ("whisper", "AMUSE_ENCODERS_DIR", "pretrained encoders"),
        ("talk.wav", "AMUSE_MEDIA_DIR", "a real conversation"),
    ):
        if part in step:
            folder_from_environment(variable, what)


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[f"{n}-{s[0]}" for n, s in enumerate(STEPS)])
def test_the_readme_holds(number, desk):
    section, language, step = STEPS[number]
    skip_without_what_it_needs(step)
    if language == "python":
        # a section's Python reads on from its earlier blocks
        earlier = [text for other, kind, text in STEPS[:number] if (other, kind) == (section, "python")]
        skip_without_what_it_needs("".join(earlier))
        names = "import modeling_amuse\nfrom transformers import pipeline\n"
        names += 'recognizer = pipeline("emotion-recognition", model="amuse-sample")\n'
        command = [sys.executable, "-c", names + "\n".join([*earlier, step])]
    else:
        program, *rest = shlex.split(step)
        launcher = ["-m", "accelerate.commands.launch", "--cpu"] if program == "accelerate" else []
        assert program in ("python", "accelerate"), step
        command = [sys.executable, *launcher, *(rest[1:] if launcher else rest)]
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        "HF_DATASETS_CACHE": str(desk / "cache"),
    }
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{step}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
