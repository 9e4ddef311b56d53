# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The processor of AMuSE: from conversations to the model's batch."""

from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BatchFeature
from transformers.dynamic_module_utils import custom_object_save
from transformers.processing_utils import ProcessingKwargs, ProcessorMixin, Unpack
from transformers.utils import PROCESSOR_NAME, logging

from .conversation import MODALITY_OF, STREAMS, UTTERANCE_KEYS, check_conversations, is_list_of_conversations

IGNORED_LABEL = -100
logger = logging.get_logger(__name__)


class AmuseProcessorKwargs(ProcessingKwargs, total=False):
    """`text_kwargs` go to the tokenizer."""


class AmuseProcessor(ProcessorMixin):
    """
    Turns conversations into padded batches: word pieces, normalized features, speaker indices, labels and masks.

    Args:
        tokenizer (`PreTrainedTokenizerBase`, *optional*):
            The text encoder's tokenizer. None: text comes as features, or not at all.
        emotions (`list[str]`, *optional*):
            The emotions, in the order of the labels. None: no labels are made.
        feature_statistics (`dict[str, dict[str, list[float]]]`, *optional*):
            For each feature stream (`"text"`, `"audio"`, `"vision"`, `"background"`) that is to be normalized, the
            `"mean"` and the `"std"` of its D features on the training split.
        max_text_tokens (`int`, *optional*, defaults to 128):
            Longer utterances are cut.
    """

    valid_processor_kwargs = AmuseProcessorKwargs
    check_conversations = staticmethod(check_conversations)
    is_list_of_conversations = staticmethod(is_list_of_conversations)

    def __init__(self, tokenizer=None, emotions=None, feature_statistics=None, max_text_tokens=128):
        super().__init__(tokenizer)
        self.emotions = emotions
        self.feature_statistics = feature_statistics or {}
        self.max_text_tokens = max_text_tokens

    def __call__(
        self,
        conversations,
        modalities: tuple[str, ...] | None = None,
        return_labels: bool = True,
        **kwargs: Unpack[AmuseProcessorKwargs],
    ) -> BatchFeature:
        """
        Args:
            conversations: a conversation or a list of them: dicts with `"utterances"`, or lists of utterances. An
                utterance is a dict with

                - `"speaker"`: a name;
                - `"text"` (*optional*): a string. Without it, or with an empty one, text is missing;
                - `"text_features"`, `"audio_features"`, `"vision_features"`, `"background_features"` (*optional*):
                  `(S, D)` numbers, or `(D,)` for one vector. Text features stand in for the tokenizer. Without them, or
                  with nothing but NaN, the modality is missing; a single NaN becomes the training mean;
                - `"emotion"` (*optional*): its label;
                - `"index"` (*optional*): its number among the training utterances.
            modalities: use only these modalities; the others are missing.
            return_labels: make labels of the emotions. False: emotions are not looked at.
            kwargs: `text_kwargs` for the tokenizer.

        Returns:
            A [`BatchFeature`] of tensors: for B conversations of at most T utterances

            - `utterance_mask` and `speaker_ids`, `(B, T)`: speakers are numbered as they first speak;
            - `input_ids`, `(B, T, S)`, or `text_features`, `(B, T, S, D)`, and `text_mask`, `(B, T, S)`;
            - `audio_features`, `audio_mask` and so on for each stream that any utterance has. Of a stream that the
              processor knows and no utterance has there is only the mask, of zeros;
            - `labels`, `(B, T)`, for a processor with emotions; -100 for utterances that have none;
            - `utterance_ids`, `(B, T)`, when utterances have an `"index"`.

        Raises:
            ValueError: for what is no conversation, unknown emotions, and features of a wrong size or infinite.
        """
        kwargs = self._merge_kwargs(
            AmuseProcessorKwargs, tokenizer_init_kwargs=self.tokenizer.init_kwargs if self.tokenizer else {}, **kwargs
        )
        conversations = check_conversations(conversations)
        batch = _Batch(conversations)
        unread = {key for utterance in batch.utterances for key in utterance} - {*UTTERANCE_KEYS, "index"}
        if unread:
            logger.warning_once(
                f"Utterances hold {', '.join(map(repr, sorted(unread)))}, which AMuSE does not read; it reads "
                f"{', '.join(UTTERANCE_KEYS)}."
            )
        data = {"utterance_mask": batch.mask, "speaker_ids": batch.full(self._speaker_ids(conversations))}
        unknown = set(modalities or ()) - set(MODALITY_OF.values())
        if unknown:
            raise ValueError(f"There is no modality {', '.join(sorted(unknown))}; there are text, audio and vision.")
        for stream in STREAMS:
            if modalities is None or MODALITY_OF[stream] in modalities:
                data.update(self._stream(stream, batch, kwargs))
        if return_labels and self.emotions is not None:
            data["labels"] = batch.full([self._label(*place) for place in batch.places], filler=IGNORED_LABEL)
        if all(u.get("index") is not None for u in batch.utterances):
            data["utterance_ids"] = batch.full([u["index"] for u in batch.utterances])
        return BatchFeature(data)

    @property
    def model_input_names(self) -> list[str]:
        streams = [f"{stream}_{kind}" for stream in STREAMS for kind in ("features", "mask")]
        return ["input_ids", *streams, "utterance_mask", "speaker_ids"]

    def _speaker_ids(self, conversations: list[dict]) -> list[int]:
        ids = []
        for conversation in conversations:
            seen = {}
            ids += [seen.setdefault(utterance["speaker"], len(seen)) for utterance in conversation["utterances"]]
        return ids

    def _label(self, place: str, utterance: dict) -> int:
        emotion = utterance.get("emotion")
        if emotion is None:
            return IGNORED_LABEL
        if emotion not in self.emotions:
            raise ValueError(
                f"{place} has the emotion {emotion!r}, but the emotions are {', '.join(self.emotions)}: correct the "
                "label, or leave it out (None) where it is unknown."
            )
        return self.emotions.index(emotion)

    def _stream(self, stream: str, batch: "_Batch", kwargs: dict) -> dict:
        features = [self._features(stream, place, utterance) for place, utterance in batch.places]
        if any(array is not None for array in features):
            states, mask = _pad_features(features, stream)
            return {f"{stream}_features": batch.full(states), f"{stream}_mask": batch.full(mask)}
        texts = [(utterance.get("text") or "").strip() for utterance in batch.utterances]
        if stream == "text" and self.tokenizer is not None and any(texts):
            return self._tokens(texts, batch, kwargs["text_kwargs"])
        if stream in self.feature_statistics or (stream == "text" and self.tokenizer is not None):
            return {f"{stream}_mask": batch.full(np.zeros((len(texts), 1), dtype=np.int64))}
        return {}

    def _tokens(self, texts: list[str], batch: "_Batch", text_kwargs: dict) -> dict:
        settings = {"truncation": True, "max_length": self.max_text_tokens, **text_kwargs}
        settings |= {"padding": True, "return_attention_mask": True, "return_tensors": "np"}
        tokens = self.tokenizer(texts, **settings)
        there = np.array([bool(text) for text in texts])
        mask = tokens["attention_mask"] * there[:, None]
        return {
            "input_ids": batch.full(tokens["input_ids"], filler=self.tokenizer.pad_token_id),
            "text_mask": batch.full(mask),
        }

    def _features(self, stream: str, place: str, utterance: dict) -> np.ndarray | None:
        """The normalized features `(S, D)` of a stream of an utterance, or None where it has none."""
        given = utterance.get(f"{stream}_features")
        if given is None or len(given) == 0:
            return None
        array = np.asarray(given, dtype=np.float32)
        array = array[None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise ValueError(
                f"{place}: {stream}_features must be of shape (tokens, size) or (size,), not {array.shape}."
            )
        unknown = np.isnan(array)
        if unknown.all():
            return None
        if np.isinf(array).any():
            raise ValueError(
                f"{place}: {stream}_features hold an infinite value. Compute them anew, or leave them out."
            )
        statistics = self.feature_statistics.get(stream)
        if statistics is None:
            if unknown.any():
                raise ValueError(
                    f"{place}: {stream}_features hold NaN, and there are no feature_statistics whose mean could stand in. "
                    "Give the processor statistics of the training split, or leave the features out."
                )
            return array
        if array.shape[1] != len(statistics["mean"]):
            raise ValueError(
                f"{place}: {stream}_features have size {array.shape[1]}, but the training split's had size "
                f"{len(statistics['mean'])}."
            )
        normalized = (array - np.asarray(statistics["mean"], np.float32)) / np.asarray(statistics["std"], np.float32)
        return np.where(unknown, 0, normalized).astype(np.float32)

    # A processor without a tokenizer: ProcessorMixin takes every part for given, so these say where it may be None.

    def check_argument_for_proper_class(self, argument_name, argument):
        return None if argument is None else super().check_argument_for_proper_class(argument_name, argument)

    def to_dict(self) -> dict:
        return {**super().to_dict(), "has_tokenizer": self.tokenizer is not None}

    def save_pretrained(self, save_directory, push_to_hub: bool = False, **kwargs):
        if self.tokenizer is not None:
            return super().save_pretrained(save_directory, push_to_hub=push_to_hub, **kwargs)
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        if self._auto_class is not None:
            custom_object_save(self, save_directory, config=self)
        path = str(Path(save_directory) / PROCESSOR_NAME)
        self.to_json_file(path)
        if push_to_hub:
            self.push_to_hub(kwargs.pop("repo_id", Path(save_directory).name), **kwargs)
        return [path]

    @classmethod
    def _get_arguments_from_pretrained(cls, pretrained_model_name_or_path, processor_dict=None, **kwargs):
        if (processor_dict or {}).get("has_tokenizer", True):
            return [AutoTokenizer.from_pretrained(pretrained_model_name_or_path, **kwargs)]
        return [None]


class _Batch:
    """Between the utterances of several conversations, one behind the other, and tensors `(B, T, ...)`."""

    def __init__(self, conversations: list[dict]):
        lengths = [len(conversation["utterances"]) for conversation in conversations]
        self.mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        self.places = [
            (f"Utterance {position} of conversation {conversation['id']}", utterance)
            for conversation in conversations
            for position, utterance in enumerate(conversation["utterances"])
        ]
        self.utterances = [utterance for _, utterance in self.places]

    def full(self, rows, filler=0) -> torch.Tensor:
        """`(utterances, ...)` to `(B, T, ...)`, padded with `filler`."""
        rows = torch.as_tensor(np.asarray(rows))
        padded = torch.full((*self.mask.shape, *rows.shape[1:]), filler, dtype=rows.dtype)
        padded[self.mask] = rows
        return padded


def _pad_features(features: list[np.ndarray | None], stream: str) -> tuple[np.ndarray, np.ndarray]:
    """Arrays `(S, D)` to `(utterances, longest S, D)` and a mask; zeros where an utterance has none."""
    sizes = {array.shape[1] for array in features if array is not None}
    if len(sizes) > 1:
        raise ValueError(
            f"{stream}_features have different sizes {sorted(sizes)}: they must all come from one extractor."
        )
    longest = max(len(array) for array in features if array is not None)
    states = np.zeros((len(features), longest, sizes.pop()), dtype=np.float32)
    mask = np.zeros((len(features), longest), dtype=np.int64)
    for row, array in enumerate(features):
        if array is not None:
            states[row, : len(array)] = array
            mask[row, : len(array)] = 1
    return states, mask


__all__ = ["AmuseProcessor", "AmuseProcessorKwargs"]
