# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Calibrate the confidences of a trained AMuSE on the validation split by temperature scaling.

    amuse calibrate --model amuse-meld --dataset_name meld --data_dir MELD

Two numbers are written into the model's `config.json`; weights and predictions do not change. The pipeline and
`amuse evaluate` use the `temperature`; `amuse evaluate --split test` then prints the calibration error without and with it.
The pipeline calls an utterance unclear if its confidence is below `unclear_below`: below it, the predicted emotion was wrong
at least as often as right.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.training.evaluation_arguments import CalibrationArguments


def main(arguments: list[str] | None = None) -> dict:
    """Returns the temperature, and the calibration errors before and after."""
    [args] = read_options(arguments, CalibrationArguments, description=__doc__)
    from modeling_amuse.scripts.training.calibration import calibrate

    return calibrate(args)
