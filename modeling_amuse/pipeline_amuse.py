# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The `emotion-recognition` pipeline: from conversations to the emotion of each utterance's speaker."""

from transformers import Pipeline


class EmotionRecognitionPipeline(Pipeline):
    """
    Recognizes the emotion of the speaker of every utterance of a conversation.

    Example:

    ```python
    >>> import modeling_amuse
    >>> from transformers import pipeline

    >>> recognizer = pipeline("emotion-recognition", model="amuse-meld")
    >>> recognizer([{"speaker": "Ada", "text": "I passed!"}, {"speaker": "Ben", "text": "You did what?"}])
    ```
    """

    _load_processor = True
    _load_tokenizer = False
    _load_feature_extractor = False
    _load_image_processor = False
    _load_video_processor = False

    def __call__(self, conversations, batch_size: int | None = None, **kwargs):
        """
        Args:
            conversations: a conversation, or a list of conversations. A conversation is a list of utterances, or a dict
                with `"utterances"`; an utterance is a dict with `"speaker"` and `"text"` or features, see
                [`AmuseProcessor`].
            batch_size: conversations computed at a time. Default: that of the pipeline, else 1.
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
            ValueError: for what is no conversation, with the place and the reason.
        """
        several = self.processor.is_list_of_conversations(conversations)
        checked = self.processor.check_conversations(conversations)
        size = batch_size or self._batch_size or 1
        batches = [{"conversations": checked[start : start + size]} for start in range(0, len(checked), size)]
        results = [result for batch in super().__call__(batches, batch_size=1, **kwargs) for result in batch]
        return results if several else results[0]

    def _sanitize_parameters(self, modalities: tuple[str, ...] | None = None):
        return {} if modalities is None else {"modalities": modalities}, {}, {}

    def preprocess(self, batch: dict, modalities: tuple[str, ...] | None = None) -> dict:
        inputs = self.processor(batch["conversations"], modalities=modalities, return_labels=False)
        return {"inputs": inputs, "conversations": batch["conversations"]}

    def _forward(self, batch: dict) -> dict:
        return {"outputs": self.model(**batch["inputs"]), "conversations": batch["conversations"]}

    def postprocess(self, batch: dict) -> list[list[dict]]:
        outputs, conversations = batch["outputs"], batch["conversations"]
        probabilities = outputs.logits.float().softmax(dim=-1).tolist()
        by_modality = outputs.modality_logits.float().softmax(dim=-1).tolist()
        present, shares = outputs.modality_mask.tolist(), outputs.fusion_shares.float().tolist()
        return [
            [
                self._describe(utterance, probabilities[b][t], by_modality[b][t], present[b][t], shares[b][t])
                for t, utterance in enumerate(conversation["utterances"])
            ]
            for b, conversation in enumerate(conversations)
        ]

    def _describe(self, utterance, probabilities, by_modality, present, shares) -> dict:
        modalities = self.model.config.modalities
        given = {
            key: utterance[key] for key in ("id", "speaker", "text", "start", "end") if utterance.get(key) is not None
        }
        return {
            **given,
            **self._emotion(probabilities),
            "modalities": {
                modality: self._emotion(scores)
                for modality, scores, there in zip(modalities, by_modality, present, strict=True)
                if there
            },
            "shares": dict(zip(modalities, shares, strict=True)),
        }

    def _emotion(self, probabilities: list[float]) -> dict:
        scores = {self.model.config.id2label[index]: score for index, score in enumerate(probabilities)}
        emotion = max(scores, key=scores.get)
        return {"emotion": emotion, "confidence": scores[emotion], "scores": scores}
