# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Uploading feature tables as a data set that can be streamed."""

import json
import tempfile
from pathlib import Path

from datasets import DatasetDict
from huggingface_hub import CommitOperationAdd, DatasetCard, DatasetCardData, HfApi

from modeling_amuse.processing.corpora.feature_tables import RECORD_COLUMN
from modeling_amuse.scripts.hub.feature_dataset import FEATURES, card_metadata, card_text, load_feature_dataset
from modeling_amuse.scripts.hub.hub_upload import (
    check_access,
    check_repo_id,
    clear_hub_errors,
    new_folder,
    prepare_repo,
)
from modeling_amuse.scripts.hub.push_arguments import PushDatasetArguments


def push_dataset(args: PushDatasetArguments):
    """Upload feature tables with their card, or write the folder that would be uploaded."""
    check_repo_id(args.repo_id)
    if args.dry_run is None:
        check_access()
    with tempfile.TemporaryDirectory() as cache_dir:
        data = load_feature_dataset(Path(args.features), args.dataset_name, cache_dir)
        if not any(len(rows) for rows in data.values()):
            raise ValueError(f"{args.features} has no features of any utterance: extract them first.")
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
    """Upload the features, complete their card and tag the version. Returns the URL of the repository."""
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
    """The card of the features, with `split` in its example."""
    return DatasetCard(f"---\n{metadata.to_yaml()}\n---\n{card_text(args.repo_id, args.dataset_name, split, record)}")
