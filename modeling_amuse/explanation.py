# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
Explanations of recognized emotions: which modalities, words, stretches of the voice, actions of the face and other utterances
counted. `explanation_types.py` says what an explanation holds, `attributions.py` how it is computed.
"""

from dataclasses import dataclass, fields
from typing import Literal

import torch
from torch.nn.functional import pad

from .attributions import (
    InputValues,
    Question,
    WordPieces,
    captum_attr,
    context_values,
    context_values_by_encoding,
    expert_values,
    input_values,
    lime_values,
    modality_values,
    reads_alone,
    region_values,
)
from .explanation_types import (
    ALL_OTHERS,
    ActionScore,
    ContextScore,
    Explanation,
    FeatureScore,
    FrameScore,
    RegionScores,
    StretchScore,
    WordScore,
)
from .read_conversation import ReadConversation
from .region_picture import region_picture
from .usual_features import mean_tokens, usual_features

STRETCH = 0.5
"""Seconds of a stretch of the voice."""
MOST_LISTED = 8
"""The most features of the voice, and actions of the face, that are listed."""
SHARED_WINDOW = 3
"""The window of the context for a text encoder that reads whole conversations, which reads them anew for it."""


@dataclass(frozen=True)
class ExplanationOptions:
    """
    How explanations are computed. With the defaults an utterance costs at most 30 forward or backward passes.

    Attributes:
        words: `"integrated_gradients"` (Sundararajan et al. 2017), or `"lime"`, as in the paper, with a pass for each sample.
        modalities: `"experts"`, the model's own terms, or `"shapley"`. None: the experts in a model that has them.
        against: what `log_odds` and the scores of the modalities compare the emotion with: `"runner_up"`, the most probable
            other emotion, or `"others"`, all other emotions together, as the scores of all other parts do.
        steps: gradients of integrated gradients.
        lime_samples: sentences for which LIME asks the model.
        window: other utterances before, and behind, whose effect is measured.
        grid: rows, and columns, of the regions of a picture.
    """

    words: Literal["integrated_gradients", "lime"] = "integrated_gradients"
    modalities: Literal["experts", "shapley"] | None = None
    against: Literal["runner_up", "others"] = "runner_up"
    steps: int = 10
    lime_samples: int = 200
    window: int = 5
    grid: int = 4

    def __post_init__(self):
        for name, allowed in (
            ("words", ("integrated_gradients", "lime")),
            ("modalities", (None, "experts", "shapley")),
            ("against", ("runner_up", "others")),
        ):
            if getattr(self, name) not in allowed:
                listed = ", ".join(map(repr, allowed))
                raise ValueError(f"explain: {name} must be one of {listed}, but is {getattr(self, name)!r}.")
        for name in ("steps", "lime_samples", "window", "grid"):
            number = getattr(self, name)
            least = 0 if name == "window" else 1
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise ValueError(f"explain: {name} must be a whole number of at least {least}, but is {number!r}.")

    @classmethod
    def of(cls, given) -> "ExplanationOptions | None":
        """
        From what a user gives: True, a dict of options, or options; None for False and None.

        Raises:
            ValueError: for anything else, and unknown options.
        """
        if given is None or given is False:
            return None
        if given is True:
            return cls()
        if isinstance(given, cls):
            return given
        names = [field.name for field in fields(cls)]
        if not isinstance(given, dict) or set(given) - set(names):
            raise ValueError(f"explain must be True, False, or a dict of {', '.join(names)}, but is {given!r:.200}.")
        return cls(**given)


def check_target(config, target: str | None, options: ExplanationOptions | None = None) -> int | None:
    """
    The number of the emotion that is to be explained; None for the recognized one.

    Raises:
        ValueError: for an emotion that the model does not have, and options that do not fit the model.
    """
    if options is not None and options.modalities == "experts" and config.experts == "none":
        raise ValueError("explain: this model has no experts: give modalities='shapley', or leave it out.")
    if options is not None and options.words == "lime" and not _reads_utterances(config):
        raise ValueError(
            f"explain: words='lime' needs a text encoder that reads utterances by themselves; this model has text_scope="
            f"{config.text_scope!r}. Leave words out: integrated gradients explain it."
        )
    if target is None:
        return None
    emotions = [config.id2label[label] for label in range(config.num_labels)]
    if not isinstance(target, str) or target not in emotions:
        raise ValueError(f"target={target!r:.60} is no emotion of this model; it has {', '.join(emotions)}.")
    return emotions.index(target)


def _reads_utterances(config) -> bool:
    return config.text_config is None or config.text_scope == "utterance"


def explain_conversation(
    model,
    processor,
    utterances: list[dict],
    inputs: dict,
    target: str | None = None,
    options: ExplanationOptions | None = None,
    context_states: dict | None = None,
) -> list[Explanation]:
    """
    Explain the emotion of each utterance of a conversation.

    Args:
        model ([`AmuseForEmotionRecognition`]): in evaluation mode.
        processor ([`AmuseProcessor`]): the model's.
        utterances: the T utterances, with the features of their recordings.
        inputs: what the processor makes of this conversation, on the model's device.
        target (`str`, *optional*): the emotion to explain. None: for each utterance the most probable one.
        options ([`ExplanationOptions`], *optional*): how.
        context_states: for one utterance and a causal model, see [`AmuseModel.forward`].

    Raises:
        ImportError: when captum is not installed.
        ValueError: for an emotion that the model does not have, and options that do not fit the model.

    Example:

    ```python
    >>> from modeling_amuse import AmuseConfig, AmuseForEmotionRecognition, AmuseProcessor
    >>> from modeling_amuse.explanation import explain_conversation

    >>> names = {0: "neutral", 1: "joy", 2: "anger"}
    >>> config = AmuseConfig(text_feature_size=2, audio_feature_size=3, hidden_size=16, id2label=names)
    >>> model = AmuseForEmotionRecognition(config).eval()
    >>> processor = AmuseProcessor(emotions=list(names.values()))
    >>> utterances = [
    ...     {"speaker": "Ada", "text_features": [0.3, -1.2], "audio_features": [0.1, 0.5, -0.2]},
    ...     {"speaker": "Ben", "text_features": [1.1, 0.4]},
    ... ]
    >>> [ada, ben] = explain_conversation(model, processor, utterances, processor(utterances, return_labels=False))
    >>> sorted(ada["modalities"]), sorted(ben["modalities"])
    (['audio', 'conversation', 'text'], ['conversation', 'text'])
    >>> abs(sum(ada["modalities"].values()) - ada["log_odds"]) < 1e-5
    True
    ```
    """
    options = options or ExplanationOptions()
    label = check_target(model.config, target, options)
    captum_attr()  # said now, not after the work
    explainer = _Explainer(model, processor, utterances, inputs, label, options, context_states)
    return explainer.explanations()


class _Explainer:
    """The explanations of one conversation; each method adds a part to all of them."""

    def __init__(self, model, processor, utterances, inputs, label, options, context_states):
        self.model, self.config, self.processor = model, model.config, processor
        self.utterances, self.options = utterances, options
        self.inputs, self.is_live = inputs, context_states is not None
        self.read = ReadConversation(model, inputs, context_states)
        logits = self.read.logits
        chosen = logits.argmax(dim=1) if label is None else torch.full_like(logits[:, 0], label, dtype=torch.long)
        others = logits.scatter(1, chosen[:, None], float("-inf")).argmax(dim=1)
        self.question = Question(self.read, chosen, others if options.against == "runner_up" else None)
        speakers = [utterance["speaker"] for utterance in utterances]
        self.usual = usual_features(self.read, speakers, chosen, processor.feature_statistics)
        self.found: list[Explanation] = []

    def explanations(self) -> list[Explanation]:
        question, names = self.question, self.config.id2label
        targets = question.target.tolist()
        against = (
            [ALL_OTHERS] * len(targets) if question.against is None else [names[n] for n in question.against.tolist()]
        )
        for target, other, log_odds in zip(targets, against, question.log_odds(self.read.logits).tolist(), strict=True):
            self.found.append(
                Explanation(
                    target=names[target],
                    against=other,
                    log_odds=log_odds,
                    modalities={},
                    modalities_method="",
                    words=[],
                    words_method=self.options.words,
                    voice=[],
                    voice_features=[],
                    face=[],
                    frames=[],
                    regions=None,
                    context=[],
                    notes={},
                )
            )
        self.add_modalities()
        pieces = self.word_pieces()
        lime = self.options.words == "lime"
        baselines = {stream: usual.tokens for stream, usual in self.usual.items()}
        values = input_values(question, None if lime else pieces, baselines, self.options.steps)
        self.add_words(pieces, values)
        self.add_voice(values)
        self.add_face(values)
        self.add_context(pieces)
        return self.found

    def note(self, part: str, reason: str, number: int | None = None):
        """Why a part is empty, in one explanation or in all."""
        for explanation in self.found if number is None else [self.found[number]]:
            explanation["notes"].setdefault(part, reason)

    def lacking(self, modality: str) -> list[bool]:
        """Which utterances lack a modality."""
        return (~self.read.present[:, self.config.modalities.index(modality)]).tolist()

    def add_modalities(self):
        method = self.options.modalities or ("shapley" if self.config.experts == "none" else "experts")
        values = expert_values if method == "experts" else modality_values
        conversation, by_modality = (part.tolist() for part in values(self.question))
        present = self.read.present.tolist()
        for number, explanation in enumerate(self.found):
            explanation["modalities_method"] = method
            own = {
                m: value
                for m, value, is_there in zip(self.config.modalities, by_modality[number], present[number], strict=True)
                if is_there
            }
            explanation["modalities"] = {"conversation": conversation[number], **own}
            if not own:
                reason = "The utterance has no text, no voice and no face that the model could read."
                self.note("modalities", reason, number)

    def word_pieces(self) -> WordPieces | None:
        """The word pieces of all utterances, or None where the model reads no words."""
        if "text" not in self.config.modalities:
            reason = "The model does not read text."
        elif self.model.amuse.encoder("text") is None:
            reason = "The model reads text as features: it does not know the words."
        elif self.inputs.get("text_features") is not None:
            reason = "The utterances were given as text_features: the words are unknown."
        elif self.inputs.get("input_ids") is None:
            reason = "The utterance has no words."
        elif (words := self.processor.text_words(self.utterances)).word_of_piece is None:
            reason = "The tokenizer does not say which characters its word pieces stand for."
        else:
            device = self.read.fused.device
            ids = self.read.layout.rows(self.inputs["input_ids"])
            mask = self.inputs.get("text_mask")
            mask = torch.ones_like(ids) if mask is None else self.read.layout.rows(mask)
            tokenizer = self.processor.tokenizer
            if words.word_of_piece.shape[1] > ids.shape[1]:  # the inputs were cut at another length
                words = self.processor.text_words(self.utterances, max_length=ids.shape[1])
            word = torch.as_tensor(words.word_of_piece, device=device)
            # the inputs may be padded to the longest utterance of other conversations
            padding = max(ids.shape[1] - word.shape[1], 0)
            sides = (padding, 0) if tokenizer.padding_side == "left" else (0, padding)
            word = pad(word, sides, value=-1)[:, : ids.shape[1]]
            absent = tokenizer.pad_token_id if tokenizer.mask_token_id is None else tokenizer.mask_token_id
            self.spans = words.spans
            return WordPieces.of(ids, mask, word, absent or 0)
        self.note("words", reason)
        return None

    def add_words(self, pieces: WordPieces | None, values: InputValues):
        if pieces is None:
            return
        for number, (utterance, spans) in enumerate(zip(self.utterances, self.spans, strict=True)):
            if not spans or not bool(pieces.mask[number].any()):
                self.note("words", "The utterance has no words.", number)
                continue
            scores = torch.zeros(len(spans))
            own = pieces.word[number] >= 0
            read = int(pieces.word[number].max()) + 1
            if self.options.words == "lime":
                scores[:read] = lime_values(self.question, pieces, number, self.options.lime_samples).cpu()
            else:
                scores.index_add_(0, pieces.word[number][own].cpu(), values.pieces[number][own].cpu())
            if read < len(spans):
                self.note(
                    "words", f"The model reads the first {read} of {len(spans)} words: the others have 0.", number
                )
            self.found[number]["words"] = [
                WordScore(text=utterance["text"][start:end], start=start, end=end, score=score)
                for (start, end), score in zip(spans, scores.tolist(), strict=True)
            ]

    def add_voice(self, values: InputValues):
        for part in ("voice", "voice_features"):
            if "audio" not in self.config.modalities:
                self.note(part, "The model does not read voices.")
        if "audio" not in self.config.modalities:
            return
        names, part = self.processor.feature_names("audio"), self.read.tokens["audio"][0]
        found = values.streams.get("audio")
        has_frames = int(part.lengths.max()) > 1
        means, usual = mean_tokens(part), self.usual["audio"]
        for number, (utterance, is_lacking) in enumerate(zip(self.utterances, self.lacking("audio"), strict=True)):
            if is_lacking or found is None:
                for name in ("voice", "voice_features"):
                    self.note(name, "The utterance has no voice that the model could read.", number)
                continue
            scores = found[number, : int(part.lengths[number])]
            self.add_stretches(number, utterance, scores.sum(dim=1).tolist(), has_frames)
            if names is None or len(names) != scores.shape[1]:
                self.note("voice_features", "The features of the voice that the model reads have no names.", number)
                continue
            columns = scores.sum(dim=0)
            self.found[number]["voice_features"] = [
                FeatureScore(
                    name=names[column],
                    sentence=self.processor.voice_sentence(
                        names[column], float(means[number, column] - usual.tokens[number, column]), usual.names[number]
                    ),
                    score=float(columns[column]),
                )
                for column in columns.abs().argsort(descending=True)[:MOST_LISTED].tolist()
            ]

    def add_stretches(self, number: int, utterance: dict, scores: list[float], has_frames: bool):
        if not has_frames:
            self.note(
                "voice", "The model reads one vector for the whole utterance, not stretches of its sound.", number
            )
            return
        clock = self.clock(utterance)
        if clock is None:
            self.note("voice", "How long the utterance lasts is unknown: give its start and end.", number)
            return
        start, seconds = clock[0], min(clock[1], self.processor.window_seconds)  # what was read
        stretches = max(round(seconds / STRETCH + 0.4999), 1)
        sums = [0.0] * stretches
        for place, score in enumerate(scores):
            sums[min(int((place + 0.5) / len(scores) * seconds / STRETCH), stretches - 1)] += score
        self.found[number]["voice"] = [
            StretchScore(start=start + place * STRETCH, end=start + min((place + 1) * STRETCH, seconds), score=score)
            for place, score in enumerate(sums)
        ]

    def clock(self, utterance: dict) -> tuple[float, float] | None:
        """Where the utterance begins, and how many seconds it lasts; None where that is unknown."""
        start, end = utterance.get("start"), utterance.get("end")
        if start is not None and end is not None and end > start:
            return float(start), float(end - start)
        rate = getattr(self.processor.feature_extractor, "sampling_rate", None)
        waveform = utterance.get("waveform")
        if waveform is not None and rate and len(waveform):
            return float(start or 0), len(waveform) / rate
        return None

    def add_face(self, values: InputValues):
        if "vision" not in self.config.modalities:
            for part in ("face", "frames", "regions"):
                self.note(part, "The model does not read faces.")
            return
        names, part = self.processor.feature_names("vision"), self.read.tokens["vision"][0]
        found = values.streams.get("vision")
        actions = self.processor.face_actions(names) if names else None
        usual, means = self.usual["vision"].tokens, mean_tokens(part)
        pixels = self.inputs.get("pixel_values")
        for number, utterance in enumerate(self.utterances):
            length = int(part.lengths[number])
            if found is None or length == 0:
                for name in ("face", "frames", "regions"):
                    self.note(name, "The utterance has no face that the model could read.", number)
                continue
            scores = found[number, :length]
            of_frames = scores.sum(dim=1)
            self.add_frames(number, utterance, of_frames.tolist())
            if pixels is None:
                reason = "The model reads features of the face: regions need the pictures themselves (face_images)."
                self.note("regions", reason, number)
            else:
                self.add_regions(number, utterance, pixels, int(of_frames.abs().argmax()))
            if actions is None or len(names) != scores.shape[1]:
                self.note("face", "The features of the face that the model reads have no names.", number)
                continue
            difference = means[number] - usual[number]
            self.found[number]["face"] = _action_scores(actions, scores.sum(dim=0), difference)

    def add_frames(self, number: int, utterance: dict, scores: list[float]):
        clock = self.clock(utterance)
        if clock is None:
            self.note("frames", "How long the utterance lasts is unknown: give its start and end.", number)
            return
        start, seconds = clock
        self.found[number]["frames"] = [
            FrameScore(time=start + (place + 0.5) / len(scores) * seconds, score=score)
            for place, score in enumerate(scores)
        ]

    def add_regions(self, number: int, utterance: dict, pixels: torch.Tensor, frame: int):
        mask = self.inputs.get("vision_mask")
        own = self.read.layout.rows(pixels)[number]
        own = own if mask is None else own[self.read.layout.rows(mask)[number].bool()]
        scores = region_values(self.question, number, frame, own[frame], self.options.grid).tolist()
        frames = self.found[number]["frames"]
        pictures = utterance.get("face_images")
        pictures = [] if pictures is None else pictures
        self.found[number]["regions"] = RegionScores(
            time=frames[frame]["time"] if frames else 0.0,
            scores=scores,
            picture=region_picture(pictures[frame], scores) if frame < len(pictures) else "",
        )

    def add_context(self, pieces: WordPieces | None):
        window = self.options.window
        if self.is_live:
            self.note("context", "A live session does not keep the utterances that were said before.")
            return
        alone = pieces is None or reads_alone(self.read)
        if alone and self.config.contexts == "none":
            self.note("context", "The model reads each utterance by itself.")
            return
        if self.read.number == 1:
            self.note("context", "The conversation has no other utterance.")
            return
        if alone:
            values = context_values(self.question, window)
        else:
            window = min(window, SHARED_WINDOW)
            values = context_values_by_encoding(self.question, pieces, window)
        if window == 0:
            self.note("context", "The window of the explanation is 0: no other utterance was left out.")
        for number, row in enumerate(values.tolist()):
            scores = []
            for place, score in enumerate(row):
                index = number + place - window
                if place == window or not 0 <= index < len(self.utterances):
                    continue
                other = self.utterances[index]
                named = {"id": other["id"]} if other.get("id") is not None else {}
                scores.append(ContextScore(index=index, **named, speaker=other["speaker"], score=score))
            self.found[number]["context"] = sorted(scores, key=lambda item: -abs(item["score"]))


def _action_scores(actions: list, columns: torch.Tensor, difference: torch.Tensor) -> list[ActionScore]:
    scores = [
        ActionScore(
            action_unit=action.unit,
            name=action.name,
            direction="more" if float(difference[list(action.columns)].sum()) >= 0 else "less",
            score=float(columns[list(action.columns)].sum()),
        )
        for action in actions
    ]
    return sorted(scores, key=lambda item: -abs(item["score"]))[:MOST_LISTED]


__all__ = ["Explanation", "ExplanationOptions", "check_target", "explain_conversation"]
