# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What follows a training on MELD as it is downloaded: the scores on the test split, and what to do next."""

import os
import shutil
import sys
from pathlib import Path

from modeling_amuse.scripts.training.evaluation import evaluate
from modeling_amuse.scripts.training.evaluation_arguments import EvaluationArguments
from modeling_amuse.scripts.training.training_arguments import (
    DOWNLOADED_MELD_MODEL,
    DataArguments,
    TrainArguments,
)

FEATURES = ("text_features", "audio_features", "vision_features", "background_features")


def score_and_say_what_is_next(data_args: DataArguments, args: TrainArguments) -> dict | None:
    """
    Score the trained model on MELD's test split, write the scores to `results.json` in its folder, and print how to
    recognize a recording of one's own.

    Returns:
        The scores; None in a training of several processes, which has ended its process group: the command that scores
        the model is printed instead.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        if int(os.environ.get("RANK", "0")) == 0:
            print(f"Score the model: {program()} evaluate --model {args.output_dir} --dataset_name meld")
            print(next_sentence(args.output_dir))
        return None
    scores = evaluate(
        EvaluationArguments(
            model=args.output_dir,
            dataset_name="meld",
            output=str(Path(args.output_dir) / "results.json"),
            cache_dir=data_args.cache_dir,
            pictures=False,
            use_cpu=args.use_cpu,
            per_device_eval_batch_size=args.per_device_eval_batch_size,
            **{name: getattr(data_args, name) for name in FEATURES},
        )
    )
    print(f"\n{next_sentence(args.output_dir)}")
    return scores


def next_sentence(model: str) -> str:
    """What to do with a trained model."""
    named = "" if model == DOWNLOADED_MELD_MODEL else f" --model {model}"
    return (
        f"{model} is trained. Recognize a recording of your own: "
        f"{program()} recognize talk.mp4 --speech_model openai/whisper-base{named}"
    )


def program() -> str:
    """How the command `amuse` of this environment is called: by its name where it is on the path, else by its place."""
    beside = Path(sys.executable).with_name("amuse")
    on_path = shutil.which("amuse")
    if on_path is not None and (not beside.is_file() or Path(on_path).resolve() == beside.resolve()):
        return "amuse"
    if beside.is_file():
        return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)
    return "python scripts/amuse.py"
