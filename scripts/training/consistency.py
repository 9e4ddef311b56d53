# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
R-Drop (Liang et al. 2021, arXiv 2106.14448): each batch is read twice with different dropout, and the two predictions are
made similar. The loss is the mean of both losses plus `weight` times the mean of both Kullback-Leibler divergences.
"""

import torch
from transformers import BatchFeature


def read_twice(batch: BatchFeature) -> BatchFeature:
    """Repeat the conversations of a batch, `(2 B, ...)`, so that dropout differs between the two copies."""
    return BatchFeature({k: torch.cat([v, v]) if isinstance(v, torch.Tensor) else v for k, v in batch.items()})


def divergence(logits: torch.Tensor, labels: torch.LongTensor) -> torch.Tensor:
    """
    The symmetric divergence of the two copies' predictions, (KL(p || q) + KL(q || p)) / 2, summed over the labelled
    utterances.

    Args:
        logits: the logits `(2 B, T, emotions)` of a batch from [`read_twice`].
        labels: `(2 B, T)`, -100 for utterances without a label.

    Returns:
        A scalar, 0 if both copies predict the same probabilities.
    """
    first, second = logits.float().log_softmax(dim=-1).chunk(2)
    # sum of (p - q) (log p - log q) is the sum of both divergences
    both = ((first.exp() - second.exp()) * (first - second)).sum(dim=-1)
    return (both * (labels.chunk(2)[0] != -100)).sum() / 2
