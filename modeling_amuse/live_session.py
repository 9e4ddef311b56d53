# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""A conversation that is going on: one utterance after the other, each judged as it comes."""

import torch

from .described_utterance import RecognizedUtterance, describe_utterance
from .recording_states import recording_encoders


class LiveSession:
    """
    Recognizes the emotion of each utterance of one conversation as it is spoken, from it and what was said before. The
    numbers are those that the causal model gives for the conversation as a whole; but in videos, faces are searched anew for
    each utterance, and small ones may be found where a search through the whole video paused.

    An utterance costs the same time and memory however many came before it: of these, only the state of the dialogue
    context is kept, and one state for each speaker (two vectors of `config.hidden_size` each).

    Args:
        model ([`AmuseForEmotionRecognition`]): a causal one (`config.causal`). It is switched to evaluation.
        processor ([`AmuseProcessor`]): that of the model.

    Raises:
        ValueError: when the model is not causal.

    Example:

    ```python
    >>> session = LiveSession(model, processor)
    >>> session.add({"speaker": "Ada", "text": "I got the job!"})["emotion"]
    'joy'
    ```
    """

    def __init__(self, model, processor):
        if not model.config.causal:
            raise ValueError(
                "A live session needs a causal model, and this one also reads what comes later in the conversation: train "
                "one with --causal true."
            )
        self.model = model.eval()
        self.processor = processor
        self.reset()

    def reset(self):
        """Begin a new conversation."""
        self._dialogue = None
        self._speakers = {}

    @torch.no_grad()
    def add(self, utterance: dict) -> RecognizedUtterance:
        """
        The next utterance of the conversation.

        Args:
            utterance: a dict with `"speaker"` and whatever else [`AmuseProcessor`] reads, or the recording that it is in.

        Returns:
            What the `emotion-recognition` pipeline gives for an utterance: `emotion`, `confidence`, `scores`,
            `modalities` and `shares`, and what was given of `id`, `speaker`, `text`, `start` and `end`.

        Raises:
            ValueError: for what is no utterance, with the reason. The session then stands where it stood before.
        """
        config = self.model.config
        [conversation] = self.processor.check_conversations({"utterances": [utterance]})
        encoders = recording_encoders(self.model.amuse, self.processor)
        conversation = self.processor.add_recorded_features(conversation, encoders, config.modalities)
        inputs = self.processor(conversation, return_labels=False)
        speaker = utterance["speaker"]
        states = {"dialogue": self._dialogue, "speaker": self._speakers.get(speaker)}
        # a modality of which the processor gives nothing is missing here, but another utterance may have it
        missing = {f"{modality}_mask": torch.zeros(1, 1, 1) for modality in config.modalities}
        inputs = {name: value.to(self.model.device) for name, value in {**missing, **inputs}.items()}
        outputs = self.model(**inputs, context_states=states)
        described = describe_utterance(
            utterance,
            config.id2label,
            config.modalities,
            outputs.logits[0, 0],
            outputs.modality_logits[0, 0],
            outputs.modality_mask[0, 0],
            outputs.fusion_shares[0, 0],
            config.temperature,
        )
        self._dialogue = outputs.context_states.get("dialogue")
        if "speaker" in outputs.context_states:
            self._speakers[speaker] = outputs.context_states["speaker"]
        return described


__all__ = ["LiveSession"]
