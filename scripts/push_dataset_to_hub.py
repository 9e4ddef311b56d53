# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Upload the features of a corpus to the Hub as a data set that can be streamed.

    amuse push-dataset --features features/prosody --dataset_name meld --repo_id user/meld-prosody

Uploads only features and the record of the extractor that computed them. Recordings, pictures, paths and transcripts are
refused.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.hub.push_arguments import PushDatasetArguments


def main(arguments: list[str] | None = None):
    [args] = read_options(arguments, PushDatasetArguments, description=__doc__)
    from modeling_amuse.scripts.hub.push_dataset import push_dataset

    push_dataset(args)
