# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Checking whether a model uses the modalities that show the emotion in the controlled corpus."""

import json
from pathlib import Path

import numpy as np
import torch
from transformers import pipeline

import modeling_amuse  # noqa: F401  registers AMuSE with the Auto classes and the pipeline
from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.processing.controlled.controlled_corpus import (
    MODALITIES,
    optimal_predictions,
    pointed_by_evidence,
)
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset, load_stream_tables
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.corpora.meld import EMOTIONS
from modeling_amuse.processing.evaluation.emotion_metric import headline
from modeling_amuse.scripts.training.contributions import alone_in_conversation, conversation_evidence

TABLES = {"audio": "prosody", "vision": "faces"}
"""The feature table of each modality, by the name of its extractor."""


def read_evidence(data_dir: Path, split: str) -> list[dict]:
    """
    The utterances of a split of the rendered corpus, with their emotion and evidence.

    Raises:
        FileNotFoundError, ValueError: when the folder does not contain the rendered corpus.
    """
    path = data_dir / f"{split}.jsonl"
    advice = f"render the corpus: python scripts/render_sample.py --output_dir {data_dir}"
    if not path.is_file():
        raise FileNotFoundError(f"There is no {path}: {advice}")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        utterances = [utterance for line in lines for utterance in json.loads(line)["utterances"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no conversations ({error}); {advice}") from error
    if not all("evidence" in utterance for utterance in utterances):
        raise ValueError(f"The utterances of {path} have no 'evidence': {advice}")
    return utterances


def recognize_split(
    model_dir: Path, data_dir: str, features_dir: Path, split: str, cache_dir: str | None = None
) -> list[dict]:
    """
    The pipeline's results for the utterances of a split, from its feature tables. If the conversation term reads one modality
    alone, it is added to the contribution of this modality.
    """
    model = AmuseForEmotionRecognition.from_pretrained(model_dir)
    recognizer = pipeline("emotion-recognition", model=model, processor=AmuseProcessor.from_pretrained(model_dir))
    splits = load_conversations("folder", data_dir, cache_dir).splits
    paths = {stream: str(features_dir / name) for stream, name in TABLES.items() if stream in model.config.modalities}
    dataset = ConversationDataset(splits[split], load_stream_tables(paths, splits, [split])[split])
    conversations = [dataset[i] for i in range(len(dataset))]
    timelines = list(recognizer(conversations, batch_size=8))
    if modality := alone_in_conversation(model.config):
        for conversation, timeline in zip(conversations, timelines, strict=True):
            inputs = recognizer.processor([conversation], return_labels=False)
            with torch.no_grad():
                terms = conversation_evidence(model, model(**inputs))[0]
            for utterance, term in zip(timeline, terms, strict=False):
                label = model.config.label2id[utterance["emotion"]]
                utterance["contributions"][modality] += float(term[label])
    return [utterance for timeline in timelines for utterance in timeline]


def optimal_score(utterances: list[dict], modalities: tuple[str, ...]) -> dict[str, float]:
    """The `accuracy` and `weighted_f1` of the Bayes-optimal predictions on these utterances."""
    return accuracy_and_f1([u["emotion"] for u in utterances], optimal_predictions(utterances, modalities))


def accuracy_and_f1(emotions: list[str], predictions: list[str]) -> dict[str, float]:
    scores = headline(np.array(emotions), np.array(predictions), list(EMOTIONS))
    return {name: scores[name] for name in ("accuracy", "weighted_f1")}


def score(truth: list[dict], timelines: list[dict]) -> dict:
    """
    How well the emotions were recognized, and where the model looked.

    Args:
        truth: the utterances of a split as [`read_evidence`] gives them.
        timelines: the same utterances as [`recognize_split`] gives them.

    Returns:
        `accuracy` and `weighted_f1`; `shares` of the fusion and `contributions` of the experts by where the evidence is, see
        [`pointed_by_evidence`]. Both are None for a model that lacks a modality, `contributions` also without experts.
    """
    emotions, predictions = [u["emotion"] for u in truth], [u["emotion"] for u in timelines]
    found = dict(accuracy_and_f1(emotions, predictions))
    for name in ("shares", "contributions"):
        has_all = len(timelines[0].get(name, {})) == len(MODALITIES)
        found[name] = pointed_by_evidence(truth, [u[name] for u in timelines]) if has_all else None
    return found


def leaked(truth: list[dict], timelines: list[dict], subset: tuple[str, ...]) -> dict[str, int]:
    """
    The number of emotions that only modalities show which the model does not have (`hidden`), and the number of these that
    were still recognized (`found`). This can be more than by chance, as a voice also speaks the words, and the mouth of a
    face moves with the voice.
    """
    pairs = zip(truth, timelines, strict=True)
    hidden = [u["emotion"] == r["emotion"] for u, r in pairs if u["evidence"] and not set(u["evidence"]) & set(subset)]
    return {"hidden": len(hidden), "found": sum(hidden)}


def pointed(rows: list[dict]) -> str:
    """In how many utterances, over all runs, the largest number was where the evidence was."""
    hits, number = sum(row["pointed"] for row in rows), sum(row["utterances"] for row in rows)
    return f"{hits / max(number, 1):.0%} ({hits} of {number})"
