# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""What the model says about one utterance, in words: the dict that a user gets."""

import torch

GIVEN_KEYS = ("id", "speaker", "text", "start", "end")
"""The keys of an utterance that its description repeats."""


def describe_utterance(
    utterance: dict,
    id2label: dict[int, str],
    modalities: tuple[str, ...],
    logits: torch.Tensor,
    modality_logits: torch.Tensor,
    modality_mask: torch.Tensor,
    fusion_shares: torch.Tensor,
    temperature: float = 1.0,
) -> dict:
    """
    Args:
        utterance: as the user gave it.
        id2label: the name of each of the C emotions.
        modalities: the names of the model's M modalities.
        logits: `(C,)`, emotion scores before softmax.
        modality_logits: `(M, C)`, the same of each modality by itself.
        modality_mask: `(M,)`, which modalities the utterance has.
        fusion_shares: `(M,)`, the share of each in the fused descriptor.
        temperature: `logits` are divided by it; it was fitted on these, not on those of the modalities.

    Returns:
        What was given of [`GIVEN_KEYS`], then `emotion`, `confidence` (a probability), `scores` (the probability of each
        emotion), `modalities` (for each that the utterance has, `emotion`, `confidence` and `scores`) and `shares`.
    """
    says = zip(modalities, modality_logits, modality_mask.tolist(), strict=True)
    return {
        **{key: utterance[key] for key in GIVEN_KEYS if utterance.get(key) is not None},
        **describe_emotion(id2label, logits / temperature),
        "modalities": {modality: describe_emotion(id2label, scores) for modality, scores, present in says if present},
        "shares": dict(zip(modalities, fusion_shares.float().tolist(), strict=True)),
    }


def describe_emotion(id2label: dict[int, str], logits: torch.Tensor) -> dict:
    """From emotion scores before softmax, `(C,)`: the likeliest `emotion`, its `confidence`, and all `scores`."""
    probabilities = logits.float().softmax(dim=-1).tolist()
    scores = {id2label[index]: probability for index, probability in enumerate(probabilities)}
    emotion = max(scores, key=scores.get)
    return {"emotion": emotion, "confidence": scores[emotion], "scores": scores}


__all__ = ["GIVEN_KEYS", "describe_emotion", "describe_utterance"]
