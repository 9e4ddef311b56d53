"""The tests of the installed version of transformers, which are in its source distribution but not in its wheel."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import transformers

FOLDER_VARIABLE = "AMUSE_TRANSFORMERS_TESTS_DIR"
# Modules that the tests import and the source distribution lacks. The mixins for export and generation are empty, the fields
# are for configurations without sub-configurations, and the URLs are for files that only chat templates read.
STAND_INS = {
    "tests/exporters/test_export.py": "class ExportTesterMixin:\n    pass\n",
    "tests/generation/test_utils.py": "class GenerationTesterMixin:\n    pass\n",
    "tests/utils/test_configuration_utils.py": "config_common_kwargs = {}\n",
    "utils/fetch_hub_objects_for_ci.py": "def url_to_local_path(url):\n    return url\n",
}


def source_distribution(cache: Path) -> Path:
    """
    The source distribution of the installed transformers: from the folder that AMUSE_TRANSFORMERS_TESTS_DIR names or from
    `cache`, else downloaded once from the package index. If that fails, the test is skipped.
    """
    folder = Path(os.environ.get(FOLDER_VARIABLE) or cache)
    archive = folder / f"transformers-{transformers.__version__}.tar.gz"
    if not archive.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        download = ["download", "--quiet", "--no-deps", "--no-binary", "transformers", "--dest", str(folder)]
        command = [sys.executable, "-m", "pip", *download, f"transformers=={transformers.__version__}"]
        result = subprocess.run(command, capture_output=True, text=True)
        if not archive.is_file():
            pytest.skip(
                f"needs the source distribution {archive.name}: pip cannot download it ({result.stderr.strip()[-300:]}), "
                f"and it does not lie in the folder that {FOLDER_VARIABLE} names"
            )
    return archive


def lay_out(archive: Path, ours: Path, folder: Path) -> list[str]:
    """
    Unpack transformers' tests into `folder`, and add the modules that they lack and our test classes from the folder `ours`.

    Returns:
        The paths of our files with test classes, relative to `folder`.
    """
    with tarfile.open(archive) as sources:
        top = archive.name.removesuffix(".tar.gz")
        for member in sources.getmembers():
            name = member.name.removeprefix(f"{top}/")
            if member.isfile() and Path(name).parent == Path("tests") and name.endswith(".py"):
                write(folder / name, sources.extractfile(member).read().decode())
    for name, code in STAND_INS.items():
        write(folder / name, code)
    for path in ours.glob("*.py"):
        write(folder / "tests" / "models" / "amuse" / path.name, path.read_text())
    for package in {path.parent for path in (folder / "tests").rglob("*.py")} | {folder / "tests" / "models"}:
        (package / "__init__.py").touch()
    return [f"tests/models/amuse/{path.name}" for path in sorted(ours.glob("amuse_*.py"))]


def write(path: Path, code: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)
