# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Uploading a trained model: weights, processor, the code that they need, and a model card."""

from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download

from modeling_amuse import AmuseConfig
from modeling_amuse.hub_card.study_summary import RESULTS, study_table
from modeling_amuse.processing.plain_json import parsed_json
from modeling_amuse.processing.printable_text import printable
from modeling_amuse.scripts.hub.hub_upload import (
    check_access,
    check_repo_id,
    clear_hub_errors,
    new_folder,
    prepare_repo,
    upload_version,
)
from modeling_amuse.scripts.hub.push_arguments import PushArguments
from modeling_amuse.scripts.hub.self_contained_folder import check_model_folder, write_self_contained_folder


def push_model(args: PushArguments):
    """Upload a model with its card, or write the folder that would be uploaded."""
    check_repo_id(args.repo_id)
    if args.dry_run is None:
        check_access()
    model_dir = Path(args.model)
    check_model_folder(model_dir)
    results = [read_results(Path(path), model_dir) for path in args.results]
    history = (
        read_json(model_dir / "training_history.json") if (model_dir / "training_history.json").is_file() else None
    )
    studies = study_table(RESULTS, args.studies) if args.studies else None
    from modeling_amuse.hub_card.model_card import write_model_card

    with new_folder(args.dry_run) as folder:
        write_self_contained_folder(model_dir, folder)
        write_model_card(model_dir, results, history, args.repo_id, folder, license=args.license, studies=studies)
        if args.dry_run is None:
            print(f"{args.model} is on the Hub: {push(folder, args)}")
    if args.dry_run is not None:
        print(f"Written to {args.dry_run}: this would be {args.repo_id}")


def push(folder: Path, args: PushArguments) -> str:
    """Upload a folder as the next version of its repository, and tag it. Returns the URL of the repository."""
    api = HfApi(library_name="amuse-emotion")
    url = prepare_model_repo(api, args.repo_id, args.private, args.revision_tag)
    with clear_hub_errors(args.repo_id):
        commit = upload_version(api, folder, args.repo_id, f"AMuSE {args.revision_tag or ''}".strip())
        if args.revision_tag is not None:
            api.create_tag(args.repo_id, tag=args.revision_tag, revision=commit)
    return url


def prepare_model_repo(api: HfApi, repo_id: str, private: bool, revision_tag: str | None = None) -> str:
    """
    Create the repository of a model, or check that an existing one can take the next version.

    Returns:
        The URL of the repository.

    Raises:
        ValueError: when the repository contains something else, or the Hub refuses.
        ConnectionError: when the Hub cannot be reached.
    """

    def is_amuse(files: list[str]) -> bool:
        if "config.json" not in files:
            return False
        return read_json(Path(hf_hub_download(repo_id, "config.json"))).get("model_type") == AmuseConfig.model_type

    with clear_hub_errors(repo_id):
        return prepare_repo(api, repo_id, "model", private, revision_tag, is_amuse)


def read_json(path: Path) -> dict:
    """
    Raises:
        ValueError: when the file is not a JSON object.
    """
    try:
        contents = parsed_json(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a JSON file: {printable(str(error))}") from error
    if not isinstance(contents, dict):
        raise ValueError(f"{path} contains a {type(contents).__name__}, not a JSON object.")
    return contents


def read_results(path: Path, model_dir: Path) -> dict:
    """
    Read the scores that `amuse evaluate` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file has no scores, or scores of other emotions than the model's.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no results file {path}: write one with amuse evaluate --output.")
    results = read_json(path)
    missing = [name for name in ("dataset_name", "split", "weighted_f1", "per_class") if name not in results]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}: give the --output file of amuse evaluate.")
    emotions = set(AmuseConfig.from_pretrained(model_dir).label2id)
    if set(results["per_class"]) != emotions:
        raise ValueError(
            f"{path} has scores of {', '.join(sorted(results['per_class']))}, but the emotions of the model in {model_dir} are "
            f"{', '.join(sorted(emotions))}: give the results of this model."
        )
    return results
