# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Features of a corpus as a `datasets.DatasetDict` that may be published: it contains only numbers and the record of their
extractor, but no pictures, sounds or texts.
"""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from datasets import Dataset, DatasetDict, Features, List, Value
from huggingface_hub import DatasetCardData
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CTC_MAPPING_NAMES,
    MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
)

from modeling_amuse.processing.corpora.conversation_folder import SPLIT_NAMES
from modeling_amuse.processing.corpora.feature_tables import RECORD_COLUMN, RECORD_KEY
from modeling_amuse.processing.feature_extractors import FEATURE_EXTRACTORS
from modeling_amuse.processing.media import SUFFIXES as RECORDING_SUFFIXES

FEATURES = Features(
    {"utterance_id": Value("string"), "features": List(List(Value("float32"))), RECORD_COLUMN: Value("string")}
)
"""The columns: features `(S, D)` of an utterance, None if it has none, and the record in JSON, which is equal in all rows."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".npy")
TABLE_ADVICE = "Give a folder of feature tables of one extractor, which amuse extract writes into its --output_dir."
MEDIA_TERMS = {
    "meld": "MELD's clips and their texts are from the television series Friends, whose owners have not allowed others to "
    "publish them (MELD's GPL-3.0 is for its annotations, which its authors publish)",
    "iemocap": "USC gives IEMOCAP to each user under a licence that does not allow others to publish its recordings or "
    "transcripts (https://sail.usc.edu/iemocap/)",
}
OTHER_MEDIA_TERMS = "recordings and their texts belong to the people who are seen and heard"
LICENSES = {"sample": "apache-2.0", "meld": "gpl-3.0"}
OPENSMILE = ("egemaps", "compare")


def load_feature_dataset(path: Path, dataset_name: str, cache_dir: str | None = None) -> DatasetDict:
    """
    Load the feature tables of a folder, and check that they may be published.

    Args:
        path: a folder with a Parquet table for each split, as `amuse extract` writes them.
        dataset_name: the data set of the utterances.
        cache_dir: the folder of the Arrow files from which the data set reads. Default: the cache of `datasets`.

    Returns:
        For each split a dataset of [`FEATURES`].

    Raises:
        FileNotFoundError: when there is no such folder, or no table in it.
        ValueError: for content that may not be published, with the reason, and for tables without a record or with
            different records.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no folder {path}. {TABLE_ADVICE}")
    found = [f for f in sorted(path.glob("*.parquet")) if f.stem in SPLIT_NAMES]
    tables = {SPLIT_NAMES[f.stem]: f for f in found}
    if len(tables) < len(found):
        raise ValueError(
            f"{path} has two tables of the same split ({', '.join(f.name for f in found)}): remove one of them."
        )
    refuse_media(path, dataset_name, with_words=not tables)
    if not tables:
        raise FileNotFoundError(
            f"{path} has no feature tables (train.parquet, validation.parquet, test.parquet). {TABLE_ADVICE}"
        )
    records = {split: _checked_record(table, dataset_name) for split, table in tables.items()}
    record = next(iter(records.values()))
    for split, other in records.items():
        if other != record:
            raise ValueError(
                f"The tables in {path} were computed by different extractors, {record} and, for {split}, {other}: extract them "
                "again."
            )
    text = json.dumps(record, sort_keys=True, allow_nan=False)
    stored = Features({name: FEATURES[name] for name in ("utterance_id", "features")})
    loaded = {}
    for split in ("train", "validation", "test"):
        if split in tables:
            rows = Dataset.from_parquet(str(tables[split]), features=stored, cache_dir=cache_dir)
            loaded[split] = rows.add_column(RECORD_COLUMN, [text] * len(rows), feature=FEATURES[RECORD_COLUMN])
    return DatasetDict(loaded)


def refuse_media(path: Path, dataset_name: str, with_words: bool):
    """
    Check that a folder contains no recordings and pictures.

    Args:
        path: the folder or file.
        dataset_name: the data set, whose terms the message states.
        with_words: also refuse files that may be transcripts.

    Raises:
        ValueError: when there are such files, with the reason why they are not uploaded.
    """
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        suffix = file.suffix.lower()
        if suffix in (*RECORDING_SUFFIXES, *PICTURE_SUFFIXES):
            what = "a recording" if suffix in RECORDING_SUFFIXES else "pictures"
        elif with_words and suffix in (".csv", ".jsonl", ".json", ".txt", ".srt", ".vtt"):
            what = "a transcript, or another file with text"
        else:
            continue
        terms = MEDIA_TERMS.get(data_set_of(file.stem) or dataset_name, OTHER_MEDIA_TERMS)
        raise ValueError(f"{file} is {what}, but only features are uploaded: {terms}. {TABLE_ADVICE}")


def data_set_of(identifier: str) -> str | None:
    """The data set with ids of this form, or None."""
    if re.match(r"dia\d+_utt\d+", identifier):
        return "meld"
    return "iemocap" if re.match(r"Ses0[1-5][FM]_", identifier) else None


def _checked_record(path: Path, dataset_name: str) -> dict:
    """The record of a table, after a check of its columns and ids."""
    try:
        schema = pyarrow.parquet.read_schema(path)
        identifiers = (
            pyarrow.parquet.read_table(path, columns=["utterance_id"]) if "utterance_id" in schema.names else None
        )
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} cannot be read as a Parquet file: {error}") from error
    terms = MEDIA_TERMS.get(dataset_name, OTHER_MEDIA_TERMS)
    strange = [name for name in schema.names if name not in ("utterance_id", "features")]
    if strange:
        raise ValueError(
            f"{path} has the columns {', '.join(strange)}, but only utterance_id and features are uploaded, as others may "
            f"contain recordings, their paths, or texts: {terms}. {TABLE_ADVICE}"
        )
    of_numbers = pa.list_(pa.list_(pa.float32()))
    if set(schema.names) != {"utterance_id", "features"} or schema.field("features").type != of_numbers:
        raise ValueError(f"{path} has no column features with lists of lists of 32-bit numbers. {TABLE_ADVICE}")
    record = json.loads((schema.metadata or {}).get(RECORD_KEY, b"null"))
    known = (*FEATURE_EXTRACTORS, "encoder")
    if not isinstance(record, dict) or record.get("name") not in known:
        raise ValueError(
            f"{path} has no record of the extractor of its features ({', '.join(known)}), without which their terms and use "
            f"are unknown. {TABLE_ADVICE}"
        )
    for identifier in identifiers.column("utterance_id").to_pylist():
        if identifier is None:
            raise ValueError(f"{path} has a row without an utterance id. {TABLE_ADVICE}")
        if Path(str(identifier)).name != str(identifier):
            raise ValueError(
                f"{path}: the utterance id {identifier!r} is a path, which is not uploaded. {TABLE_ADVICE}"
            )
        if data_set_of(identifier) not in (None, dataset_name):
            raise ValueError(
                f"{path}: the utterance id {identifier!r} is from {data_set_of(identifier)}, not from {dataset_name}: give the "
                "right --dataset_name, whose terms are published with the features."
            )
    hears_words = {*MODEL_FOR_CTC_MAPPING_NAMES, *MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES}
    if dataset_name == "iemocap" and record.get("model_type") in hears_words:
        raise ValueError(
            f"{path} has the states of a {record['model_type']} encoder, from which its decoder can restore the transcript: "
            f"{terms}. Upload other features, such as prosody."
        )
    return record


def card_metadata(dataset_name: str, record: dict) -> DatasetCardData:
    """The metadata of the card of features."""
    license_of = "other" if record["name"] in OPENSMILE else LICENSES.get(dataset_name, "other")
    return DatasetCardData(
        license=license_of,
        pretty_name=f"{record['name']} features of {dataset_name}",
        tags=["emotion-recognition", "amuse"],
    )


def card_text(repo_id: str, dataset_name: str, split: str, record: dict) -> str:
    """The text of the card of features, below its metadata."""
    terms = [f"The features are from the data set {dataset_name}, whose terms apply to its annotations and recordings."]
    if dataset_name in MEDIA_TERMS:
        terms = [f"Recordings and transcripts are not part of this: {MEDIA_TERMS[dataset_name]}."]
    if record["name"] in OPENSMILE:
        terms.append("They were computed with openSMILE, which is free only for research, not for commercial use.")
    return f"""
# {record["name"]} features of {dataset_name}

Features of utterances for AMuSE (arXiv 2401.15164). Each row has the `utterance_id` and the `features`, a list of numbers
for each token, or null if the utterance has none. The column `{RECORD_COLUMN}` has the extractor that computed them:

```json
{json.dumps(record, sort_keys=True, allow_nan=False)}
```

```python
from datasets import load_dataset

rows = load_dataset("{repo_id}", split="{split}", streaming=True)
```

Download them with `hf download {repo_id} --repo-type dataset --local-dir features`, and give the folder to `amuse train` as
`--audio_features` or `--vision_features`.

{" ".join(terms)}
"""
