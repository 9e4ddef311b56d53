# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Make the confidences of a trained AMuSE as high as its accuracy: temperature scaling, fitted on the validation split.

    python scripts/calibrate.py --model amuse-meld --dataset_name meld --data_dir MELD

One number is written into the model's `config.json`, `temperature`; weights and predictions stay what they are. The
pipeline and evaluate.py use it. `evaluate.py --split test` then prints the calibration error without and with it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from transformers import HfArgumentParser

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.corpora.load_conversations import BUILDERS
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance
from modeling_amuse.processing.evaluation.temperature_scaling import (
    at_temperature,
    fit_temperature,
    negative_log_likelihood,
)
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.evaluation import load_split, split_dataset, used_modalities
from modeling_amuse.scripts.training.prediction import forget_mixed_precision, predict, score, use_all_cores


@dataclass
class CalibrationArguments:
    """What is calibrated, and on what."""

    model: str = field(metadata={"help": "Folder of the model; its config.json is changed."})
    dataset_name: str = field(default="sample", metadata={"help": "The data set.", "choices": list(BUILDERS)})
    data_dir: str | None = field(default=None, metadata={"help": "Folder with the data set's files."})
    audio_features: str | None = field(default=None, metadata={"help": "Feature table of the audio."})
    vision_features: str | None = field(default=None, metadata={"help": "Feature table of the faces."})
    background_features: str | None = field(default=None, metadata={"help": "Feature table of the background."})
    per_device_eval_batch_size: int = field(default=16, metadata={"help": "Conversations in a batch of one process."})
    cache_dir: str | None = field(default=None, metadata={"help": "Where prepared data is kept."})
    use_cpu: bool = field(default=False, metadata={"help": "Compute on the CPU even where there is a GPU."})


def main(arguments: list[str] | None = None) -> dict:
    [args] = HfArgumentParser(CalibrationArguments, description=__doc__).parse_args_into_dataclasses(arguments)
    path = Path(args.model) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{args.model} is no folder of a model: download it first, its config.json is changed.")
    forget_mixed_precision()
    accelerator = Accelerator(cpu=args.use_cpu or not torch.cuda.is_available())
    use_all_cores(accelerator)
    model = AmuseForEmotionRecognition.from_pretrained(args.model).to(accelerator.device)
    model.config.temperature = 1.0
    processor = AmuseProcessor.from_pretrained(args.model)

    data, tables = load_split(args, "validation", model, processor, accelerator)
    modalities = used_modalities(model, tables, None)
    dataset = split_dataset(
        data.splits["validation"], tables, Disturbance(), modalities, model, processor, accelerator, args
    )
    dataset.check_labelled("validation")
    predictions = predict(model, dataset, processor, accelerator, args.per_device_eval_batch_size)
    scores, references = predictions["prediction_scores"], predictions["references"]
    temperature = fit_temperature(scores, references)

    emotions = [model.config.id2label[label] for label in range(model.config.num_labels)]
    results = {"temperature": temperature, "num_utterances": len(references)}
    for name, value in (("before", 1.0), ("after", temperature)):
        scaled = {**predictions, "prediction_scores": at_temperature(scores, value)}
        results[name] = {
            "expected_calibration_error": score(scaled, emotions, num_resamples=0)["expected_calibration_error"],
            "negative_log_likelihood": negative_log_likelihood(scores, references, value),
        }
    if accelerator.is_main_process:
        write_temperature(path, temperature)
    accelerator.print(
        f"temperature {temperature:.4f}, fitted on {len(references)} validation utterances; on these the expected "
        f"calibration error was {results['before']['expected_calibration_error']:.4f} and is "
        f"{results['after']['expected_calibration_error']:.4f}, the negative log-likelihood was "
        f"{results['before']['negative_log_likelihood']:.4f} and is {results['after']['negative_log_likelihood']:.4f}. "
        f"Written to {path}"
    )
    accelerator.end_training()
    return results


def write_temperature(path: Path, temperature: float):
    """Change the temperature in a configuration file, and nothing else in it."""
    config = json.loads(path.read_text(encoding="utf-8"))
    text = json.dumps({**config, "temperature": temperature}, indent=2, sort_keys=True, ensure_ascii=False)
    with whole_file(path) as file:
        file.write_text(text + "\n", encoding="utf-8")
