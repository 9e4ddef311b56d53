# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations from files in which each conversation is one object with a list of utterances."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from modeling_amuse.processing.conversation import (
    STREAMS,
    UTTERANCE_KEYS,
    VIDEO_SIDES,
    check_conversations,
    check_times,
    media_span,
)
from modeling_amuse.processing.corpora.columns import NAMES, Columns, id_text, is_unique, plain
from modeling_amuse.processing.corpora.conversation_builder import report_counts, unread_key
from modeling_amuse.processing.corpora.data_options import CONVERSATION_OPTIONS, DataOptions
from modeling_amuse.processing.corpora.data_sets import SPLIT_NAMES
from modeling_amuse.processing.corpora.feature_tables import utterance_id
from modeling_amuse.processing.corpora.labels import label_of
from modeling_amuse.processing.corpora.row_conversations import (
    TURN_TAKERS,
    file_of,
    make_ids_unique,
    place_recordings,
    rows_of_numbers,
    times_of,
    warn_of_times,
    with_files,
)
from modeling_amuse.processing.corpora.table_files import Rows
from modeling_amuse.processing.plain_values import check_order, name_of_value, shown, text_of_value

UTTERANCE_LISTS = ("utterances", "conversation", "dialogue", "dialog", "turns", "messages", "utts", "sentences", "log")
"""The keys under which a conversation may hold its utterances."""

NO_SPEAKERS = "conversations without speakers, in which two take turns"
WRAPPERS = ("data", "rows", "conversations", "dialogues", "dialogs", "examples")
"""The keys under which a JSON file may hold all its conversations or rows."""


def unwrapped(value) -> list:
    """
    The conversations or rows of a JSON file, which may hold a list of them, one conversation, a dict of conversations by
    id, lists by split, or a table as pandas writes it.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return [value]
    if (key := utterance_list(value, with_columns=False)) is not None:
        return value[key] if len(value) == 1 and _are_of_several(value[key]) else [value]
    for key in WRAPPERS:
        if isinstance(value.get(key), (list, dict)):
            return unwrapped(value[key])
    contents = list(value.values())
    if (
        value
        and {str(key).lower() for key in value} <= set(SPLIT_NAMES)
        and all(isinstance(c, (list, dict)) for c in contents)
    ):
        return [_with(item, "split", split) for split, part in value.items() for item in unwrapped(part)]
    if _is_column_by_column(contents):
        return pd.DataFrame({name: pd.Series(column) for name, column in value.items()}).to_dict("records")
    if contents and all(isinstance(c, (list, dict)) for c in contents):
        return [_with(item, "id", key) for key, item in value.items()]
    return [value]


def _are_of_several(items: list) -> bool:
    """Whether a list holds the utterances of several conversations, as each names its own."""
    if not all(isinstance(item, dict) for item in items):
        return False
    by_plain = [{plain(key): value for key, value in item.items()} for item in items]
    # within a conversation, the scene or the call may change
    names = (name for name in NAMES["conversation"] if name.endswith("id") and all(name in item for item in by_plain))
    name = next(names, None)
    return name is not None and len({id_text(item[name]) for item in by_plain}) > 1


def _is_column_by_column(contents: list) -> bool:
    """
    Whether these are columns of scalars, given as lists or as dicts by row number, as pandas' `to_json` writes them. Dicts
    whose keys are known names of columns are rows.
    """
    known = {*NAMES["text"], *NAMES["label"], *NAMES["speaker"]}
    if contents and isinstance(contents[0], dict) and any(plain(key) in known for key in contents[0]):
        return False
    if not contents or not all(
        type(column) is type(contents[0]) and isinstance(column, (list, dict)) for column in contents
    ):
        return False
    if isinstance(contents[0], dict) and any(column.keys() != contents[0].keys() for column in contents):
        return False
    cells = [list(column.values()) if isinstance(column, dict) else column for column in contents]
    return len({len(column) for column in cells}) == 1 and not any(
        isinstance(c, (dict, list)) for cs in cells for c in cs
    )


def _with(item, key: str, value):
    if isinstance(item, list):
        return {"utterances": item, key: value}
    return {key: value, **item} if isinstance(item, dict) else item


def utterance_list(row, with_columns: bool = True) -> str | None:
    """
    The key under which a row holds its utterances, or None if the row is an utterance itself.

    Args:
        row: the row.
        with_columns: also accept a list of texts under the name of a text column, beside a list of as many labels.
    """
    if not isinstance(row, dict):
        return None
    by_plain = {plain(key): key for key in row}
    for name in UTTERANCE_LISTS:
        key = by_plain.get(name)
        if key is not None and isinstance(row[key], (list, tuple)) and (name != "log" or _is_log(row, key)):
            return key
    if not with_columns:
        return None
    labels = [row[by_plain[name]] for name in NAMES["label"] if name in by_plain]
    for name in NAMES["text"]:
        texts = row[by_plain[name]] if name in by_plain else None
        if _is_list_of_texts(texts) and any(isinstance(held, list) and len(held) == len(texts) for held in labels):
            return by_plain[name]
    return None


def _is_log(row: dict, key: str) -> bool:
    """Whether a list under `log` holds utterances, and is not one of what was done with the data."""
    if any(plain(name) in NAMES["text"] for name in row):
        return False
    return all(isinstance(item, dict) and any(plain(name) in NAMES["text"] for name in item) for item in row[key])


def _is_list_of_texts(value) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(text, str) for text in value)


def is_nested(rows: list) -> bool:
    """Whether rows are conversations, not utterances. Rows that are neither count as conversations and are refused later."""
    return any(not isinstance(row, dict) or "utterances" in row or utterance_list(row) is not None for row in rows)


def conversations_of_nested(
    rows: list, options: DataOptions, place: str, stem: str, folder: Path, recording: Callable
) -> tuple[list[dict], Counter, list[str]]:
    """
    Conversations from rows that hold lists of utterances.

    Args:
        rows: dicts with a list under one of [`UTTERANCE_LISTS`], or such lists. Utterances are dicts with the keys of the
            schema or with the names of a table's columns, or texts beside a list of labels of the same length. What has the
            name of a column is read as in a table.
        options: the keys to read, where their names are not known ones.
        place: the name of the file in messages.
        stem: the prefix of the ids of conversations that have no id.
        folder: the folder that paths are relative to.
        recording: see [`conversations_of_rows`].

    Returns:
        The conversations, counts of what was found, and notes for the user.

    Raises:
        ValueError: for an invalid conversation or utterance, which the message names.
    """
    if not rows:
        raise ValueError(f"{place} holds no conversation.")
    notes = options.unused(CONVERSATION_OPTIONS, f"each row of {place} is a conversation with its utterances in order.")
    names = _key_names(rows, options, folder, notes, place)
    conversations, report = [], Counter()
    for number, row in enumerate(rows):
        try:
            conversation = _conversation(row, f"{stem}_{number}", names, options, recording, report)
            utterances = [
                _utterance(utterance, f"{conversation['id']}_{position}", names, folder, recording, report)
                for position, utterance in enumerate(conversation["utterances"])
            ]
        except ValueError as error:
            raise ValueError(f"{place}, conversation {number + 1}: {error}") from error
        kept = {"id": conversation["id"], "utterances": utterances}
        conversations.append({**kept, **({"split": conversation["split"]} if "split" in conversation else {})})
    if names:
        notes.insert(0, f"{place}: {', '.join(f'{key} from {name}' for key, name in names.items())}.")
    has_times = "start" in names or "end" in names
    # by the names of the schema, a file without a start begins at 0
    media = [medium for medium in ("audio", "video") if has_times or medium in names]
    place_recordings(conversations, False, notes, place, media)
    if has_times:
        warn_of_times(_times(names), report, place)
    if "id" in names:
        make_ids_unique(conversations, Columns(), notes, place)
    return conversations, report_counts(conversations) + report, notes


def _key_names(rows: list, options: DataOptions, folder: Path, notes: list[str], place: str) -> dict[str, str]:
    """For keys of the schema that no utterance has, the equivalent key in the file, found as the column of a table is."""
    utterances = []
    for row in rows:
        key = utterance_list(row)
        listed = row if isinstance(row, list) else row[key] if key else ()
        utterances += [utterance for utterance in listed if isinstance(utterance, dict)]
    keys = list(dict.fromkeys(name for u in utterances for name, value in u.items() if value is not None))
    present = {}
    for name in keys:
        present.setdefault(plain(name), name)
    if not present:  # texts with lists beside them, see `_of_texts`
        is_list = plain(options.text_column) in {plain(utterance_list(row)) for row in rows}
        idle = ("id_column",) if is_list else ("text_column", "id_column")
        notes += options.unused(idle, f"the utterances of {place} have no keys.")
        return {}
    names = {}
    for key in ("text", "speaker", "emotion", "start", "end", "audio", "video", "id"):
        what = "label" if key == "emotion" else key
        wanted = getattr(options, f"{what}_column", None)
        if wanted is not None:
            if plain(wanted) not in present:
                raise ValueError(
                    f"--{what}_column {wanted}: no utterance has this key; the keys are: {', '.join(present.values())}."
                )
            names[key] = present[plain(wanted)]
        elif key not in keys:
            free = [present[name] for name in NAMES[what] if name in present]
            free = [name for name in free if name not in UTTERANCE_KEYS and name not in names.values()]
            if key == "end" and plain(names.get("start")) != "onset":  # any place may be an offset
                free = [name for name in free if plain(name) != "offset"]
            if key == "id":
                free = [name for name in free if plain(name) not in NAMES["text"] and _are_ids(name, utterances)]
            if free:
                names[key] = free[0]
    for medium in [medium for medium in ("audio", "video") if medium in names]:
        columns = Columns(**{medium: names[medium]})
        if getattr(with_files(columns, medium, Rows(utterances), folder, notes, place), medium) is None:
            del names[medium]
    return {key: name for key, name in names.items() if key != name}


def _are_ids(key: str, utterances: list[dict]) -> bool:
    return all(isinstance(u.get(key), (str, int, float)) for u in utterances) and is_unique(key, utterances)


def _times(names: dict[str, str]) -> Columns:
    return Columns(start=names.get("start", "start"), end=names.get("end", "end"))


def _conversation(
    row, default_id: str, names: dict[str, str], options: DataOptions, recording: Callable, report: Counter
) -> dict:
    if isinstance(row, (list, tuple)) and row and all(isinstance(item, dict) for item in row):
        row = {"utterances": list(row)}
    if not isinstance(row, dict):
        raise ValueError(f"it is a {type(row).__name__}; give a dict with 'utterances'")
    key = utterance_list(row) or "utterances"
    utterances = row.get(key)
    if _is_list_of_texts(utterances):
        utterances = _of_texts(utterances, row, options, report)
    if isinstance(utterances, (list, tuple)):
        utterances = [
            _with_files(_renamed(utterance, names), f"Utterance {position}", recording)
            for position, utterance in enumerate(utterances)
        ]
        if key != "utterances" and len(utterances) > 1 and not any(_names_speaker(u) for u in utterances):
            utterances = [
                {**u, "speaker": TURN_TAKERS[number % 2]} if isinstance(u, dict) else u
                for number, u in enumerate(utterances)
            ]
            report[NO_SPEAKERS] += 1
    identifier = row.get("id")
    by_plain = {plain(name): name for name in row if name != key}
    if identifier is None:
        named = next((by_plain[name] for name in NAMES["conversation"] if name in by_plain), None)
        identifier = id_text(row[named]) if named else None
    [conversation] = check_conversations(
        [{"id": identifier or default_id, **({"utterances": utterances} if key in row else {})}], with_values=False
    )
    split = next((row[by_plain[name]] for name in NAMES["split"] if name in by_plain), None)
    return {**conversation, **({"split": SPLIT_NAMES.get(str(split).lower(), str(split))} if split else {})}


def _of_texts(texts: list[str], row: dict, options: DataOptions, report: Counter) -> list[dict]:
    """Utterances from a list of texts and the lists of labels and speakers beside it. Without speakers, two take turns."""
    beside = {
        plain(key): value for key, value in row.items() if isinstance(value, (list, tuple)) and value is not texts
    }
    wanted = NAMES["label"] if options.label_column is None else (plain(options.label_column),)
    labels = _list_beside(beside, wanted, "labels", len(texts))
    if options.label_column and labels is None:
        raise ValueError(
            f"--label_column {options.label_column}: there is no list of {len(texts)} labels under this key."
        )
    wanted = NAMES["speaker"] if options.speaker_column is None else (plain(options.speaker_column),)
    speakers = _list_beside(beside, wanted, "speakers", len(texts))
    if options.speaker_column and speakers is None:
        raise ValueError(
            f"--speaker_column {options.speaker_column}: there is no list of {len(texts)} speakers under this key."
        )
    report[NO_SPEAKERS] += speakers is None and len(texts) > 1
    return [
        {
            "speaker": speakers[number] if speakers else TURN_TAKERS[number % 2],
            "text": text.strip(),
            **({"emotion": labels[number]} if labels else {}),
        }
        for number, text in enumerate(texts)
    ]


def _list_beside(beside: dict[str, list], names: tuple[str, ...], what: str, size: int) -> list | None:
    """The first list under one of the names that is not empty. Raises ValueError when it has another length than the texts."""
    name = next((name for name in names if beside.get(name)), None)
    if name is not None and len(beside[name]) != size:
        raise ValueError(f"it has {size} utterances, but {len(beside[name])} {what} under {name!r}: give one for each.")
    return beside[name] if name is not None else None


def _names_speaker(utterance) -> bool:
    return isinstance(utterance, dict) and utterance.get("speaker") not in (None, "")


def _renamed(utterance, names: dict[str, str]):
    if not isinstance(utterance, dict):
        return utterance
    read = {*names, *names.values()} - ({"audio", "video"} - names.keys())  # a path may be the id, too
    found = {name: value for name, value in utterance.items() if name not in read}
    found |= {key: utterance[name] for key, name in names.items() if name in utterance}
    if isinstance(found.get("speaker"), (list, tuple)):
        found["speaker"] = " & ".join(name_of_value(name, "speaker", "An utterance") for name in found["speaker"])
    return found


def _with_files(utterance, what: str, recording: Callable):
    """The utterance with the path of each recording whose contents stand in it."""
    if not isinstance(utterance, dict):
        return utterance
    contents = {medium: utterance[medium] for medium in ("audio", "video") if isinstance(utterance.get(medium), dict)}
    return {**utterance, **{m: recording(held, f"{what}: its {m}", m) for m, held in contents.items()}}


def _utterance(
    utterance: dict, default_id: str, names: dict[str, str], folder: Path, recording: Callable, report: Counter
) -> dict:
    kept = {key: value for key, value in utterance.items() if key in UTTERANCE_KEYS and not _is_empty(value)}
    unknown = [key for key, value in utterance.items() if key not in UTTERANCE_KEYS and value is not None]
    report.update(map(unread_key, unknown))
    where = f"Utterance {default_id}"
    for key in ("id", "speaker"):
        kept[key] = name_of_value(kept.get(key), key, where) or None
    if "text" in kept:
        kept["text"] = text_of_value(kept["text"], "text", where)
    kept["id"] = (utterance_id(kept["id"]) if "id" in names and kept["id"] else kept["id"]) or default_id
    kept["emotion"] = label_of(kept.get("emotion"), f"Utterance {kept['id']}")
    report["utterances without an emotion"] += kept["emotion"] is None
    if "start" in names or "end" in names:
        kept |= times_of(kept.get("start"), kept.get("end"), _times(names), report)
    check_times(kept)
    check_order(kept.get("start"), kept.get("end"), f"Utterance {kept['id']}")
    if kept.get("video_side") not in (None, *VIDEO_SIDES):
        raise ValueError(
            f"Utterance {kept['id']}: its video_side is {shown(kept['video_side'])}: give {' or '.join(VIDEO_SIDES)}."
        )
    for stream in STREAMS:
        features = kept.get(f"{stream}_features")
        if features is not None:
            kept[f"{stream}_features"] = rows_of_numbers(features, f"Utterance {kept['id']}: its {stream}_features")
    for medium in ("audio", "video"):
        if kept.get(medium) is not None and medium in names:
            kept[medium] = file_of(kept[medium], recording, folder, f"{where}: its {medium}", medium, report)
        elif kept.get(medium) is not None:
            kept[medium] = _media_file(kept, medium, folder)
    return kept


def _is_empty(value) -> bool:
    return value is None or (isinstance(value, str) and value == "")


def _media_file(utterance: dict, medium: str, folder: Path) -> str:
    path = str(folder / utterance[medium])
    if not Path(path).is_file():
        raise FileNotFoundError(f"Utterance {utterance['id']}: its {medium} file {path} does not exist.")
    if (media_span({**utterance, medium: path}, medium)[0] or 0) < 0:
        raise ValueError(
            f"Utterance {utterance['id']}: its start, {utterance['start']} s, is before the start of its {medium} file "
            f"({medium}_start, {utterance.get(f'{medium}_start', 0)} s): give both in seconds from the same zero."
        )
    return path
