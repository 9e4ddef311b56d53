# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The base class of the `datasets` builders of this package, and the schema of a conversation."""

import hashlib
from collections import Counter
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import datasets
from datasets import Features, List, Value

from modeling_amuse.processing.conversation import STREAMS, UTTERANCE_KEYS
from modeling_amuse.processing.corpora.data_options import COLUMN_OPTIONS, DataOptions
from modeling_amuse.processing.corpora.labels import settle_labels
from modeling_amuse.processing.input_boundary import boundary
from modeling_amuse.processing.printable_text import printable_logger

logger = printable_logger(__name__)

CONVERSATION_FEATURES = Features(
    {
        "id": Value("string"),
        "utterances": List(
            {
                "id": Value("string"),
                "speaker": Value("string"),
                "text": Value("string"),
                "start": Value("float64"),  # seconds
                "end": Value("float64"),
                "audio": Value("string"),  # path
                "audio_start": Value("float64"),  # seconds
                "video": Value("string"),
                "video_start": Value("float64"),
                "video_side": Value("string"),
                **{f"{stream}_features": List(List(Value("float32"))) for stream in STREAMS},
                "emotion": Value("string"),
            }
        ),
    }
)


class ConversationBuilder(datasets.GeneratorBasedBuilder):
    """
    Base class of the builders. A subclass defines which files belong to a split and how a file is read.

    Args:
        data_dir (`str`): the folder with the files.
        options (*optional*): how the files are read.
        splits (*optional*): the splits to load; the files of other splits are not opened and may be missing.
            Default: all.
        cache_dir (`str`, *optional*): the folder of the Arrow files. Default: the cache of `datasets`.

    Raises:
        FileNotFoundError: when the folder or its files are missing.
    """

    emotions: tuple[str, ...] | None = None
    """The data set's emotions in the order of the labels; None if they are read from the files."""
    takes_label_column = False
    """Whether `options.label_column` is supported."""
    unused_options = COLUMN_OPTIONS
    """Options of which a builder says that it does not use them."""

    def __init__(
        self,
        *args,
        data_dir: str | None = None,
        splits: Collection[str] | None = None,
        options: DataOptions | None = None,
        **kwargs,
    ):
        self.options, self.splits = options or DataOptions(), splits
        self.notes, self.class_names = [], ()
        self.store_dir = kwargs.get("cache_dir")
        found = self.find_paths(data_dir, self.options)
        wanted = {*splits, "all"} if splits is not None else set(found)
        self.paths = {split: paths for split, paths in found.items() if split in wanted}
        self.check_files(self.paths)
        # `datasets` caches by file names: the hash of the contents and of the schema makes it read edited files again;
        # a builder that returns other rows for the same files must raise its VERSION
        contents = hashlib.sha256(repr((CONVERSATION_FEATURES, self.options.reading())).encode())
        if "all" in self.paths:
            contents.update(repr(sorted(splits or ())).encode())
        for split, paths in sorted(self.paths.items()):
            for path in paths:
                contents.update(f"{split}\0{path.name}\0".encode() + self.cache_key(path, split))
        super().__init__(*args, data_dir=data_dir and str(data_dir), hash=contents.hexdigest()[:16], **kwargs)

    @classmethod
    def find_paths(cls, data_dir: str | None, options: DataOptions) -> dict[str, list[Path]]:
        """The files of each split; the key `all` is for files that hold all splits."""
        if options.files():
            raise ValueError(
                "--data_file, --train_file, --validation_file and --test_file are for your own data; "
                f"{cls.__name__} reads the files of its data set."
            )
        return cls.split_paths(Path(data_dir))

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        """The files of each split (`train`, `validation`, `test`). The files are not opened."""
        raise NotImplementedError

    @classmethod
    def check_files(cls, paths: dict[str, list[Path]]):
        """
        Raises:
            FileNotFoundError: when a file of the wanted splits is missing; the message says where to get it.
        """

    @classmethod
    def read(cls, path: Path, split: str, options: DataOptions | None = None) -> tuple[list[dict], Counter]:
        """The conversations of a file with their original labels, and counts of what was found and corrected."""
        raise NotImplementedError

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        """
        The bytes from which the cache key of a file is computed: its contents. A builder that reads more files adds
        their contents; of recordings it adds the names alone, as reading them would take too long.
        """
        return path.read_bytes()

    def read_splits(self) -> dict[str, tuple[list[dict], Counter]]:
        """The conversations of each split, and counts of what was found and corrected."""
        read = {}
        for split, paths in self.paths.items():
            found = [self._read_file(path, split) for path in paths]
            read[split] = (
                [c for conversations, _ in found for c in conversations],
                sum((n for _, n in found), Counter()),
            )
        return read

    def _read_file(self, path: Path, split: str) -> tuple[list[dict], Counter]:
        with boundary(path):
            return self.read(path, split, self.options)

    @cached_property
    def contents(self) -> "Contents":
        """The contents of the files with checked ids and labels. The files are parsed once."""
        self.notes += self.options.unused(
            self.unused_options, f"{type(self).__name__} knows the columns of its data set."
        )
        emotions = self.emotions
        if self.options.label_column is not None and emotions is not None:
            if not self.takes_label_column:
                raise ValueError(f"--label_column: {type(self).__name__} has only one label column, the emotion.")
            emotions = None
        read = self.read_splits()
        return settled(read, emotions, self.options, self.notes, self.class_names)

    def report(self) -> dict[str, Counter]:
        """
        For each split, counts of what was found and corrected.

        Raises:
            ValueError: when an id occurs more than once in a split, as features are joined by id.
        """
        return self.contents.report

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=CONVERSATION_FEATURES)

    def _split_generators(self, dl_manager) -> list[datasets.SplitGenerator]:
        return [datasets.SplitGenerator(split, gen_kwargs={"split": split}) for split in self.contents.splits]

    def _generate_examples(self, split: str):
        for conversation in self.contents.splits[split]:
            yield conversation["id"], schema_row(conversation)


class Contents(NamedTuple):
    """
    The contents of the files of a data set.

    Attributes:
        splits: the conversations of each split, with checked labels.
        emotions: the emotions in the order of the labels.
        report: for each split, counts of what was found and corrected.
    """

    splits: dict[str, list[dict]]
    emotions: tuple[str, ...]
    report: dict[str, Counter]


def settled(
    read: dict[str, tuple[list[dict], Counter]],
    emotions: tuple[str, ...] | None,
    options: DataOptions,
    notes: list[str],
    class_names: tuple[str, ...] = (),
) -> Contents:
    """
    Check the ids and labels of the conversations that were read. Warnings are logged.

    Raises:
        ValueError: when an id occurs twice in a split, and for invalid labels, see [`settle_labels`].
    """
    splits = {split: conversations for split, (conversations, _) in read.items()}
    report = {split: counts for split, (_, counts) in read.items()}
    for split, conversations in splits.items():
        if not conversations:
            raise ValueError(f"The {split} split holds no conversation.")
        _check_unique("conversation", [c["id"] for c in conversations], split)
        _check_unique("utterance", [u["id"] for c in conversations for u in c["utterances"]], split)
    order, warnings = settle_labels(splits, emotions, options.emotion_map, options.emotions, class_names)
    for warning in warnings:
        logger.warning(warning)
    for split, conversations in splits.items():
        unlabelled = sum(u["emotion"] is None for c in conversations for u in c["utterances"])
        if "utterances without an emotion" in report[split] or (unlabelled and emotions is None):
            report[split]["utterances without an emotion"] = unlabelled
    return Contents(splits, order, report)


def schema_row(conversation: dict) -> dict:
    """A conversation with every key of the schema."""
    utterances = [{key: u.get(key) for key in UTTERANCE_KEYS} for u in conversation["utterances"]]
    return {"id": conversation["id"], "utterances": utterances}


def usable_file(path: Path, what: str, report: Counter) -> str | None:
    """The path of a recording; None if it is missing or empty, which `report` counts. `what` names such files there."""
    if not path.is_file():
        report[f"{what} that are missing"] += 1
    elif not path.stat().st_size:
        report[f"{what} of 0 bytes"] += 1
    else:
        return str(path)
    return None


def unread_key(key: str) -> str:
    """What a report counts for a key of utterances that data sets do not have."""
    return f"utterances with the unknown key {key!r}, ignored"


def report_counts(conversations: list[dict]) -> Counter:
    """The number of conversations and of utterances."""
    return Counter(conversations=len(conversations), utterances=sum(len(c["utterances"]) for c in conversations))


def _check_unique(what: str, identifiers: list[str], split: str):
    identifier, count = Counter(identifiers).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"The {what} id {identifier!r} occurs {count} times in the {split} split: give every {what} of a split its own "
            "id, or leave 'id' out."
        )
