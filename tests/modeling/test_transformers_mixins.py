"""
transformers' own ConfigTester, ModelTesterMixin and ProcessorTesterMixin on our classes.

They come from the source distribution of the installed version, and need a package named `tests`, so they run in a separate
process. tests/modeling/transformers_mixins contains our test classes and a list of the tests that do not apply, with reasons.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
import transformers

from tests.modeling.transformers_mixins.not_applicable import ACCEPTED_SKIPS, NOT_APPLICABLE
from tests.modeling.transformers_sdist import lay_out, source_distribution

ROOT = Path(__file__).parents[2]
MIXINS = {
    "AmuseConfigTest": "ConfigTester",
    "AmuseModelTest": "ModelTesterMixin",
    "AmuseFeatureModelTest": "ModelTesterMixin",
    "AmuseProcessorTest": "ProcessorTesterMixin",
}


class Result(NamedTuple):
    """The outcome of one test: `passed`, `failed`, `skipped` or `not applicable`."""

    name: str
    outcome: str
    message: str


@pytest.fixture(scope="module")
def results(request, tmp_path_factory, add_to_summary) -> dict[str, list[Result]]:
    """The results of each of our test classes."""
    archive = source_distribution(Path(request.config.cache.mkdir("transformers")))
    folder = tmp_path_factory.mktemp("transformers")
    files = lay_out(archive, ROOT / "tests" / "modeling" / "transformers_mixins", folder)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", "--junit-xml=results.xml"]
    command = [sys.executable, "-m", "pytest", *options, *files]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if not (folder / "results.xml").is_file():
        raise RuntimeError(run.stdout[-3000:] + run.stderr[-3000:])
    results = {name: [] for name in MIXINS}
    for case in ElementTree.parse(folder / "results.xml").iter("testcase"):
        results[case.get("classname").rpartition(".")[2]].append(result_of(case))
    add_to_summary(f"transformers {transformers.__version__}'s own tests", summary_of(results))
    assert run.returncode in (0, 1), run.stdout[-3000:]
    return results


def result_of(case: ElementTree.Element) -> Result:
    for kind in ("failure", "error"):
        if (problem := case.find(kind)) is not None:
            return Result(case.get("name"), "failed", problem.text or problem.get("message"))
    if (skip := case.find("skipped")) is not None:
        expected = skip.get("type") == "pytest.xfail"
        return Result(case.get("name"), "not applicable" if expected else "skipped", skip.get("message"))
    return Result(case.get("name"), "passed", "")


def summary_of(results: dict[str, list[Result]]) -> list[str]:
    lines = []
    for name, mixin in MIXINS.items():
        counts = Counter(result.outcome for result in results[name])
        counted = ", ".join(f"{counts[outcome]} {outcome}" for outcome in sorted(counts))
        lines.append(f"{mixin} ({name}): {counted}")
        lines += [f"    {r.name}: {r.message}" for r in results[name] if r.outcome == "not applicable"]
    return lines


@pytest.mark.parametrize("name", MIXINS)
def test_transformers_own_tests_pass(results, name):
    failures = [f"{result.name}:\n{result.message}" for result in results[name] if result.outcome == "failed"]
    assert not failures, "\n\n".join(failures)
    assert any(result.outcome == "passed" for result in results[name])


@pytest.mark.parametrize("name", MIXINS)
def test_nothing_is_skipped_without_a_known_reason(results, name):
    skips = {result.name: result.message for result in results[name] if result.outcome == "skipped"}
    assert {
        test: why for test, why in skips.items() if not any(re.search(known, why) for known in ACCEPTED_SKIPS)
    } == {}
    not_applicable = {result.name for result in results[name] if result.outcome == "not applicable"}
    assert not_applicable == set(NOT_APPLICABLE.get(name, {}))
