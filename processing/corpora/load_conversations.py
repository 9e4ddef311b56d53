# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Loading a data set of conversations: a known one, the user's own files, or one that `datasets` loads."""

import shutil
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from datasets import DatasetDict
from datasets.exceptions import DatasetGenerationError

from modeling_amuse.processing.corpora.conversation_builder import ConversationBuilder
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.corpora.data_sets import DATA_SETS, is_known, unknown_data_set
from modeling_amuse.processing.corpora.hub_conversations import is_saved_dataset, load_from_datasets
from modeling_amuse.processing.corpora.meld_download import meld_folder
from modeling_amuse.processing.file_locks import lock, unlock
from modeling_amuse.processing.printable_text import printable

RENDERED = "controlled_corpus.json"
"""The file by which a folder that `render_sample.py` wrote is recognized."""

INCOMPLETE = ".incomplete"
"""The end of the names of folders in which `datasets` writes Arrow files, until they are complete."""


class ConversationData(NamedTuple):
    """
    A loaded data set.

    Attributes:
        splits: the conversations of `train`, `validation` and `test`, as far as these exist.
        emotions: the emotions in the order of the labels.
        report: for each split, counts of what was found and corrected.
        notes: sentences on what was guessed and assumed, such as the columns that were read.
        name: the name of the data set; `"sample"` for a folder with the rendered sample corpus.
    """

    splits: DatasetDict
    emotions: tuple[str, ...]
    report: dict[str, Counter]
    notes: tuple[str, ...] = ()
    name: str = "folder"

    def describe(self, splits: Collection[str] | None = None) -> str:
        """A text with the notes and a line for each split."""
        shown = {split: counts for split, counts in self.report.items() if splits is None or split in splits}
        return printable("\n".join([*self.notes, describe_report(shown)]))


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
        name: one of [`DATA_SETS`] (`"folder"` is the user's own conversations); or the Hub id or folder of a data set that
            `datasets` loads, including folders of `save_to_disk`.
        data_dir: the folder with the data set's files, for a name of [`DATA_SETS`]. Without it, MELD's annotations are
            downloaded, see [`meld_folder`].
        cache_dir: the folder of the Arrow files. Default: the cache of `datasets`.
        splits: the splits to load, as far as the data set has them. A training loads `train` and `validation`, so that the
            file of the test split is not opened. Default: all.
        options: how the files are read, see [`DataOptions`]. If they name files, `name` is ignored.

    Raises:
        FileNotFoundError: when the folder or its files are missing.
        ValueError: for an unknown name, and for files that do not contain conversations.
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
    _prepare(builder)
    return ConversationData(builder.as_dataset(), builder.contents.emotions, report, tuple(builder.notes), own_name)


def _prepare(builder: ConversationBuilder):
    """
    Raises:
        OSError: when the Arrow files cannot be written, as on a full disk.
    """
    _sweep(Path(builder.cache_dir).parent)
    try:
        builder.download_and_prepare()
    except DatasetGenerationError as error:
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno is not None:
            raise OSError(
                cause.errno,
                f"the data set cannot be written into the cache ({cause.strerror}): free some space, or name another --cache_dir",
                str(builder.cache_dir),
            ) from error
        raise ValueError(f"The data set {builder.data_dir or ''} cannot be stored: {cause}") from error


def _sweep(folder: Path):
    """Remove the unfinished Arrow files that killed processes left, also those of data that has changed since."""
    for path in folder.glob(f"*{INCOMPLETE}"):
        held = path.with_name(f"{path.name.removesuffix(INCOMPLETE)}_builder.lock")  # by the process that writes them
        try:
            descriptor = lock(held) if held.exists() else None
        except OSError:  # it still runs
            continue
        if descriptor is not None or not held.exists():
            shutil.rmtree(path, ignore_errors=True)
        unlock(descriptor)


def open_builder(
    name: str,
    data_dir: str | None = None,
    cache_dir: str | None = None,
    splits: Collection[str] | None = None,
    options: DataOptions | None = None,
) -> ConversationBuilder | None:
    """The builder of a data set, which has located its files but not read them; None for data that `datasets` loads."""
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
