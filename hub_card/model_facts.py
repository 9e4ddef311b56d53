# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Facts about a model for readers of a report and visitors of the page: its training data and its scores."""

import json
from pathlib import Path

from modeling_amuse.data_notes import listed, training_data_warning
from modeling_amuse.hub_card.sources import DATA_SETS
from modeling_amuse.hub_card.training_facts import differences_of_training, training_facts
from modeling_amuse.language import name_of
from modeling_amuse.processing.timelines.report_data import ModelFacts


def model_facts(model, unclear_below: float | None = None) -> ModelFacts:
    """
    The facts of a model from its configuration and, where it was loaded from a folder, from the records of its training and
    evaluation in it (`training_history.json`, `results.json`).

    Args:
        model ([`AmuseForEmotionRecognition`]): the model.
        unclear_below: the threshold that was used in place of the model's own.
    """
    config = model.config
    where = str(config.name_or_path or "")
    folder = Path(where) if where and Path(where).is_dir() else None
    name = folder.resolve().name if folder is not None else where
    data = DATA_SETS.get(config.training_data)
    return ModelFacts(
        name=name or "an unnamed model",
        learned_from=_learned_from(config, data),
        scores=_scores(folder, config),
        limits=[limit.replace("*", "") for limit in data.limits] if data else [],
        emotions=[config.id2label[label] for label in range(config.num_labels)],
        unclear_below=config.unclear_below if unclear_below is None else unclear_below,
        unclear_below_is_chosen=unclear_below is not None,
        warning=training_data_warning(config),
    )


def _learned_from(config, data) -> str:
    if data is not None:
        source = f"{data.title}: {data.description.replace('*', '')}"
    elif config.training_data in (None, "folder"):
        source = "conversations that only the person who trained it knows"
    else:
        source = f"the data set {config.training_data}"
    language = config.training_language or (data.language if data is not None else None)
    spoken = f" Its words are {name_of(language)}." if language and "text" in config.modalities else ""
    return f"The model reads {listed(config.modalities)}. It was trained on {source}.{spoken}"


def _scores(folder: Path | None, config) -> list[str]:
    if folder is None:
        return []
    scores = []
    history, results = _read(folder / "training_history.json"), _read(folder / "results.json")
    # the experts change the predictions after the last epoch
    chosen = (history.get("experts") or {}).get("validation_weighted_f1", history.get("best_weighted_f1"))
    if isinstance(chosen, float) and chosen >= 0:
        scores.append(
            f"On the validation split of its data, on which the epoch was chosen, its weighted F1 was "
            f"{100 * chosen:.1f} (100: all emotions as annotated)."
        )
    is_own = not differences_of_training(results.get("training") or {}, training_facts(history))
    has_scores = {"split", "dataset_name", "weighted_f1", "accuracy"} <= set(results)
    if has_scores and is_own and not results.get("disturbance") and not results.get("corpus"):
        read = results.get("modalities") or config.modalities
        part = "" if set(read) >= set(config.modalities) else f"from {listed(read)} alone, "
        scores.append(
            f"On the {results['split']} split of {results['dataset_name']}, {part}it recognized the annotated emotion of "
            f"{100 * results['accuracy']:.0f} of 100 utterances; its weighted F1 was {100 * results['weighted_f1']:.1f}."
        )
    return scores


def _read(path: Path) -> dict:
    """A record in the folder; empty if it is missing or cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
