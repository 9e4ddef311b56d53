# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Train AMuSE on conversations.

    amuse train --dataset_name sample --output_dir amuse-words
    amuse train --dataset_name meld
    amuse train --dataset_name meld --data_dir MELD --text_model sentence-transformers/all-MiniLM-L6-v2 \\
        --freeze_text_model --output_dir amuse-meld
    accelerate launch --config_file scripts/accelerate/multi_gpu.yaml --num_processes 2 \\
        scripts/train.py --dataset_name meld --data_dir MELD --recipe meld \\
        --text_model sentence-transformers/all-mpnet-base-v2 --output_dir amuse-meld

The best epoch is chosen by the weighted F1 on the validation split. The output folder contains the model of that epoch with
its configuration and processor, and a checkpoint, from which `--resume_from_checkpoint latest` continues. With `--lora`, an
adapter of the text encoder is trained: the folder contains the merged model, and the adapter alone in `adapter`.

`--dataset_name meld` without `--data_dir` downloads MELD's annotations, trains `amuse-meld` with a frozen encoder, and scores
it on the test split (`amuse-meld/results.json`). Local copies can be given by AMUSE_MELD_DIR and AMUSE_ENCODERS_DIR.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":  # the launcher runs `main` of this file, and answers wrong arguments in one line
    runpy.run_path(str(Path(__file__).with_name("amuse.py")), {"command_file": __file__}, "__main__")

from modeling_amuse.scripts.command.process import prepare_process
from modeling_amuse.scripts.training.training_arguments import check_needs, parse_arguments


def main(arguments: list[str] | None = None):
    """Returns the record of the training, as in `training_history.json`."""
    options = parse_arguments(arguments, description=__doc__)
    check_needs(arguments, *options)
    prepare_process(options[-1].num_threads)
    from modeling_amuse.scripts.training.training_run import train

    record = train(*options)
    data_args, _, args = options
    if data_args.is_downloaded_meld():
        from modeling_amuse.scripts.training.downloaded_meld import score_and_say_what_is_next

        score_and_say_what_is_next(data_args, args)
    return record
