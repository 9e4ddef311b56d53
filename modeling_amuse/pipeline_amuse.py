# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The `emotion-recognition` pipeline: conversations in, the emotion of each utterance's speaker out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Real
from os import PathLike

from transformers import Pipeline
from transformers.utils import logging

from .conversation_stream import batches_of, is_stream
from .data_notes import language_note, notes_on, training_data_warning
from .described_utterance import RecognizedConversation, agree_on_emotions, describe_output
from .explanation import ExplanationOptions, check_target, explain_conversation
from .language import forget_model, is_loaded
from .loaded_weights import check_complete
from .recording_states import recording_encoders

logger = logging.get_logger(__name__)

UTTERANCES_PER_CHUNK = 128

UPLOAD_OPTIONS = ("push_to_hub", "repo_id", "token", "private", "commit_message")
"""The options of `save_pretrained` for an upload, which model and processor share."""


class EmotionRecognitionPipeline(Pipeline):
    """
    Recognizes the emotion of the speaker of every utterance of a conversation.

    Example:

    ```python
    >>> from tempfile import mkdtemp
    >>> from transformers import pipeline
    >>> from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor

    >>> folder = mkdtemp()  # a trained model: its folder, or its name on the Hub
    >>> names = {0: "neutral", 1: "joy", 2: "anger"}
    >>> AmuseForEmotionRecognition(AmuseConfig(text_feature_size=2, hidden_size=16, id2label=names)).save_pretrained(folder)
    >>> _ = AmuseProcessor(emotions=list(names.values())).save_pretrained(folder)

    >>> recognizer = pipeline("emotion-recognition", model=folder)
    >>> conversation = [{"speaker": "Ada", "text_features": [0.3, -1.2]}, {"speaker": "Ben", "text_features": [1.1, 0.4]}]
    >>> [set(said["scores"]) == set(names.values()) for said in recognizer(conversation)]
    [True, True]
    ```
    """

    _load_processor = True
    _load_tokenizer = False
    _load_feature_extractor = False
    _load_image_processor = False
    _load_video_processor = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        check_complete(self.model)
        if warning := training_data_warning(self.model.config):
            logger.warning(warning)
        agree_on_emotions(self.model, getattr(self, "processor", None))

    def __call__(
        self,
        conversations,
        batch_size: int | None = None,
        num_workers: int | None = None,
        transcript: str | None = None,
        transcript_text: str | None = None,
        speech_model=None,
        num_speakers: int | None = None,
        language: str | None = None,
        audio_track: int | None = None,
        speakers: str | None = None,
        known_speakers=None,
        progress: Callable[[str, float, float], None] | None = None,
        **kwargs,
    ) -> RecognizedConversation | list[RecognizedConversation] | Iterator[RecognizedConversation]:
        """
        Args:
            conversations: a conversation, a list of conversations, or what gives one conversation after the other: a data set
                of `datasets` (also a streamed one) or of torch (such as transformers' `KeyDataset`), or a generator.
                Lists may be any sequences, dicts any mappings. A conversation is

                - a list of utterances, or a dict with `"utterances"`; an utterance is a dict with `"speaker"` and `"text"`,
                  features, or the recording that it is in (`"audio"`, `"video"`, with `"start"` and `"end"`), see
                  [`AmuseProcessor`]; or
                - a recording: a file (`"talk.mp4"`, `"talk.wav"`), or a waveform with its sampling rate as `datasets` and
                  transformers have it, `{"array": (samples,) or (channels, samples), "sampling_rate": 16000}`, also with
                  `"raw"` for `"array"`; or
                - a transcript (`.json`, `.jsonl`, `.csv`, `.srt`, `.vtt`, `.rttm`), which may hold several conversations.
            batch_size: conversations computed at a time. Default: that of the pipeline, else 1.
            num_workers: processes that read conversations ahead. Default: that of the pipeline, else 0, this process alone.
            transcript, transcript_text (`str`, *optional*): the transcript of the one recording that is given; for one in
                RTTM, which has no words, a text file with a line for each turn.
            speech_model (*optional*): a Whisper model (Hub id, folder, or a loaded speech recognition pipeline) that writes
                the transcript of recordings without one.
            num_speakers, language (*optional*): how many people speak in these recordings, and which language.
            audio_track (`int`, *optional*): the number of the audio track that is heard, from 1; by default the loudest.
            speakers (*optional*): `"channels"` takes each channel of a recording without a transcript for a speaker,
                `"voices"` finds speakers by their voices; by default channels, where they are well separated.
            known_speakers (*optional*): a folder with a short recording of each speaker (`Ada.wav`), or a dict of them by
                name: speakers with these voices get these names.
            progress (*optional*): is called as `progress(stage, completed, total)` while the work goes on. The stages are
                `"speech"` (in seconds), `"speakers"` and `"words"` for recordings without a transcript, `"voice"` and
                `"faces"` (in utterances) for recordings, and `"emotions"` (in conversations). Each begins with 0 of `total`
                and ends with `total` of `total`; a stage of several recordings is reported for each of them.
            modalities (`tuple[str, ...]`, *optional*): use only these of the model's modalities.
            explain (`bool` or `dict`, *optional*): explain each emotion; True, or a dict of options, see
                [`ExplanationOptions`] (`{"words": "lime"}`). Needs captum.
            target (`str`, *optional*): with `explain`: the emotion to explain. Default: of each utterance the recognized one.
            top_k (`int`, *optional*): keep so many of the `scores`, the highest first. Default: all, in the order of the
                labels.
            unclear_below (`float`, *optional*): the confidence, from 0 to 1, below which an utterance is `unclear`; 0 calls
                none unclear. Default: the model's own threshold, which was chosen on validation data, if it has one.

        Returns:
            For each conversation a list with a dict for each utterance, see [`RecognizedUtterance`]: the given `id`,
            `speaker`, `text`, `start` and `end`, and

            - `emotion` and its `confidence` (a probability);
            - `scores`, the probability of each emotion;
            - `runner_up`, the second most probable emotion, and `margin`, by how much it is less probable;
            - `unclear`, whether the confidence is below the threshold, where there is one;
            - `modalities`: for each modality that the utterance has, a prediction as `emotion`, `confidence` and `scores`: of
              its expert, or in a model without experts, of its mode-specific head, which has read the others too;
            - `shares`: the share of each modality in the fused descriptor; they sum to 1;
            - with `explain`, `explanation`: what counted for the emotion, see [`Explanation`].

            One conversation gives one such list, and a list of conversations a list of them. A data set or a generator
            gives an iterator, which reads and computes a batch when its first result is asked for. Each list has the attribute
            `warnings`: what was lost or is unsure in the recording or transcript, such as sound that is silent throughout, and
            what makes it unlike the data that the model learned from, such as another language.

        Raises:
            FileNotFoundError: when a file is missing.
            ValueError: for what is no conversation or cannot be read, with the place and the reason; for a `target` that is no
                emotion of the model.
            ImportError: with `explain`, when captum is not installed.
        """
        words = {"transcript": transcript, "transcript_text": transcript_text}
        speech = {"speech_model": speech_model, "num_speakers": num_speakers, "language": language}
        sound = {"audio_track": audio_track, "speakers": speakers, "known_speakers": known_speakers}
        reading = {**words, **speech, **sound, "progress": progress}
        size = self._batch_size or 1 if batch_size is None else batch_size
        if num_workers is not None and (
            isinstance(num_workers, bool) or not isinstance(num_workers, int) or num_workers < 0
        ):
            raise ValueError(
                f"num_workers must be a whole number, or 0 for this process alone, but is {num_workers!r:.60}."
            )
        if progress is not None and not callable(progress):
            raise ValueError(f"progress must be a function of (stage, completed, total), but is {progress!r:.60}.")
        settings = {"num_workers": num_workers, "progress": progress, **kwargs}
        self._sanitize_parameters(**kwargs)  # refused before recordings are read
        if is_stream(conversations):
            if transcript is not None or transcript_text is not None:
                raise ValueError("One transcript is given for a data set of recordings: give these one by one.")
            return self._recognized(conversations, size, {"reading": reading, **settings})
        files = conversations if _is_sequence(conversations) else [conversations]
        if files and all(self._is_file(file) for file in files):
            if transcript is not None and len(files) > 1:
                raise ValueError(f"One transcript is given for {len(files)} files: give them one by one.")
            checked = [c for file in files for c in self.processor.conversations_of_file(file, **reading)]
            several = _is_sequence(conversations) or len(checked) > 1
        else:
            several = self.processor.is_list_of_conversations(conversations)
            checked = self.processor.check_conversations(conversations)
        results = list(self._recognized(checked, size, settings))
        return results if several else results[0]

    def _is_file(self, given) -> bool:
        return isinstance(given, (str, PathLike)) or self.processor.is_waveform(given)

    def _recognized(self, conversations, size: int, settings: dict) -> Iterator[RecognizedConversation]:
        """The result for each conversation, computed `size` at a time. `settings` go to `Pipeline.__call__`."""
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"batch_size must be a whole number of at least 1, but is {size!r:.60}.")
        return self._results(batches_of(conversations, size), conversations, settings)

    def _results(self, batches, conversations, settings: dict) -> Iterator[RecognizedConversation]:
        total = len(conversations) if hasattr(conversations, "__len__") else None
        progress = (
            settings["progress"] if total is not None else None
        )  # how much there is to do is unknown for a generator
        completed = 0
        for batch in super().__call__(batches, batch_size=1, **settings):
            if progress is not None and completed == 0:
                progress("emotions", 0, total)  # not before the first batch's recordings are read
            yield from batch
            completed += len(batch)
            if progress is not None:
                progress("emotions", completed, total)

    def _sanitize_parameters(
        self,
        modalities: tuple[str, ...] | None = None,
        progress: Callable | None = None,
        reading: dict | None = None,
        top_k: int | None = None,
        unclear_below: float | None = None,
        explain: bool | dict | ExplanationOptions | None = None,
        target: str | None = None,
    ):
        is_number = isinstance(unclear_below, Real) and not isinstance(unclear_below, bool)
        if unclear_below is not None and not (is_number and 0 <= unclear_below <= 1):
            raise ValueError(f"unclear_below is a confidence, from 0 to 1, but is {unclear_below!r:.60}.")
        if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
            raise ValueError(
                f"top_k must be a whole number of at least 1, or None for all emotions, but is {top_k!r:.60}."
            )
        given = {"modalities": modalities, "progress": progress, "reading": reading}
        preprocess = {name: value for name, value in given.items() if value is not None}
        options = ExplanationOptions.of(explain)
        earlier = getattr(self, "_forward_params", {}).get("explain")  # given with the pipeline
        check_target(self.model.config, target, options if explain is not None else earlier)
        forward = {} if explain is None else {"explain": options}
        forward |= {} if target is None else {"target": target}
        postprocess = {"top_k": top_k, "unclear_below": unclear_below}
        return preprocess, forward, {name: value for name, value in postprocess.items() if value is not None}

    def preprocess(
        self,
        batch: dict,
        modalities: tuple[str, ...] | None = None,
        progress: Callable | None = None,
        reading: dict | None = None,
    ) -> dict:
        """
        Args:
            batch: `{"start": the number of the first, "items": [...]}`. An item is a conversation, or what it is read from.
        """
        modalities = modalities or self.model.config.modalities
        encoders = recording_encoders(self.model.amuse, self.processor)
        read = [self._conversation(item, batch["start"] + place, reading) for place, item in enumerate(batch["items"])]
        with ThreadPoolExecutor(1, "language") as thread:  # beside the recordings: it takes about a second
            notes = thread.submit(self._language_notes, read)
            conversations = [
                self.processor.add_recorded_features(conversation, encoders, modalities, progress)
                for conversation in read
            ]
        conversations = [
            conversation | {"warnings": [*conversation.get("warnings", ()), *note]}
            for conversation, note in zip(conversations, notes.result(), strict=True)
        ]
        inputs = self.processor(conversations, modalities=modalities, return_labels=False)
        return {"inputs": inputs, "conversations": conversations}

    def _language_notes(self, conversations: list[dict]) -> list[list[str]]:
        """For each conversation a warning if its words are in another language than those of the training."""
        was_loaded = is_loaded()  # as in a page, where most conversations are typed
        notes = [language_note(conversation["utterances"], self.model.config) for conversation in conversations]
        if not was_loaded and any(map(self.processor.has_recordings, conversations)):
            forget_model()  # reading recordings needs the memory
        return [[] if note is None else [note] for note in notes]

    def _conversation(self, item, number: int, reading: dict | None) -> dict:
        """
        The conversation of an item of a stream, or of a list, which was checked before.

        Raises:
            ValueError: for an item that is not one conversation, with its number.
        """
        if reading is None:
            return item
        try:
            if self._is_file(item):
                found = self.processor.conversations_of_file(item, **reading)
            else:
                found = self.processor.check_conversations(item)
        except ValueError as error:
            raise ValueError(f"Item {number} of the data: {error}") from error
        if len(found) != 1:
            raise ValueError(
                f"Item {number} of the data holds {len(found)} conversations: give each of them as an item of its own."
            )
        return found[0]

    def _forward(self, batch: dict, explain: ExplanationOptions | None = None, target: str | None = None) -> dict:
        # a long recording has thousands of utterances: their tokens are not attended to all at once
        wanted = {"utterances_per_chunk": UTTERANCES_PER_CHUNK, "return_dict": True}
        outputs = self.model(**batch["inputs"], **wanted, output_attentions=False, output_hidden_states=False)
        explanations = None
        if explain is not None:
            explanations = [
                explain_conversation(
                    self.model,
                    self.processor,
                    conversation["utterances"],
                    {
                        name: rows[b : b + 1, : len(conversation["utterances"])]
                        for name, rows in batch["inputs"].items()
                    },
                    target,
                    explain,
                )
                for b, conversation in enumerate(batch["conversations"])
            ]
        return {"outputs": outputs, "conversations": batch["conversations"], "explanations": explanations}

    def save_pretrained(self, save_directory, **kwargs):
        """
        Model and processor, as `pipeline("emotion-recognition", model=save_directory)` loads them. transformers' own would
        name the model's class in its configuration, which is looked for in transformers alone.

        Raises:
            ValueError: for `create_pr`, as model and processor would be two pull requests.
        """
        if kwargs.get("create_pr"):
            raise ValueError(
                "create_pr would make a pull request for the model and another one for the processor: save into a folder, and "
                "upload this with huggingface_hub's upload_folder(..., create_pr=True)."
            )
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory, **{k: v for k, v in kwargs.items() if k in UPLOAD_OPTIONS})

    def postprocess(
        self, batch: dict, top_k: int | None = None, unclear_below: float | None = None
    ) -> list[RecognizedConversation]:
        config, outputs = self.model.config, batch["outputs"]
        results = []
        for b, conversation in enumerate(batch["conversations"]):
            utterances = conversation["utterances"]
            notes = notes_on(outputs["modality_mask"][b, : len(utterances)].tolist(), config)
            described = (
                describe_output(utterance, config, outputs, b, t, top_k, unclear_below)
                for t, utterance in enumerate(utterances)
            )
            warnings = dict.fromkeys([*conversation.get("warnings", ()), *notes])
            results.append(RecognizedConversation(described, warnings))
        for recognized, explanations in zip(results, batch["explanations"] or [], strict=False):
            for utterance, explanation in zip(recognized, explanations, strict=True):
                utterance["explanation"] = explanation
        return results


def _is_sequence(given) -> bool:
    """A list, a tuple or another sequence, but no text and no mapping."""
    return isinstance(given, Sequence) and not isinstance(given, (str, bytes, Mapping))
