# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
What each subset of the modalities scores on the controlled corpus, beside what a perfect model could score from it.

    python scripts/render_sample.py --output_dir amuse-sample-data
    python scripts/extract_features.py --data_dir amuse-sample-data --extractors prosody faces --output_dir amuse-sample-data/features
    python scripts/controlled_study.py --data_dir amuse-sample-data --output_dir controlled-study

Every subset is trained with every seed, its epoch chosen on the validation split; the test split is scored once. Trainings
that are finished are not done again. `run_study.py modalities --data controlled` trains the same and gives intervals; this
script knows besides where the evidence is.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from transformers import HfArgumentParser

from modeling_amuse.processing.controlled.controlled_corpus import EVIDENCE, MODALITIES
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
from modeling_amuse.scripts.study.study_description import read_data
from modeling_amuse.scripts.study.study_runs import train_once

TRAINING = {
    name: value
    for name, value in read_data("controlled").settings.items()
    if name not in ("dataset_name", "data_dir", "audio_features", "vision_features", "modalities")
}
"""The settings of every training, those of the other studies on this corpus; chosen on the validation split."""


@dataclass
class StudyArguments:
    """What is studied, and where its results go."""

    data_dir: str = field(default="amuse-sample-data", metadata={"help": "The rendered corpus."})
    features_dir: str | None = field(
        default=None, metadata={"help": "Its feature tables. Default: the folder features in data_dir."}
    )
    output_dir: str = field(default="controlled-study", metadata={"help": "Folder for models and results."})
    seeds: list[int] = field(default_factory=lambda: [42, 43, 44], metadata={"help": "Seeds of the trainings."})
    cache_dir: str | None = field(default=None, metadata={"help": "Where prepared data is kept."})


def main(arguments: list[str] | None = None) -> dict:
    [args] = HfArgumentParser(StudyArguments, description=__doc__).parse_args_into_dataclasses(arguments)
    features_dir = Path(args.features_dir or Path(args.data_dir) / "features")
    truth = read_evidence(Path(args.data_dir), "test")
    results = {}
    for subset in EVIDENCE:
        runs = []
        for seed in args.seeds:
            options = training_options(args, features_dir, subset, seed)
            # what was trained on other data, or with other settings, is not taken for this
            model_dir = Path(args.output_dir) / f"{'-'.join(subset)}-{seed}-{options_digest(options)[:8]}"
            train_once(options, model_dir)
            timelines = recognize_split(model_dir, args.data_dir, features_dir, "test", args.cache_dir)
            runs.append({"seed": seed, **score(truth, timelines), **leaked(truth, timelines, subset)})
        results["+".join(subset)] = {"runs": runs, "optimum": optimal_score(truth, subset)}
    table = describe(results)
    print("\n" + table)
    output = Path(args.output_dir)
    with whole_file(output / "results.json") as file:
        file.write_text(json.dumps(results, indent=1), encoding="utf-8")
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
    return {**data, **tables, **TRAINING, "seed": seed}


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
    shares = [run["shares"] for run in results["text+audio+vision"]["runs"]]
    lines += ["", "Where text+audio+vision looked when one modality alone held the evidence:", ""]
    lines += [
        "| evidence in | largest share there | share of text | of audio | of vision |",
        "| --- | --- | --- | --- | --- |",
    ]
    for modality in MODALITIES:
        rows = [share[modality] for share in shares]
        means = [f"{np.mean([row['mean_shares'][m] for row in rows]):.2f}" for m in MODALITIES]
        lines.append(f"| {modality} alone | {pointed(rows)} | {' | '.join(means)} |")
    lines.append(f"| all of these | {pointed([share['all'] for share in shares])} | | | |")
    seeds = ", ".join(str(run["seed"]) for run in results["text+audio+vision"]["runs"])
    lines += ["", f"Means over the seeds {seeds}; test split; the epoch was chosen on validation."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
