# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The section of the model card about the training: data, choice of the epoch, hardware, energy, settings."""

from modeling_amuse.hub_card.card_text import UNKNOWN, capitalized, code, known, score, table
from modeling_amuse.hub_card.sources import DataSet


def describe_data(data_sets: list[DataSet]) -> str:
    return " ".join(
        f"{f'[{d.title}]({d.url})' if d.url else capitalized(d.title)}: {d.description}." for d in data_sets
    )


def splits_table(history: dict, groups: list[list[dict]]) -> str:
    """The size of each split, and what it was used for."""
    rows = []
    for split, use in (("train", "training"), ("validation", "choice of the epoch")):
        counts = history.get("data_report", {}).get(split, {})
        rows.append([split, *(known(counts.get(key)) for key in ("conversations", "utterances")), use])
    for first in (group[0] for group in groups):
        if first["split"] not in ("train", "validation"):
            counts = first.get("data_report") or {}
            rows.append(
                [
                    first["split"],
                    known(counts.get("conversations", first.get("num_conversations"))),
                    known(counts.get("utterances", first.get("num_utterances"))),
                    "the scores above",
                ]
            )
    rows = [row for number, row in enumerate(rows) if row not in rows[:number]]
    return table(["split", "conversations", "utterances", "used for"], rows)


def describe_selection(history: dict) -> str:
    """The rule by which the epoch was chosen, and the chosen epoch."""
    if not history:
        return "How the epoch was chosen is unknown."
    rule = history.get("selection_rule", UNKNOWN)
    best = history.get("best_weighted_f1")
    return (
        f"Selection rule: {rule}. Epoch {known(history.get('best_epoch'))} of {len(history.get('history', ()))} was chosen"
        + (f", validation weighted F1 {score(best)}." if best is not None else ".")
        + " Earlier trials with other settings are not recorded here."
    )


def training_table(history: dict) -> str:
    """Seed, hours, hardware, energy and versions."""
    runs, lines = history.get("runs", []), history.get("history", [])
    last = runs[-1] if runs else {}
    hours = hours_of(history)
    hardware = list(dict.fromkeys(hardware_of(run) for run in runs))
    python = [f"Python {last['python']}"] if "python" in last else []
    versions = [f"{package} {number}" for package, number in (last.get("versions") or {}).items()]
    starts = f"{len(runs)} times, the training was resumed" if len(runs) > 1 else "once"
    duration = f"for {len(lines)} epochs with their validation, without the states of frozen encoders"
    rows = [
        ["seed", known(history.get("settings", {}).get("seed"))],
        ["trained parameters", f"{n:,}" if (n := history.get("num_trained_parameters")) else UNKNOWN],
        ["hours", UNKNOWN if hours is None else f"{hours:.2f} {duration}"],
        ["hardware", "; then ".join(hardware) or UNKNOWN],
        ["energy", describe_energy(history)],
        ["started", starts if runs else UNKNOWN],
        ["versions", ", ".join([*python, *versions]) or UNKNOWN],
    ]
    return table(["", ""], rows)


def describe_energy(history: dict) -> str:
    """The energy of the training: measured, estimated or unknown, and how it was determined."""
    lines, runs = history.get("history", []), history.get("runs", [])
    measured = [line for line in lines if "energy_kwh" in line]
    if measured:
        energy, carbon = (sum(line[key] for line in measured) for key in ("energy_kwh", "emissions_kg"))
        return (
            f"{energy:.4g} kWh, {1000 * carbon:.4g} g CO2 equivalents by codecarbon for the grid of {_countries(runs)}, in "
            f"{len(measured)} of {len(lines)} epochs (codecarbon measures what the hardware reports, and models the rest)"
        )
    watts, hours = {run.get("device_watts") for run in runs}, hours_of(history)
    if hours is not None and len(watts) == 1 and None not in watts:
        [watts] = watts
        return f"not measured; {hours * watts / 1000:.4g} kWh, if the hardware drew the {watts:g} W that the publisher assumes"
    return UNKNOWN


def emissions(history: dict) -> dict | None:
    """The Hub's `co2_eq_emissions`, in grams; None unless every epoch was measured."""
    lines = history.get("history", [])
    if not lines or not all("emissions_kg" in line for line in lines):
        return None
    runs = history.get("runs", [])
    return {
        "emissions": float(f"{1000 * sum(line['emissions_kg'] for line in lines):.4g}"),
        "source": "codecarbon",
        "training_type": "fine-tuning" if any(encoders_of(history).values()) else "pre-training",
        "geographical_location": _countries(runs),
        "hardware_used": "; then ".join(dict.fromkeys(hardware_of(run) for run in runs)),
    }


def settings_table(history: dict) -> str | None:
    """The settings of the training that are a word, a number or a list; None where there are none."""
    rows = [
        [code(name), code(" ".join(map(str, value)) if isinstance(value, list) else value)]
        for name, value in history.get("settings", {}).items()
        if value is not None and not isinstance(value, dict) and name not in ("data", "vocabulary")
    ]
    return table(["setting", "value"], rows) if rows else None


def training_warnings(history: dict, results: list[dict]) -> list[str]:
    """The warnings of the training and of the evaluations, such as that the encoder was trained on the test data."""
    return list(dict.fromkeys(warning for record in (history, *results) for warning in record.get("warnings") or ()))


def data_set_names(history: dict, results: list[dict]) -> list[str]:
    """The data sets that the model was trained on, by the record of the training or by those of the evaluations."""
    name = history.get("settings", {}).get("dataset_name")
    names = [name] if name else [(result.get("training") or {}).get("dataset_name") for result in results]
    return list(dict.fromkeys(filter(None, names)))


def encoders_of(history: dict) -> dict[str, str | None]:
    return history.get("encoders") or {}


def hours_of(history: dict) -> float | None:
    seconds = [line.get("seconds") for line in history.get("history", [])]
    return sum(seconds) / 3600 if seconds and None not in seconds else None


def hardware_of(run: dict) -> str:
    cores = f", {run['num_cores']} cores" if run.get("num_cores") else ""
    processes = run.get("num_processes", 1)
    return f"{known(run.get('device'))}{cores}" + (f", {processes} processes" if processes > 1 else "")


def _countries(runs: list[dict]) -> str:
    return ", ".join(sorted({run["energy_country"].upper() for run in runs if run.get("energy_country")}))
