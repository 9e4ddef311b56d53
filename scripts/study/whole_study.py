# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Run a study: train every variant with every seed, score it, and say which is better.

    python scripts/run_study.py fusion --data meld --set data_dir=MELD audio_features=PRAAT
    python scripts/run_study.py fusion --data meld --variants alfa --seeds 42 --trial --set data_dir=MELD audio_features=PRAAT

STUDY is a file of scripts/studies (scripts/study_description.py tells what stands in it). A run that is done is not done
again, and one that was stopped goes on from its last epoch; studies with the same --output_dir share their trainings.
Epochs, and whatever else is chosen, are chosen on validation. The tables go to hub_card/results/STUDY/DATA: `runs.parquet`
with a row for each run, `predictions.parquet`, `results.md` and pictures, each with the command, the commit and the seeds;
hub_card/results/README.md and the tables of README.md and docs/results.md are updated.
"""

import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

if __name__ == "__main__":
    # This script's own folder comes first on the path, where evaluate.py would hide the library of that name: put the
    # repository there, which also makes the packages importable that are not installed.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from transformers import HfArgumentParser

from modeling_amuse.processing.extras import import_extra
from modeling_amuse.scripts.study.run_digests import settings_of
from modeling_amuse.scripts.study.study_description import LEAST_SEEDS, PATHS, Study, read_studies, set_options
from modeling_amuse.scripts.study.study_report import Report
from modeling_amuse.scripts.study.study_runs import Run, Runs
from modeling_amuse.scripts.study.study_summary import PAGES, RESULTS, fill_in, write_index


@dataclass
class StudyArguments:
    """Which part of a study is run, with what, and where its results go."""

    output_dir: str = field(
        default="amuse-studies",
        metadata={"help": "Folder for trainings and evaluations; several studies may share it."},
    )
    results_dir: str = field(
        default="hub_card/results", metadata={"help": "Folder for the tables and pictures of a whole study."}
    )
    data: list[str] | None = field(default=None, metadata={"help": "The data sets. Default: all of the study."})
    variants: list[str] | None = field(default=None, metadata={"help": "The variants. Default: all of the study."})
    seeds: list[int] | None = field(default=None, metadata={"help": "The seeds. Default: those of the study."})
    set: list[str] = field(
        default_factory=list,
        metadata={"help": "KEY=VALUE or DATA.KEY=VALUE: where something lies, such as meld.data_dir=MELD."},
    )
    trial: bool = field(
        default=False,
        metadata={
            "help": "A try: it may have fewer seeds and other settings, is written to --output_dir alone, and with other "
            "settings leaves the test split alone."
        },
    )
    validation_only: bool = field(default=False, metadata={"help": "Leave the test split alone, to choose settings."})
    delete_models: bool = field(default=False, metadata={"help": "Delete the models once a study is done."})
    cache_dir: str | None = field(default=None, metadata={"help": "Where prepared data is kept."})


def main(arguments: list[str] | None = None) -> dict[str, Report]:
    """Returns the report of each data set."""
    parser = HfArgumentParser(StudyArguments, description=__doc__)
    parser.add_argument("study", help="Name of a study, or path of its YAML file.")
    args, positional = parser.parse_args_into_dataclasses(arguments)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError("A study runs in one process: start it with python, not with a launcher of several.")
    import_extra("matplotlib", "plots")  # said now, not after hours
    runs = Runs(Path(args.output_dir), args.cache_dir)
    studies = read_studies(positional.study, args.data)
    prepared = [prepare(study, args) for study in studies]
    for study, _, _ in prepared:  # what cannot be is said before the first training
        for variant in study.variants:
            check_places(study, variant)
            settings_of(study.options(variant))

    reports = {}
    for study, is_whole, changed in prepared:
        # whoever looks for better settings must not see what they score on the test split
        splits = ("validation",) if args.validation_only or changed else ("validation", "test")
        planned = [
            Run(study, variant, evaluation, seed)
            for variant in study.variants
            for evaluation in study.evaluations
            if study.applies(evaluation, variant)
            for seed in study.seeds
        ]
        rows = []
        for number, run in enumerate(planned, start=1):
            print(
                f"\n{study.name}, {study.data.name}, run {number} of {len(planned)}: {run.variant}, {run.evaluation}, "
                f"seed {run.seed}"
            )
            rows.append(runs.row(run, splits))
            print(", ".join(f"{split} weighted F1 {rows[-1][f'{split}_weighted_f1']:.4f}" for split in splits))
        predictions = [runs.predictions(run, splits[-1]) for run in planned]
        report = Report(
            *(study, rows, predictions, splits[-1], command(study, args, changed)),
            is_trial=args.trial,
        )
        own = is_whole and not args.trial and "test" in splits
        folder = Path(args.results_dir if own else Path(args.output_dir) / "results") / study.name / study.data.name
        report.write(folder)
        if own:
            write_index(Path(args.results_dir))
            if Path(args.results_dir).resolve() == RESULTS:
                for page in PAGES:
                    fill_in(RESULTS.parents[1] / page, RESULTS)
        print(f"\n{report.markdown()}\n\nWritten to {folder}")
        if args.delete_models:
            runs.delete_models(planned)
        reports[study.data.name] = report
    return reports


def check_places(study: Study, variant: str):
    """
    Raises:
        FileNotFoundError: when data or feature tables of a variant are missing.
    """
    options = study.options(variant)
    for name in PATHS:
        if not name.endswith("_model") and options.get(name) is not None and not Path(options[name]).exists():
            raise FileNotFoundError(
                f"There is no {options[name]}, which {variant} of {study.name} needs on {study.data.name}: say where it is "
                f"with --set {study.data.name}.{name}=PATH."
            )


def prepare(study: Study, args: StudyArguments) -> tuple[Study, bool, list[str]]:
    """
    The part of a study that was asked for, whether that is all of it, and the settings that were changed.

    Raises:
        ValueError: when it would not be the study, and is not said to be a try.
    """
    changed = set_options(study, args.set)
    variants = args.variants or list(study.variants)
    unknown = [variant for variant in variants if variant not in study.variants]
    if unknown:
        raise ValueError(f"{study.name} has no variant {', '.join(unknown)}; it has {', '.join(study.variants)}.")
    seeds = list(dict.fromkeys(args.seeds or study.seeds))
    if len(seeds) < LEAST_SEEDS and not args.trial:
        raise ValueError(
            f"{len(seeds)} seed(s) tell no difference from chance: give at least {LEAST_SEEDS}, or say that it is a try "
            "with --trial."
        )
    if changed and not args.trial:
        raise ValueError(
            f"--set {' '.join(changed)} changes what is studied: write it into a file of scripts/studies, or say that it is "
            "a try with --trial. (An encoder or a table of another name is taken for another one: for the Praat table of MELD, "
            "name the folder praat.)"
        )
    is_whole = set(variants) == set(study.variants) and set(seeds) >= set(study.seeds)
    chosen = {variant: options for variant, options in study.variants.items() if variant in variants}
    baseline = study.baseline if study.baseline in chosen else None
    return replace(study, variants=chosen, seeds=seeds, baseline=baseline), is_whole, changed


def command(study: Study, args: StudyArguments, changed: list[str]) -> str:
    """The command that makes the same table, but for where data and encoders lie."""
    words = [f"python scripts/run_study.py {study.given_as} --data {study.data.name}"]
    for name, given in (("variants", args.variants), ("seeds", args.seeds), ("set", changed)):
        if given:
            words.append(f"--{name} " + " ".join(f"'{word}'" if " " in str(word) else str(word) for word in given))
    flags = {"trial": args.trial, "validation_only": args.validation_only}
    return " ".join([*words, *(f"--{name}" for name, given in flags.items() if given)])


if __name__ == "__main__":
    main()
