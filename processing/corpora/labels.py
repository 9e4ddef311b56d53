# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Converting the labels of files into the emotions that a model learns."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from modeling_amuse.processing.corpora.data_sets import DATA_SETS
from modeling_amuse.processing.plain_values import MOST_DIGITS, clean_text, shown

NO_LABEL = {"", "nan", "none", "null", "n/a", "<na>", "xxx", "-1"}
"""Values for a missing label, in lower case. IEMOCAP uses `xxx` where the annotators disagree."""

_FRACTION = re.compile(r"[+-]?[0-9]{0,20}\.[0-9]{1,20}(?:[eE][+-]?[0-9]{1,2})?")

PRESETS = {
    "iemocap4": (("happiness", "sadness", "neutral", "anger"), {"excitement": "happiness"}),
    "iemocap5": (("happiness", "sadness", "neutral", "anger", "frustration"), {"excitement": "happiness"}),
    "iemocap6": (("happiness", "sadness", "neutral", "anger", "excitement", "frustration"), {}),
}
"""The usual sets of emotions for IEMOCAP, and the emotions they merge: the smaller two count excitement as happiness."""

IEMOCAP_CODES = {
    **{"hap": "happiness", "sad": "sadness", "neu": "neutral"},
    **{"ang": "anger", "exc": "excitement", "fru": "frustration"},
}

MELD_EMOTIONS = DATA_SETS["meld"].emotions


def label_of(value, place: str) -> str | None:
    """
    The label of an utterance as text, or None for an empty cell.

    Args:
        value: the value in the file: text or an integer.
        place: the name of the utterance in the error message.

    Raises:
        ValueError: for a list, a dict, a boolean or a fraction, which are not a single label.
    """
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()  # a numpy number
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _FRACTION.fullmatch(value.strip()) and not float(value).is_integer():
        value = float(value)  # as JSON has it
    is_label = isinstance(value, str) or (isinstance(value, int) and abs(value) < 10**MOST_DIGITS)
    if isinstance(value, bool) or not is_label:
        raise ValueError(
            f"{place}: its emotion is {shown(value)}, a {type(value).__name__}, but a label must be text or an integer: correct the "
            "row, or leave its label empty."
        )
    text = clean_text(str(value), "emotion", place)
    if re.fullmatch(r"-?\d+\.0+", text.strip()):
        text = text.strip().split(".")[0]
    return text if text.strip() else None


def read_emotion_map(items: Iterable[str] | None) -> dict[str, str]:
    """
    Parse items such as `["exc=hap,fru=ang"]` into a dict.

    Raises:
        ValueError: for an item without `=`, and for a label that is mapped to two emotions.
    """
    found = {}
    for item in ",".join(items or ()).split(","):
        if not item.strip():
            continue
        label, equals, emotion = item.partition("=")
        if not equals or not label.strip():
            raise ValueError(f"--emotion_map has {item!r}: write label=emotion, such as exc=hap,fru=ang.")
        if found.setdefault(_key(label), emotion.strip()) != emotion.strip():
            raise ValueError(f"--emotion_map maps {label.strip()!r} to two emotions: give one.")
    return found


def settle_labels(
    splits: dict[str, list[dict]],
    emotions: tuple[str, ...] | None = None,
    emotion_map: Iterable[str] | None = None,
    wanted: Iterable[str] | None = None,
    class_names: tuple[str, ...] | None = None,
) -> tuple[tuple[str, ...], list[str]]:
    """
    Set the `emotion` of every utterance to one of the data set's emotions or None, in place, and check all splits.

    Labels that differ only in case and spaces are the same emotion. The values of [`NO_LABEL`] mean that there is no label.

    Args:
        splits: the conversations of each split, with `emotion` as in the file.
        emotions: the emotions of the data set, in order. None: those of the training split, or of all splits if there is
            no training split.
        emotion_map: see [`read_emotion_map`].
        wanted: the emotions to keep, in order, or the name of one of [`PRESETS`].
        class_names: the names of a `ClassLabel`, which give the order of emotions that are found in the files.

    Returns:
        The emotions in the order of the labels, and warnings.

    Raises:
        ValueError: for a label that is not one of the emotions, or that no training utterance has; the message names the
            utterance.
    """
    wanted, renamed = _wanted(wanted)
    spellings = _spellings(splits)
    mapping, aliases = _with_aliases(read_emotion_map(emotion_map), renamed, spellings, emotions)
    warnings = []
    target_of, unknown = {}, []
    has_negatives = any(re.fullmatch(r"-([2-9]|\d\d+)", key) for key in spellings)
    for key, written in spellings.items():
        if key in mapping:
            target_of[key] = mapping[key] or None
        elif key in NO_LABEL and not (key == "-1" and has_negatives) and not _names(emotions, key):
            target_of[key] = None
            unknown += [f"{written[form]} utterances have the label {form!r}" for form in written]
        else:
            target_of[key] = key
    if unknown:
        warnings.append(
            f"{'; '.join(unknown)}: they are treated as unlabelled (give them an emotion with --emotion_map, such as "
            f"{unknown[0].split('label ')[1].strip(chr(39))}=neutral)."
        )
    names, doubles = _final_names(target_of, spellings, emotions, mapping)
    warnings += doubles
    final = {key: None if target is None else names[_key(target)] for key, target in target_of.items()}
    found = _apply(splits, final, emotions)
    order, unlearned = _order(found, splits, emotions, mapping, class_names)
    warnings += unlearned
    if wanted is not None:
        order, dropped = _select(splits, order, wanted, aliases)
        if dropped:
            warnings.append(
                "--emotions keeps "
                + ", ".join(order)
                + "; these become unlabelled: "
                + ", ".join(f"{count} utterances with {emotion}" for emotion, count in dropped.items())
                + "."
            )
    return order, warnings


def _key(label: str) -> str:
    return " ".join(label.split()).casefold()


def _names(emotions: tuple[str, ...] | None, key: str) -> bool:
    return key in map(_key, emotions or ())


def _wanted(wanted: Iterable[str] | None) -> tuple[tuple[str, ...] | None, dict[str, str]]:
    names = [name.strip() for item in wanted or () for name in item.split(",") if name.strip()]
    if not names:
        return None, {}
    if names[0] in PRESETS:
        if len(names) > 1:
            raise ValueError(f"--emotions {names[0]} means {', '.join(PRESETS[names[0]][0])}: give it alone.")
        return PRESETS[names[0]]
    if len(set(map(_key, names))) < len(names):
        raise ValueError(f"--emotions has the same emotion twice: {', '.join(names)}.")
    return tuple(names), {}


def _spellings(splits: dict[str, list[dict]]) -> dict[str, Counter]:
    """The spellings of each label and their counts, those of the training split first."""
    spellings = defaultdict(Counter)
    for split in sorted(splits, key=lambda name: name != "train"):
        for conversation in splits[split]:
            for utterance in conversation["utterances"]:
                if utterance.get("emotion") is not None:
                    spellings[_key(utterance["emotion"])][utterance["emotion"]] += 1
    return spellings


def _with_aliases(given: dict, of_preset: dict, spellings: dict, emotions) -> tuple[dict, dict]:
    """The emotion maps with IEMOCAP's names replaced by its codes or the reverse, as in the data; and these aliases."""
    present = {*spellings, *map(_key, emotions or ())}
    aliases = {code: name for code, name in IEMOCAP_CODES.items() if code not in present and name in present}
    if not aliases:
        aliases = {name: code for code, name in IEMOCAP_CODES.items() if name not in present and code in present}
    found = {}
    for label, emotion in {**of_preset, **given}.items():
        label = aliases.get(label, label)
        if label not in present and label not in given:
            continue
        if label not in present:
            raise ValueError(
                f"--emotion_map names {label!r}, which no utterance has as its label; the labels are: "
                f"{', '.join(sorted(present)) or 'none'}."
            )
        found[label] = aliases.get(_key(emotion), emotion)
    return found, aliases


def _final_names(target_of, spellings, emotions, mapping) -> tuple[dict[str, str], list[str]]:
    """The name of each emotion by its key (the data set's, else the most frequent spelling), and warnings on merged ones."""
    names = {_key(emotion): emotion for emotion in emotions or ()}
    warnings = []
    for key, target in target_of.items():
        if target is None or key in mapping:
            continue
        written = spellings[key]
        best = max(written, key=lambda form: (written[form], form == form.strip()))
        name = names.setdefault(key, " ".join(best.split()))
        if len(written) > 1:
            forms = ", ".join(f"{form!r} ({count})" for form, count in written.items())
            warnings.append(f"The labels {forms} differ only in case or spaces: they become one emotion, {name!r}.")
    for emotion in mapping.values():
        if emotion:
            names.setdefault(_key(emotion), emotion)
    return names, warnings


def _apply(splits: dict, final: dict[str, str | None], emotions: tuple[str, ...] | None) -> dict[str, set[str]]:
    """Set the emotions of the utterances. Returns the emotions that occur in each split."""
    found = {}
    for split, conversations in splits.items():
        found[split] = set()
        for conversation in conversations:
            for utterance in conversation["utterances"]:
                label = utterance.get("emotion")
                if label is None:
                    utterance["emotion"] = None
                    continue
                emotion = final[_key(label)]
                place = f"{split}, conversation {conversation['id']!r}, utterance {utterance['id']!r}"
                if emotion is not None and re.fullmatch(
                    r"\[.*\]|\{.*\}|true|false", emotion, re.DOTALL | re.IGNORECASE
                ):
                    raise ValueError(
                        f"{place}: its label is {label!r}, which looks like a list, a dict or a boolean: give one emotion, or "
                        "map it to one with --emotion_map."
                    )
                utterance["emotion"] = emotion
                if emotion is not None:
                    found[split].add(emotion)
    return found


def _order(found: dict[str, set], splits: dict, emotions, mapping, class_names) -> tuple[tuple[str, ...], list[str]]:
    """The emotions in order, checked against those of the training split or of the data set, and warnings."""
    everywhere = set().union(*found.values())
    if emotions is not None:
        named = [mapping.get(_key(e), e) for e in emotions] + list(mapping.values())
        order = list({_key(e): e for e in named if e}.values())
    elif "train" in found and {_key(e) for e in everywhere} <= set(MELD_EMOTIONS):
        order = _sorted(everywhere, None)  # MELD's emotions are known even if no training utterance shows them
        lacking = [e for e in order if e not in found["train"]]
        if lacking and found["train"]:
            return tuple(order), [
                f"No training utterance has {' or '.join(lacking)}, but other splits have: the model cannot learn it."
            ]
    else:
        order = _sorted(found.get("train") or everywhere, class_names)
    for split, labels in found.items():
        strange = sorted(labels - set(order))
        if strange:
            raise ValueError(
                f"{_place_of(splits[split], split, strange[0])} has the emotion {strange[0]!r}, which "
                + ("no training utterance has" if emotions is None else "the data set does not have")
                + f"; the emotions are {', '.join(order) or 'none'}. Correct the label, or rename it with --emotion_map "
                f"{strange[0]}=...; --emotion_map {strange[0]}= makes such utterances unlabelled."
            )
    return tuple(order), []


def _sorted(emotions: set[str], class_names: tuple[str, ...] | None) -> list[str]:
    """The emotions in the order of `class_names` if these contain them all, else in MELD's, numerical or alphabetical order."""
    for names in (class_names or (), MELD_EMOTIONS):
        order = {_key(name): place for place, name in reversed(list(enumerate(names)))}
        if {_key(emotion) for emotion in emotions} <= order.keys():
            return sorted(emotions, key=lambda emotion: order[_key(emotion)])
    return sorted(emotions, key=int if all(re.fullmatch(r"-?\d+", e) for e in emotions) else None)


def _place_of(conversations: list[dict], split: str, emotion: str) -> str:
    for conversation in conversations:
        for utterance in conversation["utterances"]:
            if utterance["emotion"] == emotion:
                return f"Utterance {utterance['id']!r} of conversation {conversation['id']!r} of the {split} split"
    raise AssertionError(emotion)


def _select(splits: dict, order: tuple[str, ...], wanted: tuple[str, ...], aliases: dict) -> tuple[tuple, Counter]:
    """The wanted emotions by their names in the data; utterances with other emotions lose theirs, which are counted."""
    by_key = {_key(emotion): emotion for emotion in order}
    names = [by_key.get(aliases.get(_key(name), _key(name))) for name in wanted]
    if None in names:
        raise ValueError(
            f"--emotions names {wanted[names.index(None)]!r}, which the data set does not have; it has {', '.join(order)}."
        )
    dropped = Counter()
    for conversations in splits.values():
        for conversation in conversations:
            for utterance in conversation["utterances"]:
                if utterance["emotion"] is not None and utterance["emotion"] not in names:
                    dropped[utterance["emotion"]] += 1
                    utterance["emotion"] = None
    return tuple(names), dropped
