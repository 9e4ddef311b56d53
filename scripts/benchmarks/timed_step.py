# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Timing training steps of a model on the sample corpus in this process."""

import time
from statistics import median

import torch
from transformers import BatchFeature, BertConfig

from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.small_text_encoder import small_text_encoder
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.scripts.command.process import threads_for_steps
from modeling_amuse.scripts.training.training_run import trains_encoder

BATCH_SIZE = 8
ENCODER = {"hidden_size": 384, "num_hidden_layers": 3, "num_attention_heads": 6, "intermediate_size": 1536}
"""Half of MiniLM, with random weights: the time of a step does not depend on their values."""


def timed_steps(steps: int, kind: str) -> dict[str, float]:
    """
    The median `milliseconds` of a training step after three warm-up steps, and the number of `threads` of torch, which
    `amuse train` would set. With a `"frozen encoder"`, its states were computed before, as in a training.
    """
    torch.manual_seed(0)
    data = load_conversations("sample")
    conversations = [data.splits["train"][number] for number in range(BATCH_SIZE)]
    texts = [utterance["text"] for conversation in conversations for utterance in conversation["utterances"]]
    small, tokenizer = small_text_encoder(texts, 2000)
    config = BertConfig(**ENCODER, vocab_size=small.vocab_size, max_position_embeddings=128)
    labels = {"id2label": dict(enumerate(data.emotions)), "label2id": {e: n for n, e in enumerate(data.emotions)}}
    is_frozen = kind == "frozen encoder"
    model = AmuseForEmotionRecognition(AmuseConfig(text_config=config, freeze_text_encoder=is_frozen, **labels)).train()
    batch = AmuseProcessor(tokenizer, emotions=list(data.emotions))(conversations)
    if is_frozen:
        batch = with_states(model, batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    times = []
    with threads_for_steps(trains_encoder(model)):
        for _ in range(steps + 3):
            start = time.perf_counter()
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            times.append(1000 * (time.perf_counter() - start))
        return {"milliseconds": median(times[3:]), "threads": torch.get_num_threads()}


@torch.no_grad()
def with_states(model: AmuseForEmotionRecognition, batch: BatchFeature) -> dict[str, torch.Tensor]:
    """The batch with the states of the text encoder in place of the text."""
    rows = batch["utterance_mask"].bool()
    states, _ = model.amuse.encode_stream("text", batch["input_ids"][rows], batch["text_mask"][rows])
    features = states.new_zeros(*batch["input_ids"].shape, states.shape[-1])
    features[rows] = states
    return {**{name: value for name, value in batch.items() if name != "input_ids"}, "text_features": features}
