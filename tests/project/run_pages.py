"""
Run the steps of several pages of documentation in one process: importing takes longer than most of them.

    python tests/project/run_pages.py '[[{"kind": "python", "text": "print(1)"}, {"kind": "bash", "text": "amuse train ..."}]]'

The argument is a list of pages, each a list of steps. The last line of the output is a JSON list with a list for each page:
for each step null if it succeeded, else the end of its output and its error. After a failed step, the next one is run. The
Python blocks of a page share their names, as a reader of the page expects.
"""

import contextlib
import io
import json
import shlex
import subprocess
import sys
import traceback

PRELUDE = """
import modeling_amuse
from transformers import pipeline

recognizer = pipeline("emotion-recognition", model="amuse-sample")
"""


def run(step: dict, names: dict) -> str | None:
    """Run a step. Returns None, or the error."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = run_python(step["text"], names) if step["kind"] == "python" else run_command(step["text"])
    except (Exception, SystemExit):
        return f"{printed.getvalue()[-2000:]}\n{traceback.format_exc()[-3000:]}"
    return f"exit status {status}\n{printed.getvalue()[-3000:]}" if status else None


def run_python(text: str, names: dict):
    if not names:
        exec(PRELUDE, names)
    exec(text, names)


def run_command(command: str) -> int:
    program, *arguments = shlex.split(command)
    if program == "amuse":
        from modeling_amuse.scripts.amuse import main

        return main(arguments)
    programs = {
        "python": [sys.executable],
        "accelerate": [sys.executable, "-m", "accelerate.commands.accelerate_cli"],
    }
    done = subprocess.run([*programs[program], *arguments], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    return done.returncode


def run_page(steps: list[dict]) -> list[str | None]:
    names = {}
    return [run(step, names) for step in steps]


if __name__ == "__main__":
    print("\n" + json.dumps([run_page(steps) for steps in json.loads(sys.argv[1])]))
