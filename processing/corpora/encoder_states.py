# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Hidden states of a frozen text encoder, computed once and cached as Arrow."""

import hashlib
import json

import torch
from datasets import Dataset, Features, List, Value
from tqdm.auto import tqdm
from transformers import PreTrainedModel, WhisperConfig

from modeling_amuse.processing.corpora.feature_tables import FeatureTable
from modeling_amuse.processing.processing_amuse import AmuseProcessor

VERSION = 1  # raised when the states change for the same text, encoder and tokenizer


def frozen_text_states(
    conversations: Dataset,
    processor: AmuseProcessor,
    encoder: PreTrainedModel,
    cache_dir: str | None = None,
    batch_size: int = 64,
) -> FeatureTable:
    """
    The last hidden states of every utterance's tokens, `(tokens, hidden size)` for each utterance. They are computed at
    the first call and read from the cache afterwards; another text, tokenizer or encoder makes another cache entry.

    Args:
        conversations: rows with `id` and `utterances`.
        processor: a processor with the encoder's tokenizer.
        encoder: the text encoder; it is put into evaluation mode.
        cache_dir: the folder of the Arrow file. Default: the cache of `datasets`.
        batch_size: the number of utterances that are encoded at a time.

    Raises:
        ValueError: when no utterance has a text.
    """
    texts = {
        utterance["id"]: utterance["text"].strip()
        for utterances in conversations["utterances"]
        for utterance in utterances
        if (utterance["text"] or "").strip()
    }
    if not texts:
        raise ValueError(
            "No utterance of the split has a text for the text encoder: give the texts under the key 'text'."
        )
    table = Dataset.from_generator(
        _states,
        features=Features({"utterance_id": Value("string"), "features": List(List(Value("float32")))}),
        cache_dir=cache_dir,
        gen_kwargs={"texts": texts, "processor": processor, "encoder": encoder, "batch_size": batch_size},
        fingerprint=_fingerprint(texts, processor, encoder, reads_alone=batch_size == 1),
    )
    return FeatureTable.from_arrow(table.data.table)


def _fingerprint(
    texts: dict[str, str], processor: AmuseProcessor, encoder: PreTrainedModel, reads_alone: bool = False
) -> str:
    backend = getattr(processor.tokenizer, "backend_tokenizer", None)
    tokenizer = json.loads(backend.to_str()) if backend is not None else processor.tokenizer.get_vocab()
    # the last call of the tokenizer changes these
    tokenizer.pop("padding", None)
    tokenizer.pop("truncation", None)
    settings = [VERSION, processor.max_text_tokens, encoder.config.to_diff_dict(), tokenizer, texts]
    settings += ["one text at a time"] if reads_alone else []  # which changes the states of encoders that read padding
    fingerprint = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    _add_weights(fingerprint, encoder)
    return fingerprint.hexdigest()[:32]


def encoder_record(encoder: PreTrainedModel, pooling: int = 1, crop_window: bool = False) -> dict:
    """
    The record of a feature table that holds an encoder's states. Records are equal if weights and settings are equal.

    Args:
        encoder: an audio or image encoder.
        pooling: the number of successive states that are averaged.
        crop_window: `config.crop_audio_window`; recorded for Whisper encoders, the only ones that it changes.
    """
    weights = hashlib.sha256()
    _add_weights(weights, encoder)
    return {
        "name": "encoder",
        "version": VERSION,
        "model_type": encoder.config.model_type,
        "weights": weights.hexdigest()[:32],
        "pooling": pooling,
        **({"window": "the sound and 6 s"} if crop_window and isinstance(encoder.config, WhisperConfig) else {}),
    }


def _add_weights(digest, encoder: PreTrainedModel):
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())


@torch.inference_mode()
def _states(texts: dict[str, str], processor: AmuseProcessor, encoder: PreTrainedModel, batch_size: int):
    encoder.eval()
    # sorted by length, batches need little padding
    identifiers = sorted(texts, key=lambda identifier: len(texts[identifier]))
    starts = range(0, len(identifiers), batch_size)
    for start in tqdm(starts, desc="Encoding text once", unit="batch", leave=False):
        batch = identifiers[start : start + batch_size]
        talk = [{"speaker": "-", "text": texts[identifier]} for identifier in batch]
        # with padding on the left, the positions of tokens would depend on the other texts of the batch
        inputs = processor(talk, padding_side="right").to(encoder.device)
        mask = inputs["text_mask"][0]
        states = encoder(input_ids=inputs["input_ids"][0], attention_mask=mask).last_hidden_state.float().cpu().numpy()
        for identifier, state, is_token in zip(batch, states, mask.bool().cpu().numpy(), strict=True):
            yield {"utterance_id": identifier, "features": state[is_token]}
