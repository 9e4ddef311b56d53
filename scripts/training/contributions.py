# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The body of `amuse contributions`: compares the experts' contributions with the effect of removing a modality."""

from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from transformers import BatchFeature

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.conversation import MODALITY_OF, STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.data_options import DataOptions
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.processing.whole_files import check_output
from modeling_amuse.scripts.command.errors import WrongArguments
from modeling_amuse.scripts.training.evaluation_arguments import ContributionArguments
from modeling_amuse.scripts.training.evaluation_data import load_split, split_dataset, used_modalities
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub
from modeling_amuse.scripts.training.prediction import collate_conversations, forget_mixed_precision

OF_FEATURES = [f"{stream}_features" for stream in STREAMS]
"""The options that name feature tables."""

Pairs = dict[str, tuple[np.ndarray, np.ndarray]]
"""For each modality the contributions `(utterances,)`, and the drops `(utterances,)` when the modality is taken away."""

WITH_CONVERSATION = "{} with conversation"
"""The name of the contribution of a modality together with the conversation term, if that reads no other modality."""


def contributions(args: ContributionArguments) -> dict:
    """
    Compare contributions with drops of the log-probability on a split, or on the test parts of a cross-validation, then
    print and write the results.

    Returns:
        For each modality with an expert, and for the modality that alone is read by the conversation term together with
        that term: `num_utterances`, the number of utterances that have the modality; the `mean` and
        the `deviation` of its contribution to the score of the recognized emotion; the `mean_drop` of the emotion's
        log-probability without the modality; and the `correlation` of both (None if one of them is constant).

    Raises:
        FileNotFoundError: when model, data or features are missing.
        ValueError: when a model has no experts, or does not match the data, or when neither or both of `--model` and
            `--cross_validation` are given.
    """
    if (args.model is None) == (args.cross_validation is None):
        raise WrongArguments("Give either --model, or --cross_validation: the output folder of a cross-validation.")
    check_output(args.output)
    forget_mixed_precision()
    accelerator = Accelerator(cpu=args.use_cpu or not torch.cuda.is_available())
    runs = [args] if args.cross_validation is None else arguments_of_folds(args)
    results = {modality: summary(*pair) for modality, pair in pool([gather(run, accelerator) for run in runs]).items()}
    accelerator.print(describe(results))
    if args.output is not None:
        write_json(results, Path(args.output))
    return results


def arguments_of_folds(args: ContributionArguments) -> list[ContributionArguments]:
    """
    The arguments for each fold of a cross-validation: its model, and its test part as data set.

    Raises:
        FileNotFoundError: when the folder holds no fold whose training is finished.
        ValueError: when a data set is given besides, or features that the folder holds. (It holds none if the data set had a
            single split, whose tables every fold used.)
    """
    given = ["--data_dir"] if args.data_dir is not None else []
    given += [f"--{f.name}" for f in fields(DataOptions) if getattr(args, f.name, f.default) != f.default]
    if given:
        raise WrongArguments(f"--cross_validation holds the conversations of its folds: leave out {', '.join(given)}.")
    folders = sorted(Path(args.cross_validation).glob("fold-*"), key=lambda path: int(path.name.partition("-")[2]))
    finished = [folder for folder in folders if (folder / "model" / "training_history.json").is_file()]
    if not finished or finished != folders:
        missing = ", ".join(folder.name for folder in folders if folder not in finished) or "any fold"
        raise FileNotFoundError(
            f"{args.cross_validation} has no finished model of {missing}: name the --output_dir of `amuse cross-validate`, "
            "and finish it with the same command."
        )
    runs = []
    for folder in finished:
        features = {name: str(folder / "features" / name.removesuffix("_features")) for name in OF_FEATURES}
        features = {name: path for name, path in features.items() if Path(path).is_dir()}
        both = [f"--{name}" for name in features if getattr(args, name) is not None]
        if both:
            raise WrongArguments(f"--cross_validation holds the features of its folds: leave out {', '.join(both)}.")
        own = {"dataset_name": "folder", "data_dir": str(folder / "conversations"), "split": "test", **features}
        runs.append(replace(args, model=str(folder / "model"), **own))
    return runs


def gather(args: ContributionArguments, accelerator: Accelerator) -> Pairs:
    """The contributions and drops of one model on a split."""
    model = load_from_folder_or_hub(AmuseForEmotionRecognition, args.model).eval()
    if not model.config.expert_modalities:
        raise ValueError(f"{args.model} has no experts: train one with --experts constant or adaptive.")
    processor = load_from_folder_or_hub(AmuseProcessor, args.model)
    model.to(accelerator.device)
    data, tables = load_split(args, args.split, model, processor, accelerator)
    conversations = data.splits[args.split]
    modalities = used_modalities(model, conversations, tables, None)
    dataset = split_dataset(conversations, tables, Disturbance(), modalities, model, processor, accelerator, args)
    return compare(model, processor, dataset, args.per_device_eval_batch_size)


def pool(parts: list[Pairs]) -> Pairs:
    """The utterances of several models together."""
    modalities = dict.fromkeys(modality for part in parts for modality in part)
    found = {modality: [part[modality] for part in parts if modality in part] for modality in modalities}
    return {modality: tuple(map(np.concatenate, zip(*pairs, strict=True))) for modality, pairs in found.items()}


@torch.no_grad()
def compare(model, processor, dataset: ConversationDataset, batch_size: int) -> Pairs:
    """The contribution of each modality to the recognized emotion, and the drop of its log-probability without it."""
    experts = model.config.expert_modalities
    with_conversation = alone_in_conversation(model.config)
    names = [*experts, *([WITH_CONVERSATION.format(with_conversation)] if with_conversation else [])]
    found = {name: ([np.empty(0)], [np.empty(0)]) for name in names}
    batches = [
        list(range(start, min(start + batch_size, len(dataset)))) for start in range(0, len(dataset), batch_size)
    ]
    collate = partial(collate_conversations, dataset, processor, model.config.modalities)
    for batch in DataLoader(dataset, batch_sampler=batches, collate_fn=collate):
        batch = batch.to(model.device)
        whole = model(**batch)
        chosen = whole.logits.argmax(dim=-1, keepdim=True)
        for modality in experts:
            index = model.config.modalities.index(modality)
            has_it = whole.modality_mask[:, :, index].bool() & batch["utterance_mask"].bool()
            if not has_it.any() or len(model.config.modalities) == 1:
                continue
            without = model(**without_modality(batch, modality))
            added = whole.expert_terms[:, :, index].gather(2, chosen).squeeze(2)
            drop = (log_probabilities(whole, model) - log_probabilities(without, model)).gather(2, chosen).squeeze(2)
            found[modality][0].append(added[has_it].double().cpu().numpy())
            found[modality][1].append(drop[has_it].double().cpu().numpy())
            if modality == with_conversation:
                conversation = conversation_evidence(model, whole).gather(2, chosen).squeeze(2)
                pair = found[WITH_CONVERSATION.format(modality)]
                pair[0].append((added + conversation)[has_it].double().cpu().numpy())
                pair[1].append(found[modality][1][-1])
    return {modality: tuple(map(np.concatenate, pair)) for modality, pair in found.items()}


def alone_in_conversation(config) -> str | None:
    """The modality that alone is read by the conversation term, if it has an expert, too."""
    fused = config.fused_modalities
    return fused[0] if len(fused) == 1 and fused[0] in config.expert_modalities else None


def conversation_evidence(model, outputs) -> torch.Tensor:
    """The conversation term on the scale of the experts' terms: log softmax - log prior, `(B, T, C)`."""
    prior = model.amuse.experts.log_prior.to(outputs.conversation_logits.dtype)
    return outputs.conversation_logits.log_softmax(dim=-1) - prior


def without_modality(batch: BatchFeature, modality: str) -> dict[str, torch.Tensor]:
    """The batch with a modality masked in all utterances."""
    streams = [stream for stream, of in MODALITY_OF.items() if of == modality]
    masks = {f"{stream}_mask" for stream in streams}
    return {name: torch.zeros_like(value) if name in masks else value for name, value in batch.items()}


def log_probabilities(outputs, model) -> torch.Tensor:
    return (outputs.logits / model.config.temperature).log_softmax(dim=-1)


def summary(added: np.ndarray, drops: np.ndarray) -> dict[str, float | int | None]:
    """The results of one modality from its contributions and the drops without it, both `(utterances,)`."""
    varies = len(added) > 1 and added.std() > 0 and drops.std() > 0
    return {
        "num_utterances": len(added),
        "mean": float(added.mean()) if len(added) else None,
        "deviation": float(added.std()) if len(added) else None,
        "mean_drop": float(drops.mean()) if len(added) else None,
        "correlation": float(np.corrcoef(added, drops)[0, 1]) if varies else None,
    }


def describe(results: dict[str, dict]) -> str:
    """The results as a table."""
    width = max(10, *map(len, results))
    lines = [f"{'modality':{width}}  utterances  contribution (mean, deviation)  drop without it (mean)  correlation"]
    for modality, row in results.items():
        if not row["num_utterances"]:
            lines.append(f"{modality:{width}}  {0:10}  not measured: no utterance has it beside another modality")
            continue
        correlation = "-" if row["correlation"] is None else f"{row['correlation']:.3f}"
        numbers = f"{row['mean']:+15.3f}, {row['deviation']:.3f}"
        lines.append(
            f"{modality:{width}}  {row['num_utterances']:10}  {numbers:>30}  {row['mean_drop']:+22.3f}  {correlation:>11}"
        )
    return "\n".join(lines)
