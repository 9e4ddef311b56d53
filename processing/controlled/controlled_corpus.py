# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""
The controlled corpus: synthetic conversations in which the modalities that show each utterance's emotion are known.
Therefore the score of a perfect model is known, and also the modality that a model should rely on.

For each utterance, an emotion is drawn and, if it is not neutral, the modalities that show it: one, two or all three. The
other modalities are neutral in their words, tone or facial expression. All draws are independent, so that neither the
neighbouring utterances nor the speaker give any information on an emotion. Neutral sentences have as many words as
emotional ones, and the pace of speech is drawn, too: otherwise the duration of an utterance would reveal the emotion of the
words to voice and face, and that of the voice to the face. The conversations have the speakers of the sample corpus.
"""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np

from modeling_amuse.processing.corpora.conversation_folder import SAMPLE_DIR, ConversationFolder
from modeling_amuse.processing.corpora.meld import EMOTIONS

MODALITIES = ("text", "audio", "vision")
EVIDENCE = tuple(subset for size in (1, 2, 3) for subset in combinations(MODALITIES, size))
"""The non-empty subsets of the modalities, which are equally likely."""

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
"""The shares of the neutral sentences for each split, which depend on the seed; the rest is for the test split."""

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
"""The words that are added to a neutral sentence when the text shows the emotion."""

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
"""The words that are added when the text does not show the emotion."""

SLOWEST, FASTEST = 0.75, 1.3
"""The range of the pace of an utterance; 1 is the usual pace of its tone."""


def compose(seed: int = 0, draws: Sequence[int] = (0,)) -> dict[str, list[dict]]:
    """
    Draw the conversations of each split, without recordings.

    Args:
        seed: the seed of emotions, evidence and words, and of the neutral sentences that each split has.
        draws: numbers of draws. Each draw has other emotions, evidence, words and people than the others, in as many
            conversations as the sample corpus. All draws of a seed share the neutral sentences of a split, so that a further
            draw of the test split is unseen by a model that was trained on draw 0.

    Returns:
        For `train`, `validation` and `test` the conversations as the folder builder reads them. Each utterance also has its
        `evidence`, the modalities that show the emotion (none for neutral), and its `pace`, a factor of its tone's rate.
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
        corpus[split] = [
            conversation
            for draw in draws
            for conversation in _draw_conversations(conversations, own[split], [seed, number], draw)
        ]
    return corpus


def _draw_conversations(sample: list[dict], neutral_sentences: np.ndarray, seed: list[int], number: int) -> list[dict]:
    """The conversations of one split in draw `number`, with the speakers of the `sample`."""
    draw = np.random.default_rng([*seed, number] if number else seed)
    suffix = f"-{number}" if number else ""
    return [
        {
            "id": conversation["id"] + suffix,
            "utterances": [
                {
                    "id": utterance["id"] + suffix,
                    "speaker": utterance["speaker"],
                    **_draw_utterance(neutral_sentences, draw),
                }
                for utterance in conversation["utterances"]
            ],
        }
        for conversation in sample
    ]


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
    The Bayes-optimal prediction for each utterance from some of the modalities: the emotion if one of them shows it, else
    the emotion that is most probable when all of them are neutral.
    """
    emotional = (1 - PROBABILITY_OF_NEUTRAL) / (len(EMOTIONS) - 1)
    hidden = sum(not set(evidence) & set(modalities) for evidence in EVIDENCE) / len(EVIDENCE)
    unseen = "neutral" if emotional * hidden <= PROBABILITY_OF_NEUTRAL else EMOTIONS[1]
    return [u["emotion"] if set(u["evidence"]) & set(modalities) else unseen for u in utterances]


def pointed_by_evidence(utterances: list[dict], values: list[dict[str, float]]) -> dict[str, dict]:
    """
    The modalities that a model relied on for utterances whose emotion only one modality shows.

    Args:
        utterances: the utterances with their `evidence`.
        values: for each utterance a value of each modality: its share in the fused descriptor, or its expert's contribution
            to the recognized emotion. A missing modality counts as 0.

    Returns:
        For each modality the number of utterances for which it is the only evidence (`utterances`), the number of them for
        which its value was the largest (`pointed`), and the mean value of each modality in them (`means`); and the sums of
        `utterances` and `pointed` under `all`.
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
