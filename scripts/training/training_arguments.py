# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The arguments of a training, and the recipes that set them."""

import sys
from argparse import ArgumentParser
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from modeling_amuse.scripts.command.options import NUM_THREADS_HELP, OptionParser
from modeling_amuse.scripts.training.data_arguments import FeatureArguments
from modeling_amuse.variants import EXPERTS, MODALITIES, PRESETS, REGISTRIES, Registry, Variant

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
"""Those of transformers that need nothing but a warm-up and the number of steps."""

DOWNLOADED_MELD_MODEL = "amuse-meld"
"""Where a training on MELD as it is downloaded writes its model; `amuse recognize` takes it where no model is named."""

TRACKERS = ("tensorboard", "wandb", "trackio")

COUNTS = (
    *("num_train_epochs", "early_stopping_patience", "gradient_accumulation_steps"),
    *("per_device_train_batch_size", "per_device_eval_batch_size"),
)

CONFIG_DEFAULTS = {
    **{field_name: registry.default for field_name, registry in REGISTRIES.items()},
    **{"num_text_neighbours": 2, "max_text_sequence": 510, "hidden_size": 256, "num_man_layers": 4},
    **{"causal": False, "hidden_dropout": 0.3, "modality_dropout": 0.0, "probe_modality_heads": False},
    **{"focal_gamma": 1.0},
}
"""What AmuseConfig takes for an option that is not given, for `--help`. (AmuseConfig itself cannot be imported here.)"""


def of_config(name: str, text: str) -> dict:
    """The metadata of an option that is a field of AmuseConfig: its default there and in the presets, its choices."""
    presets = [f"{preset}: {values[name]}" for preset, values in PRESETS.items() if name in values]
    default = f"{CONFIG_DEFAULTS[name]}" + (f"; by preset: {', '.join(presets)}" if presets else "")
    return {"help": text, "default": default} | ({"choices": REGISTRIES[name]} if name in REGISTRIES else {})


EXPERT_CHOICES = Registry("experts", "auto", Variant("auto", "What the validation split favours."), *EXPERTS.values())
"""The values of `--experts`."""


@dataclass
class DataArguments(FeatureArguments):
    """What the model learns from."""

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
            "help": "Table (.csv or .parquet) of votes or probabilities of the emotions by utterance_id: the model learns them "
            "beside the labels."
        },
    )
    soft_label_weight: float = field(
        default=0.5, metadata={"help": "Share of the soft label in what is learned; the rest is the label."}
    )
    soft_labels_for: str = field(
        default="majority",
        metadata={
            "help": "majority: soft labels only where the label has more than half of the votes (for votes of people). all: "
            "wherever the table has a row (for the probabilities of a teacher).",
            "choices": ["majority", "all"],
        },
    )
    extra_data: list[str] | None = field(
        default=None,
        metadata={
            "help": "Further corpora to learn from: folders of conversations, or NAME=FOLDER for a data set with a name, such "
            "as ravdess=RAVDESS. Emotions and modalities may differ: each corpus gets a classifier of its own."
        },
    )
    leave_out_overlap: bool = field(
        default=False,
        metadata={
            "help": "Leave out conversations of --extra_data whose texts stand in the validation or the test split; "
            "otherwise such a corpus is refused."
        },
    )
    train_fraction: float = field(
        default=1.0,
        metadata={"help": "Train on this share of the training conversations, drawn with --seed; more hold the fewer."},
    )
    feature_limit: float | None = field(
        default=None,
        metadata={
            "help": "Clip standardized features to this many standard deviations from the mean. The saved processor clips "
            "them, too.",
            "default": "not clipped",
        },
    )


@dataclass
class ModelArguments:
    """The model. What is left out has the preset's value, else that of AmuseConfig."""

    text_model: str | None = field(
        default=None,
        metadata={
            "help": "Text encoder: Hub id or folder.",
            "default": "for your own tables and downloaded MELD, all-MiniLM-L6-v2, frozen; else, as for `scratch`, a small one that is "
            "trained from scratch",
        },
    )
    freeze_text_model: bool = field(
        default=False, metadata={"help": "Keep the text encoder as it is; its states are computed once."}
    )
    text_scope: str | None = field(
        default=None,
        metadata=of_config(
            "text_scope",
            "What the text encoder reads at once. All but `utterance` put the speakers' names before the texts.",
        ),
    )
    num_text_neighbours: int | None = field(
        default=None,
        metadata=of_config(
            "num_text_neighbours", "Neighbours on each side that are read, for --text_scope neighbours."
        ),
    )
    max_text_sequence: int | None = field(
        default=None,
        metadata=of_config(
            "max_text_sequence",
            "Largest number of tokens that the text encoder reads at once, for scopes other than `utterance`.",
        ),
    )
    text_attention_dropout: float | None = field(
        default=None,
        metadata={
            "help": "Dropout of the text encoder's attention weights. 0 is faster.",
            "default": "the encoder's own",
        },
    )
    lora: bool = field(
        default=False, metadata={"help": "Train adapters in the text encoder (LoRA) in place of its weights."}
    )
    lora_r: int = field(default=8, metadata={"help": "Rank of the adapters."})
    lora_alpha: int = field(
        default=16, metadata={"help": "What an adapter gives is multiplied by lora_alpha / lora_r."}
    )
    lora_dropout: float = field(default=0.05, metadata={"help": "Dropout of what an adapter reads."})
    audio_model: str | None = field(
        default=None,
        metadata={"help": "Audio encoder, frozen: --audio_features has its states, made by extract_features.py."},
    )
    vision_model: str | None = field(
        default=None,
        metadata={"help": "Image encoder, frozen: --vision_features (and --background_features) have its states."},
    )
    preset: str | None = field(
        default=None, metadata={"help": "Named settings of the model.", "choices": list(PRESETS)}
    )
    hidden_size: int | None = field(default=None, metadata=of_config("hidden_size", "Size of the descriptors."))
    num_man_layers: int | None = field(
        default=None, metadata=of_config("num_man_layers", "Layers of the Multimodal Attention Network.")
    )
    head_aggregation: str | None = field(
        default=None, metadata=of_config("head_aggregation", "How the attention heads are combined.")
    )
    fusion: str | None = field(
        default=None, metadata=of_config("fusion", "How Adaptive Fusion weights two modalities (alpha).")
    )
    contexts: str | None = field(
        default=None, metadata=of_config("contexts", "Which contexts of the conversation are read.")
    )
    causal: bool | None = field(
        default=None, metadata=of_config("causal", "Predict an utterance from itself and the utterances before it.")
    )
    hidden_dropout: float | None = field(
        default=None, metadata=of_config("hidden_dropout", "Dropout of the descriptors.")
    )
    modality_dropout: float | None = field(
        default=None,
        metadata=of_config("modality_dropout", "Probability that a conversation loses a modality in training."),
    )
    probe_modality_heads: bool | None = field(
        default=None,
        metadata=of_config(
            "probe_modality_heads", "Train the heads of the single modalities without a gradient into the network."
        ),
    )
    focal_gamma: float | None = field(default=None, metadata=of_config("focal_gamma", "Exponent of the focal losses."))
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
    class_weights: str = field(
        default="none",
        metadata={
            "help": "balanced: weigh an emotion by the inverse of its frequency.",
            "choices": ["none", "balanced"],
        },
    )

    @property
    def wanted_experts(self) -> str:
        """`"auto"`, or the kind of experts that the trained model gets."""
        return self.experts or PRESETS.get(self.preset, {}).get("experts", "auto")

    def config_fields(self, given_only: bool = True) -> dict:
        """The fields of AmuseConfig that were given, or, with None for those that were not, all that can be."""
        own = {"text_model", "freeze_text_model", "audio_model", "vision_model", "preset", "class_weights"}
        own |= {"experts"}  # the epochs train a model without experts
        own |= {"lora", "lora_r", "lora_alpha", "lora_dropout", "text_attention_dropout"}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in own and (value is not None or not given_only)
        }


@dataclass
class TrainArguments:
    """How the model learns."""

    output_dir: str | None = field(
        default=None,
        metadata={
            "help": "Where the model, its processor and the checkpoint are written.",
            "default": f"{DOWNLOADED_MELD_MODEL} where `amuse train` downloads MELD; otherwise it is required",
        },
    )
    recipe: str | None = field(
        default=None,
        metadata={
            "help": "Settings of model and training: the name of a file of scripts/recipes, or the path of a YAML file, such "
            "as the recipe.yaml of a trained model. Options of the command line win."
        },
    )
    num_train_epochs: int = field(default=8, metadata={"help": "The most epochs."})
    early_stopping_patience: int = field(
        default=5, metadata={"help": "Stop after so many epochs without a better validation weighted F1."}
    )
    extra_data_first: int = field(
        default=0,
        metadata={
            "help": "So many epochs on --extra_data alone come before --num_train_epochs epochs without it. 0: all corpora are "
            "learned together."
        },
    )
    r_drop: float = field(
        default=0.0,
        metadata={
            "help": "R-Drop (arXiv 2106.14448): read each batch twice with other dropout, and add so much of the divergence of "
            "the predictions to the loss. A step takes twice as long. 0: off."
        },
    )
    text_layer_dropout: float = field(
        default=0.0,
        metadata={
            "help": "LayerDrop (arXiv 1909.11556): probability with which a layer of the text encoder is skipped in training."
        },
    )
    learning_rate: float = field(default=5e-4, metadata={"help": "Peak learning rate."})
    encoder_learning_rate: float | None = field(
        default=None,
        metadata={"help": "Peak learning rate of a pretrained encoder.", "default": "3e-5; 3e-4 for its adapters"},
    )
    layer_decay: float = field(
        default=1.0,
        metadata={"help": "Each layer of a pretrained encoder learns by so much slower than the one above it."},
    )
    weight_decay: float = field(default=0.01, metadata={"help": "Weight decay of AdamW."})
    warmup_ratio: float = field(default=0.1, metadata={"help": "Share of the steps in which the learning rate rises."})
    lr_scheduler_type: str = field(
        default="linear",
        metadata={"help": "Schedule of the learning rate after that.", "choices": list(SCHEDULES)},
    )
    weight_averaging: float = field(
        default=0.0,
        metadata={
            "help": "Keep the moving average of the weights, in which those before count so much at each step (0.99, for "
            "example); its scores are taken, and it is saved. 0: the weights themselves are."
        },
    )
    max_grad_norm: float = field(
        default=1.0, metadata={"help": "Norm to which gradients are clipped; 0: they are not."}
    )
    per_device_train_batch_size: int = field(default=8, metadata={"help": "Conversations in a batch of one process."})
    per_device_eval_batch_size: int = field(
        default=16, metadata={"help": "Conversations in an evaluation batch of one process."}
    )
    group_by_length: bool = field(
        default=False, metadata={"help": "Make batches of conversations of like length: less padding."}
    )
    gradient_accumulation_steps: int = field(default=1, metadata={"help": "Batches for one step of the optimizer."})
    mixed_precision: str = field(
        default="no", metadata={"help": "Precision of the computation.", "choices": ["no", "bf16"]}
    )
    gradient_checkpointing: bool = field(
        default=False, metadata={"help": "Compute layers again in the backward pass: less memory, more time."}
    )
    attn_implementation: str | None = field(
        default=None,
        metadata={
            "help": "Attention of encoders and fusion.",
            "default": "the fastest that is available",
            "choices": ["eager", "sdpa"],
        },
    )
    seed: int = field(default=42, metadata={"help": "Seed of weights, order, dropout."})
    resume_from_checkpoint: str | None = field(
        default=None, metadata={"help": "latest, or the folder of a checkpoint."}
    )
    use_cpu: bool = field(default=False, metadata={"help": "Train on the CPU even where there is a GPU."})
    report_to: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Trackers that get the losses, the validation scores and the learning rate of each epoch.",
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
        metadata={"help": "Measure the energy (extra energy); three letters of the country of the grid, such as DEU."},
    )
    device_watts: float | None = field(
        default=None,
        metadata={"help": "What the hardware draws, for an estimate of the energy where none is measured."},
    )


@dataclass
class FoldArguments:
    """How a cross-validation divides the data set, and what it scores."""

    num_folds: int = field(default=5, metadata={"help": "Parts into which the data are divided."})
    split: str = field(
        default="test",
        metadata={
            "help": "Part of each fold that is scored: validation to choose settings, test at the end.",
            "choices": ["validation", "test"],
        },
    )
    folds_by: str = field(
        default="speaker",
        metadata={
            "help": "What is never in two parts.",
            "choices": {
                "speaker": "no speaker is trained on and tested on",
                "conversation": "conversations are drawn, whoever speaks in them",
                "session": "each session is one part (leave one session out): of IEMOCAP, or splits that are sessions",
            },
        },
    )
    folds_of: str | None = field(
        default=None,
        metadata={
            "help": "Split that is divided.",
            "default": "the only split of the data set",
            "choices": ["train", "validation"],
        },
    )
    folds_extra: str | None = field(
        default=None,
        metadata={
            "help": "Split that every fold trains on besides, for --folds_of. Its utterances may lack features that the divided "
            "split has.",
            "choices": ["train", "validation"],
        },
    )
    groups: str | None = field(
        default=None,
        metadata={
            "help": "Table (.csv) with utterance_id and --group_column: divide the training split by these groups. The data set's "
            "validation split chooses the epochs, its test split is not opened.",
            "default": "folds by --folds_by",
        },
    )
    group_column: str = field(default="scene", metadata={"help": "The column of --groups that names the group."})
    folds: list[int] | None = field(
        default=None, metadata={"help": "Only these folds, 1 is the first, for a first look.", "default": "all"}
    )


@dataclass
class DistillationArguments:
    """The teachers of a distillation."""

    groups: str = field(
        metadata={
            "help": "Table (.csv) with utterance_id and --group_column: conversations of a group are in one fold."
        }
    )
    group_column: str = field(default="scene", metadata={"help": "The column of --groups that names the group."})
    num_folds: int = field(default=3, metadata={"help": "Parts into which the groups are divided."})
    teacher_seeds: list[int] = field(
        default_factory=lambda: [42, 43, 44], metadata={"help": "Seeds of the teachers of each fold."}
    )


# A resumed training may differ from the stopped one in these alone. Where things lie is free, what they hold is not: that
# is compared by the contents.
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
    The arguments of the command line, those of its recipe, and the defaults of what stands in neither.

    Args:
        arguments: words of the command line. None: those of this process.
        others: data classes with more arguments.
        description: of the script, for its `--help`.

    Returns:
        An object of each of the `others`, then `DataArguments`, `ModelArguments` and `TrainArguments`.

    Raises:
        ValueError: for a recipe that does not exist, or sets what is not an argument.
        SystemExit: with status 2, for wrong arguments.
    """
    # without abbreviations: of a recipe, whose name is read first, one would not be understood
    parts = (*others, DataArguments, ModelArguments, TrainArguments)
    parser = OptionParser(*parts, description=description)
    chosen = ArgumentParser(add_help=False, allow_abbrev=False)
    chosen.add_argument("--recipe")
    recipe = chosen.parse_known_args(arguments)[0].recipe
    if recipe is not None:
        settings = read_recipe(recipe, {action.dest for action in parser._actions})
        # before what is given, which wins; the parser checks the values of both
        arguments = [*as_arguments(settings), *(sys.argv[1:] if arguments is None else arguments)]
    options = parser.read(arguments)
    data_args, _, args = options[-3:]
    if args.output_dir is None:
        if others or not data_args.is_downloaded_meld():
            parser.error("the following arguments are required: --output_dir")
        args.output_dir = DOWNLOADED_MELD_MODEL
    return options


def read_recipe(name: str, known: set[str]) -> dict:
    """
    The settings of a recipe.

    Args:
        name: of a file of `scripts/recipes`, or the path of a YAML file.
        known: the options that it may set.

    Raises:
        ValueError: for a recipe that does not exist, is not YAML, or sets what is not an option.
    """
    is_path = name.endswith((".yaml", ".yml"))
    path = Path(name) if is_path else RECIPES / f"{name}.yaml"
    if not path.is_file():
        there_are = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
        raise ValueError(
            f"There is no file {path} for --recipe."
            if is_path
            else f"There is no recipe {name!r}; there are: {there_are}. For a file of your own, give its path, ending in .yaml."
        )
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} must map options to values, one a line, such as `learning_rate: 0.001`.")
    unknown = settings.keys() - known
    if unknown:
        raise ValueError(f"{path} sets {', '.join(sorted(map(str, unknown)))}, which train.py does not know.")
    return settings


def check_arguments(data_args: DataArguments, model_args: ModelArguments, args: TrainArguments):
    """
    Raises:
        ValueError: when a number is out of its range, or an option needs another one.
    """
    if not 0 <= args.weight_averaging < 1:
        raise ValueError(f"--weight_averaging must be at least 0 and less than 1, but is {args.weight_averaging}.")
    if data_args.feature_limit is not None and not data_args.feature_limit > 0:
        raise ValueError(f"--feature_limit must be more than 0, but is {data_args.feature_limit}.")
    if args.r_drop < 0:
        raise ValueError(f"--r_drop must be 0 or more, but is {args.r_drop}.")
    if not 0 <= args.text_layer_dropout < 1:
        raise ValueError(f"--text_layer_dropout must be at least 0 and less than 1, but is {args.text_layer_dropout}.")
    if args.extra_data_first < 0:
        raise ValueError(f"--extra_data_first must be 0 or more, but is {args.extra_data_first}.")
    if args.extra_data_first and not data_args.extra_data:
        raise ValueError("--extra_data_first needs --extra_data, the corpora that are learned first.")
    if model_args.text_model is None:
        options = {
            "encoder_learning_rate": args.encoder_learning_rate,
            "text_attention_dropout": model_args.text_attention_dropout,
            "text_layer_dropout": args.text_layer_dropout or None,
        }
        idle = [f"--{name}" for name, value in options.items() if value is not None]
        if idle:
            raise ValueError(
                f"{' and '.join(idle)} (or the recipe that sets it) needs --text_model, the encoder it is for."
            )
    for name in COUNTS:
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} must be at least 1, but is {getattr(args, name)}.")


def as_arguments(values: dict) -> list[str]:
    """The values as words of a command line. None and empty lists stand for options that are not given."""
    given = {name: value if isinstance(value, list) else [value] for name, value in values.items() if value is not None}
    given = {name: words for name, words in given.items() if words}
    return [word for name, value in given.items() for word in (f"--{name}", *map(str, value))]
