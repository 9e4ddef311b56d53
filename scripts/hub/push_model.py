# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Put a trained model on the Hub: weights, processor, the code that they need, a model card with its pictures, and a tag.

    python scripts/push_to_hub.py --model amuse-meld --repo_id user/amuse-meld --results results.json --revision_tag v1
    python scripts/push_to_hub.py --model amuse-meld --repo_id user/amuse-meld --dry_run amuse-meld-hub

`--dry_run` writes the folder that would be uploaded, and needs no network. Either way it loads where this package is not
installed: `pipeline(model="user/amuse-meld", trust_remote_code=True)`.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from huggingface_hub import HfApi, hf_hub_download
from transformers import HfArgumentParser

from modeling_amuse import AmuseConfig
from modeling_amuse.scripts.hub.hub_upload import (
    check_access,
    check_repo_id,
    clear_hub_errors,
    new_folder,
    prepare_repo,
    upload_version,
)
from modeling_amuse.scripts.hub.self_contained_folder import check_model_folder, write_self_contained_folder
from modeling_amuse.scripts.study.study_summary import RESULTS, study_table


@dataclass
class PushArguments:
    """What is uploaded, and where to."""

    model: str = field(metadata={"help": "Folder of the trained model."})
    repo_id: str = field(metadata={"help": "Repository on the Hub, user/name. It is made if it does not exist."})
    private: bool = field(default=False, metadata={"help": "Make a private repository."})
    revision_tag: str | None = field(default=None, metadata={"help": "Name of this version, for example v1."})
    results: list[str] = field(
        default_factory=list, metadata={"help": "JSON files of evaluate.py, for the model card."}
    )
    studies: list[str] = field(
        default_factory=list, metadata={"help": "STUDY/DATA of hub_card/results, whose table the model card shows."}
    )
    license: str | None = field(
        default=None,
        metadata={
            "help": "Licence that you give to the weights, as the Hub names it (apache-2.0). Default: none is stated."
        },
    )
    dry_run: str | None = field(default=None, metadata={"help": "Write the files into this folder, upload nothing."})


def main(arguments: list[str] | None = None):
    [args] = HfArgumentParser(PushArguments, description=__doc__).parse_args_into_dataclasses(arguments)
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
    """Upload a folder as the next version of its repository, and tag it; returns the address."""
    api = HfApi(library_name="amuse-emotion")

    def is_amuse(files: list[str]) -> bool:
        if "config.json" not in files:
            return False
        return read_json(Path(hf_hub_download(args.repo_id, "config.json"))).get("model_type") == AmuseConfig.model_type

    with clear_hub_errors(args.repo_id):
        url = prepare_repo(api, args.repo_id, "model", args.private, args.revision_tag, is_amuse)
        commit = upload_version(api, folder, args.repo_id, f"AMuSE {args.revision_tag or ''}".strip())
        if args.revision_tag is not None:
            api.create_tag(args.repo_id, tag=args.revision_tag, revision=commit)
    return url


def read_json(path: Path) -> dict:
    """
    Raises:
        ValueError: when the file is no JSON object.
    """
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from error
    if not isinstance(contents, dict):
        raise ValueError(f"{path} holds a {type(contents).__name__}, not a JSON object.")
    return contents


def read_results(path: Path, model_dir: Path) -> dict:
    """
    The scores that `evaluate.py` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it holds no scores, or those of other emotions than the model's.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no results file {path}: evaluate.py writes one, to its --output.")
    results = read_json(path)
    missing = [name for name in ("dataset_name", "split", "weighted_f1", "per_class") if name not in results]
    if missing:
        raise ValueError(f"{path} is not of evaluate.py, it lacks {', '.join(missing)}: give the file of its --output.")
    emotions = set(AmuseConfig.from_pretrained(model_dir).label2id)
    if set(results["per_class"]) != emotions:
        raise ValueError(
            f"{path} has scores of {', '.join(sorted(results['per_class']))}, but the model in {model_dir} tells "
            f"{', '.join(sorted(emotions))}: give the results of this model."
        )
    return results


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
