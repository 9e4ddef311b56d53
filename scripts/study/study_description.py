# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
A study, read from a YAML file in scripts/studies:

    question: what is asked, in a sentence
    data: [meld, controlled]        # files in scripts/studies/data, with the settings that all variants share
    seeds: [42, 43, 44]
    baseline: gate                  # the variant that the others are compared with
    variants:                       # options of train.py
      gate: {fusion: gate}
      concat: {fusion: concat}
    evaluations:                    # optional: options of evaluate.py, every combination of the values
      - {missing_rate: [0, 0.5], disturbed_modalities: [[text], [audio]]}
    plots:                          # optional: curves over an option, a line for each value of other ones
      - {x: missing_rate, lines: [variant, disturbed_modalities]}

`data` may map a name to the `variants` that apply to it, and to `seeds` of its own. A variant with `calibrate: true` gets a temperature. A data file
has `about`, `settings` (options of train.py) and, for a cross-validation, `num_folds` and the options `folds_by`,
`folds_of`, `folds_extra`, `groups`, `group_column` and `folds` of cross_validate.py. Either the data or each variant names its `modalities`. A variant with
`mean_of: VARIANT` is not trained: it is the mean of the probabilities that the seeds of that variant predict. One with
`teacher_seeds` is a student that is trained on the predictions of teachers with these seeds, as by distil.py: in each fold,
the teachers are trained in 3 folds of its training conversations. One with
`late_fusion: true` is a model of the text whose probabilities are multiplied by those of logistic regressions on its other
modalities.
"""

from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path

from modeling_amuse import MODALITIES
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance
from modeling_amuse.processing.input_boundary import reads_file
from modeling_amuse.scripts.command.plain_yaml import parsed_yaml, read_yaml
from modeling_amuse.scripts.training.training_arguments import DataArguments, ModelArguments, TrainArguments

FOLDER = Path(__file__).parents[1] / "studies"
PATHS = (
    *("data_dir", "text_model", "audio_model", "vision_model"),
    *("text_features", "audio_features", "vision_features", "background_features", "soft_labels", "extra_data"),
)
"""Settings that are paths. The study is defined by the name of an encoder or table, not by its location."""

DISTURBANCES = ("missing_rate", "word_drop_rate", "feature_noise", "disturbed_modalities")
OWN_OPTIONS = (
    *("output_dir", "resume_from_checkpoint", "seed", "cache_dir", "report_to"),
    *("push_to_hub", "hub_model_id", "hub_private_repo"),
)
LEAST_SEEDS = 3
OF_VARIANTS = ("calibrate", "late_fusion", "mean_of", "teacher_seeds")
"""Options of a variant that are not train.py's."""

FOLD_OPTIONS = ("folds_by", "folds_of", "folds_extra", "groups", "group_column", "folds")
"""Options of cross_validate.py that data set, beside `num_folds`."""


@dataclass
class StudyData:
    """What a study is done on: a data set with the settings that all variants share."""

    name: str
    about: str
    settings: dict
    num_folds: int | None = None
    folds: dict = field(default_factory=dict)
    """How the folds are made, as options of cross_validate.py: `folds_by`, `folds_of`, `folds_extra`."""


@dataclass
class Study:
    """
    A study on one data set; see the module for its fields.

    Attributes:
        given_as: what `run_study.py` is given to read it: its name, or the path of a file elsewhere.
        data_names: all data sets that it is done on.
    """

    name: str
    question: str
    data: StudyData
    seeds: list[int]
    given_as: str
    data_names: list[str]
    variants: dict[str, dict]
    baseline: str | None = None
    evaluations: list[dict] = field(default_factory=lambda: [{}])
    plots: list[dict] = field(default_factory=list)

    def is_late_fusion(self, variant: str) -> bool:
        """Whether the variant is a model of the text times logistic regressions on its other modalities."""
        return bool(self.variants[variant].get("late_fusion"))

    def options(self, variant: str, with_all_features: bool = False) -> dict:
        """
        The options of train.py for a variant; features of modalities that it does not have are left out.

        Args:
            with_all_features: of a late fusion, keep those that are not trained on.
        """
        given = {name: value for name, value in self.variants[variant].items() if name not in OF_VARIANTS}
        options = {**self.data.settings, **given}
        if self.is_late_fusion(variant) and not with_all_features:
            options["modalities"] = ["text"]  # what is trained; the others come after it
        streams = {"audio": ("audio",), "vision": ("vision", "background"), "text": ()}
        for modality in MODALITIES:
            if modality not in options["modalities"]:
                for name in [f"{stream}_features" for stream in streams[modality]] + [f"{modality}_model"]:
                    options.pop(name, None)
        if "text" not in options["modalities"]:
            options.pop("freeze_text_model", None)
        return options

    def modalities(self, variant: str) -> list[str]:
        """The modalities of a variant."""
        chosen = self.options(variant, with_all_features=True)["modalities"]
        return [modality for modality in MODALITIES if modality in chosen]

    def applies(self, evaluation: dict, variant: str) -> bool:
        """Whether the variant has the modalities that an evaluation disturbs."""
        modalities = self.modalities(variant)
        needed = set(evaluation.get("disturbed_modalities", ())) | (
            {"text"} if "word_drop_rate" in evaluation else set()
        )
        return needed <= set(modalities)


def read_data(name: str) -> StudyData:
    """
    A file of scripts/studies/data by its name.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file does not describe data.
    """
    values = _read(FOLDER / "data" / f"{name}.yaml", {"about", "settings"}, {"num_folds", *FOLD_OPTIONS})
    _check_shapes(name, {"settings is a mapping": isinstance(values["settings"], dict)})
    _check_options(values["settings"], f"The data {name}")
    folds = {option: values[option] for option in FOLD_OPTIONS if option in values}
    return StudyData(name, values["about"], values["settings"], values.get("num_folds"), folds)


@reads_file("give a study in YAML.")
def read_studies(name: str, wanted: list[str] | None = None) -> list[Study]:
    """
    A study, once for each of its data sets.

    Args:
        name: a file of scripts/studies without its ending, or the path of a YAML file.
        wanted: these of the data sets alone.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it does not describe a study, with the reason.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    values = _read(path, {"question", "data", "seeds", "variants"}, {"baseline", "evaluations", "plots"})
    is_own = path.resolve().parent == FOLDER.resolve()
    name, given_as = path.stem, path.stem if is_own else name
    if not is_own and (FOLDER / f"{name}.yaml").is_file():
        raise ValueError(
            f"{path} has the name of a study of scripts/studies, whose results it would replace: rename it."
        )
    data, variants, evaluations = values["data"], values["variants"], values.get("evaluations", [{}])
    plots = values.get("plots", [])
    shapes = {
        "data is a list of names, or a mapping of names": isinstance(data, dict) or _is_list(data, str),
        "seeds is a list of whole numbers": _is_list(values["seeds"], int),
        "variants is a mapping of names to options, {} for no options": isinstance(variants, dict)
        and _is_list(list(variants.values()), dict),
        "evaluations is a list of mappings": _is_list(evaluations, dict),
        "plots is a list of mappings with an x": not plots
        or (_is_list(plots, dict) and all("x" in plot for plot in plots)),
    }
    _check_shapes(path, shapes)
    own = values["data"] if isinstance(values["data"], dict) else dict.fromkeys(values["data"])
    unknown = [data for data in wanted or () if data not in own]
    if unknown:
        raise ValueError(f"The study {name} does not use the data {', '.join(unknown)}; it uses {', '.join(own)}.")
    baseline = values.get("baseline")
    if not all(isinstance(variant, str) for variant in variants):
        raise ValueError(f"{path}: names of variants must be strings: put numbers, on, off, yes and no into quotes.")
    for variant, options in variants.items():
        _check_options(options, f"The variant {variant} of {path}", *OF_VARIANTS)
        if "mean_of" in options and (
            len(options) > 1 or options["mean_of"] not in variants or "mean_of" in variants[options["mean_of"]]
        ):
            raise ValueError(
                f"{path}: {variant} is the mean of the seeds of another variant (mean_of), so it cannot have other options, and "
                "the other variant must be trained."
            )
    if baseline is not None and baseline not in variants:
        raise ValueError(f"{path}: the baseline {baseline!r} is not among the variants {', '.join(variants)}.")
    evaluations = [case for given in evaluations for case in _combinations(given, path)]
    studies = []
    for data, given in own.items():
        chosen = (given or {}).get("variants", list(variants))
        seeds = (given or {}).get("seeds", values["seeds"])
        _check_shapes(path, {f"the seeds of {data} are a list of whole numbers": _is_list(seeds, int)})
        if set(chosen) - set(variants):
            raise ValueError(f"{path}: {data} names an unknown variant; the variants are {', '.join(variants)}.")
        if wanted is None or data in wanted:
            study = Study(
                *(name, values["question"], read_data(data), seeds, given_as, list(own)),
                *({variant: dict(variants[variant]) for variant in chosen}, baseline if baseline in chosen else None),
                *(evaluations, plots),
            )
            if study.data.num_folds is not None and (
                evaluations != [{}] or any("calibrate" in options for options in variants.values())
            ):
                raise ValueError(f"{path}: {data} is cross-validated, so evaluations and calibration are not possible.")
            untrained = [name for name, own in study.variants.items() if own.keys() & {"late_fusion", "mean_of"}]
            if evaluations != [{}] and untrained:
                raise ValueError(
                    f"{path}: {untrained[0]}, which combines models, cannot be evaluated with disturbances."
                )
            for variant, options in study.variants.items():
                if "teacher_seeds" in options and not (
                    "groups" in study.data.folds
                    and _is_list(options["teacher_seeds"], int)
                    and len(set(options["teacher_seeds"])) == len(options["teacher_seeds"])
                ):
                    raise ValueError(
                        f"{path}: teacher_seeds of {variant} must be a list of different whole numbers, and {data} must be "
                        "cross-validated over groups, by which the teachers' folds are made too."
                    )
                if not {**study.data.settings, **study.variants[variant]}.get("modalities"):
                    raise ValueError(
                        f"{path}: `modalities` is missing: give it for the variant {variant}, or in the settings of the data "
                        f"{data}, because conversations may contain their own features."
                    )
                if not any(study.applies(evaluation, variant) for evaluation in evaluations):
                    raise ValueError(f"{path}: the evaluations disturb no modality that {variant} has on {data}.")
            studies.append(study)
    return studies


def set_options(study: Study, given: list[str]) -> list[str]:
    """
    Replace settings of the study's data by values of the command line.

    Args:
        study: is changed.
        given: `KEY=VALUE`, or `DATA.KEY=VALUE` for one of several data sets; values as in YAML.

    Returns:
        The values that change the study itself. Paths and the device do not, but an encoder or a feature table of another
        name does.

    Raises:
        ValueError: for an unknown option, for data that the study does not use, and for an option that a variant sets itself.
    """
    changing, keys = [], {word.partition("=")[0] for word in given}
    for word in given:
        key, equals, value = word.partition("=")
        data, dot, name = key.rpartition(".")
        if not equals:
            raise ValueError(f"--set {word}: give KEY=VALUE, such as data_dir=MELD or meld.data_dir=MELD.")
        if dot and data not in study.data_names:
            raise ValueError(
                f"--set {word}: the study does not use the data {data}; it uses {', '.join(study.data_names)}."
            )
        if (dot and data != study.data.name) or (not dot and f"{study.data.name}.{name}" in keys):
            continue  # for another data set, or with a value of its own for this one
        if name == "groups":
            if name in study.data.folds:
                changing += [] if _last_part(value) == _last_part(study.data.folds[name]) else [word]
                study.data.folds[name] = value
            continue
        _check_options({name: value}, f"--set {word}")
        own = [variant for variant, options in study.variants.items() if name in options]
        if own and name in ("soft_labels", "extra_data"):  # where the table or the corpora of these variants lie
            for variant in own:
                given = value if name == "soft_labels" else value.split(",")
                if not _same_last_parts(given, study.variants[variant][name]) and word not in changing:
                    changing.append(word)
                study.variants[variant][name] = given
            continue
        if name in PATHS and name not in study.data.settings:
            raise ValueError(f"--set {word}: the data {study.data.name} has no {name}.")
        if own:
            raise ValueError(
                f"--set {word}: of {study.name}, {', '.join(own)} sets its own {name}, which would not change."
            )
        if name in PATHS:
            is_change = name != "data_dir" and _last_part(value) != _last_part(study.data.settings[name])
        else:
            is_change = name not in ("use_cpu", "per_device_eval_batch_size")
        study.data.settings[name] = value if name in PATHS else parsed_yaml(value, f"--set {word}")
        if is_change:
            changing.append(word)
    return changing


def _read(path: Path, required: set[str], optional: set[str]) -> dict:
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise FileNotFoundError(f"There is no file {path}" + (f"; its folder contains: {there}." if there else "."))
    values = read_yaml(path)
    keys = set(values) if isinstance(values, dict) else set()
    if not required <= keys or keys - required - optional:
        raise ValueError(
            f"{path} must have {', '.join(sorted(required))}, may have {', '.join(sorted(optional))}, and has "
            f"{', '.join(sorted(map(str, keys))) or 'none of these'}."
        )
    return values


def _same_last_parts(given: str | list[str], named: str | list[str]) -> bool:
    given, named = ([value] if isinstance(value, str) else value for value in (given, named))
    return list(map(_last_part, given)) == list(map(_last_part, named))


def _last_part(path: str) -> str:
    return Path(path).name.lower()


def _is_list(values, kind: type) -> bool:
    """Whether it is a list of at least one such value."""
    return isinstance(values, list) and bool(values) and all(isinstance(value, kind) for value in values)


def _check_shapes(place, shapes: dict[str, bool]):
    for shape, holds in shapes.items():
        if not holds:
            raise ValueError(f"{place}: {shape}.")


def _check_options(options: dict, what: str, *others: str):
    parts = (DataArguments, ModelArguments, TrainArguments)
    known = {f.name for part in parts for f in fields(part)} - set(OWN_OPTIONS) | set(others)
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(f"{what}: not an option of train.py that a study may set: {', '.join(map(str, unknown))}.")


def _combinations(given: dict, path: Path) -> list[dict]:
    unknown = set(given) - set(DISTURBANCES)
    if unknown:
        raise ValueError(
            f"{path}: evaluations may have {', '.join(DISTURBANCES)}, but not {', '.join(sorted(unknown))}."
        )
    values = [value if isinstance(value, list) else [value] for value in given.values()]
    cases = [dict(zip(given, combination, strict=True)) for combination in product(*values)]
    for case in cases:
        disturbed = case.get("disturbed_modalities", list(MODALITIES))
        if not _is_list(disturbed, str) or not set(disturbed) <= set(MODALITIES):
            raise ValueError(
                f"{path}: disturbed_modalities must be a list of lists, such as [[text], [audio, vision]], not {disturbed}."
            )
        Disturbance(**{name: value for name, value in case.items() if name != "disturbed_modalities"})
    return cases
