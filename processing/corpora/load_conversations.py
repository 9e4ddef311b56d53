# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Loading a data set of conversations: one with a name here, the user's own files, or whatever `datasets` loads."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from datasets import DatasetDict

from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS, is_known, unknown_data_set
from modeling_amuse.processing.corpora.hub_conversations import is_saved_dataset, load_from_datasets
from modeling_amuse.processing.corpora.meld_download import meld_folder

RENDERED = "controlled_corpus.json"
"""The file that `render_sample.py` leaves in a folder of the sample corpus."""


class ConversationData(NamedTuple):
    """
    A loaded data set.

    Attributes:
        splits: conversations, `train`, `validation` and `test` where they exist.
        emotions: the emotions, in the order of the labels.
        report: for each split, counts of what was found and mended.
        notes: what was guessed and assumed, such as which column holds what.
        name: what the data set is called; a folder with the rendered sample corpus is `"sample"`.
    """

    splits: DatasetDict
    emotions: tuple[str, ...]
    report: dict[str, Counter]
    notes: tuple[str, ...] = ()
    name: str = "folder"

    def describe(self, splits: Collection[str] | None = None) -> str:
        """The notes, and a line for each split."""
        shown = {split: counts for split, counts in self.report.items() if splits is None or split in splits}
        return "\n".join([*self.notes, describe_report(shown)])


def load_conversations(
    name: str,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    splits: Collection[str] | None = None,
    options: DataOptions | None = None,
) -> ConversationData:
    """
    Load a data set of conversations.

    Args:
        name: one of [`DATA_SETS`] (`"folder"` is the user's own conversations); or a data set that `datasets` loads, by its
            Hub id, or by its folder, which may be one of `save_to_disk`.
        data_dir: the folder with the data set's files, for a name of [`DATA_SETS`]. MELD's annotations are fetched without
            it, see [`meld_folder`].
        cache_dir: where the Arrow files are kept. Default: that of `datasets`.
        splits: the splits that are wanted, those of them that the data set has: a training asks for `train` and
            `validation`, so that the file of the test split is not opened. Default: all.
        options: how the files are read, see [`DataOptions`]. With files of their own, the name is `"folder"`.

    Raises:
        FileNotFoundError: when the folder or its files are missing.
        ValueError: for an unknown name, and for files that hold something else than conversations.
    """
    options = options or DataOptions()
    builder = open_builder(name, data_dir, cache_dir, splits, options)
    if builder is None:
        contents, notes = load_from_datasets(data_dir if name == "folder" else name, cache_dir, splits, options)
        return ConversationData(*contents, tuple(notes), Path(name).name if Path(name).exists() else name)
    if not builder.paths or not builder.contents.splits:
        place = data_dir or options.data_file or name
        raise ValueError(f"The data set {place} has no {' and no '.join(splits or ())} split.")
    report = builder.report()
    is_rendered = data_dir is not None and (Path(data_dir) / RENDERED).is_file()
    own_name = "folder" if options.files() else "sample" if is_rendered else name
    builder.download_and_prepare()
    return ConversationData(builder.as_dataset(), builder.contents.emotions, report, tuple(builder.notes), own_name)


def open_builder(
    name: str,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    splits: Collection[str] | None = None,
    options: DataOptions | None = None,
) -> ConversationBuilder | None:
    """The builder of a data set, its files found and not yet read; None for what `datasets` loads by itself."""
    options = options or DataOptions()
    if options.files():
        name, data_dir = "folder", None
    elif name not in DATA_SETS:
        if not is_known(name):
            raise ValueError(unknown_data_set(name))
        return None
    elif name == "meld" and data_dir is None:
        data_dir = meld_folder(cache_dir)
    elif data_dir is None and DATA_SETS[name].needs_files:
        raise ValueError(f"The data set {name!r} needs data_dir (--data_dir), the folder with its files.")
    elif name == "folder" and is_saved_dataset(Path(data_dir)):
        return None
    return DATA_SETS[name].builder()(data_dir=data_dir, cache_dir=cache_dir, splits=splits, options=options)


def describe_report(report: dict[str, Counter]) -> str:
    """A line for each split."""
    return "\n".join(
        f"{split}: " + ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        for split, counts in report.items()
    )
