# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Render the controlled corpus: conversations whose emotions show in words, voice or face, as mp4 files.

    python scripts/render_sample.py --output_dir amuse-sample-data

Nothing is heard or seen in it that was recorded: the voices are synthetic, the faces drawn.
"""

import argparse
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # like its siblings: the repository, not this script's folder, comes first on the path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_amuse.processing.controlled.rendered_recording import render_corpus


def main(arguments: list[str] | None = None):
    # no transformers here: its import would take longer than the rendering of a conversation, in every process
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", default="amuse-sample-data", help="Folder for conversations and media.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of emotions, evidence and words.")
    parser.add_argument("--num_processes", type=int, default=os.cpu_count(), help="Conversations at a time.")
    args = parser.parse_args(arguments)
    render_corpus(Path(args.output_dir), args.seed, args.num_processes)


if __name__ == "__main__":
    main()
