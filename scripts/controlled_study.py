# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Score each subset of the modalities on the controlled corpus, and compare with the score of a perfect model.

    python scripts/render_sample.py --output_dir amuse-sample-data
    amuse extract --data_dir amuse-sample-data --extractors prosody faces --output_dir amuse-sample-data/features
    python scripts/controlled_study.py --data_dir amuse-sample-data --output_dir controlled-study

Every subset is trained with every seed. The epoch is chosen on the validation split, and the test split is scored once.
Finished trainings are skipped. `amuse study modalities --data controlled` trains the same models and gives confidence
intervals; this script also compares the shares of the modalities with the modalities that show the emotion.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.study.study_arguments import ControlledStudyArguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the contents of results.json."""
    [args] = read_options(arguments, ControlledStudyArguments, description=__doc__)
    from modeling_amuse.scripts.study.controlled_study import study_controlled_corpus

    return study_controlled_corpus(args)
