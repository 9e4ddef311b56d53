# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The processor of AMuSE: from conversations to the model's batch."""

import inspect
import math
from pathlib import Path

import numpy as np
import torch
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoTokenizer, BatchFeature
from transformers.dynamic_module_utils import custom_object_save
from transformers.processing_utils import (
    AudioKwargs,
    ImagesKwargs,
    ProcessingKwargs,
    ProcessorMixin,
    TextKwargs,
    Unpack,
)
from transformers.utils import CONFIG_NAME, PROCESSOR_NAME, logging

from .conversation import (
    MODALITY_OF,
    STREAMS,
    Conversation,
    Utterance,
    check_conversations,
    is_list_of_conversations,
)
from .conversation_batch import ConversationBatch, pad_features
from .feature_words import FEATURES_OF, face_actions, voice_sentence
from .input_boundary import boundary
from .media import warn_once
from .plain_json import parsed_json
from .processor_files import check_processor_settings, check_tokenizer
from .processor_inputs import (
    IGNORED_LABEL,
    RAW_INPUTS,
    check_modalities,
    checked_statistics,
    checked_waveform,
    features_of,
    label_of,
    seconds_of,
    warn_of_unread_keys,
)
from .recorded_sound import Recording, is_waveform
from .stage_progress import Progress
from .text_words import TextWords, without_cut_pieces, word_spans, words_of_pieces

PART_LOADERS = {
    "tokenizer": AutoTokenizer,
    "feature_extractor": AutoFeatureExtractor,
    "image_processor": AutoImageProcessor,
}
PART_INPUTS = {
    "tokenizer": ("input_ids", "text_mask"),
    "feature_extractor": ("audio_values", "audio_mask"),
    "image_processor": ("pixel_values", "vision_mask"),
}
"""What each part makes of its input."""


logger = logging.get_logger(__name__)


class AmuseProcessorKwargs(ProcessingKwargs, total=False):
    """`text_kwargs` go to the tokenizer, `audio_kwargs` to the feature extractor, `images_kwargs` to the image processor."""


class AmuseProcessor(ProcessorMixin):
    """
    Turns conversations into padded batches: word pieces, normalized features, speaker indices, labels and masks. Text,
    sound and images without conversations become inputs of `model.get_text_features` and its like.

    Args:
        tokenizer (`PreTrainedTokenizerBase`, *optional*):
            The text encoder's tokenizer. None: text comes as features, or not at all.
        feature_extractor (`FeatureExtractionMixin`, *optional*):
            The audio encoder's. None: audio comes as features, or not at all.
        image_processor (`BaseImageProcessor`, *optional*):
            The image encoder's, for faces and backgrounds. None: they come as features, or not at all.
        emotions (`list[str]`, *optional*):
            The emotions, in the order of the labels. None: no labels are made.
        feature_statistics (`dict[str, dict[str, list[float]]]`, *optional*):
            For each feature stream (`"text"`, `"audio"`, `"vision"`, `"background"`) that is to be normalized, the
            `"mean"` and the `"std"` of its D features on the training split, and their names, `"columns"`, if they have any.
            With a `"limit"`, normalized features are clipped to this distance from 0.
        max_text_tokens (`int`, *optional*, defaults to 128):
            Longer utterances are cut.
        feature_records (`dict[str, dict]`, *optional*):
            For each stream whose features were computed from recordings the record of what computed them, see
            `modeling_amuse.processing.feature_extractors`: recordings are read with the same at inference.
        speaker_names (`bool`, *optional*, defaults to `False`):
            Put `speaker: ` before the text of each utterance of a conversation, for text encoders that read more than one
            (`AmuseConfig.text_scope`).
        evidence (`dict[str, str]`, *optional*):
            For a model with `experts="adaptive"`: how the amount of evidence of each of its modalities is measured, in their
            order: `"words"`, `"seconds"` (from `start` and `end`, or from the waveform) or `"tokens"`.
    """

    valid_processor_kwargs = AmuseProcessorKwargs
    check_conversations = staticmethod(check_conversations)
    is_list_of_conversations = staticmethod(is_list_of_conversations)
    is_waveform = staticmethod(is_waveform)

    def __init__(
        self,
        tokenizer=None,
        feature_extractor=None,
        image_processor=None,
        emotions=None,
        feature_statistics=None,
        max_text_tokens=128,
        feature_records=None,
        speaker_names=False,
        evidence=None,
    ):
        super().__init__(tokenizer, feature_extractor, image_processor)
        self.feature_statistics = checked_statistics(feature_statistics)
        check_processor_settings(
            emotions, self.feature_statistics, max_text_tokens, feature_records, speaker_names, evidence
        )
        self.emotions = emotions
        self.max_text_tokens = max_text_tokens
        self.feature_records = feature_records or {}
        self.speaker_names = speaker_names
        self.evidence = evidence

    def __call__(
        self,
        conversations=None,
        modalities: tuple[str, ...] | None = None,
        return_labels: bool | None = None,
        *,
        text: str | list[str] | None = None,
        audio: np.ndarray | list[np.ndarray] | None = None,
        images: list | None = None,
        **kwargs: Unpack[AmuseProcessorKwargs],
    ) -> BatchFeature:
        """
        Args:
            conversations: a conversation or a list of them: dicts with `"utterances"`, or lists of utterances. An
                utterance is a dict (`modeling_amuse.processing.conversation.Utterance`) with

                - `"speaker"`: a name;
                - `"text"` (*optional*): a string. Without it, or with an empty one, text is missing;
                - `"text_features"`, `"audio_features"`, `"vision_features"`, `"background_features"` (*optional*):
                  `(S, D)` numbers, or `(D,)` for one vector. Text features stand in for the tokenizer. Without them, or
                  with nothing but NaN, the modality is missing; a single NaN becomes the training mean;
                - `"waveform"` (*optional*): `(samples,)` at the feature extractor's sampling rate, in place of audio
                  features; `"face_images"` and `"background_images"`: lists of `(height, width, 3)` uint8 RGB;
                - `"emotion"` (*optional*): its label;
                - `"index"` (*optional*): its number among the training utterances.
            modalities: use only these modalities; the others are missing.
            return_labels: make labels of the emotions. False: emotions are not looked at. None: as True.
            text: in place of conversations, the text of an utterance or of N.
            audio: in place of conversations, the sound `(samples,)` of an utterance or of N, at the feature extractor's
                sampling rate.
            images: in place of conversations, an image for each of N utterances, or a list of images for each of them:
                arrays `(height, width, 3)` of uint8 RGB, or PIL's.
            kwargs: `text_kwargs`, `audio_kwargs` and `images_kwargs` for the parts; `return_tensors`, `"pt"` (as without
                it) or `"np"`.

        Returns:
            A [`BatchFeature`] of tensors: for B conversations of at most T utterances

            - `utterance_mask` and `speaker_ids`, `(B, T)`: speakers are numbered as they first speak;
            - `input_ids`, `(B, T, S)`, or `text_features`, `(B, T, S, D)`, and `text_mask`, `(B, T, S)`;
            - `audio_values`, `pixel_values` and `background_pixel_values`, `(B, T, ...)`, where utterances have waveforms
              and images, and their masks;
            - `audio_features`, `audio_mask` and so on for each stream that any utterance has. Of a stream that the
              processor knows and no utterance has there is only the mask, of zeros;
            - `labels`, `(B, T)`, for a processor with emotions; -100 for utterances that have none;
            - `evidence`, `(B, T, M)`, for a processor with `evidence`; 0 where the amount is unknown;
            - `utterance_ids`, `(B, T)`, when utterances have an `"index"`.

            Without conversations `input_ids` and `text_mask` are `(N, S)`, `audio_values` `(N, ...)` and `audio_mask`
            `(N, S)`, `pixel_values` `(N, channels, height, width)`, or `(N, F, channels, height, width)` for lists of
            images, and `vision_mask` `(N, F)`.

        Raises:
            TypeError: for a keyword that no part takes, such as `attention_mask`.
            ValueError: for invalid conversations, unknown emotions, and features of a wrong size or infinite; without any
                input, with conversations and other input at once, and for input whose part the processor lacks.
        """
        check_keywords(kwargs)
        tokenizer_settings = self.tokenizer.init_kwargs if self.tokenizer else {}
        longest = kwargs.get("max_length", (kwargs.get("text_kwargs") or {}).get("max_length", self._longest_text()))
        of_text = {name: value for name, value in kwargs.items() if name not in ("audio_kwargs", "images_kwargs")}
        text_kwargs = self._merge_kwargs(AmuseProcessorKwargs, tokenizer_init_kwargs=tokenizer_settings, **of_text)
        # the merge gives the tokenizer's settings to sound, too: the longest text of MiniLM would cut it to 128 samples
        text_kwargs = {**text_kwargs["text_kwargs"], "max_length": longest}
        # options of padding and truncation are the tokenizer's; sound has its own in `audio_kwargs`
        of_others = {name: value for name, value in kwargs.items() if name not in _OF_THE_TOKENIZER}
        kwargs = {**self._merge_kwargs(AmuseProcessorKwargs, **of_others), "text_kwargs": text_kwargs}
        given = {
            kind: part for kind, part in (("text", text), ("audio", audio), ("images", images)) if part is not None
        }
        if (conversations is None) is not bool(given):
            raise ValueError("Give either conversations, or some of text, audio and images without conversations.")
        if given:
            data = self._without_conversations(given, kwargs)
        else:
            data = self._of_conversations(conversations, modalities, return_labels, kwargs)
        return_tensors = kwargs["text_kwargs"].get("return_tensors") or "pt"
        if return_tensors not in ("pt", "np"):
            raise ValueError(f"return_tensors must be 'pt' or 'np', but is {return_tensors!r}.")
        convert = torch.as_tensor if return_tensors == "pt" else np.asarray
        return BatchFeature({name: convert(values) for name, values in data.items()})

    def _without_conversations(self, given: dict, kwargs: dict) -> dict:
        parts = {"text": "tokenizer", "audio": "feature_extractor", "images": "image_processor"}
        for kind in given:
            if getattr(self, parts[kind]) is None:
                raise ValueError(
                    f"This processor has no {parts[kind]} for {kind}: give features in conversations instead."
                )
            if not isinstance(given[kind], str) and hasattr(given[kind], "__len__") and not len(given[kind]):
                raise ValueError(f"{kind} is empty: give one item for each utterance, or leave it out.")
        data = {}
        if "text" in given:
            texts = [given["text"]] if isinstance(given["text"], str) else list(given["text"])
            data |= self._token_rows(texts, kwargs["text_kwargs"])
        if "audio" in given:
            is_one = np.ndim(given["audio"][0]) == 0
            data |= self.audio_inputs([given["audio"]] if is_one else list(given["audio"]), **kwargs["audio_kwargs"])
        if "images" in given:
            images = given["images"]
            if not isinstance(images, (list, tuple)):
                images = list(images) if np.ndim(images) == 4 else [images]
            single = not any(isinstance(pictures, (list, tuple)) or np.ndim(pictures) == 4 for pictures in images)
            images = [[picture] for picture in images] if single else images
            data |= self.image_inputs(images, **kwargs["images_kwargs"])
            if single:
                data["pixel_values"] = data["pixel_values"][:, 0]
        return data

    def _of_conversations(self, conversations, modalities, return_labels: bool | None, kwargs: dict) -> dict:
        with boundary(None, "give conversations as the documentation of AmuseProcessor describes."):
            conversations = check_conversations(conversations)
        batch = ConversationBatch(conversations)
        warn_of_unread_keys(batch.utterances)
        check_modalities(modalities)
        data = {"utterance_mask": batch.mask, "speaker_ids": batch.full(self._speaker_ids(conversations))}
        for stream in STREAMS:
            if modalities is None or MODALITY_OF[stream] in modalities:
                data.update(self._stream(stream, batch, kwargs))
        if return_labels is not False and self.emotions is not None:
            data["labels"] = batch.full(
                [label_of(*place, self.emotions) for place in batch.places], filler=IGNORED_LABEL
            )
        if self.evidence:
            data["evidence"] = batch.full(np.array([self._amounts(u) for u in batch.utterances], dtype=np.float32))
        if all(u.get("index") is not None for u in batch.utterances):
            data["utterance_ids"] = batch.full([u["index"] for u in batch.utterances])
        return data

    @property
    def model_input_names(self) -> list[str]:
        """
        What the parts make of text, sound and images, and the names of the other streams' features. Conversations add
        `utterance_mask` and `speaker_ids`.
        """
        names = [name for part in self._parts() for name in PART_INPUTS[part]]
        streams = [stream for stream in self.feature_statistics if f"{stream}_mask" not in names]
        return [*names, *(f"{stream}_{kind}" for stream in streams for kind in ("features", "mask"))]

    def conversations_of_file(self, path: Recording, **given) -> list[Conversation]:
        """
        The conversations of a transcript, or of a recording: a file, or a waveform with its sampling rate. See
        `modeling_amuse.processing.recordings.conversations_of_file`.
        """
        from .recordings import conversations_of_file  # decoding and speech recognition, which not everybody needs

        return conversations_of_file(path, **given)

    @property
    def transcript_suffixes(self) -> tuple[str, ...]:
        """The suffixes of transcripts, which `conversations_of_file` reads; it takes other files as recordings."""
        from .transcripts import READERS

        return tuple(READERS)

    @staticmethod
    def has_recordings(conversation: Conversation) -> bool:
        """Whether an utterance of the conversation has sound or video."""
        return any(u.get(medium) for u in conversation["utterances"] for medium in ("audio", "video"))

    def add_recorded_features(
        self, conversation: Conversation, encoders: dict, modalities=None, progress: Progress | None = None
    ) -> Conversation:
        """A conversation with the features of its recordings, see `modeling_amuse.processing.recording_features`."""
        if not self.has_recordings(conversation):
            return conversation
        from .recording_features import add_recorded_features

        learned = self.feature_statistics.keys()
        return add_recorded_features(
            conversation, self.feature_records, encoders, modalities, learned, progress, self.feature_statistics
        )

    def _amounts(self, utterance: Utterance) -> list[float]:
        """The amount of evidence of each modality; 0 where it is unknown, or counted in tokens by the model."""
        rate = getattr(self.feature_extractor, "sampling_rate", None)
        measured = {
            "words": len((utterance.get("text") or "").split()),
            "seconds": seconds_of(utterance, rate),
            "tokens": 0,
        }
        # in the order of the model's modalities: JSON, which stores the settings, sorts them by name
        return [float(measured[self.evidence[m]]) for m in dict.fromkeys(MODALITY_OF.values()) if m in self.evidence]

    def _speaker_ids(self, conversations: list[dict]) -> list[int]:
        ids = []
        for conversation in conversations:
            seen = {}
            ids += [seen.setdefault(utterance["speaker"], len(seen)) for utterance in conversation["utterances"]]
        return ids

    def _stream(self, stream: str, batch: ConversationBatch, kwargs: dict) -> dict:
        features = [features_of(stream, *place, self.feature_statistics.get(stream)) for place in batch.places]
        if any(array is not None for array in features):
            for (place, utterance), array in zip(batch.places, features, strict=True):
                if array is None and self._has_raw(stream, utterance):
                    raise ValueError(
                        f"{place} has raw input for the {stream} encoder, but other utterances of the batch have "
                        f"{stream}_features: give all of them the same kind of input, or put them into separate batches."
                    )
            states, mask = pad_features(features, stream)
            return {f"{stream}_features": batch.full(states), f"{stream}_mask": batch.full(mask)}
        if stream in RAW_INPUTS and self._encoder_part(stream) is not None:
            raw = [utterance.get(RAW_INPUTS[stream]) for utterance in batch.utterances]
            if any(given is not None and len(given) for given in raw):
                if stream == "audio":
                    inputs = self.audio_inputs(raw, **kwargs["audio_kwargs"])
                else:
                    inputs = self.image_inputs(raw, stream, **kwargs["images_kwargs"])
                return {name: batch.full(rows) for name, rows in inputs.items()}
            return {f"{stream}_mask": batch.full(np.zeros((len(raw), 1), dtype=np.int64))}
        texts = self._texts(batch.utterances)
        if stream == "text" and self.tokenizer is not None and any(texts):
            return self._tokens(texts, batch, kwargs["text_kwargs"])
        if stream in self.feature_statistics or (stream == "text" and self.tokenizer is not None):
            return {f"{stream}_mask": batch.full(np.zeros((len(texts), 1), dtype=np.int64))}
        return {}

    def _texts(self, utterances: list[Utterance]) -> list[str]:
        """What the tokenizer reads of each utterance."""
        texts = [(utterance.get("text") or "").strip() for utterance in utterances]
        if self.speaker_names:
            return [text and f"{u['speaker']}: {text}" for u, text in zip(utterances, texts, strict=True)]
        return texts

    def text_words(self, utterances: list[Utterance], max_length: int | None = None) -> TextWords:
        """
        The words of utterances, and the word of each word piece that `__call__` makes of a conversation with these utterances,
        its row of `input_ids` being padded to the longest of them. `max_length`: the word pieces of the longest text, where
        they are not those of `__call__` without options.
        """
        given = [utterance.get("text") or "" for utterance in utterances]
        spans = [word_spans(text) for text in given]
        if self.tokenizer is None or not self.tokenizer.is_fast:
            return TextWords(spans, None)
        texts = self._texts(utterances)
        rows = self.tokenizer(
            texts,
            truncation=True,
            max_length=max_length or self._longest_text(),
            padding=True,
            return_offsets_mapping=True,
            return_tensors="np",
        )
        # what stands before the text, less what was stripped from it
        starts = [
            len(text) - len(whole.strip()) - (len(whole) - len(whole.lstrip()))
            for text, whole in zip(texts, given, strict=True)
        ]
        offsets = rows["offset_mapping"]
        spans = [without_cut_pieces(*of_one) for of_one in zip(offsets, starts, spans, strict=True)]
        return TextWords(spans, words_of_pieces(offsets, starts, spans))

    def _longest_text(self) -> int:
        """The largest number of word pieces of a text."""
        # without a fixed width, the tokenizer's own length is that of an earlier use, or of its sentence encoder
        settings = self.tokenizer.init_kwargs if self.tokenizer else {}
        is_fixed = settings.get("padding") == "max_length"
        return settings.get("max_length", self.max_text_tokens) if is_fixed else self.max_text_tokens

    def feature_names(self, stream: str) -> list[str] | None:
        """The names of the features of a stream, as far as they are known."""
        columns = self.feature_statistics.get(stream, {}).get("columns")
        return list(columns or FEATURES_OF.get(self.feature_records.get(stream, {}).get("name"), ())) or None

    face_actions = staticmethod(face_actions)
    voice_sentence = staticmethod(voice_sentence)

    def _has_raw(self, stream: str, utterance: Utterance) -> bool:
        """Whether an utterance has what the encoder of a stream reads."""
        if stream == "text":
            return self.tokenizer is not None and bool((utterance.get("text") or "").strip())
        raw = utterance.get(RAW_INPUTS[stream])
        return self._encoder_part(stream) is not None and raw is not None and len(raw) > 0

    def _tokens(self, texts: list[str], batch: ConversationBatch, text_kwargs: dict) -> dict:
        rows = self._token_rows(texts, text_kwargs)
        return {
            "input_ids": batch.full(rows["input_ids"], filler=self.tokenizer.pad_token_id),
            "text_mask": batch.full(rows["text_mask"]),
        }

    def _token_rows(self, texts: list[str], text_kwargs: dict) -> dict[str, np.ndarray]:
        """Word pieces of some utterances, `(utterances, S)`, and their mask; an empty text has none."""
        settings = {"truncation": True, "max_length": self.max_text_tokens, **text_kwargs}
        settings |= {"padding": settings.get("padding") or True, "return_attention_mask": True, "return_tensors": "np"}
        tokens = self.tokenizer(texts, **settings)
        there = np.array([bool(text.strip()) for text in texts])
        return {"input_ids": tokens["input_ids"], "text_mask": tokens["attention_mask"] * there[:, None]}

    def _encoder_part(self, stream: str):
        return self.feature_extractor if stream == "audio" else self.image_processor

    @property
    def window_seconds(self) -> float:
        """The length of the longest sound that the audio encoder reads, such as 30 s for Whisper; else infinite."""
        extractor = self.feature_extractor
        if type(extractor).__name__ == "ASTFeatureExtractor":
            return extractor.max_length / 100  # its frames of 10 ms
        samples = getattr(extractor, "n_samples", None)  # of Whisper and similar extractors
        return samples / extractor.sampling_rate if samples else math.inf

    def audio_inputs(self, waveforms: list[np.ndarray | None], **audio_kwargs) -> dict[str, np.ndarray]:
        """
        The audio encoder's inputs for some utterances.

        Args:
            waveforms: for each utterance `(samples,)` at the feature extractor's sampling rate; None, or an empty one,
                where it has no sound. What is longer than the encoder's window is cut, with a warning.
            audio_kwargs: for the feature extractor.

        Returns:
            `audio_values`, `(utterances, ...)`, and `audio_mask`, `(utterances, samples or frames)`.

        Raises:
            ValueError: when a waveform is not of one dimension, or holds NaN or infinite values, or the feature extractor pads
                on the left.
        """
        if getattr(self.feature_extractor, "padding_side", "right") != "right":
            raise ValueError(
                "The feature extractor pads on the left, but the model reads sounds from their start: set its "
                "padding_side to 'right'."
            )
        rate = self.feature_extractor.sampling_rate
        # encoders have a shortest input; what is added counts as padding
        shortest = np.zeros(rate // 10, np.float32)
        sounds = [checked_waveform(waveform) for waveform in waveforms]
        lengths = np.array([len(sound) for sound in sounds])
        if (lengths > self.window_seconds * rate).any():
            warn_once(
                "audio encoder",
                f"An utterance lasts longer than {self.window_seconds:g} s, the window of the audio encoder: the rest of its sound "
                "is not read.",
                "window",
            )
        padded = [np.concatenate([sound, shortest[len(sound) :]]) for sound in sounds]
        # Whisper's window has a fixed length, which is its extractor's default; others are padded to the longest
        padding = inspect.signature(type(self.feature_extractor).__call__).parameters.get("padding")
        padding = (padding is not None and padding.default) or True
        settings = {"sampling_rate": rate, "padding": padding, **audio_kwargs}
        settings |= {"return_attention_mask": True, "return_tensors": "np"}
        given = self.feature_extractor(padded, **settings)
        values = given[self.feature_extractor.model_input_names[0]].astype(np.float32)
        # not every extractor gives a mask, and none knows of what was added above
        if values.ndim == 2:
            steps, valid = values.shape[1], lengths
        elif "attention_mask" in given:
            steps, taken = given["attention_mask"].shape[1], given["attention_mask"].sum(axis=1)
            valid = -(-lengths * taken // [len(sound) for sound in padded])
        else:
            bins = getattr(self.feature_extractor, "num_mel_bins", None) or self.feature_extractor.feature_size
            steps = values.shape[2] if values.shape[1] == bins else values.shape[1]
            valid = -(-lengths // getattr(self.feature_extractor, "hop_length", rate // 100))
        valid = np.minimum(valid, steps)
        return {"audio_values": values, "audio_mask": (np.arange(steps) < valid[:, None]).astype(np.int64)}

    def image_inputs(
        self, images: list[list[np.ndarray] | None], stream: str = "vision", **images_kwargs
    ) -> dict[str, np.ndarray]:
        """
        The image encoder's inputs for some utterances.

        Args:
            images: for each utterance its F pictures, `(height, width, 3)` uint8 RGB or PIL's, of any sizes; None where
                it has none.
            stream: `"vision"` (faces) or `"background"`.
            images_kwargs: for the image processor.

        Returns:
            `pixel_values` or `background_pixel_values`, `(utterances, longest F, channels, height, width)`, and
            `vision_mask` or `background_mask`, `(utterances, longest F)`.
        """
        counts = [len(pictures) if pictures is not None else 0 for pictures in images]
        flat = [picture for pictures in images if pictures is not None for picture in pictures]
        flat = [np.asarray(picture.convert("RGB") if hasattr(picture, "convert") else picture) for picture in flat]
        settings = {"input_data_format": "channels_last", **images_kwargs, "return_tensors": "np"}
        pixels = self.image_processor(flat, **settings)["pixel_values"]
        mask = np.arange(max(counts)) < np.array(counts)[:, None]
        values = np.zeros((*mask.shape, *pixels.shape[1:]), dtype=np.float32)
        values[mask] = pixels
        prefix = "" if stream == "vision" else f"{stream}_"
        return {f"{prefix}pixel_values": values, f"{stream}_mask": mask.astype(np.int64)}

    # ProcessorMixin expects every part; these methods allow that one is None.

    def check_argument_for_proper_class(self, argument_name, argument):
        return None if argument is None else super().check_argument_for_proper_class(argument_name, argument)

    def _parts(self) -> list[str]:
        return [name for name in PART_LOADERS if getattr(self, name) is not None]

    def to_dict(self) -> dict:
        return {**super().to_dict(), "parts": self._parts()}

    def save_pretrained(self, save_directory, push_to_hub: bool = False, **kwargs):
        """
        Like `ProcessorMixin.save_pretrained`. A processor that came with its own code, from the Hub for example, is saved with it.
        """
        parts = self._parts()
        self.get_attributes = lambda: parts  # it saves the parts that this names
        auto_map = getattr(self, "auto_map", None)
        if auto_map:  # the code is in the saved folder, and no longer in the repository that it came from
            self.auto_map = {auto: name.split("--")[-1] for auto, name in auto_map.items()}
            Path(save_directory).mkdir(parents=True, exist_ok=True)
            custom_object_save(self, save_directory)  # before the rest, as saving it may also upload the folder
        try:
            return super().save_pretrained(str(save_directory), push_to_hub=push_to_hub, **kwargs)
        finally:
            del self.get_attributes

    def _get_files_timestamps(self, working_dir):
        # transformers uploads files that are newer than these: the code, which was copied before them, too
        return {
            name: time for name, time in super()._get_files_timestamps(working_dir).items() if not name.endswith(".py")
        }

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, **kwargs):
        """
        Like `ProcessorMixin.from_pretrained`. Warns where the model in the same folder has other emotions than the processor.

        Raises:
            ValueError: for a folder without an AMuSE processor, such as an encoder's, and for one that is damaged; the
                message names it.
        """
        with boundary(pretrained_model_name_or_path, "it is damaged: save the processor again."):
            return cls._from_folder(pretrained_model_name_or_path, *args, **kwargs)

    @classmethod
    def _from_folder(cls, pretrained_model_name_or_path, *args, **kwargs):
        processor = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        of_processor = processor[0] if isinstance(processor, tuple) else processor
        auto_map = cls.get_processor_dict(pretrained_model_name_or_path, **kwargs)[0].get("auto_map")
        if auto_map:  # the base class forgets where its code is
            of_processor.auto_map = auto_map
        config = Path(str(pretrained_model_name_or_path)) / (kwargs.get("subfolder") or "") / CONFIG_NAME
        settings = {}
        if config.is_file():
            with boundary(config, "it is damaged: save the model again."):
                settings = parsed_json(config.read_text(encoding="utf-8"))
                check_tokenizer(of_processor.tokenizer, settings.get("text_config") or {})
        if of_processor.emotions is not None and settings:
            with boundary(config, "it is damaged: save the model again."):
                names = settings.get("id2label") or {}
                names = [name for _, name in sorted(names.items(), key=lambda item: int(item[0]))]
            if names and names != list(of_processor.emotions):
                logger.warning(
                    f"The processor in {config.parent} has the emotions {', '.join(of_processor.emotions)}, but the model has "
                    f"{', '.join(names)}: save the processor with `emotions=list(model.config.id2label.values())`."
                )
        return processor

    @classmethod
    def _get_arguments_from_pretrained(cls, pretrained_model_name_or_path, processor_dict=None, **kwargs):
        if "parts" not in (processor_dict or {}):
            raise ValueError(
                f"{pretrained_model_name_or_path} has no {PROCESSOR_NAME} of an AMuSE model: give the folder of a trained one. "
                "For the encoder of a new model, create the processor from the encoder's tokenizer: "
                f"AmuseProcessor(AutoTokenizer.from_pretrained({str(pretrained_model_name_or_path)!r}))."
            )
        parts = processor_dict["parts"]
        return [
            loader.from_pretrained(pretrained_model_name_or_path, **kwargs) if name in parts else None
            for name, loader in PART_LOADERS.items()
        ]


_OF_THE_TOKENIZER = frozenset({"padding", "truncation", "max_length", "pad_to_multiple_of"})

_KEYWORDS = {
    *ProcessingKwargs.__annotations__,
    *(name for kwargs in (TextKwargs, AudioKwargs, ImagesKwargs) for name in kwargs.__annotations__),
    *("common_kwargs", "return_tensors"),
}


def check_keywords(kwargs: dict):
    """
    Raises:
        TypeError: for keywords that neither this processor nor one of its parts takes.
    """
    foreign = [name for name in kwargs if name not in _KEYWORDS]
    if foreign:
        raise TypeError(
            f"The processor does not accept {', '.join(foreign)}: give conversations, or text, audio and images; settings of the parts "
            "go into text_kwargs, audio_kwargs and images_kwargs."
        )


__all__ = ["AmuseProcessor", "AmuseProcessorKwargs"]
