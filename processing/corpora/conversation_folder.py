# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Builders of the user's own conversations, given as a folder or as files, and of the sample corpus, which is a folder."""

import importlib.util
import itertools
import os
import re
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.parquet

from modeling_amuse.processing.corpora.columns import NAMES, plain
from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder, report_counts
from modeling_amuse.processing.corpora.data_options import COLUMN_OPTIONS, DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS, SPLIT_NAMES
from modeling_amuse.processing.corpora.nested_conversations import conversations_of_nested, is_nested, unwrapped
from modeling_amuse.processing.corpora.row_conversations import conversations_of_rows
from modeling_amuse.processing.corpora.split_conversations import divided
from modeling_amuse.processing.corpora.stored_recordings import RecordingStore
from modeling_amuse.processing.corpora.table_files import Rows, check_shards, read_delimited, read_json, read_parquet
from modeling_amuse.processing.corpora.turn_files import EMOTION_FILE, path_of_labels, read_turns
from modeling_amuse.processing.input_boundary import reads_file
from modeling_amuse.processing.media import SUFFIXES as RECORDINGS
from modeling_amuse.processing.printable_text import printable_logger

logger = printable_logger(__name__)

SAMPLE_DIR = Path(__file__).parents[1] / "sample"
SUFFIXES = (".jsonl", ".json", ".parquet", ".csv", ".tsv", ".txt")
ALL = "all"
"""The name under which a file that holds all splits is listed."""
_SUFFIX = re.compile(
    rb"(?:" + b"|".join(re.escape(suffix.encode()) for suffix in RECORDINGS) + rb")(?![\w.])", re.IGNORECASE
)
_MEDIA_NAMES = {*NAMES["audio"], *NAMES["video"]}
_DELIMITER = re.compile(rb'[",;|\t\r\n{}\[\]]')
_LONGEST_PATH = 255  # bytes


class ConversationFolder(ConversationBuilder):
    """
    Builder of the user's own conversations: `train`, `validation` and `test` as `.jsonl`, `.json`, `.csv`, `.tsv` or
    `.parquet`, in the folder or in its folder `data`. Longer names such as `train-00001.jsonl` add to a split; `dev`,
    `val` and `valid` name the validation split too. A single file in a folder, or `--data_file`, holds all splits: they
    are read from a column `split`, or 80 % of the conversations become the training split, 10 % validation, 10 % test.

    A line or row is a conversation, `{"id": ..., "utterances": [{"speaker": ..., "text": ..., ...}, ...]}`, whose
    utterances may have any key of the schema; or it is an utterance, see [`conversations_of_rows`]. Paths of `audio` and
    `video` are relative to the file's folder.
    """

    VERSION = "2.3.0"
    unused_options = ()

    @classmethod
    def find_paths(cls, data_dir: str | None, options: DataOptions) -> dict[str, list[Path]]:
        files = options.files()
        if not files:
            return super().find_paths(data_dir, options)
        paths = {split: [Path(path)] for split, path in files.items()}
        for [path] in paths.values():
            if not path.is_file():
                raise FileNotFoundError(f"There is no file {path}.")
            if path.suffix.lower() not in SUFFIXES:
                raise ValueError(f"{path} is not a table of conversations: give one of {', '.join(SUFFIXES[:-1])}.")
        return paths

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        if not data_dir.is_dir():
            raise FileNotFoundError(
                f"{data_dir} is not a folder: give the folder with train.jsonl and validation.jsonl."
            )
        for folder in (data_dir, data_dir / "data"):
            if folder.is_dir() and (paths := cls._paths_in(folder)):
                return paths
        names = ", ".join(path.name for path in sorted(data_dir.iterdir())[:8])
        raise FileNotFoundError(
            f"{data_dir} has no conversations: put them into train.jsonl, validation.jsonl and test.jsonl (or .json, .csv, "
            f".tsv, .parquet). It holds {names or 'nothing'}."
        )

    @classmethod
    def check_files(cls, paths: dict[str, list[Path]]):
        for found in paths.values():
            check_shards(found)

    @classmethod
    def _paths_in(cls, folder: Path) -> dict[str, list[Path]]:
        files = [
            path
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not EMOTION_FILE.search(path.name)
        ]
        files = [path for path in files if path.suffix.lower() != ".txt" or path.name.startswith("dialogues_")]
        paths = defaultdict(list)
        for path in files:
            split = SPLIT_NAMES.get(path.stem.lower().split("-")[0])
            if split is not None:
                paths[split].append(path)
        if not paths:  # names such as my_train.csv that contain the name of one split
            for path in files:
                names = splits_in_name(path)
                if len(names) == 1:
                    paths[names.pop()].append(path)
        if not paths and len(files) == 1:
            return {ALL: files}
        for found in paths.values():
            for first, second in itertools.pairwise(found):
                if first.stem == second.stem:
                    raise ValueError(f"{first} and {second} are files of the same split: leave one in the folder.")
        return dict(paths)

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        contents = super().cache_key(path, split)
        labels = path_of_labels(path)
        beside = labels.read_bytes() if path.suffix.lower() == ".txt" and labels.is_file() else b""
        # recordings are read from paths: the same table elsewhere, or after a missing file was added, has others;
        # where an utterance is in its recording depends on its length, if `av` can tell it
        found = sorted(_named_in_parquet(path) if path.suffix.lower() == ".parquet" else _named_files(contents))
        present = [name for name in found if os.path.isfile(path.parent / name)]
        files = [(name, size) for name in present if (size := os.path.getsize(path.parent / name))]
        beside_table = (str(path.parent.resolve()), files, importlib.util.find_spec("av") is not None)
        return contents + beside + (repr(beside_table).encode() if files else b"")

    @classmethod
    def read(cls, path: Path, split: str, options: DataOptions | None = None) -> tuple[list[dict], Counter]:
        conversations, report, _, _ = read_conversation_file(path, options or DataOptions(), RecordingStore())
        return conversations, report

    def read_splits(self) -> dict[str, tuple[list[dict], Counter]]:
        store, read = RecordingStore(self.store_dir), {}
        for split, paths in self.paths.items():
            conversations, report = [], Counter()
            are_shards = _are_shards(paths)
            for path in paths[:1] if are_shards else paths:
                if are_shards:  # a conversation may continue in the next file
                    table, stem = read_parquet(paths), path.stem
                    found, counts, notes, names = conversations_of_table(
                        table, self.options, str(path), stem, path.parent, store
                    )
                else:
                    found, counts, notes, names = read_conversation_file(path, self.options, store)
                if len(paths) > 1 and not are_shards:
                    _name_rows(found, path.stem)
                notes += _check_splits(found, split, path)
                conversations += found
                report += counts
                self.notes += notes
                self.class_names = self.class_names or names
            read[split] = conversations, report
        whole = read.pop(ALL, None)
        if whole is None:
            return read
        self.notes.append("")
        parts, note = divided(whole[0], self.options.split_seed, str(self.paths[ALL][0]))
        self.notes[-1] = note
        counts = {name: count for name, count in whole[1].items() if name not in ("conversations", "utterances")}
        wanted = {split: part for split, part in parts.items() if self.splits is None or split in self.splits}
        return {split: (part, report_counts(part) + Counter(counts)) for split, part in wanted.items()}


def _named_files(contents: bytes) -> set[str]:
    """What looks like the path of a recording in a table."""
    cells = (
        _DELIMITER.split(contents[max(m.start() - _LONGEST_PATH, 0) : m.end()])[-1] for m in _SUFFIX.finditer(contents)
    )
    return {cell.replace(b"\\/", b"/").decode(errors="replace").strip() for cell in cells}


def _named_in_parquet(path: Path) -> set[str]:
    """The paths of recordings in a Parquet file."""
    try:
        file, found = pyarrow.parquet.ParquetFile(path), set()
        leaves = [file.schema.column(number) for number in range(len(file.schema))]
        for leaf in leaves:
            if leaf.physical_type == "BYTE_ARRAY" and plain(leaf.path.split(".")[-1]) in _MEDIA_NAMES:
                column = file.read(columns=[leaf.path]).column(0).combine_chunks()
                while pyarrow.types.is_nested(column.type):
                    column = column.field(0) if pyarrow.types.is_struct(column.type) else column.flatten()
                found |= {name for name in column.unique().to_pylist() if isinstance(name, str)}
    except (OSError, ValueError, pyarrow.ArrowException):  # reading the table names what is wrong with it
        return set()
    return found


def _are_shards(paths: list[Path]) -> bool:
    """Whether files are parts of one table."""
    if len(paths) == 1 or not all(re.search(r"-\d{5}-of-\d{5}\.parquet$", path.name.lower()) for path in paths):
        return False
    try:
        schemas = [pyarrow.parquet.read_schema(path) for path in paths]
    except (OSError, ValueError, pyarrow.ArrowException):  # they are read one by one, which names the damaged one
        return False
    types = [(schema.metadata or {}).get(b"huggingface") for schema in schemas]  # such as the names of class labels
    return len(set(types)) == 1 and all(schema.equals(schemas[0]) for schema in schemas)


def _name_rows(conversations: list[dict], stem: str):
    """Name conversations that are numbered by their rows for their file too, as its split has other files."""
    for conversation in conversations:
        if re.fullmatch(r"row_\d+", name := conversation["id"]):
            conversation["id"] = f"{stem}_{name}"
            for utterance in conversation["utterances"]:
                if utterance["id"].startswith(f"{name}_"):
                    utterance["id"] = f"{stem}_{utterance['id']}"


def _check_splits(conversations: list[dict], split: str, path: Path) -> list[str]:
    """
    Notes about the splits that a file of one split names.

    Raises:
        ValueError: when it names another one.
    """
    named = {conversation["split"]: conversation for conversation in reversed(conversations) if "split" in conversation}
    if split == ALL:
        return []
    for name, conversation in named.items():
        if name != split and name in SPLIT_NAMES.values():
            raise ValueError(
                f"{path} is the file of the {split} split, but it says that its conversation {conversation['id']!r} is in the "
                f"{name} split: remove such rows, or give the file alone as --data_file to divide it by its splits."
            )
    others = sorted(named.keys() - {split})
    return [f"{path}: {', '.join(others)} is no name of a split: all rows are in the {split} split."] if others else []


class Sample(ConversationFolder):
    """Builder of the sample corpus: conversations written for this project, for demonstrations and tests."""

    emotions = DATA_SETS["sample"].emotions

    def __init__(self, *args, data_dir: str | None = None, **kwargs):
        super().__init__(*args, data_dir=data_dir or str(SAMPLE_DIR), **kwargs)


def splits_in_name(file: Path) -> set[str]:
    """The splits whose names a file name contains, such as `{"train"}` for `my_train.csv`."""
    words = file.stem.lower().replace("-", "_").replace(".", "_").split("_")
    return {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}


@reads_file()
def read_conversation_file(
    path: Path, options: DataOptions, store: RecordingStore
) -> tuple[list[dict], Counter, list, tuple]:
    """
    The conversations of a file with one of [`SUFFIXES`]; its rows are conversations or utterances.

    Returns:
        The conversations, counts of what was found, notes for the user, and the names of the labels' `ClassLabel`, if any.

    Raises:
        ValueError: when the file contains no conversation or an invalid one; the message names the place.
    """
    suffix = path.suffix.lower()
    if suffix == ".txt":
        conversations, report, notes = read_turns(path)
        notes += options.unused((*COLUMN_OPTIONS, "label_column"), f"{path} is a file of DailyDialog, without columns.")
        return conversations, report, notes, ()
    if suffix in (".csv", ".tsv"):
        table = read_delimited(path)
    elif suffix == ".parquet":
        table = read_parquet([path])
    else:
        value, lines = read_json(path)
        rows = unwrapped(value)
        table = Rows(rows, lines if lines is not None and len(lines) == len(rows) else list(range(1, len(rows) + 1)))
    return conversations_of_table(table, options, str(path), path.stem, path.parent, store)


def conversations_of_table(
    table: Rows, options: DataOptions, place: str, stem: str, folder: Path, store: RecordingStore
) -> tuple[list[dict], Counter, list, tuple]:
    """As [`read_conversation_file`], for rows that were already read from `place`."""
    if not table.rows:
        raise ValueError(f"{place} holds no conversation.")
    if is_nested(table.rows):
        conversations, report, notes = conversations_of_nested(table.rows, options, place, stem, folder, store.path_of)
        classes = {plain(name): names for name, names in table.class_names.items()}
        wanted = NAMES["label"] if options.label_column is None else (plain(options.label_column),)
        return conversations, report, notes, next((classes[name] for name in wanted if name in classes), ())
    conversations, report, notes, label = conversations_of_rows(table, options, place, store.path_of, folder)
    return conversations, report, notes, table.class_names.get(label, ())
