# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The batches of an epoch from one or several corpora. Each batch contains conversations of a single corpus."""

import hashlib

import numpy as np
import torch
from transformers import BatchFeature
from transformers.trainer_pt_utils import get_length_grouped_indices

from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset
from modeling_amuse.scripts.training.prediction import collate_conversations


class SeveralCorpora(torch.utils.data.Dataset):
    """
    The conversations of several corpora as one data set. An item is the number of a corpus and a conversation, which is None
    at `~position`.

    Args:
        corpora: the corpora, of which the first is the model's main data set.
    """

    def __init__(self, corpora: list[ConversationDataset]):
        self.corpora = corpora
        self.starts = np.cumsum([0, *map(len, corpora)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, number: int) -> tuple[int, dict | None]:
        position = number if number >= 0 else ~number
        corpus = int(np.searchsorted(self.starts, position, side="right")) - 1
        return corpus, self.corpora[corpus][position - int(self.starts[corpus])] if number >= 0 else None

    def of_epoch(self, epoch: int, extra_first: int) -> list[int]:
        """
        The numbers of the corpora that are used in an epoch.

        Args:
            epoch: the number of epochs before this one.
            extra_first: the number of epochs that use only the extra corpora; later epochs use only the first corpus. 0: all
                epochs use all corpora.
        """
        if not extra_first or len(self.corpora) == 1:
            return list(range(len(self.corpora)))
        return list(range(1, len(self.corpora))) if epoch < extra_first else [0]

    def digest(self) -> str:
        """A hash of the conversations and features of all corpora."""
        digests = [corpus.digest() for corpus in self.corpora]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def collate(self, processor, modalities: tuple[str, ...], items: list[tuple[int, dict | None]]) -> BatchFeature:
        """Make a batch of items of one corpus, see [`collate_conversations`]."""
        conversations = [conversation for _, conversation in items if conversation is not None]
        return collate_conversations(self.corpora[items[0][0]], processor, modalities, conversations)


def epoch_steps(
    corpora: SeveralCorpora, chosen: list[int], size: int, group_by_length: bool, generator: np.random.Generator
) -> list[np.ndarray]:
    """
    Draw the batches of an epoch.

    Args:
        corpora: all corpora.
        chosen: the numbers of the corpora that are used in this epoch.
        size: the number of conversations in a batch of all processes together.
        group_by_length: make batches of conversations of similar length.
        generator: the source of all random numbers.

    Returns:
        For each batch of all processes together the positions of its conversations in `corpora`, at most `size`, all of
        one corpus.
    """
    steps = []
    for number in chosen:
        corpus, start = corpora.corpora[number], int(corpora.starts[number])
        if group_by_length:
            torch_generator = torch.Generator().manual_seed(int(generator.integers(2**31)))
            order = np.array(get_length_grouped_indices(corpus.lengths(), size, generator=torch_generator))
        else:
            order = generator.permutation(len(corpus))
        steps.append([start + order[first : first + size] for first in range(0, len(order), size)])
    if len(steps) == 1:
        [steps] = steps
        if not group_by_length:
            return steps
    else:
        steps = [step for of_corpus in steps for step in of_corpus]
    # shuffle the batches, as they are sorted by length or by corpus
    return [steps[number] for number in generator.permutation(len(steps))]
