# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The model card of a trained AMuSE, filled from the records of its training and of its evaluations."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from safetensors import safe_open

from modeling_amuse import AmuseConfig
from modeling_amuse.hub_card.card_differences import differences_from_paper
from modeling_amuse.hub_card.card_scores import (
    TASK,
    check_results,
    check_temperatures,
    describe_evaluation,
    draw,
    grouped,
    model_index,
    own_result,
)
from modeling_amuse.hub_card.card_terms import license_in_words, terms_table
from modeling_amuse.hub_card.card_text import escape
from modeling_amuse.hub_card.card_training import (
    data_set_names,
    describe_data,
    describe_selection,
    emissions,
    encoders_of,
    settings_table,
    splits_table,
    training_table,
    training_warnings,
)
from modeling_amuse.hub_card.card_usage import usage
from modeling_amuse.hub_card.sources import DATA_SETS, PAPER_CITATION, UNKNOWN_DATA_SET, DataSet
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.processing.whole_files import whole_file

PIPELINE_TAGS = {"text": "text-classification", "audio": "audio-classification", "vision": "video-classification"}
"""The Hub's task for each modality; the model's first modality counts. The Hub has no task for emotions in conversations."""

TEMPLATE = Path(__file__).with_name("model_card_template.md")


@dataclass
class CardRecords:
    """
    The records that a card is written from.

    Attributes:
        config: the configuration of the model.
        features: the record of the extractor of each feature stream, from the processor.
        history: what `scripts/train.py` wrote as `training_history.json`; empty where it is lost.
        groups: the evaluations by data set and split, one for each training.
        own: the evaluation of these weights in each group; None where the records do not tell.
        data_sets: what is known of the data that the model was trained on.
        num_parameters: the number of parameters in the safetensors files; None where there is no such file.
    """

    config: AmuseConfig
    features: dict[str, dict]
    history: dict
    groups: list[list[dict]]
    own: list[dict | None]
    data_sets: list[DataSet]
    num_parameters: int | None

    @classmethod
    def load(cls, model_dir: Path, results: list[dict], history: dict) -> "CardRecords":
        """
        Raises:
            FileNotFoundError: when there is no model in `model_dir`.
            ValueError: when a result is not an evaluation of this model.
        """
        if not (model_dir / "config.json").is_file():
            raise FileNotFoundError(f"There is no model in {model_dir}: give the folder that train.py wrote.")
        config = AmuseConfig.from_pretrained(model_dir)
        check_results(results, emotions_of(config), config.modalities)
        groups = grouped(results)
        own = [own_result(group, history) for group in groups]
        check_temperatures([result for result in own if result is not None], config.temperature)
        names = data_set_names(history, results)
        data_sets = [DATA_SETS.get(name, UNKNOWN_DATA_SET) for name in names] or [UNKNOWN_DATA_SET]
        return cls(config, feature_records(model_dir), history, groups, own, data_sets, count_parameters(model_dir))

    @property
    def results(self) -> list[dict]:
        return [result for group in self.groups for result in group]


@dataclass
class CardContent:
    """The content of the template, with a field for each of its variables."""

    # who publishes which model
    name: str
    repo_id: str
    # from the configuration and the weights
    emotions: list[str]
    modalities_in_words: str
    causal: bool
    experts: bool
    num_parameters: str
    usage: str
    differences: list[str]
    # from the evaluations
    warnings: list[str]
    evaluations: list[dict]
    studies: str | None
    # from the record of the training
    data_in_words: str
    splits_table: str
    selection_in_words: str
    training_table: str
    settings_table: str | None
    # from what is known of the data sets and extractors
    limits: list[str]
    license_in_words: str
    terms_table: str
    citations: list[str]


def write_model_card(
    model_dir: Path,
    results: list[dict],
    training_history: dict | None,
    repo_id: str,
    output_dir: Path,
    license: str | None = None,
    studies: str | None = None,
) -> Path:
    """
    Write `README.md`, and the pictures that it shows where matplotlib is installed.

    The scores of the `model-index` are those of these weights, found by the seed of the training. Where the records do not
    tell which of several evaluations belongs to these weights, the scores are means and are labelled as such.

    Args:
        model_dir: the folder of the trained model.
        results: what `scripts/evaluate.py` wrote, a dict for each seed, split or data set.
        training_history: what `scripts/train.py` wrote as `training_history.json`; None where it is lost.
        repo_id: the Hub id of the model.
        output_dir: the folder of the card. A card in it is replaced.
        license: the licence of the weights, by the Hub's identifier. Default: the card states none.
        studies: a table of what studies measured, see `modeling_amuse.hub_card.study_summary.study_table`.

    Returns:
        The path of the card.

    Raises:
        FileNotFoundError: when there is no model in `model_dir`.
        ValueError: when a result is not an evaluation of this model, or `repo_id` is not a valid Hub id.
    """
    model_dir, output_dir = Path(model_dir), Path(output_dir)
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ValueError(f"The card needs the Hub id of the model, such as user/amuse-meld: {error}") from error
    records = CardRecords.load(model_dir, results, training_history or {})
    output_dir.mkdir(parents=True, exist_ok=True)
    content = card_content(records, repo_id, output_dir, license, studies)
    variables = {field.name: getattr(content, field.name) for field in fields(content)}
    card = ModelCard.from_template(card_metadata(records, content.name, license), str(TEMPLATE), **variables)
    card.text += "\n"  # Jinja drops the last one
    path = output_dir / "README.md"
    with whole_file(path) as unfinished:
        card.save(unfinished)
    return path


def card_content(
    records: CardRecords, repo_id: str, output_dir: Path, license: str | None, studies: str | None
) -> CardContent:
    """The text of each section. Draws the pictures of the evaluations into `output_dir`."""
    config, history, data_sets = records.config, records.history, records.data_sets
    size = f"It has {records.num_parameters:,} parameters" if records.num_parameters else "Its size is unknown"
    return CardContent(
        name=repo_id.rpartition("/")[2],
        repo_id=repo_id,
        emotions=[escape(emotion) for emotion in emotions_of(config)],
        modalities_in_words=" and ".join(filter(None, [", ".join(config.modalities[:-1]), config.modalities[-1]])),
        causal=config.causal,
        experts=bool(config.expert_modalities),
        num_parameters=size,
        usage=usage(config, records.features),
        differences=differences_from_paper(config, history, records.features),
        warnings=training_warnings(history, records.results),
        evaluations=evaluations(records, output_dir),
        studies=studies,
        data_in_words=describe_data(data_sets),
        splits_table=splits_table(history, records.groups),
        selection_in_words=describe_selection(history),
        training_table=training_table(history),
        settings_table=settings_table(history),
        limits=list(dict.fromkeys(limit for data_set in data_sets for limit in data_set.limits)),
        license_in_words=license_in_words(license),
        terms_table=terms_table(data_sets, config, history, records.features),
        citations=[PAPER_CITATION, *(d.citation for d in data_sets if d.citation)],
    )


def evaluations(records: CardRecords, output_dir: Path) -> list[dict]:
    """The content of the template for each data set and split, with the names of its plots in `output_dir`."""
    emotions = emotions_of(records.config)
    shown = []
    for number, (group, own) in enumerate(zip(records.groups, records.own, strict=True)):
        pictures = draw(own or group[0], emotions, output_dir, number)
        shown.append({**describe_evaluation(group, own, emotions), "pictures": pictures})
    return shown


def card_metadata(records: CardRecords, name: str, license: str | None) -> ModelCardData:
    """The metadata that the Hub reads."""
    rows = [row for group, own in zip(records.groups, records.own, strict=True) for row in model_index(group, own)]
    return ModelCardData(
        language=sorted({d.language for d in records.data_sets if d.language}) or None,
        license=license,
        library_name="transformers",
        pipeline_tag=next(tag for modality, tag in PIPELINE_TAGS.items() if modality in records.config.modalities),
        datasets=[d.hub_id for d in records.data_sets if d.hub_id] or None,
        tags=["amuse", TASK, "emotion-recognition-in-conversation", "multimodal", *records.config.modalities],
        base_model=[encoder for encoder in encoders_of(records.history).values() if _is_hub_id(encoder)] or None,
        metrics=sorted({row.metric_type for row in rows} - {"ece"}) or None,
        eval_results=rows or None,
        model_name=name,
        co2_eq_emissions=emissions(records.history),
    )


def emotions_of(config: AmuseConfig) -> list[str]:
    return [config.id2label[label] for label in range(config.num_labels)]


def feature_records(model_dir: Path) -> dict[str, dict]:
    """The record of the extractor of each feature stream, as the processor keeps it."""
    path = model_dir / "processor_config.json"
    return (read_json_object(path).get("feature_records") or {}) if path.is_file() else {}


def count_parameters(model_dir: Path) -> int | None:
    """The number of parameters in the safetensors files, whose headers alone are read."""
    total = 0
    for path in model_dir.glob("*.safetensors"):
        with safe_open(path, framework="np") as tensors:
            total += sum(int(np.prod(tensors.get_slice(name).get_shape())) for name in tensors.keys())  # noqa: SIM118
    return total or None


def _is_hub_id(encoder: str | None) -> bool:
    # the name of a folder does not start with an owner
    return encoder is not None and encoder.count("/") == 1 and not encoder.startswith((".", "/", "~"))
