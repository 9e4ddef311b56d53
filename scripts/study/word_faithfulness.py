# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Faithfulness of word scores (ERASER, DeYoung et al. 2020): what happens to the probability of the recognized emotion without
the words with the highest scores, and with these words alone.
"""

import math

import torch

from modeling_amuse.attributions import Question, WordPieces, lime_values, logits_of_kept_words
from modeling_amuse.explanation import ExplanationOptions, explain_conversation
from modeling_amuse.read_conversation import ReadConversation

BINS = (0.01, 0.05, 0.1, 0.2, 0.5)
"""The shares of the words that are taken out or kept, those of ERASER; always at least one word."""
LONGEST_CURVE = 10
"""The area over the perturbation curve is that of the first so many words, or fewer (Samek et al. 2017)."""
FEWEST_WORDS = 2
ROWS_AT_ONCE = 512


class WordStudy:
    """
    The words of a conversation, with their scores by each method.

    Args:
        model, processor: a model whose text encoder reads utterances by themselves.
        utterances: of one conversation.
        lime_samples: sentences for which LIME asks the model.
        random_orders: random orders of the words of each utterance.
        seed: of these orders, another one for each conversation.

    Attributes:
        explanations: of each utterance, see `explain_conversation`.
    """

    def __init__(self, model, processor, utterances, lime_samples: int, random_orders: int, seed: int):
        self.model, self.lime_samples, self.random_orders, self.seed = model, lime_samples, random_orders, seed
        self.draw = torch.Generator().manual_seed(seed)
        inputs = processor(utterances, return_labels=False)
        self.explanations = explain_conversation(
            model, processor, utterances, inputs, options=ExplanationOptions(window=0)
        )
        self.read = ReadConversation(model, inputs)
        self.numbers = [row for row, found in enumerate(self.explanations) if len(found["words"]) >= FEWEST_WORDS]
        if not self.numbers:
            return
        ids = self.read.layout.rows(inputs["input_ids"])
        word = torch.as_tensor(processor.text_words(utterances).word_of_piece)
        self.inputs = ids, self.read.layout.rows(inputs["text_mask"])
        self.pieces = WordPieces.of(*self.inputs, word, 0)
        chosen = self.read.logits.argmax(dim=1)
        self.question = Question(self.read, chosen, self.read.logits.topk(2, dim=1).indices[:, 1])

    def scores(self, method: str) -> list[list[torch.Tensor]]:
        """For each of `numbers` the scores of its words, `(words,)`: one list, or several for random orders."""
        sizes = [len(self.explanations[row]["words"]) for row in self.numbers]
        if method == "integrated_gradients":
            own = (self.explanations[row]["words"] for row in self.numbers)
            return [[torch.tensor([word["score"] for word in words])] for words in own]
        if method == "lime":
            found = [lime_values(self.question, self.pieces, row, self.lime_samples) for row in self.numbers]
            return [[_padded(part, size)] for part, size in zip(found, sizes, strict=True)]
        if method == "attention":
            return [[part] for part in self.attention(sizes)]
        return [[torch.rand(size, generator=self.draw) for _ in range(self.random_orders)] for size in sizes]

    @torch.no_grad()
    def attention(self, sizes: list[int]) -> list[torch.Tensor]:
        """The attention that the pieces of each word receive in the encoder's last layer, mean over heads and queries."""
        encoder, pieces = self.model.amuse.encoder("text"), self.pieces
        usual = encoder.config._attn_implementation
        encoder.set_attn_implementation("eager")  # other implementations return no weights
        try:
            rows = torch.tensor(self.numbers)
            ids, mask = pieces.input_ids[rows], pieces.mask[rows]
            outputs = encoder(input_ids=ids, attention_mask=mask.long(), output_attentions=True)
        finally:
            encoder.set_attn_implementation(usual)
        weights = outputs.attentions[-1].mean(dim=1).masked_fill(~mask[:, :, None], 0).sum(dim=1)
        return [
            torch.zeros(size).index_add_(0, word[word >= 0], weight[word >= 0])
            for size, word, weight in zip(sizes, pieces.word[rows], weights, strict=True)
        ]

    @torch.no_grad()
    def probabilities(self, rows: list[int], kept: list[torch.Tensor]) -> torch.Tensor:
        """The probability of the recognized emotion of utterances `rows` with some words, `(number,)`."""
        width = max(map(len, kept))
        masks = torch.stack([torch.nn.functional.pad(part, (0, width - len(part))) for part in kept])
        rows, found = torch.tensor(rows), []
        for part in torch.arange(len(rows)).split(ROWS_AT_ONCE):
            logits = logits_of_kept_words(self.read, self.pieces, rows[part], masks[part])
            probability = (logits / self.model.config.temperature).softmax(dim=1)
            found.append(probability.gather(1, self.question.target[rows[part], None]).squeeze(1))
        return torch.cat(found)


def _padded(scores: torch.Tensor, size: int) -> torch.Tensor:
    """Words that the model does not read have the score 0."""
    return torch.nn.functional.pad(scores, (0, size - len(scores)))


def faithfulness(study: WordStudy, methods: list[str]) -> list[dict]:
    """
    For each utterance of at least 2 words and each method:

    - `comprehensiveness`: p - p without the first words, mean over `BINS`;
    - `sufficiency`: p - p with the first words alone, mean over `BINS`;
    - `aopc`: p - p without the first k words, mean over k from 1 to `LONGEST_CURVE`.

    Returns:
        A dict for each, with the `method`, and the conversation's seed and the utterance's number as `utterance`. Of random orders it is the mean.
    """
    if not study.numbers:
        return []
    orders = [
        (method, row, scores.argsort(descending=True, stable=True))
        for method in methods
        for row, several in zip(study.numbers, study.scores(method), strict=True)
        for scores in several
    ]
    asked = {}  # what is computed, once for all methods
    for _, row, order in orders:
        for kept in _kept_words(order):
            asked.setdefault((row, tuple(kept.tolist())), kept)
    full = {row: torch.ones(len(study.explanations[row]["words"]), dtype=torch.bool) for row in study.numbers}
    asked |= {(row, tuple(kept.tolist())): kept for row, kept in full.items()}
    values = study.probabilities([row for row, _ in asked], list(asked.values())).tolist()
    probability = dict(zip(asked, values, strict=True))
    sums: dict[tuple[str, int], list[list[float]]] = {}
    for method, row, order in orders:
        whole = probability[row, tuple(full[row].tolist())]
        drops = [whole - probability[row, tuple(kept.tolist())] for kept in _kept_words(order)]
        bins = len(BINS)
        parts = drops[:bins], drops[bins : 2 * bins], drops[2 * bins :]
        sums.setdefault((method, row), []).append([sum(part) / len(part) for part in parts])
    names = ("comprehensiveness", "sufficiency", "aopc")
    return [
        {
            "method": method,
            "utterance": (study.seed, row),
            **{name: sum(run[place] for run in runs) / len(runs) for place, name in enumerate(names)},
        }
        for (method, row), runs in sums.items()
    ]


def _kept_words(order: torch.Tensor) -> list[torch.Tensor]:
    """Which words are there `(words,)`: without the first of each bin, the first of each bin alone, without the first k."""
    words = len(order)
    firsts = [max(1, math.ceil(share * words)) for share in BINS]
    masks = []
    for first in firsts:
        masks.append(torch.ones(words, dtype=torch.bool).index_fill(0, order[:first], False))
    masks += [~mask for mask in masks]
    for first in range(1, min(LONGEST_CURVE, words) + 1):
        masks.append(torch.ones(words, dtype=torch.bool).index_fill(0, order[:first], False))
    return masks
