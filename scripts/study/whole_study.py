# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The body of `amuse study`: runs every variant with every seed, and writes the tables."""

import os
from dataclasses import replace
from pathlib import Path

from modeling_amuse.hub_card.study_summary import PAGES, RESULTS, fill_in, write_index
from modeling_amuse.processing.corpora.conversation_dataset import utterance_ids
from modeling_amuse.processing.corpora.extra_corpora import corpus_and_folder
from modeling_amuse.processing.corpora.feature_tables import by_given_id
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.evaluation.utterance_parts import part_subsets, read_parts
from modeling_amuse.processing.extras import import_extra
from modeling_amuse.processing.whole_files import check_folder
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.study.kept_runs import keep_run
from modeling_amuse.scripts.study.run_digests import settings_of
from modeling_amuse.scripts.study.study_arguments import StudyArguments
from modeling_amuse.scripts.study.study_description import LEAST_SEEDS, PATHS, Study, read_studies, set_options
from modeling_amuse.scripts.study.study_report import Report
from modeling_amuse.scripts.study.study_runs import Run, Runs
from modeling_amuse.scripts.training.fold_data import data_options


def run_study(args: StudyArguments) -> dict[str, Report]:
    """
    Run a study, or the requested part of it.

    Returns:
        The report of each data set.

    Raises:
        ValueError, FileNotFoundError: when something cannot be run, before the first training.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError("A study runs in one process: start it with python, not with a launcher of several.")
    import_extra("matplotlib", "plots")  # if it is missing, fail now and not after hours
    runs = Runs(Path(args.output_dir), args.cache_dir)
    studies = read_studies(args.study, args.data)
    prepared = [prepare(study, args) for study in studies]
    if args.keep_runs:
        kept = Path(args.keep_runs)
        if not kept.exists():
            kept.mkdir(parents=True)
        check_folder(kept)
    for study, _, changed in prepared:  # wrong settings are reported before the first training
        parts_of(args.parts, study, evaluated_splits(args, changed)[-1], args.cache_dir)
        for variant in (name for name, options in study.variants.items() if "mean_of" not in options):
            check_places(study, variant)
            settings = settings_of(study.options(variant))
            if study.is_late_fusion(variant) and settings.get("train_fraction", 1) != 1:
                raise ValueError(
                    f"{variant} on {study.data.name} is a late fusion, whose regressions learn from all training utterances: "
                    "leave out train_fraction."
                )

    reports = {}
    for study, is_whole, changed in prepared:
        splits = evaluated_splits(args, changed)
        planned = [
            Run(study, variant, evaluation, seed)
            for variant in study.variants
            for evaluation in study.evaluations
            if study.applies(evaluation, variant)
            for seed in study.seeds
        ]
        rows, means = [], [run for run in planned if "mean_of" in study.variants[run.variant]]
        planned = [run for run in planned if run not in means]
        for number, run in enumerate(planned, start=1):
            print(
                f"\n{study.name}, {study.data.name}, run {number} of {len(planned)}: {run.variant}, {run.evaluation}, "
                f"seed {run.seed}"
            )
            rows.append(runs.row(run, splits))
            if args.keep_runs:
                keep_run(runs.folder(run), Path(args.keep_runs))
            print(", ".join(f"{split} weighted F1 {rows[-1][f'{split}_weighted_f1']:.4f}" for split in splits))
        predictions = [runs.predictions(run, splits[-1]) for run in planned]
        for run in one_of_each_variant(means):
            chosen = [n for n, other in enumerate(planned) if other.variant == study.variants[run.variant]["mean_of"]]
            of_seeds = ([rows[n] for n in chosen], [predictions[n] for n in chosen])
            row, mean = runs.mean_row(run, *of_seeds, splits[-1])
            rows, predictions = [*rows, row], [*predictions, mean]
        report = Report(
            *(study, rows, predictions, splits[-1], command(study, args, changed)),
            is_trial=args.trial,
            parts=parts_of(args.parts, study, splits[-1], args.cache_dir),
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


def evaluated_splits(args: StudyArguments, changed: list[str]) -> tuple[str, ...]:
    """The splits that a study evaluates. Settings must not be chosen by their scores on the test split."""
    return ("validation",) if args.validation_only or changed else ("validation", "test")


def one_of_each_variant(runs: list[Run]) -> list[Run]:
    """The first run of each variant."""
    return list({run.variant: run for run in reversed(runs)}.values())[::-1]


def parts_of(path: str | None, study: Study, split: str, cache_dir: str | None) -> dict[str, str]:
    """
    The part of each utterance of `--parts` by id; empty without that option.

    Raises:
        ValueError: when the file has utterances that the data does not have.
    """
    if path is None:
        return {}
    divided = study.data.folds.get("folds_of", "train") if study.data.num_folds else split
    parts, settings = read_parts(path, divided), study.data.settings
    name = settings.get("dataset_name", "sample")
    data = load_conversations(name, settings.get("data_dir"), cache_dir, (divided,), data_options(settings))
    parts = by_given_id(parts, utterance_ids(data.splits[divided]))
    part_subsets(parts, utterance_ids(data.splits[divided]), divided)
    # in folds of one of several splits, ids begin with the name of the split
    prefix = f"{divided}_" if "folds_of" in study.data.folds else ""
    return {f"{prefix}{identifier}": part for identifier, part in parts.items()}


def check_places(study: Study, variant: str):
    """
    Raises:
        FileNotFoundError: when data or feature tables of a variant are missing.
    """
    options = study.options(variant, with_all_features=True)
    for name in PATHS:
        places = options.get(name) if isinstance(options.get(name), list) else [options.get(name)]
        for place in [place for place in places if place is not None and not name.endswith("_model")]:
            if not Path(corpus_and_folder(place)[1] if name == "extra_data" else place).exists():
                raise FileNotFoundError(
                    f"There is no {place}, which {variant} of {study.name} needs on {study.data.name}: give its path with "
                    f"--set {study.data.name}.{name}=PATH."
                )
    if "groups" in study.data.folds and not Path(study.data.folds["groups"]).is_file():
        raise FileNotFoundError(
            f"There is no {study.data.folds['groups']}, which {study.name} needs to divide {study.data.name}: give its path with "
            f"--set {study.data.name}.groups=PATH."
        )


def prepare(study: Study, args: StudyArguments) -> tuple[Study, bool, list[str]]:
    """
    The requested part of a study, whether it is the complete study, and the settings that were changed.

    Raises:
        ValueError: when seeds or settings differ from the study's and `--trial` is not given, or a variant is unknown.
    """
    changed = set_options(study, args.set)
    variants = args.variants or list(study.variants)
    unknown = [variant for variant in variants if variant not in study.variants]
    if unknown:
        raise WrongArguments(f"{study.name} has no variant {', '.join(unknown)}; it has {', '.join(study.variants)}.")
    seeds = list(dict.fromkeys(args.seeds or study.seeds))
    if len(seeds) < LEAST_SEEDS and not args.trial:
        raise WrongArguments(
            f"{len(seeds)} seed(s) cannot show that a difference is more than chance: give at least {LEAST_SEEDS}, or mark "
            "the run as a trial with --trial."
        )
    if changed and not args.trial:
        raise WrongArguments(
            f"--set {' '.join(changed)} changes the study: write it into a file of scripts/studies, or mark the run as a "
            "trial with --trial. (An encoder or table with another name counts as another one: for the Praat table of MELD, "
            "name the folder praat.)"
        )
    unmeant = [v for v in variants if study.variants[v].get("mean_of", v) not in variants]
    if unmeant:
        raise WrongArguments(
            f"{unmeant[0]} of {study.name} is the mean of another variant: also give that one in --variants."
        )
    is_whole = set(variants) == set(study.variants) and set(seeds) >= set(study.seeds)
    chosen = {variant: options for variant, options in study.variants.items() if variant in variants}
    baseline = study.baseline if study.baseline in chosen else None
    return replace(study, variants=chosen, seeds=seeds, baseline=baseline), is_whole, changed


def command(study: Study, args: StudyArguments, changed: list[str]) -> str:
    """The command that makes the same table, without the paths of data and encoders."""
    words = [f"python scripts/run_study.py {study.given_as} --data {study.data.name}"]
    for name, given in (("variants", args.variants), ("seeds", args.seeds), ("set", changed)):
        if given:
            words.append(f"--{name} " + " ".join(f"'{word}'" if " " in str(word) else str(word) for word in given))
    flags = {"trial": args.trial, "validation_only": args.validation_only}
    return " ".join([*words, *(f"--{name}" for name, given in flags.items() if given)])
