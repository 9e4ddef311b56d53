# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Upload a trained model to the Hub: weights, processor, the code that they need, a model card with plots, and a tag.

    amuse push --model amuse-meld --repo_id user/amuse-meld --results results.json --revision_tag v1
    amuse push --model amuse-meld --repo_id user/amuse-meld --dry_run amuse-meld-hub

`--dry_run` writes the folder that would be uploaded, and needs no network. The uploaded model can be loaded without this
package: `pipeline(model="user/amuse-meld", trust_remote_code=True)`.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.hub.push_arguments import PushArguments


def main(arguments: list[str] | None = None):
    [args] = read_options(arguments, PushArguments, description=__doc__)
    from modeling_amuse.scripts.hub.push_model import push_model

    push_model(args)
