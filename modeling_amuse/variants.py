# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The variants of the model: the names that a field of [`AmuseConfig`] allows, and one sentence about each of them.

This file imports the standard library alone, so that a command can print its help without torch. The class or function
that implements a variant is attached to the entry by the module that defines it:

    @FUSIONS.implements("equal")
    class EqualFusion(AmuseAdaptiveFusion):
        ...

A new variant is a class with this decorator and an entry in a table below. The configuration, the command line, the model
card and the tests read the tables.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MODALITIES = ("text", "audio", "vision")
"""The modalities of the paper, in the order in which every tensor with a modality axis holds them."""


@dataclass(frozen=True)
class Variant:
    """
    One allowed value of a configuration field.

    Attributes:
        name: the value.
        description: what it does, one sentence.
        measured: its score on the test split of MELD compared with the default (weighted F1; the studies in
            `hub_card/results`), one sentence. Empty if it was not measured.
        differs_from_paper: its difference from the paper, one sentence for the model card. Empty if there is none.
    """

    name: str
    description: str
    measured: str = ""
    differs_from_paper: str = ""

    @property
    def help(self) -> str:
        """Description and measurement, for `--help` and the documentation."""
        return f"{self.description} {self.measured}".strip()


@dataclass(frozen=True)
class Contexts(Variant):
    """`reads`: the conversation contexts that the model has, in their order in e_j."""

    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextScope(Variant):
    """`is_utterance`: whether the text encoder reads each utterance by itself."""

    is_utterance: bool = False


class Registry(Mapping[str, Variant]):
    """
    A table of variants by name, in the order in which they are listed.

    Args:
        field: the field of [`AmuseConfig`] whose values these are.
        default: the name of the default.
        variants: the entries.
    """

    def __init__(self, field: str, default: str, *variants: Variant):
        self.field = field
        self.default = default
        self._variants = {variant.name: variant for variant in variants}
        self._implementations = {}

    def __getitem__(self, name: str) -> Variant:
        return self._variants[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variants)

    def __len__(self) -> int:
        return len(self._variants)

    def implements(self, name: str):
        """
        A decorator that attaches a class or function to the entry `name`.

        Raises:
            KeyError: when the table has no such entry.
        """
        if name not in self._variants:
            raise KeyError(f"{name!r} has no entry in the table of {self.field} in variants.py: add one.")

        def attach(implementation):
            self._implementations[name] = implementation
            return implementation

        return attach

    def implementation(self, name: str):
        """
        The class or function that implements an entry. Its module must have been imported.

        Raises:
            KeyError: when nothing was attached to the entry.
        """
        return self._implementations[name]

    def help(self) -> str:
        """One line for each entry, for `--help` and the documentation."""
        return "\n".join(f"{variant.name}: {variant.help}" for variant in self.values())


FUSIONS = Registry(
    "fusion",
    "gate",
    Variant(
        "gate",
        "A small network of both descriptors predicts alpha for each utterance.",
        "The default (test weighted F1 0.599 on MELD, with frozen MiniLM and 8 prosodic values).",
        "Adaptive Fusion: a small network predicts alpha; the closed form of eq. 6 needs the true label.",
    ),
    Variant(
        "alfa",
        "The closed form of eq. 6, with the prediction of the modality's own head in place of the label.",
        "On MELD -0.005 weighted F1 (test split) against the gate, not significant.",
        "Adaptive Fusion: eq. 6 with the model's own prediction in place of the true label.",
    ),
    Variant(
        "static",
        "One learned alpha for each pair of modalities, the same for all utterances.",
        "On MELD +0.001 weighted F1 (test split) against the gate, not significant.",
        "Adaptive Fusion is replaced by `static`.",
    ),
    Variant(
        "equal",
        "Alpha is 1/2 everywhere (an ablation of the paper).",
        "On MELD +0.001 weighted F1 (test split) against the gate, not significant.",
        "Adaptive Fusion is replaced by `equal`.",
    ),
    Variant(
        "random",
        "Alpha is drawn anew for every utterance and every pass, also in evaluation (an ablation of the paper).",
        "On MELD +0.001 weighted F1 (test split) against the gate, not significant.",
        "Adaptive Fusion is replaced by `random`.",
    ),
    Variant(
        "concat",
        "Descriptors are concatenated without interpolation.",
        "On MELD +0.004 weighted F1 (test split) against the gate, not significant.",
        "Adaptive Fusion is replaced by `concat`.",
    ),
)
"""How Adaptive Fusion (III-C, eq. 2) computes its weights alpha."""

CONTEXTS = Registry(
    "contexts",
    "both",
    Contexts(
        "both",
        "The dialogue and, in parallel, the utterances of the speaker alone.",
        "The default (test weighted F1 0.599 on MELD, with frozen MiniLM and 8 prosodic values).",
        reads=("speaker", "dialogue"),
    ),
    Contexts(
        "dialogue",
        "All utterances of the conversation.",
        "On MELD -0.002 weighted F1 (test split) against both, not significant.",
        "Conversation contexts: dialogue; the paper reads the dialogue's and the speaker's.",
        reads=("dialogue",),
    ),
    Contexts(
        "speaker",
        "The utterances of the same speaker.",
        "On MELD -0.003 weighted F1 (test split) against both, not significant.",
        "Conversation contexts: speaker; the paper reads the dialogue's and the speaker's.",
        reads=("speaker",),
    ),
    Contexts(
        "none",
        "Each utterance by itself.",
        "On MELD -0.009 weighted F1 (test split) against both, not significant.",
        "Conversation contexts: none; the paper reads the dialogue's and the speaker's.",
    ),
)
"""Which conversation contexts are read (III-D)."""

TEXT_SCOPES = Registry(
    "text_scope",
    "utterance",
    TextScope(
        "utterance",
        "The text encoder reads each utterance by itself.",
        "On MELD +0.002 weighted F1 (test split) against conversation, not significant.",
        is_utterance=True,
    ),
    TextScope(
        "neighbours",
        "The text encoder reads each utterance together with some utterances before and after it.",
        "On MELD +0.006 weighted F1 (test split) against conversation (with one neighbour on each side), not significant.",
        differs_from_paper="The text encoder reads an utterance in its conversation; the paper's reads it by itself.",
    ),
    TextScope(
        "conversation",
        "The text encoder reads the conversation as one sequence (or few), so that no token is encoded twice.",
        "The choice of the recipe: 0.602 on MELD with MiniLM.",
        differs_from_paper="The text encoder reads an utterance in its conversation; the paper's reads it by itself.",
    ),
)
"""The text that the encoder reads at once. In each case, an utterance has the states of its own tokens."""

HEAD_AGGREGATIONS = Registry(
    "head_aggregation",
    "concat",
    Variant(
        "concat",
        "Attention heads share a value of size d; they are concatenated and projected.",
        differs_from_paper="Attention heads are concatenated and projected; the paper averages them.",
    ),
    Variant(
        "mean",
        "Each attention head has a value of size d, and the heads are averaged, as in the paper.",
        "On MELD +0.001 weighted F1 (test split) against concat, not significant.",
    ),
)
"""How attention heads are joined."""

CONTRASTIVE_LOSSES = Registry(
    "contrastive_loss",
    "none",
    Variant(
        "none",
        "No contrastive loss between the modalities; take it unless validation favours another.",
        "The default (test weighted F1 0.599 on MELD, with frozen MiniLM and 8 prosodic values).",
        "The contrastive loss L_ACE is off; the paper's uses a memory bank.",
    ),
    Variant(
        "bank",
        "The paper's: noise-contrastive estimation against a memory bank; take it to reproduce the paper.",
        "On MELD -0.018 weighted F1 (test split) against none, significantly worse.",
    ),
    Variant(
        "in_batch",
        "InfoNCE against the other utterances of the batch; take it to align modalities without a memory bank.",
        "On MELD -0.010 weighted F1 (test split) against none, not significant.",
        "The contrastive loss L_ACE takes its negatives from the batch; the paper's from a memory bank.",
    ),
)
"""The contrastive loss L_ACE (III-E.2)."""

EXPERTS = Registry(
    "experts",
    "none",
    Variant("none", "No experts: the logits come from the conversation alone, as in the paper."),
    Variant(
        "constant",
        "For each modality, a head that reads only this modality adds its log-probabilities with a fixed weight.",
        differs_from_paper="An expert of each modality adds its log-probabilities to the logits; the paper has none.",
    ),
    Variant(
        "adaptive",
        "Like constant, but the weight grows with the amount of evidence: words, seconds of voice, frames with a face.",
        differs_from_paper="An expert of each modality adds its log-probabilities to the logits; the paper has none.",
    ),
)
"""Experts of the modalities, which are added to the logits (not in the paper)."""

REGISTRIES = {r.field: r for r in (FUSIONS, CONTEXTS, TEXT_SCOPES, HEAD_AGGREGATIONS, CONTRASTIVE_LOSSES, EXPERTS)}
"""All tables, by the field of [`AmuseConfig`]."""

PRESETS = {
    # The settings that the paper and its authors' code state. What they leave open keeps our default.
    "paper": {
        "head_aggregation": "mean",
        "num_man_layers": 4,
        "fusion": "alfa",
        "contexts": "both",
        "focal_gamma": 1.0,
        "contrastive_loss": "bank",
        "contrastive_weight": 0.5,
        "contrastive_temperature": 0.07,
        "num_contrastive_negatives": 1024,
        "memory_bank_momentum": 0.9,
        "experts": "none",
    },
    # For corpora of some hundred utterances, and for fusion shares that show where the evidence is (see
    # `probe_modality_heads`). scripts/controlled_study.py measures it.
    "small": {
        "hidden_size": 64,
        "num_man_layers": 1,
        "probe_modality_heads": True,
        "hidden_dropout": 0.1,
    },
}
"""Named settings of the model, by the fields of [`AmuseConfig`]."""

__all__ = [
    "CONTEXTS",
    "CONTRASTIVE_LOSSES",
    "EXPERTS",
    "FUSIONS",
    "HEAD_AGGREGATIONS",
    "MODALITIES",
    "PRESETS",
    "REGISTRIES",
    "TEXT_SCOPES",
    "Contexts",
    "Registry",
    "TextScope",
    "Variant",
]
