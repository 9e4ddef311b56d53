# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The report of a study: its table as Parquet, its results as Markdown, and plots with intervals."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from modeling_amuse.hub_card.study_summary import SUMMARY, interval_text, markdown_table
from modeling_amuse.processing.evaluation.score_pictures import save_curves, save_intervals
from modeling_amuse.processing.evaluation.seed_comparison import (
    NUM_RESAMPLES,
    SeedLosses,
    SeedScores,
    smallest_difference,
)
from modeling_amuse.processing.json_files import as_json, write_json
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.study.part_scores import scores_of_part
from modeling_amuse.scripts.study.study_description import DISTURBANCES, Study

STUDY_KEY = b"amuse_study"  # of the metadata of an Arrow schema
SEEN_OR_READ = {
    "voted": "More than half of the people who only read the text chose the label of the utterances in `voted`.",
    "relabelled": "At most half chose that of `relabelled`, which people who saw the clip probably gave: there voice and faces can help most.",
}
"""The meaning of the parts of MELD."""

MOST_GROUPS = 12
"""The largest number of variants and evaluations for which the scores of each emotion and each run are reported."""


def probabilities_of(predictions: pd.DataFrame, emotions: list[str]) -> np.ndarray:
    """The probabilities `(utterances, emotions)` of a table of predictions; 0 for an emotion that a model does not have."""
    columns = [f"probability_{emotion}" for emotion in emotions]
    return predictions.reindex(columns=columns, fill_value=0.0).to_numpy(float)


class Report:
    """
    Args:
        study: the study.
        rows: a row for each run, see `study_runs.Runs.row`.
        predictions: for each row the predictions on the split, see `write_predictions`.
        split: the split whose scores are reported in addition to validation: test, or validation while settings are chosen.
        command: the command that makes the same table.
        is_trial: whether there are too few seeds, or other settings than the study's.
        parts: the part of each utterance, for scores of each part, see `utterance_parts.read_parts`.
    """

    def __init__(
        self,
        study: Study,
        rows: list[dict],
        predictions: list[pd.DataFrame],
        split: str,
        command: str,
        is_trial: bool = False,
        parts: dict[str, str] | None = None,
    ):
        self.study, self.split, self.command, self.is_trial = study, split, command, is_trial
        self.frame = pd.DataFrame(rows)
        self.predictions, self.parts = predictions, parts or {}
        # the unit that the bootstrap draws; in folds by speaker, the utterances of a speaker depend on each other
        by = "conversation" if "groups" in study.data.folds else study.data.folds.get("folds_by", "speaker")
        self.unit = "speaker" if study.data.num_folds and by == "speaker" else "conversation"
        emotions = sorted({emotion for frame in predictions for emotion in (*frame["emotion"], *frame["prediction"])})
        labels = {emotion: label for label, emotion in enumerate(emotions)}
        self.groups = list(dict.fromkeys(zip(self.frame["variant"], self.frame["evaluation"], strict=True)))
        self.scores, self.losses, self.rows = {}, {}, {}
        for variant, evaluation in self.groups:
            chosen = (self.frame["variant"] == variant) & (self.frame["evaluation"] == evaluation)
            self.rows[variant, evaluation] = self.frame[chosen]
            found = [predictions[number] for number in np.flatnonzero(chosen)]
            runs = [
                (
                    p["emotion"].map(labels).to_numpy(),
                    p["prediction"].map(labels).to_numpy(),
                    p[self.unit].to_numpy(),
                )
                for p in found
            ]
            trainings = self.frame["epochs"][chosen].tolist()
            self.scores[variant, evaluation] = SeedScores(runs, len(emotions), trainings)
            self.losses[variant, evaluation] = SeedLosses(
                [
                    (labels, probabilities_of(p, emotions), units)
                    for p, (labels, _, units) in zip(found, runs, strict=True)
                ],
                trainings,
            )
        self.intervals = {group: scores.interval() for group, scores in self.scores.items()}
        self.differences = {group: self._difference(group, self.scores) for group in self.groups}
        self.loss_differences = {group: self._difference(group, self.losses) for group in self.groups}

    @property
    def seeds(self) -> list[int]:
        return sorted({int(seed) for seed in self.frame["seed"]})

    @property
    def provenance(self) -> str:
        """The command, the commit and the seeds."""
        commits = sorted(set(self.frame["commit"]) | set(self.frame[f"{self.split}_commit"]))
        return f"{self.command}, runs at commit {' and '.join(commits)}, seeds {', '.join(map(str, self.seeds))}"

    def label(self, group: tuple[str, str]) -> str:
        """The name of a variant and of the disturbance of its evaluation."""
        variant, evaluation = group
        options = json.loads(evaluation)
        words = [f"{name.replace('_', ' ')} {options[name]:g}" for name in DISTURBANCES[:3] if name in options]
        disturbed = options.get("disturbed_modalities")
        return ", ".join([variant, *words]) + (f" ({' + '.join(disturbed)})" if disturbed else "")

    @property
    def preferred(self) -> str | None:
        """The best variant on validation; None if there is only one, or a tie."""
        if len(self.groups) < 2 or self.study.evaluations != [{}]:
            return None
        means = {group: self.rows[group]["validation_weighted_f1"].mean() for group in self.groups}
        means = {group: mean for group, mean in means.items() if not np.isnan(mean)}  # a mean of models has none
        best = [group for group, mean in means.items() if mean == max(means.values())]
        return self.label(best[0]) if len(best) == 1 else None

    def summary(self) -> dict:
        """The summary of the study for `modeling_amuse.hub_card.study_summary`."""
        rows = []
        for group in self.groups:
            scores = self.rows[group][f"{self.split}_weighted_f1"]
            found = self.differences[group] or {"difference": None, "verdict": ""}
            row = {
                "label": self.label(group),
                "mean": scores.mean(),
                "deviation": scores.std(ddof=1) if len(scores) > 1 else None,
            }
            row |= {"interval": self.intervals[group]}
            rows.append({**row, "difference": found["difference"], "verdict": found["verdict"]})
        told = {"question": self.study.question, "data": self.study.data.about, "provenance": self.provenance}
        told |= {"baseline": self.study.baseline, "prefers": self.preferred, "rows": rows}
        if self.is_calibrated:
            scaled = self.frame[self.frame[f"{self.split}_temperature"].notna()]
            told["calibration_errors"] = [scaled[f"{self.split}_{name}"].mean() for name in ERRORS]
        return told

    @property
    def is_calibrated(self) -> bool:
        """Whether a variant has a temperature."""
        return f"{self.split}_calibration_error_without_temperature" in self.frame

    def markdown(self) -> str:
        """The study's tables."""
        study, split = self.study, self.split
        lines = [f"## {study.name}: {study.data.name}", "", study.question, "", f"Data: {study.data.about}", ""]
        if self.is_trial:
            lines += ["**A trial: too few seeds, or other settings than the study's. It proves nothing.**", ""]
        warnings = sorted(set(self.frame["warnings"]) - {""})
        lines += [line for warning in warnings for line in (f"**Warning:** {warning}", "")]
        lines += self._main_table()
        lines += ["", *self._explanation(), ""]
        lines += [*self._likelihood_table(), ""]
        if self.is_calibrated:
            lines += [*self._calibration_table(), ""]
        if len(self.groups) <= MOST_GROUPS:
            lines += [*self._emotion_table(), ""]
            if self.parts:
                lines += [*self._part_table(), ""]
            if f"{split}_unseen_speakers_num_utterances" in self.frame:
                lines += [*self._unseen_table(), ""]
            lines += [*self._run_table(), ""]
        lines.append(
            f"Printed by `{self.command}`, {self.provenance.removeprefix(self.command).lstrip(', ')}; versions "
            + self._versions()
            + "."
        )
        return "\n".join(lines)

    def _main_table(self) -> list[str]:
        baseline = self.study.baseline
        splits = list(dict.fromkeys(("validation", self.split)))
        head = ["variant", *(f"{split} weighted F1" for split in splits), "95 % interval", "accuracy", "macro F1"]
        head += ["calibration error"] + ([f"difference to {baseline}", "95 % interval", ""] if baseline else [])
        table = []
        for group in self.groups:
            rows, interval = self.rows[group], self.intervals[group]
            cells = [self.label(group), *(_spread(rows[f"{split}_weighted_f1"]) for split in splits)]
            cells.append(interval_text(interval))
            cells += [_spread(rows[f"{self.split}_{name}"]) for name in ("accuracy", "macro_f1")]
            cells.append(f"{rows[f'{self.split}_expected_calibration_error'].mean():.3f}")
            if baseline:
                found = self.differences[group]
                difference = [f"{found['difference']:+.4f}", interval_text(found["interval"])] if found else ["", ""]
                cells += [*difference, found["verdict"] if found else ""]
            table.append(cells)
        return markdown_table(head, table)

    def _difference(self, group: tuple, scores: dict) -> dict | None:
        """The difference of the group's scores to those of the baseline in the same evaluation; None for the baseline."""
        other = (self.study.baseline, group[1])
        if group == other or other not in scores:
            return None
        return scores[group].difference(scores[other])

    def _explanation(self) -> list[str]:
        """How the numbers were computed, and which variant is the best on validation."""
        lines = [
            f"Mean ± standard deviation over the seeds {', '.join(map(str, self.seeds))}, "
            f"{int(self.frame[f'{self.split}_num_utterances'].iloc[0])} utterances of "
            f"{len(self.scores[self.groups[0]].conversations)} {self.unit}s. Epochs were chosen on validation. Intervals: "
            f"bootstrap ({NUM_RESAMPLES:,} resamples) over {self.unit}s (the same for both sides of a difference) and over the "
            "seeds (the same for both sides if these differ only in what follows the epochs, as experts do)."
        ]
        if self.preferred:
            lines[0] += f" The best variant on validation is {self.preferred}."
        return lines

    def _likelihood_table(self) -> list[str]:
        """The negative log-likelihood of each variant, and the smallest differences that would have been significant."""
        baseline = self.study.baseline
        head = [f"variant, on {self.split}", "negative log-likelihood"]
        head += (
            [f"difference to {baseline}", "95 % interval", "", "smallest significant difference", "of weighted F1"]
            if baseline
            else []
        )
        table = []
        for group in self.groups:
            cells = [self.label(group), _spread(pd.Series(self.losses[group].of_seeds()))]
            if baseline and (found := self.loss_differences[group]) is None:
                cells += [""] * 5
            elif baseline:
                cells += [f"{found['difference']:+.4f}", interval_text(found["interval"]), found["verdict"]]
                for difference in (found, self.differences[group]):
                    smallest = smallest_difference(difference["interval"])
                    shown = smallest is None or difference["verdict"] != "not significant"
                    cells.append("" if shown else f"{smallest:.4f}")
            table.append(cells)
        return markdown_table(head, table)

    def _calibration_table(self) -> list[str]:
        rows = self.frame[self.frame[f"{self.split}_temperature"].notna()]
        cells = [
            [variant, _spread(own[f"{self.split}_temperature"])]
            + [f"{own[f'{self.split}_{name}'].mean():.4f}" for name in ERRORS]
            for variant, own in rows.groupby("variant", sort=False)
        ]
        return markdown_table(["variant", "temperature", "calibration error without", "with it"], cells)

    def _emotion_table(self) -> list[str]:
        prefix = f"{self.split}_f1_"
        names = [name for name in self.frame if name.startswith(prefix)]
        cells = [[self.label(g), *(f"{rows[name].mean():.3f}" for name in names)] for g, rows in self.rows.items()]
        return markdown_table(["F1 of each emotion", *(name.removeprefix(prefix) for name in names)], cells)

    def _part_table(self) -> list[str]:
        """The scores of each part of the utterances, compared with those of the baseline."""
        baseline = self.study.baseline
        head = ["weighted F1 of a part", "utterances", *(self.label(group) for group in self.groups)]
        cells = []
        found = {self.parts.get(utterance) for frame in self.predictions for utterance in frame["utterance"]}
        for part in sorted(found - {None}):  # a fold may lack a part
            scores = {}
            for variant, evaluation in self.groups:
                chosen = (self.frame["variant"] == variant) & (self.frame["evaluation"] == evaluation)
                frames = [self.predictions[number] for number in np.flatnonzero(chosen)]
                scores[variant, evaluation], number = scores_of_part(
                    frames, self.parts, part, self.unit, self.frame["epochs"][chosen].tolist()
                )
            row = [part, str(number)]
            for group in self.groups:
                text = f"{scores[group].mean():.4f}"
                other = (baseline, group[1])
                if other in scores and group != other:
                    found = scores[group].difference(scores[other])
                    text += f" ({found['difference']:+.4f}, {interval_text(found['interval'])})"
                row.append(text)
            cells.append(row)
        is_meld = set(self.parts.values()) == set(SEEN_OR_READ)
        return markdown_table(head, cells) + (["", " ".join(SEEN_OR_READ.values())] if is_meld else [])

    def _unseen_table(self) -> list[str]:
        head, subsets = ["weighted F1"], ("unseen_speakers", "unseen_texts")
        subsets = [name for name in subsets if f"{self.split}_{name}_weighted_f1" in self.frame]
        for name in subsets:
            number = int(self.frame[f"{self.split}_{name}_num_utterances"].dropna().iloc[0])
            head.append(f"{'speakers' if name == 'unseen_speakers' else 'texts'} not in train ({number} utterances)")
        cells = [
            [self.label(g), *(_spread(rows[f"{self.split}_{name}_weighted_f1"]) for name in subsets)]
            for g, rows in self.rows.items()
        ]
        return markdown_table(head, cells)

    def _run_table(self) -> list[str]:
        splits = list(dict.fromkeys(("validation", self.split)))
        cells = [
            [self.label((row.variant, row.evaluation)), str(row.seed), f"{row.best_epoch:g}"]
            + [_spread(pd.Series([getattr(row, f"{split}_weighted_f1")])) for split in splits]
            + [f"{row.train_seconds:.0f}", row.commit]
            for row in self.frame.itertuples()
        ]
        return markdown_table(["run", "seed", "epoch", *splits, "seconds of training", "commit"], cells)

    def _versions(self) -> str:
        found = sorted(set(self.frame["versions"]))
        return "; ".join(", ".join(f"{name} {value}" for name, value in json.loads(v).items()) for v in found)

    def write(self, folder: Path):
        """
        Write `runs.parquet`, `predictions.parquet`, `results.md`, `summary.json` (not for a trial) and the plots. Predictions
        are written without the true emotions, which belong to the data set and have its terms.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "results.md") as file:
            file.write_text(self.markdown() + "\n", encoding="utf-8")
        if not self.is_trial:
            write_json(self.summary(), folder / SUMMARY)
        self._write_parquet(self.frame.assign(command=self.command), folder / "runs.parquet")
        kept = [
            frame[["conversation", "utterance", "prediction"]].assign(
                variant=row.variant, evaluation=row.evaluation, seed=row.seed, split=self.split
            )
            for row, frame in zip(self.frame.itertuples(), self.predictions, strict=True)
        ]
        predicted = pd.concat(kept, ignore_index=True)
        words = ["conversation", "utterance", "prediction", "variant", "evaluation", "split"]
        self._write_parquet(predicted.astype(dict.fromkeys(words, "category")), folder / "predictions.parquet")
        self._draw(folder)

    def _write_parquet(self, frame: pd.DataFrame, path: Path):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        about = {"question": self.study.question, "data": self.study.data.about, "provenance": self.provenance}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), STUDY_KEY: as_json(about).encode()})
        with whole_file(path) as file:
            pyarrow.parquet.write_table(table, file, compression="zstd")

    def _draw(self, folder: Path):
        title = f"{self.study.name}, {self.study.data.name}"
        labels = {"title": title, "quantity": f"Weighted F1, {self.split}", "footnote": self.provenance}
        if not self.study.plots:
            seeds = {g: self.rows[g][f"{self.split}_weighted_f1"].tolist() for g in self.groups}
            points = [(self.label(g), self.scores[g].mean(), self.intervals[g], seeds[g]) for g in self.groups]
            save_intervals(points, folder / "weighted_f1.png", **labels)
        for plot in self.study.plots:
            curves = self._curves(plot["x"], plot.get("lines", ["variant"]))
            if curves:
                name = plot["x"].replace("_", " ")
                save_curves(curves, folder / f"weighted_f1_by_{plot['x']}.png", axis=name, **labels)

    def _curves(self, x: str, lines: list[str]) -> dict[str, list[tuple]]:
        """For each line its points `(x, mean, interval)`, from the variants and evaluations that set x."""
        curves = {}
        for variant, evaluation in self.groups:
            asked = {**self.study.variants[variant], **json.loads(evaluation)}
            if x not in asked:
                continue
            values = {**self.study.options(variant), **asked, "variant": variant}
            values["modalities"] = self.study.modalities(variant)
            parts = [values[name] for name in lines if values.get(name) is not None]
            label = ", ".join(" + ".join(part) if isinstance(part, list) else str(part) for part in parts)
            group = (variant, evaluation)
            curves.setdefault(label, []).append((asked[x], self.scores[group].mean(), self.intervals[group]))
        return {label: sorted(points) for label, points in curves.items()}


ERRORS = ("calibration_error_without_temperature", "expected_calibration_error")


def _spread(values: pd.Series) -> str:
    values = values.dropna()
    if values.empty:
        return ""
    return f"{values.mean():.4f}" + (f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else "")
