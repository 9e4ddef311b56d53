# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Storing the weights of linear layers in eight bits, and comparing the scores before and after."""

from dataclasses import asdict, replace
from pathlib import Path

from accelerate import PartialState
from transformers import TorchAoConfig

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.whole_files import whole_files
from modeling_amuse.scripts.training.evaluation import evaluate
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments
from modeling_amuse.scripts.training.evaluation_data import options_of_training
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub

KEPT = ["modality_heads", "classifier"]
"""Modules that are not quantized: the heads that predict the emotions, which have few weights."""
SCORES = ("weighted_f1", "accuracy", "macro_f1")


def quantize_and_score(args: EvaluationArguments, output_dir: str) -> dict[str, dict[str, float]]:
    """
    Quantize a model and score it before and after.

    Args:
        args: the model and the data to score it on. The scores are written into `output_dir`.
        output_dir: the folder for the quantized model.

    Returns:
        The scores `before` and `after`.

    Raises:
        FileNotFoundError: when there is no such model.
        ValueError: when the folder already contains a model.
        ImportError: when torchao is not installed.
    """
    load_from_folder_or_hub(AmuseProcessor, args.model)  # report a missing model before a missing package
    settings = import_extra("torchao.quantization", "quantize").Int8WeightOnlyConfig()
    folder = Path(output_dir)
    if (folder / "config.json").exists():
        raise ValueError(f"{folder} already contains a model: give another --output_dir.")

    # of the original model's training, which the quantized folder does not record: both are scored on the same utterances
    args = replace(args, **asdict(options_of_training(args, PartialState())))

    def scores_of(model: str, when: str) -> dict[str, float]:
        tables = {
            name: str(Path(path).with_stem(f"{Path(path).stem}_{when}"))
            for name, path in (("predictions", args.predictions), ("descriptors", args.descriptors))
            if path is not None
        }
        output = folder / f"results_{when}.json"
        results = evaluate(replace(args, pictures=False, model=model, output=str(output), **tables))
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
        name: the folder or Hub id of the model.
        settings: the quantization settings of torchao.
        folder: the folder to save to.
    """
    processor = load_from_folder_or_hub(AmuseProcessor, name)
    whole = load_from_folder_or_hub(AmuseForEmotionRecognition, name)
    size = sum(tensor.numel() * tensor.element_size() for tensor in whole.state_dict().values())
    config = TorchAoConfig(settings, modules_to_not_convert=KEPT)
    quantized_model = AmuseForEmotionRecognition.from_pretrained(name, quantization_config=config)
    with whole_files(folder) as unfinished:
        quantized_model.save_pretrained(unfinished)
        processor.save_pretrained(unfinished)
    quantized = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    print(f"Weights: {size / 1e6:.1f} MB before, {quantized / 1e6:.1f} MB after, in {folder}")
