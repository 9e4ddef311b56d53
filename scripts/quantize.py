# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Store the weights of the linear layers of a trained AMuSE in eight bits, and score the model before and after.

    amuse quantize --model amuse-sample --output_dir amuse-sample-int8 --dataset_name folder --data_dir DATA \\
        --split validation

Weights alone are quantized, with one scale for each row. LSTMs, embeddings, the mode-specific heads and the classifier
keep their precision. Both models are scored as by `amuse evaluate`, whose options (data set, split, feature tables) this
command takes too. The quantized folder loads like any other where torchao is installed, from safetensors.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.process import prepare_process


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    prepare_process()
    from modeling_amuse.scripts.export import quantization

    return quantization.main(arguments)
