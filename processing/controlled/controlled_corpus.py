# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The controlled corpus: conversations of which is known what words, voice and face say about each utterance's emotion, so
that it is known, too, what a perfect model could score, and where a model should look.

Each utterance draws an emotion and, if that is not neutral, the modalities that hold the evidence of it: one, two or all
three. A modality without evidence is neutral in its words, its tone, its expression. All draws are independent of each
other, so that nothing else, no neighbour and no speaker, tells anything about an emotion. Neutral words are as many as
emotional ones, and people speak at a pace that is drawn, too: how long an utterance lasts would else tell voice and face
what the words say, and the face how the voice sounds. The conversations have the speakers of the sample corpus.
"""

from itertools import combinations, product

import numpy as np

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR, ConversationFolder
from modeling_amuse.processing.corpora.meld import EMOTIONS

MODALITIES = ("text", "audio", "vision")
EVIDENCE = tuple(subset for size in (1, 2, 3) for subset in combinations(MODALITIES, size))
"""The subsets of the modalities, each as likely as the others."""

PROBABILITY_OF_NEUTRAL = 0.25  # the six other emotions share the rest evenly

THINGS = ("the train", "the parcel", "the meeting", "the report", "the key", "the blue car", "the letter", "the box")
PLACES = ("at the station", "in the kitchen", "on the table", "by the door", "in the office", "next to the window")
DAYS = ("on Monday", "on Tuesday", "on Friday", "next week", "in the morning", "after lunch")
NEUTRAL_SENTENCES = tuple(
    " ".join(words)[0].upper() + " ".join(words)[1:] + "."
    for words in [
        *product(THINGS, ("is", "was"), PLACES),
        *product(("I saw", "we have", "you left", "they put"), THINGS, PLACES),
        *product(("we start", "they leave", "it begins", "I come"), ("at two", "at four", "at seven", "at nine"), DAYS),
    ]
)
TRAIN_SHARE, VALIDATION_SHARE = 0.6, 0.2
"""Of the sentences, drawn anew with each seed; the rest is for the test split."""

EMOTIONAL_WORDS = {
    "surprise": (
        "I did not expect that at all!",
        "Wow, really?",
        "No way!",
        "What a surprise!",
        "I can hardly believe it!",
    ),
    "fear": (
        "I am so scared.",
        "That frightens me.",
        "I am terrified.",
        "I am afraid of what comes.",
        "Please, I am so nervous.",
    ),
    "sadness": (
        "I miss her so much.",
        "It makes me so sad.",
        "I could cry.",
        "I feel so alone.",
        "My heart is broken.",
    ),
    "joy": ("I am so happy!", "That is wonderful!", "I love it!", "This is the best day!", "Hooray, we won!"),
    "disgust": (
        "That is revolting.",
        "Yuck, get it away.",
        "It makes me sick.",
        "How disgusting it is.",
        "Ugh, it stinks.",
    ),
    "anger": ("I am furious!", "How dare you!", "Shut up!", "That makes me so angry!", "I hate this!"),
}
"""What is added to a sentence whose words hold the evidence."""

NEUTRAL_WORDS = (
    "I see.",
    "So it is.",
    "As you know.",
    "I think so.",
    "That is what they said.",
    "Well then.",
    "You can look at it.",
    "They told me.",
    "It says so there.",
    "I asked about it.",
)
"""What is added where they do not."""

SLOWEST, FASTEST = 0.75, 1.3
"""The pace of an utterance is drawn between these; 1 is the usual pace of its tone."""


def compose(seed: int = 0) -> dict[str, list[dict]]:
    """
    The conversations of each split, without media.

    Args:
        seed: other seeds give other emotions, evidence and words.

    Returns:
        For `train`, `validation` and `test` conversations as the folder builder reads them, with, for each utterance, its
        `evidence`: the modalities that hold it, none for neutral; and its `pace`, a factor of its tone's rate.
    """
    sample = {
        split: ConversationFolder.read(paths[0], split)[0]
        for split, paths in ConversationFolder.split_paths(SAMPLE_DIR).items()
    }
    sentences = np.random.default_rng(seed).permutation(NEUTRAL_SENTENCES)
    ends = np.cumsum([TRAIN_SHARE * len(sentences), VALIDATION_SHARE * len(sentences)]).astype(int)
    own = dict(zip(("train", "validation", "test"), np.split(sentences, ends), strict=True))
    corpus = {}
    for number, (split, conversations) in enumerate(sample.items()):
        draw = np.random.default_rng([seed, number])
        corpus[split] = [
            {
                "id": conversation["id"],
                "utterances": [
                    {"id": utterance["id"], "speaker": utterance["speaker"], **_draw_utterance(own[split], draw)}
                    for utterance in conversation["utterances"]
                ],
            }
            for conversation in conversations
        ]
    return corpus


def _draw_utterance(neutral_sentences: np.ndarray, draw: np.random.Generator) -> dict:
    emotion, evidence = "neutral", ()
    text = str(neutral_sentences[draw.integers(len(neutral_sentences))])
    if draw.random() >= PROBABILITY_OF_NEUTRAL:
        emotion = EMOTIONS[1 + draw.integers(len(EMOTIONS) - 1)]
        evidence = EVIDENCE[draw.integers(len(EVIDENCE))]
    words = EMOTIONAL_WORDS[emotion] if "text" in evidence else NEUTRAL_WORDS
    words = words[draw.integers(len(words))]
    text = f"{words} {text}" if draw.random() < 0.5 else f"{text} {words}"
    pace = round(SLOWEST * (FASTEST / SLOWEST) ** draw.random(), 3)
    return {"text": text, "emotion": emotion, "evidence": list(evidence), "pace": pace}


def optimal_predictions(utterances: list[dict], modalities: tuple[str, ...]) -> list[str]:
    """
    The Bayes-optimal prediction for each utterance from the evidence in some of the modalities: the emotion where one of them holds the
    evidence, and where all of them are neutral the emotion that is then most probable.
    """
    emotional = (1 - PROBABILITY_OF_NEUTRAL) / (len(EMOTIONS) - 1)
    hidden = sum(not set(evidence) & set(modalities) for evidence in EVIDENCE) / len(EVIDENCE)
    unseen = "neutral" if emotional * hidden <= PROBABILITY_OF_NEUTRAL else EMOTIONS[1]
    return [u["emotion"] if set(u["evidence"]) & set(modalities) else unseen for u in utterances]


def pointed_by_evidence(utterances: list[dict], values: list[dict[str, float]]) -> dict[str, dict]:
    """
    Where a model looked when one modality alone held the evidence.

    Args:
        utterances: with their `evidence`.
        values: for each utterance a number for each modality: its share in the fused descriptor, or what its expert
            contributed to the emotion that was recognized. A modality that is left out counts as 0.

    Returns:
        For each modality the number of utterances whose only evidence it holds (`utterances`), in how many of them its
        number was the largest (`pointed`), and the mean number of each modality in them (`means`); and the sums under
        `all`.
    """
    values = [{modality: value.get(modality, 0.0) for modality in MODALITIES} for value in values]
    rows = {}
    for modality in MODALITIES:
        own = [v for u, v in zip(utterances, values, strict=True) if u["evidence"] == [modality]]
        rows[modality] = {
            "utterances": len(own),
            "pointed": sum(max(v, key=v.get) == modality for v in own),
            "means": {m: float(np.mean([v[m] for v in own])) if own else None for m in MODALITIES},
        }
    total = {key: sum(row[key] for row in rows.values()) for key in ("utterances", "pointed")}
    return {**rows, "all": total}
