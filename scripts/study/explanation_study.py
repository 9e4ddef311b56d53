# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""The study of explanations: which are faithful to the model, and which name what is known to show an emotion."""

from collections.abc import Iterator
from pathlib import Path

import torch
from scipy.stats import spearmanr
from tqdm.auto import tqdm

from modeling_amuse import AmuseForEmotionRecognition, AmuseProcessor
from modeling_amuse.explanation import ExplanationOptions, explain_conversation
from modeling_amuse.processing.corpora.conversation_dataset import ConversationDataset, load_stream_tables
from modeling_amuse.processing.corpora.load_conversations import load_conversations
from modeling_amuse.processing.json_files import write_json
from modeling_amuse.scripts.study.controlled_evidence import TABLES, read_evidence
from modeling_amuse.scripts.study.controlled_explanations import check_is_controlled, drawn_units, score_explanations
from modeling_amuse.scripts.study.explanation_arguments import ControlledArguments, WordsArguments
from modeling_amuse.scripts.study.word_faithfulness import BINS, WordStudy, faithfulness
from modeling_amuse.scripts.training.model_loading import load_from_folder_or_hub

FEWEST_WORDS = 5
"""Rank correlations are those of utterances with so many words, or more."""
WORDS_OF_LONG = 20
"""Utterances with so many words, or more, are long: independent orders of their words have absolute correlations below 0.2."""


def study_words(args: WordsArguments) -> dict:
    """
    Compare the orders of words by `args.methods`, print and write the report.

    Returns:
        `methods`: for each its `comprehensiveness`, `sufficiency` and `aopc`; `sanity`: the rank correlations with the scores
        of models with random weights, see `summary_of`; `num_utterances`.

    Raises:
        FileNotFoundError: when model or data are missing.
        ValueError: when the model does not read words, or not utterance by utterance.
    """
    model, processor = load(args.model)
    if "text" not in model.config.modalities or model.amuse.encoder("text") is None:
        raise ValueError(f"{args.model} does not read words: give a model with a text encoder.")
    if model.config.text_scope != "utterance":
        raise ValueError(
            f"{args.model} reads several utterances at once (text_scope={model.config.text_scope!r}): this study takes words out "
            "of one utterance at a time. Give a model with text_scope='utterance'."
        )
    splits = load_conversations(args.dataset_name, args.data_dir, args.cache_dir).splits
    if args.split not in splits:
        raise ValueError(f"The data set has no split {args.split!r}; it has {', '.join(splits)}.")
    dataset = ConversationDataset(splits[args.split], {})
    count = min(args.max_conversations or len(dataset), len(dataset))
    conversations = [dataset[number]["utterances"] for number in range(count)]
    rows, scores = [], []
    for number, utterances in enumerate(tqdm(conversations, desc="Conversations", disable=None)):
        study = WordStudy(model, processor, utterances, args.lime_samples, args.random_orders, args.seed + number)
        rows += faithfulness(study, args.methods)
        scores.append(word_scores(study.explanations))
    correlations = []
    for number in range(args.random_models):
        torch.manual_seed(args.seed + number)
        random_model = AmuseForEmotionRecognition(model.config).eval()
        correlations.append(correlations_with(random_model, processor, conversations, scores))
    methods = {
        method: {
            name: mean([row[name] for row in rows if row["method"] == method])
            for name in ("comprehensiveness", "sufficiency", "aopc")
        }
        for method in args.methods
    }
    report = {
        "split": args.split,
        "num_conversations": count,
        "num_utterances": len({row["utterance"] for row in rows}) if rows else 0,
        "methods": methods,
        "sanity": summary_of(correlations),
    }
    print(describe_words(report))
    write(report, args.output)
    return report


def word_scores(explanations: list[dict]) -> list[list[float]]:
    """The scores of each utterance's words."""
    return [[word["score"] for word in explanation["words"]] for explanation in explanations]


def correlations_with(
    random_model, processor, conversations: list[list[dict]], scores: list[list[list[float]]]
) -> dict[tuple[int, int], dict]:
    """
    The rank correlation (Spearman's) of word scores with those of a model with random weights.

    Args:
        scores: for each conversation the scores of each utterance's words.

    Returns:
        For each utterance of at least `FEWEST_WORDS` words, by its conversation and its number in it, the number of `words` and
        the `correlation`. Utterances whose scores are constant are left out, as they have no correlation.
    """
    found, options = {}, ExplanationOptions(window=0)
    for place, utterances in enumerate(tqdm(conversations, desc="Random weights", disable=None)):
        inputs = processor(utterances, return_labels=False)
        others = word_scores(explain_conversation(random_model, processor, utterances, inputs, options=options))
        for number, (own, other) in enumerate(zip(scores[place], others, strict=True)):
            if len(own) >= FEWEST_WORDS and len(set(own)) > 1 and len(set(other)) > 1:
                found[place, number] = {"words": len(own), "correlation": float(spearmanr(own, other).statistic)}
    return found


def summary_of(correlations: list[dict[tuple[int, int], dict]]) -> dict:
    """
    The correlations of word scores with those of models with random weights. The correlation of n words that are ordered
    independently has variance 1 / (n - 1), so that its absolute value alone is `sqrt(2 / (pi * (n - 1)))` on average, which is
    much for short utterances. The mean over R models keeps what is systematic and divides this variance by R.

    Args:
        correlations: for each random model those of the utterances, see `correlations_with`.

    Returns:
        `num_utterances` and `num_random_models`; `mean_correlation` over utterances and models; `mean_absolute_correlation`, the
        mean of the absolute values over both; `mean_absolute_of_means`, for which the correlations of an utterance are averaged
        over the models first; `mean_absolute_of_long`, the mean of the absolute values over models and the `num_long` utterances
        of at least `WORDS_OF_LONG` words, if there are any; and the expectation of the last three for independent orders,
        `..._if_independent`.
    """
    shared = [key for key in correlations[0] if all(key in own for own in correlations)]
    if not shared:
        return {"num_utterances": 0, "num_random_models": len(correlations)}
    values = torch.tensor([[own[key]["correlation"] for own in correlations] for key in shared], dtype=torch.float64)
    words = torch.tensor([correlations[0][key]["words"] for key in shared], dtype=torch.float64)
    by_chance = (2 / (torch.pi * (words - 1))).sqrt()
    long = words >= WORDS_OF_LONG
    summary = {
        "num_utterances": len(shared),
        "num_random_models": len(correlations),
        "mean_correlation": float(values.mean()),
        "mean_absolute_correlation": float(values.abs().mean()),
        "mean_absolute_correlation_if_independent": float(by_chance.mean()),
        "mean_absolute_of_means": float(values.mean(dim=-1).abs().mean()),
        "mean_absolute_of_means_if_independent": float(by_chance.mean() / len(correlations) ** 0.5),
        "num_long": int(long.sum()),
    }
    if long.any():
        summary["mean_absolute_of_long"] = float(values[long].abs().mean())
        summary["mean_absolute_of_long_if_independent"] = float(by_chance[long].mean())
    return summary


def describe_words(report: dict) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['num_utterances']} utterances of at least 2 words, {report['num_conversations']} conversations, "
        f"{report['split']} split. Comprehensiveness and sufficiency: means over "
        f"{', '.join(f'{share:.0%}' for share in BINS)} of the words.",
        "",
        "| order of the words | comprehensiveness (high is good) | sufficiency (low is good) | area over the perturbation curve |",
        "| --- | --- | --- | --- |",
    ]
    for method, row in report["methods"].items():
        cells = " | ".join(f"{row[name]:.3f}" for name in ("comprehensiveness", "sufficiency", "aopc"))
        lines.append(f"| {method.replace('_', ' ')} | {cells} |")
    return "\n".join([*lines, "", *_describe_sanity(report["sanity"])])


def _describe_sanity(sanity: dict) -> list[str]:
    if not sanity["num_utterances"]:
        return [f"No utterance has {FEWEST_WORDS} words or more, for a correlation with random weights."]
    lines = [
        f"Rank correlation of integrated gradients with those of {sanity['num_random_models']} models with random weights, "
        f"{sanity['num_utterances']} utterances of at least {FEWEST_WORDS} words:",
        "",
        "| | measured | independent orders |",
        "| --- | --- | --- |",
        f"| mean | {sanity['mean_correlation']:+.3f} | 0 |",
        f"| mean of the absolute values | {sanity['mean_absolute_correlation']:.3f} "
        f"| {sanity['mean_absolute_correlation_if_independent']:.3f} |",
        f"| mean of the absolute values of each utterance's mean over the models | {sanity['mean_absolute_of_means']:.3f} "
        f"| {sanity['mean_absolute_of_means_if_independent']:.3f} |",
    ]
    if sanity["num_long"]:
        lines.append(
            f"| mean of the absolute values, {sanity['num_long']} utterances of at least {WORDS_OF_LONG} words "
            f"| {sanity['mean_absolute_of_long']:.3f} | {sanity['mean_absolute_of_long_if_independent']:.3f} |"
        )
    return lines


def study_controlled(args: ControlledArguments) -> dict:
    """
    Explain a split of the controlled corpus, print and write how often the explanations name what shows the emotion.

    Raises:
        FileNotFoundError, ValueError: when model or corpus are missing, or the folder holds another corpus.
    """
    model, processor = load(args.model)
    data_dir = Path(args.data_dir)
    features_dir = Path(args.features_dir or data_dir / "features")
    explained_dir = data_dir if args.explained_dir is None else Path(args.explained_dir)
    truth = read_evidence(explained_dir, args.split)
    check_is_controlled(truth, explained_dir)
    seen = controlled_data(data_dir, features_dir, "train", model, args.cache_dir)
    measured = drawn_units(processor, read_evidence(data_dir, "train"), seen)
    features_dir = features_dir if args.explained_dir is None else explained_dir / "features"
    conversations = controlled_data(explained_dir, features_dir, args.split, model, args.cache_dir)
    options = ExplanationOptions(window=0)
    explanations = list(controlled_explanations(conversations, model, processor, options))
    options = ExplanationOptions(window=0, steps=1, against="others")  # for its modalities alone
    others = list(controlled_explanations(conversations, model, processor, options))
    units = {action.unit for action in processor.face_actions(processor.feature_names("vision") or [])}
    report = {"split": args.split, **score_explanations(truth, explanations, measured, units, others)}
    print(describe_controlled(report))
    write(report, args.output)
    return report


def controlled_data(data_dir: Path, features_dir: Path, split: str, model, cache_dir: str | None) -> list[dict]:
    """The conversations of a split with their features."""
    splits = load_conversations("folder", str(data_dir), cache_dir).splits
    paths = {stream: str(features_dir / name) for stream, name in TABLES.items() if stream in model.config.modalities}
    dataset = ConversationDataset(splits[split], load_stream_tables(paths, splits, [split])[split])
    return [dataset[number] for number in range(len(dataset))]


def controlled_explanations(conversations: list[dict], model, processor, options) -> Iterator[dict]:
    for conversation in tqdm(conversations, desc="Conversations", disable=None):
        utterances = conversation["utterances"]
        inputs = processor(utterances, return_labels=False)
        yield from explain_conversation(model, processor, utterances, inputs, options=options)


def describe_controlled(report: dict) -> str:
    """The report as Markdown."""
    lines = [
        f"{report['num_recognized']} of {report['num_emotional']} emotional utterances of the {report['split']} split were "
        "recognized; these are explained.",
        "",
        "| the first ... | is one that shows the emotion | 95 % interval | utterances | a random one would |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, row in report["parts"].items():
        low, high = (f"{100 * end:.1f}" for end in row["interval"])
        cells = (name, f"{row['right']:.1%}", f"{low} to {high}", row["num_utterances"], f"{row['by_chance']:.1%}")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def load(name: str) -> tuple[AmuseForEmotionRecognition, AmuseProcessor]:
    return (
        load_from_folder_or_hub(AmuseForEmotionRecognition, name).eval(),
        load_from_folder_or_hub(AmuseProcessor, name),
    )


def mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


def write(report: dict, output: str | None):
    if output is not None:
        write_json(report, Path(output))
