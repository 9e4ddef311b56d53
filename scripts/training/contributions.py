# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Whether the contributions of a model's experts agree with what happens when a modality is taken away."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from transformers import BatchFeature

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.conversation import MODALITY_OF
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.evaluation.disturbed_conversations import Disturbance
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.evaluation_arguments import ContributionArguments
from modeling_amuse.scripts.training.evaluation_data import load_split, split_dataset, used_modalities
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub
from modeling_amuse.scripts.training.prediction import collate_conversations, forget_mixed_precision


def contributions(args: ContributionArguments) -> dict:
    """
    Compare contributions and drops on a split, print and write them.

    Returns:
        For each modality that has an expert the `num_utterances` that have it, the `mean` and the `deviation` of its
        contribution to the recognized emotion, the `mean_drop` of the emotion's log-probability without the modality, and
        the `correlation` of both (None where one of them is constant).

    Raises:
        FileNotFoundError: when model, data or features are missing.
        ValueError: when the model has no experts, or does not fit the data.
    """
    model = load_from_folder_or_hub(AmuseForEmotionRecognition, args.model).eval()
    if not model.config.expert_modalities:
        raise ValueError(f"{args.model} has no experts: train one with --experts constant or adaptive.")
    processor = load_from_folder_or_hub(AmuseProcessor, args.model)
    forget_mixed_precision()
    accelerator = Accelerator(cpu=args.use_cpu or not torch.cuda.is_available())
    model.to(accelerator.device)
    data, tables = load_split(args, args.split, model, processor, accelerator)
    modalities = used_modalities(model, tables, None)
    dataset = split_dataset(
        data.splits[args.split], tables, Disturbance(), modalities, model, processor, accelerator, args
    )
    results = compare(model, processor, dataset, args.per_device_eval_batch_size)
    accelerator.print(describe(results))
    if args.output is not None:
        with whole_file(Path(args.output)) as file:
            file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return results


@torch.no_grad()
def compare(model, processor, dataset: ConversationDataset, batch_size: int) -> dict[str, dict]:
    """The numbers of each modality, see [`contributions`]."""
    experts = model.config.expert_modalities
    found = {modality: ([], []) for modality in experts}
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
    return {m: summary(*(np.concatenate([*parts, np.empty(0)]) for parts in pair)) for m, pair in found.items()}


def without_modality(batch: BatchFeature, modality: str) -> dict[str, torch.Tensor]:
    """The batch, in which a modality is missing everywhere."""
    streams = [stream for stream, of in MODALITY_OF.items() if of == modality]
    masks = {f"{stream}_mask" for stream in streams}
    return {name: torch.zeros_like(value) if name in masks else value for name, value in batch.items()}


def log_probabilities(outputs, model) -> torch.Tensor:
    return (outputs.logits / model.config.temperature).log_softmax(dim=-1)


def summary(added: np.ndarray, drops: np.ndarray) -> dict[str, float | int | None]:
    """The numbers of one modality from its contributions and the drops without it, both `(utterances,)`."""
    varies = len(added) > 1 and added.std() > 0 and drops.std() > 0
    return {
        "num_utterances": len(added),
        "mean": float(added.mean()) if len(added) else None,
        "deviation": float(added.std()) if len(added) else None,
        "mean_drop": float(drops.mean()) if len(added) else None,
        "correlation": float(np.corrcoef(added, drops)[0, 1]) if varies else None,
    }


def describe(results: dict[str, dict]) -> str:
    """The numbers as a table."""
    lines = [f"{'modality':10}  utterances  contribution (mean, deviation)  drop without it (mean)  correlation"]
    for modality, row in results.items():
        if not row["num_utterances"]:
            lines.append(f"{modality:10}  {0:10}  it cannot be taken away: the utterances have nothing else")
            continue
        correlation = "-" if row["correlation"] is None else f"{row['correlation']:.3f}"
        numbers = f"{row['mean']:+15.3f}, {row['deviation']:.3f}"
        lines.append(
            f"{modality:10}  {row['num_utterances']:10}  {numbers:>30}  {row['mean_drop']:+22.3f}  {correlation:>11}"
        )
    return "\n".join(lines)
