# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Checks of a processor's settings, which come from the `processor_config.json` of a model folder."""

from collections.abc import Mapping

from .plain_values import shown

UNITS = ("words", "seconds", "tokens")
"""The units in which the amount of evidence may be measured."""


def check_processor_settings(emotions, feature_statistics, max_text_tokens, feature_records, speaker_names, evidence):
    """
    Check the settings of a processor, see `AmuseProcessor`.

    Raises:
        ValueError: for a setting of another form; the message names it.
    """
    if emotions is not None and not _is_list_of_names(emotions):
        raise ValueError(f"emotions is {shown(emotions)}: give a list of different names, in the order of the labels.")
    is_number = isinstance(max_text_tokens, int) and not isinstance(max_text_tokens, bool)
    if not is_number or not 1 <= max_text_tokens < 2**31:
        raise ValueError(f"max_text_tokens is {shown(max_text_tokens)}: give a whole number of at least 1.")
    if not isinstance(speaker_names, bool):
        raise ValueError(f"speaker_names is {shown(speaker_names)}: give True or False.")
    is_mapping = isinstance(feature_records or {}, Mapping)
    if not is_mapping or not all(isinstance(record, Mapping) for record in (feature_records or {}).values()):
        raise ValueError(f"feature_records is {shown(feature_records)}: give a dict for some of the streams.")
    for stream, statistics in (feature_statistics or {}).items():
        _check_columns(f"feature_statistics of {stream}", statistics)
    is_evidence = isinstance(evidence or {}, Mapping) and all(unit in UNITS for unit in (evidence or {}).values())
    if not is_evidence:
        raise ValueError(f"evidence is {shown(evidence)}: give one of {', '.join(UNITS)} for each modality.")


def check_tokenizer(tokenizer, text_config: Mapping):
    """
    Check that a tokenizer belongs to the text encoder of the model in the same folder.

    Args:
        tokenizer: the processor's tokenizer, or None.
        text_config: the encoder's settings in `config.json`, an empty dict for a model without one.

    Raises:
        ValueError: when batches cannot be padded, or when the tokenizer has word pieces that the encoder does not know.
    """
    if tokenizer is None or not text_config:
        return
    if tokenizer.pad_token_id is None:
        raise ValueError("the tokenizer beside it has no padding token: save the processor again.")
    size = text_config.get("vocab_size")
    if isinstance(size, int) and max(tokenizer.get_vocab().values(), default=0) >= size:
        raise ValueError(
            f"the tokenizer beside it has more word pieces than the encoder's {size}: save the processor again."
        )


def _is_list_of_names(emotions) -> bool:
    is_list = isinstance(emotions, (list, tuple)) and all(isinstance(name, str) and name.strip() for name in emotions)
    return is_list and bool(emotions) and len(set(emotions)) == len(emotions)


def _check_columns(what: str, statistics: Mapping):
    mean, columns = statistics.get("mean"), statistics.get("columns")
    is_list = isinstance(columns, (list, tuple)) and all(isinstance(name, str) for name in columns)
    if columns is not None and (not is_list or len(columns) != len(mean)):
        raise ValueError(f"{what}: its 'columns' are not {len(mean)} names, one for each feature.")


__all__ = ["check_processor_settings", "check_tokenizer"]
