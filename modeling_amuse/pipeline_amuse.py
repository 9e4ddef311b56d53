# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The `emotion-recognition` pipeline: conversations in, the emotion of each utterance's speaker out."""

from collections.abc import Callable, Iterator
from os import PathLike

from transformers import Pipeline

from .described_utterance import RecognizedUtterance, describe_utterance
from .recording_states import recording_encoders

UTTERANCES_PER_CHUNK = 128


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

    def __call__(
        self,
        conversations,
        batch_size: int | None = None,
        transcript: str | None = None,
        transcript_text: str | None = None,
        speech_model=None,
        num_speakers: int | None = None,
        language: str | None = None,
        progress: Callable[[str, float, float], None] | None = None,
        **kwargs,
    ) -> list[RecognizedUtterance] | list[list[RecognizedUtterance]]:
        """
        Args:
            conversations: a conversation, or a list of conversations. A conversation is

                - a list of utterances, or a dict with `"utterances"`; an utterance is a dict with `"speaker"` and `"text"`,
                  features, or the recording that it is in (`"audio"`, `"video"`, with `"start"` and `"end"`), see
                  [`AmuseProcessor`]; or
                - a recording: a file (`"talk.mp4"`, `"talk.wav"`), or a waveform with its sampling rate as `datasets` and
                  transformers have it, `{"array": (samples,) or (channels, samples), "sampling_rate": 16000}`, also with
                  `"raw"` for `"array"`; or
                - a transcript (`.json`, `.jsonl`, `.csv`, `.srt`, `.vtt`, `.rttm`), which may hold several conversations.
            batch_size: conversations computed at a time. Default: that of the pipeline, else 1.
            transcript, transcript_text (`str`, *optional*): the transcript of the one recording that is given; for one in
                RTTM, which has no words, a text file with a line for each turn.
            speech_model (*optional*): a Whisper model (Hub id, folder, or a loaded speech recognition pipeline) that writes
                the transcript of recordings without one.
            num_speakers, language (*optional*): how many people speak in these recordings, and which language.
            progress (*optional*): is called as `progress(stage, completed, total)` while the work goes on. The stages are
                `"speech"` (in seconds), `"speakers"` and `"words"` for recordings without a transcript, `"voice"` and
                `"faces"` (in utterances) for recordings, and `"emotions"` (in conversations). Each begins with 0 of `total`
                and ends with `total` of `total`; a stage of several recordings is reported for each of them.
            modalities (`tuple[str, ...]`, *optional*): use only these of the model's modalities.

        Returns:
            For each conversation a list with a dict for each utterance, see [`RecognizedUtterance`]: the given `id`,
            `speaker`, `text`, `start` and `end`, and

            - `emotion` and its `confidence` (a probability);
            - `scores`, the probability of each emotion;
            - `modalities`: for each modality that the utterance has, its prediction from this modality alone, as
              `emotion`, `confidence` and `scores`;
            - `shares`: the share of each modality in the fused descriptor; they sum to 1.

            One conversation gives one such list, and a list of conversations a list of them.

        Raises:
            FileNotFoundError: when a file is missing.
            ValueError: for what is no conversation or cannot be read, with the place and the reason.
        """
        files = conversations if isinstance(conversations, (list, tuple)) else [conversations]
        if files and all(isinstance(file, (str, PathLike)) or self.processor.is_waveform(file) for file in files):
            if transcript is not None and len(files) > 1:
                raise ValueError(f"One transcript is given for {len(files)} files: give them one by one.")
            words = {"transcript": transcript, "transcript_text": transcript_text}
            speech = {"speech_model": speech_model, "num_speakers": num_speakers, "language": language}
            options = {**words, **speech, "progress": progress}
            checked = [c for file in files for c in self.processor.conversations_of_file(file, **options)]
            several = isinstance(conversations, (list, tuple)) or len(checked) > 1
        else:
            several = self.processor.is_list_of_conversations(conversations)
            checked = self.processor.check_conversations(conversations)
        results = list(self._recognized(checked, batch_size or self._batch_size or 1, progress, kwargs))
        return results if several else results[0]

    def _recognized(
        self, conversations: list[dict], size: int, progress: Callable | None, kwargs: dict
    ) -> Iterator[list[RecognizedUtterance]]:
        """The result for each conversation, computed `size` at a time."""
        total, completed = len(conversations), 0
        batches = ({"conversations": conversations[start : start + size]} for start in range(0, total, size))
        for batch in super().__call__(batches, batch_size=1, progress=progress, **kwargs):
            if progress is not None and completed == 0:
                progress("emotions", 0, total)  # not before the first batch's recordings are read
            yield from batch
            completed += len(batch)
            if progress is not None:
                progress("emotions", completed, total)

    def _sanitize_parameters(self, modalities: tuple[str, ...] | None = None, progress: Callable | None = None):
        given = {"modalities": modalities, "progress": progress}
        return {name: value for name, value in given.items() if value is not None}, {}, {}

    def preprocess(
        self, batch: dict, modalities: tuple[str, ...] | None = None, progress: Callable | None = None
    ) -> dict:
        modalities = modalities or self.model.config.modalities
        encoders = recording_encoders(self.model.amuse, self.processor)
        conversations = [
            self.processor.add_recorded_features(conversation, encoders, modalities, progress)
            for conversation in batch["conversations"]
        ]
        inputs = self.processor(conversations, modalities=modalities, return_labels=False)
        return {"inputs": inputs, "conversations": conversations}

    def _forward(self, batch: dict) -> dict:
        # a long recording has thousands of utterances: their tokens are not attended to all at once
        wanted = {"utterances_per_chunk": UTTERANCES_PER_CHUNK, "return_dict": True}
        outputs = self.model(**batch["inputs"], **wanted, output_attentions=False, output_hidden_states=False)
        return {"outputs": outputs, "conversations": batch["conversations"]}

    def save_pretrained(self, save_directory, **kwargs):
        """
        Model and processor, as `pipeline("emotion-recognition", model=save_directory)` loads them. transformers' own would
        name the model's class in its configuration, which is looked for in transformers alone.
        """
        self.model.save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)

    def postprocess(self, batch: dict) -> list[list[RecognizedUtterance]]:
        config, outputs = self.model.config, batch["outputs"]
        return [
            [
                describe_utterance(
                    utterance,
                    config.id2label,
                    config.modalities,
                    outputs.logits[b, t],
                    outputs.modality_logits[b, t],
                    outputs.modality_mask[b, t],
                    outputs.fusion_shares[b, t],
                    config.temperature,
                )
                for t, utterance in enumerate(conversation["utterances"])
            ]
            for b, conversation in enumerate(batch["conversations"])
        ]
