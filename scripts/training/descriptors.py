# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The descriptors of a split's utterances as a table, and pictures of them and of the attention between modalities."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.processing.evaluation.descriptor_pictures import (
    AttentionMeans,
    save_attention,
    save_descriptors,
)
from modeling_amuse.processing.whole_files import whole_file
from modeling_amuse.scripts.training.prediction import collate_conversations

MOST_ATTENDED = 500
"""The attention is the mean over so many utterances, from the first conversation on."""


@torch.no_grad()
def write_descriptors(
    model: torch.nn.Module,
    dataset: ConversationDataset,
    processor,
    accelerator: Accelerator,
    modalities: tuple[str, ...],
    path: Path,
    pictures: bool,
) -> list[Path]:
    """
    Write a row for each utterance: ids, speaker, emotion (None where it is unknown), prediction, the descriptor e_j, which the
    classifier reads, and the share of each modality in it. With `pictures`, draw beside it `{stem}_descriptors.png`, the
    descriptors in two dimensions by t-SNE, and for a model of several modalities `{stem}_attention.png`.

    Args:
        model: the model.
        dataset: the conversations of the split.
        processor: the model's processor.
        accelerator: says on which device to compute.
        modalities: the modalities to use.
        path: the Parquet file.
        pictures: draw the pictures.

    Returns:
        The files that were written.
    """
    model.eval()
    config = model.config
    collate = partial(collate_conversations, dataset, processor, modalities)
    loader = DataLoader(dataset, batch_size=1, collate_fn=collate)
    has_attention = pictures and len(config.fused_modalities) > 1 and config.num_man_layers > 0
    means = AttentionMeans(config.modalities)
    rows = []
    for conversation, batch in zip(tqdm(dataset.conversations, desc="Descriptors", leave=False), loader, strict=True):
        attended = has_attention and len(rows) < MOST_ATTENDED
        batch = {name: value for name, value in batch.to(accelerator.device).items() if name != "labels"}
        outputs = model(**batch, output_attentions=attended)
        if attended:
            means.add(
                [layer[0].float().cpu().numpy() for layer in outputs.attentions], outputs.token_modalities.tolist()
            )
        rows += _rows(conversation, outputs, config)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows)
    with whole_file(path) as file:
        frame.to_parquet(file, index=False)
    written = [path]
    if pictures:
        written.append(path.with_name(f"{path.stem}_descriptors.png"))
        emotions = [config.id2label[label] for label in range(config.num_labels)]
        save_descriptors(np.stack(frame["descriptor"]), list(frame["emotion"]), emotions, written[-1])
    if means.number:
        written.append(path.with_name(f"{path.stem}_attention.png"))
        save_attention(means, written[-1])
    return written


def _rows(conversation: dict, outputs, config) -> list[dict]:
    columns = zip(
        conversation["utterances"],
        outputs.last_hidden_state[0].float().cpu().numpy(),
        outputs.logits[0].argmax(dim=-1).tolist(),
        outputs.fusion_shares[0].float().tolist(),
        strict=True,
    )
    return [
        {
            "conversation": conversation["id"],
            "utterance": utterance["id"],
            "speaker": str(utterance["speaker"]),
            "emotion": utterance.get("emotion"),
            "prediction": config.id2label[label],
            "descriptor": descriptor,
            **{f"share_{modality}": share for modality, share in zip(config.modalities, shares, strict=True)},
        }
        for utterance, descriptor, label, shares in columns
    ]
