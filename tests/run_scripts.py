"""
Scripts of this repository one after the other, each as on the command line, in one process: importing takes longest.

    python tests/run_scripts.py '[{"script": "push_to_hub", "arguments": [...], "token": "hf_...", "endpoint": "http://..."}]'

Prints for each what it exited with: null when it went well.
"""

import json
import os
import runpy
import sys
from pathlib import Path

from huggingface_hub import constants

SCRIPTS = Path(__file__).parents[1] / "scripts"

exits = []
for run in json.loads(sys.argv[1]):
    os.environ.pop("HF_TOKEN", None)
    if run["token"]:
        os.environ["HF_TOKEN"] = run["token"]
    constants.ENDPOINT = run.get("endpoint", os.environ["HF_ENDPOINT"])
    script = SCRIPTS / f"{run['script']}.py"
    sys.argv = [str(script), *run["arguments"]]
    sys.path.insert(0, str(SCRIPTS))
    try:
        runpy.run_path(str(script), run_name="__main__")
        exits.append(None)
    except SystemExit as stopped:
        exits.append(stopped.code)
    sys.path.pop(0)
print("\n" + json.dumps(exits))
