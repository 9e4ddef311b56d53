# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Features of a corpus as a `datasets.DatasetDict` that may be passed on: numbers and the record of what computed them, and
nothing that someone could see, hear or read.
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
"""The rows: features `(S, D)` of an utterance, None where it has none; the record, in JSON, is the same in all of them."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".npy")
TABLE_ADVICE = (
    "Give a folder of feature tables, as extract_features.py writes them (its --output_dir, then the extractor)."
)
MEDIA_TERMS = {
    "meld": "MELD's clips, and the words in them, are of the television series Friends, whose owners have not allowed to "
    "pass them on (MELD's GPL-3.0 is for its annotations, which its authors publish)",
    "iemocap": "IEMOCAP is given to each of its users by USC, under a licence that does not allow to pass on its "
    "recordings or transcripts (https://sail.usc.edu/iemocap/)",
}
OTHER_MEDIA_TERMS = "recordings and the words in them belong to the people who are seen and heard"
LICENSES = {"sample": "apache-2.0", "meld": "gpl-3.0"}
OPENSMILE = ("egemaps", "compare")


def load_feature_dataset(path: Path, dataset_name: str, cache_dir: str | None = None) -> DatasetDict:
    """
    The feature tables of a folder, checked.

    Args:
        path: a folder with a Parquet table for each split, as `scripts/extract_features.py` writes them.
        dataset_name: the data set whose utterances they describe.
        cache_dir: where its Arrow files are kept, from which the dataset reads. Default: the cache of datasets.

    Returns:
        For each split a dataset of [`FEATURES`].

    Raises:
        FileNotFoundError: when there is no such folder, or no table in it.
        ValueError: for what may not be passed on, with the reason, and for tables without a record, or with several.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no folder {path}. {TABLE_ADVICE}")
    found = [f for f in sorted(path.glob("*.parquet")) if f.stem in SPLIT_NAMES]
    tables = {SPLIT_NAMES[f.stem]: f for f in found}
    if len(tables) < len(found):
        raise ValueError(
            f"{path} has two tables of one split ({', '.join(f.name for f in found)}): take one of them out."
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
                f"The tables in {path} are of different extractors, {record} and, {split}, {other}: extract them anew."
            )
    text = json.dumps(record, sort_keys=True)
    stored = Features({name: FEATURES[name] for name in ("utterance_id", "features")})
    loaded = {}
    for split in ("train", "validation", "test"):
        if split in tables:
            rows = Dataset.from_parquet(str(tables[split]), features=stored, cache_dir=cache_dir)
            loaded[split] = rows.add_column(RECORD_COLUMN, [text] * len(rows), feature=FEATURES[RECORD_COLUMN])
    return DatasetDict(loaded)


def refuse_media(path: Path, dataset_name: str, with_words: bool):
    """
    Args:
        with_words: refuse what may be transcripts, too.

    Raises:
        ValueError: when recordings, pictures or words lie there, with the reason why they are not uploaded.
    """
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        suffix = file.suffix.lower()
        if suffix in (*RECORDING_SUFFIXES, *PICTURE_SUFFIXES):
            what = "a recording" if suffix in RECORDING_SUFFIXES else "pictures"
        elif with_words and suffix in (".csv", ".jsonl", ".json", ".txt", ".srt", ".vtt"):
            what = "a transcript, or another file with words"
        else:
            continue
        terms = MEDIA_TERMS.get(data_set_of(file.stem) or dataset_name, OTHER_MEDIA_TERMS)
        raise ValueError(f"{file} is {what}, and only features are uploaded: {terms}. {TABLE_ADVICE}")


def data_set_of(identifier: str) -> str | None:
    """The data set whose ids look like this one."""
    if re.match(r"dia\d+_utt\d+", identifier):
        return "meld"
    return "iemocap" if re.match(r"Ses0[1-5][FM]_", identifier) else None


def _checked_record(path: Path, dataset_name: str) -> dict:
    """The record of a table, once its columns hold what they should."""
    try:
        schema = pyarrow.parquet.read_schema(path)
        identifiers = (
            pyarrow.parquet.read_table(path, columns=["utterance_id"]) if "utterance_id" in schema.names else None
        )
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path} is no Parquet file that can be read: {error}") from error
    terms = MEDIA_TERMS.get(dataset_name, OTHER_MEDIA_TERMS)
    strange = [name for name in schema.names if name not in ("utterance_id", "features")]
    if strange:
        raise ValueError(
            f"{path} has the columns {', '.join(strange)}, and only utterance_id and features are uploaded, as the others "
            f"may hold recordings, their paths, or words: {terms}. {TABLE_ADVICE}"
        )
    of_numbers = pa.list_(pa.list_(pa.float32()))
    if set(schema.names) != {"utterance_id", "features"} or schema.field("features").type != of_numbers:
        raise ValueError(f"{path} has no column features with lists of lists of 32-bit numbers. {TABLE_ADVICE}")
    record = json.loads((schema.metadata or {}).get(RECORD_KEY, b"null"))
    known = (*FEATURE_EXTRACTORS, "encoder")
    if not isinstance(record, dict) or record.get("name") not in known:
        raise ValueError(
            f"{path} has no record of what computed its features ({', '.join(known)}), so neither its terms nor its use "
            f"are known. {TABLE_ADVICE}"
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
                f"{path}: the utterance id {identifier!r} is of {data_set_of(identifier)}, not of {dataset_name}: name the "
                "right --dataset_name, whose terms go with the features."
            )
    hears_words = {*MODEL_FOR_CTC_MAPPING_NAMES, *MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES}
    if dataset_name == "iemocap" and record.get("model_type") in hears_words:
        raise ValueError(
            f"{path} holds the states of a {record['model_type']} encoder, which its decoder turns back into the "
            f"transcript: {terms}. Upload features such as prosody."
        )
    return record


def card_metadata(dataset_name: str, record: dict) -> DatasetCardData:
    """What the head of a data set's card says of features."""
    license_of = "other" if record["name"] in OPENSMILE else LICENSES.get(dataset_name, "other")
    return DatasetCardData(
        license=license_of,
        pretty_name=f"{record['name']} features of {dataset_name}",
        tags=["emotion-recognition", "amuse"],
    )


def card_text(repo_id: str, dataset_name: str, split: str, record: dict) -> str:
    """The card of features, below its head."""
    terms = [f"The features are of the data set {dataset_name}, whose terms hold for its annotations and recordings."]
    if dataset_name in MEDIA_TERMS:
        terms = [f"Recordings and transcripts are not part of this: {MEDIA_TERMS[dataset_name]}."]
    if record["name"] in OPENSMILE:
        terms.append("They were computed with openSMILE, which is free for research alone, not for commercial use.")
    return f"""
# {record["name"]} features of {dataset_name}

Features of utterances for AMuSE (arXiv 2401.15164), a row for each: `utterance_id`, and `features`, tokens by numbers; null
where the utterance has none. Every row tells what computed them, in `{RECORD_COLUMN}`:

```json
{json.dumps(record, sort_keys=True)}
```

```python
from datasets import load_dataset

rows = load_dataset("{repo_id}", split="{split}", streaming=True)
```

A folder with these files (`hf download {repo_id} --repo-type dataset --local-dir features`) is what `--audio_features` and
`--vision_features` of AMuSE's training script take.

{" ".join(terms)}
"""
