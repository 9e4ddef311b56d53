# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Run a study: train every variant with every seed, score it, and compare the variants.

    amuse study fusion --data meld --set data_dir=MELD audio_features=PRAAT
    amuse study fusion --data meld --variants alfa --seeds 42 --trial --set data_dir=MELD audio_features=PRAAT

STUDY is a file of scripts/studies (scripts/study/study_description.py describes its fields). Finished runs are skipped, and
an interrupted run continues from its last epoch. Studies with the same --output_dir share their trainings. Epochs and all
other choices are made on the validation split. The results are written to hub_card/results/STUDY/DATA: `runs.parquet` with
a row for each run, `predictions.parquet`, `results.md` and plots, each with the command, the commit and the seeds. The
tables of the documentation are updated.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.study.study_arguments import StudyArguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the report of each data set."""
    [args] = read_options(arguments, StudyArguments, description=__doc__)
    from modeling_amuse.scripts.study.whole_study import run_study

    return run_study(args)
