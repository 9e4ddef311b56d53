# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Predictions and scores of a model on a split, computed by all processes together."""

from copy import copy
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import BatchFeature

from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.corpora.soft_labels import target_rows
from modeling_amuse.processing.evaluation.emotion_metric import EmotionMetric
from modeling_amuse.scripts.command.errors import WrongArguments


def collate_conversations(
    dataset: ConversationDataset, processor, modalities: tuple[str, ...], conversations: list[dict]
) -> BatchFeature:
    """
    Make a batch, with `soft_labels` if the data set has soft labels, and with the name `corpus` of an extra corpus. If no
    conversation is left for a process, its batch has one conversation whose labels are all -100.
    """
    chosen = conversations or [dataset[0]]
    if dataset.corpus is not None:
        processor = copy(processor)
        processor.emotions = dataset.emotions
    batch = processor(chosen, modalities=modalities)
    if dataset.targets:
        rows = target_rows(dataset.targets, chosen, tuple(batch["labels"].shape), len(processor.emotions))
        batch["soft_labels"] = torch.from_numpy(rows)
    if not conversations:
        batch["labels"] = torch.full_like(batch["labels"], -100)
    if dataset.corpus is not None:
        batch["corpus"] = dataset.corpus
    return batch


def forget_mixed_precision():
    """Reset accelerate's state, which otherwise uses the mixed precision of a process's first Accelerator for all others."""
    AcceleratorState._reset_state()


@torch.no_grad()
def predict(
    model: torch.nn.Module,
    dataset: ConversationDataset,
    processor,
    accelerator: Accelerator,
    batch_size: int,
    modalities: tuple[str, ...] | None = None,
) -> dict[str, np.ndarray]:
    """
    Predict the labelled utterances of a split. Every process gets the predictions of all processes.

    Args:
        model: the model.
        dataset: the conversations of the split.
        processor: the model's processor.
        accelerator: the accelerator, whose processes share the work.
        batch_size: the number of conversations in a batch of one process.
        modalities: the modalities to use; the others are treated as missing. Default: all.

    Returns:
        `prediction_scores` `(utterances, emotions)`, `references` and `conversations` `(utterances,)` for
        [`EmotionMetric`]; `utterances` `(utterances,)`, their numbers in the split; and `loss`, the mean classification
        loss.

    Raises:
        ValueError: when `batch_size` is less than 1, and when outputs are not finite.
    """
    if batch_size < 1:
        raise WrongArguments(f"--per_device_eval_batch_size must be at least 1, but is {batch_size}.")
    model.eval()
    processes = accelerator.num_processes
    # sorted by length, batches need little padding; the longest come first, so that a lack of memory shows at once
    order = np.argsort(dataset.lengths(), kind="stable")[::-1].tolist()
    numbers = order[accelerator.process_index :: processes]
    # every process has the same number of batches, as processes of a sharded model compute each batch together
    starts = range(0, -(-len(dataset) // processes), batch_size)
    collate = partial(collate_conversations, dataset, processor, modalities or model.config.modalities)
    loader = DataLoader(
        dataset, batch_sampler=[numbers[start : start + batch_size] for start in starts], collate_fn=collate
    )
    rows, losses = [], []
    for batch in tqdm(loader, desc="Predicting", leave=False, disable=not accelerator.is_local_main_process):
        outputs = model(**batch.to(accelerator.device))
        labelled = batch["labels"] != -100
        # the utterance numbers identify the rows of all processes, and restore their order
        where = batch["utterance_ids"][labelled].double()[:, None]
        scores = (outputs.logits[labelled].double() / model.config.temperature).softmax(dim=-1)
        rows.append(torch.cat([where, batch["labels"][labelled].double()[:, None], scores], dim=1))
        losses.append(outputs.classification_loss.double() * labelled.sum())
    width = 2 + model.config.num_labels
    rows = torch.cat(rows) if rows else torch.zeros(0, width, dtype=torch.float64, device=accelerator.device)
    total = accelerator.reduce(torch.stack(losses).sum() if losses else rows.new_zeros(()), reduction="sum")
    rows = accelerator.gather(accelerator.pad_across_processes(rows, pad_index=-1)).cpu().numpy()
    rows = rows[rows[:, 0] >= 0]
    rows = rows[rows[:, 0].argsort()]
    wrong = ~np.isfinite(rows).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"The outputs of the model are not finite for {wrong.sum()} of {len(rows)} utterances, the first is number "
            f"{rows[wrong.argmax(), 0]:.0f} of the split: check the features for extreme values, or train again with a lower "
            "--learning_rate."
        )
    return {
        "prediction_scores": rows[:, 2:],
        "references": rows[:, 1].astype(np.int64),
        "utterances": rows[:, 0].astype(np.int64),
        "conversations": np.searchsorted(dataset.starts, rows[:, 0], side="right") - 1,
        "loss": float(total) / max(len(rows), 1),
    }


def score(predictions: dict[str, np.ndarray], emotions: list[str], **settings) -> dict:
    """The scores of predictions of `predict`, see [`EmotionMetric`]."""
    columns = {key: predictions[key] for key in ("prediction_scores", "references", "conversations")}
    return EmotionMetric(keep_in_memory=True).compute(**columns, emotions=emotions, **settings)
