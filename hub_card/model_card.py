# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The model card of a trained AMuSE, filled from the records of its training and of its evaluations."""

import json
from itertools import groupby
from pathlib import Path

import numpy as np
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from safetensors import safe_open

from modeling_amuse import AmuseConfig
from modeling_amuse.hub_card.sources import DATA_SETS, EXTRACTOR_TERMS, PAPER_CITATION, UNKNOWN_DATA_SET, DataSet
from modeling_amuse.processing.conversation import MODALITY_OF
from modeling_amuse.processing.evaluation.score_pictures import save_confusion_matrix, save_reliability
from modeling_amuse.processing.whole_files import whole_file

TEMPLATE = Path(__file__).with_name("model_card_template.md")
TASK = "emotion-recognition"
METRICS = {
    "weighted_f1": ("f1", "Weighted F1", {"average": "weighted"}),
    "accuracy": ("accuracy", "Accuracy", {}),
    "macro_f1": ("f1", "Macro F1", {"average": "macro"}),
    "expected_calibration_error": ("ece", "Expected calibration error", {"num_bins": 15}),
}
"""Of each score of [`EmotionMetric`] that goes into the `model-index`: type, name, arguments."""

UNKNOWN = "unknown"


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
    Write `README.md`, and the pictures that it shows where the extra `plots` is installed.

    The scores of the `model-index` are those of these weights, found by the seed of the training. Where nothing tells
    which of several evaluations is that of these weights, they are means, and are called so.

    Args:
        model_dir: the folder of the trained model.
        results: what `scripts/evaluate.py` wrote, a dict for each seed, split or data set.
        training_history: what `scripts/train.py` wrote as `training_history.json`; None where it is lost.
        repo_id: the Hub id of the model.
        output_dir: where the card goes; one that is there is replaced.
        license: the licence that the publisher gives to the weights, as the Hub names it. Default: none is stated.
        studies: a table of what studies measured, see `modeling_amuse.scripts.study.study_summary.study_table`.

    Returns:
        The path of the card.

    Raises:
        FileNotFoundError: when there is no model in `model_dir`.
        ValueError: when results are no evaluation, or one of another model; when the repository's id is none.
    """
    model_dir, output_dir = Path(model_dir), Path(output_dir)
    if not (model_dir / "config.json").is_file():
        raise FileNotFoundError(f"There is no model in {model_dir}: give the folder that train.py wrote.")
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ValueError(f"The card needs the Hub id of the model, such as user/amuse-meld: {error}") from error
    config = AmuseConfig.from_pretrained(model_dir)
    history = training_history or {}
    emotions = [config.id2label[label] for label in range(config.num_labels)]
    check_results(results, emotions)
    groups = [list(group) for _, group in groupby(sorted(results, key=_order), key=_order)]
    own = [own_result(group, history) for group in groups]
    check_temperatures([result for result in own if result is not None], config.temperature)

    output_dir.mkdir(parents=True, exist_ok=True)
    evaluations = [
        {
            **describe_evaluation(group, result, emotions),
            "pictures": draw(result or group[0], emotions, output_dir, number),
        }
        for number, (group, result) in enumerate(zip(groups, own, strict=True))
    ]
    name = repo_id.rpartition("/")[2]
    data_set_names = _data_set_names(history, results)
    data_sets = [DATA_SETS.get(data_set, UNKNOWN_DATA_SET) for data_set in data_set_names] or [UNKNOWN_DATA_SET]
    eval_results = [row for group, result in zip(groups, own, strict=True) for row in model_index(group, result)]
    records = _feature_records(model_dir)
    # no pipeline_tag and no datasets: the Hub has no such task, and its ids of these data sets are unknown to us
    card_data = ModelCardData(
        language=sorted({d.language for d in data_sets if d.language}) or None,
        license=license,
        library_name="transformers",
        tags=["amuse", TASK, "emotion-recognition-in-conversation", "multimodal", *config.modalities],
        base_model=[encoder for encoder in _encoders(history).values() if _is_hub_id(encoder)] or None,
        metrics=sorted({result.metric_type for result in eval_results} - {"ece"}) or None,
        eval_results=eval_results or None,
        model_name=name,
        co2_eq_emissions=emissions(history),
    )
    card = ModelCard.from_template(
        card_data,
        template_path=str(TEMPLATE),
        name=name,
        repo_id=repo_id,
        emotions=emotions,
        modalities_in_words=" and ".join(filter(None, [", ".join(config.modalities[:-1]), config.modalities[-1]])),
        causal=config.causal,
        num_parameters=count_parameters(model_dir),
        usage=usage(config, records),
        warnings=_warnings(history, results),
        evaluations=evaluations,
        studies=studies,
        limits=list(dict.fromkeys(limit for data_set in data_sets for limit in data_set.limits)),
        data_in_words=describe_data(data_sets, history),
        splits_table=splits_table(history, groups),
        selection_in_words=describe_selection(history),
        training_table=training_table(history),
        settings_table=settings_table(history),
        differences=differences_from_paper(config, history, records),
        license_in_words=_license_in_words(license),
        terms_table=terms_table(data_sets, config, history, records),
        citations=[PAPER_CITATION, *(d.citation for d in data_sets if d.citation)],
    )
    path = output_dir / "README.md"
    card.text += "\n"  # Jinja drops the last one
    with whole_file(path) as unfinished:
        card.save(unfinished)
    return path


def check_results(results: list[dict], emotions: list[str]):
    """
    Raises:
        ValueError: when one is no evaluation, has other emotions than the model, or is given twice.
    """
    seen = []
    for number, result in enumerate(results):
        lacking = [
            key
            for key in ("dataset_name", "split", "modalities", "per_class", "confusion_matrix", "reliability", *METRICS)
            if key not in result
        ]
        if lacking:
            raise ValueError(f"Result {number} lacks {', '.join(lacking)}: give what scripts/evaluate.py wrote.")
        if list(result["per_class"]) != emotions:
            raise ValueError(
                f"Result {number} is an evaluation of another model: it has the emotions "
                f"{', '.join(result['per_class'])}, the model {', '.join(emotions)}."
            )
        if result.get("disturbance"):
            raise ValueError(
                f"Result {number} was made with something missing or disturbed ({result['disturbance']}): a card tells the "
                "scores of the data as they are."
            )
        if result in seen:
            raise ValueError(f"Result {number} is given twice.")
        if _seed(result) is not None and (_order(result), _seed(result)) in [(_order(r), _seed(r)) for r in seen]:
            raise ValueError(
                f"Result {number} is a second one of seed {_seed(result)} on {result['dataset_name']}, {result['split']}: give "
                "one for each training."
            )
        seen.append(result)


def check_temperatures(results: list[dict], temperature: float):
    """
    Raises:
        ValueError: when an evaluation of these weights was made with another temperature than that of their configuration.
    """
    for result in results:
        if result.get("temperature", 1.0) != temperature:
            raise ValueError(
                f"The evaluation on {result['dataset_name']}, {result['split']}, was made with the temperature "
                f"{result.get('temperature', 1.0)}, but the model's is {temperature}: evaluate it anew."
            )


def _warnings(history: dict, results: list[dict]) -> list[str]:
    """What the training and the evaluations warned of, such as an encoder that knows the test data."""
    return list(dict.fromkeys(warning for record in (history, *results) for warning in record.get("warnings") or ()))


def own_result(group: list[dict], history: dict) -> dict | None:
    """
    The evaluation of these weights among those of several trainings, or None where nothing tells.

    Raises:
        ValueError: when all are of other trainings.
    """
    seed = history.get("settings", {}).get("seed")
    seeds = [_seed(result) for result in group]
    if seed is not None and seed in seeds:
        return group[seeds.index(seed)]
    if seed is not None and None not in seeds:
        raise ValueError(
            f"These weights were trained with the seed {seed}, the evaluations on {group[0]['dataset_name']}, "
            f"{group[0]['split']}, are of {', '.join(map(str, seeds))}: evaluate this model too."
        )
    return group[0] if len(group) == 1 else None


def model_index(group: list[dict], own: dict | None) -> list[EvalResult]:
    """The scores of one data set and split, of these weights or, of several trainings, as means."""
    first = group[0]
    rows = []
    for key, (kind, name, arguments) in METRICS.items():
        values = [round(result[key], 4) for result in group]
        arguments = {**arguments, "modalities": first["modalities"]}
        interval = own and own.get(f"{key}_interval")
        if interval:
            arguments |= {
                "interval": [round(bound, 4) for bound in interval],
                "confidence_level": 0.95,
                "interval_method": "percentile bootstrap over conversations",
                "num_resamples": own.get("num_resamples", UNKNOWN),
            }
        if len(group) > 1:
            arguments |= {"seeds": [_seed(result) for result in group], "value_of_each_seed": values}
        rows.append(
            EvalResult(
                task_type=TASK,
                task_name="Emotion recognition in conversation",
                dataset_type=first["dataset_name"],
                dataset_name=DATA_SETS.get(first["dataset_name"], UNKNOWN_DATA_SET).title,
                dataset_split=first["split"],
                metric_type=kind,
                metric_name=name if own else f"{name} (mean of {len(group)} trainings)",
                metric_value=round(own[key], 4) if own else round(float(np.mean(values)), 4),
                metric_args=arguments,
            )
        )
    return rows


def describe_evaluation(group: list[dict], own: dict | None, emotions: list[str]) -> dict:
    """What the template shows of one data set and split."""
    shown = own or group[0]
    title = DATA_SETS.get(shown["dataset_name"], UNKNOWN_DATA_SET).title
    rows = []
    for result in group:
        interval = result.get("weighted_f1_interval")
        rows.append(
            [
                _known(_seed(result)) + (" (these weights)" if result is own and len(group) > 1 else ""),
                _score(result["weighted_f1"]),
                f"{_score(interval[0])} to {_score(interval[1])}" if interval else UNKNOWN,
                *(_score(result[key]) for key in list(METRICS)[1:]),
            ]
        )
    if len(group) > 1:
        means, deviations = ([f(r[key] for r in group) for key in METRICS] for f in (_mean, _deviation))
        cells = [f"{_score(mean)} ± {_score(deviation)}" for mean, deviation in zip(means, deviations, strict=True)]
        rows.append([f"mean ± deviation of {len(group)}", cells[0], "", *cells[1:]])
    reduced = shown.get("reduced")
    subsets = shown.get("modality_subsets") or {}
    return {
        "title": f"{_capitalized(title)}, {shown['split']} split, {' + '.join(shown['modalities'])}",
        "size": f"{_known(shown.get('num_utterances'))} utterances in {_known(shown.get('num_conversations'))} conversations.",
        "runs_in_words": _split_in_words(shown["split"])
        + ("" if own or len(group) == 1 else " Which of these trainings gave the weights is unknown."),
        "runs_table": _table(
            ["seed", "weighted F1", "95 % interval", "accuracy", "macro F1", "calibration error"], rows
        ),
        "interval_in_words": (
            "The interval is that of one run, by the percentile bootstrap; whole conversations are drawn, as the utterances "
            f"of one depend on each other ({_known(shown.get('num_resamples'))} resamples)."
        ),
        "reduced": reduced
        and f"Without {' and '.join(reduced['left_out'])}, weighted F1 is {_score(reduced['weighted_f1'])}.",
        "shown_in_words": f"Each emotion (seed {_known(_seed(shown))}):",
        "per_class_table": _table(
            ["emotion", "precision", "recall", "F1", "utterances"],
            [
                [emotion, *(_score(row[key]) for key in ("precision", "recall", "f1")), f"{row['support']:.0f}"]
                for emotion, row in shown["per_class"].items()
            ],
        ),
        "confusion_table": _table(
            ["", *emotions],
            [[emotion, *map(str, row)] for emotion, row in zip(emotions, shown["confusion_matrix"], strict=True)],
        ),
        "calibration_error": _score(shown["expected_calibration_error"]),
        "subsets_table": subsets
        and _table(
            ["modalities", "weighted F1", "95 % interval", "accuracy", "macro F1"],
            [
                [
                    subset.replace("+", " + "),
                    _score(row["weighted_f1"]),
                    " to ".join(map(_score, row.get("weighted_f1_interval") or ())) or UNKNOWN,
                    _score(row["accuracy"]),
                    _score(row["macro_f1"]),
                ]
                for subset, row in subsets.items()
            ],
        ),
    }


def draw(result: dict, emotions: list[str], output_dir: Path, number: int) -> list[str]:
    """The names of the pictures of an evaluation; none without the extra `plots`, as the card has the numbers too."""
    suffix = f"_{number}" if number else ""
    names = [f"confusion_matrix{suffix}.png", f"reliability{suffix}.png"]
    try:
        save_confusion_matrix(result, emotions, output_dir / names[0])
        save_reliability(result, output_dir / names[1])
    except ImportError:
        return []
    return names


def usage(config: AmuseConfig, records: dict) -> str:
    """Lines of Python that this model understands."""
    lines = []
    if "text" in config.modalities:
        lines.append(
            'recognizer([{"speaker": "Ada", "text": "I got the job!"}, {"speaker": "Ben", "text": "No way."}])'
        )
    streams = {modality: stream for stream, modality in MODALITY_OF.items() if stream != "background"}
    heard = [
        modality
        for modality in config.modalities
        if modality != "text" and (getattr(config, f"{modality}_config") is not None or streams[modality] in records)
    ]
    if heard:
        recording = "talk.mp4" if "vision" in heard else "talk.wav"
        lines.append(f'recognizer("{recording}", transcript="talk.srt")  # also from {" and ".join(heard)}')
    tabled = [modality for modality in config.modalities if modality != "text" and modality not in heard]
    if tabled:
        given = ", ".join(f'"{streams[m]}_features": ...' for m in tabled)
        size = " and ".join(f"{getattr(config, f'{streams[m]}_feature_size')} numbers" for m in tabled)
        lines.append(f'recognizer([{{"speaker": "Ada", {given}}}])  # {size}, from the extractor of the training')
    return "\n".join(lines)


def describe_data(data_sets: list[DataSet], history: dict) -> str:
    return " ".join(
        f"{f'[{d.title}]({d.url})' if d.url else _capitalized(d.title)}: {d.description}." for d in data_sets
    )


def splits_table(history: dict, groups: list[list[dict]]) -> str:
    """How large each split is, and what it was used for."""
    rows = []
    for split, use in (("train", "training"), ("validation", "choice of the epoch")):
        counts = history.get("data_report", {}).get(split, {})
        rows.append([split, *(_known(counts.get(key)) for key in ("conversations", "utterances")), use])
    for first in (group[0] for group in groups):
        if first["split"] not in ("train", "validation"):
            counts = first.get("data_report") or {}
            rows.append(
                [
                    first["split"],
                    _known(counts.get("conversations", first.get("num_conversations"))),
                    _known(counts.get("utterances", first.get("num_utterances"))),
                    "the scores above",
                ]
            )
    rows = [row for number, row in enumerate(rows) if row not in rows[:number]]
    return _table(["split", "conversations", "utterances", "used for"], rows)


def describe_selection(history: dict) -> str:
    if not history:
        return "How the epoch was chosen is unknown."
    rule = history.get("selection_rule", UNKNOWN)
    best = history.get("best_weighted_f1")
    return (
        f"Selection rule: {rule}. Epoch {_known(history.get('best_epoch'))} of {len(history.get('history', ()))} was chosen"
        + (f", validation weighted F1 {_score(best)}." if best is not None else ".")
        + " What was tried before this training is not recorded here."
    )


def training_table(history: dict) -> str:
    """Seed, hours, hardware, energy and versions."""
    runs, lines = history.get("runs", []), history.get("history", [])
    last = runs[-1] if runs else {}
    hours = _hours(history)
    hardware = list(dict.fromkeys(_hardware(run) for run in runs))
    versions = [f"{package} {number}" for package, number in (last.get("versions") or {}).items()]
    rows = [
        ["seed", _known(history.get("settings", {}).get("seed"))],
        ["trained parameters", f"{n:,}" if (n := history.get("num_trained_parameters")) else UNKNOWN],
        [
            "hours",
            UNKNOWN
            if hours is None
            else f"{hours:.2f} for {len(lines)} epochs, with their validation; states of frozen "
            "encoders, computed once before, are not counted",
        ],
        ["hardware", "; then ".join(hardware) or UNKNOWN],
        ["energy", describe_energy(history)],
        ["started", f"{len(runs)} times, the training was resumed" if len(runs) > 1 else ("once" if runs else UNKNOWN)],
        ["versions", ", ".join([*([f"Python {last['python']}"] if "python" in last else []), *versions]) or UNKNOWN],
    ]
    return _table(["", ""], rows)


def describe_energy(history: dict) -> str:
    """Measured, estimated, or unknown: with what it rests on."""
    lines, runs = history.get("history", []), history.get("runs", [])
    measured = [line for line in lines if "energy_kwh" in line]
    if measured:
        energy, carbon = (sum(line[key] for line in measured) for key in ("energy_kwh", "emissions_kg"))
        countries = sorted({run["energy_country"].upper() for run in runs if run.get("energy_country")})
        return (
            f"{energy:.4g} kWh, {1000 * carbon:.4g} g CO2 equivalents by codecarbon for the grid of {', '.join(countries)}, "
            f"in {len(measured)} of {len(lines)} epochs (codecarbon measures where the hardware tells, and models the rest)"
        )
    watts, hours = {run.get("device_watts") for run in runs}, _hours(history)
    if hours is not None and len(watts) == 1 and None not in watts:
        [watts] = watts
        return f"not measured; {hours * watts / 1000:.4g} kWh, if the hardware drew the {watts:g} W that the publisher assumes"
    return UNKNOWN


def emissions(history: dict) -> dict | None:
    """The Hub's `co2_eq_emissions`, in grams, where every epoch was measured."""
    lines = history.get("history", [])
    if not lines or not all("emissions_kg" in line for line in lines):
        return None
    runs = history.get("runs", [])
    return {
        "emissions": float(f"{1000 * sum(line['emissions_kg'] for line in lines):.4g}"),
        "source": "codecarbon",
        "training_type": "fine-tuning" if any(_encoders(history).values()) else "pre-training",
        "geographical_location": ", ".join(
            sorted({run["energy_country"].upper() for run in runs if run.get("energy_country")})
        ),
        "hardware_used": "; then ".join(dict.fromkeys(_hardware(run) for run in runs)),
    }


def settings_table(history: dict) -> str:
    """The plain settings of the training; what was left to the defaults of the model is not among them."""
    rows = [
        [f"`{name}`", f"`{' '.join(value) if isinstance(value, list) else value}`"]
        for name, value in history.get("settings", {}).items()
        if value is not None and not isinstance(value, dict) and name not in ("data", "vocabulary")
    ]
    return rows and _table(["setting", "value"], rows)


def differences_from_paper(config: AmuseConfig, history: dict, records: dict) -> list[str]:
    """What the paper has, and this model does not, or otherwise."""
    encoders = _encoders(history)
    found = []
    missing = [modality for modality in ("text", "audio", "vision") if modality not in config.modalities]
    if missing:
        found.append(f"No {' and no '.join(missing)}: the paper's model reads text, audio and vision.")
    if "text" in config.modalities and "mpnet" not in str(config.text_config and config.text_config.model_type):
        kind = config.text_config.model_type if config.text_config is not None else "features"
        found.append(f"Text comes from {encoders.get('text') or kind}, in the paper from MPNet.")
    for modality, theirs in (("audio", "PaSST"), ("vision", "action units of the face (JAA-Net) and the background")):
        if modality in config.modalities:
            sub_config = getattr(config, f"{modality}_config")
            ours = encoders.get(modality) or (sub_config.model_type if sub_config is not None else None)
            ours = (
                ours or records.get(modality, {}).get("name") or "a feature table of an extractor unknown to this card"
            )
            found.append(f"{modality.capitalize()} comes from {ours}, in the paper from {theirs}.")
    if config.fusion == "gate":
        found.append("Adaptive Fusion: a small network predicts alpha; the closed form of eq. 6 needs the true label.")
    elif config.fusion == "alfa":
        found.append("Adaptive Fusion: eq. 6 with the model's own prediction in place of the true label.")
    else:
        found.append(f"Adaptive Fusion is replaced by `{config.fusion}`.")
    if config.text_scope != "utterance" and config.text_config is not None:
        found.append("The text encoder reads an utterance in its conversation, the paper's by itself.")
    found.append("Eq. 2 is read as `alpha * f_i + (1 - alpha) * f_m`: printed with `f_i` twice, alpha would cancel.")
    if config.head_aggregation != "mean":
        found.append("Attention heads are concatenated and projected, the paper averages them.")
    if config.num_man_layers != 4:
        found.append(f"Layers of the Multimodal Attention Network: {config.num_man_layers}, the paper has 4.")
    if config.contrastive_loss != "bank":
        ours = "is off" if config.contrastive_loss == "none" else "takes its negatives from the batch"
        found.append(f"The contrastive loss L_ACE {ours}, the paper's has a memory bank.")
    if config.focal_gamma != 1:
        found.append(f"The focal losses have gamma {config.focal_gamma:g}, the paper's best is 1.")
    if config.contexts != "both":
        found.append(f"Conversation contexts: {config.contexts}; the paper reads the dialogue's and the speaker's.")
    if config.causal:
        found.append("An utterance is judged from its past alone, the paper's contexts are bidirectional.")
    if config.probe_modality_heads:
        found.append("The modalities' own heads are probes: the paper's L_focal also shapes the network.")
    found.append(
        "Eq. 1's mean runs over the modalities that an utterance has, and each descriptor is layer-normalized."
    )
    found.append("The paper does not state how its epoch was chosen, nor seeds, learning rate and batch size.")
    return found


def terms_table(data_sets: list[DataSet], config: AmuseConfig, history: dict, records: dict) -> str:
    """The terms of everything that the weights rest on."""
    rows = [["data", d.title, d.terms] for d in data_sets]
    encoders = _encoders(history)
    for modality in config.modalities:
        if getattr(config, f"{modality}_config") is not None:
            is_scratch = history and not encoders.get(modality)
            name = "trained from scratch" if is_scratch else encoders.get(modality) or UNKNOWN
            rows.append(
                [f"{modality} encoder", name, "none of its own" if is_scratch else f"{UNKNOWN}: see its own card"]
            )
    for stream, record in records.items():
        rows.append([f"{stream} features", record["name"], EXTRACTOR_TERMS.get(record["name"], UNKNOWN)])
    for stream, modality in MODALITY_OF.items():
        has_size = getattr(config, f"{stream}_feature_size") is not None
        if has_size and stream not in records and getattr(config, f"{modality}_config") is None:
            rows.append([f"{stream} features", UNKNOWN, UNKNOWN])
    rows.append(["code", "amuse-emotion", "Apache-2.0"])
    return _table(["", "what", "terms"], rows)


def count_parameters(model_dir: Path) -> str:
    files = sorted(model_dir.glob("*.safetensors"))
    total = 0
    for path in files:
        with safe_open(path, framework="np") as tensors:
            total += sum(int(np.prod(tensors.get_slice(name).get_shape())) for name in tensors.keys())  # noqa: SIM118
    return f"It has {total:,} parameters" if files else "How many parameters it has is unknown"


def _license_in_words(license: str | None) -> str:
    given = (
        f"The publisher gives these weights under `{license}`."
        if license
        else ("The publisher has stated no licence of these weights.")
    )
    return f"{given} They were learned from, and with, what follows, whose terms may bind their use too."


def _order(result: dict) -> tuple:
    # the test split first
    return (
        result["split"] != "test",
        result["dataset_name"],
        result["split"],
        len(result["modalities"]) * -1,
        result["modalities"],
    )


def _seed(result: dict) -> int | None:
    return (result.get("training") or {}).get("seed")


def _split_in_words(split: str) -> str:
    if split == "test":
        return "The training does not read this split; whether settings were chosen by it is unknown to this card."
    if split == "validation":
        return "**The epoch was chosen on this split: its scores are too good.**"
    if split == "train":
        return "**The model was trained on this split: its scores say nothing about new data.**"
    return ""


def _data_set_names(history: dict, results: list[dict]) -> list[str]:
    name = history.get("settings", {}).get("dataset_name")
    names = [name] if name else [(result.get("training") or {}).get("dataset_name") for result in results]
    return list(dict.fromkeys(filter(None, names)))


def _encoders(history: dict) -> dict[str, str | None]:
    return history.get("encoders") or {}


def _is_hub_id(encoder: str | None) -> bool:
    # a folder's name alone tells no owner
    return encoder is not None and encoder.count("/") == 1 and not encoder.startswith((".", "/", "~"))


def _feature_records(model_dir: Path) -> dict[str, dict]:
    path = model_dir / "processor_config.json"
    return (json.loads(path.read_text(encoding="utf-8")).get("feature_records") or {}) if path.is_file() else {}


def _hours(history: dict) -> float | None:
    seconds = [line.get("seconds") for line in history.get("history", [])]
    return sum(seconds) / 3600 if seconds and None not in seconds else None


def _hardware(run: dict) -> str:
    cores = f", {run['num_cores']} cores" if run.get("num_cores") else ""
    processes = run.get("num_processes", 1)
    return f"{_known(run.get('device'))}{cores}" + (f", {processes} processes" if processes > 1 else "")


def _mean(values) -> float:
    return float(np.mean(list(values)))


def _deviation(values) -> float:
    return float(np.std(list(values), ddof=1))


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def _known(value) -> str:
    return UNKNOWN if value is None else str(value)


def _score(value: float) -> str:
    return f"{value:.4f}"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; whatever stands in a cell stays in it."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(str(c).replace("|", "\\|").split()) for c in line) + " |" for line in lines
    )
