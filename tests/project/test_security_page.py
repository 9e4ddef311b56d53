"""All links of README and docs have a target, and the page on security names every kind of input that is fuzzed."""

import re
from pathlib import Path

import pytest

from tests.fuzz.strategies import DOORS

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_project_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name} links {target}"
        assert not anchor or anchor in anchors(path), f"{page.name} links {target}"


def test_the_readme_lists_every_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"(docs/{page.name})" in readme for page in PAGES if page.parent.name == "docs")


def test_the_page_on_security_names_each_fuzzed_input():
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").lower()
    words = {
        "rows": "data sets",
        "tables": "data sets",
        "annotations": "soft labels",
        "predictions": "stored predictions",
    }
    words |= {"processors": "processor files"}
    for door in DOORS:
        assert words.get(door, door) in text, door
