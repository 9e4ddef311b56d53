# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Train AMuSE on conversations.

    accelerate launch scripts/train.py --dataset_name sample --output_dir amuse-sample
    accelerate launch scripts/train.py --dataset_name meld --data_dir MELD --text_model sentence-transformers/all-MiniLM-L6-v2 \
        --freeze_text_model --output_dir amuse-meld

The epoch is chosen by the weighted F1 on the validation split. The output folder holds that epoch's model with its
configuration and processor, and the training's checkpoint: `--resume_from_checkpoint latest` goes on from it. With `--lora`
the text encoder is trained by adapters: the folder holds the merged model, and the adapter by itself in `adapter`.
"""

import json
import os
import re
import shutil
import time
from collections import Counter, defaultdict
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, DistributedType, set_seed
from datasets import Dataset
from peft import PeftModel, get_peft_model
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, get_scheduler
from transformers.trainer_pt_utils import get_length_grouped_indices
from transformers.utils import CONFIG_NAME

from modeling_amuse import MODALITIES, AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.configuration_amuse import PRESETS
from modeling_amuse.low_rank_adaptation import lora_config
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_builder import report_counts
from modeling_amuse.processing.corpora.conversation_dataset import (
    ConversationDataset,
    load_stream_tables,
    utterance_ids,
)
from modeling_amuse.processing.corpora.encoder_states import encoder_record, frozen_text_states
from modeling_amuse.processing.corpora.load_conversations import describe_report, load_conversations
from modeling_amuse.processing.evaluation.contaminated_encoders import contamination
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.prediction import (
    collate_conversations,
    encoder_part,
    forget_mixed_precision,
    load_from_folder_or_hub,
    predict,
    score,
    use_all_cores,
)
from modeling_amuse.scripts.training.run_record import EnergyMeter, describe_run, encoder_name
from modeling_amuse.scripts.training.training_arguments import (
    COUNTS,
    FREE_ON_RESUME,
    ModelArguments,
    TrainArguments,
    parse_arguments,
)
from modeling_amuse.scripts.training.training_checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    read_progress,
    save_checkpoint,
)

SELECTION_RULE = "the highest weighted F1 on the validation split, the first of equals"


def main(arguments: list[str] | None = None):
    data_args, model_args, args = parse_arguments(arguments, description=__doc__)
    if not 0 <= args.weight_averaging < 1:
        raise ValueError(f"--weight_averaging must be at least 0 and less than 1, but is {args.weight_averaging}.")
    if model_args.text_model is None:
        options = {
            "encoder_learning_rate": args.encoder_learning_rate,
            "text_attention_dropout": model_args.text_attention_dropout,
        }
        idle = [f"--{name}" for name, value in options.items() if value is not None]
        if idle:
            raise ValueError(
                f"{' and '.join(idle)} (or the recipe that sets it) needs --text_model, the encoder it is for."
            )
    for name in COUNTS:
        if getattr(args, name) < 1:
            raise ValueError(f"--{name} must be at least 1, but is {getattr(args, name)}.")
    output_dir = Path(args.output_dir)
    forget_mixed_precision()
    accelerator = Accelerator(
        mixed_precision=args.mixed_precision,
        cpu=args.use_cpu or not torch.cuda.is_available(),
        kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
    )
    check_distribution(accelerator, model_args)
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if launched not in ("no", args.mixed_precision):
        accelerator.print(
            f"Warning: accelerate launch was told to compute in {launched}, which this script takes from --mixed_precision "
            f"alone: it is {args.mixed_precision}."
        )
    use_all_cores(accelerator)
    meter = EnergyMeter(args.energy_country if accelerator.is_main_process else None)  # of the whole machine
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a tenth of the time, to find bugs alone
    set_seed(args.seed)

    # Data, processor and model. The main process goes first: it fills the caches that the others read.
    with accelerator.main_process_first():
        # the file of the test split is evaluate.py's alone
        own = ("train", "validation")
        data = load_conversations(data_args.dataset_name, data_args.data_dir, data_args.cache_dir, own)
    accelerator.print(describe_report(data.report))
    if "train" in data.splits and data_args.train_fraction != 1:
        positions = drawn_conversations(len(data.splits["train"]), data_args.train_fraction, args.seed)
        accelerator.print(f"train: {len(positions)} of {len(data.splits['train'])} conversations are trained on")
        data.splits["train"] = data.splits["train"].select(positions)
        data.report["train"] = Counter({**data.report["train"], **report_counts(data.splits["train"].to_list())})
    splits = dict(data.splits)
    for split in ("train", "validation"):
        if split not in splits:
            raise ValueError(
                f"The data set {data_args.data_dir or data_args.dataset_name} has no {split} split (for a folder: "
                f"{split}.jsonl). Training needs both: the validation split chooses the epoch."
            )
    tables = load_stream_tables({stream: getattr(data_args, f"{stream}_features", None) for stream in STREAMS}, splits)
    modalities = chosen_modalities(data_args.modalities, tables["train"])
    if data_args.modalities is None and (unread := unread_recordings(splits["train"], modalities)):
        accelerator.print(
            f"The conversations have recordings, but the model reads no {' and no '.join(unread)}: make features with "
            "extract_features.py, and give them as --audio_features and --vision_features."
        )
    for split in splits:
        tables[split] = {stream: t for stream, t in tables[split].items() if MODALITY_OF[stream] in modalities}
        for stream, table in tables[split].items():
            accelerator.print(f"{split}: {stream}: {table.coverage(utterance_ids(splits[split]))}")

    model, processor = build(data, modalities, tables["train"], model_args)
    names = [model_args.text_model, model_args.audio_model, model_args.vision_model]
    warnings = [warning for name in names if name is not None and (warning := contamination(name)) is not None]
    for warning in warnings:
        accelerator.print(f"Warning: {warning}")
    encoder = model.amuse.encoder("text")
    # read in its conversation, a text's states are no table of utterances: they are computed anew
    if encoder is not None and model_args.freeze_text_model and model.config.text_scope == "utterance":
        encoder.to(accelerator.device)
        with accelerator.main_process_first():
            for split, conversations in splits.items():
                tables[split]["text"] = frozen_text_states(conversations, processor, encoder, data_args.cache_dir)
    train, validation = (ConversationDataset(splits[split], tables[split]) for split in ("train", "validation"))
    train.check_labelled("train")
    validation.check_labelled("validation")

    # Optimizer and schedule, in steps of the optimizer: the same for any number of processes.
    adapters, encoder_weights = None, None
    if encoder is not None and (model_args.lora or model_args.freeze_text_model):
        # a resumed training has them from the encoder, not from its checkpoint
        encoder_weights = encoder_record(encoder)["weights"]
    if model_args.lora:
        adapters = add_adapters(model, model_args)
    if args.attn_implementation is not None:
        model.set_attn_implementation(args.attn_implementation)
    if args.gradient_checkpointing:
        model.activation_checkpointing_enable()
    batch_size = args.per_device_train_batch_size * accelerator.num_processes
    steps = -(-len(train) // (batch_size * args.gradient_accumulation_steps)) * args.num_train_epochs
    # fused: one pass over the weights, whose time counts with an encoder of 110 million of them
    optimizer = torch.optim.AdamW(parameter_groups(model, model_args, args), lr=args.learning_rate, fused=True)
    scheduler = get_scheduler(args.lr_scheduler_type, optimizer, int(args.warmup_ratio * steps), steps)
    if accelerator.distributed_type == DistributedType.FSDP:
        accelerator.state.fsdp_plugin.transformer_cls_names_to_wrap = sharded_layers(model)
    averaged = None
    if args.weight_averaging:
        if adapters is not None or accelerator.distributed_type == DistributedType.FSDP:
            raise ValueError(
                "--weight_averaging goes with whole weights: leave out --lora, and do not shard the model."
            )
        averaged = AveragedModel(model.to(accelerator.device), multi_avg_fn=get_ema_multi_avg_fn(args.weight_averaging))
    wrapped, optimizer = accelerator.prepare(model, optimizer)
    chosen = model if averaged is None else averaged.module  # what is scored and saved
    training = (model, averaged, optimizer, scheduler)
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    accelerator.print(
        f"{', '.join(modalities)}; {count:,} trained parameters; {accelerator.num_processes} process(es) on "
        f"{accelerator.device}, {batch_size * args.gradient_accumulation_steps} conversations a step"
    )

    # What the model card tells: nothing of it is compared on resume.
    told = {
        "selection_rule": SELECTION_RULE,
        "warnings": warnings,
        "encoders": {m: encoder_name(getattr(model_args, f"{m}_model")) for m in MODALITIES},
        "num_trained_parameters": count,
        "data_report": {split: dict(data.report[split]) for split in splits},
    }
    energy = {"energy_country": args.energy_country, "device_watts": args.device_watts}
    this_run = {**describe_run(accelerator), **energy}

    # What a resumed training must share with the stopped one.
    settings = {
        name: value
        for part in (data_args, model_args, args)
        for name, value in asdict(part).items()
        if name not in FREE_ON_RESUME
    }
    settings["num_processes"] = accelerator.num_processes
    settings["model"] = json.loads(model.config.to_json_string(use_diff=False))
    for modality in MODALITIES:
        (settings["model"][f"{modality}_config"] or {}).pop("_name_or_path", None)  # where the encoder lay
    settings["encoder_weights"] = encoder_weights
    settings["data"] = [train.digest(), validation.digest()]
    settings["vocabulary"] = processor.tokenizer and sorted(processor.tokenizer.get_vocab())
    progress = {"epoch": 0, "best_epoch": 0, "best_weighted_f1": -1.0, "history": [], "settings": settings}
    checkpoints = output_dir / "checkpoints"
    if args.resume_from_checkpoint is not None:
        progress = resume(args.resume_from_checkpoint, checkpoints, training, progress, accelerator)
    elif latest_checkpoint(checkpoints) is not None:
        raise ValueError(
            f"{output_dir} holds a training already: add --resume_from_checkpoint latest to go on with it, or choose "
            "another --output_dir."
        )
    elif (output_dir / CONFIG_NAME).is_file():
        raise ValueError(f"{output_dir} holds a model already, which would be lost: choose another --output_dir.")

    progress |= {**told, "runs": list(progress.get("runs", ()))}
    stopped_at = progress["epoch"]

    # Training, an epoch at a time.
    for epoch in range(progress["epoch"], args.num_train_epochs):
        if epoch - progress["best_epoch"] >= args.early_stopping_patience:
            accelerator.print(f"No better epoch for {args.early_stopping_patience} epochs: stopped early.")
            break
        if epoch == stopped_at:
            progress["runs"].append(this_run)
        start, used = time.perf_counter(), {}
        with meter.measured(used):
            losses = train_epoch(
                wrapped, model, averaged, train, processor, optimizer, scheduler, accelerator, args, epoch
            )
            with accelerator.autocast():
                predictions = predict(chosen, validation, processor, accelerator, args.per_device_eval_batch_size)
        scores = score(predictions, list(data.emotions), num_resamples=0)
        epoch += 1
        line = {
            "epoch": epoch,
            **losses,
            "validation_loss": predictions["loss"],
            **{f"validation_{name}": scores[name] for name in ("weighted_f1", "accuracy", "macro_f1")},
            "seconds": time.perf_counter() - start,
            **used,
        }
        better = scores["weighted_f1"] > progress["best_weighted_f1"]
        if better:
            progress |= {"best_epoch": epoch, "best_weighted_f1": scores["weighted_f1"]}
        progress |= {"epoch": epoch, "history": [*progress["history"], line]}
        accelerator.print(describe_epoch(line, args.num_train_epochs, better))
        # The model first: stopped between the two, the epoch is done again and both are written again.
        if better:
            save_model(chosen, adapters, processor, output_dir, accelerator)
        save_checkpoint(checkpoints, epoch, *training, progress, accelerator.is_main_process)
        accelerator.wait_for_everyone()

    is_told = progress["epoch"] == stopped_at and (output_dir / "training_history.json").is_file()
    if accelerator.is_main_process and not is_told:
        with whole_file(output_dir / "training_history.json") as file:
            file.write_text(json.dumps(progress, indent=1), encoding="utf-8")
    accelerator.print(
        f"Epoch {progress['best_epoch']} was best on validation, weighted F1 {progress['best_weighted_f1']:.4f}; saved in "
        f"{output_dir}"
    )
    # The process group must not end with the distributed model, which would wait for the group's threads and not let go of
    # the interpreter's lock, which they may need.
    (wrapped,) = accelerator.free_memory(wrapped)
    accelerator.end_training()


def check_distribution(accelerator: Accelerator, model_args: ModelArguments):
    """
    Raises:
        ValueError: for a way of distribution that this script does not know.
    """
    kind, plain = accelerator.distributed_type, "accelerate launch --multi_gpu (each process has the whole model)"
    if kind not in (DistributedType.NO, DistributedType.FSDP) and not kind.value.startswith("MULTI_"):
        raise ValueError(
            f"This training does not run under {kind.value}, which keeps optimizer and checkpoints its own way: use {plain}, "
            "or shard the model with --config_file scripts/accelerate/fsdp.yaml. A script with transformers' Trainer can "
            "use DeepSpeed."
        )
    if kind == DistributedType.FSDP and not accelerator.is_fsdp2:
        raise ValueError("Sharding needs FSDP 2: set fsdp_version: 2, as scripts/accelerate/fsdp.yaml does.")
    if kind == DistributedType.FSDP and model_args.lora:
        raise ValueError(
            f"--lora trains so few weights that sharding them gains little, and its model is merged from whole weights: use "
            f"{plain}, with --gradient_checkpointing and --mixed_precision bf16 where memory is short."
        )
    if os.environ.get("ACCELERATE_USE_FSDP", "false") == "true" and kind != DistributedType.FSDP:
        accelerator.print(f"accelerate shards on accelerators alone: on {accelerator.device} nothing is sharded.")


def chosen_modalities(wanted: list[str] | None, tables: dict) -> tuple[str, ...]:
    """The model's modalities: those that were asked for, else text and all that have features."""
    available = {"text"} | {MODALITY_OF[stream] for stream in tables}
    for modality in wanted or ():
        if modality not in available:
            raise ValueError(f"--modalities names {modality}: give its feature table as --{modality}_features.")
    return tuple(modality for modality in MODALITIES if modality in (wanted or available))


def unread_recordings(conversations: Dataset, modalities: tuple[str, ...]) -> list[str]:
    """The modalities that the utterances' recordings would give, and the model does not have."""
    utterances = [utterance for row in conversations["utterances"] for utterance in row]
    media = {"audio": "audio", "vision": "video"}
    return [m for m, medium in media.items() if m not in modalities and any(u.get(medium) for u in utterances)]


def drawn_conversations(number: int, fraction: float, seed: int) -> list[int]:
    """
    Positions of a share of so many conversations, ascending, at least one. With the same seed, a smaller share is part of
    a larger one.

    Raises:
        ValueError: for a share that is none.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"--train_fraction must be more than 0 and at most 1, but is {fraction}.")
    order = np.random.default_rng(seed).permutation(number)
    return sorted(order[: max(1, round(fraction * number))].tolist())


def build(data, modalities: tuple[str, ...], tables: dict, model_args: ModelArguments):
    """A fresh model around its encoders, and its processor with the statistics of the training split."""
    emotions = list(data.emotions)
    fields = {
        **PRESETS.get(model_args.preset, {}),
        **model_args.config_fields(),
        "id2label": dict(enumerate(emotions)),
        "label2id": {emotion: label for label, emotion in enumerate(emotions)},
        "freeze_text_encoder": model_args.freeze_text_model,
    }
    utterances = [utterance for row in data.splits["train"]["utterances"] for utterance in row]
    ids = [utterance["id"] for utterance in utterances]
    frozen = frozen_recording_encoders(tables, model_args)
    for stream, table in tables.items():
        fields[f"{stream}_feature_size"] = table.size
    # an encoder's states are taken as they are
    statistics = {s: table.statistics(ids) for s, table in tables.items() if MODALITY_OF[s] not in frozen}
    records = {s: t.record for s, t in tables.items() if t.record is not None and MODALITY_OF[s] not in frozen}
    for modality in frozen:
        fields[f"freeze_{modality}_encoder"] = True
    if "audio" in frozen:
        fields["audio_token_pooling"] = tables["audio"].record["pooling"]
    if fields.get("contrastive_loss") == "bank":
        fields["memory_bank_size"] = len(utterances)
    if model_args.class_weights == "balanced":
        counts = Counter(u["emotion"] for u in utterances if u["emotion"] is not None)
        fields["class_weights"] = [sum(counts.values()) / (len(emotions) * max(counts[e], 1)) for e in emotions]

    encodes_text = "text" in modalities and "text" not in tables
    if model_args.text_model is not None and not encodes_text:
        raise ValueError("--text_model is of no use: text is not among the modalities, or comes as features.")
    text_model = model_args.text_model if encodes_text else None
    tokenizer = load_from_folder_or_hub(AutoTokenizer, text_model) if text_model else None
    if encodes_text and text_model is None:
        if model_args.freeze_text_model:
            raise ValueError("--freeze_text_model needs --text_model: a small encoder from scratch must be trained.")
        texts = [u["text"] for u in utterances if u["text"]]
        if not texts:
            raise ValueError(
                "No training utterance has a text: is it under the key 'text'? Or leave text out: --modalities."
            )
        fields["text_config"], tokenizer = small_text_encoder(
            texts,
            dropout=fields.get("hidden_dropout", AmuseConfig.hidden_dropout),
        )
    if text_model and model_args.text_attention_dropout is not None:
        fields["text_config"] = with_attention_dropout(text_model, model_args.text_attention_dropout)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(text=text_model, **frozen, **fields)
    for stream, table in tables.items():
        if MODALITY_OF[stream] in frozen:
            check_states(table, model.amuse.encoder(MODALITY_OF[stream]), f"--{stream}_features")
    parts = {k: part for modality, name in frozen.items() for k, part in encoder_part(modality, name).items()}
    processor = AmuseProcessor(
        tokenizer,
        **parts,
        emotions=emotions,
        feature_statistics=statistics,
        feature_records=records,
        speaker_names=model.config.text_scope != "utterance",
    )
    return model, processor


def with_attention_dropout(text_model: str, dropout: float) -> PreTrainedConfig:
    """The configuration of a text encoder, with another dropout of its attention weights."""
    config = load_from_folder_or_hub(AutoConfig, text_model)
    for name in ("attention_probs_dropout_prob", "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, dropout)
            return config
    raise ValueError(f"--text_attention_dropout: encoders of the type {config.model_type} have no such dropout.")


def sharded_layers(model) -> list[str]:
    """
    Classes of the layers that FSDP shards one by one. The model's own list names layers of the encoders' families that it
    does not have, and embeddings, which accelerate shards by themselves: it would stop at both.
    """
    embeddings = model.get_input_embeddings()
    layers = [module for module in model.modules() if type(module).__name__ in model._no_split_modules]
    return sorted({type(layer).__name__ for layer in layers if all(part is not embeddings for part in layer.modules())})


def add_adapters(model: AmuseForEmotionRecognition, model_args: ModelArguments) -> PeftModel:
    """Put LoRA adapters into the text encoder of the model; what is returned is the same model with PEFT's methods."""
    if model_args.text_model is None or model_args.freeze_text_model or model.amuse.encoder("text") is None:
        raise ValueError("--lora adapts a pretrained text encoder: give --text_model, without --freeze_text_model.")
    settings = {name: getattr(model_args, name) for name in ("lora_alpha", "lora_dropout")}
    return get_peft_model(model, lora_config(model, ("text",), model_args.lora_r, **settings))


def frozen_recording_encoders(tables: dict, model_args: ModelArguments) -> dict[str, str]:
    """The audio and image encoders whose states the tables hold, by modality."""
    frozen = {m: name for m in ("audio", "vision") if (name := getattr(model_args, f"{m}_model")) is not None}
    for stream, table in tables.items():
        is_states = (table.record or {}).get("name") == "encoder"
        if is_states and MODALITY_OF[stream] not in frozen:
            raise ValueError(
                f"--{stream}_features holds the states of a {table.record['model_type']} encoder: name it with "
                f"--{MODALITY_OF[stream]}_model, so that the trained model can read recordings itself."
            )
        if not is_states and MODALITY_OF[stream] in frozen:
            raise ValueError(
                f"--{stream}_features does not hold the states of --{MODALITY_OF[stream]}_model: make them with "
                "extract_features.py."
            )
    for modality in frozen:
        if modality not in tables:
            raise ValueError(f"--{modality}_model needs --{modality}_features, its states made by extract_features.py.")
    return frozen


def check_states(table, encoder, option: str):
    """
    Raises:
        ValueError: when the table's states are those of another encoder.
    """
    expected = encoder_record(encoder, table.record["pooling"])
    if table.record != expected:
        raise ValueError(
            f"{option} holds the states of another encoder ({table.record}) than the one that is named ({expected}): "
            "extract them anew."
        )


def parameter_groups(model, model_args: ModelArguments, args: TrainArguments) -> list[dict]:
    """
    Trained weights with their learning rates; those of a pretrained encoder, or of its adapters, have their own, which falls
    from layer to layer (`--layer_decay`).
    """
    rates = {}
    if model_args.text_model:
        peak = args.encoder_learning_rate
        if peak is None:
            peak = 3e-4 if model_args.lora else 3e-5
        encoder = model.amuse.encoder("text")
        number = encoder.config.num_hidden_layers
        for name, parameter in encoder.named_parameters():
            layer = re.search(r"\blayers?\.(\d+)\.", name)
            # what lies beside the layers is read by the first
            below = number - 1 - int(layer[1]) if layer else number
            rates[id(parameter)] = peak * args.layer_decay**below
    groups = defaultdict(list, {args.learning_rate: []})
    for parameter in model.parameters():
        if parameter.requires_grad:
            groups[rates.get(id(parameter), args.learning_rate)].append(parameter)
    return [{"params": part, "lr": rate, "weight_decay": args.weight_decay} for rate, part in groups.items() if part]


def resume(wanted: str, checkpoints: Path, training: tuple, fresh: dict, accelerator) -> dict:
    """The progress of the stopped training, its state put into `training`: model, averaged model, optimizer, scheduler."""
    path = latest_checkpoint(checkpoints) if wanted == "latest" else Path(wanted)
    if path is not None and path.resolve().parent != checkpoints.resolve():
        raise ValueError(f"{path} is no checkpoint in {checkpoints}: a training goes on in its own --output_dir.")
    if path is None:
        if (checkpoints.parent / "training_history.json").is_file():
            raise ValueError(
                f"{checkpoints.parent} holds a finished training whose checkpoints were removed: choose another --output_dir."
            )
        accelerator.print(f"No epoch was finished in {checkpoints.parent}: starting from the beginning.")
        return fresh
    progress = read_progress(path)
    differing = [name for name, value in fresh["settings"].items() if progress["settings"].get(name) != value]
    if differing:
        values = [
            f"{name} was {progress['settings'].get(name)!r}, is {fresh['settings'][name]!r}"
            if isinstance(fresh["settings"][name], (str, int, float, type(None)))
            else f"{name} differs"
            for name in differing
        ]
        raise ValueError(
            f"{path} was made with other settings: {'; '.join(values)}. Resume with those, or start anew in another "
            "--output_dir."
        )
    load_checkpoint(path, *training)
    accelerator.print(f"Resumed from the end of epoch {progress['epoch']}.")
    return progress


def train_epoch(
    wrapped, model, averaged, dataset, processor, optimizer, scheduler, accelerator, args, epoch: int
) -> dict:
    """One epoch. Losses are sums over utterances, divided by the labelled utterances of all processes and batches of a step."""
    process, processes = accelerator.process_index, accelerator.num_processes
    # All randomness of an epoch comes from these, so that a resumed training repeats it.
    generator = np.random.default_rng([args.seed, epoch])
    size = args.per_device_train_batch_size
    if args.group_by_length:
        torch_generator = torch.Generator().manual_seed(int(generator.integers(2**31)))
        order = np.array(get_length_grouped_indices(dataset.lengths(), size * processes, generator=torch_generator))
    else:
        order = generator.permutation(len(dataset))
    set_seed(int(np.random.SeedSequence([args.seed, epoch, process]).generate_state(1)[0]))

    starts = np.arange(0, len(order), size * processes)
    if args.group_by_length:
        generator.shuffle(starts)  # long conversations are not always read first
    batches = [np.array_split(order[start : start + size * processes], processes)[process].tolist() for start in starts]
    collate = partial(collate_conversations, dataset, processor, model.config.modalities)
    loader = iter(DataLoader(dataset, batch_sampler=batches, collate_fn=collate))
    windows = [
        batches[i : i + args.gradient_accumulation_steps]
        for i in range(0, len(batches), args.gradient_accumulation_steps)
    ]
    totals, utterances = Counter(), 0
    wrapped.train()
    for window in tqdm(
        windows, desc=f"Epoch {epoch + 1}", unit="step", leave=False, disable=not accelerator.is_local_main_process
    ):
        window = [next(loader).to(accelerator.device) for _ in window]
        labelled = torch.stack([(batch["labels"] != -100).sum() for batch in window]).sum()
        labelled = accelerator.reduce(labelled, reduction="sum").clamp(min=1)
        utterances += int(labelled)
        for number, batch in enumerate(window):
            # processes exchange gradients with the last batch of a step
            with nullcontext() if number == len(window) - 1 else accelerator.no_sync(wrapped):
                outputs = wrapped(**batch, num_items_in_batch=labelled)
                # gradients are averaged over the processes, where a sum is wanted
                accelerator.backward(outputs.loss * processes)
            for name in ("loss", "classification_loss", "modality_loss", "contrastive_loss"):
                if outputs.get(name) is not None:
                    totals[name] += float(outputs[name].detach() * labelled)
        if args.max_grad_norm > 0:
            accelerator.clip_grad_norm_(wrapped.parameters(), args.max_grad_norm)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        if averaged is not None:
            averaged.update_parameters(model)
    sums = accelerator.reduce(torch.tensor(list(totals.values()), device=accelerator.device), reduction="sum")
    if not sums.isfinite().all():
        raise ValueError(
            f"The loss of epoch {epoch + 1} is not finite: lower --learning_rate, and look for extreme values in the "
            "features. The model of the epochs before is kept."
        )
    return {f"train_{name}": float(total) / utterances for name, total in zip(totals, sums, strict=True)}


def save_model(model, adapters: PeftModel | None, processor, output_dir: Path, accelerator: Accelerator):
    """
    Write model and processor, and the adapters beside the model they are merged into; an earlier model stays whole until
    the new one is. All processes take part, as a sharded model is gathered from all.
    """
    weights = accelerator.get_state_dict(model) if accelerator.distributed_type == DistributedType.FSDP else None
    if not accelerator.is_main_process:
        return
    unfinished = output_dir / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    if adapters is None:
        model.save_pretrained(unfinished, state_dict=weights)
    else:
        # a copy is merged: the training goes on with the adapters as they are
        deepcopy(adapters).merge_and_unload().save_pretrained(unfinished)
        adapters.save_pretrained(unfinished / "adapter")
        (unfinished / "adapter" / "README.md").unlink()  # an empty form
    processor.save_pretrained(unfinished)
    for path in [path for path in unfinished.rglob("*") if path.is_file()]:
        place = output_dir / path.relative_to(unfinished)
        place.parent.mkdir(exist_ok=True)
        os.replace(path, place)
    shutil.rmtree(unfinished)


def describe_epoch(line: dict, epochs: int, better: bool) -> str:
    parts = " + ".join(
        f"{line[f'train_{name}_loss']:.4f}"
        for name in ("classification", "modality", "contrastive")
        if f"train_{name}_loss" in line
    )
    return (
        f"epoch {line['epoch']}/{epochs}  train loss {line['train_loss']:.4f} ({parts})  validation loss "
        f"{line['validation_loss']:.4f}  weighted F1 {line['validation_weighted_f1']:.4f}  accuracy "
        f"{line['validation_accuracy']:.4f}  macro F1 {line['validation_macro_f1']:.4f}  {line['seconds']:.0f} s"
        + ("  best" if better else "")
    )
