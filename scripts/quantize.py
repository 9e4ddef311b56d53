# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Store the weights of the linear layers of a trained AMuSE in eight bits, and score the model before and after.

    amuse quantize --model amuse-sample --output_dir amuse-sample-int8 --dataset_name folder --data_dir DATA \\
        --split validation

Only weights are quantized, not activations, with one scale for each row. LSTMs, embeddings, the mode-specific heads and the
classifier keep their precision. Both models are scored as by `amuse evaluate`, whose options (data set, split, feature
tables) this command also takes. The quantized folder loads like any other one if torchao is installed.
"""

import runpy
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.command.options import read_options
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments


@dataclass
class QuantizationArguments:
    """Options of the quantization."""

    output_dir: str = field(metadata={"help": "Folder for the quantized model, its processor and the scores."})


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Returns the scores before and after."""
    own, args = read_options(arguments, QuantizationArguments, EvaluationArguments, description=__doc__)
    if args.output != EvaluationArguments.output:
        raise WrongArguments("--output is not an option of this command: the scores are written into --output_dir.")
    from modeling_amuse.scripts.export.quantization import quantize_and_score

    return quantize_and_score(args, own.output_dir)
