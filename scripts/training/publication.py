# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Uploading a model to the Hub at the end of its training (`--push_to_hub`)."""

from huggingface_hub import HfApi

from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.hub.hub_upload import check_access, check_repo_id
from modeling_amuse.scripts.hub.push_arguments import PushArguments
from modeling_amuse.scripts.hub.push_model import prepare_model_repo, push_model
from modeling_amuse.scripts.training.training_arguments import TrainArguments


def check_publication(args: TrainArguments, is_main_process: bool):
    """
    Check before the training that its model can be uploaded. The repository is created if it does not exist.

    Raises:
        ValueError: when options contradict each other, there is no access, or the repository holds something else.
        ConnectionError: when the Hub cannot be reached.
    """
    if not args.push_to_hub:
        if args.hub_model_id is not None:
            raise WrongArguments("--hub_model_id has no effect without --push_to_hub: add it, or leave both out.")
        return
    if args.hub_model_id is None:
        raise WrongArguments("--push_to_hub needs --hub_model_id user/name, the repository on the Hub.")
    check_repo_id(args.hub_model_id, "--hub_model_id")
    check_access("Or leave --push_to_hub out, and upload the model later with amuse push.")
    if is_main_process:
        prepare_model_repo(HfApi(library_name="amuse-emotion"), args.hub_model_id, args.hub_private_repo)


def publish(args: TrainArguments):
    """
    Upload the model of `--output_dir` with its model card.

    Raises:
        ValueError, ConnectionError: when the upload fails. The model stays in `--output_dir`.
    """
    push_model(PushArguments(model=args.output_dir, repo_id=args.hub_model_id, private=args.hub_private_repo))
