# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Focal and contrastive losses (paper III-E, eq. 3-5). Each function returns a loss for each utterance; the model sums them and
divides by the number of utterances.

Which contrastive loss to take (`config.contrastive_loss`):

- `"none"`: the default, and the best of the three on MELD and on the controlled corpus.
- `"in_batch"`: if the descriptors of the modalities should be aligned, for example to search one modality by another. It
  needs batches with many utterances, but no additional state. On MELD it costs 0.010 of weighted F1 (not significant), on
  the controlled corpus 0.046.
- `"bank"`: to reproduce the paper. It needs `utterance_ids` in training and memory for a descriptor of each training
  utterance and modality. On MELD it costs 0.018, on the controlled corpus 0.090 (both significant).

`hub_card/results/contrastive_loss` has the tables.
"""

import torch
from torch import nn
from transformers import initialization as init

from .configuration_amuse import AmuseConfig


def at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def focal_loss(
    logits: torch.Tensor, labels: torch.LongTensor, gamma: float, class_weights: list[float] | None = None
) -> torch.Tensor:
    """
    -(1 - p_c)^gamma log p_c (eq. 3), times the weight of the class.

    Args:
        logits: `(rows, labels)`.
        labels: `(rows,)`.
        gamma: the focusing exponent; 0 is cross-entropy.
        class_weights: a weight of each class. None: 1.

    Returns:
        `(rows,)`.
    """
    log_probability = at_least_float32(logits).log_softmax(dim=-1).gather(1, labels[:, None]).squeeze(1)
    # clamped, because the derivative of the power is infinite at 0 for gamma < 1
    doubt = (1 - log_probability.exp()).clamp(min=1e-6)
    loss = -(doubt**gamma) * log_probability
    return loss if class_weights is None else loss * loss.new_tensor(class_weights)[labels]


def soft_focal_loss(
    logits: torch.Tensor, targets: torch.Tensor, gamma: float, class_weights: list[float] | None = None
) -> torch.Tensor:
    """
    The focal loss for soft labels: -sum over c of t_c (1 - p_c)^gamma log p_c, times the weights of the classes. For one-hot
    targets it is [`focal_loss`]; with gamma = 0 it is the cross-entropy with soft targets (Hinton et al. 2015, arXiv
    1503.02531).

    Args:
        logits: `(rows, labels)`.
        targets: `(rows, labels)`, the probability of each class; each row sums to 1.
        gamma: the focusing exponent.
        class_weights: a weight of each class. None: 1.

    Returns:
        `(rows,)`.
    """
    log_probabilities = at_least_float32(logits).log_softmax(dim=-1)
    doubt = (1 - log_probabilities.exp()).clamp(min=1e-6)
    losses = -targets.to(log_probabilities.dtype) * doubt**gamma * log_probabilities
    return (losses if class_weights is None else losses * losses.new_tensor(class_weights)).sum(dim=-1)


def soft_or_one_hot(soft_labels: torch.Tensor, labels: torch.LongTensor) -> torch.Tensor:
    """
    Targets `(rows, labels)` for [`soft_focal_loss`]: the soft labels `(rows, labels)`, in which a row of zeros is replaced by
    the one-hot label `(rows,)`.
    """
    one_hot = nn.functional.one_hot(labels, soft_labels.shape[-1]).to(soft_labels.dtype)
    return torch.where(soft_labels.sum(dim=-1, keepdim=True) > 0, soft_labels, one_hot)


def ordered_pairs(number: int) -> list[tuple[int, int]]:
    return [(m, i) for m in range(number) for i in range(number) if m != i]


def mean_over_pairs(losses: list[torch.Tensor], both_present: list[torch.Tensor]) -> torch.Tensor:
    """The mean of each row over the pairs of modalities that it has; 0 for a row without a pair."""
    weights = torch.stack(both_present, dim=1)
    return (torch.stack(losses, dim=1) * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def in_batch_contrastive_loss(descriptors: torch.Tensor, present: torch.BoolTensor, temperature: float) -> torch.Tensor:
    """
    InfoNCE between every ordered pair of modalities: f_m of an utterance should be more similar to its own f_i than to
    those of the other utterances in the batch.

    Args:
        descriptors: f_CA, `(rows, modalities, d)`.
        present: `(rows, modalities)`.
        temperature: divides the cosine similarities.

    Returns:
        `(rows,)`.
    """
    descriptors = nn.functional.normalize(at_least_float32(descriptors), dim=-1)
    losses, both_present = [], []
    for m, i in ordered_pairs(descriptors.shape[1]):
        similarity = descriptors[:, m] @ descriptors[:, i].T / temperature
        # a row's own f_i stays a candidate even if it is missing: the row gets weight 0 below, but must stay finite
        candidates = present[:, i] | torch.eye(len(present), dtype=torch.bool, device=present.device)
        similarity = similarity.masked_fill(~candidates, float("-inf"))
        losses.append(-similarity.log_softmax(dim=1).diagonal())
        both_present.append(present[:, m] & present[:, i])
    return mean_over_pairs(losses, both_present)


class AmuseMemoryBank(nn.Module):
    """
    Noise-contrastive estimation with a memory bank (eq. 4 and 5, L_ACE).

    With P = exp(f_m . f / temperature) / Z and h = P / (P + |N| / N_total), the loss of the pair (m, i) is
    -log h(own f_i) - sum over negatives of log(1 - h(negative)). The negatives are slots of modality i's bank; they are
    drawn for each batch and shared by its utterances. Z is N_total times the mean of exp(.) over the batch's negatives,
    so that N_total cancels and h is a sigmoid.

    A slot belongs to one training utterance and keeps a running mean of its normalized descriptors. The bank is training
    state; its buffer is not saved with the model.
    """

    def __init__(self, config: AmuseConfig):
        super().__init__()
        self.temperature = config.contrastive_temperature
        self.momentum = config.memory_bank_momentum
        self.num_negatives = min(config.num_contrastive_negatives, config.memory_bank_size)
        shape = (len(config.fused_modalities), config.memory_bank_size, config.hidden_size)
        self.register_buffer("slots", torch.empty(shape), persistent=False)

    def init_own_weights(self, std: float):
        """Fill the bank with random vectors; `std` is not used, as they are normalized when they are read."""
        init.normal_(self.slots)

    def forward(
        self, descriptors: torch.Tensor, present: torch.BoolTensor, utterance_ids: torch.LongTensor
    ) -> torch.Tensor:
        """
        Args:
            descriptors: f_CA, `(rows, modalities, d)`.
            present: `(rows, modalities)`.
            utterance_ids: `(rows,)`, the slot of each utterance.

        Returns:
            `(rows,)`. In training mode the bank is updated.
        """
        descriptors = nn.functional.normalize(at_least_float32(descriptors), dim=-1)
        drawn = torch.randint(self.slots.shape[1], (self.num_negatives,), device=descriptors.device)
        is_negative = drawn != utterance_ids[:, None]
        number = is_negative.sum(dim=1).clamp(min=1)
        losses, both_present = [], []
        for m, i in ordered_pairs(descriptors.shape[1]):
            negatives = nn.functional.normalize(self.slots[i, drawn].to(descriptors.dtype), dim=-1)
            against_negatives = descriptors[:, m] @ negatives.T / self.temperature
            against_own = (descriptors[:, m] * descriptors[:, i]).sum(dim=-1) / self.temperature
            log_mean = (
                against_negatives.detach().masked_fill(~is_negative, float("-inf")).logsumexp(dim=1) - number.log()
            )
            log_noise = (number.log() + log_mean.clamp(min=-1 / self.temperature))[:, None]
            softplus = nn.functional.softplus
            from_negatives = (softplus(against_negatives - log_noise) * is_negative).sum(dim=1)
            losses.append(softplus(log_noise.squeeze(1) - against_own) + from_negatives)
            both_present.append(present[:, m] & present[:, i])
        loss = mean_over_pairs(losses, both_present)
        if self.training:
            self._update(*map(_of_all_processes, (descriptors.detach(), present, utterance_ids)))
        return loss

    def _update(self, descriptors: torch.Tensor, present: torch.BoolTensor, utterance_ids: torch.LongTensor):
        old = self.slots[:, utterance_ids].transpose(0, 1)
        new = nn.functional.normalize(self.momentum * old + (1 - self.momentum) * descriptors, dim=-1)
        self.slots[:, utterance_ids] = torch.where(present[..., None], new, old).transpose(0, 1).to(self.slots.dtype)


def _of_all_processes(rows: torch.Tensor) -> torch.Tensor:
    """The rows of all processes, so that every process keeps the same memory bank."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return rows
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    # processes have different numbers of rows, and all_gather needs the same
    padded = rows.new_zeros(int(max(counts)), *rows.shape[1:])
    padded[: len(rows)] = rows
    gathered = [torch.zeros_like(padded) for _ in counts]
    distributed.all_gather(gathered, padded)
    return torch.cat([part[: int(count)] for part, count in zip(gathered, counts, strict=True)])
