# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Put the features of a corpus on the Hub, as a data set that can be streamed.

    python scripts/push_dataset_to_hub.py --features features/prosody --dataset_name meld --repo_id user/meld-prosody

Features alone, with the record of what computed them: recordings, pictures, paths and transcripts are refused.
"""

import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from datasets import DatasetDict
from huggingface_hub import CommitOperationAdd, DatasetCard, DatasetCardData, HfApi
from transformers import HfArgumentParser

from modeling_amuse.processing.corpora.feature_tables import RECORD_COLUMN
from modeling_amuse.processing.corpora.load_conversations import BUILDERS
from modeling_amuse.scripts.hub.feature_dataset import FEATURES, card_metadata, card_text, load_feature_dataset
from modeling_amuse.scripts.hub.hub_upload import (
    check_access,
    check_repo_id,
    clear_hub_errors,
    new_folder,
    prepare_repo,
)


@dataclass
class PushDatasetArguments:
    """What is uploaded, and where to."""

    features: str = field(metadata={"help": "Folder with the feature tables of one extractor."})
    repo_id: str = field(metadata={"help": "Repository on the Hub, user/name. It is made if it does not exist."})
    dataset_name: str = field(
        metadata={"help": "The data set that the features describe: its terms go with them.", "choices": list(BUILDERS)}
    )
    private: bool = field(default=False, metadata={"help": "Make a private repository."})
    revision_tag: str | None = field(default=None, metadata={"help": "Name of this version, for example v1."})
    dry_run: str | None = field(default=None, metadata={"help": "Write the files into this folder, upload nothing."})


def main(arguments: list[str] | None = None):
    [args] = HfArgumentParser(PushDatasetArguments, description=__doc__).parse_args_into_dataclasses(arguments)
    check_repo_id(args.repo_id)
    if args.dry_run is None:
        check_access()
    with tempfile.TemporaryDirectory() as cache_dir:
        data = load_feature_dataset(Path(args.features), args.dataset_name, cache_dir)
        if not any(len(rows) for rows in data.values()):
            raise ValueError(f"{args.features} has no features of any utterance.")
        record = json.loads(next(rows[0] for rows in data.values() if len(rows))[RECORD_COLUMN])
        if args.dry_run is None:
            print(f"{args.features} is on the Hub: {push(data, record, args)}")
            return
        with new_folder(args.dry_run) as folder:
            (folder / "data").mkdir()
            for split, rows in data.items():
                rows.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
            write_card(card_metadata(args.dataset_name, record), record, next(iter(data)), args).save(
                folder / "README.md"
            )
    print(f"Written to {args.dry_run}: this would be {args.repo_id}")


def push(data: DatasetDict, record: dict, args: PushDatasetArguments) -> str:
    """Upload the features, complete their card and tag the version; returns the address."""
    api = HfApi(library_name="amuse-emotion")

    def is_features(files: list[str]) -> bool:
        if "README.md" not in files:
            return False
        info = DatasetCard.load(args.repo_id).data.get("dataset_info")
        return isinstance(info, dict) and {column["name"] for column in info.get("features", [])} == set(FEATURES)

    with clear_hub_errors(args.repo_id):
        url = prepare_repo(api, args.repo_id, "dataset", args.private, args.revision_tag, is_features)
        data.push_to_hub(args.repo_id, commit_message="Features", embed_external_files=False)
        # push_to_hub wrote a card with the splits and their sizes
        metadata = DatasetCard.load(args.repo_id).data
        for name, value in card_metadata(args.dataset_name, record).to_dict().items():
            metadata[name] = value
        card = str(write_card(metadata, record, next(iter(data)), args)).encode()
        commit = api.create_commit(
            args.repo_id, [CommitOperationAdd("README.md", card)], commit_message="Data set card", repo_type="dataset"
        )
        if args.revision_tag is not None:
            api.create_tag(args.repo_id, tag=args.revision_tag, revision=commit.oid, repo_type="dataset")
    return url


def write_card(metadata: DatasetCardData, record: dict, split: str, args: PushDatasetArguments) -> DatasetCard:
    """The card of the features; `split` is one that they have."""
    return DatasetCard(f"---\n{metadata.to_yaml()}\n---\n{card_text(args.repo_id, args.dataset_name, split, record)}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"{Path(__file__).name}: {error}")
