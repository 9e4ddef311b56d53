# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The arguments of trainings, cross-validations and distillations, and recipes, which set them."""

import sys
from argparse import ArgumentParser
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path

from modeling_amuse.processing.input_boundary import reads_file
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.command.options import NUM_THREADS_HELP, OptionParser
from modeling_amuse.scripts.command.plain_yaml import read_yaml
from modeling_amuse.scripts.command.ranges import (
    AT_LEAST_ONE,
    AT_LEAST_ZERO,
    DROPOUT,
    POSITIVE,
    PROBABILITY,
    SHARE,
    Range,
    check_ranges,
)
from modeling_amuse.scripts.training.data_arguments import FeatureArguments
from modeling_amuse.variants import EXPERTS, MODALITIES, PRESETS, REGISTRIES, TEXT_SCOPES, Registry, Variant

SCRATCH = "scratch"
"""The value of `--text_model` for the small encoder that is trained from scratch."""

RECIPES = Path(__file__).parents[1] / "recipes"
SCHEDULES = (
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
    "constant_with_warmup",
    "constant",
)
"""The schedules of transformers that need only a warm-up and the number of steps."""

DOWNLOADED_MELD_MODEL = "amuse-meld"
"""Where a training on MELD as it is downloaded writes its model; `amuse recognize` takes it where no model is named."""

TRACKERS = ("tensorboard", "wandb", "trackio")

CONFIG_DEFAULTS = {
    **{field_name: registry.default for field_name, registry in REGISTRIES.items()},
    **{"num_text_neighbours": 2, "max_text_sequence": 510, "hidden_size": 256, "num_man_layers": 4},
    **{"causal": False, "hidden_dropout": 0.3, "modality_dropout": 0.0, "probe_modality_heads": False},
    **{"focal_gamma": 1.0, "conversation_modalities": None},
}
"""The defaults of AmuseConfig for `--help`, as AmuseConfig is too slow to import here."""


def of_config(name: str, text: str) -> dict:
    """The metadata of an option that is a field of AmuseConfig: help, choices, and its defaults there and in the presets."""
    presets = [f"{preset}: {values[name]}" for preset, values in PRESETS.items() if name in values]
    default = f"{CONFIG_DEFAULTS[name]}" + (f"; by preset: {', '.join(presets)}" if presets else "")
    return {"help": text, "default": default} | ({"choices": REGISTRIES[name]} if name in REGISTRIES else {})


EXPERT_CHOICES = Registry(
    "experts", "auto", Variant("auto", "The best kind on the validation split."), *EXPERTS.values()
)
"""The values of `--experts`."""


@dataclass
class DataArguments(FeatureArguments):
    """Options of the training data."""

    modalities: list[str] | None = field(
        default=None,
        metadata={
            "help": "Modalities of the model.",
            "default": "text, and those with features",
            "choices": list(MODALITIES),
        },
    )
    soft_labels: str | None = field(
        default=None,
        metadata={
            "help": "Table (.csv or .parquet) of votes or probabilities of the emotions by utterance_id, on which the model is "
            "trained in addition to the labels."
        },
    )
    soft_label_weight: float = field(
        default=0.5,
        metadata={"help": "Share of the soft label in the training target; the rest is the label.", "range": SHARE},
    )
    soft_labels_for: str = field(
        default="majority",
        metadata={
            "help": "majority: use soft labels only where the label has more than half of the votes (for annotators' votes). "
            "all: use all rows of labelled utterances (for the probabilities of a teacher).",
            "choices": ["majority", "all"],
        },
    )
    extra_data: list[str] | None = field(
        default=None,
        metadata={
            "help": "Extra corpora to train on: folders of conversations, or NAME=FOLDER for a known data set, such as "
            "ravdess=RAVDESS. Emotions and modalities may differ: each corpus gets its own classifier."
        },
    )
    leave_out_overlap: bool = field(
        default=False,
        metadata={
            "help": "Leave out conversations of --extra_data whose texts occur in the validation or the test split; "
            "otherwise such a corpus is refused."
        },
    )
    train_fraction: float = field(
        default=1.0,
        metadata={
            "help": "Share of the training conversations to train on, drawn with --seed; larger shares contain smaller ones.",
            "range": SHARE,
        },
    )
    feature_limit: float | None = field(
        default=None,
        metadata={
            "help": "Clip standardized features to this many standard deviations from the mean. The saved processor also clips "
            "them.",
            "default": "not clipped",
            "range": POSITIVE,
        },
    )


@dataclass
class ModelArguments:
    """Options of the model. Those that are not given have the preset's value, else that of AmuseConfig."""

    text_model: str | None = field(
        default=None,
        metadata={
            "help": "Text encoder: Hub id or folder.",
            "default": "all-MiniLM-L6-v2, frozen, for your own tables, data sets of the Hub and downloaded MELD; else a small "
            "encoder trained from scratch, as with `scratch`",
        },
    )
    freeze_text_model: bool = field(
        default=False, metadata={"help": "Do not train the text encoder; its states are computed only once."}
    )
    text_scope: str | None = field(
        default=None,
        metadata=of_config(
            "text_scope",
            "The text that the encoder reads at once. All but `utterance` put the speakers' names before the texts.",
        ),
    )
    num_text_neighbours: int | None = field(
        default=None,
        metadata=of_config("num_text_neighbours", "Number of neighbours on each side, for --text_scope neighbours.")
        | {"range": AT_LEAST_ZERO},
    )
    max_text_sequence: int | None = field(
        default=None,
        metadata=of_config(
            "max_text_sequence",
            "Largest number of tokens that the text encoder reads at once, for scopes other than `utterance`.",
        )
        | {"range": AT_LEAST_ONE},
    )
    text_attention_dropout: float | None = field(
        default=None,
        metadata={
            "help": "Dropout of the text encoder's attention weights. 0 is faster.",
            "default": "the encoder's own",
            "range": DROPOUT,
        },
    )
    lora: bool = field(
        default=False, metadata={"help": "Train adapters of the text encoder (LoRA) instead of its weights."}
    )
    lora_r: int = field(default=8, metadata={"help": "Rank of the adapters.", "range": AT_LEAST_ONE})
    lora_alpha: int = field(
        default=16,
        metadata={"help": "The output of adapters is multiplied by lora_alpha / lora_r.", "range": AT_LEAST_ONE},
    )
    lora_dropout: float = field(default=0.05, metadata={"help": "Dropout of the input of adapters.", "range": DROPOUT})
    audio_model: str | None = field(
        default=None,
        metadata={"help": "Frozen audio encoder, whose states from amuse extract are given as --audio_features."},
    )
    vision_model: str | None = field(
        default=None,
        metadata={
            "help": "Frozen image encoder, whose states are given as --vision_features (and --background_features)."
        },
    )
    preset: str | None = field(
        default=None, metadata={"help": "Named settings of the model.", "choices": list(PRESETS)}
    )
    hidden_size: int | None = field(
        default=None, metadata=of_config("hidden_size", "Size of the descriptors.") | {"range": AT_LEAST_ONE}
    )
    num_man_layers: int | None = field(
        default=None,
        metadata=of_config("num_man_layers", "Number of layers of the Multimodal Attention Network.")
        | {"range": AT_LEAST_ZERO},
    )
    head_aggregation: str | None = field(
        default=None, metadata=of_config("head_aggregation", "How the attention heads are combined.")
    )
    fusion: str | None = field(
        default=None, metadata=of_config("fusion", "How Adaptive Fusion weights two modalities (alpha).")
    )
    contexts: str | None = field(
        default=None, metadata=of_config("contexts", "Contexts of the conversation that the model uses.")
    )
    conversation_modalities: list[str] | None = field(
        default=None,
        metadata=of_config(
            "conversation_modalities",
            "Modalities that attention, fusion and contexts read; the others are only read by their experts.",
        )
        | {"default": "all", "choices": list(MODALITIES)},
    )
    causal: bool | None = field(
        default=None, metadata=of_config("causal", "Predict each utterance only from itself and earlier utterances.")
    )
    hidden_dropout: float | None = field(
        default=None, metadata=of_config("hidden_dropout", "Dropout of the descriptors.") | {"range": DROPOUT}
    )
    modality_dropout: float | None = field(
        default=None,
        metadata=of_config("modality_dropout", "Probability that a conversation loses a modality in training.")
        | {"range": DROPOUT},
    )
    probe_modality_heads: bool | None = field(
        default=None,
        metadata=of_config(
            "probe_modality_heads", "Do not propagate the gradient of the single modalities' heads into the network."
        ),
    )
    focal_gamma: float | None = field(
        default=None, metadata=of_config("focal_gamma", "Exponent of the focal losses.") | {"range": AT_LEAST_ZERO}
    )
    contrastive_loss: str | None = field(
        default=None, metadata=of_config("contrastive_loss", "The loss between the modalities.")
    )
    experts: str | None = field(
        default=None,
        metadata={
            "help": "Experts of the modalities, fitted after the epochs.",
            "default": "auto, with --preset paper none",
            "choices": EXPERT_CHOICES,
        },
    )
    separate_expert_weights: bool = field(
        default=False,
        metadata={"help": "Fit a weight for each expert on validation, instead of one for all experts."},
    )
    class_weights: str = field(
        default="none",
        metadata={
            "help": "balanced: weight each emotion by the inverse of its frequency.",
            "choices": ["none", "balanced"],
        },
    )

    @property
    def wanted_experts(self) -> str:
        """The kind of experts to fit, or `"auto"`."""
        return self.experts or PRESETS.get(self.preset, {}).get("experts", "auto")

    def config_fields(self, given_only: bool = True) -> dict:
        """The fields of AmuseConfig that were given. With `given_only=False` all fields, None for those not given."""
        own = {"text_model", "freeze_text_model", "audio_model", "vision_model", "preset", "class_weights"}
        own |= {"experts", "separate_expert_weights"}  # experts are added only after the epochs
        own |= {"lora", "lora_r", "lora_alpha", "lora_dropout", "text_attention_dropout"}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in own and (value is not None or not given_only)
        }


@dataclass
class TrainArguments:
    """Options of the training."""

    output_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder for the model, its processor and the checkpoint.",
            "default": f"{DOWNLOADED_MELD_MODEL} if `amuse train` downloads MELD, else required",
        },
    )
    recipe: str | None = field(
        default=None,
        metadata={
            "help": "Settings of model and training: the name of a file of scripts/recipes, or the path of a YAML file, such "
            "as the recipe.yaml of a trained model. Options of the command line override it."
        },
    )
    num_train_epochs: int = field(default=8, metadata={"help": "Largest number of epochs.", "range": AT_LEAST_ONE})
    early_stopping_patience: int = field(
        default=5,
        metadata={
            "help": "Number of epochs without a better validation weighted F1 after which to stop.",
            "range": AT_LEAST_ONE,
        },
    )
    extra_data_first: int = field(
        default=0,
        metadata={
            "help": "Number of epochs on --extra_data only, before --num_train_epochs epochs without it. 0: train on all corpora "
            "together.",
            "range": AT_LEAST_ZERO,
        },
    )
    r_drop: float = field(
        default=0.0,
        metadata={
            "help": "R-Drop (arXiv 2106.14448): weight in the loss of the divergence between two predictions of each batch with "
            "different dropout. A step takes twice as long. 0: off.",
            "range": AT_LEAST_ZERO,
        },
    )
    text_layer_dropout: float = field(
        default=0.0,
        metadata={
            "help": "LayerDrop (arXiv 1909.11556): probability that a layer of the text encoder is skipped in training.",
            "range": DROPOUT,
        },
    )
    learning_rate: float = field(default=5e-4, metadata={"help": "Peak learning rate.", "range": POSITIVE})
    encoder_learning_rate: float | None = field(
        default=None,
        metadata={
            "help": "Peak learning rate of a pretrained encoder.",
            "default": "3e-5; 3e-4 for its adapters",
            "range": POSITIVE,
        },
    )
    layer_decay: float = field(
        default=1.0,
        metadata={
            "help": "Factor from the learning rate of a pretrained encoder's layer to that of the layer below.",
            "range": SHARE,
        },
    )
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of AdamW.", "range": AT_LEAST_ZERO})
    warmup_ratio: float = field(
        default=0.1, metadata={"help": "Share of the steps in which the learning rate rises.", "range": PROBABILITY}
    )
    lr_scheduler_type: str = field(
        default="linear",
        metadata={"help": "Schedule of the learning rate after the warm-up.", "choices": list(SCHEDULES)},
    )
    weight_averaging: float = field(
        default=0.0,
        metadata={
            "help": "Decay of an exponential moving average of the weights, such as 0.99, which is scored and saved instead of "
            "the weights. 0: off.",
            "range": DROPOUT,
        },
    )
    max_grad_norm: float = field(
        default=1.0,
        metadata={
            "help": "Largest norm of gradients, to which they are clipped. 0: not clipped.",
            "range": AT_LEAST_ZERO,
        },
    )
    per_device_train_batch_size: int = field(
        default=8, metadata={"help": "Conversations in a batch of one process.", "range": AT_LEAST_ONE}
    )
    per_device_eval_batch_size: int = field(
        default=16, metadata={"help": "Conversations in an evaluation batch of one process.", "range": AT_LEAST_ONE}
    )
    group_by_length: bool = field(
        default=False, metadata={"help": "Make batches of conversations of similar length, which need less padding."}
    )
    gradient_accumulation_steps: int = field(
        default=1, metadata={"help": "Number of batches for one step of the optimizer.", "range": AT_LEAST_ONE}
    )
    mixed_precision: str = field(
        default="no",
        metadata={
            "help": "Precision of the computation. Without instructions for bf16, float32 is used.",
            "choices": ["no", "bf16"],
        },
    )
    gradient_checkpointing: bool = field(
        default=False, metadata={"help": "Recompute layers in the backward pass, to save memory at the cost of time."}
    )
    attn_implementation: str | None = field(
        default=None,
        metadata={
            "help": "Implementation of attention in encoders and fusion.",
            "default": "the fastest that is available",
            "choices": ["eager", "sdpa"],
        },
    )
    seed: int = field(default=42, metadata={"help": "Seed of weights, order and dropout."})
    resume_from_checkpoint: str | None = field(
        default=None, metadata={"help": "Checkpoint to continue from: latest, or its folder."}
    )
    use_cpu: bool = field(default=False, metadata={"help": "Train on the CPU even where there is a GPU."})
    report_to: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Experiment trackers for the losses, the validation scores and the learning rate of each epoch.",
            "choices": list(TRACKERS),
        },
    )
    push_to_hub: bool = field(
        default=False, metadata={"help": "Upload the model with a model card to the Hub at the end of the training."}
    )
    hub_model_id: str | None = field(
        default=None, metadata={"help": "Repository on the Hub, user/name, for --push_to_hub."}
    )
    hub_private_repo: bool = field(default=False, metadata={"help": "Create a private repository."})
    num_threads: int | None = field(default=None, metadata=NUM_THREADS_HELP)
    energy_country: str | None = field(
        default=None,
        metadata={
            "help": "Measure the energy with codecarbon: the country of the electricity grid in three letters, such as DEU."
        },
    )
    device_watts: float | None = field(
        default=None,
        metadata={
            "help": "Power of the hardware in watts, to estimate the energy if it is not measured.",
            "range": POSITIVE,
        },
    )


@dataclass
class FoldArguments:
    """Options of the cross-validation."""

    num_folds: int = field(
        default=5, metadata={"help": "Number of parts into which the data are divided.", "range": Range(least=2)}
    )
    split: str = field(
        default="test",
        metadata={
            "help": "Part of each fold to score: validation to choose settings, test at the end.",
            "choices": ["validation", "test"],
        },
    )
    folds_by: str = field(
        default="speaker",
        metadata={
            "help": "How the data are divided.",
            "choices": {
                "speaker": "no speaker is in two parts",
                "conversation": "conversations are drawn at random, regardless of their speakers",
                "session": "each session is a part (leave one session out), for IEMOCAP or data whose splits are sessions",
            },
        },
    )
    folds_of: str | None = field(
        default=None,
        metadata={
            "help": "Split to divide.",
            "default": "the only split of the data set",
            "choices": ["train", "validation"],
        },
    )
    folds_extra: str | None = field(
        default=None,
        metadata={
            "help": "Split that is added to the training data of every fold, for --folds_of, without conversations of speakers "
            "(--folds_by) that the fold scores. Its utterances may lack features that the divided split has.",
            "choices": ["train", "validation"],
        },
    )
    groups: str | None = field(
        default=None,
        metadata={
            "help": "Table (.csv) with utterance_id and --group_column, by whose groups the training split is divided. The epochs "
            "are chosen on the data set's validation split, and its test split is not opened.",
            "default": "folds by --folds_by",
        },
    )
    group_column: str = field(default="scene", metadata={"help": "The column of --groups that names the group."})
    folds: list[int] | None = field(
        default=None, metadata={"help": "Numbers of the folds to run, from 1.", "default": "all", "range": AT_LEAST_ONE}
    )


@dataclass
class DistillationArguments:
    """Options of the distillation's teachers."""

    groups: str = field(
        metadata={
            "help": "Table (.csv) with utterance_id and --group_column: conversations of a group are in the same fold."
        }
    )
    group_column: str = field(default="scene", metadata={"help": "The column of --groups that names the group."})
    num_folds: int = field(
        default=3, metadata={"help": "Number of parts into which the groups are divided.", "range": Range(least=2)}
    )
    teacher_seeds: list[int] = field(
        default_factory=lambda: [42, 43, 44], metadata={"help": "Seeds of the teachers in each fold."}
    )


DEFAULTS = {
    f.name: f.default
    for part in (DataArguments, ModelArguments, TrainArguments)
    for f in fields(part)
    if f.default is not MISSING
}
"""The defaults of train.py's options. Stored settings of an earlier version lack the options that were added since."""

# Only these options may change when a training is resumed. Paths may change, but the contents of the files are compared.
FREE_ON_RESUME = {
    "recipe",  # its settings are compared
    *("use_cpu", "num_threads"),
    *("resume_from_checkpoint", "output_dir", "data_dir", "cache_dir", "per_device_eval_batch_size"),
    *("text_model", "audio_model", "vision_model"),
    *("text_features", "audio_features", "vision_features", "background_features"),
    *("data_file", "train_file", "validation_file", "test_file"),
    *("soft_labels", "extra_data"),
    *("energy_country", "device_watts", "report_to"),
    *("push_to_hub", "hub_model_id", "hub_private_repo"),
}


def parse_arguments(arguments: list[str] | None = None, *others: type, description: str | None = None) -> tuple:
    """
    Parse the command line and its recipe. Options in neither get their defaults.

    Args:
        arguments: the words of the command line. None: those of this process.
        others: data classes with more arguments.
        description: the description of the command for `--help`.

    Returns:
        An instance of each of the `others`, then of `DataArguments`, `ModelArguments` and `TrainArguments`.

    Raises:
        ValueError: for a recipe that does not exist, or that sets an unknown option.
        SystemExit: with status 2, for wrong arguments.
    """
    # the recipe's name is parsed first, for which abbreviated options must be off
    parts = (*others, DataArguments, ModelArguments, TrainArguments)
    parser = OptionParser(*parts, description=description)
    chosen = ArgumentParser(add_help=False, allow_abbrev=False)
    chosen.add_argument("--recipe")
    recipe = chosen.parse_known_args(arguments)[0].recipe
    if recipe is not None:
        settings = read_recipe(recipe, {action.dest for action in parser._actions})
        # options of the command line come last and override the recipe; the parser checks the values of both
        arguments = [*as_arguments(settings), *(sys.argv[1:] if arguments is None else arguments)]
    options = parser.read(arguments)
    data_args, _, args = options[-3:]
    if args.output_dir is None:
        if others or not data_args.is_downloaded_meld():
            parser.error("the following arguments are required: --output_dir")
        args.output_dir = DOWNLOADED_MELD_MODEL
    return options


@reads_file("give a recipe in YAML.")
def read_recipe(name: str, known: set[str]) -> dict:
    """
    Read the settings of a recipe.

    Args:
        name: the name of a file of `scripts/recipes`, or the path of a YAML file.
        known: the options that it may set.

    Raises:
        ValueError: for a recipe that does not exist, is not YAML, or sets an unknown option.
    """
    is_path = name.endswith((".yaml", ".yml"))
    path = Path(name) if is_path else RECIPES / f"{name}.yaml"
    if not path.is_file():
        there_are = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
        raise ValueError(
            f"There is no file {path} for --recipe."
            if is_path
            else f"There is no recipe {name!r}; choose from {there_are}, or give the path of your own file, ending in .yaml."
        )
    settings = read_yaml(path) or {}
    if not isinstance(settings, dict):
        raise ValueError(f"{path} must map options to values, one per line, such as `learning_rate: 0.001`.")
    unknown = settings.keys() - known
    if unknown:
        raise ValueError(
            f"{path} sets {', '.join(sorted(map(str, unknown)))}, which is not an option of training: see amuse train --help."
        )
    return settings


def check_arguments(data_args: DataArguments, model_args: ModelArguments, args: TrainArguments):
    """
    Raises:
        WrongArguments: when a number is not in its range, or an option needs another option.
    """
    check_ranges(data_args, model_args, args)
    if args.extra_data_first and not data_args.extra_data:
        raise WrongArguments("--extra_data_first needs --extra_data, the corpora that are used first.")
    if args.r_drop and model_args.contrastive_loss == "in_batch":
        raise WrongArguments(
            "--r_drop reads each utterance twice in a batch, and --contrastive_loss in_batch would push the two apart: leave one "
            "of them out."
        )
    if model_args.text_model in (None, SCRATCH):
        options = {
            "encoder_learning_rate": args.encoder_learning_rate,
            "text_attention_dropout": model_args.text_attention_dropout,
            "text_layer_dropout": (args.text_layer_dropout or None) if model_args.text_model is None else None,
        }
        idle = [f"--{name}" for name, value in options.items() if value is not None]
        if idle:
            raise WrongArguments(
                f"{' and '.join(idle)} (set by an option or a recipe) needs --text_model, a pretrained text encoder."
            )


def check_needs(words: list[str] | None, data_args: DataArguments, model_args: ModelArguments, args: TrainArguments):
    """
    Check the options of the command line. Those of a recipe are not checked, as the command line may override what they need,
    nor are those of a study, which may belong to some of its variants alone.

    Args:
        words: the words of the command line. None: those of this process.
        data_args, model_args, args: what was parsed from them.

    Raises:
        WrongArguments: when an option has no effect, as another one that it needs is not given. Defaults are not refused.
    """
    words = sys.argv[1:] if words is None else words
    named = {word.removeprefix("--").partition("=")[0] for word in words if word.startswith("--")}
    scope = model_args.text_scope or TEXT_SCOPES.default
    needs = [
        (("lora_r", "lora_alpha", "lora_dropout"), model_args.lora, "--lora"),
        (("soft_label_weight", "soft_labels_for"), data_args.soft_labels, "--soft_labels"),
        (("leave_out_overlap",), data_args.extra_data, "--extra_data"),
        (("num_text_neighbours",), scope == "neighbours", "--text_scope neighbours"),
        (("max_text_sequence",), not TEXT_SCOPES[scope].is_utterance, "another --text_scope than utterance"),
        (("separate_expert_weights",), model_args.wanted_experts != "none", "other --experts than none"),
        (("hub_private_repo",), args.push_to_hub, "--push_to_hub"),
    ]
    given = {**asdict(data_args), **asdict(model_args), **asdict(args)}
    for names, is_met, needed in needs:
        changed = [name for name in names if given[name] not in (DEFAULTS[name], CONFIG_DEFAULTS.get(name))]
        unused = [f"--{name}" for name in changed if name in named]
        if unused and not is_met:
            options, verb = " and ".join(unused), "needs" if len(unused) == 1 else "need"
            raise WrongArguments(f"{options} {verb} {needed}: give it, or leave {options} out.")


def as_arguments(values: dict) -> list[str]:
    """The words of a command line for the given values. None and empty lists are options that are not given."""
    given = {name: value if isinstance(value, list) else [value] for name, value in values.items() if value is not None}
    given = {name: words for name, words in given.items() if words}
    return [word for name, value in given.items() for word in (f"--{name}", *map(str, value))]
