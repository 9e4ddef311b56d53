# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Make the confidences of a trained AMuSE as high as its accuracy: temperature scaling, fitted on the validation split.

    python scripts/calibrate.py --model amuse-meld --dataset_name meld --data_dir MELD

One number is written into the model's `config.json`, `temperature`; weights and predictions stay what they are. The
pipeline and evaluate.py use it. `evaluate.py --split test` then prints the calibration error without and with it.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from modeling_amuse.scripts.training.calibration import calibrate
from modeling_amuse.scripts.training.evaluation_arguments import CalibrationArguments, parse_one


def main(arguments: list[str] | None = None) -> dict:
    """Returns the temperature, and the calibration before and after."""
    return calibrate(parse_one(CalibrationArguments, arguments, __doc__))


if __name__ == "__main__":
    main()
