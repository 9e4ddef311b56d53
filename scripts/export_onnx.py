# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Export a trained AMuSE to ONNX, for onnxruntime.

    amuse export --model amuse-sample --output_dir amuse-sample-onnx

Writes `model.onnx`, which takes any number of conversations, utterances and tokens, with the configuration and the
processor in the same folder. The file is run on conversations of the sample corpus, with and without each modality, and
kept only if its outputs agree with PyTorch's.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.export.export_arguments import ExportArguments


def main(arguments: list[str] | None = None) -> float:
    """Returns the largest difference between the outputs of the file and of PyTorch."""
    [args] = read_options(arguments, ExportArguments, description=__doc__)
    from modeling_amuse.scripts.export.onnx_export import export_model

    return export_model(args)
