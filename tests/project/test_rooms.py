"""
The rules of the layout: for files that are copied into model folders, for all other files, and for commands.

transformers copies the files directly in `modeling_amuse/` and `processing/` into a model's folder, so they import only each
other, and relatively. Every other file imports by full names. `docs/design.md` has the table of rooms.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "modeling_amuse"
BESIDE = ("processing", "scripts", "hub_card")
"""The folders that are beside the package in a clone and inside it after an installation."""

STARTS_OTHERS = ("scripts/amuse.py", "scripts/demo.py")
"""The commands that start other commands: the launcher and the demo."""

STAYS_AT_HOME = ("modeling_amuse/__init__.py", "modeling_amuse/__main__.py", "modeling_amuse/onnx_model.py")
"""
The files directly in the package that no model folder needs. They may import `processing/*.py` by its full name, and
`__main__.py` may import the launcher of the commands.
"""

PROCESSING = (
    "processing",
    "processing/corpora",
    "processing/evaluation",
    "processing/timelines",
    "processing/controlled",
)
BELOW_HUB_CARD = (PACKAGE, *PROCESSING)
BELOW_SCRIPTS = (*BELOW_HUB_CARD, "hub_card")
MAY_IMPORT = {
    PACKAGE: ("processing",),  # only the files that are not copied into model folders; the others have their own check
    "processing": (),
    "processing/corpora": ("processing",),
    "processing/evaluation": ("processing", "processing/corpora"),
    "processing/timelines": (PACKAGE, "processing", "processing/corpora"),
    "processing/controlled": PROCESSING,
    "hub_card": BELOW_HUB_CARD,
    "scripts/*": BELOW_SCRIPTS,
    "scripts": BELOW_SCRIPTS,
}
"""
The rooms that each room may import, besides itself. The rooms of `scripts/` (`scripts/training`, ...) may import each other,
but not in a circle. A command (`scripts/*.py`) may import these rooms, and no other command.
"""


def find_violations(root: Path) -> list[str]:
    """A sentence for every import below `root` that breaks a rule, and for every command without a `main`."""
    found = []
    arrows: dict[str, set[str]] = {}
    for path in python_files(root):
        name = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"), name)
        if room_of(name) == "scripts" and path.name != "__init__.py" and not has_main(tree):
            found.append(f"{name} has no main: a file in scripts/ is a command, everything else belongs to a room.")
        for line, level, module, names in imports(tree):
            for problem in problems_of(name, level, module, names, root):
                found.append(f"{name}:{line} {problem}")
            if not level and is_script_room(room_of(name)):
                neighbours = {room for _, room in targets(module, names, root) if is_script_room(room)}
                arrows.setdefault(room_of(name), set()).update(neighbours - {room_of(name)})
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        found.append(f"These rooms import each other in a circle: {' <- '.join(error.args[1])}.")
    return found


def python_files(root: Path) -> Iterator[Path]:
    for folder in (PACKAGE, *BESIDE, "tests", "docs"):
        yield from (path for path in sorted((root / folder).rglob("*.py")) if "__pycache__" not in path.parts)


def room_of(name: str) -> str:
    """The room of a file, from its path in the clone: `processing/corpora`, `hub_card` with all folders in it, ..."""
    parts = name.split("/")[:-1]
    if parts[0] in ("hub_card", "tests", "docs"):
        return parts[0]
    return "/".join(parts[:2])


def is_script_room(room: str) -> bool:
    return room.startswith("scripts/")


def may_import(name: str) -> set[str] | None:
    """The rooms that a file may import besides those of `scripts/`; None if its room is not in the table."""
    room = room_of(name)
    allowed = MAY_IMPORT.get("scripts/*" if is_script_room(room) else room)
    if allowed is None or (room == "scripts" and name not in STARTS_OTHERS):
        return allowed and set(allowed)  # a command imports no other command
    return {*allowed, room}


def travels(name: str) -> bool:
    return room_of(name) in (PACKAGE, "processing") and name not in STAYS_AT_HOME and name != "processing/__init__.py"


def has_main(tree: ast.Module) -> bool:
    """Whether the file defines `main` or imports it from a room."""
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    names += [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return "main" in names


def imports(tree: ast.Module) -> Iterator[tuple[int, int, str, list[str]]]:
    """Line, number of leading dots, module and imported names of each import, including those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, 0, alias.name, []
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.level, node.module or "", [alias.name for alias in node.names]


def problems_of(name: str, level: int, module: str, names: list[str], root: Path) -> Iterator[str]:
    if level:
        sibling = (root / name).parent / f"{module}.py"
        if may_import(name) is None:
            return  # tests/modeling/transformers_mixins/ runs inside a copy of transformers' tests
        if not (travels(name) or name in STAYS_AT_HOME):
            yield f"imports relatively (from {'.' * level}{module}): outside the flat files an import is spelled in full."
        elif level > 1 or not sibling.is_file():
            yield f"imports {'.' * level}{module}: a flat file may import only the files beside it."
        return
    first = module.split(".")[0]
    if first in BESIDE or ((root / name).with_name(f"{first}.py").is_file() and first != PACKAGE):
        yield f"imports {module} by its bare name: spell an import in full, from {PACKAGE} on."
        return
    for target, room in targets(module, names, root):
        if travels(name):
            yield f"imports {target} by its full name: it travels with the weights, where only `from .file import` works."
        elif is_allowed_among_scripts(name, target, room):
            continue
        elif may_import(name) is not None and room not in may_import(name):
            yield f"imports {target}: {room_of(name)} may not import {room}."


def is_allowed_among_scripts(name: str, target: str, room: str) -> bool:
    """Commands and the rooms of `scripts/` may import these rooms; `__main__.py` may import the launcher."""
    if name == "modeling_amuse/__main__.py":
        return target == "modeling_amuse.scripts.amuse"
    return is_script_room(room) and (room_of(name) == "scripts" or is_script_room(room_of(name)))


def targets(module: str, names: list[str], root: Path) -> set[tuple[str, str]]:
    """The modules of this project that an import uses, each with its room. For another name, that is the module that has it."""
    first, *parts = module.split(".")
    if first != PACKAGE:
        return set()
    return {place([*parts, name], root) for name in names} if names else {place(parts, root)}


def place(parts: list[str], root: Path) -> tuple[str, str]:
    """The longest beginning of `modeling_amuse.a.b.c` that is a file or a folder of the clone, and its room."""
    while parts:
        inside = Path(*parts) if parts[0] in BESIDE else Path(PACKAGE, *parts)
        if (root / inside).with_suffix(".py").is_file():
            return f"{PACKAGE}.{'.'.join(parts)}", room_of(inside.with_suffix(".py").as_posix())
        if (root / inside).is_dir():
            return f"{PACKAGE}.{'.'.join(parts)}", room_of((inside / "__init__.py").as_posix())
        parts = parts[:-1]
    return PACKAGE, PACKAGE


def test_no_room_imports_what_is_above_it():
    assert find_violations(ROOT) == []


def test_every_folder_with_code_has_its_line_in_the_table():
    """A new room must be added to the table, otherwise its files are not checked."""
    folders = {path.parent.relative_to(ROOT).as_posix() for folder in (PACKAGE, *BESIDE) for path in python_files(ROOT)}
    ours = {folder for folder in folders if folder.split("/")[0] in (PACKAGE, *BESIDE)}
    assert [folder for folder in sorted(ours) if may_import(f"{folder}/file.py") is None] == []


@pytest.fixture
def clone(tmp_path):
    """The files of an example clone that follows the rules, by path."""

    def write(**changes: str) -> Path:
        files = {
            "modeling_amuse/__init__.py": "from modeling_amuse.processing.hands import read\n\nfrom .brain import think\n",
            "modeling_amuse/brain.py": "import torch\n\nfrom .nerve import fire\n",
            "modeling_amuse/nerve.py": "",
            "processing/hands.py": "from .fingers import five\n",
            "processing/fingers.py": "",
            "processing/corpora/gold.py": "from modeling_amuse.processing.hands import read\n",
            "hub_card/face.py": "from modeling_amuse import think\nfrom modeling_amuse.processing.corpora import gold\n",
            "scripts/training/loop.py": "from modeling_amuse.hub_card import face\n",
            "scripts/study/plan.py": "from modeling_amuse.scripts.training.loop import run\n",
            "scripts/go.py": "def main():\n    from modeling_amuse.scripts.training.loop import run\n",
            "tests/test_all.py": "from modeling_amuse.scripts import go\nfrom modeling_amuse.scripts.training import loop\n",
        }
        for name, text in {**files, **changes}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_clone_that_keeps_the_rule_passes(clone):
    assert find_violations(clone()) == []


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("modeling_amuse/brain.py", "import modeling_amuse\n", "travels with the weights"),
        ("modeling_amuse/brain.py", "from modeling_amuse.nerve import fire\n", "imports modeling_amuse.nerve by its full"),
        ("modeling_amuse/brain.py", "from .absent import fire\n", "only the files beside it"),
        ("processing/hands.py", "from ..brain import think\n", "only the files beside it"),
        ("processing/hands.py", "from .corpora.gold import dig\n", "only the files beside it"),
        ("processing/hands.py", "from .corpora import gold\n", "only the files beside it"),
        ("processing/hands.py", "def f():\n    from modeling_amuse.processing.corpora import gold\n", "hands.py:2 imports"),
        ("processing/corpora/gold.py", "from modeling_amuse import think\n", "may not import modeling_amuse"),
        ("processing/corpora/gold.py", "from modeling_amuse.hub_card.face import f\n", "may not import hub_card"),
        ("processing/corpora/gold.py", "from .silver import x\n", "spelled in full"),
        ("processing/corpora/gold.py", "import modeling_amuse.scripts.go\n", "may not import scripts"),
        ("hub_card/page/app.py", "from modeling_amuse.scripts.training import loop\n", "may not import scripts/training"),
        ("hub_card/page/app.py", "import processing.hands\n", "imports processing.hands by its bare name"),
        ("hub_card/profile.py", "from face import x\n", "imports face by its bare name"),
        ("tests/test_all.py", "from hub_card import face\n", "imports hub_card by its bare name"),
        ("docs/example.py", "from scripts.training import loop\n", "imports scripts.training by its bare name"),
        ("scripts/training/loop.py", "from modeling_amuse.scripts import go\n", "scripts/training may not import scripts"),
        ("scripts/training/loop.py", "from modeling_amuse.scripts.go import main\n", "may not import scripts"),
        ("scripts/training/loop.py", "import modeling_amuse.scripts.study.plan\n", "import each other in a circle"),
        ("scripts/stay.py", "from modeling_amuse.scripts import go\n\n\ndef main(): ...\n", "scripts may not import scripts"),
        ("scripts/helper.py", "def help(): ...\n", "helper.py has no main"),
        ("modeling_amuse/onnx_model.py", "import modeling_amuse.processing.corpora.gold\n", "may not import processing/corpora"),
    ],
)  # fmt: skip
def test_what_breaks_the_rule_is_found(clone, name, text, sentence):
    [violation] = find_violations(clone(**{name: text}))
    assert sentence in violation and (name in violation or "circle" in violation)


@pytest.mark.parametrize("name", STARTS_OTHERS)
def test_the_commands_that_start_others_may_import_them(clone, name):
    launcher = "from modeling_amuse.scripts import go\n\n\ndef main():\n    go.main()\n"
    assert find_violations(clone(**{name: launcher})) == []
