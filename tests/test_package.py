"""What a user gets who installs the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_both_packages_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("modeling_amuse", "processing", "pyproject.toml", "README.md"):
        (source / name).symlink_to(ROOT / name)
    build = ["wheel", str(source), "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    expected = {
        str(path.relative_to(ROOT))
        for package in ("modeling_amuse", "processing")
        for path in (ROOT / package).glob("*.py")
    }
    expected |= {f"processing/sample/{split}.jsonl" for split in ("train", "validation", "test")}
    assert names == expected


def test_import_registers_everything():
    code = (
        "import modeling_amuse, transformers\n"
        "from transformers.pipelines import PIPELINE_REGISTRY\n"
        "assert 'emotion-recognition' in PIPELINE_REGISTRY.get_supported_tasks()\n"
        "assert transformers.AutoConfig.for_model('amuse').model_type == 'amuse'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
