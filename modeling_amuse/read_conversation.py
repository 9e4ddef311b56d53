# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
A conversation that a model has read once, to compute what the model would predict if one utterance were different.

When utterance t changes, its descriptor in a context (III-D) needs a single new step of each LSTM, because the state of the
forward LSTM before t and that of the backward LSTM after t do not change. So thousands of changed utterances cost little more
than their own encoders.
"""

from typing import NamedTuple

import torch

from .modality_axis import may_lack_conversation
from .modeling_amuse import AmuseForEmotionRecognition
from .tokens import Tokens
from .utterance_layout import UtteranceLayout
from .variants import CONTEXTS

STREAM_INPUTS = {
    "text": ("input_ids", "text_features", "text_mask"),
    "audio": ("audio_values", "audio_features", "audio_mask"),
    "vision": ("pixel_values", "vision_features", "vision_mask"),
    "background": ("background_pixel_values", "background_features", "background_mask"),
}
"""The names of the model's inputs for each stream: raw input, features, mask."""


ROWS_AT_ONCE = 128
"""The number of utterances that are described at once if there are no gradients."""


class _Direction(NamedTuple):
    """
    One direction of a context's LSTM.

    Attributes:
        weights: the weights of input and state, and their biases.
        previous: `(T,)`, for each utterance the one of the same group that is read before it, -1 for none.
        hidden, cell: `(T, size)`, the state before each utterance is read.
    """

    weights: list[torch.Tensor]
    previous: torch.LongTensor
    hidden: torch.Tensor
    cell: torch.Tensor

    def step(self, fused: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.lstm_cell(fused, state, *self.weights)

    def of(self, rows: torch.LongTensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.hidden[rows], self.cell[rows]


class ReadConversation:
    """
    Args:
        model ([`AmuseForEmotionRecognition`]): in evaluation mode.
        inputs: the model's inputs for one conversation without padding, B = 1.
        context_states: for one utterance and a causal model, see [`AmuseModel.forward`].

    Attributes:
        tokens: for each modality the tokens of its streams, one row for each of the T utterances.
        present: `(T, M)`, which utterances have which modality.
        evidence: `(T, M)`, the amount of evidence for the experts, or None without experts.
        fused: `(T, M * d)`, A(u).
        logits: `(T, C)`.
        expert_terms: `(T, M, C)`, or None without experts.
    """

    def __init__(self, model: AmuseForEmotionRecognition, inputs: dict, context_states: dict | None = None):
        self.model, self.amuse, self.config = model, model.amuse, model.config
        self.inputs = inputs
        streams = {
            name: tuple(inputs.get(key) for key in STREAM_INPUTS[name])
            for modality in self.config.modalities
            for name in self.config.streams(modality)
        }
        with torch.no_grad():
            self.layout = UtteranceLayout.of(streams, inputs.get("utterance_mask"), inputs.get("speaker_ids"))
            self.tokens, self.present = self.amuse._present_tokens(streams, self.layout)
            self.evidence = self.amuse._amount_of_evidence(self.tokens, self.layout, inputs.get("evidence"))
            described = self.describe(self.tokens, self.present, self.evidence)
            self.fused, self.expert_terms = described
            speakers = inputs.get("speaker_ids")
            self.speakers = None if speakers is None else self.layout.rows(speakers)
            self.contexts = [
                self._directions(name, (context_states or {}).get(name))
                for name in CONTEXTS[self.config.contexts].reads
            ]
            self.logits = self.logits_of(torch.arange(self.number, device=self.fused.device), *described)

    @property
    def number(self) -> int:
        """T, the number of utterances."""
        return self.layout.number

    def describe(
        self, tokens: dict[str, list[Tokens]], present: torch.BoolTensor, evidence: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """
        A(u) `(rows, M * d)` and the experts' terms `(rows, M, C)` (None without experts) of any utterances.

        Args:
            tokens: for each modality the tokens of its streams.
            present: `(rows, M)`.
            evidence: `(rows, M)`.
        """
        rows = torch.arange(len(present), device=present.device)
        parts = []
        # a long conversation needs no more memory than a short one, unless there are gradients
        for some in rows.split(max(len(rows), 1) if torch.is_grad_enabled() else ROWS_AT_ONCE):
            own = tokens
            if len(some) < len(rows):
                own = {modality: [part.of_rows(some) for part in streams] for modality, streams in tokens.items()}
            part = self.amuse._describe_tokens(own, present[some], None if evidence is None else evidence[some])
            parts.append((part.fused_features, part.expert_terms))
        fused, terms = zip(*parts, strict=True)
        return torch.cat(fused), None if terms[0] is None else torch.cat(terms)

    def evidence_of(self, rows: torch.LongTensor) -> torch.Tensor | None:
        """The amount of evidence of some utterances, `(number, M)`, or None without experts."""
        return None if self.evidence is None else self.evidence[rows]

    def logits_of(
        self,
        rows: torch.LongTensor,
        fused: torch.Tensor,
        expert_terms: torch.Tensor | None,
        states: list | None = None,
        present: torch.BoolTensor | None = None,
        left_out: torch.LongTensor | None = None,
    ) -> torch.Tensor:
        """
        The logits `(number, C)` of utterances `rows` `(number,)`, each with another A(u), in the otherwise unchanged
        conversation.

        Args:
            states: for each context and direction the states before the utterances are read. None: the original ones.
            present: `(number, M)`, the modalities that the changed utterances have. None: the original ones.
            left_out: `(number,)`, for each of `rows` another utterance that its conversation lacks. None: none.
        """
        descriptors = []
        for place, directions in enumerate(self.contexts):
            read = [
                direction.step(fused, direction.of(rows) if states is None else states[place][number])[0]
                for number, direction in enumerate(directions)
            ]
            descriptors.append(torch.cat(read, dim=-1))
        logits = self.model.classifier(torch.cat(descriptors, dim=-1) if descriptors else fused)
        if expert_terms is None:
            return logits
        term = self.config.conversation_weight * logits
        if may_lack_conversation(self.config):
            fused_places = self.config.fused_places
            own = (self.present[rows] if present is None else present)[:, fused_places].any(dim=1)
            before = self.present[:, fused_places].any(dim=1)
            others = before.sum() - before[rows].long() - (0 if left_out is None else before[left_out].long())
            has_input = own | (others > 0)  # of the changed utterance, or of another one
            term = torch.where(has_input[:, None], term, self.amuse.experts.log_prior.to(term.dtype))
        return term + expert_terms.sum(dim=1)

    def conversation_logits(self) -> torch.Tensor:
        """The logits `(T, C)` without the experts' terms."""
        return self.logits if self.expert_terms is None else self.logits - self.expert_terms.sum(dim=1)

    def logits_without(self, rows: torch.LongTensor, left_out: torch.LongTensor, farthest: int) -> torch.Tensor:
        """
        The logits `(number, C)` of utterances `rows` `(number,)` in the conversation without one other utterance for each,
        `left_out` `(number,)`. If the text encoder reads each utterance by itself, these are the logits of the
        conversation from which that utterance is removed.

        Args:
            farthest: the largest distance between an utterance and the one that is left out for it.
        """
        states = [
            [self._state_without(direction, rows, left_out, farthest) for direction in directions]
            for directions in self.contexts
        ]
        terms = None if self.expert_terms is None else self.expert_terms[rows]
        return self.logits_of(rows, self.fused[rows], terms, states, left_out=left_out)

    def _state_without(
        self, direction: _Direction, rows: torch.LongTensor, left_out: torch.LongTensor, farthest: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The state before each of `rows` if `left_out` was skipped; unchanged if `left_out` is read later."""
        chain = [rows]
        for _ in range(farthest):  # go back over the utterances that are read before, as far as the left-out one
            last = chain[-1]
            chain.append(torch.where(last >= 0, direction.previous[last.clamp(min=0)], last))
        found = torch.stack([place == left_out for place in chain[1:]])  # (farthest, number)
        hidden, cell = direction.of(rows)
        changed = found.any(dim=0)
        state_hidden, state_cell = (torch.where(changed[:, None], part[left_out], whole) for part, whole in
                                    ((direction.hidden, hidden), (direction.cell, cell)))  # fmt: skip
        behind = found.long().argmax(dim=0)  # the number of utterances between the left-out one and the row
        for distance in range(farthest - 1, 0, -1):
            read = changed & (behind >= distance)
            if read.any():
                place = chain[distance][read]
                new = direction.step(self.fused[place], (state_hidden[read], state_cell[read]))
                state_hidden = state_hidden.index_copy(0, read.nonzero()[:, 0], new[0])
                state_cell = state_cell.index_copy(0, read.nonzero()[:, 0], new[1])
        return state_hidden, state_cell

    def _directions(self, name: str, state: tuple[torch.Tensor, torch.Tensor] | None) -> list[_Direction]:
        """The directions of a context, with the state of each utterance in them."""
        lstm = getattr(self.amuse, f"{name}_context").recurrent.lstm
        speakers = [0] * self.number if name == "dialogue" else self.speakers.tolist()
        places = list(range(self.number))
        return [
            self._direction(weights, speakers, places if number == 0 else places[::-1], lstm.hidden_size, state)
            for number, weights in enumerate(lstm.all_weights)
        ]

    def _direction(self, weights: list, groups: list[int], places: list[int], size: int, state) -> _Direction:
        """One direction, which reads the utterances in the order of `places`; `groups` is the group of each."""
        previous, depth, last = [-1] * self.number, [0] * self.number, {}
        for place in places:
            if groups[place] in last:
                previous[place] = last[groups[place]]
                depth[place] = depth[previous[place]] + 1
            last[groups[place]] = place
        device = self.fused.device
        previous = torch.tensor(previous, device=device)
        depth = torch.tensor(depth, device=device)
        hidden, cell = self.fused.new_zeros(self.number, size), self.fused.new_zeros(self.number, size)
        if state is not None:
            hidden, cell = (part.expand(self.number, -1).clone() for part in state)
        for level in range(1, int(depth.max()) + 1):  # all groups advance by one utterance
            rows = (depth == level).nonzero()[:, 0]
            before = previous[rows]
            hidden[rows], cell[rows] = torch.lstm_cell(self.fused[before], (hidden[before], cell[before]), *weights)
        return _Direction(weights, previous, hidden, cell)


__all__ = ["STREAM_INPUTS", "ReadConversation"]
