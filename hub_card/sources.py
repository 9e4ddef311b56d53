# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Facts about the data sets and extractors that a model was trained with: terms, language, limits, citation."""

from typing import NamedTuple


class DataSet(NamedTuple):
    """
    Attributes:
        title: the name that its authors use.
        terms: its licence, in words.
        url: the page to get it from; None where there is none.
        description: what it contains.
        limits: sentences about what a model trained on it does not learn.
        language: ISO 639-1 code; None where it is unknown.
        citation: BibTeX.
        hub_id: its name on the Hub; None where it is not there, or where its name is unknown.
    """

    title: str
    terms: str
    url: str | None
    description: str
    limits: tuple[str, ...]
    language: str | None
    citation: str | None = None
    hub_id: str | None = None


_TV = (
    "It is acted: professionals play emotions from a script, larger and clearer than people show them in daily life, and the "
    "annotators judged what the acting shows, not what anybody felt.",
    "It is one sitcom, *Friends*: American English of 1994 to 2004, jokes and a laughing audience, and most of the talking "
    "is done by six white adults. How the model does with other ages, dialects, skin colours and ways of showing emotion was "
    "not measured; expect it to be worse.",
)

DATA_SETS = {
    "meld": DataSet(
        "MELD",
        "GPL-3.0",
        "https://github.com/declare-lab/MELD",
        "utterances of group conversations of the TV series *Friends*, with seven emotions, official splits",
        (
            *_TV,
            "84 % of the utterances come from the six leads, who also speak in the test split: the scores say little about "
            "speakers that the model has never met.",
            "Nearly half of the utterances are neutral; fear and disgust are rare and rarely recognized.",
        ),
        "en",
        """@inproceedings{poria2019meld,
  title = {{MELD}: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations},
  author = {Poria, Soujanya and Hazarika, Devamanyu and Majumder, Navonil and Naik, Gautam and Cambria, Erik and Mihalcea, Rada},
  booktitle = {Proceedings of ACL},
  year = {2019}
}""",
        "declare-lab/MELD",
    ),
    "emorynlp": DataSet(
        "EmoryNLP",
        "Apache-2.0",
        "https://github.com/declare-lab/MELD",
        "utterances of scenes of the TV series *Friends*, text only, with seven emotions of its own",
        (*_TV, "The leads speak in every split: the scores say little about speakers that the model has never met."),
        "en",
        """@inproceedings{zahiri2018emotion,
  title = {Emotion Detection on {TV} Show Transcripts with Sequence-based Convolutional Neural Networks},
  author = {Zahiri, Sayyed M. and Choi, Jinho D.},
  booktitle = {Workshops at the AAAI Conference on Artificial Intelligence},
  year = {2018}
}""",
    ),
    "iemocap": DataSet(
        "IEMOCAP",
        "the licence of the University of Southern California, granted to each user on request; no redistribution",
        "https://sail.usc.edu/iemocap/",
        "dialogues of two actors, scripted and improvised, six classes, Session 5 as test",
        (
            "It is acted: ten actors in a laboratory play emotions that were asked for, larger than people show them in daily "
            "life.",
            "Dialogues of two people in English, by ten speakers: nothing is known about larger groups, other ages or cultures.",
        ),
        "en",
        """@article{busso2008iemocap,
  title = {{IEMOCAP}: Interactive Emotional Dyadic Motion Capture Database},
  author = {Busso, Carlos and Bulut, Murtaza and Lee, Chi-Chun and Kazemzadeh, Abe and Mower, Emily and Kim, Samuel and Chang, Jeannette N. and Lee, Sungbok and Narayanan, Shrikanth S.},
  journal = {Language Resources and Evaluation},
  volume = {42},
  year = {2008}
}""",
    ),
    "emodb": DataSet(
        "Emo-DB",
        "CC0-1.0",
        "http://emodb.bilderbar.info",
        "German sentences that actors spoke in seven emotions, without a conversation",
        (
            "It is acted: ten young actors say ten sentences of no emotional meaning in a studio, in emotions that were asked "
            "for, and clear ones were kept.",
            "German sentences without a conversation around them, and without words that show the emotion.",
        ),
        "de",
        """@inproceedings{burkhardt2005emodb,
  title = {A Database of {German} Emotional Speech},
  author = {Burkhardt, Felix and Paeschke, Astrid and Rolfes, Miriam and Sendlmeier, Walter F. and Weiss, Benjamin},
  booktitle = {Proceedings of Interspeech},
  year = {2005}
}""",
    ),
    "ravdess": DataSet(
        "RAVDESS",
        "CC BY-NC-SA 4.0",
        "https://zenodo.org/records/1188976",
        "two English sentences that 24 actors spoke in eight emotions, without a conversation",
        (
            "It is acted: professionals say two sentences of no emotional meaning in a studio, in emotions that were asked "
            "for, larger than people show them in daily life.",
            "North American English of young adults, without a conversation around the sentence, and without words that show "
            "the emotion.",
        ),
        "en",
        """@article{livingstone2018ravdess,
  title = {The {Ryerson} Audio-Visual Database of Emotional Speech and Song ({RAVDESS})},
  author = {Livingstone, Steven R. and Russo, Frank A.},
  journal = {PLoS ONE},
  volume = {13},
  number = {5},
  year = {2018}
}""",
    ),
    "sample": DataSet(
        "the sample corpus of the package",
        "Apache-2.0",
        None,
        "short made-up conversations for trying the code",
        ("It is made up: its scores say nothing about real people, and the model knows only a few words.",),
        "en",
    ),
}

UNKNOWN_DATA_SET = DataSet(
    "a data set that this card does not know",
    "unknown to this card",
    None,
    "conversations of which this card knows only the counts",
    ("Whom the data shows, and who judged the emotions, is unknown to this card: ask the publisher.",),
    None,
)

EXTRACTOR_TERMS = {
    "prosody": "ISC (librosa)",
    "egemaps": "openSMILE: no commercial use",
    "compare": "openSMILE: no commercial use",
    "faces": "Apache-2.0 (MediaPipe)",
}
"""The terms of the feature extractors of `modeling_amuse.processing.feature_extractors`."""

PAPER_CITATION = """@inproceedings{anand2023amuse,
  title = {{AMuSE}: Adaptive Multimodal Analysis for Speaker Emotion Recognition in Group Conversations},
  author = {Anand, S. and Devulapally, N. K. and Das Bhattacharjee, S. and Yuan, J. and Chang, Y.-P.},
  booktitle = {Proceedings of BigMM},
  pages = {40--47},
  year = {2023},
  doi = {10.1109/BigMM59094.2023.00013}
}"""
