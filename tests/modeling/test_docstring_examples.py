"""The examples in the docstrings of the public modules can be run without changes."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import modeling_amuse

ROOT = Path(modeling_amuse.__file__).parents[1]
FILES = [path for room in ("modeling_amuse", "processing") for path in sorted((ROOT / room).glob("*.py"))]
EXAMPLES = [path for path in FILES if ">>>" in path.read_text(encoding="utf-8")]


class ExampleParser(doctest.DocTestParser):
    """Reads examples in Markdown fences. doctest alone would take the closing fence for expected output."""

    def parse(self, string, name="<string>"):
        return super().parse(re.sub(r"(?m)^(\s*)```(python)?$", r"\1", string), name)


def module_name(path: Path) -> str:
    return ".".join(("modeling_amuse", *path.relative_to(ROOT).with_suffix("").parts)).replace(
        "modeling_amuse.modeling_amuse.", "modeling_amuse.", 1
    )


def examples_of(path: Path) -> list[doctest.DocTest]:
    module = importlib.import_module(module_name(path))
    found = doctest.DocTestFinder(parser=ExampleParser(), exclude_empty=True).find(module)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_as_they_stand(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = examples_of(path)
    assert tests, "an example in this file is in no docstring"
    for test in tests:
        test.globs = {}  # an example imports everything that it uses
        result, report = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE), []
        result.run(test, out=report.append)
        assert result.summarize(verbose=False).failed == 0, "".join(report)


def test_the_classes_that_users_call_have_examples():
    names = {test.name for path in EXAMPLES for test in examples_of(path)}
    wanted = ["AmuseConfig", "AmuseModel.forward", "AmuseForEmotionRecognition", "EmotionRecognitionPipeline"]
    wanted += [
        "LiveSession",
        "AmuseForEmotionRecognition.from_text_audio_vision_pretrained",
        "OnnxModel",
        "lora_config",
    ]
    assert [name for name in wanted if not any(found.endswith(f".{name}") for found in names)] == []
