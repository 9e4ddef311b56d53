# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The time that explanations of a meeting take, by part."""

import time
from collections import defaultdict
from contextlib import contextmanager

import numpy as np
import torch

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor, attributions
from modeling_amuse import explanation as explanations
from modeling_amuse.processing.corpora.meld import EMOTIONS
from modeling_amuse.processing.faces import FACE_FEATURES
from modeling_amuse.processing.prosody import PROSODY_FEATURES
from modeling_amuse.scripts.training.model_loading import encoder_part, load_from_folder_or_hub

SECONDS = 4.0
"""The length of an utterance; a meeting of 20 minutes has 300 of them."""
FRAMES_PER_SECOND = 5
SPEAKERS = 4
WORDS = (
    *(
        "we",
        "should",
        "I",
        "really",
        "think",
        "that",
        "the",
        "plan",
        "is",
        "good",
        "no",
        "it",
        "was",
        "late",
        "again",
        "why",
    ),
    *("great", "they", "never", "told", "us", "about", "this", "and", "so", "you", "know", "what", "happened", "then"),
)
PARTS = {
    "modalities": ("modality_values", "expert_values"),
    "words, voice and face": ("input_values",),
    "words by LIME": ("lime_values",),
    "context": ("context_values", "context_values_by_encoding"),
    "regions": ("region_values",),
}
"""The functions that compute each part."""


def benchmark_explanations(
    model: str,
    utterances: int,
    words: str = "integrated_gradients",
    text_model: str | None = None,
    text_scope: str = "utterance",
    seed: int = 0,
) -> dict:
    """
    Explain a made-up meeting, whose utterances have words, and voice and face where the model reads their features.

    Args:
        model: folder or Hub id.
        utterances: how many the meeting has.
        words: the method of the words, see `ExplanationOptions`.
        text_model: in place of `model`, the text encoder of a random model of words, prosody and faces.
        text_scope: what this encoder reads at once.
        seed: of the meeting.

    Returns:
        `utterances`, the `modalities`, the `text_scope`, the `threads` of torch, `seconds`, `seconds_an_utterance`, and
        `parts`: the seconds of each.
    """
    if text_model is None:
        loaded = load_from_folder_or_hub(AmuseForEmotionRecognition, model).eval()
        processor = load_from_folder_or_hub(AmuseProcessor, model)
    else:
        loaded, processor = random_model(text_model, text_scope)
    talk = meeting(loaded.config, utterances, seed)
    inputs = processor(talk, return_labels=False)
    options = explanations.ExplanationOptions(words=words)
    explanations.explain_conversation(loaded, processor, talk[:1], processor(talk[:1], return_labels=False))  # imports
    with torch.no_grad(), _timed_parts() as parts:
        start = time.perf_counter()
        cpu = time.process_time()
        explanations.explain_conversation(loaded, processor, talk, inputs, options=options)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    parts["everything else"] = seconds - sum(parts.values())
    return {
        "utterances": utterances,
        "modalities": list(loaded.config.modalities),
        "text_scope": loaded.config.text_scope,
        "threads": torch.get_num_threads(),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "seconds_an_utterance": seconds / utterances,
        "parts": dict(parts),
    }


def random_model(text_model: str, text_scope: str) -> tuple[AmuseForEmotionRecognition, AmuseProcessor]:
    """A model of words, prosody and faces with a pretrained, frozen text encoder; everything else is random."""
    columns = {"audio": PROSODY_FEATURES, "vision": FACE_FEATURES}
    tokenizer = encoder_part("text", text_model)["tokenizer"]  # first: it reports a missing encoder
    torch.manual_seed(0)
    model = AmuseForEmotionRecognition.from_text_audio_vision_pretrained(
        text_model,
        freeze_text_encoder=True,
        text_scope=text_scope,
        id2label=dict(enumerate(EMOTIONS)),
        label2id={emotion: label for label, emotion in enumerate(EMOTIONS)},
        **{f"{stream}_feature_size": len(names) for stream, names in columns.items()},
    ).eval()
    statistics = {
        stream: {"mean": [0.0] * len(names), "std": [1.0] * len(names), "columns": list(names)}
        for stream, names in columns.items()
    }
    return model, AmuseProcessor(tokenizer, emotions=list(EMOTIONS), feature_statistics=statistics)


def meeting(config, utterances: int, seed: int) -> list[dict]:
    """Utterances of 3 to 20 words; voice and face are random features."""
    draw = np.random.default_rng(seed)
    talk = []
    for number in range(utterances):
        utterance = {
            "speaker": f"speaker {draw.integers(SPEAKERS)}",
            "text": " ".join(draw.choice(WORDS, draw.integers(3, 21))),
            "start": number * SECONDS,
            "end": (number + 1) * SECONDS,
        }
        if config.audio_feature_size is not None:
            frames = 1 if config.audio_config is None else 10 * int(SECONDS)
            utterance["audio_features"] = draw.normal(size=(frames, config.audio_feature_size))
        if config.vision_feature_size is not None:
            frames = FRAMES_PER_SECOND * int(SECONDS)
            utterance["vision_features"] = draw.normal(size=(frames, config.vision_feature_size))
        talk.append(utterance)
    return talk


@contextmanager
def _timed_parts():
    """Add up the seconds of the functions of `PARTS`."""
    seconds: dict[str, float] = defaultdict(float)
    usual = {name: getattr(attributions, name) for names in PARTS.values() for name in names}

    def timed(part: str, function):
        def call(*args, **kwargs):
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[part] += time.perf_counter() - start

        return call

    try:
        for part, names in PARTS.items():
            for name in names:
                setattr(explanations, name, timed(part, usual[name]))
        yield seconds
    finally:
        for name, function in usual.items():
            setattr(explanations, name, function)


def as_text(report: dict) -> str:
    """The report as a table."""
    lines = [
        f"Explanations of {report['utterances']} utterances: {report['seconds']:.1f} s, "
        f"{report['seconds_an_utterance']:.2f} s an utterance ({report['cpu_seconds']:.1f} s of the processor); "
        f"{', '.join(report['modalities'])}, text_scope {report['text_scope']}, threads {report['threads']}",
        "",
    ]
    return "\n".join(lines + [f"{part:24}{seconds:9.1f} s" for part, seconds in report["parts"].items()])
