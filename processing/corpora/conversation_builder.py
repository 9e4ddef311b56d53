# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The common part of the packaged `datasets` builders: one schema of a conversation, and where builders find files."""

import hashlib
from collections import Counter
from collections.abc import Collection
from functools import cached_property
from pathlib import Path

import datasets
from datasets import Features, List, Value

from modeling_amuse.processing.conversation import STREAMS, UTTERANCE_KEYS

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
    Base of the builders. A builder says which files make a split and how one is read.

    Args:
        data_dir (`str`): the folder with the files.
        splits (*optional*): the splits that are wanted: the files of others are not opened, and need not be there.
            Default: all.
        cache_dir (`str`, *optional*): where the Arrow files are kept. Default: that of `datasets`.

    Raises:
        FileNotFoundError: when the folder or its files are missing.
    """

    emotions: tuple[str, ...] | None = None
    """The data set's emotions, in the order of the labels; None where the files alone tell."""

    def __init__(self, *args, data_dir: str | None = None, splits: Collection[str] | None = None, **kwargs):
        found = self.split_paths(Path(data_dir))
        self.paths = {split: paths for split, paths in found.items() if splits is None or split in splits}
        self.check_files(self.paths)
        # the cache of `datasets` knows names, not contents: with their hash, an edited file is read anew; so it is when
        # the schema changes, while other changes of the rows that a builder makes raise its VERSION
        contents = hashlib.sha256(repr(CONVERSATION_FEATURES).encode())
        for split, paths in sorted(self.paths.items()):
            for path in paths:
                contents.update(f"{split}\0{path.name}\0".encode() + self.cache_key(path, split))
        super().__init__(*args, data_dir=str(data_dir), hash=contents.hexdigest()[:16], **kwargs)

    @classmethod
    def split_paths(cls, data_dir: Path) -> dict[str, list[Path]]:
        """The files of each split, by the names that `datasets` uses: train, validation, test. None is opened."""
        raise NotImplementedError

    @classmethod
    def check_files(cls, paths: dict[str, list[Path]]):
        """
        Raises:
            FileNotFoundError: when a file of the wanted splits is missing, with where it can be had.
        """

    @classmethod
    def read(cls, path: Path, split: str) -> tuple[list[dict], Counter]:
        """The conversations of a file, and counts of what was found and mended in it."""
        raise NotImplementedError

    @classmethod
    def cache_key(cls, path: Path, split: str) -> bytes:
        """
        What the conversations of a file depend on: its contents. A builder that looks at more adds that, of recordings
        their names alone: they are too large to be read for it.
        """
        return path.read_bytes()

    @cached_property
    def contents(self) -> dict[str, list[tuple[list[dict], Counter]]]:
        """What `read` gives for each file of each split: files are parsed once, whoever asks."""
        return {split: [self.read(path, split) for path in paths] for split, paths in self.paths.items()}

    def report(self) -> dict[str, Counter]:
        """
        For each split, counts of what was found and mended.

        Raises:
            ValueError: when an id stands in a split more than once: features are joined by it.
        """
        report = {}
        for split, read in self.contents.items():
            conversations = [conversation for found, _ in read for conversation in found]
            _check_unique("conversation", [c["id"] for c in conversations], split)
            _check_unique("utterance", [u["id"] for c in conversations for u in c["utterances"]], split)
            report[split] = sum((counts for _, counts in read), Counter())
        return report

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=CONVERSATION_FEATURES)

    def _split_generators(self, dl_manager) -> list[datasets.SplitGenerator]:
        return [datasets.SplitGenerator(split, gen_kwargs={"split": split}) for split in self.paths]

    def _generate_examples(self, split: str):
        for number, (conversations, _) in enumerate(self.contents[split]):
            for conversation in conversations:
                utterances = [{key: u.get(key) for key in UTTERANCE_KEYS} for u in conversation["utterances"]]
                yield f"{number}/{conversation['id']}", {"id": conversation["id"], "utterances": utterances}


def usable_file(path: Path, what: str, report: Counter) -> str | None:
    """The path of a recording, or None, counted in `report`, where there is none or it is empty. `what` names such files."""
    if not path.is_file():
        report[f"{what} that are missing"] += 1
    elif not path.stat().st_size:
        report[f"{what} of 0 bytes"] += 1
    else:
        return str(path)
    return None


def report_counts(conversations: list[dict]) -> Counter:
    """How many conversations and utterances there are."""
    return Counter(conversations=len(conversations), utterances=sum(len(c["utterances"]) for c in conversations))


def _check_unique(what: str, identifiers: list[str], split: str):
    identifier, count = Counter(identifiers).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"The {what} id {identifier!r} stands in the {split} split {count} times: give every {what} of a split an id "
            "of its own, or leave 'id' out."
        )
