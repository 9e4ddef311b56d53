"""
Run scripts of this repository as on the command line, one after the other in one process, to save time for imports.

    python tests/run_scripts.py '[{"script": "push_to_hub", "arguments": [...], "token": "hf_...", "endpoint": "http://..."}]'

Prints a JSON list with the error line of each script; null for a script that succeeded.
"""

import contextlib
import importlib
import io
import json
import os
import runpy
import sys
from pathlib import Path

from huggingface_hub import constants

SCRIPTS = Path(__file__).parents[1] / "scripts"

if os.environ["HF_ENDPOINT"] != constants.ENDPOINT:  # this is a fork of a process that read other variables
    importlib.reload(constants)

exits = []  # the error line of each script, or None
for run in json.loads(sys.argv[1]):
    os.environ.pop("HF_TOKEN", None)
    if run["token"]:
        os.environ["HF_TOKEN"] = run["token"]
    constants.ENDPOINT = run.get("endpoint", os.environ["HF_ENDPOINT"])
    script = SCRIPTS / f"{run['script']}.py"
    sys.argv = [str(script), *run["arguments"]]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as stopped:
        # the line may begin with a progress bar
        begin = said.getvalue().rfind(f"{script.name}: ")
        exits.append(said.getvalue()[begin:].splitlines()[0] if stopped.code else None)
    print(said.getvalue(), file=sys.stderr)
print("\n" + json.dumps(exits))
