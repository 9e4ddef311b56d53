# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The runs of a study. Each one is trained once, even if several studies need it, and scored once for each evaluation."""

import json
import math
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from modeling_amuse.processing.corpora.meld import FIVE_CLASS_LEFT_OUT
from modeling_amuse.processing.evaluation.stored_predictions import read_predictions
from modeling_amuse.processing.file_locks import InUse, locked
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.plain_json import read_json_object
from modeling_amuse.processing.whole_files import whole_file, whole_folder
from modeling_amuse.scripts.command.process import package_version
from modeling_amuse.scripts.study.late_fusion_runs import fold_parts, fuse, split_part
from modeling_amuse.scripts.study.run_digests import (
    data_digest,
    divided_splits,
    json_digest,
    options_digest,
    recorded_settings,
)
from modeling_amuse.scripts.study.study_description import Study
from modeling_amuse.scripts.training.calibration import calibrate
from modeling_amuse.scripts.training.cross_validation import TrainFold, cross_validate
from modeling_amuse.scripts.training.distillation import mean_prediction, taught
from modeling_amuse.scripts.training.evaluation import evaluate
from modeling_amuse.scripts.training.evaluation_arguments import CalibrationArguments, EvaluationArguments, parse_one
from modeling_amuse.scripts.training.prediction import score
from modeling_amuse.scripts.training.training_arguments import (
    DataArguments,
    DistillationArguments,
    FoldArguments,
    ModelArguments,
    TrainArguments,
    as_arguments,
    parse_arguments,
)
from modeling_amuse.scripts.training.training_checkpoint import latest_checkpoint, read_progress, write_progress
from modeling_amuse.scripts.training.training_run import train
from modeling_amuse.variants import EXPERTS

ROOT = Path(__file__).resolve().parents[2]
CODE = ("modeling_amuse", "processing", "scripts")
OF_EXPERTS = {"experts": "none", "separate_expert_weights": False}
"""The options of train.py for the experts, which are fitted after the epochs, with the values of a study that omits them."""

SCORES = ("weighted_f1", "negative_log_likelihood", "accuracy", "macro_f1", "expected_calibration_error")


@dataclass(frozen=True)
class Run:
    """One row of a study's table: a variant with a seed, in one evaluation."""

    study: Study
    variant: str
    evaluation: dict
    seed: int

    @property
    def options(self) -> dict:
        """The options of train.py."""
        return {**self.study.options(self.variant), "seed": self.seed}

    @property
    def teachers(self) -> dict:
        """The seeds of the teachers of a student; empty for other variants."""
        return {name: value for name, value in self.study.variants[self.variant].items() if name == "teacher_seeds"}

    @property
    def is_late_fusion(self) -> bool:
        return self.study.is_late_fusion(self.variant)

    def text_alone(self) -> "Run":
        """The run of the text model of a late fusion."""
        options = {k: v for k, v in self.study.variants[self.variant].items() if k != "late_fusion"}
        variants = {self.variant: {**options, "modalities": ["text"]}}
        return replace(self, study=replace(self.study, variants=variants, baseline=None))

    def epochs_alone(self) -> "Run":
        """
        The run whose epochs are the same, without experts. Experts are fitted after the epochs, and a modality that only an
        expert reads does not change them. A student's epochs do depend on its experts, which its teachers have too.
        """
        own = self.study.variants[self.variant]
        if self.teachers:
            return self
        options = {name: value for name, value in own.items() if name not in OF_EXPERTS} | {"experts": "none"}
        if fused := options.pop("conversation_modalities", None):
            options["modalities"] = fused
        return replace(self, study=replace(self.study, variants={self.variant: options}, baseline=None))

    @property
    def is_calibrated(self) -> bool:
        return bool(self.study.variants[self.variant].get("calibrate"))

    @property
    def disturbance(self) -> dict:
        """The options of evaluate.py for the disturbance; empty if the evaluation disturbs nothing."""
        if not any(value for name, value in self.evaluation.items() if name != "disturbed_modalities"):
            return {}
        return {**self.evaluation, "disturbance_seed": self.seed}


def train_once(options: dict, model_dir: Path) -> bool:
    """Train, or continue an interrupted training. Returns False if the training was already finished."""
    if (model_dir / "training_history.json").is_file():
        return False
    train(*parse_arguments(as_arguments({**options, "output_dir": model_dir, "resume_from_checkpoint": "latest"})))
    return True


def copy_before_experts(source: Path, target: Path, options: dict):
    """
    Copy a finished training as an interrupted one whose experts are still to be fitted.

    Args:
        source, target: folders of models.
        options: the options of the experts of the copy.
    """
    with whole_folder(target) as unfinished:
        shutil.copytree(source, unfinished, dirs_exist_ok=True)
        (unfinished / "training_history.json").unlink()
        checkpoint = latest_checkpoint(unfinished / "checkpoints")
        progress = read_progress(checkpoint)
        settings = {**progress["settings"], **options}
        write_progress(checkpoint, {**progress, "settings": settings, "experts": None})


class Runs:
    """
    Makes runs, and skips those that are finished.

    Args:
        output_dir: the folder for trainings and evaluations, which several studies may share.
        cache_dir: the folder for prepared data.
    """

    def __init__(self, output_dir: Path, cache_dir: str | None = None):
        commit()  # asked now, as the files may change while this process runs the loaded code
        self.output_dir = output_dir
        self.cache = {"cache_dir": cache_dir} if cache_dir else {}

    def row(self, run: Run, splits: tuple[str, ...]) -> dict:
        """
        The row of a run, which is trained and scored if necessary. If another process makes the same run, this one waits.

        Args:
            run: the run.
            splits: the splits to score: validation, test.
        """
        folder = self.output_dir / "trainings" / training_digest(run)
        folder.mkdir(parents=True, exist_ok=True)
        with _waited_for(folder):
            scored = {split: self._scored(run, folder, split) for split in splits}
            record = read_json_object(folder / "run.json")
        row = {
            "data": run.study.data.name,
            "variant": run.variant,
            "evaluation": json.dumps(run.evaluation, allow_nan=False),
            "seed": run.seed,
            "settings": json.dumps({**recorded_settings(run.options), **run.teachers}, allow_nan=False),
            "training": folder.name,
            "epochs": training_digest(run.epochs_alone()),
            **{name: value for name, value in record.items() if name != "versions"},
            "versions": json.dumps(record["versions"], allow_nan=False),
        }
        for split, results in scored.items():
            row |= {f"{split}_{name}": results.get(name) for name in (*SCORES, "num_utterances")}
            for emotion, scores in results["per_class"].items():
                row[f"{split}_f1_{emotion}"] = scores["f1"]
            for subset, scores in results.get("unseen", {}).items():
                row[f"{split}_{subset}_num_utterances"] = scores["num_utterances"]
                row[f"{split}_{subset}_weighted_f1"] = scores.get("weighted_f1")
            for name in ("temperature", "calibration_error_without_temperature"):
                if name in results:
                    row[f"{split}_{name}"] = results[name]
            row[f"{split}_commit"] = results["commit"]
        return row

    def mean_row(
        self, run: Run, rows: list[dict], predictions: list[pd.DataFrame], split: str
    ) -> tuple[dict, pd.DataFrame]:
        """
        The row and the predictions of a variant that is the mean of another variant's seeds (`mean_of`).

        Args:
            run: the run of the variant.
            rows: the rows of the other variant's seeds.
            predictions: the predictions of each of these seeds.
            split: the split to score.
        """
        emotions = [name.removeprefix("probability_") for name in predictions[0] if name.startswith("probability_")]
        mean = mean_prediction(predictions)
        results = scores_of_predictions(mean, emotions, run.options.get("dataset_name"))
        row = {
            **{name: value for name, value in rows[0].items() if not name.startswith(("validation_", "test_"))},
            "variant": run.variant,
            "seed": run.seed,
            **{name: " ".join(row[name] for row in rows) for name in ("training", "epochs")},
            "train_seconds": sum(row["train_seconds"] for row in rows),
            "best_epoch": float(np.mean([row["best_epoch"] for row in rows])),
            f"{split}_commit": commit(),
            **{f"{split}_{name}": results.get(name) for name in (*SCORES, "num_utterances")},
            **{f"{split}_f1_{emotion}": scores["f1"] for emotion, scores in results["per_class"].items()},
        }
        return row, mean

    def delete_models(self, runs: list[Run]):
        """
        Delete the models of scored runs, and keep their scores. Other evaluations must then train again, which is allowed
        only with the same code, see `check_can_be_scored`.
        """
        for folder in {self.folder(run) for run in runs}:
            with _waited_for(folder):
                for path in [*folder.glob("model*"), *folder.glob("folds/*/model"), *folder.glob("folds/*/teachers")]:
                    shutil.rmtree(path)

    def predictions(self, run: Run, split: str) -> pd.DataFrame:
        """The predictions of a finished run for the labelled utterances, see `write_predictions`."""
        return read_predictions(self._evaluation_folder(run, self.folder(run), split) / "predictions.parquet")

    def folder(self, run: Run) -> Path:
        """The folder of a run's training and evaluations."""
        return self.output_dir / "trainings" / training_digest(run)

    def _evaluation_folder(self, run: Run, folder: Path, split: str) -> Path:
        asked = {"split": split, "calibrated": run.is_calibrated, **run.disturbance}
        options = run.options
        if run.is_late_fusion:
            asked["late_fusion"], options = True, run.study.options(run.variant, with_all_features=True)
        data = run.study.data
        splits = divided_splits(data.folds) if data.num_folds else ("train", "validation", split)
        asked["data"] = data_digest(options, splits, with_test=split == "test")
        return folder / "evaluations" / f"{split}-{json_digest(asked)[:12]}"

    def _scored(self, run: Run, folder: Path, split: str) -> dict:
        """The scores of a run on a split, as in evaluate.py. They are read if they exist, else the run is trained."""
        place = self._evaluation_folder(run, folder, split)
        if not (place / "results.json").is_file():
            check_can_be_scored(folder)
            place.mkdir(parents=True, exist_ok=True)
            self._take_over_epochs(run, folder)
            score_run = self._cross_validate if run.study.data.num_folds else self._train_and_evaluate
            if run.is_late_fusion:
                score_run = self._fuse
            results = score_run(run, folder, split, place / "predictions.parquet")
            write_json({**results, "commit": commit()}, place / "results.json")
        return read_json_object(place / "results.json")

    def _take_over_epochs(self, run: Run, folder: Path):
        """Reuse the epochs of the same training with other experts if it is finished, as experts are fitted after them."""
        own = {name: run.options.get(name, default) for name, default in OF_EXPERTS.items()}
        if own["experts"] == "none" or run.teachers:  # teachers have experts, too
            return
        # where none are chosen, the model of `auto` is saved without any, which one with experts is not
        for experts, separate in product(("none",) if own["experts"] == "auto" else EXPERTS, (False, True)):
            options = {"experts": experts, "separate_expert_weights": separate}
            variants = {run.variant: {**run.study.variants[run.variant], **options}}
            source = self.folder(replace(run, study=replace(run.study, variants=variants, baseline=None)))
            for model in [*source.glob("model"), *source.glob("folds/fold-*/model")]:
                target = folder / model.relative_to(source)
                if (model / "training_history.json").is_file() and not target.exists():
                    copy_before_experts(model, target, own)

    def _train_and_evaluate(self, run: Run, folder: Path, split: str, predictions: Path) -> dict:
        model_dir = folder / "model"
        train_once({**run.options, **self.cache}, model_dir)
        history = read_json_object(model_dir / "training_history.json")
        if not (folder / "run.json").is_file():
            write_record(folder, [history])
        if run.is_calibrated:
            model_dir = self._calibrated(run, model_dir, folder / "model-calibrated")
        asked = {"model": model_dir, "split": split, "predictions": predictions, "pictures": False, "num_resamples": 0}
        asked |= {"output": predictions.with_name("evaluation.json"), **run.disturbance}
        return evaluate(
            parse_one(EvaluationArguments, as_arguments({**self._shared(run, EvaluationArguments), **asked}))
        )

    def _calibrated(self, run: Run, model_dir: Path, copy: Path) -> Path:
        if not copy.is_dir():
            with whole_folder(copy) as unfinished:
                shutil.copytree(model_dir, unfinished, ignore=shutil.ignore_patterns("checkpoints"), dirs_exist_ok=True)
                asked = {**self._shared(run, CalibrationArguments), "model": unfinished}
                calibrate(parse_one(CalibrationArguments, as_arguments(asked)))
        return copy

    def _shared(self, run: Run, arguments: type) -> dict:
        """The options of a training that another script also takes, except `modalities`, as that script uses all of them."""
        options = {**run.options, **self.cache}
        return {f.name: options[f.name] for f in fields(arguments) if f.name in options and f.name != "modalities"}

    def _cross_validate(self, run: Run, folder: Path, split: str, predictions: Path) -> dict:
        output_dir = folder / "folds"
        asked = {"num_folds": run.study.data.num_folds, **run.study.data.folds}
        asked |= {"split": split, "output_dir": output_dir}
        given = as_arguments({**run.options, **self.cache, **asked})
        summary = cross_validate(*parse_arguments(given, FoldArguments), train_fold=student_of(run))
        parts = run.study.data.folds.get("folds") or range(1, len(summary["folds"]) + 1)
        found = [read_predictions(output_dir / f"fold-{part}" / f"{split}_predictions.parquet") for part in parts]
        if split == "validation" and "groups" in run.study.data.folds:  # every fold predicts the same split
            found = [f.assign(utterance=f"fold-{n}_" + f["utterance"]) for n, f in zip(parts, found, strict=True)]
        frame = pd.concat(found, ignore_index=True)
        with whole_file(predictions) as file:
            frame.to_parquet(file, index=False)
        if not (folder / "run.json").is_file():
            own = [output_dir / f"fold-{part}" / "model" / "training_history.json" for part in parts]
            teachers = output_dir.glob("fold-*/teachers/*/fold-*/model/training_history.json")
            write_record(folder, list(map(read_json_object, own)), list(map(read_json_object, teachers)))
        return scores_of_predictions(frame, summary["emotions"], run.options.get("dataset_name"))

    def _fuse(self, run: Run, folder: Path, split: str, predictions: Path) -> dict:
        """The scores of a late fusion, for which the text model is trained first."""
        text, options = run.text_alone(), run.study.options(run.variant, with_all_features=True) | self.cache
        # as train.py reads them, some of which a recipe may set
        options |= asdict(parse_arguments(as_arguments({**options, "output_dir": folder}))[0])
        for name in dict.fromkeys(("validation", split)):
            self._scored(text, folder, name)
        if run.study.data.num_folds:
            fold_args = FoldArguments(num_folds=run.study.data.num_folds, **run.study.data.folds)
            parts = fold_parts(fold_args, options)
            numbers = fold_args.folds or range(1, len(parts) + 1)
            parts = [parts[number - 1] for number in numbers]
            folders = [folder / "folds" / f"fold-{number}" for number in numbers]
            frames = [
                [read_predictions(f / f"{name}_predictions.parquet") for name in ("validation", split)] for f in folders
            ]
        else:
            parts = [split_part(options, tuple(dict.fromkeys(("validation", split))))]
            frames = [[self.predictions(text, name) for name in ("validation", split)]]
        fused = [fuse(part, *frame, split) for part, frame in zip(parts, frames, strict=True)]
        frame = pd.concat([found for found, _ in fused], ignore_index=True)
        with whole_file(predictions) as file:
            frame.to_parquet(file, index=False)
        emotions = [name.removeprefix("probability_") for name in frame if name.startswith("probability_")]
        scores = scores_of_predictions(frame, emotions, run.options.get("dataset_name"))
        return {**scores, "late_fusion": [chosen for _, chosen in fused]}


@contextmanager
def _waited_for(folder: Path) -> Iterator[None]:
    """Hold the lock of a run's folder. If another process holds it, this says so and waits."""
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, wait=2))
        except InUse:
            print(f"Another process makes or uses the run in {folder}: waiting until it ends.", flush=True)
            stack.enter_context(locked(folder, wait=math.inf))
        yield


def check_can_be_scored(folder: Path):
    """
    Raises:
        ValueError: when the model of a finished run was deleted and the code has changed since, so that a model that is
            trained again might not match the existing scores.
    """
    record = folder / "run.json"
    if not record.is_file() or any(folder.rglob("training_history.json")):
        return
    trained_at = read_json_object(record)["commit"]
    if trained_at != commit():
        raise ValueError(
            f"The model of {folder} was deleted, but another evaluation needs it. It was trained at commit {trained_at}; the "
            f"code is at {commit()} and may train a different model: delete the folder to compute all its scores again, or "
            "continue at that commit."
        )


def scores_of_predictions(frame: pd.DataFrame, emotions: list[str], dataset_name: str | None) -> dict:
    """The scores of predictions of `write_predictions`, without an interval."""
    labels = {emotion: label for label, emotion in enumerate(emotions)}
    columns = {
        "prediction_scores": frame[[f"probability_{emotion}" for emotion in emotions]].to_numpy(),
        "references": frame["emotion"].map(labels).to_numpy(),
        "conversations": np.unique(frame["conversation"], return_inverse=True)[1],
    }
    left_out = FIVE_CLASS_LEFT_OUT if dataset_name == "meld" else ()
    return score(columns, emotions, left_out=left_out, num_resamples=0)


def student_of(run: Run) -> TrainFold | None:
    """How the model of a fold is trained: as a student if the variant has teachers, else as by train.py (None)."""
    if not run.teachers:
        return None
    own = {name: value for name, value in run.study.data.folds.items() if name in ("groups", "group_column")}
    given = DistillationArguments(**own, **run.teachers)

    def train_student(data_args: DataArguments, model_args: ModelArguments, args: TrainArguments):
        train(taught(given, data_args, model_args, args, Path(args.output_dir).parent), model_args, args)

    return train_student


def write_record(folder: Path, histories: list[dict], teachers: Sequence[dict] = ()):
    """
    Write the time, the commit and the versions of a finished training, or of those of all folds.

    Args:
        folder: the folder of the run.
        histories: the history of each of its models.
        teachers: the histories of their teachers, whose time is added.
    """
    last = histories[-1]["runs"][-1]
    record = {
        "train_seconds": sum(line["seconds"] for history in (*histories, *teachers) for line in history["history"]),
        "best_epoch": float(np.mean([history["best_epoch"] for history in histories])),
        "warnings": " ".join(dict.fromkeys(w for history in histories for w in history.get("warnings", ()))),
        "commit": commit(),
        "device": last["device"],
        "versions": {"python": last["python"], **last["versions"]},
    }
    write_json(record, folder / "run.json")


@lru_cache
def commit() -> str:
    """
    The commit of the code at the first call, with `-changed` if files differ from it. If there is no repository, as with a
    package that was installed from a wheel, the version of the package.
    """
    if not (ROOT / ".git").exists():  # git would find a repository around the installed package
        return f"amuse-emotion {package_version()}"
    try:
        git = ["git", "-C", str(ROOT)]
        found = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", *CODE], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return f"amuse-emotion {package_version()}"
    return found.stdout.strip() + ("-changed" if changed.stdout.strip() else "")


def training_digest(run: Run) -> str:
    """
    A hash that is equal for trainings with the same settings, seed, data, features and encoders, see [`options_digest`].
    """
    return options_digest(run.options, run.study.data.num_folds, {**run.study.data.folds, **run.teachers})[:16]
