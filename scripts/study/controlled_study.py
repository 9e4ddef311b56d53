# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The study of the controlled corpus: the scores of each subset of the modalities, compared with those of a perfect model."""

from pathlib import Path

import numpy as np

from modeling_amuse.processing.controlled.controlled_corpus import EVIDENCE, MODALITIES
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.study.controlled_evidence import (
    TABLES,
    leaked,
    optimal_score,
    pointed,
    read_evidence,
    recognize_split,
    score,
)
from modeling_amuse.scripts.study.run_digests import options_digest
from modeling_amuse.scripts.study.study_arguments import ControlledStudyArguments
from modeling_amuse.scripts.study.study_description import read_data
from modeling_amuse.scripts.study.study_runs import train_once

TRAINING = {
    name: value
    for name, value in read_data("controlled").settings.items()
    if name not in ("dataset_name", "data_dir", "audio_features", "vision_features", "modalities")
}
"""The settings of every training, as in the other studies on this corpus. They were chosen on the validation split."""


def study_controlled_corpus(args: ControlledStudyArguments) -> dict:
    """Train and score each subset of the modalities with each seed. Writes and returns the results."""
    features_dir = Path(args.features_dir or Path(args.data_dir) / "features")
    subsets = chosen_subsets(args.subsets)
    truth = read_evidence(Path(args.data_dir), "test")
    results = {}
    for subset in subsets:
        runs = []
        for seed in args.seeds:
            options = training_options(args, features_dir, subset, seed)
            # the folder depends on data and settings, so that other trainings are not reused
            model_dir = Path(args.output_dir) / f"{'-'.join(subset)}-{seed}-{options_digest(options)[:8]}"
            train_once(options, model_dir)
            timelines = recognize_split(model_dir, args.data_dir, features_dir, "test", args.cache_dir)
            runs.append({"seed": seed, **score(truth, timelines), **leaked(truth, timelines, subset)})
        results["+".join(subset)] = {"runs": runs, "optimum": optimal_score(truth, subset)}
    table = describe(results)
    print("\n" + table)
    output = Path(args.output_dir)
    write_json(results, output / "results.json")
    with whole_file(output / "results.md") as file:
        file.write_text(table + "\n", encoding="utf-8")
    return results


def training_options(args, features_dir: Path, subset: tuple[str, ...], seed: int) -> dict:
    tables = {f"{m}_features": features_dir / TABLES[m] for m in subset if m in TABLES}
    data = {
        "dataset_name": "folder",
        "data_dir": args.data_dir,
        "cache_dir": args.cache_dir,
        "modalities": list(subset),
    }
    chosen = {
        "experts": args.experts,
        "conversation_modalities": args.conversation_modalities,
        "separate_expert_weights": args.separate_expert_weights or None,
    }
    chosen = {name: value for name, value in chosen.items() if value is not None}
    return {**data, **tables, **TRAINING, **chosen, "seed": seed}


def chosen_subsets(names: list[str] | None) -> list[tuple[str, ...]]:
    """
    The subsets of the modalities that are trained.

    Args:
        names: subsets such as `text+audio`; None for all.

    Raises:
        ValueError: when there is no such subset.
    """
    subsets = {"+".join(subset): subset for subset in EVIDENCE}
    unknown = [name for name in names or () if name not in subsets]
    if unknown:
        raise ValueError(f"--subsets {unknown[0]}: the subsets are {', '.join(subsets)}.")
    return [subsets[name] for name in names or subsets]


def describe(results: dict) -> str:
    """The results as Markdown: means over the seeds, and the deviation from seed to seed."""
    lines = [
        "| modalities | accuracy | optimum | share of it | weighted F1 | optimum | share of it | hidden, but found |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, result in results.items():
        cells = [name]
        for metric in ("accuracy", "weighted_f1"):
            values, optimum = [run[metric] for run in result["runs"]], result["optimum"][metric]
            cells += [
                f"{np.mean(values):.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0.0:.3f}",
                f"{optimum:.3f}",
                f"{np.mean(values) / optimum:.1%}",
            ]
        found, hidden = (sum(run[key] for run in result["runs"]) for key in ("found", "hidden"))
        lines.append(f"| {' | '.join(cells)} | {found} of {hidden} |")
    whole = results.get("text+audio+vision", {"runs": []})["runs"]
    lines += evidence_table(whole, "shares", "share", "Where text+audio+vision looked")
    lines += evidence_table(
        whole, "contributions", "contribution", "What each modality of text+audio+vision contributed"
    )
    seeds = ", ".join(str(run["seed"]) for run in next(iter(results.values()))["runs"])
    lines += ["", f"Means over the seeds {seeds}; test split; the epoch was chosen on validation."]
    return "\n".join(lines)


def evidence_table(runs: list[dict], name: str, word: str, title: str) -> list[str]:
    """The lines that say where shares or contributions were largest; none where the runs do not have them."""
    found = [run[name] for run in runs if run[name] is not None]
    if not found:
        return []
    lines = ["", f"{title} when one modality alone held the evidence:", ""]
    lines += [
        f"| evidence in | largest {word} there | {word} of text | of audio | of vision |",
        "| --- | --- | --- | --- | --- |",
    ]
    for modality in MODALITIES:
        rows = [values[modality] for values in found]
        means = [f"{np.mean([row['means'][m] for row in rows]):.2f}" for m in MODALITIES]
        lines.append(f"| {modality} alone | {pointed(rows)} | {' | '.join(means)} |")
    return [*lines, f"| all of these | {pointed([values['all'] for values in found])} | | | |"]
