# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options for reading a data set. This file imports only the standard library."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields


@dataclass
class DataOptions:
    """Options for reading a data set, shared by all commands that read one."""

    data_file: str | None = field(
        default=None,
        metadata={
            "help": "One file with all utterances (.csv, .tsv, .jsonl, .json, .parquet). Without a column 'split', its "
            "conversations are divided into 80 % training, 10 % validation and 10 % test."
        },
    )
    train_file: str | None = field(default=None, metadata={"help": "The file of the training split."})
    validation_file: str | None = field(default=None, metadata={"help": "The file of the validation split."})
    test_file: str | None = field(default=None, metadata={"help": "The file of the test split."})
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of a data set on the Hub."})
    dataset_revision: str | None = field(
        default=None,
        metadata={
            "help": "Revision of a data set on the Hub, such as refs/convert/parquet for one that was published as a script."
        },
    )
    streaming: bool = field(
        default=False, metadata={"help": "Read a data set of the Hub without downloading all of it."}
    )
    conversation_column: list[str] | None = field(
        default=None,
        metadata={
            "help": "Column, or columns, that identify the conversation of a row.",
            "default": "guessed",
        },
    )
    speaker_column: str | None = field(default=None, metadata={"help": "Column of the speaker.", "default": "guessed"})
    text_column: str | None = field(default=None, metadata={"help": "Column of the text.", "default": "guessed"})
    label_column: str | None = field(default=None, metadata={"help": "Column of the label.", "default": "guessed"})
    order_column: str | None = field(
        default=None,
        metadata={
            "help": "Column of the utterance's position in the conversation.",
            "default": "guessed, else the order of the rows",
        },
    )
    id_column: str | None = field(
        default=None, metadata={"help": "Column of the utterance's id, which --id_pattern reads.", "default": "guessed"}
    )
    id_pattern: str | None = field(
        default=None,
        metadata={
            "help": "Pattern that reads the conversation from the utterance's id: meld, iemocap, or a regular expression "
            "with the named groups conversation, order, speaker and session."
        },
    )
    emotion_map: list[str] | None = field(
        default=None,
        metadata={
            "help": "Labels to rename or merge, such as exc=hap,fru=ang; 'xxx=' leaves utterances with xxx unlabelled."
        },
    )
    emotions: list[str] | None = field(
        default=None,
        metadata={
            "help": "The emotions to learn, in this order, or one of the presets iemocap4, iemocap5 and iemocap6; "
            "utterances with other emotions become unlabelled."
        },
    )
    split_seed: int = field(default=42, metadata={"help": "Seed for dividing data that has no splits."})

    def files(self) -> dict[str, str]:
        """The files that were given, by split; the key `all` is a single file of all splits."""
        named = {"all": self.data_file, "train": self.train_file}
        named |= {"validation": self.validation_file, "test": self.test_file}
        found = {split: path for split, path in named.items() if path is not None}
        if "all" in found and len(found) > 1:
            raise ValueError(
                "--data_file is one file with all splits: give it alone, or give --train_file, --validation_file and "
                "--test_file."
            )
        return found

    def unused(self, names: Iterable[str], reason: str) -> list[str]:
        """Notes that name those of these options that are given, though the reader of the data has no use for them."""
        return [f"--{name} is not used: {reason}" for name in names if getattr(self, name) is not None]

    def reading(self) -> dict:
        """The options that change how files are read: all but the paths of the files."""
        return {name: value for name, value in asdict(self).items() if name not in PATHS}

    @classmethod
    def of(cls, arguments) -> "DataOptions":
        """The options that an object has as attributes; those that it lacks get their defaults."""
        return cls(**{f.name: getattr(arguments, f.name) for f in fields(cls) if hasattr(arguments, f.name)})


PATHS = ("data_file", "train_file", "validation_file", "test_file")
CONVERSATION_OPTIONS = ("conversation_column", "order_column", "id_pattern")
"""Options that tell which rows of a table are a conversation, and in which order."""

COLUMN_OPTIONS = (*CONVERSATION_OPTIONS, "speaker_column", "text_column", "id_column")
"""Options that say what the columns of a table hold: all but the label."""
