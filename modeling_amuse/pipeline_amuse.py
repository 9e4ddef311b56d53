# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The `emotion-recognition` pipeline: from conversations to the emotion of each utterance's speaker."""

from pathlib import Path

from transformers import Pipeline

from .described_utterance import describe_utterance
from .recording_states import recording_encoders

UTTERANCES_PER_CHUNK = 128


class EmotionRecognitionPipeline(Pipeline):
    """
    Recognizes the emotion of the speaker of every utterance of a conversation.

    Example:

    ```python
    >>> import modeling_amuse
    >>> from transformers import pipeline

    >>> recognizer = pipeline("emotion-recognition", model="amuse-meld")
    >>> recognizer([{"speaker": "Ada", "text": "I passed!"}, {"speaker": "Ben", "text": "You did what?"}])
    >>> recognizer("talk.mp4", transcript="talk.srt")
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
        **kwargs,
    ):
        """
        Args:
            conversations: a conversation, or a list of conversations. A conversation is

                - a list of utterances, or a dict with `"utterances"`; an utterance is a dict with `"speaker"` and `"text"`,
                  features, or the recording that it is in (`"audio"`, `"video"`, with `"start"` and `"end"`), see
                  [`AmuseProcessor`]; or
                - a file: a recording (`"talk.mp4"`, `"talk.wav"`), or a transcript (`.json`, `.jsonl`, `.csv`, `.srt`,
                  `.vtt`, `.rttm`), which may hold several conversations.
            batch_size: conversations computed at a time. Default: that of the pipeline, else 1.
            transcript, transcript_text (`str`, *optional*): the transcript of the one recording that is given; for one in
                RTTM, which has no words, a text file with a line for each turn.
            speech_model (*optional*): a Whisper model (Hub id, folder, or a loaded speech recognition pipeline) that writes
                the transcript of recordings without one.
            num_speakers, language (*optional*): how many people speak in these, and which language.
            modalities (`tuple[str, ...]`, *optional*): use only these of the model's modalities.

        Returns:
            For each conversation a list with a dict for each utterance: what was given of `id`, `speaker`, `text`,
            `start` and `end`, and

            - `emotion` and its `confidence` (a probability);
            - `scores`, the probability of each emotion;
            - `modalities`: for each modality that the utterance has, what it says by itself, as `emotion`,
              `confidence` and `scores`;
            - `shares`: the share of each modality in the fused descriptor; they sum to 1.

        Raises:
            FileNotFoundError: when a file is missing.
            ValueError: for what is no conversation or cannot be read, with the place and the reason.
        """
        files = conversations if isinstance(conversations, (list, tuple)) else [conversations]
        if files and all(isinstance(file, (str, Path)) for file in files):
            if transcript is not None and len(files) > 1:
                raise ValueError(f"One transcript is given for {len(files)} files: give them one by one.")
            words = {"transcript": transcript, "transcript_text": transcript_text}
            speech = {"speech_model": speech_model, "num_speakers": num_speakers, "language": language}
            checked = [c for file in files for c in self.processor.conversations_of_file(file, **words, **speech)]
            several = isinstance(conversations, (list, tuple)) or len(checked) > 1
        else:
            several = self.processor.is_list_of_conversations(conversations)
            checked = self.processor.check_conversations(conversations)
        size = batch_size or self._batch_size or 1
        batches = [{"conversations": checked[start : start + size]} for start in range(0, len(checked), size)]
        results = [result for batch in super().__call__(batches, batch_size=1, **kwargs) for result in batch]
        return results if several else results[0]

    def _sanitize_parameters(self, modalities: tuple[str, ...] | None = None):
        return {} if modalities is None else {"modalities": modalities}, {}, {}

    def preprocess(self, batch: dict, modalities: tuple[str, ...] | None = None) -> dict:
        modalities = modalities or self.model.config.modalities
        encoders = recording_encoders(self.model.amuse, self.processor)
        conversations = [
            self.processor.add_recorded_features(conversation, encoders, modalities)
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

    def postprocess(self, batch: dict) -> list[list[dict]]:
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
