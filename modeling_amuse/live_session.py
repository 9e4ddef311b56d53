# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Recognize emotions in a running conversation, one utterance after the other."""

import torch

from .described_utterance import RecognizedUtterance, agree_on_emotions, describe_output
from .explanation import ExplanationOptions, check_target, explain_conversation
from .loaded_weights import check_complete
from .recording_states import recording_encoders


class LiveSession:
    """
    Recognizes the emotion of each utterance of a conversation as soon as it is spoken, from this utterance and the previous
    ones. The results are the same as those of the causal model on the whole conversation, with two exceptions: the search for
    faces in a video starts again with each utterance, so it may find a small face that the search through the whole video
    skips; and an utterance after the end of its recording is refused, not read without its voice.

    Time and memory of an utterance do not depend on the number of previous utterances: the session only keeps the state of
    the dialogue context and one state for each speaker (two vectors of `config.hidden_size` each).

    Args:
        model ([`AmuseForEmotionRecognition`]): a causal model (`config.causal`). It is switched to evaluation mode.
        processor ([`AmuseProcessor`]): the processor of the model.

    Raises:
        ValueError: when the model is not causal, has weights that were never trained, or other emotions than the processor.

    Example:

    ```python
    >>> from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor, LiveSession

    >>> names = {0: "neutral", 1: "joy", 2: "anger"}
    >>> model = AmuseForEmotionRecognition(AmuseConfig(text_feature_size=2, hidden_size=16, causal=True, id2label=names))
    >>> session = LiveSession(model, AmuseProcessor(emotions=list(names.values())))
    >>> heard = session.add({"speaker": "Ada", "text_features": [0.3, -1.2]})
    >>> sorted(heard["scores"])
    ['anger', 'joy', 'neutral']
    ```
    """

    def __init__(self, model, processor):
        if not model.config.causal:
            raise ValueError(
                "A live session needs a causal model; this model also reads later utterances. Train one with --causal true."
            )
        check_complete(model)
        agree_on_emotions(model, processor)
        self.model = model.eval()
        self.processor = processor
        self.reset()

    def reset(self):
        """Start a new conversation."""
        self._dialogue = None
        self._speakers = {}

    @torch.no_grad()
    def add(
        self, utterance: dict, explain: bool | dict | ExplanationOptions = False, target: str | None = None
    ) -> RecognizedUtterance:
        """
        Recognize the next utterance of the conversation.

        Args:
            utterance: a dict with `"speaker"` and the other keys that [`AmuseProcessor`] reads: text, features, or the
                recording that contains the utterance.
            explain (`bool` or `dict`, *optional*): explain the emotion, as in the `emotion-recognition` pipeline. The session
                does not keep earlier utterances, so the explanation has no `context`.
            target (`str`, *optional*): with `explain`: the emotion to explain. Default: the recognized one.

        Returns:
            The same dict as from the `emotion-recognition` pipeline: `emotion`, `confidence`, `scores`, `modalities`,
            `shares`, `contributions` (with experts), `explanation` (with `explain`), and the given values of `id`, `speaker`,
            `text`, `start` and `end`. `warnings` is given if something is lost or uncertain in this utterance, such as a
            recording that is silent: a sentence for each.

        Raises:
            ImportError: with `explain`, when captum is not installed.
            ValueError: for an invalid utterance or `target`, with the reason. The state of the session does not change.
        """
        config = self.model.config
        options = ExplanationOptions.of(explain)
        check_target(config, target, options)
        [conversation] = self.processor.check_conversations({"utterances": [utterance]})
        encoders = recording_encoders(self.model.amuse, self.processor)
        conversation = self.processor.add_recorded_features(conversation, encoders, config.modalities)
        inputs = self.processor(conversation, return_labels=False)
        [utterance] = conversation["utterances"]  # with its values in the form of all conversations
        speaker = utterance["speaker"]
        states = {"dialogue": self._dialogue, "speaker": self._speakers.get(speaker)}
        # a mask of zeros for modalities that this utterance lacks
        missing = {f"{modality}_mask": torch.zeros(1, 1, 1) for modality in config.modalities}
        inputs = {name: value.to(self.model.device) for name, value in {**missing, **inputs}.items()}
        whole = {"return_dict": True, "output_attentions": False, "output_hidden_states": False}
        outputs = self.model(**inputs, context_states=states, **whole)
        described = describe_output(utterance, config, outputs, 0, 0)
        if options is not None:
            [described["explanation"]] = explain_conversation(
                self.model, self.processor, conversation["utterances"], inputs, target, options, states
            )
        if conversation.get("warnings"):
            described["warnings"] = conversation["warnings"]
        self._dialogue = outputs.context_states.get("dialogue")
        if "speaker" in outputs.context_states:
            self._speakers[speaker] = outputs.context_states["speaker"]
        return described


__all__ = ["LiveSession"]
