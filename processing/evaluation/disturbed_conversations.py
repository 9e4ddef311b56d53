# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Conversations with missing modalities, dropped words or noisy features, to measure the robustness of a trained model."""

from dataclasses import dataclass

import numpy as np

from modeling_amuse.processing.conversation import STREAMS
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset

CARRIERS = {
    "text": ("text", "text_features"),
    "audio": ("audio_features", "waveform", "audio"),
    "vision": ("vision_features", "background_features", "face_images", "background_images", "video"),
}
"""The keys of an utterance that hold each modality."""


@dataclass(frozen=True)
class Disturbance:
    """
    The settings of the disturbance. Every random draw depends only on the seed and the utterance, and what a lower rate
    removes, a higher rate also removes: scores at several rates are comparable.

    Args:
        missing_rate: the probability that an utterance loses a modality, independently for each of `modalities`. An
            utterance may lose all of them.
        word_drop_rate: the probability that a word of a text is dropped. A text without words counts as missing.
        feature_noise: the standard deviation of Gaussian noise on the features of `modalities`, in standard deviations
            of each feature.
        modalities: the modalities that `missing_rate` and `feature_noise` disturb.
        seed: the seed of the random draws.

    Raises:
        ValueError: for a rate outside of 0 to 1, or negative or infinite noise.
    """

    missing_rate: float = 0.0
    word_drop_rate: float = 0.0
    feature_noise: float = 0.0
    modalities: tuple[str, ...] = tuple(CARRIERS)
    seed: int = 0

    def __post_init__(self):
        for name in ("missing_rate", "word_drop_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, but is {getattr(self, name)}.")
        if not 0 <= self.feature_noise < float("inf"):
            raise ValueError(f"feature_noise must be 0 or more, but is {self.feature_noise}.")

    def __bool__(self) -> bool:
        return bool(self.missing_rate or self.word_drop_rate or self.feature_noise)


class DisturbedConversations(ConversationDataset):
    """
    A [`ConversationDataset`] whose utterances are disturbed.

    Args:
        conversations: rows with `id` and `utterances`.
        tables: the table of each feature stream.
        disturbance: the settings of the disturbance.
        deviations: for each stream that gets noise, the standard deviation of each of its D features.
    """

    def __init__(self, conversations, tables, disturbance: Disturbance, deviations: dict[str, list[float]]):
        super().__init__(conversations, tables)
        self.disturbance = disturbance
        self.deviations = {stream: np.asarray(deviation) for stream, deviation in deviations.items()}

    def __getitem__(self, number: int) -> dict:
        conversation = super().__getitem__(number)
        return {**conversation, "utterances": [self._disturb(utterance) for utterance in conversation["utterances"]]}

    def _disturb(self, utterance: dict) -> dict:
        disturbance, utterance = self.disturbance, dict(utterance)
        for position, (modality, keys) in enumerate(CARRIERS.items()):
            draw = np.random.default_rng([disturbance.seed, utterance["index"], 0, position]).random()
            if modality in disturbance.modalities and draw < disturbance.missing_rate:
                utterance = {key: value for key, value in utterance.items() if key not in keys}
        if disturbance.word_drop_rate and utterance.get("text"):
            words = utterance["text"].split()
            draws = np.random.default_rng([disturbance.seed, utterance["index"], 1]).random(len(words))
            kept = [word for word, draw in zip(words, draws, strict=True) if draw >= disturbance.word_drop_rate]
            utterance["text"] = " ".join(kept)
        for stream, deviation in self.deviations.items():
            features = utterance.get(f"{stream}_features")
            if features is not None:
                generator = np.random.default_rng([disturbance.seed, utterance["index"], 2, STREAMS.index(stream)])
                noise = generator.standard_normal(np.shape(features)) * deviation
                utterance[f"{stream}_features"] = (features + disturbance.feature_noise * noise).astype(np.float32)
        return utterance
