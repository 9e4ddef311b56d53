# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The options that say how a data set is read. This file imports the standard library alone."""

from dataclasses import asdict, dataclass, field, fields


@dataclass
class DataOptions:
    """How a data set is read: shared by every command that reads one."""

    data_file: str | None = field(
        default=None,
        metadata={
            "help": "One file with all utterances (.csv, .tsv, .jsonl, .json, .parquet). Without a column 'split' its "
            "conversations are divided 80/10/10."
        },
    )
    train_file: str | None = field(default=None, metadata={"help": "The file of the training split."})
    validation_file: str | None = field(default=None, metadata={"help": "The file of the validation split."})
    test_file: str | None = field(default=None, metadata={"help": "The file of the test split."})
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of a data set on the Hub."})
    dataset_revision: str | None = field(
        default=None,
        metadata={"help": "Revision of a data set on the Hub, such as refs/convert/parquet for a former script."},
    )
    streaming: bool = field(
        default=False, metadata={"help": "Read a data set of the Hub without downloading it whole."}
    )
    conversation_column: list[str] | None = field(
        default=None,
        metadata={"help": "Column, or columns, that identify the conversation of a row.", "default": "guessed"},
    )
    speaker_column: str | None = field(default=None, metadata={"help": "Column of the speaker.", "default": "guessed"})
    text_column: str | None = field(default=None, metadata={"help": "Column of the words.", "default": "guessed"})
    label_column: str | None = field(default=None, metadata={"help": "Column of the label.", "default": "guessed"})
    order_column: str | None = field(
        default=None,
        metadata={"help": "Column of the place in the conversation.", "default": "guessed, else the place of the row"},
    )
    id_column: str | None = field(
        default=None, metadata={"help": "Column of the utterance's id, which --id_pattern reads.", "default": "guessed"}
    )
    id_pattern: str | None = field(
        default=None,
        metadata={
            "help": "What an utterance's id tells: meld, iemocap, or a regular expression with the named groups "
            "conversation, order, speaker and session."
        },
    )
    emotion_map: list[str] | None = field(
        default=None,
        metadata={
            "help": "Labels to rename or join, such as exc=hap,fru=ang; 'xxx=' leaves such utterances unlabelled."
        },
    )
    emotions: list[str] | None = field(
        default=None,
        metadata={
            "help": "The emotions that are learned, in this order; utterances with others stay without a label. Or "
            "iemocap4, iemocap5, iemocap6."
        },
    )
    split_seed: int = field(default=42, metadata={"help": "Seed of the division of data without splits."})

    def files(self) -> dict[str, str]:
        """The files that were named, by split; the key `all` is the one file of all splits."""
        named = {"all": self.data_file, "train": self.train_file}
        named |= {"validation": self.validation_file, "test": self.test_file}
        found = {split: path for split, path in named.items() if path is not None}
        if "all" in found and len(found) > 1:
            raise ValueError(
                "--data_file holds all splits: give it alone, or --train_file, --validation_file and --test_file."
            )
        return found

    def reading(self) -> dict:
        """The options that change what is read, without the paths of the files."""
        return {name: value for name, value in asdict(self).items() if name not in PATHS}

    @classmethod
    def of(cls, arguments) -> "DataOptions":
        """Those of an object that has them among its attributes; what it lacks has its default."""
        return cls(**{f.name: getattr(arguments, f.name) for f in fields(cls) if hasattr(arguments, f.name)})


PATHS = ("data_file", "train_file", "validation_file", "test_file")
