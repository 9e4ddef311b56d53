# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The prediction for one utterance as the dict that the pipeline returns."""

from typing import Required, TypedDict

import torch

from .explanation_types import Explanation

GIVEN_KEYS = ("id", "speaker", "text", "start", "end", "words", "face_certainty", "audio_channel")
"""The keys of an utterance that are copied into its result."""


class EmotionPrediction(TypedDict):
    """The prediction of a model, or of one of its modalities."""

    emotion: str
    """The most probable emotion."""
    confidence: float
    """Its probability."""
    scores: dict[str, float]
    """The probability of each emotion; they sum to 1. With `top_k`, the highest of them in descending order."""


class RecognizedConversation(list):
    """
    The list of a conversation's [`RecognizedUtterance`]s.

    Attributes:
        warnings: a sentence for each thing that was lost or is uncertain in the recording or transcript.
    """

    def __init__(self, utterances=(), warnings=()):
        super().__init__(utterances)
        self.warnings: list[str] = list(warnings)


class RecognizedUtterance(TypedDict, total=False):
    """An utterance with its emotion. `id`, `speaker`, `text`, `start` and `end` are those that were given, if any."""

    id: str
    """The utterance's name."""
    speaker: Required[str | int]
    """Who says it."""
    text: str
    """What is said."""
    start: float
    """Seconds on the conversation's clock at which the utterance begins."""
    end: float
    """Seconds on the conversation's clock at which the utterance ends."""
    words: list[dict]
    """The words of `text` with the times at which each begins and ends, where speech recognition wrote them."""
    face_certainty: float
    """
    From 0 to 1: how certain it is that the face whose features were used is the speaker's; given if several faces are in
    view. Below 0.4, the features of the face have less weight.
    """
    audio_channel: int
    """The channel of the recording on which the speaker is heard, where each speaker has one."""
    emotion: Required[str]
    """The most probable emotion."""
    confidence: Required[float]
    """Its probability."""
    scores: Required[dict[str, float]]
    """The probability of each emotion; they sum to 1."""
    runner_up: str
    """The second most probable emotion."""
    margin: float
    """The confidence minus the probability of the runner-up. Near 0, both are almost equally probable."""
    unclear: bool
    """
    Whether the confidence is below the model's threshold, `config.unclear_below`. Then treat the emotion as unclear, not as
    `emotion`. Not given if the model has no threshold.
    """
    modalities: Required[dict[str, EmotionPrediction]]
    """
    For each modality that the utterance has, the prediction of its expert, which only reads this modality. In a model without
    experts, the prediction of its mode-specific head, which reads the modality after it has attended to the others.
    """
    shares: Required[dict[str, float]]
    """The share of each of the model's modalities in the fused descriptor, 0 for one that is missing; they sum to 1."""
    contributions: dict[str, float]
    """For a model with experts: the term of each modality's expert in the score (before softmax) of `emotion`."""
    explanation: Explanation
    """With `explain=True`: why this emotion and not the next most probable one."""
    warnings: list[str]
    """
    From a live session: a sentence for each thing that was lost or is uncertain in this utterance. Those of the pipeline are in
    [`RecognizedConversation`].
    """


def describe_utterance(
    utterance: dict,
    id2label: dict[int, str],
    modalities: tuple[str, ...],
    logits: torch.Tensor,
    modality_logits: torch.Tensor,
    modality_mask: torch.Tensor,
    fusion_shares: torch.Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    expert_logits: torch.Tensor | None = None,
    expert_terms: torch.Tensor | None = None,
    expert_modalities: tuple[str, ...] = (),
    unclear_below: float | None = None,
    fused_modalities: tuple[str, ...] | None = None,
) -> RecognizedUtterance:
    """
    Args:
        utterance: the utterance that the user gave.
        id2label: the names of the C emotions.
        modalities: the names of the model's M modalities.
        logits: `(C,)`, emotion scores before softmax.
        modality_logits: `(M, C)`, emotion scores of each modality before softmax.
        modality_mask: `(M,)`, 1 for the modalities that the utterance has.
        fusion_shares: `(M,)`, the share of each modality in the fused descriptor.
        temperature: the divisor of `logits`. It was fitted on them, so `modality_logits` are not divided.
        top_k: keep this number of `scores`, the highest first. None: all, in the order of the labels.
        expert_logits: `(M, C)`, emotion scores of each expert before softmax. None: the model has no experts.
        expert_terms: `(M, C)`, the term of each expert in `logits`. None: the model has no experts.
        expert_modalities: the names of the modalities that have an expert.
        unclear_below: the confidence below which the utterance is unclear. None: there is no threshold.
        fused_modalities: the names of the modalities that `modality_logits` describe. None: all.

    Raises:
        ValueError: when an output is not finite.

    Returns:
        The given values of [`GIVEN_KEYS`], then `emotion`, `confidence`, `scores`, `runner_up`, `margin`, with a threshold
        `unclear`, `modalities`, `shares` and, with experts, `contributions`, see [`RecognizedUtterance`].
    """
    _check_finite(utterance, logits / temperature, modality_logits, fusion_shares, expert_logits, expert_terms)
    predicted = describe_emotion(id2label, logits / temperature, top_k)
    if expert_logits is not None:
        has_expert = torch.tensor([modality in expert_modalities for modality in modalities])
        modality_logits = torch.where(has_expert[:, None].to(expert_logits.device), expert_logits, modality_logits)
    asked = {*(modalities if fused_modalities is None else fused_modalities), *expert_modalities}
    says = zip(modalities, modality_logits, modality_mask.tolist(), strict=True)
    described = {
        **{key: utterance[key] for key in GIVEN_KEYS if utterance.get(key) is not None},
        **predicted,
        **describe_certainty(id2label, logits / temperature, unclear_below),
        "modalities": {
            modality: describe_emotion(id2label, scores, top_k)
            for modality, scores, present in says
            if present and modality in asked
        },
        "shares": dict(zip(modalities, fusion_shares.float().tolist(), strict=True)),
    }
    if expert_terms is not None:
        chosen = next(index for index, name in id2label.items() if name == predicted["emotion"])
        terms = dict(zip(modalities, expert_terms[:, chosen].float().tolist(), strict=True))
        described["contributions"] = {modality: terms[modality] for modality in expert_modalities}
    return described


def _check_finite(utterance: dict, *outputs: torch.Tensor | None):
    if not all(output is None or output.isfinite().all() for output in outputs):
        name = utterance.get("id") or utterance.get("text") or utterance["speaker"]
        raise ValueError(
            f"The model's outputs for the utterance {str(name)[:80]!r} are not finite: check its features for extreme values, "
            "compute in a higher precision, or train the model again."
        )


def agree_on_emotions(model, processor):
    """
    Name the emotions of a model that was made without names as its processor does.

    Raises:
        ValueError: when the processor has other emotions than the model.
    """
    emotions, config = getattr(processor, "emotions", None), model.config
    names = [config.id2label[label] for label in range(config.num_labels)]
    if emotions is None or list(emotions) == names:
        return
    if len(emotions) == len(names) and names == [f"LABEL_{label}" for label in range(len(names))]:
        config.id2label = dict(enumerate(emotions))  # the model was made without names
        config.label2id = {emotion: label for label, emotion in enumerate(emotions)}
        return
    raise ValueError(
        f"The processor has the emotions {', '.join(emotions)}, but the model has {', '.join(names)}: give the processor that "
        "was saved with the model, or set processor.emotions = list(model.config.id2label.values())."
    )


def describe_output(
    utterance: dict,
    config,
    outputs,
    conversation: int,
    place: int,
    top_k: int | None = None,
    unclear_below: float | None = None,
) -> RecognizedUtterance:
    """
    The result for one utterance of a batch.

    Args:
        utterance: the utterance that the user gave.
        config ([`AmuseConfig`]): the model's configuration.
        outputs ([`AmuseEmotionRecognitionOutput`]): the model's outputs for the batch.
        conversation: the index of the conversation in the batch.
        place: the index of the utterance in the conversation.
        top_k: keep this number of `scores`, the highest first. None: all, in the order of the labels.
        unclear_below: the confidence below which the utterance is unclear. None: that of the configuration.
    """
    if unclear_below is None:
        unclear_below = config.unclear_below

    def row(name: str) -> torch.Tensor | None:
        return None if outputs.get(name) is None else outputs[name][conversation, place]

    return describe_utterance(
        utterance,
        config.id2label,
        config.modalities,
        row("logits"),
        row("modality_logits"),
        row("modality_mask"),
        row("fusion_shares"),
        config.temperature,
        top_k,
        row("expert_logits"),
        row("expert_terms"),
        config.expert_modalities,
        unclear_below,
        config.fused_modalities,
    )


def describe_emotion(id2label: dict[int, str], logits: torch.Tensor, top_k: int | None = None) -> EmotionPrediction:
    """
    The most likely `emotion`, its `confidence` and the `scores` (all, or the `top_k` highest in descending order), from
    emotion scores before softmax, `(C,)`.
    """
    probabilities = logits.float().softmax(dim=-1).tolist()
    scores = {id2label[index]: probability for index, probability in enumerate(probabilities)}
    emotion = max(scores, key=scores.get)
    if top_k is not None:
        scores = dict(sorted(scores.items(), key=lambda item: -item[1])[:top_k])
    return {"emotion": emotion, "confidence": scores[emotion], "scores": scores}


def describe_certainty(id2label: dict[int, str], logits: torch.Tensor, unclear_below: float | None = None) -> dict:
    """
    The `runner_up`, the `margin` and, with a threshold, whether the utterance is `unclear`, from emotion scores before
    softmax, `(C,)`. A model of one emotion has no runner-up.
    """
    probabilities = logits.float().softmax(dim=-1).tolist()
    # ties are resolved in favour of the first label, as in `describe_emotion`
    first, *others = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])[:2]
    certainty = {}
    for second in others:
        certainty = {"runner_up": id2label[second], "margin": probabilities[first] - probabilities[second]}
    return certainty if unclear_below is None else {**certainty, "unclear": probabilities[first] < unclear_below}


__all__ = [
    "GIVEN_KEYS",
    "EmotionPrediction",
    "RecognizedConversation",
    "RecognizedUtterance",
    "agree_on_emotions",
    "describe_certainty",
    "describe_emotion",
    "describe_output",
    "describe_utterance",
]
