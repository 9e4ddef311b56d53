# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What the voice and the face of an utterance are compared with in its explanation."""

from collections.abc import Collection
from typing import NamedTuple

import torch

from .read_conversation import ReadConversation
from .tokens import Tokens

ENOUGH_UTTERANCES = 3
"""From so many utterances of a speaker on, the features of an utterance are compared with the mean of all of them."""
OTHER_EMOTIONS = "this speaker's mean with other emotions"
SAME_SPEAKER = "this speaker's mean"
TRAINING_DATA = "the mean of the training data"
CONVERSATION = "the mean of the conversation"


class UsualFeatures(NamedTuple):
    """
    Attributes:
        tokens: `(T, D)`, what the tokens of each utterance are compared with.
        names: what that is, in words, for each utterance.
    """

    tokens: torch.Tensor
    names: list[str]


def mean_tokens(part: Tokens) -> torch.Tensor:
    """The mean token of each utterance, `(T, D)`; 0 where it has none."""
    valid = part.valid[..., None]
    return part.states.masked_fill(~valid, 0).sum(dim=1) / part.readable_lengths[:, None]


def usual_features(
    read: ReadConversation, speakers: list, target: torch.LongTensor, normalized: Collection[str]
) -> dict[str, UsualFeatures]:
    """
    For each stream that is not text: the mean of this speaker's other utterances in which another emotion than `target` is
    recognized; if there are none, the mean of all this speaker's utterances, if they are enough; else the training mean, or where
    that is unknown the mean of the conversation.

    A mean over utterances with the same emotion would already show this emotion: the model recognizes it from the mean alone, and
    neither words, voice nor face would count.

    Args:
        read: the conversation.
        speakers: of the T utterances.
        target: `(T,)`, the emotions that are explained.
        normalized: the streams whose features are normalized, so that their training mean is 0.
    """
    numbers: dict = {}
    who = torch.tensor([numbers.setdefault(speaker, len(numbers)) for speaker in speakers], device=target.device)
    found = {}
    for modality, parts in read.tokens.items():
        for stream, part in zip(read.config.streams(modality), parts, strict=True):
            if stream != "text":
                found[stream] = _of_stream(part, who, read.logits.argmax(dim=1), target, stream in normalized)
    return found


def _of_stream(part: Tokens, who, recognized, target, is_normalized: bool) -> UsualFeatures:
    means, present = mean_tokens(part).float(), part.present
    sums, counts = _sums(means, present, who, int(torch.maximum(recognized.max(), target.max())) + 1, recognized)
    total, number = sums.sum(dim=1)[who], counts.sum(dim=1)[who]
    is_other = (present & (recognized != target)).float()  # the utterance itself, if another emotion is explained
    others = total - sums[who, target] - means * is_other[:, None]
    num_others = number - counts[who, target] - is_other
    enough, any_others = number >= ENOUGH_UTTERANCES, num_others > 0
    usual = means.new_zeros(1) if is_normalized else means[present].sum(dim=0) / present.sum().clamp(min=1)
    usual = torch.where(enough[:, None], total / number.clamp(min=1)[:, None], usual)
    usual = torch.where(any_others[:, None], others / num_others.clamp(min=1)[:, None], usual)
    names = [TRAINING_DATA if is_normalized else CONVERSATION, SAME_SPEAKER, OTHER_EMOTIONS]
    which = torch.where(any_others, 2, enough.long()).tolist()
    return UsualFeatures(usual.to(part.states.dtype), [names[number] for number in which])


def _sums(means, present, who, emotions: int, recognized) -> tuple[torch.Tensor, torch.Tensor]:
    """For each speaker and recognized emotion the sum `(S, C, D)` and the number `(S, C)` of the utterances that have the stream."""
    people = int(who.max()) + 1
    key = who * emotions + recognized
    sums = means.new_zeros(people * emotions, means.shape[1]).index_add(0, key[present], means[present])
    counts = means.new_zeros(people * emotions).index_add(0, key[present], torch.ones_like(means[present][:, 0]))
    return sums.unflatten(0, (people, emotions)), counts.unflatten(0, (people, emotions))
