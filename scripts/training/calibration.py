# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The body of `amuse calibrate`: fits the temperature and the threshold of unclear utterances, and writes them."""

from pathlib import Path

import torch
from accelerate import Accelerator

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance
from modeling_amuse.processing.evaluation.temperature_scaling import (
    at_temperature,
    fit_temperature,
    negative_log_likelihood,
)
from modeling_amuse.processing.evaluation.unclear_threshold import choose_threshold, describe_threshold
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.processing.warning_messages import warn
from modeling_amuse.scripts.training.distribution import LONG_WAITS
from modeling_amuse.scripts.training.evaluation_arguments import CalibrationArguments
from modeling_amuse.scripts.training.evaluation_data import load_split, split_dataset, used_modalities
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub
from modeling_amuse.scripts.training.prediction import forget_mixed_precision, predict, score


def calibrate(args: CalibrationArguments) -> dict:
    """
    Fit the temperature of a model on the validation split, choose the threshold of unclear utterances at this temperature,
    and write both into the model's `config.json`. A warning names the modalities of the model that the split lacks.

    Returns:
        The `temperature`, the threshold `unclear_below` (None for too few utterances), the `num_utterances` on which they
        were fitted, and under `before` and `after` the `expected_calibration_error` and the `negative_log_likelihood` (in
        nats) on these utterances.

    Raises:
        FileNotFoundError: when model, data or features are missing.
        ValueError: when model and data do not match, or no temperature can be fitted.
    """
    path = Path(args.model) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{args.model} is not the folder of a model. Download the model first, as its config.json is changed."
        )
    forget_mixed_precision()
    accelerator = Accelerator(cpu=args.use_cpu or not torch.cuda.is_available(), kwargs_handlers=[LONG_WAITS])
    model = load_from_folder_or_hub(AmuseForEmotionRecognition, args.model).to(accelerator.device)
    model.config.temperature = 1.0
    processor = load_from_folder_or_hub(AmuseProcessor, args.model)

    data, tables = load_split(args, "validation", model, processor, accelerator)
    conversations = data.splits["validation"]
    modalities = used_modalities(model, conversations, tables, None)
    if lacking := " and ".join(m for m in model.config.modalities if m not in modalities):
        warn(
            f"The temperature and the threshold are fitted without {lacking}, but are used for all inputs: calibrate on data "
            f"with {lacking} if the model is to read {lacking}."
        )
    dataset = split_dataset(conversations, tables, Disturbance(), modalities, model, processor, accelerator, args)
    dataset.check_labelled("validation")
    predictions = predict(model, dataset, processor, accelerator, args.per_device_eval_batch_size)
    emotions = [model.config.id2label[label] for label in range(model.config.num_labels)]
    results = fit(predictions, emotions)
    if accelerator.is_main_process:
        write_settings(path, temperature=results["temperature"], unclear_below=results["unclear_below"])
    scaled = at_temperature(predictions["prediction_scores"], results["temperature"])
    threshold = describe_threshold(results["unclear_below"], scaled, predictions["references"])
    accelerator.print(f"{describe(results)} {threshold} Written to {path}")
    accelerator.end_training()
    return results


def fit(predictions: dict, emotions: list[str]) -> dict:
    """
    Fit the temperature of predictions of [`predict`] at temperature 1, and the threshold of unclear utterances at the fitted
    temperature. Returns the results of [`calibrate`].
    """
    scores, references = predictions["prediction_scores"], predictions["references"]
    temperature = fit_temperature(scores, references)
    results = {"temperature": temperature, "num_utterances": len(references)}
    for name, value in (("before", 1.0), ("after", temperature)):
        scaled = {**predictions, "prediction_scores": at_temperature(scores, value)}
        results[name] = {
            "expected_calibration_error": score(scaled, emotions, num_resamples=0)["expected_calibration_error"],
            "negative_log_likelihood": negative_log_likelihood(scores, references, value),
        }
    results["unclear_below"] = choose_threshold(at_temperature(scores, temperature), references)
    return results


def describe(results: dict) -> str:
    """A sentence with the temperature and the calibration before and after."""
    before, after = results["before"], results["after"]
    return (
        f"temperature {results['temperature']:.4f}, fitted on {results['num_utterances']} validation utterances; on these "
        f"the expected calibration error was {before['expected_calibration_error']:.4f} and is "
        f"{after['expected_calibration_error']:.4f}, the negative log-likelihood was "
        f"{before['negative_log_likelihood']:.4f} and is {after['negative_log_likelihood']:.4f}."
    )


def write_settings(path: Path, **settings):
    """Change only the given settings in a configuration file."""
    config = read_json_object(path)
    write_json({**config, **settings}, path, indent=2, sort_keys=True, ensure_ascii=False)
