# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Store the linear layers' weights of a trained AMuSE in eight bits, and see what that costs.

    python scripts/quantize.py --model amuse-sample --output_dir amuse-sample-int8 --dataset_name folder --data_dir DATA \\
        --split validation

Weights alone are quantized, one scale for each row; LSTMs, embeddings, the mode-specific heads and the classifier stay as
they are. Both models are scored by scripts/evaluate.py, whose arguments (data set, split, feature tables) this script
takes too. The folder loads like every other one where torchao is installed (the extra quantize), from safetensors.
"""

import argparse
from pathlib import Path

from transformers import TorchAoConfig

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.scripts.training.evaluation import evaluate
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments, parse_one
from modeling_amuse.scripts.training.prediction import load_from_folder_or_hub

KEPT = ["modality_heads", "classifier"]
"""Modules of few weights, which the emotions are read from."""
SCORES = ("weighted_f1", "accuracy", "macro_f1")


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--model", required=True, help="Folder or Hub id of the model.")
    parser.add_argument("--output_dir", required=True, help="Folder for the quantized model and its processor.")
    args, for_evaluation = parser.parse_known_args(arguments)
    if "--output" in for_evaluation:
        raise ValueError("--output is of no use here: the scores are written into --output_dir.")
    settings = import_extra("torchao.quantization", "quantize").Int8WeightOnlyConfig()
    folder = Path(args.output_dir)
    if (folder / "config.json").exists():
        raise ValueError(f"{folder} already holds a model: give another --output_dir.")

    def scores_of(model: str, when: str) -> dict[str, float]:
        output = folder / f"results_{when}.json"
        given = ["--pictures", "false", *for_evaluation, "--model", model, "--output", str(output)]
        results = evaluate(parse_one(EvaluationArguments, given))
        return {name: results[name] for name in SCORES}

    before = scores_of(args.model, "before")
    quantize(args.model, settings, folder)
    after = scores_of(str(folder), "after")
    print(f"\n{'':12} {'before':>9} {'after':>9} {'change':>9}")
    for name in SCORES:
        print(f"{name:12} {before[name]:9.4f} {after[name]:9.4f} {after[name] - before[name]:+9.4f}")
    return {"before": before, "after": after}


def quantize(name: str, settings, folder: Path):
    """
    Save a model with quantized weights, and its processor, and print the sizes.

    Args:
        name: folder or Hub id.
        settings: of torchao, how weights are quantized.
        folder: where to.
    """
    processor = load_from_folder_or_hub(AmuseProcessor, name)
    whole = load_from_folder_or_hub(AmuseForEmotionRecognition, name)
    size = sum(tensor.numel() * tensor.element_size() for tensor in whole.state_dict().values())
    config = TorchAoConfig(settings, modules_to_not_convert=KEPT)
    AmuseForEmotionRecognition.from_pretrained(name, quantization_config=config).save_pretrained(folder)
    processor.save_pretrained(folder)
    quantized = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    print(f"Weights: {size / 1e6:.1f} MB before, {quantized / 1e6:.1f} MB after, in {folder}")
